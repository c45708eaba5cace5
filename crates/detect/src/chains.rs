//! Chains: findings of several hosts and protocols that belong together become one incident.
//!
//! A chain is a list of steps in the order of their event time. Each step names a rule and binds variables to the
//! entities of its finding; variables that an earlier step has bound must agree. So the key of the join may change at
//! every step: recipient and file, then account and workstation, then jump host, then historian. Correlations of Sigma
//! (`event_count`, `value_count`, `temporal`, `temporal_ordered`) are read as well.
//!
//! The same findings give the same incidents in whatever order they arrive. Findings are put in the order of their
//! event time first, since that is cheap; what comes too late for it is joined with what is still held.

mod buffer;
mod counts;
mod definition;
mod hit;
mod plan;
mod sequences;
mod story;
mod template;
#[cfg(test)]
mod tests;
mod thread;

pub use buffer::{AHEAD_MAX, IDLE_AFTER, LAG_MAX, SOURCES_MAX};
pub use counts::{ASKED_MAX, GROUP_MAX, VALUES_MAX};
pub use definition::{DefinitionError, Problem, STEPS_MAX};

use buffer::Buffer;
use counts::Counts;
use definition::Loaded;
use foldhash::fast::RandomState;
use hit::{Hit, Place};
use model::{Finding, Incident, Span, Time};
use sequences::Sequences;
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

/// The chains that come with Tieline: file name and text.
pub const BUILT_IN: &[(&str, &str)] = &[
    ("chains/mail_to_controller_stop.yml", include_str!("../../../rules/chains/mail_to_controller_stop.yml")),
    (
        "chains/remote_session_to_controller_stop.yml",
        include_str!("../../../rules/chains/remote_session_to_controller_stop.yml"),
    ),
];

/// How long a finding waits for others with an earlier event time, unless configured otherwise.
pub const LATENESS: Span = Span::s(600);

/// What is configurable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// How long findings wait for those with an earlier event time; `None` (for files): until [`Chains::flush`].
    pub lateness: Option<Span>,
    /// What may be held in memory.
    pub limits: Limits,
}

/// What may be held in memory. A finding takes about a kilobyte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Findings that wait for their turn; beyond, the oldest is taken early, see [`Counters::released_early`].
    pub held_max: usize,
    /// Findings that stories under way consist of or may need; beyond, the time that is kept is cut to a half, a
    /// quarter and so on until only half as many are left, see [`Counters::shortened`]. Chains and counting
    /// correlations each have this limit.
    pub live_max: usize,
}

/// What happened, and above all what was bounded. Everything but the first two should stay at zero.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Findings taken.
    pub findings: u64,
    /// Incidents told, each revision counted.
    pub incidents: u64,
    /// Findings that were older than the watermark; they were joined with what was still held.
    pub late: u64,
    /// Findings whose clock ran ahead of their arrival by more than [`AHEAD_MAX`], taken as of their arrival.
    pub ahead: u64,
    /// Findings received a second time, counted in each step they would play.
    pub duplicates: u64,
    /// Stories of shorter chains that a longer one tells.
    pub covered: u64,
    /// Findings taken before their turn, since [`Limits::held_max`] waited.
    pub released_early: u64,
    /// Times that the past was cut, since [`Limits::live_max`] was reached.
    pub shortened: u64,
    /// Combinations of values of a single finding that were not tried.
    pub combinations_cut: u64,
    /// Findings after which not all stories were carried on.
    pub work_cut: u64,
    /// Stories under way that were forgotten, since too many waited for the same values.
    pub threads_forgotten: u64,
    /// Repeats of a step that are no longer counted.
    pub repeats_forgotten: u64,
    /// Findings that a late one can no longer be joined with, since too many had the same values.
    pub past_forgotten: u64,
    /// Findings that no longer count, since their group had too many.
    pub group_forgotten: u64,
    /// Incidents told without their repeats, since a part was forgotten.
    pub thinned: u64,
}

/// Joins findings to incidents.
#[derive(Debug)]
pub struct Chains {
    limits: Limits,
    buffer: Buffer,
    sequences: Sequences,
    counts: Counts,
    by_rule: HashMap<Box<str>, Vec<Part>, RandomState>,
    wanted: Vec<Box<str>>,
    counters: Counters,
}

/// What a rule is used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Part {
    Step { chain: usize, step: usize },
    Count { number: usize, rule: usize },
}

impl Default for Options {
    fn default() -> Self {
        Self { lateness: Some(LATENESS), limits: Limits::default() }
    }
}

impl Options {
    /// For reading files to the end: every finding waits until all are there.
    pub fn files() -> Self {
        Self { lateness: None, ..Self::default() }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self { held_max: 1_000_000, live_max: 500_000 }
    }
}

impl Chains {
    /// Reads the chains and correlations in `files` (name and text; rules are passed over), and what is wrong with
    /// those that cannot be used. The others are used.
    pub fn load<'a>(
        files: impl IntoIterator<Item = (&'a str, &'a str)>,
        options: Options,
    ) -> (Self, Vec<Problem>) {
        let mut loaded = Loaded::default();
        for (name, text) in files {
            definition::read(name, text, &mut loaded);
        }
        loaded.link();
        let Loaded { plans, counts, problems } = loaded;
        let mut chains = Self {
            limits: options.limits,
            buffer: Buffer::new(options.lateness),
            sequences: Sequences::new(plans),
            counts: Counts::new(counts),
            by_rule: HashMap::default(),
            wanted: vec![],
            counters: Counters::default(),
        };
        chains.by_rule = chains.parts();
        chains.wanted = chains.raw_fields().into_iter().map(Into::into).collect();
        (chains, problems)
    }

    /// Chains and correlations that were read.
    pub fn len(&self) -> usize {
        self.sequences.plans.len() + self.counts.plans.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Raw fields that findings must carry in [`Finding::fields`], sorted.
    pub fn wanted_fields(&self) -> &[Box<str>] {
        &self.wanted
    }

    /// References to rules that are not among `known` (names and ids): definitions that cannot fire.
    pub fn unknown_rules(&self, known: &BTreeSet<&str>) -> Vec<Problem> {
        let chains = self.sequences.plans.iter().flat_map(|plan| {
            let rules = plan.steps.iter().flat_map(|step| &step.rules);
            rules.map(|rule| (&*plan.file, &*plan.written, &**rule))
        });
        let counts = self.counts.plans.iter().flat_map(|plan| {
            let rules = plan.rules.iter();
            rules.map(|rule| (&*plan.file, &*plan.title, &**rule))
        });
        let unknown: BTreeSet<_> =
            chains.chain(counts).filter(|(_, _, rule)| !known.contains(rule)).collect();
        let problem = |(file, title, rule): (&str, &str, &str)| Problem {
            file: file.into(),
            definition: title.into(),
            error: DefinitionError::UnknownRule(rule.into()),
        };
        unknown.into_iter().map(problem).collect()
    }

    /// Takes a finding; incidents are told by [`Chains::advance`] and [`Chains::flush`].
    pub fn push(&mut self, finding: Finding) {
        self.counters.findings += 1;
        if !self.by_rule.contains_key(&finding.rule) && !self.by_rule.contains_key(&finding.name) {
            let source = finding.evidence.origin.file;
            self.progress(source, finding.time.min(finding.arrived), finding.arrived);
            return;
        }
        self.buffer.push(finding, &mut self.counters);
        self.drain();
    }

    /// Tells that everything of `source` up to `newest` had arrived at `arrived`, though no rule hit.
    pub fn progress(&mut self, source: u32, newest: Time, arrived: Time) {
        self.buffer.progress(source, newest, arrived);
    }

    /// Time, by the clock that stamps arrivals, has come to `now`: incidents that are new or have changed.
    ///
    /// A changed one replaces the earlier one, see [`Chains::replaces`].
    pub fn advance(&mut self, now: Time) -> Vec<Incident> {
        self.buffer.tick(now);
        self.drain();
        self.tell()
    }

    /// The input is at its end: takes everything that waits, and gives the incidents that are new or have changed.
    pub fn flush(&mut self) -> Vec<Incident> {
        while let Some(hit) = self.buffer.release_all() {
            self.take(&hit);
        }
        self.tell()
    }

    /// Forgets every finding and story: what is pushed from now on is joined afresh. For when it has become known
    /// better whom findings name.
    pub fn restart(&mut self) {
        self.buffer = self.buffer.emptied();
        self.sequences = Sequences::new(std::mem::take(&mut self.sequences.plans));
        self.counts = Counts::new(std::mem::take(&mut self.counts.plans));
    }

    /// Whether `newer` is a later version of `older`, or the longer story of which `older` is a part.
    pub fn replaces(&self, newer: &Incident, older: &Incident) -> bool {
        let Some(window) = self.window(&newer.chain) else { return false };
        let since = older.complete - newer.complete;
        let at_once = if newer.chain == older.chain {
            // Two stories with the same values are more than a window apart.
            since <= window && newer.complete - older.complete <= window
        } else {
            self.covers(&newer.chain, &older.chain) && since >= Span(0) && since <= window
        };
        let same = |(name, value): &(Box<str>, Box<str>)| {
            newer.variables.iter().any(|(n, v)| n == name && hit::fold(v) == hit::fold(value))
        };
        at_once && older.variables.iter().all(same)
    }

    /// What happened so far.
    pub fn counters(&self) -> Counters {
        self.counters
    }

    /// Findings held: waiting for their turn, and as parts of stories (counted in each).
    pub fn held(&self) -> (usize, usize) {
        (self.buffer.len(), self.sequences.live() + self.counts.live())
    }

    /// The moment before which everything is believed to have arrived.
    pub fn watermark(&self) -> Time {
        self.buffer.watermark()
    }

    fn window(&self, id: &str) -> Option<Span> {
        let chain = self.sequences.plans.iter().find(|plan| &*plan.id == id).map(|plan| plan.window);
        let count = || self.counts.plans.iter().find(|plan| &*plan.id == id).map(|plan| plan.timespan);
        chain.or_else(count)
    }

    fn covers(&self, longer: &str, shorter: &str) -> bool {
        let plans = &self.sequences.plans;
        let longer = plans.iter().filter(|plan| &*plan.id == longer);
        let mut covered = longer.flat_map(|plan| &plan.covers).filter_map(|(number, _)| plans.get(*number));
        covered.any(|plan| &*plan.id == shorter)
    }

    fn drain(&mut self) {
        while let Some(hit) = self.buffer.release(&self.limits, &mut self.counters) {
            self.take(&hit);
        }
    }

    fn take(&mut self, hit: &Arc<Hit>) {
        let parts = |name: &str| self.by_rule.get(name).map(|parts| &**parts).unwrap_or_default();
        let by_id = parts(&hit.finding.rule);
        let by_name = parts(&hit.finding.name).iter().filter(|part| !by_id.contains(part));
        for part in by_id.iter().chain(by_name) {
            match *part {
                Part::Step { chain, step } => self.sequences.take(chain, step, hit, &mut self.counters),
                Part::Count { number, rule } => self.counts.take(number, rule, hit, &mut self.counters),
            }
        }
        self.sequences.tidy(&self.limits, &mut self.counters);
        self.counts.tidy(&self.limits, &mut self.counters);
    }

    fn tell(&mut self) -> Vec<Incident> {
        self.sequences.tell(&mut self.counters);
        self.counts.tell();
        let mut incidents: Vec<Incident> = std::mem::take(&mut self.sequences.ready).into_values().collect();
        incidents.extend(std::mem::take(&mut self.counts.ready).into_values());
        incidents.sort_by_key(|incident| incident.steps.first().map(|step| step.finding.time));
        self.counters.incidents += incidents.len() as u64;
        incidents
    }

    fn parts(&self) -> HashMap<Box<str>, Vec<Part>, RandomState> {
        let mut by_rule: HashMap<Box<str>, Vec<Part>, RandomState> = HashMap::default();
        for (chain, plan) in self.sequences.plans.iter().enumerate() {
            for (step, plan_step) in plan.steps.iter().enumerate() {
                for rule in &plan_step.rules {
                    by_rule.entry(rule.clone()).or_default().push(Part::Step { chain, step });
                }
            }
        }
        for (number, plan) in self.counts.plans.iter().enumerate() {
            for (i, rule) in plan.rules.iter().enumerate() {
                by_rule.entry(rule.clone()).or_default().push(Part::Count { number, rule: i });
            }
        }
        by_rule
    }

    fn raw_fields(&self) -> BTreeSet<&str> {
        let steps = self.sequences.plans.iter().flat_map(|plan| &plan.steps);
        let chains = steps.flat_map(|step| &step.binds).flat_map(|bind| &bind.places);
        let groups = self.counts.plans.iter().flat_map(|plan| &plan.group_by).flat_map(|group| &group.places);
        let counted = self.counts.plans.iter().filter_map(|plan| match &plan.measure {
            plan::Measure::Values(place) => Some(place),
            plan::Measure::Findings | plan::Measure::Rules => None,
        });
        chains.chain(groups).chain(counted).filter_map(Place::field).collect()
    }
}
