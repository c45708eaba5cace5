//! What is known of the controllers and stations that an incident names: what they are, and who depends on them.

use super::Story;
use model::{Incident, Level, Trait};
use site::{Asset, Conduit};
use std::collections::BTreeSet;

/// An asset near the process that an incident names.
pub(crate) struct Affected<'a> {
    pub(crate) asset: &'a Asset,
    /// Ids of the assets that ask it, without those through which the attack came.
    pub(crate) clients: Vec<&'a str>,
    /// Services over which they ask.
    pub(crate) services: Vec<&'a str>,
}

/// The assets of level 1 and below among the values of the incident's variables.
pub(crate) fn affected<'a>(story: &'a Story, incident: &Incident) -> Vec<Affected<'a>> {
    let named: BTreeSet<&str> = incident.variables.iter().map(|(_, value)| &**value).collect();
    let near = |asset: &&Asset| asset.purdue.level.is_some_and(|level| level <= Level::L1);
    let assets = story.assets.iter().filter(near).filter(|asset| named.contains(&*asset.id));
    let of = |asset: &'a Asset| {
        let asking = |conduit: &&Conduit| conduit.server == asset.id && !named.contains(&*conduit.client);
        let asking: Vec<&Conduit> = story.conduits.iter().filter(asking).collect();
        let clients: BTreeSet<&str> = asking.iter().map(|conduit| &*conduit.client).collect();
        let services: BTreeSet<&str> = asking.iter().map(|conduit| &*conduit.service).collect();
        let (clients, services) = (clients.into_iter().collect(), services.into_iter().collect());
        Affected { asset, clients, services }
    };
    assets.map(of).collect()
}

impl Affected<'_> {
    /// `plc-asc-1 (10.1.10.5) is a Schneider Electric BMX P34 2020 on level 1; hmi01 asks it over modbus.`
    pub(crate) fn sentence(&self) -> String {
        let addresses: Vec<_> = self.asset.addresses.iter().map(|used| used.addr.to_string()).collect();
        let told: Vec<_> =
            [Trait::Vendor, Trait::Model].iter().filter_map(|about| self.asset.about(*about)).collect();
        let level = self.asset.purdue.level.map_or("?", Level::name);
        let what = if told.is_empty() { "an asset".to_owned() } else { format!("a {}", told.join(" ")) };
        let mut text = format!("{} ({}) is {what} on level {level}", self.asset.id, addresses.join(", "));
        let (clients, services) = (self.clients.join(", "), self.services.join(", "));
        match self.clients.len() {
            0 => {}
            1 => text += &format!("; {clients} asks it over {services}"),
            _ => text += &format!("; {clients} ask it over {services}"),
        }
        text + "."
    }
}
