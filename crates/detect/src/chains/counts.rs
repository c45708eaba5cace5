//! Correlations that count: findings, different values or different rules of one group within a length of time.

use super::hit::{Hit, Place, Values, combinations, fold};
use super::plan::{CountPlan, Measure};
use super::story::confidence;
use super::{Counters, Limits};
use foldhash::fast::{FixedState, RandomState};
use model::{Incident, Join, Step, Time};
use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::hash::BuildHasher;
use std::ops::Range;
use std::sync::Arc;

/// Findings of one group that are kept; beyond, the oldest quarter is forgotten.
pub const GROUP_MAX: usize = 4096;

/// Count that a condition may ask for: what is surely kept.
pub const ASKED_MAX: usize = GROUP_MAX / 4 * 3;

/// Different values that an incident tells as steps of their own; the findings of further ones are repeats of the
/// last.
pub const VALUES_MAX: usize = 32;

/// All correlations that count, and what they count.
#[derive(Debug, Default)]
pub(super) struct Counts {
    pub(super) plans: Vec<CountPlan>,
    groups: HashMap<(usize, Values), Tally, RandomState>,
    changed: BTreeSet<(usize, Values)>,
    pub(super) ready: BTreeMap<(usize, Values, Time), Incident>,
    newest: Time,
    live: usize,
    sweep_at: usize,
    /// By so much the time that findings are kept is cut.
    part: i64,
}

/// Findings of one group.
#[derive(Debug, Default)]
struct Tally {
    /// By order.
    ticks: VecDeque<Tick>,
    /// Moments at which an incident began, and a digest of what was told of it.
    told: Vec<(Time, u64)>,
    /// Moment before which findings were forgotten in their time: what reaches back behind it was judged before.
    floor: Option<Time>,
    /// Moment before which findings were forgotten since there were too many.
    cut: Option<Time>,
}

#[derive(Clone, Debug)]
struct Tick {
    hit: Arc<Hit>,
    /// Number of the rule in the correlation.
    rule: usize,
    /// The value, where values are counted.
    value: Option<Arc<str>>,
}

impl Counts {
    pub(super) fn new(plans: Vec<CountPlan>) -> Self {
        Self { plans, newest: Time(i64::MIN), sweep_at: SWEEP_MIN, part: 1, ..Self::default() }
    }

    /// Takes `hit` of the `rule`th rule of a correlation; one without a key of the group belongs to no group.
    pub(super) fn take(&mut self, number: usize, rule: usize, hit: &Arc<Hit>, counters: &mut Counters) {
        self.newest = self.newest.max(hit.at());
        let Some(plan) = self.plans.get(number) else { return };
        let keys = plan.group_by.iter().filter_map(|group| group.places.get(rule)).map(std::slice::from_ref);
        let (ways, left_out) = combinations(hit, keys);
        counters.combinations_cut += left_out as u64;
        let mut full = None;
        for way in ways {
            let key = (number, Values::from(way));
            let tally = self.groups.entry(key.clone()).or_default();
            for value in counted(&plan.measure, hit) {
                if !tally.insert(Tick { hit: Arc::clone(hit), rule, value }) {
                    counters.duplicates += 1;
                    continue;
                }
                self.live += 1;
                if tally.ticks.len() >= plan.condition.min {
                    self.changed.insert(key.clone());
                }
            }
            full = full.or((tally.ticks.len() > GROUP_MAX).then_some(key));
        }
        if let Some(key) = full {
            self.shrink(&key, counters);
        }
    }

    /// Makes room in a group; what is known of all groups is told before.
    fn shrink(&mut self, key: &(usize, Values), counters: &mut Counters) {
        self.tell();
        let Some(plan) = self.plans.get(key.0) else { return };
        let Some(tally) = self.groups.get_mut(key) else { return };
        let before = tally.ticks.len();
        tally.forget(self.newest - plan.hold(), plan);
        let early = if tally.ticks.len() > GROUP_MAX { tally.cut() } else { 0 };
        self.live -= before - tally.ticks.len();
        counters.group_forgotten += early as u64;
    }

    /// Makes incidents of the groups about which something new is known.
    pub(super) fn tell(&mut self) {
        for (number, key) in std::mem::take(&mut self.changed) {
            let Some(plan) = self.plans.get(number) else { continue };
            let Some(tally) = self.groups.get_mut(&(number, key.clone())) else { continue };
            for (first, ticks) in tally.bursts(plan) {
                let ticks: Vec<&Tick> = tally.ticks.range(ticks).collect();
                let digest =
                    FixedState::with_seed(0).hash_one(ticks.iter().map(|t| t.hit.key).collect::<Vec<_>>());
                if tally.told.contains(&(first, digest)) {
                    continue;
                }
                let incident = incident(plan, &key, &ticks, first);
                tally.told.retain(|(at, _)| *at != first);
                tally.told.push((first, digest));
                self.ready.insert((number, key.clone(), first), incident);
            }
        }
    }

    /// Forgets what cannot matter any more, when enough has come together for the work to pay.
    pub(super) fn tidy(&mut self, limits: &Limits, counters: &mut Counters) {
        if self.live < self.sweep_at.min(limits.live_max) {
            return;
        }
        self.tell();
        self.part = (self.part / 2).max(1);
        self.sweep(self.part);
        while self.live >= limits.live_max / 2 && self.part < PARTS_MAX {
            self.part *= 2;
            self.sweep(self.part);
        }
        counters.shortened += u64::from(self.part > 1);
        self.sweep_at = self.live.saturating_mul(2).max(SWEEP_MIN);
    }

    fn sweep(&mut self, part: i64) {
        let (plans, newest) = (&self.plans, self.newest);
        self.live = 0;
        self.groups.retain(|(number, _), tally| {
            let Some(plan) = plans.get(*number) else { return false };
            tally.forget(Time(newest.0.saturating_sub(plan.hold().0 / part)), plan);
            self.live += tally.ticks.len();
            !tally.ticks.is_empty()
        });
    }

    /// Findings that are held.
    pub(super) fn live(&self) -> usize {
        self.live
    }
}

const SWEEP_MIN: usize = 16_384;

/// By so much the time that findings are kept is cut at most.
const PARTS_MAX: i64 = 1 << 40;

impl Tally {
    /// Puts a finding in its place, unless it is there already.
    fn insert(&mut self, tick: Tick) -> bool {
        let at = self.ticks.partition_point(|t| t.hit.key < tick.hit.key);
        let mut same = self.ticks.range(at..).take_while(|t| t.hit.key == tick.hit.key);
        let known = same.any(|t| (t.rule, &t.value) == (tick.rule, &tick.value));
        if !known {
            self.ticks.insert(at, tick);
        }
        !known
    }

    /// Forgets the oldest quarter.
    fn cut(&mut self) -> usize {
        let early = GROUP_MAX / 4;
        self.ticks.drain(..early.min(self.ticks.len()));
        self.cut = self.ticks.front().map(|tick| tick.hit.at());
        early
    }

    /// Where the condition holds: the moment at which it first does, and the findings until it last does, no later
    /// than one timespan after. A window reaches back from a finding for one timespan, both ends included.
    fn bursts(&self, plan: &CountPlan) -> Vec<(Time, Range<usize>)> {
        let span = plan.timespan;
        let floor = self.floor.unwrap_or(Time(i64::MIN));
        let held = floor.max(self.cut.unwrap_or(floor));
        let closed = self.told.iter().map(|(at, _)| *at).filter(|at| *at - span < held).max();
        let mut bursts: Vec<(Time, Range<usize>)> = vec![];
        let mut window = Window::default();
        let mut oldest = self.ticks.iter().enumerate().peekable();
        for (i, tick) in self.ticks.iter().enumerate() {
            let at = tick.hit.at();
            window.add(plan, tick);
            while let Some((_, old)) = oldest.next_if(|(_, old)| old.hit.at() < at - span) {
                window.remove(plan, old);
            }
            let moment_goes_on = self.ticks.get(i + 1).is_some_and(|next| next.hit.at() == at);
            let old = at - span < floor || closed.is_some_and(|first| at - first <= span);
            if moment_goes_on || old || !plan.condition.holds(window.count(&plan.measure)) {
                continue;
            }
            match bursts.last_mut() {
                Some((first, ticks)) if at - *first <= span => ticks.end = i + 1,
                _ => bursts.push((at, oldest.peek().map_or(i, |(oldest, _)| *oldest)..i + 1)),
            }
        }
        bursts
    }

    fn forget(&mut self, cut: Time, plan: &CountPlan) {
        let old = self.ticks.partition_point(|tick| tick.hit.at() < cut);
        if self.ticks.drain(..old).count() > 0 {
            self.floor = Some(cut);
        }
        self.told.retain(|(first, _)| *first + plan.timespan >= cut);
    }
}

/// What lies within one timespan.
#[derive(Default)]
struct Window<'a> {
    findings: usize,
    different: HashMap<Label<'a>, usize, RandomState>,
}

/// What is told as a step of its own: a rule, a value, or everything together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Label<'a> {
    All,
    Rule(usize),
    Value(&'a str),
}

impl<'a> Window<'a> {
    fn add(&mut self, plan: &CountPlan, tick: &'a Tick) {
        self.findings += 1;
        *self.different.entry(tick.label(plan)).or_default() += 1;
    }

    fn remove(&mut self, plan: &CountPlan, tick: &'a Tick) {
        self.findings -= 1;
        let label = tick.label(plan);
        if let Some(count) = self.different.get_mut(&label) {
            *count -= 1;
            if *count == 0 {
                self.different.remove(&label);
            }
        }
    }

    fn count(&self, measure: &Measure) -> usize {
        match measure {
            Measure::Findings => self.findings,
            Measure::Values(_) | Measure::Rules => self.different.len(),
        }
    }
}

impl Tick {
    fn label(&self, plan: &CountPlan) -> Label<'_> {
        match (&plan.measure, &self.value) {
            (Measure::Rules, _) => Label::Rule(self.rule),
            (_, Some(value)) => Label::Value(value),
            (_, None) => Label::All,
        }
    }
}

fn counted(measure: &Measure, hit: &Hit) -> Vec<Option<Arc<str>>> {
    match measure {
        Measure::Findings | Measure::Rules => vec![None],
        Measure::Values(place) => {
            let values: BTreeSet<_> = place.values(&hit.finding).map(fold).collect();
            values.into_iter().map(Some).collect()
        }
    }
}

fn incident(plan: &CountPlan, key: &Values, ticks: &[&Tick], complete: Time) -> Incident {
    let mut steps: Vec<(Label<'_>, &Tick, usize)> = vec![];
    for tick in ticks {
        let label = tick.label(plan);
        let full = steps.len() >= VALUES_MAX;
        match steps.iter().position(|(known, _, _)| *known == label) {
            None if !full => steps.push((label, tick, 0)),
            known => {
                let last = steps.len().saturating_sub(1);
                if let Some((_, _, repeats)) = steps.get_mut(known.unwrap_or(last)) {
                    *repeats += 1;
                }
            }
        }
    }
    let first = ticks.first();
    Incident {
        chain: plan.id.clone(),
        title: plan.title.clone(),
        severity: plan.severity,
        techniques: plan.techniques.clone(),
        consequence: Box::default(),
        complete,
        variables: variables(plan, key, first),
        steps: steps
            .into_iter()
            .enumerate()
            .map(|(i, (_, tick, repeats))| Step {
                text: tick.hit.finding.title.clone(),
                finding: tick.hit.finding.clone(),
                joins: first.filter(|_| i > 0).map(|first| joins(plan, key, tick, first)).unwrap_or_default(),
                repeats,
            })
            .collect(),
    }
}

fn variables(plan: &CountPlan, key: &Values, first: Option<&&Tick>) -> Vec<(Box<str>, Box<str>)> {
    let written = |i: usize, value: &str| {
        let place = first.and_then(|tick| Some((tick, plan.group_by.get(i)?.places.get(tick.rule)?)));
        let found =
            place.and_then(|(tick, place)| place.values(&tick.hit.finding).find(|v| *fold(v) == *value));
        found.unwrap_or(value).into()
    };
    let named = plan.group_by.iter().zip(key).enumerate();
    named.map(|(i, (group, value))| (group.name.clone(), written(i, value))).collect()
}

fn joins(plan: &CountPlan, key: &Values, tick: &Tick, first: &Tick) -> Vec<Join> {
    let join = |(group, value): (&super::plan::Group, &Arc<str>)| {
        let here: &[Place] = std::slice::from_ref(group.places.get(tick.rule)?);
        let there: &[Place] = std::slice::from_ref(group.places.get(first.rule)?);
        Some(Join {
            variable: group.name.clone(),
            value: value.as_ref().into(),
            with: 0,
            confidence: confidence(value, (&tick.hit.finding, here), (&first.hit.finding, there)),
        })
    };
    plan.group_by.iter().zip(key).filter_map(join).collect()
}
