//! Folders whose entries survive a loss of power: a new name in a folder is durable when the folder is synced.

use crate::catalog::is_absent;
use crate::{Error, Result};
use std::collections::BTreeSet;
use std::fs::{self, File};
use std::path::{Path, PathBuf};

/// Folders that await being synced together; one more has them synced at once.
const CHANGED_MAX: usize = 1024;

/// How often a folder is made that goes away before there is a file in it.
const ATTEMPTS: usize = 10;

/// Folders whose entries changed.
#[derive(Default)]
pub(crate) struct Folders {
    changed: BTreeSet<PathBuf>,
}

impl Folders {
    /// Makes the file `name` in `dir`, and `dir` in the folder of its table where it is not there.
    pub(crate) fn create(&mut self, dir: &Path, name: &str) -> Result<(PathBuf, File)> {
        let path = dir.join(name);
        let mut attempts = 0;
        loop {
            self.make(dir)?;
            attempts += 1;
            match File::create(&path) {
                Ok(file) => return Ok((path, file)),
                // Whoever deletes old hours may have taken the empty folder away.
                Err(error) if is_absent(&error) && attempts < ATTEMPTS => {}
                Err(error) => return Err(Error::io("create", &path)(error)),
            }
        }
    }

    /// Gives the whole and synced file `from` its name `to` in the same folder.
    pub(crate) fn rename(&mut self, from: &Path, to: &Path) -> Result<()> {
        fs::rename(from, to).map_err(Error::io("create", to))?;
        to.parent().map_or(Ok(()), |folder| self.changed(folder))
    }

    /// Notes that entries of `folder` changed.
    pub(crate) fn changed(&mut self, folder: &Path) -> Result<()> {
        self.changed.insert(folder.to_owned());
        if self.changed.len() < CHANGED_MAX { Ok(()) } else { self.sync() }
    }

    /// Has what changed on disk.
    pub(crate) fn sync(&mut self) -> Result<()> {
        for folder in std::mem::take(&mut self.changed) {
            match File::open(&folder).and_then(|folder| folder.sync_all()) {
                Err(error) if !is_absent(&error) => return Err(Error::io("sync", &folder)(error)),
                Ok(()) | Err(_) => {}
            }
        }
        Ok(())
    }

    fn make(&mut self, dir: &Path) -> Result<()> {
        if dir.is_dir() {
            return Ok(());
        }
        fs::create_dir_all(dir).map_err(Error::io("create", dir))?;
        dir.ancestors().skip(1).take(2).try_for_each(|above| self.changed(above))
    }
}
