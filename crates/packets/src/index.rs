//! The index beside a piece: which blocks have packets of a conversation, a host or a station.
//!
//! A file of four parts: a header of eleven words, the [`Table`] of blocks, a directory, and buckets. A term is the hash
//! of a name (see [`crate::ends`]); its upper bits say which bucket has it. A bucket has a sum and its terms, each with
//! the blocks it stands in as distances and runs. Two names with the same hash share their blocks: what the index gives
//! is looked through, so it costs reading and no answer is wrong. Everything that is read is held to its sum first; what
//! does not match is damaged, and the piece is read instead.

mod build;

pub(crate) use build::Builder;

use crate::hash::sum;
use crate::table::Table;
use crate::varint::{take, take_u32};
use model::Time;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

/// "TLPKTIX" and the version of the form.
const MAGIC: u64 = u64::from_le_bytes(*b"TLPKTIX1");
/// Bytes of the header.
const HEADER: usize = 88;
/// Places of the sums: everything that is summed says where it belongs.
const HEADER_PLACE: u64 = u64::MAX;
const TABLE_PLACE: u64 = u64::MAX - 1;
/// Buckets are at most two to this.
const BITS_MAX: u32 = 20;
/// Longest table and bucket that are read; what says to be longer is damaged.
const PART_MAX: u64 = 32 << 20;

/// What an index says about its piece as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Summary {
    /// Length of the piece when it was indexed.
    pub(crate) piece_bytes: u64,
    pub(crate) packets: u64,
    /// Numbers of the first packet and the last.
    pub(crate) first: u64,
    pub(crate) last: u64,
    pub(crate) earliest: Time,
    pub(crate) latest: Time,
}

/// An index that is read as it is asked.
#[derive(Debug)]
pub(crate) struct Index {
    pub(crate) summary: Summary,
    file: File,
    table_len: u64,
    table_sum: u64,
    bits: u32,
}

/// The index is not what was written.
#[derive(Debug)]
pub(crate) struct Damaged;

impl From<io::Error> for Damaged {
    fn from(_: io::Error) -> Self {
        Self
    }
}

impl Index {
    /// Opens the index of a piece that has so many bytes.
    ///
    /// # Errors
    /// When it is not there, damaged, or of another state of the piece.
    pub(crate) fn open(path: &Path, piece_bytes: u64) -> Result<Self, Damaged> {
        let file = File::open(path)?;
        let mut head = [0; HEADER];
        file.read_exact_at(&mut head, 0)?;
        let (words, _) = head.as_chunks::<8>();
        let mut read = [0; HEADER / 8];
        read.iter_mut().zip(words).for_each(|(to, word)| *to = u64::from_le_bytes(*word));
        let [magic, bytes, packets, first, last, earliest, latest, table_len, table_sum, bits, told] = read;
        let said = head.get(..HEADER - 8).unwrap_or_default();
        if magic != MAGIC || told != sum(HEADER_PLACE, said) || bytes != piece_bytes {
            return Err(Damaged);
        }
        let [earliest, latest] = [earliest, latest].map(|word| Time(word.cast_signed()));
        let bits = u32::try_from(bits).map_err(|_| Damaged)?;
        let summary = Summary { piece_bytes, packets, first, last, earliest, latest };
        Ok(Self { summary, file, table_len, table_sum, bits })
    }

    /// The blocks of the piece.
    ///
    /// # Errors
    /// When it is damaged.
    pub(crate) fn table(&self) -> Result<Table, Damaged> {
        let bytes = self.part(HEADER as u64, self.table_len)?;
        if sum(TABLE_PLACE, &bytes) != self.table_sum {
            return Err(Damaged);
        }
        Table::read(&bytes).ok_or(Damaged)
    }

    /// Places of the blocks that may have packets of one of `terms`, in order.
    ///
    /// # Errors
    /// When what is read of it is damaged.
    pub(crate) fn blocks(&self, terms: &[u32]) -> Result<Vec<u32>, Damaged> {
        let mut all = vec![];
        for term in terms {
            all.extend(self.of_term(*term)?);
        }
        all.sort_unstable();
        all.dedup();
        Ok(all)
    }

    fn of_term(&self, term: u32) -> Result<Vec<u32>, Damaged> {
        let bucket = bucket(term, self.bits);
        let directory = HEADER as u64 + self.table_len;
        let ends = self.part(directory + bucket * 4, 8)?;
        let (ends, _) = ends.as_chunks::<4>();
        let &[from, to] = ends else { return Err(Damaged) };
        let [from, to] = [from, to].map(|end| u64::from(u32::from_le_bytes(end)));
        let buckets = directory + ((1 << self.bits) + 1) * 4;
        let bytes = self.part(buckets + from, to.checked_sub(from).ok_or(Damaged)?)?;
        let (told, terms) = bytes.split_first_chunk::<8>().ok_or(Damaged)?;
        if u64::from_le_bytes(*told) != sum(bucket, terms) {
            return Err(Damaged);
        }
        find(term, terms).ok_or(Damaged)
    }

    fn part(&self, at: u64, len: u64) -> Result<Vec<u8>, Damaged> {
        let len = usize::try_from(len.min(PART_MAX)).map_err(|_| Damaged)?;
        let mut bytes = vec![0; len];
        self.file.read_exact_at(&mut bytes, at)?;
        Ok(bytes)
    }
}

/// The bucket of a term: its upper bits.
fn bucket(term: u32, bits: u32) -> u64 {
    u64::from(term) >> 32_u32.saturating_sub(bits)
}

/// The blocks of a term in its bucket, none where it is not; `None` when the bucket is not as it should be.
fn find(term: u32, mut terms: &[u8]) -> Option<Vec<u32>> {
    while let Some((name, rest)) = terms.split_first_chunk::<4>() {
        terms = rest;
        let len = usize::try_from(take(&mut terms)?).ok()?;
        let (blocks, rest) = terms.split_at_checked(len)?;
        if u32::from_le_bytes(*name) == term {
            return places(blocks);
        }
        terms = rest;
    }
    Some(vec![])
}

/// Reads places of blocks: distances to what stands before, the lowest bit set where a run of further ones follows.
fn places(mut bytes: &[u8]) -> Option<Vec<u32>> {
    let (mut all, mut next) = (vec![], 0_u32);
    while !bytes.is_empty() {
        let step = take(&mut bytes)?;
        let first = next.checked_add(u32::try_from(step >> 1).ok()?)?;
        let more = if step & 1 == 1 { take_u32(&mut bytes)? } else { 0 };
        let last = first.checked_add(more)?;
        all.extend(first..=last);
        next = last.checked_add(1)?;
    }
    Some(all)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::alike::Alike;
    use crate::ends::Terms;
    use crate::testing::{Folder, datagram};
    use std::collections::{BTreeMap, BTreeSet};

    /// The blocks of every term, as they are and as the index in `path` says.
    fn made(path: &Path) -> BTreeMap<u32, BTreeSet<u32>> {
        let (mut builder, alike) = (Builder::default(), Alike::default());
        let mut terms: BTreeMap<u32, BTreeSet<u32>> = BTreeMap::new();
        for n in 0..60_u16 {
            let n8 = u8::try_from(n % 7).unwrap();
            let frame = datagram((n8, n % 11), (n8 + n8 % 2, 502), &[]);
            let at = u32::from(n) * 5000;
            builder.push((at, 5000), n.into(), Time(n.into()), &frame, alike.name(&frame));
            for term in Terms::of(&frame).as_slice() {
                terms.entry(*term).or_default().insert(u32::from(n) / 4);
            }
        }
        std::fs::write(path, builder.finish(300_000).unwrap().1).unwrap();
        terms
    }

    #[test]
    fn every_term_has_its_blocks_and_no_damaged_byte_changes_them() {
        let folder = Folder::new("index");
        std::fs::create_dir(&folder.0).unwrap();
        let path = folder.0.join("index");
        let terms = made(&path);
        let good = std::fs::read(&path).unwrap();
        let table = Index::open(&path, 300_000).unwrap().table().unwrap();
        for place in 0..=good.len() {
            let mut bytes = good.clone();
            if let Some(byte) = bytes.get_mut(place) {
                *byte ^= 0x41;
            }
            std::fs::write(&path, bytes).unwrap();
            let opened = Index::open(&path, 300_000);
            assert_eq!(opened.is_err(), place < HEADER, "{place}");
            let Ok(index) = opened else { continue };
            assert!(index.table().is_ok_and(|read| read == table) || place < good.len(), "{place}");
            for (term, blocks) in &terms {
                if let Ok(found) = index.blocks(&[*term]) {
                    assert!(found.iter().eq(blocks), "{place}");
                }
            }
        }
        assert!(Index::open(&path, 300_001).is_err());
    }
}
