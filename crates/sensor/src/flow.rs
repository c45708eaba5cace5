use crate::app::App;
use crate::community::community_id;
use crate::conn::{Conn, tcp_state, udp_state};
use crate::held::{FREE, Share};
use crate::history::History;
use crate::ports::is_local;
use crate::shard::SHARDS;
use crate::tcp::Tcp;
use crate::tunnel::Tunnel;
use health::Trace;
use model::{At, Conversation, Mac, Name, Origin, Rows, Set, Span, Time, Transport, Uid};
use std::hash::{BuildHasher, RandomState};
use std::net::IpAddr;
use std::sync::LazyLock;
use wire::link::Frame;

/// Names a conversation, whichever end sends: the lower end stands first. It is made, hashed and compared for every
/// packet, so it is five numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Key {
    low: (u64, u64),
    high: (u64, u64),
    /// Ports and protocol.
    rest: u64,
}

impl Key {
    /// Of a packet between `a` and `b`, address and port; with `one_way` the direction stays part of the name.
    #[inline]
    pub(crate) fn new(a: (&IpAddr, u16), b: (&IpAddr, u16), protocol: u8, one_way: bool) -> Self {
        let (a, b) = ((number(a.0), a.1), (number(b.0), b.1));
        let (low, high) = if one_way || a <= b { (a, b) } else { (b, a) };
        let rest = u64::from(low.1) << 32 | u64::from(high.1) << 16 | u64::from(protocol);
        Self { low: low.0, high: high.0, rest }
    }

    /// Where it stands in an index: the same for both directions, and on no other machine, so that nobody can choose
    /// addresses that all stand in one place.
    #[inline]
    pub(crate) fn hash(&self) -> u64 {
        let seeds = &*SEEDS;
        let low = fold(self.low.0 ^ seeds[0], self.low.1 ^ seeds[1]);
        let high = fold(self.high.0 ^ seeds[2], self.high.1 ^ seeds[3]);
        fold(low ^ self.rest, high ^ seeds[4])
    }

    /// The share of all conversations that it falls to: the same for both directions and on every machine, since it
    /// decides which worker follows the conversation.
    #[inline]
    pub(crate) fn shard(&self) -> u8 {
        let (low, high) = (self.low.0 ^ self.low.1, self.high.0 ^ self.high.1);
        let mixed = low ^ high.rotate_left(24) ^ self.rest.rotate_left(8);
        // Digits of the golden ratio. The upper bits of the product depend on all bits of the number.
        let upper = mixed.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> (64 - SHARDS.trailing_zeros());
        u8::try_from(upper).unwrap_or_default()
    }
}

/// Numbers that nobody knows.
static SEEDS: LazyLock<[u64; 5]> = LazyLock::new(|| {
    let random = RandomState::new();
    std::array::from_fn(|place| random.hash_one(place))
});

/// Both halves of a product, one over the other, as in foldhash and wyhash: every bit of either number tells.
#[inline]
fn fold(a: u64, b: u64) -> u64 {
    let (low, high) = a.carrying_mul(b, 0);
    low ^ high
}

/// An address as a number; an IPv4 host has that of its IPv4-mapped address (RFC 4291, 2.5.5.2).
#[inline]
fn number(addr: &IpAddr) -> (u64, u64) {
    match *addr {
        IpAddr::V4(addr) => (0, 0xffff << 32 | u64::from(u32::from(addr))),
        IpAddr::V6(addr) => {
            let [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p] = addr.octets();
            (u64::from_be_bytes([a, b, c, d, e, f, g, h]), u64::from_be_bytes([i, j, k, l, m, n, o, p]))
        }
    }
}

/// A conversation and what is known of it so far. What every packet touches stands together.
pub(crate) struct Flow {
    pub(crate) key: Key,
    pub(crate) last: Time,
    pub(crate) latest: Origin,
    pub(crate) sent: Sent,
    pub(crate) received: Sent,
    /// What the last packet came through.
    pub(crate) tunnel: Tunnel,
    pub(crate) body: Body,
    pub(crate) history: History,
    /// What of it is counted as held.
    pub(crate) share: Share,
    pub(crate) app: App,
    pub(crate) conversation: Conversation,
    pub(crate) dues: Dues,
    /// Quiet for so long, it is over.
    pub(crate) idle: Span,
    /// Looked at so often, and over when it was quiet since the last time, where its protocol says so.
    pub(crate) quiet: Option<Span>,
    pub(crate) start: Time,
    pub(crate) first: Origin,
    pub(crate) link: LinkIds,
    pub(crate) odd: Vec<&'static str>,
    /// What the tap's health is judged by.
    pub(crate) trace: Trace,
    /// The ends have changed their parts since the first packet, an odd number of times.
    pub(crate) flipped: bool,
    pub(crate) tunnel_changes: u8,
    /// Names of the tunnels that it came through, [`TUNNEL_CHANGES_MAX`] and one.
    pub(crate) parents: Vec<Uid>,
    pub(crate) one_way: bool,
    pub(crate) protocol: u8,
}

/// When a conversation is looked at again, and why.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Dues {
    /// Was the SYN answered?
    pub(crate) attempt: Time,
    /// Has it been quiet for too long?
    pub(crate) idle: Time,
    /// Has it been quiet since it was looked at the last time?
    pub(crate) quiet: Time,
    /// Has one end closed and the other gone away?
    pub(crate) expire: Time,
    /// It is over; what still comes belongs to no one.
    pub(crate) delete: Time,
}

/// Not at all.
pub(crate) const NEVER: Time = Time(i64::MAX);

impl Dues {
    pub(crate) const NONE: Dues =
        Dues { attempt: NEVER, idle: NEVER, quiet: NEVER, expire: NEVER, delete: NEVER };

    pub(crate) fn first(&self) -> Time {
        self.attempt.min(self.idle).min(self.quiet).min(self.expire).min(self.delete)
    }
}

/// What the link layer says about the first packet.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct LinkIds {
    pub(crate) source: Option<[u8; 6]>,
    pub(crate) destination: Option<[u8; 6]>,
    pub(crate) vlan: Option<u16>,
    pub(crate) inner_vlan: Option<u16>,
}

impl LinkIds {
    pub(crate) fn of(frame: &Frame<'_>) -> Self {
        let Frame { source, destination, vlan, inner_vlan, .. } = *frame;
        Self { source, destination, vlan, inner_vlan }
    }
}

/// Packets and bytes of one direction.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Sent {
    pub(crate) packets: u64,
    pub(crate) ip_bytes: u64,
    /// Payload bytes, where the transport has no sequence numbers; `None` before the first packet.
    pub(crate) payload: Option<u64>,
}

/// What the transport protocol keeps.
#[allow(
    clippy::large_enum_variant,
    reason = "most conversations are TCP, and a look behind a pointer costs more"
)]
pub(crate) enum Body {
    Tcp(Tcp),
    Datagrams,
}

const SCTP: u8 = 132;

/// Times that a conversation may change its tunnel, or leave or enter one, until it is told that it wanders.
pub(crate) const TUNNEL_CHANGES_MAX: u8 = 5;

/// Kinds of oddities told per conversation; a further kind is left out.
const ODD_MAX: usize = 16;

impl Flow {
    /// Memory that is held back until more comes, beyond what is [free](FREE).
    #[inline]
    pub(crate) fn held(&self) -> usize {
        let streams = match &self.body {
            Body::Tcp(tcp) => tcp.held(),
            Body::Datagrams => 0,
        };
        (streams + self.app.held()).saturating_sub(FREE)
    }

    /// Whether the condition is told: once per conversation and kind.
    pub(crate) fn is_new_oddity(&mut self, name: &'static str) -> bool {
        let new = self.odd.len() < ODD_MAX && !self.odd.contains(&name);
        if new {
            self.odd.push(name);
        }
        new
    }

    /// Takes note of another tunnel; says so once, when there were too many.
    pub(crate) fn wanders_to(&mut self, tunnel: Tunnel, name: Option<Uid>) -> bool {
        self.tunnel = tunnel;
        if let Some(uid) = name.filter(|uid| !self.parents.contains(uid))
            && self.parents.len() <= usize::from(TUNNEL_CHANGES_MAX)
        {
            self.parents.push(uid);
        }
        self.tunnel_changes = self.tunnel_changes.saturating_add(1);
        self.tunnel_changes == TUNNEL_CHANGES_MAX + 1
    }

    pub(crate) fn flip(&mut self) {
        self.flipped = !self.flipped;
        let c = &self.conversation;
        self.conversation = Conversation::new(c.uid, c.resp, c.orig, c.transport);
        std::mem::swap(&mut self.link.source, &mut self.link.destination);
        std::mem::swap(&mut self.sent, &mut self.received);
    }

    /// Writes the conversation's row.
    pub(crate) fn write(&self, rows: &mut dyn Rows) {
        let c = &self.conversation;
        let duration = Some(self.last - self.start).filter(|span| span.0 > 0);
        let sizes = match &self.body {
            Body::Tcp(tcp) => (tcp.orig.size(&tcp.resp), tcp.resp.size(&tcp.orig)),
            Body::Datagrams => (self.sent.payload.unwrap_or(0), self.received.payload.unwrap_or(0)),
        };
        let (mut orig_mac, mut resp_mac) = ([0; 17], [0; 17]);
        let known = |mac: Option<[u8; 6]>| mac.filter(|mac| *mac != [0; 6]).map(Mac);
        let service = self.app.service();
        // As in Zeek, which does not decode SCTP and gives its identifier ports of 0.
        let ports = !matches!(c.transport, Transport::Other(_)) || self.protocol == SCTP;
        let community = community_id(c.orig, c.resp, self.protocol, self.one_way, ports);
        let parents: Vec<_> = self.parents.iter().map(Uid::as_str).collect();
        let row = Conn {
            proto: Name(c.transport.name()),
            service: service.as_deref(),
            duration,
            orig_bytes: duration.map(|_| sizes.0),
            resp_bytes: duration.map(|_| sizes.1),
            conn_state: self.state(),
            local_orig: is_local(c.orig.addr),
            local_resp: is_local(c.resp.addr),
            missed_bytes: match &self.body {
                Body::Tcp(tcp) => tcp.missed_bytes,
                Body::Datagrams => 0,
            },
            history: self.history.text(),
            orig_pkts: self.sent.packets,
            orig_ip_bytes: self.sent.ip_bytes,
            resp_pkts: self.received.packets,
            resp_ip_bytes: self.received.ip_bytes,
            tunnel_parents: (!parents.is_empty()).then_some(Set(&parents[..])),
            ip_proto: self.protocol,
            orig_l2_addr: known(self.link.source).map(|mac| mac.spell(&mut orig_mac)),
            resp_l2_addr: known(self.link.destination).map(|mac| mac.spell(&mut resp_mac)),
            vlan: self.link.vlan,
            inner_vlan: self.link.inner_vlan,
            community_id: community.as_str(),
        };
        let at = At { time: self.start, origin: self.first, conversation: Some(c), ot: None };
        rows.put(&at, &row);
    }

    fn state(&self) -> Name {
        match (&self.body, self.conversation.transport) {
            (Body::Tcp(tcp), _) => tcp_state(tcp, self.history.is_syn_then_reset()),
            (Body::Datagrams, Transport::Udp) => {
                udp_state(self.sent.payload.is_some(), self.received.payload.is_some())
            }
            (Body::Datagrams, _) => Name("OTH"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(a: u32, b: u32, port: u16) -> Key {
        let addr = |host: u32| IpAddr::from((0x0a00_0000 | host).to_be_bytes());
        Key::new((&addr(a), port), (&addr(b), 502), 6, false)
    }

    #[test]
    fn conversations_are_shared_out_evenly_by_host_and_by_port() {
        let of_hosts = (0..16_000).map(|host| key(host, 0xff_fffe, 40_000));
        let of_pairs = (0..16_000).map(|host| key(host, host + 1, 40_000));
        let of_ports = (0..16_000).map(|port| key(1, 2, port));
        for keys in [of_hosts.collect::<Vec<_>>(), of_pairs.collect(), of_ports.collect()] {
            let mut counts = [0; SHARDS as usize];
            keys.iter().for_each(|key| counts[usize::from(key.shard())] += 1);
            assert!(counts.iter().all(|count| (700..=1300).contains(count)), "{counts:?}");
        }
    }

    #[test]
    fn both_directions_are_one_conversation() {
        let (a, b) = ([10, 0, 0, 1].into(), [10, 0, 0, 2].into());
        let (there, back) = (Key::new((&a, 7), (&b, 9), 17, false), Key::new((&b, 9), (&a, 7), 17, false));
        assert_eq!((there, there.hash(), there.shard()), (back, back.hash(), back.shard()));
    }
}
