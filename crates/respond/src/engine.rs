//! Holds plan, guard, approvals, ledger and firewall together.
//!
//! Each effect is written to the ledger before the firewall hears of it and confirmed by reading back; what
//! was begun and not confirmed, because Tieline or the firewall went away, is settled by reading back and
//! never by doing it again. When the ledger cannot be written nothing new is put in force; lifting still
//! works.

mod approve;
mod force;
mod tick;

use crate::enrich::enrich;
use crate::event::{Entry, Event, Of};
use crate::plan::{Limits, Plan, Protected, Site, plan};
use crate::run::flow;
use crate::state::State;
use crate::{
    Block, Case, Error, Firewall, GuardInput, Head, Ledger, Playbook, Refusal, Report, Request, Run, RunId,
    RunState, guard,
};
use model::{Span, Time};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::Path;

pub use force::{Lifted, lift_all};

/// The engine itself, where a person would stand.
pub(crate) const TIELINE: &str = "tieline";

/// Refused requests that are written down within an hour, each flow of each incident once per reason. More are only
/// counted, so that whoever makes up sources cannot fill the ledger.
const REFUSED_MAX: usize = 128;

/// How long a refusal is remembered.
const HOUR: Span = Span::s(3600);

/// How the engine behaves; what a site decides.
#[derive(Clone, Debug)]
pub struct Settings {
    /// How much may be in force.
    pub limits: Limits,
    /// Addresses that no block may touch, beside what the inventory says.
    pub protected: Vec<Protected>,
    /// How fresh an approver's log-in must be.
    pub login_max: Span,
    /// Whether who asked may approve too; for a site with only two people.
    pub asker_may_approve: bool,
    /// How often the firewall is compared with the ledger and waiting rules are judged anew.
    pub check_every: Span,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            limits: Limits::default(),
            protected: Vec::new(),
            login_max: Span::s(15 * 60),
            asker_may_approve: false,
            check_every: Span::s(60),
        }
    }
}

/// Sees each entry as soon as it is on disk.
type Watch = Box<dyn FnMut(&Entry) + Send>;

/// Runs of playbooks, from the question to the end of the rule.
pub struct Engine {
    ledger: Ledger,
    firewall: Box<dyn Firewall + Send>,
    playbook: Playbook,
    settings: Settings,
    state: State,
    watch: Option<Watch>,
    /// When the firewall was last compared with the ledger.
    checked: Option<Time>,
    /// What is wrong now, in words; raised once, and again only after it was gone.
    problems: BTreeSet<String>,
    /// Last refusal of each flow of each incident within the hour.
    refused: BTreeMap<(String, String), (Time, Refusal)>,
    /// Refused requests that were not written down.
    unwritten: u64,
}

impl Engine {
    /// Opens the ledger at `path` and learns from it all that an earlier engine knew; what that one had begun
    /// is settled by reading the firewall back. A firewall that does not answer is asked again at each
    /// [`tick`](Engine::tick).
    ///
    /// # Errors
    /// When the ledger cannot be opened or was changed.
    pub fn open(
        path: &Path,
        firewall: Box<dyn Firewall + Send>,
        playbook: Playbook,
        settings: Settings,
        now: Time,
    ) -> Result<Self, Error> {
        let ledger = Ledger::open(path)?;
        let mut state = State::default();
        ledger.after(0)?.iter().for_each(|entry| state.apply(entry));
        let mut engine = Self {
            ledger,
            firewall,
            playbook,
            settings,
            state,
            watch: None,
            checked: None,
            problems: BTreeSet::new(),
            refused: BTreeMap::new(),
            unwritten: 0,
        };
        engine.compare(now)?;
        Ok(engine)
    }

    /// Calls `watch` with each entry from now on, as soon as it is on disk and before anything else happens.
    pub fn watch(&mut self, watch: impl FnMut(&Entry) + Send + 'static) {
        self.watch = Some(Box::new(watch));
    }

    /// Asks for the flow of `case` to be stopped: plans the rule, looks up both ends and lets the guard
    /// judge. While a run about the same incident and flow is open, that one is the answer.
    ///
    /// # Errors
    /// A [`Refusal`] when no such rule may be; otherwise when the ledger cannot be written.
    pub fn request(
        &mut self,
        now: Time,
        asker: &str,
        case: &Case,
        input: &GuardInput,
    ) -> Result<RunId, Error> {
        if let Some(run) = self.same(case) {
            return Ok(run);
        }
        match self.consider(now, case, input) {
            Ok(plan) => self.begin(now, asker, case, input, plan),
            Err(refusal) => {
                self.refuse_request(now, asker, case, &refusal)?;
                Err(refusal.into())
            }
        }
    }

    /// All runs, oldest first; of those that are over the newest few thousand.
    pub fn runs(&self) -> impl Iterator<Item = &Run> {
        self.state.runs.values()
    }

    /// The run of this name.
    pub fn run(&self, id: RunId) -> Option<&Run> {
        self.state.runs.get(&id)
    }

    /// What was decided and done since entry `after`, 0 for all.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    pub fn events(&self, after: u64) -> Result<Vec<Entry>, Error> {
        self.ledger.after(after)
    }

    /// Walks the chain of the ledger.
    ///
    /// # Errors
    /// When an entry is not as it was written.
    pub fn verify(&self) -> Result<Head, Error> {
        self.ledger.verify()
    }

    /// What is wrong between ledger and firewall, in a sentence each.
    pub fn problems(&self) -> impl Iterator<Item = &str> {
        self.problems.iter().map(String::as_str)
    }

    /// Refused requests that were not written down, because there were too many within the hour.
    pub fn unwritten(&self) -> u64 {
        self.unwritten
    }

    /// Name of the firewall.
    pub fn firewall(&self) -> String {
        self.firewall.name()
    }

    fn same(&self, case: &Case) -> Option<RunId> {
        let is = |run: &&Run| {
            let blocks = &run.request.blocks;
            let stops = |block: &Block| {
                case.source.addrs.iter().any(|addr| addr.to_canonical() == block.source())
                    && case.target.addrs.iter().any(|addr| addr.to_canonical() == block.target())
                    && (block.transport(), block.port()) == (case.transport, case.port)
            };
            run.request.incident == case.incident && blocks.iter().all(stops)
        };
        self.state.open().find(is).map(|run| run.id)
    }

    /// A plan that people may be asked about, or why there is none.
    fn consider(&self, now: Time, case: &Case, input: &GuardInput) -> Result<Plan, Refusal> {
        let max = self.settings.limits.waiting_max;
        if self.state.in_state(RunState::Waiting).count() >= max {
            return Err(Refusal::TooManyWaiting(max));
        }
        let plan = self.plan(now, case, input)?;
        self.judged(guard::check(&plan.blocks, input)).map(|_| plan)
    }

    fn plan(&self, now: Time, case: &Case, input: &GuardInput) -> Result<Plan, Refusal> {
        let Some(ttl_max) = self.playbook.ttl_max() else { return Err(Refusal::NothingToApply) };
        let site = Site {
            assets: &input.assets,
            protected: &self.settings.protected,
            in_force: &self.state.in_force(),
            last_hour: self.state.last_hour(now),
            limits: self.settings.limits,
            ttl_max,
        };
        plan(case, &site)
    }

    fn judged(&self, report: Report) -> Result<Report, Refusal> {
        if self.playbook.goes_on(report.verdict) {
            return Ok(report);
        }
        Err(Refusal::Guard { verdict: report.verdict.name(), reason: report.reason })
    }

    fn begin(
        &mut self,
        now: Time,
        asker: &str,
        case: &Case,
        input: &GuardInput,
        plan: Plan,
    ) -> Result<RunId, Error> {
        let run = self.state.next();
        let request = Box::new(self.write_request(now, asker, case, plan));
        self.record(now, asker, Event::Requested { run, request })?;
        self.record(now, TIELINE, Event::Enriched { run, text: enrich(case, input) })?;
        self.judge(now, run, input)?;
        Ok(run)
    }

    fn write_request(&self, now: Time, asker: &str, case: &Case, plan: Plan) -> Request {
        let flow = flow(&case.source, &case.target, case.transport, case.port);
        let values = [
            ("asset", case.target.name.as_str()),
            ("source", &case.source.name),
            ("flow", &flow),
            ("incident", &case.incident),
        ];
        Request {
            asker: asker.to_owned(),
            incident: case.incident.clone(),
            title: case.title.clone(),
            source: case.source.clone(),
            target: case.target.clone(),
            blocks: plan.blocks,
            ttl: plan.ttl,
            firewall: self.firewall.name(),
            lapses: now + self.playbook.lapse().unwrap_or_default(),
            playbook: self.playbook.name.clone(),
            playbook_id: self.playbook.id.clone(),
            version: self.playbook.version.clone(),
            digest: self.playbook.digest,
            steps: self.playbook.steps_with(&values),
        }
    }

    /// Writes down a refused request, once an hour as long as the reason is the same.
    fn refuse_request(
        &mut self,
        now: Time,
        asker: &str,
        case: &Case,
        refusal: &Refusal,
    ) -> Result<(), Error> {
        let flow = flow(&case.source, &case.target, case.transport, case.port);
        let key = (case.incident.clone(), flow.clone());
        // A clock that was set back forgets too.
        self.refused.retain(|_, (at, _)| *at <= now && now - *at < HOUR);
        if self.refused.get(&key).is_some_and(|(_, known)| known == refusal) {
            return Ok(());
        }
        if self.refused.len() >= REFUSED_MAX {
            self.unwritten = self.unwritten.saturating_add(1);
            return Ok(());
        }
        let of = Of::Request { incident: case.incident.clone(), flow };
        let reason = format!("asked by {asker}: {refusal}");
        self.record(now, TIELINE, Event::Refused { of, reason })?;
        self.refused.insert(key, (now, refusal.clone()));
        Ok(())
    }

    /// Writes an entry and learns from it: in this order, so that nothing is known that is not on disk.
    fn record(&mut self, now: Time, who: &str, event: Event) -> Result<(), Error> {
        let entry = self.ledger.append(now, who, event)?;
        self.state.apply(&entry);
        if let Some(watch) = &mut self.watch {
            watch(&entry);
        }
        Ok(())
    }

    fn find(&self, id: RunId) -> Result<&Run, Refusal> {
        self.state.runs.get(&id).ok_or(Refusal::UnknownRun(id))
    }
}

impl fmt::Debug for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Engine")
            .field("ledger", &self.ledger)
            .field("firewall", &self.firewall.name())
            .field("runs", &self.state.runs.len())
            .finish_non_exhaustive()
    }
}
