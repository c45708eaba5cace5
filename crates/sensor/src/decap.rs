//! Packets inside packets: IP-in-IP, GRE, VXLAN, Geneve, GTP, Teredo, AYIYA.
//!
//! Sources: RFC 2003, 3; RFC 2784, 2; RFC 2890, 2; RFC 7348, 5; RFC 8926, 3.4; RFC 4380, 5.1.1;
//! RFC 8086, 3; 3GPP TS 29.281, 5; draft-foschiano-erspan-03, 4; draft-ietf-nvo3-vxlan-gpe-12, 3;
//! draft-massar-v6ops-ayiya-02, 4. What Aruba carries in GRE is known from captures.

use wire::Reader;
use wire::link::Link;
use wire::transport::Udp;

/// What a packet carries inside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Inner<'a> {
    /// An IP packet.
    Ip(&'a [u8]),
    /// A frame with its link header.
    Frame(Link, &'a [u8]),
    /// A tunnel, but what it carries is not looked into.
    Other,
    /// A tunnel that is not as it should be, by Zeek's name for what is wrong.
    Odd(&'static str),
}

/// Port of GRE in UDP (RFC 8086, 3).
pub(crate) const GRE_IN_UDP: u16 = 4754;

/// Port of Teredo servers (RFC 4380, 2.7).
pub(crate) const TEREDO: u16 = 3544;

/// What an IP protocol number carries; `None` when it is no tunnel.
pub fn inside_ip(protocol: u8, payload: &[u8]) -> Option<Inner<'_>> {
    match protocol {
        4 => Some(ip(payload, 4)),
        41 => Some(ip(payload, 6)),
        47 => Some(gre(payload)),
        _ => None,
    }
}

/// A packet that the header before it says to be of this version.
fn ip(payload: &[u8], version: u8) -> Inner<'_> {
    match payload.first() {
        Some(first) if first >> 4 != version => Inner::Odd("invalid_inner_IP_version"),
        _ => Inner::Ip(payload),
    }
}

/// Whether datagrams of this port may carry packets: the ports of [`inside_udp`].
pub fn is_carrier(port: u16) -> bool {
    matches!(port, 4789 | 4790 | 6081 | GRE_IN_UDP | 2152 | TEREDO | 5072)
}

/// What a UDP datagram carries from port `source` to port `destination`; `None` when it is no tunnel.
pub fn inside_udp(source: u16, destination: u16, payload: &[u8]) -> Option<Inner<'_>> {
    inside_port(destination, payload).or_else(|| inside_port(source, payload))
}

fn inside_port(port: u16, payload: &[u8]) -> Option<Inner<'_>> {
    let mut r = Reader::new(payload);
    match port {
        4789 => {
            // The I flag says that there is a network identifier.
            (r.u8("flags").ok()? & 0x08 != 0).then_some(())?;
            r.bytes::<7>("vxlan header").ok()?;
            Some(Inner::Frame(Link::ETHERNET, r.rest()))
        }
        4790 => vxlan_gpe(r),
        6081 => {
            let first = r.u8("version and option length").ok()?;
            (first >> 6 == 0).then_some(())?;
            r.u8("flags").ok()?;
            let ethertype = r.u16_be("protocol type").ok()?;
            r.u32_be("network identifier").ok()?;
            r.take("options", usize::from(first & 0x3f) * 4).ok()?;
            if r.rest().is_empty() {
                return Some(Inner::Odd("geneve_empty_packet"));
            }
            typed(ethertype, r)
        }
        GRE_IN_UDP => Some(gre(payload)),
        2152 => gtp(r),
        TEREDO => teredo(r),
        5072 => ayiya(r),
        _ => None,
    }
}

/// VXLAN that says what it carries, if the P flag is set.
fn vxlan_gpe(mut r: Reader<'_>) -> Option<Inner<'_>> {
    let [flags, _, _, next, ..] = r.bytes::<8>("vxlan-gpe header").ok()?;
    match next {
        _ if flags & 0x0c != 0x0c => None,
        1 | 2 => Some(Inner::Ip(r.rest())),
        3 => Some(Inner::Frame(Link::ETHERNET, r.rest())),
        _ => None,
    }
}

/// Anything in anything: a header, who sends and a signature, then the packet, if there is one.
fn ayiya(mut r: Reader<'_>) -> Option<Inner<'_>> {
    const FORWARD: u8 = 1;
    let [identity, signature, operation, next, ..] = r.bytes::<8>("ayiya header").ok()?;
    r.take("identity", 1 << (identity >> 4)).ok()?;
    r.take("signature", usize::from(signature >> 4) * 4).ok()?;
    (operation & 0x0f == FORWARD && matches!(next, 4 | 41)).then_some(Inner::Ip(r.rest()))
}

/// A user packet of GTPv1 (3GPP TS 29.281, 5.1); messages about tunnels carry none.
fn gtp(mut r: Reader<'_>) -> Option<Inner<'_>> {
    let flags = r.u8("flags").ok()?;
    let kind = r.u8("message type").ok()?;
    (flags & 0xf0 == 0x30 && kind == 255).then_some(())?;
    let length = usize::from(r.u16_be("length").ok()?);
    r.u32_be("tunnel").ok()?;
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
    // Other packet data networks than IP are not looked into, nor packets that are longer than their message.
    let told = length.checked_sub(r.offset().checked_sub(8)?)?;
    let packet = wire::ip::Packet::open(r.rest()).ok()?;
    (packet.told_len <= told).then_some(Inner::Ip(r.rest()))
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

/// What is odd about the datagram of a tunnel whose packet can be read, by Zeek's name: bytes behind the packet, which a
/// bubble of Teredo may have (RFC 4380, 2.8), nothing else.
#[inline]
pub(crate) fn udp_tunnel_oddity(udp: &Udp<'_>) -> Option<&'static str> {
    if udp.source == TEREDO || udp.destination == TEREDO { teredo_oddity(udp.payload) } else { None }
}

fn teredo_oddity(payload: &[u8]) -> Option<&'static str> {
    const NO_NEXT_HEADER: u8 = 59;
    let Some(Inner::Ip(bytes)) = teredo(Reader::new(payload)) else { return None };
    let packet = wire::ip::Packet::open(bytes).ok()?;
    let is_bubble = packet.protocol == NO_NEXT_HEADER && packet.told_len == packet.header_len;
    match bytes.len() > packet.told_len {
        true if is_bubble => Some("Teredo_bubble_with_payload"),
        true => Some("Teredo_payload_length"),
        false => None,
    }
}

fn gre(payload: &[u8]) -> Inner<'_> {
    match gre_header(payload) {
        _ if payload.first().is_some_and(|flags| flags & 0x40 != 0) => Inner::Odd("gre_routing"),
        _ if payload.get(1).is_some_and(|version| version & 0x07 > 1) => Inner::Odd("unknown_gre_version"),
        Ok(inner) => inner.unwrap_or(Inner::Other),
        Err(_) => Inner::Odd("truncated_GRE"),
    }
}

/// EtherType of PPP, RFC 2637, 4.1.
const PPP: u16 = 0x880b;

fn gre_header(payload: &[u8]) -> wire::Result<Option<Inner<'_>>> {
    let mut r = Reader::new(payload);
    let flags = r.u16_be("flags and version")?;
    let ethertype = r.u16_be("protocol type")?;
    let present = |bit: u16| flags & bit != 0;
    if present(0x8000) {
        r.u32_be("checksum")?;
    }
    if present(0x2000) {
        r.u32_be("key")?;
    }
    if present(0x1000) {
        r.u32_be("sequence number")?;
    }
    if flags & 7 == 1 && present(0x0080) {
        r.u32_be("acknowledgment number")?;
    }
    Ok(match ethertype {
        // ERSPAN: without a sequence number it is version 1, which has no header of its own.
        0x88be if present(0x1000) => {
            r.bytes::<8>("erspan header")?;
            Some(Inner::Frame(Link::ETHERNET, r.rest()))
        }
        0x88be => Some(Inner::Frame(Link::ETHERNET, r.rest())),
        0x22eb => {
            let [.., flags] = r.bytes::<12>("erspan header")?;
            if flags & 1 != 0 {
                r.bytes::<8>("erspan subheader")?;
            }
            Some(Inner::Frame(Link::ETHERNET, r.rest()))
        }
        // Access points of Aruba: the frame as it was on the air, by radio and network in the low bits.
        0x8200..=0x82ff => Some(Inner::Frame(Link::WIRELESS, r.rest())),
        // An acknowledgment alone carries nothing (RFC 2637, 4.4).
        PPP if flags & 7 == 1 && !present(0x1000) => None,
        PPP => {
            let frame = wire::link::inside_ppp(r.rest())?;
            Some(match frame.ethertype {
                0 => Inner::Odd("non_ip_packet_in_encap"),
                _ => Inner::Ip(frame.payload),
            })
        }
        _ if flags & 7 == 1 => Some(Inner::Odd("egre_protocol_type")),
        _ => typed(ethertype, r),
    })
}

fn typed(ethertype: u16, r: Reader<'_>) -> Option<Inner<'_>> {
    match ethertype {
        wire::link::IPV4 | wire::link::IPV6 => Some(Inner::Ip(r.rest())),
        0x6558 => Some(Inner::Frame(Link::ETHERNET, r.rest())),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tunnel_is_known_by_the_port_of_either_end() {
        assert_eq!(inside_udp(3544, 40_000, &[0x60, 1]), Some(Inner::Ip(&[0x60, 1])));
        assert_eq!(inside_udp(40_000, 3544, &[0x60, 1]), Some(Inner::Ip(&[0x60, 1])));
        assert_eq!(inside_udp(40_000, 40_001, &[0x60, 1]), None);
    }

    #[test]
    fn vxlan_gpe_says_what_it_carries() {
        assert_eq!(inside_udp(9, 4790, &[0x0c, 0, 0, 1, 0, 0, 9, 0, 0x45]), Some(Inner::Ip(&[0x45])));
        let frame = Some(Inner::Frame(Link::ETHERNET, &[2, 2]));
        assert_eq!(inside_udp(9, 4790, &[0x0c, 0, 0, 3, 0, 0, 9, 0, 2, 2]), frame);
        assert_eq!(inside_udp(9, 4790, &[0x08, 0, 0, 3, 0, 0, 9, 0, 2, 2]), None);
    }

    #[test]
    fn ayiya_has_the_packet_behind_identity_and_signature() {
        let mut bytes = vec![0x12, 0x12, 0x11, 41, 0, 0, 0, 0];
        bytes.extend([7; 6]);
        bytes.push(0x60);
        assert_eq!(inside_udp(5072, 9, &bytes), Some(Inner::Ip(&[0x60])));
        bytes[2] = 0x10;
        assert_eq!(inside_udp(5072, 9, &bytes), None);
    }

    #[test]
    fn what_gre_may_not_be_has_its_name() {
        assert_eq!(inside_ip(47, &[0, 2, 8, 0, 0x45]), Some(Inner::Odd("unknown_gre_version")));
        assert_eq!(inside_ip(47, &[0x40, 0, 8, 0, 0x45]), Some(Inner::Odd("gre_routing")));
        assert_eq!(inside_ip(47, &[0x20, 1, 8, 0, 0, 0, 0, 0, 0x45]), Some(Inner::Odd("egre_protocol_type")));
        assert_eq!(inside_ip(47, &[0x20, 1, 0x88, 0x0b, 0, 0]), Some(Inner::Odd("truncated_GRE")));
    }

    #[test]
    fn pptp_carries_ip_control_or_an_acknowledgment_alone() {
        let head = [0x30, 0x01, 0x88, 0x0b, 0, 4, 0, 1, 0, 0, 0, 9];
        let with = |ppp: &[u8]| [&head, ppp].concat();
        assert_eq!(inside_ip(47, &with(&[0xff, 3, 0, 0x21, 0x45])), Some(Inner::Ip(&[0x45])));
        assert_eq!(inside_ip(47, &with(&[0x21, 0x45])), Some(Inner::Ip(&[0x45])));
        assert_eq!(inside_ip(47, &with(&[0xc0, 0x21, 9])), Some(Inner::Odd("non_ip_packet_in_encap")));
        let acknowledgment = [0x20, 0x81, 0x88, 0x0b, 0, 0, 0, 1, 0, 0, 0, 9];
        assert_eq!(inside_ip(47, &acknowledgment), Some(Inner::Other));
    }

    #[test]
    fn erspan_has_three_headers() {
        let frame = Some(Inner::Frame(Link::ETHERNET, &[2, 2]));
        assert_eq!(inside_ip(47, &[0, 0, 0x88, 0xbe, 2, 2]), frame, "I");
        let mut second = vec![0x10, 0, 0x88, 0xbe, 0, 0, 0, 1];
        second.extend([0; 8]);
        second.extend([2, 2]);
        assert_eq!(inside_ip(47, &second), frame, "II");
        let mut third = vec![0x10, 0, 0x22, 0xeb, 0, 0, 0, 1];
        third.extend([0; 11]);
        third.push(1);
        third.extend([0; 8]);
        third.extend([2, 2]);
        assert_eq!(inside_ip(47, &third), frame, "III with its subheader");
    }

    #[test]
    fn only_a_bubble_may_have_bytes_behind_it() {
        let mut bytes = vec![0x60, 0, 0, 0, 0, 0, 59, 64];
        bytes.extend([0; 32]);
        assert_eq!(teredo_oddity(&bytes), None);
        bytes.push(7);
        assert_eq!(teredo_oddity(&bytes), Some("Teredo_bubble_with_payload"));
        bytes[6] = 17;
        assert_eq!(teredo_oddity(&bytes), Some("Teredo_payload_length"));
    }

    #[test]
    fn a_gtp_message_is_as_long_as_it_says() {
        let mut bytes = vec![0x30, 255, 0, 20, 0, 0, 0, 1, 0x45, 0, 0, 20];
        bytes.extend([0; 16]);
        assert_eq!(inside_udp(9, 2152, &bytes), Some(Inner::Ip(&bytes[8..])));
        bytes[3] = 19;
        assert_eq!(inside_udp(9, 2152, &bytes), None);
    }

    #[test]
    fn no_tunnel_panics_on_any_bytes() {
        arbtest::arbtest(|u| {
            let port = *u.choose(&[4754, 4789, 4790, 6081, 2152, 3544, 5072])?;
            let bytes: Vec<u8> = u.arbitrary()?;
            let _ = (inside_udp(9, port, &bytes), inside_ip(47, &bytes));
            Ok(())
        });
    }
}
