use super::hit::{Hit, Order, Values};
use super::plan::Plan;
use super::thread::{Entered, Link, Meeting, Past, REPEATS_MAX, Thread};
use super::{Counters, Limits};
use foldhash::fast::RandomState;
use model::{Incident, Span, Time};
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;

/// Stories that one finding may carry on; beyond, the others stay where they are, and this is counted.
pub(super) const WORK_MAX: usize = 100_000;

/// All chains and the stories that are under way.
///
/// Nothing here depends on the order in which findings come: a finding looks for stories that wait for it, and a
/// story that has come through a step looks for findings that were there before it.
#[derive(Debug, Default)]
pub(super) struct Sequences {
    pub(super) plans: Vec<Plan>,
    pub(super) meetings: HashMap<Key, Meeting, RandomState>,
    /// Completed stories about which something new is known.
    pub(super) changed: BTreeSet<(usize, Values)>,
    /// Completed stories of shorter chains, and the values of longer ones that tell more.
    pub(super) covered: HashMap<(usize, Values), BTreeSet<(usize, Values)>, RandomState>,
    /// What is to be told, by chain, values and first completion.
    pub(super) ready: BTreeMap<(usize, Values, Time), Incident>,
    /// The newest finding.
    newest: Option<Order>,
    /// Of each chain, the moment before which things are forgotten.
    pub(super) floors: Vec<Time>,
    /// Links and past findings.
    live: usize,
    sweep_at: usize,
    /// By so much the time that past findings are kept is cut.
    part: i64,
}

/// Where threads meet findings: after so many steps of a chain, at these values.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Key {
    pub(super) chain: usize,
    /// Number of the step that is waited for; the number of steps for completed stories.
    pub(super) step: usize,
    pub(super) values: Values,
}

/// A story about to come through a step.
struct Arrival {
    step: usize,
    values: Values,
    link: Link,
}

impl Sequences {
    pub(super) fn new(plans: Vec<Plan>) -> Self {
        let floors = plans.iter().map(|_| Time(i64::MIN)).collect();
        Self { plans, floors, sweep_at: SWEEP_MIN, part: 1, ..Self::default() }
    }

    /// Takes `hit` as the `step`th step of a chain.
    pub(super) fn take(&mut self, chain: usize, step: usize, hit: &Arc<Hit>, counters: &mut Counters) {
        // Also at equal times a story may have completed already that this finding belongs to.
        let late =
            self.newest.is_some_and(|newest| hit.key < newest || hit.at() == newest.at && hit.key != newest);
        self.newest = self.newest.max(Some(hit.key));
        let Some(plan_step) = self.plans.get(chain).and_then(|plan| plan.steps.get(step)) else { return };
        let (said, left_out) = plan_step.said(hit);
        counters.combinations_cut += left_out as u64;
        for said in said {
            let arrivals = if step == 0 {
                let link = Link { key: hit.key, hit: Arc::clone(hit), via: None, start: hit.at() };
                vec![Arrival { step, values: said.new, link }]
            } else {
                self.meet(Key { chain, step, values: said.shared }, said.new, hit, counters)
            };
            let roots = arrivals.iter().filter(|_| late).map(|a| (a.step, a.values.clone())).collect();
            self.enter(chain, arrivals, counters);
            self.mark(chain, roots, hit.at());
        }
    }

    /// Keeps `hit` at its meeting, and carries on the stories that wait there.
    fn meet(&mut self, key: Key, new: Values, hit: &Arc<Hit>, counters: &mut Counters) -> Vec<Arrival> {
        let Some(plan) = self.plans.get(key.chain) else { return vec![] };
        let step = key.step;
        let meeting = self.meetings.entry(key).or_default();
        let past = Past { key: hit.key, hit: Arc::clone(hit), new };
        let arrivals =
            meeting.threads.iter().filter_map(|thread| carry_on(plan, step, thread, &past)).collect();
        let Some(forgotten) = meeting.remember(past) else {
            counters.duplicates += 1;
            return vec![];
        };
        self.live += 1 - forgotten;
        counters.past_forgotten += forgotten as u64;
        arrivals
    }

    /// Brings stories through a step, and on through findings that were there before them.
    fn enter(&mut self, chain: usize, mut arrivals: Vec<Arrival>, counters: &mut Counters) {
        let mut work = 0;
        while let Some(arrival) = arrivals.pop() {
            if work == WORK_MAX {
                counters.work_cut += 1;
                return;
            }
            work += 1;
            self.enter_one(chain, arrival, &mut arrivals, counters);
        }
    }

    fn enter_one(
        &mut self,
        chain: usize,
        arrival: Arrival,
        next: &mut Vec<Arrival>,
        counters: &mut Counters,
    ) {
        let Some(plan) = self.plans.get(chain) else { return };
        let Arrival { step, values, link } = arrival;
        let at = link.key.at;
        let last = step + 1 == plan.steps.len();
        let key = Key { chain, step: step + 1, values: plan.meet(step, &values) };
        let meeting = self.meetings.entry(key).or_default();
        let (thread, forgotten) = meeting.open(values.clone());
        counters.threads_forgotten += u64::from(forgotten);
        match thread.enter(Arc::new(link)) {
            Entered::Known => return counters.duplicates += u64::from(step == 0),
            Entered::Better => {}
            Entered::New => self.live += 1,
        }
        let full = thread.links.len() > REPEATS_MAX;
        // Behind the next link, that one is the better way.
        let to = thread.next_after(at).unwrap_or(at + plan.window);
        if !last && let Some(thread) = meeting.thread(&values) {
            next.extend(meeting.past(at, to).filter_map(|past| carry_on(plan, step + 1, thread, past)));
        }
        if last {
            self.complete(chain, &values);
        }
        if full {
            self.shrink(chain, step, values, counters);
        }
    }

    fn complete(&mut self, chain: usize, values: &Values) {
        let Some(plan) = self.plans.get(chain) else { return };
        for (shorter, numbers) in &plan.covers {
            let part = numbers.iter().filter_map(|n| values.get(*n)).map(Arc::clone).collect();
            self.covered.entry((*shorter, part)).or_default().insert((chain, values.clone()));
        }
        self.changed.insert((chain, values.clone()));
    }

    /// Makes room in a thread; what is known of all stories is told before.
    fn shrink(&mut self, chain: usize, step: usize, values: Values, counters: &mut Counters) {
        self.tell(counters);
        let Some(plan) = self.plans.get(chain) else { return };
        let key = Key { chain, step: step + 1, values: plan.meet(step, &values) };
        let Some(meeting) = self.meetings.get_mut(&key) else { return };
        let cut = now(self.newest) - plan.hold();
        let (forgotten, early) = meeting.open(values).0.shrink(cut, plan.window);
        self.live -= forgotten;
        counters.repeats_forgotten += early as u64;
        if let Some(floor) = self.floors.get_mut(chain) {
            *floor = (*floor).max(cut);
        }
    }

    /// After a late finding: completed stories that may now have one more repeat of a step.
    fn mark(&mut self, chain: usize, mut roots: Vec<(usize, Values)>, from: Time) {
        let Some(plan) = self.plans.get(chain) else { return };
        let mut seen: HashSet<(usize, Values), RandomState> = roots.iter().cloned().collect();
        while let Some((step, values)) = roots.pop() {
            let key = Key { chain, step: step + 1, values: plan.meet(step, &values) };
            let Some(meeting) = self.meetings.get(&key) else { continue };
            if meeting.thread(&values).is_none() {
                continue;
            }
            if step + 1 == plan.steps.len() {
                self.changed.insert((chain, values));
                continue;
            }
            for past in meeting.past(from, from + plan.window) {
                let next = (step + 1, longer(&values, &past.new));
                if seen.len() < WORK_MAX && seen.insert(next.clone()) {
                    roots.push(next);
                }
            }
        }
    }

    /// Forgets what cannot matter any more, when enough has come together for the work to pay.
    pub(super) fn tidy(&mut self, limits: &Limits, counters: &mut Counters) {
        if self.live < self.sweep_at.min(limits.live_max) {
            return;
        }
        self.tell(counters);
        self.part = (self.part / 2).max(1);
        // First the past goes, which only late findings need, then stories.
        self.sweep(self.part, (self.part / PAST_FIRST).max(1));
        while self.live >= limits.live_max / 2 && self.part < PARTS_MAX {
            self.part *= 2;
            self.sweep(self.part, (self.part / PAST_FIRST).max(1));
        }
        counters.shortened += u64::from(self.part > 1);
        self.sweep_at = self.live.saturating_mul(2).max(SWEEP_MIN);
    }

    /// Forgets past findings older than a `past`th of a window, and links older than a `links`th of their hold.
    fn sweep(&mut self, past: i64, links: i64) {
        for (plan, floor) in self.plans.iter().zip(&mut self.floors) {
            *floor = (*floor).max(now(self.newest) - Span(plan.hold().0 / links));
        }
        let (plans, floors, newest) = (&self.plans, &self.floors, now(self.newest));
        self.live = 0;
        self.meetings.retain(|key, meeting| {
            let (Some(plan), Some(floor)) = (plans.get(key.chain), floors.get(key.chain)) else {
                return false;
            };
            let left = meeting.forget(newest - Span(plan.window.0 / past), *floor, plan.window);
            self.live += left;
            left > 0
        });
        let (plans, meetings) = (&self.plans, &self.meetings);
        self.covered.retain(|_, longer| {
            longer.retain(|(chain, values)| {
                plans.get(*chain).is_some_and(|plan| {
                    let key = Key { chain: *chain, step: plan.steps.len(), values: values.clone() };
                    meetings.contains_key(&key)
                })
            });
            !longer.is_empty()
        });
    }

    /// Links and findings that are held.
    pub(super) fn live(&self) -> usize {
        self.live
    }
}

/// Links and findings below which forgetting is not worth the work.
const SWEEP_MIN: usize = 16_384;

/// By so much the time that past findings are kept is cut before that of stories is.
const PAST_FIRST: i64 = 64;

/// By so much the time that past findings are kept is cut at most: 8 hours to microseconds.
const PARTS_MAX: i64 = 1 << 40;

fn now(newest: Option<Order>) -> Time {
    newest.map_or(Time(i64::MIN), |order| order.at)
}

fn carry_on(plan: &Plan, step: usize, thread: &Thread, past: &Past) -> Option<Arrival> {
    let link = thread.extend(plan, step, past)?;
    Some(Arrival { step, values: longer(&thread.values, &past.new), link })
}

fn longer(values: &Values, new: &Values) -> Values {
    values.iter().chain(new).map(Arc::clone).collect()
}
