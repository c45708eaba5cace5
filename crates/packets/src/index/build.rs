use super::{BITS_MAX, HEADER, HEADER_PLACE, MAGIC, Summary, TABLE_PLACE, bucket};
use crate::ends::Terms;
use crate::hash::sum;
use crate::table::Table;
use crate::varint::put;
use model::Time;

/// Names of frames and terms that are remembered to stand in the block at hand already. A block has some hundred packets; what is
/// forgotten too early stands there twice until the index is written.
const IDS: usize = 1024;
const SEEN: usize = 2048;
/// Terms in a bucket, on average.
const BUCKET: usize = 32;

/// An index that is being made, packet by packet.
pub(crate) struct Builder {
    table: Table,
    /// Term and place of a block, the term in the upper half.
    pairs: Vec<u64>,
    ids: Box<[(u64, u32)]>,
    seen: Box<[u64]>,
}

impl Default for Builder {
    fn default() -> Self {
        Self {
            table: Table::default(),
            pairs: vec![],
            ids: vec![(0, u32::MAX); IDS].into(),
            seen: vec![u64::MAX; SEEN].into(),
        }
    }
}

impl Builder {
    /// Takes the next packet: where it lies in the piece, its number and time, and its frame, named by
    /// [`crate::alike::Alike`].
    #[inline]
    pub(crate) fn push(&mut self, (at, bytes): (u32, u32), number: u64, time: Time, frame: &[u8], name: u64) {
        let block = self.table.push(at, bytes, number, time);
        let Some(known) = self.ids.get_mut(slot(name, IDS)) else { return };
        if *known != (name, block) {
            *known = (name, block);
            self.note(block, &Terms::of(frame));
        }
    }

    fn note(&mut self, block: u32, terms: &Terms) {
        for term in terms.as_slice() {
            let pair = u64::from(*term) << 32 | u64::from(block);
            let Some(seen) = self.seen.get_mut(slot((*term).into(), SEEN)) else { continue };
            if *seen != pair {
                *seen = pair;
                self.pairs.push(pair);
            }
        }
    }

    /// Bytes that the index will take on disk at most, and about as many in memory.
    pub(crate) fn bytes(&self) -> u64 {
        // A term with one block: four bytes, length, distance, and its share of bucket and directory.
        let pairs = self.pairs.len() * 10;
        (HEADER + pairs + self.table.blocks().len() * 32 + self.table.run_count() * 6) as u64
    }

    /// The index of a piece of so many bytes; `None` where there is no packet.
    pub(crate) fn finish(mut self, piece_bytes: u64) -> Option<(Summary, Vec<u8>)> {
        let (earliest, latest) = self.table.times()?;
        let (first, last) = self.table.range()?;
        let packets = self.table.packets();
        let summary = Summary { piece_bytes, packets, first, last, earliest, latest };
        self.pairs.sort_unstable();
        self.pairs.dedup();
        Some((summary, self.write(summary)))
    }

    fn write(&self, summary: Summary) -> Vec<u8> {
        let mut out = vec![0; HEADER];
        self.table.put(&mut out);
        let table = out.get(HEADER..).unwrap_or_default();
        let (table_len, table_sum) = (table.len() as u64, sum(TABLE_PLACE, table));
        let terms: Vec<&[u64]> = self.pairs.chunk_by(|a, b| a >> 32 == b >> 32).collect();
        let bits = (terms.len() / BUCKET + 1).ilog2().min(BITS_MAX);
        put_buckets(&mut out, &terms, bits);
        let Summary { piece_bytes, packets, first, last, earliest, latest } = summary;
        let words = [
            MAGIC,
            piece_bytes,
            packets,
            first,
            last,
            earliest.0.cast_unsigned(),
            latest.0.cast_unsigned(),
            table_len,
            table_sum,
            bits.into(),
        ];
        let mut head: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
        head.extend(sum(HEADER_PLACE, &head).to_le_bytes());
        out.iter_mut().zip(head).for_each(|(to, byte)| *to = byte);
        out
    }
}

#[inline]
fn slot(hash: u64, slots: usize) -> usize {
    usize::try_from(hash).unwrap_or_default() & (slots - 1)
}

/// Writes where each bucket ends, then the buckets.
fn put_buckets(out: &mut Vec<u8>, mut terms: &[&[u64]], bits: u32) {
    let (mut directory, mut buckets) = (vec![0_u32], vec![]);
    for place in 0..1_u64 << bits {
        let count = terms
            .partition_point(|pairs| pairs.first().is_some_and(|pair| bucket(name(*pair), bits) <= place));
        let (these, rest) = terms.split_at(count);
        terms = rest;
        let mut bytes = vec![];
        these.iter().for_each(|pairs| put_term(&mut bytes, pairs));
        buckets.extend_from_slice(&sum(place, &bytes).to_le_bytes());
        buckets.append(&mut bytes);
        directory.push(u32::try_from(buckets.len()).unwrap_or(u32::MAX));
    }
    out.extend(directory.iter().flat_map(|end| end.to_le_bytes()));
    out.append(&mut buckets);
}

fn name(pair: u64) -> u32 {
    u32::try_from(pair >> 32).unwrap_or_default()
}

/// Writes a term and its blocks, see [`super::places`].
fn put_term(out: &mut Vec<u8>, pairs: &[u64]) {
    let Some(first) = pairs.first() else { return };
    out.extend_from_slice(&name(*first).to_le_bytes());
    let (mut places, mut next) = (vec![], 0);
    for run in pairs.chunk_by(|a, b| a + 1 == *b) {
        let begin = run.first().map_or(0, |pair| pair & u64::from(u32::MAX));
        let more = run.len() as u64 - 1;
        put(&mut places, (begin - next) << 1 | u64::from(more > 0));
        if more > 0 {
            put(&mut places, more);
        }
        next = begin + more + 1;
    }
    put(out, places.len() as u64);
    out.append(&mut places);
}
