use model::{Entity, EntityKind, Finding, Role, Severity, Time};
use std::collections::BTreeMap;

/// Findings, the same ones folded: a rule that hits the same hosts and accounts again is counted.
#[derive(Default)]
pub(crate) struct Findings {
    kept: Vec<Finding>,
    /// How often a rule hit the same names, as the rows have them.
    seen: BTreeMap<Key, u64>,
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

impl Key {
    fn of(finding: &Finding) -> Self {
        let who =
            |entity: &&Entity| matches!(entity.kind, EntityKind::Host | EntityKind::User | EntityKind::Ip);
        let who = finding.entities.iter().filter(who).cloned();
        Key { rule: finding.rule.clone(), who: who.map(|entity| Entity { raw: None, ..entity }).collect() }
    }
}

/// Findings of one rule about the same hosts and accounts.
#[derive(Clone)]
pub(crate) struct Folded {
    /// The first of them.
    pub(crate) finding: Finding,
    pub(crate) count: u64,
    pub(crate) first: Time,
    pub(crate) last: Time,
}

/// Findings that are kept for chains, at most; facts that are no alarm may take half of it.
const KEPT_MAX: usize = 100_000;
/// Findings of one rule about the same names that are kept; further ones are only counted, so that a flood of one kind
/// does not push out what is rare.
const KEPT_PER_GROUP_MAX: u64 = 200;
/// Groups of the same findings; beyond it a finding is only counted.
const GROUPS_MAX: usize = 50_000;

impl Findings {
    /// Keeps a finding whose names are still as the row has them.
    pub(crate) fn keep(&mut self, finding: Finding) {
        let fact = finding.severity == Severity::Info;
        let room = if fact { KEPT_MAX / 2 } else { KEPT_MAX };
        let key = Key::of(&finding);
        let known = self.seen.len();
        let seen = match self.seen.get_mut(&key) {
            Some(seen) => seen,
            None if known < GROUPS_MAX => self.seen.entry(key).or_default(),
            None => &mut 0,
        };
        *seen += 1;
        if *seen <= KEPT_PER_GROUP_MAX && self.kept.len() < room {
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
        let key = Key::of(finding);
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

    /// Names everybody anew with `resolve`, and brings together what says the same now.
    pub(crate) fn rename(&mut self, resolve: impl Fn(&mut Finding)) {
        self.groups.clear();
        for mut folded in std::mem::take(&mut self.folded) {
            resolve(&mut folded.finding);
            let key = Key::of(&folded.finding);
            match self.groups.get(&key).and_then(|place| self.folded.get_mut(*place)) {
                Some(same) => same.join(folded),
                None => {
                    self.groups.insert(key, self.folded.len());
                    self.folded.push(folded);
                }
            }
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

/// What findings share that say the same: the rule, and whom it is about.
pub(crate) fn key(finding: &Finding) -> String {
    let Key { rule, who } = Key::of(finding);
    let who: Vec<String> = who.iter().map(ToString::to_string).collect();
    format!("{rule}|{}", who.join("|"))
}

impl Folded {
    fn join(&mut self, other: Self) {
        self.count += other.count;
        self.last = self.last.max(other.last);
        if other.first < self.first {
            (self.first, self.finding) = (other.first, other.finding);
        }
    }

    /// What its findings share.
    pub(crate) fn key(&self) -> String {
        key(&self.finding)
    }

    /// A short name that is the same after a restart.
    pub(crate) fn id(&self) -> String {
        let hash = self.key().bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        });
        format!("A-{:08x}", hash >> 32)
    }

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

#[cfg(test)]
mod tests {
    use super::*;
    use model::{Evidence, Origin};

    fn finding(rule: &str, severity: Severity, number: u64) -> Finding {
        let time = Time::from_s_ns(i64::try_from(number).unwrap(), 0);
        Finding {
            time,
            arrived: time,
            rule: rule.into(),
            name: rule.into(),
            title: rule.into(),
            severity,
            techniques: vec![],
            entities: vec![Entity::new(Role::Target, EntityKind::Host, "plc")],
            fields: vec![],
            evidence: Evidence {
                time,
                origin: Origin { file: 0, number },
                log: "conn".into(),
                uid: None,
                text: "row".into(),
            },
        }
    }

    #[test]
    fn a_flood_of_one_kind_does_not_push_out_what_is_rare() {
        let mut findings = Findings::default();
        for number in 0..300_000 {
            findings.keep(finding("write", Severity::Low, number));
        }
        findings.keep(finding("stop", Severity::Critical, 300_000));
        let kept = findings.take();
        assert_eq!(kept.iter().filter(|finding| &*finding.rule == "stop").count(), 1);
        assert_eq!(
            (kept.len() as u64, findings.beyond),
            (KEPT_PER_GROUP_MAX + 1, 300_000 - KEPT_PER_GROUP_MAX)
        );
    }
}
