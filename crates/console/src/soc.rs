use crate::view::{Answer, Approve, Assets, Health, Incident, Overview, Run, Status, Table};
use serde::Serialize;
use tokio::sync::watch;
use utoipa::ToSchema;

/// What a person may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Sees everything, decides nothing.
    Viewer,
    /// IT analyst: acknowledges, asks for containment, approves for IT.
    It,
    /// OT engineer with authority over the plant: acknowledges, asks for containment, approves for OT.
    Ot,
}

/// A person who is logged in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct User {
    /// Name, `m.ito`.
    pub name: String,
    /// What he or she may do.
    pub role: Role,
}

/// What could not be done, in a sentence for the person who asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// There is no such thing.
    #[error("there is no {0}")]
    Unknown(String),
    /// The person may not, or the state does not allow it.
    #[error("{0}")]
    No(String),
    /// It was tried and failed.
    #[error("{0}")]
    Failed(String),
}

/// The operations centre as the console needs it. Calls may take a moment (SQL, disk); none waits for the network.
pub trait Soc: Send + Sync + 'static {
    /// Counts up with every change that somebody could see.
    fn revision(&self) -> watch::Receiver<u64>;
    /// The strip.
    fn status(&self) -> Status;
    /// The first screen.
    fn overview(&self) -> Overview;
    /// An incident by its identifier.
    fn incident(&self, id: &str) -> Option<Incident>;
    /// A run by its identifier.
    fn run(&self, id: &str) -> Option<Run>;
    /// All runs, newest first; at most 100.
    fn runs(&self) -> Vec<Run>;
    /// A window of the inventory: assets whose name, address, zone or make contains `text`.
    fn assets(&self, text: &str, offset: usize, limit: usize) -> Assets;
    /// State of what sees.
    fn health(&self) -> Health;
    /// Tables of the lake.
    fn tables(&self) -> Vec<Table>;
    /// Asks the lake.
    ///
    /// # Errors
    /// With what is wrong with the question, or why it took too long.
    fn ask(&self, sql: &str) -> Result<Answer, Refused>;
    /// The packets that a step of an incident rests on, as a pcap file.
    fn packets(&self, incident: &str, step: u32) -> Option<Vec<u8>>;
    /// Acknowledges an alarm.
    ///
    /// # Errors
    /// When there is no such alarm or the user may not.
    fn acknowledge(&self, user: &User, alarm: &str) -> Result<(), Refused>;
    /// Starts the playbook for an incident: enriches, simulates, and waits for approvals. Gives the run's identifier;
    /// that of the run already under way, when there is one.
    ///
    /// # Errors
    /// When there is nothing to contain or the user may not.
    fn respond(&self, user: &User, incident: &str) -> Result<String, Refused>;
    /// Approves a run; the last missing approval puts the rule in force before this returns.
    ///
    /// # Errors
    /// When the approval does not count: wrong role, same person, wrong name typed, bad signature, changed guard.
    fn approve(&self, user: &User, run: &str, approve: &Approve) -> Result<Run, Refused>;
    /// Refuses a run.
    ///
    /// # Errors
    /// When it no longer waits or the user may not.
    fn refuse(&self, user: &User, run: &str, reason: &str) -> Result<Run, Refused>;
    /// Takes an active block back, one person is enough.
    ///
    /// # Errors
    /// When it is not in force or the user may not.
    fn lift(&self, user: &User, run: &str, reason: &str) -> Result<Run, Refused>;
    /// Notes that the user has done what the playbook leaves to people. Who was first stays: a second note changes
    /// nothing.
    ///
    /// # Errors
    /// When the run is not in force or the user may not.
    fn told(&self, user: &User, run: &str) -> Result<Run, Refused>;
    /// Trades a one-time login token for a person; works once.
    fn redeem(&self, token: &str) -> Option<User>;
    /// Remembers the public key (SEC1 uncompressed point, 65 bytes) with which the person signs approvals.
    ///
    /// # Errors
    /// When it is no key.
    fn enrol(&self, user: &User, key: &[u8]) -> Result<(), Refused>;
}
