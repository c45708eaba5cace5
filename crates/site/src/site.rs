use crate::conduits::{self, Conduits};
use crate::declared::Declared;
use crate::inventory::Inventory;
use crate::names::{domain, host_label};
use crate::rows::{Routes, Wanted};
use crate::sessions::{Session, Sessions, split};
use crate::timeline::{Binding, Timeline};
use crate::{Asset, Conduit, Flow, Gateway};
use crate::{asset, rows, windows};
use model::{Action, At, Event, Record, Rows, Schema, Time};
use std::net::IpAddr;

/// The site as it was learned from what was observed, in any order, and from what a person declared.
///
/// ```ignore
/// let mut site = Site::new(vec![]);
/// site.observe_row(&at, &row);
/// site.observe_event(&event);
/// site.resolve(&mut finding);
/// for asset in site.assets() { println!("{} {:?}", asset.id, asset.purdue.level) }
/// ```
#[derive(Debug, Default)]
pub struct Site {
    pub(crate) declared: Vec<Declared>,
    pub(crate) inventory: Inventory,
    pub(crate) conduits: Conduits,
    pub(crate) timeline: Timeline,
    pub(crate) sessions: Sessions,
    pub(crate) wanted: Wanted,
    pub(crate) routes: Routes,
}

/// What was not remembered because a bound was reached; all zero on a site of usual size.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Dropped {
    /// Sightings of addresses, computers, hardware addresses and traits beyond the inventory's bounds.
    pub inventory: u64,
    /// Conversations of pairs beyond the bound of pairs.
    pub conduits: u64,
    /// Tellings of who has an address.
    pub bindings: u64,
    /// Sessions.
    pub sessions: u64,
}

impl Site {
    /// A site of which nothing is known but what is declared.
    pub fn new(declared: Vec<Declared>) -> Self {
        Self { declared, ..Self::default() }
    }

    /// Learns from a typed row; rows of logs that tell nothing about the site cost a comparison of their
    /// name.
    pub fn observe_row(&mut self, at: &At<'_>, row: &dyn Record) {
        rows::observe(self, at, row);
    }

    /// Whether a row of this log, with this action, tells anything about a site; the others need not be handed in.
    pub fn is_told_by(schema: &Schema, action: Option<Action>) -> bool {
        rows::is_telling(schema, action)
    }

    /// Learns from the conversations that are still open: `write` hands over a `conn` row for each, as it stands. What
    /// an earlier call told about open conversations is forgotten.
    pub fn observe_open(&mut self, write: impl FnOnce(&mut dyn Rows)) {
        self.conduits.look_again();
        self.conduits.opening = true;
        write(&mut Open(self));
        self.conduits.opening = false;
    }

    /// Learns from a Windows event, or another program's that names its computer.
    pub fn observe_event(&mut self, event: &Event) {
        windows::observe(self, event);
    }

    /// Who had `addr` at `time`; `None` when nobody is known to have had it.
    pub fn host(&self, addr: IpAddr, time: Time) -> Option<Binding> {
        self.timeline.host(addr, time)
    }

    /// The session named `Computer/0x…` as it was at `time`.
    pub fn session(&self, name: &str, time: Time) -> Option<Session> {
        let (host, id) = split(name)?;
        self.sessions.find(&host, &id, time)
    }

    /// Sessions open on the host (in any spelling) at `time`: who was there, and from where.
    pub fn sessions_on(&self, host: &str, time: Time) -> Vec<Session> {
        host_label(host).map(|host| self.sessions.open(&host, time)).unwrap_or_default()
    }

    /// Every asset, with its level and the reasons for it; those with addresses first, by address, then by
    /// name.
    pub fn assets(&self) -> Vec<Asset> {
        asset::assets(self)
    }

    /// Who talks to whom on which service, in the order of the assets' ids.
    pub fn conduits(&self) -> Vec<Conduit> {
        asset::contacts::conduits(self)
    }

    /// Who uses which service of whom by address and port, in order of address: what a filter on the way would cut.
    pub fn flows(&self) -> Vec<Flow> {
        self.conduits.flows()
    }

    /// Hardware addresses that stand for more than one asset.
    pub fn gateways(&self) -> Vec<Gateway> {
        self.inventory.cards.gateways()
    }

    /// What was not remembered.
    pub fn dropped(&self) -> Dropped {
        Dropped {
            inventory: self.inventory.dropped + self.inventory.cards.dropped,
            conduits: self.conduits.dropped,
            bindings: self.timeline.dropped,
            sessions: self.sessions.dropped,
        }
    }

    /// The computer named `text` logged something at `time`; returns its short name.
    pub(crate) fn computer(&mut self, time: Time, text: &str) -> Option<String> {
        let name = host_label(text)?;
        let computer = self.inventory.log(time, &name)?;
        if let Some(domain) = domain(text) {
            let full = text.trim().trim_end_matches('.').to_lowercase();
            if computer.full_names.len() < FULL_NAMES_MAX {
                computer.full_names.insert(full.into());
            }
            self.inventory.domain(&domain);
        }
        self.timeline.computer(&name);
        Some(name)
    }

    pub(crate) fn end(&self, addr: IpAddr) -> conduits::End {
        let inside = crate::network::place(addr) == crate::network::Place::Site
            || self.declared.iter().any(|d| matches!(&d.whom, crate::Whom::Network(n) if n.contains(addr)));
        if inside { conduits::End::Site(addr) } else { conduits::End::Outside }
    }
}

/// Full names kept per computer: it may change its domain, yet not for ever.
const FULL_NAMES_MAX: usize = 8;

struct Open<'a>(&'a mut Site);

impl Rows for Open<'_> {
    fn put(&mut self, at: &At<'_>, row: &dyn Record) {
        self.0.observe_row(at, row);
    }
}
