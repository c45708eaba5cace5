use crate::network::{Place, place};
use crate::oui::{self, Makes};
use model::Mac;
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

/// Hardware addresses that are kept; further ones are counted as dropped.
pub(crate) const CARDS_MAX: usize = 65_536;

/// Addresses listed per hardware address; with more it is «at least this many».
pub(crate) const CARRIED_MAX: usize = 1024;

/// IPv6 addresses that one interface may have had: it makes new ones for privacy (RFC 8981).
const OWN_IPV6_MAX: usize = 64;

/// A hardware address behind which there are several IP addresses: a router, a firewall, a proxy of ARP.
///
/// The addresses behind it are not merged into one asset, and it is not taken for theirs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gateway {
    /// Hardware address.
    pub mac: Mac,
    /// Who made it, where the table knows.
    pub vendor: Option<&'static str>,
    /// Addresses seen behind it, in order; at most 1024.
    pub behind: Vec<IpAddr>,
    /// Why it is taken for one, in a sentence.
    pub reason: String,
}

/// Which IP addresses each hardware address carried.
#[derive(Debug, Default)]
pub(crate) struct Cards {
    cards: BTreeMap<Mac, Card>,
    pub(crate) dropped: u64,
}

#[derive(Debug, Default)]
struct Card {
    /// Addresses that have it for sure.
    own: BTreeSet<IpAddr>,
    /// Addresses whose frames carried it, perhaps on a router's behalf.
    carried: BTreeSet<IpAddr>,
}

impl Cards {
    pub(crate) fn carry(&mut self, mac: Mac, addr: IpAddr, proven: bool) {
        if self.cards.len() >= CARDS_MAX && !self.cards.contains_key(&mac) {
            self.dropped += 1;
            return;
        }
        let card = self.cards.entry(mac).or_default();
        let set = if proven { &mut card.own } else { &mut card.carried };
        if set.len() < CARRIED_MAX {
            set.insert(addr);
        }
    }

    /// Whether `mac` stands for more than one asset. It is asked for every address, and counts no further than it must.
    pub(crate) fn is_gateway(&self, mac: Mac) -> bool {
        let Some(card) = self.cards.get(&mac) else { return false };
        card.is_shared() || matches!(oui::vendor(mac), Some((_, Makes::Router)))
    }

    /// Why `mac` stands for more than one asset; `None` when it does not.
    pub(crate) fn gateway(&self, mac: Mac) -> Option<String> {
        let card = self.cards.get(&mac)?;
        if let Some((name, Makes::Router)) = oui::vendor(mac) {
            return Some(format!("{name} uses such addresses for routers"));
        }
        if !card.is_shared() {
            return None;
        }
        let v4 = card.foreign().filter(|addr| addr.is_ipv4()).count();
        let others = card.foreign().count();
        Some(if v4 > 1 || others > OWN_IPV6_MAX {
            format!("carried the frames of {others} addresses")
        } else {
            format!("has an address of its own and carried the frames of {others} more")
        })
    }

    /// Whether `mac` is the interface of the asset at `addr`, and not that of a router before it.
    pub(crate) fn is_of(&self, mac: Mac, addr: IpAddr) -> bool {
        let own = self.cards.get(&mac).is_some_and(|card| card.own.contains(&addr));
        own || (place(addr) == Place::Site && !self.is_gateway(mac))
    }

    pub(crate) fn gateways(&self) -> Vec<Gateway> {
        let gateway = |(mac, card): (&Mac, &Card)| {
            let reason = self.gateway(*mac)?;
            let vendor = oui::vendor(*mac).map(|(vendor, _)| vendor);
            Some(Gateway { mac: *mac, vendor, behind: card.foreign().copied().collect(), reason })
        };
        self.cards.iter().filter_map(gateway).collect()
    }
}

impl Card {
    /// Whether it carried the frames of several IPv4 addresses, of more IPv6 addresses than a host gives itself, or of
    /// another beside its own.
    fn is_shared(&self) -> bool {
        let v4 = self.foreign().filter(|addr| addr.is_ipv4()).take(2).count();
        v4 > 1 || (v4 == 1 && !self.own.is_empty()) || self.foreign().nth(OWN_IPV6_MAX).is_some()
    }

    /// Addresses that may be somebody else's: not proven to be its own, nor link-local, which no router
    /// forwards.
    fn foreign(&self) -> impl Iterator<Item = &IpAddr> {
        let link_local = |addr: &IpAddr| match addr {
            IpAddr::V4(addr) => addr.is_link_local(),
            IpAddr::V6(addr) => addr.is_unicast_link_local(),
        };
        self.carried.iter().filter(move |addr| !self.own.contains(addr) && !link_local(addr))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAC: Mac = Mac([0, 0x80, 0xf4, 1, 2, 3]);

    fn cards(carried: &[&str], own: &[&str]) -> Cards {
        let mut cards = Cards::default();
        carried.iter().for_each(|addr| cards.carry(MAC, addr.parse().unwrap(), false));
        own.iter().for_each(|addr| cards.carry(MAC, addr.parse().unwrap(), true));
        cards
    }

    #[test]
    fn a_hardware_address_with_several_addresses_is_a_routers() {
        let cards = cards(&["10.1.0.5", "10.1.0.6"], &[]);
        assert!(!cards.is_of(MAC, "10.1.0.5".parse().unwrap()));
        assert_eq!(cards.gateways()[0].reason, "carried the frames of 2 addresses");
    }

    #[test]
    fn an_interface_with_both_kinds_of_address_is_no_router() {
        let cards = cards(&["10.1.0.5", "fe80::1"], &[]);
        assert!(cards.is_of(MAC, "10.1.0.5".parse().unwrap()));
        assert_eq!(cards.gateways(), []);
    }

    #[test]
    fn a_router_keeps_the_address_that_is_proven_its_own() {
        let cards = cards(&["10.1.0.1", "203.0.113.9", "10.9.0.7"], &["10.1.0.1"]);
        assert!(cards.is_of(MAC, "10.1.0.1".parse().unwrap()));
        assert!(!cards.is_of(MAC, "10.9.0.7".parse().unwrap()));
    }

    #[test]
    fn an_address_that_routers_share_is_nobodys() {
        let mut cards = Cards::default();
        let vrrp = Mac([0, 0, 0x5e, 0, 1, 7]);
        cards.carry(vrrp, "10.1.0.1".parse().unwrap(), false);
        assert!(!cards.is_of(vrrp, "10.1.0.1".parse().unwrap()));
    }
}
