use crate::catalog::{self, Table};
use crate::query::{self, Answer, Limits};
use crate::{Error, LakeWriter, Result};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// A folder of Parquet files, a table per log.
#[derive(Clone, Debug)]
pub struct Lake {
    dir: PathBuf,
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
        Ok(Self { dir: dir.to_owned() })
    }

    /// Starts to write what was read from `source`: a name for it that is the same at every reading, such as
    /// the path or a digest of the files.
    ///
    /// What an earlier writer of the same `source` left is replaced part by part, and what remains of it is
    /// deleted by [`LakeWriter::finish`], so that reading a file twice does not double its rows. Two writers
    /// of one `source` at the same time are not allowed for.
    pub fn writer(&self, source: &str) -> LakeWriter {
        LakeWriter::new(self.dir.clone(), source)
    }

    /// Starts to write something that no writer ever wrote before, under a `source` of its own; so
    /// [`LakeWriter::finish`] need not look for what to replace, which takes time in a large lake.
    pub fn new_writer(&self, source: &str) -> LakeWriter {
        LakeWriter::new(self.dir.clone(), source).fresh()
    }

    /// The tables in order, with rows and time range; read from the footers of all files.
    ///
    /// # Errors
    /// When a file of the lake cannot be read.
    pub fn tables(&self) -> Result<Vec<Table>> {
        catalog::table_names(&self.dir)?.iter().map(|name| catalog::describe(&self.dir, name)).collect()
    }

    /// Asks one `SELECT`, `EXPLAIN` or `DESCRIBE`; nothing else is understood, and nothing outside the lake
    /// is read.
    ///
    /// # Errors
    /// When the query is not understood, asks for a table or column that is not there, or a file cannot be
    /// read.
    pub fn query(&self, sql: &str, limits: &Limits) -> Result<Answer> {
        query::ask(&self.dir, sql, limits)
    }
}
