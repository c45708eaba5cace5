use foldhash::fast::RandomState;
use model::{Time, Transport};
use std::collections::{HashMap, HashSet};
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

/// One address that uses a service of another, conversation by conversation: what a filter on the way would cut.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Flow {
    /// Address that asks; `None` for the world beyond the site.
    pub client: Option<IpAddr>,
    /// Address that answers; likewise.
    pub server: Option<IpAddr>,
    /// Transport of the latest conversation.
    pub transport: Transport,
    /// Port of the server in the latest conversation.
    pub port: u16,
    /// Service, as in [`Conduit::service`].
    pub service: Box<str>,
    /// How much, conversations that are still open included.
    pub traffic: Traffic,
    /// When the client first wrote process values to the server, or operated a point, if it ever did.
    pub first_write: Option<Time>,
}

/// One end of a pair; the world beyond the site is one end, so that browsing does not fill the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum End {
    Site(IpAddr),
    Outside,
}

pub(crate) type Key = (End, End, Arc<str>);

/// What is known of a pair and a service.
#[derive(Clone, Copy, Debug)]
struct Pair {
    traffic: Traffic,
    transport: Transport,
    port: u16,
}

/// A conversation, as a pair's.
pub(crate) struct Talk<'a> {
    pub(crate) client: End,
    pub(crate) server: End,
    pub(crate) service: &'a str,
    pub(crate) transport: Transport,
    pub(crate) port: u16,
    pub(crate) traffic: Traffic,
}

#[derive(Debug, Default)]
pub(crate) struct Conduits {
    pairs: HashMap<Key, Pair, RandomState>,
    /// Conversations that are still open, as they stood when they were last looked at.
    open: HashMap<Key, Pair, RandomState>,
    /// Whether what is added is about open conversations.
    pub(crate) opening: bool,
    /// First write of each client to each server.
    writes: HashMap<(End, End), Time, RandomState>,
    /// Service names, each once.
    services: HashSet<Arc<str>, RandomState>,
    pub(crate) dropped: u64,
}

impl Conduits {
    pub(crate) fn add(&mut self, talk: &Talk<'_>) {
        let key = (talk.client, talk.server, self.intern(talk.service));
        let pair = Pair { traffic: talk.traffic, transport: talk.transport, port: talk.port };
        let pairs = if self.opening { &mut self.open } else { &mut self.pairs };
        if let Some(known) = pairs.get_mut(&key) {
            known.traffic.add(pair.traffic);
            (known.transport, known.port) = (pair.transport, pair.port);
        } else if pairs.len() < CONDUITS_MAX {
            pairs.insert(key, pair);
        } else {
            self.dropped += 1;
        }
    }

    /// Forgets what was open, since it is looked at anew.
    pub(crate) fn look_again(&mut self) {
        self.open.clear();
    }

    /// `client` wrote to `server`.
    pub(crate) fn wrote(&mut self, client: End, server: End, time: Time) {
        if let Some(first) = self.writes.get_mut(&(client, server)) {
            *first = time.min(*first);
        } else if self.writes.len() < CONDUITS_MAX {
            self.writes.insert((client, server), time);
        } else {
            self.dropped += 1;
        }
    }

    /// Pairs and services, in no order; one with open conversations may stand there twice.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&Key, &Traffic)> {
        self.pairs.iter().chain(&self.open).map(|(key, pair)| (key, &pair.traffic))
    }

    /// Every pair and service once, in order.
    pub(crate) fn flows(&self) -> Vec<Flow> {
        let mut all = self.pairs.clone();
        for (key, open) in &self.open {
            let known = all.entry(key.clone()).or_insert(*open);
            known.traffic =
                if self.pairs.contains_key(key) { known.traffic.and(open.traffic) } else { open.traffic };
            (known.transport, known.port) = (open.transport, open.port);
        }
        let addr = |end: End| if let End::Site(addr) = end { Some(addr) } else { None };
        let flow = |((client, server, service), pair): (Key, Pair)| Flow {
            client: addr(client),
            server: addr(server),
            transport: pair.transport,
            port: pair.port,
            service: (&*service).into(),
            traffic: pair.traffic,
            first_write: self.writes.get(&(client, server)).copied(),
        };
        let mut all: Vec<_> = all.into_iter().collect();
        all.sort_unstable_by(|(a, _), (b, _)| a.cmp(b));
        all.into_iter().map(flow).collect()
    }

    fn intern(&mut self, service: &str) -> Arc<str> {
        if let Some(known) = self.services.get(service) {
            return Arc::clone(known);
        }
        let name: Arc<str> = service.into();
        if self.services.len() < CONDUITS_MAX {
            self.services.insert(Arc::clone(&name));
        }
        name
    }
}

impl Traffic {
    fn and(mut self, more: Self) -> Self {
        self.add(more);
        self
    }

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
        let talk = |n| Talk {
            client: end(n),
            server: End::Outside,
            service: "http",
            transport: Transport::Tcp,
            port: 80,
            traffic,
        };
        (0..CONDUITS_MAX + 7).for_each(|n| conduits.add(&talk(n)));
        conduits.add(&talk(0));
        assert_eq!(conduits.dropped, 7);
        assert_eq!(conduits.iter().count(), CONDUITS_MAX);
        assert_eq!(conduits.flows()[0].traffic.connections, 2);
    }

    #[test]
    fn what_is_open_counts_once_however_often_it_is_looked_at() {
        let mut conduits = Conduits::default();
        let end = |last| End::Site([10, 0, 0, last].into());
        let talk = |asked| Talk {
            client: end(1),
            server: end(2),
            service: "modbus",
            transport: Transport::Tcp,
            port: 502,
            traffic: Traffic { connections: 1, asked, answered: 0, first: Time(0), last: Time(9) },
        };
        conduits.add(&talk(5));
        for asked in [1, 2, 3] {
            conduits.look_again();
            conduits.opening = true;
            conduits.add(&talk(asked));
            conduits.opening = false;
        }
        conduits.wrote(end(1), end(2), Time(7));
        conduits.wrote(end(1), end(2), Time(8));
        let flows = conduits.flows();
        assert_eq!(flows.len(), 1);
        assert_eq!((flows[0].traffic.connections, flows[0].traffic.asked), (2, 8));
        assert_eq!((flows[0].port, flows[0].first_write), (502, Some(Time(7))));
    }
}
