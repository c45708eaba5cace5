use super::hit::{Hit, Values};
use super::plan::Plan;
use super::thread::{Entered, Link, Meeting, Past, Thread};
use super::{Counters, Limits};
use foldhash::fast::RandomState;
use model::{Incident, Time};
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
    /// The newest moment seen.
    newest: Time,
    /// Of each chain, the moment before which things are forgotten.
    pub(super) floors: Vec<Time>,
    /// Links and past findings.
    live: usize,
    sweep_at: usize,
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
        Self { plans, floors, newest: Time(i64::MIN), sweep_at: SWEEP_MIN, ..Self::default() }
    }

    /// Takes `hit` as the `step`th step of a chain.
    pub(super) fn take(&mut self, chain: usize, step: usize, hit: &Arc<Hit>, counters: &mut Counters) {
        // At equal times a story may have completed already that this finding belongs to.
        let late = hit.at() <= self.newest;
        self.newest = self.newest.max(hit.at());
        let Some(plan_step) = self.plans.get(chain).and_then(|plan| plan.steps.get(step)) else { return };
        let (said, left_out) = plan_step.said(hit);
        counters.combinations_cut += left_out as u64;
        for said in said {
            let arrivals = if step == 0 {
                let link = Link { hit: Arc::clone(hit), via: None, start: hit.at() };
                vec![Arrival { step, values: said.new, link }]
            } else {
                let key = Key { chain, step, values: said.shared.clone() };
                let meeting = self.meetings.entry(key).or_default();
                let Some(forgotten) = meeting.remember(hit, &said) else {
                    counters.duplicates += 1;
                    continue;
                };
                self.live += 1 - forgotten;
                counters.past_forgotten += forgotten as u64;
                let past = Past { hit: Arc::clone(hit), new: said.new };
                let Some(plan) = self.plans.get(chain) else { return };
                meeting.threads.iter().filter_map(|thread| carry_on(plan, step, thread, &past)).collect()
            };
            let roots: Vec<(usize, Values)> =
                if late { arrivals.iter().map(|a| (a.step, a.values.clone())).collect() } else { vec![] };
            self.enter(chain, arrivals, counters);
            self.mark(chain, roots, hit.at());
        }
    }

    /// Brings stories through a step, and on through findings that were there before them.
    fn enter(&mut self, chain: usize, mut arrivals: Vec<Arrival>, counters: &mut Counters) {
        let Some(plan) = self.plans.get(chain) else { return };
        let mut work = 0;
        while let Some(Arrival { step, values, link }) = arrivals.pop() {
            work += 1;
            if work > WORK_MAX {
                counters.work_cut += 1;
                return;
            }
            let at = link.hit.at();
            let key = Key { chain, step: step + 1, values: plan.meet(step, &values) };
            let meeting = self.meetings.entry(key).or_default();
            let (thread, forgotten) = meeting.open(&values);
            counters.threads_forgotten += u64::from(forgotten);
            let entered = thread.enter(Arc::new(link));
            match entered {
                Entered::Known => {
                    counters.duplicates += u64::from(step == 0);
                    continue;
                }
                Entered::Better => {}
                Entered::New => self.live += 1,
                Entered::Full => counters.repeats_forgotten += 1,
            }
            let to = thread.next_after(at).unwrap_or(at + plan.window);
            if step + 1 == plan.steps.len() {
                self.changed.insert((chain, values.clone()));
                for (shorter, numbers) in &plan.covers {
                    let part = numbers.iter().filter_map(|n| values.get(*n)).map(Arc::clone).collect();
                    self.covered.entry((*shorter, part)).or_default().insert((chain, values.clone()));
                }
                continue;
            }
            let Some(thread) = meeting.thread(&values) else { continue };
            arrivals.extend(meeting.past(at, to).filter_map(|past| carry_on(plan, step + 1, thread, past)));
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
        self.sweep(1);
        // When that was not enough, what is still held of the past is cut to a half, a quarter and so on.
        for part in [2, 4, 8, 16, 32, 64] {
            if self.live < limits.live_max {
                break;
            }
            counters.shortened += 1;
            self.sweep(part);
        }
        self.sweep_at = self.live.saturating_mul(2).max(SWEEP_MIN);
    }

    fn sweep(&mut self, part: i64) {
        for (plan, floor) in self.plans.iter().zip(&mut self.floors) {
            *floor = (*floor).max(Time(self.newest.0.saturating_sub(plan.hold().0 / part)));
        }
        let (plans, floors) = (&self.plans, &self.floors);
        self.live = 0;
        self.meetings.retain(|key, meeting| {
            let (Some(plan), Some(floor)) = (plans.get(key.chain), floors.get(key.chain)) else { return false };
            let left = meeting.forget(*floor, plan.window);
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

fn carry_on(plan: &Plan, step: usize, thread: &Thread, past: &Past) -> Option<Arrival> {
    let link = thread.extend(plan, step, past)?;
    Some(Arrival { step, values: longer(&thread.values, &past.new), link })
}

fn longer(values: &Values, new: &Values) -> Values {
    values.iter().chain(new).map(Arc::clone).collect()
}
