use super::clock::Clock;
use crate::held;
use model::Time;
use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex};

/// Who may not reach what.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Flow {
    /// Plant address that calls.
    pub src: Ipv4Addr,
    /// Plant address that is called.
    pub dst: Ipv4Addr,
    /// TCP port that is called, as the plant numbers it: 502 for Modbus.
    pub port: u16,
}

/// What the firewall between the networks blocks, each entry until its own end.
///
/// A new conversation of a blocked flow is reset at once. In one that is open, the next bytes from the source
/// are not delivered: the source gets a reset, the called end a closed conversation.
#[derive(Debug)]
pub struct Firewall {
    clock: Arc<Clock>,
    entries: Mutex<Vec<(Flow, Time)>>,
}

/// Entries in force; one more takes the place of that which ends first.
const ENTRIES_MAX: usize = 256;

impl Firewall {
    pub(crate) fn new(clock: Arc<Clock>) -> Self {
        Self { clock, entries: Mutex::default() }
    }

    /// Blocks `flow` until the story's clock shows `until`; an entry that is there gets the new end.
    pub fn put(&self, flow: Flow, until: Time) {
        let mut entries = held(&self.entries);
        let now = self.clock.now();
        entries.retain(|(known, end)| *known != flow && *end > now);
        entries.push((flow, until));
        entries.sort_by_key(|(_, end)| std::cmp::Reverse(*end));
        entries.truncate(ENTRIES_MAX);
    }

    /// Takes a block away; false when there is none.
    pub fn remove(&self, flow: &Flow) -> bool {
        let mut entries = held(&self.entries);
        let now = self.clock.now();
        let blocked = entries.iter().any(|(known, end)| known == flow && *end > now);
        entries.retain(|(known, _)| known != flow);
        blocked
    }

    /// What is blocked now, and until when; what ends last comes first.
    pub fn list(&self) -> Vec<(Flow, Time)> {
        let now = self.clock.now();
        held(&self.entries).iter().copied().filter(|(_, end)| *end > now).collect()
    }

    /// Whether `flow` is blocked now.
    pub fn blocks(&self, flow: &Flow) -> bool {
        let now = self.clock.now();
        held(&self.entries).iter().any(|(known, end)| known == flow && *end > now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::Span;

    fn flow(last: u8) -> Flow {
        Flow { src: [10, 3, 0, last].into(), dst: [10, 1, 10, 5].into(), port: 502 }
    }

    fn firewall() -> Firewall {
        // A story that stands still, as far as this test can see.
        Firewall::new(Arc::new(Clock::new(Time(0), 1e-9)))
    }

    #[test]
    fn a_block_holds_until_its_end_and_for_its_flow_alone() {
        let firewall = firewall();
        firewall.put(flow(20), Time(0) + Span::s(60));
        firewall.put(flow(21), Time(0) - Span::s(1));
        assert!(firewall.blocks(&flow(20)));
        assert!(!firewall.blocks(&Flow { port: 44818, ..flow(20) }));
        assert!(!firewall.blocks(&flow(21)), "its end has passed");
        assert_eq!(firewall.list(), [(flow(20), Time(0) + Span::s(60))]);
        assert!(firewall.remove(&flow(20)));
        assert!(!firewall.remove(&flow(20)));
        assert!(!firewall.blocks(&flow(20)));
    }

    #[test]
    fn a_full_firewall_lets_go_of_what_ends_first() {
        let firewall = firewall();
        for number in 0..=ENTRIES_MAX {
            let dst = Ipv4Addr::from_bits(u32::try_from(number).unwrap());
            firewall.put(Flow { dst, ..flow(20) }, Time(0) + Span::s(9 + i64::try_from(number).unwrap()));
        }
        assert_eq!(firewall.list().len(), ENTRIES_MAX);
        assert!(!firewall.blocks(&Flow { dst: Ipv4Addr::from_bits(0), ..flow(20) }));
        assert!(firewall.blocks(&Flow { dst: Ipv4Addr::from_bits(1), ..flow(20) }));
    }
}
