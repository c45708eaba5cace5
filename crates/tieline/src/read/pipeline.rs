use super::Story;
use super::findings::Findings;
use super::source::Source;
use crate::rules::Detection;
use crate::talk::Talk;
use detect::chains::Chains;
use detect::rules::RuleSet;
use model::{At, Event, Incident, Record, Rows, Schema};
use sensor::zeek::Folder;
use site::Site;
use std::collections::BTreeMap;
use store::LakeWriter;

/// Where every row and event goes: logs, lake, inventory, rules.
pub(crate) struct Pipeline {
    zeek: Option<Folder>,
    lake: Option<LakeWriter>,
    site: Site,
    rules: RuleSet,
    chains: Chains,
    findings: Findings,
    /// Rows by schema; a handful, the one before first in line.
    rows: Vec<(&'static Schema, u64)>,
    events: BTreeMap<Box<str>, u64>,
}

impl Pipeline {
    pub(crate) fn new(detection: Detection, zeek: Option<Folder>, lake: Option<LakeWriter>) -> Self {
        Self {
            zeek,
            lake,
            site: Site::default(),
            rules: detection.rules,
            chains: detection.chains,
            findings: Findings::default(),
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
        if let Some(lake) = &mut self.lake {
            lake.event(event);
        }
        for finding in self.rules.event(event) {
            self.findings.keep(finding);
        }
    }

    /// Tells the story: names are resolved and chains joined now that everything is known.
    pub(crate) fn finish(mut self, sources: Vec<Source>, talk: &Talk) -> anyhow::Result<Story> {
        for mut finding in self.findings.take() {
            self.site.resolve(&mut finding);
            if let Some(lake) = &mut self.lake {
                lake.finding(&finding);
            }
            self.findings.fold(&finding);
            self.chains.push(finding);
        }
        let mut incidents = self.chains.flush();
        incidents.sort_by_key(|incident| (std::cmp::Reverse(incident.severity), first(incident)));
        if let Some(mut lake) = self.lake.take() {
            incidents.iter().for_each(|incident| lake.incident(incident));
            let summary = lake.finish()?;
            let rows: u64 = summary.tables.iter().map(|(_, rows)| rows).sum();
            talk.say(format!(
                "lake: {rows} rows in {} tables, {} files",
                summary.tables.len(),
                summary.parts
            ));
        }
        if let Some(zeek) = self.zeek.take() {
            zeek.finish()?;
        }
        let left_out = self.left_out();
        Ok(Story {
            sources,
            logs: self.logs(),
            assets: self.site.assets(),
            conduits: self.site.conduits(),
            findings: self.findings,
            incidents,
            left_out,
        })
    }

    fn logs(&self) -> Vec<(String, u64)> {
        let mut logs: BTreeMap<String, u64> = BTreeMap::new();
        let rows = self.rows.iter().map(|(schema, count)| (schema.log, *count));
        let events = self.events.iter().map(|(log, count)| (&**log, *count));
        for (log, count) in rows.chain(events) {
            *logs.entry(log.to_owned()).or_default() += count;
        }
        logs.into_iter().collect()
    }

    fn left_out(&self) -> Vec<String> {
        let dropped = self.site.dropped();
        let chains = self.chains.counters();
        let counted = [
            (self.findings.beyond, "findings are counted only, since there were too many"),
            (dropped.inventory, "sightings are not in the inventory, since there were too many"),
            (
                dropped.conduits,
                "conversations are not in the list of who talks to whom, since there were too many",
            ),
            (dropped.bindings, "tellings of who has an address were not kept, since there were too many"),
            (dropped.sessions, "sessions were not kept, since there were too many"),
            (
                chains.work_cut + chains.threads_forgotten,
                "stories under way were not carried on, since there were too many",
            ),
        ];
        counted
            .iter()
            .filter(|(count, _)| *count > 0)
            .map(|(count, what)| format!("{count} {what}"))
            .collect()
    }
}

fn first(incident: &Incident) -> Option<model::Time> {
    incident.steps.first().map(|step| step.finding.time)
}

impl Rows for Pipeline {
    #[inline]
    fn put(&mut self, at: &At<'_>, row: &dyn Record) {
        let schema = row.schema();
        match self.rows.iter_mut().find(|(known, _)| std::ptr::eq(*known, schema)) {
            Some((_, count)) => *count += 1,
            None => self.rows.push((schema, 1)),
        }
        if let Some(zeek) = &mut self.zeek {
            zeek.put(at, row);
        }
        if let Some(lake) = &mut self.lake {
            lake.put(at, row);
        }
        self.site.observe_row(at, row);
        for finding in self.rules.row(at, row) {
            self.findings.keep(finding);
        }
    }
}
