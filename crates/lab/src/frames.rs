//! Ethernet frames with ARP, IPv4 and UDP in them, checksums included, and the tape that a tap records them
//! on.
//!
//! Sources: IEEE 802.3 (frame, padding to 60 bytes), RFC 826 (ARP), RFC 791 (IPv4), RFC 768 (UDP), RFC 1071
//! (checksum), and the libpcap file format (draft-ietf-opsawg-pcap).

use crate::bytes::{Put, len16};
use model::{Mac, Time};
use std::net::Ipv4Addr;

/// Every station of the segment.
pub const BROADCAST: Mac = Mac([0xff; 6]);

/// IP protocol number of TCP.
pub const TCP: u8 = 6;
/// IP protocol number of UDP.
pub const UDP: u8 = 17;

/// One end of a conversation as a tap sees it: behind a router the hardware address is the router's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Station {
    /// Hardware address in the segment where the tap listens.
    pub mac: Mac,
    /// IP address of the end itself.
    pub ip: Ipv4Addr,
    /// Time to live that is left in its packets where the tap listens.
    pub ttl: u8,
}

/// Names a frame before its number in the capture is known: a later frame may have been earlier on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct FrameId(usize);

/// What a tap recorded; frames may be added in any order of time.
#[derive(Debug, Default)]
pub struct Tape {
    frames: Vec<(Time, Vec<u8>)>,
}

/// A finished recording: frames in order of time.
#[derive(Debug)]
pub struct Recording {
    /// Times and bytes; frame number 1 comes first.
    pub frames: Vec<(Time, Vec<u8>)>,
    /// Number of each frame, by [`FrameId`].
    numbers: Vec<u64>,
}

impl Tape {
    /// Adds a frame; times are kept to the microsecond, which is what the capture file holds.
    pub fn record(&mut self, at: Time, frame: Vec<u8>) -> FrameId {
        self.frames.push((Time(at.0.div_euclid(1000).saturating_mul(1000)), frame));
        FrameId(self.frames.len().saturating_sub(1))
    }

    /// Frames recorded so far.
    pub fn len(&self) -> usize {
        self.frames.len()
    }

    /// Whether nothing was recorded.
    pub fn is_empty(&self) -> bool {
        self.frames.is_empty()
    }

    /// The frames recorded since there were `from` of them.
    pub fn since(&self, from: usize) -> impl Iterator<Item = FrameId> + use<> {
        (from..self.frames.len()).map(FrameId)
    }

    /// Takes off everything recorded so far, in the order it was recorded; a [`FrameId`] given before names
    /// nothing any more.
    pub(crate) fn take(&mut self) -> Vec<(Time, Vec<u8>)> {
        std::mem::take(&mut self.frames)
    }

    /// Puts the frames in order of time; frames of the same microsecond keep the order they were recorded in.
    pub fn finish(self) -> Recording {
        let mut order: Vec<(Time, usize, Vec<u8>)> =
            self.frames.into_iter().enumerate().map(|(id, (at, frame))| (at, id, frame)).collect();
        order.sort_by_key(|(at, id, _)| (*at, *id));
        let mut numbers = vec![0; order.len()];
        for (number, (_, id, _)) in (1..).zip(&order) {
            if let Some(place) = numbers.get_mut(*id) {
                *place = number;
            }
        }
        Recording { frames: order.into_iter().map(|(at, _, frame)| (at, frame)).collect(), numbers }
    }
}

impl Recording {
    /// Number of a frame in the capture, from 1; 0 for a frame of another tape.
    pub fn number(&self, id: FrameId) -> u64 {
        self.numbers.get(id.0).copied().unwrap_or_default()
    }

    /// The recording as a pcap file: microseconds, little-endian, link type Ethernet.
    pub fn pcap(&self) -> Vec<u8> {
        const SNAPSHOT_MAX: u32 = 262_144;
        const ETHERNET: u32 = 1;
        let mut out = vec![];
        out.u32_le(0xa1b2_c3d4).u16_le(2).u16_le(4).u32_le(0).u32_le(0).u32_le(SNAPSHOT_MAX).u32_le(ETHERNET);
        for (at, frame) in &self.frames {
            let (seconds, ns) = at.s_ns();
            let length = u32::from(len16(frame));
            out.u32_le(u32::try_from(seconds).unwrap_or(u32::MAX));
            out.u32_le(u32::try_from(ns / 1000).unwrap_or_default()).u32_le(length).u32_le(length).put(frame);
        }
        out
    }
}

/// An Ethernet II frame, padded to the shortest length that the wire carries.
pub fn ethernet(from: Mac, to: Mac, kind: u16, payload: &[u8]) -> Vec<u8> {
    const SHORTEST: usize = 60;
    let mut frame = vec![];
    frame.put(&to.0).put(&from.0).u16(kind).put(payload);
    frame.resize(frame.len().max(SHORTEST), 0);
    frame
}

/// Asks everybody in the segment who has `wanted`.
pub fn arp_request(from: Station, wanted: Ipv4Addr) -> Vec<u8> {
    ethernet(from.mac, BROADCAST, 0x0806, &arp(1, from, Mac([0; 6]), wanted))
}

/// Tells `to` that `from` has its address.
pub fn arp_reply(from: Station, to: Station) -> Vec<u8> {
    ethernet(from.mac, to.mac, 0x0806, &arp(2, from, to.mac, to.ip))
}

fn arp(operation: u16, from: Station, to_mac: Mac, to_ip: Ipv4Addr) -> Vec<u8> {
    let mut packet = vec![];
    packet.u16(1).u16(0x0800).u8(6).u8(4).u16(operation);
    packet.put(&from.mac.0).put(&from.ip.octets()).put(&to_mac.0).put(&to_ip.octets());
    packet
}

/// A frame with an IPv4 packet that may not be fragmented; `payload` starts with the transport header.
pub fn ipv4(from: Station, to: Station, protocol: u8, identification: u16, payload: &[u8]) -> Vec<u8> {
    const HEADER: u16 = 20;
    const DONT_FRAGMENT: u16 = 0x4000;
    let mut header = vec![];
    header.u8(0x45).u8(0).u16(len16(payload).saturating_add(HEADER)).u16(identification).u16(DONT_FRAGMENT);
    header.u8(from.ttl).u8(protocol);
    let (source, target) = (from.ip.octets(), to.ip.octets());
    let sum = checksum(&[&header, &source, &target]);
    header.u16(sum).put(&source).put(&target).put(payload);
    ethernet(from.mac, to.mac, 0x0800, &header)
}

/// A frame with one UDP datagram.
pub fn udp(from: (Station, u16), to: (Station, u16), identification: u16, payload: &[u8]) -> Vec<u8> {
    let mut datagram = vec![];
    datagram.u16(from.1).u16(to.1).u16(len16(payload).saturating_add(8)).u16(0).put(payload);
    let sum = transport_checksum(from.0.ip, to.0.ip, UDP, &datagram);
    // RFC 768: a sum of zero goes out as all ones, for zero means "not computed".
    let sum = if sum == 0 { 0xffff } else { sum };
    if let Some(field) = datagram.get_mut(6..8) {
        field.copy_from_slice(&sum.to_be_bytes());
    }
    ipv4(from.0, to.0, UDP, identification, &datagram)
}

/// Checksum of a TCP segment or UDP datagram with its pseudo header (RFC 9293, 3.1), its own field being
/// zero.
pub fn transport_checksum(from: Ipv4Addr, to: Ipv4Addr, protocol: u8, segment: &[u8]) -> u16 {
    let length = len16(segment).to_be_bytes();
    checksum(&[&from.octets(), &to.octets(), &[0, protocol], &length, segment])
}

/// Ones' complement of the ones' complement sum of 16-bit words (RFC 1071); each part but the last is even.
pub fn checksum(parts: &[&[u8]]) -> u16 {
    let mut sum: u32 = 0;
    for part in parts {
        for pair in part.chunks(2) {
            let word = match pair {
                [high, low] => u16::from_be_bytes([*high, *low]),
                [high] => u16::from_be_bytes([*high, 0]),
                _ => 0,
            };
            sum = sum.saturating_add(u32::from(word));
        }
    }
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !u16::try_from(sum).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checksum_is_the_one_of_the_standards_example() {
        // RFC 1071, 3: the words 0001 f203 f4f5 f6f7 sum up to ddf2.
        assert_eq!(checksum(&[&[0x00, 0x01, 0xf2, 0x03], &[0xf4, 0xf5, 0xf6, 0xf7]]), !0xddf2);
        assert_eq!(checksum(&[&[0x01]]), !0x0100);
    }

    #[test]
    fn frames_are_numbered_in_order_of_time() {
        let mut tape = Tape::default();
        let late = tape.record(Time(9_000), vec![9; 60]);
        let early = tape.record(Time(4_999), vec![4; 60]);
        let same = tape.record(Time(9_001), vec![8; 60]);
        let recording = tape.finish();
        assert_eq!([early, late, same].map(|id| recording.number(id)), [1, 2, 3]);
        assert_eq!(recording.frames[0].0, Time(4_000));
        assert_eq!(recording.pcap().len(), 24 + 3 * (16 + 60));
    }

    #[test]
    fn a_short_frame_is_padded() {
        let station = Station { mac: Mac([2; 6]), ip: Ipv4Addr::new(10, 0, 0, 1), ttl: 64 };
        assert_eq!(arp_request(station, Ipv4Addr::new(10, 0, 0, 2)).len(), 60);
    }
}
