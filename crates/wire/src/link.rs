//! From a captured frame to the packet it carries: IEEE 802.3, 802.1Q, 802.11, FDDI, FabricPath, Linux cooked, PPP,
//! MPLS, raw IP and loopback.
//!
//! Sources: tcpdump.org, *Link-layer header types*; IEEE 802.3-2022, 3.2; IEEE 802.1Q-2022, 9.6; RFC 1661, 2; RFC 2516, 4;
//! RFC 3032, 2.1 and 4.3; RFC 1188, *FDDI Frame Format*; IEEE 802.11-2020, 9.3.2.2; Cisco, *FabricPath* (from captures).

mod ethernet;
mod kinds;
mod redundant;
mod serial;
mod wireless;

pub use ethernet::{TAGS, Tag};
pub use kinds::{KINDS, Kind};
pub use redundant::Redundant;
pub use serial::inside_ppp;
pub use wireless::subframe;

use crate::{Reader, Result};
use ethernet::{llc, plain, tagged, under_labels};

/// Kind of link that a capture was taken on, by its number in the list of link-layer header types.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Link(pub u16);

impl Link {
    /// BSD loopback: a protocol family in the byte order of the capturing machine.
    pub const NULL: Link = Link(0);
    /// Ethernet.
    pub const ETHERNET: Link = Link(1);
    /// PPP with an optional HDLC-like header.
    pub const PPP: Link = Link(9);
    /// Token ring, IEEE 802.5.
    pub const TOKEN_RING: Link = Link(6);
    /// FDDI.
    pub const FDDI: Link = Link(10);
    /// Raw IP, as BSD numbers it.
    pub const RAW_BSD: Link = Link(12);
    /// Raw IP, as OpenBSD numbers it.
    pub const RAW_OPENBSD: Link = Link(14);
    /// PPP in HDLC-like framing.
    pub const PPP_SERIAL: Link = Link(50);
    /// PPP over Ethernet, from its own header on.
    pub const PPP_ETHER: Link = Link(51);
    /// Raw IP.
    pub const RAW: Link = Link(101);
    /// Cisco HDLC.
    pub const HDLC: Link = Link(104);
    /// Frame Relay.
    pub const FRAME_RELAY: Link = Link(107);
    /// IEEE 802.11.
    pub const WIRELESS: Link = Link(105);
    /// IEEE 802.11 behind a radiotap header.
    pub const RADIOTAP: Link = Link(127);
    /// OpenBSD loopback: a protocol family, most significant byte first.
    pub const LOOP: Link = Link(108);
    /// Linux cooked capture, first version.
    pub const LINUX_SLL: Link = Link(113);
    /// Raw IPv4.
    pub const IPV4: Link = Link(228);
    /// Raw IPv6.
    pub const IPV6: Link = Link(229);
    /// Ethernet as netANALYZER cards record it: four bytes of their own in front.
    pub const NETANALYZER: Link = Link(240);
    /// Ethernet between the parts of a switch, with a DSA tag.
    pub const DSA: Link = Link(284);
    /// IEEE 802.11 behind a header of the Prism driver.
    pub const PRISM: Link = Link(119);
    /// IEEE 802.11 behind an AVS header.
    pub const AVS: Link = Link(163);
    /// Linux netfilter log: attributes, one of them the packet.
    pub const NFLOG: Link = Link(239);
    /// Linux cooked capture, second version.
    pub const LINUX_SLL2: Link = Link(276);
}

/// A frame without its link header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame<'a> {
    /// Who sent it on this segment.
    pub source: Option<[u8; 6]>,
    /// Who was to receive it.
    pub destination: Option<[u8; 6]>,
    /// VLAN identifier of the first (outer) tag.
    pub vlan: Option<u16>,
    /// VLAN identifier of the second tag.
    pub inner_vlan: Option<u16>,
    /// EtherType of what follows; 0 where the frame has a length instead.
    pub ethertype: u16,
    /// What follows the headers, padding included.
    pub payload: &'a [u8],
    /// Which copy it is, where the sender sends every frame twice.
    pub redundant: Option<Redundant>,
    /// Packets for other receivers that came in the same 802.11 frame, one [`subframe`] behind the other.
    pub others: &'a [u8],
}

/// EtherType of IPv4.
pub const IPV4: u16 = 0x0800;
/// EtherType of ARP.
pub const ARP: u16 = 0x0806;
/// EtherType of IPv6.
pub const IPV6: u16 = 0x86dd;
impl Link {
    /// Takes the link header off `bytes`.
    ///
    /// # Errors
    /// When the header is cut short. A link of a kind that is not known is taken for raw IP.
    #[inline]
    pub fn open(self, bytes: &[u8]) -> Result<Frame<'_>> {
        match plain(bytes) {
            Some(frame) if self == Link::ETHERNET => Ok(frame),
            _ => self.open_any(bytes),
        }
    }

    fn open_any(self, bytes: &[u8]) -> Result<Frame<'_>> {
        let r = Reader::new(bytes);
        match KINDS.iter().find(|kind| kind.link == self) {
            Some(kind) => (kind.open)(r),
            // What is not known is tried as IP.
            None => raw(r),
        }
    }
}

/// Frame control, addresses, and always LLC (RFC 1188). The addresses stand in another order of bits than in
/// Ethernet, depending on who captured them, and are left out.
fn fddi(mut r: Reader<'_>) -> Result<Frame<'_>> {
    r.bytes::<13>("fddi header")?;
    let ethertype = llc(&mut r)?;
    Ok(bare(ethertype, r.rest()))
}

/// IP without a link header; whatever is neither version is said to be IPv4, and will not be read as such.
fn raw(r: Reader<'_>) -> Result<Frame<'_>> {
    let ethertype = if version(r.rest()) == Some(6) { IPV6 } else { IPV4 };
    Ok(bare(ethertype, r.rest()))
}

/// IP where something else may stand as well.
fn perhaps_ip(r: Reader<'_>) -> Frame<'_> {
    let ethertype = match version(r.rest()) {
        Some(4) => IPV4,
        Some(6) => IPV6,
        _ => 0,
    };
    bare(ethertype, r.rest())
}

fn version(bytes: &[u8]) -> Option<u8> {
    bytes.first().map(|byte| byte >> 4)
}

#[inline]
fn bare(ethertype: u16, payload: &[u8]) -> Frame<'_> {
    Frame {
        source: None,
        destination: None,
        vlan: None,
        inner_vlan: None,
        ethertype,
        payload,
        redundant: None,
        others: &[],
    }
}

/// LINKTYPE_NULL and LINKTYPE_LOOP: a protocol family, whose numbers differ between systems, then the packet.
fn loopback(mut r: Reader<'_>) -> Result<Frame<'_>> {
    r.u32_be("protocol family")?;
    Ok(perhaps_ip(r))
}

/// Access control, frame control, addresses, perhaps a route, and LLC (IEEE 802.5, 3.2). The addresses stand in another
/// order of bits than in Ethernet and are left out.
fn token_ring(mut r: Reader<'_>) -> Result<Frame<'_>> {
    const HAS_ROUTE: u8 = 0x80;
    r.bytes::<8>("controls and destination")?;
    let [source, ..] = r.bytes::<6>("source address")?;
    if source & HAS_ROUTE != 0 {
        let route = r.u8("route length")? & 0x1f;
        r.take("route", usize::from(route).saturating_sub(1))?;
    }
    let ethertype = llc(&mut r)?;
    Ok(bare(ethertype, r.rest()))
}

/// LINKTYPE_LINUX_SLL: packet type, ARPHRD type, address length, eight bytes of address, protocol.
fn cooked(mut r: Reader<'_>) -> Result<Frame<'_>> {
    r.u16_be("packet type")?;
    r.u16_be("hardware type")?;
    let length = r.u16_be("address length")?;
    let [a, b, c, d, e, f, _, _] = r.bytes("address")?;
    let ethertype = r.u16_be("protocol")?;
    let source = (length == 6).then_some([a, b, c, d, e, f]);
    tagged(r, Frame { source, ..bare(ethertype, &[]) })
}

/// LINKTYPE_LINUX_SLL2: protocol, reserved, interface index, ARPHRD type, packet type, address length, address.
fn cooked2(mut r: Reader<'_>) -> Result<Frame<'_>> {
    let ethertype = r.u16_be("protocol")?;
    r.u16_be("reserved")?;
    r.u32_be("interface index")?;
    r.u16_be("hardware type")?;
    r.u8("packet type")?;
    let length = r.u8("address length")?;
    let [a, b, c, d, e, f, _, _] = r.bytes("address")?;
    let source = (length == 6).then_some([a, b, c, d, e, f]);
    tagged(r, Frame { source, ..bare(ethertype, &[]) })
}

/// LINKTYPE_NFLOG: family, version, resource; then attributes of a length, a type and a value, in the byte order of
/// the capturing machine, which is little-endian in all captures seen.
fn nflog(mut r: Reader<'_>) -> Result<Frame<'_>> {
    const PAYLOAD: u16 = 9;
    r.u32_be("family, version and resource")?;
    loop {
        let length = usize::from(r.u16_le("attribute length")?);
        let kind = r.u16_le("attribute type")? & 0x7fff;
        let value = r.take("attribute", length.saturating_sub(4))?;
        if kind == PAYLOAD {
            return Ok(perhaps_ip(Reader::new(value)));
        }
        r.take("padding", (length.next_multiple_of(4) - length).min(r.rest().len()))?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_short_way_and_the_long_way_see_the_same_frame() {
        arbtest::arbtest(|u| {
            let mut bytes: Vec<u8> = u.arbitrary()?;
            if let Some([high, low]) = bytes.get_mut(12..14).and_then(|type_| type_.as_mut_array()) {
                (*high, *low) =
                    *u.choose(&[(0x08, 0x00), (0x86, 0xdd), (0x08, 0x06), (0x81, 0x00), (0x89, 0x2f)])?;
            }
            if let Some([high, low]) = bytes.get_mut(16..18).and_then(|type_| type_.as_mut_array()) {
                (*high, *low) = *u.choose(&[(0x08, 0x00), (0x86, 0xdd), (0x81, 0x00)])?;
            }
            if let Some(frame) = plain(&bytes) {
                assert_eq!(Link::ETHERNET.open_any(&bytes), Ok(frame));
            }
            Ok(())
        });
    }

    #[test]
    fn no_link_panics_on_any_bytes() {
        arbtest::arbtest(|u| {
            let link = Link(u.arbitrary::<u16>()? % 300);
            let bytes: Vec<u8> = u.arbitrary()?;
            let _ = link.open(&bytes);
            Ok(())
        });
    }
}
