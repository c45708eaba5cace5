use super::hit::{Hit, Order, Values};
use super::plan::Plan;
use model::{Span, Time};
use std::cmp::Ordering;
use std::collections::VecDeque;
use std::ops::Range;
use std::sync::Arc;

/// Findings that one thread keeps for one step; beyond, a quarter is forgotten from the middle, so that the first and
/// the newest stay: the story is still found, its repeats are counted too low.
pub(super) const REPEATS_MAX: usize = 2048;

/// Findings of a step that are kept for late arrivals under one key; beyond, the oldest is forgotten.
pub(super) const PAST_MAX: usize = 4096;

/// Threads that wait under one key; beyond, the one that was quiet for longest is forgotten.
pub(super) const THREADS_MAX: usize = 256;

/// Where threads wait for their next step, and the findings seen so far that could be it.
#[derive(Debug, Default)]
pub(super) struct Meeting {
    /// By values.
    pub(super) threads: Vec<Thread>,
    /// By order.
    past: VecDeque<Past>,
}

/// A finding that can be a step.
#[derive(Debug)]
pub(super) struct Past {
    pub(super) key: Order,
    pub(super) hit: Arc<Hit>,
    /// Values that it adds.
    pub(super) new: Values,
}

/// All stories that have come through the same step with the same values of all variables so far.
#[derive(Debug, Default)]
pub(super) struct Thread {
    pub(super) values: Values,
    /// Findings that can be the newest step, by order.
    pub(super) links: Vec<Arc<Link>>,
    /// Not after any of them.
    oldest: Option<Time>,
    /// Of completed stories: when the first completion of each was, and a digest of what was told of it.
    pub(super) told: Vec<(Time, u64)>,
    /// First completion of the story to which the last forgotten link belonged.
    forgotten: Option<Time>,
}

/// A finding as the newest step of a story.
#[derive(Debug)]
pub(super) struct Link {
    pub(super) key: Order,
    pub(super) hit: Arc<Hit>,
    /// The step before.
    pub(super) via: Option<Arc<Link>>,
    /// Time of the first step; of several possible stories, the one that began last.
    pub(super) start: Time,
}

/// What became of a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Entered {
    /// It was there already, as good or better.
    Known,
    /// It was there, but a story that began later leads to it now.
    Better,
    /// It is new.
    New,
}

impl Meeting {
    /// Keeps a finding for threads that come late; `None` when it is there already, else how many were forgotten.
    pub(super) fn remember(&mut self, past: Past) -> Option<usize> {
        let at = self.past.partition_point(|p| p.key < past.key);
        let mut same = self.past.range(at..).take_while(|p| p.key == past.key);
        if same.any(|p| p.new == past.new) {
            return None;
        }
        one_at_first(self.past.capacity(), |room| self.past.reserve_exact(room));
        self.past.insert(at, past);
        let full = self.past.len() > PAST_MAX;
        if full {
            self.past.pop_front();
        }
        Some(usize::from(full))
    }

    /// Findings between two moments, both included.
    pub(super) fn past(&self, from: Time, to: Time) -> impl Iterator<Item = &Past> {
        let first = self.past.partition_point(|p| p.key.at < from);
        self.past.range(first..).take_while(move |p| p.key.at <= to)
    }

    /// The thread with these values.
    pub(super) fn thread(&self, values: &Values) -> Option<&Thread> {
        self.threads.binary_search_by(|t| t.values.cmp(values)).ok().and_then(|i| self.threads.get(i))
    }

    /// The thread with these values, a new one when there is none; and whether one had to be forgotten for it.
    pub(super) fn open(&mut self, values: Values) -> (&mut Thread, bool) {
        let mut forgotten = false;
        let at = self.threads.binary_search_by(|t| t.values.cmp(&values)).unwrap_or_else(|mut at| {
            if self.threads.len() >= THREADS_MAX
                && let Some(quiet) = self.quietest()
            {
                self.threads.remove(quiet);
                at -= usize::from(quiet < at);
                forgotten = true;
            }
            one_at_first(self.threads.capacity(), |room| self.threads.reserve_exact(room));
            self.threads.insert(at, Thread { values, ..Thread::default() });
            at
        });
        #[allow(clippy::indexing_slicing, reason = "found or inserted at this place")]
        (&mut self.threads[at], forgotten)
    }

    fn quietest(&self) -> Option<usize> {
        let newest = |t: &Thread| t.links.last().map(|link| link.key);
        self.threads.iter().enumerate().min_by_key(|(_, t)| newest(t)).map(|(i, _)| i)
    }

    /// Forgets past findings and links that are older than these moments; how many of both are left.
    pub(super) fn forget(&mut self, past: Time, links: Time, window: Span) -> usize {
        let old = self.past.partition_point(|p| p.key.at < past);
        self.past.drain(..old);
        self.threads.iter_mut().for_each(|thread| thread.forget(links, window));
        self.threads.retain(|thread| !thread.links.is_empty());
        self.past.len() + self.threads.iter().map(|t| t.links.len()).sum::<usize>()
    }
}

impl Thread {
    /// Adds a link in its place.
    pub(super) fn enter(&mut self, link: Arc<Link>) -> Entered {
        let at = match self.links.last().map(|last| last.key.cmp(&link.key)) {
            None | Some(Ordering::Less) => Err(self.links.len()),
            Some(_) => self.links.binary_search_by(|known| known.key.cmp(&link.key)),
        };
        match at {
            Ok(at) => match self.links.get_mut(at) {
                Some(known) if known.start < link.start => {
                    *known = link;
                    Entered::Better
                }
                _ => Entered::Known,
            },
            Err(at) => {
                one_at_first(self.links.capacity(), |room| self.links.reserve_exact(room));
                self.oldest = Some(self.oldest.map_or(link.key.at, |oldest| oldest.min(link.key.at)));
                self.links.insert(at, link);
                Entered::New
            }
        }
    }

    /// The story with `past` as its next step, the `step`th of the plan; `None` when there is none in time.
    ///
    /// Of two findings for the step before, the later one is never worse: it is closer to this step, and the latest
    /// beginning of a story that leads to it is not earlier.
    pub(super) fn extend(&self, plan: &Plan, step: usize, past: &Past) -> Option<Link> {
        let via = self.latest(past.key)?;
        let at = past.key.at;
        let within = plan.steps.get(step).and_then(|step| step.within);
        let in_time = within.is_none_or(|span| at - via.key.at <= span) && at - via.start <= plan.window;
        in_time.then(|| Link {
            key: past.key,
            hit: Arc::clone(&past.hit),
            via: Some(Arc::clone(via)),
            start: via.start,
        })
    }

    /// Of the links not after `key` and of another finding, the latest; at equal times, whose story began last.
    fn latest(&self, key: Order) -> Option<&Arc<Link>> {
        let end = self.links.partition_point(|link| link.key.at <= key.at);
        let mut before = self.links.iter().take(end).rev().filter(|link| link.key != key);
        let mut best = before.next()?;
        for link in before.take_while(|link| link.key.at == best.key.at) {
            if link.start > best.start {
                best = link;
            }
        }
        Some(best)
    }

    /// When the first link after `at` is, which hides `at` from everything behind it.
    pub(super) fn next_after(&self, at: Time) -> Option<Time> {
        let next = self.links.partition_point(|link| link.key.at <= at);
        self.links.get(next).map(|link| link.key.at)
    }

    /// Completions that make one story each: all within one window of the first. The first of each, and their places.
    pub(super) fn stories(&self, window: Span) -> Vec<(Time, Range<usize>)> {
        let mut stories: Vec<(Time, Range<usize>)> = vec![];
        for (i, link) in self.links.iter().enumerate() {
            let at = link.key.at;
            if let Some((first, places)) = stories.last_mut()
                && at - *first <= window
            {
                places.end = i + 1;
            } else if self.forgotten.is_none_or(|first| at - first > window) {
                stories.push((at, i..i + 1));
            }
        }
        stories
    }

    /// Forgets what is older than `cut`.
    fn forget(&mut self, cut: Time, window: Span) {
        if self.oldest.is_some_and(|oldest| oldest >= cut) {
            return;
        }
        let old = self.links.partition_point(|link| link.key.at < cut);
        for link in self.links.drain(..old) {
            let at = link.key.at;
            if self.forgotten.is_none_or(|first| at - first > window) {
                self.forgotten = Some(at);
            }
        }
        self.oldest = self.links.first().map(|link| link.key.at);
        self.told.retain(|(first, _)| *first + window >= cut);
    }

    /// Makes room when there are too many links: forgets what is older than `cut`, else a quarter from the middle,
    /// though not where a story was first complete. How many were forgotten, and of these how many too early.
    pub(super) fn shrink(&mut self, cut: Time, window: Span) -> (usize, usize) {
        let before = self.links.len();
        self.forget(cut, window);
        let kept = self.links.len();
        if kept > REPEATS_MAX {
            let middle = REPEATS_MAX / 4..REPEATS_MAX * 3 / 4;
            let mut places = 0..;
            let told = &self.told;
            self.links.retain(|link| {
                let place = places.next().unwrap_or_default();
                let first = told.iter().any(|(first, _)| *first == link.key.at);
                first || !middle.contains(&place) || place % 2 == 0
            });
        }
        (before - self.links.len(), kept - self.links.len())
    }
}

/// Most lists never hold more than one thing, and there are very many of them.
fn one_at_first(capacity: usize, reserve: impl FnOnce(usize)) {
    if capacity == 0 {
        reserve(1);
    }
}
