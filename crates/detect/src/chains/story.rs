//! From completed stories to incidents.

use super::Counters;
use super::hit::{Hit, Place, Values, fold};
use super::plan::{Bind, Plan, PlanStep};
use super::sequences::{Key, Sequences};
use super::thread::{Link, Thread};
use foldhash::fast::FixedState;
use model::{Confidence, Entity, EntityKind, Finding, Incident, Join, Span, Step, Time};
use std::hash::BuildHasher;
use std::ops::Range;
use std::sync::Arc;

/// A step as it is told: the first finding that is part of the story, and how many more there are.
struct Told {
    hit: Arc<Hit>,
    repeats: usize,
}

impl Sequences {
    /// Makes incidents of the completed stories about which something new is known.
    pub(super) fn tell(&mut self, counters: &mut Counters) {
        for (chain, values) in std::mem::take(&mut self.changed) {
            let window = self.plans.get(chain).map(|plan| plan.window).unwrap_or_default();
            let stories = self.completed(chain, &values).map(|done| done.stories(window)).unwrap_or_default();
            self.withdraw(chain, &values, window, &stories);
            for (first, places) in stories {
                self.tell_one(chain, &values, first, places, counters);
            }
        }
    }

    /// Takes back what is not told yet and has turned out to begin or be complete at another moment.
    fn withdraw(&mut self, chain: usize, values: &Values, window: Span, stories: &[(Time, Range<usize>)]) {
        let of_values = (chain, values.clone(), Time(i64::MIN))..=(chain, values.clone(), Time(i64::MAX));
        let replaced = |at: Time| {
            stories.iter().any(|(first, _)| *first != at && at - *first <= window && *first - at <= window)
        };
        let keys: Vec<_> =
            self.ready.range(of_values).map(|(key, _)| key.clone()).filter(|key| replaced(key.2)).collect();
        for key in keys {
            self.ready.remove(&key);
        }
    }

    fn tell_one(
        &mut self,
        chain: usize,
        values: &Values,
        first: Time,
        places: Range<usize>,
        counters: &mut Counters,
    ) {
        let Some(plan) = self.plans.get(chain) else { return };
        let Some(done) = self.completed(chain, values) else { return };
        let completions = done.links.get(places).unwrap_or_default();
        let known = done.told.iter().find(|(at, _)| *at == first).map(|(_, digest)| *digest);
        let whole = self.floors.get(chain).is_some_and(|floor| first - plan.window >= *floor);
        if known.is_some() && !whole {
            return;
        }
        if self.is_covered(chain, values, completions) {
            counters.covered += 1;
            self.ready.remove(&(chain, values.clone(), first));
            return;
        }
        let told = self.whole(chain, plan, values, completions).unwrap_or_else(|| {
            counters.thinned += 1;
            path(completions)
        });
        let digest = digest(&told);
        if known == Some(digest) {
            return;
        }
        let incident = incident(plan, values, &told);
        self.ready.insert((chain, values.clone(), first), incident);
        self.remember(chain, values, first, digest);
    }

    fn remember(&mut self, chain: usize, values: &Values, first: Time, digest: u64) {
        let Some(plan) = self.plans.get(chain) else { return };
        let key = Key { chain, step: plan.steps.len(), values: values.clone() };
        let Some(meeting) = self.meetings.get_mut(&key) else { return };
        for thread in &mut meeting.threads {
            thread.told.retain(|(at, _)| *at != first);
            thread.told.push((first, digest));
        }
    }

    fn completed(&self, chain: usize, values: &Values) -> Option<&Thread> {
        let step = self.plans.get(chain)?.steps.len();
        self.meetings.get(&Key { chain, step, values: values.clone() })?.thread(values)
    }

    /// Whether longer stories end with all of these findings.
    fn is_covered(&self, chain: usize, values: &Values, completions: &[Arc<Link>]) -> bool {
        let Some(longer) = self.covered.get(&(chain, values.clone())) else { return false };
        let ends: Vec<&Thread> =
            longer.iter().filter_map(|(chain, values)| self.completed(*chain, values)).collect();
        completions.iter().all(|link| {
            ends.iter().any(|end| end.links.binary_search_by(|known| known.key.cmp(&link.key)).is_ok())
        })
    }

    /// Every finding that is part of a story with one of these completions; `None` when some were forgotten.
    fn whole(
        &self,
        chain: usize,
        plan: &Plan,
        values: &Values,
        completions: &[Arc<Link>],
    ) -> Option<Vec<Told>> {
        let mut after: Vec<(&Arc<Link>, Time)> = completions.iter().map(|l| (l, l.key.at)).collect();
        let mut told = vec![tell_step(&after)?];
        for (step, next) in plan.steps.iter().skip(1).enumerate().rev() {
            let bound = plan.steps.get(step)?.bound;
            let values: Values = values.get(..bound)?.into();
            let key = Key { chain, step: step + 1, values: plan.meet(step, &values) };
            let thread = self.meetings.get(&key)?.thread(&values)?;
            after = before(&thread.links, &after, next.within, plan.window);
            told.push(tell_step(&after)?);
        }
        told.reverse();
        Some(told)
    }
}

/// Those of `links` from which a story leads to one of `after` in time, and the earliest end of it.
fn before<'a>(
    links: &'a [Arc<Link>],
    after: &[(&Arc<Link>, Time)],
    within: Option<Span>,
    window: Span,
) -> Vec<(&'a Arc<Link>, Time)> {
    let reach = |link: &'a Arc<Link>| {
        let first = after.partition_point(|(next, _)| next.key.at < link.key.at);
        let mut candidates = after.iter().skip(first).filter(|(next, _)| next.key != link.key);
        let (next, mut end) = *candidates.next()?;
        let at = next.key.at;
        for (_, other) in candidates.take_while(|(next, _)| next.key.at == at) {
            end = end.min(*other);
        }
        let in_time = within.is_none_or(|span| at - link.key.at <= span) && end - link.start <= window;
        in_time.then_some((link, end))
    };
    links.iter().filter_map(reach).collect()
}

fn tell_step(links: &[(&Arc<Link>, Time)]) -> Option<Told> {
    let (first, _) = links.first()?;
    Some(Told { hit: Arc::clone(&first.hit), repeats: links.len() - 1 })
}

/// The story that leads to the first completion, without repeats.
fn path(completions: &[Arc<Link>]) -> Vec<Told> {
    let mut told = vec![];
    let mut link = completions.first();
    while let Some(at) = link {
        told.push(Told { hit: Arc::clone(&at.hit), repeats: 0 });
        link = at.via.as_ref();
    }
    told.reverse();
    if let Some(last) = told.last_mut() {
        last.repeats = completions.len() - 1;
    }
    told
}

fn digest(told: &[Told]) -> u64 {
    let keys: Vec<_> = told.iter().map(|t| (t.hit.key, t.repeats)).collect();
    FixedState::with_seed(0).hash_one(keys)
}

fn incident(plan: &Plan, values: &Values, told: &[Told]) -> Incident {
    let names: Vec<Box<str>> = (0..plan.variables.len()).map(|v| written(plan, v, values, told)).collect();
    let variable = |number: usize| names.get(number).map(|name| &**name).unwrap_or_default();
    let none = |_: &Place| vec![];
    let steps = plan.steps.iter().zip(told).enumerate();
    Incident {
        chain: plan.id.clone(),
        title: plan.title.fill(variable, none),
        severity: plan.severity,
        techniques: plan.techniques.clone(),
        consequence: plan.consequence.fill(variable, none),
        complete: told.last().map(|last| last.hit.at()).unwrap_or_default(),
        steps: steps
            .map(|(i, (step, at))| Step {
                text: text(step, &at.hit.finding, variable),
                finding: at.hit.finding.clone(),
                joins: joins(plan, i, values, told, variable),
                repeats: at.repeats,
            })
            .collect(),
        variables: plan.variables.iter().cloned().zip(names.iter().cloned()).collect(),
    }
}

fn text<'a>(step: &PlanStep, finding: &'a Finding, variable: impl Fn(usize) -> &'a str) -> Box<str> {
    let entity = |place: &Place| place.values(finding).collect();
    step.text.as_ref().map_or_else(|| finding.title.clone(), |text| text.fill(variable, entity))
}

/// A value as the first step that has it writes it; the folded form is for comparison only.
fn written(plan: &Plan, variable: usize, values: &Values, told: &[Told]) -> Box<str> {
    let Some(value) = values.get(variable) else { return Box::default() };
    let places = plan.bindings(variable).next();
    let finding = places.and_then(|(step, bind)| told.get(step).map(|t| (&t.hit.finding, bind)));
    let found = finding.and_then(|(finding, bind)| {
        bind.places.iter().flat_map(|place| place.values(finding)).find(|text| fold(text) == *value)
    });
    found.unwrap_or(value).into()
}

fn joins<'a>(
    plan: &Plan,
    step: usize,
    values: &Values,
    told: &[Told],
    variable: impl Fn(usize) -> &'a str,
) -> Vec<Join> {
    let Some(plan_step) = plan.steps.get(step) else { return vec![] };
    let shared = plan_step.binds.iter().take(plan_step.shared);
    let join = |bind: &Bind| {
        let (with, earlier) = plan.bindings(bind.variable).take_while(|(at, _)| *at < step).last()?;
        let (here, there) = (told.get(step)?, told.get(with)?);
        let value = values.get(bind.variable)?;
        Some(Join {
            variable: plan.variables.get(bind.variable)?.clone(),
            value: variable(bind.variable).into(),
            with,
            confidence: confidence(
                value,
                (&here.hit.finding, &bind.places),
                (&there.hit.finding, &earlier.places),
            ),
        })
    };
    shared.filter_map(join).collect()
}

/// Exact when the same text stands in both rows, resolved when a name was found for it.
pub(super) fn confidence(
    value: &str,
    (here, places): (&Finding, &[Place]),
    (there, earlier): (&Finding, &[Place]),
) -> Confidence {
    let texts = in_row(value, there, earlier);
    let exact = in_row(value, here, places).iter().any(|text| texts.contains(text));
    if exact { Confidence::Exact } else { Confidence::Resolved }
}

/// What stands in the row for the entities whose name is `value`.
fn in_row<'a>(value: &str, finding: &'a Finding, places: &'a [Place]) -> Vec<&'a str> {
    let named = |entity: &&Entity| *fold(&entity.value) == *value;
    let entities = places.iter().flat_map(|place| place.entities(finding)).filter(named);
    let mut texts: Vec<&str> = entities.flat_map(|entity| source(finding, entity)).collect();
    let fields = places.iter().filter(|place| matches!(place, Place::Field(_)));
    texts.extend(fields.flat_map(|place| place.values(finding)).filter(|text| *fold(text) == *value));
    texts
}

/// A host without a text of its own, beside an address in the same part, was most likely found by the address.
fn source<'a>(finding: &'a Finding, entity: &'a Entity) -> Vec<&'a str> {
    if entity.raw.is_none() && entity.kind == EntityKind::Host {
        let address = |e: &&Entity| e.role == entity.role && e.kind == EntityKind::Ip;
        let addresses: Vec<_> = finding.entities.iter().filter(address).map(|e| &*e.value).collect();
        if !addresses.is_empty() {
            return addresses;
        }
    }
    vec![entity.in_row()]
}
