use crate::catalog::{Part, name};
use std::collections::{BTreeMap, HashSet};
use std::ops::RangeInclusive;

/// Small parts that an hour may have; one more has them merged, as have enough rows for a full part.
const PARTS_MAX: usize = 8;

/// Parts that are smaller together are merged even when they are few: quiet tables have many hours.
const TINY_BYTES: u64 = 1 << 20;

/// Rows of a merged part; bounds what is needed to bring them into order, 16 bytes for each.
const ROWS_MAX: u64 = 4 << 20;

/// What a column costs in a row whatever it holds: its place in the offsets, and a bit.
const BYTES_PER_CELL: u64 = 5;

/// Parts of successive segments that become one part.
pub(super) struct Group {
    pub(super) segments: RangeInclusive<u64>,
    /// In order of segment, then as they were written.
    pub(super) parts: Vec<Part>,
    rows: u64,
    value_bytes: u64,
    columns: HashSet<String>,
}

/// Puts `parts` of an hour together, each group at most `memory_bytes` large; what is large already, or not
/// worth the work, is left out. The parts of a segment stay together.
pub(super) fn groups(parts: Vec<Part>, memory_bytes: u64) -> Vec<Group> {
    let mut groups: Vec<Group> = Vec::new();
    for next in by_segments(parts) {
        match groups.last_mut().filter(|last| last.takes(&next, memory_bytes)) {
            Some(last) => last.append(next),
            None => groups.push(next),
        }
    }
    groups.retain(|group| group.is_worth_it(memory_bytes));
    groups
}

/// A group for each segment, or merged part, in order.
fn by_segments(parts: Vec<Part>) -> impl Iterator<Item = Group> {
    let mut groups: BTreeMap<u64, Group> = BTreeMap::new();
    for part in parts {
        let Some(segments) = name::segments(&part.path) else { continue };
        let group = Group::new(segments, part);
        match groups.get_mut(group.segments.start()) {
            Some(known) => known.append(group),
            None => drop(groups.insert(*group.segments.start(), group)),
        }
    }
    groups.into_values()
}

impl Group {
    fn new(segments: RangeInclusive<u64>, part: Part) -> Self {
        let columns = part.footer.schema.fields().iter().map(|field| field.name().clone()).collect();
        let (rows, value_bytes) = (part.footer.rows, part.footer.value_bytes);
        Self { segments, parts: vec![part], rows, value_bytes, columns }
    }

    /// Bytes of the files.
    pub(super) fn file_bytes(&self) -> u64 {
        self.parts.iter().map(|part| part.bytes).sum()
    }

    /// Memory that the rows take.
    fn bytes(&self) -> u64 {
        bytes(self.rows, self.value_bytes, self.columns.len())
    }

    /// Whether it is large enough to be left alone from then on.
    fn is_full(&self, memory_bytes: u64) -> bool {
        self.bytes() >= memory_bytes / 2
    }

    fn takes(&self, next: &Group, memory_bytes: u64) -> bool {
        let (rows, value_bytes) = (self.rows + next.rows, self.value_bytes + next.value_bytes);
        let columns = self.columns.union(&next.columns).count();
        let fits = rows <= ROWS_MAX && bytes(rows, value_bytes, columns) <= memory_bytes;
        fits && !self.is_full(memory_bytes) && !next.is_full(memory_bytes)
    }

    fn append(&mut self, next: Group) {
        self.segments = *self.segments.start()..=*next.segments.end().max(self.segments.end());
        self.parts.extend(next.parts);
        self.rows += next.rows;
        self.value_bytes += next.value_bytes;
        self.columns.extend(next.columns);
    }

    fn is_worth_it(&self, memory_bytes: u64) -> bool {
        let pays = self.bytes() <= TINY_BYTES || self.is_full(memory_bytes);
        self.parts.len() > PARTS_MAX || self.parts.len() > 1 && pays
    }
}

fn bytes(rows: u64, value_bytes: u64, columns: usize) -> u64 {
    let cells = rows.saturating_mul(u64::try_from(columns).unwrap_or(u64::MAX));
    cells.saturating_mul(BYTES_PER_CELL).saturating_add(value_bytes)
}
