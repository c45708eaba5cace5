//! Community ID 1.0: one name for a conversation in all tools.
//!
//! Source: Corelight, *Community ID Flow Hashing*, version 1, with ICMP mapped to ports.

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
    base64(hash.finalize().into(), &mut text);
    text
}

/// Appends the digest in base 64 (RFC 4648, 4): six groups of three bytes, then two bytes and the padding.
fn base64(digest: [u8; 20], out: &mut String) {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let (groups, rest) = digest.as_chunks::<3>();
    let last = rest.first_chunk().map(|[a, b]: &[u8; 2]| [*a, *b, 0]);
    for [a, b, c] in groups.iter().copied().chain(last) {
        let bits = u32::from_be_bytes([0, a, b, c]);
        let digit = |shift: u32| usize::try_from(bits >> shift & 63).ok().and_then(|digit| DIGITS.get(digit));
        out.extend([18, 12, 6, 0].into_iter().filter_map(digit).map(|digit| char::from(*digit)));
    }
    // The last digit came from a byte that is not there.
    out.pop();
    out.push('=');
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
