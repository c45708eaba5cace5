//! Which addresses are one asset.

use crate::Site;
use crate::conduits::End;
use crate::timeline::Source;
use model::Mac;
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

/// Name of the world beyond the site as an end of a conduit.
const OUTSIDE: &str = "outside";

/// What makes addresses one asset.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Key {
    Name(Box<str>),
    Card(Mac),
    Addr(IpAddr),
}

/// Which addresses belong together, in the order of the assets.
pub(crate) struct Groups {
    pub(crate) keys: Vec<(Key, Vec<IpAddr>)>,
    pub(crate) of: BTreeMap<IpAddr, usize>,
}

impl Groups {
    /// Name of the asset that has `addr`.
    pub(crate) fn name(&self, addr: IpAddr) -> Option<&str> {
        match self.of.get(&addr).and_then(|group| self.keys.get(*group)) {
            Some((Key::Name(name), _)) => Some(name),
            Some(_) | None => None,
        }
    }

    pub(crate) fn id(&self, end: End) -> Box<str> {
        match end {
            End::Outside => OUTSIDE.into(),
            End::Site(addr) => match self.of.get(&addr).and_then(|group| self.keys.get(*group)) {
                Some((key, addrs)) => id(key, addrs),
                None => addr.to_string().into(),
            },
        }
    }
}

pub(crate) fn id(key: &Key, addrs: &[IpAddr]) -> Box<str> {
    match (key, addrs.first()) {
        (Key::Name(name), _) => name.clone(),
        (Key::Addr(addr), _) | (Key::Card(_), Some(addr)) => addr.to_string().into(),
        (Key::Card(mac), None) => mac.to_string().into(),
    }
}

pub(crate) fn group(site: &Site) -> Groups {
    let seen = site.inventory.addresses.keys().copied();
    let addresses: BTreeSet<IpAddr> = seen.chain(site.timeline.addresses()).collect();
    let keyed: Vec<(IpAddr, Key)> = addresses.into_iter().map(|addr| (addr, key(site, addr))).collect();
    let named_cards = named_cards(site, &keyed);
    let mut groups: BTreeMap<Key, Vec<IpAddr>> = BTreeMap::new();
    for (addr, key) in keyed {
        let key = match &key {
            Key::Card(mac) => named_cards.get(mac).cloned().unwrap_or(key),
            Key::Name(_) | Key::Addr(_) => key,
        };
        groups.entry(key).or_default().push(addr);
    }
    // Computers of which only the log is known, and hosts whose address has gone to another.
    let logged = site.inventory.computers.keys().map(|name| site.timeline.whole(name).into());
    let moved = site.timeline.addresses().flat_map(|addr| site.timeline.holders(addr).into_keys());
    for name in logged.chain(moved) {
        groups.entry(Key::Name(name)).or_default();
    }
    let mut keys: Vec<(Key, Vec<IpAddr>)> = groups.into_iter().collect();
    keys.sort_by_key(|(key, addrs)| (addrs.is_empty(), addrs.first().copied(), key.clone()));
    let number = |(n, (_, addrs)): (usize, &(Key, Vec<IpAddr>))| {
        addrs.iter().map(move |a| (*a, n)).collect::<Vec<_>>()
    };
    let of = keys.iter().enumerate().flat_map(number).collect();
    Groups { keys, of }
}

fn key(site: &Site, addr: IpAddr) -> Key {
    match site.timeline.latest(addr) {
        Some(binding) if binding.source != Source::Label => Key::Name(binding.host),
        Some(_) | None => own_card(site, addr).map_or(Key::Addr(addr), Key::Card),
    }
}

/// The interface that is certain to be that of `addr`, for merging: not merely one whose frames carried it.
fn own_card(site: &Site, addr: IpAddr) -> Option<Mac> {
    let link_local = matches!(addr, IpAddr::V6(addr) if addr.is_unicast_link_local());
    let macs = &site.inventory.addresses.get(&addr)?.macs;
    let mut own = macs.iter().filter(|(_, proven)| **proven || link_local).map(|(mac, _)| *mac);
    own.find(|mac| !site.inventory.cards.is_gateway(*mac))
}

/// Interfaces of hosts with names, where each is one host's alone.
fn named_cards(site: &Site, keyed: &[(IpAddr, Key)]) -> BTreeMap<Mac, Key> {
    let mut named: BTreeMap<Mac, BTreeSet<&Key>> = BTreeMap::new();
    for (addr, key) in keyed {
        if let (Key::Name(_), Some(mac)) = (key, own_card(site, *addr)) {
            named.entry(mac).or_default().insert(key);
        }
    }
    let only = |(mac, keys): (Mac, BTreeSet<&Key>)| match (keys.first(), keys.len()) {
        (Some(key), 1) => Some((mac, (*key).clone())),
        _ => None,
    };
    named.into_iter().filter_map(only).collect()
}
