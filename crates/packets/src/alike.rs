//! Which frames are between the same ends, whichever sends: what the index says of one it says of all of them.

use crate::ends::{Layer, layers};
use crate::hash::fold;
use model::Mac;
use sensor::is_carrier;
use std::hash::{BuildHasher, RandomState};
use std::net::IpAddr;
use wire::link::Link;

/// Names frames so that those with the same name have the same ends, ports and protocols, inside tunnels too. The names
/// hang on words that nobody outside knows: a sender cannot make a frame that is taken for another.
pub(crate) struct Alike {
    salt: [u64; 4],
}

impl Default for Alike {
    fn default() -> Self {
        let random = RandomState::new();
        Self { salt: [1_u64, 2, 3, 4].map(|word| random.hash_one(word)) }
    }
}

impl Alike {
    /// The name of an Ethernet frame, the same as long as this program runs.
    #[inline]
    pub(crate) fn name(&self, bytes: &[u8]) -> u64 {
        self.plain(bytes).unwrap_or_else(|| self.any(bytes))
    }

    /// The usual frame, TCP or UDP over IPv4 without options, parts or a tunnel, in one look; every other frame goes the
    /// long way.
    #[inline]
    fn plain(&self, bytes: &[u8]) -> Option<u64> {
        let (macs, rest) = bytes.split_first_chunk::<12>()?;
        let (head, rest) = rest.split_first_chunk::<14>()?;
        let &[0x08, 0x00, 0x45, _, l0, l1, _, _, flags, 0, _, protocol, _, _] = head else { return None };
        let &[a0, a1, a2, a3, b0, b1, b2, b3, p0, p1, q0, q1] = rest.first_chunk()?;
        // Two ports fit in what the header says to be there.
        let whole = flags & 0x3f == 0 && u16::from_be_bytes([l0, l1]) >= 24;
        let is_tunnel = || [[p0, p1], [q0, q1]].into_iter().any(|port| is_carrier(u16::from_be_bytes(port)));
        if !whole || !(protocol == 6 || protocol == 17 && !is_tunnel()) {
            return None;
        }
        let &[d0, d1, d2, d3, d4, d5, s0, s1, s2, s3, s4, s5] = macs;
        let source = self.end([s0, s1, s2, s3, s4, s5, protocol, 4], [a0, a1, a2, a3, p0, p1, 0, 0]);
        let destination = self.end([d0, d1, d2, d3, d4, d5, protocol, 4], [b0, b1, b2, b3, q0, q1, 0, 0]);
        Some(source.wrapping_add(destination))
    }

    #[inline]
    fn end(&self, one: [u8; 8], other: [u8; 8]) -> u64 {
        let [a, b, ..] = self.salt;
        fold(u64::from_le_bytes(one) ^ a, u64::from_le_bytes(other) ^ b)
    }

    fn any(&self, bytes: &[u8]) -> u64 {
        let [_, _, _, d] = self.salt;
        let mut name = d;
        layers(Link::ETHERNET, bytes, &mut |layer| name = self.add(name, layer));
        name
    }

    fn add(&self, name: u64, layer: Layer) -> u64 {
        let [a, b, c, d] = self.salt;
        let host = |addr: IpAddr, port: u16| {
            let bits = match addr {
                IpAddr::V4(addr) => addr.to_ipv6_mapped().to_bits(),
                IpAddr::V6(addr) => addr.to_bits(),
            };
            let word = |bits: u128| u64::try_from(bits & u128::from(u64::MAX)).unwrap_or_default();
            fold(fold(word(bits >> 64) ^ a, u64::from(port) ^ c) ^ word(bits), b)
        };
        let station = |Mac([m0, m1, m2, m3, m4, m5])| self.end([m0, m1, m2, m3, m4, m5, 1, 1], [0; 8]);
        let (kind, one, other) = match layer {
            Layer::Link { source, destination, ethertype } => {
                (1 << 32 | u64::from(ethertype), station(source), station(destination))
            }
            Layer::Arp { sender, target } => (2 << 32, host(sender, 0), host(target, 0)),
            Layer::Ip { source, destination, protocol, part } => {
                let kind = 3 << 32 | u64::from(part) << 8 | u64::from(protocol);
                (kind, host(source.0, source.1), host(destination.0, destination.1))
            }
        };
        fold(fold(name ^ kind, c) ^ one.wrapping_add(other), d)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ends::Terms;
    use crate::testing::{ethernet, frame, host, ipv4};
    use std::collections::BTreeSet;

    #[test]
    fn frames_with_one_name_have_the_same_terms() {
        arbtest::arbtest(|u| {
            let alike = Alike::default();
            let mut frame = || -> arbtest::arbitrary::Result<Vec<u8>> {
                if u.arbitrary()? {
                    return frame(u);
                }
                let (from, to) = (u.int_in_range(1..=2)?, u.int_in_range(1..=2)?);
                let mut packet = ipv4(host(from), host(to), 6, *u.choose(&[0, 0, 1, 0x2000])?, &[3; 8]);
                // It may say to be shorter than it is.
                packet[3] = u.int_in_range(18..=28)?;
                packet[20] = u.int_in_range(0..=2)?;
                Ok(ethernet(from, to, 0x0800, &packet))
            };
            let frames = [frame()?, frame()?];
            let [one, other] = frames.each_ref().map(|frame| alike.name(frame));
            let [these, those] =
                frames.each_ref().map(|frame| BTreeSet::from_iter(Terms::of(frame).as_slice().to_vec()));
            assert!(one != other || these == those, "{frames:?}");
            Ok(())
        });
    }
}
