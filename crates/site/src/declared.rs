use crate::names::host_label;
use crate::network::Network;
use model::{Criticality, Level};
use std::net::IpAddr;

/// What a person says about a part of the site; wins over everything that was learned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Declared {
    /// What it is said of.
    pub whom: Whom,
    /// Purdue level.
    pub level: Option<Level>,
    /// Zone, by the site's own name for it.
    pub zone: Option<Box<str>>,
    /// What its loss means.
    pub criticality: Option<Criticality>,
}

/// What a declaration is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Whom {
    /// Every asset with an address in this range. Of several ranges the narrowest speaks.
    Network(Network),
    /// The host of this name; speaks before any range.
    Host(Box<str>),
}

/// The first that `pick` finds in the declarations about an asset: by its name, then from the narrowest range
/// on.
pub(crate) fn declared<'a, T>(
    (all, name, addresses): (&'a [Declared], Option<&str>, &[IpAddr]),
    pick: impl Fn(&'a Declared) -> Option<T>,
) -> Option<T> {
    let narrowness = |declared: &Declared| match &declared.whom {
        Whom::Host(host) => (name.is_some() && host_label(host).as_deref() == name).then_some(u8::MAX),
        Whom::Network(network) => addresses.iter().any(|a| network.contains(*a)).then_some(network.prefix()),
    };
    let mut about: Vec<_> =
        all.iter().filter_map(|declared| Some((narrowness(declared)?, declared))).collect();
    about.sort_by_key(|(narrowness, _)| std::cmp::Reverse(*narrowness));
    about.into_iter().find_map(|(_, declared)| pick(declared))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_speaks_before_a_narrow_range_and_that_before_a_wide_one() {
        let of = |whom, level| Declared { whom, level, zone: None, criticality: None };
        let network = |text: &str| Whom::Network(text.parse().unwrap());
        let all = [
            of(network("10.0.0.0/8"), Some(Level::L4)),
            of(network("10.1.0.0/16"), Some(Level::L1)),
            of(Whom::Host("PLC-ASC-1".into()), Some(Level::L0)),
            of(Whom::Host("quiet".into()), None),
        ];
        let level = |name, addr: &str| declared((&all, name, &[addr.parse().unwrap()]), |d| d.level);
        assert_eq!(level(None, "10.1.10.5"), Some(Level::L1));
        assert_eq!(level(None, "10.2.0.5"), Some(Level::L4));
        assert_eq!(level(Some("plc-asc-1"), "10.1.10.5"), Some(Level::L0));
        assert_eq!(level(Some("quiet"), "10.1.10.5"), Some(Level::L1));
        assert_eq!(level(None, "192.168.0.1"), None);
    }
}
