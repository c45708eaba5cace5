//! VLAN tags: which are there, and whether they went missing on the way to the tap.

use crate::prefix::Prefix;
use crate::pulse::Pulse;
use model::{Span, Time};
use std::collections::BTreeMap;

/// VLANs of a tap.
#[derive(Debug)]
pub(crate) struct Tags {
    /// Place in `pulses` by VLAN, from 1; 0 is not known yet.
    places: Box<[u8]>,
    /// Frames without a tag.
    pub(crate) bare: Pulse,
    /// Frames by VLAN, in the order of their appearance.
    pulses: Vec<(u16, Pulse)>,
    /// Frames with a tag.
    pub(crate) tagged: u64,
    /// Frames without a tag since the last tagged one, once there was one; and the most of them in a row
    /// before that.
    run: u64,
    pub(crate) bare_longest: u64,
    segments: BTreeMap<Prefix, Segment>,
}

/// Tags of the hosts of a segment.
#[derive(Clone, Copy, Debug, Default)]
struct Segment {
    tagged: bool,
    /// How often it was the other way round than the time before.
    turns: u32,
}

/// VLANs that are listened to for silence; of further ones only the presence of a tag is known.
const VLANS_MAX: usize = 64;
/// Segments whose tags are kept; those of further ones are not looked at.
const SEGMENTS_MAX: usize = 1024;
/// Turns of a segment at which its hosts are both tagged and not: three of each at least.
const TURNS_LEAST: u32 = 6;

impl Default for Tags {
    fn default() -> Self {
        Self {
            places: vec![0; 4096].into(),
            bare: Pulse::default(),
            pulses: vec![],
            tagged: 0,
            run: 0,
            bare_longest: 0,
            segments: BTreeMap::new(),
        }
    }
}

impl Tags {
    /// Takes the tag of the next frame. As long as there are no tags, those without are the tap's.
    #[inline]
    pub(crate) fn see(&mut self, vlan: Option<u16>, now: Time) {
        if vlan.is_some() || self.tagged > 0 {
            self.see_tagged(vlan, now);
        }
    }

    #[inline(never)]
    fn see_tagged(&mut self, vlan: Option<u16>, now: Time) {
        let Some(vlan) = vlan else {
            self.run += 1;
            self.bare.beat(now);
            return;
        };
        self.tagged += 1;
        self.bare_longest = self.bare_longest.max(std::mem::take(&mut self.run));
        let place = self.places.get(usize::from(vlan)).copied().unwrap_or_default();
        match usize::from(place).checked_sub(1).and_then(|place| self.pulses.get_mut(place)) {
            Some((_, pulse)) => pulse.beat(now),
            None => self.add(vlan, now),
        }
    }

    /// Frames without a tag since the last one with a tag.
    pub(crate) fn bare_run(&self) -> u64 {
        self.run
    }

    #[cold]
    fn add(&mut self, vlan: u16, now: Time) {
        let Some(place) = self.places.get_mut(usize::from(vlan)) else { return };
        if self.pulses.len() < VLANS_MAX {
            *place = u8::try_from(self.pulses.len() + 1).unwrap_or_default();
            let mut pulse = Pulse::default();
            pulse.beat(now);
            self.pulses.push((vlan, pulse));
        }
    }

    /// Takes note whether a host's frame has a tag: one per conversation and direction.
    pub(crate) fn host(&mut self, segment: Prefix, tagged: bool) {
        if let Some(known) = self.segments.get_mut(&segment) {
            known.turns = known.turns.saturating_add(u32::from(known.tagged != tagged));
            known.tagged = tagged;
        } else if self.segments.len() < SEGMENTS_MAX {
            self.segments.insert(segment, Segment { tagged, turns: 0 });
        }
    }

    /// Segments whose hosts are both tagged and not; their turns begin anew.
    pub(crate) fn take_mixed(&mut self) -> Vec<Prefix> {
        let mixed = |(prefix, segment): (&Prefix, &mut Segment)| {
            (std::mem::take(&mut segment.turns) >= TURNS_LEAST).then_some(*prefix)
        };
        self.segments.iter_mut().filter_map(mixed).collect()
    }

    /// Frames by VLAN.
    pub(crate) fn vlans(&self) -> impl Iterator<Item = (u16, Pulse)> + '_ {
        self.pulses.iter().copied()
    }

    /// The clock was set.
    pub(crate) fn skip(&mut self, from: Time, by: Span) {
        self.bare.skip(from, by);
        self.pulses.iter_mut().for_each(|(_, pulse)| pulse.skip(from, by));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_vlan_has_its_pulse_up_to_a_bound() {
        let mut tags = Tags::default();
        for number in 0..20_000u16 {
            tags.see(Some(number % 4096).filter(|vlan| *vlan > 0), Time(number.into()));
        }
        assert_eq!(tags.vlans().count(), VLANS_MAX);
        assert_eq!((tags.bare.beats, tags.bare_longest), (4, 1));
        assert!(tags.vlans().all(|(vlan, pulse)| vlan > 0 && pulse.beats >= 4));
    }

    #[test]
    fn a_segment_that_turns_once_is_not_mixed() {
        let mut tags = Tags::default();
        let (a, b) = (Prefix::segment([10, 0, 1, 1].into()), Prefix::segment([10, 0, 2, 1].into()));
        for number in 0..40 {
            tags.host(a, number % 3 == 0);
            tags.host(b, number < 20);
        }
        assert_eq!(tags.take_mixed(), [a]);
        assert_eq!(tags.take_mixed(), []);
    }
}
