//! Linux nftables: a flow is an element of a set with a timeout, so that the kernel forgets it even if
//! Tieline never comes back.
//!
//! Tieline owns the table `inet tieline` and nothing else. Measured on Linux 6.18 with nft 1.0.6.

mod program;
pub(crate) mod text;

use crate::{Block, Effect, Firewall, FirewallError, InForce};

/// nftables of this machine or of one of its network namespaces.
#[derive(Clone, Debug)]
pub struct Nftables {
    /// Program, `nft` or a path.
    pub nft: String,
    /// Network namespace (`ip netns`) to steer; none for the one that Tieline runs in.
    pub netns: Option<String>,
}

impl Default for Nftables {
    fn default() -> Self {
        Self { nft: "nft".to_owned(), netns: None }
    }
}

impl Nftables {
    fn command(&self) -> Vec<&str> {
        let inside = self.netns.iter().flat_map(|name| ["ip", "netns", "exec", name]);
        inside.chain([self.nft.as_str()]).collect()
    }

    fn apply(&self, ruleset: &str) -> Result<(), FirewallError> {
        program::run(&self.command(), &["-f", "-"], ruleset).map(drop)
    }
}

impl Firewall for Nftables {
    fn name(&self) -> String {
        self.netns.as_ref().map_or_else(|| "nftables".to_owned(), |name| format!("nftables in {name}"))
    }

    fn render(&self, effects: &[Effect]) -> String {
        text::put(effects)
    }

    fn list(&mut self) -> Result<Vec<InForce>, FirewallError> {
        match program::run(&self.command(), &["-j", "list", "table", "inet", "tieline"], "") {
            Ok(json) => text::read(&json)
                .map_err(|what| FirewallError::Unreadable { program: self.command().join(" "), what }),
            // Other programs on the way (`ip netns`) say it with other words in front.
            Err(FirewallError::Said { said, .. }) if said.starts_with("Error: No such file or directory") => {
                Ok(Vec::new())
            }
            Err(error) => Err(error),
        }
    }

    fn put(&mut self, effects: &[Effect]) -> Result<(), FirewallError> {
        self.apply(&text::put(effects))
    }

    fn remove(&mut self, blocks: &[Block]) -> Result<(), FirewallError> {
        self.apply(&text::remove(blocks))
    }
}
