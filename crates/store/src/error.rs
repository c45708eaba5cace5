use datafusion::error::DataFusionError;
use std::io;
use std::path::{Path, PathBuf};

/// Why the lake could not be written or an answer not be found.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The query took longer than it may.
    #[error("the query took longer than {seconds} s; ask for less, or for a shorter time")]
    TooLong {
        /// How long it may take.
        seconds: u64,
    },
    /// A file or folder of the lake could not be read or written.
    #[error("cannot {what} {}", path.display())]
    Io {
        /// What was tried: `create`, `read`, `sync`.
        what: &'static str,
        /// On what.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// A part of a table is damaged or cannot be written.
    #[error("cannot {what} the part {}", path.display())]
    Part {
        /// What was tried: `read`, `write`.
        what: &'static str,
        /// On what.
        path: PathBuf,
        /// Why not.
        source: parquet::errors::ParquetError,
    },
    /// Rows could not be brought into columns.
    #[error("cannot make columns of {log}")]
    Columns {
        /// Table that they are for.
        log: Box<str>,
        /// Why not.
        source: arrow_schema::ArrowError,
    },
    /// A segment was to be written that is merged with others in an hour; the writer of segments has forgotten
    /// where it was.
    #[error("segment {segment} is already merged in {}; go on at the next segment of the lake", part.display())]
    Merged {
        /// Number of the segment.
        segment: u64,
        /// The part that holds it.
        part: PathBuf,
    },
    /// A part went away while the query ran.
    #[error("rows went away while the query ran, too old or merged by another process; ask again")]
    Gone,
    /// The query names a table that the lake does not have.
    #[error("no table {name} in the lake{}{}", hint(suggestion.as_slice()), list(known))]
    UnknownTable {
        /// As the query has it.
        name: String,
        /// The table that is written most like it.
        suggestion: Option<String>,
        /// All tables, in order; empty when the lake is empty.
        known: Vec<String>,
    },
    /// The query names a column that its tables do not have.
    #[error("no column {name}{}{}", place(*at), hint(suggestions))]
    UnknownColumn {
        /// As the query has it.
        name: String,
        /// Line and column in the query, from 1.
        at: Option<(u64, u64)>,
        /// Columns that are written like it, the most likely first; at most three.
        suggestions: Vec<String>,
    },
    /// The query would do more than ask.
    #[error("the lake can only be asked: one SELECT, EXPLAIN or DESCRIBE")]
    NotAQuestion,
    /// The query cannot be understood.
    #[error("cannot understand the query{}: {message}", place(*at))]
    Sql {
        /// What is wrong.
        message: String,
        /// Line and column in the query, from 1.
        at: Option<(u64, u64)>,
    },
    /// The answer needs more memory than it may take.
    #[error("the query needs more than {limit} MB of memory; narrow it by hour, or add LIMIT")]
    Memory {
        /// What it may take, in megabytes.
        limit: usize,
    },
    /// The query failed on its way.
    #[error("the query failed: {message}")]
    Query {
        /// What went wrong.
        message: String,
    },
    /// The answer could not be written out.
    #[error("cannot write the answer")]
    Output(#[source] io::Error),
}

impl Error {
    /// Whether the question is wrong, rather than the lake or the machine.
    pub fn is_the_question(&self) -> bool {
        match self {
            Self::UnknownTable { .. }
            | Self::UnknownColumn { .. }
            | Self::NotAQuestion
            | Self::Sql { .. } => true,
            Self::Io { .. }
            | Self::Part { .. }
            | Self::Columns { .. }
            | Self::Merged { .. }
            | Self::Gone
            | Self::Memory { .. }
            | Self::TooLong { .. }
            | Self::Query { .. }
            | Self::Output(_) => false,
        }
    }

    pub(crate) fn io(what: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Error {
        move |source| Error::Io { what, path: path.to_owned(), source }
    }

    pub(crate) fn part<E: Into<parquet::errors::ParquetError>>(
        what: &'static str,
        path: &Path,
    ) -> impl FnOnce(E) -> Error {
        move |source| Error::Part { what, path: path.to_owned(), source: source.into() }
    }
}

/// Sorts what DataFusion says into what a person can do about it.
pub(crate) fn from_datafusion(error: &DataFusionError, memory_bytes: usize) -> Error {
    let at = error.diagnostic().and_then(|d| d.span).map(|span| (span.start.line, span.start.column));
    if let DataFusionError::ResourcesExhausted(_) = error.find_root() {
        return Error::Memory { limit: memory_bytes / 1_000_000 };
    }
    if is_gone(error) {
        return Error::Gone;
    }
    if let DataFusionError::SQL(parser, _) = error.find_root() {
        return from_parser(&parser.to_string());
    }
    if let DataFusionError::SchemaError(schema, _) = error.find_root()
        && let datafusion::common::SchemaError::FieldNotFound { field, valid_fields } = &**schema
    {
        let name = field.flat_name();
        let suggestions = alike(&field.name, valid_fields.iter().map(|column| column.name.as_str()));
        return Error::UnknownColumn { name, at, suggestions };
    }
    let root = error.find_root();
    let message = first_line(&root.message());
    let by_planner = matches!(
        root,
        DataFusionError::Plan(_) | DataFusionError::SchemaError(..) | DataFusionError::NotImplemented(_)
    );
    if by_planner { Error::Sql { message, at } } else { Error::Query { message } }
}

/// Whether a file was no longer there.
fn is_gone(error: &DataFusionError) -> bool {
    use datafusion::object_store::Error::NotFound;
    let first: &dyn std::error::Error = error;
    std::iter::successors(Some(first), |cause| cause.source())
        .any(|cause| matches!(cause.downcast_ref(), Some(NotFound { .. })))
}

/// The parser tells the place in its text: `... at Line: 1, Column: 8`.
fn from_parser(text: &str) -> Error {
    let text = text.trim_start_matches("sql parser error: ");
    let Some((message, place)) = text.rsplit_once(" at Line: ") else {
        return Error::Sql { message: first_line(text), at: None };
    };
    let at = place
        .split_once(", Column: ")
        .and_then(|(line, column)| Some((line.trim().parse().ok()?, column.trim().parse().ok()?)));
    Error::Sql { message: first_line(message), at }
}

fn first_line(text: &str) -> String {
    text.lines().next().unwrap_or_default().trim_end_matches('.').to_owned()
}

/// Up to three of `known` that are written like `name`, the most likely first.
pub(crate) fn alike<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Vec<String> {
    use datafusion::common::utils::datafusion_strsim::levenshtein;
    let wanted = name.to_lowercase();
    let mut near: Vec<_> = known
        .map(|other| (levenshtein(&wanted, &other.to_lowercase()), other))
        .filter(|(distance, other)| *distance <= 1 + other.len() / 4)
        .collect();
    near.sort_unstable();
    near.dedup();
    near.into_iter().take(3).map(|(_, other)| other.to_owned()).collect()
}

fn place(at: Option<(u64, u64)>) -> String {
    at.map_or_else(String::new, |(line, column)| format!(" at line {line}, column {column}"))
}

fn hint(suggestions: &[String]) -> String {
    if suggestions.is_empty() {
        String::new()
    } else {
        format!("; did you mean {}?", suggestions.join(" or "))
    }
}

fn list(known: &[String]) -> String {
    if known.is_empty() {
        return "; it is empty".to_owned();
    }
    format!("; tables: {}", known.join(", "))
}
