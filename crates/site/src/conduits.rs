use model::Time;
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

/// Pairs of addresses and services kept apart; traffic between further pairs is counted as dropped.
pub(crate) const CONDUITS_MAX: usize = 65_536;

/// Which end of a service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Side {
    /// Asks: client, master, reader.
    Client,
    /// Answers: server, slave, outstation.
    Server,
}

impl Side {
    /// Lower-case word.
    pub fn name(self) -> &'static str {
        match self {
            Side::Client => "client",
            Side::Server => "server",
        }
    }
}

/// How much went over a conduit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Traffic {
    /// Conversations.
    pub connections: u64,
    /// Payload from client to server, in bytes.
    pub asked: u64,
    /// Payload from server to client, in bytes.
    pub answered: u64,
    /// Start of the first conversation.
    pub first: Time,
    /// End of the last conversation.
    pub last: Time,
}

/// Two assets, one using a service of the other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conduit {
    /// Id of the asset that asks, as in [`Asset::id`](crate::Asset::id); `outside` for all of the world
    /// beyond the site.
    pub client: Box<str>,
    /// Id of the asset that answers; `outside` likewise.
    pub server: Box<str>,
    /// Service, as in Zeek's `service` column, or transport and port (`tcp/4444`).
    pub service: Box<str>,
    /// How much.
    pub traffic: Traffic,
}

/// One end of a pair; the world beyond the site is one end, so that browsing does not fill the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum End {
    Site(IpAddr),
    Outside,
}

pub(crate) type Key = (End, End, Arc<str>);

#[derive(Debug, Default)]
pub(crate) struct Conduits {
    pairs: BTreeMap<Key, Traffic>,
    /// Service names, each once.
    services: BTreeMap<Arc<str>, ()>,
    pub(crate) dropped: u64,
}

impl Conduits {
    pub(crate) fn add(&mut self, client: End, server: End, service: &str, traffic: Traffic) {
        let service = self.intern(service);
        let key = (client, server, service);
        if let Some(known) = self.pairs.get_mut(&key) {
            known.add(traffic);
        } else if self.pairs.len() < CONDUITS_MAX {
            self.pairs.insert(key, traffic);
        } else {
            self.dropped += 1;
        }
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&Key, &Traffic)> {
        self.pairs.iter()
    }

    fn intern(&mut self, service: &str) -> Arc<str> {
        if let Some((known, ())) = self.services.get_key_value(service) {
            return Arc::clone(known);
        }
        let name: Arc<str> = service.into();
        if self.services.len() < CONDUITS_MAX {
            self.services.insert(Arc::clone(&name), ());
        }
        name
    }
}

impl Traffic {
    pub(crate) fn add(&mut self, more: Self) {
        self.connections = self.connections.saturating_add(more.connections);
        self.asked = self.asked.saturating_add(more.asked);
        self.answered = self.answered.saturating_add(more.answered);
        self.first = self.first.min(more.first);
        self.last = self.last.max(more.last);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn at_the_bound_known_pairs_still_count_and_new_ones_are_dropped() {
        let mut conduits = Conduits::default();
        let traffic = Traffic { connections: 1, asked: 2, answered: 3, first: Time(5), last: Time(6) };
        let end = |n: usize| End::Site(std::net::Ipv4Addr::from_bits(u32::try_from(n).unwrap()).into());
        for n in 0..CONDUITS_MAX + 7 {
            conduits.add(end(n), End::Outside, "http", traffic);
        }
        conduits.add(end(0), End::Outside, "http", traffic);
        assert_eq!(conduits.dropped, 7);
        assert_eq!(conduits.iter().count(), CONDUITS_MAX);
        assert_eq!(conduits.iter().next().unwrap().1.connections, 2);
    }
}
