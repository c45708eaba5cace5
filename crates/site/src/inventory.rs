//! Facts about every address and every computer by name, as they were observed.

use crate::gateways::Cards;
use crate::network::{Place, place};
use model::{Mac, Time, Trait};
use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::net::IpAddr;

/// Addresses of the site that are kept; further ones are counted as dropped.
pub(crate) const SITE_MAX: usize = 65_536;

/// Addresses beyond the site that are kept; further ones are counted as dropped.
pub(crate) const OUTSIDE_MAX: usize = 1024;

/// Computers kept by name; further ones are counted as dropped.
pub(crate) const COMPUTERS_MAX: usize = 16_384;

/// Peers counted per address; with more it is «at least this many».
pub(crate) const PEERS_MAX: usize = 1024;

/// Values kept per address and trait (several protocols may tell several); further ones are counted as
/// dropped.
const TOLD_MAX: usize = 8;

/// Hardware addresses kept per address; further ones are counted as dropped.
const MACS_MAX: usize = 8;

/// Domains that the site is taken to have; further ones are not learned.
const DOMAINS_MAX: usize = 256;

/// A value and the protocol that told it.
pub(crate) type Saying = (Box<str>, Box<str>);

/// What was seen of one address.
#[derive(Debug)]
pub(crate) struct Facts {
    pub(crate) first: Time,
    pub(crate) last: Time,
    /// Hardware addresses; true where the address was seen on its own segment.
    pub(crate) macs: BTreeMap<Mac, bool>,
    pub(crate) peers: HashSet<IpAddr, foldhash::fast::RandomState>,
    pub(crate) told: BTreeMap<Trait, BTreeMap<Saying, Time>>,
    /// What it does to controllers beyond reading and writing, by the word of [`model::Action`].
    pub(crate) acts: BTreeMap<&'static str, u64>,
}

/// What was seen of a computer that logs under its name.
#[derive(Debug)]
pub(crate) struct Computer {
    pub(crate) first: Time,
    pub(crate) last: Time,
    pub(crate) full_names: BTreeSet<Box<str>>,
    /// Programs that tell what it is for, by [`crate::purdue`]'s list.
    pub(crate) programs: BTreeSet<&'static str>,
}

#[derive(Debug, Default)]
pub(crate) struct Inventory {
    pub(crate) addresses: HashMap<IpAddr, Facts, foldhash::fast::RandomState>,
    pub(crate) computers: BTreeMap<Box<str>, Computer>,
    pub(crate) cards: Cards,
    domains: BTreeSet<Box<str>>,
    outside: usize,
    pub(crate) dropped: u64,
}

impl Inventory {
    /// `addr` was alive from `first` to `last`.
    pub(crate) fn see(&mut self, addr: IpAddr, first: Time, last: Time) -> Option<&mut Facts> {
        let inside = self.addresses.len() - self.outside;
        let facts = match self.addresses.entry(addr) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(free) => {
                let admitted = match place(addr) {
                    Place::Nobody => return None,
                    Place::Site => inside < SITE_MAX,
                    Place::Outside => self.outside < OUTSIDE_MAX,
                };
                if !admitted {
                    self.dropped += 1;
                    return None;
                }
                self.outside += usize::from(place(addr) == Place::Outside);
                free.insert(Facts::new(first))
            }
        };
        facts.first = facts.first.min(first);
        facts.last = facts.last.max(last);
        Some(facts)
    }

    /// Frames from `addr` carried the hardware address `mac`; `proven` when they cannot have come over a
    /// router.
    pub(crate) fn card(&mut self, addr: IpAddr, mac: Mac, proven: bool) {
        let Some(facts) = self.addresses.get_mut(&addr).filter(|facts| !facts.has(mac, proven)) else {
            return;
        };
        let known = facts.macs.get(&mac).copied();
        self.cards.carry(mac, addr, proven);
        if known.is_some() || facts.macs.len() < MACS_MAX {
            facts.macs.insert(mac, proven);
        } else {
            self.dropped += 1;
        }
    }

    /// `protocol` told `value` about `addr`.
    pub(crate) fn tell(&mut self, time: Time, addr: IpAddr, about: Trait, value: &str, protocol: &str) {
        let Some(facts) = self.see(addr, time, time) else { return };
        let told = facts.told.entry(about).or_default();
        let key = (value.into(), protocol.into());
        if told.len() < TOLD_MAX || told.contains_key(&key) {
            let last = told.entry(key).or_insert(time);
            *last = (*last).max(time);
        } else {
            self.dropped += 1;
        }
    }

    /// The computer with the short name `name` logged something.
    pub(crate) fn log(&mut self, time: Time, name: &str) -> Option<&mut Computer> {
        if !self.computers.contains_key(name) {
            if self.computers.len() >= COMPUTERS_MAX {
                self.dropped += 1;
                return None;
            }
            let new =
                Computer { first: time, last: time, full_names: BTreeSet::new(), programs: BTreeSet::new() };
            self.computers.insert(name.into(), new);
        }
        let computer = self.computers.get_mut(name)?;
        computer.first = computer.first.min(time);
        computer.last = computer.last.max(time);
        Some(computer)
    }

    /// Computers of the site have this domain; one without a dot is no name of the world's.
    pub(crate) fn domain(&mut self, domain: &str) {
        if domain.contains('.') && self.domains.len() < DOMAINS_MAX && !self.domains.contains(domain) {
            self.domains.insert(domain.into());
        }
    }

    /// Whether `domain` is one of the site's, or above or below one of them.
    pub(crate) fn is_own(&self, domain: &str) -> bool {
        let below = |a: &str, b: &str| a.strip_suffix(b).is_some_and(|rest| rest.ends_with('.'));
        let domain = domain.to_lowercase();
        let related = |own: &str| own == domain || below(own, &domain) || below(&domain, own);
        domain.contains('.') && self.domains.iter().any(|own| related(own))
    }
}

impl Facts {
    fn new(time: Time) -> Self {
        Self {
            first: time,
            last: time,
            macs: BTreeMap::new(),
            peers: HashSet::default(),
            told: BTreeMap::new(),
            acts: BTreeMap::new(),
        }
    }

    /// Whether it is known that the address was seen with this hardware address, and `proven` if that is asked.
    pub(crate) fn has(&self, mac: Mac, proven: bool) -> bool {
        self.macs.get(&mac).is_some_and(|known| *known || !proven)
    }

    pub(crate) fn peer(&mut self, addr: IpAddr) {
        if self.peers.len() < PEERS_MAX {
            self.peers.insert(addr);
        }
    }

    pub(crate) fn act(&mut self, action: &'static str) {
        let count = self.acts.entry(action).or_default();
        *count = count.saturating_add(1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::Ipv4Addr;

    #[test]
    fn strangers_beyond_the_bound_are_counted_and_take_no_place_of_the_sites() {
        let mut inventory = Inventory::default();
        for n in 0..2000_u32 {
            inventory.see(Ipv4Addr::from_bits(0xcb00_0000 + n).into(), Time(1), Time(1));
        }
        assert_eq!(inventory.addresses.len(), OUTSIDE_MAX);
        assert_eq!(inventory.dropped, 2000 - 1024);
        assert!(inventory.see("10.1.10.5".parse().unwrap(), Time(1), Time(1)).is_some());
    }

    #[test]
    fn domains_above_and_below_the_sites_are_the_sites() {
        let mut inventory = Inventory::default();
        inventory.domain("ad.plant.example");
        assert!(inventory.is_own("plant.example") && inventory.is_own("ot.ad.plant.example"));
        assert!(!inventory.is_own("example") && !inventory.is_own("northgas-invoices.example"));
        assert!(!inventory.is_own("implant.example"));
    }
}
