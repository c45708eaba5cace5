//! Who talks to whom in a frame, through tunnels and all: what the index names and what a search compares.
//!
//! Sources: RFC 826, *Packet format*; the others stand in `wire` and `sensor`.

use crate::hash::{SALT, fold};
use model::Mac;
use sensor::{Inner, inside_ip, inside_udp};
use std::net::{IpAddr, Ipv4Addr};
use wire::Reader;
use wire::ip;
use wire::link::{self, Link};

/// A conversation, whichever end sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Conversation {
    /// Of two IP hosts. Ports are those of TCP and UDP and 0 elsewhere. Parts of packets have no ports (only the first
    /// tells them): they belong to every conversation of the two hosts with the same protocol.
    Ip {
        /// One end, address and port.
        one: (IpAddr, u16),
        /// The other end.
        other: (IpAddr, u16),
        /// Protocol number of the IP header.
        protocol: u8,
    },
    /// Of two stations, where there is no IP: GOOSE, PROFINET, ARP.
    Link {
        /// One end.
        one: Mac,
        /// The other end, perhaps a group.
        other: Mac,
        /// EtherType; 0 where the frame has a length instead.
        ethertype: u16,
    },
}

/// One end of a packet, by which its class is found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum End {
    /// A host.
    Host(IpAddr),
    /// A station of the segment.
    Station(Mac),
}

/// Whose packets are looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Who {
    /// Of one conversation.
    Conversation(Conversation),
    /// From or to a host, also inside a tunnel, and ARP about it.
    Host(IpAddr),
    /// From or to a station of the segment.
    Station(Mac),
}

/// What stands in a frame, the outermost first.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Layer {
    /// A link header with addresses, of a frame that carries `ethertype`.
    Link { source: Mac, destination: Mac, ethertype: u16 },
    /// What ARP asks and tells.
    Arp { sender: IpAddr, target: IpAddr },
    /// An IP header, and the ports where they are known.
    Ip { source: (IpAddr, u16), destination: (IpAddr, u16), protocol: u8, part: bool },
}

/// Tunnels that are looked into, one in the other; the sensor goes as deep.
const DEPTH_MAX: u8 = 4;
/// EtherType of ARP.
const ARP: u16 = 0x0806;

/// Hands over what stands in a frame of this kind of link. A frame that cannot be read has nothing in it.
#[inline]
pub(crate) fn layers(link: Link, bytes: &[u8], see: &mut impl FnMut(Layer)) {
    let Some(mut inner) = frame(link, bytes, see) else { return };
    for _ in 0..DEPTH_MAX {
        let next = match inner {
            Inner::Ip(bytes) => packet(bytes, see),
            Inner::Frame(link, bytes) => frame(link, bytes, see),
            Inner::Other | Inner::Odd(_) => return,
        };
        let Some(next) = next else { return };
        inner = next;
    }
}

#[inline]
fn frame<'a>(link: Link, bytes: &'a [u8], see: &mut impl FnMut(Layer)) -> Option<Inner<'a>> {
    let frame = link.open(bytes).ok()?;
    let ethertype = frame.ethertype;
    if let (Some(source), Some(destination)) = (frame.source, frame.destination) {
        see(Layer::Link { source: Mac(source), destination: Mac(destination), ethertype });
    }
    match ethertype {
        link::IPV4 | link::IPV6 => packet(frame.payload, see),
        ARP => {
            if let Some((sender, target)) = arp(frame.payload) {
                see(Layer::Arp { sender, target });
            }
            None
        }
        _ => None,
    }
}

/// Hardware and protocol type, their lengths, operation; then hardware and protocol address of sender and target.
fn arp(bytes: &[u8]) -> Option<(IpAddr, IpAddr)> {
    let mut r = Reader::new(bytes);
    let [_, _, high, low, hardware_len, 4, _, _] = r.bytes("arp header").ok()? else { return None };
    (u16::from_be_bytes([high, low]) == link::IPV4).then_some(())?;
    let mut address = || {
        r.take("hardware address", hardware_len.into()).ok()?;
        Some(IpAddr::V4(Ipv4Addr::from(r.bytes::<4>("protocol address").ok()?)))
    };
    Some((address()?, address()?))
}

#[inline]
fn packet<'a>(bytes: &'a [u8], see: &mut impl FnMut(Layer)) -> Option<Inner<'a>> {
    let packet = ip::Packet::open(bytes).ok()?;
    let part = packet.fragment.is_some();
    let ports = match packet.protocol {
        6 | 17 if !part => packet.payload.first_chunk::<4>(),
        _ => None,
    };
    let (from, to) =
        ports.map_or((0, 0), |&[a, b, c, d]| (u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d])));
    let (source, destination) = ((packet.source, from), (packet.destination, to));
    see(Layer::Ip { source, destination, protocol: packet.protocol, part });
    match packet.protocol {
        _ if part => None,
        6 | 1 | 58 => None,
        17 => inside_udp(from, to, packet.payload.get(8..)?),
        protocol => inside_ip(protocol, packet.payload),
    }
}

impl Layer {
    /// The conversation that it is of; `None` for what ARP tells, which is of the frame around it, and for a frame around
    /// IP.
    pub(crate) fn conversation(self) -> Option<Conversation> {
        match self {
            Layer::Link { source, destination, ethertype } => (!matches!(ethertype, link::IPV4 | link::IPV6))
                .then_some(Conversation::Link { one: source, other: destination, ethertype }),
            Layer::Arp { .. } => None,
            Layer::Ip { source, destination, protocol, .. } => {
                Some(Conversation::Ip { one: source, other: destination, protocol })
            }
        }
    }

    /// Both ends.
    pub(crate) fn ends(self) -> [End; 2] {
        match self {
            Layer::Link { source, destination, .. } => [End::Station(source), End::Station(destination)],
            Layer::Arp { sender, target } => [End::Host(sender), End::Host(target)],
            Layer::Ip { source, destination, .. } => [End::Host(source.0), End::Host(destination.0)],
        }
    }
}

impl Conversation {
    /// The conversation of a frame: the innermost of its IP packets, or of its stations where there is none.
    pub fn of(link: Link, bytes: &[u8]) -> Option<Self> {
        let (mut found, mut is_ip) = (None, false);
        layers(link, bytes, &mut |layer| {
            let conversation = layer.conversation();
            let ip = matches!(layer, Layer::Ip { .. });
            if ip || (!is_ip && found.is_none()) {
                found = conversation.or(found);
            }
            is_ip |= ip;
        });
        found
    }

    fn has(self, layer: Layer) -> bool {
        let Some(seen) = layer.conversation() else { return false };
        // The ports of a part are not known.
        let asked = if matches!(layer, Layer::Ip { part: true, .. }) { self.without_ports() } else { self };
        seen == asked || seen == asked.reversed()
    }

    fn without_ports(self) -> Self {
        match self {
            Conversation::Ip { one, other, protocol } => {
                Conversation::Ip { one: (one.0, 0), other: (other.0, 0), protocol }
            }
            Conversation::Link { .. } => self,
        }
    }

    fn reversed(self) -> Self {
        match self {
            Conversation::Ip { one, other, protocol } => {
                Conversation::Ip { one: other, other: one, protocol }
            }
            Conversation::Link { one, other, ethertype } => {
                Conversation::Link { one: other, other: one, ethertype }
            }
        }
    }

    /// Name of it in the index.
    fn term(self) -> u64 {
        match self {
            Conversation::Ip { one, other, protocol } => {
                between([(host(one.0), one.1), (host(other.0), other.1)], protocol.into())
            }
            Conversation::Link { one, other, ethertype } => {
                between([(station(one), 0), (station(other), 0)], u64::from(ethertype) << 8)
            }
        }
    }
}

impl Who {
    fn is_in(self, layer: Layer) -> bool {
        match self {
            Who::Conversation(conversation) => conversation.has(layer),
            Who::Host(addr) => layer.ends().contains(&End::Host(addr)),
            Who::Station(mac) => layer.ends().contains(&End::Station(mac)),
        }
    }

    /// Names under which it stands in the index: a packet that is looked for has one of them.
    pub(crate) fn terms(self) -> Vec<u32> {
        match self {
            Who::Conversation(conversation) => {
                vec![short(conversation.term()), short(conversation.without_ports().term())]
            }
            Who::Host(addr) => vec![short(host(addr))],
            Who::Station(mac) => vec![short(station(mac))],
        }
    }
}

/// Whether a frame is of all of them.
pub(crate) fn is_of_all(who: &[Who], link: Link, bytes: &[u8]) -> bool {
    let mut missing: Vec<Who> = who.to_vec();
    layers(link, bytes, &mut |layer| missing.retain(|who| !who.is_in(layer)));
    missing.is_empty()
}

/// What a frame stands under in the index.
pub(crate) struct Terms {
    /// With [`DEPTH_MAX`] tunnels no frame has more.
    list: [u32; Self::MAX],
    len: usize,
}

impl Terms {
    /// Five layers with three terms each, and a link header before each.
    const MAX: usize = 32;

    /// Terms of an Ethernet frame.
    pub(crate) fn of(bytes: &[u8]) -> Self {
        let mut terms = Self { list: [0; Self::MAX], len: 0 };
        layers(Link::ETHERNET, bytes, &mut |layer| terms.add(layer));
        terms
    }

    fn add(&mut self, layer: Layer) {
        let [one, other] = layer.ends().map(|end| match end {
            End::Host(addr) => host(addr),
            End::Station(mac) => station(mac),
        });
        self.push(one);
        self.push(other);
        match layer {
            Layer::Ip { source, destination, protocol, .. } => {
                self.push(between([(one, source.1), (other, destination.1)], protocol.into()));
            }
            Layer::Link { ethertype, .. } if layer.conversation().is_some() => {
                self.push(between([(one, 0), (other, 0)], u64::from(ethertype) << 8));
            }
            Layer::Link { .. } | Layer::Arp { .. } => {}
        }
    }

    fn push(&mut self, term: u64) {
        if let Some(place) = self.list.get_mut(self.len) {
            *place = short(term);
            self.len += 1;
        }
    }

    pub(crate) fn as_slice(&self) -> &[u32] {
        self.list.get(..self.len).unwrap_or_default()
    }
}

#[inline]
fn short(term: u64) -> u32 {
    u32::try_from(term >> 32).unwrap_or_default()
}

/// An address as two words; an IPv4 host has those of its IPv4-mapped address (RFC 4291, 2.5.5.2).
#[inline]
fn words(addr: IpAddr) -> [u64; 2] {
    match addr {
        IpAddr::V4(addr) => [0, 0xffff << 32 | u64::from(u32::from(addr))],
        IpAddr::V6(addr) => {
            let [high, low] = [u128::from(addr) >> 64, u128::from(addr) & u128::from(u64::MAX)];
            [high, low].map(|word| u64::try_from(word).unwrap_or_default())
        }
    }
}

#[inline]
fn host(addr: IpAddr) -> u64 {
    let [high, low] = words(addr);
    let [a, b, c, _] = SALT;
    fold(fold(high ^ c, b) ^ low, a)
}

/// A conversation of two ends with ports: the sum is the same whichever sends.
#[inline]
fn between(ends: [(u64, u16); 2], kind: u64) -> u64 {
    let [.., c, d] = SALT;
    let [one, other] = ends.map(|(end, port)| fold(end ^ u64::from(port), d));
    fold(one.wrapping_add(other) ^ kind, c)
}

#[inline]
fn station(Mac([m0, m1, m2, m3, m4, m5]): Mac) -> u64 {
    let [a, _, _, d] = SALT;
    fold(u64::from_be_bytes([0, 1, m0, m1, m2, m3, m4, m5]) ^ d, a)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{arp, datagram, ethernet, host, ipv4, udp, vxlan};

    fn is_of(who: Who, frame: &[u8]) -> bool {
        let of = is_of_all(&[who], Link::ETHERNET, frame);
        let terms = Terms::of(frame);
        let indexed = who.terms().iter().any(|term| terms.as_slice().contains(term));
        assert!(!of || indexed, "{who:?} is not in the index");
        of
    }

    fn ip(one: (u8, u16), other: (u8, u16)) -> Who {
        let end = |(n, port)| (IpAddr::V4(host(n)), port);
        Who::Conversation(Conversation::Ip { one: end(one), other: end(other), protocol: 17 })
    }

    #[test]
    fn a_conversation_is_the_same_whichever_end_sends() {
        for frame in [datagram((1, 1000), (2, 502), &[]), datagram((2, 502), (1, 1000), &[])] {
            assert!(is_of(ip((1, 1000), (2, 502)), &frame));
            assert!(!is_of(ip((1, 502), (2, 1000)), &frame));
            assert!(!is_of(ip((1, 1000), (3, 502)), &frame));
            assert!(is_of(Who::Host(host(1).into()), &frame) && is_of(Who::Host(host(2).into()), &frame));
            assert!(is_of(Who::Station(Mac([2, 0, 0, 0, 0, 1])), &frame));
        }
    }

    #[test]
    fn a_tunnel_is_looked_into_and_the_innermost_conversation_is_the_one() {
        let inner = datagram((3, 1000), (4, 502), &[1]);
        let frame = vxlan(1, 2, &inner);
        assert!(is_of(ip((3, 1000), (4, 502)), &frame) && is_of(ip((1, 40_000), (2, 4789)), &frame));
        assert!(is_of(Who::Host(host(4).into()), &frame) && is_of(Who::Host(host(1).into()), &frame));
        assert_eq!(Conversation::of(Link::ETHERNET, &frame), Conversation::of(Link::ETHERNET, &inner));
        assert!(is_of(ip((5, 9), (6, 9)), &vxlan(1, 2, &vxlan(3, 4, &datagram((5, 9), (6, 9), &[])))));
    }

    #[test]
    fn parts_are_of_every_conversation_of_their_hosts() {
        let part =
            |offset| ethernet(1, 2, link::IPV4, &ipv4(host(1), host(2), 17, offset, &udp(1000, 502, &[])));
        for frame in [part(0x2000), part(0x2005), part(9)] {
            assert!(is_of(ip((2, 77), (1, 1000)), &frame));
            assert!(!is_of(ip((3, 77), (1, 1000)), &frame));
        }
    }

    #[test]
    fn arp_is_about_the_hosts_it_names() {
        let frame = arp(1, 2);
        assert!(is_of(Who::Host(host(1).into()), &frame) && is_of(Who::Host(host(2).into()), &frame));
        assert!(!is_of(Who::Host(host(3).into()), &frame));
        let conversation = Conversation::of(Link::ETHERNET, &frame).unwrap();
        assert!(is_of(Who::Conversation(conversation), &arp(1, 9)));
    }

    #[test]
    fn a_tag_does_not_matter_and_stations_without_ip_have_a_conversation() {
        let frame = datagram((1, 1000), (2, 502), &[]);
        let tagged = ethernet(1, 2, 0x8100, &[&[0, 5], &frame[12..]].concat());
        assert!(is_of(ip((1, 1000), (2, 502)), &tagged));
        let goose = ethernet(1, 200, 0x88b8, &[0; 50]);
        let conversation = Conversation::of(Link::ETHERNET, &goose).unwrap();
        assert!(is_of(Who::Conversation(conversation), &goose));
        assert!(!is_of(Who::Conversation(conversation), &ethernet(1, 200, 0x88ba, &[0; 50])));
        assert_eq!(Conversation::of(Link::ETHERNET, &[1, 2, 3]), None);
    }
}
