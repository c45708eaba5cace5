use super::process::Switch;
use super::stage::Stage;
use super::truth::Mark;
use crate::bytes::Put;
use crate::dhcp::{self, Lease};
use crate::frames::{self, FrameId, Station};
use crate::modbus;
use crate::script::{Act, Host, Place, Run, Step};
use crate::tcp::Side;
use crate::tls;
use crate::umas::{self, Call};
use crate::windows::{security, sysmon};
use model::{Span, Time};
use std::net::Ipv4Addr;
use std::sync::Arc;

pub(crate) const fn ms(count: i64) -> Span {
    Span(count * 1_000_000)
}

impl<'a> Stage<'a> {
    /// Plays one step; what happens within polls is played with them.
    pub(crate) fn act(&mut self, step: &'a Step) {
        match &step.act {
            Act::Lease { host } => self.lease(step, host),
            Act::Lookup { from, of } => self.lookup(step, from, of),
            Act::Mail(mail) => self.mail(step, mail),
            Act::Browse { from, to } => self.browse(step, from, to),
            Act::Run(run) => self.run(step, run),
            Act::Drop { place, by, path } => self.drop_file(step, place, by, path),
            Act::Beacon { place, by, to, every, count } => {
                self.beacon(step, (place, by), to, (*every, *count))
            }
            Act::Remote { place, to, length } => self.remote(step, place, to, *length),
            Act::Mistype { place, to } => self.mistype(step, place, to),
            Act::Umas { from, to, calls, by, when_running } => {
                self.umas(step, (from, to), (calls, *when_running), by.as_ref());
            }
            Act::Write { .. } | Act::Identify { .. } => {}
        }
    }

    fn lease(&mut self, step: &'a Step, host: &Host) {
        let (Some(segment), Some(mac)) = (&host.segment, host.mac) else { return };
        let server = self.script.host(&segment.dns).map_or(segment.gateway, |server| server.ip);
        let mut random = self.random(&format!("lease {}", step.name));
        let (xid, name, domain) = (random.u32(), &*host.name, &*self.script.domain);
        let (address, gateway) = (host.ip, segment.gateway);
        let lease = Lease { xid, mac, name, domain, address, gateway, server, dns: server };
        let client = Station { mac, ip: Ipv4Addr::UNSPECIFIED, ttl: 128 };
        let everybody = Station { mac: frames::BROADCAST, ip: Ipv4Addr::BROADCAST, ttl: 0 };
        let relay = Station { mac: segment.mac, ip: gateway, ttl: 64 };
        let given = Station { mac, ip: address, ttl: 0 };
        let mut at = self.time(step);
        let mut seen = vec![];
        use dhcp::Message::{Ack, Discover, Offer, Request};
        for message in [Discover, Offer, Request, Ack] {
            let from_client = matches!(message, Discover | Request);
            let ends = if from_client { ((client, 68), (everybody, 67)) } else { ((relay, 67), (given, 68)) };
            let frame = frames::udp(ends.0, ends.1, random.u16(), &lease.message(message));
            seen.push(self.tape.record(at, frame));
            at = at + Span(random.between(900_000, 4_000_000));
        }
        self.note(step, format!("{name} gets its address {address}"), vec![("frames", Mark::Frames(seen))]);
    }

    fn lookup(&mut self, step: &'a Step, from: &Host, of: &Host) {
        let frames = self.look_up(from, of, self.time(step));
        let marks = frames.map(|frames| ("frames", Mark::Frames(frames.into()))).into_iter().collect();
        self.note(step, format!("{} looks up {}", from.name, of.fqdn), marks);
    }

    fn browse(&mut self, step: &'a Step, from: &Host, to: &Host) {
        let at = self.time(step);
        let mut random = self.random(&format!("browse {}", step.name));
        let before = self.tape.len();
        self.look_up(from, to, at);
        let (mut talk, _) = self.open(&step.name, from, (to, 443), at + ms(40));
        let session = random.bytes();
        let hello = tls::client_hello(&to.fqdn, session, &mut random);
        talk.say(&mut self.tape, Side::Client, ms(1), &hello);
        let mut answer = tls::server_hello(session, &mut random);
        answer.put(&tls::opaque(2900, &mut random));
        talk.say(&mut self.tape, Side::Server, ms(19), &answer);
        let mut finished = tls::change_cipher().to_vec();
        finished.put(&tls::opaque(69, &mut random));
        talk.say(&mut self.tape, Side::Client, ms(3), &finished);
        for _ in 0..random.between(2, 5) {
            let (ask, reply) = (random.between(180, 700), random.between(400, 9000));
            let pause = random.between(5, 900);
            talk.say(&mut self.tape, Side::Client, ms(pause), &tls::opaque(size(ask), &mut random));
            talk.say(&mut self.tape, Side::Server, ms(22), &tls::opaque(size(reply), &mut random));
        }
        let end = talk.now() + ms(random.between(800, 5000));
        talk.close(&mut self.tape, Side::Client, end);
        let frames = Mark::Frames(self.tape.since(before).collect());
        self.note(step, format!("{} reads {}", from.name, to.fqdn), vec![("frames", frames)]);
    }

    fn run(&mut self, step: &'a Step, run: &Run) {
        let (host, at) = (&run.place.host, self.time(step));
        let session = self.session(&run.place);
        let mut random = self.random(&format!("run {}", step.name));
        let parent = self.program(host, &run.parent);
        let new = sysmon::Process::new(&run.image, &run.command, &mut random);
        let created = sysmon::process(at, &session, &new, &parent, &mut random);
        let audited = [&*run.image, &*run.command, &*parent.image];
        let audited = security::process(at + ms(2), &session, audited, &mut random);
        let marks = [("process", self.event(host, created)), ("audit", self.event(host, audited))];
        let what = format!("{} starts {} on {}", run.place.account.name, new.file(), host.name);
        self.started(step, new);
        self.note(step, what, present(marks));
    }

    fn drop_file(&mut self, step: &'a Step, place: &Place, by: &str, path: &str) {
        let (session, by) = (self.session(place), self.program(&place.host, by));
        let mut random = self.random(&format!("drop {}", step.name));
        let event = sysmon::file(self.time(step), &session, &by, path, &mut random);
        let mark = self.event(&place.host, event);
        let file = path.rsplit('\\').next().unwrap_or_default();
        let what = format!("{} puts {file} on {}", place.account.name, place.host.name);
        self.note(step, what, present([("file", mark)]));
    }

    fn beacon(&mut self, step: &'a Step, by: (&Place, &str), to: &Arc<Host>, often: (Span, u16)) {
        let (place, by) = by;
        let (host, session, program) = (&place.host, self.session(place), self.program(&place.host, by));
        let mut random = self.random(&format!("beacon {}", step.name));
        let mut at = self.time(step);
        let before = self.tape.len();
        self.look_up(host, to, at);
        let found = sysmon::lookup(at + ms(30), &session, &program, (&to.fqdn, to.ip), &mut random);
        let mut marks = present([("lookup", self.event(host, found))]);
        for number in 0..often.1 {
            at = at + ms(40);
            let port = self.call_home(step, (host, to), at, &mut random);
            let target = (to.ip, 80, &*to.fqdn);
            let ends = sysmon::Ends { transport: "tcp", source: (host.ip, port, &host.fqdn), target };
            let event = sysmon::connection(at + ms(25), &session, &program, &ends, &mut random);
            let mark = self.event(host, event);
            marks.extend(mark.filter(|_| number == 0).map(|mark| ("connection", mark)));
            at = at + often.0 + Span(random.between(-900, 900) * 1_000_000);
        }
        marks.push(("frames", Mark::Frames(self.tape.since(before).collect())));
        self.note(step, format!("{} on {} calls {}", program.file(), host.name, to.fqdn), marks);
    }

    fn call_home(
        &mut self,
        step: &Step,
        ends: (&Host, &Host),
        at: Time,
        random: &mut crate::random::Random,
    ) -> u16 {
        let (host, to) = ends;
        let (mut talk, port) = self.open(&step.name, host, (to, 80), at);
        let id = crate::random::fnv1a(host.name.as_bytes()) & 0xffff_ffff;
        let agent = "Mozilla/5.0 (Windows NT; Windows NT 10.0; en-US) WindowsPowerShell/5.1.20348.1";
        let ask = format!(
            "GET /invoice/status?id={id:08x} HTTP/1.1\r\nUser-Agent: {agent}\r\nHost: {}\r\n",
            to.fqdn
        );
        talk.say(&mut self.tape, Side::Client, ms(1), format!("{ask}Connection: close\r\n\r\n").as_bytes());
        let head = "HTTP/1.1 200 OK\r\nServer: nginx\r\nContent-Type: text/plain\r\nContent-Length: 4\r\n";
        let wait = ms(random.between(19, 60));
        talk.say(
            &mut self.tape,
            Side::Server,
            wait,
            format!("{head}Connection: close\r\n\r\nnone").as_bytes(),
        );
        let end = talk.now() + ms(2);
        talk.close(&mut self.tape, Side::Server, end);
        port
    }

    fn umas(
        &mut self,
        step: &'a Step,
        ends: (&Arc<Host>, &Arc<Host>),
        calls: (&[(Call, Span)], bool),
        by: Option<&(Place, Box<str>)>,
    ) {
        let ((from, to), (calls, when_running), at) = (ends, calls, self.time(step));
        let mut random = self.random(&format!("umas {}", step.name));
        let (mut talk, port) = self.open(&step.name, from, (to, 502), at);
        let mut marks: Vec<(&'static str, Mark)> = vec![];
        if let Some((place, name)) = by {
            let (session, program) = (self.session(place), self.program(&place.host, name));
            let target = (to.ip, 502, &*to.fqdn);
            let ends = sysmon::Ends { transport: "tcp", source: (from.ip, port, &from.fqdn), target };
            let event = sysmon::connection(at + ms(12), &session, &program, &ends, &mut random);
            marks.extend(present([("connection", self.event(from, event))]));
        }
        let mut key = 0;
        for (number, (call, pause)) in (1..).zip(calls) {
            let ask_at = talk.now() + *pause + Span(random.between(2_000_000, 9_000_000));
            let request = modbus::adu(number, 0, &umas::request(*call, key, &from.name));
            let asked = talk.send(&mut self.tape, Side::Client, ask_at, &request);
            let Some(answer) = self.answered(to, *call, &mut key) else { return };
            let wait = Span(random.between(3_000_000, 11_000_000));
            let answered = talk.say(&mut self.tape, Side::Server, wait, &modbus::adu(number, 0, &answer));
            self.switched(to, talk.now());
            marks.push((call.name(), Mark::Frames(vec![asked, answered])));
            if when_running && umas::running(&answer) == Some(false) {
                break;
            }
        }
        let end = talk.now() + ms(random.between(400, 900));
        talk.close(&mut self.tape, Side::Client, end);
        let names: Vec<_> = calls.iter().map(|(call, _)| call.name()).collect();
        self.note(step, format!("{} asks {} by UMAS for {}", from.name, to.name, names.join(", ")), marks);
    }

    /// The controller's answer; the key changes with the reservation.
    fn answered(&mut self, to: &Host, call: Call, key: &mut u8) -> Option<Vec<u8>> {
        let controller = self.controllers.get_mut(&to.name)?;
        let answer = controller.answer(call, *key);
        if matches!(call, Call::TakeReservation | Call::ReleaseReservation) {
            *key = controller.reserved;
        }
        Some(answer)
    }

    /// Remembers when a controller's program was started or stopped.
    fn switched(&mut self, to: &Host, at: Time) {
        let runs = self.controllers.get(&to.name).is_none_or(|controller| controller.running);
        let mut before = self.switches.iter().rev().filter(|switch| switch.controller == to.name);
        if before.next().is_none_or(|switch| switch.runs) != runs {
            self.switches.push(Switch { at, controller: to.name.clone(), runs });
        }
    }
}

/// The marks that are there.
pub(crate) fn present<const N: usize>(marks: [(&'static str, Option<Mark>); N]) -> Vec<(&'static str, Mark)> {
    marks.into_iter().filter_map(|(kind, mark)| Some((kind, mark?))).collect()
}

pub(crate) fn size(count: i64) -> usize {
    usize::try_from(count).unwrap_or_default()
}

/// Frames of a conversation as a mark.
pub(crate) fn frames_mark(frames: impl Iterator<Item = FrameId>) -> Mark {
    Mark::Frames(frames.collect())
}
