use model::{Span, Time};

/// How regularly something is heard: what it takes to call it silent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Pulse {
    pub(crate) begun: Time,
    pub(crate) last: Time,
    /// Longest time between two beats so far.
    pub(crate) longest: Span,
    pub(crate) beats: u64,
}

/// What must be known of a pulse before its silence means something.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Learned {
    beats: u64,
    time: Span,
    /// Silence shorter than this is none.
    pub(crate) least: Span,
}

/// A whole tap: there is always something, if only broadcasts.
pub(crate) const TAP: Learned = Learned { beats: 1000, time: Span::s(600), least: Span::s(60) };
/// A VLAN or a group of hosts: it has nights.
pub(crate) const PART: Learned = Learned { beats: 1000, time: Span::s(86_400), least: Span::s(300) };
/// So many times the longest quiet so far is silence.
const TIMES: i64 = 5;

impl Pulse {
    /// Takes note of a beat; what is older than the last one says nothing.
    #[inline]
    pub(crate) fn beat(&mut self, now: Time) {
        let quiet = now.0.wrapping_sub(self.last.0);
        if quiet > self.longest.0 {
            self.learn(now, now - self.last);
        }
        self.beats = self.beats.wrapping_add(1);
        self.last = self.last.max(now);
    }

    #[cold]
    fn learn(&mut self, now: Time, quiet: Span) {
        if self.beats == 0 {
            (self.begun, self.last) = (now, now);
        } else if self.is_silent(now, PART) {
            self.accept(quiet);
        } else {
            self.longest = quiet;
        }
    }

    /// Quiet that is longer is silence.
    pub(crate) fn patience(&self, learned: Learned) -> Span {
        learned.least.max(Span(self.longest.0.saturating_mul(TIMES)))
    }

    /// Whether it was silent from its last beat until `now`.
    pub(crate) fn is_silent(&self, now: Time, learned: Learned) -> bool {
        self.beats >= learned.beats
            && self.last - self.begun >= learned.time
            && now - self.last > self.patience(learned)
    }

    /// The clock was set at `from`: the time until now was none.
    pub(crate) fn skip(&mut self, from: Time, by: Span) {
        if self.beats > 0 && self.last <= from {
            (self.begun, self.last) = (self.begun + by, self.last + by);
        }
    }

    /// A silence that was told is usual from now on; a longer one is not.
    pub(crate) fn accept(&mut self, quiet: Span) {
        self.longest = self.longest.max(Span(quiet.0 / TIMES));
    }

    /// The pulse of both: of parts that see the same time, the whole is never quiet for longer than the
    /// livelier.
    pub(crate) fn merge(self, other: Pulse) -> Pulse {
        if self.beats == 0 || other.beats == 0 {
            return if self.beats == 0 { other } else { self };
        }
        Pulse {
            begun: self.begun.min(other.begun),
            last: self.last.max(other.last),
            longest: self.longest.min(other.longest),
            beats: self.beats + other.beats,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_heard_long_enough_is_missed_when_it_is_quiet_for_much_longer_than_ever() {
        let mut pulse = Pulse::default();
        for second in 0..2000 {
            pulse.beat(Time::from_s_ns(1_000_000_000 + second, 0));
        }
        let at = |second: i64| Time::from_s_ns(1_000_000_000 + second, 0);
        assert_eq!(pulse.longest, Span::s(1));
        assert!(!pulse.is_silent(at(2058), TAP));
        assert!(pulse.is_silent(at(2060), TAP));
        assert!(!pulse.is_silent(at(80_000), PART), "a day has not been learned");
        pulse.accept(Span::s(600));
        assert!(!pulse.is_silent(at(2590), TAP));
    }
}
