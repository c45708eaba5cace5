use crate::stored::{hex, time};
use crate::{Key, Report, Request, Role, RunId};
use model::Time;
use serde::{Deserialize, Serialize};

/// An entry of the ledger.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its place, from 1 without gaps.
    pub number: u64,
    /// When it was written.
    pub at: Time,
    /// Who did it; `tieline` for the engine itself.
    pub who: String,
    /// What.
    pub event: Event,
}

/// Something that was decided or done. All that the engine knows follows from these.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Event {
    /// A person may approve in a role, with this key.
    Enrolled {
        /// Who.
        person: String,
        /// Role.
        role: Role,
        /// Public key.
        key: Key,
    },
    /// A person may no longer approve in a role.
    Revoked {
        /// Who.
        person: String,
        /// Role.
        role: Role,
    },
    /// A person logged in.
    Login,
    /// Somebody asked for a run.
    Requested {
        /// Run.
        run: RunId,
        /// For what.
        request: Box<Request>,
    },
    /// What is known of the ends and the flow was written down.
    Enriched {
        /// Run.
        run: RunId,
        /// What is known.
        text: String,
    },
    /// The guard judged the rule. Approvals that were there are void: they were of something else.
    Simulated {
        /// Run.
        run: RunId,
        /// The rule, word for word.
        rule: String,
        /// What the guard found.
        report: Report,
    },
    /// A person approved.
    Approved {
        /// Run.
        run: RunId,
        /// In which role.
        role: Role,
        /// The signature.
        #[serde(with = "hex")]
        signature: [u8; 64],
        /// Given by a script.
        by_script: bool,
    },
    /// Something was refused.
    Refused {
        /// What was.
        of: Of,
        /// Why.
        reason: String,
    },
    /// Nobody decided in time.
    Lapsed {
        /// Run.
        run: RunId,
    },
    /// The rule is about to be put in force.
    Intent {
        /// Run.
        run: RunId,
        /// When it will end.
        #[serde(with = "time")]
        expires: Time,
    },
    /// What became of it, as read back.
    Outcome {
        /// Run.
        run: RunId,
        /// Whether it is in force.
        in_force: bool,
        /// What was found.
        text: String,
    },
    /// The rule ended by itself, as read back.
    Expired {
        /// Run.
        run: RunId,
    },
    /// The rule is about to be taken back.
    Lifting {
        /// Run.
        run: RunId,
        /// Why.
        reason: String,
    },
    /// The rule is not in force any more, as read back.
    Lifted {
        /// Run.
        run: RunId,
        /// Why.
        reason: String,
    },
    /// The firewall does not hold what it should.
    Drift {
        /// Run, if it is about one.
        run: Option<RunId>,
        /// What is there instead.
        text: String,
    },
    /// A person did what no engine does.
    Told {
        /// Run.
        run: RunId,
    },
}

/// What was refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "what", rename_all = "snake_case")]
pub enum Of {
    /// A request; there is no run.
    Request {
        /// Incident that it was about.
        incident: String,
        /// The flow in words.
        flow: String,
    },
    /// A run, by a person or by the guard; it ends.
    Run {
        /// Run.
        run: RunId,
    },
    /// An approval; the run goes on waiting.
    Approval {
        /// Run.
        run: RunId,
    },
}

impl Event {
    /// Kind, as in the ledger's column.
    pub fn kind(&self) -> &'static str {
        match self {
            Event::Enrolled { .. } => "enrolled",
            Event::Revoked { .. } => "revoked",
            Event::Login => "login",
            Event::Requested { .. } => "requested",
            Event::Enriched { .. } => "enriched",
            Event::Simulated { .. } => "simulated",
            Event::Approved { .. } => "approved",
            Event::Refused { .. } => "refused",
            Event::Lapsed { .. } => "lapsed",
            Event::Intent { .. } => "intent",
            Event::Outcome { .. } => "outcome",
            Event::Expired { .. } => "expired",
            Event::Lifting { .. } => "lifting",
            Event::Lifted { .. } => "lifted",
            Event::Drift { .. } => "drift",
            Event::Told { .. } => "told",
        }
    }

    /// Run that it belongs to, if any.
    pub fn run(&self) -> Option<RunId> {
        match self {
            Event::Enrolled { .. } | Event::Revoked { .. } | Event::Login => None,
            Event::Refused { of: Of::Request { .. }, .. } => None,
            Event::Drift { run, .. } => *run,
            Event::Requested { run, .. }
            | Event::Enriched { run, .. }
            | Event::Simulated { run, .. }
            | Event::Approved { run, .. }
            | Event::Refused { of: Of::Run { run } | Of::Approval { run }, .. }
            | Event::Lapsed { run }
            | Event::Intent { run, .. }
            | Event::Outcome { run, .. }
            | Event::Expired { run }
            | Event::Lifting { run, .. }
            | Event::Lifted { run, .. }
            | Event::Told { run } => Some(*run),
        }
    }

    /// What happened, in words; who did it stands in front: `m.keller` `approved for it`.
    pub fn text(&self) -> String {
        match self {
            Event::Enrolled { person, role, .. } => format!("enrolled {person} as {}", role.name()),
            Event::Revoked { person, role } => format!("took the role {} from {person}", role.name()),
            Event::Login => "logged in".to_owned(),
            Event::Requested { request, .. } => {
                format!("asked to stop {} for {} s", request.flow(), request.ttl.seconds())
            }
            Event::Enriched { text, .. } => format!("looked up {text}"),
            Event::Simulated { report, .. } => {
                format!("simulated the rule: {}; {}", report.verdict.name(), report.reason)
            }
            Event::Approved { role, by_script: false, .. } => format!("approved for {}", role.name()),
            Event::Approved { role, by_script: true, .. } => {
                format!("approved for {} (by a script)", role.name())
            }
            Event::Refused { of, reason } => refused(of, reason),
            Event::Lapsed { .. } => "let it lapse: nobody decided in time".to_owned(),
            Event::Intent { expires, .. } => format!("puts the rule in force, until {expires}"),
            Event::Outcome { in_force: true, text, .. } => format!("the rule is in force: {text}"),
            Event::Outcome { in_force: false, text, .. } => format!("the rule is not in force: {text}"),
            Event::Expired { .. } => "the rule ended by itself, as read back".to_owned(),
            Event::Lifting { reason, .. } => format!("lifts the rule: {reason}"),
            Event::Lifted { reason, .. } => format!("the rule is lifted: {reason}"),
            Event::Drift { text, .. } => format!("the firewall differs: {text}"),
            Event::Told { .. } => "did what the playbook leaves to people".to_owned(),
        }
    }
}

fn refused(of: &Of, reason: &str) -> String {
    match of {
        Of::Request { flow, .. } => format!("refused to stop {flow}: {reason}"),
        Of::Run { .. } => format!("refused: {reason}"),
        Of::Approval { .. } => format!("an approval was not accepted: {reason}"),
    }
}
