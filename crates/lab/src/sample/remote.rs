use super::acts::{frames_mark, ms, present, size};
use super::stage::{Stage, watched};
use super::truth::Mark;
use crate::bytes::Put;
use crate::random::Random;
use crate::rdp;
use crate::script::{Host, Place, Step};
use crate::tcp::{Conversation, Side};
use crate::tls;
use crate::windows::Channel;
use crate::windows::security::{self, Logon, LogonType, Session};
use crate::windows::sysmon::{self, Process};
use model::{Span, Time};

const MSTSC: &str = r"C:\Windows\System32\mstsc.exe";
const EXPLORER: &str = r"C:\Windows\explorer.exe";
const RDP: u16 = 3389;

type Marks = Vec<(&'static str, Mark)>;

impl<'a> Stage<'a> {
    /// Somebody opens a remote desktop, works in it for `length`, and logs off.
    pub(crate) fn remote(&mut self, step: &'a Step, place: &Place, to: &Place, length: Span) {
        let at = self.time(step);
        let mut random = self.random(&format!("remote {}", step.name));
        let before = self.tape.len();
        let (mut talk, port, mut marks) = self.dial(step, place, &to.host, at, &mut random);
        let logged_on = talk.now() + ms(random.between(350, 700));
        marks.extend(self.logged_on(place, to, port, logged_on, &mut random));
        let end = at + length;
        self.desktop(&mut talk, logged_on, end, &mut random);
        if self.during(end) {
            talk.close(&mut self.tape, Side::Client, end);
            let event =
                security::logoff(end + ms(240), &self.session(to), LogonType::RemoteInteractive, &mut random);
            marks.extend(present([("logoff", self.event(&to.host, event))]));
        }
        marks.push(("frames", frames_mark(self.tape.since(before))));
        let (user, from) = (&place.account.name, &place.host.name);
        let what = format!("{user} opens a remote desktop from {from} to {}", to.host.name);
        self.note(step, what, marks);
    }

    /// Somebody mistypes the password: the conversation ends before a session begins.
    pub(crate) fn mistype(&mut self, step: &'a Step, place: &Place, to: &Host) {
        let at = self.time(step);
        let mut random = self.random(&format!("mistype {}", step.name));
        let before = self.tape.len();
        let (mut talk, _, mut marks) = self.dial(step, place, to, at, &mut random);
        let account = self.session(place).account;
        let refused = talk.now() + ms(60);
        let event = security::failed(refused, &account, (place.host.ip, &place.host.name), &mut random);
        marks.extend(present([("failed", self.event(to, event))]));
        talk.reset(&mut self.tape, Side::Server, refused + ms(35));
        marks.push(("frames", frames_mark(self.tape.since(before))));
        let what = format!("{} mistypes the password of {}", place.account.name, to.name);
        self.note(step, what, marks);
    }

    /// Starts the client program and brings the conversation to where credentials are checked.
    fn dial(
        &mut self,
        step: &Step,
        place: &Place,
        to: &Host,
        at: Time,
        random: &mut Random,
    ) -> (Conversation, u16, Marks) {
        let (host, session) = (&place.host, self.session(place));
        let explorer = self.program(host, EXPLORER);
        let client = Process::new(MSTSC, &format!("\"{MSTSC}\" /v:{}", to.fqdn), random);
        let created = sysmon::process(at, &session, &client, &explorer, random);
        let audited = security::process(at + ms(2), &session, [MSTSC, &client.command, EXPLORER], random);
        let mut marks =
            present([("client", self.event(host, created)), ("audit", self.event(host, audited))]);
        self.look_up(host, to, at + ms(310));
        let found = sysmon::lookup(at + ms(330), &session, &client, (&to.fqdn, to.ip), random);
        self.event(host, found);
        let opened = at + ms(360);
        let (mut talk, port) = self.open(&step.name, host, (to, RDP), opened);
        let source = (host.ip, port, &*host.fqdn);
        let ends = sysmon::Ends { transport: "tcp", source, target: (to.ip, RDP, &to.fqdn) };
        let connected = sysmon::connection(opened + ms(14), &session, &client, &ends, random);
        marks.extend(present([("connection", self.event(host, connected))]));
        self.negotiate(&mut talk, &place.account.name, &to.fqdn, random);
        let explicit = security::explicit(talk.now(), &session, (&to.fqdn, to.ip), random);
        marks.extend(present([("credentials", self.event(host, explicit))]));
        (talk, port, marks)
    }

    /// X.224 in clear, TLS, and the opaque exchange of credentials.
    fn negotiate(&mut self, talk: &mut Conversation, user: &str, server: &str, random: &mut Random) {
        let tape = &mut self.tape;
        talk.say(tape, Side::Client, ms(1), &rdp::connection_request(user));
        talk.say(tape, Side::Server, ms(12), &rdp::connection_confirm());
        let session = random.bytes();
        talk.say(tape, Side::Client, ms(4), &tls::client_hello(server, session, random));
        let mut answer = tls::server_hello(session, random);
        answer.put(&tls::opaque(1250, random));
        talk.say(tape, Side::Server, ms(6), &answer);
        let mut finished = tls::change_cipher().to_vec();
        finished.put(&tls::opaque(74, random));
        talk.say(tape, Side::Client, ms(3), &finished);
        for (asked, answered) in [(120, 310), (680, 160), (390, 90)] {
            let pause = random.between(15, 60);
            talk.say(tape, Side::Client, ms(pause), &tls::opaque(asked, random));
            talk.say(tape, Side::Server, ms(9), &tls::opaque(answered, random));
        }
    }

    /// What the called computer logs: the check over the network, then the session, its privileges, its
    /// programs.
    fn logged_on(&mut self, from: &Place, to: &Place, port: u16, at: Time, random: &mut Random) -> Marks {
        let (system, session) = (self.system(&to.host), self.session(to));
        let checked = Session { account: session.account.clone(), id: session.id.saturating_sub(0x1a4) };
        let logon = |kind, session, port| {
            let from = Some((from.host.ip, port));
            Logon { kind, session, from, computer: &to.host.name, system: &system }
        };
        let network = security::logon(at - ms(420), &logon(LogonType::Network, &checked, port), random);
        let gone = security::logoff(at + ms(90), &checked, LogonType::Network, random);
        let begun = security::logon(at, &logon(LogonType::RemoteInteractive, &session, 0), random);
        let privileges = security::privileges(at + ms(1), &session, random);
        let mut marks = present([
            ("check", self.event(&to.host, network)),
            ("logon", self.event(&to.host, begun)),
            ("privileges", self.event(&to.host, privileges)),
        ]);
        self.event(&to.host, gone);
        if watched(&to.host, Channel::Sysmon) {
            marks.extend(self.desktop_programs(to, &session, at, random));
        }
        marks
    }

    fn desktop_programs(&mut self, to: &Place, session: &Session, at: Time, random: &mut Random) -> Marks {
        let userinit = self.program(&to.host, r"C:\Windows\System32\userinit.exe");
        let svchost = self.program(&to.host, r"C:\Windows\System32\svchost.exe");
        let explorer = self.program(&to.host, EXPLORER);
        let clip = Process::new(r"C:\Windows\System32\rdpclip.exe", "rdpclip", random);
        let shell = sysmon::process(at + ms(1400), session, &explorer, &userinit, random);
        let clip = sysmon::process(at + ms(1150), session, &clip, &svchost, random);
        present([("shell", self.event(&to.host, shell)), ("clipboard", self.event(&to.host, clip))])
    }

    /// Screen and keyboard until `end`, or until the story is over.
    fn desktop(&mut self, talk: &mut Conversation, start: Time, end: Time, random: &mut Random) {
        let mut at = start + ms(180);
        while at < end - ms(900) && self.during(at) {
            let (keys, picture) = (random.between(60, 180), random.between(200, 4200));
            talk.send(&mut self.tape, Side::Client, at, &tls::opaque(size(keys), random));
            let wait = ms(random.between(12, 45));
            talk.say(&mut self.tape, Side::Server, wait, &tls::opaque(size(picture), random));
            at = at + ms(random.between(1800, 5200));
        }
    }
}
