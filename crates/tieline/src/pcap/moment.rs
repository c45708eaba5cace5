//! Moments as people write them.

use crate::soc::config::Age;
use crate::soc::{Clock, MachineClock};
use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use model::{Span, Time};
use std::str::FromStr;

/// A moment, or how long ago it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Moment {
    At(Time),
    Ago(Span),
}

impl Moment {
    pub(crate) fn at(self, now: Time) -> Time {
        match self {
            Moment::At(time) => time,
            Moment::Ago(span) => now - span,
        }
    }
}

/// The moment, by the machine's clock.
pub(crate) fn now() -> Time {
    MachineClock.now()
}

impl FromStr for Moment {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "now" {
            return Ok(Moment::Ago(Span(0)));
        }
        if let Some(age) = text.strip_prefix('-') {
            return age.parse::<Age>().map(|age| Moment::Ago(age.0));
        }
        // Without an offset it is UTC, as in every log.
        let stamp = text.parse::<Timestamp>().or_else(|_| {
            let civil: DateTime = text.parse()?;
            TimeZone::UTC.to_timestamp(civil)
        });
        let wrong = "it takes a time as in 2026-11-25T08:00:00Z, or -10m for ten minutes ago";
        let stamp = stamp.map_err(|_| wrong.to_owned())?;
        i64::try_from(stamp.as_nanosecond()).map(|ns| Moment::At(Time(ns))).map_err(|_| wrong.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_a_time_or_how_long_ago() {
        let read = |text: &str| text.parse::<Moment>();
        let at = Ok(Moment::At(Time::from_s_ns(1_764_057_600, 0)));
        assert_eq!(read("2025-11-25T08:00:00Z"), at);
        assert_eq!(read("2025-11-25T09:00:00+01:00"), at);
        assert_eq!(read("2025-11-25T08:00"), at);
        assert_eq!(read("-10m"), Ok(Moment::Ago(Span::s(600))));
        assert_eq!(Moment::Ago(Span::s(600)).at(Time::from_s_ns(700, 0)), Time::from_s_ns(100, 0));
        assert!(read("yesterday").is_err() && read("-10").is_err() && read("9999-01-01T00:00:00Z").is_err());
    }
}
