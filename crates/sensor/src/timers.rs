use model::Time;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};

/// Why a conversation is looked at again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Wake {
    /// Was the SYN answered?
    Attempt,
    /// Has it been quiet for too long?
    Idle,
    /// Has it been quiet since it was looked at the last time?
    Quiet,
    /// Has one end closed and the other gone away?
    Expire,
    /// It is over; what still comes belongs to no one.
    Delete,
}

/// A conversation to look at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Timer {
    pub(crate) due: Time,
    /// Timers due at the same time come in the order in which they were set.
    order: u64,
    pub(crate) slot: usize,
    pub(crate) generation: u32,
    pub(crate) wake: Wake,
}

/// Timers by the time at which they are due.
///
/// Most timers are void before they are due, so those further away lie unsorted in buckets of about a second. A
/// bucket is sorted when its time comes; what joins it later is heaped up beside it.
pub(crate) struct Timers {
    /// The timer that is due first stands last.
    near: Vec<Timer>,
    late: BinaryHeap<Reverse<Timer>>,
    far: BTreeMap<i64, Vec<Timer>>,
    /// The last bucket whose timers are in `near` or `late`.
    horizon: i64,
    set: u64,
}

impl Default for Timers {
    fn default() -> Self {
        Self { near: vec![], late: BinaryHeap::new(), far: BTreeMap::new(), horizon: i64::MIN, set: 0 }
    }
}

fn bucket(time: Time) -> i64 {
    time.0 >> 30
}

impl Timers {
    pub(crate) fn set(&mut self, due: Time, slot: usize, generation: u32, wake: Wake) {
        self.set += 1;
        let timer = Timer { due, order: self.set, slot, generation, wake };
        if bucket(due) <= self.horizon {
            self.late.push(Reverse(timer));
        } else {
            self.far.entry(bucket(due)).or_default().push(timer);
        }
    }

    /// The next timer due at `now`.
    #[inline]
    pub(crate) fn due(&mut self, now: Time) -> Option<Timer> {
        if bucket(now) > self.horizon {
            self.horizon = bucket(now);
            self.bring_near();
        }
        let near = self.near.last().is_some_and(|timer| timer.due <= now);
        let late = self.late.peek().is_some_and(|Reverse(timer)| timer.due <= now);
        if near || late { self.take() } else { None }
    }

    /// The timer that is due first, whenever that is.
    pub(crate) fn first(&mut self) -> Option<Timer> {
        if self.near.is_empty() && self.late.is_empty() {
            self.horizon = *self.far.keys().next()?;
            self.bring_near();
        }
        self.take()
    }

    /// The timer that is due first of those that are near.
    fn take(&mut self) -> Option<Timer> {
        match (self.near.last(), self.late.peek()) {
            (Some(near), Some(Reverse(late))) if near < late => self.near.pop(),
            (_, Some(_)) => self.late.pop().map(|Reverse(timer)| timer),
            (_, None) => self.near.pop(),
        }
    }

    #[cold]
    fn bring_near(&mut self) {
        while let Some(first) = self.far.first_entry().filter(|first| *first.key() <= self.horizon) {
            let timers = first.remove();
            if self.near.is_empty() {
                self.near = timers;
                self.near.sort_unstable_by(|a, b| b.cmp(a));
            } else {
                // The clock ran ahead of the timers.
                self.late.extend(timers.into_iter().map(Reverse));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timers_come_when_they_are_due_and_in_order() {
        arbtest::arbtest(|u| {
            let mut timers = Timers::default();
            let mut wanted = vec![];
            for slot in 0..u.int_in_range(0..=20usize)? {
                let due = Time(u.int_in_range(0..=8_000_000_000i64)?);
                timers.set(due, slot, 0, Wake::Idle);
                wanted.push((due, slot));
            }
            wanted.sort();
            let mut came = vec![];
            for now in (0..=8).map(|second| Time::from_s_ns(second, 0)) {
                while let Some(timer) = timers.due(now) {
                    assert!(timer.due <= now);
                    came.push((timer.due, timer.slot));
                }
            }
            assert_eq!(came, wanted);
            Ok(())
        });
    }
}
