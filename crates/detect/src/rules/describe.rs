//! A row in one line, for a person: where, what, and the two or three fields that tell most.

use super::view::RowView;
use model::{Action, Cell, Event, FieldValue, Ot, Outcome, Value};
use std::fmt::Write;

/// Fields that stand in one line.
const FIELDS_MAX: usize = 3;
/// Characters of a value that stand in one line; a longer one ends in an ellipsis.
const VALUE_MAX: usize = 120;

/// Fields of other programs' events that tell most, the best first.
const TELLING: &[&str] = &[
    "CommandLine",
    "TargetUserName",
    "IpAddress",
    "From",
    "To",
    "Attachments",
    "Subject",
    "Image",
    "NewProcessName",
    "ParentImage",
    "TargetFilename",
    "TargetObject",
    "ImageLoaded",
    "QueryName",
    "DestinationIp",
    "PipeName",
    "ServiceName",
    "ImagePath",
    "ScriptBlockText",
    "User",
    "SubjectUserName",
];

/// Fields that say which event it is; the line has them at its beginning.
const HEAD: &[&str] = &["EventID", "Computer", "Channel", "Provider_Name"];

/// Columns in which the logs of OT protocols name the function, the most exact first.
const FUNCTION: &[&str] = &[
    "umas_function",
    "function_name",
    "subfunction",
    "func",
    "function",
    "function_code",
    "fc_request",
    "cip_service",
    "service",
    "pdu_service",
    "command",
];

/// Logs of protocols that ride on another, and what people call them.
const NAMES: &[(&str, &str)] = &[("modbus_umas", "UMAS")];

/// An event: `HIST01 sysmon 1: CommandLine python.exe flowcalc.py, User PLANT\m.keller`.
pub(super) fn event(event: &Event, fields: &[String]) -> String {
    let value = |name: &str| event.fields.iter().find(|(known, _)| &**known == name).map(|(_, value)| value);
    let mut line = String::new();
    if let Some(Value::Text(computer)) = value("Computer") {
        line.push_str(computer.split('.').next().unwrap_or(computer));
        line.push(' ');
    }
    line.push_str(event.log.strip_prefix("windows_").unwrap_or(&event.log));
    if let Some(id) = value("EventID") {
        line.push(' ');
        line.push_str(&joined(FieldValue::Value(id)));
    }
    let looked_at = fields.iter().map(String::as_str).filter(|name| !HEAD.contains(name));
    let shown = |name: &str| value(name).map(|value| joined(FieldValue::Value(value)));
    list(&mut line, looked_at.chain(TELLING.iter().copied()), &shown);
    line
}

/// A row: `UMAS STOP_PLC accepted 10.3.0.20 → 10.1.10.5`, `dns 10.4.20.17 → 10.3.0.2: query example.org`.
pub(super) fn row(view: &RowView<'_>, fields: &[String]) -> String {
    let mut line = view.at.ot.map_or_else(|| view.schema.log.to_owned(), |ot| action(view, &ot));
    if let Some(c) = view.at.conversation {
        // Writing to a string cannot fail.
        let _ = write!(line, " {} → {}", c.orig.addr, c.resp.addr);
    }
    if view.at.ot.is_none() {
        let looked_at = fields.iter().map(String::as_str).filter(|name| !name.starts_with("id."));
        let own = view.schema.fields.iter().map(|field| field.name);
        let shown = |name: &str| view.column(name).map(|cell| joined(FieldValue::Cell(cell)));
        list(&mut line, looked_at.chain(own), &shown);
    }
    line
}

/// Whether it is done to the device as a whole, so that its address names the object well enough.
pub(super) fn on_device(action: Action) -> bool {
    matches!(action, Action::Start | Action::Stop | Action::Restart | Action::ModeChange)
}

fn action(view: &RowView<'_>, ot: &Ot<'_>) -> String {
    let function =
        FUNCTION.iter().filter_map(|name| view.column(name)).map(|cell| joined(FieldValue::Cell(cell)));
    let function = function.into_iter().find(|name| !name.is_empty());
    let outcome = match ot.outcome {
        Outcome::Request => "requested",
        Outcome::Accepted => "accepted",
        Outcome::Rejected => "rejected",
        Outcome::NoAnswer => "unanswered",
    };
    let named = NAMES.iter().find(|(log, _)| *log == view.schema.log);
    let mut line = named.map_or_else(|| ot.protocol.to_uppercase(), |(_, name)| (*name).to_owned());
    let object = if on_device(ot.action) { "" } else { ot.object };
    for word in
        [function.as_deref().unwrap_or(ot.action.name()), object].into_iter().filter(|w| !w.is_empty())
    {
        line.push(' ');
        line.push_str(word);
    }
    if let Some(value) = ot.value {
        line.push_str(" = ");
        line.push_str(&cut(value));
    }
    line.push(' ');
    line.push_str(outcome);
    line
}

/// Appends `: name value, name value`, each name once.
fn list<'a>(line: &mut String, names: impl Iterator<Item = &'a str>, shown: &dyn Fn(&str) -> Option<String>) {
    let mut done: Vec<&str> = vec![];
    for name in names {
        if done.len() == FIELDS_MAX {
            break;
        }
        let Some(text) = shown(name).filter(|text| !text.is_empty() && !done.contains(&name)) else {
            continue;
        };
        line.push_str(if done.is_empty() { ": " } else { ", " });
        line.push_str(name);
        line.push(' ');
        line.push_str(&text);
        done.push(name);
    }
}

/// [`whole`], no longer than a line can bear.
fn joined(field: FieldValue<'_>) -> String {
    cut(&whole(field))
}

/// A value as text; several values with a comma between; nothing for nothing.
pub(super) fn whole(field: FieldValue<'_>) -> String {
    let mut all: Vec<String> = vec![];
    match field {
        FieldValue::Cell(cell) => each_value(cell, &mut |text| all.push(text)),
        FieldValue::Value(value) => each_in_event(value, &mut |text| all.push(text)),
    }
    all.join(", ")
}

/// On one line, and no longer than a line can bear.
fn cut(text: &str) -> String {
    let mut short: String =
        text.chars().take(VALUE_MAX).map(|c| if c.is_control() { ' ' } else { c }).collect();
    if text.chars().nth(VALUE_MAX).is_some() {
        short.push('…');
    }
    short
}

fn each_in_event(value: &Value, take: &mut dyn FnMut(String)) {
    match value {
        Value::Null => {}
        Value::Bool(b) => take(b.to_string()),
        Value::Int(n) => take(n.to_string()),
        Value::Double(n) => take(n.to_string()),
        Value::Text(text) => take(text.to_string()),
        Value::List(items) => items.iter().for_each(|item| each_in_event(item, take)),
    }
}

/// Hands over each value in a cell as text.
pub(super) fn each_value(cell: Cell<'_>, take: &mut dyn FnMut(String)) {
    match cell {
        Cell::Unset => {}
        Cell::Bool(b) => take(b.to_string()),
        Cell::Count(n) => take(n.to_string()),
        Cell::Int(n) => take(n.to_string()),
        Cell::Double(n) => take(n.to_string()),
        Cell::Time(time) => take(time.iso()),
        Cell::Interval(span) => take((span.0 as f64 / 1e9).to_string()),
        Cell::Addr(addr) => take(addr.to_string()),
        Cell::Text(text) => take(text.to_owned()),
        Cell::Bytes(bytes) => take(model::escape(bytes)),
        Cell::Counts(items) => items.iter().for_each(|n| take(n.to_string())),
        Cell::Intervals(items) => items.iter().for_each(|span| each_value(Cell::Interval(*span), take)),
        Cell::Texts(items) => items.iter().for_each(|text| take((*text).to_owned())),
        Cell::BytesList(items) => items.iter().for_each(|bytes| take(model::escape(bytes))),
        Cell::Strings(items) => items.iter().for_each(|text| take(text.clone())),
        Cell::Addrs(items) => items.iter().for_each(|addr| take(addr.to_string())),
    }
}
