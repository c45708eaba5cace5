use crate::{Span, Time, tsv};
use std::net::IpAddr;

/// One value of a row, borrowed from the decoder that made it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Cell<'a> {
    /// Nothing is known; `-` in Zeek's logs.
    Unset,
    /// Yes or no.
    Bool(bool),
    /// A number that is never negative.
    Count(u64),
    /// A number with a sign.
    Int(i64),
    /// A number with a fraction.
    Double(f64),
    /// A moment.
    Time(Time),
    /// A length of time.
    Interval(Span),
    /// An IPv4 or IPv6 address.
    Addr(IpAddr),
    /// Text.
    Text(&'a str),
    /// Text as it stood on the wire, which need not be UTF-8; written with escapes, see [`crate::escape`].
    Bytes(&'a [u8]),
    /// A list of numbers.
    Counts(&'a [u64]),
    /// A list of lengths of time.
    Intervals(&'a [Span]),
    /// A list of texts.
    Texts(&'a [&'a str]),
    /// A list of texts as they stood on the wire.
    BytesList(&'a [&'a [u8]]),
    /// A list of texts that the row's maker owns.
    Strings(&'a [String]),
    /// A list of addresses.
    Addrs(&'a [IpAddr]),
}

impl Cell<'_> {
    /// Whether there is nothing in it.
    pub fn is_unset(&self) -> bool {
        matches!(self, Cell::Unset)
    }
}

/// What a column holds: a type and whether it holds one, a list, or a set of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kind {
    /// Type of a single value.
    pub of: Type,
    /// One value or many.
    pub shape: Shape,
}

/// Type of a value, named as in Zeek.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names are Zeek's and say it all")]
pub enum Type {
    Bool,
    Count,
    Int,
    Double,
    Time,
    Interval,
    Addr,
    Port,
    Enum,
    String,
}

/// One value or many.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// One value.
    One,
    /// Values in order.
    Vector,
    /// Values without order.
    Set,
}

impl Kind {
    /// Zeek's word for it, as in a `#types` line: `vector[count]`.
    pub fn zeek(self) -> String {
        let of = self.of.zeek();
        match self.shape {
            Shape::One => of.to_owned(),
            Shape::Vector => format!("vector[{of}]"),
            Shape::Set => format!("set[{of}]"),
        }
    }
}

impl Type {
    /// Zeek's word for it.
    pub fn zeek(self) -> &'static str {
        match self {
            Type::Bool => "bool",
            Type::Count => "count",
            Type::Int => "int",
            Type::Double => "double",
            Type::Time => "time",
            Type::Interval => "interval",
            Type::Addr => "addr",
            Type::Port => "port",
            Type::Enum => "enum",
            Type::String => "string",
        }
    }
}

/// A Rust type that can stand in a row; its kind of column follows from it.
pub trait AsCell {
    /// Kind of the column.
    const KIND: Kind;
    /// The value, borrowed.
    fn cell(&self) -> Cell<'_>;
    /// Appends the value as Zeek's tab-separated logs spell it, with a tab behind it.
    #[inline]
    fn tsv(&self, out: &mut Vec<u8>) {
        tsv::column(&self.cell(), out);
    }
}

/// A word from a closed list, `enum` in Zeek: letters, digits, `_`, `:` and `-`, at least one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Name(pub &'static str);

/// Such a word in a column that is a `string` in Zeek.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Word(pub &'static str);

/// A transport port number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Port(pub u16);

/// Values without order, `set` in Zeek.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Set<T>(pub T);

macro_rules! one {
    ($($rust:ty => $of:ident, |$value:ident| $cell:expr;)*) => {$(
        impl AsCell for $rust {
            const KIND: Kind = Kind { of: Type::$of, shape: Shape::One };
            #[inline]
            fn cell(&self) -> Cell<'_> {
                let $value = self;
                $cell
            }
        }
    )*};
}

one! {
    bool => Bool, |v| Cell::Bool(*v);
    u8 => Count, |v| Cell::Count((*v).into());
    u16 => Count, |v| Cell::Count((*v).into());
    u32 => Count, |v| Cell::Count((*v).into());
    u64 => Count, |v| Cell::Count(*v);
    i64 => Int, |v| Cell::Int(*v);
    f64 => Double, |v| Cell::Double(*v);
    Time => Time, |v| Cell::Time(*v);
    Span => Interval, |v| Cell::Interval(*v);
    IpAddr => Addr, |v| Cell::Addr(*v);
    Port => Port, |v| Cell::Count(v.0.into());
    &str => String, |v| Cell::Text(v);
    String => String, |v| Cell::Text(v);
    &[u8] => String, |v| Cell::Bytes(v);
}

macro_rules! words {
    ($($rust:ident => $of:ident;)*) => {$(
        impl AsCell for $rust {
            const KIND: Kind = Kind { of: Type::$of, shape: Shape::One };
            #[inline]
            fn cell(&self) -> Cell<'_> {
                Cell::Text(self.0)
            }
            #[inline]
            fn tsv(&self, out: &mut Vec<u8>) {
                tsv::word(self.0, out);
            }
        }
    )*};
}

words! {
    Name => Enum;
    Word => String;
}

macro_rules! many {
    ($($rust:ty => $of:ident, $cell:ident;)*) => {$(
        impl AsCell for $rust {
            const KIND: Kind = Kind { of: Type::$of, shape: Shape::Vector };
            #[inline]
            fn cell(&self) -> Cell<'_> {
                Cell::$cell(self)
            }
        }
        impl AsCell for Set<$rust> {
            const KIND: Kind = Kind { of: Type::$of, shape: Shape::Set };
            #[inline]
            fn cell(&self) -> Cell<'_> {
                Cell::$cell(&self.0)
            }
        }
    )*};
}

many! {
    &[u64] => Count, Counts;
    &[Span] => Interval, Intervals;
    &[&str] => String, Texts;
    &[&[u8]] => String, BytesList;
    &[String] => String, Strings;
    &[IpAddr] => Addr, Addrs;
}

impl<T: AsCell> AsCell for Option<T> {
    const KIND: Kind = T::KIND;
    #[inline]
    fn cell(&self) -> Cell<'_> {
        self.as_ref().map_or(Cell::Unset, T::cell)
    }
    #[inline]
    fn tsv(&self, out: &mut Vec<u8>) {
        match self {
            Some(value) => value.tsv(out),
            None => tsv::column(&Cell::Unset, out),
        }
    }
}
