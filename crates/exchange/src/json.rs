//! JSON objects, one a line or over several: Windows events in four shapes, and whatever else.

mod lines;
mod shape;

use crate::damage::{Damage, Fault, Place};
use crate::fields::{FieldList, joined};
use crate::moment::moment_of;
use crate::utf8::text;
use model::{Event, Origin, Value};
use serde_json::{Map, Number, Value as Json};
use std::io::Read;

pub(crate) fn read(input: impl Read, file: u32, take: &mut dyn FnMut(Result<Event, Damage>)) {
    lines::objects(input, &mut |found| {
        take(found.and_then(|(line, bytes)| {
            let object = parse(bytes).map_err(|fault| fault.at(Place::Line(line)))?;
            Ok(event(object, Origin { file, number: line }))
        }));
    });
}

fn parse(bytes: &[u8]) -> Result<Map<String, Json>, Fault> {
    Ok(serde_json::from_str(&text(bytes))?)
}

fn event(object: Map<String, Json>, origin: Origin) -> Event {
    match shape::windows(object) {
        Ok((parts, time)) => parts.event(time, origin),
        Err(object) => other(object, origin),
    }
}

/// Names under which entries of unknown make tell their time, the surest first.
const TIMES: &[&str] = &["@timestamp", "ts", "timestamp", "time", "_time", "event_time", "eventTime", "date"];

/// An entry of unknown make: no table of ours, no rules of Windows, all its values.
fn other(object: Map<String, Json>, origin: Origin) -> Event {
    let mut fields = FieldList::default();
    flatten("", object, &mut fields);
    let time = TIMES.iter().find_map(|name| moment_of(fields.value(name)?)).unwrap_or_default();
    Event {
        time,
        arrived: time,
        origin,
        log: "json".into(),
        sources: vec![],
        fields: fields.into_inner(),
        entities: vec![],
    }
}

/// Adds the values of `object`, named by their way down (`winlog.api`); objects within a list share their
/// names.
fn flatten(prefix: &str, object: Map<String, Json>, fields: &mut FieldList) {
    for (key, value) in object {
        flatten_value(&joined(prefix, '.', &key), value, fields);
    }
}

fn flatten_value(name: &str, value: Json, fields: &mut FieldList) {
    match value {
        Json::Object(inner) => flatten(name, inner, fields),
        Json::Array(list) if list.iter().any(|item| item.is_object() || item.is_array()) => {
            list.into_iter().for_each(|item| flatten_value(name, item, fields));
        }
        Json::Null | Json::Bool(_) | Json::Number(_) | Json::String(_) | Json::Array(_) => {
            fields.put(name, scalar(value));
        }
    }
}

/// A value without fields of its own; an object or a list within a list becomes its JSON text.
fn scalar(value: Json) -> Value {
    match value {
        Json::Null => Value::Null,
        Json::Bool(yes) => Value::Bool(yes),
        Json::String(text) => Value::Text(text.into()),
        Json::Number(number) => number_value(&number),
        Json::Array(list) => Value::List(list.into_iter().map(scalar).collect()),
        Json::Object(_) => Value::Text(value.to_string().into()),
    }
}

/// What fits neither of our numbers stays as it is written.
fn number_value(number: &Number) -> Value {
    let fraction = || number.is_f64().then(|| number.as_f64().map(Value::Double)).flatten();
    let number_or_none = number.as_i64().map(Value::Int).or_else(fraction);
    number_or_none.unwrap_or_else(|| Value::Text(number.to_string().into()))
}
