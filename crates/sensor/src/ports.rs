//! What well-known numbers say before a packet has said anything.

use model::Transport;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// TCP ports on which servers listen: tells who is the server when the handshake was not seen.
const TCP_SERVERS: &[u16] = &[
    21, 22, 25, 53, 80, 81, 88, 102, 135, 139, 143, 389, 443, 445, 502, 514, 563, 585, 587, 614, 631, 636,
    749, 989, 990, 992, 993, 995, 1080, 1433, 1434, 1883, 2811, 3128, 3268, 3306, 3389, 4840, 5060, 5222,
    5223, 5269, 6666, 6667, 6668, 6669, 8000, 8080, 8443, 8888, 20000, 44818,
];

/// UDP ports on which servers listen.
const UDP_SERVERS: &[u16] = &[
    53, 67, 88, 123, 137, 161, 162, 443, 514, 1812, 2123, 2152, 2811, 3389, 3544, 4011, 4789, 5060, 5072,
    5353, 5355, 6081, 8472, 20000, 44818, 47808,
];

/// Whether servers usually listen there.
pub(crate) fn is_server(transport: Transport, port: u16) -> bool {
    match transport {
        Transport::Tcp => TCP_SERVERS.binary_search(&port).is_ok(),
        Transport::Udp => UDP_SERVERS.binary_search(&port).is_ok(),
        Transport::Icmp | Transport::Other(_) => false,
    }
}

/// The type that answers an ICMP type: `Ok` for a pair of question and answer, `Err(code)` where there is none
/// and the conversation has one direction.
pub(crate) fn icmp_answer(v6: bool, kind: u8, code: u8) -> Result<u8, u8> {
    const V4: &[(u8, u8)] = &[(8, 0), (13, 14), (15, 16), (10, 9), (17, 18)];
    const V6: &[(u8, u8)] = &[(128, 129), (130, 131), (133, 134), (135, 136), (139, 140), (144, 145)];
    let pairs = if v6 { V6 } else { V4 };
    let other = |(a, b): &(u8, u8)| (*a == kind).then_some(*b).or((*b == kind).then_some(*a));
    pairs.iter().find_map(other).ok_or(code)
}

/// Whether an address belongs to a network that is not routed on the Internet (RFC 6890 and its registries; RFC 2365,
/// 6, and RFC 5771, 4, for multicast of limited scope).
pub(crate) fn is_local(addr: IpAddr) -> bool {
    match addr {
        IpAddr::V4(addr) => is_local_v4(addr),
        IpAddr::V6(addr) => is_local_v6(addr),
    }
}

fn is_local_v4(addr: Ipv4Addr) -> bool {
    const NETS: &[(u32, u32)] = &[
        (0x0000_0000, 8),
        (0x0a00_0000, 8),
        (0x6440_0000, 10),
        (0x7f00_0000, 8),
        (0xa9fe_0000, 16),
        (0xac10_0000, 12),
        (0xc000_0000, 24),
        (0xc000_0200, 24),
        (0xc0a8_0000, 16),
        (0xc612_0000, 15),
        (0xc633_6400, 24),
        (0xcb00_7100, 24),
        (0xe000_0000, 24),
        (0xef00_0000, 8),
        (0xf000_0000, 4),
    ];
    let bits = u32::from(addr);
    NETS.iter().any(|(net, len)| (bits ^ net) >> (32 - len) == 0)
}

fn is_local_v6(addr: Ipv6Addr) -> bool {
    let [first, second, ..] = addr.segments();
    let unique_or_link = first & 0xfe00 == 0xfc00 || first & 0xff80 == 0xfe80;
    let special = first == 0x2001 && (second < 0x0200 || second == 0x0db8);
    unique_or_link || special || addr.is_loopback() || addr.is_unspecified()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tables_are_in_order() {
        assert!(TCP_SERVERS.is_sorted() && UDP_SERVERS.is_sorted());
    }

    #[test]
    fn an_echo_reply_answers_a_request() {
        assert_eq!((icmp_answer(false, 8, 0), icmp_answer(false, 0, 0)), (Ok(0), Ok(8)));
        assert_eq!(icmp_answer(false, 3, 1), Err(1));
    }
}
