//! What the console shows: the resources of its interface, complete enough that nothing private lies beside them.
//!
//! Times are milliseconds since 1970, UTC. Priorities are those of ISA-18.2 alarms: 1 act at once, 2 act now,
//! 3 act today. Purdue levels run from 5 (internet) to 0 (process); 3.5 is the zone between IT and OT.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Milliseconds since 1970, UTC.
pub type Ms = i64;

/// What the strip at the top shows, on every screen.
#[derive(Clone, Debug, Default, PartialEq, Serialize, ToSchema)]
pub struct Status {
    /// Name of the site.
    pub site: String,
    /// The site's clock.
    pub now: Ms,
    /// Alarms that nobody acknowledged, of priority 1, 2, 3.
    pub alarms: [u32; 3],
    /// Alarms that somebody acknowledged.
    pub acknowledged: u32,
    /// What the process does in a few words, `K-101 running`; empty when nothing is watched.
    pub process: String,
    /// Whether the process is out of its normal range.
    pub process_abnormal: bool,
    /// Sources that deliver, and sources in all.
    pub sources: [u32; 2],
    /// Packets lost on the way to the sensor.
    pub lost: u64,
    /// The virtual site: a striped frame says so on every screen.
    pub training: bool,
    /// Runs that wait for an approval.
    pub waiting: u32,
}

/// The first screen.
#[derive(Clone, Debug, Default, PartialEq, Serialize, ToSchema)]
pub struct Overview {
    /// Boxes of the Purdue map.
    pub zones: Vec<Zone>,
    /// Lines between them.
    pub conduits: Vec<ZoneConduit>,
    /// The queue: unacknowledged first, then by priority and time; at most 200.
    pub alarms: Vec<Alarm>,
    /// Watched process values.
    pub tags: Vec<Tag>,
    /// Alarms in each ten minutes of the last twelve hours, oldest first.
    pub rate: Vec<u32>,
    /// Incidents, newest first; at most 100.
    pub incidents: Vec<IncidentHead>,
}

/// A zone of the site.
#[derive(Clone, Debug, Default, PartialEq, Serialize, ToSchema)]
pub struct Zone {
    /// Identifier; its place on the map follows from it and the level.
    pub id: String,
    /// Name.
    pub name: String,
    /// Purdue level.
    pub level: f32,
    /// Assets in it.
    pub assets: u32,
    /// Names of the first assets, at most 12.
    pub members: Vec<String>,
    /// Worst priority of an open alarm in it.
    pub worst: Option<u8>,
}

/// Traffic between two zones.
#[derive(Clone, Debug, Default, PartialEq, Serialize, ToSchema)]
pub struct ZoneConduit {
    /// Zone that asks.
    pub from: String,
    /// Zone that answers.
    pub to: String,
    /// Services, `modbus`, `rdp`.
    pub services: Vec<String>,
    /// What is known of it.
    pub state: ConduitState,
    /// Last traffic.
    pub last: Ms,
}

/// What is known of a conduit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ConduitState {
    /// Seen, nothing wrong.
    #[default]
    Seen,
    /// Seen for the first time after learning.
    New,
    /// An open alarm is about it.
    Alarm,
    /// A block of ours is in force on a flow in it.
    Blocked,
}

/// Something that a person must act on.
#[derive(Clone, Debug, Default, PartialEq, Serialize, ToSchema)]
pub struct Alarm {
    /// Identifier.
    pub id: String,
    /// 1, 2 or 3.
    pub priority: u8,
    /// First of its kind.
    pub time: Ms,
    /// Last of its kind.
    pub last: Ms,
    /// What happened.
    pub title: String,
    /// From where, and who; may be empty.
    pub who: String,
    /// To what; may be empty.
    pub whom: String,
    /// Zone of the target.
    pub zone: String,
    /// Purdue level of the target, if known.
    pub level: Option<f32>,
    /// How often.
    pub count: u32,
    /// Incident that it belongs to.
    pub incident: Option<String>,
    /// Who acknowledged it.
    pub acknowledged: Option<String>,
    /// The row in one line, and where it stands.
    pub evidence: Evidence,
    /// ATT&CK techniques.
    pub techniques: Vec<String>,
    /// Why it matters, in a sentence or two.
    pub consequence: String,
    /// What to check.
    pub check: Vec<String>,
}

/// A watched process value.
#[derive(Clone, Debug, Default, PartialEq, Serialize, ToSchema)]
pub struct Tag {
    /// Tag, `PT-101`.
    pub id: String,
    /// What it is.
    pub text: String,
    /// Unit, always shown with the value.
    pub unit: String,
    /// Normal range.
    pub normal: [f64; 2],
    /// Range of the instrument.
    pub range: [f64; 2],
    /// Last value; none when nothing was ever seen.
    pub value: Option<f64>,
    /// When it was last seen.
    pub at: Ms,
    /// Trend, oldest first: time and value; at most 600 points.
    pub points: Vec<(Ms, f64)>,
}

/// A row that shows something, and where it stands.
#[derive(Clone, Debug, Default, PartialEq, Serialize, ToSchema)]
pub struct Evidence {
    /// When.
    pub time: Ms,
    /// File or interface.
    pub source: String,
    /// Frame, record or line.
    pub number: u64,
    /// Log or table.
    pub log: String,
    /// Conversation.
    pub uid: Option<String>,
    /// The row in one line.
    pub text: String,
    /// Whether the packets of it can be had.
    pub packets: bool,
}

/// An incident in a line.
#[derive(Clone, Debug, Default, PartialEq, Serialize, ToSchema)]
pub struct IncidentHead {
    /// Identifier, `INC-7`.
    pub id: String,
    /// What happened, in a sentence.
    pub title: String,
    /// 1, 2 or 3.
    pub priority: u8,
    /// First step.
    pub start: Ms,
    /// Last step.
    pub end: Ms,
    /// Steps.
    pub steps: u32,
    /// Runs of playbooks about it, newest last.
    pub runs: Vec<String>,
}

/// One attack as one story.
#[derive(Clone, Debug, Default, PartialEq, Serialize, ToSchema)]
pub struct Incident {
    /// In a line.
    pub head: IncidentHead,
    /// What it means for the plant.
    pub consequence: String,
    /// ATT&CK techniques.
    pub techniques: Vec<String>,
    /// The hops, in event time.
    pub steps: Vec<Step>,
    /// What happened to the process since, in order of time.
    pub effects: Vec<Effect>,
    /// What was decided and done about it, in order of time.
    pub decisions: Vec<Decision>,
    /// Process values over the time of the story.
    pub tags: Vec<Tag>,
    /// Variables of the chain and their values.
    pub variables: Vec<(String, String)>,
}

/// One hop of an incident.
#[derive(Clone, Debug, Default, PartialEq, Serialize, ToSchema)]
pub struct Step {
    /// From 0.
    pub number: u32,
    /// When.
    pub time: Ms,
    /// Purdue level where it happened; none when unknown.
    pub level: Option<f32>,
    /// Where: name of the host or device.
    pub place: String,
    /// Sentence.
    pub text: String,
    /// Rule that found it.
    pub rule: String,
    /// 1, 2, 3; 0 for a fact that is no alarm by itself.
    pub priority: u8,
    /// ATT&CK techniques.
    pub techniques: Vec<String>,
    /// Why it belongs to the story.
    pub joins: Vec<Join>,
    /// The row.
    pub evidence: Evidence,
    /// Further rows that say the same.
    pub repeats: u32,
    /// Names in the row: part (`source.ip`) and value.
    pub entities: Vec<(String, String)>,
}

/// Why a step belongs to an earlier one.
#[derive(Clone, Debug, Default, PartialEq, Serialize, ToSchema)]
pub struct Join {
    /// What both share, `user`.
    pub variable: String,
    /// Its value.
    pub value: String,
    /// Number of the earlier step.
    pub with: u32,
    /// `exact`, `resolved` or `weak`.
    pub confidence: String,
}

/// Something that happened to the process.
#[derive(Clone, Debug, Default, PartialEq, Serialize, ToSchema)]
pub struct Effect {
    /// When.
    pub time: Ms,
    /// Tag.
    pub tag: String,
    /// Equipment that the tag belongs to, `K-101`; empty when it is not declared.
    pub equipment: String,
    /// Sentence with tag, value and unit.
    pub text: String,
    /// 1, 2 or 3; 0 when it is back to normal.
    pub priority: u8,
}

/// Something that was decided or done, as the ledger has it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, ToSchema)]
pub struct Decision {
    /// When.
    pub time: Ms,
    /// Number in the ledger.
    pub number: u64,
    /// Run that it belongs to.
    pub run: String,
    /// Who; `tieline` for the engine itself.
    pub who: String,
    /// Sentence.
    pub text: String,
}

/// One run of a playbook.
#[derive(Clone, Debug, Default, PartialEq, Serialize, ToSchema)]
pub struct Run {
    /// Identifier, `RUN-3`.
    pub id: String,
    /// Name of the playbook.
    pub playbook: String,
    /// Incident.
    pub incident: String,
    /// Where it stands.
    pub state: RunState,
    /// Who asked for it.
    pub asker: String,
    /// When it was asked for.
    pub asked: Ms,
    /// When it lapses if nobody decides; then nothing is done.
    pub lapses: Ms,
    /// Steps of the playbook and how far each is.
    pub steps: Vec<RunStep>,
    /// The rule that would be put in force, word for word.
    pub rule: String,
    /// Firewall that it goes to.
    pub firewall: String,
    /// The flow in words, `hist01 (10.3.0.20) to plc-asc-1 (10.1.10.5), tcp 502`.
    pub flow: String,
    /// Name that an approver must type.
    pub asset: String,
    /// How long it would be in force, in seconds.
    pub ttl: u32,
    /// When it ends, once it is in force.
    pub expires: Option<Ms>,
    /// What the guard found.
    pub guard: Guard,
    /// Who has approved, with which role.
    pub approvals: Vec<Approved>,
    /// Roles whose approval is still missing, `it`, `ot`.
    pub missing: Vec<String>,
    /// What has to be signed to approve, in base64: the approver signs exactly these bytes.
    pub to_sign: String,
    /// Why it was refused, lapsed or failed.
    pub reason: Option<String>,
    /// What people shall do that no engine does, `ask the control room to ...`.
    pub manual: Vec<String>,
}

/// Where a run stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum RunState {
    /// Waits for approvals.
    #[default]
    Waiting,
    /// In force.
    Active,
    /// Ended by itself.
    Expired,
    /// Taken back by a person.
    Lifted,
    /// A person said no.
    Refused,
    /// Nobody decided in time; nothing was done.
    Lapsed,
    /// Could not be put in force.
    Failed,
}

/// A step of a playbook.
#[derive(Clone, Debug, Default, PartialEq, Serialize, ToSchema)]
pub struct RunStep {
    /// What.
    pub name: String,
    /// `done`, `wait`, `todo`, `failed` or `skipped`.
    pub state: String,
    /// What came of it.
    pub result: String,
}

/// What a block would do to the traffic that was seen.
#[derive(Clone, Debug, Default, PartialEq, Serialize, ToSchema)]
pub struct Guard {
    /// `clear`, `degrades`, `breaks` or `unknown`.
    pub verdict: String,
    /// Why, in a sentence.
    pub reason: String,
    /// Process conduits that were seen, and how many of them go on.
    pub conduits: u32,
    /// Of them, those that go on untouched.
    pub untouched: u32,
    /// What stops.
    pub stops: Vec<Affected>,
    /// The most important things that go on, at most 12.
    pub goes_on: Vec<String>,
}

/// A conduit that a block touches.
#[derive(Clone, Debug, Default, PartialEq, Serialize, ToSchema)]
pub struct Affected {
    /// Which, `hist01 reads plc-asc-1 (modbus)`.
    pub conduit: String,
    /// What its loss does.
    pub effect: String,
    /// Last traffic.
    pub last: Ms,
}

/// An approval that was given.
#[derive(Clone, Debug, Default, PartialEq, Serialize, ToSchema)]
pub struct Approved {
    /// Who.
    pub who: String,
    /// `it` or `ot`.
    pub role: String,
    /// When.
    pub at: Ms,
    /// Given by a script, for a demonstration.
    pub by_script: bool,
}

/// An approval as it is given.
#[derive(Clone, Debug, Deserialize, ToSchema)]
pub struct Approve {
    /// The asset's name, typed.
    pub asset: String,
    /// Signature over [`Run::to_sign`] with the approver's key: ECDSA P-256 with SHA-256, `r` and `s`, base64.
    pub signature: String,
}

/// A reason, typed.
#[derive(Clone, Debug, Deserialize, ToSchema)]
pub struct Because {
    /// Why.
    pub reason: String,
}

/// State of what sees.
#[derive(Clone, Debug, Default, PartialEq, Serialize, ToSchema)]
pub struct Health {
    /// Interfaces, folders, files.
    pub sources: Vec<Source>,
    /// Rows by log since the start.
    pub logs: Vec<(String, u64)>,
    /// Where the lake lies, rows in it since the start, and bytes.
    pub lake: String,
    /// Rows written to the lake.
    pub stored: u64,
    /// Rows that wait to be written.
    pub waiting: u64,
    /// Everything before this moment is on disk.
    pub durable: Ms,
    /// Rules and chains that are loaded.
    pub rules: [u32; 2],
    /// What a bound left out, in a sentence each.
    pub left_out: Vec<String>,
    /// What is wrong, in a sentence each.
    pub problems: Vec<String>,
    /// Assets known, and conduits.
    pub inventory: [u32; 2],
    /// Memory in use, in bytes.
    pub memory: u64,
    /// Version of the program.
    pub version: String,
}

/// Something that delivers.
#[derive(Clone, Debug, Default, PartialEq, Serialize, ToSchema)]
pub struct Source {
    /// Interface or path.
    pub name: String,
    /// `interface`, `folder`, `file`.
    pub kind: String,
    /// Packets or events.
    pub entries: u64,
    /// Bytes.
    pub bytes: u64,
    /// Entries that were damaged.
    pub damaged: u64,
    /// Packets lost before they were seen.
    pub lost: u64,
    /// What an interface shows, as the site says it: a Purdue level, a place. Empty where nobody said.
    pub segment: String,
    /// Whether what the tap at an interface does not show can be relied on not to be there, once it was judged.
    pub healthy: Option<bool>,
    /// What is wrong with the tap, by the names of the findings.
    pub conditions: Vec<String>,
    /// When something last came; 0 for never.
    pub last: Ms,
    /// `delivers`, `silent since 02:14`, `cannot be read: …`.
    pub state: String,
}

/// A window of the inventory.
#[derive(Clone, Debug, Default, PartialEq, Serialize, ToSchema)]
pub struct Assets {
    /// Assets that match.
    pub total: u32,
    /// At most 500 of them.
    pub rows: Vec<Asset>,
}

/// A device or computer.
#[derive(Clone, Debug, Default, PartialEq, Serialize, ToSchema)]
pub struct Asset {
    /// Identifier.
    pub id: String,
    /// Name.
    pub name: String,
    /// Addresses.
    pub addresses: Vec<String>,
    /// Purdue level, if known.
    pub level: Option<f32>,
    /// Why it is on that level.
    pub reasons: Vec<String>,
    /// Zone.
    pub zone: String,
    /// Vendor and model, as told.
    pub make: String,
    /// Firmware, as told.
    pub firmware: String,
    /// What its loss means, as declared.
    pub criticality: String,
    /// Services that it offers and uses.
    pub services: Vec<String>,
    /// Last sign of life.
    pub last: Ms,
}

/// A question to the lake.
#[derive(Clone, Debug, Deserialize, ToSchema)]
pub struct Question {
    /// SQL, reading only.
    pub sql: String,
}

/// Its answer.
#[derive(Clone, Debug, Default, PartialEq, Serialize, ToSchema)]
pub struct Answer {
    /// Names of the columns.
    pub columns: Vec<String>,
    /// Rows as text; null where there is no value. At most 500.
    pub rows: Vec<Vec<Option<String>>>,
    /// Whether there were more.
    pub more: bool,
    /// How long it took, in milliseconds.
    pub took: u64,
}

/// A table of the lake.
#[derive(Clone, Debug, Default, PartialEq, Serialize, ToSchema)]
pub struct Table {
    /// Name.
    pub name: String,
    /// Columns.
    pub columns: Vec<String>,
}
