//! How far everything was read: one small file, replaced as a whole.
//!
//! What it says is on disk before it says so: rows are in the lake first. After a crash the evidence is read again; up
//! to the positions of this file nothing is stored a second time.

use super::known::KnownConduit;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Progress {
    /// Segments of the lake that are whole.
    pub(crate) segments: u64,
    /// Interfaces and files by name.
    pub(crate) sources: BTreeMap<String, Position>,
    /// Incidents that were told, so that they keep their names.
    pub(crate) incidents: Vec<KnownIncident>,
    /// Alarms that somebody acknowledged, and who.
    pub(crate) acknowledged: BTreeMap<String, String>,
    /// Up to when the tap at each interface was judged, in nanoseconds since 1970.
    #[serde(default)]
    pub(crate) judged: BTreeMap<String, i64>,
    /// What is known of conduits that are said to be one-way.
    #[serde(default)]
    pub(crate) conduits: Vec<KnownConduit>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Position {
    /// Number of the source in evidence.
    pub(crate) number: u32,
    /// Packets or events whose rows are in the lake.
    pub(crate) entries: u64,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct KnownIncident {
    /// `INC-7`.
    pub(crate) id: String,
    /// Its evidence: source and number of each step.
    pub(crate) steps: BTreeSet<(u32, u64)>,
    /// That of the last step.
    pub(crate) deed: (u32, u64),
}

/// The file.
pub(crate) struct ProgressFile {
    path: PathBuf,
}

impl ProgressFile {
    pub(crate) fn new(data: &Path) -> Self {
        Self { path: data.join("progress.json") }
    }

    /// What the file says; the beginning when there is none.
    ///
    /// # Errors
    /// When it cannot be read or is damaged, which a crash cannot cause.
    pub(crate) fn load(&self) -> io::Result<Progress> {
        match fs::read(&self.path) {
            Ok(bytes) => serde_json::from_slice(&bytes).map_err(io::Error::from),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Progress::default()),
            Err(error) => Err(error),
        }
    }

    /// Replaces the file.
    ///
    /// # Errors
    /// When it cannot be written; the old one stays.
    pub(crate) fn save(&self, progress: &Progress) -> io::Result<()> {
        let new = self.path.with_extension("new");
        let mut file = File::create(&new)?;
        file.write_all(&serde_json::to_vec(progress)?)?;
        file.sync_all()?;
        fs::rename(&new, &self.path)
    }
}
