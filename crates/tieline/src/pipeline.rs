//! Where every row and event goes: logs, lake, inventory, rules. The same for files and for live traffic.

use crate::soc::Watches;
use detect::rules::RuleSet;
use model::{At, Event, Finding, Record, Rows, Schema, Time};
use sensor::crew::Wanted;
use sensor::zeek::Folder;
use site::Site;
use std::collections::BTreeMap;
use std::sync::Arc;
use store::LakeWriter;

/// Takes rows and events; what the rules find is to be fetched with [`Pipeline::take_found`].
pub(crate) struct Pipeline {
    pub(crate) zeek: Option<Folder>,
    pub(crate) lake: Option<LakeWriter>,
    /// Whether what comes now goes into the lake; it does not when it is there already.
    pub(crate) store: bool,
    pub(crate) watches: Watches,
    pub(crate) site: Site,
    pub(crate) rules: RuleSet,
    found: Vec<Finding>,
    /// Rows by schema; a handful, the one before first in line.
    rows: Vec<(&'static Schema, u64)>,
    events: BTreeMap<Box<str>, u64>,
}

impl Pipeline {
    pub(crate) fn new(site: Site, rules: RuleSet) -> Self {
        Self {
            zeek: None,
            lake: None,
            store: true,
            watches: Watches::default(),
            site,
            rules,
            found: vec![],
            rows: vec![],
            events: BTreeMap::new(),
        }
    }

    pub(crate) fn event(&mut self, event: &Event) {
        match self.events.get_mut(&event.log) {
            Some(count) => *count += 1,
            None => {
                self.events.insert(event.log.clone(), 1);
            }
        }
        self.site.observe_event(event);
        if let Some(lake) = self.lake.as_mut().filter(|_| self.store) {
            lake.event(event);
        }
        self.found.extend(self.rules.event(event));
    }

    /// Takes what was found otherwise than by a rule.
    pub(crate) fn find(&mut self, findings: impl IntoIterator<Item = Finding>) {
        self.found.extend(findings);
    }

    /// Whether the rules found something since it was last taken.
    #[inline]
    pub(crate) fn has_found(&self) -> bool {
        !self.found.is_empty()
    }

    /// What the rules found since the last call; names are still as the rows have them.
    pub(crate) fn take_found(&mut self) -> Vec<Finding> {
        std::mem::take(&mut self.found)
    }

    /// Rows by log, in order of the name.
    pub(crate) fn logs(&self) -> Vec<(String, u64)> {
        let mut logs: BTreeMap<String, u64> = BTreeMap::new();
        let rows = self.rows.iter().map(|(schema, count)| (schema.log, *count));
        let events = self.events.iter().map(|(log, count)| (&**log, *count));
        for (log, count) in rows.chain(events) {
            *logs.entry(log.to_owned()).or_default() += count;
        }
        logs.into_iter().collect()
    }

    /// What the site did not remember, in a sentence each.
    pub(crate) fn left_out(&self) -> Vec<String> {
        let dropped = self.site.dropped();
        sentences(&[
            (dropped.inventory, "sightings are not in the inventory, since there were too many"),
            (
                dropped.conduits,
                "conversations are not in the list of who talks to whom, since there were too many",
            ),
            (dropped.bindings, "tellings of who has an address were not kept, since there were too many"),
            (dropped.sessions, "sessions were not kept, since there were too many"),
        ])
    }
}

/// A sentence for each count that is not zero.
pub(crate) fn sentences(counted: &[(u64, &str)]) -> Vec<String> {
    counted.iter().filter(|(count, _)| *count > 0).map(|(count, what)| format!("{count} {what}")).collect()
}

impl Pipeline {
    #[inline]
    fn count(&mut self, schema: &'static Schema) {
        match self.rows.iter_mut().find(|(known, _)| std::ptr::eq(*known, schema)) {
            Some((_, count)) => *count += 1,
            None => self.rows.push((schema, 1)),
        }
    }

    /// Takes a row as it stands in its log; the row itself is to be [learnt](Pipeline::learn) from, if it is
    /// [wanted](Pipeline::wanted).
    pub(crate) fn line(&mut self, schema: &'static Schema, time: Time, line: &[u8]) {
        self.count(schema);
        if let Some(zeek) = &mut self.zeek {
            zeek.line(schema, time, line);
        }
    }

    /// Learns from a row, of which the logs have the line.
    #[inline]
    pub(crate) fn learn(&mut self, at: &At<'_>, row: &dyn Record) {
        if let Some(lake) = self.lake.as_mut().filter(|_| self.store) {
            lake.put(at, row);
        }
        self.watches.see(at, row);
        self.site.observe_row(at, row);
        let found = self.rules.row(at, row);
        if !found.is_empty() {
            self.found.extend(found);
        }
    }

    /// Which rows there is something to learn from.
    pub(crate) fn wanted(&mut self) -> Wanted {
        let everything = self.lake.is_some() || !self.watches.tags().is_empty();
        let asked = self.rules.asked(crate::logs::all());
        Arc::new(move |at, schema| {
            let action = at.ot.map(|ot| ot.action);
            everything || Site::is_told_by(schema, action) || asked.meets(schema, action)
        })
    }
}

impl Rows for Pipeline {
    #[inline]
    fn put(&mut self, at: &At<'_>, row: &dyn Record) {
        self.count(row.schema());
        if let Some(zeek) = &mut self.zeek {
            zeek.put(at, row);
        }
        self.learn(at, row);
    }
}
