use crate::{At, Cell, Conversation, Origin, Ot, Record, Schema, Span, Time};
use std::net::IpAddr;

/// A row that owns what it says, to be taken to another thread.
#[derive(Debug)]
pub struct Kept {
    schema: &'static Schema,
    time: Time,
    origin: Origin,
    conversation: Option<Conversation>,
    ot: Option<Deed>,
    cells: Vec<Value>,
}

/// [`Ot`] with its texts.
#[derive(Debug)]
struct Deed {
    like: Ot<'static>,
    object: Box<str>,
    value: Option<Box<str>>,
    old_value: Option<Box<str>>,
}

/// A [`Cell`] with what it borrows.
#[derive(Debug)]
enum Value {
    Plain(Cell<'static>),
    Text(Box<str>),
    Bytes(Box<[u8]>),
    Counts(Box<[u64]>),
    Intervals(Box<[Span]>),
    Texts(Box<[String]>),
    BytesList(Box<[Box<[u8]>]>),
    Addrs(Box<[IpAddr]>),
}

impl Kept {
    /// Copies a row.
    pub fn new(at: &At<'_>, row: &dyn Record) -> Self {
        let mut values = vec![];
        row.cells(&mut |cells| values = cells.iter().map(Value::of).collect());
        Self {
            schema: row.schema(),
            time: at.time,
            origin: at.origin,
            conversation: at.conversation.cloned(),
            ot: at.ot.map(Deed::of),
            cells: values,
        }
    }

    /// Its circumstances.
    pub fn at(&self) -> At<'_> {
        At {
            time: self.time,
            origin: self.origin,
            conversation: self.conversation.as_ref(),
            ot: self.ot.as_ref().map(Deed::ot),
        }
    }
}

impl Record for Kept {
    fn schema(&self) -> &'static Schema {
        self.schema
    }

    fn cells(&self, take: &mut dyn FnMut(&[Cell<'_>])) {
        // The only values that cannot be lent as they lie.
        let lists: Vec<Vec<&[u8]>> = self.cells.iter().filter_map(Value::bytes_list).collect();
        let mut lists = lists.iter();
        let cells: Vec<Cell<'_>> = self.cells.iter().map(|value| value.cell(&mut lists)).collect();
        take(&cells);
    }

    fn tsv(&self, out: &mut Vec<u8>) {
        self.cells(&mut |cells| cells.iter().for_each(|cell| crate::tsv::column(cell, out)));
    }
}

impl Deed {
    fn of(ot: Ot<'_>) -> Self {
        Self {
            like: Ot { object: "", value: None, old_value: None, ..ot },
            object: ot.object.into(),
            value: ot.value.map(Into::into),
            old_value: ot.old_value.map(Into::into),
        }
    }

    fn ot(&self) -> Ot<'_> {
        Ot {
            object: &self.object,
            value: self.value.as_deref(),
            old_value: self.old_value.as_deref(),
            ..self.like
        }
    }
}

impl Value {
    fn of(cell: &Cell<'_>) -> Self {
        match *cell {
            Cell::Unset => Value::Plain(Cell::Unset),
            Cell::Bool(value) => Value::Plain(Cell::Bool(value)),
            Cell::Count(value) => Value::Plain(Cell::Count(value)),
            Cell::Int(value) => Value::Plain(Cell::Int(value)),
            Cell::Double(value) => Value::Plain(Cell::Double(value)),
            Cell::Time(value) => Value::Plain(Cell::Time(value)),
            Cell::Interval(value) => Value::Plain(Cell::Interval(value)),
            Cell::Addr(value) => Value::Plain(Cell::Addr(value)),
            Cell::Text(text) => Value::Text(text.into()),
            Cell::Bytes(bytes) => Value::Bytes(bytes.into()),
            Cell::Counts(list) => Value::Counts(list.into()),
            Cell::Intervals(list) => Value::Intervals(list.into()),
            Cell::Texts(list) => Value::Texts(list.iter().map(|text| (*text).to_owned()).collect()),
            Cell::Strings(list) => Value::Texts(list.into()),
            Cell::BytesList(list) => Value::BytesList(list.iter().map(|bytes| (*bytes).into()).collect()),
            Cell::Addrs(list) => Value::Addrs(list.into()),
        }
    }

    fn bytes_list(&self) -> Option<Vec<&[u8]>> {
        if let Value::BytesList(list) = self {
            Some(list.iter().map(|bytes| &**bytes).collect())
        } else {
            None
        }
    }

    /// As it was; a list of bytes is the next of `lists`.
    fn cell<'a>(&'a self, lists: &mut std::slice::Iter<'a, Vec<&'a [u8]>>) -> Cell<'a> {
        match self {
            Value::Plain(cell) => *cell,
            Value::Text(text) => Cell::Text(text),
            Value::Bytes(bytes) => Cell::Bytes(bytes),
            Value::Counts(list) => Cell::Counts(list),
            Value::Intervals(list) => Cell::Intervals(list),
            Value::Texts(list) => Cell::Strings(list),
            Value::BytesList(_) => lists.next().map_or(Cell::Unset, |list| Cell::BytesList(list)),
            Value::Addrs(list) => Cell::Addrs(list),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Action, Outcome};

    crate::log! {
        /// A row of everything that is borrowed.
        struct Example<'a>: "example", Site {
            /// A number.
            number: Option<u64>,
            /// A text.
            text: &'a str,
            /// Bytes.
            bytes: &'a [u8],
            /// Numbers.
            numbers: &'a [u64],
            /// Texts.
            texts: &'a [&'a str],
            /// Lists of bytes.
            lists: &'a [&'a [u8]],
            /// Another.
            more: Option<&'a [&'a [u8]]>,
        }
    }

    #[test]
    fn a_kept_row_says_what_the_row_said() {
        let row = Example {
            number: None,
            text: "a\tb",
            bytes: b"\xff",
            numbers: &[1, 2],
            texts: &["x,y", ""],
            lists: &[b"1", b"22"],
            more: Some(&[b"3"]),
        };
        let ot = Ot {
            protocol: "modbus",
            action: Action::Write,
            outcome: Outcome::Accepted,
            object: "coil 3",
            value: Some("1"),
            old_value: None,
        };
        let at =
            At { time: Time(5), origin: Origin { file: 1, number: 2 }, conversation: None, ot: Some(ot) };
        let kept = Kept::new(&at, &row);
        let (mut said, mut line) = (vec![], vec![]);
        row.tsv(&mut said);
        kept.tsv(&mut line);
        assert_eq!(said, line);
        assert_eq!((kept.at().ot, kept.at().time, kept.at().origin), (at.ot, at.time, at.origin));
    }
}
