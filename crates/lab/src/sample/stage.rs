use super::process::Switch;
use super::truth::{self, Course, Deed, Evidence, Mark};
use super::ways::Ways;
use super::{Sample, Truth};
use crate::frames::{self, FrameId, Tape};
use crate::plc::engineering;
use crate::random::{Random, fnv1a};
use crate::script::{Host, Place, Script, Step};
use crate::tcp::Conversation;
use crate::umas;
use crate::windows::background::{self, Computer};
use crate::windows::security::{Account, Session};
use crate::windows::sysmon::Process;
use crate::windows::{Channel, Event, Log};
use crate::{dns, windows};
use model::{Span, Time};
use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::sync::Arc;

/// Everything that a script leaves behind while it is played.
pub(crate) struct Stage<'a> {
    pub(crate) script: &'a Script,
    pub(crate) seed: u64,
    pub(crate) tape: Tape,
    /// When each mail has come, its file's name, and the mail.
    pub(crate) mails: Vec<(Time, String, Vec<u8>)>,
    pub(crate) deeds: Vec<Evidence<'a>>,
    /// What the engineering side of each controller knows.
    pub(crate) controllers: BTreeMap<Box<str>, umas::Controller>,
    /// Starts and stops of the controllers' programs; those of one controller are in order of time.
    pub(crate) switches: Vec<Switch>,
    /// What has become of the plant, once it has run.
    pub(crate) course: Course,
    pub(crate) logs: Vec<(Arc<Host>, Log)>,
    pub(crate) ways: Ways,
    /// Port of the last conversation that each client opened.
    ports: BTreeMap<Ipv4Addr, u16>,
    /// Programs that run: by step, and by host and path.
    programs: BTreeMap<String, Process>,
}

impl<'a> Stage<'a> {
    pub(crate) fn new(script: &'a Script, seed: u64) -> Self {
        let logs = script.hosts.iter().flat_map(|host| {
            host.logs.iter().map(move |(channel, form)| {
                let mut random = Random::new(seed, &format!("log {} {}", host.name, channel.word()));
                let first = random.between(20_000, 900_000).unsigned_abs();
                let process = u16::try_from(random.between(150, 900) * 4).unwrap_or_default();
                let computer = full_name(host, &script.domain);
                let log =
                    Log { channel: *channel, form: *form, computer, first, process, events: Vec::new() };
                (Arc::clone(host), log)
            })
        });
        Self {
            script,
            seed,
            tape: Tape::default(),
            mails: vec![],
            deeds: vec![],
            controllers: script
                .hosts
                .iter()
                .filter_map(|host| Some((host.name.clone(), engineering(host)?)))
                .collect(),
            switches: vec![],
            course: Course::default(),
            logs: logs.collect(),
            ways: Ways::default(),
            ports: BTreeMap::new(),
            programs: BTreeMap::new(),
        }
    }

    /// A stream of numbers for `label`.
    pub(crate) fn random(&self, label: &str) -> Random {
        Random::new(self.seed, label)
    }

    /// The moment a step begins.
    pub(crate) fn time(&self, step: &Step) -> Time {
        self.script.start + step.at
    }

    /// Whether `at` is still part of the story.
    pub(crate) fn during(&self, at: Time) -> bool {
        at <= self.script.start + self.script.length
    }

    /// Notes what a step did and what shows it.
    pub(crate) fn note(&mut self, step: &'a Step, what: String, marks: Vec<(&'static str, Mark)>) {
        self.deeds.push(Evidence { step, what, marks });
    }

    /// Puts an event into a host's log; nothing when that channel is not collected from it.
    pub(crate) fn event(&mut self, host: &Host, event: Event) -> Option<Mark> {
        let channel = event.kind.channel;
        let place = self.logs.iter().position(|(of, log)| of.name == host.name && log.channel == channel)?;
        let (_, log) = self.logs.get_mut(place)?;
        Some(Mark::Event { log: place, event: log.add(event) })
    }

    /// The session as events name it.
    pub(crate) fn session(&self, place: &Place) -> Session {
        let account = &place.account;
        let sid = format!("{}-{}", domain_sid(&self.script.netbios), account.rid);
        let account =
            Account { sid, name: account.name.to_string(), domain: self.script.netbios.to_string() };
        Session { account, id: place.session }
    }

    /// The session in which a computer does its own work.
    pub(crate) fn system(&self, host: &Host) -> Session {
        system(self.script, host)
    }

    /// A program by the step that started it (`@step`) or by its path; one that is met first starts now.
    pub(crate) fn program(&mut self, host: &Host, name: &str) -> Process {
        let key = if name.starts_with('@') { name.to_owned() } else { format!("{} {name}", host.name) };
        let mut random = self.random(&format!("program {key}"));
        let start = || Process::new(name, &format!("\"{name}\""), &mut random);
        self.programs.entry(key).or_insert_with(start).clone()
    }

    /// Remembers the program that `step` started.
    pub(crate) fn started(&mut self, step: &Step, program: Process) {
        self.programs.insert(format!("@{}", step.name), program);
    }

    /// A new port of a client.
    pub(crate) fn port(&mut self, client: &Host) -> u16 {
        let mut random = self.random(&format!("port {}", client.name));
        let first = u16::try_from(random.between(49_700, 61_000)).unwrap_or_default();
        let port = self.ports.entry(client.ip).or_insert(first);
        *port = port.saturating_add(1);
        *port
    }

    /// Opens a conversation of `step` to a port of `to`; gives the client's port too.
    pub(crate) fn open(
        &mut self,
        label: &str,
        from: &Host,
        to: (&Host, u16),
        at: Time,
    ) -> (Conversation, u16) {
        let path = self.ways.path(&mut self.tape, from, to.0, at);
        let port = self.port(from);
        let random = self.random(&format!("tcp {label} {port}"));
        (Conversation::open(&mut self.tape, path, (port, to.1), at, random), port)
    }

    /// `from` asks its name server for `of`.
    pub(crate) fn look_up(&mut self, from: &Host, of: &Host, at: Time) -> Option<[FrameId; 2]> {
        let server = from.segment.as_ref().and_then(|segment| self.script.host(&segment.dns))?.clone();
        let path = self.ways.path(&mut self.tape, from, &server, at);
        let port = self.port(from);
        let mut random = self.random(&format!("dns {} {} {}", from.name, of.name, at.0));
        let id = random.u16();
        let (asker, answerer) = ((path.client, port), (path.server, 53));
        let question = frames::udp(asker, answerer, random.u16(), &dns::question(id, &of.fqdn));
        let answer =
            frames::udp(answerer, asker, random.u16(), &dns::answer(id, &of.fqdn, Some(of.ip), 1200));
        let wait = if of.segment.is_some() { 420_000 } else { 23_000_000 };
        let wait = Span(wait + random.between(0, 200_000));
        Some([self.tape.record(at, question), self.tape.record(at + wait, answer)])
    }

    /// Lets every watched computer write what it writes when nothing happens.
    pub(crate) fn background(&mut self) {
        let script = self.script;
        for (host, log) in &mut self.logs {
            let mut random =
                Random::new(self.seed, &format!("background {} {}", host.name, log.channel.word()));
            idle(script, host, log, (script.start, script.length), &mut random);
        }
    }

    /// Puts everything in order of time and numbers it.
    pub(crate) fn finish(self) -> Sample {
        let recording = self.tape.finish();
        let numbers: Vec<Vec<u64>> = self.logs.iter().map(|(_, log)| log.numbered().1).collect();
        let resolve = |mark: &Mark| match mark {
            Mark::Frames(frames) => {
                truth::proof(super::CAPTURE, frames.iter().map(|id| recording.number(*id)))
            }
            Mark::Event { log, event } => {
                let file = self.logs.get(*log).map(|(host, log)| file_name(host, log)).unwrap_or_default();
                let of = numbers.get(*log).map_or(&[][..], Vec::as_slice);
                truth::proof(&file, [windows::Log::number(of, *event)])
            }
            Mark::File(name) => truth::proof(name, [1]),
        };
        let deeds: Vec<Deed> =
            self.deeds.iter().map(|evidence| evidence.deed(self.script.start, resolve)).collect();
        let truth = Truth::new(self.script, self.seed, deeds, self.course);
        let mut events: Vec<(String, Vec<u8>)> =
            self.logs.iter().map(|(host, log)| (file_name(host, log), log.file(host.skew))).collect();
        events.sort();
        let mails = self.mails.into_iter().map(|(_, name, mail)| (name, mail)).collect();
        Sample { pcap: recording.pcap(), events, mails, truth }
    }
}

fn full_name(host: &Host, domain: &str) -> String {
    format!("{}.{domain}", host.name)
}

/// Puts into `log` of `host` what it gets within `window` (from when, how long) when nothing happens.
pub(crate) fn idle(script: &Script, host: &Host, log: &mut Log, window: (Time, Span), random: &mut Random) {
    let nearest = host.segment.as_ref().and_then(|segment| script.host(&segment.dns));
    let controller = nearest.map_or(("", host.ip), |dc| (&*dc.fqdn, dc.ip));
    let (system, domain) = (system(script, host), &*script.netbios);
    let computer = Computer { name: &host.name, address: host.ip, system, controller, domain };
    background::fill(log, &computer, window.0, window.1, random);
}

fn system(script: &Script, host: &Host) -> Session {
    let (name, domain) = (format!("{}$", host.name), script.netbios.to_string());
    Session { account: Account { sid: "S-1-5-18".to_owned(), name, domain }, id: 0x3e7 }
}

pub(crate) fn file_name(host: &Host, log: &Log) -> String {
    format!("{}-{}.{}", host.name, log.channel.word(), log.form.ending())
}

/// Security identifier of a domain, made from its name.
fn domain_sid(netbios: &str) -> String {
    let hash = fnv1a(netbios.as_bytes());
    format!("S-1-5-21-{}-{}-{}", hash >> 32, hash & 0xffff_ffff, (hash >> 16) & 0xffff_ffff)
}

/// Whether a channel of a host is collected.
pub(crate) fn watched(host: &Host, channel: Channel) -> bool {
    host.logs.iter().any(|(collected, _)| *collected == channel)
}
