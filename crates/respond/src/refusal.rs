use crate::{Role, RunId, RunState};
use std::net::IpAddr;

/// Why something is not done. An answer, not an error: it says what a person can do about it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The case has no two addresses between which something could be stopped.
    #[error("the case names no flow between two hosts of one address family")]
    NoFlow,
    /// An end is not one host: a wildcard, a group, a broadcast.
    #[error("{0} is not a single host")]
    NotAHost(IpAddr),
    /// Without a port the block would stop everything between two hosts.
    #[error("the case names no TCP or UDP port; a block of everything between two hosts is too wide")]
    NoPort,
    /// More flows than one plan may stop.
    #[error("{flows} flows in one plan; at most {max}")]
    TooWide {
        /// How many it would be.
        flows: usize,
        /// How many may be.
        max: usize,
    },
    /// The target is not in the inventory, so nobody can say that it is no safety device.
    #[error("{0} is not in the inventory, so nobody can say that it is no safety device")]
    UnknownAsset(String),
    /// An end protects people, environment or equipment.
    #[error("{0} belongs to a safety function; no block may touch it")]
    SafetyAsset(String),
    /// An end is one that no block may touch.
    #[error("{name} is protected: {why}")]
    Protected {
        /// Name or address.
        name: String,
        /// Why.
        why: String,
    },
    /// What a controller sends is never stopped.
    #[error("{0} is on level 1 or below; what a controller sends is never stopped")]
    ControllerSource(String),
    /// What an operator needs to see and steer the process is never stopped.
    #[error("{operator} operates {controller}; this pair is never parted")]
    OperatorPair {
        /// Operator station.
        operator: String,
        /// What it operates.
        controller: String,
    },
    /// The flow is stopped already.
    #[error("the flow is stopped already, by {0}")]
    AlreadyInForce(RunId),
    /// As many effects are in force as may be at once.
    #[error("the most blocks that may be in force at one time are: {0}; lift one first")]
    TooManyInForce(usize),
    /// As many effects were put in force within an hour as may be; an attacker who forges alarms gets no
    /// further.
    #[error("the most blocks within an hour were put in force: {0}; block at the firewall by hand")]
    TooManyThisHour(usize),
    /// As many runs wait for a decision as may wait.
    #[error("the most runs that may wait for a decision are waiting: {0}; decide one first")]
    TooManyWaiting(usize),
    /// The guard found that the playbook's verdicts do not allow it.
    #[error("the guard says {verdict}: {reason}")]
    Guard {
        /// Verdict.
        verdict: &'static str,
        /// Why.
        reason: String,
    },
    /// No such run.
    #[error("no run {0}")]
    UnknownRun(RunId),
    /// The run does not wait for a decision.
    #[error("{run} is {}, it waits for no decision", state.name())]
    NotWaiting {
        /// Run.
        run: RunId,
        /// Where it stands.
        state: RunState,
    },
    /// Nobody decided in time.
    #[error("{0} lapsed: nobody decided in time, so nothing is done")]
    Lapsed(RunId),
    /// The run is not in force.
    #[error("{run} is {}, there is nothing to lift", state.name())]
    NotInForce {
        /// Run.
        run: RunId,
        /// Where it stands.
        state: RunState,
    },
    /// What was judged has changed, so what was signed is no longer what would happen.
    #[error("what the guard judged has changed; earlier approvals are void, look again and sign anew")]
    GuardChanged,
    /// Nobody of this name has this role.
    #[error("{who} has not the role {}", role.name())]
    NotEnrolled {
        /// Who.
        who: String,
        /// Role.
        role: Role,
    },
    /// The log-in is too old for a decision like this.
    #[error("{who} has not logged in within the last {minutes} minutes; log in again")]
    NotLoggedIn {
        /// Who.
        who: String,
        /// How fresh it must be.
        minutes: i64,
    },
    /// Who asked does not approve.
    #[error("{0} asked for it and may not approve it too")]
    AskerApproves(String),
    /// One person has one voice, whatever the roles.
    #[error("{0} has approved already; the other role needs another person")]
    SamePerson(String),
    /// The role has spoken.
    #[error("an approval of {} is there already", .0.name())]
    RoleGiven(Role),
    /// The name typed is not the asset's.
    #[error("\"{typed}\" was typed, the asset is {asset}")]
    WrongAsset {
        /// What was typed.
        typed: String,
        /// What the asset is called.
        asset: String,
    },
    /// The signature is not the person's over this run.
    #[error("the signature is not that of {0} over this run")]
    BadSignature(String),
    /// The public key cannot be used.
    #[error("not a public key: an uncompressed point of P-256 has 65 bytes (SEC 1, 2.3.3)")]
    BadKey,
    /// One key, one person.
    #[error("this key is that of {0}")]
    KeyTaken(String),
    /// As many people are enrolled as may be.
    #[error("{0} people are enrolled, which is the most")]
    TooManyPeople(usize),
    /// The playbook puts nothing in force.
    #[error("the playbook puts nothing in force")]
    NothingToApply,
    /// The firewall did not put it in force; it is as it was before.
    #[error("the rule is not in force: {0}")]
    NotPut(String),
}
