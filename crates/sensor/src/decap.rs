//! Packets inside packets: IP-in-IP, GRE, VXLAN, Geneve.
//!
//! Sources: RFC 2003, 3; RFC 2784, 2; RFC 2890, 2; RFC 7348, 5; RFC 8926, 3.4; draft-foschiano-erspan-03, 4.

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
        _ => None,
    }
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
