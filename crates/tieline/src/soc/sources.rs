//! Everything that delivers, by number.

use super::progress::Position;
use super::taps::State;
use model::Time;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

/// Gives each source its number; the same name has the same number after a restart.
#[derive(Clone, Default)]
pub(crate) struct Register(Arc<Mutex<BTreeMap<String, u32>>>);

impl Register {
    pub(crate) fn new(known: &BTreeMap<String, Position>) -> Self {
        let known = known.iter().map(|(name, position)| (name.clone(), position.number)).collect();
        Self(Arc::new(Mutex::new(known)))
    }

    pub(crate) fn number(&self, name: &str) -> u32 {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(number) = known.get(name) {
            return *number;
        }
        let number = known.values().max().map_or(0, |last| last.saturating_add(1));
        known.insert(name.to_owned(), number);
        number
    }
}

/// A source and what came of it.
#[derive(Clone, Debug)]
pub(crate) struct Source {
    pub(crate) name: String,
    /// `interface`, `events`, `capture`, `mail`.
    pub(crate) kind: &'static str,
    /// Packets or events taken since the start.
    pub(crate) entries: u64,
    pub(crate) bytes: u64,
    pub(crate) damaged: u64,
    /// Packets lost before they were seen.
    pub(crate) lost: u64,
    /// Packets that the card did not stamp, where it is to.
    pub(crate) unstamped: Option<u64>,
    /// When something last came, by the clock of the site.
    pub(crate) last: Option<Time>,
    pub(crate) problem: Option<String>,
    /// Packets or events whose rows are in the lake; the end of a capture counts as one.
    pub(crate) stored: u64,
    /// A capture that was read to its end.
    pub(crate) ended: bool,
    /// What an interface shows, for people.
    pub(crate) segment: Option<String>,
    /// What the tap at an interface is worth, once it was judged.
    pub(crate) tap: Option<State>,
}

impl Source {
    pub(crate) fn new(name: String, kind: &'static str, stored: u64) -> Self {
        Self {
            name,
            kind,
            entries: 0,
            bytes: 0,
            damaged: 0,
            lost: 0,
            unstamped: None,
            last: None,
            problem: None,
            stored,
            ended: false,
            segment: None,
            tap: None,
        }
    }
}
