//! From a captured frame to the packet it carries: IEEE 802.3, 802.1Q, 802.11, FDDI, FabricPath, Linux cooked, PPP,
//! MPLS, raw IP and loopback.
//!
//! Sources: tcpdump.org, *Link-layer header types*; IEEE 802.3-2022, 3.2; IEEE 802.1Q-2022, 9.6; RFC 1661, 2; RFC 2516, 4;
//! RFC 3032, 2.1 and 4.3; RFC 1188, *FDDI Frame Format*; IEEE 802.11-2020, 9.3.2.2; Cisco, *FabricPath* (from captures).

use crate::{Reader, Result};

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
    /// FDDI.
    pub const FDDI: Link = Link(10);
    /// Raw IP, as BSD numbers it.
    pub const RAW_BSD: Link = Link(12);
    /// Raw IP, as OpenBSD numbers it.
    pub const RAW_OPENBSD: Link = Link(14);
    /// PPP in HDLC-like framing.
    pub const PPP_SERIAL: Link = Link(50);
    /// Raw IP.
    pub const RAW: Link = Link(101);
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
    /// Packets for other receivers that came in the same 802.11 frame, one [`subframe`] behind the other.
    pub others: &'a [u8],
}

/// EtherType of IPv4.
pub const IPV4: u16 = 0x0800;
/// EtherType of IPv6.
pub const IPV6: u16 = 0x86dd;
/// EtherTypes of a VLAN tag: IEEE 802.1Q, 802.1ad, and the older one for QinQ.
const VLAN_TAGS: [u16; 3] = [0x8100, 0x88a8, 0x9100];
/// EtherTypes of MPLS, RFC 5332, 3.
const MPLS: [u16; 2] = [0x8847, 0x8848];
/// EtherType of Cisco FabricPath.
const FABRIC_PATH: u16 = 0x8903;
/// EtherType of a VN-Tag, IEEE 802.1BR, 13.2.
const VN_TAG: u16 = 0x8926;
/// EtherType of a PPPoE session, RFC 2516, 4.
const PPPOE_SESSION: u16 = 0x8864;

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
        let mut r = Reader::new(bytes);
        match self {
            Link::ETHERNET => ethernet(r),
            Link::FDDI => fddi(r),
            Link::RAW | Link::RAW_BSD | Link::RAW_OPENBSD | Link::IPV4 | Link::IPV6 => Ok(raw(r)),
            Link::LINUX_SLL => cooked(r),
            Link::LINUX_SLL2 => cooked2(r),
            Link::NULL | Link::LOOP => {
                r.u32_be("protocol family")?;
                Ok(perhaps_ip(r))
            }
            Link::PPP | Link::PPP_SERIAL => ppp(r, true),
            Link::NFLOG => nflog(r),
            Link::WIRELESS => wireless(r),
            Link::RADIOTAP => {
                r.u16_be("radiotap version")?;
                let length = usize::from(r.u16_le("radiotap length")?);
                r.take("radiotap fields", length.saturating_sub(4))?;
                wireless(r)
            }
            // What is not known is tried as IP.
            Link(_) => Ok(raw(r)),
        }
    }
}

/// The usual Ethernet frame, IP behind 14 bytes, in one look; every other frame goes the long way.
#[inline]
fn plain(bytes: &[u8]) -> Option<Frame<'_>> {
    let (&[destination @ .., s0, s1, s2, s3, s4, s5, t0, t1], payload) = bytes.split_first_chunk::<14>()?;
    let ethertype = u16::from_be_bytes([t0, t1]);
    (matches!(ethertype, IPV4 | IPV6) && bytes.len() >= ETHERNET_MIN).then(|| Frame {
        source: Some([s0, s1, s2, s3, s4, s5]),
        destination: Some(destination),
        ..bare(ethertype, payload)
    })
}

/// Bytes that a frame has at least, if it carries anything at all.
const ETHERNET_MIN: usize = 17;

fn ethernet(mut r: Reader<'_>) -> Result<Frame<'_>> {
    let mut whole = r;
    whole.take("ethernet frame", ETHERNET_MIN)?;
    let mut frame = addressed(&mut r)?;
    if frame.ethertype == FABRIC_PATH {
        // These were the switches' own addresses; behind them stands the frame as the hosts sent it.
        r.u16_be("forwarding tag and time to live")?;
        frame = addressed(&mut r)?;
    }
    tagged(r, frame)
}

fn addressed<'a>(r: &mut Reader<'a>) -> Result<Frame<'a>> {
    let destination = Some(r.bytes("destination address")?);
    let source = Some(r.bytes("source address")?);
    let ethertype = r.u16_be("ethertype")?;
    Ok(Frame { source, destination, ..bare(ethertype, &[]) })
}

/// Frame control, addresses, and always LLC (RFC 1188). The addresses stand in another order of bits than in
/// Ethernet, depending on who captured them, and are left out.
fn fddi(mut r: Reader<'_>) -> Result<Frame<'_>> {
    r.bytes::<13>("fddi header")?;
    let ethertype = llc(&mut r)?;
    Ok(bare(ethertype, r.rest()))
}

/// Takes off VLAN tags, PPPoE and, where the frame has a length, the LLC and SNAP headers.
fn tagged<'a>(mut r: Reader<'a>, mut frame: Frame<'a>) -> Result<Frame<'a>> {
    while VLAN_TAGS.contains(&frame.ethertype) || frame.ethertype == VN_TAG {
        if frame.ethertype == VN_TAG {
            r.u32_be("vn-tag")?;
            frame.ethertype = r.u16_be("ethertype")?;
            continue;
        }
        // Identifier 0 is a priority tag: no VLAN (IEEE 802.1Q, 9.6).
        let tag = Some(r.u16_be("vlan tag")? & 0x0fff).filter(|tag| *tag != 0);
        if frame.vlan.is_none() {
            frame.vlan = tag;
        } else {
            frame.inner_vlan = tag;
        }
        frame.ethertype = r.u16_be("ethertype")?;
    }
    if frame.ethertype == PPPOE_SESSION {
        r.u16_be("pppoe code")?;
        r.u16_be("pppoe session")?;
        r.u16_be("pppoe length")?;
        let inner = ppp(r, false)?;
        (frame.ethertype, r) = (inner.ethertype, Reader::new(inner.payload));
    } else if MPLS.contains(&frame.ethertype) {
        frame.ethertype = under_labels(&mut r)?;
    } else if frame.ethertype < 0x0600 {
        frame.ethertype = llc(&mut r)?;
    }
    frame.payload = r.rest();
    Ok(frame)
}

/// Takes MPLS labels off, the last of which has the bottom-of-stack bit (RFC 3032, 2.1).
fn under_labels(r: &mut Reader<'_>) -> Result<u16> {
    while r.u32_be("mpls label")? & 0x100 == 0 {}
    Ok(perhaps_ip(*r).ethertype)
}

/// IEEE 802.2, 3.2, with SNAP (IEEE 802, 10.3); 0 when no EtherType is told.
fn llc(r: &mut Reader<'_>) -> Result<u16> {
    let mut look = *r;
    match look.bytes("llc header")? {
        [0xaa, 0xaa, 0x03] => {}
        // The service access point of IP itself.
        [0x06, 0x06, 0x03] => {
            *r = look;
            return Ok(IPV4);
        }
        _ => return Ok(0),
    }
    look.u24_be("organisation")?;
    let ethertype = look.u16_be("ethertype")?;
    *r = look;
    Ok(ethertype)
}

/// Takes off a PPP header: what GRE carries for PPTP (RFC 2637, 4.1).
///
/// # Errors
/// When the header is cut short.
pub fn inside_ppp(bytes: &[u8]) -> Result<Frame<'_>> {
    ppp(Reader::new(bytes), true)
}

/// IP without a link header; whatever is neither version is said to be IPv4, and will not be read as such.
fn raw(r: Reader<'_>) -> Frame<'_> {
    let ethertype = if version(r.rest()) == Some(6) { IPV6 } else { IPV4 };
    bare(ethertype, r.rest())
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
    Frame { source: None, destination: None, vlan: None, inner_vlan: None, ethertype, payload, others: &[] }
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

/// A data frame that is not encrypted; everything else carries no packet (IEEE 802.11-2020, 9.2 and 9.3.2.1).
fn wireless(mut r: Reader<'_>) -> Result<Frame<'_>> {
    let [control, flags] = r.bytes("frame control")?;
    let (is_data, has_qos, is_empty) = (control & 0x0c == 0x08, control & 0x80 != 0, control & 0x40 != 0);
    let (to_ds, from_ds, is_protected) = (flags & 0x01 != 0, flags & 0x02 != 0, flags & 0x40 != 0);
    if !is_data || is_empty || is_protected {
        return Ok(bare(0, &[]));
    }
    r.u16_be("duration")?;
    let (first, second) = (r.bytes::<6>("address 1")?, r.bytes::<6>("address 2")?);
    let third = r.bytes::<6>("address 3")?;
    r.u16_be("sequence control")?;
    let fourth = if to_ds && from_ds { Some(r.bytes::<6>("address 4")?) } else { None };
    let aggregated = has_qos && r.u16_le("qos control")? & 0x0080 != 0;
    if aggregated {
        return subframe(r.rest());
    }
    let ethertype = llc(&mut r)?;
    let source = fourth.unwrap_or(if from_ds { third } else { second });
    let destination = if to_ds { third } else { first };
    Ok(Frame { source: Some(source), destination: Some(destination), ..bare(ethertype, r.rest()) })
}

/// Opens the first of several packets that one 802.11 frame carries, each in a subframe (A-MSDU, IEEE 802.11-2020,
/// 9.3.2.2.2).
///
/// # Errors
/// When the subframe is cut short.
pub fn subframe(bytes: &[u8]) -> Result<Frame<'_>> {
    let mut r = Reader::new(bytes);
    let destination = Some(r.bytes("destination address")?);
    let source = Some(r.bytes("source address")?);
    let length = usize::from(r.u16_be("subframe length")?);
    let mut packet = r.sub("subframe", length)?;
    let ethertype = llc(&mut packet)?;
    // All but the last are filled up to a multiple of four bytes.
    let others = bytes.get(r.offset().next_multiple_of(4)..).unwrap_or_default();
    Ok(Frame { source, destination, others, ..bare(ethertype, packet.rest()) })
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

/// PPP, RFC 1661, 2 and RFC 1662, 3.1: `framed` links may have address and control bytes in front.
fn ppp(mut r: Reader<'_>, framed: bool) -> Result<Frame<'_>> {
    if framed && r.rest().starts_with(&[0xff, 0x03]) {
        r.u16_be("address and control")?;
    }
    let ethertype = match r.u16_be("ppp protocol")? {
        0x0021 => IPV4,
        0x0057 => IPV6,
        // MPLS, RFC 3032, 4.3.
        0x0281 | 0x0283 => under_labels(&mut r)?,
        _ => 0,
    };
    Ok(bare(ethertype, r.rest()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_vlan_tags_are_told_apart() {
        let mut bytes = vec![0; 12];
        bytes.extend([0x88, 0xa8, 0x00, 0x0b, 0x81, 0x00, 0x20, 0x0c, 0x08, 0x00, 0x45]);
        let frame = Link::ETHERNET.open(&bytes).unwrap();
        assert_eq!((frame.vlan, frame.inner_vlan, frame.ethertype), (Some(11), Some(12), IPV4));
        assert_eq!(frame.payload, [0x45]);
    }

    #[test]
    fn under_fabric_path_stands_the_frame_of_the_hosts() {
        let mut bytes = vec![2; 12];
        bytes.extend([0x89, 0x03, 0x00, 0x20]);
        bytes.extend([1; 12]);
        bytes.extend([0x08, 0x00, 0x45]);
        let frame = Link::ETHERNET.open(&bytes).unwrap();
        assert_eq!((frame.source, frame.ethertype, frame.payload), (Some([1; 6]), IPV4, &[0x45][..]));
    }

    #[test]
    fn one_wireless_frame_may_carry_several_packets() {
        let snap = [0xaa, 0xaa, 0x03, 0, 0, 0, 0x08, 0x00];
        let mut bytes = vec![0x88, 0x02, 0, 0];
        bytes.extend([0; 20]);
        bytes.extend([0x80, 0x00]);
        for mark in [7, 8] {
            bytes.extend([mark; 12]);
            bytes.extend([0, 9]);
            bytes.extend(snap);
            bytes.push(mark);
            bytes.push(0);
        }
        let first = Link::WIRELESS.open(&bytes).unwrap();
        let second = subframe(first.others).unwrap();
        assert_eq!((first.source, first.payload), (Some([7; 6]), &[7][..]));
        assert_eq!((second.source, second.payload, second.others), (Some([8; 6]), &[8][..], &[][..]));
    }

    #[test]
    fn ppp_carries_labels() {
        let bytes = [0xff, 0x03, 0x02, 0x81, 0x18, 0x96, 0x0e, 0xff, 0x18, 0x96, 0x0f, 0xff, 0x45];
        let frame = Link::PPP.open(&bytes).unwrap();
        assert_eq!((frame.ethertype, frame.payload), (IPV4, &[0x45][..]));
    }

    #[test]
    fn the_short_way_and_the_long_way_see_the_same_frame() {
        arbtest::arbtest(|u| {
            let mut bytes: Vec<u8> = u.arbitrary()?;
            if let Some([high, low]) = bytes.get_mut(12..14).and_then(|type_| type_.as_mut_array()) {
                (*high, *low) = *u.choose(&[(0x08, 0x00), (0x86, 0xdd), (0x08, 0x06), (0x81, 0x00)])?;
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
