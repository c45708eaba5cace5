mod group;
mod merge;

use crate::catalog::{self, entries, name};
use crate::folder::Folders;
use crate::shared::{Shared, is_before};
use crate::{Error, Result};
use group::Group;
use model::Time;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// How much one call of [`Lake::compact`](crate::Lake::compact) may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    /// Memory for the rows that are brought into order together, and so the size of a merged part before
    /// compression; beside it a merge takes about 20 MB.
    pub memory_bytes: u64,
    /// Bytes of files that are read to be merged; what is beyond waits for the next call. The parts of one
    /// merge are not torn apart, so a call does at least one.
    pub file_bytes: u64,
}

impl Default for Budget {
    fn default() -> Self {
        Self { memory_bytes: 128 << 20, file_bytes: 32 << 20 }
    }
}

/// What one call of [`Lake::compact`](crate::Lake::compact) did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Compacted {
    /// Parts that were merged.
    pub merged: u64,
    /// Parts that they became.
    pub parts: u64,
    /// Rows in them.
    pub rows: u64,
    /// Parts merged by an earlier call, deleted now.
    pub deleted: u64,
    /// Whether the budget ended before the work.
    pub more: bool,
}

/// Does what [`Lake::compact`](crate::Lake::compact) promises.
pub(crate) fn compact(
    lake: &Path,
    shared: &Shared,
    before: Time,
    settled: u64,
    budget: Budget,
) -> Result<Compacted> {
    let _alone = alone(lake)?;
    let may_delete = shared.readers.have_ended();
    let done = Compacted::default();
    let mut work = Work { shared, settled, budget, may_delete, read: 0, done, failed: None };
    let result = work.run(lake, before);
    if work.done.parts > 0 {
        shared.readers.turn();
    }
    result?;
    work.failed.map_or(Ok(work.done), Err)
}

/// Waits until nobody else merges or deletes in `lake`, in whatever process.
pub(crate) fn alone(lake: &Path) -> Result<File> {
    let folder = File::open(lake).map_err(Error::io("open", lake))?;
    folder.lock().map_err(Error::io("lock", lake))?;
    Ok(folder)
}

struct Work<'a> {
    shared: &'a Shared,
    settled: u64,
    budget: Budget,
    /// Whether nobody reads what earlier calls merged.
    may_delete: bool,
    /// Bytes of files read so far.
    read: u64,
    done: Compacted,
    /// What went wrong first: one damaged part does not hold up the other hours.
    failed: Option<Error>,
}

/// What lies in the folder of an hour.
struct Hour {
    dir: PathBuf,
    /// Parts that count.
    counting: Vec<PathBuf>,
    /// Parts for which a merged one stands.
    merged: Vec<PathBuf>,
    /// What nobody will finish.
    abandoned: Vec<PathBuf>,
}

impl Work<'_> {
    fn run(&mut self, lake: &Path, before: Time) -> Result<()> {
        for table in catalog::tables(lake)? {
            for dir in catalog::hours(&table)?.into_iter().filter(|hour| is_before(hour, before)) {
                if self.shared.is_too_old(&dir) {
                    continue;
                }
                let changed = dir.metadata().and_then(|meta| meta.modified()).ok();
                if changed.is_some_and(|changed| self.shared.is_compact(&dir, changed)) {
                    continue;
                }
                if let Err(error) = self.hour(dir, changed) {
                    self.failed.get_or_insert(error);
                }
                if self.done.more {
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    fn hour(&mut self, dir: PathBuf, changed: Option<SystemTime>) -> Result<()> {
        let hour = Hour::new(dir, self.settled)?;
        let waits = self.clean(&hour)?;
        let merged_before = self.done.parts;
        let waits = waits || hour.has_unsettled(self.settled);
        for group in self.groups(&hour)? {
            if self.read > 0 && self.read.saturating_add(group.file_bytes()) > self.budget.file_bytes {
                self.done.more = true;
                return Ok(());
            }
            self.merge(&hour.dir, &group)?;
        }
        if let Some(changed) = changed.filter(|_| !waits && self.done.parts == merged_before) {
            self.shared.set_compact(hour.dir, changed);
        }
        Ok(())
    }

    /// Deletes what is no longer needed; answers whether some of it has to wait.
    fn clean(&mut self, hour: &Hour) -> Result<bool> {
        for part in &hour.abandoned {
            self.shared.delete(part)?;
        }
        if !self.may_delete {
            return Ok(!hour.merged.is_empty());
        }
        for part in &hour.merged {
            self.shared.delete(part)?;
            self.done.deleted += 1;
        }
        Ok(false)
    }

    /// What is worth merging in `hour`.
    fn groups(&self, hour: &Hour) -> Result<Vec<Group>> {
        let settled = |path: &&PathBuf| name::segments(path).is_some_and(|s| *s.end() < self.settled);
        let paths: Vec<_> = hour.counting.iter().filter(settled).cloned().collect();
        if paths.len() < 2 {
            return Ok(Vec::new());
        }
        let mut parts = Vec::new();
        for path in paths {
            parts.extend(self.shared.footers.part(path)?);
        }
        Ok(group::groups(parts, self.budget.memory_bytes))
    }

    /// Writes the rows of `group` as one part that stands for it.
    fn merge(&mut self, dir: &Path, group: &Group) -> Result<()> {
        self.read = self.read.saturating_add(group.file_bytes());
        let name = name::merged(&group.segments);
        let mut folders = Folders::default();
        let (unfinished, file) = folders.create(dir, &format!(".{name}.unfinished"))?;
        let rows = merge::merge(&group.parts, file, &unfinished)?;
        folders.rename(&unfinished, &dir.join(format!("{name}.parquet")))?;
        folders.sync()?;
        self.done.merged += count(group.parts.len());
        self.done.parts += 1;
        self.done.rows += rows;
        Ok(())
    }
}

impl Hour {
    fn new(dir: PathBuf, settled: u64) -> Result<Self> {
        let (whole, others): (Vec<_>, Vec<_>) =
            entries(&dir)?.into_iter().partition(|path| name::is_part(path));
        let is_abandoned = |path: &PathBuf| {
            let unfinished = path.extension().is_some_and(|extension| extension == "unfinished");
            unfinished && name::segments(path).is_some_and(|segments| *segments.end() < settled)
        };
        let (counting, merged) = name::sort_out(whole);
        Ok(Self { dir, counting, merged, abandoned: others.into_iter().filter(is_abandoned).collect() })
    }

    fn has_unsettled(&self, settled: u64) -> bool {
        self.counting.iter().filter_map(|path| name::segments(path)).any(|s| *s.end() >= settled)
    }
}

fn count(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}
