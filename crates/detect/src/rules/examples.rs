//! Examples that a rule carries: what it must match and what it must not.

use super::documents::{Document, documents};
use super::matcher::{Compiled, Matcher, Sigma};
use super::view::View;
use super::{RuleFile, load};
use model::{Event, Origin, Time, Value};
use rsigma_parser::SigmaRule;
use serde::Deserialize;

/// What the examples in rules showed.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Examples {
    /// Examples that were tried.
    pub tried: usize,
    /// Rules that have none, as `file:line title`.
    pub without: Vec<String>,
    /// Examples that came out wrong.
    pub wrong: Vec<Wrong>,
}

/// An example that came out wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wrong {
    /// The file.
    pub file: Box<str>,
    /// Line on which the rule begins, from 1.
    pub line: usize,
    /// Title of the rule.
    pub title: Box<str>,
    /// Which one, as `match 1`, or what is wrong with the examples as a whole.
    pub example: String,
}

/// The field of a rule that holds them, under `tieline:`; Sigma allows fields of one's own.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    #[serde(default, rename = "match")]
    hits: Vec<Fields>,
    #[serde(default, rename = "no_match")]
    misses: Vec<Fields>,
}

type Fields = serde_json::Map<String, serde_json::Value>;

/// Tries the examples in all rules of `files`; rules that cannot be loaded are passed over.
pub fn examples<'a>(files: impl Iterator<Item = RuleFile<'a>>) -> Examples {
    let mut found = Examples::default();
    for file in files {
        for document in documents(file.text) {
            load::parse(&document).rules.into_iter().for_each(|rule| found.rule(file.name, &document, rule));
        }
    }
    found
}

impl Examples {
    fn rule(&mut self, file: &str, document: &Document<'_>, rule: SigmaRule) {
        let line = document.line_of("");
        let title: Box<str> = rule.title.as_str().into();
        let wrong = |example: String| Wrong { file: file.into(), line, title: title.clone(), example };
        let Some(written) = rule.custom_attributes.get("tieline") else {
            return self.without.push(format!("{file}:{line} {title}"));
        };
        let written: Written = match serde_json::to_value(written).and_then(serde_json::from_value) {
            Ok(written) => written,
            Err(error) => return self.wrong.push(wrong(error.to_string())),
        };
        let Ok(compiled) = Compiled::new(rule, 0) else { return };
        let engine = Sigma::new(vec![compiled]);
        for (word, expected, events) in [("match", true, &written.hits), ("no_match", false, &written.misses)]
        {
            for (number, fields) in events.iter().enumerate() {
                self.tried += 1;
                let event = event(fields);
                if engine.hits(&View::Event(&event)).is_empty() == expected {
                    self.wrong.push(wrong(format!("{word} {}", number + 1)));
                }
            }
        }
    }
}

fn event(fields: &Fields) -> Event {
    Event {
        time: Time(0),
        arrived: Time(0),
        origin: Origin::default(),
        log: "example".into(),
        sources: vec![],
        fields: fields.iter().map(|(name, json)| (name.as_str().into(), value(json))).collect(),
        entities: vec![],
    }
}

fn value(json: &serde_json::Value) -> Value {
    use serde_json::Value as Json;
    match json {
        Json::Null => Value::Null,
        Json::Bool(b) => Value::Bool(*b),
        Json::Number(n) => {
            n.as_i64().map_or_else(|| Value::Double(n.as_f64().unwrap_or(f64::NAN)), Value::Int)
        }
        Json::String(text) => Value::Text(text.as_str().into()),
        Json::Array(items) => Value::List(items.iter().map(value).collect()),
        Json::Object(_) => Value::Text(json.to_string().into()),
    }
}
