use crate::nftables::text;
use crate::{Block, Effect, EffectId, Firewall, FirewallError, InForce};
use model::{Time, Transport};
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// A firewall in memory, for a virtual site and for tests. It forgets when its time is told to pass.
///
/// Clones are the same firewall: one steers it, the other asks it what passes.
#[derive(Clone, Debug, Default)]
pub struct Simulated(Arc<Mutex<Inside>>);

#[derive(Debug, Default)]
struct Inside {
    now: Time,
    /// By flow, as in nftables: a flow is stopped once, whoever stops it. Bounded by what callers put.
    rules: BTreeMap<Block, (EffectId, Time)>,
}

impl Simulated {
    /// An empty one.
    pub fn new(now: Time) -> Self {
        Self(Arc::new(Mutex::new(Inside { now, rules: BTreeMap::new() })))
    }

    /// Lets its time become `now`; what has ended is forgotten.
    pub fn pass(&self, now: Time) {
        let mut inside = self.inside();
        inside.now = now;
        inside.rules.retain(|_, (_, end)| *end > now);
    }

    /// Whether packets of this flow are stopped.
    pub fn stops(&self, source: IpAddr, target: IpAddr, transport: Transport, port: u16) -> bool {
        self.inside().rules.keys().any(|block| block.stops(source, target, transport, port))
    }

    /// Every call leaves the rules whole, so a panic elsewhere changes nothing about them.
    fn inside(&self) -> MutexGuard<'_, Inside> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Firewall for Simulated {
    fn name(&self) -> String {
        "simulated".to_owned()
    }

    /// Reads as at a real firewall, so that what is learned in training is true outside.
    fn render(&self, effects: &[Effect]) -> String {
        text::put(effects)
    }

    fn list(&mut self) -> Result<Vec<InForce>, FirewallError> {
        let inside = self.inside();
        let in_force = |(block, (id, end)): (&Block, &(EffectId, Time))| InForce {
            id: *id,
            block: *block,
            remaining: Some(*end - inside.now),
        };
        Ok(inside.rules.iter().map(in_force).collect())
    }

    fn put(&mut self, effects: &[Effect]) -> Result<(), FirewallError> {
        let mut inside = self.inside();
        let now = inside.now;
        inside.rules.extend(effects.iter().map(|e| (e.block, (e.id, now + e.ttl.span()))));
        Ok(())
    }

    fn remove(&mut self, blocks: &[Block]) -> Result<(), FirewallError> {
        self.inside().rules.retain(|block, _| !blocks.contains(block));
        Ok(())
    }
}
