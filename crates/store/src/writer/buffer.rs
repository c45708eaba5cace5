use super::column::Column;
use crate::{Error, Result};
use arrow_array::builder::{StringBuilder, UInt64Builder};
use arrow_array::{ArrayRef, RecordBatch};
use arrow_schema::{ArrowError, Field, Schema as ArrowSchema, SchemaRef};
use model::{At, Cell, Column as SchemaColumn, Event, Kind, Origin, Ot, Record, Schema, Shape, Subject};
use model::{Time, Type, Value};
use std::collections::HashMap;
use std::sync::Arc;

/// Columns of an event table; a field beyond it goes to the JSON text in `_more`.
const EVENT_COLUMNS_MAX: usize = 800;

/// Names that the lake gives itself.
const OWN_NAMES: [&str; 6] = ["ts", "hour", "_file", "_number", "_arrived", "_more"];

/// What a column costs in a row whatever it holds: its place in the offsets, and a bit.
const BYTES_PER_CELL: usize = 5;

/// Rows of one table since the last batch.
pub(super) struct Buffer {
    table: Box<str>,
    columns: Vec<Column>,
    names: Vec<Box<str>>,
    /// Place of a column, for tables whose columns come with the rows.
    places: HashMap<Box<str>, usize>,
    ts: Column,
    file: StringBuilder,
    number: UInt64Builder,
    arrived: Column,
    /// Fields of events that found no column.
    more: Column,
    /// Whether `more` was ever needed.
    has_more: bool,
    /// Where `ot.protocol` and its five neighbours stand, once a row had them.
    ot: Option<usize>,
    rows: usize,
    bytes: usize,
    /// Columns as Arrow knows them; forgotten when a column comes.
    schema: Option<SchemaRef>,
}

impl Buffer {
    /// An empty table whose columns come with the rows.
    pub(super) fn new(table: &str) -> Self {
        Self {
            table: table.into(),
            columns: Vec::new(),
            names: Vec::new(),
            places: HashMap::new(),
            ts: Column::time(),
            file: StringBuilder::new(),
            number: UInt64Builder::new(),
            arrived: Column::time(),
            more: Column::text(),
            has_more: false,
            ot: None,
            rows: 0,
            bytes: 0,
            schema: None,
        }
    }

    /// An empty table with the columns of a log.
    pub(super) fn typed(table: &str, schema: &Schema) -> Self {
        let mut buffer = Self::new(table);
        for SchemaColumn { name, kind, .. } in schema.columns().skip(1) {
            buffer.add_column(&own_name(name), kind);
        }
        buffer
    }

    pub(super) fn rows(&self) -> usize {
        self.rows
    }

    /// Memory that the rows take, about.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Appends a row of a log; answers how many values its columns could not hold.
    pub(super) fn put_row(&mut self, at: &At<'_>, row: &dyn Record, file: Option<&str>) -> usize {
        let schema = row.schema();
        let mut unfit = 0;
        let mut place = 0;
        if schema.subject == Subject::Conversation {
            place = 5;
            self.put_conversation(at);
        }
        row.cells(&mut |cells| {
            for (cell, place) in cells.iter().zip(place..) {
                unfit += usize::from(!self.put(place, *cell));
            }
        });
        if let Some(ot) = at.ot {
            self.put_ot(&ot);
        }
        self.end_row(at.time, at.time, at.origin, file);
        unfit
    }

    /// Appends an event: a column per field, as text.
    pub(super) fn put_event(&mut self, event: &Event, file: Option<&str>) {
        let mut more = serde_json::Map::new();
        for (name, value) in &event.fields {
            if *value == Value::Null {
                continue;
            }
            match self.event_column(name) {
                Some(place) => self.put_value(place, value),
                None => drop(more.insert(name.to_string(), json(value))),
            }
        }
        if !more.is_empty() {
            self.put_more(serde_json::Value::Object(more));
        }
        self.end_row(event.time, event.arrived, event.origin, file);
    }

    /// Takes the rows out, and the time of each in nanoseconds; the columns stay.
    pub(super) fn finish(&mut self) -> Result<RecordBatch> {
        let schema = self.schema();
        let mut arrays: Vec<ArrayRef> = vec![self.ts.finish()];
        arrays.extend(self.columns.iter_mut().map(Column::finish));
        arrays.extend([Arc::new(self.file.finish()) as ArrayRef, Arc::new(self.number.finish())]);
        arrays.push(self.arrived.finish());
        if self.has_more {
            arrays.push(self.more.finish());
        }
        (self.rows, self.bytes) = (0, 0);
        RecordBatch::try_new(schema, arrays).map_err(|source| self.error(source))
    }

    pub(super) fn error(&self, source: ArrowError) -> Error {
        Error::Columns { log: self.table.clone(), source }
    }

    fn schema(&mut self) -> SchemaRef {
        let make = || {
            let mut fields = vec![Field::new("ts", self.ts.data_type(), true)];
            let own = self.names.iter().zip(&self.columns);
            fields.extend(own.map(|(name, column)| Field::new(&**name, column.data_type(), true)));
            fields.push(Field::new("_file", arrow_schema::DataType::Utf8, true));
            fields.push(Field::new("_number", arrow_schema::DataType::UInt64, true));
            fields.push(Field::new("_arrived", self.arrived.data_type(), true));
            if self.has_more {
                fields.push(Field::new("_more", self.more.data_type(), true));
            }
            Arc::new(ArrowSchema::new(fields))
        };
        let schema = self.schema.take().unwrap_or_else(make);
        self.schema = Some(Arc::clone(&schema));
        schema
    }

    fn add_column(&mut self, name: &str, kind: Kind) -> usize {
        let place = self.columns.len();
        let mut column = Column::new(kind);
        column.pad(self.rows);
        self.columns.push(column);
        self.names.push(name.into());
        self.places.insert(name.into(), place);
        self.schema = None;
        place
    }

    fn put(&mut self, place: usize, cell: Cell<'_>) -> bool {
        self.bytes += text_bytes(&cell);
        self.columns.get_mut(place).is_some_and(|column| column.put(cell))
    }

    /// The conversation's own text is formatted once for all its rows.
    fn put_conversation(&mut self, at: &At<'_>) {
        let Some(conversation) = at.conversation else { return };
        let mut words = conversation.tsv().split('\t');
        let mut text = || words.next().map_or(Cell::Unset, Cell::Text);
        let (uid, orig, _, resp) = (text(), text(), text(), text());
        let cells = [
            uid,
            orig,
            Cell::Count(conversation.orig.port.into()),
            resp,
            Cell::Count(conversation.resp.port.into()),
        ];
        for (place, cell) in cells.into_iter().enumerate() {
            self.put(place, cell);
        }
    }

    fn put_ot(&mut self, ot: &Ot<'_>) {
        let first = self.ot.unwrap_or_else(|| {
            let text = Kind { of: Type::String, shape: Shape::One };
            let names = ["ot.protocol", "ot.action", "ot.outcome", "ot.object", "ot.value", "ot.old_value"];
            names.map(|name| self.add_column(name, text))[0]
        });
        self.ot = Some(first);
        let cells = [
            Cell::Text(ot.protocol),
            Cell::Text(ot.action.name()),
            Cell::Text(ot.outcome.name()),
            if ot.object.is_empty() { Cell::Unset } else { Cell::Text(ot.object) },
            ot.value.map_or(Cell::Unset, Cell::Text),
            ot.old_value.map_or(Cell::Unset, Cell::Text),
        ];
        for (cell, place) in cells.into_iter().zip(first..) {
            self.put(place, cell);
        }
    }

    /// The column for the field `name`; `None` when there is no room for it or it is taken in this row.
    fn event_column(&mut self, name: &str) -> Option<usize> {
        let name = own_name(name);
        if let Some(place) = self.places.get(&*name).copied() {
            let taken = self.columns.get(place).is_none_or(|column| column.len() > self.rows);
            return (!taken).then_some(place);
        }
        let room = self.columns.len() < EVENT_COLUMNS_MAX && !name.is_empty();
        room.then(|| self.add_column(&name, Kind { of: Type::String, shape: Shape::One }))
    }

    fn put_value(&mut self, place: usize, value: &Value) {
        match value {
            Value::Null => true,
            Value::Bool(value) => self.put(place, Cell::Text(if *value { "true" } else { "false" })),
            Value::Int(value) => self.put(place, Cell::Int(*value)),
            Value::Double(value) => self.put(place, Cell::Double(*value)),
            Value::Text(text) => self.put(place, Cell::Text(text)),
            Value::List(_) => self.put(place, Cell::Text(&json(value).to_string())),
        };
    }

    fn put_more(&mut self, more: serde_json::Value) {
        let text = more.to_string();
        self.bytes += text.len();
        self.more.pad(self.rows);
        self.more.put(Cell::Text(&text));
        if !self.has_more {
            (self.has_more, self.schema) = (true, None);
        }
    }

    fn end_row(&mut self, time: Time, arrived: Time, origin: Origin, file: Option<&str>) {
        self.ts.put(Cell::Time(time));
        self.arrived.put(Cell::Time(arrived));
        self.file.append_option(file);
        self.number.append_value(origin.number);
        self.rows += 1;
        self.bytes += (self.columns.len() + OWN_NAMES.len()) * BYTES_PER_CELL + file.map_or(0, str::len);
        self.columns.iter_mut().for_each(|column| column.pad(self.rows));
        if self.has_more {
            self.more.pad(self.rows);
        }
    }
}

fn own_name(name: &str) -> std::borrow::Cow<'_, str> {
    if OWN_NAMES.contains(&name) { format!("{name}_").into() } else { name.into() }
}

/// What a cell adds to the memory of its column.
fn text_bytes(cell: &Cell<'_>) -> usize {
    match cell {
        Cell::Text(text) => text.len(),
        Cell::Bytes(bytes) => bytes.len(),
        Cell::Counts(list) => list.len() * 8,
        Cell::Intervals(list) => list.len() * 8,
        Cell::Texts(list) => list.iter().map(|text| text.len() + BYTES_PER_CELL).sum(),
        Cell::Strings(list) => list.iter().map(|text| text.len() + BYTES_PER_CELL).sum(),
        Cell::BytesList(list) => list.iter().map(|bytes| bytes.len() + BYTES_PER_CELL).sum(),
        Cell::Addrs(list) => list.len() * 16,
        Cell::Unset => 0,
        Cell::Bool(_)
        | Cell::Count(_)
        | Cell::Int(_)
        | Cell::Double(_)
        | Cell::Time(_)
        | Cell::Interval(_)
        | Cell::Addr(_) => 8,
    }
}

fn json(value: &Value) -> serde_json::Value {
    match value {
        Value::Null => serde_json::Value::Null,
        Value::Bool(value) => (*value).into(),
        Value::Int(value) => (*value).into(),
        Value::Double(value) => (*value).into(),
        Value::Text(text) => (&**text).into(),
        Value::List(list) => list.iter().map(json).collect(),
    }
}
