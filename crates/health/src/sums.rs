//! Checksums: right, left to the network card, or wrong.
//!
//! A host that leaves the checksum to its card (*offload*) hands a frame down with the sum of the pseudo
//! header alone in the field; who captures on that host sees these, and no damage. Not every packet is looked
//! at, see [`Sampler`].
//!
//! Sources: RFC 1071, 1; RFC 9293, 3.1; RFC 768; RFC 8200, 8.1; RFC 4443, 2.3.

use crate::look::Look;
use std::collections::BTreeMap;
use std::net::IpAddr;
use wire::ip::Packet;

/// What a checksum says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sum {
    /// It fits what it covers.
    Right,
    /// It covers the pseudo header only, or is 0: the network card was to do the rest.
    Partial,
    /// Neither.
    Wrong,
}

/// Which packets are looked at: all in the beginning, one in 64 later.
#[derive(Debug)]
pub(crate) struct Sampler {
    /// Packets in the beginning that are still to come.
    first: u32,
    /// Packets that are passed over before the next one is looked at.
    rest: u32,
}

/// Packets in the beginning that are all looked at.
const FIRST: u32 = 256;
/// Of those that follow, one in so many is looked at.
const ONE_IN: u32 = 64;

/// Checksums of one sender.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Sums {
    pub(crate) right: u32,
    pub(crate) partial: u32,
    pub(crate) wrong: u32,
}

/// Checksums by sender.
#[derive(Clone, Debug, Default)]
pub(crate) struct Senders {
    by: BTreeMap<IpAddr, Sums>,
}

/// Senders whose checksums are kept apart; those of further ones are not looked at.
const SENDERS_MAX: usize = 1024;
/// Checksums of a sender at which its counts are halved, so that what it does now weighs more.
const SUMS_MAX: u32 = 4096;

impl Default for Sampler {
    fn default() -> Self {
        Self { first: FIRST, rest: 0 }
    }
}

impl Sampler {
    #[inline]
    pub(crate) fn takes(&mut self) -> bool {
        match self.rest.checked_sub(1) {
            Some(rest) => {
                self.rest = rest;
                false
            }
            None => {
                self.first = self.first.saturating_sub(1);
                self.rest = if self.first > 0 { 0 } else { ONE_IN - 1 };
                true
            }
        }
    }
}

impl Sampler {
    /// For how many packets one stands that is looked at.
    pub(crate) fn weight(&self) -> u64 {
        u64::from(self.rest) + 1
    }
}

impl Sums {
    pub(crate) fn all(&self) -> u32 {
        self.right.saturating_add(self.partial).saturating_add(self.wrong)
    }

    /// Adds those of another part of the tap.
    pub(crate) fn merge(&mut self, other: Sums) {
        self.right = self.right.saturating_add(other.right);
        self.partial = self.partial.saturating_add(other.partial);
        self.wrong = self.wrong.saturating_add(other.wrong);
    }

    fn add(&mut self, other: Sums) {
        self.merge(other);
        if self.all() > SUMS_MAX {
            *self = Sums { right: self.right / 2, partial: self.partial / 2, wrong: self.wrong / 2 };
        }
    }
}

impl Senders {
    pub(crate) fn add(&mut self, sender: IpAddr, sums: Sums) {
        let room = self.by.len() < SENDERS_MAX;
        match self.by.get_mut(&sender) {
            Some(known) => known.add(sums),
            None if room => self.by.entry(sender).or_default().add(sums),
            None => {}
        }
    }

    pub(crate) fn merge(&mut self, other: Senders) {
        other.by.into_iter().for_each(|(sender, sums)| self.add(sender, sums));
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (IpAddr, Sums)> + '_ {
        self.by.iter().map(|(sender, sums)| (*sender, *sums))
    }

    /// Checks the packet and keeps what it says.
    pub(crate) fn check(&mut self, look: &Look<'_>) -> Option<Sum> {
        let packet = look.packet?;
        let sum = check(packet)?;
        let mut sums = Sums::default();
        *match sum {
            Sum::Right => &mut sums.right,
            Sum::Partial => &mut sums.partial,
            Sum::Wrong => &mut sums.wrong,
        } = 1;
        self.add(packet.source, sums);
        Some(sum)
    }
}

/// What the transport checksum of a packet says; `None` where there is none, or not all it covers was
/// captured.
fn check(packet: &Packet<'_>) -> Option<Sum> {
    let payload = packet.payload;
    if packet.fragment.is_some() || packet.routing.is_some() || payload.len() < packet.payload_len() {
        return None;
    }
    let at = match packet.protocol {
        6 => 16,
        17 => 6,
        1 | 58 => 2,
        _ => return None,
    };
    let field: [u8; 2] = *payload.get(at..)?.first_chunk()?;
    let pseudo = if packet.protocol == 1 { 0 } else { pseudo(packet, payload.len()) };
    match (packet.protocol, field) {
        // The sender had none computed (RFC 768).
        (17, [0, 0]) => None,
        (1 | 58, _) => Some(if folded(pseudo + sum(payload)) == 0xffff { Sum::Right } else { Sum::Wrong }),
        _ if folded(pseudo + sum(payload)) == 0xffff => Some(Sum::Right),
        // Cards that cut segments themselves are given a sum without the length, and some cards nothing at
        // all.
        _ => {
            let without = folded(pseudo - u64::try_from(payload.len()).unwrap_or_default());
            let field = u16::from_be_bytes(field);
            let partial = field == folded(pseudo) || field == without || field == 0;
            Some(if partial { Sum::Partial } else { Sum::Wrong })
        }
    }
}

/// Sum of addresses, protocol and length, not folded.
fn pseudo(packet: &Packet<'_>, len: usize) -> u64 {
    let address = |addr: IpAddr| match addr {
        IpAddr::V4(addr) => sum(&addr.octets()),
        IpAddr::V6(addr) => sum(&addr.octets()),
    };
    let length = u64::try_from(len).unwrap_or_default();
    address(packet.source) + address(packet.destination) + u64::from(packet.protocol) + length
}

/// Sum of 16-bit words, most significant byte first, an odd byte filled up with 0; not folded.
fn sum(bytes: &[u8]) -> u64 {
    // Words of twice the size add up to the same when folded (RFC 1071, 2).
    let (words, rest) = bytes.as_chunks::<4>();
    let whole: u64 = words.iter().map(|word| u64::from(u32::from_be_bytes(*word))).sum();
    let mut last = [0; 4];
    for (place, byte) in last.iter_mut().zip(rest) {
        *place = *byte;
    }
    u64::from(folded(whole)) + u64::from(folded(u64::from(u32::from_be_bytes(last))))
}

fn folded(mut sum: u64) -> u16 {
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    u16::try_from(sum).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packet(protocol: u8, payload: &[u8]) -> Packet<'_> {
        let len = 20 + payload.len();
        Packet {
            source: [10, 0, 0, 1].into(),
            destination: [10, 0, 0, 2].into(),
            protocol,
            header_len: 20,
            total_len: len,
            told_len: len,
            routing: None,
            fragment: None,
            payload,
        }
    }

    fn datagram(field: u16) -> Vec<u8> {
        let mut bytes = vec![0x30, 0x39, 0x01, 0xf6, 0, 13, 0, 0];
        bytes.extend(b"pump1");
        bytes[6..8].copy_from_slice(&field.to_be_bytes());
        bytes
    }

    #[test]
    fn offload_is_told_from_damage() {
        let pseudo = 0x0a00 + 1 + 0x0a00 + 2 + 17 + 13;
        let data = [0x3039u32, 0x01f6, 13, 0x7075, 0x6d70, 0x3100].iter().sum::<u32>();
        let right = !folded(u64::from(pseudo + data));
        let says = |field| check(&packet(17, &datagram(field)));
        let pseudo = u16::try_from(pseudo).unwrap();
        assert_eq!(says(right), Some(Sum::Right));
        assert_eq!(says(pseudo), Some(Sum::Partial));
        assert_eq!(says(pseudo - 13), Some(Sum::Partial));
        assert_eq!(says(right ^ 0x0100), Some(Sum::Wrong));
        assert_eq!(says(0), None);
    }

    #[test]
    fn words_of_any_size_have_the_same_sum() {
        arbtest::arbtest(|u| {
            let bytes: Vec<u8> = u.arbitrary()?;
            let plain = bytes.chunks(2).map(|pair| match pair {
                [high, low] => u64::from(u16::from_be_bytes([*high, *low])),
                [high] => u64::from(*high) << 8,
                _ => 0,
            });
            assert_eq!(folded(sum(&bytes)), folded(plain.sum()));
            Ok(())
        });
    }

    #[test]
    fn a_flood_of_senders_is_bounded() {
        let mut senders = Senders::default();
        for number in 0..4000u32 {
            senders.add(number.to_be_bytes().into(), Sums { right: 1, ..Sums::default() });
        }
        assert_eq!(senders.iter().count(), SENDERS_MAX);
    }
}
