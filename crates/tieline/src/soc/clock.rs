use model::Time;
use std::time::SystemTime;

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
