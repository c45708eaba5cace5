use model::Time;
use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// Why a conversation is looked at again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Wake {
    /// Was the SYN answered?
    Attempt,
    /// Has it been quiet for too long?
    Idle,
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
#[derive(Default)]
pub(crate) struct Timers {
    heap: BinaryHeap<Reverse<Timer>>,
    set: u64,
}

impl Timers {
    pub(crate) fn set(&mut self, due: Time, slot: usize, generation: u32, wake: Wake) {
        self.set += 1;
        self.heap.push(Reverse(Timer { due, order: self.set, slot, generation, wake }));
    }

    /// The next timer due at `now`.
    #[inline]
    pub(crate) fn due(&mut self, now: Time) -> Option<Timer> {
        self.heap.peek().is_some_and(|Reverse(timer)| timer.due <= now).then(|| self.heap.pop())?.map(|r| r.0)
    }

    /// The timer that is due first, whenever that is.
    pub(crate) fn first(&mut self) -> Option<Timer> {
        self.heap.pop().map(|Reverse(timer)| timer)
    }
}
