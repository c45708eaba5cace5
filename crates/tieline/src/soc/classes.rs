//! Whose packets are kept how long: the classes of the configuration, by what is known of the assets.

use super::config::{ConfigError, PacketClass};
use model::Level;
use packets::{Classify, End};
use site::Asset;
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

/// Classes, and who belongs to them.
#[derive(Default)]
pub(crate) struct Classes {
    wanted: Vec<Wanted>,
    known: Arc<Known>,
}

/// What makes an asset belong to a class.
struct Wanted {
    levels: Vec<Level>,
    zones: Vec<String>,
}

/// Place of the class of a host or station.
type Known = BTreeMap<Key, usize>;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Key {
    Host(IpAddr),
    Station(model::Mac),
}

impl From<End> for Key {
    fn from(end: End) -> Self {
        match end {
            End::Host(addr) => Key::Host(addr),
            End::Station(mac) => Key::Station(mac),
        }
    }
}

impl Classes {
    /// # Errors
    /// When a level is none.
    pub(crate) fn new(classes: &[PacketClass]) -> Result<Self, ConfigError> {
        let wanted = |class: &PacketClass| Ok(Wanted { levels: class.levels()?, zones: class.zones.clone() });
        let wanted = classes.iter().map(wanted).collect::<Result<_, ConfigError>>()?;
        Ok(Self { wanted, known: Arc::default() })
    }

    /// Whether nobody asks.
    pub(crate) fn is_empty(&self) -> bool {
        self.wanted.is_empty()
    }

    /// Takes what is known of the assets by now; gives whether that changes anything.
    pub(crate) fn learn(&mut self, assets: &[Asset]) -> bool {
        let mut known = Known::new();
        for asset in assets {
            let Some(class) = self.wanted.iter().position(|wanted| wanted.has(asset)) else { continue };
            let hosts = asset.addresses.iter().filter(|used| used.current).map(|used| Key::Host(used.addr));
            let stations = asset.hardware.iter().map(|hardware| Key::Station(hardware.mac));
            for key in hosts.chain(stations) {
                let known = known.entry(key).or_insert(class);
                *known = class.min(*known);
            }
        }
        let changed = *self.known != known;
        self.known = Arc::new(known);
        changed
    }

    /// Says of an end to which class it belongs.
    pub(crate) fn classify(&self) -> Classify {
        let known = Arc::clone(&self.known);
        Box::new(move |end| known.get(&end.into()).copied())
    }
}

impl Wanted {
    fn has(&self, asset: &Asset) -> bool {
        let zone = asset.zone.as_deref();
        asset.purdue.level.is_some_and(|level| self.levels.contains(&level))
            || zone.is_some_and(|zone| self.zones.iter().any(|wanted| wanted == zone))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use site::{AddressUse, Hardware, Purdue};

    /// The asset at 10.0.0.N, which had 10.0.0.100 before.
    fn asset(n: u8, level: Option<Level>, zone: Option<&str>) -> Asset {
        let used = |last, current| AddressUse {
            addr: IpAddr::from([10, 0, 0, last]),
            first: model::Time(0),
            last: model::Time(0),
            current,
        };
        Asset {
            id: format!("10.0.0.{n}").into(),
            name: None,
            full_names: vec![],
            label: None,
            addresses: vec![used(n, true), used(100, false)],
            hardware: vec![Hardware { mac: model::Mac([2, 0, 0, 0, 0, n]), vendor: None }],
            external: false,
            told: vec![],
            work: vec![],
            acts: vec![],
            programs: vec![],
            users: vec![],
            peers: 0,
            first: model::Time(0),
            last: model::Time(0),
            purdue: Purdue { level, ..Purdue::default() },
            zone: zone.map(Into::into),
            criticality: None,
        }
    }

    fn class(name: &str, levels: &[f32], zones: &[&str]) -> PacketClass {
        PacketClass {
            name: name.to_owned(),
            levels: levels.to_vec(),
            zones: zones.iter().map(ToString::to_string).collect(),
            size: super::super::config::Bytes(1 << 30),
            keep: None,
        }
    }

    #[test]
    fn an_asset_belongs_to_the_first_class_that_has_its_level_or_zone() {
        let all = [class("process", &[1.0], &["Compressors"]), class("office", &[1.0, 4.0], &[])];
        let mut classes = Classes::new(&all).unwrap();
        let assets = [
            asset(1, Some(Level::L1), None),
            asset(2, Some(Level::L4), Some("Compressors")),
            asset(3, Some(Level::L4), None),
            asset(4, Some(Level::L3), Some("Historian")),
            asset(5, None, None),
        ];
        assert!(classes.learn(&assets) && !classes.learn(&assets));
        let classify = classes.classify();
        let host = |n| classify(End::Host(IpAddr::from([10, 0, 0, n])));
        assert_eq!([1, 2, 3, 4, 5, 100].map(host), [Some(0), Some(0), Some(1), None, None, None]);
        assert_eq!(classify(End::Station(model::Mac([2, 0, 0, 0, 0, 3]))), Some(1));
    }
}
