use std::io;
use std::path::{Path, PathBuf};

/// Why packets could not be kept or found.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file or folder could not be used.
    #[error("cannot {doing} {}", path.display())]
    Io {
        /// What was tried.
        doing: &'static str,
        /// On what.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// A capture that is no piece could not be read.
    #[error("cannot read {}", path.display())]
    Capture {
        /// The capture.
        path: PathBuf,
        /// Why.
        source: sensor::capture::Error,
    },
    /// A class has a name that cannot be part of a file's name, or that another one has.
    #[error("{0:?} cannot be the name of a class: it takes its own, of a-z, 0-9 and -")]
    ClassName(String),
}

/// Outcome of keeping or finding.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    pub(crate) fn io<'a>(doing: &'static str, path: &'a Path) -> impl Fn(io::Error) -> Self + use<'a> {
        move |source| Self::Io { doing, path: path.to_owned(), source }
    }
}
