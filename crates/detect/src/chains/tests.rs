mod bounds;
mod definitions;
mod oracle;
mod order;
mod pivot;
mod speed;

use super::hit::Place;
use super::{Chains, Options};
use model::{Entity, Evidence, Finding, Incident, Origin, Severity, Span, Time};

const S: i64 = 1_000_000_000;

/// A finding of `rule` at `ns`, arrived at once, with entities (`actor.user`) and raw fields.
fn finding(rule: &str, ns: i64, values: &[(&str, &str)]) -> Finding {
    let mut entities = vec![];
    let mut fields = vec![];
    for (place, value) in values {
        match Place::any(place) {
            Place::Entity(role, kind) => entities.push(Entity::new(role, kind, *value)),
            Place::Field(name) => fields.push((name, Box::from(*value))),
        }
    }
    Finding {
        time: Time(ns),
        arrived: Time(ns),
        rule: format!("id-of-{rule}").into(),
        name: rule.into(),
        title: format!("hit of {rule}").into(),
        severity: Severity::Info,
        techniques: vec![],
        entities,
        fields,
        evidence: Evidence {
            time: Time(ns),
            origin: Origin { file: 0, number: 0 },
            log: "test".into(),
            uid: None,
            text: "".into(),
        },
    }
}

/// `finding` as it arrived at `ns`.
fn arrived(ns: i64, finding: Finding) -> Finding {
    Finding { arrived: Time(ns), ..finding }
}

/// `finding` as the `number`th row of `file`.
fn row(file: u32, number: u64, mut finding: Finding) -> Finding {
    finding.evidence.origin = Origin { file, number };
    finding
}

fn chains(definition: &str, options: Options) -> Chains {
    let (chains, problems) = Chains::load([("test.yml", definition)], options);
    assert!(problems.is_empty(), "{problems:#?}");
    chains
}

fn live(lateness_s: i64) -> Options {
    Options { lateness: Some(Span::s(lateness_s)), ..Options::default() }
}

/// The incidents of `findings`, pushed in this order.
fn run(definition: &str, options: Options, findings: impl IntoIterator<Item = Finding>) -> Vec<Incident> {
    let mut chains = chains(definition, options);
    findings.into_iter().for_each(|finding| chains.push(finding));
    chains.flush()
}

/// What a reader of the incidents has after each batch: new versions replace old ones.
fn renew(told: &[Incident], latest: &mut Vec<Incident>, chains: &Chains) {
    latest.retain(|old| !told.iter().any(|new| chains.replaces(new, old)));
    latest.extend_from_slice(told);
}

/// An incident as a person reads it.
fn tell(incident: &Incident) -> String {
    let mut text = format!("[{}] {}\n", incident.severity.name(), incident.title);
    for (i, step) in incident.steps.iter().enumerate() {
        let joins: Vec<_> = step
            .joins
            .iter()
            .map(|j| format!("{} {} as in {} ({:?})", j.variable, j.value, j.with, j.confidence))
            .collect();
        let repeats = if step.repeats > 0 { format!(" and {} more", step.repeats) } else { String::new() };
        text += &format!("{i} {}{repeats} <- [{}]\n", step.text, joins.join(", "));
    }
    text + &format!("= {}\n", incident.consequence)
}
