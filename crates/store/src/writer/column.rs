use arrow_array::builder::{
    ArrayBuilder, BooleanBuilder, Float64Builder, Int64Builder, ListBuilder, StringBuilder,
    TimestampNanosecondBuilder, UInt16Builder, UInt64Builder,
};
use arrow_array::{Array, ArrayRef};
use arrow_schema::{DataType, Field, TimeUnit};
use model::{Cell, Kind, Shape, Span, Type};
use std::fmt::Write;
use std::sync::Arc;

/// Values that a new column has room for; small, since a table of events can have hundreds of columns.
const ROOM: usize = 16;

/// The values of one column since the last batch.
pub(super) enum Column {
    Bool(BooleanBuilder),
    Count(UInt64Builder),
    Port(UInt16Builder),
    Int(Int64Builder),
    Double(Float64Builder),
    /// Lengths of time, in seconds.
    Seconds(Float64Builder),
    Time(TimestampNanosecondBuilder),
    Text(StringBuilder),
    Counts(ListBuilder<UInt64Builder>),
    /// Lists of lengths of time, in seconds.
    SecondsList(ListBuilder<Float64Builder>),
    Texts(ListBuilder<StringBuilder>),
}

/// Runs `$body` with the builder of whatever column this is.
macro_rules! builder {
    ($column:expr, $builder:ident => $body:expr) => {
        match $column {
            Column::Bool($builder) => $body,
            Column::Count($builder) => $body,
            Column::Port($builder) => $body,
            Column::Int($builder) => $body,
            Column::Double($builder) | Column::Seconds($builder) => $body,
            Column::Time($builder) => $body,
            Column::Text($builder) => $body,
            Column::Counts($builder) => $body,
            Column::SecondsList($builder) => $body,
            Column::Texts($builder) => $body,
        }
    };
}

impl Column {
    /// An empty column for values of `kind`.
    pub(super) fn new(kind: Kind) -> Self {
        match (kind.shape, kind.of) {
            (Shape::One, Type::Bool) => Column::Bool(BooleanBuilder::with_capacity(ROOM)),
            (Shape::One, Type::Count) => Column::Count(UInt64Builder::with_capacity(ROOM)),
            (Shape::One, Type::Port) => Column::Port(UInt16Builder::with_capacity(ROOM)),
            (Shape::One, Type::Int) => Column::Int(Int64Builder::with_capacity(ROOM)),
            (Shape::One, Type::Double) => Column::Double(Float64Builder::with_capacity(ROOM)),
            (Shape::One, Type::Interval) => Column::Seconds(Float64Builder::with_capacity(ROOM)),
            (Shape::One, Type::Time) => Column::time(),
            (Shape::One, Type::Addr | Type::Enum | Type::String) => Column::text(),
            (Shape::Vector | Shape::Set, Type::Count | Type::Port) => {
                Column::Counts(ListBuilder::new(UInt64Builder::with_capacity(ROOM)))
            }
            (Shape::Vector | Shape::Set, Type::Interval) => {
                Column::SecondsList(ListBuilder::new(Float64Builder::with_capacity(ROOM)))
            }
            (
                Shape::Vector | Shape::Set,
                Type::Bool | Type::Int | Type::Double | Type::Time | Type::Addr | Type::Enum | Type::String,
            ) => Column::Texts(ListBuilder::new(StringBuilder::with_capacity(ROOM, ROOM))),
        }
    }

    /// An empty column of texts.
    pub(super) fn text() -> Self {
        Column::Text(StringBuilder::with_capacity(ROOM, ROOM))
    }

    /// An empty column of moments, UTC.
    pub(super) fn time() -> Self {
        Column::Time(TimestampNanosecondBuilder::with_capacity(ROOM).with_timezone("UTC"))
    }

    /// Values in it.
    pub(super) fn len(&self) -> usize {
        builder!(self, values => values.len())
    }

    /// Its type in the lake.
    pub(super) fn data_type(&self) -> DataType {
        let list = |of| DataType::List(Arc::new(Field::new_list_field(of, true)));
        match self {
            Column::Bool(_) => DataType::Boolean,
            Column::Count(_) => DataType::UInt64,
            Column::Port(_) => DataType::UInt16,
            Column::Int(_) => DataType::Int64,
            Column::Double(_) | Column::Seconds(_) => DataType::Float64,
            Column::Time(_) => DataType::Timestamp(TimeUnit::Nanosecond, Some("UTC".into())),
            Column::Text(_) => DataType::Utf8,
            Column::Counts(_) => list(DataType::UInt64),
            Column::SecondsList(_) => list(DataType::Float64),
            Column::Texts(_) => list(DataType::Utf8),
        }
    }

    /// Appends nothing known until there are `len` values.
    pub(super) fn pad(&mut self, len: usize) {
        while self.len() < len {
            builder!(self, values => values.append_null());
        }
    }

    /// Takes the values out.
    pub(super) fn finish(&mut self) -> ArrayRef {
        fn shared(array: impl Array + 'static) -> ArrayRef {
            Arc::new(array)
        }
        builder!(self, values => shared(values.finish()))
    }

    /// Appends `cell`; a value that the column cannot hold becomes nothing, and the answer is then false.
    pub(super) fn put(&mut self, cell: Cell<'_>) -> bool {
        let before = self.len();
        match (&mut *self, cell) {
            (Column::Text(values), cell) => put_text(values, cell),
            (Column::Count(values), Cell::Count(value)) => values.append_value(value),
            (Column::Bool(values), Cell::Bool(value)) => values.append_value(value),
            (Column::Port(values), Cell::Count(value)) => values.append_option(u16::try_from(value).ok()),
            (Column::Int(values), Cell::Int(value)) => values.append_value(value),
            (Column::Double(values), Cell::Double(value)) => values.append_value(value),
            (Column::Seconds(values), Cell::Interval(value)) => values.append_value(seconds(value)),
            (Column::Time(values), Cell::Time(value)) => values.append_value(value.0),
            (Column::Counts(values), Cell::Counts(list)) => {
                values.values().append_slice(list);
                values.append(true);
            }
            (Column::SecondsList(values), Cell::Intervals(list)) => {
                list.iter().for_each(|value| values.values().append_value(seconds(*value)));
                values.append(true);
            }
            (Column::Texts(values), cell) => put_texts(values, cell),
            _ => {}
        }
        let fits = self.len() > before || cell.is_unset();
        self.pad(before + 1);
        fits
    }
}

/// Exact to a nanosecond for less than 104 days, which is what a double can hold.
#[allow(clippy::cast_precision_loss, reason = "seconds are what a hunter compares with")]
fn seconds(span: Span) -> f64 {
    span.0 as f64 / 1e9
}

fn put_text(values: &mut StringBuilder, cell: Cell<'_>) {
    match cell {
        Cell::Text(text) => return values.append_value(text),
        Cell::Bytes(bytes) => return put_bytes(values, bytes),
        Cell::Bool(value) => display(values, value),
        Cell::Count(value) => display(values, value),
        Cell::Int(value) => display(values, value),
        Cell::Double(value) => display(values, value),
        Cell::Time(value) => display(values, value),
        Cell::Interval(value) => display(values, seconds(value)),
        Cell::Addr(value) => display(values, value),
        Cell::Unset
        | Cell::Counts(_)
        | Cell::Intervals(_)
        | Cell::Texts(_)
        | Cell::BytesList(_)
        | Cell::Strings(_)
        | Cell::Addrs(_) => return,
    }
    values.append_value("");
}

/// Writes into the value that the next `append_value` ends.
fn display(values: &mut StringBuilder, value: impl std::fmt::Display) {
    // Writing to memory cannot fail.
    let _ = write!(values, "{value}");
}

fn put_bytes(values: &mut StringBuilder, bytes: &[u8]) {
    let plain = |byte: &u8| (b' '..=b'~').contains(byte) && *byte != b'\\';
    match str::from_utf8(bytes) {
        Ok(text) if bytes.iter().all(plain) => values.append_value(text),
        _ => values.append_value(model::escape(bytes)),
    }
}

fn put_texts(values: &mut ListBuilder<StringBuilder>, cell: Cell<'_>) {
    match cell {
        Cell::Texts(list) => list.iter().for_each(|text| values.values().append_value(text)),
        Cell::Strings(list) => list.iter().for_each(|text| values.values().append_value(text)),
        Cell::BytesList(list) => list.iter().for_each(|bytes| put_bytes(values.values(), bytes)),
        Cell::Addrs(list) => list.iter().for_each(|addr| put_text(values.values(), Cell::Addr(*addr))),
        Cell::Unset
        | Cell::Bool(_)
        | Cell::Count(_)
        | Cell::Int(_)
        | Cell::Double(_)
        | Cell::Time(_)
        | Cell::Interval(_)
        | Cell::Addr(_)
        | Cell::Text(_)
        | Cell::Bytes(_)
        | Cell::Counts(_)
        | Cell::Intervals(_) => return,
    }
    values.append(true);
}
