use model::{At, Finding, Incident, Origin, Step, Time};

model::log! {
    /// A rule that matched a row.
    pub(super) struct FindingRow<'a>: "finding", Site {
        /// The rule's id.
        rule: &'a str,
        /// The rule's title.
        title: &'a str,
        /// How bad: `informational`, `low`, `medium`, `high`, `critical`.
        severity: &'a str,
        /// ATT&CK techniques.
        techniques: &'a [&'a str],
        /// Whom and what the row names: `actor.user m.keller`.
        entities: &'a [String],
        /// Log or table of the row.
        log: &'a str,
        /// Conversation, where it has one.
        uid: Option<&'a str>,
        /// The row in one line.
        text: &'a str,
    }
}

model::log! {
    /// An attack as one story; its hops are in `incident_step`.
    pub(super) struct IncidentRow<'a>: "incident", Site {
        /// The chain's id.
        chain: &'a str,
        /// What happened.
        title: &'a str,
        /// How bad.
        severity: &'a str,
        /// ATT&CK techniques.
        techniques: &'a [&'a str],
        /// What it means for the plant.
        consequence: &'a str,
        /// When all of its steps, or as many as it takes, were there.
        complete: Time,
        /// How many hops.
        steps: u64,
        /// The chain's variables: `user=m.keller`.
        variables: &'a [String],
    }
}

model::log! {
    /// A hop of an incident.
    pub(super) struct StepRow<'a>: "incident_step", Site {
        /// The chain's id.
        chain: &'a str,
        /// Title of the incident.
        incident: &'a str,
        /// Number of the hop, from 0.
        step: u64,
        /// What happened.
        text: &'a str,
        /// The rule that saw it.
        rule: &'a str,
        /// How bad.
        severity: &'a str,
        /// Why it belongs to the story: `user=m.keller as step 0 (exact)`.
        joins: &'a [String],
        /// Further findings that say the same.
        repeats: u64,
        /// Log or table of the row.
        log: &'a str,
        /// Conversation, where it has one.
        uid: Option<&'a str>,
    }
}

/// Hands `finding` over as a row.
pub(super) fn finding(finding: &Finding, take: &mut dyn FnMut(&At<'_>, &dyn model::Record)) {
    let entities: Vec<_> = finding.entities.iter().map(ToString::to_string).collect();
    let row = FindingRow {
        rule: &finding.rule,
        title: &finding.title,
        severity: finding.severity.name(),
        techniques: &techniques(&finding.techniques),
        entities: &entities,
        log: &finding.evidence.log,
        uid: finding.evidence.uid.as_deref(),
        text: &finding.evidence.text,
    };
    take(&at(finding.time, finding.evidence.origin), &row);
}

/// Hands `incident` over as a row at the time of its first hop, and each hop as another.
pub(super) fn incident(incident: &Incident, take: &mut dyn FnMut(&At<'_>, &dyn model::Record)) {
    let Some(first) = incident.steps.first() else { return };
    let variables: Vec<_> =
        incident.variables.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let row = IncidentRow {
        chain: &incident.chain,
        title: &incident.title,
        severity: incident.severity.name(),
        techniques: &techniques(&incident.techniques),
        consequence: &incident.consequence,
        complete: incident.complete,
        steps: count(incident.steps.len()),
        variables: &variables,
    };
    take(&at(first.finding.time, first.finding.evidence.origin), &row);
    for (number, step) in incident.steps.iter().enumerate() {
        let joins = joins(step);
        take(&at(step.finding.time, step.finding.evidence.origin), &step_row(incident, number, step, &joins));
    }
}

fn step_row<'a>(incident: &'a Incident, number: usize, step: &'a Step, joins: &'a [String]) -> StepRow<'a> {
    StepRow {
        chain: &incident.chain,
        incident: &incident.title,
        step: count(number),
        text: &step.text,
        rule: &step.finding.rule,
        severity: step.finding.severity.name(),
        joins,
        repeats: count(step.repeats),
        log: &step.finding.evidence.log,
        uid: step.finding.evidence.uid.as_deref(),
    }
}

fn techniques(techniques: &[model::Technique]) -> Vec<&str> {
    techniques.iter().map(|technique| &*technique.0).collect()
}

fn joins(step: &Step) -> Vec<String> {
    let sure = |confidence| match confidence {
        model::Confidence::Weak => "weak",
        model::Confidence::Resolved => "resolved",
        model::Confidence::Exact => "exact",
    };
    let sentence =
        |j: &model::Join| format!("{}={} as step {} ({})", j.variable, j.value, j.with, sure(j.confidence));
    step.joins.iter().map(sentence).collect()
}

fn at(time: Time, origin: Origin) -> At<'static> {
    At { time, origin, conversation: None, ot: None }
}

fn count(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}
