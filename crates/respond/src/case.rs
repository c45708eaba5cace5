use model::{Span, Transport};
use serde::{Deserialize, Serialize};
use std::net::IpAddr;

/// What somebody wants to be contained: the question that a plan answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Case {
    /// Incident that it is about, `INC-7`.
    pub incident: String,
    /// What happened, in a sentence.
    pub title: String,
    /// Host that shall be kept away.
    pub source: Party,
    /// Asset that it shall be kept from; its name is what an approver types.
    pub target: Party,
    /// What carries the flow.
    pub transport: Transport,
    /// Port of the target.
    pub port: u16,
    /// For how long; what is more than 24 h, or than the playbook allows, is cut.
    pub wanted: Span,
}

/// One end of a flow.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Party {
    /// Name; an address where nobody knows one.
    pub name: String,
    /// Its addresses.
    pub addrs: Vec<IpAddr>,
}

impl Party {
    /// A party with one address.
    pub fn new(name: &str, addr: IpAddr) -> Self {
        Self { name: name.to_owned(), addrs: vec![addr] }
    }
}
