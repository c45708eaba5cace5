//! What a filter says, before anybody asks on which link.

use crate::condition::{Compare, Join, Operator, Width};
use std::net::Ipv6Addr;
use std::ops::RangeInclusive;

/// A filter, or a part of one.
#[derive(Clone, Debug)]
pub(crate) enum Expression {
    Primitive { column: usize, primitive: Primitive },
    Not(Box<Expression>),
    Chain(Box<Expression>, Vec<(Join, Expression)>),
}

#[derive(Clone, Debug)]
pub(crate) enum Primitive {
    /// `tcp`, `arp` and the like.
    Protocol(Protocol),
    Host {
        protocol: Option<Protocol>,
        side: Side,
        network: Network,
    },
    Station {
        side: Side,
        station: [u8; 6],
    },
    Port {
        protocol: Option<u8>,
        side: Side,
        ports: RangeInclusive<u16>,
    },
    /// `broadcast` and `multicast`, on the link or in IP.
    Broadcast,
    Multicast(Protocol),
    Llc,
    Vlan(Option<u16>),
    Mpls(Option<u32>),
    PppoeDiscovery,
    PppoeSession(Option<u16>),
    /// Whether this machine sent the frame: `outbound`, `inbound`.
    Sent(bool),
    Interface(u32),
    Relation(Relation),
}

/// A layer that can be named.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Protocol {
    Link,
    /// By its EtherType.
    Network(u16),
    /// By its service access point (IEEE 802.2).
    Llc(u8),
    /// By its number in IPv4, IPv6 or either.
    Inside(u8, Over),
}

impl Protocol {
    pub(crate) const IP: Self = Self::Network(0x0800);
    pub(crate) const IP6: Self = Self::Network(0x86dd);
    pub(crate) const ARP: Self = Self::Network(0x0806);
    pub(crate) const RARP: Self = Self::Network(0x8035);
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Over {
    V4,
    V6,
    Both,
}

/// Which of the two ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    Source,
    Destination,
    Either,
    Both,
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Network {
    V4 { address: u32, mask: u32 },
    V6 { address: Ipv6Addr, mask: u128 },
}

/// `left compare right`, or the contrary.
#[derive(Clone, Debug)]
pub(crate) struct Relation {
    pub(crate) left: Arithmetic,
    pub(crate) compare: Compare,
    pub(crate) is_contrary: bool,
    pub(crate) right: Arithmetic,
}

#[derive(Clone, Debug)]
pub(crate) enum Arithmetic {
    Number(u32),
    Length,
    Load { column: usize, protocol: Protocol, at: Box<Arithmetic>, width: Width },
    Binary { column: usize, operator: Operator, left: Box<Arithmetic>, right: Box<Arithmetic> },
    Negative(Box<Arithmetic>),
}
