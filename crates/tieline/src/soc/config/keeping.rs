//! How many packets are kept, and how long.

use super::{ConfigError, level};
use model::{Level, Span};
use packets::{Class, Plan};
use serde::Deserialize;
use std::path::PathBuf;
use std::str::FromStr;

#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Packets {
    /// Folder of them, with one for each interface; none for one in `data`.
    pub(crate) folder: Option<PathBuf>,
    /// Bytes on disk for each interface, of what belongs to no class; the oldest make room.
    pub(crate) size: Bytes,
    /// How long they are kept while there is room; none for as long as there is.
    pub(crate) keep: Option<Age>,
    /// How much of what is kept a start reads again, back from the newest packet.
    pub(crate) replay: Age,
    /// What is kept otherwise.
    pub(crate) class: Vec<PacketClass>,
}

/// Traffic that is kept longer or shorter than the rest, in pieces of its own.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PacketClass {
    pub(crate) name: String,
    /// Levels of its hosts.
    #[serde(default)]
    pub(crate) levels: Vec<f32>,
    /// Zones of its hosts.
    #[serde(default)]
    pub(crate) zones: Vec<String>,
    pub(crate) size: Bytes,
    pub(crate) keep: Option<Age>,
}

/// A number of bytes, as in `20GB`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct Bytes(pub(crate) u64);

/// A length of time, as in `14d`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct Age(pub(crate) Span);

impl Default for Packets {
    fn default() -> Self {
        let week = Age(Span::s(7 * 24 * 3600));
        Self { folder: None, size: Bytes(2_000_000_000), keep: None, replay: week, class: vec![] }
    }
}

impl Packets {
    /// What is kept of an interface.
    pub(crate) fn plan(&self) -> Plan {
        let class = |class: &PacketClass| Class {
            name: class.name.clone(),
            bytes_max: class.size.0,
            keep: class.keep.map(|age| age.0),
        };
        let rest = Class::rest(self.size.0, self.keep.map(|age| age.0));
        Plan { classes: self.class.iter().map(class).collect(), rest }
    }

    /// What the types cannot say.
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        let wrong = |text: String| Err(ConfigError::Wrong(text));
        self.plan().check().map_err(|error| ConfigError::Wrong(format!("packets.class: {error}")))?;
        let sizes = self.class.iter().map(|class| class.size).chain([self.size]);
        if let Some(size) = sizes.map(|size| size.0).find(|size| *size < Class::BYTES_MIN) {
            return wrong(format!(
                "packets: a size of {size} bytes is too small, it takes {}",
                Class::BYTES_MIN
            ));
        }
        for class in &self.class {
            class.levels()?;
            if class.levels.is_empty() && class.zones.is_empty() {
                return wrong(format!("the packets.class {:?} needs levels or zones", class.name));
            }
        }
        Ok(())
    }
}

impl PacketClass {
    /// Levels of its hosts.
    ///
    /// # Errors
    /// When one is none.
    pub(crate) fn levels(&self) -> Result<Vec<Level>, ConfigError> {
        self.levels.iter().map(|number| level(*number)).collect()
    }
}

/// Splits a number from its unit.
fn amount<T: Copy>(text: &str, units: &[(&str, T)], example: &str) -> Result<(u64, T), String> {
    let wrong = || {
        let units: Vec<&str> = units.iter().map(|(unit, _)| *unit).collect();
        format!(
            "{text:?} is not understood; it takes a number and a unit of {}, as in {example}",
            units.join(", ")
        )
    };
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at_checked(digits).ok_or_else(wrong)?;
    let number = number.parse().map_err(|_| wrong())?;
    let (_, worth) = units.iter().find(|(name, _)| *name == unit.trim()).ok_or_else(wrong)?;
    Ok((number, *worth))
}

impl FromStr for Bytes {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let units = [("MB", 1_000_000_u64), ("GB", 1_000_000_000), ("TB", 1_000_000_000_000)];
        let (number, worth) = amount(text, &units, "20GB")?;
        Ok(Self(number.checked_mul(worth).ok_or_else(|| format!("{text:?} is more than there can be"))?))
    }
}

impl FromStr for Age {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let units = [("s", 1_i64), ("m", 60), ("h", 3600), ("d", 24 * 3600)];
        let (number, worth) = amount(text, &units, "14d")?;
        // Two centuries, as far as time is counted.
        let seconds = i64::try_from(number).ok().and_then(|number| number.checked_mul(worth));
        let seconds = seconds.filter(|seconds| *seconds < 200 * 365 * 24 * 3600);
        Ok(Self(Span::s(seconds.ok_or_else(|| format!("{text:?} is longer than time is counted"))?)))
    }
}

impl TryFrom<String> for Bytes {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl TryFrom<String> for Age {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_read_with_their_unit() {
        assert_eq!("20GB".parse(), Ok(Bytes(20_000_000_000)));
        assert_eq!("14d".parse(), Ok(Age(Span::s(14 * 24 * 3600))));
        assert_eq!("90 m".parse(), Ok(Age(Span::s(5400))));
        let refused = |text: &str| text.parse::<Bytes>().unwrap_err();
        let sentence = "\"20\" is not understood; it takes a number and a unit of MB, GB, TB, as in 20GB";
        assert_eq!(refused("20"), sentence);
        assert!(refused("GB").contains("not understood") && refused("99999999999TB").contains("more than"));
        assert!("99999d".parse::<Age>().unwrap_err().contains("longer"));
        assert!("é".parse::<Age>().is_err());
    }
}
