//! Assets: what belongs together of all that was observed.

pub(crate) mod contacts;
mod groups;

use crate::Site;
use crate::conduits::{End, Side, Traffic};
use crate::declared::declared;
use crate::inventory::{Computer, Facts, Saying};
use crate::oui::{Makes, vendor};
use crate::purdue::{self, Purdue};
use crate::services::{self, Family};
use contacts::{contacts, work};
use groups::{Groups, Key, group, id};
use model::{Criticality, Mac, Time, Trait};
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

/// A computer, controller or other device, or a stranger beyond the site.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asset {
    /// Short name, else the first address; no two assets have the same.
    pub id: Box<str>,
    /// Short lower-case name, where the host or a directory told it.
    pub name: Option<Box<str>>,
    /// Names with their domain.
    pub full_names: Vec<Box<str>>,
    /// What the device calls itself in an OT or management protocol; several devices may have the same.
    pub label: Option<Box<str>>,
    /// Addresses, also earlier ones that others have now.
    pub addresses: Vec<AddressUse>,
    /// Its network interfaces.
    pub hardware: Vec<Hardware>,
    /// No address of the site is its own.
    pub external: bool,
    /// What it or others told about it.
    pub told: Vec<Told>,
    /// Services that it offers and uses.
    pub work: Vec<Work>,
    /// What it did to controllers beyond reading and writing, with how often; words of [`model::Action`].
    pub acts: Vec<(&'static str, u64)>,
    /// Programs seen on it that tell what it is for.
    pub programs: Vec<&'static str>,
    /// Accounts that worked on it, at its console or by remote desktop.
    pub users: Vec<Box<str>>,
    /// How many addresses it talks to; from 1024 on at least so many.
    pub peers: usize,
    /// When it was first seen.
    pub first: Time,
    /// When it was last seen.
    pub last: Time,
    /// Its level.
    pub purdue: Purdue,
    /// Zone, as declared.
    pub zone: Option<Box<str>>,
    /// What its loss means, as declared.
    pub criticality: Option<Criticality>,
}

/// An address of an asset.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AddressUse {
    /// Address.
    pub addr: IpAddr,
    /// When the asset was first seen with it.
    pub first: Time,
    /// When it was last seen with it.
    pub last: Time,
    /// Whether the asset still has it.
    pub current: bool,
}

/// A network interface.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hardware {
    /// Its address.
    pub mac: Mac,
    /// Who made it, and what that vendor makes.
    pub vendor: Option<(&'static str, Makes)>,
}

/// Something told about an asset.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    /// What.
    pub about: Trait,
    /// Value, as told.
    pub value: Box<str>,
    /// Protocol that told it.
    pub protocol: Box<str>,
    /// When it was last told.
    pub last: Time,
}

/// A service that an asset offers or uses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Work {
    /// Service, as in Zeek's `service` column, or transport and port.
    pub service: Box<str>,
    /// Whether it asks or answers.
    pub side: Side,
    /// Assets at the other end.
    pub peers: usize,
    /// How much.
    pub traffic: Traffic,
}

impl Asset {
    /// The value told last about a trait.
    pub fn about(&self, about: Trait) -> Option<&str> {
        self.told
            .iter()
            .filter(|told| told.about == about)
            .max_by_key(|told| told.last)
            .map(|told| &*told.value)
    }
}

impl Told {
    pub(crate) fn is_control(&self) -> bool {
        services::family(&self.protocol) == Family::Control
    }
}

pub(crate) fn assets(site: &Site) -> Vec<Asset> {
    let groups = group(site);
    let earlier = earlier(site, &groups);
    let mut assets: Vec<Asset> =
        groups.keys.iter().map(|(key, addrs)| describe(site, key, addrs, &earlier)).collect();
    let contacts = contacts(site, &groups, &assets);
    for (asset, contacts) in assets.iter_mut().zip(&contacts) {
        asset.work = work(contacts);
    }
    let levels = purdue::levels(&assets, &contacts);
    for (asset, purdue) in assets.iter_mut().zip(levels) {
        asset.purdue = purdue;
    }
    assets
}

fn describe(
    site: &Site,
    key: &Key,
    addrs: &[IpAddr],
    earlier: &BTreeMap<Box<str>, Vec<AddressUse>>,
) -> Asset {
    let name = if let Key::Name(name) = key { Some(name.clone()) } else { None };
    let known = |addr: &IpAddr| Some((*addr, site.inventory.addresses.get(addr)?));
    let facts: Vec<(IpAddr, &Facts)> = addrs.iter().filter_map(known).collect();
    let computers = name.as_ref().map(|name| computers(site, name)).unwrap_or_default();
    let current = addrs.iter().filter_map(|addr| address_use(site, *addr, name.as_deref()));
    let earlier = name.as_ref().and_then(|name| earlier.get(name)).into_iter().flatten().cloned();
    let addresses: Vec<AddressUse> = current.chain(earlier).collect();
    let (first, last) = span(&addresses, &computers);
    let told = told(&facts);
    let said = (&*site.declared, name.as_deref(), addrs);
    Asset {
        id: id(key, addrs),
        label: addrs.iter().find_map(|addr| site.timeline.label(*addr)).map(Into::into),
        full_names: full_names(name.as_deref(), &computers, &told),
        addresses,
        hardware: hardware(site, &facts),
        external: !addrs.is_empty() && addrs.iter().all(|addr| site.end(*addr) == End::Outside),
        told,
        work: Vec::new(),
        acts: acts(&facts),
        programs: computers.iter().flat_map(|c| c.programs.iter().copied()).collect(),
        users: name.as_ref().map(|name| users(site, name)).unwrap_or_default(),
        peers: facts.iter().flat_map(|(_, facts)| &facts.peers).collect::<BTreeSet<_>>().len(),
        first,
        last,
        purdue: Purdue::declared(declared(said, |declared| declared.level)),
        zone: declared(said, |declared| declared.zone.clone()),
        criticality: declared(said, |declared| declared.criticality),
        name,
    }
}

/// Names under which the host logs, and its name in each domain that it told.
fn full_names(name: Option<&str>, computers: &[&Computer], told: &[Told]) -> Vec<Box<str>> {
    let logged = computers.iter().flat_map(|computer| computer.full_names.iter().cloned());
    let domains = told.iter().filter(|told| told.about == Trait::Domain && told.value.contains('.'));
    let full = domains.filter_map(|told| Some(format!("{}.{}", name?, told.value).to_lowercase().into()));
    logged.chain(full).collect::<BTreeSet<_>>().into_iter().collect()
}

/// From the first to the last sign of life.
fn span(addresses: &[AddressUse], computers: &[&Computer]) -> (Time, Time) {
    let logged = computers.iter().map(|computer| (computer.first, computer.last));
    let spans: Vec<_> = addresses.iter().map(|used| (used.first, used.last)).chain(logged).collect();
    let first = spans.iter().map(|span| span.0).min().unwrap_or_default();
    (first, spans.iter().map(|span| span.1).max().unwrap_or_default())
}

/// The computers that log under `name`, whole or as NetBIOS has cut it.
fn computers<'a>(site: &'a Site, name: &str) -> Vec<&'a Computer> {
    let cut = name.get(..crate::names::NETBIOS_MAX).filter(|cut| site.timeline.whole(cut) == name);
    let names: BTreeSet<&str> = [Some(name), cut].into_iter().flatten().collect();
    names.into_iter().filter_map(|name| site.inventory.computers.get(name)).collect()
}

/// From when to when the asset had `addr`: since its name was bound to it, where others had it before.
fn address_use(site: &Site, addr: IpAddr, name: Option<&str>) -> Option<AddressUse> {
    let holders = site.timeline.holders(addr);
    let bound = name.and_then(|name| holders.get(name)).copied();
    let seen = site.inventory.addresses.get(&addr).map(|facts| (facts.first, facts.last));
    let seen = seen.or_else(|| site.timeline.claims(addr));
    let (first, last) = match (bound, seen) {
        (Some(bound), Some(seen)) if holders.len() > 1 => (bound.0, bound.1.max(seen.1)),
        (Some(bound), Some(seen)) => (bound.0.min(seen.0), bound.1.max(seen.1)),
        (span, None) | (None, span) => span?,
    };
    Some(AddressUse { addr, first, last, current: true })
}

fn hardware(site: &Site, facts: &[(IpAddr, &Facts)]) -> Vec<Hardware> {
    let macs = facts.iter().flat_map(|(addr, facts)| facts.macs.keys().map(move |mac| (*addr, *mac)));
    let own: BTreeSet<Mac> =
        macs.filter(|(addr, mac)| site.inventory.cards.is_of(*mac, *addr)).map(|(_, mac)| mac).collect();
    own.into_iter().map(|mac| Hardware { mac, vendor: vendor(mac) }).collect()
}

fn told(facts: &[(IpAddr, &Facts)]) -> Vec<Told> {
    let mut all: BTreeMap<(Trait, &Saying), Time> = BTreeMap::new();
    for (about, told) in facts.iter().flat_map(|(_, facts)| &facts.told) {
        for (saying, time) in told {
            let last = all.entry((*about, saying)).or_insert(*time);
            *last = (*last).max(*time);
        }
    }
    let told = |((about, (value, protocol)), last): ((Trait, &Saying), Time)| Told {
        about,
        value: value.clone(),
        protocol: protocol.clone(),
        last,
    };
    all.into_iter().map(told).collect()
}

fn acts(facts: &[(IpAddr, &Facts)]) -> Vec<(&'static str, u64)> {
    let mut acts: BTreeMap<&'static str, u64> = BTreeMap::new();
    for (action, count) in facts.iter().flat_map(|(_, facts)| &facts.acts) {
        *acts.entry(action).or_default() += count;
    }
    acts.into_iter().collect()
}

/// Logon types at which a person sits at the screen: console, unlock, remote desktop, console without the
/// network.
const AT_THE_SCREEN: [u8; 4] = [2, 7, 10, 11];

fn users(site: &Site, name: &str) -> Vec<Box<str>> {
    let sessions = site.sessions.of(name);
    let present = sessions.into_iter().filter(|s| s.kind.is_none_or(|kind| AT_THE_SCREEN.contains(&kind)));
    present.map(|session| session.user).collect::<BTreeSet<_>>().into_iter().collect()
}

/// Addresses that have gone to others, by the name of the host that had them.
fn earlier(site: &Site, groups: &Groups) -> BTreeMap<Box<str>, Vec<AddressUse>> {
    let mut earlier: BTreeMap<Box<str>, Vec<AddressUse>> = BTreeMap::new();
    for addr in site.timeline.addresses() {
        for (name, (first, last)) in site.timeline.holders(addr) {
            if groups.name(addr) != Some(&*name) {
                earlier.entry(name).or_default().push(AddressUse { addr, first, last, current: false });
            }
        }
    }
    earlier
}
