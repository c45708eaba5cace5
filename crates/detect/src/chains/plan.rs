use super::hit::{Hit, Place, Values, combinations};
use super::template::Template;
use model::{Severity, Span, Technique};
use std::sync::Arc;

/// A chain, compiled.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) file: Box<str>,
    pub(super) id: Box<str>,
    pub(super) name: Box<str>,
    pub(super) title: Template,
    /// The title as it is written.
    pub(super) written: Box<str>,
    pub(super) severity: Severity,
    pub(super) techniques: Vec<Technique>,
    pub(super) consequence: Template,
    /// First to last step.
    pub(super) window: Span,
    pub(super) steps: Vec<PlanStep>,
    /// In the order in which the steps bind them: after each step, the first so many are known.
    pub(super) variables: Vec<Box<str>>,
    /// Name of the longer chain that tells more when it completes too.
    pub(super) part_of: Option<Box<str>>,
    /// Shorter chains that this one covers, and for each of their variables its number here.
    pub(super) covers: Vec<(usize, Vec<usize>)>,
}

/// A step of a chain.
#[derive(Debug)]
pub(super) struct PlanStep {
    /// Names or ids, any of which may hit.
    pub(super) rules: Vec<Box<str>>,
    /// Since the step before.
    pub(super) within: Option<Span>,
    pub(super) text: Option<Template>,
    /// By number of the variable: first those known before, then the new ones.
    pub(super) binds: Vec<Bind>,
    /// How many of `binds` are known before.
    pub(super) shared: usize,
    /// How many variables are known after this step.
    pub(super) bound: usize,
}

/// A variable and where a step has it.
#[derive(Debug)]
pub(super) struct Bind {
    pub(super) variable: usize,
    /// Any of these may give it.
    pub(super) places: Vec<Place>,
}

/// What a finding says in a step: values that must agree with earlier steps, and values that are new.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Said {
    pub(super) shared: Values,
    pub(super) new: Values,
}

impl Plan {
    /// Values at which stories with `values`, having come through `step`, meet the findings of the next one.
    pub(super) fn meet(&self, step: usize, values: &Values) -> Values {
        match self.steps.get(step + 1) {
            Some(next) => {
                let shared = next.binds.iter().take(next.shared);
                shared.filter_map(|bind| values.get(bind.variable)).map(Arc::clone).collect()
            }
            None => values.clone(),
        }
    }

    /// Which steps have the variable, and where in their findings.
    pub(super) fn bindings(&self, variable: usize) -> impl Iterator<Item = (usize, &Bind)> {
        self.steps.iter().enumerate().filter_map(move |(i, step)| {
            step.binds.iter().find(|bind| bind.variable == variable).map(|bind| (i, bind))
        })
    }

    /// Stories that are further back than this from the newest moment cannot matter any more.
    ///
    /// Twice the window: repeats are told for one window after the first completion, which reaches back for one.
    pub(super) fn hold(&self) -> Span {
        Span(self.window.0.saturating_mul(2))
    }
}

impl PlanStep {
    /// Every way in which `hit` can stand for this step, and how many more were left out.
    pub(super) fn said(&self, hit: &Hit) -> (Vec<Said>, usize) {
        let (ways, left_out) = combinations(hit, self.binds.iter().map(|bind| &*bind.places));
        let split = |mut way: Vec<Arc<str>>| {
            let new = way.drain(self.shared.min(way.len())..).collect();
            Said { shared: way.into(), new }
        };
        (ways.into_iter().map(split).collect(), left_out)
    }
}

/// A correlation that counts within a window, compiled.
#[derive(Debug)]
pub(super) struct CountPlan {
    pub(super) file: Box<str>,
    pub(super) id: Box<str>,
    pub(super) title: Box<str>,
    pub(super) severity: Severity,
    pub(super) techniques: Vec<Technique>,
    /// Names or ids.
    pub(super) rules: Vec<Box<str>>,
    pub(super) measure: Measure,
    pub(super) condition: Condition,
    pub(super) timespan: Span,
    pub(super) group_by: Vec<Group>,
}

/// One key of a group, and where the findings of each rule have it.
#[derive(Debug)]
pub(super) struct Group {
    pub(super) name: Box<str>,
    /// One for each rule of the correlation.
    pub(super) places: Vec<Place>,
}

/// What is counted.
#[derive(Debug)]
pub(super) enum Measure {
    /// Findings.
    Findings,
    /// Different values at a place.
    Values(Place),
    /// Different rules.
    Rules,
}

/// When a count is worth telling.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Condition {
    /// At least.
    pub(super) min: usize,
    /// At most.
    pub(super) max: usize,
}

impl Condition {
    /// Whether `count` is worth telling.
    pub(super) fn holds(self, count: usize) -> bool {
        (self.min..=self.max).contains(&count)
    }
}

impl CountPlan {
    /// See [`Plan::hold`].
    pub(super) fn hold(&self) -> Span {
        Span(self.timespan.0.saturating_mul(2))
    }
}
