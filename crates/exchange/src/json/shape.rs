//! The shapes in which collectors write Windows events as JSON.

use super::{flatten, flatten_value, scalar};
use crate::fields::{FieldList, joined};
use crate::moment::{has_zone, moment, moment_of};
use crate::windows::Parts;
use model::{Time, Value};
use serde_json::{Map, Value as Json};

type Object = Map<String, Json>;

/// Takes a Windows event apart, and tells when it was where `TimeCreated` does not; gives back what is none.
pub(super) fn windows(mut object: Object) -> Result<(Parts, Option<Time>), Object> {
    // Elasticsearch's exports put the event into `_source`.
    if let Some(Json::Object(source)) = object.get_mut("_source") {
        object = std::mem::take(source);
    }
    let has = |name: &str, inner: &str| object.get(name).is_some_and(|value| value.get(inner).is_some());
    if has("Event", "System") {
        Ok(evtx_dump(object))
    } else if has("winlog", "channel") || has("winlog", "event_id") {
        Ok(winlogbeat(object))
    } else if is_flat(&object) {
        Ok(flat(object))
    } else {
        Err(object)
    }
}

/// `evtx_dump`: the XML as JSON, with attributes under `#attributes` or, set apart, under
/// `<element>_attributes`.
fn evtx_dump(mut object: Object) -> (Parts, Option<Time>) {
    let mut parts = Parts::default();
    if let Some(Json::Object(event)) = object.remove("Event") {
        event.into_iter().for_each(|(name, value)| section(&name, value, &mut parts));
    }
    flatten("", object, &mut parts.data);
    (parts, None)
}

fn section(name: &str, value: Json, parts: &mut Parts) {
    let Json::Object(mut inner) = value else { return };
    let fields = match name {
        "System" => &mut parts.system,
        "Event_attributes" | "#attributes" => return,
        "RenderingInfo" => {
            if let Some(Json::String(message)) = inner.remove("Message") {
                parts.message = Some(message.into());
            }
            return;
        }
        _ => &mut parts.data,
    };
    // What a section itself has as attributes is its namespace.
    inner.remove("#attributes");
    inner.into_iter().for_each(|(name, value)| element(&name, value, fields));
}

/// An element: its text under its name, its attributes behind `_`, what is in it under the inner names alone.
fn element(name: &str, value: Json, fields: &mut FieldList) {
    let inner = match value {
        Json::Null => return,
        Json::Object(inner) => inner,
        Json::Array(list) => return list.into_iter().for_each(|item| element(name, item, fields)),
        Json::Bool(_) | Json::Number(_) | Json::String(_) => return fields.put(name, scalar(value)),
    };
    if let Some(element) = name.strip_suffix("_attributes") {
        return attributes(element, inner, fields);
    }
    for (key, value) in inner {
        match (key.as_str(), value) {
            ("#attributes", Json::Object(inner)) => attributes(name, inner, fields),
            ("#text", value) => element(name, value, fields),
            (inner, value) => element(inner, value, fields),
        }
    }
}

fn attributes(element: &str, attributes: Object, fields: &mut FieldList) {
    for (key, value) in attributes.into_iter().filter(|(key, _)| !key.starts_with("xmlns")) {
        fields.put(&joined(element, '_', &key), scalar(value));
    }
}

/// Winlogbeat (Elastic, "Winlogbeat fields"): the event under `winlog`, its data under `event_data` or
/// `user_data`.
fn winlogbeat(mut object: Object) -> (Parts, Option<Time>) {
    let mut parts = Parts::default();
    if let Some(Json::Object(winlog)) = object.get_mut("winlog") {
        for data in ["event_data", "user_data"] {
            if let Some(Json::Object(data)) = winlog.remove(data) {
                unnamed(&data, &mut parts.data);
                data.into_iter().for_each(|(name, value)| element(&name, value, &mut parts.data));
            }
        }
    }
    let mut extra = FieldList::default();
    flatten("", object, &mut extra);
    copy(WINLOGBEAT, &extra, &mut parts.system);
    if let Some(Value::Text(message)) = extra.value("message") {
        parts.message = Some(message.clone());
    }
    let time = extra.value("@timestamp").and_then(moment_of);
    parts.data.extend(extra);
    (parts, time)
}

/// Data that has no name in the event is `param1`, `param2`, … in Winlogbeat, and `Data` in rules.
fn unnamed(data: &Object, fields: &mut FieldList) {
    let numbered =
        |name: &str| name.strip_prefix("param").is_some_and(|n| n.bytes().all(|b| b.is_ascii_digit()));
    if data.contains_key("param1") && data.keys().all(|name| numbered(name) || name == "Binary") {
        let values = data.iter().filter(|(name, _)| numbered(name)).map(|(_, value)| scalar(value.clone()));
        fields.put("Data", Value::List(values.collect()));
    }
}

/// Winlogbeat's names and ours.
const WINLOGBEAT: &[(&str, &str)] = &[
    ("winlog.provider_name", "Provider_Name"),
    ("winlog.provider_guid", "Provider_Guid"),
    ("winlog.event_id", "EventID"),
    ("winlog.version", "Version"),
    ("winlog.task", "Task"),
    ("winlog.opcode", "Opcode"),
    ("winlog.keywords", "Keywords"),
    ("winlog.record_id", "EventRecordID"),
    ("winlog.activity_id", "Correlation_ActivityID"),
    ("winlog.process.pid", "Execution_ProcessID"),
    ("winlog.process.thread.id", "Execution_ThreadID"),
    ("winlog.channel", "Channel"),
    ("winlog.computer_name", "Computer"),
    ("winlog.user.identifier", "Security_UserID"),
    ("log.level", "Level"),
];

/// NXLog (`im_msvistalog`) and what is made of it, OTRF's data sets among them: everything on one level.
fn is_flat(object: &Object) -> bool {
    let has = |names: &[&str]| names.iter().any(|name| object.contains_key(*name));
    has(&["EventID"]) && has(&["Channel", "SourceName", "Provider_Name", "ProviderName", "ProviderGuid"])
}

fn flat(object: Object) -> (Parts, Option<Time>) {
    let mut parts = Parts::default();
    for (name, value) in object {
        flatten_value(&name, value, &mut parts.data);
    }
    copy(FLAT, &parts.data, &mut parts.system);
    let time = flat_time(&parts.data);
    (parts, time)
}

/// The names of flat sources and ours.
const FLAT: &[(&str, &str)] = &[
    ("SourceName", "Provider_Name"),
    ("ProviderName", "Provider_Name"),
    ("ProviderGuid", "Provider_Guid"),
    ("RecordNumber", "EventRecordID"),
    ("RecordID", "EventRecordID"),
    ("ActivityID", "Correlation_ActivityID"),
    ("ExecutionProcessID", "Execution_ProcessID"),
    ("ThreadID", "Execution_ThreadID"),
    ("Hostname", "Computer"),
    ("UserID", "Security_UserID"),
];

fn copy(names: &[(&str, &str)], from: &FieldList, to: &mut FieldList) {
    for (theirs, ours) in names {
        if let Some(value) = from.value(theirs).filter(|value| **value != Value::Null) {
            to.put_new(ours, value.clone());
        }
    }
}

/// When a flat event was: what tells its zone goes first, for NXLog's `EventTime` is local time and does not
/// say whose; where there is nothing else it is taken as UTC.
fn flat_time(fields: &FieldList) -> Option<Time> {
    let times = |names: [&'static str; 3]| names.into_iter().filter_map(|name| fields.text(name));
    let zoned =
        times(["TimeCreated", "EventTime", "@timestamp"]).find(|text| has_zone(text)).and_then(moment);
    let utc = zoned.or_else(|| times(["UtcTime", "TimeCreated", "EventTime"]).find_map(moment));
    utc.or_else(|| fields.value("EventTime").and_then(moment_of))
}
