use model::Span;
use serde::{Deserialize, Serialize};

/// How long an effect lasts: whole seconds, from 1 s to 24 h. There is no other way to have an effect, so
/// none is without an end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "u32", into = "u32")]
pub struct Ttl(u32);

impl Ttl {
    /// The shortest: one second.
    pub const MIN: Ttl = Ttl(1);
    /// The longest: 24 hours.
    pub const MAX: Ttl = Ttl(24 * 3600);

    /// From seconds; none outside 1 to 86,400.
    pub fn new(seconds: u32) -> Option<Self> {
        (Self::MIN.0..=Self::MAX.0).contains(&seconds).then_some(Self(seconds))
    }

    /// What of `wanted` is allowed: whole seconds, brought into the range.
    pub fn within(wanted: Span) -> Self {
        let seconds = wanted.0.div_euclid(Span::s(1).0).clamp(Self::MIN.0.into(), Self::MAX.0.into());
        u32::try_from(seconds).map_or(Self::MAX, Self)
    }

    /// In seconds.
    pub fn seconds(self) -> u32 {
        self.0
    }

    /// As a length of time.
    pub fn span(self) -> Span {
        Span::s(self.0.into())
    }
}

impl From<Ttl> for u32 {
    fn from(ttl: Ttl) -> u32 {
        ttl.0
    }
}

impl TryFrom<u32> for Ttl {
    type Error = String;
    fn try_from(seconds: u32) -> Result<Self, String> {
        Self::new(seconds).ok_or_else(|| format!("{seconds} s is not within 1 s to 24 h"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_is_wanted_ends_within_a_day_and_not_at_once() {
        arbtest::arbtest(|u| {
            let ttl = Ttl::within(Span(u.arbitrary()?));
            assert!((1..=86_400).contains(&ttl.seconds()));
            assert_eq!(Ttl::within(ttl.span()), ttl);
            let seconds: u32 = u.arbitrary()?;
            assert_eq!(Ttl::new(seconds).is_some(), (1..=86_400).contains(&seconds));
            Ok(())
        });
    }

    #[test]
    fn no_ledger_can_bring_back_a_longer_one() {
        assert_eq!(serde_json::from_str::<Ttl>("86400").unwrap(), Ttl::MAX);
        for bad in ["0", "86401", "-1", "1.5"] {
            serde_json::from_str::<Ttl>(bad).unwrap_err();
        }
    }
}
