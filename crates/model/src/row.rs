use crate::{Cell, Conversation, EntityKind, Kind, Ot, Shape, Span, Time, Type};

/// What a log is: its name, what a row of it is about, and its columns.
#[derive(Debug)]
pub struct Schema {
    /// Name of the log, as in Zeek and ICSNPP where those have it (`modbus_detailed`).
    pub log: &'static str,
    /// One sentence for the manual.
    pub doc: &'static str,
    /// Which columns stand before `fields`.
    pub subject: Subject,
    /// The log's own columns, in order.
    pub fields: &'static [Field],
}

/// What a row is about; decides the columns that come first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subject {
    /// One conversation: `ts`, `uid`, `id.orig_h`, `id.orig_p`, `id.resp_h`, `id.resp_p`.
    Conversation,
    /// The site or a host: `ts` alone.
    Site,
}

/// One column of a log.
#[derive(Debug)]
pub struct Field {
    /// Name, as in Zeek.
    pub name: &'static str,
    /// What it holds.
    pub kind: Kind,
    /// What it says, in a sentence; with unit and range where it has them.
    pub doc: &'static str,
    /// What in the site the value names, if anything.
    pub entity: Option<EntityKind>,
}

/// A column as all outputs see it, the leading ones included.
#[derive(Clone, Copy, Debug)]
pub struct Column {
    /// Name, as in Zeek.
    pub name: &'static str,
    /// What it holds.
    pub kind: Kind,
    /// What it says.
    pub doc: &'static str,
}

const fn one(name: &'static str, of: Type, doc: &'static str) -> Column {
    Column { name, kind: Kind { of, shape: Shape::One }, doc }
}

const LEADING: [Column; 6] = [
    one("ts", Type::Time, "When it happened: the time of the packet, UTC."),
    one("uid", Type::String, "Name of the conversation, the same in every log."),
    one("id.orig_h", Type::Addr, "Address of the end that opened the conversation."),
    one("id.orig_p", Type::Port, "Its port; the ICMP type for ICMP."),
    one("id.resp_h", Type::Addr, "Address of the end that was called."),
    one("id.resp_p", Type::Port, "Its port; the ICMP code for ICMP."),
];

impl Schema {
    /// The columns that stand before the log's own.
    pub fn leading(&self) -> &'static [Column] {
        match self.subject {
            Subject::Conversation => &LEADING,
            Subject::Site => LEADING.split_at(1).0,
        }
    }

    /// All columns in order.
    pub fn columns(&self) -> impl Iterator<Item = Column> + '_ {
        let own = self.fields.iter().map(|f| Column { name: f.name, kind: f.kind, doc: f.doc });
        self.leading().iter().copied().chain(own)
    }
}

/// Where in the evidence a row comes from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Origin {
    /// Number of the file or interface, as the reader of it counts them.
    pub file: u32,
    /// Frame number in a capture (from 1), `EventRecordID` of a Windows event, line of a text file, 1 for a mail.
    pub number: u64,
}

/// The circumstances of a row: when, where in the evidence, in which conversation, and what it does to the process.
#[derive(Clone, Copy, Debug)]
pub struct At<'a> {
    /// When it happened.
    pub time: Time,
    /// Where it was seen.
    pub origin: Origin,
    /// Whose row it is; none for a row about the site.
    pub conversation: Option<&'a Conversation>,
    /// What it does to the process, where it is an OT protocol's row.
    pub ot: Option<Ot<'a>>,
}

/// A typed row; made with [`log!`](crate::log).
pub trait Record {
    /// What the row's columns are.
    fn schema(&self) -> &'static Schema;
    /// Hands over the values of the log's own columns, as many and in the order of `schema().fields`.
    fn cells(&self, take: &mut dyn FnMut(&[Cell<'_>]));
    /// Appends the values of the log's own columns as Zeek's tab-separated logs spell them, a tab behind each.
    fn tsv(&self, out: &mut Vec<u8>);
}

/// Takes rows as they are made.
pub trait Rows {
    /// Takes one row; what is needed later must be copied now.
    fn put(&mut self, at: &At<'_>, row: &dyn Record);

    /// Takes one row that is to be written only if it is news, over all workers that follow the same traffic. Who
    /// gathers the rows of several workers decides; a single worker has decided before.
    fn put_once(&mut self, _once: Once, at: &At<'_>, row: &dyn Record) {
        self.put(at, row);
    }

    /// Says whose turn it is: in which order rows of several workers belong. Nothing to do where there is one.
    fn turn(&mut self, _turn: Turn) {}
}

/// What makes a row news.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Once {
    /// What is told, as a hash.
    pub key: u64,
    /// How long it is known once it was told; `None` for as long as anything is remembered.
    pub period: Option<Span>,
}

/// Where the rows that follow belong among those of all workers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Turn {
    /// The packet at whose time they are written.
    pub packet: u64,
    /// When they became due, for what is written because time has passed; [`Turn::AFTER`] for the packet's own.
    pub due: i64,
    /// The conversation that is over: number of its first packet.
    pub conversation: u64,
    /// Tells conversations apart that began with the same packet.
    pub shard: u8,
}

impl Turn {
    /// Behind everything that became due before.
    pub const AFTER: i64 = i64::MAX;
}

/// Defines a log: a struct for its rows and, from the same lines, the [`Schema`].
///
/// A column is named as its field unless a name is given with `=`; an entity that the value names stands behind `=>`.
///
/// ```ignore
/// model::log! {
///     /// One row per Modbus PDU.
///     struct Modbus<'a>: "modbus", Conversation {
///         /// Transaction identifier, pairs a response with its request.
///         tid: u16,
///         /// Function by name.
///         function = "func": &'a str,
///         /// Who wrote it.
///         author: Option<&'a str> => User,
///     }
/// }
/// ```
#[macro_export]
macro_rules! log {
    (
        $(#[doc = $doc:literal])+
        $vis:vis struct $row:ident $(<$life:lifetime>)?: $log:literal, $subject:ident {
            $(
                $(#[doc = $field_doc:literal])+
                $field:ident $(= $column:literal)?: $rust:ty $(=> $entity:ident)?
            ),* $(,)?
        }
    ) => {
        $(#[doc = $doc])+
        #[derive(Clone, Debug)]
        $vis struct $row $(<$life>)? {
            $($(#[doc = $field_doc])+ $vis $field: $rust,)*
        }

        impl $(<$life>)? $row $(<$life>)? {
            /// The log that these rows make.
            $vis const SCHEMA: &'static $crate::Schema = &$crate::Schema {
                log: $log,
                doc: concat!($($doc),+),
                subject: $crate::Subject::$subject,
                fields: &[$($crate::Field {
                    name: $crate::log!(@name $field $($column)?),
                    kind: <$rust as $crate::AsCell>::KIND,
                    doc: concat!($($field_doc),+),
                    entity: $crate::log!(@entity $($entity)?),
                }),*],
            };
        }

        impl $(<$life>)? $crate::Record for $row $(<$life>)? {
            fn schema(&self) -> &'static $crate::Schema {
                Self::SCHEMA
            }
            fn cells(&self, take: &mut dyn FnMut(&[$crate::Cell<'_>])) {
                take(&[$($crate::AsCell::cell(&self.$field)),*]);
            }
            fn tsv(&self, out: &mut Vec<u8>) {
                $($crate::AsCell::tsv(&self.$field, out);)*
            }
        }
    };
    (@name $field:ident) => { stringify!($field) };
    (@name $field:ident $column:literal) => { $column };
    (@entity) => { None };
    (@entity $entity:ident) => { Some($crate::EntityKind::$entity) };
}

#[cfg(test)]
mod tests {
    use super::*;

    log! {
        /// A row
        /// for the test.
        struct Example<'a>: "example", Conversation {
            /// Number of the thing.
            number: u8,
            /// Its registers.
            values = "response.values": Option<&'a [u64]>,
            /// Who did it.
            who: &'a str => User,
        }
    }

    #[test]
    fn one_definition_gives_the_schema_and_the_values() {
        let names: Vec<_> = Example::SCHEMA.columns().map(|c| (c.name, c.kind.zeek())).collect();
        assert_eq!(names.len(), 9);
        assert_eq!(names[7], ("response.values", "vector[count]".to_owned()));
        assert_eq!(Example::SCHEMA.doc, " A row for the test.");
        assert_eq!(Example::SCHEMA.fields[2].entity, Some(EntityKind::User));
        let row = Example { number: 7, values: Some(&[1, 2]), who: "op" };
        let mut seen = String::new();
        row.cells(&mut |cells| seen = format!("{cells:?}"));
        assert_eq!(seen, r#"[Count(7), Counts([1, 2]), Text("op")]"#);
        let mut line = vec![];
        row.tsv(&mut line);
        assert_eq!(line, b"7\t1,2\top\t");
    }
}
