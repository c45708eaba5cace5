//! Chain documents, which look like Sigma's and have a top key of their own.
//!
//! ```yaml
//! title: From a mail to {user} to {jump}      # variables of all steps
//! id: 0e1d5d1c-...                            # also name, description, status, author, date, references
//! level: critical                             # Sigma's words; medium when absent
//! tags: [attack.t1566.001]
//! window: 8h                                  # first to last step; s, m, h, d, w
//! part_of: longer_chain                       # name of a chain that tells this story alone when it completes too
//! chain:
//!   - rule: mail_with_active_attachment       # name or id, or a list: any of them
//!     bind: { user: target.user }             # variable: role.kind, or a list: any of them
//!     text: "{user} gets {object.file}"       # variables so far, and entities of this finding
//!   - rule: remote_interactive_logon
//!     within: 1h                              # since the step before
//!     bind: { user: actor.user, jump: target.host }
//! consequence: "{jump} is no longer a border"
//! ```
//!
//! A variable that an earlier step has bound must have the same value, in any case of its letters; every step but the
//! first has one. Steps are in the order of their event time, at equal times in that of the definition.

use super::{DefinitionError, OneOrMore, STEPS_MAX, level, span, techniques};
use crate::chains::hit::Place;
use crate::chains::plan::{Bind, Plan, PlanStep};
use crate::chains::template::Template;
use serde::Deserialize;
use serde::de::{IgnoredAny, MapAccess, Visitor};
use std::fmt;

/// Reads one document and appends its plan.
pub(super) fn read(
    file: &str,
    document: yaml_serde::Deserializer<'_>,
    plans: &mut Vec<Plan>,
) -> Result<(), DefinitionError> {
    let document = Document::deserialize(document)?;
    let count = document.chain.len();
    if !(1..=STEPS_MAX).contains(&count) {
        return Err(DefinitionError::Steps { count });
    }
    let mut variables = vec![];
    let mut steps = vec![];
    for (i, step) in document.chain.into_iter().enumerate() {
        steps.push(compile(i + 1, step, &mut variables)?);
    }
    plans.push(Plan {
        file: file.into(),
        id: document.id.as_ref().or(document.name.as_ref()).unwrap_or(&document.title).as_str().into(),
        name: document.name.unwrap_or_default().into(),
        title: Template::parse(&document.title, "title", &variables, false)?,
        written: document.title.into(),
        severity: level(document.level.as_deref())?,
        techniques: techniques(&document.tags),
        consequence: Template::parse(&document.consequence, "consequence", &variables, false)?,
        window: span(&document.window, "window")?,
        steps,
        variables,
        part_of: document.part_of.map(Into::into),
        covers: vec![],
    });
    Ok(())
}

fn compile(number: usize, step: Step, variables: &mut Vec<Box<str>>) -> Result<PlanStep, DefinitionError> {
    let place = format!("step {number}");
    let rules: Vec<Box<str>> = step.rule.list().into_iter().map(Into::into).collect();
    if rules.is_empty() {
        return Err(DefinitionError::NoRule { place: place.into() });
    }
    let known = variables.len();
    let mut binds = vec![];
    for (variable, places) in step.bind.0 {
        let places = places_of(number, &variable, places.list())?;
        let at = variables.iter().position(|v| **v == *variable).unwrap_or_else(|| {
            variables.push(variable.into());
            variables.len() - 1
        });
        binds.push(Bind { variable: at, places });
    }
    // Known variables first, each group in the order of the variables: so values of a step extend those before it.
    binds.sort_by_key(|bind| bind.variable);
    let shared = binds.iter().filter(|bind| bind.variable < known).count();
    if number > 1 && shared == 0 {
        return Err(DefinitionError::NoJoin { step: number });
    }
    let parse = |text: String| Template::parse(&text, &format!("{place}: text"), variables, true);
    Ok(PlanStep {
        rules,
        within: step.within.map(|text| span(&text, &format!("{place}: within"))).transpose()?,
        text: step.text.map(parse).transpose()?,
        binds,
        shared,
        bound: variables.len(),
    })
}

fn places_of(step: usize, variable: &str, texts: Vec<String>) -> Result<Vec<Place>, DefinitionError> {
    let unknown =
        |text: &str| DefinitionError::UnknownRole { step, variable: variable.into(), place: text.into() };
    if texts.is_empty() {
        return Err(unknown(""));
    }
    texts.iter().map(|text| Place::entity(text).ok_or_else(|| unknown(text))).collect()
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    title: String,
    id: Option<String>,
    name: Option<String>,
    level: Option<String>,
    #[serde(default)]
    tags: Vec<String>,
    window: String,
    chain: Vec<Step>,
    #[serde(default)]
    consequence: String,
    part_of: Option<String>,
    // What Sigma documents carry for people.
    #[serde(rename = "description")]
    _description: Option<IgnoredAny>,
    #[serde(rename = "status")]
    _status: Option<IgnoredAny>,
    #[serde(rename = "author")]
    _author: Option<IgnoredAny>,
    #[serde(rename = "date")]
    _date: Option<IgnoredAny>,
    #[serde(rename = "modified")]
    _modified: Option<IgnoredAny>,
    #[serde(rename = "references")]
    _references: Option<IgnoredAny>,
    #[serde(rename = "falsepositives")]
    _falsepositives: Option<IgnoredAny>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Step {
    rule: OneOrMore,
    within: Option<String>,
    #[serde(default)]
    bind: Ordered,
    text: Option<String>,
}

/// A mapping in the order in which it is written.
#[derive(Default)]
struct Ordered(Vec<(String, OneOrMore)>);

impl<'de> Deserialize<'de> for Ordered {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(InOrder)
    }
}

struct InOrder;

impl<'de> Visitor<'de> for InOrder {
    type Value = Ordered;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a mapping of variables to entities")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Ordered, A::Error> {
        let mut pairs: Vec<(String, OneOrMore)> = vec![];
        while let Some((name, places)) = map.next_entry::<String, _>()? {
            if pairs.iter().any(|(known, _)| *known == name) {
                return Err(serde::de::Error::custom(format!("variable `{name}` is bound twice")));
            }
            pairs.push((name, places));
        }
        Ok(Ordered(pairs))
    }
}
