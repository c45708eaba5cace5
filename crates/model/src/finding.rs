use crate::{Entity, Origin, Time};

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// A fact worth keeping, not an alarm: the material of chains.
    Info,
    /// Look when there is time.
    Low,
    /// Look today.
    Medium,
    /// Look now.
    High,
    /// Wake somebody.
    Critical,
}

impl Severity {
    /// Lower-case word; Sigma's `level`.
    pub fn name(self) -> &'static str {
        match self {
            Severity::Info => "informational",
            Severity::Low => "low",
            Severity::Medium => "medium",
            Severity::High => "high",
            Severity::Critical => "critical",
        }
    }
}

/// An ATT&CK technique by its number, `T0858` (ICS) or `T1566.001` (Enterprise).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Technique(pub Box<str>);

/// How sure a link between two steps is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Confidence {
    /// Follows from time and place alone.
    Weak,
    /// Rests on a name or address that was resolved.
    Resolved,
    /// The same value stands in both rows.
    Exact,
}

/// A row that shows something: enough to find it again in the file it came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Evidence {
    /// When it happened.
    pub time: Time,
    /// File and frame, record or line.
    pub origin: Origin,
    /// Log or table of the row.
    pub log: Box<str>,
    /// Conversation, where it has one.
    pub uid: Option<Box<str>>,
    /// The row in one line, for a person.
    pub text: Box<str>,
}

/// A rule that matched a row.
#[derive(Clone, Debug, PartialEq)]
pub struct Finding {
    /// When it happened: the time of the row.
    pub time: Time,
    /// When the row arrived.
    pub arrived: Time,
    /// The rule's id, or its name where it has none.
    pub rule: Box<str>,
    /// The rule's name, by which chains may refer to it; empty when it has none.
    pub name: Box<str>,
    /// The rule's title.
    pub title: Box<str>,
    /// How bad.
    pub severity: Severity,
    /// Techniques that the rule names.
    pub techniques: Vec<Technique>,
    /// Whom and what the row names, resolved at the time of the row where that was possible.
    pub entities: Vec<Entity>,
    /// Raw fields and their values as text, only those that a correlation groups by or counts.
    pub fields: Vec<(Box<str>, Box<str>)>,
    /// The row.
    pub evidence: Evidence,
}

/// Why one step of an incident belongs to an earlier one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Join {
    /// Variable of the chain, `user`, `jump`.
    pub variable: Box<str>,
    /// The value that both steps share.
    pub value: Box<str>,
    /// Number of the earlier step, from 0, that has the value too.
    pub with: usize,
    /// How sure it is.
    pub confidence: Confidence,
}

/// One hop of an incident.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// Sentence with the values filled in.
    pub text: Box<str>,
    /// What was seen.
    pub finding: Finding,
    /// What makes it part of the story; empty for the first step.
    pub joins: Vec<Join>,
    /// Further findings that say the same, counted.
    pub repeats: usize,
}

/// One attack as one story.
#[derive(Clone, Debug, PartialEq)]
pub struct Incident {
    /// The chain's id.
    pub chain: Box<str>,
    /// What happened, in a sentence with the values filled in.
    pub title: Box<str>,
    /// How bad.
    pub severity: Severity,
    /// Techniques that the chain names.
    pub techniques: Vec<Technique>,
    /// What it means for the plant.
    pub consequence: Box<str>,
    /// When it became a story: the moment at which all of its steps, or as many findings as it takes, were there.
    pub complete: Time,
    /// The hops, in event time.
    pub steps: Vec<Step>,
    /// The chain's variables and their values.
    pub variables: Vec<(Box<str>, Box<str>)>,
}
