use model::{Criticality, Level, Span, Time, Transport};
use serde::Serialize;
use std::net::IpAddr;

/// What is known of the site at one moment: what a plan is checked against and a block is judged by.
#[derive(Clone, Debug, Default)]
pub struct GuardInput {
    /// The moment.
    pub now: Time,
    /// Devices and computers.
    pub assets: Vec<AssetFact>,
    /// Who was seen using which service of whom.
    pub conduits: Vec<Seen>,
    /// Since when conduits have been learned.
    pub learned_since: Time,
    /// How long they must have been learned, so that start-up, batches and monthly jobs are among them.
    pub learn_min: Span,
    /// Why the sensor may have missed something, if so: packets lost, a mirror port down.
    pub blind: Option<String>,
    /// What people say must never stop, seen or not.
    pub declared_essential: Vec<Essential>,
}

/// A device or computer, as far as response needs to know it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AssetFact {
    /// All its addresses.
    pub addrs: Vec<IpAddr>,
    /// Name.
    pub name: String,
    /// Purdue level, if known.
    pub level: Option<Level>,
    /// What its loss means, if declared.
    pub criticality: Option<Criticality>,
    /// It belongs to a safety function.
    pub safety: bool,
    /// What it is for.
    pub roles: Vec<AssetRole>,
}

/// What a device is for, where that decides what may be stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum AssetRole {
    /// Operators see and steer the process with it.
    Hmi,
    /// It controls the process.
    Controller,
    /// Controllers are programmed with it.
    Engineering,
    /// It keeps the record of the process.
    Historian,
    /// Others log on through it.
    Directory,
    /// Others learn names from it.
    Dns,
    /// Others learn the time from it.
    Clock,
    /// It is a sensor, collector or console of Tieline.
    Tieline,
}

/// A conduit: one host seen using one service of another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// Host that asks.
    pub client: IpAddr,
    /// Host that answers.
    pub server: IpAddr,
    /// What carries it.
    pub transport: Transport,
    /// Port of the server.
    pub port: u16,
    /// Service, `modbus`.
    pub service: String,
    /// First traffic.
    pub first: Time,
    /// Last traffic.
    pub last: Time,
    /// Process values or commands go over it.
    pub process: bool,
    /// Commands or set points go over it in ordinary operation. What the incident itself wrote does not
    /// count: it is what shall be stopped.
    pub writes: bool,
    /// Purdue level of the client, if known.
    pub client_level: Option<Level>,
    /// Purdue level of the server, if known.
    pub server_level: Option<Level>,
}

/// A conduit that people say must never stop.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Essential {
    /// Host that asks.
    pub client: IpAddr,
    /// Host that answers.
    pub server: IpAddr,
    /// Port of the server; none for all.
    pub port: Option<u16>,
    /// Why.
    pub why: String,
}

impl GuardInput {
    /// The asset with this address.
    pub fn asset(&self, addr: IpAddr) -> Option<&AssetFact> {
        assets_at(&self.assets, addr).next()
    }

    /// Name of the asset with this address; the address itself where nobody has it.
    pub fn name(&self, addr: IpAddr) -> String {
        self.asset(addr).map_or_else(|| addr.to_string(), |asset| asset.name.clone())
    }
}

impl AssetFact {
    /// Whether it belongs to a safety function, by declaration or by what its loss means.
    pub fn is_safety(&self) -> bool {
        self.safety || self.criticality == Some(Criticality::Safety)
    }

    /// Whether it has this role.
    pub fn is(&self, role: AssetRole) -> bool {
        self.roles.contains(&role)
    }
}

/// The assets with this address: more than one where the inventory contradicts itself.
pub(crate) fn assets_at(assets: &[AssetFact], addr: IpAddr) -> impl Iterator<Item = &AssetFact> {
    let addr = addr.to_canonical();
    assets.iter().filter(move |asset| asset.addrs.iter().any(|own| own.to_canonical() == addr))
}
