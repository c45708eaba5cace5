//! What the configuration says about taps, and about conduits that go one way.

use super::{Config, ConfigError};
use crate::taps::Declared;
use health::{Canary, Place, Prefix, Side, Token};
use model::{Mac, Time};
use serde::Deserialize;
use std::collections::BTreeSet;
use toml::value::Datetime;

/// Hosts that are missed together when they are silent.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Group {
    pub(crate) name: String,
    pub(crate) networks: Vec<String>,
}

/// A conduit that is said to be one-way.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Conduit {
    pub(crate) name: String,
    /// Networks of the side that may send, and of the other.
    pub(crate) from: Vec<String>,
    pub(crate) to: Vec<String>,
    /// Hardware addresses of the two sides, where the link carries more than IP.
    #[serde(default)]
    pub(crate) from_stations: Vec<String>,
    #[serde(default)]
    pub(crate) to_stations: Vec<String>,
    /// One that is not is not watched.
    pub(crate) one_way: bool,
    pub(crate) taps: Vec<Listens>,
    pub(crate) canary: Option<CanaryTokens>,
    pub(crate) maintenance: Option<Window>,
    /// It was repaired then, or is another: what was learned before is forgotten.
    pub(crate) renewed: Option<Datetime>,
}

/// A tap that listens to a conduit.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Listens {
    /// Name of the interface.
    pub(crate) tap: String,
    #[serde(default)]
    pub(crate) place: Where,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Where {
    From,
    To,
    #[default]
    Link,
}

/// First 16 bytes of frames that are sent on purpose, as 32 hexadecimal digits.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct CanaryTokens {
    pub(crate) forward: String,
    pub(crate) reverse: String,
    pub(crate) check: String,
}

/// A maintenance window.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Window {
    pub(crate) from: Datetime,
    pub(crate) to: Datetime,
}

impl Config {
    /// Conduits that are said to be one-way.
    ///
    /// # Errors
    /// When an address, a moment or a token is none, a name is there twice, or a tap is no interface.
    pub(crate) fn one_way(&self) -> Result<Vec<Declared>, ConfigError> {
        let interfaces: BTreeSet<&str> = self.interface.iter().map(|interface| &*interface.name).collect();
        let mut names = BTreeSet::new();
        let mut all = vec![];
        for conduit in self.conduit.iter().filter(|conduit| conduit.one_way) {
            let told = |what: String| ConfigError::Wrong(format!("conduit {}: {what}", conduit.name));
            if !names.insert(&*conduit.name) {
                return Err(told("it is there twice".to_owned()));
            }
            if let Some(listens) = conduit.taps.iter().find(|listens| !interfaces.contains(&*listens.tap)) {
                return Err(told(format!("there is no interface {}", listens.tap)));
            }
            all.push(conduit.declared().map_err(told)?);
        }
        Ok(all)
    }

    /// Groups of hosts that are missed together at an interface.
    ///
    /// # Errors
    /// When a network is none.
    pub(crate) fn groups_of(&self, interface: &str) -> Result<Vec<health::Group>, ConfigError> {
        let interfaces = self.interface.iter().filter(|one| one.name == interface);
        let group = |group: &Group| {
            let networks = prefixes(&group.networks);
            let networks = networks
                .map_err(|why| ConfigError::Wrong(format!("group {} of {interface}: {why}", group.name)))?;
            Ok(health::Group { name: group.name.as_str().into(), networks })
        };
        interfaces.flat_map(|interface| &interface.groups).map(group).collect()
    }
}

impl Conduit {
    fn declared(&self) -> Result<Declared, String> {
        let side = |networks: &[String], stations: &[String]| {
            let stations = stations.iter().map(|text| mac(text)).collect::<Result<_, _>>()?;
            Ok::<_, String>(Side { networks: prefixes(networks)?, stations })
        };
        let window = self.maintenance.as_ref();
        let place = |listens: &Listens| (listens.tap.as_str().into(), listens.place.place());
        Ok(Declared {
            conduit: health::Conduit {
                name: self.name.as_str().into(),
                from: side(&self.from, &self.from_stations)?,
                to: side(&self.to, &self.to_stations)?,
                canary: self.canary.as_ref().map(CanaryTokens::canary).transpose()?,
            },
            taps: self.taps.iter().map(place).collect(),
            window: window
                .map(|window| Ok::<_, String>((time(&window.from)?, time(&window.to)?)))
                .transpose()?,
            renewed: self.renewed.as_ref().map(time).transpose()?,
        })
    }
}

impl Where {
    fn place(self) -> Place {
        match self {
            Where::From => Place::From,
            Where::To => Place::To,
            Where::Link => Place::Link,
        }
    }
}

impl CanaryTokens {
    fn canary(&self) -> Result<Canary, String> {
        Ok(Canary {
            forward: token(&self.forward)?,
            reverse: token(&self.reverse)?,
            check: token(&self.check)?,
        })
    }
}

fn prefixes(texts: &[String]) -> Result<Vec<Prefix>, String> {
    texts.iter().map(|text| text.parse().map_err(|error| format!("network {text}: {error}"))).collect()
}

fn mac(text: &str) -> Result<Mac, String> {
    let bytes: Option<Vec<u8>> = text.split(':').map(byte).collect();
    let bytes = bytes.and_then(|bytes| bytes.try_into().ok());
    bytes.map(Mac).ok_or_else(|| format!("station {text}: it is no hardware address like 00:80:f4:1c:ab:05"))
}

fn token(text: &str) -> Result<Token, String> {
    let wrong = || format!("canary {text}: it is not 32 hexadecimal digits");
    let pairs = text.as_bytes().chunks(2).map(|pair| std::str::from_utf8(pair).ok().and_then(byte));
    let bytes: Vec<u8> = pairs.collect::<Option<_>>().ok_or_else(wrong)?;
    bytes.try_into().map_err(|_| wrong())
}

fn byte(text: &str) -> Option<u8> {
    let digits = text.len() == 2 && text.bytes().all(|digit| digit.is_ascii_hexdigit());
    digits.then(|| u8::from_str_radix(text, 16).ok()).flatten()
}

fn time(text: &Datetime) -> Result<Time, String> {
    let moment: Result<jiff::Timestamp, _> = text.to_string().parse();
    let moment = moment.map_err(|_| format!("{text}: it is no moment like 2026-11-20T08:00:00Z"))?;
    i64::try_from(moment.as_nanosecond()).map(Time).map_err(|_| format!("{text}: it is out of range"))
}
