//! A part of a JSON text that knows where it stands.

use serde_json::{Map, Value};

/// What is wrong with a playbook, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{place}: {what}")]
pub struct PlaybookError {
    /// Names of the fields from the top down, `workflow/action--…/step_extensions`.
    pub place: String,
    /// What is wrong.
    pub what: String,
}

#[derive(Clone)]
pub(super) struct Node<'a> {
    pub(super) value: &'a Value,
    place: String,
}

pub(super) type Read<T> = Result<T, PlaybookError>;

impl<'a> Node<'a> {
    pub(super) fn top(value: &'a Value) -> Self {
        Self { value, place: "playbook".to_owned() }
    }

    pub(super) fn wrong<T>(&self, what: impl Into<String>) -> Read<T> {
        Err(PlaybookError { place: self.place.clone(), what: what.into() })
    }

    /// An object with no other fields than `known`.
    pub(super) fn only(&self, known: &[&str]) -> Read<()> {
        match self.object()?.keys().find(|key| !known.contains(&key.as_str())) {
            Some(key) => self.wrong(format!("Tieline does not know {key} here")),
            None => Ok(()),
        }
    }

    pub(super) fn need(&self, key: &str) -> Read<Node<'a>> {
        match self.maybe(key)? {
            Some(node) => Ok(node),
            None => self.wrong(format!("{key} is missing")),
        }
    }

    pub(super) fn maybe(&self, key: &str) -> Read<Option<Node<'a>>> {
        Ok(self.object()?.get(key).map(|value| self.at(key, value)))
    }

    pub(super) fn entries(&self) -> Read<Vec<(&'a str, Node<'a>)>> {
        Ok(self.object()?.iter().map(|(key, value)| (key.as_str(), self.at(key, value))).collect())
    }

    pub(super) fn list(&self) -> Read<Vec<Node<'a>>> {
        match self.value.as_array() {
            Some(list) => {
                Ok((0..).zip(list).map(|(n, value): (usize, _)| self.at(&n.to_string(), value)).collect())
            }
            None => self.wrong("is not a list"),
        }
    }

    pub(super) fn text(&self) -> Read<&'a str> {
        match self.value.as_str() {
            Some("") => self.wrong("is empty"),
            Some(text) => Ok(text),
            None => self.wrong("is not a text"),
        }
    }

    pub(super) fn is(&self, expected: &str) -> Read<()> {
        let text = self.text()?;
        if text == expected { Ok(()) } else { self.wrong(format!("is {text}, not {expected}")) }
    }

    pub(super) fn whole(&self, min: u32, max: u32) -> Read<u32> {
        let number = self.value.as_u64().and_then(|number| u32::try_from(number).ok());
        match number.filter(|number| (min..=max).contains(number)) {
            Some(number) => Ok(number),
            None => self.wrong(format!("{} is not a whole number from {min} to {max}", self.value)),
        }
    }

    /// A list of words, each one of those that `named` knows, none twice.
    pub(super) fn words<T: PartialEq>(&self, named: impl Fn(&str) -> Option<T>) -> Read<Vec<T>> {
        let mut words = Vec::new();
        for node in self.list()? {
            let text = node.text()?;
            match named(text) {
                Some(word) if !words.contains(&word) => words.push(word),
                Some(_) => return node.wrong(format!("{text} stands here twice")),
                None => return node.wrong(format!("{text} is not a word that may stand here")),
            }
        }
        Ok(words)
    }

    /// An identifier of this kind: its name, two dashes, a UUID (CACAO 10.10).
    pub(super) fn identifier(&self, kind: &str) -> Read<&'a str> {
        let text = self.text()?;
        if is_identifier(text, kind) { Ok(text) } else { self.wrong(format!("{text} is not {kind}--UUID")) }
    }

    fn object(&self) -> Read<&'a Map<String, Value>> {
        match self.value.as_object() {
            Some(object) => Ok(object),
            None => self.wrong("is not an object"),
        }
    }

    fn at(&self, key: &str, value: &'a Value) -> Node<'a> {
        let place = if self.place == "playbook" { key.to_owned() } else { format!("{}/{key}", self.place) };
        Node { value, place }
    }
}

pub(super) fn is_identifier(text: &str, kind: &str) -> bool {
    let Some(uuid) = text.strip_prefix(kind).and_then(|rest| rest.strip_prefix("--")) else { return false };
    let parts: Vec<&str> = uuid.split('-').collect();
    parts.iter().map(|part| part.len()).eq([8, 4, 4, 4, 12])
        && parts.iter().all(|part| part.bytes().all(|digit| digit.is_ascii_hexdigit()))
}
