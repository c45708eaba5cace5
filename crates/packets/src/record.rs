//! The form of a piece: a pcap file with nanoseconds, least significant byte first.
//!
//! Source: draft-ietf-opsawg-pcap-05, 4 and 5.

use model::{Span, Time};
use wire::link::Link;

/// Longest packet that is kept whole; of longer ones the beginning.
pub(crate) const PACKET_MAX: usize = 65_535;
/// Bytes before each packet, and before the first.
pub(crate) const RECORD: usize = 16;
pub(crate) const HEADER: usize = 24;

/// Appends what stands before the first packet: magic of nanoseconds, version 2.4, no zone, no accuracy, longest packet,
/// kind of link.
pub(crate) fn put_header(out: &mut Vec<u8>, link: Link) {
    let words = [0xa1b2_3c4d, 0x0004_0002, 0, 0, 262_144, u32::from(link.0)];
    words.iter().for_each(|word| out.extend_from_slice(&word.to_le_bytes()));
}

/// Appends a packet.
#[inline]
pub(crate) fn put(out: &mut Vec<u8>, time: Time, bytes: &[u8], wire_len: usize) {
    let (seconds, ns) = time.s_ns();
    let word = |value: i64| u32::try_from(value.max(0)).unwrap_or(u32::MAX).to_le_bytes();
    let len = |value: usize| u32::try_from(value).unwrap_or(u32::MAX).to_le_bytes();
    let [s0, s1, s2, s3] = word(seconds);
    let [n0, n1, n2, n3] = word(ns);
    let [k0, k1, k2, k3] = len(bytes.len());
    let [w0, w1, w2, w3] = len(wire_len.max(bytes.len()));
    out.extend_from_slice(&[s0, s1, s2, s3, n0, n1, n2, n3, k0, k1, k2, k3, w0, w1, w2, w3]);
    out.extend_from_slice(bytes);
}

/// The moment as the file has it: from 1970 to 2106.
#[inline]
pub(crate) fn kept_time(time: Time) -> Time {
    let (seconds, ns) = time.s_ns();
    let seconds = u32::try_from(seconds.max(0)).unwrap_or(u32::MAX);
    Time::from_s_ns(seconds.into(), u32::try_from(ns).unwrap_or_default())
}

/// A packet in a piece.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Record<'a> {
    pub(crate) time: Time,
    pub(crate) wire_len: usize,
    pub(crate) bytes: &'a [u8],
}

/// Takes a packet off the front of `bytes`; `None` when they do not begin with a whole one.
#[inline]
pub(crate) fn take<'a>(bytes: &mut &'a [u8]) -> Option<Record<'a>> {
    let (head, rest) = bytes.split_first_chunk::<RECORD>()?;
    let (words, _) = head.as_chunks::<4>();
    let &[seconds, ns, kept, wire_len] = words else { return None };
    let len = |word| usize::try_from(u32::from_le_bytes(word)).unwrap_or(usize::MAX);
    let (kept, rest) = rest.split_at_checked(len(kept))?;
    *bytes = rest;
    let time = Time::from_s_ns(u32::from_le_bytes(seconds).into(), 0) + Span(u32::from_le_bytes(ns).into());
    Some(Record { time, wire_len: len(wire_len).max(kept.len()), bytes: kept })
}

#[cfg(test)]
mod tests {
    use super::*;
    use sensor::capture::Capture;

    #[test]
    fn a_piece_is_a_capture_that_others_read_too() {
        arbtest::arbtest(|u| {
            let mut file = vec![];
            put_header(&mut file, Link::ETHERNET);
            let packets: Vec<(i64, Vec<u8>, u8)> = u.arbitrary()?;
            for (time, bytes, more) in &packets {
                put(&mut file, Time(*time), bytes, bytes.len() + usize::from(*more));
            }
            let mut rest = &file[HEADER..];
            let mut capture = Capture::open(Box::new(std::io::Cursor::new(file.clone()))).unwrap();
            for (time, bytes, more) in &packets {
                let (own, other) = (take(&mut rest).unwrap(), capture.next_packet().unwrap().unwrap());
                let expected = (kept_time(Time(*time)), bytes.len() + usize::from(*more), &bytes[..]);
                assert_eq!((own.time, own.wire_len, own.bytes), expected);
                assert_eq!((other.time, other.wire_len, other.bytes), expected);
            }
            assert!(take(&mut rest).is_none() && capture.next_packet().unwrap().is_none());
            Ok(())
        });
    }
}
