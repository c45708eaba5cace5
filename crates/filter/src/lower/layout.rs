//! The link: its header, tags and labels.

#![allow(clippy::wildcard_enum_match_arm, reason = "links that have not got it are refused alike")]

use crate::Error;
use crate::condition::{Compare, Condition, Value, Width};
use crate::program::beside;
use crate::syntax::{Protocol, Side};
use wire::link::Link;

/// Where things stand in a frame; offsets are from its beginning.
#[derive(Clone, Debug)]
pub(super) struct Layout {
    /// For what an error says.
    link: Link,
    header: Header,
    /// Where the next tag is to be looked for.
    tag: Tag,
    /// Whether the frame is shorter than it was on the wire, since its tag was taken out.
    lacks_tag: bool,
    /// Where the header of the link begins: behind PPPoE it is the one of PPP.
    pub(super) start: u32,
    /// Where the kind of what is carried is told.
    kind_at: u32,
    /// Where the payload of the link begins.
    pub(super) payload: u32,
    /// MPLS labels before the payload.
    labels: u32,
    /// Where the kernel is asked rather than the frame.
    is_live: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Header {
    Ethernet,
    /// Linux cooked, first and second version.
    Cooked,
    Cooked2,
    /// A protocol family.
    Family,
    /// None: the first four bits tell IPv4 from IPv6.
    Raw,
    V4,
    V6,
    Ppp,
}

/// Where the outer VLAN tag is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tag {
    /// In the frame, as in captures.
    InFrame,
    /// With the kernel.
    TakenOut,
    /// The kernel has taken none out, and may have left one in the frame (EtherType 0x9100, or a driver of its own).
    NotTakenOut,
}

/// IEEE 802.1Q, 802.1ad, and the older one for QinQ.
const VLAN_TAGS: [u16; 3] = [0x8100, 0x88a8, 0x9100];
/// RFC 3032, 5.
const MPLS: u16 = 0x8847;
/// RFC 2516, 4.
const PPPOE_SESSION: u16 = 0x8864;
/// What is this at most where an EtherType stands is a length (IEEE 802.3, 3.2.6).
const LENGTH_MAX: u32 = 1500;

impl Layout {
    pub(super) fn new(link: Link, tag: Tag) -> Result<Self, Error> {
        let (header, kind_at, payload) = match link {
            Link::ETHERNET => (Header::Ethernet, 12, 14),
            Link::LINUX_SLL => (Header::Cooked, 14, 16),
            Link::LINUX_SLL2 => (Header::Cooked2, 0, 20),
            Link::NULL | Link::LOOP => (Header::Family, 0, 4),
            Link::RAW | Link::RAW_BSD | Link::RAW_OPENBSD => (Header::Raw, 0, 0),
            Link::IPV4 => (Header::V4, 0, 0),
            Link::IPV6 => (Header::V6, 0, 0),
            _ => return Err(Error::UnknownLink { link }),
        };
        let (lacks_tag, is_live) = (tag == Tag::TakenOut, tag != Tag::InFrame);
        Ok(Self { link, header, tag, lacks_tag, start: 0, kind_at, payload, labels: 0, is_live })
    }

    pub(super) fn refused<T>(&self, column: usize, what: &'static str) -> Result<T, Error> {
        Err(Error::Link { column, what, link: self.link })
    }

    /// Length of the frame on the wire.
    pub(super) fn length(&self) -> Value {
        if self.lacks_tag { Value::Length.plus(4) } else { Value::Length }
    }

    /// Bytes of the link's payload.
    pub(super) fn inside(&self, at: u32, width: Width) -> Value {
        Value::bytes(self.payload + at, width)
    }

    /// Whether MPLS labels stand before the payload.
    pub(super) fn is_labelled(&self) -> bool {
        self.labels > 0
    }

    /// Whether the link carries this EtherType.
    pub(super) fn carries(&self, column: usize, ether_type: u16) -> Result<Condition, Error> {
        if self.labels > 0 {
            return self.carries_labelled(column, ether_type);
        }
        let kind = |kind| Value::bytes(self.kind_at, Width::Two).is(kind);
        let version = |version| Value::bytes(self.payload, Width::One).masked(0xf0).is(version);
        Ok(match (self.header, Protocol::Network(ether_type)) {
            (Header::Ethernet | Header::Cooked | Header::Cooked2, _) => kind(u32::from(ether_type)),
            (Header::Family, Protocol::IP) => family(&[2]),
            // BSD, FreeBSD, Darwin and Linux number this family each in its own way.
            (Header::Family, Protocol::IP6) => family(&[24, 28, 30, 10]),
            (Header::Raw, Protocol::IP) => version(0x40),
            (Header::Raw, Protocol::IP6) => version(0x60),
            (Header::V4, Protocol::IP) | (Header::V6, Protocol::IP6) => Condition::Always(true),
            (Header::Ppp, _) => kind(ppp_number(ether_type)),
            (Header::Family | Header::Raw | Header::V4 | Header::V6, _) => Condition::Always(false),
        })
    }

    /// Under labels nothing tells what is carried but the packet itself (RFC 3032, 2.1).
    fn carries_labelled(&self, column: usize, ether_type: u16) -> Result<Condition, Error> {
        let version = match Protocol::Network(ether_type) {
            Protocol::IP => 0x40,
            Protocol::IP6 => 0x60,
            _ => return self.refused(column, "anything but ip and ip6 under mpls"),
        };
        let is_last = Value::bytes(self.payload - 2, Width::One).masked(1).is(1);
        Ok(Condition::all([is_last, self.inside(0, Width::One).masked(0xf0).is(version)]))
    }

    /// Whether the link carries LLC with this destination service access point (IEEE 802.2, 3).
    pub(super) fn carries_llc(&self, column: usize, point: u8) -> Result<Condition, Error> {
        match self.header {
            Header::Ppp if self.labels == 0 => return self.carries(column, u16::from(point)),
            Header::Family | Header::Raw | Header::V4 | Header::V6 => return Ok(Condition::Always(false)),
            Header::Ethernet | Header::Cooked | Header::Cooked2 | Header::Ppp => {}
        }
        let point = u32::from(point);
        // ISO, IP and NetBEUI have the same point on both sides.
        let is_point = match point {
            0x06 | 0xf0 | 0xfe => self.inside(0, Width::Two).is(point << 8 | point),
            _ => self.inside(0, Width::One).is(point),
        };
        Ok(Condition::all([self.has_length(column)?, is_point]))
    }

    /// Whether the frame is an LLC frame, and not IPX without a header.
    pub(super) fn llc(&self, column: usize) -> Result<Condition, Error> {
        Ok(Condition::all([self.has_length(column)?, self.inside(0, Width::Two).is(0xffff).not()]))
    }

    fn has_length(&self, column: usize) -> Result<Condition, Error> {
        let kind = Value::bytes(self.kind_at, Width::Two);
        match self.header {
            Header::Ethernet if self.labels == 0 => Ok(kind.compare(Compare::Greater, LENGTH_MAX).not()),
            // LINUX_SLL_P_802_2.
            Header::Cooked | Header::Cooked2 => Ok(kind.is(4)),
            _ => self.refused(column, "llc"),
        }
    }

    /// A tag, and what follows stands behind it (IEEE 802.1Q, 9.6).
    pub(super) fn vlan(&mut self, column: usize, identifier: Option<u16>) -> Result<Condition, Error> {
        if self.header != Header::Ethernet || self.labels > 0 {
            return self.refused(column, "vlan");
        }
        let is_tag_of = |value: Value| identifier.map(|number| value.masked(0x0fff).is(u32::from(number)));
        let told = if self.tag == Tag::TakenOut {
            self.tag = Tag::InFrame;
            let is_told = Value::Beside(beside::VLAN_TAG_PRESENT).is(1);
            [Some(is_told), is_tag_of(Value::Beside(beside::VLAN_TAG))]
        } else {
            let kinds = VLAN_TAGS.map(|kind| self.carries(column, kind));
            let is_tagged = Condition::any(kinds.into_iter().collect::<Result<Vec<_>, _>>()?);
            let tag = self.inside(0, Width::Two);
            (self.kind_at, self.payload) = (self.kind_at + 4, self.payload + 4);
            [Some(is_tagged), is_tag_of(tag)]
        };
        Ok(Condition::all(told.into_iter().flatten()))
    }

    /// A label, and what follows stands behind it (RFC 3032, 2.1).
    pub(super) fn mpls(&mut self, column: usize, label: Option<u32>) -> Result<Condition, Error> {
        let is_labelled = if self.labels > 0 {
            Value::bytes(self.payload - 2, Width::One).masked(1).is(0)
        } else if matches!(self.header, Header::Ethernet | Header::Ppp) {
            self.carries(column, MPLS)?
        } else {
            return self.refused(column, "mpls");
        };
        let is_label = label.map(|label| self.inside(0, Width::Four).masked(0xffff_f000).is(label << 12));
        (self.labels, self.payload) = (self.labels + 1, self.payload + 4);
        Ok(Condition::all([Some(is_labelled), is_label].into_iter().flatten()))
    }

    /// A session, and what follows is PPP (RFC 2516, 4).
    pub(super) fn pppoe_session(&mut self, column: usize, session: Option<u16>) -> Result<Condition, Error> {
        let is_session = self.carries(column, PPPOE_SESSION)?;
        let number = self.inside(0, Width::Four).masked(0xffff);
        let is_number = session.map(|session| number.is(u32::from(session)));
        self.start = self.payload + 6;
        (self.header, self.kind_at, self.payload) = (Header::Ppp, self.start, self.start + 2);
        Ok(Condition::all([Some(is_session), is_number].into_iter().flatten()))
    }

    /// Hardware addresses of Ethernet (IEEE 802.3, 3.2.3).
    pub(super) fn station(&self, column: usize, side: Side, station: [u8; 6]) -> Result<Condition, Error> {
        if self.header != Header::Ethernet {
            return self.refused(column, "a hardware address");
        }
        let [a, b, c, d, e, f] = station;
        let is_at = |at: u32| {
            let low = Value::bytes(at + 2, Width::Four).is(u32::from_be_bytes([c, d, e, f]));
            let high = Value::bytes(at, Width::Two).is(u32::from(u16::from_be_bytes([a, b])));
            Condition::all([low, high])
        };
        Ok(side.of(is_at(6), is_at(0)))
    }

    pub(super) fn broadcast(&self, column: usize) -> Result<Condition, Error> {
        match self.header {
            Header::Ethernet => self.station(column, Side::Destination, [0xff; 6]),
            _ => self.refused(column, "broadcast"),
        }
    }

    pub(super) fn multicast(&self, column: usize, protocol: Protocol) -> Result<Condition, Error> {
        match protocol {
            Protocol::IP => {
                let is_group = self.inside(16, Width::One).compare(Compare::AtLeast, 224);
                Ok(Condition::all([self.carries(column, 0x0800)?, is_group]))
            }
            Protocol::IP6 => {
                Ok(Condition::all([self.carries(column, 0x86dd)?, self.inside(24, Width::One).is(0xff)]))
            }
            _ if self.header == Header::Ethernet => {
                Ok(Value::bytes(0, Width::One).compare(Compare::AnyBit, 1))
            }
            _ => self.refused(column, "multicast"),
        }
    }

    /// Whether this machine sent the frame (`LINUX_SLL_OUTGOING`).
    pub(super) fn sent(&self, column: usize) -> Result<Condition, Error> {
        const OUTGOING: u32 = 4;
        match self.header {
            Header::Cooked => Ok(Value::bytes(0, Width::Two).is(OUTGOING)),
            Header::Cooked2 => Ok(Value::bytes(10, Width::One).is(OUTGOING)),
            _ if self.is_live => Ok(Value::Beside(beside::PACKET_TYPE).is(OUTGOING)),
            _ => self.refused(column, "the direction"),
        }
    }

    /// Number of the interface.
    pub(super) fn interface(&self, column: usize) -> Result<Value, Error> {
        match self.header {
            Header::Cooked2 => Ok(Value::bytes(4, Width::Four)),
            _ if self.is_live => Ok(Value::Beside(beside::INTERFACE)),
            _ => self.refused(column, "the interface"),
        }
    }
}

/// What PPP calls this EtherType or service access point (IANA, *PPP DLL Protocol Numbers*); others are PPP's own.
fn ppp_number(kind: u16) -> u32 {
    u32::from(match kind {
        0x0800 => 0x0021,
        0x86dd => 0x0057,
        0x6003 => 0x0027,
        MPLS => 0x0281,
        0x00fe => 0x0023,
        0x0042 => 0x0031,
        number => number,
    })
}

/// A protocol family, which stands in the byte order of the machine that captured.
fn family(numbers: &[u32]) -> Condition {
    let is = |number: u32| Value::bytes(0, Width::Four).is(number);
    Condition::any(numbers.iter().flat_map(|number| [is(number.swap_bytes()), is(*number)]))
}

impl Side {
    pub(super) fn of(self, source: Condition, destination: Condition) -> Condition {
        match self {
            Self::Source => source,
            Self::Destination => destination,
            Self::Either => Condition::any([source, destination]),
            Self::Both => Condition::all([source, destination]),
        }
    }
}
