//! Community ID 1.0: one name for a conversation in all tools.
//!
//! Source: Corelight, *Community ID Flow Hashing*, version 1, with ICMP mapped to ports.

use base64::Engine;
use model::Endpoint;
use sha1::{Digest, Sha1};
use std::net::IpAddr;

/// The identifier with seed 0 for the ends as the network sees them; `one_way` ICMP has no direction to fold.
pub fn community_id(a: Endpoint, b: Endpoint, protocol: u8, one_way: bool, ports: bool) -> String {
    // Where both ends have one address, the specification compares ports as numbers; Zeek and Suricata compare their
    // bytes in network order as the machine reads them, little-endian nearly everywhere. The identifier is there to
    // find a conversation in the other tool, so it is theirs.
    let order = |end: Endpoint| (end.addr, end.port.swap_bytes());
    let swap = !one_way && order(b) < order(a);
    let (low, high) = if swap { (b, a) } else { (a, b) };
    let mut hash = Sha1::new();
    hash.update([0, 0]);
    address(&mut hash, low.addr);
    address(&mut hash, high.addr);
    // ICMPv6 between IPv4 addresses in IPv6 clothes counts as ICMP.
    let icmp = protocol == 58 && a.addr.is_ipv4();
    hash.update([if icmp { 1 } else { protocol }, 0]);
    if ports {
        hash.update(low.port.to_be_bytes());
        hash.update(high.port.to_be_bytes());
    }
    let mut text = String::with_capacity(30);
    text.push_str("1:");
    base64::engine::general_purpose::STANDARD.encode_string(hash.finalize(), &mut text);
    text
}

fn address(hash: &mut Sha1, addr: IpAddr) {
    match addr {
        IpAddr::V4(addr) => hash.update(addr.octets()),
        IpAddr::V6(addr) => hash.update(addr.octets()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_directions_have_the_published_value() {
        // The example of the specification: 128.232.110.120:34855 to 66.35.250.204:80 over TCP.
        let a = Endpoint { addr: [128, 232, 110, 120].into(), port: 34855 };
        let b = Endpoint { addr: [66, 35, 250, 204].into(), port: 80 };
        assert_eq!(community_id(a, b, 6, false, true), "1:LQU9qZlK+B5F3KDmev6m5PMibrg=");
        assert_eq!(community_id(b, a, 6, false, true), "1:LQU9qZlK+B5F3KDmev6m5PMibrg=");
    }
}
