use crate::catalog::{Footers, is_absent};
use crate::writer::hour_text;
use crate::{Error, Result};
use model::Time;
use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::SystemTime;

/// Hours of tables that are known to be compact; beyond it all are looked at again.
const COMPACT_HOURS_MAX: usize = 131_072;

/// What a lake and its clones know together.
pub(crate) struct Shared {
    pub(crate) footers: Footers,
    pub(crate) readers: Readers,
    /// Whether a crash, or a writer that was not finished, may have left parts of a segment: the next writer of
    /// segments looks for them.
    pub(crate) segment_is_open: AtomicBool,
    /// Hours that are no longer read.
    forgotten: Mutex<Option<Forgotten>>,
    /// Folders of hours in which there was nothing to do, with the time of their last change.
    compact: Mutex<HashMap<PathBuf, SystemTime>>,
}

impl Shared {
    pub(crate) fn new() -> Self {
        Self {
            footers: Footers::default(),
            readers: Readers::default(),
            segment_is_open: AtomicBool::new(true),
            forgotten: Mutex::default(),
            compact: Mutex::default(),
        }
    }

    /// From now on no question reads these hours.
    pub(crate) fn forget(&self, hours: Forgotten) {
        *self.forgotten.lock().unwrap_or_else(PoisonError::into_inner) = Some(hours);
    }

    /// Hours that are no longer read.
    pub(crate) fn forgotten(&self) -> Option<Forgotten> {
        *self.forgotten.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the folder `hour` is no longer read.
    pub(crate) fn is_too_old(&self, hour: &Path) -> bool {
        self.forgotten().is_some_and(|hours| hours.has(hour))
    }

    pub(crate) fn is_compact(&self, hour: &Path, changed: SystemTime) -> bool {
        self.compact_hours().get(hour) == Some(&changed)
    }

    pub(crate) fn set_compact(&self, hour: PathBuf, changed: SystemTime) {
        let mut hours = self.compact_hours();
        if hours.len() >= COMPACT_HOURS_MAX {
            hours.clear();
        }
        hours.insert(hour, changed);
    }

    /// Deletes the part at `path`; answers the bytes that it took, 0 when it is not there.
    pub(crate) fn delete(&self, path: &Path) -> Result<u64> {
        self.footers.forget(path);
        let bytes = path.metadata().map_or(0, |meta| meta.len());
        match fs::remove_file(path) {
            Ok(()) => Ok(bytes),
            Err(error) if is_absent(&error) => Ok(0),
            Err(error) => Err(Error::io("delete", path)(error)),
        }
    }

    fn compact_hours(&self) -> std::sync::MutexGuard<'_, HashMap<PathBuf, SystemTime>> {
        self.compact.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Hours that ended before a moment, and in which nothing was written since another.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Forgotten {
    pub(crate) ended: Time,
    pub(crate) written: SystemTime,
}

impl Forgotten {
    pub(crate) fn has(&self, hour: &Path) -> bool {
        let written = || hour.metadata().and_then(|meta| meta.modified());
        is_before(hour, self.ended) && written().is_ok_and(|written| written < self.written)
    }

    /// What both have.
    pub(crate) fn and(self, other: Self) -> Self {
        Self { ended: self.ended.min(other.ended), written: self.written.min(other.written) }
    }
}

/// Whether the folder `hour` is an hour that ends when that of `time` begins, or earlier.
pub(crate) fn is_before(hour: &Path, time: Time) -> bool {
    let name = hour.file_name().and_then(|name| name.to_str());
    let text = name.and_then(|name| name.strip_prefix("hour="));
    text.is_some_and(|text| text < hour_text(time.hour()).as_str())
}

/// Whoever reads parts: what was taken out of the lake is deleted when those that began before have ended.
#[derive(Default)]
pub(crate) struct Readers {
    turns: Mutex<Turns>,
}

/// Held by a reader until it has ended.
#[derive(Clone)]
pub(crate) struct Reader {
    _turn: Arc<()>,
}

#[derive(Default)]
struct Turns {
    now: Arc<()>,
    /// Turns before, of which some reader was left.
    before: Vec<Weak<()>>,
}

impl Readers {
    /// Begins to read; to be called before the parts are listed.
    pub(crate) fn begin(&self) -> Reader {
        Reader { _turn: Arc::clone(&self.lock().now) }
    }

    /// Something was taken out of the lake: who begins from now on does not see it.
    pub(crate) fn turn(&self) {
        let mut turns = self.lock();
        let before = std::mem::take(&mut turns.now);
        turns.before.push(Arc::downgrade(&before));
        drop(before);
        turns.before.retain(|turn| turn.strong_count() > 0);
    }

    /// Whether all that began before the last turn have ended.
    pub(crate) fn have_ended(&self) -> bool {
        self.lock().before.iter().all(|turn| turn.strong_count() == 0)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Turns> {
        self.turns.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_taken_out_waits_for_those_who_began_before() {
        let readers = Readers::default();
        assert!(readers.have_ended());
        let early = readers.begin();
        readers.turn();
        let late = readers.begin();
        assert!(!readers.have_ended());
        drop(early);
        assert!(readers.have_ended());
        readers.turn();
        assert!(!readers.have_ended());
        drop(late);
        assert!(readers.have_ended());
    }

    #[test]
    fn an_hour_lies_before_the_hour_of_a_moment_and_not_before_its_own() {
        let moment = Time::from_s_ns(1_774_000_000, 0);
        assert!(is_before(Path::new("told/hour=2026-03-20T08"), moment));
        assert!(!is_before(Path::new("told/hour=2026-03-20T09"), moment));
        assert!(!is_before(Path::new("told/else"), moment));
    }
}
