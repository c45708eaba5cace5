//! Correlation documents of Sigma (specification 2.1.0, "Sigma Correlation Rules").

use super::{DefinitionError, Loaded, OneOrMore, STEPS_MAX, level, span, techniques};
use crate::chains::counts::ASKED_MAX;
use crate::chains::hit::Place;
use crate::chains::plan::{Bind, Condition, CountPlan, Group, Measure, Plan, PlanStep};
use crate::chains::template::Template;
use serde::Deserialize;
use std::collections::BTreeMap;

/// Reads one document and appends its plan: a chain for `temporal_ordered`, a count for the others.
pub(super) fn read(
    file: &str,
    document: yaml_serde::Deserializer<'_>,
    loaded: &mut Loaded,
) -> Result<(), DefinitionError> {
    let document = Document::deserialize(document)?;
    let count = document.correlation.rules.len();
    match count {
        0 => return Err(DefinitionError::NoRule { place: "correlation".into() }),
        1..=STEPS_MAX => {}
        _ => return Err(DefinitionError::Steps { count }),
    }
    match &*document.correlation.kind {
        "temporal_ordered" => loaded.plans.push(ordered(file, document)?),
        "temporal" | "event_count" | "value_count" => loaded.counts.push(counting(file, document)?),
        other => return Err(DefinitionError::NotSupported(format!("correlation type `{other}`").into())),
    }
    Ok(())
}

fn ordered(file: &str, document: Document) -> Result<Plan, DefinitionError> {
    let correlation = &document.correlation;
    if bounds(correlation)?.is_some_and(|c| c.min != correlation.rules.len()) {
        return Err(DefinitionError::NotSupported("temporal_ordered of fewer than all rules".into()));
    }
    let groups = correlation.groups();
    let steps = correlation.rules.iter().enumerate().map(|(i, rule)| PlanStep {
        rules: vec![rule.as_str().into()],
        within: None,
        text: None,
        binds: groups
            .iter()
            .enumerate()
            .filter_map(|(variable, group)| {
                group.places.get(i).map(|place| Bind { variable, places: vec![place.clone()] })
            })
            .collect(),
        shared: if i == 0 { 0 } else { groups.len() },
        bound: groups.len(),
    });
    Ok(Plan {
        file: file.into(),
        id: document.id().into(),
        name: document.name.as_deref().unwrap_or_default().into(),
        title: Template::literal(&document.title),
        written: document.title.as_str().into(),
        severity: level(document.level.as_deref())?,
        techniques: techniques(&document.tags),
        consequence: Template::default(),
        window: span(&correlation.timespan, "timespan")?,
        steps: steps.collect(),
        variables: groups.iter().map(|group| group.name.clone()).collect(),
        part_of: None,
        covers: vec![],
    })
}

fn counting(file: &str, document: Document) -> Result<CountPlan, DefinitionError> {
    let correlation = &document.correlation;
    let all = Condition { min: correlation.rules.len(), max: usize::MAX };
    let given = bounds(correlation)?;
    let (measure, condition) = match &*correlation.kind {
        // Without a condition, all of the rules must occur.
        "temporal" => (Measure::Rules, given.unwrap_or(all)),
        "value_count" => (Measure::Values(counted(correlation)?), given.ok_or_else(|| missing("condition"))?),
        _ => (Measure::Findings, given.ok_or_else(|| missing("condition"))?),
    };
    if condition.min > ASKED_MAX {
        return Err(DefinitionError::OutOfReach { needed: condition.min, max: ASKED_MAX });
    }
    Ok(CountPlan {
        file: file.into(),
        id: document.id().into(),
        title: document.title.as_str().into(),
        severity: level(document.level.as_deref())?,
        techniques: techniques(&document.tags),
        rules: correlation.rules.iter().map(|rule| rule.as_str().into()).collect(),
        measure,
        condition,
        timespan: span(&correlation.timespan, "timespan")?,
        group_by: correlation.groups(),
    })
}

fn missing(key: &str) -> DefinitionError {
    DefinitionError::Yaml(format!("correlation: missing field `{key}`").into())
}

fn counted(correlation: &Correlation) -> Result<Place, DefinitionError> {
    let field = correlation.condition.as_ref().and_then(|condition| condition.field.as_ref());
    match field {
        Some(OneOrMore::One(field)) => Ok(Place::any(field)),
        Some(OneOrMore::More(fields)) if fields.len() == 1 => {
            fields.first().map(|field| Place::any(field)).ok_or_else(|| missing("condition.field"))
        }
        Some(OneOrMore::More(_)) => {
            Err(DefinitionError::NotSupported("value_count of several fields".into()))
        }
        None => Err(missing("condition.field")),
    }
}

/// The range of counts that the condition asks for; `None` when there is no condition.
fn bounds(correlation: &Correlation) -> Result<Option<Condition>, DefinitionError> {
    let Some(condition) = &correlation.condition else { return Ok(None) };
    let at_least = condition.gte.into_iter().chain(condition.gt.map(|n| n.saturating_add(1)));
    let at_most = condition.lte.into_iter().chain(condition.lt.map(|n| n.saturating_sub(1)));
    let min = at_least.chain(condition.eq).max().unwrap_or_default();
    let max = at_most.chain(condition.eq).min().unwrap_or(usize::MAX);
    if min == 0 || min > max {
        return Err(DefinitionError::NotSupported("a condition that holds when nothing is seen".into()));
    }
    Ok(Some(Condition { min, max }))
}

#[derive(Deserialize)]
struct Document {
    title: String,
    id: Option<String>,
    name: Option<String>,
    level: Option<String>,
    #[serde(default)]
    tags: Vec<String>,
    correlation: Correlation,
}

impl Document {
    fn id(&self) -> &str {
        self.id.as_ref().or(self.name.as_ref()).unwrap_or(&self.title)
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Correlation {
    #[serde(rename = "type")]
    kind: String,
    rules: Vec<String>,
    #[serde(default)]
    group_by: Vec<String>,
    timespan: String,
    condition: Option<Bounds>,
    #[serde(default)]
    aliases: BTreeMap<String, BTreeMap<String, String>>,
    #[serde(rename = "generate")]
    _generate: Option<bool>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, expecting = "a mapping such as `gte: 10`")]
struct Bounds {
    gte: Option<usize>,
    gt: Option<usize>,
    lte: Option<usize>,
    lt: Option<usize>,
    eq: Option<usize>,
    field: Option<OneOrMore>,
}

impl Correlation {
    fn groups(&self) -> Vec<Group> {
        let place = |name: &String, rule: &String| {
            let alias = self.aliases.get(name).and_then(|by_rule| by_rule.get(rule));
            Place::any(alias.unwrap_or(name))
        };
        let group = |name: &String| Group {
            name: name.as_str().into(),
            places: self.rules.iter().map(|rule| place(name, rule)).collect(),
        };
        self.group_by.iter().map(group).collect()
    }
}
