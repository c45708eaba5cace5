use std::fmt;

/// An entry that could not be read.
#[derive(Debug, thiserror::Error)]
#[error("{place}: {fault}")]
pub struct Damage {
    /// Where it is.
    pub place: Place,
    /// What is wrong with it.
    #[source]
    pub fault: Fault,
}

/// Where in a file something is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Place {
    /// The file as a whole.
    File,
    /// The Windows event with this `EventRecordID`.
    Record(u64),
    /// Behind the Windows event with this `EventRecordID`, where the next one should be; 0 at the start.
    After(u64),
    /// The line with this number, from 1.
    Line(u64),
    /// This many bytes into the file (into its text as UTF-8, where it was UTF-16).
    Offset(u64),
}

/// What is wrong with an entry.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// The input cannot be read.
    #[error("cannot read")]
    Io(#[from] std::io::Error),
    /// The binary event log is damaged here.
    #[error("damaged event log")]
    Evtx(#[source] Box<evtx::err::EvtxError>),
    /// The decoder gave up on bytes that nobody foresaw.
    #[error("the decoder gave up")]
    Panic,
    /// Not well-formed XML.
    #[error("damaged XML")]
    Xml(#[from] quick_xml::Error),
    /// Not JSON.
    #[error("damaged JSON")]
    Json(#[from] serde_json::Error),
    /// It ends before it is complete.
    #[error("cut short")]
    CutShort,
    /// It is longer than is read of one entry.
    #[error("longer than {max} bytes")]
    TooLong {
        /// The bound, in bytes.
        max: usize,
    },
    /// There is no message in it.
    #[error("no mail message")]
    NoMail,
}

impl Fault {
    pub(crate) fn at(self, place: Place) -> Damage {
        Damage { place, fault: self }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Place::File => f.write_str("file"),
            Place::Record(id) => write!(f, "event record {id}"),
            Place::After(id) => write!(f, "behind event record {id}"),
            Place::Line(line) => write!(f, "line {line}"),
            Place::Offset(offset) => write!(f, "byte {offset}"),
        }
    }
}
