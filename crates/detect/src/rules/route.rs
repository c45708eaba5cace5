//! Which groups of rules a row goes to. Worked out once for each log and each set of logsources, then
//! remembered.

use super::Group;
use super::actions::Actions;
use super::logs::{self, Aliases};
use foldhash::HashMap;
use model::{LogSource, Schema};

/// What a rule says it is for, in lower case.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Source {
    product: Option<Box<str>>,
    category: Option<Box<str>>,
    service: Option<Box<str>>,
}

/// Sets of logsources that are remembered; past it all are forgotten and worked out again.
const SETS_MAX: usize = 4096;

/// What was worked out so far.
pub(super) struct Routes {
    events: HashMap<Vec<LogSource>, Vec<usize>>,
    // By address: a log's schema is a constant of the program, and a second copy of it only costs a second
    // entry.
    rows: HashMap<usize, Route>,
    /// What rules ask of the logs that were looked up last, each in the place that its address gives it.
    recent: [(usize, Actions); RECENT],
}

/// Logs that are known without looking into the map; two of the same place push each other out.
const RECENT: usize = 32;

/// Where the rows of a log go.
pub(super) struct Route {
    /// Actions that some rule for this log asks for, and whether one asks for rows without.
    pub(super) actions: Actions,
    /// Names by which rules call the columns.
    pub(super) aliases: Aliases,
    plain: Vec<usize>,
    ot: Vec<usize>,
}

impl Source {
    pub(super) fn of(rule: &rsigma_parser::LogSource) -> Self {
        let lower = |part: &Option<String>| part.as_ref().map(|text| text.to_ascii_lowercase().into());
        Self { product: lower(&rule.product), category: lower(&rule.category), service: lower(&rule.service) }
    }

    /// Whether rules for this apply to what is of the kind `source`: all that they state must be so.
    fn covers(&self, source: &LogSource) -> bool {
        let same = |stated: &Option<Box<str>>, known: Option<&str>| match stated {
            None => true,
            Some(stated) => known.is_some_and(|known| stated.eq_ignore_ascii_case(known)),
        };
        same(&self.product, source.product)
            && same(&self.category, source.category)
            && same(&self.service, source.service)
    }
}

impl std::fmt::Display for Source {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let part = |part: &'_ Option<Box<str>>| part.as_deref().unwrap_or("*").to_owned();
        write!(f, "{}/{}/{}", part(&self.product), part(&self.category), part(&self.service))
    }
}

impl Default for Routes {
    fn default() -> Self {
        Self { events: HashMap::default(), rows: HashMap::default(), recent: [(0, Actions::NONE); RECENT] }
    }
}

impl Routes {
    /// Groups that apply to an event of the kinds `sources`.
    pub(super) fn event(&mut self, sources: &[LogSource], groups: &[Group]) -> &[usize] {
        if self.events.len() >= SETS_MAX && !self.events.contains_key(sources) {
            self.events.clear();
        }
        if !self.events.contains_key(sources) {
            self.events.insert(sources.to_vec(), covering(sources, groups));
        }
        self.events.get(sources).map_or(&[], Vec::as_slice)
    }

    /// Whether it is known by a glance that no rule asks for rows of a log with these actions.
    #[inline]
    pub(super) fn passes_over(&self, schema: &'static Schema, actions: Actions) -> bool {
        let address = std::ptr::from_ref(schema).addr();
        self.recent.get(place(address)).is_some_and(|(log, asked)| *log == address && !asked.meets(actions))
    }

    /// Where the rows of a log go.
    pub(super) fn row(&mut self, schema: &'static Schema, groups: &[Group]) -> &Route {
        let address = std::ptr::from_ref(schema).addr();
        let route = self.rows.entry(address).or_insert_with(|| Route::of(schema.log, groups));
        if let Some(recent) = self.recent.get_mut(place(address)) {
            *recent = (address, route.actions);
        }
        route
    }
}

/// A schema is some 64 bytes long.
fn place(address: usize) -> usize {
    (address >> 6) % RECENT
}

impl Route {
    fn of(log: &'static str, groups: &[Group]) -> Self {
        let plain = covering(&logs::sources(log, false), groups);
        let ot = covering(&logs::sources(log, true), groups);
        let asked = |of: &[usize]| {
            let groups = of.iter().filter_map(|group| groups.get(*group));
            groups.fold(Actions::NONE, |all, group| all | group.actions)
        };
        let actions = (asked(&plain) & Actions::ABSENT) | (asked(&ot) & Actions::PRESENT);
        Self { actions, aliases: logs::aliases(log), plain, ot }
    }

    /// Groups for a row that has an action on the process, or has none.
    pub(super) fn groups(&self, ot: bool) -> &[usize] {
        if ot { &self.ot } else { &self.plain }
    }
}

fn covering(sources: &[LogSource], groups: &[Group]) -> Vec<usize> {
    let covers = |group: &Group| sources.iter().any(|source| group.source.covers(source));
    groups.iter().enumerate().filter(|(_, group)| covers(group)).map(|(number, _)| number).collect()
}
