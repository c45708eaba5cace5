use crate::held;
use model::{Span, Time};
use std::sync::{Condvar, Mutex};
use std::time::{Duration, Instant};

/// The story's clock, and the bell that ends all waiting. Nothing else of the lab reads the time.
#[derive(Debug)]
pub(crate) struct Clock {
    began: Instant,
    start: Time,
    /// Seconds of the story in a second.
    speed: f64,
    stopped: Mutex<bool>,
    bell: Condvar,
}

impl Clock {
    /// A clock that shows `start` now and runs `speed` times as fast as the world's.
    pub(crate) fn new(start: Time, speed: f64) -> Self {
        Self { began: Instant::now(), start, speed, stopped: Mutex::new(false), bell: Condvar::new() }
    }

    /// The moment of the story.
    pub(crate) fn now(&self) -> Time {
        self.start + self.within(self.began.elapsed())
    }

    /// How much of the story passes within `real`.
    pub(crate) fn within(&self, real: Duration) -> Span {
        span(real.as_secs_f64() * self.speed)
    }

    /// `span`, or what passes within `real` where that is longer.
    pub(crate) fn at_least(&self, span: Span, real: Duration) -> Span {
        span.max(self.within(real))
    }

    /// Waits until the story is at `at`; false when everything stops before.
    pub(crate) fn wait_until(&self, at: Time) -> bool {
        let mut stopped = held(&self.stopped);
        loop {
            let left = at - self.now();
            if *stopped || left <= Span(0) {
                return !*stopped;
            }
            let real = seconds(left) / self.speed;
            let woken = self.bell.wait_timeout(stopped, Duration::from_secs_f64(real.min(WAIT_MAX_S)));
            stopped = woken.unwrap_or_else(std::sync::PoisonError::into_inner).0;
        }
    }

    /// Waits while `span` of the story passes; false when everything stops before.
    pub(crate) fn wait(&self, span: Span) -> bool {
        self.wait_until(self.now() + span)
    }

    /// Waits for a time that does not depend on the story's speed; false when everything stops before.
    pub(crate) fn rest(&self, real: Duration) -> bool {
        self.wait(self.within(real))
    }

    /// Whether everything stops.
    pub(crate) fn stopped(&self) -> bool {
        *held(&self.stopped)
    }

    /// Ends all waiting, for good.
    pub(crate) fn stop(&self) {
        *held(&self.stopped) = true;
        self.bell.notify_all();
    }
}

/// A wait is looked at again after this time.
const WAIT_MAX_S: f64 = 3600.0;

#[allow(clippy::cast_precision_loss, reason = "a wait needs no more than 52 bits")]
fn seconds(span: Span) -> f64 {
    span.0 as f64 / 1e9
}

#[allow(clippy::cast_possible_truncation, reason = "a cast from float saturates")]
fn span(seconds: f64) -> Span {
    Span((seconds * 1e9) as i64)
}
