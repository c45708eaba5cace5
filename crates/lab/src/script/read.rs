use super::line::{self, Line, Word};
use super::{
    Account, Act, Controller, Expected, ExpectedJoin, Host, Mail, Part, Place, Poll, Problem, RegisterMap,
};
use super::{Run, Script, ScriptError, Segment, Step};
use crate::umas::Call;
use crate::windows::{Channel, Form};
use model::{Level, Span, Time};
use std::sync::Arc;

const fn thing(
    word: &'static str,
    named: bool,
    needs: &'static [&'static str],
    may: &'static [&'static str],
) -> Word {
    Word { word, step: false, named, needs, may }
}

const fn step(word: &'static str, needs: &'static [&'static str], may: &'static [&'static str]) -> Word {
    Word { word, step: true, named: true, needs, may }
}

/// Every word of a script and its keys. Steps may also have `part=attack` or `part=decoy`; `umas` with
/// `when=running` ends as soon as an `info` says that the controller does not run.
pub static WORDS: &[Word] = &[
    thing("site", true, &["netbios", "start", "length"], &[]),
    thing("segment", true, &["gateway", "mac", "dns"], &[]),
    thing("host", true, &["ip", "level", "role"], &["segment", "mac", "fqdn", "skew", "logs"]),
    thing("controller", true, &["map", "unit", "reference", "firmware", "project"], HOST),
    thing("account", true, &["rid", "person"], &[]),
    thing("desk", true, &["user", "session"], &[]),
    thing("poll", false, &["from", "to", "every", "register", "count"], &[]),
    thing("chain", true, &[], &[]),
    thing("expect", true, &["kind"], &["join"]),
    step("lease", &["host"], PART),
    step("lookup", &["from", "of"], PART),
    step("mail", &["from", "person", "to", "subject", "text", "relay", "server"], &["attachment", "part"]),
    step("browse", &["from", "to"], PART),
    step("run", &["in", "image", "command", "parent"], PART),
    step("drop", &["in", "by", "path"], PART),
    step("beacon", &["in", "by", "to", "every", "count"], PART),
    step("remote", &["in", "to", "session", "length"], PART),
    step("mistype", &["in", "to"], PART),
    step("umas", &["from", "to", "calls"], &["in", "by", "when", "part"]),
    step("write", &["from", "to", "register", "values"], PART),
    step("identify", &["from", "to"], PART),
];
const PART: &[&str] = &["part"];
const HOST: &[&str] = &["ip", "level", "segment", "mac"];

/// Reads a whole script.
pub(crate) fn script(text: &str) -> Result<Script, ScriptError> {
    let mut reading = Reading::default();
    for (number, text) in (1..).zip(text.lines()) {
        if let Some(line) = Line::read(number, text, WORDS)? {
            reading.line(&line)?;
        }
    }
    reading.finish()
}

#[derive(Default)]
struct Reading {
    site: Option<(Box<str>, Box<str>, Time, Span)>,
    segments: Vec<Arc<Segment>>,
    hosts: Vec<Arc<Host>>,
    accounts: Vec<Arc<Account>>,
    desks: Vec<Place>,
    /// Sessions that exist by now, those of the desks included.
    places: Vec<Place>,
    polls: Vec<Poll>,
    steps: Vec<Step>,
    chain: Option<Box<str>>,
    expected: Vec<Expected>,
}

impl Reading {
    fn line(&mut self, line: &Line) -> Result<(), ScriptError> {
        if let Some(at) = line.at {
            return self.step(line, at);
        }
        match line.word.word {
            "site" => {
                let (start, length) = (line.moment("start")?, line.span("length")?);
                self.site = Some((line.name.clone(), line.text("netbios").into(), start, length));
            }
            "segment" => self.segment(line)?,
            "host" => self.host(line, None)?,
            "controller" => self.controller(line)?,
            "account" => self.account(line)?,
            "desk" => {
                let place = self.place(line, &line.name)?;
                self.desks.push(place);
            }
            "poll" => self.poll(line)?,
            "chain" => self.chain = Some(line.name.clone()),
            _ => self.expect(line)?,
        }
        Ok(())
    }

    fn segment(&mut self, line: &Line) -> Result<(), ScriptError> {
        free(line, self.segments.iter().map(|segment| &segment.name))?;
        let gateway = line.parse("gateway", "an IPv4 address")?;
        let (mac, dns) = (line.mac("mac")?, line.text("dns").into());
        self.segments.push(Arc::new(Segment { name: line.name.clone(), gateway, mac, dns }));
        Ok(())
    }

    fn controller(&mut self, line: &Line) -> Result<(), ScriptError> {
        let map = match line.text("map") {
            "antisurge" => RegisterMap::AntiSurge,
            "unit" => RegisterMap::Unit,
            other => return Err(value(line, "map", other, "antisurge or unit")),
        };
        let text = |key| line.text(key).into();
        let (reference, firmware, project) = (text("reference"), text("firmware"), text("project"));
        let unit = line.parse("unit", "a number from 0 to 255")?;
        self.host(line, Some(Controller { map, unit, reference, firmware, project }))
    }

    fn host(&mut self, line: &Line, controller: Option<Controller>) -> Result<(), ScriptError> {
        free(line, self.hosts.iter().map(|host| &host.name))?;
        let segment =
            line.maybe("segment").map(|name| find(line, "segment", name, &self.segments, |s| &s.name));
        let domain = self.site.as_ref().map_or("", |site| &site.0);
        let own_name = format!("{}.{domain}", line.name.to_lowercase());
        let host = Host {
            name: line.name.clone(),
            fqdn: line.maybe("fqdn").map_or(own_name.into(), Into::into),
            segment: segment.transpose()?,
            ip: line.parse("ip", "an IPv4 address")?,
            mac: line.maybe("mac").map(|_| line.mac("mac")).transpose()?,
            level: level(line)?,
            role: line.maybe("role").unwrap_or("controller").into(),
            skew: line.maybe("skew").map(|_| line.span("skew")).transpose()?.unwrap_or_default(),
            logs: logs(line)?,
            controller,
        };
        self.hosts.push(Arc::new(host));
        Ok(())
    }

    fn account(&mut self, line: &Line) -> Result<(), ScriptError> {
        free(line, self.accounts.iter().map(|account| &account.name))?;
        let (rid, person) = (line.parse("rid", "a whole number")?, line.text("person").into());
        self.accounts.push(Arc::new(Account { name: line.name.clone(), rid, person }));
        Ok(())
    }

    /// A new session of `user=` on the host `name`.
    fn place(&mut self, line: &Line, name: &str) -> Result<Place, ScriptError> {
        let host = self.host_named(line, name)?;
        let account = find(line, "account", line.text("user"), &self.accounts, |a| &a.name)?;
        self.begin(line, host, account)
    }

    fn begin(&mut self, line: &Line, host: Arc<Host>, account: Arc<Account>) -> Result<Place, ScriptError> {
        let session = line.hex("session")?;
        let place = Place { host, account, session };
        if self.places.iter().any(|p| p.session == session && Arc::ptr_eq(&p.host, &place.host)) {
            return Err(line.fail(Problem::Taken(format!("{}/{session:#x}", place.host.name))));
        }
        self.places.push(place.clone());
        Ok(place)
    }

    fn poll(&mut self, line: &Line) -> Result<(), ScriptError> {
        let every = line.span("every")?;
        if every < Span(1_000_000) {
            return Err(value(line, "every", line.text("every"), "at least 1ms"));
        }
        let count = line.parse("count", "a number from 1 to 125")?;
        if !(1..=125).contains(&count) {
            return Err(value(line, "count", line.text("count"), "a number from 1 to 125"));
        }
        let (from, to) = (self.host_of(line, "from")?, self.controller_of(line, "to")?);
        self.polls.push(Poll {
            from,
            to,
            every,
            register: line.parse("register", "a register from 0")?,
            count,
        });
        Ok(())
    }

    fn expect(&mut self, line: &Line) -> Result<(), ScriptError> {
        self.step_named(line, &line.name)?;
        let joins = line.maybe("join").unwrap_or_default().split(',').filter(|join| !join.is_empty());
        let joins = joins.map(|join| {
            let parts =
                join.split_once(':').and_then(|(variable, rest)| Some((variable, rest.rsplit_once('@')?)));
            let Some((variable, (value, with))) = parts else {
                return Err(self::value(line, "join", join, "a list of variable:value@step"));
            };
            self.step_named(line, with)?;
            Ok(ExpectedJoin { variable: variable.into(), value: value.into(), with: with.into() })
        });
        let joins = joins.collect::<Result<_, _>>()?;
        self.expected.push(Expected { step: line.name.clone(), kind: line.text("kind").into(), joins });
        Ok(())
    }

    fn step(&mut self, line: &Line, at: Span) -> Result<(), ScriptError> {
        free(line, self.steps.iter().map(|step| &step.name))?;
        let part = match line.maybe("part") {
            None => Part::Normal,
            Some("attack") => Part::Attack,
            Some("decoy") => Part::Decoy,
            Some(other) => return Err(value(line, "part", other, "attack or decoy")),
        };
        if self.site.as_ref().is_none_or(|site| at > site.3) {
            return Err(line.fail(Problem::Late));
        }
        let act = self.act(line)?;
        self.steps.push(Step { line: line.number, at, name: line.name.clone(), part, act });
        Ok(())
    }

    fn act(&mut self, line: &Line) -> Result<Act, ScriptError> {
        let by = || line.text("by").into();
        Ok(match line.word.word {
            "lease" => Act::Lease { host: self.host_of(line, "host")? },
            "lookup" => Act::Lookup { from: self.host_of(line, "from")?, of: self.host_of(line, "of")? },
            "mail" => self.mail(line)?,
            "browse" => Act::Browse { from: self.host_of(line, "from")?, to: self.host_of(line, "to")? },
            "run" => self.run(line)?,
            "drop" => {
                self.program(line, "by")?;
                Act::Drop { place: self.session(line)?, by: by(), path: line.text("path").into() }
            }
            "beacon" => {
                self.program(line, "by")?;
                let (every, count) = (line.span("every")?, line.parse("count", "a whole number")?);
                Act::Beacon {
                    place: self.session(line)?,
                    by: by(),
                    to: self.host_of(line, "to")?,
                    every,
                    count,
                }
            }
            "remote" => {
                let place = self.session(line)?;
                let to = self.begin(line, self.host_of(line, "to")?, place.account.clone())?;
                Act::Remote { place, to, length: line.span("length")? }
            }
            "mistype" => Act::Mistype { place: self.session(line)?, to: self.host_of(line, "to")? },
            "umas" => self.umas(line)?,
            "write" => self.write(line)?,
            _ => {
                let (from, to) = self.polled(line)?;
                Act::Identify { from, to }
            }
        })
    }

    fn mail(&self, line: &Line) -> Result<Act, ScriptError> {
        let text = |key| line.text(key).into();
        Ok(Act::Mail(Box::new(Mail {
            from: text("from"),
            person: text("person"),
            to: text("to"),
            subject: text("subject"),
            text: text("text"),
            attachment: line.maybe("attachment").map(Into::into),
            relay: self.host_of(line, "relay")?,
            server: self.host_of(line, "server")?,
        })))
    }

    fn run(&self, line: &Line) -> Result<Act, ScriptError> {
        self.program(line, "parent")?;
        let text = |key| line.text(key).into();
        let (image, command, parent) = (text("image"), text("command"), text("parent"));
        Ok(Act::Run(Box::new(Run { place: self.session(line)?, image, command, parent })))
    }

    fn umas(&self, line: &Line) -> Result<Act, ScriptError> {
        const PAUSE: Span = Span(180_000_000);
        let (mut calls, mut pause) = (vec![], Span(0));
        for word in line.text("calls").split(',') {
            if let Some(wait) = word.strip_prefix("wait:") {
                pause = line::span("calls", wait).map_err(|problem| line.fail(problem))?;
                continue;
            }
            let wanted = "a list of init, id, project, info, reserve, release, keep, start, stop and wait:8s";
            let call = Call::from_word(word).ok_or_else(|| value(line, "calls", word, wanted))?;
            calls.push((call, std::mem::replace(&mut pause, PAUSE)));
        }
        let by = match line.maybe("by") {
            Some(by) => {
                self.program(line, "by")?;
                Some((self.session(line)?, by.into()))
            }
            None => None,
        };
        let when_running = match line.maybe("when") {
            None => false,
            Some("running") => true,
            Some(other) => return Err(value(line, "when", other, "running")),
        };
        let (from, to) = (self.host_of(line, "from")?, self.controller_of(line, "to")?);
        Ok(Act::Umas { from, to, calls, by, when_running })
    }

    fn write(&self, line: &Line) -> Result<Act, ScriptError> {
        let (from, to) = self.polled(line)?;
        let values = line.text("values").split(',').map(str::parse).collect::<Result<Vec<u16>, _>>();
        let values =
            values.map_err(|_| value(line, "values", line.text("values"), "a list of numbers to 65535"))?;
        Ok(Act::Write { from, to, register: line.parse("register", "a register from 0")?, values })
    }

    /// The two ends of a step that happens within a poll.
    fn polled(&self, line: &Line) -> Result<(Arc<Host>, Arc<Host>), ScriptError> {
        let (from, to) = (self.host_of(line, "from")?, self.host_of(line, "to")?);
        let known =
            self.polls.iter().any(|poll| Arc::ptr_eq(&poll.from, &from) && Arc::ptr_eq(&poll.to, &to));
        if known { Ok((from, to)) } else { Err(line.fail(Problem::NoPoll(to.name.to_string()))) }
    }

    /// A program is a path, or names the step that started it.
    fn program(&self, line: &Line, key: &'static str) -> Result<(), ScriptError> {
        match line.text(key).strip_prefix('@') {
            Some(name) => self.step_named(line, name),
            None => Ok(()),
        }
    }

    fn step_named(&self, line: &Line, name: &str) -> Result<(), ScriptError> {
        let known = self.steps.iter().any(|step| &*step.name == name);
        if known {
            Ok(())
        } else {
            Err(line.fail(Problem::Unknown { what: "step above", name: name.to_owned() }))
        }
    }

    /// The session in `in=`, written `HOST/0x3e7`.
    fn session(&self, line: &Line) -> Result<Place, ScriptError> {
        let text = line.text("in");
        let parts = text.split_once('/').and_then(|(host, session)| Some((host, line::hex(session)?)));
        let (host, session) = parts.ok_or_else(|| value(line, "in", text, "a session like HIST01/0x3e7"))?;
        let found = self.places.iter().find(|p| &*p.host.name == host && p.session == session);
        found.cloned().ok_or_else(|| line.fail(Problem::Unknown { what: "session", name: text.to_owned() }))
    }

    fn host_named(&self, line: &Line, name: &str) -> Result<Arc<Host>, ScriptError> {
        find(line, "host", name, &self.hosts, |host| &host.name)
    }

    fn host_of(&self, line: &Line, key: &'static str) -> Result<Arc<Host>, ScriptError> {
        self.host_named(line, line.text(key))
    }

    fn controller_of(&self, line: &Line, key: &'static str) -> Result<Arc<Host>, ScriptError> {
        let host = self.host_of(line, key)?;
        let name = host.name.to_string();
        host.controller
            .is_some()
            .then_some(host)
            .ok_or_else(|| line.fail(Problem::Unknown { what: "controller", name }))
    }

    fn finish(mut self) -> Result<Script, ScriptError> {
        let whole = |problem| ScriptError { line: 0, problem };
        let (domain, netbios, start, length) = self.site.ok_or(whole(Problem::Absent("site")))?;
        for segment in &self.segments {
            if !self.hosts.iter().any(|host| host.name == segment.dns) {
                return Err(whole(Problem::Unknown { what: "host", name: segment.dns.to_string() }));
            }
        }
        self.steps.sort_by_key(|step| (step.at, step.line));
        Ok(Script {
            domain,
            netbios,
            start,
            length,
            segments: self.segments,
            hosts: self.hosts,
            accounts: self.accounts,
            desks: self.desks,
            polls: self.polls,
            steps: self.steps,
            chain: self.chain.ok_or(whole(Problem::Absent("chain")))?,
            expected: self.expected,
        })
    }
}

fn value(line: &Line, key: &'static str, value: &str, wanted: &'static str) -> ScriptError {
    line.fail(Problem::Value { key, value: value.to_owned(), wanted })
}

fn free<'a>(line: &Line, mut taken: impl Iterator<Item = &'a Box<str>>) -> Result<(), ScriptError> {
    if taken.any(|name| *name == line.name) {
        Err(line.fail(Problem::Taken(line.name.to_string())))
    } else {
        Ok(())
    }
}

fn find<T>(
    line: &Line,
    what: &'static str,
    name: &str,
    among: &[Arc<T>],
    name_of: impl Fn(&T) -> &Box<str>,
) -> Result<Arc<T>, ScriptError> {
    let found = among.iter().find(|one| &**name_of(one) == name).cloned();
    found.ok_or_else(|| line.fail(Problem::Unknown { what, name: name.to_owned() }))
}

fn level(line: &Line) -> Result<Level, ScriptError> {
    let all = [Level::L0, Level::L1, Level::L2, Level::L3, Level::Dmz, Level::L4, Level::L5];
    let text = line.text("level");
    all.into_iter()
        .find(|level| level.name() == text)
        .ok_or_else(|| value(line, "level", text, "a Purdue level"))
}

/// `security:json,sysmon`: channels, XML unless said otherwise.
fn logs(line: &Line) -> Result<Vec<(Channel, Form)>, ScriptError> {
    let list = line.text("logs").split(',').filter(|part| !part.is_empty());
    let read = |part: &str| {
        let (channel, form) = part.split_once(':').unwrap_or((part, "xml"));
        let channel = [Channel::Security, Channel::Sysmon].into_iter().find(|c| c.word() == channel);
        let form = [Form::Xml, Form::Json].into_iter().find(|f| f.ending() == form);
        channel
            .zip(form)
            .ok_or_else(|| value(line, "logs", part, "security or sysmon, with :json or :xml behind it"))
    };
    list.map(read).collect()
}
