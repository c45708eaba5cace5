//! The clock of the tap: whether time runs, stands or jumps.
//!
//! A gap between two packets may be a quiet network, a tap that was blind, or a clock that was set.
//! Conversations that were under way tell: where they go on exactly where they stood, and what waited for its
//! answer gets it, no time has passed for their ends (after a second without an answer they would have sent
//! again, RFC 6298, 2.4); where bytes are missing, the tap was blind; where they send again, or nobody goes
//! on, it was quiet.

use crate::look::Mark;
use crate::pulse::{Pulse, TAP};
use crate::trace::Fit;
use model::{Span, Time};

/// Follows the times of a tap's packets.
#[derive(Debug, Default)]
pub(crate) struct Clock {
    /// The tap as a whole; its last beat is the newest packet.
    pub(crate) pulse: Pulse,
    /// Steps so far, modulo [`EPOCHS`]; a conversation with another number has not been heard since the last.
    pub(crate) epoch: u8,
    /// Packets older than those before, and single ones with a time far off.
    pub(crate) disorder: u64,
    /// A step is pending or packets are behind.
    odd: bool,
    pending: Option<Pending>,
    behind: Option<Behind>,
}

/// A step that is not judged yet.
#[derive(Clone, Copy, Debug)]
struct Pending {
    /// The pulse before it.
    before: Pulse,
    to: Mark,
    backwards: bool,
    /// Packets since.
    packets: u32,
    votes: Votes,
}

/// What the first packets after a step were to conversations that were under way.
#[derive(Clone, Copy, Debug)]
struct Votes {
    /// Number of the step; conversations that have it already began after it.
    epoch: u8,
    next: u32,
    answers: u32,
    against: u32,
}

/// Packets in a row that are older than those before.
#[derive(Clone, Copy, Debug)]
struct Behind {
    first: Mark,
    newest: Time,
    packets: u32,
    votes: Votes,
}

/// Something that happened to time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Step {
    pub(crate) kind: StepKind,
    /// Time of the packet before.
    pub(crate) from: Time,
    /// The packet after.
    pub(crate) to: Mark,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum StepKind {
    /// The clock was set.
    Jump,
    /// Nothing was heard for longer than ever.
    Silence,
}

/// Numbers of steps; a conversation that was quiet for half as many is not asked.
pub(crate) const EPOCHS: u8 = 32;
/// So much older is more than the disorder of queues.
const BACK: Span = Span::s(1);
/// Packets that must agree that time is behind.
const AGREE: u32 = 8;
/// Packets with a far time that may come before one that takes the step back.
const STRAY_MAX: u32 = 2;
/// Packets after which a step is judged, and after which it may be.
const JUDGED_AFTER: u32 = 64;
const CLEAR_AFTER: u32 = 16;
/// Conversations that go on where they stood, without anything waiting, that make a jump.
const NEXT_LEAST: u32 = 3;

impl Clock {
    /// Takes the time of the next packet; says whether there is more to it, for [`Clock::unusual`].
    #[inline]
    pub(crate) fn is_odd(&mut self, now: Time) -> bool {
        let gap = now.0.wrapping_sub(self.pulse.last.0);
        if self.odd || gap < 0 || gap > self.pulse.longest.0 {
            return true;
        }
        self.pulse.beats = self.pulse.beats.wrapping_add(1);
        self.pulse.last = now;
        false
    }

    /// Takes the time of an unusual packet; tells what is judged by it.
    pub(crate) fn unusual(&mut self, mark: Mark) -> Option<Step> {
        let gap = mark.time - self.pulse.last;
        let step = match () {
            () if self.pulse.beats == 0 => {
                (self.pulse.begun, self.pulse.last) = (mark.time, mark.time);
                None
            }
            () if gap < Span(-BACK.0) => self.behind(mark),
            () => self.ahead(mark, gap),
        };
        self.pulse.beats += 1;
        self.odd = self.pending.is_some() || self.behind.is_some();
        step
    }

    /// A packet that is not far behind.
    fn ahead(&mut self, mark: Mark, gap: Span) -> Option<Step> {
        let strays = self.behind.take().map_or(0, |behind| u64::from(behind.packets));
        self.disorder += strays + u64::from(gap.0 < 0);
        let step = if gap > self.pulse.patience(TAP) {
            let step = self.settle();
            let votes = self.votes();
            self.begin(mark, false, votes);
            step
        } else {
            self.pulse.longest = self.pulse.longest.max(gap);
            self.wait()
        };
        self.pulse.last = self.pulse.last.max(mark.time);
        step
    }

    fn wait(&mut self) -> Option<Step> {
        let pending = self.pending.as_mut()?;
        pending.packets += 1;
        if pending.packets < JUDGED_AFTER { None } else { self.settle() }
    }

    /// A packet from long before.
    fn behind(&mut self, mark: Mark) -> Option<Step> {
        if let Some(stray) = self.pending.filter(|pending| pending.is_taken_back_by(mark.time)) {
            self.pending = None;
            self.disorder += u64::from(stray.packets) + 1;
            self.pulse = Pulse { last: stray.before.last.max(mark.time), ..self.pulse };
            return None;
        }
        let behind = match self.behind {
            Some(known) if mark.time >= known.newest - BACK => {
                Behind { newest: known.newest.max(mark.time), packets: known.packets + 1, ..known }
            }
            _ => {
                let votes = self.votes();
                Behind { first: mark, newest: mark.time, packets: 1, votes }
            }
        };
        self.behind = Some(behind);
        if behind.packets < AGREE {
            return None;
        }
        let step = self.settle();
        self.begin(behind.first, true, behind.votes);
        self.behind = None;
        self.pulse.last = behind.newest;
        step
    }

    /// For a new step.
    fn votes(&mut self) -> Votes {
        self.epoch = (self.epoch + 1) % EPOCHS;
        Votes { epoch: self.epoch, next: 0, answers: 0, against: 0 }
    }

    fn begin(&mut self, to: Mark, backwards: bool, votes: Votes) {
        self.pending = Some(Pending { before: self.pulse, to, backwards, packets: 0, votes });
    }

    /// A conversation goes on that was last heard in step number `epoch`.
    #[cold]
    pub(crate) fn goes_on(&mut self, epoch: u8, fit: Fit) {
        let behind = self.behind.as_mut().map(|behind| &mut behind.votes);
        let Some(votes) = behind.or(self.pending.as_mut().map(|pending| &mut pending.votes)) else { return };
        let later = (EPOCHS + epoch % EPOCHS - votes.epoch) % EPOCHS;
        if later < EPOCHS / 2 {
            return;
        }
        match fit {
            Fit::Next { answers } => {
                votes.next += 1;
                votes.answers += u32::from(answers);
            }
            Fit::Gap | Fit::Again => votes.against += 1,
            Fit::Unknown => {}
        }
    }

    /// Whether a step is not judged yet.
    pub(crate) fn is_unsettled(&self) -> bool {
        self.odd
    }

    /// Judges the step that is pending, if enough packets have come since.
    pub(crate) fn settle_if_clear(&mut self) -> Option<Step> {
        if self.pending.is_some_and(|pending| pending.packets >= CLEAR_AFTER) { self.settle() } else { None }
    }

    fn settle(&mut self) -> Option<Step> {
        let pending = self.pending.take()?;
        let Pending { before, to, backwards, votes: Votes { next, answers, against, .. }, .. } = pending;
        let (from, by) = (before.last, to.time - before.last);
        // Where nothing was waiting, a network that was quiet for once looks alike unless it never was.
        let restless = backwards || before.is_silent(to.time, TAP);
        let jump = (answers > 0 || (next >= NEXT_LEAST && restless)) && against <= next / 4;
        if jump || backwards {
            // What was learned lasts as long as it did. A recording that begins anew in the same capture is
            // no news.
            self.pulse.begun = self.pulse.begun + by;
            return jump.then_some(Step { kind: StepKind::Jump, from, to });
        }
        let silent = before.is_silent(to.time, TAP);
        if silent {
            self.pulse.accept(by);
        } else {
            self.pulse.longest = self.pulse.longest.max(by);
        }
        silent.then_some(Step { kind: StepKind::Silence, from, to })
    }
}

impl Pending {
    /// Whether it was the packet behind the gap that had a wrong time.
    fn is_taken_back_by(&self, time: Time) -> bool {
        !self.backwards && self.packets < STRAY_MAX && time >= self.before.last - BACK
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::Origin;

    fn at(ms: i64) -> Mark {
        Mark { time: Time(1_700_000_000_000_000_000 + ms * 1_000_000), origin: Origin::default() }
    }

    fn see(clock: &mut Clock, mark: Mark) -> Option<Step> {
        if clock.is_odd(mark.time) { clock.unusual(mark) } else { None }
    }

    /// A packet each 100 ms for as many seconds, at an offset.
    fn run(
        clock: &mut Clock,
        seconds: std::ops::Range<i64>,
        offset_ms: i64,
        fit: Option<Fit>,
    ) -> Vec<StepKind> {
        let mut kinds = vec![];
        for tenth in seconds.start * 10..seconds.end * 10 {
            kinds.extend(see(clock, at(tenth * 100 + offset_ms)).map(|step| step.kind));
            if let Some(fit) = fit {
                clock.goes_on(0, fit);
            }
        }
        kinds
    }

    #[test]
    fn a_gap_after_which_conversations_go_on_is_a_jump() {
        for offset in [3_600_000, -3_600_000, -5_000] {
            let mut clock = Clock::default();
            run(&mut clock, 0..700, 0, None);
            assert_eq!(
                run(&mut clock, 700..720, offset, Some(Fit::Next { answers: true })),
                [StepKind::Jump]
            );
            assert_eq!(run(&mut clock, 720..2000, offset, None), []);
        }
    }

    #[test]
    fn a_gap_after_which_bytes_are_missing_or_nobody_goes_on_is_silence() {
        for fit in [None, Some(Fit::Gap), Some(Fit::Unknown)] {
            let mut clock = Clock::default();
            run(&mut clock, 0..700, 0, None);
            assert_eq!(run(&mut clock, 4000..4020, 0, fit), [StepKind::Silence]);
        }
        let mut clock = Clock::default();
        run(&mut clock, 0..100, 0, None);
        assert_eq!(run(&mut clock, 4000..4020, 0, None), [], "too little was learned");
    }

    #[test]
    fn single_packets_with_a_time_of_their_own_are_disorder() {
        let mut clock = Clock::default();
        run(&mut clock, 0..700, 0, None);
        assert_eq!(see(&mut clock, at(9_000_000_000)), None);
        assert_eq!(run(&mut clock, 700..701, 0, None), []);
        assert_eq!(see(&mut clock, at(0)), None);
        assert_eq!(run(&mut clock, 701..2000, 0, Some(Fit::Next { answers: true })), []);
        assert_eq!(clock.disorder, 2);
    }

    #[test]
    fn whatever_times_come_there_are_no_more_steps_than_they_allow() {
        arbtest::arbtest(|u| {
            let (mut clock, mut steps) = (Clock::default(), 0);
            let count: u32 = u.int_in_range(0..=200)?;
            for _ in 0..count {
                steps += u32::from(
                    see(&mut clock, Mark { time: Time(u.arbitrary()?), origin: Origin::default() }).is_some(),
                );
                clock.goes_on(u.arbitrary()?, Fit::Next { answers: u.arbitrary()? });
            }
            assert!(steps <= count);
            Ok(())
        });
    }
}
