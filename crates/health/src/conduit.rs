//! Conduits that are said to be one-way, and what a tap sees of them.
//!
//! One frame the other way refutes the claim, and so does a frame the right way that only somebody with an
//! answer could have sent: an acknowledgment that moves, a server's part of a handshake, an answer to a
//! question. Where the tap stands matters: frames of the far side that are seen on the far side may well end
//! at the diode; there they are attempts.

use crate::look::{Look, Mark};
use crate::prefix::Prefix;
use model::{Mac, Time};
use std::net::IpAddr;
use wire::Reader;

/// A conduit that is said to be one-way: traffic may go from `from` to `to` and never back.
#[derive(Clone, Debug)]
pub struct Conduit {
    /// Name of the site for it.
    pub name: Box<str>,
    /// The side that may send.
    pub from: Side,
    /// The side that may not.
    pub to: Side,
    /// Frames that are sent to prove the claim; without them it is never proven.
    pub canary: Option<Canary>,
}

/// One side of a conduit, by what its hosts have in common.
#[derive(Clone, Debug, Default)]
pub struct Side {
    /// Addresses; a group address may stand among them.
    pub networks: Vec<Prefix>,
    /// Hardware addresses on the link, where it carries more than IP.
    pub stations: Vec<Mac>,
}

/// Where a tap listens to a conduit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Place {
    /// On the side that may send: what comes from the other has passed.
    From,
    /// On the side that may not: what it sends may still end at the diode.
    To,
    /// On the link itself, or it is not known.
    #[default]
    Link,
}

/// First bytes of the payload of a UDP datagram or of an Ethernet frame, by which a canary is known.
pub type Token = [u8; 16];

/// Frames that somebody sends on purpose, at least once a day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Canary {
    /// From `from` to `to`: must be seen on both sides, which shows that both taps work.
    pub forward: Token,
    /// From `to` to `from`: must be seen on the side of `to` and never on the other.
    pub reverse: Token,
    /// Towards `from`, sent on its own side: must be seen there, which shows that the tap sees what comes
    /// back.
    pub check: Token,
}

/// Why a conduit is not one-way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Proof {
    /// A packet or frame the other way, for one receiver.
    Frame,
    /// An answer of the address resolution protocol (RFC 826) the other way.
    ArpReply,
    /// An error message (RFC 792, RFC 4443) the other way.
    IcmpError,
    /// The canary that must not pass.
    Canary,
    /// An acknowledgment the right way that moves: its sender gets what the other side sends.
    Acknowledgment,
    /// A server's first message of a TLS handshake (RFC 8446, 4.1.3) the right way: there was a client's.
    ServerHello,
    /// An answer the right way: echo reply, DNS response, NTP server. There was a question.
    Answer,
}

impl Proof {
    /// Every proof.
    pub const ALL: [Proof; 7] = [
        Proof::Frame,
        Proof::ArpReply,
        Proof::IcmpError,
        Proof::Canary,
        Proof::Acknowledgment,
        Proof::ServerHello,
        Proof::Answer,
    ];

    /// Word for the log.
    pub fn name(self) -> &'static str {
        match self {
            Proof::Frame => "frame",
            Proof::ArpReply => "arp_reply",
            Proof::IcmpError => "icmp_error",
            Proof::Canary => "canary",
            Proof::Acknowledgment => "acknowledgment",
            Proof::ServerHello => "server_hello",
            Proof::Answer => "answer",
        }
    }

    /// For a person.
    pub fn sentence(self) -> &'static str {
        match self {
            Proof::Frame => "a frame went the other way",
            Proof::ArpReply => "an ARP reply went the other way",
            Proof::IcmpError => "an ICMP error message went the other way",
            Proof::Canary => "the canary that must not pass has passed",
            Proof::Acknowledgment => "a sender acknowledges ever more bytes of the other side",
            Proof::ServerHello => "a TLS server answers a client of the other side",
            Proof::Answer => "a sender answers questions of the other side",
        }
    }

    /// Whether it also holds where the tap is behind the diode.
    fn holds_anywhere(self) -> bool {
        matches!(self, Proof::Acknowledgment | Proof::ServerHello | Proof::Answer)
    }
}

/// Packets of one direction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Amount {
    /// How many.
    pub packets: u64,
    /// Bytes of them, by their IP headers or of the frame's payload.
    pub bytes: u64,
    /// The first of them.
    pub first: Option<Mark>,
    /// Time of the last.
    pub last: Time,
}

/// Canaries seen of one kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Canaries {
    /// How many.
    pub seen: u64,
    /// Time of the last.
    pub last: Time,
}

/// What one tap saw of a conduit in a period.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sight {
    /// The right way.
    pub forward: Amount,
    /// The first thing that refutes the claim.
    pub refuted: Option<(Proof, Mark)>,
    /// Frames the other way that may have ended at the diode.
    pub attempts: u64,
    /// Canaries: forward, reverse, check.
    pub canaries: [Canaries; 3],
}

impl Amount {
    pub(crate) fn add(&mut self, look: &Look<'_>, weight: u64) {
        let len = look.packet.map_or(look.frame.payload.len(), |packet| packet.total_len);
        let len = u64::try_from(len).unwrap_or_default();
        self.packets = self.packets.saturating_add(weight);
        self.bytes = self.bytes.saturating_add(len.saturating_mul(weight));
        self.first = self.first.or(Some(look.mark()));
        self.last = look.time;
    }

    /// Adds what another part of the tap has counted.
    pub fn merge(&mut self, other: Amount) {
        self.packets += other.packets;
        self.bytes += other.bytes;
        self.first = earlier(self.first, other.first);
        self.last = self.last.max(other.last);
    }
}

impl Sight {
    /// Adds what another part of the tap, or the tap in another period, has seen.
    pub fn merge(&mut self, other: Sight) {
        self.forward.merge(other.forward);
        let first = |(_, mark): &(Proof, Mark)| *mark;
        self.refuted = self.refuted.into_iter().chain(other.refuted).min_by_key(first);
        self.attempts += other.attempts;
        for (canaries, more) in self.canaries.iter_mut().zip(other.canaries) {
            canaries.seen += more.seen;
            canaries.last = canaries.last.max(more.last);
        }
    }
}

pub(crate) fn earlier(a: Option<Mark>, b: Option<Mark>) -> Option<Mark> {
    a.into_iter().chain(b).min()
}

impl Side {
    fn has_addr(&self, addr: IpAddr) -> bool {
        self.networks.iter().any(|network| network.contains(addr))
    }

    fn has_station(&self, station: Option<[u8; 6]>) -> bool {
        station.is_some_and(|station| self.stations.contains(&Mac(station)))
    }
}

/// A conduit as one tap watches it.
#[derive(Debug)]
pub(crate) struct Watch {
    pub(crate) conduit: Conduit,
    pub(crate) place: Place,
    pub(crate) sight: Sight,
}

/// What a segment or datagram says beyond its direction.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Message<'a> {
    /// Whether its sender has heard from the other end.
    pub(crate) heard: bool,
    /// Port it comes from; 0 where there is none.
    pub(crate) port: u16,
    /// Payload of TCP or UDP.
    pub(crate) payload: &'a [u8],
}

impl Watch {
    /// Whether a packet belongs to the conduit, and if it does, whether it goes the right way.
    pub(crate) fn direction(&self, source: IpAddr, destination: IpAddr, look: &Look<'_>) -> Option<bool> {
        let (from, to) = (&self.conduit.from, &self.conduit.to);
        let goes = |a: &Side, b: &Side| {
            (a.has_addr(source) && b.has_addr(destination))
                || (a.has_station(look.frame.source) && b.has_station(look.frame.destination))
        };
        if goes(from, to) { Some(true) } else { goes(to, from).then_some(false) }
    }

    /// Takes a packet of a conversation of the conduit.
    pub(crate) fn packet(&mut self, forward: bool, look: &Look<'_>, message: &Message<'_>) {
        let canary = self.canary(message.payload, look);
        let proof = if !forward {
            match canary {
                Some(_) if self.place == Place::To => return,
                Some(CHECK) => return,
                Some(_) => Some(Proof::Canary),
                None => Some(if is_icmp_error(look) { Proof::IcmpError } else { Proof::Frame }),
            }
        } else {
            self.sight.forward.add(look, 1);
            answer(look, message)
        };
        proof.into_iter().for_each(|proof| self.refute(proof, look));
    }

    fn refute(&mut self, proof: Proof, look: &Look<'_>) {
        if self.place == Place::To && !proof.holds_anywhere() {
            self.sight.attempts += 1;
        } else if self.sight.refuted.is_none() {
            self.sight.refuted = Some((proof, look.mark()));
        }
    }

    /// Counts a canary; says which it is.
    fn canary(&mut self, payload: &[u8], look: &Look<'_>) -> Option<usize> {
        let canary = self.conduit.canary?;
        let token: &Token = payload.first_chunk()?;
        let kind = [canary.forward, canary.reverse, canary.check].iter().position(|known| known == token)?;
        let canaries = self.sight.canaries.get_mut(kind)?;
        canaries.seen += 1;
        canaries.last = canaries.last.max(look.time);
        Some(kind)
    }

    /// Takes a frame that carries no IP.
    pub(crate) fn frame(&mut self, look: &Look<'_>) {
        if look.frame.ethertype == ARP {
            self.arp(look);
        }
        let (from, to) = (&self.conduit.from, &self.conduit.to);
        let (source, destination) = (look.frame.source, look.frame.destination);
        let group = !look.is_unicast();
        let message = Message { heard: false, port: 0, payload: look.frame.payload };
        if from.has_station(source) && (group || to.has_station(destination)) {
            self.packet(true, look, &message);
        } else if to.has_station(source) && from.has_station(destination) && look.frame.ethertype != ARP {
            self.packet(false, look, &message);
        }
    }

    /// An answer of the far side to the near one; a question of it that nobody answers proves nothing.
    fn arp(&mut self, look: &Look<'_>) {
        let Some(arp) = Arp::read(look.frame.payload) else { return };
        let (from, to) = (&self.conduit.from, &self.conduit.to);
        if arp.operation != ARP_REPLY {
            return;
        }
        if to.has_addr(arp.sender) && from.has_addr(arp.target) {
            self.refute(Proof::ArpReply, look);
        } else if from.has_addr(arp.sender) && to.has_addr(arp.target) {
            // The question came from the far side.
            self.refute(Proof::Answer, look);
        }
    }
}

/// Place of the check among a conduit's canaries.
const CHECK: usize = 2;
const ARP: u16 = 0x0806;
const ARP_REPLY: u16 = 2;

struct Arp {
    operation: u16,
    sender: IpAddr,
    target: IpAddr,
}

impl Arp {
    /// RFC 826, for IPv4 on Ethernet.
    fn read(bytes: &[u8]) -> Option<Self> {
        let mut r = Reader::new(bytes);
        (r.bytes("hardware and protocol").ok()? == [0, 1, 8, 0, 6, 4]).then_some(())?;
        let operation = r.u16_be("operation").ok()?;
        r.take("sender hardware address", 6).ok()?;
        let sender = IpAddr::from(r.bytes::<4>("sender protocol address").ok()?);
        r.take("target hardware address", 6).ok()?;
        Some(Self { operation, sender, target: IpAddr::from(r.bytes::<4>("target protocol address").ok()?) })
    }
}

/// RFC 792: unreachable, quench, redirect, time exceeded, parameter problem; RFC 4443, 2.1: types below 128.
fn is_icmp_error(look: &Look<'_>) -> bool {
    let Some(packet) = look.packet else { return false };
    match (packet.protocol, packet.payload.first()) {
        (1, Some(kind)) => matches!(kind, 3 | 4 | 5 | 11 | 12),
        (58, Some(kind)) => *kind < 128,
        _ => false,
    }
}

/// What a packet the right way says of the other direction.
fn answer(look: &Look<'_>, message: &Message<'_>) -> Option<Proof> {
    const DNS: u16 = 53;
    const NTP: u16 = 123;
    let packet = look.packet?;
    let answers = match (packet.protocol, message.port, message.payload) {
        (6, _, [0x16, 0x03, _, _, _, 0x02, ..]) => return Some(Proof::ServerHello),
        (6, ..) if message.heard => return Some(Proof::Acknowledgment),
        // The bit of a response (RFC 1035, 4.1.1), the mode of a server (RFC 5905, 7.3), an echo reply.
        (17, DNS, [_, _, flags, _, ..]) => flags & 0x80 != 0,
        (17, NTP, [first, ..]) => first & 0x07 == 4,
        (1, ..) => packet.payload.first() == Some(&0),
        (58, ..) => packet.payload.first() == Some(&129),
        _ => false,
    };
    answers.then_some(Proof::Answer)
}
