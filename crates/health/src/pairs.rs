//! Pairs of networks and who sends to whom: what is found to be one-way without anybody having said so.

use crate::conduit::{Amount, Conduit, Message, Place, Sight, Watch};
use crate::look::Look;
use crate::prefix::Prefix;
use crate::trace::{Flags, Trace};
use std::collections::BTreeMap;
use std::net::IpAddr;

/// Pairs of a tap: declared conduits first, then pairs of segments in the order of their appearance.
#[derive(Debug, Default)]
pub(crate) struct Pairs {
    /// What the place 0 holds is nobody's.
    slots: Vec<Slot>,
    watches: Vec<Watch>,
    found: BTreeMap<(Prefix, Prefix), u16>,
}

#[derive(Clone, Debug, Default)]
struct Slot {
    /// From the first to the second, and back.
    ways: [Amount; 2],
    /// Somebody acknowledges what was not seen.
    heard: [bool; 2],
}

/// Traffic between two segments in a period.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Passed {
    pub(crate) ends: (Prefix, Prefix),
    /// From the first to the second, and back.
    pub(crate) ways: [Amount; 2],
    /// Whether the first, and the second, has heard from the other though nothing was seen.
    pub(crate) heard: [bool; 2],
}

/// Pairs of segments that are kept apart; further ones are not looked at.
const PAIRS_MAX: usize = 1024;

impl Pairs {
    pub(crate) fn new(conduits: Vec<(Conduit, Place)>) -> Self {
        let watch = |(conduit, place)| Watch { conduit, place, sight: Sight::default() };
        let watches: Vec<_> = conduits.into_iter().map(watch).collect();
        let slots = vec![Slot::default(); watches.len() + 1];
        Self { slots, watches, found: BTreeMap::new() }
    }

    /// Finds the pair of a new conversation, whose first packet goes from `source` to `destination`. Of
    /// several conduits it belongs to the first.
    pub(crate) fn open(&mut self, source: IpAddr, destination: IpAddr, look: &Look<'_>, trace: &mut Trace) {
        let declared = (1..).zip(&self.watches);
        let declared = declared.map(|(place, watch)| (place, watch.direction(source, destination, look)));
        for (place, direction) in declared {
            if let Some(forward) = direction {
                trace.pair = place;
                trace.flags = trace.flags.with(Flags::TURNED, !forward).with(Flags::WATCHED, true);
                return;
            }
        }
        if !trace.flags.has(Flags::UNICAST) {
            return;
        }
        let (from, to) = (Prefix::segment(source), Prefix::segment(destination));
        let turned = from > to;
        let ends = if turned { (to, from) } else { (from, to) };
        trace.pair = if from == to { 0 } else { self.find(ends) };
        trace.flags.set(Flags::TURNED, turned);
    }

    fn find(&mut self, ends: (Prefix, Prefix)) -> u16 {
        if let Some(place) = self.found.get(&ends) {
            return *place;
        }
        match u16::try_from(self.slots.len()) {
            Ok(place) if self.found.len() < PAIRS_MAX => {
                self.slots.push(Slot::default());
                self.found.insert(ends, place);
                place
            }
            _ => 0,
        }
    }

    /// Counts a packet that stands for `weight` of them.
    pub(crate) fn count(&mut self, trace: &Trace, back: bool, look: &Look<'_>, weight: u64) {
        let Some(slot) = self.slots.get_mut(usize::from(trace.pair)) else { return };
        let [there, back_again] = &mut slot.ways;
        let way = if back != trace.flags.has(Flags::TURNED) { back_again } else { there };
        way.add(look, weight);
    }

    /// Takes a packet of a declared conduit.
    #[cold]
    #[inline(never)]
    pub(crate) fn watched(&mut self, trace: &Trace, back: bool, look: &Look<'_>, message: &Message<'_>) {
        let place = usize::from(trace.pair).saturating_sub(1);
        if let Some(watch) = self.watches.get_mut(place) {
            watch.packet(back == trace.flags.has(Flags::TURNED), look, message);
        }
    }

    /// Takes a frame that carries no IP.
    pub(crate) fn frame(&mut self, look: &Look<'_>) {
        self.watches.iter_mut().for_each(|watch| watch.frame(look));
    }

    /// An end of the conversation has heard from the other, though nothing of it was seen.
    pub(crate) fn heard(&mut self, trace: &Trace, back: bool) {
        let Some(slot) = self.slots.get_mut(usize::from(trace.pair)) else { return };
        let [first, second] = &mut slot.heard;
        *(if back != trace.flags.has(Flags::TURNED) { second } else { first }) = true;
    }

    /// Takes what the conduits and the pairs had since the last time.
    pub(crate) fn take(&mut self) -> (Vec<Sight>, Vec<Passed>) {
        let sights = self.watches.iter_mut().map(|watch| std::mem::take(&mut watch.sight)).collect();
        let mut passed = vec![];
        for (ends, place) in &self.found {
            let Some(slot) = self.slots.get_mut(usize::from(*place)) else { continue };
            let Slot { ways, heard, .. } = std::mem::take(slot);
            if ways.iter().any(|way| way.packets > 0) {
                passed.push(Passed { ends: *ends, ways, heard });
            }
        }
        (sights, passed)
    }
}

impl Passed {
    pub(crate) fn merge(&mut self, other: &Passed) {
        for (way, more) in self.ways.iter_mut().zip(other.ways) {
            way.merge(more);
        }
        for (heard, more) in self.heard.iter_mut().zip(other.heard) {
            *heard |= more;
        }
    }
}
