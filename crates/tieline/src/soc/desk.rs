//! The desk: what people see is drawn here, and what they decide is done here.

use super::clock::{Clock, ms};
use super::config::Config;
use super::input::{Inlet, Input};
use super::login::Logins;
use super::picture::{Acknowledged, Picture};
use super::response;
use anyhow::Context;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use console::view::{self, Approve};
use console::{Refused, Role, Soc, User};
use model::{Span, Time};
use packets::{Archive, carve_capture};
use respond::{Approval, Engine, Entry, Firewall, Key, Playbook, RunId, RunState, Settings, Signer};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::sync_channel;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};
use store::{Lake, Limits};
use tokio::sync::watch;

/// How often incidents are looked at for something to contain, and runs for their end.
const LOOK_EVERY: Duration = Duration::from_millis(250);
/// How long a question to the lake waits for the newest rows.
const STORE_WAIT: Duration = Duration::from_secs(5);
/// Rows and time of an answer.
const ANSWER_ROWS: usize = 500;
const ANSWER_TIME: Duration = Duration::from_secs(30);
/// Memory that a question may take.
const ANSWER_BYTES: usize = 256 << 20;
/// Packets that are carved out for a step, around it.
const CARVED_MAX: u64 = 5_000;
/// Runs that are listed.
const RUNS_MAX: usize = 100;
/// Windows of the inventory.
const ASSETS_MAX: usize = 500;
/// A login counts for approvals as long as the console's session may last: each approval is signed with the key that
/// was made at the login and cannot leave the browser.
const LOGIN_MAX: Span = Span::s(12 * 3600);
/// A source that delivered nothing for so long is called silent.
const SILENT: Span = Span::s(60);

pub(crate) struct Desk {
    config: Config,
    clock: Arc<dyn Clock>,
    lake: Lake,
    shown: watch::Receiver<Arc<Picture>>,
    inlet: Inlet,
    acknowledged: Arc<Mutex<Acknowledged>>,
    training: bool,
    logins: Logins,
    engine: Mutex<Engine>,
    /// What was decided, as far as it was read from the ledger.
    decisions: Mutex<Vec<Entry>>,
    /// Incidents for which containment was considered, so that each is asked about once per revision.
    considered: Mutex<BTreeMap<String, Time>>,
    /// Called when a block has come into force.
    in_force: OnceLock<Box<dyn Fn() + Send + Sync>>,
    told_of: Mutex<Vec<RunId>>,
    revision: watch::Sender<u64>,
}

/// Everything that [`Desk::new`] is made of beside the configuration.
pub(crate) struct Parts {
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) firewall: Box<dyn Firewall + Send>,
    pub(crate) lake: Lake,
    pub(crate) shown: watch::Receiver<Arc<Picture>>,
    pub(crate) inlet: Inlet,
    pub(crate) acknowledged: Arc<Mutex<Acknowledged>>,
    pub(crate) training: bool,
}

fn held<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

pub(crate) fn base64(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

impl Desk {
    pub(crate) fn new(config: Config, parts: Parts) -> anyhow::Result<Self> {
        let Parts { clock, firewall, lake, shown, inlet, acknowledged, training } = parts;
        let ledger = config.data.join("ledger.sqlite");
        let settings = Settings { login_max: LOGIN_MAX, ..Settings::default() };
        let playbook = Playbook::contain_ot_command()?;
        let engine = Engine::open(&ledger, firewall, playbook, settings, clock.now())
            .with_context(|| format!("cannot work with the ledger {}", ledger.display()))?;
        let decisions = engine.events(0)?;
        Ok(Self {
            logins: Logins::new(&config.data)?,
            config,
            clock,
            lake,
            shown,
            inlet,
            acknowledged,
            training,
            engine: Mutex::new(engine),
            decisions: Mutex::new(decisions),
            considered: Mutex::default(),
            in_force: OnceLock::new(),
            told_of: Mutex::default(),
            revision: watch::channel(0).0,
        })
    }

    /// `call` is called whenever a block has come into force.
    pub(crate) fn when_in_force(&self, call: impl Fn() + Send + Sync + 'static) {
        // Set once, by whoever starts the centre.
        let _ = self.in_force.set(Box::new(call));
    }

    pub(crate) fn now(&self) -> Time {
        self.clock.now()
    }

    /// Looks after runs and incidents until `stop` is set.
    pub(crate) fn run(&self, stop: &AtomicBool) {
        let mut seen = None;
        while !stop.load(Ordering::Relaxed) {
            std::thread::sleep(LOOK_EVERY);
            let picture = self.picture();
            if seen.replace(picture.now) != Some(picture.now) {
                self.changed();
            }
            self.consider(&picture);
            let input = response::guard_input(&picture, &self.config.response, None);
            let ticked = held(&self.engine).tick(self.now(), &input);
            if ticked.is_err() {
                self.changed();
            }
            self.follow_up();
        }
    }

    fn picture(&self) -> Arc<Picture> {
        Arc::clone(&self.shown.borrow())
    }

    fn changed(&self) {
        self.revision.send_modify(|revision| *revision += 1);
    }

    /// Starts the playbook for incidents that nobody has looked at, where the site wants that.
    fn consider(&self, picture: &Picture) {
        if !self.config.response.automatic {
            return;
        }
        let asked = self.runs_of();
        // What people have decided about an incident is not asked again because its story grew.
        for told in picture.told.iter().filter(|told| !asked.contains_key(&told.id)) {
            if held(&self.considered).insert(told.id.clone(), told.since) == Some(told.since) {
                continue;
            }
            if self.request("tieline", picture, &told.id).is_err() {
                // It may be that the map has not caught up: asked again with the next picture, until it has.
                let young = self.now() - told.since < Span::s(10);
                if young {
                    held(&self.considered).remove(&told.id);
                }
            }
        }
    }

    fn request(&self, asker: &str, picture: &Picture, incident: &str) -> Result<RunId, Refused> {
        let told = picture.told(incident).ok_or_else(|| Refused::Unknown(format!("incident {incident}")))?;
        let case = response::case(told, &picture.map, &self.config.response).ok_or_else(|| {
            Refused::No("there is no flow in this incident that a firewall could stop".to_owned())
        })?;
        let input = response::guard_input(picture, &self.config.response, Some(told));
        let asked = held(&self.engine).request(self.now(), asker, &case, &input).map_err(|e| refused(&e));
        self.changed();
        asked
    }

    /// Does what a run that came into force asks for beyond the firewall.
    fn follow_up(&self) {
        let new = self.decided();
        let mut active: Vec<RunId> = held(&self.engine)
            .runs()
            .filter(|run| run.state == RunState::Active && !run.is_unconfirmed())
            .map(|run| run.id)
            .collect();
        let mut told_of = held(&self.told_of);
        active.retain(|run| !told_of.contains(run));
        told_of.extend(&active);
        drop(told_of);
        if let Some(call) = self.in_force.get() {
            for run in active {
                call();
                // The virtual control room always answers; a ledger that cannot be written is told by the engine.
                let _ = held(&self.engine).told(self.now(), run, "the control room");
            }
        }
        if new {
            self.changed();
        }
    }

    /// Reads what is new in the ledger; whether there is something.
    fn decided(&self) -> bool {
        let mut decisions = held(&self.decisions);
        let last = decisions.last().map_or(0, |entry| entry.number);
        let new = held(&self.engine).events(last).unwrap_or_default();
        let some = !new.is_empty();
        decisions.extend(new);
        some
    }

    /// Incidents that were told.
    pub(crate) fn incidents(&self) -> usize {
        self.picture().told.len()
    }

    /// Runs that wait for an approval.
    pub(crate) fn waiting_runs(&self) -> Vec<respond::Run> {
        held(&self.engine).runs().filter(|run| run.state == RunState::Waiting).cloned().collect()
    }

    /// An approval that a script gives in the stead of a person.
    pub(crate) fn approve_by_script(
        &self,
        user: &User,
        run: &respond::Run,
        signer: &Signer,
    ) -> Result<(), Refused> {
        self.enrol(user, signer.key().bytes())?;
        let approval = Approval {
            who: user.name.clone(),
            role: side(user)?,
            asset: run.request.target.name.clone(),
            signature: signer.sign(&run.to_sign()),
            by_script: true,
        };
        self.approved(run.id, &approval)
    }

    fn approved(&self, run: RunId, approval: &Approval) -> Result<(), Refused> {
        let picture = self.picture();
        let incident = held(&self.engine).run(run).map(|run| run.request.incident.clone());
        let told = incident.as_deref().and_then(|id| picture.told(id));
        let input = response::guard_input(&picture, &self.config.response, told.map(|told| &**told));
        let done = held(&self.engine).approve(self.now(), run, approval, &input).map_err(|e| refused(&e));
        self.follow_up();
        self.changed();
        done
    }

    fn find(&self, run: &str) -> Result<RunId, Refused> {
        let unknown = || Refused::Unknown(format!("run {run}"));
        let id: RunId = run.parse().map_err(|_| unknown())?;
        held(&self.engine).run(id).map(|run| run.id).ok_or_else(unknown)
    }

    fn shown_run(&self, id: RunId) -> Result<view::Run, Refused> {
        self.follow_up();
        self.changed();
        let engine = held(&self.engine);
        engine.run(id).map(response::run).ok_or_else(|| Refused::Unknown(format!("run {id}")))
    }

    fn runs_of(&self) -> BTreeMap<String, Vec<String>> {
        let mut all: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for run in held(&self.engine).runs() {
            all.entry(run.request.incident.clone()).or_default().push(run.id.to_string());
        }
        all
    }

    fn source(&self, picture: &Picture, source: &super::sources::Source) -> view::Source {
        let conditions: Vec<String> =
            source.tap.iter().flat_map(|tap| &tap.conditions).map(ToString::to_string).collect();
        let state = match (&source.problem, source.last) {
            (Some(problem), _) => problem.clone(),
            (None, None) => "nothing yet".to_owned(),
            (None, Some(last)) if source.kind == "interface" && picture.now - last > SILENT => {
                format!("no data since {}", last.iso().get(11..19).unwrap_or_default())
            }
            (None, Some(_)) if !conditions.is_empty() => format!("delivers, but {}", conditions.join(", ")),
            (None, Some(_)) => "delivers".to_owned(),
        };
        view::Source {
            name: source.name.clone(),
            kind: source.kind.to_owned(),
            entries: source.entries,
            bytes: source.bytes,
            damaged: source.damaged,
            lost: source.lost,
            segment: source.segment.clone().unwrap_or_default(),
            healthy: source.tap.as_ref().map(|tap| tap.healthy),
            conditions,
            last: source.last.map_or(0, ms),
            state,
        }
    }
}

/// The side for which a user may approve.
fn side(user: &User) -> Result<respond::Role, Refused> {
    match user.role {
        Role::It => Ok(respond::Role::It),
        Role::Ot => Ok(respond::Role::Ot),
        Role::Viewer => Err(Refused::No("a viewer decides nothing".to_owned())),
    }
}

fn refused(error: &respond::Error) -> Refused {
    if let respond::Error::Refused(refusal) = error {
        return Refused::No(refusal.to_string());
    }
    Refused::Failed(crate::read::causes(error))
}

impl Soc for Desk {
    fn revision(&self) -> watch::Receiver<u64> {
        self.revision.subscribe()
    }

    fn status(&self) -> view::Status {
        let picture = self.picture();
        let alarms = picture.alarms(&held(&self.acknowledged));
        let open = |p: u8| alarms.iter().filter(|a| a.acknowledged.is_none() && a.priority == p).count();
        let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        let (process, process_abnormal) = picture.process();
        let good = picture.sources.values().filter(|s| s.problem.is_none() && s.last.is_some()).count();
        view::Status {
            site: self.config.site.clone(),
            now: ms(self.now()),
            alarms: [1, 2, 3].map(|p| count(open(p))),
            acknowledged: count(alarms.iter().filter(|alarm| alarm.acknowledged.is_some()).count()),
            process,
            process_abnormal,
            sources: [count(good), count(picture.sources.len())],
            lost: picture.sources.values().map(|source| source.lost).sum(),
            training: self.training,
            waiting: count(self.waiting_runs().len()),
        }
    }

    fn overview(&self) -> view::Overview {
        let picture = self.picture();
        let alarms = picture.alarms(&held(&self.acknowledged));
        let blocked = response::stopped(held(&self.engine).runs());
        let (zones, conduits) = picture.zones(&alarms, &blocked);
        let runs = self.runs_of();
        view::Overview {
            zones,
            conduits,
            tags: picture.tags(),
            rate: picture.rate(),
            incidents: picture.heads(|id| runs.get(id).cloned().unwrap_or_default()),
            alarms,
        }
    }

    fn incident(&self, id: &str) -> Option<view::Incident> {
        let picture = self.picture();
        let told = picture.told(id)?;
        let mut incident = picture.incident(told);
        incident.head.runs = self.runs_of().remove(id).unwrap_or_default();
        let runs = &incident.head.runs;
        let of = |entry: &&Entry| entry.event.run().is_some_and(|run| runs.contains(&run.to_string()));
        incident.decisions = held(&self.decisions).iter().filter(of).map(response::decision).collect();
        Some(incident)
    }

    fn run(&self, id: &str) -> Option<view::Run> {
        let id = self.find(id).ok()?;
        held(&self.engine).run(id).map(response::run)
    }

    fn runs(&self) -> Vec<view::Run> {
        let engine = held(&self.engine);
        let mut runs: Vec<_> = engine.runs().collect();
        runs.sort_by_key(|run| std::cmp::Reverse(run.id));
        runs.into_iter().take(RUNS_MAX).map(response::run).collect()
    }

    fn assets(&self, text: &str, offset: usize, limit: usize) -> view::Assets {
        let picture = self.picture();
        let wanted = text.to_lowercase();
        let matches = |asset: &view::Asset| {
            let texts =
                [&asset.name, &asset.zone, &asset.make, &asset.id].into_iter().chain(&asset.addresses);
            let mut texts = texts.map(|text| text.to_lowercase());
            wanted.is_empty() || texts.any(|text| text.contains(&wanted))
        };
        let all: Vec<_> =
            picture.map.assets.iter().map(|asset| picture.asset(asset)).filter(matches).collect();
        let total = u32::try_from(all.len()).unwrap_or(u32::MAX);
        view::Assets { total, rows: all.into_iter().skip(offset).take(limit.min(ASSETS_MAX)).collect() }
    }

    fn health(&self) -> view::Health {
        let picture = self.picture();
        let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        let mut problems = picture.problems.clone();
        problems.extend(held(&self.engine).problems().map(str::to_owned));
        view::Health {
            sources: picture.sources.values().map(|source| self.source(&picture, source)).collect(),
            logs: picture.logs.clone(),
            lake: picture.lake.display().to_string(),
            stored: picture.stored,
            waiting: picture.waiting,
            durable: ms(picture.durable),
            rules: picture.rules,
            left_out: picture.left_out.clone(),
            problems,
            inventory: [count(picture.map.assets.len()), count(picture.map.conduits.len())],
            memory: memory(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
        }
    }

    fn tables(&self) -> Vec<view::Table> {
        let tables = self.lake.tables().unwrap_or_default();
        let table = |table: store::Table| view::Table { name: table.name, columns: table.columns };
        tables.into_iter().map(table).collect()
    }

    fn ask(&self, sql: &str) -> Result<view::Answer, Refused> {
        let (answer, answered) = sync_channel(1);
        // Whoever asks wants the newest rows too; an intake that is busy answers without them.
        if self.inlet.put(Input::Store(answer)).is_ok() {
            let _ = answered.recv_timeout(STORE_WAIT);
        }
        let began = Instant::now();
        let limits = Limits { memory_bytes: ANSWER_BYTES, rows: Some(ANSWER_ROWS), time: Some(ANSWER_TIME) };
        let error = |error: store::Error| match error.is_the_question() {
            true => Refused::No(error.to_string()),
            false => Refused::Failed(crate::read::causes(&error)),
        };
        let answer = self.lake.query(sql, &limits).map_err(error)?;
        let texts = answer.texts().map_err(error)?;
        let took = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
        Ok(view::Answer { columns: texts.columns, rows: texts.rows, more: texts.cut, took })
    }

    fn packets(&self, incident: &str, step: u32) -> Option<Vec<u8>> {
        let picture = self.picture();
        let told = picture.told(incident)?;
        let origin = told.incident.steps.get(usize::try_from(step).ok()?)?.finding.evidence.origin;
        let source = picture.sources.get(&origin.file)?;
        let (number, max) = (origin.number, CARVED_MAX);
        let carved = match source.kind {
            "interface" => {
                Archive::open(&self.config.packets_of(&source.name)).and_then(|all| all.carve(number, max))
            }
            "capture" => carve_capture(Path::new(&source.name), number, max),
            _ => return None,
        };
        // What cannot be read is not there for the console; the command line says why.
        Some(carved.ok()??.pcap)
    }

    fn acknowledge(&self, user: &User, alarm: &str) -> Result<(), Refused> {
        side(user)?;
        let picture = self.picture();
        let mut acknowledged = held(&self.acknowledged);
        if !picture.alarms(&acknowledged).iter().any(|known| known.id == alarm) {
            return Err(Refused::Unknown(format!("alarm {alarm}")));
        }
        acknowledged.entry(alarm.to_owned()).or_insert_with(|| user.name.clone());
        drop(acknowledged);
        self.changed();
        Ok(())
    }

    fn respond(&self, user: &User, incident: &str) -> Result<String, Refused> {
        side(user)?;
        self.request(&user.name, &self.picture(), incident).map(|run| run.to_string())
    }

    fn approve(&self, user: &User, run: &str, approve: &Approve) -> Result<view::Run, Refused> {
        let id = self.find(run)?;
        let bytes = STANDARD.decode(&approve.signature).ok();
        let signature: Option<[u8; 64]> = bytes.and_then(|bytes| bytes.try_into().ok());
        let Some(signature) = signature else {
            return Err(Refused::No("the signature is not 64 bytes in base64".to_owned()));
        };
        let (who, asset) = (user.name.clone(), approve.asset.clone());
        self.approved(id, &Approval { who, role: side(user)?, asset, signature, by_script: false })?;
        self.shown_run(id)
    }

    fn refuse(&self, user: &User, run: &str, reason: &str) -> Result<view::Run, Refused> {
        side(user)?;
        let id = self.find(run)?;
        held(&self.engine).refuse(self.now(), id, &user.name, reason).map_err(|error| refused(&error))?;
        self.shown_run(id)
    }

    fn lift(&self, user: &User, run: &str, reason: &str) -> Result<view::Run, Refused> {
        side(user)?;
        let id = self.find(run)?;
        held(&self.engine).lift(self.now(), id, &user.name, reason).map_err(|error| refused(&error))?;
        self.shown_run(id)
    }

    fn told(&self, user: &User, run: &str) -> Result<view::Run, Refused> {
        side(user)?;
        let id = self.find(run)?;
        let mut engine = held(&self.engine);
        if engine.run(id).is_some_and(|run| run.told.is_none()) {
            engine.told(self.now(), id, &user.name).map_err(|error| refused(&error))?;
        }
        drop(engine);
        self.shown_run(id)
    }

    fn redeem(&self, token: &str) -> Option<User> {
        self.logins.redeem(token, &self.config.user)
    }

    fn enrol(&self, user: &User, key: &[u8]) -> Result<(), Refused> {
        let key = Key::new(key).map_err(|refusal| Refused::No(refusal.to_string()))?;
        let mut engine = held(&self.engine);
        let now = self.now();
        // Viewers have nothing to sign. A new key makes a new person of one who is known: the login comes after it.
        if let Ok(role) = side(user) {
            engine.enrol(now, &user.name, role, key).map_err(|error| refused(&error))?;
        }
        engine.login(now, &user.name).map_err(|error| refused(&error))
    }
}

/// Memory that the program has in use, in bytes; 0 where the system does not say.
pub(crate) fn memory() -> u64 {
    const PAGE: u64 = 4096;
    let text = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    text.split(' ').nth(1).and_then(|pages| pages.parse::<u64>().ok()).unwrap_or(0) * PAGE
}
