//! A sample: capture, Windows events, mails and the truth about them, made from a script and a seed.

mod acts;
mod mails;
pub(crate) mod polls;
mod process;
mod remote;
pub(crate) mod stage;
mod truth;
pub(crate) mod ways;

pub use truth::{Course, Deed, Hop, HopJoin, Proof, Truth};

use crate::script::{Script, ScriptError};
use stage::Stage;
use std::path::{Path, PathBuf};

/// The script of the project's own sample.
pub const MAIL_TO_CONTROLLER_STOP: &str = include_str!("../scripts/mail_to_controller_stop.script");

/// Seed of the sample where nothing else is asked for.
pub const SEED: u64 = 1;

/// Name of the capture.
pub const CAPTURE: &str = "site.pcap";

/// Folder of the evidence, beside the truth about it.
pub const EVIDENCE: &str = "evidence";

/// Name of the file with the truth.
pub const TRUTH: &str = "truth.json";

/// What a site would have collected, and what really happened. The same script and seed give the same bytes.
#[derive(Clone, Debug)]
pub struct Sample {
    /// The capture, [`CAPTURE`].
    pub pcap: Vec<u8>,
    /// Names and contents of the event files, in order of name.
    pub events: Vec<(String, Vec<u8>)>,
    /// Names and contents of the mails, in order of delivery.
    pub mails: Vec<(String, Vec<u8>)>,
    /// What really happened.
    pub truth: Truth,
}

/// Why a sample could not be made or written.
#[derive(Debug, thiserror::Error)]
pub enum SampleError {
    /// The script cannot be played.
    #[error("cannot play the script")]
    Script(#[from] ScriptError),
    /// A file cannot be written.
    #[error("cannot write {}", path.display())]
    Write {
        /// The file or folder.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
}

/// Plays `script`; numbers that the script leaves open follow from `seed`.
pub fn generate(script: &Script, seed: u64) -> Sample {
    let mut stage = Stage::new(script, seed);
    for step in &script.steps {
        stage.act(step);
    }
    stage.polls();
    stage.background();
    stage.finish()
}

/// Writes the project's own sample into the folder `dir`, see [`Sample::write`].
///
/// # Errors
/// When the folder or a file cannot be written.
pub fn write(dir: &Path, seed: u64) -> Result<Sample, SampleError> {
    let sample = generate(&Script::read(MAIL_TO_CONTROLLER_STOP)?, seed);
    sample.write(dir)?;
    Ok(sample)
}

impl Sample {
    /// Writes what a site would have collected into `dir/`[`EVIDENCE`] and the truth about it into `dir/truth.json`;
    /// other files are left alone.
    ///
    /// # Errors
    /// When the folder or a file cannot be written.
    pub fn write(&self, dir: &Path) -> Result<(), SampleError> {
        let failed = |path: &Path| {
            let path = path.to_owned();
            move |source| SampleError::Write { path, source }
        };
        let evidence = dir.join(EVIDENCE);
        std::fs::create_dir_all(&evidence).map_err(failed(&evidence))?;
        for (name, bytes) in self.files() {
            let path = if name == TRUTH { dir.join(name) } else { evidence.join(name) };
            std::fs::write(&path, bytes).map_err(failed(&path))?;
        }
        Ok(())
    }

    /// Names and contents of all files; the truth comes last, as [`TRUTH`].
    pub fn files(&self) -> impl Iterator<Item = (&str, std::borrow::Cow<'_, [u8]>)> {
        let several =
            self.events.iter().chain(&self.mails).map(|(name, bytes)| (name.as_str(), bytes.into()));
        let capture = (CAPTURE, self.pcap.as_slice().into());
        std::iter::once(capture).chain(several).chain([(TRUTH, self.truth.json().into_bytes().into())])
    }
}

#[cfg(test)]
mod tests;
