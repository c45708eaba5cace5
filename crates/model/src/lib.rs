//! The words of Tieline: time, conversations, rows and their schemas, entities, OT actions, findings, incidents.
//!
//! Plain data without input, output, clock or thread. A log is defined once with [`log!`]; its schema is data from
//! which the Zeek writers, the columns of the lake, the names that rules use and the manual's page are made.

mod cell;
mod conversation;
mod entity;
mod event;
mod finding;
mod identity;
mod kept;
mod ot;
mod row;
mod site;
mod text;
mod time;
pub mod tsv;

pub use cell::{AsCell, Cell, Kind, Name, Port, Set, Shape, Type, Word};
pub use conversation::{Conversation, Endpoint, Mac, Transport, Uid, write_address};
pub use entity::{Entity, EntityKind, Role};
pub use event::{Event, FieldValue, Fields, LogSource, RowView, Value};
pub use finding::{Confidence, Evidence, Finding, Incident, Join, Step};
pub use finding::{Severity, Technique};
pub use identity::{Identity, Trait};
pub use kept::Kept;
pub use ot::{Action, Ot, Outcome};
pub use row::{At, Column, Field, Once, Origin, Record, Rows, Schema, Subject, Turn};
pub use site::{Criticality, Level};
pub use text::{escape, escape_into};
pub use time::{Span, Time};
