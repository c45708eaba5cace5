//! The lake: every row, event, finding and incident as Parquet by log and hour, answered by SQL.
//!
//! A lake is a folder. `DIR/<log>/hour=2026-11-24T19/part-<key>-<number>.parquet` holds the rows of one log
//! whose event time lies in that hour (UTC); every `<log>` is a table. A part appears under its name only
//! when it is whole.
//!
//! What is read as a whole, a capture or a file of events, has its own parts ([`Lake::writer`]), which a second
//! reading replaces. What comes in all day is written in segments ([`Lake::segment`]), whose small parts
//! [`Lake::compact`] merges: `merged-<first>-<last>.parquet` stands for all parts that segments `first` to
//! `last` have in its hour. [`Lake::retain`] takes old hours out.
//!
//! | in a row | in the lake |
//! | --- | --- |
//! | `time` | timestamp, nanoseconds, UTC |
//! | `interval` | seconds as a double |
//! | `count` | unsigned 64 bit |
//! | `port` | unsigned 16 bit |
//! | `int`, `double`, `bool` | 64 bit signed, double, boolean |
//! | `addr`, `string`, `enum` | text; bytes that are not text are escaped as [`model::escape`] does |
//! | `vector`, `set` | list |
//! | field of an event | text, so that files agree; a list is a JSON array |
//!
//! A field of an event is best compared with text, `EventID = '4624'`; with a number the query fails at a
//! value that is none.
//!
//! Every table has `ts`, the evidence in `_file`, `_number` (frame, record or line) and `_arrived`, and the
//! folder's `hour` as text. Logs that carry OT actions have `ot.protocol`, `ot.action`, `ot.outcome`,
//! `ot.object`, `ot.value` and `ot.old_value`. A field whose name the lake uses itself has `_` behind it
//! (`hour_`).
//!
//! Names are taken as written, upper and lower case apart; a dot needs no quotes where a table has such a
//! column: `SELECT id.orig_h, count(*) FROM modbus WHERE ot.action = 'stop' GROUP BY id.orig_h`.

mod catalog;
mod compact;
mod error;
mod folder;
mod lake;
mod query;
mod retain;
mod shared;
mod writer;

pub use catalog::Table;
pub use compact::{Budget, Compacted};
pub use error::Error;
pub use lake::Lake;
pub use query::{Answer, Format, Limits, TextAnswer, Written};
pub use writer::{LakeWriter, Summary};

/// Result of this crate.
pub type Result<T> = std::result::Result<T, Error>;
