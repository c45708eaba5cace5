use super::hit::{Hit, Order};
use super::{Counters, Limits};
use model::{Finding, Span, Time};
use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::sync::Arc;

/// How far a clock may run ahead of the arrival of its event; beyond, the event is taken as of its arrival.
pub const AHEAD_MAX: Span = Span::s(5);

/// A source that sent nothing for so long is not waited for.
pub const IDLE_AFTER: Span = Span::s(120);

/// How much longer than the lateness a source that lags behind is waited for; what it sends later is late.
pub const LAG_MAX: Span = Span::s(3600);

/// Sources whose progress is known; the one that was silent for longest is forgotten, and no longer waited for.
pub const SOURCES_MAX: usize = 4096;

/// Findings between two looks at how far all sources have come.
const LOOK_EVERY: u32 = 64;

/// Puts findings in the order of their event time.
///
/// The watermark is the moment before which everything is believed to have arrived: the slowest of the sources that
/// were active of late, less the lateness. It never goes back.
#[derive(Debug)]
pub(super) struct Buffer {
    /// `None`: nothing is released before the end of the input.
    lateness: Option<Span>,
    sources: BTreeMap<u32, Progress>,
    held: BinaryHeap<Reverse<Held>>,
    /// The newest arrival.
    now: Time,
    watermark: Time,
    until_look: u32,
}

#[derive(Clone, Copy, Debug)]
struct Progress {
    newest: Time,
    arrived: Time,
}

#[derive(Debug)]
struct Held(Order, Arc<Hit>);

impl Buffer {
    /// Holds findings back for `lateness`; `None` holds them until [`Buffer::release_all`].
    pub(super) fn new(lateness: Option<Span>) -> Self {
        Self {
            lateness,
            sources: BTreeMap::new(),
            held: BinaryHeap::new(),
            now: Time(i64::MIN),
            watermark: Time(i64::MIN),
            until_look: LOOK_EVERY,
        }
    }

    /// A buffer that waits as long as this one and holds nothing.
    pub(super) fn emptied(&self) -> Self {
        Self::new(self.lateness)
    }

    /// Takes a finding; one that is older than the watermark is released next.
    pub(super) fn push(&mut self, finding: Finding, counters: &mut Counters) {
        let arrived = finding.arrived;
        let ahead = finding.time > arrived + AHEAD_MAX;
        let at = if ahead { arrived } else { finding.time };
        counters.ahead += u64::from(ahead);
        counters.late += u64::from(at < self.watermark);
        // A clock that runs ahead says nothing about how far its source has come.
        let newest = if ahead { Time(i64::MIN) } else { at };
        self.progress(finding.evidence.origin.file, newest, arrived);
        let hit = Arc::new(Hit::new(finding, at));
        self.held.push(Reverse(Held(hit.key, hit)));
        self.until_look = self.until_look.saturating_sub(1);
        if self.until_look == 0 {
            self.look();
        }
    }

    /// `source` has come as far as `newest`, and this was known at `arrived`.
    pub(super) fn progress(&mut self, source: u32, newest: Time, arrived: Time) {
        self.now = self.now.max(arrived);
        if self.sources.len() >= SOURCES_MAX && !self.sources.contains_key(&source) {
            let silent = self.sources.iter().min_by_key(|(_, p)| p.arrived).map(|(name, _)| *name);
            silent.map(|name| self.sources.remove(&name));
        }
        let known = self.sources.entry(source).or_insert(Progress { newest, arrived });
        known.newest = known.newest.max(newest);
        known.arrived = known.arrived.max(arrived);
    }

    /// Time has come to `now`: sources may have become idle.
    pub(super) fn tick(&mut self, now: Time) {
        self.now = self.now.max(now);
        self.look();
    }

    fn look(&mut self) {
        self.until_look = LOOK_EVERY;
        let Some(lateness) = self.lateness else { return };
        let now = self.now;
        let active = self.sources.values().filter(|p| now - p.arrived <= IDLE_AFTER);
        // A source that has shown nothing but a wrong clock does not count.
        let slowest = active.map(|p| p.newest).filter(|newest| newest.0 > i64::MIN).min();
        let complete = slowest.unwrap_or(now).clamp(now - LAG_MAX, now) - lateness;
        self.watermark = self.watermark.max(complete);
    }

    /// The next finding in the order of event time that need not wait any longer.
    pub(super) fn release(&mut self, limits: &Limits, counters: &mut Counters) -> Option<Arc<Hit>> {
        let Reverse(Held(first, _)) = self.held.peek()?;
        if first.at >= self.watermark {
            if self.held.len() <= limits.held_max {
                return None;
            }
            counters.released_early += 1;
        }
        self.release_all()
    }

    /// The next finding in the order of event time.
    pub(super) fn release_all(&mut self) -> Option<Arc<Hit>> {
        self.held.pop().map(|Reverse(Held(_, hit))| hit)
    }

    /// How many findings are held.
    pub(super) fn len(&self) -> usize {
        self.held.len()
    }

    /// Moment before which everything is believed to have arrived.
    pub(super) fn watermark(&self) -> Time {
        self.watermark
    }
}

impl Ord for Held {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.0.cmp(&other.0)
    }
}

impl PartialOrd for Held {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Held {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}

impl Eq for Held {}
