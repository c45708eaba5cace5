//! Where the packets of a piece lie: blocks of some packets one behind the other, each with its numbers and times.

use crate::numbers::Run;
use crate::varint::{put, take, take_u32, unzigzag, zigzag};
use model::Time;

/// Bytes after which a block ends: what is read at least to have one packet.
pub(crate) const BLOCK: u32 = 16 << 10;

/// Packets one behind the other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Block {
    /// Where the first begins in the piece.
    pub(crate) at: u32,
    pub(crate) bytes: u32,
    pub(crate) earliest: Time,
    pub(crate) latest: Time,
    /// Where its runs begin in the table; no run is of two blocks.
    runs: usize,
}

/// The blocks of a piece in order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Table {
    blocks: Vec<Block>,
    runs: Vec<Run>,
    /// Whether the last block may still take packets.
    open: bool,
}

impl Table {
    /// Appends a packet that begins at `at` and takes so many `bytes`; gives the place of its block.
    #[inline]
    pub(crate) fn push(&mut self, at: u32, bytes: u32, number: u64, time: Time) -> u32 {
        match self.blocks.last_mut() {
            Some(block) if self.open => {
                block.bytes += bytes;
                block.earliest = block.earliest.min(time);
                block.latest = block.latest.max(time);
                match self.runs.last_mut() {
                    Some(run) if run.first + run.count == number => run.count += 1,
                    _ => self.runs.push(Run { first: number, count: 1 }),
                }
                self.open = block.bytes < BLOCK;
            }
            _ => {
                let runs = self.runs.len();
                self.blocks.push(Block { at, bytes, earliest: time, latest: time, runs });
                self.runs.push(Run { first: number, count: 1 });
                self.open = bytes < BLOCK;
            }
        }
        u32::try_from(self.blocks.len().saturating_sub(1)).unwrap_or(u32::MAX)
    }

    pub(crate) fn block(&self, place: u32) -> Option<&Block> {
        self.blocks.get(usize::try_from(place).ok()?)
    }

    pub(crate) fn blocks(&self) -> &[Block] {
        &self.blocks
    }

    pub(crate) fn len(&self) -> u32 {
        u32::try_from(self.blocks.len()).unwrap_or(u32::MAX)
    }

    /// Runs, of which there may be many where the packets of several classes alternate.
    pub(crate) fn run_count(&self) -> usize {
        self.runs.len()
    }

    /// Numbers of the packets of a block, in order.
    pub(crate) fn numbers(&self, place: u32) -> &[Run] {
        let Some(from) = self.block(place).map(|block| block.runs) else { return &[] };
        let to = self.block(place + 1).map_or(self.runs.len(), |next| next.runs);
        self.runs.get(from..to).unwrap_or_default()
    }

    /// First and last number of the packets of a block.
    pub(crate) fn reach(&self, place: u32) -> Option<(u64, u64)> {
        let runs = self.numbers(place);
        Some((runs.first()?.first, runs.last()?.last()))
    }

    pub(crate) fn packets(&self) -> u64 {
        self.runs.iter().map(|run| run.count).sum()
    }

    /// First and last number of all; `None` without a packet.
    pub(crate) fn range(&self) -> Option<(u64, u64)> {
        Some((self.runs.first()?.first, self.runs.last()?.last()))
    }

    /// When the first and the last packet was captured; `None` without a packet.
    pub(crate) fn times(&self) -> Option<(Time, Time)> {
        let earliest = self.blocks.iter().map(|block| block.earliest).min()?;
        Some((earliest, self.blocks.iter().map(|block| block.latest).max()?))
    }

    /// Writes the table: of each block its bytes, when, and its runs, as differences to what stands before.
    pub(crate) fn put(&self, out: &mut Vec<u8>) {
        put(out, self.blocks.len() as u64);
        let (mut at, mut time, mut number) = (0, 0, 0);
        for (place, block) in (0..).zip(&self.blocks) {
            put(out, (block.at - at).into());
            put(out, block.bytes.into());
            at = block.at + block.bytes;
            put(out, zigzag(block.earliest.0.wrapping_sub(time)));
            put(out, (block.latest - block.earliest).0.cast_unsigned());
            time = block.earliest.0;
            let runs = self.numbers(place);
            put(out, runs.len() as u64);
            for run in runs {
                put(out, run.first.wrapping_sub(number));
                put(out, run.count);
                number = run.last();
            }
        }
    }

    /// Reads a table; `None` when it is damaged.
    pub(crate) fn read(mut bytes: &[u8]) -> Option<Self> {
        let from = &mut bytes;
        let mut table = Self::default();
        let (mut at, mut time, mut number) = (0_u32, 0_i64, 0_u64);
        for _ in 0..take(from)? {
            let (gap, len) = (take_u32(from)?, take_u32(from)?);
            let begin = at.checked_add(gap)?;
            at = begin.checked_add(len)?;
            time = time.checked_add(unzigzag(take(from)?))?;
            let latest = Time(time.checked_add_unsigned(take(from)?)?);
            let runs = table.runs.len();
            table.blocks.push(Block { at: begin, bytes: len, earliest: Time(time), latest, runs });
            for _ in 0..take(from)? {
                let first = number.checked_add(take(from)?)?;
                let run = Run { first, count: take(from)? };
                number = first.checked_add(run.count)?.checked_sub(1)?;
                table.runs.push(run);
            }
        }
        from.is_empty().then_some(table)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_is_read_as_written_and_no_bytes_break_the_reading() {
        arbtest::arbtest(|u| {
            let (mut table, mut at, mut number) = (Table::default(), 24, 1);
            for (bytes, gap, time) in u.arbitrary::<Vec<(u16, u8, i64)>>()? {
                let bytes = u32::from(bytes);
                table.push(at, bytes, number, Time(time >> 2));
                at += bytes;
                number += 1 + u64::from(gap / 64);
            }
            table.open = false;
            let mut out = vec![];
            table.put(&mut out);
            assert_eq!(Table::read(&out), Some(table));
            let _ = Table::read(&u.arbitrary::<Vec<u8>>()?);
            Ok(())
        });
    }
}
