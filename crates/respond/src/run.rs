use crate::approval::ToSign;
use crate::playbook::{Step, Work};
use crate::stored::{hex, time};
use crate::{Block, Effect, EffectId, Key, Party, Report, Role, RunId, Ttl};
use model::{Time, Transport};
use serde::{Deserialize, Serialize};

/// What was asked for; does not change while the run lives.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Request {
    /// Who asked; `tieline` for the engine itself.
    pub asker: String,
    /// Incident, `INC-7`.
    pub incident: String,
    /// What happened, in a sentence.
    pub title: String,
    /// Host that is kept away.
    pub source: Party,
    /// Asset that it is kept from; its name is what an approver types.
    pub target: Party,
    /// What is stopped.
    pub blocks: Vec<Block>,
    /// For how long.
    pub ttl: Ttl,
    /// Firewall that the rule goes to.
    pub firewall: String,
    /// When it lapses if nobody decides.
    #[serde(with = "time")]
    pub lapses: Time,
    /// Name of the playbook.
    pub playbook: String,
    /// Its identifier.
    pub playbook_id: String,
    /// Its version: when it was last modified.
    pub version: String,
    /// SHA-256 of its text.
    #[serde(with = "hex")]
    pub digest: [u8; 32],
    /// Its steps, with what people shall do in words of this case.
    pub steps: Vec<Step>,
}

/// One run of a playbook.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Run {
    /// Name.
    pub id: RunId,
    /// What was asked for.
    pub request: Request,
    /// When.
    pub asked: Time,
    /// Where it stands.
    pub state: RunState,
    /// What is known of the ends and the flow.
    pub enriched: String,
    /// The rule, word for word; empty until it was simulated.
    pub rule: String,
    /// What the guard found; none until it was simulated.
    pub report: Option<Report>,
    /// Who has approved.
    pub approvals: Vec<Approved>,
    /// When the rule ends; none until it was about to be put in force.
    pub expires: Option<Time>,
    /// What was about to be done and is not yet confirmed by reading back. While a rule is to be put in force
    /// the run counts as active: it may be.
    pub pending: Option<Pending>,
    /// Why it was refused, lapsed, failed or lifted.
    pub reason: Option<String>,
    /// How the firewall differs from what it should hold.
    pub drift: Option<String>,
    /// Who did what the playbook leaves to people.
    pub told: Option<String>,
}

/// Something that was begun.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Pending {
    /// Putting in force.
    Put,
    /// Taking back.
    Lift {
        /// By whom.
        who: String,
        /// Why.
        reason: String,
    },
}

/// An approval that was given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Approved {
    /// Who.
    pub who: String,
    /// In which role.
    pub role: Role,
    /// When.
    pub at: Time,
    /// Given by a script.
    pub by_script: bool,
    /// Key that it was signed with.
    pub key: Key,
    /// The signature.
    pub signature: [u8; 64],
}

/// Where a run stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RunState {
    /// Waits for approvals.
    Waiting,
    /// In force.
    Active,
    /// Ended by itself.
    Expired,
    /// Taken back by a person, by Tieline or at the firewall.
    Lifted,
    /// A person or the guard said no.
    Refused,
    /// Nobody decided in time; nothing was done.
    Lapsed,
    /// Could not be put in force.
    Failed,
}

/// A step of the playbook and how far it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunStep {
    /// What.
    pub name: String,
    /// How far.
    pub progress: Progress,
    /// What came of it; may be empty.
    pub result: String,
}

/// How far a step is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Progress {
    /// Behind us.
    Done,
    /// Waits for somebody.
    Wait,
    /// Ahead.
    Todo,
    /// Went wrong.
    Failed,
    /// Will not come.
    Skipped,
}

impl Request {
    /// The flow in words: `HIST01 (10.3.0.20) to PLC-ASC-1 (10.1.10.5), tcp 502`.
    pub fn flow(&self) -> String {
        let first = self.blocks.first();
        let (transport, port) = first.map_or((Transport::Tcp, 0), |block| (block.transport(), block.port()));
        flow(&self.source, &self.target, transport, port)
    }
}

/// A flow in words.
pub(crate) fn flow(source: &Party, target: &Party, transport: Transport, port: u16) -> String {
    let end = |party: &Party| {
        let addrs: Vec<_> = party.addrs.iter().map(ToString::to_string).collect();
        format!("{} ({})", party.name, addrs.join(", "))
    };
    format!("{} to {}, {} {port}", end(source), end(target), transport.name())
}

impl Run {
    /// What is given to the firewall.
    pub fn effects(&self) -> Vec<Effect> {
        let effect = |(block, part): (&Block, u16)| Effect {
            id: EffectId { run: self.id, part },
            block: *block,
            ttl: self.request.ttl,
        };
        self.request.blocks.iter().zip(1..).map(effect).collect()
    }

    /// Roles whose approval the playbook asks for and that is not there.
    pub fn missing(&self) -> Vec<Role> {
        if self.state != RunState::Waiting {
            return Vec::new();
        }
        let given = |role: &Role| self.approvals.iter().any(|approved| approved.role == *role);
        self.roles().filter(|role| !given(role)).collect()
    }

    /// Roles whose approval the playbook asks for.
    pub fn roles(&self) -> impl Iterator<Item = Role> + '_ {
        self.request
            .steps
            .iter()
            .flat_map(|step| match &step.work {
                Work::Approve { roles, .. } => roles.as_slice(),
                Work::Start
                | Work::Enrich
                | Work::Simulate { .. }
                | Work::Apply { .. }
                | Work::Tell { .. } => &[],
                Work::End => &[],
            })
            .copied()
    }

    /// What has to be signed to approve: these bytes and no others. They name the run, the asset, the rule
    /// word for word, the guard's finding and the time, so that a signature cannot be used for anything else.
    pub fn to_sign(&self) -> Vec<u8> {
        let request = &self.request;
        let text = ToSign {
            tieline: "approval 1",
            run: self.id,
            incident: &request.incident,
            playbook: &request.playbook_id,
            version: &request.version,
            digest: request.digest,
            asset: &request.target.name,
            firewall: &request.firewall,
            rule: &self.rule,
            guard: self.report.as_ref().map_or([0; 32], |report| report.hash),
            ttl_s: request.ttl.seconds(),
        };
        // Text and numbers always have a JSON form.
        serde_json::to_vec(&text).unwrap_or_default()
    }

    /// What people shall do that no engine does.
    pub fn manual(&self) -> Vec<String> {
        let tell = |step: &Step| match &step.work {
            Work::Tell { text } => Some(text.clone()),
            Work::Start | Work::Enrich | Work::Simulate { .. } | Work::Approve { .. } => None,
            Work::Apply { .. } | Work::End => None,
        };
        self.request.steps.iter().filter_map(tell).collect()
    }

    /// The steps of the playbook and how far each is.
    pub fn steps(&self) -> Vec<RunStep> {
        let step = |step: &Step| {
            let (progress, result) = self.progress(&step.work);
            RunStep { name: step.name.clone(), progress, result }
        };
        self.request.steps.iter().map(step).collect()
    }

    fn progress(&self, work: &Work) -> (Progress, String) {
        match work {
            Work::Start => (Progress::Done, format!("asked by {}", self.request.asker)),
            Work::Enrich if self.enriched.is_empty() => (Progress::Todo, String::new()),
            Work::Enrich => (Progress::Done, self.enriched.clone()),
            Work::Simulate { .. } => self.judged(),
            Work::Approve { .. } => self.agreed(),
            Work::Apply { .. } => self.applied(),
            Work::Tell { .. } => self.told(),
            Work::End => (self.ended(Progress::Done), String::new()),
        }
    }

    fn judged(&self) -> (Progress, String) {
        self.report.as_ref().map_or((Progress::Todo, String::new()), |report| {
            (Progress::Done, format!("{}: {}", report.verdict.name(), report.reason))
        })
    }

    fn agreed(&self) -> (Progress, String) {
        let voice = |a: &Approved| format!("{} ({})", a.who, a.role.name());
        let voices: Vec<_> = self.approvals.iter().map(voice).collect();
        let reason = self.reason.clone().unwrap_or_default();
        match self.state {
            RunState::Waiting => {
                let missing: Vec<_> = self.missing().into_iter().map(Role::name).collect();
                (Progress::Wait, format!("missing: {}", missing.join(", ")))
            }
            RunState::Refused | RunState::Lapsed => (Progress::Failed, reason),
            RunState::Active | RunState::Expired | RunState::Lifted | RunState::Failed => {
                (Progress::Done, format!("by {}", voices.join(" and ")))
            }
        }
    }

    fn applied(&self) -> (Progress, String) {
        let until = self.expires.map_or_else(String::new, |end| format!("until {end}"));
        let reason = self.reason.clone().unwrap_or_default();
        match self.state {
            RunState::Waiting => (Progress::Todo, String::new()),
            RunState::Refused | RunState::Lapsed => (Progress::Skipped, String::new()),
            RunState::Failed => (Progress::Failed, reason),
            RunState::Active if self.pending.is_some() => {
                (Progress::Wait, "the firewall has not confirmed".into())
            }
            RunState::Active => (Progress::Done, until),
            RunState::Expired => (Progress::Done, "ended by itself".to_owned()),
            RunState::Lifted => (Progress::Done, reason),
        }
    }

    fn told(&self) -> (Progress, String) {
        match (&self.told, self.state) {
            (Some(who), _) => (Progress::Done, format!("by {who}")),
            (None, RunState::Active) => (Progress::Wait, String::new()),
            (None, _) => (self.ended(Progress::Skipped), String::new()),
        }
    }

    /// How far a step is that comes after the rule's end: `over` once it has ended.
    fn ended(&self, over: Progress) -> Progress {
        match self.state {
            RunState::Waiting | RunState::Active => Progress::Todo,
            RunState::Expired | RunState::Lifted => over,
            RunState::Refused | RunState::Lapsed | RunState::Failed => Progress::Skipped,
        }
    }
}

impl RunState {
    /// Lower-case word.
    pub fn name(self) -> &'static str {
        match self {
            RunState::Waiting => "waiting",
            RunState::Active => "active",
            RunState::Expired => "expired",
            RunState::Lifted => "lifted",
            RunState::Refused => "refused",
            RunState::Lapsed => "lapsed",
            RunState::Failed => "failed",
        }
    }
}

impl Progress {
    /// `done`, `wait`, `todo`, `failed` or `skipped`.
    pub fn name(self) -> &'static str {
        match self {
            Progress::Done => "done",
            Progress::Wait => "wait",
            Progress::Todo => "todo",
            Progress::Failed => "failed",
            Progress::Skipped => "skipped",
        }
    }
}
