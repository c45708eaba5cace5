use super::hit::{Hit, Order, Values};
use super::plan::{Plan, Said};
use model::{Span, Time};
use std::cmp::Ordering;
use std::collections::VecDeque;
use std::ops::Range;
use std::sync::Arc;

/// Findings that one thread keeps for one step; beyond, one from the middle is forgotten, so that the first and the
/// newest stay: the story is still found, its repeats are counted too low.
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
    /// Of completed stories: when the first completion of each was, and a digest of what was told of it.
    pub(super) told: Vec<(Time, u64)>,
    /// First completion of the story to which the last forgotten link belonged.
    forgotten: Option<Time>,
}

/// A finding as the newest step of a story.
#[derive(Debug)]
pub(super) struct Link {
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
    /// It is new, and one from the middle was forgotten.
    Full,
}

impl Meeting {
    /// Keeps a finding for threads that come late; `None` when it is there already, else how many were forgotten.
    pub(super) fn remember(&mut self, hit: &Arc<Hit>, said: &Said) -> Option<usize> {
        let at = self.past.partition_point(|p| p.hit.key < hit.key);
        let mut same = self.past.range(at..).take_while(|p| p.hit.key == hit.key);
        if same.any(|p| p.new == said.new) {
            return None;
        }
        self.past.insert(at, Past { hit: Arc::clone(hit), new: said.new.clone() });
        let full = self.past.len() > PAST_MAX;
        if full {
            self.past.pop_front();
        }
        Some(usize::from(full))
    }

    /// Findings between two moments, both included.
    pub(super) fn past(&self, from: Time, to: Time) -> impl Iterator<Item = &Past> {
        let first = self.past.partition_point(|p| p.hit.at() < from);
        self.past.range(first..).take_while(move |p| p.hit.at() <= to)
    }

    /// The thread with these values.
    pub(super) fn thread(&self, values: &Values) -> Option<&Thread> {
        self.threads.binary_search_by(|t| t.values.cmp(values)).ok().and_then(|i| self.threads.get(i))
    }

    /// The thread with these values, a new one when there is none; and whether one had to be forgotten for it.
    pub(super) fn open(&mut self, values: &Values) -> (&mut Thread, bool) {
        let mut forgotten = false;
        let at = match self.threads.binary_search_by(|t| t.values.cmp(values)) {
            Ok(at) => at,
            Err(mut at) => {
                if self.threads.len() >= THREADS_MAX
                    && let Some(quiet) = self.quietest()
                {
                    self.threads.remove(quiet);
                    at -= usize::from(quiet < at);
                    forgotten = true;
                }
                self.threads.insert(at, Thread { values: values.clone(), ..Thread::default() });
                at
            }
        };
        #[allow(clippy::indexing_slicing, reason = "found or inserted at this place")]
        (&mut self.threads[at], forgotten)
    }

    fn quietest(&self) -> Option<usize> {
        let newest = |t: &Thread| t.links.last().map(|link| link.hit.key);
        self.threads.iter().enumerate().min_by_key(|(_, t)| newest(t)).map(|(i, _)| i)
    }

    /// Forgets what is older than `cut`; what is left: links and past findings.
    pub(super) fn forget(&mut self, cut: Time, window: Span) -> usize {
        let old = self.past.partition_point(|p| p.hit.at() < cut);
        self.past.drain(..old);
        self.threads.iter_mut().for_each(|thread| thread.forget(cut, window));
        self.threads.retain(|thread| !thread.links.is_empty());
        self.past.len() + self.threads.iter().map(|t| t.links.len()).sum::<usize>()
    }
}

impl Thread {
    /// Adds a link in its place.
    pub(super) fn enter(&mut self, link: Arc<Link>) -> Entered {
        let at = match self.links.last().map(|last| last.hit.key.cmp(&link.hit.key)) {
            None | Some(Ordering::Less) => Err(self.links.len()),
            Some(_) => self.links.binary_search_by(|known| known.hit.key.cmp(&link.hit.key)),
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
                self.links.insert(at, link);
                if self.links.len() <= REPEATS_MAX {
                    return Entered::New;
                }
                self.links.remove(REPEATS_MAX / 2);
                Entered::Full
            }
        }
    }

    /// The story with `past` as its next step, the `step`th of the plan; `None` when there is none in time.
    ///
    /// Of two findings for the step before, the later one is never worse: it is closer to this step, and the latest
    /// beginning of a story that leads to it is not earlier.
    pub(super) fn extend(&self, plan: &Plan, step: usize, past: &Past) -> Option<Link> {
        let via = self.latest(past.hit.key)?;
        let at = past.hit.at();
        let within = plan.steps.get(step).and_then(|step| step.within);
        let in_time = within.is_none_or(|span| at - via.hit.at() <= span) && at - via.start <= plan.window;
        in_time.then(|| Link { hit: Arc::clone(&past.hit), via: Some(Arc::clone(via)), start: via.start })
    }

    /// Of the links not after `key` and of another finding, the latest; at equal times, whose story began last.
    fn latest(&self, key: Order) -> Option<&Arc<Link>> {
        let end = self.links.partition_point(|link| link.hit.at() <= key.at);
        let mut before = self.links.iter().take(end).rev().filter(|link| link.hit.key != key);
        let mut best = before.next()?;
        for link in before.take_while(|link| link.hit.at() == best.hit.at()) {
            if link.start > best.start {
                best = link;
            }
        }
        Some(best)
    }

    /// When the first link after `at` is, which hides `at` from everything behind it.
    pub(super) fn next_after(&self, at: Time) -> Option<Time> {
        let next = self.links.partition_point(|link| link.hit.at() <= at);
        self.links.get(next).map(|link| link.hit.at())
    }

    /// Completions that make one story each: all within one window of the first. The first of each, and their places.
    pub(super) fn stories(&self, window: Span) -> Vec<(Time, Range<usize>)> {
        let mut stories: Vec<(Time, Range<usize>)> = vec![];
        for (i, link) in self.links.iter().enumerate() {
            let at = link.hit.at();
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

    fn forget(&mut self, cut: Time, window: Span) {
        let old = self.links.partition_point(|link| link.hit.at() < cut);
        for link in self.links.drain(..old) {
            let at = link.hit.at();
            if self.forgotten.is_none_or(|first| at - first > window) {
                self.forgotten = Some(at);
            }
        }
        self.told.retain(|(first, _)| *first + window >= cut);
    }
}
