//! The classic capture file.
//!
//! Source: draft-ietf-opsawg-pcap-05, 4 and 5; libpcap's `savefile` manual for the older variants.

use super::{Error, Input, PACKET_MAX, Packet};
use model::Time;
use wire::link::Link;
use wire::{Endian, Reader};

/// What the file's header says about all packets.
pub(crate) struct Header {
    endian: Endian,
    /// Nanoseconds in a unit of the second timestamp field.
    unit_ns: u32,
    /// Bytes of packet header; the variant of Alexey Kuznetsov has eight more.
    record_len: usize,
    link: Link,
    /// Bytes of a packet that count. What a damaged file has beyond them is left out, as libpcap does, so that every
    /// tool sees the same packet.
    snap_len: usize,
}

/// Microseconds, nanoseconds, and Kuznetsov's variant, as in a file with the most significant byte first.
const MAGICS: [(u32, u32, usize); 3] =
    [(0xa1b2_c3d4, 1000, 16), (0xa1b2_3c4d, 1, 16), (0xa1b2_cd34, 1000, 24)];

/// Whether a file that begins so is a pcap file.
pub(crate) fn is_magic(magic: u32) -> bool {
    MAGICS.iter().any(|(known, ..)| *known == magic || known.swap_bytes() == magic)
}

impl Header {
    /// Reads the file header; `None` when the magic number is another.
    pub(crate) fn read(input: &mut Input) -> Result<Option<Self>, Error> {
        let read = |source| Error::Read { number: 0, source };
        let bytes = input.peek(24).map_err(read)?;
        let mut r = Reader::new(bytes);
        let Ok(magic) = r.u32_be("magic") else { return Ok(None) };
        let found = MAGICS.iter().find_map(|(known, unit_ns, record_len)| {
            let big = *known == magic;
            let endian = if big { Endian::Big } else { Endian::Little };
            (big || known.swap_bytes() == magic).then_some((endian, *unit_ns, *record_len))
        });
        let Some((endian, unit_ns, record_len)) = found else { return Ok(None) };
        if r.take("version, zone, accuracy", 12).is_err() {
            return Err(Error::Truncated { number: 1 });
        }
        let snap_len = u32_of(&mut r, endian).ok_or(Error::Truncated { number: 1 })?;
        let link = u32_of(&mut r, endian).ok_or(Error::Truncated { number: 1 })?;
        input.skip(24);
        // The upper half holds the length of a frame check sequence.
        let link = Link(u16::try_from(link & 0xffff).unwrap_or_default());
        let snap_len = if snap_len == 0 { PACKET_MAX } else { usize_of(snap_len) };
        Ok(Some(Self { endian, unit_ns, record_len, link, snap_len }))
    }

    #[inline]
    pub(crate) fn packet<'a>(&self, input: &'a mut Input, number: u64) -> Result<Option<Packet<'a>>, Error> {
        let read = |source| Error::Read { number: number - 1, source };
        if let Some((head, kept)) = self.at_hand(input) {
            let bytes = input.take_seen(self.record_len + kept).get(self.record_len..).unwrap_or_default();
            return Ok(Some(self.made(head, bytes, number)));
        }
        let bytes = input.peek(self.record_len).map_err(read)?;
        if bytes.is_empty() {
            return Ok(None);
        }
        let head = bytes.first_chunk::<16>().filter(|_| bytes.len() == self.record_len);
        let Some(head) = head.map(|head| words(head, self.endian)) else {
            return Err(Error::Truncated { number });
        };
        let kept = usize_of(head[2]);
        if kept > PACKET_MAX {
            let value = u64::try_from(kept).unwrap_or_default();
            return Err(Error::Impossible { what: "packet length", value, number: number - 1 });
        }
        input.skip(self.record_len);
        if input.peek(kept).map_err(read)?.len() < kept {
            return Err(Error::Truncated { number });
        }
        let bytes = input.take_seen(kept);
        Ok(Some(self.made(head, bytes, number)))
    }

    /// The header of the next packet and how many bytes were kept of it, if all of it was read already, as nearly
    /// always.
    #[inline]
    fn at_hand(&self, input: &Input) -> Option<([u32; 4], usize)> {
        let (head, rest) = input.at_hand().split_at_checked(self.record_len)?;
        let head = words(head.first_chunk()?, self.endian);
        let kept = usize_of(head[2]);
        (kept <= rest.len().min(PACKET_MAX)).then_some((head, kept))
    }

    #[inline]
    fn made<'a>(&self, head: [u32; 4], bytes: &'a [u8], number: u64) -> Packet<'a> {
        let [seconds, fraction, kept, length] = head;
        let time = Time(i64::from(seconds) * 1_000_000_000 + i64::from(fraction) * i64::from(self.unit_ns));
        let most = if length == 0 { 0 } else { self.snap_len };
        let bytes = bytes.get(..most).unwrap_or(bytes);
        Packet { number, time, link: self.link, wire_len: usize_of(length.max(kept)), bytes }
    }
}

/// Seconds, their fraction, bytes kept and bytes on the wire: read as one, since every packet has them.
#[inline]
fn words(head: &[u8; 16], endian: Endian) -> [u32; 4] {
    let word = match endian {
        Endian::Big => u32::from_be_bytes,
        Endian::Little => u32::from_le_bytes,
    };
    let &[a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p] = head;
    [word([a, b, c, d]), word([e, f, g, h]), word([i, j, k, l]), word([m, n, o, p])]
}

#[inline]
pub(crate) fn u32_of(r: &mut Reader<'_>, endian: Endian) -> Option<u32> {
    match endian {
        Endian::Big => r.u32_be("field").ok(),
        Endian::Little => r.u32_le("field").ok(),
    }
}

pub(crate) fn usize_of(value: u32) -> usize {
    usize::try_from(value).unwrap_or(usize::MAX)
}
