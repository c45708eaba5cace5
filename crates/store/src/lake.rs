use crate::catalog::{self, Table};
use crate::compact::{self, Budget, Compacted};
use crate::query::{self, Answer, Limits};
use crate::shared::{Forgotten, Shared};
use crate::{Error, LakeWriter, Result, retain};
use model::Time;
use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

/// A folder of Parquet files, a table per log.
///
/// A clone is the same lake: what one knows of its parts the other knows, and neither deletes what the other
/// reads. So a process opens a folder once.
#[derive(Clone)]
pub struct Lake {
    dir: PathBuf,
    shared: Arc<Shared>,
}

impl Lake {
    /// The lake in `dir`, which is made when it is not there.
    ///
    /// # Errors
    /// When the folder cannot be made.
    pub fn create(dir: &Path) -> Result<Self> {
        fs::create_dir_all(dir).map_err(Error::io("create", dir))?;
        Self::open(dir)
    }

    /// The lake in `dir`.
    ///
    /// # Errors
    /// When `dir` is no folder.
    pub fn open(dir: &Path) -> Result<Self> {
        if !dir.is_dir() {
            return Err(Error::io("open", dir)(io::ErrorKind::NotADirectory.into()));
        }
        Ok(Self { dir: dir.to_owned(), shared: Arc::new(Shared::new()) })
    }

    /// Starts to write what was read from `source`: a name for it that is the same at every reading, such as
    /// the path or a digest of the files.
    ///
    /// What an earlier writer of the same `source` left is replaced part by part, and what remains of it is
    /// deleted by [`LakeWriter::finish`], so that reading a file twice does not double its rows. For the same
    /// reason [`compact`](Self::compact) leaves these parts alone. Two writers of one `source` at the same
    /// time are not allowed for.
    pub fn writer(&self, source: &str) -> LakeWriter {
        LakeWriter::new(self.dir.clone(), source)
    }

    /// Starts to write segment `number` of what comes in all day; its parts can be
    /// [compacted](Self::compact).
    ///
    /// A segment that was not finished, because of a crash or an error, can be written once more under its
    /// number, and what was left of it then goes. After one that was finished, the next `number` is one
    /// higher; it may only be written again while it is not yet settled in the sense of
    /// [`compact`](Self::compact). There is one writer of segments at a time.
    pub fn segment(&self, number: u64) -> LakeWriter {
        LakeWriter::segment(self.dir.clone(), number, &self.shared)
    }

    /// The lowest number above all segments in the lake, for one who does not know where they ended; it looks
    /// at the name of every part.
    ///
    /// # Errors
    /// When the lake cannot be read.
    pub fn next_segment(&self) -> Result<u64> {
        let mut next = 0;
        for table in catalog::tables(&self.dir)? {
            for hour in catalog::hours(&table)? {
                let parts = catalog::entries(&hour)?;
                let last =
                    parts.iter().filter_map(|part| catalog::name::segments(part)).map(|s| *s.end()).max();
                next = next.max(last.map_or(0, |last| last.saturating_add(1)));
            }
        }
        Ok(next)
    }

    /// Merges the small parts of segments into few large ones, in order of `ts`, hour by hour, in all hours
    /// that ended `before`: a call for a thread in the background, every minute or so. Late rows, questions
    /// and [`retain`](Self::retain) may come meanwhile; each row is seen exactly once at every moment, also
    /// after a crash.
    ///
    /// Only segments below `settled` are merged: those that were finished and will not be written again,
    /// whatever happens. Parts of other sources stay, since a second reading replaces them.
    ///
    /// What was merged is deleted by a later call, when the answers that were asked for before have ended. In
    /// another process an answer that takes longer than that fails with [`Error::Gone`]. With nothing to do,
    /// a call costs a look at the time of every hour's folder.
    ///
    /// # Errors
    /// When a part cannot be read or written, with what went wrong first; the other hours are merged.
    pub fn compact(&self, before: Time, settled: u64, budget: Budget) -> Result<Compacted> {
        compact::compact(&self.dir, &self.shared, before, settled, budget)
    }

    /// Takes all hours out of the lake that ended `oldest` or earlier and in which nothing was written since
    /// `written`, whatever their source; answers the bytes that were deleted. Old evidence that was brought in
    /// only now is kept that way as long as new.
    ///
    /// Nobody who asks this lake or a clone sees them from now on. While an answer is being read that was
    /// asked for before, they are not deleted; a later call does it. In another process such an answer fails
    /// with [`Error::Gone`].
    ///
    /// # Errors
    /// When a part cannot be deleted.
    pub fn retain(&self, oldest: Time, written: SystemTime) -> Result<u64> {
        retain::retain(&self.dir, &self.shared, Forgotten { ended: oldest, written })
    }

    /// The tables in order, with rows and time range; read from the footers of all files, those that changed
    /// since the last question.
    ///
    /// # Errors
    /// When a file of the lake cannot be read.
    pub fn tables(&self) -> Result<Vec<Table>> {
        let _reader = self.shared.readers.begin();
        let names = catalog::table_names(&self.dir, &self.shared)?;
        let describe =
            |name: &String| Ok(catalog::describe(name, &catalog::parts(&self.dir, name, &self.shared)?));
        names.iter().map(describe).collect()
    }

    /// Asks one `SELECT`, `EXPLAIN` or `DESCRIBE`; nothing else is understood, and nothing outside the lake
    /// is read.
    ///
    /// # Errors
    /// When the query is not understood, asks for a table or column that is not there, or a file cannot be
    /// read.
    pub fn query(&self, sql: &str, limits: &Limits) -> Result<Answer> {
        query::ask(&self.dir, &self.shared, sql, limits)
    }
}

impl fmt::Debug for Lake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lake").field("dir", &self.dir).finish_non_exhaustive()
    }
}
