use model::Time;
use std::time::{Duration, Instant, SystemTime};

/// Where the time comes from: the machine, or the virtual site, whose time may run faster.
pub(crate) trait Clock: Send + Sync {
    /// The moment.
    fn now(&self) -> Time;
}

/// The machine's clock.
pub(crate) struct MachineClock;

impl Clock for MachineClock {
    fn now(&self) -> Time {
        let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        Time(i64::try_from(since.as_nanos()).unwrap_or(i64::MAX))
    }
}

/// Milliseconds since 1970.
pub(crate) fn ms(time: Time) -> i64 {
    time.0.div_euclid(1_000_000)
}

/// A clock that is set by more than this while Tieline runs is not believed when it comes to deleting.
const JUMP_MAX: Duration = Duration::from_secs(24 * 3600);

/// Whether the machine's clock can be believed: how it went since the start.
#[derive(Clone, Copy)]
pub(crate) struct Believed(SystemTime, Instant);

impl Believed {
    pub(crate) fn new() -> Self {
        Self(SystemTime::now(), Instant::now())
    }

    /// Whether it was set ahead.
    pub(crate) fn jumped_ahead(self) -> bool {
        let expected = self.0 + self.1.elapsed();
        SystemTime::now().duration_since(expected).is_ok_and(|ahead| ahead > JUMP_MAX)
    }
}
