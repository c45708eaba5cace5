use crate::facts::assets_at;
use crate::{AssetFact, AssetRole, Block, Case, Refusal, RunId, Ttl};
use model::Level;
use std::net::IpAddr;

/// Flows that one plan may stop: one per pair of addresses. A case with more is refused.
pub(crate) const BLOCKS_MAX: usize = 8;

/// What would be put in force.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// What is stopped; at least one flow, in order, each once.
    pub blocks: Vec<Block>,
    /// For how long.
    pub ttl: Ttl,
}

/// What a plan is checked against.
#[derive(Clone, Copy, Debug)]
pub struct Site<'a> {
    /// Devices and computers.
    pub assets: &'a [AssetFact],
    /// Addresses that no block may touch.
    pub protected: &'a [Protected],
    /// What is in force, and by which run.
    pub in_force: &'a [(RunId, Block)],
    /// Effects that were put in force within the last hour.
    pub last_hour: usize,
    /// How much may be.
    pub limits: Limits,
    /// The longest that the playbook allows.
    pub ttl_max: Ttl,
}

/// Addresses that no block may touch: sensors of safety systems, name and time servers, Tieline itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Protected {
    /// Any address of the range.
    pub addr: IpAddr,
    /// How many leading bits all addresses of the range share; more than there are means the one address.
    pub prefix: u8,
    /// Why.
    pub why: String,
}

/// How much may be in force; what is more is refused, so that whoever forges alarms cannot make Tieline cut
/// the site in pieces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Blocks at one time.
    pub in_force_max: usize,
    /// Blocks put in force within an hour.
    pub hour_max: usize,
    /// Runs that wait for a decision.
    pub waiting_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { in_force_max: 8, hour_max: 12, waiting_max: 16 }
    }
}

/// Works out what stops the flow of `case` and nothing else. Pure: same case and site, same plan.
///
/// # Errors
/// A [`Refusal`] when an end is protected, the scope is too wide, or too much is in force.
pub fn plan(case: &Case, site: &Site<'_>) -> Result<Plan, Refusal> {
    let blocks = flows(case)?;
    check_target(case, site)?;
    for block in &blocks {
        check_ends(block, site)?;
        check_pair(block, site)?;
        if let Some((run, _)) = site.in_force.iter().find(|(_, other)| other == block) {
            return Err(Refusal::AlreadyInForce(*run));
        }
    }
    check_limits(blocks.len(), site)?;
    Ok(Plan { blocks, ttl: Ttl::within(case.wanted).min(site.ttl_max) })
}

/// Every source with every target of its own address family.
fn flows(case: &Case) -> Result<Vec<Block>, Refusal> {
    let flows = case.source.addrs.len().saturating_mul(case.target.addrs.len());
    let mut blocks = Vec::new();
    for source in &case.source.addrs {
        for target in case.target.addrs.iter().take(BLOCKS_MAX + 1) {
            match Block::new(*source, *target, case.transport, case.port) {
                Ok(block) => blocks.push(block),
                Err(Refusal::NoFlow) => {}
                Err(refusal) => return Err(refusal),
            }
            if blocks.len() > BLOCKS_MAX {
                return Err(Refusal::TooWide { flows, max: BLOCKS_MAX });
            }
        }
    }
    blocks.sort_unstable();
    blocks.dedup();
    if blocks.is_empty() { Err(Refusal::NoFlow) } else { Ok(blocks) }
}

fn check_target(case: &Case, site: &Site<'_>) -> Result<(), Refusal> {
    let known = |addr: &IpAddr| assets_at(site.assets, *addr).next().is_some();
    if case.target.addrs.iter().all(known) {
        Ok(())
    } else {
        Err(Refusal::UnknownAsset(case.target.name.clone()))
    }
}

/// Looks at the addresses that the rule will have, not at names: a name can be wrong.
fn check_ends(block: &Block, site: &Site<'_>) -> Result<(), Refusal> {
    for addr in [block.source(), block.target()] {
        if let Some(range) = site.protected.iter().find(|range| range.contains(addr)) {
            return Err(Refusal::Protected { name: addr.to_string(), why: range.why.clone() });
        }
        for asset in assets_at(site.assets, addr) {
            if asset.is_safety() {
                return Err(Refusal::SafetyAsset(asset.name.clone()));
            }
            if let Some(why) = asset.roles.iter().find_map(|role| serves_all(*role)) {
                return Err(Refusal::Protected { name: asset.name.clone(), why: why.to_owned() });
            }
        }
    }
    Ok(())
}

fn serves_all(role: AssetRole) -> Option<&'static str> {
    match role {
        AssetRole::Directory => Some("others log on through it"),
        AssetRole::Dns => Some("others learn names from it"),
        AssetRole::Clock => Some("others learn the time from it"),
        AssetRole::Tieline => Some("Tieline would blind itself"),
        AssetRole::Hmi | AssetRole::Controller | AssetRole::Engineering | AssetRole::Historian => None,
    }
}

fn check_pair(block: &Block, site: &Site<'_>) -> Result<(), Refusal> {
    for source in assets_at(site.assets, block.source()) {
        if controls(source) {
            return Err(Refusal::ControllerSource(source.name.clone()));
        }
        let target = assets_at(site.assets, block.target()).find(|target| controls(target));
        if let (true, Some(target)) = (source.is(AssetRole::Hmi), target) {
            let (operator, controller) = (source.name.clone(), target.name.clone());
            return Err(Refusal::OperatorPair { operator, controller });
        }
    }
    Ok(())
}

fn controls(asset: &AssetFact) -> bool {
    asset.is(AssetRole::Controller) || asset.level.is_some_and(|level| level <= Level::L1)
}

fn check_limits(more: usize, site: &Site<'_>) -> Result<(), Refusal> {
    let Limits { in_force_max, hour_max, .. } = site.limits;
    if site.in_force.len().saturating_add(more) > in_force_max {
        return Err(Refusal::TooManyInForce(in_force_max));
    }
    if site.last_hour.saturating_add(more) > hour_max {
        return Err(Refusal::TooManyThisHour(hour_max));
    }
    Ok(())
}

impl Protected {
    /// Whether `addr` is in the range, however either of them is written.
    pub fn contains(&self, addr: IpAddr) -> bool {
        let width: u32 = if self.addr.is_ipv4() { 32 } else { 128 };
        let rest = width.saturating_sub(u32::from(self.prefix));
        // As IPv6, where every IPv4 address has its place (RFC 4291, 2.5.5.2).
        (bits(self.addr) ^ bits(addr)).checked_shr(rest).unwrap_or(0) == 0
    }
}

fn bits(addr: IpAddr) -> u128 {
    match addr {
        IpAddr::V4(addr) => addr.to_ipv6_mapped().to_bits(),
        IpAddr::V6(addr) => addr.to_bits(),
    }
}

#[cfg(test)]
mod tests;
