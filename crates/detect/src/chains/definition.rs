//! Chains and Sigma correlations as they are written, and what can be wrong with them.

mod chain;
mod correlation;

use super::plan::{CountPlan, Plan};
use model::{Severity, Span, Technique};
use serde::Deserialize;
use serde::de::IgnoredAny;
use std::fmt;

/// Steps that a chain may have, and rules that a correlation may name; more is an error of the definition.
pub const STEPS_MAX: usize = 32;

/// A definition that cannot be used, or a part of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The file, as it was named when it was loaded.
    pub file: Box<str>,
    /// Title of the definition; empty when it could not be read so far.
    pub definition: Box<str>,
    /// What is wrong.
    pub error: DefinitionError,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &*self.definition {
            "" => write!(f, "{}: {}", self.file, self.error),
            title => write!(f, "{}: {title}: {}", self.file, self.error),
        }
    }
}

/// What is wrong with a definition. Steps count from 1.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DefinitionError {
    /// Not YAML, a key that does not belong there, or one that is missing.
    #[error("{0}")]
    Yaml(Box<str>),
    /// No step, or more than [`STEPS_MAX`].
    #[error("{count} steps, but a chain has 1 to {STEPS_MAX}")]
    Steps {
        /// How many there are.
        count: usize,
    },
    /// A step binds from something that is no entity.
    #[error(
        "step {step}: variable `{variable}` is bound to `{place}`, which is no role and kind such as `actor.user`"
    )]
    UnknownRole {
        /// The step.
        step: usize,
        /// The variable.
        variable: Box<str>,
        /// What stands there.
        place: Box<str>,
    },
    /// A step that shares no variable with an earlier one would follow anything.
    #[error("step {step}: shares no variable with an earlier step")]
    NoJoin {
        /// The step.
        step: usize,
    },
    /// A step or a correlation names no rule.
    #[error("{place}: names no rule")]
    NoRule {
        /// Where.
        place: Box<str>,
    },
    /// A sentence uses a variable that no step before it binds.
    #[error("{place}: `{{{variable}}}` is not bound")]
    UnknownVariable {
        /// Where.
        place: Box<str>,
        /// The variable.
        variable: Box<str>,
    },
    /// A sentence opens a brace and does not close it.
    #[error("{place}: a brace stays open in `{text}`")]
    OpenBrace {
        /// Where.
        place: Box<str>,
        /// The sentence.
        text: Box<str>,
    },
    /// A length of time that is not a whole number with `s`, `m`, `h`, `d` or `w`, or is zero.
    #[error("{place}: `{text}` is no length of time such as `30s`, `5m`, `8h`, `7d`")]
    BadSpan {
        /// Where.
        place: Box<str>,
        /// What stands there.
        text: Box<str>,
    },
    /// A level that Sigma does not know.
    #[error("level: `{0}` is none of informational, low, medium, high, critical")]
    BadLevel(Box<str>),
    /// `part_of` names a chain that is not loaded.
    #[error("part_of: no chain is named `{0}`")]
    UnknownChain(Box<str>),
    /// `part_of` names a chain that lacks a variable of this one.
    #[error("part_of: `{chain}` has no variable `{variable}`")]
    NotAPart {
        /// The longer chain.
        chain: Box<str>,
        /// The variable.
        variable: Box<str>,
    },
    /// Something that Sigma has and this engine does not.
    #[error("{0} is not supported")]
    NotSupported(Box<str>),
    /// A condition that can never hold, since no more than `max` findings are kept in a group.
    #[error("condition: at most {max} findings of a group are kept, {needed} are asked for")]
    OutOfReach {
        /// What is asked for.
        needed: usize,
        /// What is kept.
        max: usize,
    },
    /// A rule that no finding comes from: the definition can never fire.
    #[error("no rule has the name or id `{0}`")]
    UnknownRule(Box<str>),
}

/// Everything that a file defines.
#[derive(Debug, Default)]
pub(super) struct Loaded {
    pub(super) plans: Vec<Plan>,
    pub(super) counts: Vec<CountPlan>,
    pub(super) problems: Vec<Problem>,
}

impl Loaded {
    /// Ties shorter chains to the longer ones that they are a part of; one that names none is used for itself.
    pub(super) fn link(&mut self) {
        for number in 0..self.plans.len() {
            let Some(Err(error)) = self.link_one(number) else { continue };
            let Some(plan) = self.plans.get(number) else { continue };
            let (file, definition) = (plan.file.clone(), plan.written.clone());
            self.problems.push(Problem { file, definition, error });
        }
    }

    fn link_one(&mut self, number: usize) -> Option<Result<(), DefinitionError>> {
        let shorter = self.plans.get(number)?;
        let name = shorter.part_of.clone()?;
        let variables = shorter.variables.clone();
        let Some(longer) = self.plans.iter_mut().find(|plan| plan.name == name) else {
            return Some(Err(DefinitionError::UnknownChain(name)));
        };
        let mut numbers = vec![];
        for variable in variables {
            let Some(at) = longer.variables.iter().position(|known| *known == variable) else {
                return Some(Err(DefinitionError::NotAPart { chain: name, variable }));
            };
            numbers.push(at);
        }
        longer.covers.push((number, numbers));
        Some(Ok(()))
    }
}

/// Reads the documents of a file that have `chain` or `correlation`; others (rules) are passed over.
pub(super) fn read(file: &str, text: &str, loaded: &mut Loaded) {
    if !text.lines().any(|line| line.starts_with("chain:") || line.starts_with("correlation:")) {
        return;
    }
    let documents = || yaml_serde::Deserializer::from_str(text);
    for ((head, chain), correlation) in documents().zip(documents()).zip(documents()) {
        let (title, result) = match Head::deserialize(head) {
            Ok(Head { title, chain: Some(_), .. }) => (title, chain::read(file, chain, &mut loaded.plans)),
            Ok(Head { title, correlation: Some(_), .. }) => {
                (title, correlation::read(file, correlation, loaded))
            }
            Ok(_) => continue,
            Err(error) => (None, Err(error.into())),
        };
        let Err(error) = result else { continue };
        let syntax = title.is_none() && matches!(error, DefinitionError::Yaml(_));
        loaded.problems.push(Problem {
            file: file.into(),
            definition: title.unwrap_or_default().into(),
            error,
        });
        if syntax {
            return;
        }
    }
}

#[derive(Deserialize)]
struct Head {
    title: Option<String>,
    chain: Option<IgnoredAny>,
    correlation: Option<IgnoredAny>,
}

impl From<yaml_serde::Error> for DefinitionError {
    fn from(error: yaml_serde::Error) -> Self {
        DefinitionError::Yaml(error.to_string().into())
    }
}

/// One text or several.
#[derive(Deserialize)]
#[serde(untagged, expecting = "a text or a list of texts")]
enum OneOrMore {
    One(String),
    More(Vec<String>),
}

impl OneOrMore {
    fn list(self) -> Vec<String> {
        match self {
            OneOrMore::One(text) => vec![text],
            OneOrMore::More(list) => list,
        }
    }
}

fn level(text: Option<&str>) -> Result<Severity, DefinitionError> {
    let Some(text) = text else { return Ok(Severity::Medium) };
    [Severity::Info, Severity::Low, Severity::Medium, Severity::High, Severity::Critical]
        .into_iter()
        .find(|severity| severity.name() == text)
        .ok_or_else(|| DefinitionError::BadLevel(text.into()))
}

/// `attack.t1566.001` to `T1566.001`; other tags name no technique.
fn techniques(tags: &[String]) -> Vec<Technique> {
    tags.iter()
        .filter_map(|tag| tag.strip_prefix("attack."))
        .filter(|tag| tag.starts_with('t') && tag.chars().nth(1).is_some_and(|c| c.is_ascii_digit()))
        .map(|tag| Technique(tag.to_uppercase().into()))
        .collect()
}

fn span(text: &str, place: &str) -> Result<Span, DefinitionError> {
    let bad = || DefinitionError::BadSpan { place: place.into(), text: text.into() };
    let unit = text.chars().last().ok_or_else(bad)?;
    let seconds = match unit {
        's' => 1,
        'm' => 60,
        'h' => 3600,
        'd' => 86_400,
        'w' => 7 * 86_400,
        _ => return Err(bad()),
    };
    let count: u32 = text.strip_suffix(unit).and_then(|n| n.parse().ok()).ok_or_else(bad)?;
    if count == 0 {
        return Err(bad());
    }
    Ok(Span::s(i64::from(count).saturating_mul(seconds)))
}
