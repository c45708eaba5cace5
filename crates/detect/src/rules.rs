//! Sigma rules: which of them an event or a typed row matches.
//!
//! Rules are read with `rsigma-parser` and matched with `rsigma-eval`, one engine for each logsource, behind
//! a trait of our own. A rule that cannot be read is named with its file and line and costs only itself.
//!
//! Source: Sigma specification 2.1 (github.com/SigmaHQ/sigma-specification): rules, modifiers, taxonomy
//! appendix.

mod actions;
mod built_in;
mod describe;
mod documents;
mod examples;
mod finding;
mod load;
mod logs;
mod matcher;
mod route;
#[cfg(test)]
mod tests;
mod view;
mod wildcards;

pub use built_in::BUILT_IN;
pub use examples::{Examples, Wrong, examples};
pub use load::{Correlation, Loaded, Problem};

use actions::Actions;
use matcher::{Compiled, Matcher, Sigma};
use model::{Action, At, Event, Finding, Record, Schema, Severity, Technique};
use route::{Routes, Source};
use view::{RowView, View};

/// A file of rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RuleFile<'a> {
    /// Where it is from, as problems name it.
    pub name: &'a str,
    /// Its content: YAML, documents with `---` between them.
    pub text: &'a str,
}

/// Why there are no rules.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Not one rule was found, or none of those found could be loaded; the problems say why.
    #[error("no rule could be loaded from {files} files")]
    NoRules {
        /// Files that were looked into.
        files: usize,
        /// What is wrong in them.
        problems: Vec<Problem>,
    },
}

/// What a rule says about itself.
#[derive(Clone, Debug, PartialEq)]
pub struct RuleInfo {
    /// Its id, or its name, or its title: the first that it has.
    pub id: Box<str>,
    /// Its name, by which chains may refer to it; empty when it has none.
    pub name: Box<str>,
    /// Its title.
    pub title: Box<str>,
    /// How bad a match is; medium when the rule does not say.
    pub severity: Severity,
    /// ATT&CK techniques, from its tags.
    pub techniques: Vec<Technique>,
    /// What it is for: product, category and service, `*` where it does not say.
    pub source: Box<str>,
    /// File it is from.
    pub file: Box<str>,
    /// Line of the file on which it begins, from 1.
    pub line: usize,
}

/// Rules ready to be matched.
pub struct RuleSet {
    rules: Vec<RuleInfo>,
    groups: Vec<Group>,
    routes: Routes,
    keep: Vec<Box<str>>,
}

/// The rules of one logsource.
struct Group {
    source: Source,
    actions: Actions,
    engine: Stage,
}

/// Most logsources of a large set never occur at a site, so an engine is built when its first row comes.
enum Stage {
    Waiting(Vec<Compiled>),
    Ready(Box<dyn Matcher + Send>),
}

/// Which rows rules look at, see [`RuleSet::asked`].
#[derive(Clone, Debug)]
pub struct Asked {
    /// By the address of the schema, in order.
    by: Vec<(usize, Actions)>,
}

impl Asked {
    /// Whether some rule may look at a row of this log, with this action.
    pub fn meets(&self, schema: &'static Schema, action: Option<Action>) -> bool {
        let address = std::ptr::from_ref(schema).addr();
        let place = self.by.binary_search_by_key(&address, |(known, _)| *known);
        let asked = place.ok().and_then(|place| self.by.get(place));
        asked.is_none_or(|(_, actions)| actions.meets(Actions::of(action)))
    }
}

impl RuleSet {
    /// Reads and prepares all rules in `files`.
    ///
    /// # Errors
    /// When there is not one rule that can be loaded.
    pub fn load<'a>(files: impl Iterator<Item = RuleFile<'a>>) -> Result<Loaded, Error> {
        load::load(files)
    }

    /// Has findings carry the values of the fields `names`, where a row has them, as [`Finding::fields`].
    pub fn keep(&mut self, names: impl IntoIterator<Item = Box<str>>) {
        self.keep.extend(names);
        self.keep.sort();
        self.keep.dedup();
    }

    /// What the rules find in an event.
    pub fn event(&mut self, event: &Event) -> Vec<Finding> {
        let groups = self.routes.event(&event.sources, &self.groups);
        if groups.is_empty() {
            return vec![];
        }
        let view = View::Event(event);
        let mut found = vec![];
        for group in groups {
            let Some(group) = self.groups.get_mut(*group) else { continue };
            for hit in group.matcher().hits(&view) {
                let Some(rule) = self.rules.get(hit.rule) else { continue };
                found.push(finding::of_event(rule, event, &hit.fields, &self.keep));
            }
        }
        found
    }

    /// What the rules find in a typed row; a row that no rule asks for costs one look-up.
    pub fn row(&mut self, at: &At<'_>, row: &dyn Record) -> Vec<Finding> {
        let schema = row.schema();
        let actions = Actions::of(at.ot.map(|ot| ot.action));
        if self.routes.passes_over(schema, actions) {
            return vec![];
        }
        let route = self.routes.row(schema, &self.groups);
        if !route.actions.meets(actions) {
            return vec![];
        }
        let mut found = vec![];
        row.cells(&mut |cells| {
            let seen = RowView { at, schema, cells, aliases: route.aliases };
            let view = View::Row(seen);
            for group in route.groups(at.ot.is_some()) {
                let Some(group) = self.groups.get_mut(*group) else { continue };
                if !group.actions.meets(actions) {
                    continue;
                }
                for hit in group.matcher().hits(&view) {
                    let Some(rule) = self.rules.get(hit.rule) else { continue };
                    found.push(finding::of_row(rule, &seen, &hit.fields, &self.keep));
                }
            }
        });
        found
    }

    /// What the rules ask of the rows of these logs, to be taken to other threads; of a log that is not among them they may
    /// ask anything.
    pub fn asked(&mut self, schemas: impl IntoIterator<Item = &'static Schema>) -> Asked {
        let of = |schema: &'static Schema| {
            (std::ptr::from_ref(schema).addr(), self.routes.row(schema, &self.groups).actions)
        };
        let mut by: Vec<_> = schemas.into_iter().map(of).collect();
        by.sort_unstable_by_key(|(address, _)| *address);
        Asked { by }
    }

    /// How many rules there are; at least one.
    #[allow(clippy::len_without_is_empty, reason = "a set without rules cannot be made")]
    pub fn len(&self) -> usize {
        self.rules.len()
    }

    /// What each rule says about itself, in the order of loading.
    pub fn list(&self) -> &[RuleInfo] {
        &self.rules
    }
}

impl Group {
    fn matcher(&mut self) -> &dyn Matcher {
        if let Stage::Waiting(rules) = &mut self.engine {
            self.engine = Stage::Ready(Box::new(Sigma::new(std::mem::take(rules))));
        }
        match &self.engine {
            Stage::Ready(engine) => &**engine,
            Stage::Waiting(_) => &matcher::Nothing,
        }
    }
}
