//! Who talks to whom, seen from the assets.

use super::groups::{Groups, group};
use super::{Asset, Work};
use crate::Site;
use crate::conduits::{Conduit, End, Side, Traffic};
use crate::purdue::{Contact, Peer};
use crate::services;
use model::Time;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Client, server and service of a conduit.
type Ends = (Box<str>, Box<str>, Box<str>);

pub(crate) fn conduits(site: &Site) -> Vec<Conduit> {
    let groups = group(site);
    let mut folded: BTreeMap<Ends, Traffic> = BTreeMap::new();
    for ((client, server, service), traffic) in site.conduits.iter() {
        let (client, server) = (groups.id(*client), groups.id(*server));
        if client != server {
            let known = folded.entry((client, server, (&**service).into()));
            known.and_modify(|known| known.add(*traffic)).or_insert(*traffic);
        }
    }
    let conduit = |((client, server, service), traffic)| Conduit { client, server, service, traffic };
    folded.into_iter().map(conduit).collect()
}

/// For every asset, whom it talks to on what; remote logons count as contacts too, where only events were
/// seen.
pub(super) fn contacts(site: &Site, groups: &Groups, assets: &[Asset]) -> Vec<Vec<Contact>> {
    let mut contacts: Vec<Vec<Contact>> = assets.iter().map(|_| Vec::new()).collect();
    for ((client, server, service), traffic) in site.conduits.iter() {
        join(&mut contacts, peer(groups, *client), peer(groups, *server), service, *traffic);
    }
    let rdp: Arc<str> = "rdp".into();
    for (n, asset) in assets.iter().enumerate() {
        for session in asset.name.iter().flat_map(|name| site.sessions.of(name)) {
            if let (Some(10), Some(from)) = (session.kind, session.from) {
                join(&mut contacts, peer(groups, site.end(from)), Peer::Asset(n), &rdp, once(session.start));
            }
        }
    }
    contacts
}

fn peer(groups: &Groups, end: End) -> Peer {
    match end {
        End::Outside => Peer::Outside,
        End::Site(addr) => groups.of.get(&addr).map_or(Peer::Unseen, |n| Peer::Asset(*n)),
    }
}

fn join(contacts: &mut [Vec<Contact>], client: Peer, server: Peer, service: &Arc<str>, traffic: Traffic) {
    if client == server {
        return;
    }
    let family = services::family(service);
    for (of, side, peer) in [(client, Side::Client, server), (server, Side::Server, client)] {
        let Peer::Asset(of) = of else { continue };
        if let Some(list) = contacts.get_mut(of) {
            list.push(Contact { service: Arc::clone(service), family, side, peer, traffic });
        }
    }
}

fn once(time: Time) -> Traffic {
    Traffic { connections: 1, asked: 0, answered: 0, first: time, last: time }
}

/// Contacts folded by service and side.
pub(super) fn work(contacts: &[Contact]) -> Vec<Work> {
    let mut peers: BTreeMap<(&str, Side), BTreeSet<Peer>> = BTreeMap::new();
    let mut traffic: BTreeMap<(&str, Side), Traffic> = BTreeMap::new();
    for contact in contacts {
        let key = (&*contact.service, contact.side);
        peers.entry(key).or_default().insert(contact.peer);
        traffic.entry(key).and_modify(|known| known.add(contact.traffic)).or_insert(contact.traffic);
    }
    let work = |((service, side), peers): ((&str, Side), BTreeSet<Peer>)| {
        let traffic = traffic.get(&(service, side)).copied()?;
        Some(Work { service: service.into(), side, peers: peers.len(), traffic })
    };
    peers.into_iter().filter_map(work).collect()
}
