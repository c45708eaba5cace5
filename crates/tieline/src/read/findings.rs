use model::{Entity, EntityKind, Finding, Role, Severity, Time};
use std::collections::BTreeMap;

/// Findings, the same ones folded: a rule that hits the same hosts and accounts again is counted.
#[derive(Default)]
pub(crate) struct Findings {
    kept: Vec<Finding>,
    groups: BTreeMap<Key, usize>,
    folded: Vec<Folded>,
    /// Findings that were counted but not kept.
    pub(crate) beyond: u64,
}

#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    rule: Box<str>,
    who: Vec<Entity>,
}

/// Findings of one rule about the same hosts and accounts.
pub(crate) struct Folded {
    /// The first of them.
    pub(crate) finding: Finding,
    pub(crate) count: u64,
    pub(crate) first: Time,
    pub(crate) last: Time,
}

/// Findings that are kept for chains; beyond it they are only folded and counted.
const KEPT_MAX: usize = 50_000;
/// Groups of the same findings; beyond it a finding is only counted.
const GROUPS_MAX: usize = 50_000;

impl Findings {
    /// Keeps a finding whose names are still as the row has them.
    pub(crate) fn keep(&mut self, finding: Finding) {
        if self.kept.len() < KEPT_MAX {
            self.kept.push(finding);
        } else {
            self.beyond += 1;
        }
    }

    /// Hands over what was kept, in the order of event time.
    pub(crate) fn take(&mut self) -> Vec<Finding> {
        let mut kept = std::mem::take(&mut self.kept);
        kept.sort_by_key(|finding| (finding.time, finding.evidence.origin));
        kept
    }

    /// Adds a finding to those that say the same.
    pub(crate) fn fold(&mut self, finding: &Finding) {
        let who =
            |entity: &&Entity| matches!(entity.kind, EntityKind::Host | EntityKind::User | EntityKind::Ip);
        let key = Key {
            rule: finding.rule.clone(),
            who: finding
                .entities
                .iter()
                .filter(who)
                .cloned()
                .map(|entity| Entity { raw: None, ..entity })
                .collect(),
        };
        if let Some(folded) = self.groups.get(&key).and_then(|place| self.folded.get_mut(*place)) {
            folded.count += 1;
            folded.first = folded.first.min(finding.time);
            folded.last = folded.last.max(finding.time);
        } else if self.folded.len() < GROUPS_MAX {
            self.groups.insert(key, self.folded.len());
            let (first, last) = (finding.time, finding.time);
            self.folded.push(Folded { finding: finding.clone(), count: 1, first, last });
        } else {
            self.beyond += 1;
        }
    }

    /// The worst first, then by time.
    pub(crate) fn folded(&self) -> Vec<&Folded> {
        let mut all: Vec<_> = self.folded.iter().collect();
        all.sort_by_key(|folded| (std::cmp::Reverse(folded.finding.severity), folded.first));
        all
    }

    pub(crate) fn worst(&self) -> Option<Severity> {
        self.folded.iter().map(|folded| folded.finding.severity).max()
    }
}

impl Folded {
    /// Who did it to whom, as far as the finding tells: `m.keller on hist01`, `hist01 → plc-asc-1`.
    pub(crate) fn who(&self) -> String {
        let find = |role, kind| {
            let is = |entity: &&Entity| entity.role == role && entity.kind == kind;
            self.finding.entities.iter().find(is).map(|entity| &*entity.value)
        };
        let place = |role| find(role, EntityKind::Host).or_else(|| find(role, EntityKind::Ip));
        let user = find(Role::Actor, EntityKind::User).or_else(|| find(Role::Target, EntityKind::User));
        let places = match (place(Role::Source), place(Role::Target)) {
            (Some(source), Some(target)) if source != target => format!("{source} → {target}"),
            (_, Some(place)) | (Some(place), None) => place.to_owned(),
            (None, None) => String::new(),
        };
        match (user, places.as_str()) {
            (Some(user), "") => user.to_owned(),
            (Some(user), places) => format!("{user} on {places}"),
            (None, _) => places,
        }
    }
}
