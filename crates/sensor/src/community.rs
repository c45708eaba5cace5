//! Community ID 1.0: one name for a conversation in all tools.
//!
//! Source: Corelight, *Community ID Flow Hashing*, version 1, with ICMP mapped to ports.

use model::Endpoint;
use sha1::{Digest, Sha1};
use std::net::IpAddr;

/// An identifier as text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CommunityId([u8; 30]);

impl CommunityId {
    /// As text: `1:` and a digest in base 64.
    pub fn as_str(&self) -> &str {
        str::from_utf8(&self.0).unwrap_or_default()
    }
}

/// The identifier with seed 0 for the ends as the network sees them; `one_way` ICMP has no direction to fold.
pub fn community_id(a: Endpoint, b: Endpoint, protocol: u8, one_way: bool, ports: bool) -> CommunityId {
    // Where both ends have one address, the specification compares ports as numbers; Zeek and Suricata compare their
    // bytes in network order as the machine reads them, little-endian nearly everywhere. The identifier is there to
    // find a conversation in the other tool, so it is theirs.
    let order = |end: Endpoint| (end.addr, end.port.swap_bytes());
    let swap = !one_way && order(b) < order(a);
    let (low, high) = if swap { (b, a) } else { (a, b) };
    let mut text = Parts::new();
    text.add(&[0, 0]);
    text.address(low.addr);
    text.address(high.addr);
    // ICMPv6 between IPv4 addresses in IPv6 clothes counts as ICMP.
    let icmp = protocol == 58 && a.addr.is_ipv4();
    text.add(&[if icmp { 1 } else { protocol }, 0]);
    if ports {
        text.add(&low.port.to_be_bytes());
        text.add(&high.port.to_be_bytes());
    }
    CommunityId(base64(text.digest()))
}

/// The digest in base 64 (RFC 4648, 4) behind the version.
fn base64(digest: [u8; 20]) -> [u8; 30] {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = *b"1:                           =";
    let (groups, rest) = digest.as_chunks::<3>();
    let last = rest.first_chunk().map(|[a, b]: &[u8; 2]| [*a, *b, 0]);
    let bits = groups.iter().copied().chain(last).map(|[a, b, c]| u32::from_be_bytes([0, a, b, c]));
    // Six groups of three bytes, then two bytes whose last digit is the padding.
    let digits = bits.flat_map(|bits| [18, 12, 6, 0].map(|shift| bits >> shift & 63)).take(27);
    for (place, digit) in text.iter_mut().skip(2).zip(digits) {
        *place = usize::try_from(digit).ok().and_then(|digit| DIGITS.get(digit)).copied().unwrap_or(b'=');
    }
    text
}

/// What a short digest is made of, gathered so that it is hashed in one piece.
pub(crate) struct Parts {
    bytes: [u8; 64],
    len: usize,
}

impl Parts {
    pub(crate) fn new() -> Self {
        Self { bytes: [0; 64], len: 0 }
    }

    /// Adds bytes, as many as there is room for.
    #[inline]
    pub(crate) fn add(&mut self, part: &[u8]) {
        if let Some(place) = self.bytes.get_mut(self.len..self.len + part.len()) {
            place.copy_from_slice(part);
            self.len += part.len();
        }
    }

    #[inline]
    pub(crate) fn address(&mut self, addr: IpAddr) {
        match addr {
            IpAddr::V4(addr) => self.add(&addr.octets()),
            IpAddr::V6(addr) => self.add(&addr.octets()),
        }
    }

    pub(crate) fn digest(&self) -> [u8; 20] {
        Sha1::digest(self.bytes.get(..self.len).unwrap_or_default()).into()
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
        assert_eq!(community_id(a, b, 6, false, true).as_str(), "1:LQU9qZlK+B5F3KDmev6m5PMibrg=");
        assert_eq!(community_id(b, a, 6, false, true).as_str(), "1:LQU9qZlK+B5F3KDmev6m5PMibrg=");
    }
}
