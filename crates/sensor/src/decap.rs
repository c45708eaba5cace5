//! Packets inside packets: IP-in-IP, GRE, VXLAN, Geneve, GTP, Teredo.
//!
//! Sources: RFC 2003, 3; RFC 2784, 2; RFC 2890, 2; RFC 7348, 5; RFC 8926, 3.4; RFC 4380, 5.1.1;
//! RFC 8086, 3; 3GPP TS 29.281, 5; draft-foschiano-erspan-03, 4.

use wire::Reader;

/// What a packet carries inside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Inner<'a> {
    /// An IP packet.
    Ip(&'a [u8]),
    /// An Ethernet frame.
    Ethernet(&'a [u8]),
    /// A tunnel, but what it carries is not looked into.
    Other,
}

/// What an IP protocol number carries; `None` when it is no tunnel.
pub(crate) fn inside_ip(protocol: u8, payload: &[u8]) -> Option<Inner<'_>> {
    match protocol {
        4 | 41 => Some(Inner::Ip(payload)),
        47 => Some(gre(payload).unwrap_or(Inner::Other)),
        _ => None,
    }
}

/// What a UDP datagram to `port` carries; `None` when it is no tunnel.
pub(crate) fn inside_udp(port: u16, payload: &[u8]) -> Option<Inner<'_>> {
    let mut r = Reader::new(payload);
    match port {
        4789 => {
            // The I flag says that there is a network identifier.
            (r.u8("flags").ok()? == 0x08).then_some(())?;
            r.bytes::<7>("vxlan header").ok()?;
            Some(Inner::Ethernet(r.rest()))
        }
        6081 => {
            let first = r.u8("version and option length").ok()?;
            (first >> 6 == 0).then_some(())?;
            r.u8("flags").ok()?;
            let ethertype = r.u16_be("protocol type").ok()?;
            r.u32_be("network identifier").ok()?;
            r.take("options", usize::from(first & 0x3f) * 4).ok()?;
            typed(ethertype, r)
        }
        4754 => gre(payload),
        2152 => gtp(r),
        3544 => teredo(r),
        _ => None,
    }
}

/// A user packet of GTPv1 (3GPP TS 29.281, 5.1); messages about tunnels carry none.
fn gtp(mut r: Reader<'_>) -> Option<Inner<'_>> {
    let flags = r.u8("flags").ok()?;
    let kind = r.u8("message type").ok()?;
    (flags & 0xf0 == 0x30 && kind == 255).then_some(())?;
    r.bytes::<6>("length and tunnel").ok()?;
    if flags & 0x07 != 0 {
        r.bytes::<3>("sequence and n-pdu number").ok()?;
        let mut next = r.u8("next extension").ok()?;
        for _ in 0..EXTENSIONS_MAX {
            if flags & 0x04 == 0 || next == 0 {
                break;
            }
            let length = usize::from(r.u8("extension length").ok()?) * 4;
            r.take("extension", length.checked_sub(2)?).ok()?;
            next = r.u8("next extension").ok()?;
        }
    }
    Some(Inner::Ip(r.rest()))
}

/// Extension headers of a GTP packet that are followed.
const EXTENSIONS_MAX: usize = 8;

/// IPv6 in UDP, perhaps behind authentication and origin (RFC 4380, 5.1.1).
fn teredo(mut r: Reader<'_>) -> Option<Inner<'_>> {
    if r.rest().starts_with(&[0, 1]) {
        r.u16_be("authentication").ok()?;
        let lengths = r.bytes::<2>("lengths").ok()?;
        r.take("identifier and value", lengths.iter().map(|length| usize::from(*length)).sum()).ok()?;
        r.bytes::<9>("nonce and confirmation").ok()?;
    }
    if r.rest().starts_with(&[0, 0]) {
        r.bytes::<8>("origin").ok()?;
    }
    (r.rest().first()? >> 4 == 6).then_some(Inner::Ip(r.rest()))
}

fn gre(payload: &[u8]) -> Option<Inner<'_>> {
    let mut r = Reader::new(payload);
    let flags = r.u16_be("flags and version").ok()?;
    let ethertype = r.u16_be("protocol type").ok()?;
    let present = |bit: u16| flags & bit != 0;
    if present(0x8000) {
        r.u32_be("checksum").ok()?;
    }
    if present(0x2000) {
        r.u32_be("key").ok()?;
    }
    if present(0x1000) {
        r.u32_be("sequence number").ok()?;
    }
    if flags & 7 == 1 && present(0x0080) {
        r.u32_be("acknowledgment number").ok()?;
    }
    match ethertype {
        // ERSPAN: without a sequence number it is version 1, which has no header of its own.
        0x88be if present(0x1000) => {
            r.bytes::<8>("erspan header").ok()?;
            Some(Inner::Ethernet(r.rest()))
        }
        0x88be => Some(Inner::Ethernet(r.rest())),
        0x22eb => {
            let [.., flags] = r.bytes::<12>("erspan header").ok()?;
            if flags & 1 != 0 {
                r.bytes::<8>("erspan subheader").ok()?;
            }
            Some(Inner::Ethernet(r.rest()))
        }
        0x880b => {
            let frame = wire::link::inside_ppp(r.rest()).ok()?;
            (frame.ethertype != 0).then_some(Inner::Ip(frame.payload))
        }
        _ => typed(ethertype, r),
    }
}

fn typed(ethertype: u16, r: Reader<'_>) -> Option<Inner<'_>> {
    match ethertype {
        wire::link::IPV4 | wire::link::IPV6 => Some(Inner::Ip(r.rest())),
        0x6558 => Some(Inner::Ethernet(r.rest())),
        _ => None,
    }
}
