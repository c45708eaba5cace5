//! Frames that a sender sends twice, over two networks (PRP) or both ways round a ring (HSR): the second copy is
//! left out, as a receiver leaves it out.
//!
//! Source: IEC 62439-3:2016, 4.2.7 and 5.6.

use model::{Span, Time};
use std::collections::{HashMap, VecDeque};
use wire::link::{Frame, Redundant};

/// Frames whose other copy may come.
#[derive(Default)]
pub(crate) struct Copies {
    seen: HashMap<Name, Seen>,
    order: VecDeque<(Time, Name)>,
}

/// Sender and its number of the frame.
type Name = ([u8; 6], u16);

struct Seen {
    time: Time,
    second: bool,
}

/// How long the copies of a frame may be apart (EntryForgetTime).
const FORGET: Span = Span(400_000_000);
/// Frames whose other copy is waited for. Beyond it the oldest is forgotten, and its copy taken for a frame of its own.
const WAITING_MAX: usize = 16_384;

impl Copies {
    /// Whether the frame is the copy of one that came the other way before it. One that came the same way is none: it
    /// was captured twice.
    pub(crate) fn is_copy(&mut self, frame: &Frame<'_>, now: Time) -> bool {
        let (Some(Redundant { second, sequence }), Some(source)) = (frame.redundant, frame.source) else {
            return false;
        };
        self.forget(now);
        let name = (source, sequence);
        if let Some(seen) = self.seen.get(&name)
            && now - seen.time < FORGET
        {
            return seen.second != second;
        }
        self.seen.insert(name, Seen { time: now, second });
        self.order.push_back((now, name));
        false
    }

    /// Forgets what is old, also when the clock jumped back.
    fn forget(&mut self, now: Time) {
        while let Some((time, name)) = self.order.front().copied() {
            let is_near = (now - time < FORGET) & (time - now < FORGET);
            if is_near && self.order.len() < WAITING_MAX {
                return;
            }
            self.order.pop_front();
            if self.seen.get(&name).is_some_and(|seen| seen.time == time) {
                self.seen.remove(&name);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_copy(copies: &mut Copies, host: u8, sequence: u16, second: bool, ms: i64) -> bool {
        let frame = Frame {
            source: Some([host; 6]),
            destination: None,
            vlan: None,
            inner_vlan: None,
            ethertype: 0,
            payload: &[],
            redundant: Some(Redundant { second, sequence }),
            others: &[],
        };
        copies.is_copy(&frame, Time(ms * 1_000_000))
    }

    #[test]
    fn a_frame_that_came_the_other_way_just_before_is_a_copy() {
        let mut copies = Copies::default();
        assert!(!is_copy(&mut copies, 1, 7, false, 0));
        assert!(is_copy(&mut copies, 1, 7, true, 1));
        assert!(!is_copy(&mut copies, 1, 7, false, 2), "captured twice on the same network");
        assert!(!is_copy(&mut copies, 2, 7, true, 3), "another sender");
        assert!(!is_copy(&mut copies, 1, 8, true, 4), "another frame");
        assert!(!is_copy(&mut copies, 1, 7, true, 400), "the numbers have come round");
    }

    #[test]
    fn a_clock_that_jumps_back_makes_no_copies() {
        let mut copies = Copies::default();
        assert!(!is_copy(&mut copies, 1, 7, false, 1_000_000));
        assert!(!is_copy(&mut copies, 1, 7, true, 0));
    }

    #[test]
    fn a_flood_of_frames_is_bounded() {
        let mut copies = Copies::default();
        for number in 0..u16::MAX {
            assert!(!is_copy(&mut copies, 1, number, false, 0));
            assert!(copies.order.len() <= WAITING_MAX && copies.seen.len() <= WAITING_MAX);
        }
    }
}
