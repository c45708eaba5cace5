use crate::{FirewallError, PlaybookError, Refusal};
use std::path::PathBuf;

/// Why something was not done or could not be found out.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It is refused: an answer, which says what to do.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The playbook cannot be used.
    #[error("the playbook cannot be used")]
    Playbook(#[from] PlaybookError),
    /// The ledger could not be opened, read or written. Nothing new is put in force then.
    #[error("cannot {what} the ledger {}", path.display())]
    Ledger {
        /// What was tried: `open`, `read`, `write`.
        what: &'static str,
        /// File.
        path: PathBuf,
        /// Why not.
        source: rusqlite::Error,
    },
    /// An entry of the ledger is not as it was written, or one is missing.
    #[error("the ledger {} was changed at entry {number}: {what}", path.display())]
    Tampered {
        /// File.
        path: PathBuf,
        /// The first entry that is wrong.
        number: u64,
        /// What is wrong with it.
        what: &'static str,
    },
    /// An entry of the ledger is as it was written but says something unknown: it is of a newer Tieline.
    #[error("entry {number} of the ledger {} cannot be understood", path.display())]
    Unreadable {
        /// File.
        path: PathBuf,
        /// Entry.
        number: u64,
        /// Why not.
        source: serde_json::Error,
    },
    /// Another program has written to the ledger since this one opened it.
    #[error("another program writes to the ledger {}", path.display())]
    OtherWriter {
        /// File.
        path: PathBuf,
    },
    /// The firewall could not be read or told.
    #[error("cannot {what} the firewall")]
    Firewall {
        /// What was tried: `read`, `tell`.
        what: &'static str,
        /// Why not.
        source: FirewallError,
    },
    /// The firewall was told to take something back and still has it.
    #[error("the firewall still stops {0}; lift it again, or take it out by hand")]
    StillInForce(String),
}
