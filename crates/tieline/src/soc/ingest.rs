//! The one thread through which everything goes: sensors, rules, chains, lake. What it knows it shows as a
//! [`Picture`].

use super::classes::Classes;
use super::clock::{Believed, Clock};
use super::input::{Frames, Input, Read};
use super::names;
use super::picture::{Map, Picture, Told};
use super::progress::{Position, Progress, ProgressFile};
use super::sources::Source;
use super::taps::{Judged, State, Taps};
use crate::findings::Findings;
use crate::pipeline::{Pipeline, sentences};
use crate::taps::{Sums, Told as Said};
use detect::chains::Chains;
use model::{Event, Finding, Incident, Rows, Severity, Span, Time};
use packets::{Losses, Spool};
use sensor::Sensor;
use sensor::capture::{Capture, Packet};
use std::collections::{BTreeMap, VecDeque};
use std::fs::File;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use store::Lake;
use tokio::sync::watch;
use wire::link::Link;

/// Packets of a capture that are read before the next input is looked at.
const SLICE: usize = 2_000;
/// How often findings are joined and the picture is drawn.
const TELL_EVERY: Duration = Duration::from_millis(200);
/// How often assets and conduits are worked out.
const MAP_EVERY: Duration = Duration::from_secs(2);
/// How long rows wait for the lake, and how many.
const STORE_EVERY: Duration = Duration::from_secs(10);
const STORE_ROWS: u64 = 50_000;
/// How often packets are looked at that have been kept for long enough.
const EXPIRE_EVERY: Duration = Duration::from_secs(60);
/// How long an input is waited for.
const WAIT: Duration = Duration::from_millis(50);
/// Alarms that are shown, the worst first; the lake has all findings.
const ALARMS_MAX: usize = 2_000;
/// Incidents that are shown; the oldest is forgotten, the lake keeps it.
const INCIDENTS_MAX: usize = 1_000;

/// What the intake is made of.
pub(crate) struct Setup {
    pub(crate) pipeline: Pipeline,
    pub(crate) chains: Chains,
    pub(crate) lake: Lake,
    pub(crate) lake_dir: PathBuf,
    pub(crate) progress: Progress,
    pub(crate) file: ProgressFile,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) rules: [u32; 2],
    pub(crate) acknowledged: Arc<Mutex<BTreeMap<String, String>>>,
    /// How much of the packets that are kept is read again at the start, back from the newest.
    pub(crate) replay: Span,
    /// Whose packets are kept how long.
    pub(crate) classes: Classes,
    /// Segments of the lake that will not be written again.
    pub(crate) settled: Arc<AtomicU64>,
    /// Judges the interfaces.
    pub(crate) taps: Taps,
}

/// An interface, as the configuration has it.
pub(crate) struct About {
    pub(crate) name: String,
    pub(crate) segment: Option<String>,
    pub(crate) groups: Vec<health::Group>,
}

/// An interface that is listened to, or a capture that is being read.
struct Tap {
    sensor: Sensor,
    spool: Option<Spool>,
    /// Packets whose rows are in the lake.
    stored: u64,
}

/// A capture that is being read; those that wait are not open, for there may be more of them than file handles.
struct OpenCapture {
    source: u32,
    capture: Capture,
}

pub(crate) struct Ingest {
    setup: Setup,
    taps: BTreeMap<u32, Tap>,
    reading: Option<OpenCapture>,
    /// Captures that wait.
    captures: VecDeque<(u32, PathBuf)>,
    sources: BTreeMap<u32, Source>,
    findings: Findings,
    kept: Kept,
    told: Vec<Arc<Told>>,
    map: Arc<Map>,
    /// The lake could not be written.
    unstored: bool,
    /// Rows in the lake since the start.
    rows_stored: u64,
    durable: Time,
    /// What went wrong, the same thing once; a bounded list for people.
    problems: Vec<String>,
    show: watch::Sender<Arc<Picture>>,
    changed: bool,
    ended: bool,
    believed: Believed,
}

/// How often findings are looked at for names that have become known, and by how much longer than it took at least.
const RENAME_EVERY: Duration = Duration::from_secs(3);
const RENAME_SHARE: u32 = 50;
/// Findings that are kept for that; the oldest is forgotten, and stays in the stories that it is part of.
const KEPT_MAX: usize = 20_000;

/// The newest findings.
#[derive(Default)]
struct Kept {
    findings: VecDeque<Finding>,
}

impl Kept {
    fn push(&mut self, finding: &Finding) {
        if self.findings.len() >= KEPT_MAX {
            self.findings.pop_front();
        }
        self.findings.push_back(finding.clone());
    }

    /// Whether `resolve` names somebody in one of them otherwise than before.
    fn rename(&mut self, resolve: impl Fn(&mut Finding)) -> bool {
        let mut changed = false;
        for finding in &mut self.findings {
            let before = finding.entities.clone();
            resolve(finding);
            changed |= finding.entities != before;
        }
        changed
    }
}

/// Problems that are shown.
const PROBLEMS_MAX: usize = 50;

impl Ingest {
    /// # Errors
    /// When the lake cannot be read.
    pub(crate) fn new(
        mut setup: Setup,
        show: watch::Sender<Arc<Picture>>,
        problems: Vec<String>,
    ) -> store::Result<Self> {
        let began = setup.clock.now();
        if setup.progress.segments == 0 {
            // The progress may have been lost, the lake not.
            setup.progress.segments = setup.lake.next_segment()?;
        }
        // A crash may have left parts of the segment that was being written: this one replaces them.
        setup.pipeline.lake = Some(setup.lake.segment(setup.progress.segments));
        setup.settled.store(setup.progress.segments, Ordering::Relaxed);
        Ok(Self {
            setup,
            taps: BTreeMap::new(),
            reading: None,
            captures: VecDeque::new(),
            sources: BTreeMap::new(),
            findings: Findings::default(),
            kept: Kept::default(),
            told: vec![],
            map: Arc::new(Map::default()),
            unstored: false,
            rows_stored: 0,
            durable: began,
            problems,
            show,
            changed: true,
            ended: false,
            believed: Believed::new(),
        })
    }

    /// Begins to listen to an interface whose packets are kept in `spool`; those that are there are taken first.
    ///
    /// # Errors
    /// When the packets that are kept cannot be read.
    pub(crate) fn listen(&mut self, number: u32, about: About, spool: Spool) -> anyhow::Result<()> {
        let About { name, segment, groups } = about;
        let stored = self.stored_of(&name);
        let judged = self.setup.progress.judged.get(&name).copied().map(Time);
        let mut sensor = Sensor::new(number);
        sensor.watch_tap(self.setup.taps.listen(number, &name, groups, judged)?);
        self.source(number, name, "interface");
        let (mut state, mut last) = (None, None);
        spool.replay(Some(self.setup.replay), stored, &mut |packet| {
            self.setup.pipeline.store = packet.number > stored;
            sensor.packet(packet, &mut self.setup.pipeline);
            found(&mut self.setup, &mut self.findings, &mut self.kept, packet.time);
            last = Some(packet.time);
            if let Some(is_news) = self.setup.taps.read_again(number, packet.time) {
                state = self.judge_again(number, packet.time, is_news, &mut sensor).or(state.take());
            }
        })?;
        if let Some(last) = last.filter(|_| self.setup.taps.is_judged(number)) {
            state = self.judge_again(number, last, false, &mut sensor).or(state);
        }
        if let Some(source) = self.sources.get_mut(&number) {
            (source.segment, source.tap) = (segment, state);
        }
        // A crash may have cut packets off that were said to be stored: they have their rows.
        let stored = stored.min(spool.count());
        self.taps.insert(number, Tap { sensor, spool: Some(spool), stored });
        Ok(())
    }

    /// Judges a tap by packets that are read again.
    fn judge_again(&mut self, number: u32, now: Time, is_news: bool, sensor: &mut Sensor) -> Option<State> {
        let (period, counters) = (sensor.tap_period()?, sensor.counters());
        let Setup { taps, pipeline, .. } = &mut self.setup;
        pipeline.store = is_news;
        let judged = if is_news {
            taps.judge(number, now, period, Sums { counters, ..Sums::default() }, pipeline)
        } else {
            taps.judge_again(number, now, period, counters, pipeline)
        };
        let Judged { state, findings } = judged?;
        pipeline.find(findings);
        found(&mut self.setup, &mut self.findings, &mut self.kept, now);
        Some(state)
    }

    /// Judges the taps, and the conduits that they listen to, by the period that ends at `now`; before its time only
    /// those that had packets, since a short silence says nothing.
    fn judge_taps(&mut self, now: Time, is_early: bool) {
        self.setup.pipeline.store = true;
        for (number, tap) in &mut self.taps {
            if is_early && !self.setup.taps.has_news(*number, tap.sensor.counters()) {
                continue;
            }
            let (Some(period), Some(source)) = (tap.sensor.tap_period(), self.sources.get_mut(number)) else {
                continue;
            };
            let (lost, unstamped) = (source.lost, source.unstamped);
            let sums = Sums { counters: tap.sensor.counters(), lost, unstamped };
            let Setup { taps, pipeline, .. } = &mut self.setup;
            let Some(Judged { state, findings }) = taps.judge(*number, now, period, sums, pipeline) else {
                continue;
            };
            source.tap = Some(state);
            pipeline.find(findings);
            found(&mut self.setup, &mut self.findings, &mut self.kept, now);
        }
        let told = self.setup.taps.judge_conduits(now);
        self.of_conduits(now, told);
        self.changed = true;
    }

    /// Takes what is said of conduits.
    fn of_conduits(&mut self, now: Time, told: Vec<Said>) {
        for told in told {
            self.setup.pipeline.store = told.is_news;
            told.rows.iter().for_each(|row| self.setup.pipeline.put(&row.at(), row));
            self.setup.pipeline.find(told.finding);
            found(&mut self.setup, &mut self.findings, &mut self.kept, now);
        }
    }

    /// Takes inputs until the end.
    pub(crate) fn run(mut self, inputs: &Receiver<Input>) {
        let (mut told, mut mapped, mut stored) = (Instant::now(), None::<Instant>, Instant::now());
        let (mut renamed, mut rename_after) = (Instant::now(), RENAME_EVERY);
        let mut expired: Option<Instant> = None;
        if !self.setup.classes.is_empty() {
            self.draw_map();
        }
        let now = self.setup.clock.now();
        let refuted = self.setup.taps.recall_conduits(now);
        self.of_conduits(now, refuted);
        while !self.ended {
            let wait = if self.has_captures() { Duration::ZERO } else { WAIT };
            match inputs.recv_timeout(wait) {
                Ok(input) => self.take(input),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => self.ended = true,
            }
            // A busy interface and a heap of captures each have their turn.
            self.read_on();
            if renamed.elapsed() >= rename_after {
                renamed = Instant::now();
                self.rename();
                rename_after = RENAME_EVERY.max(renamed.elapsed() * RENAME_SHARE);
            }
            if let Some(at) = self.setup.taps.due(self.setup.clock.now()) {
                self.judge_taps(at, false);
            }
            if told.elapsed() >= TELL_EVERY {
                told = Instant::now();
                self.tell();
                if self.changed && mapped.is_none_or(|mapped| mapped.elapsed() >= MAP_EVERY) {
                    mapped = Some(Instant::now());
                    self.draw_map();
                }
                self.paint();
            }
            if expired.is_none_or(|expired| expired.elapsed() >= EXPIRE_EVERY) {
                expired = Some(Instant::now());
                self.expire();
            }
            if self.waiting() >= STORE_ROWS || stored.elapsed() >= STORE_EVERY {
                stored = Instant::now();
                self.store();
            }
        }
        while self.has_captures() {
            self.read_on();
        }
        self.judge_taps(self.setup.clock.now(), true);
        self.rename();
        self.tell();
        self.store();
        self.draw_map();
        self.paint();
    }

    fn take(&mut self, input: Input) {
        match input {
            Input::Source { number, name, kind } => self.source(number, name, kind),
            Input::Frames { source, frames } => self.frames(source, &frames),
            Input::Lost { source, packets, unstamped } => self.lost(source, packets, unstamped),
            Input::Events { source, events, read } => self.events(source, &events, read),
            Input::Capture { source, path } => self.captures.push_back((source, path)),
            Input::Problem { source, text } => self.problem(source, text),
            Input::Trouble(text) => self.complain(text),
            Input::Store(answer) => self.store_now(&answer),
            Input::Stop => self.ended = true,
        }
    }

    fn source(&mut self, number: u32, name: String, kind: &'static str) {
        let stored = self.stored_of(&name);
        if let Some(lake) = &mut self.setup.pipeline.lake {
            lake.file(number, &name);
        }
        let known = self.sources.entry(number);
        known.and_modify(|known| known.kind = kind).or_insert(Source::new(name, kind, stored));
        self.changed = true;
    }

    fn stored_of(&self, name: &str) -> u64 {
        self.setup.progress.sources.get(name).map_or(0, |position| position.entries)
    }

    fn frames(&mut self, number: u32, frames: &Frames) {
        let Some(tap) = self.taps.get_mut(&number) else { return };
        let Some(source) = self.sources.get_mut(&number) else { return };
        for (time, bytes, wire_len) in frames.iter() {
            let kept = tap.spool.as_mut().map(|spool| spool.append(time, bytes, wire_len));
            let number = kept.unwrap_or(source.entries + 1);
            let packet = Packet { number, time, link: Link(1), wire_len, bytes };
            self.setup.pipeline.store = true;
            tap.sensor.packet(&packet, &mut self.setup.pipeline);
            found(&mut self.setup, &mut self.findings, &mut self.kept, time);
            source.entries += 1;
            source.bytes += wire_len as u64;
        }
        if let Some(spool) = &mut tap.spool {
            spool.flush();
            if let Some(told) = not_kept(spool.losses()) {
                source.problem = Some(told);
            }
        }
        source.last = Some(self.setup.clock.now());
        if let Some((last, ..)) = frames.iter().last() {
            self.setup.taps.heard(last);
        }
        self.changed = true;
    }

    fn lost(&mut self, number: u32, packets: u64, unstamped: Option<u64>) {
        if let Some(source) = self.sources.get_mut(&number) {
            (source.lost, source.unstamped) = (packets, unstamped);
            self.changed = true;
        }
    }

    fn events(&mut self, number: u32, events: &[Event], read: Read) {
        let now = self.setup.clock.now();
        let Some(source) = self.sources.get_mut(&number) else { return };
        for event in events {
            source.entries += 1;
            self.setup.pipeline.store = source.entries > source.stored;
            self.setup.pipeline.event(event);
            found(&mut self.setup, &mut self.findings, &mut self.kept, now);
        }
        source.bytes += read.bytes;
        source.damaged += read.damaged;
        source.last = Some(now);
        self.changed = true;
    }

    fn problem(&mut self, number: u32, text: String) {
        let Some(source) = self.sources.get_mut(&number) else { return };
        let told = format!("{}: {text}", source.name);
        source.problem = Some(text);
        self.complain(told);
    }

    fn complain(&mut self, text: String) {
        if self.problems.len() < PROBLEMS_MAX && !self.problems.contains(&text) {
            self.problems.push(text);
            self.changed = true;
        }
    }

    fn has_captures(&self) -> bool {
        self.reading.is_some() || !self.captures.is_empty()
    }

    /// The capture that is being read, or the next one that can be.
    fn next_capture(&mut self) -> Option<OpenCapture> {
        if let Some(open) = self.reading.take() {
            return Some(open);
        }
        while let Some((source, path)) = self.captures.pop_front() {
            let opened = File::open(&path).map_err(anyhow::Error::from);
            match opened.and_then(|file| Ok(Capture::open(Box::new(file))?)) {
                Ok(capture) => {
                    let stored = self.sources.get(&source).map_or(0, |source| source.stored);
                    self.taps.insert(source, Tap { sensor: Sensor::new(source), spool: None, stored });
                    return Some(OpenCapture { source, capture });
                }
                Err(error) => self.problem(source, error.to_string()),
            }
        }
        None
    }

    /// Reads a slice of the captures that wait, one after the other.
    fn read_on(&mut self) {
        let Some(mut open) = self.next_capture() else { return };
        let (source, mut ended) = (open.source, None);
        let now = self.setup.clock.now();
        if let (Some(tap), Some(about)) = (self.taps.get_mut(&source), self.sources.get_mut(&source)) {
            for _ in 0..SLICE {
                match open.capture.next_packet() {
                    Ok(Some(packet)) => {
                        self.setup.pipeline.store = packet.number > tap.stored;
                        tap.sensor.packet(&packet, &mut self.setup.pipeline);
                        found(&mut self.setup, &mut self.findings, &mut self.kept, now);
                        about.entries += 1;
                        about.bytes += packet.wire_len as u64;
                    }
                    Ok(None) => ended = Some(None),
                    Err(error) => ended = Some(Some(error.to_string())),
                }
                if ended.is_some() {
                    break;
                }
            }
            about.last = Some(now);
            if ended.is_some() {
                // Rows of conversations that the end of the capture ends are stored unless its end was.
                self.setup.pipeline.store = about.entries >= tap.stored;
                about.ended = true;
                tap.sensor.finish(&mut self.setup.pipeline);
                found(&mut self.setup, &mut self.findings, &mut self.kept, now);
            }
        }
        self.changed = true;
        match ended {
            None => self.reading = Some(open),
            Some(problem) => {
                self.taps.remove(&source);
                problem.into_iter().for_each(|text| self.problem(source, text));
            }
        }
    }

    /// Joins what was found, and names the incidents.
    fn tell(&mut self) {
        for incident in self.setup.chains.flush() {
            self.incident(incident);
        }
    }

    /// Names everybody in the findings that are kept as the site knows them by now, since a name may be learned after
    /// the deed; when that changes something, the findings are joined afresh. A story that was told stays until it is
    /// told in another form: what people have seen, and may have decided about, does not vanish.
    fn rename(&mut self) {
        let site = &self.setup.pipeline.site;
        if !self.kept.rename(|finding| site.resolve(finding)) {
            return;
        }
        self.findings.rename(|finding| site.resolve(finding));
        self.setup.chains.restart();
        self.kept.findings.iter().for_each(|finding| self.setup.chains.push(finding.clone()));
        self.changed = true;
    }

    fn incident(&mut self, incident: Incident) {
        self.changed = true;
        let (id, new) = names::name(&mut self.setup.progress.incidents, &incident);
        if new && let Some(lake) = &mut self.setup.pipeline.lake {
            lake.incident(&incident);
        }
        let told = Arc::new(Told { id, incident, since: self.setup.clock.now() });
        match self.told.iter_mut().find(|known| known.id == told.id) {
            Some(known) => *known = told,
            None => self.told.push(told),
        }
        if self.told.len() > INCIDENTS_MAX {
            self.told.remove(0);
        }
    }

    /// Works out assets and conduits, open conversations included.
    fn draw_map(&mut self) {
        let site = &mut self.setup.pipeline.site;
        let taps = &self.taps;
        site.observe_open(|rows| taps.values().for_each(|tap| tap.sensor.open_conversations(rows)));
        self.map = Arc::new(Map::new(site.assets(), site.conduits(), site.flows()));
        if !self.setup.classes.is_empty() && self.setup.classes.learn(&self.map.assets) {
            let spools = self.taps.values_mut().filter_map(|tap| tap.spool.as_mut());
            spools.for_each(|spool| spool.classify(self.setup.classes.classify()));
        }
    }

    /// Lets packets go that were kept for as long as they should be.
    fn expire(&mut self) {
        if self.believed.jumped_ahead() {
            // The keeper of the lake says so.
            return;
        }
        let now = self.setup.clock.now();
        let spools = self.taps.values_mut().filter_map(|tap| tap.spool.as_mut());
        spools.for_each(|spool| spool.expire(now));
    }

    fn waiting(&self) -> u64 {
        self.setup.pipeline.lake.as_ref().map_or(0, store::LakeWriter::rows)
    }

    fn store_now(&mut self, answer: &SyncSender<()>) {
        if self.waiting() > 0 {
            self.store();
        }
        // Who asked may have given up.
        let _ = answer.try_send(());
    }

    /// Makes everything durable that was taken so far: first the rows, then how far they go.
    fn store(&mut self) {
        if self.unstored {
            return;
        }
        let now = self.setup.clock.now();
        let rows = self.waiting();
        if let Some(lake) = self.setup.pipeline.lake.take().filter(|_| rows > 0) {
            if let Err(error) = lake.finish() {
                // Nothing is said to be stored from now on: a restart reads it from the evidence once more.
                self.unstored = true;
                self.setup.pipeline.store = false;
                let why = crate::read::causes(&error);
                self.complain(format!("cannot write to the lake any more, mend it and start again: {why}"));
            }
            if self.unstored {
                return;
            }
            self.rows_stored += rows;
            self.setup.progress.segments += 1;
        }
        if self.setup.pipeline.lake.is_none() {
            self.next_segment();
        }
        for (number, source) in &mut self.sources {
            let spooled = self.taps.get(number).and_then(|tap| tap.spool.as_ref()).map(Spool::count);
            // While a file is read again after a restart, what is stored is ahead of it. Its end counts as one more.
            let read = source.entries + u64::from(source.ended);
            // Packets that a power cut took are numbered once more.
            source.stored = spooled.unwrap_or(source.stored.max(read));
            let position = Position { number: *number, entries: source.stored };
            self.setup.progress.sources.insert(source.name.clone(), position);
        }
        self.setup.progress.judged = self.setup.taps.judged();
        self.setup.progress.conduits = self.setup.taps.known();
        let acknowledged = self.setup.acknowledged.lock().unwrap_or_else(PoisonError::into_inner);
        self.setup.progress.acknowledged.clone_from(&acknowledged);
        drop(acknowledged);
        match self.setup.file.save(&self.setup.progress) {
            Ok(()) => {
                self.durable = now;
                self.setup.settled.store(self.setup.progress.segments, Ordering::Relaxed);
            }
            Err(error) => self.complain(format!("cannot write the progress: {error}")),
        }
    }

    fn next_segment(&mut self) {
        let mut lake = self.setup.lake.segment(self.setup.progress.segments);
        self.sources.iter().for_each(|(number, source)| lake.file(*number, &source.name));
        self.setup.pipeline.lake = Some(lake);
    }

    fn paint(&mut self) {
        if !std::mem::take(&mut self.changed) && self.show.borrow().now.0 != 0 {
            return;
        }
        let pipeline = &self.setup.pipeline;
        let chains = self.setup.chains.counters();
        let mut left_out = sentences(&[(
            chains.work_cut + chains.threads_forgotten,
            "stories under way were not carried on, since there were too many",
        )]);
        left_out.extend(pipeline.left_out());
        let alarms: Vec<_> = self
            .findings
            .folded()
            .into_iter()
            .filter(|folded| is_alarm(folded))
            .take(ALARMS_MAX)
            .cloned()
            .collect();
        let picture = Picture {
            now: self.setup.clock.now(),
            map: Arc::clone(&self.map),
            alarms,
            told: self.told.clone(),
            tags: pipeline.watches.tags().to_vec(),
            effects: pipeline.watches.effects().cloned().collect(),
            sources: self.sources.clone(),
            logs: pipeline.logs(),
            stored: self.rows_stored,
            waiting: self.waiting(),
            durable: self.durable,
            left_out,
            problems: self.problems.clone(),
            rules: self.setup.rules,
            lake: self.setup.lake_dir.clone(),
        };
        self.show.send_replace(Arc::new(picture));
    }
}

/// What a disk that takes no packets costs, in a sentence.
fn not_kept(losses: &Losses) -> Option<String> {
    let why = losses.why.as_ref()?;
    let Losses { packets, pieces, .. } = losses;
    let early = if *pieces > 0 { format!("{pieces} pieces went before their time, ") } else { String::new() };
    if packets + pieces == 0 {
        return Some(format!("packets stay longer than they should: {why}"));
    }
    Some(format!("{packets} packets were not kept, {early}{why}"))
}

fn is_alarm(folded: &crate::findings::Folded) -> bool {
    folded.finding.severity >= Severity::Medium
}

/// Resolves what the rules found, folds it, and hands it to the chains.
fn found(setup: &mut Setup, findings: &mut Findings, kept: &mut Kept, now: Time) {
    for mut finding in setup.pipeline.take_found() {
        finding.arrived = now.max(finding.time);
        setup.pipeline.site.resolve(&mut finding);
        if setup.pipeline.store
            && let Some(lake) = &mut setup.pipeline.lake
        {
            lake.finding(&finding);
        }
        findings.fold(&finding);
        kept.push(&finding);
        setup.chains.push(finding);
    }
}
