use std::fmt;
use std::ops::{Add, Sub};

/// A moment: nanoseconds since 1970-01-01 00:00 UTC; negative before. Covers the years 1678 to 2262.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Time(pub i64);

/// A length of time in nanoseconds; negative when it runs backwards.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span(pub i64);

const NS: i64 = 1_000_000_000;

impl Time {
    /// From whole seconds and the nanoseconds after them.
    #[inline]
    pub fn from_s_ns(seconds: i64, nanoseconds: u32) -> Self {
        Self(seconds.saturating_mul(NS).saturating_add(i64::from(nanoseconds)))
    }

    /// Whole seconds since 1970, rounded down, and the nanoseconds after them (0 to 999,999,999).
    #[inline]
    pub fn s_ns(self) -> (i64, i64) {
        (self.0.div_euclid(NS), self.0.rem_euclid(NS))
    }

    /// The start of the hour in which this moment lies.
    pub fn hour(self) -> Self {
        Self(self.0.div_euclid(3600 * NS).saturating_mul(3600 * NS))
    }

    /// Appends Zeek's form: seconds with six decimals, or nine when the moment is finer than a microsecond.
    pub fn write_zeek(self, out: &mut Vec<u8>) {
        // Zeek keeps seconds as a float; a moment before 1970 is written with its sign in front of the whole.
        if self.0 < 0 {
            out.push(b'-');
        }
        write_decimal(self.0.unsigned_abs(), out);
    }

    /// ISO 8601 in UTC with microseconds: `2026-11-24T19:22:40.000000Z`.
    pub fn iso(self) -> String {
        let (seconds, ns) = self.s_ns();
        let (days, second) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
        let (year, month, day) = civil(days);
        let (h, m, s) = (second / 3600, second / 60 % 60, second % 60);
        format!("{year:04}-{month:02}-{day:02}T{h:02}:{m:02}:{s:02}.{:06}Z", ns / 1000)
    }
}

impl Span {
    /// From seconds.
    pub const fn s(seconds: i64) -> Self {
        Self(seconds.saturating_mul(NS))
    }

    /// Appends Zeek's form of an interval: seconds with six decimals, or nine when it is finer.
    pub fn write_zeek(self, out: &mut Vec<u8>) {
        if self.0 < 0 {
            out.push(b'-');
        }
        write_decimal(self.0.unsigned_abs(), out);
    }
}

fn write_decimal(ns: u64, out: &mut Vec<u8>) {
    let (whole, fraction) = (ns / 1_000_000_000, ns % 1_000_000_000);
    out.extend_from_slice(itoa::Buffer::new().format(whole).as_bytes());
    out.push(b'.');
    let (mut rest, digits) = if fraction % 1000 == 0 { (fraction / 1000, 6) } else { (fraction, 9) };
    let start = out.len();
    out.resize(start + digits, b'0');
    for place in out.iter_mut().rev().take(digits) {
        // A remainder of ten fits in a byte.
        *place = b'0' + u8::try_from(rest % 10).unwrap_or(0);
        rest /= 10;
    }
}

/// Year, month and day of a day counted from 1970-01-01 (Howard Hinnant, "chrono-compatible low-level date algorithms").
fn civil(days: i64) -> (i64, i64, i64) {
    let z = days + 719_468;
    let era = z.div_euclid(146_097);
    let doe = z.rem_euclid(146_097);
    let yoe = (doe - doe / 1460 + doe / 36_524 - doe / 146_096) / 365;
    let doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    let mp = (5 * doy + 2) / 153;
    let month = if mp < 10 { mp + 3 } else { mp - 9 };
    (yoe + era * 400 + i64::from(month <= 2), month, doy - (153 * mp + 2) / 5 + 1)
}

impl Add<Span> for Time {
    type Output = Time;
    fn add(self, span: Span) -> Time {
        Time(self.0.saturating_add(span.0))
    }
}

impl Sub<Span> for Time {
    type Output = Time;
    fn sub(self, span: Span) -> Time {
        Time(self.0.saturating_sub(span.0))
    }
}

impl Sub for Time {
    type Output = Span;
    fn sub(self, earlier: Time) -> Span {
        Span(self.0.saturating_sub(earlier.0))
    }
}

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.iso())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn zeek(time: Time) -> String {
        let mut out = vec![];
        time.write_zeek(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_moment_is_written_to_the_resolution_it_has() {
        assert_eq!(zeek(Time::from_s_ns(1_284_636_111, 131_157_000)), "1284636111.131157");
        assert_eq!(zeek(Time::from_s_ns(1_284_636_111, 131_157_001)), "1284636111.131157001");
        assert_eq!(zeek(Time(-500_000_000)), "-0.500000");
    }

    #[test]
    fn iso_knows_leap_years() {
        assert_eq!(Time::from_s_ns(951_782_400, 0).iso(), "2000-02-29T00:00:00.000000Z");
        assert_eq!(Time::from_s_ns(-1, 0).iso(), "1969-12-31T23:59:59.000000Z");
    }
}
