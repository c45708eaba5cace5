use crate::talk::Talk;
use model::Time;
use sensor::Counters;
use std::path::{Path, PathBuf};

/// A file that was read, and what came of it.
pub(crate) struct Source {
    pub(crate) path: PathBuf,
    /// What it is, in a word or two.
    pub(crate) kind: &'static str,
    pub(crate) bytes: u64,
    /// Packets or events.
    pub(crate) entries: u64,
    /// Packets that the filter left out.
    pub(crate) left_out: u64,
    /// Entries that could not be read.
    pub(crate) damaged: u64,
    /// What was wrong first.
    pub(crate) damage: Option<String>,
    pub(crate) first: Option<Time>,
    pub(crate) last: Option<Time>,
    pub(crate) counters: Option<Counters>,
    /// Nothing could be had from it.
    pub(crate) failed: bool,
}

impl Source {
    pub(crate) fn new(path: &Path, bytes: u64) -> Self {
        Self {
            path: path.to_owned(),
            kind: "unreadable",
            bytes,
            entries: 0,
            left_out: 0,
            damaged: 0,
            damage: None,
            first: None,
            last: None,
            counters: None,
            failed: false,
        }
    }

    pub(crate) fn saw(&mut self, time: Time) {
        self.saw_many(1, (time, time));
    }

    pub(crate) fn saw_many(&mut self, entries: u64, (from, to): (Time, Time)) {
        self.entries += entries;
        self.first = Some(self.first.map_or(from, |first| first.min(from)));
        self.last = Some(self.last.map_or(to, |last| last.max(to)));
    }

    pub(crate) fn complain(&mut self, error: &anyhow::Error) {
        self.damaged += 1;
        self.damage.get_or_insert(causes(error.as_ref()));
    }

    /// Says what was wrong with the file, if anything was.
    pub(crate) fn tell_damage(&self, talk: &Talk) {
        let (path, count) = (self.path.display(), self.damaged);
        match &self.damage {
            Some(damage) if count > 1 => {
                talk.warn(format!("{path}: {count} entries damaged, the first: {damage}"))
            }
            Some(damage) => talk.warn(format!("{path}: {damage}")),
            None => {}
        }
    }
}

/// An error with its causes, each told once.
pub(crate) fn causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let told = cause.to_string();
        if !text.contains(&told) {
            text = format!("{text}: {told}");
        }
        next = cause.source();
    }
    text
}
