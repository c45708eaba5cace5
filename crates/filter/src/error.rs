//! Why a text is no filter, or none for this link.

use wire::link::Link;

/// Why a filter cannot be had. Columns count characters, from 1.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// A character that no word begins with.
    #[error("column {column}: {found:?} means nothing in a filter")]
    Character {
        /// Where.
        column: usize,
        /// Which.
        found: char,
    },
    /// Something else should stand here.
    #[error("column {column}: expected {expected}, found {found}")]
    Unexpected {
        /// Where.
        column: usize,
        /// What could stand here.
        expected: &'static str,
        /// What does.
        found: String,
    },
    /// A number, address or range that cannot be.
    #[error("column {column}: {text} is not {what}")]
    Invalid {
        /// Where.
        column: usize,
        /// What stands there.
        text: String,
        /// What it should be.
        what: &'static str,
    },
    /// A host, network or station by name.
    #[error("column {column}: {name} is a name; give the address, since a sensor looks no names up")]
    Name {
        /// Where.
        column: usize,
        /// The name.
        name: String,
    },
    /// A port, protocol or EtherType by a name that is not in the table.
    #[error("column {column}: there is no {kind} {name} in the table; give its number")]
    Unknown {
        /// Where.
        column: usize,
        /// Port, protocol or EtherType.
        kind: &'static str,
        /// The name.
        name: String,
    },
    /// Words that each have a meaning, and none together.
    #[error("column {column}: {what}")]
    Contradiction {
        /// Where.
        column: usize,
        /// Which.
        what: &'static str,
    },
    /// A word of the language that is not implemented.
    #[error("column {column}: {what} is not supported{because}")]
    Unsupported {
        /// Where.
        column: usize,
        /// The word.
        what: String,
        /// Why; may be empty.
        because: &'static str,
    },
    /// The frames of this link have not got what is asked about.
    #[error("column {column}: {what} cannot be asked about frames of link type {}", link.0)]
    Link {
        /// Where.
        column: usize,
        /// What was asked about.
        what: &'static str,
        /// Kind of link.
        link: Link,
    },
    /// Filters know nothing about this link.
    #[error("captures of link type {} cannot be filtered; Ethernet, Linux cooked, raw IP and loopback can", link.0)]
    UnknownLink {
        /// Kind of link.
        link: Link,
    },
    /// More nesting, or arithmetic, than a person writes.
    #[error("column {column}: more than {max} {what}")]
    TooDeep {
        /// Where the bound is passed.
        column: usize,
        /// Of what.
        what: &'static str,
        /// How much may be.
        max: usize,
    },
    /// The program would be longer than the kernel takes.
    #[error("the filter is too long: its program would have more than {max} instructions")]
    TooLong {
        /// How many may be.
        max: usize,
    },
}
