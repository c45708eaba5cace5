use lab::live::{Flow, Live};
use model::Transport;
use respond::{Block, Effect, EffectId, Firewall, FirewallError, InForce};
use std::collections::BTreeMap;
use std::fmt::Write;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::{Arc, OnceLock};

/// The firewall of the virtual site, as response steers it.
pub(crate) struct SiteFirewall {
    live: Arc<OnceLock<Live>>,
    /// Names of what was put there; the site's firewall itself knows flows alone.
    names: BTreeMap<Flow, EffectId>,
}

impl SiteFirewall {
    pub(crate) fn new(live: Arc<OnceLock<Live>>) -> Self {
        Self { live, names: BTreeMap::new() }
    }

    fn live(&self) -> Result<&Live, FirewallError> {
        self.live.get().ok_or(FirewallError::Silent { program: "the site's firewall".to_owned(), seconds: 0 })
    }
}

impl Firewall for SiteFirewall {
    fn name(&self) -> String {
        "firewall of the virtual site".to_owned()
    }

    fn render(&self, effects: &[Effect]) -> String {
        let mut text = String::new();
        for effect in effects {
            let (block, seconds) = (effect.block, effect.ttl.seconds());
            let (source, target, port) = (block.source(), block.target(), block.port());
            // Writing to a string cannot fail.
            let _ = writeln!(
                text,
                "reject {} {source} > {target}:{port} for {seconds} s # {}",
                block.transport().name(),
                effect.id
            );
        }
        text
    }

    fn list(&mut self) -> Result<Vec<InForce>, FirewallError> {
        let live = self.live()?;
        let now = live.now();
        let named = |(flow, until): (Flow, model::Time)| {
            let block = block(&flow)?;
            let id = *self.names.get(&flow)?;
            Some(InForce { id, block, remaining: Some(until - now) })
        };
        Ok(live.firewall().list().into_iter().filter_map(named).collect())
    }

    fn put(&mut self, effects: &[Effect]) -> Result<(), FirewallError> {
        let unfit = || FirewallError::Said {
            program: "the site's firewall".to_owned(),
            said: "only TCP between IPv4 addresses can be stopped here".to_owned(),
        };
        let flows: Vec<_> =
            effects.iter().map(|e| Some((flow(&e.block)?, e))).collect::<Option<_>>().ok_or_else(unfit)?;
        let live = self.live()?;
        for (flow, effect) in &flows {
            live.firewall().put(*flow, live.now() + effect.ttl.span());
        }
        self.names.extend(flows.into_iter().map(|(flow, effect)| (flow, effect.id)));
        Ok(())
    }

    fn remove(&mut self, blocks: &[Block]) -> Result<(), FirewallError> {
        let live = self.live()?;
        blocks.iter().filter_map(flow).for_each(|flow| {
            live.firewall().remove(&flow);
        });
        Ok(())
    }
}

fn flow(block: &Block) -> Option<Flow> {
    let v4 = |addr| if let IpAddr::V4(v4) = addr { Some(v4) } else { None::<Ipv4Addr> };
    (block.transport() == Transport::Tcp).then_some(Flow {
        src: v4(block.source())?,
        dst: v4(block.target())?,
        port: block.port(),
    })
}

fn block(flow: &Flow) -> Option<Block> {
    Block::new(flow.src.into(), flow.dst.into(), Transport::Tcp, flow.port).ok()
}
