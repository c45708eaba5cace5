use super::Sink;
use super::clock::Clock;
use crate::frames::Tape;
use crate::held;
use crate::random::Random;
use crate::sample::stage::{Stage, file_name};
use crate::sample::ways::Ways;
use crate::script::Host;
use crate::tcp::{Conversation, Side};
use crate::windows::{Event, Log};
use model::Time;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// Collects what the site leaves behind, and hands it on in order of time.
///
/// What a script plays is known in advance and waits for its time. What goes through a socket is written down
/// when it happens; an acknowledgement may come out a little later, so everything is held back for a moment.
pub(crate) struct Tap {
    clock: Arc<Clock>,
    sink: Arc<dyn Sink>,
    seed: u64,
    state: Mutex<State>,
}

/// Names a conversation on the tap.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct TalkId(u64);

struct State {
    tape: Tape,
    ways: Ways,
    talks: BTreeMap<TalkId, Conversation>,
    talks_seen: u64,
    /// What waits for its time; the number keeps things of the same time in order.
    waiting: BTreeMap<(Time, u64), Thing>,
    number: u64,
    logs: Vec<Journal>,
    lost: u64,
    /// Everything before this time has been handed on.
    handed_on: Time,
}

enum Thing {
    Frame(Vec<u8>),
    Event { log: usize, event: Event },
    Mail { file: String, mail: Vec<u8> },
}

/// A Windows log that is numbered while it is handed on.
struct Journal {
    host: Arc<Host>,
    log: Log,
    file: String,
    next: u64,
}

/// How long everything is held back.
const HOLD: Duration = Duration::from_millis(60);
/// How often what is due is handed on.
const BEAT: Duration = Duration::from_millis(20);
/// Things that wait, when whoever takes them does not keep up; frames beyond are lost and counted, as on a
/// real tap.
const WAITING_MAX: usize = 262_144;

impl Tap {
    /// A tap on which `stage` has left what is known in advance.
    pub(crate) fn new(clock: Arc<Clock>, sink: Arc<dyn Sink>, stage: Stage<'_>) -> Self {
        let Stage { seed, tape, mails, logs, ways, script, .. } = stage;
        let mut state = State {
            tape,
            ways,
            talks: BTreeMap::new(),
            talks_seen: 0,
            waiting: BTreeMap::new(),
            number: 0,
            logs: vec![],
            lost: 0,
            handed_on: script.start,
        };
        state.gather();
        for (place, (host, mut log)) in logs.into_iter().enumerate() {
            let events = std::mem::take(&mut log.events);
            state.logs.push(Journal { file: file_name(&host, &log), next: log.first, host, log });
            events.into_iter().for_each(|event| state.wait(event.at, Thing::Event { log: place, event }));
        }
        for (at, file, mail) in mails {
            state.wait(at, Thing::Mail { file, mail });
        }
        Self { clock, sink, seed, state: Mutex::new(state) }
    }

    /// A host that was not there before asks for the router of its network.
    pub(crate) fn arrive(&self, host: &Host) {
        let state = &mut *held(&self.state);
        state.ways.arrive(&mut state.tape, host, self.clock.now());
    }

    /// Frames that were lost because whoever takes them did not keep up.
    pub(crate) fn lost(&self) -> u64 {
        held(&self.state).lost
    }

    /// A conversation from a port of `from` to a port of `to` begins.
    pub(crate) fn open(&self, from: &Host, to: &Host, ports: (u16, u16)) -> TalkId {
        let state = &mut *held(&self.state);
        let now = self.clock.now();
        let id = TalkId(state.talks_seen);
        state.talks_seen += 1;
        let path = state.ways.path(&mut state.tape, from, to, now);
        let talk = Conversation::open(&mut state.tape, path, ports, now, self.chance(id));
        state.talks.insert(id, talk);
        id
    }

    /// A firewall, or the called end, refuses a conversation.
    pub(crate) fn refuse(&self, from: &Host, to: &Host, ports: (u16, u16)) {
        let state = &mut *held(&self.state);
        let now = self.clock.now();
        let id = TalkId(state.talks_seen);
        state.talks_seen += 1;
        let path = state.ways.path(&mut state.tape, from, to, now);
        Conversation::refuse(&mut state.tape, path, ports, now, self.chance(id));
    }

    /// One end of a conversation has said something.
    pub(crate) fn said(&self, id: TalkId, side: Side, bytes: &[u8]) {
        let state = &mut *held(&self.state);
        if let Some(talk) = state.talks.get_mut(&id) {
            talk.send(&mut state.tape, side, self.clock.now(), bytes);
        }
    }

    /// One end has closed a conversation.
    pub(crate) fn close(&self, id: TalkId, side: Side) {
        let state = &mut *held(&self.state);
        if let Some(mut talk) = state.talks.remove(&id) {
            talk.close(&mut state.tape, side, self.clock.now());
        }
    }

    /// One end has broken off a conversation, or a firewall in its name.
    pub(crate) fn reset(&self, id: TalkId, side: Side) {
        let state = &mut *held(&self.state);
        if let Some(mut talk) = state.talks.remove(&id) {
            talk.reset(&mut state.tape, side, self.clock.now());
        }
    }

    /// A host logs an event; nothing when that channel is not collected from it.
    pub(crate) fn event(&self, host: &str, event: Event) {
        let state = &mut *held(&self.state);
        let channel = event.kind.channel;
        let of = |journal: &Journal| &*journal.host.name == host && journal.log.channel == channel;
        if let Some(log) = state.logs.iter().position(of) {
            state.wait(event.at, Thing::Event { log, event });
        }
    }

    /// Hands on what is due, again and again, until everything stops; `now_and_then` is called in between.
    pub(crate) fn hand_on(&self, mut now_and_then: impl FnMut(&Self)) {
        while self.clock.rest(BEAT) {
            self.hand_on_before(self.clock.now() - self.clock.within(HOLD));
            now_and_then(self);
        }
    }

    /// Hands on what is left when nothing speaks any more; what the script had for later is dropped.
    pub(crate) fn finish(&self) {
        // The last frames of a farewell are written down a little ahead of their time.
        const FAREWELL: model::Span = model::Span(50_000_000);
        self.hand_on_before(self.clock.now() + FAREWELL);
    }

    fn hand_on_before(&self, end: Time) {
        let now = self.clock.now();
        let due = held(&self.state).due(now, end);
        for (at, thing) in due {
            match thing {
                Due::Frame(frame) => self.sink.frame(at, &frame),
                Due::Line { file, line } => self.sink.event(&file, line.as_bytes()),
                Due::Mail { file, mail } => self.sink.mail(&file, &mail),
            }
        }
    }

    fn chance(&self, id: TalkId) -> Random {
        Random::new(self.seed, &format!("live tcp {}", id.0))
    }
}

/// What is ready to be handed on.
enum Due {
    Frame(Vec<u8>),
    Line { file: String, line: String },
    Mail { file: String, mail: Vec<u8> },
}

impl State {
    /// Takes off what comes before `end`.
    fn due(&mut self, now: Time, end: Time) -> Vec<(Time, Due)> {
        for talk in self.talks.values_mut() {
            talk.acknowledge(&mut self.tape, now);
        }
        self.gather();
        self.handed_on = self.handed_on.max(end);
        let later = self.waiting.split_off(&(end, 0));
        let due = std::mem::replace(&mut self.waiting, later);
        due.into_iter().filter_map(|((at, _), thing)| Some((at, self.ready(thing)?))).collect()
    }

    fn ready(&mut self, thing: Thing) -> Option<Due> {
        Some(match thing {
            Thing::Frame(frame) => Due::Frame(frame),
            Thing::Mail { file, mail } => Due::Mail { file, mail },
            Thing::Event { log, event } => {
                let Journal { host, log, file, next } = self.logs.get_mut(log)?;
                let mut line = String::new();
                log.line(*next, &event, host.skew, &mut line);
                *next += 1;
                // A list of privileges has line feeds in it; JSON escapes them by itself.
                let line = format!("{}\n", line.trim_end().replace('\n', "&#10;"));
                Due::Line { file: file.clone(), line }
            }
        })
    }

    /// Moves what is on the tape to what waits.
    fn gather(&mut self) {
        for (at, frame) in self.tape.take() {
            if self.waiting.len() < WAITING_MAX {
                self.wait(at, Thing::Frame(frame));
            } else {
                self.lost += 1;
            }
        }
    }

    /// Nothing comes before what was handed on already.
    fn wait(&mut self, at: Time, thing: Thing) {
        self.number += 1;
        self.waiting.insert((at.max(self.handed_on), self.number), thing);
    }
}
