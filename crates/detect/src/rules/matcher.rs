//! The seam to the engine that matches rules of one logsource; the only file that knows `rsigma-eval`.

use super::view::View;
use super::wildcards;
use model::{Cell, FieldValue, Value};
use rsigma_eval::{CompiledRule, Engine, EventValue};
use rsigma_parser::SigmaRule;
use std::borrow::Cow;

/// Tells which rules of one logsource match.
pub(super) trait Matcher {
    /// The rules that match, in the order in which they were loaded.
    fn hits(&self, view: &View<'_>) -> Vec<Hit>;
}

/// A rule that matched.
#[derive(Debug)]
pub(super) struct Hit {
    /// Number of the rule in its set.
    pub(super) rule: usize,
    /// Fields that it looked at and found.
    pub(super) fields: Vec<String>,
}

/// No rules.
pub(super) struct Nothing;

impl Matcher for Nothing {
    fn hits(&self, _: &View<'_>) -> Vec<Hit> {
        vec![]
    }
}

/// A rule ready to be matched.
pub(super) struct Compiled(CompiledRule);

impl Compiled {
    /// Prepares a rule; what it is called and how bad it is stays with the set, under `number`.
    ///
    /// # Errors
    /// A sentence when an expression, pattern or combination of modifiers in it is not allowed.
    pub(super) fn new(mut rule: SigmaRule, number: usize) -> Result<Self, String> {
        rule.id = Some(number.to_string());
        rule.tags.clear();
        rule.falsepositives.clear();
        rule.description = None;
        rule.custom_attributes.clear();
        wildcards::spell_out(&mut rule.detection);
        rsigma_eval::compile_rule(&rule).map(Self).map_err(|error| error.to_string())
    }
}

/// Rules of one logsource in `rsigma-eval`.
pub(super) struct Sigma(Engine);

impl Sigma {
    pub(super) fn new(rules: Vec<Compiled>) -> Self {
        let mut engine = Engine::new();
        // Its Bloom filters cost more than they save on Windows events, and are off; so need no memory.
        engine.set_bloom_max_bytes(0);
        engine.extend_compiled_rules(rules.into_iter().map(|rule| rule.0));
        Self(engine)
    }
}

impl Matcher for Sigma {
    fn hits(&self, view: &View<'_>) -> Vec<Hit> {
        let results = self.0.evaluate(&Seen(view));
        let hit = |result: rsigma_eval::EvaluationResult| {
            let rule = result.header.rule_id.as_deref()?.parse().ok()?;
            let fields = result.as_detection().map(|body| body.matched_fields.iter());
            Some(Hit {
                rule,
                fields: fields.into_iter().flatten().map(|found| found.field.clone()).collect(),
            })
        };
        results.into_iter().filter_map(hit).collect()
    }
}

struct Seen<'a>(&'a View<'a>);

impl rsigma_eval::Event for Seen<'_> {
    fn get_field(&self, path: &str) -> Option<EventValue<'_>> {
        let name = rsigma_parser::fieldpath::unescape_brackets(path);
        self.0.field(&name).map(value)
    }

    fn any_string_value(&self, pred: &dyn Fn(&str) -> bool) -> bool {
        let mut found = false;
        self.visit_string_values(&mut |text| found = found || pred(text));
        found
    }

    fn all_string_values(&self) -> Vec<Cow<'_, str>> {
        let mut all = vec![];
        self.visit_string_values(&mut |text| all.push(Cow::Owned(text.to_owned())));
        all
    }

    fn visit_string_values(&self, visit: &mut dyn FnMut(&str)) {
        self.0.each(&mut |_, field| texts(&value(field), visit));
    }

    fn to_json(&self) -> serde_json::Value {
        let mut object = serde_json::Map::new();
        self.0.each(&mut |name, field| {
            object.insert(name.to_owned(), value(field).to_json());
        });
        serde_json::Value::Object(object)
    }

    fn top_level_keys(&self) -> Option<Vec<Cow<'_, str>>> {
        let mut all = vec![];
        self.0.names(&mut |name| all.push(Cow::Owned(name.to_owned())));
        Some(all)
    }

    fn visit_top_level_keys(&self, visit: &mut dyn FnMut(&str)) -> bool {
        self.0.names(visit);
        true
    }
}

fn texts(value: &EventValue<'_>, visit: &mut dyn FnMut(&str)) {
    match value {
        EventValue::Str(text) => visit(text),
        EventValue::Array(items) => items.iter().for_each(|item| texts(item, visit)),
        EventValue::Map(items) => items.iter().for_each(|(_, item)| texts(item, visit)),
        EventValue::Int(_) | EventValue::Float(_) | EventValue::Bool(_) | EventValue::Null => {}
    }
}

fn value(field: FieldValue<'_>) -> EventValue<'_> {
    match field {
        FieldValue::Cell(cell) => cell_value(cell),
        FieldValue::Value(value) => event_value(value),
    }
}

fn event_value(value: &Value) -> EventValue<'_> {
    match value {
        Value::Null => EventValue::Null,
        Value::Bool(b) => EventValue::Bool(*b),
        Value::Int(n) => EventValue::Int(*n),
        Value::Double(n) => EventValue::Float(*n),
        Value::Text(text) => EventValue::Str(Cow::Borrowed(text)),
        Value::List(items) => EventValue::Array(items.iter().map(event_value).collect()),
    }
}

fn cell_value(cell: Cell<'_>) -> EventValue<'_> {
    match cell {
        Cell::Unset => EventValue::Null,
        Cell::Bool(b) => EventValue::Bool(b),
        Cell::Count(n) => i64::try_from(n).map_or(EventValue::Float(n as f64), EventValue::Int),
        Cell::Int(n) => EventValue::Int(n),
        Cell::Double(n) => EventValue::Float(n),
        Cell::Time(time) => EventValue::Float(seconds(time.0)),
        Cell::Interval(span) => EventValue::Float(seconds(span.0)),
        Cell::Addr(addr) => EventValue::Str(Cow::Owned(addr.to_string())),
        Cell::Text(text) => EventValue::Str(Cow::Borrowed(text)),
        Cell::Bytes(bytes) => EventValue::Str(readable(bytes)),
        Cell::Counts(items) => list(items.iter().copied().map(Cell::Count)),
        Cell::Intervals(items) => list(items.iter().copied().map(Cell::Interval)),
        Cell::Addrs(items) => list(items.iter().copied().map(Cell::Addr)),
        Cell::Texts(items) => list(items.iter().copied().map(Cell::Text)),
        Cell::Strings(items) => list(items.iter().map(|text| Cell::Text(text))),
        Cell::BytesList(items) => list(items.iter().copied().map(Cell::Bytes)),
    }
}

fn list<'a>(items: impl Iterator<Item = Cell<'a>>) -> EventValue<'a> {
    EventValue::Array(items.map(cell_value).collect())
}

/// Rules are written against text as it is, with plain backslashes; only what is no text is escaped.
fn readable(bytes: &[u8]) -> Cow<'_, str> {
    str::from_utf8(bytes).map_or_else(|_| Cow::Owned(model::escape(bytes)), Cow::Borrowed)
}

fn seconds(ns: i64) -> f64 {
    ns as f64 / 1e9
}
