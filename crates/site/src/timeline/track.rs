//! What one source told about one address, by time.

use model::{Mac, Time};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Observations kept per address and source; beyond it those go that repeat their neighbours, then the
/// oldest.
pub(super) const OBSERVATIONS_MAX: usize = 128;

/// Observations of one address by time, equal ones once.
#[derive(Debug, Default)]
pub(super) struct Track(Vec<Entry>);

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Entry {
    pub(super) time: Time,
    pub(super) name: Option<Arc<str>>,
    pub(super) mac: Option<Mac>,
    pub(super) lease: bool,
}

impl Track {
    /// Returns how many observations had to go for it.
    pub(super) fn insert(&mut self, entry: Entry) -> u64 {
        let Err(place) = self.0.binary_search(&entry) else { return 0 };
        self.0.insert(place, entry);
        if self.0.len() <= OBSERVATIONS_MAX { 0 } else { self.thin() }
    }

    /// Drops what says the same as the entries on both sides, or else the oldest entry.
    fn thin(&mut self) -> u64 {
        let before = self.0.len();
        let same = |a: &Entry, b: &Entry| (&a.name, a.mac) == (&b.name, b.mac);
        let redundant: Vec<bool> = (0..before)
            .map(|i| match (i.checked_sub(1).and_then(|i| self.0.get(i)), self.0.get(i), self.0.get(i + 1)) {
                (Some(earlier), Some(this), Some(later)) => same(earlier, this) && same(this, later),
                _ => false,
            })
            .collect();
        let mut redundant = redundant.into_iter();
        self.0.retain(|_| !redundant.next().unwrap_or_default());
        if self.0.len() == before {
            self.0.remove(0);
        }
        u64::try_from(before - self.0.len()).unwrap_or(u64::MAX)
    }

    pub(super) fn all(&self) -> &[Entry] {
        &self.0
    }

    fn split(&self, time: Time) -> (&[Entry], &[Entry]) {
        self.0.split_at_checked(self.0.partition_point(|entry| entry.time <= time)).unwrap_or_default()
    }

    pub(super) fn before(&self, time: Time) -> &[Entry] {
        self.split(time).0
    }

    pub(super) fn after(&self, time: Time) -> &[Entry] {
        self.split(time).1
    }

    pub(super) fn spans(&self) -> BTreeMap<&Arc<str>, (Time, Time)> {
        let mut spans = BTreeMap::new();
        for entry in &self.0 {
            if let Some(name) = &entry.name {
                spans.entry(name).or_insert((entry.time, entry.time)).1 = entry.time;
            }
        }
        spans
    }
}
