use model::Time;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};

/// A conversation to look at. Timers due at the same time come in the order in which their conversations began.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Timer {
    pub(crate) due: Time,
    /// The packet with which the conversation began.
    pub(crate) began: u64,
    pub(crate) shard: u8,
    pub(crate) slot: u32,
}

/// Timers by the time at which they are due.
///
/// Those further away lie unsorted in a wheel of buckets of about a second. A bucket is sorted when its time comes; what
/// joins it later is heaped up beside it.
pub(crate) struct Timers {
    /// The timer that is due first stands last.
    near: Vec<Timer>,
    late: BinaryHeap<Reverse<Timer>>,
    wheel: Vec<Vec<Timer>>,
    /// What is due when the wheel has gone round or later.
    far: BTreeMap<i64, Vec<Timer>>,
    /// The last bucket whose timers are in `near` or `late`.
    horizon: i64,
    /// Nothing is due before.
    next: Time,
    /// All timers.
    count: usize,
}

/// Timers, most of them void. Places have one each that is not; at this bound the others are swept out. A clock that
/// goes backwards makes many.
const CROWD: usize = 500_000;

/// Buckets of the wheel: nine minutes.
const WHEEL: i64 = 512;

/// Timers in a bucket for which it keeps its memory.
const KEPT_MAX: usize = 1024;

impl Default for Timers {
    fn default() -> Self {
        let wheel = (0..WHEEL).map(|_| vec![]).collect();
        Self {
            near: vec![],
            late: BinaryHeap::new(),
            wheel,
            far: BTreeMap::new(),
            horizon: i64::MIN,
            next: Time(i64::MIN),
            count: 0,
        }
    }
}

fn bucket(time: Time) -> i64 {
    time.0 >> 30
}

impl Timers {
    pub(crate) fn set(&mut self, timer: Timer) {
        self.count += 1;
        if self.is_crowded() {
            // So that somebody looks.
            self.next = Time(i64::MIN);
        }
        let place = bucket(timer.due);
        if place <= self.horizon {
            self.next = self.next.min(timer.due);
            self.late.push(Reverse(timer));
        } else if place.saturating_sub(self.horizon) < WHEEL {
            if let Some(bucket) = self.on_wheel(place) {
                bucket.push(timer);
            }
        } else {
            self.far.entry(place).or_default().push(timer);
        }
    }

    fn on_wheel(&mut self, place: i64) -> Option<&mut Vec<Timer>> {
        self.wheel.get_mut(usize::try_from(place.rem_euclid(WHEEL)).ok()?)
    }

    /// Whether a timer may be due at `now`; a look that nearly every packet takes.
    #[inline]
    pub(crate) fn may_be_due(&self, now: Time) -> bool {
        now >= self.next
    }

    /// The next timer due at `now`.
    pub(crate) fn due(&mut self, now: Time) -> Option<Timer> {
        if bucket(now) > self.horizon {
            self.bring_near(bucket(now));
        }
        let (near, late) = (self.near.last().copied(), self.late.peek().map(|Reverse(timer)| *timer));
        let first = near.into_iter().chain(late).min();
        let found = first.filter(|timer| timer.due <= now);
        self.count -= usize::from(found.is_some());
        match found {
            Some(timer) if near == Some(timer) => self.near.pop(),
            Some(_) => self.late.pop().map(|Reverse(timer)| timer),
            None => {
                let beyond = Time(self.horizon.saturating_add(1).saturating_mul(1 << 30));
                self.next = first.map_or(beyond, |timer| timer.due.min(beyond));
                None
            }
        }
    }

    /// Whether there are so many that void ones are to be swept out.
    pub(crate) fn is_crowded(&self) -> bool {
        self.count > CROWD
    }

    /// Leaves out timers that are not `wanted`.
    pub(crate) fn retain(&mut self, wanted: impl Fn(&Timer) -> bool) {
        self.near.retain(&wanted);
        self.late.retain(|Reverse(timer)| wanted(timer));
        self.wheel.iter_mut().chain(self.far.values_mut()).for_each(|timers| timers.retain(&wanted));
        let apart: usize = self.wheel.iter().chain(self.far.values()).map(Vec::len).sum();
        self.count = self.near.len() + self.late.len() + apart;
    }

    /// Moves the horizon: what lies before it is put in order.
    fn bring_near(&mut self, horizon: i64) {
        let turned = horizon.saturating_sub(self.horizon).min(WHEEL);
        self.horizon = horizon;
        for place in horizon.saturating_sub(turned - 1)..=horizon {
            let Some(bucket) = self.on_wheel(place) else { continue };
            let mut timers = std::mem::take(bucket);
            self.take_in(&mut timers);
            if let Some(bucket) = self.on_wheel(place).filter(|_| timers.capacity() <= KEPT_MAX) {
                *bucket = timers;
            }
        }
        while let Some(first) = self.far.first_entry().filter(|first| *first.key() <= horizon) {
            let mut timers = first.remove();
            self.take_in(&mut timers);
        }
    }

    fn take_in(&mut self, timers: &mut Vec<Timer>) {
        if self.near.is_empty() {
            self.near.append(timers);
            self.near.sort_unstable_by(|a, b| b.cmp(a));
        } else {
            // The clock ran ahead of the timers.
            self.late.extend(timers.drain(..).map(Reverse));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timers_that_nobody_waits_for_are_swept_out() {
        let mut timers = Timers::default();
        for number in 0..3_000_000 {
            // Each earlier than the one before, which is void then, and none of them due.
            let last = Timer { due: Time(i64::MAX / 2 - number * 1_000_000), began: 0, shard: 0, slot: 0 };
            timers.set(last);
            if timers.may_be_due(Time(0)) {
                if timers.is_crowded() {
                    timers.retain(|timer| *timer == last);
                    assert_eq!(timers.count, 1);
                }
                assert_eq!(timers.due(Time(0)), None);
            }
            assert!(timers.count <= CROWD + 1);
        }
        while timers.count > 0 {
            assert!(timers.due(Time(i64::MAX)).is_some());
        }
        assert_eq!(timers.due(Time(i64::MAX)), None);
    }

    #[test]
    fn timers_come_when_they_are_due_and_in_order() {
        arbtest::arbtest(|u| {
            let mut timers = Timers::default();
            let (mut waiting, mut came, mut wanted) = (vec![], vec![], vec![]);
            let mut second = 0;
            for _ in 0..=8 {
                second += u.int_in_range(1..=2i64)? * u.choose(&[1i64, 1, 1, 400])?;
                let now = Time::from_s_ns(second, 0);
                for _ in 0..u.int_in_range(0..=6)? {
                    let away =
                        *u.choose(&[1_000_000_000, 4_000_000_000, 600_000_000_000, 1_200_000_000_000])?;
                    let due = now + model::Span(u.int_in_range(0..=away)?);
                    let timer = Timer { due, began: u.int_in_range(0..=9)?, shard: 0, slot: 0 };
                    timers.set(timer);
                    waiting.push(timer);
                }
                waiting.sort();
                let due = waiting.iter().take_while(|timer| timer.due <= now).count();
                wanted.extend(waiting.drain(..due));
                if timers.may_be_due(now) {
                    came.extend(std::iter::from_fn(|| timers.due(now)));
                }
                assert_eq!(came, wanted);
            }
            Ok(())
        });
    }
}
