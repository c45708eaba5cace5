use model::Value;
use std::net::IpAddr;

/// Fields of one event; what an event has beyond them is counted in the field `FieldsDropped`.
const FIELDS_MAX: usize = 1024;
/// Length of a field's name, in bytes; longer names are cut.
const NAME_MAX: usize = 256;

/// The fields of an event while it is put together. A name stands once; values of the same name become a
/// list.
#[derive(Default)]
pub(crate) struct FieldList {
    fields: Vec<(Box<str>, Value)>,
    dropped: i64,
}

impl FieldList {
    /// Adds a value; it joins those that already have the name.
    pub(crate) fn put(&mut self, name: &str, value: Value) {
        match self.value_mut(cut(name)) {
            Some(known) => join(known, value),
            None => self.append(name, value),
        }
    }

    /// Adds a value unless there is one of that name.
    pub(crate) fn put_new(&mut self, name: &str, value: Value) {
        if self.value(cut(name)).is_none() {
            self.append(name, value);
        }
    }

    /// Adds text unless there is a value of that name.
    pub(crate) fn put_text(&mut self, name: &str, text: &str) {
        self.put_new(name, Value::Text(text.into()));
    }

    /// Gives the value of `name` another name, unless that is taken.
    pub(crate) fn rename(&mut self, name: &str, to: &str) {
        if self.value(to).is_none()
            && let Some(field) = self.fields.iter_mut().find(|(known, _)| &**known == name)
        {
            field.0 = to.into();
        }
    }

    /// Gives up every field that `other` has too.
    pub(crate) fn yield_to(&mut self, other: &FieldList) {
        self.fields.retain(|(name, _)| other.value(name).is_none());
    }

    /// Puts `later` behind these; where both have a name, these keep it.
    pub(crate) fn extend(&mut self, later: FieldList) {
        self.dropped += later.dropped;
        for field in later.fields {
            if self.fields.len() >= FIELDS_MAX {
                self.dropped += 1;
            } else if self.value(&field.0).is_none() {
                self.fields.push(field);
            }
        }
    }

    pub(crate) fn value(&self, name: &str) -> Option<&Value> {
        self.fields.iter().find(|(known, _)| &**known == name).map(|(_, value)| value)
    }

    pub(crate) fn value_mut(&mut self, name: &str) -> Option<&mut Value> {
        self.fields.iter_mut().find(|(known, _)| &**known == name).map(|(_, value)| value)
    }

    /// Text of `name`, if it is text and says something: not empty and not `-`, which Windows writes for
    /// nothing.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        match self.value(name) {
            Some(Value::Text(text)) if !text.is_empty() && &**text != "-" => Some(text),
            _ => None,
        }
    }

    /// Number of `name`, also when it is written as text.
    pub(crate) fn int(&self, name: &str) -> Option<i64> {
        match self.value(name) {
            Some(Value::Int(number)) => Some(*number),
            Some(Value::Text(text)) => text.trim().parse().ok(),
            _ => None,
        }
    }

    /// Address in `name`; an IPv4 address written as IPv6 is IPv4, and a host's own loopback names nobody.
    pub(crate) fn address(&self, name: &str) -> Option<IpAddr> {
        let address = self.text(name)?.trim().parse::<IpAddr>().ok()?.to_canonical();
        (!address.is_loopback() && !address.is_unspecified()).then_some(address)
    }

    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.fields.iter().map(|(name, _)| &**name)
    }

    pub(crate) fn into_inner(mut self) -> Vec<(Box<str>, Value)> {
        if self.dropped > 0 {
            self.fields.push(("FieldsDropped".into(), Value::Int(self.dropped)));
        }
        self.fields
    }

    fn append(&mut self, name: &str, value: Value) {
        if self.fields.len() < FIELDS_MAX {
            self.fields.push((cut(name).into(), value));
        } else {
            self.dropped += 1;
        }
    }
}

fn join(known: &mut Value, value: Value) {
    if let Value::List(list) = known {
        list.push(value);
    } else {
        let first = std::mem::replace(known, Value::Null);
        *known = Value::List(vec![first, value]);
    }
}

/// `prefix` and `name` with `between` in the middle, cut as names are.
pub(crate) fn joined(prefix: &str, between: char, name: &str) -> String {
    let (prefix, name) = (cut(prefix), cut(name));
    if prefix.is_empty() { name.to_owned() } else { format!("{prefix}{between}{name}") }
}

fn cut(name: &str) -> &str {
    name.get(..name.floor_char_boundary(NAME_MAX)).unwrap_or(name)
}
