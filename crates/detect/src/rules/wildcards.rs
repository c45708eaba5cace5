//! Values with `*` and `?` as regular expressions of our own making.
//!
//! `rsigma-eval` 0.23.0 takes `startswith` for `endswith` and the other way round as soon as a value has a
//! wildcard, and stops a wildcard at the end of a line, which a script or a command line with several lines
//! never gets past. Sigma specification 2.1, "Wildcards": `*` stands for any number of characters, `?` for
//! one; no exception is made.

use Modifier::{All, Cased, Contains, EndsWith, StartsWith};
use rsigma_parser::value::{SpecialChar, StringPart};
use rsigma_parser::{Detection, DetectionItem, Detections, Modifier, SigmaString, SigmaValue};

/// Replaces every item that has a value with a wildcard by one that says the same with `re`.
pub(super) fn spell_out(detections: &mut Detections) {
    detections.named.values_mut().for_each(within);
}

fn within(detection: &mut Detection) {
    match detection {
        Detection::AllOf(items) => items.iter_mut().for_each(item),
        Detection::AnyOf(parts) | Detection::And(parts) => parts.iter_mut().for_each(within),
        Detection::ArrayMatch { body, .. } => within(body),
        Detection::Conditional { named, .. } => named.values_mut().for_each(within),
        Detection::Keywords(_) => {}
    }
}

fn item(item: &mut DetectionItem) {
    let Some(values) = texts(&item.values) else { return };
    let known = |m: &Modifier| matches!(m, Contains | StartsWith | EndsWith | All | Cased);
    if !item.field.modifiers.iter().all(known) || !values.iter().any(|text| text.contains_wildcards()) {
        return;
    }
    let field = &item.field;
    let (begins, ends) =
        match (field.has_modifier(Contains), field.has_modifier(StartsWith), field.has_modifier(EndsWith)) {
            (true, _, _) => (false, false),
            (_, true, _) => (true, false),
            (_, _, true) => (false, true),
            (false, false, false) => (true, true),
        };
    let spelt = |text: &&SigmaString| SigmaValue::from_raw_string(&expression(text, begins, ends));
    let values: Vec<_> = values.iter().map(spelt).collect();
    let mut modifiers = vec![Modifier::Re, Modifier::DotAll];
    modifiers.extend((!field.has_modifier(Cased)).then_some(Modifier::IgnoreCase));
    modifiers.extend(field.has_modifier(All).then_some(All));
    item.values = values;
    item.field.modifiers = modifiers;
}

/// The values, if all are text.
fn texts(values: &[SigmaValue]) -> Option<Vec<&SigmaString>> {
    values.iter().map(text).collect()
}

fn text(value: &SigmaValue) -> Option<&SigmaString> {
    match value {
        SigmaValue::String(text) => Some(text),
        SigmaValue::Integer(_) | SigmaValue::Float(_) | SigmaValue::Bool(_) | SigmaValue::Null => None,
    }
}

/// `begins` and `ends`: whether the value reaches from the beginning, or to the end, of the text.
fn expression(value: &SigmaString, begins: bool, ends: bool) -> String {
    let mut text = String::from(if begins { "^" } else { "" });
    for part in &value.parts {
        match part {
            StringPart::Plain(plain) => plain.chars().for_each(|c| {
                if r"\.+*?()|[]{}^$#&-~/".contains(c) {
                    text.push('\\');
                }
                text.push(c);
            }),
            StringPart::Special(SpecialChar::WildcardMulti) => text.push_str(".*"),
            StringPart::Special(SpecialChar::WildcardSingle) => text.push('.'),
        }
    }
    text.push_str(if ends { "$" } else { "" });
    text
}
