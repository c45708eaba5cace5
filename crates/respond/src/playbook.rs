//! Playbooks in the format of CACAO 2.0 (OASIS, *CACAO Security Playbooks Version 2.0*), as far as Tieline
//! runs them: one line of steps from start to end.
//!
//! CACAO has no word for how long an effect lasts, who must agree and what may be broken. Those stand in
//! Tieline's safety extension (CACAO 4.1 `step_extensions`, 8 extension definitions), so that a playbook
//! still opens in any CACAO editor, and an engine that does not know the extension finds manual commands for
//! people.

mod node;
mod read;

pub use node::PlaybookError;

use crate::{Role, Ttl, Verdict};
use model::Span;
use serde::{Deserialize, Serialize};

/// The built-in playbook: keep a host from sending commands to a controller.
const CONTAIN_OT_COMMAND: &str = include_str!("../playbooks/contain_ot_command.json");

/// Steps of one playbook.
pub(crate) const STEPS_MAX: usize = 64;

/// A playbook that was read and found sound.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Playbook {
    /// Identifier, `playbook--` and a UUID.
    pub id: String,
    /// Name.
    pub name: String,
    /// Version: when it was last modified, as it stands in the text.
    pub version: String,
    /// SHA-256 of the text.
    pub digest: [u8; 32],
    /// Steps in the order in which they are done.
    pub steps: Vec<Step>,
}

/// A step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// Name.
    pub name: String,
    /// What is done.
    pub work: Work,
}

/// What a step does. There is no work that sends a command to a controller.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "work", rename_all = "snake_case")]
pub enum Work {
    /// Begins.
    Start,
    /// Looks up what is known of the two ends.
    Enrich,
    /// Judges the rule against the conduits that were seen.
    Simulate {
        /// Verdicts with which people may be asked; with any other the run ends.
        go_on: Vec<Verdict>,
    },
    /// Waits for people.
    Approve {
        /// One approval of each of these roles, by different people.
        roles: Vec<Role>,
        /// How long is waited, in seconds; then the run lapses.
        lapse_s: u32,
    },
    /// Puts the rule in force.
    Apply {
        /// For how long at most.
        ttl_max: Ttl,
    },
    /// Leaves something to people.
    Tell {
        /// What.
        text: String,
    },
    /// Ends.
    End,
}

impl Playbook {
    /// The built-in playbook: keep a host from sending commands to a controller.
    ///
    /// # Errors
    /// Never: a test reads it.
    pub fn contain_ot_command() -> Result<Self, PlaybookError> {
        Self::read(CONTAIN_OT_COMMAND)
    }

    /// Reads a playbook.
    ///
    /// # Errors
    /// Names the place and what is wrong there: not CACAO 2.0, a step that Tieline does not run, an effect
    /// without an end or without two people, a step that can never be reached.
    pub fn read(text: &str) -> Result<Self, PlaybookError> {
        read::playbook(text)
    }

    /// For how long the rule may be in force; none when the playbook puts none in force.
    pub fn ttl_max(&self) -> Option<Ttl> {
        self.find(|work| if let Work::Apply { ttl_max } = work { Some(*ttl_max) } else { None })
    }

    /// How long people have to decide; none when nobody is asked.
    pub fn lapse(&self) -> Option<Span> {
        self.find(|work| if let Work::Approve { lapse_s, .. } = work { Some(*lapse_s) } else { None })
            .map(|seconds| Span::s(seconds.into()))
    }

    /// Whether people may be asked with this verdict.
    pub fn goes_on(&self, verdict: Verdict) -> bool {
        self.find(
            |work| if let Work::Simulate { go_on } = work { Some(go_on.contains(&verdict)) } else { None },
        )
        .unwrap_or(false)
    }

    fn find<T>(&self, pick: impl Fn(&Work) -> Option<T>) -> Option<T> {
        self.steps.iter().find_map(|step| pick(&step.work))
    }

    /// The steps, with `__name__:value` (CACAO 10.18) replaced.
    pub(crate) fn steps_with(&self, values: &[(&str, &str)]) -> Vec<Step> {
        let fill = |text: &str| {
            values.iter().fold(text.to_owned(), |text, (name, value)| {
                text.replace(&format!("__{name}__:value"), value)
            })
        };
        let fill = |step: &Step| match &step.work {
            Work::Tell { text } => Step { name: step.name.clone(), work: Work::Tell { text: fill(text) } },
            Work::Start | Work::Enrich | Work::Simulate { .. } | Work::Approve { .. } => step.clone(),
            Work::Apply { .. } | Work::End => step.clone(),
        };
        self.steps.iter().map(fill).collect()
    }
}

#[cfg(test)]
mod tests;
