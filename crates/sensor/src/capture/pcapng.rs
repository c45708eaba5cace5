//! The next generation capture file: sections, interfaces, blocks.
//!
//! Source: draft-ietf-opsawg-pcapng-03, 3 and 4.

use super::pcap::{u32_of, usize_of};
use super::{Error, Input, PACKET_MAX, Packet};
use model::Time;
use wire::link::Link;
use wire::{Endian, Reader};

/// Block type of a section header, the same in both byte orders.
pub(crate) const SECTION_HEADER: u32 = 0x0a0d_0d0a;
const INTERFACE: u32 = 1;
const OBSOLETE_PACKET: u32 = 2;
const SIMPLE_PACKET: u32 = 3;
const ENHANCED_PACKET: u32 = 6;
/// The longest block that is read; a longer one is taken for damage.
const BLOCK_MAX: usize = 16 * 1024 * 1024;
/// Interfaces in a section; those beyond are read with the settings of the last one.
const INTERFACES_MAX: usize = 4096;

/// The section at hand: its byte order and interfaces.
#[derive(Default)]
pub(crate) struct Section {
    big: bool,
    interfaces: Vec<Interface>,
}

#[derive(Clone, Copy)]
struct Interface {
    link: Link,
    /// Units of time in a second.
    resolution: u64,
    /// Seconds to add to every time.
    offset_s: i64,
    /// Bytes kept of a packet; 0 for all.
    snapshot: usize,
}

/// Where in the block at hand the packet lies.
struct Found {
    interface: Interface,
    time: Time,
    at: usize,
    kept: usize,
    length: usize,
}

impl Section {
    pub(crate) fn packet<'a>(
        &mut self,
        input: &'a mut Input,
        number: u64,
    ) -> Result<Option<Packet<'a>>, Error> {
        let impossible = |what, value: usize| Error::Impossible {
            what,
            value: u64::try_from(value).unwrap_or_default(),
            number: number - 1,
        };
        let read = |source| Error::Read { number: number - 1, source };
        loop {
            let head = input.peek(12).map_err(read)?;
            if head.is_empty() {
                return Ok(None);
            }
            // A block cut short at the very end is what a killed capture leaves behind.
            let Some((kind, length)) = self.block(head) else { return Ok(None) };
            if !(12..=BLOCK_MAX).contains(&length) || length % 4 != 0 {
                return Err(impossible("block length", length));
            }
            let block = input.peek(length).map_err(read)?;
            if block.len() < length {
                return Ok(None);
            }
            let body = block.get(8..length - 4).unwrap_or_default();
            let found = match kind {
                SECTION_HEADER => {
                    self.interfaces.clear();
                    None
                }
                INTERFACE => {
                    self.interface(body);
                    None
                }
                ENHANCED_PACKET => self.enhanced(body),
                OBSOLETE_PACKET => self.obsolete(body),
                SIMPLE_PACKET => self.simple(body),
                _ => None,
            };
            let Some(Found { interface, time, at, kept, length: wire_len }) = found else {
                input.skip(length);
                continue;
            };
            if kept > PACKET_MAX || at + kept > body.len() {
                return Err(impossible("packet length", kept));
            }
            let block = input.take_seen(length);
            let there = if wire_len == 0 { 0 } else { kept };
            let bytes = block.get(8 + at..8 + at + there).unwrap_or_default();
            return Ok(Some(Packet {
                number,
                time,
                link: interface.link,
                wire_len: wire_len.max(kept),
                bytes,
            }));
        }
    }

    /// Type and length of the block; a section header also tells the byte order.
    fn block(&mut self, head: &[u8]) -> Option<(u32, usize)> {
        let mut r = Reader::new(head);
        let kind = r.rest().first_chunk().map(|bytes| u32::from_be_bytes(*bytes))?;
        if kind == SECTION_HEADER {
            self.big = head.get(8..12)? == [0x1a, 0x2b, 0x3c, 0x4d];
        }
        let kind = u32_of(&mut r, self.endian())?;
        let length = usize_of(u32_of(&mut r, self.endian())?);
        (head.len() == 12).then_some((kind, length))
    }

    fn endian(&self) -> Endian {
        if self.big { Endian::Big } else { Endian::Little }
    }

    fn u16_of(&self, r: &mut Reader<'_>) -> Option<u16> {
        if self.big { r.u16_be("field").ok() } else { r.u16_le("field").ok() }
    }

    /// Interface description, 4.2.
    fn interface(&mut self, body: &[u8]) {
        let mut r = Reader::new(body);
        let Some(link) = self.u16_of(&mut r) else { return };
        let Some((_, snapshot)) = self.u16_of(&mut r).zip(u32_of(&mut r, self.endian())) else { return };
        let mut interface =
            Interface { link: Link(link), resolution: 1_000_000, offset_s: 0, snapshot: usize_of(snapshot) };
        while let Some((code, value)) = self.option(&mut r) {
            match (code, value) {
                (9, [exponent, ..]) => interface.resolution = resolution(*exponent),
                (14, value) => interface.offset_s = self.i64_of(value).unwrap_or_default(),
                _ => {}
            }
        }
        if self.interfaces.len() < INTERFACES_MAX {
            self.interfaces.push(interface);
        }
    }

    /// An option, 3.5; `None` at the end of options.
    fn option<'a>(&self, r: &mut Reader<'a>) -> Option<(u16, &'a [u8])> {
        let code = self.u16_of(r)?;
        let length = usize::from(self.u16_of(r)?);
        let value = r.take("option", length).ok()?;
        let _ = r.take("padding", length.next_multiple_of(4) - length);
        (code != 0).then_some((code, value))
    }

    fn i64_of(&self, value: &[u8]) -> Option<i64> {
        let bytes = *value.first_chunk()?;
        Some(if self.big { i64::from_be_bytes(bytes) } else { i64::from_le_bytes(bytes) })
    }

    fn of(&self, index: usize) -> Option<Interface> {
        self.interfaces.get(index).or(self.interfaces.last()).copied()
    }

    /// Enhanced packet, 4.3.
    fn enhanced(&self, body: &[u8]) -> Option<Found> {
        let mut r = Reader::new(body);
        let index = u32_of(&mut r, self.endian())?;
        self.timed(r, usize_of(index))
    }

    /// The packet block that came before, A: a drop counter beside the interface.
    fn obsolete(&self, body: &[u8]) -> Option<Found> {
        let mut r = Reader::new(body);
        let index = self.u16_of(&mut r)?;
        self.u16_of(&mut r)?;
        self.timed(r, usize::from(index))
    }

    fn timed(&self, mut r: Reader<'_>, index: usize) -> Option<Found> {
        let endian = self.endian();
        let (high, low) = (u32_of(&mut r, endian)?, u32_of(&mut r, endian)?);
        let (kept, length) = (u32_of(&mut r, endian)?, u32_of(&mut r, endian)?);
        let interface = self.of(index)?;
        let time = interface.time(u64::from(high) << 32 | u64::from(low));
        Some(Found { interface, time, at: r.offset(), kept: usize_of(kept), length: usize_of(length) })
    }

    /// Simple packet, 4.4: no time, first interface.
    fn simple(&self, body: &[u8]) -> Option<Found> {
        let mut r = Reader::new(body);
        let length = usize_of(u32_of(&mut r, self.endian())?);
        let interface = self.of(0)?;
        let snapshot = if interface.snapshot == 0 { usize::MAX } else { interface.snapshot };
        let kept = length.min(snapshot).min(r.rest().len());
        Some(Found { interface, time: Time::default(), at: r.offset(), kept, length })
    }
}

impl Interface {
    fn time(&self, units: u64) -> Time {
        let units = u128::from(units) * 1_000_000_000 / u128::from(self.resolution);
        let ns = i64::try_from(units).unwrap_or(i64::MAX);
        Time(ns) + model::Span::s(self.offset_s)
    }
}

/// `if_tsresol`: a power of ten, or of two when the top bit is set; the default when it is out of reach.
fn resolution(exponent: u8) -> u64 {
    let base: u64 = if exponent & 0x80 == 0 { 10 } else { 2 };
    base.checked_pow(u32::from(exponent & 0x7f)).unwrap_or(1_000_000)
}
