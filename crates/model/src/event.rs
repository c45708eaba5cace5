use crate::{At, Cell, Entity, Origin, Ot, Record, Time};

/// A log entry from another program (Windows, mail, syslog, JSON), its field names and values untouched.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// When it happened, by the clock of who logged it.
    pub time: Time,
    /// When Tieline received it; equals `time` when read from a file.
    pub arrived: Time,
    /// Where it was seen.
    pub origin: Origin,
    /// Table of the lake and word in the summary: `windows_security`, `windows_sysmon`, `mail`.
    pub log: Box<str>,
    /// What rules call this kind of event; an event can be of several kinds at once.
    pub sources: Vec<LogSource>,
    /// The source's own names and values, in its order.
    pub fields: Vec<(Box<str>, Value)>,
    /// Whom and what it names, as the event has it; unresolved.
    pub entities: Vec<Entity>,
}

/// A value in an [`Event`].
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// Nothing.
    Null,
    /// Yes or no.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A number with a fraction.
    Double(f64),
    /// Text.
    Text(Box<str>),
    /// Several values in order.
    List(Vec<Value>),
}

/// What a Sigma rule says it is for; `None` where the rule or the event does not say.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LogSource {
    /// `windows`, `zeek`, `tieline`.
    pub product: Option<&'static str>,
    /// `process_creation`, `network_connection`, `ot`.
    pub category: Option<&'static str>,
    /// `security`, `sysmon`, `dns`.
    pub service: Option<&'static str>,
}

/// Fields by name, whatever holds them: what rules and joins look into.
pub trait Fields {
    /// Calls `take` with the value of the field `name`; not at all when there is none or it is unset.
    fn get(&self, name: &str, take: &mut dyn FnMut(FieldValue<'_>));
    /// Calls `take` with every field that is set.
    fn each(&self, take: &mut dyn FnMut(&str, FieldValue<'_>));
}

/// A borrowed value: a typed row's cell or an event's value.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum FieldValue<'a> {
    /// Of a typed row.
    Cell(Cell<'a>),
    /// Of an event.
    Value(&'a Value),
}

impl Fields for Event {
    fn get(&self, name: &str, take: &mut dyn FnMut(FieldValue<'_>)) {
        if let Some((_, value)) = self.fields.iter().find(|(known, _)| &**known == name) {
            take(FieldValue::Value(value));
        }
    }

    fn each(&self, take: &mut dyn FnMut(&str, FieldValue<'_>)) {
        for (name, value) in &self.fields {
            take(name, FieldValue::Value(value));
        }
    }
}

impl Event {
    /// Text of the field `name`; `None` when it is absent or not text.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.fields.iter().find(|(known, _)| &**known == name).and_then(|(_, value)| match value {
            Value::Text(text) => Some(&**text),
            Value::Null | Value::Bool(_) | Value::Int(_) | Value::Double(_) | Value::List(_) => None,
        })
    }
}

/// A typed row with its circumstances, as rules see it: its columns by name, and `ot.*`.
#[derive(Clone, Copy)]
pub struct RowView<'a> {
    /// When, where, whose.
    pub at: &'a At<'a>,
    /// What.
    pub row: &'a dyn Record,
}

impl Fields for RowView<'_> {
    fn get(&self, name: &str, take: &mut dyn FnMut(FieldValue<'_>)) {
        self.each(&mut |known, value| {
            if known == name {
                take(value);
            }
        });
    }

    fn each(&self, take: &mut dyn FnMut(&str, FieldValue<'_>)) {
        let mut put = |name: &str, cell: Cell<'_>| {
            if !cell.is_unset() {
                take(name, FieldValue::Cell(cell));
            }
        };
        let schema = self.row.schema();
        put("ts", Cell::Time(self.at.time));
        if let Some(c) = self.at.conversation {
            put("uid", Cell::Text(c.uid.as_str()));
            put("id.orig_h", Cell::Addr(c.orig.addr));
            put("id.orig_p", Cell::Count(c.orig.port.into()));
            put("id.resp_h", Cell::Addr(c.resp.addr));
            put("id.resp_p", Cell::Count(c.resp.port.into()));
        }
        self.row.cells(&mut |cells| {
            for (field, cell) in schema.fields.iter().zip(cells) {
                put(field.name, *cell);
            }
        });
        if let Some(ot) = self.at.ot {
            ot_fields(&ot, &mut put);
        }
    }
}

fn ot_fields(ot: &Ot<'_>, put: &mut dyn FnMut(&str, Cell<'_>)) {
    put("ot.protocol", Cell::Text(ot.protocol));
    put("ot.action", Cell::Text(ot.action.name()));
    put("ot.outcome", Cell::Text(ot.outcome.name()));
    if !ot.object.is_empty() {
        put("ot.object", Cell::Text(ot.object));
    }
    put("ot.value", ot.value.map_or(Cell::Unset, Cell::Text));
    put("ot.old_value", ot.old_value.map_or(Cell::Unset, Cell::Text));
}
