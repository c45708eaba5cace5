//! Captured packets from files and pipes: pcap and pcapng, plain, gzip or zstd.

mod pcap;
mod pcapng;

use model::Time;
use std::io::{self, Read};
use wire::link::Link;

/// A captured packet; lives until the next one is read.
#[derive(Clone, Copy, Debug)]
pub struct Packet<'a> {
    /// Number in the capture, from 1.
    pub number: u64,
    /// When it was captured, to the capture's resolution.
    pub time: Time,
    /// Kind of link.
    pub link: Link,
    /// Bytes that it had on the wire; never less than `bytes`.
    pub wire_len: usize,
    /// What was captured of it; nothing where the capture says that it had no bytes.
    pub bytes: &'a [u8],
}

/// Why a capture could not be read, or not to its end.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The bytes could not be had, or could not be unpacked.
    #[error("cannot read the capture after packet {number}")]
    Read {
        /// Packets read before.
        number: u64,
        /// What the system says.
        source: io::Error,
    },
    /// It begins with none of the known magic numbers.
    #[error("not a capture: it begins with {0:#010x}, which is neither pcap nor pcapng")]
    Magic(u32),
    /// A length or a block says what cannot be.
    #[error("{what} {value} after packet {number} is not possible")]
    Impossible {
        /// Which field.
        what: &'static str,
        /// What it says.
        value: u64,
        /// Packets read before.
        number: u64,
    },
    /// The capture ends in the middle of a packet.
    #[error("the capture ends inside packet {number}")]
    Truncated {
        /// The packet that is not whole.
        number: u64,
    },
}

/// A capture that is being read, packet by packet.
pub struct Capture {
    input: Input,
    format: Format,
    number: u64,
}

enum Format {
    Pcap(pcap::Header),
    Pcapng(pcapng::Section),
}

/// The longest packet that is read, as in libpcap; more is taken for damage.
const PACKET_MAX: usize = 262_144;

impl Capture {
    /// Starts to read `input`, unpacking it when it is gzip or zstd.
    ///
    /// # Errors
    /// When it is neither pcap nor pcapng, or cannot be read.
    pub fn open(input: Box<dyn Read + Send>) -> Result<Self, Error> {
        let mut input = Input::unpack(input).map_err(|source| Error::Read { number: 0, source })?;
        let magic = input.peek(4).map_err(|source| Error::Read { number: 0, source })?;
        let magic = magic.first_chunk().map_or(0, |bytes| u32::from_be_bytes(*bytes));
        let format = match magic {
            pcapng::SECTION_HEADER => Format::Pcapng(pcapng::Section::default()),
            _ => Format::Pcap(pcap::Header::read(&mut input)?.ok_or(Error::Magic(magic))?),
        };
        Ok(Self { input, format, number: 0 })
    }

    /// Whether a file that begins with `head` is a capture, or packed and may hold one.
    pub fn sniff(head: &[u8]) -> bool {
        let Some(magic) = head.first_chunk::<4>() else { return false };
        let magic = u32::from_be_bytes(*magic);
        magic == pcapng::SECTION_HEADER || pcap::is_magic(magic) || is_gzip(head) || is_zstd(head)
    }

    /// The next packet; `None` at the end.
    ///
    /// # Errors
    /// When the capture is damaged here; what was read before is good, nothing can be read after.
    #[inline]
    pub fn next_packet(&mut self) -> Result<Option<Packet<'_>>, Error> {
        let number = self.number + 1;
        let packet = match &mut self.format {
            Format::Pcap(header) => header.packet(&mut self.input, number),
            Format::Pcapng(section) => section.packet(&mut self.input, number),
        };
        if let Ok(Some(_)) = packet {
            self.number = number;
        }
        packet
    }
}

fn is_gzip(head: &[u8]) -> bool {
    head.starts_with(&[0x1f, 0x8b])
}

fn is_zstd(head: &[u8]) -> bool {
    head.starts_with(&[0x28, 0xb5, 0x2f, 0xfd])
}

/// Bytes of a capture, read in large pieces and handed out without a copy.
pub(crate) struct Input {
    source: Box<dyn Read + Send>,
    buffer: Vec<u8>,
    start: usize,
    end: usize,
}

/// What is asked of the system at a time.
const PIECE: usize = 64 * 1024;

impl Input {
    fn new(source: Box<dyn Read + Send>) -> Self {
        Self { source, buffer: vec![0; PIECE], start: 0, end: 0 }
    }

    /// Nothing is unpacked ahead of what is asked for, so a small file cannot grow large in memory.
    fn unpack(source: Box<dyn Read + Send>) -> io::Result<Self> {
        let mut input = Self::new(source);
        let head = input.peek(4)?;
        if is_gzip(head) {
            return Ok(Self::new(Box::new(flate2::read::MultiGzDecoder::new(input))));
        }
        if is_zstd(head) {
            return Ok(Self::new(Box::new(zstd::Decoder::new(input)?)));
        }
        Ok(input)
    }

    /// What was read already and is not taken yet.
    #[inline]
    fn at_hand(&self) -> &[u8] {
        self.buffer.get(self.start..self.end).unwrap_or_default()
    }

    /// The next `count` bytes without taking them; fewer only at the end.
    #[inline]
    pub(crate) fn peek(&mut self, count: usize) -> io::Result<&[u8]> {
        if self.end - self.start < count {
            self.fill(count)?;
        }
        let end = self.end.min(self.start + count);
        Ok(self.buffer.get(self.start..end).unwrap_or_default())
    }

    /// Takes `count` bytes that were seen with [`Input::peek`].
    #[inline]
    pub(crate) fn skip(&mut self, count: usize) {
        self.start = self.end.min(self.start + count);
    }

    /// Takes `count` bytes that were seen with [`Input::peek`], and hands them out.
    #[inline]
    pub(crate) fn take_seen(&mut self, count: usize) -> &[u8] {
        let start = self.start;
        self.skip(count);
        self.buffer.get(start..self.start).unwrap_or_default()
    }

    #[cold]
    fn fill(&mut self, count: usize) -> io::Result<()> {
        self.buffer.copy_within(self.start..self.end, 0);
        (self.start, self.end) = (0, self.end - self.start);
        if self.buffer.len() < count {
            self.buffer.resize(count, 0);
        }
        while self.end < count {
            match self.source.read(self.buffer.get_mut(self.end..).unwrap_or_default()) {
                Ok(0) => break,
                Ok(read) => self.end += read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

impl Read for Input {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let held = self.peek(1)?.len();
        if held == 0 {
            return Ok(0);
        }
        let count = out.len().min(self.end - self.start);
        let from = self.buffer.get(self.start..self.start + count).unwrap_or_default();
        if let Some(to) = out.get_mut(..count) {
            to.copy_from_slice(from);
        }
        self.skip(count);
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(bytes: Vec<u8>) -> Result<u64, Error> {
        let mut capture = Capture::open(Box::new(io::Cursor::new(bytes)))?;
        while capture.next_packet()?.is_some() {}
        Ok(capture.number)
    }

    fn pcap(packets: usize) -> Vec<u8> {
        let mut bytes =
            vec![0xd4, 0xc3, 0xb2, 0xa1, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4, 0, 1, 0, 0, 0];
        for _ in 0..packets {
            bytes.extend([1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0, 3, 0, 0, 0, 7, 8, 9]);
        }
        bytes
    }

    #[test]
    fn a_packet_has_its_time_and_bytes() {
        let mut capture = Capture::open(Box::new(io::Cursor::new(pcap(1)))).unwrap();
        let packet = capture.next_packet().unwrap().unwrap();
        assert_eq!((packet.number, packet.time, packet.bytes), (1, Time(1_000_002_000), &[7, 8, 9][..]));
        assert_eq!(packet.link, Link::ETHERNET);
    }

    #[test]
    fn what_a_file_has_beyond_its_own_bound_is_left_out() {
        let mut bytes = pcap(1);
        bytes[16..20].copy_from_slice(&[2, 0, 0, 0]);
        let mut capture = Capture::open(Box::new(io::Cursor::new(bytes))).unwrap();
        let packet = capture.next_packet().unwrap().unwrap();
        assert_eq!((packet.bytes, packet.wire_len), (&[7, 8][..], 3));
    }

    #[test]
    fn gzip_and_zstd_are_unpacked() {
        let mut gzip = flate2::write::GzEncoder::new(vec![], flate2::Compression::fast());
        io::Write::write_all(&mut gzip, &pcap(3)).unwrap();
        assert_eq!(count(gzip.finish().unwrap()).unwrap(), 3);
        assert_eq!(count(zstd::encode_all(&pcap(3)[..], 1).unwrap()).unwrap(), 3);
    }

    #[test]
    fn a_cut_packet_is_told() {
        let mut bytes = pcap(2);
        bytes.pop();
        assert_eq!(count(bytes).unwrap_err().to_string(), "the capture ends inside packet 2");
        assert_eq!(
            count(b"GIF89a".to_vec()).unwrap_err().to_string(),
            "not a capture: it begins with 0x47494638, which is neither pcap nor pcapng"
        );
    }

    #[test]
    fn no_capture_panics_on_any_bytes() {
        arbtest::arbtest(|u| {
            let mut bytes = match u.int_in_range(0..=2)? {
                0 => pcap(0),
                1 => vec![0x0a, 0x0d, 0x0d, 0x0a, 28, 0, 0, 0, 0x4d, 0x3c, 0x2b, 0x1a],
                _ => vec![],
            };
            bytes.extend(u.arbitrary::<Vec<u8>>()?);
            let _ = count(bytes);
            Ok(())
        });
    }
}
