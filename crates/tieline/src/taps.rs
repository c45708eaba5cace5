//! Taps that are judged while they are listened to, the same for files and for live traffic: how often, by whose
//! clock, and what is said of them.

mod claims;
mod ring;
mod stamps;
mod stats;

pub(crate) use claims::{Claims, Declared, Followed, Statement, Told};
pub(crate) use ring::RingLoss;
pub(crate) use stamps::{StampWatch, Timestamps};
pub(crate) use stats::Sums;

use model::{Finding, Span, Time};

/// Length of a period. Its end is a whole multiple of it, so that a tap is judged at the same times however often the
/// program was started.
pub(crate) const PERIOD: Span = Span::s(300);

/// A clock that is set back by more than a period ends none for so long at most.
const LEAP: Span = Span(2 * PERIOD.0);

/// Says when a period is over.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Rhythm {
    due: Option<Time>,
}

impl Rhythm {
    /// Whether a period ended since the last call; the first call begins one.
    #[inline]
    pub(crate) fn is_over(&mut self, now: Time) -> bool {
        match self.due {
            Some(due) if now < due && due - now <= LEAP => false,
            due => self.begin(now) && due.is_some_and(|due| now >= due),
        }
    }

    /// Begins the period that holds `now`.
    #[cold]
    fn begin(&mut self, now: Time) -> bool {
        let next = now.0.div_euclid(PERIOD.0).saturating_add(1).saturating_mul(PERIOD.0);
        self.due = Some(Time(next));
        true
    }

    /// How long ago the period should have ended.
    pub(crate) fn late(&self, now: Time) -> Option<Span> {
        self.due.map(|due| now - due)
    }
}

/// A number that senders cannot know.
///
/// # Errors
/// When the system has none to give.
pub(crate) fn seed() -> anyhow::Result<u64> {
    getrandom::u64().map_err(|error| anyhow::anyhow!("no random number can be had: {error}"))
}

/// A finding about a tap in one line, for a person: when, what, by which frame.
pub(crate) fn sentence(finding: &Finding) -> String {
    let (when, frame) = (finding.time.iso(), finding.evidence.origin.number);
    let frame = if frame > 0 { format!(" (frame {frame})") } else { String::new() };
    format!("{when} {}: {}{frame}", finding.title, finding.evidence.text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_period_ends_at_whole_multiples_of_it_by_whatever_clock() {
        let mut rhythm = Rhythm::default();
        let mut over = |second| rhythm.is_over(Time::from_s_ns(second, 0));
        let seen = [100, 299, 300, 301, 299, 599, 601, 5_000_000, 5_000_001, 400, 599, 600].map(&mut over);
        let expected = [false, false, true, false, false, false, true, true, false, false, false, true];
        assert_eq!(seen, expected, "a packet that is late, a leap ahead and one back end no period twice");
    }
}
