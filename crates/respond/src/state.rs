//! What the engine knows: nothing but what follows from the entries of the ledger, so that a restart knows
//! the same.

use crate::engine::TIELINE;
use crate::event::{Entry, Event, Of};
use crate::{Approved, Block, Key, Pending, Report, Request, Role, Run, RunId, RunState};
use model::{Span, Time};
use std::collections::{BTreeMap, VecDeque};

/// Runs that are kept in memory; the oldest that is over makes room, and stays in the ledger.
const RUNS_MAX: usize = 4096;

/// People with a role.
pub(crate) const PEOPLE_MAX: usize = 256;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct State {
    pub(crate) runs: BTreeMap<RunId, Run>,
    pub(crate) people: BTreeMap<String, Person>,
    /// When effects were put in force, and how many; of the last hour. Bounded by [`Limits`](crate::Limits).
    put: VecDeque<(Time, usize)>,
    last: u64,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Person {
    pub(crate) roles: BTreeMap<Role, Key>,
    pub(crate) login: Option<Time>,
}

impl State {
    pub(crate) fn next(&self) -> RunId {
        RunId(self.last + 1)
    }

    /// Runs that are not over.
    pub(crate) fn open(&self) -> impl Iterator<Item = &Run> {
        self.runs.values().filter(|run| matches!(run.state, RunState::Waiting | RunState::Active))
    }

    pub(crate) fn in_state(&self, state: RunState) -> impl Iterator<Item = &Run> {
        self.runs.values().filter(move |run| run.state == state)
    }

    /// What is or may be in force.
    pub(crate) fn in_force(&self) -> Vec<(RunId, Block)> {
        let active = self.in_state(RunState::Active);
        active.flat_map(|run| run.request.blocks.iter().map(|block| (run.id, *block))).collect()
    }

    /// Effects that were put in force within the hour before `now`.
    pub(crate) fn last_hour(&self, now: Time) -> usize {
        let recent = self.put.iter().filter(|(at, _)| now - *at < Span::s(3600));
        recent.map(|(_, effects)| effects).sum()
    }

    pub(crate) fn apply(&mut self, entry: &Entry) {
        match &entry.event {
            Event::Enrolled { person, role, key } => self.enrol(person, *role, *key),
            Event::Revoked { person, role } => self.revoke(person, *role),
            Event::Login => self.login(&entry.who, entry.at),
            Event::Requested { run, request } => self.request(*run, entry.at, request),
            Event::Approved { run, role, signature, by_script } => {
                let (role, signature, by_script) = (*role, *signature, *by_script);
                let key = self.people.get(&entry.who).and_then(|person| person.roles.get(&role));
                let approved = key.map(|key| Approved {
                    who: entry.who.clone(),
                    role,
                    at: entry.at,
                    by_script,
                    key: *key,
                    signature,
                });
                self.change(*run, |run| run.approvals.extend(approved));
            }
            Event::Intent { run, expires } => {
                let effects = self.runs.get(run).map_or(0, |run| run.request.blocks.len());
                self.put.push_back((entry.at, effects));
                self.put.retain(|(at, _)| entry.at - *at < Span::s(3600));
                self.change(*run, |run| run.intend(*expires));
            }
            Event::Enriched { run, .. }
            | Event::Simulated { run, .. }
            | Event::Refused { of: Of::Run { run }, .. }
            | Event::Lapsed { run }
            | Event::Outcome { run, .. }
            | Event::Expired { run }
            | Event::Lifting { run, .. }
            | Event::Lifted { run, .. }
            | Event::Drift { run: Some(run), .. }
            | Event::Told { run } => self.change(*run, |run| run.step(&entry.who, &entry.event)),
            Event::Refused { of: Of::Request { .. } | Of::Approval { .. }, .. } => {}
            Event::Drift { run: None, .. } => {}
        }
    }

    fn change(&mut self, run: RunId, change: impl FnOnce(&mut Run)) {
        self.runs.get_mut(&run).map(change);
    }

    fn login(&mut self, who: &str, at: Time) {
        if let Some(person) = self.people.get_mut(who) {
            person.login = Some(at);
        }
    }

    fn enrol(&mut self, who: &str, role: Role, key: Key) {
        self.void(who, role);
        self.people.entry(who.to_owned()).or_default().roles.insert(role, key);
    }

    fn revoke(&mut self, who: &str, role: Role) {
        self.void(who, role);
        if let Some(person) = self.people.get_mut(who) {
            person.roles.remove(&role);
            if person.roles.is_empty() {
                self.people.remove(who);
            }
        }
    }

    /// An approval stands on a role and a key; without them it does not stand.
    fn void(&mut self, who: &str, role: Role) {
        for run in self.runs.values_mut().filter(|run| run.state == RunState::Waiting) {
            run.approvals.retain(|approved| approved.who != who || approved.role != role);
        }
    }

    fn request(&mut self, id: RunId, asked: Time, request: &Request) {
        self.last = self.last.max(id.0);
        if self.runs.len() >= RUNS_MAX {
            let over = |run: &&Run| !matches!(run.state, RunState::Waiting | RunState::Active);
            let oldest = self.runs.values().find(over).map(|run| run.id);
            oldest.and_then(|oldest| self.runs.remove(&oldest));
        }
        self.runs.insert(id, Run::new(id, asked, request.clone()));
    }
}

impl Run {
    fn new(id: RunId, asked: Time, request: Request) -> Self {
        Self {
            id,
            request,
            asked,
            state: RunState::Waiting,
            enriched: String::new(),
            rule: String::new(),
            report: None,
            approvals: Vec::new(),
            expires: None,
            pending: None,
            reason: None,
            drift: None,
            told: None,
        }
    }

    /// One entry further, where that needs no more than the run.
    fn step(&mut self, who: &str, event: &Event) {
        match event {
            Event::Enriched { text, .. } => self.enriched.clone_from(text),
            Event::Simulated { rule, report, .. } => self.simulated(rule, report),
            Event::Refused { reason, .. } => {
                self.end(RunState::Refused, &format!("refused by {who}: {reason}"));
            }
            Event::Lapsed { .. } => self.end(RunState::Lapsed, "nobody decided in time"),
            Event::Outcome { in_force, text, .. } => self.settle(*in_force, text),
            Event::Expired { .. } => self.end(RunState::Expired, "ended by itself"),
            Event::Lifting { reason, .. } => {
                self.pending = Some(Pending::Lift { who: who.to_owned(), reason: reason.clone() });
            }
            Event::Lifted { reason, .. } if who == TIELINE => self.end(RunState::Lifted, reason),
            Event::Lifted { reason, .. } => {
                self.end(RunState::Lifted, &format!("lifted by {who}: {reason}"));
            }
            Event::Drift { text, .. } => self.drift = Some(text.clone()),
            Event::Told { .. } => self.told = Some(who.to_owned()),
            Event::Requested { .. } | Event::Approved { .. } | Event::Intent { .. } => {}
            Event::Enrolled { .. } | Event::Revoked { .. } | Event::Login => {}
        }
    }

    fn simulated(&mut self, rule: &str, report: &Report) {
        rule.clone_into(&mut self.rule);
        self.report = Some(report.clone());
        self.approvals.clear();
    }

    fn intend(&mut self, expires: Time) {
        self.state = RunState::Active;
        self.expires = Some(expires);
        self.pending = Some(Pending::Put);
    }

    /// What reading back has shown: of putting in force, or of a lift that did not work.
    fn settle(&mut self, in_force: bool, text: &str) {
        self.pending = None;
        if !in_force {
            self.end(RunState::Failed, text);
        }
    }

    fn end(&mut self, state: RunState, reason: &str) {
        self.state = state;
        self.reason = Some(reason.to_owned());
        self.pending = None;
        self.drift = None;
    }
}
