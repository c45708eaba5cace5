use crate::clock::Step;
use crate::conduit::{Sight, earlier};
use crate::look::Mark;
use crate::pairs::Passed;
use crate::prefix::Prefix;
use crate::pulse::Pulse;
use crate::sums::{Senders, Sums};
use crate::trace::Told;
use std::collections::{BTreeMap, BTreeSet};

/// What a tap saw since the last time it was asked. Workers that share a tap by conversation each have their
/// part; [`Period::merge`] makes them one.
#[derive(Clone, Debug, Default)]
pub struct Period {
    /// Frames.
    pub frames: u64,
    pub(crate) copies: Copied,
    pub(crate) told: Told,
    pub(crate) senders: Senders,
    pub(crate) sums: Sums,
    pub(crate) disorder: u64,
    pub(crate) steps: Vec<Step>,
    pub(crate) pulse: Pulse,
    /// It is not known yet whether the clock was set.
    pub(crate) is_unsettled: bool,
    pub(crate) tags: Tagging,
    pub(crate) groups: Vec<Pulse>,
    pub(crate) sights: Vec<Sight>,
    pub(crate) passed: Vec<Passed>,
    /// First evidence of each condition, by its place in the table.
    pub(crate) marks: [Option<Mark>; MARKS],
}

/// Frames that repeat others.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Copied {
    /// In the same VLAN, with another tag, on the other side of a router.
    pub(crate) same: u64,
    pub(crate) tag: u64,
    pub(crate) hop: u64,
    /// Frames that were compared with those before.
    pub(crate) compared: u64,
    /// Left out of conversations.
    pub(crate) folded: u64,
    /// Repeats that the sender may have meant, and the frames of which that can only be guessed.
    pub(crate) unsure: u64,
    pub(crate) plain: u64,
    /// Frames of which it is known.
    pub(crate) telling: u64,
}

/// VLANs at the end of a period.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tagging {
    pub(crate) bare: Pulse,
    pub(crate) vlans: BTreeMap<u16, Pulse>,
    /// Frames of the period with a tag.
    pub(crate) tagged: u64,
    /// Parts of the tap that had tagged frames, and those of them that have none any more.
    pub(crate) parts: u32,
    pub(crate) parts_lost: u32,
    pub(crate) mixed: BTreeSet<Prefix>,
}

/// Conditions that have evidence of their own.
pub(crate) const MARKS: usize = 6;

/// Places in [`Period::marks`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Marked {
    Copy = 0,
    Unsure = 1,
    OneSided = 2,
    Late = 3,
    Gap = 4,
    WrongSum = 5,
}

/// Steps of the clock that are kept in a period; further ones are forgotten, for one is enough to say that it
/// jumps.
pub(crate) const STEPS_MAX: usize = 16;
/// Segments with mixed tags that are named in a period; further ones are not.
const MIXED_MAX: usize = 256;
/// Pairs of segments of a period; those of further workers beyond it are forgotten.
const PASSED_MAX: usize = 4096;

impl Copied {
    pub(crate) fn sure(&self) -> u64 {
        self.same + self.tag + self.hop
    }
}

impl Period {
    pub(crate) fn mark(&mut self, of: Marked, mark: Mark) {
        if let Some(place @ None) = self.marks.get_mut(of as usize) {
            *place = Some(mark);
        }
    }

    pub(crate) fn marked(&self, of: Marked) -> Option<Mark> {
        self.marks.get(of as usize).copied().flatten()
    }

    /// Adds the part of another worker.
    pub fn merge(&mut self, other: Period) {
        self.frames += other.frames;
        self.copies.merge(other.copies);
        self.told.merge(other.told);
        self.senders.merge(other.senders);
        self.sums.merge(other.sums);
        self.disorder += other.disorder;
        self.steps.extend(other.steps);
        self.steps.truncate(STEPS_MAX);
        self.pulse = self.pulse.merge(other.pulse);
        self.is_unsettled |= other.is_unsettled;
        self.tags.merge(other.tags);
        self.groups.resize(self.groups.len().max(other.groups.len()), Pulse::default());
        for (group, more) in self.groups.iter_mut().zip(other.groups) {
            *group = group.merge(more);
        }
        self.sights.resize(self.sights.len().max(other.sights.len()), Sight::default());
        for (sight, more) in self.sights.iter_mut().zip(other.sights) {
            sight.merge(more);
        }
        self.merge_passed(other.passed);
        for (mark, more) in self.marks.iter_mut().zip(other.marks) {
            *mark = earlier(*mark, more);
        }
    }

    /// Both lists are in order of their ends.
    fn merge_passed(&mut self, other: Vec<Passed>) {
        for more in other {
            match self.passed.binary_search_by_key(&more.ends, |passed| passed.ends) {
                Ok(place) => self.passed.get_mut(place).into_iter().for_each(|passed| passed.merge(&more)),
                Err(place) if self.passed.len() < PASSED_MAX => self.passed.insert(place, more),
                Err(_) => {}
            }
        }
    }
}

impl Copied {
    fn merge(&mut self, other: Copied) {
        self.same += other.same;
        self.tag += other.tag;
        self.hop += other.hop;
        self.compared += other.compared;
        self.folded += other.folded;
        self.unsure += other.unsure;
        self.plain += other.plain;
        self.telling += other.telling;
    }
}

impl Tagging {
    fn merge(&mut self, other: Tagging) {
        self.bare = self.bare.merge(other.bare);
        for (vlan, pulse) in other.vlans {
            let known = self.vlans.entry(vlan).or_default();
            *known = known.merge(pulse);
        }
        self.tagged += other.tagged;
        self.parts += other.parts;
        self.parts_lost += other.parts_lost;
        self.mixed.extend(other.mixed);
        while self.mixed.len() > MIXED_MAX {
            self.mixed.pop_last();
        }
    }
}
