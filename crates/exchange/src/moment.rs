use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::Offset;
use model::{Time, Value};

/// Reads a moment: RFC 3339, the same with a blank for the `T`, and without a zone, which is taken as UTC.
///
/// `None` for anything else and for years that [`Time`] does not cover.
pub(crate) fn moment(text: &str) -> Option<Time> {
    let text = text.trim();
    let stamp = match text.parse::<Timestamp>() {
        Ok(stamp) => stamp,
        Err(_) => Offset::UTC.to_timestamp(text.parse::<DateTime>().ok()?).ok()?,
    };
    from_stamp_ns(stamp.as_nanosecond())
}

/// Whether `text` tells its zone, so that [`moment`] need not guess.
pub(crate) fn has_zone(text: &str) -> bool {
    text.trim().parse::<Timestamp>().is_ok()
}

/// A moment as JSON has it: text, or seconds or milliseconds since 1970 as a number.
pub(crate) fn moment_of(value: &Value) -> Option<Time> {
    match value {
        Value::Text(text) => moment(text),
        Value::Int(number) => from_number(*number),
        Value::Double(seconds) => from_seconds(*seconds),
        Value::Null | Value::Bool(_) | Value::List(_) => None,
    }
}

pub(crate) fn from_stamp_ns(ns: i128) -> Option<Time> {
    i64::try_from(ns).ok().map(Time)
}

/// Numbers from here on are milliseconds: as seconds they would lie beyond the year 5138.
const MILLISECONDS_FROM: i64 = 100_000_000_000;

fn from_number(number: i64) -> Option<Time> {
    let ns_each =
        if number.unsigned_abs() >= MILLISECONDS_FROM.unsigned_abs() { 1_000_000 } else { 1_000_000_000 };
    number.checked_mul(ns_each).map(Time)
}

/// Microseconds are as fine as a number of seconds with a fraction tells today's moments.
fn from_seconds(seconds: f64) -> Option<Time> {
    let us = (seconds * 1e6).round();
    #[allow(clippy::cast_possible_truncation, reason = "a whole number within the range of i64")]
    (-9.2e15..9.2e15).contains(&us).then(|| Time(us as i64 * 1000))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_keeps_its_100_ns_and_a_missing_zone_is_utc() {
        let read = |text| moment(text).map(|time| time.0);
        assert_eq!(read("2024-03-18T12:00:11.6723415Z"), Some(1_710_763_211_672_341_500));
        assert_eq!(read("2024-03-18T14:00:11.6723415+02:00"), Some(1_710_763_211_672_341_500));
        assert_eq!(read("2020-10-18 08:12:01"), Some(1_603_008_721_000_000_000));
        assert_eq!(read("2020-10-18T08:12:01.5"), Some(1_603_008_721_500_000_000));
        assert_eq!(read("9999-12-31T00:00:00Z"), None);
        assert_eq!(read("yesterday"), None);
    }

    #[test]
    fn a_number_is_seconds_or_milliseconds() {
        assert_eq!(moment_of(&Value::Double(1_710_763_223.568_379)), Some(Time(1_710_763_223_568_379_000)));
        assert_eq!(moment_of(&Value::Int(1_710_763_223)), Some(Time(1_710_763_223_000_000_000)));
        assert_eq!(moment_of(&Value::Int(1_710_763_223_568)), Some(Time(1_710_763_223_568_000_000)));
        assert_eq!(moment_of(&Value::Double(f64::NAN)), None);
        assert_eq!(moment_of(&Value::Double(1e300)), None);
    }
}
