use super::acts::ms;
use super::process::Process;
use super::stage::Stage;
use super::truth::Mark;
use crate::modbus::{self, Pdu};
use crate::random::Random;
use crate::script::{Act, Poll, Step};
use crate::tcp::{Conversation, Side};
use model::{Span, Time};
use std::collections::VecDeque;

/// Something that is asked in a poll's conversation.
#[derive(Clone, Copy)]
pub(crate) enum Ask<'a> {
    Read { register: u16, count: u16 },
    Write { step: &'a Step, register: u16, values: &'a [u16] },
    Identify { step: &'a Step },
}

impl Ask<'_> {
    /// The request that asks it.
    pub(crate) fn request(self) -> Pdu {
        match self {
            Ask::Read { register, count } => modbus::read_holding_registers(register, count),
            Ask::Write { register, values: [value], .. } => modbus::write_single_register(register, *value),
            Ask::Write { register, values, .. } => modbus::write_multiple_registers(register, values),
            Ask::Identify { .. } => modbus::read_device_identification(),
        }
    }
}

/// A poll's conversation, and what is still to be asked in it.
struct Line<'a> {
    /// Number of the conversation.
    number: u64,
    poll: &'a Poll,
    /// Unit identifier of the controller.
    unit: u8,
    talk: Conversation,
    transaction: u16,
    random: Random,
    /// In order of time.
    asks: VecDeque<(Time, Ask<'a>)>,
}

impl Line<'_> {
    /// When it asks next: not before what was said last.
    fn next(&self) -> Option<Time> {
        self.asks.front().map(|(at, _)| *at.max(&(self.talk.now() + ms(1))))
    }
}

impl<'a> Stage<'a> {
    /// Runs the plant through the whole story, and plays everything that is asked of its controllers
    /// meanwhile, in order of time: what one client writes, all others read from then on. A plant
    /// without controllers need not run.
    pub(crate) fn polls(&mut self) {
        let script = self.script;
        if script.hosts.iter().all(|host| host.controller.is_none()) {
            return;
        }
        let mut process = Process::new(script, self.seed, std::mem::take(&mut self.switches));
        let numbered = (0..).zip(&script.polls);
        let mut lines: Vec<Line<'a>> =
            numbered.filter_map(|(number, poll)| self.line(number, poll)).collect();
        loop {
            let waiting = lines.iter_mut().filter_map(|line| Some((line.next()?, line)));
            let Some((at, line)) = waiting.min_by_key(|(at, _)| *at) else { break };
            process.run_until(at);
            self.exchange(&process, line, at);
        }
        process.run_until(script.start + script.length);
        self.course = process.course();
    }

    fn line(&mut self, number: u64, poll: &'a Poll) -> Option<Line<'a>> {
        let unit = poll.to.controller.as_ref()?.unit;
        let label = format!("poll {} {}", poll.from.name, poll.to.name);
        let mut random = self.random(&label);
        let opened = self.script.start + ms(random.between(300, 1900));
        let (talk, _) = self.open(&label, &poll.from, (&poll.to, 502), opened);
        let transaction = random.u16();
        let asks = self.asks(poll, opened, &mut random);
        Some(Line { number, poll, unit, talk, transaction, random, asks })
    }

    /// Everything that is asked in the conversation, in order of time.
    fn asks(&self, poll: &Poll, opened: Time, random: &mut Random) -> VecDeque<(Time, Ask<'a>)> {
        let mut asks = vec![];
        let mut at = opened + ms(20);
        while self.during(at) {
            let jitter = Span(random.between(0, 3_000_000));
            asks.push((at + jitter, Ask::Read { register: poll.register, count: poll.count }));
            at = at + poll.every;
        }
        let steps = &self.script.steps;
        asks.extend(steps.iter().filter_map(|step| Some((self.time(step), within(poll, step)?))));
        asks.sort_by_key(|(at, _)| *at);
        asks.into()
    }

    /// Asks at `at` what comes next on `line`, and lets the controller answer.
    fn exchange(&mut self, process: &Process, line: &mut Line<'a>, at: Time) {
        let Some((_, ask)) = line.asks.pop_front() else { return };
        let request = ask.request();
        let Some(answer) = process.answer(&line.poll.to, line.number, line.unit, &request) else { return };
        line.transaction = line.transaction.wrapping_add(1);
        let adu = |pdu: &[u8]| modbus::adu(line.transaction, line.unit, pdu);
        let asked = line.talk.send(&mut self.tape, Side::Client, at, &adu(&request));
        let wait = Span(line.random.between(2_500_000, 9_000_000));
        let answered = line.talk.say(&mut self.tape, Side::Server, wait, &adu(&answer));
        self.noted(line.poll, ask, Mark::Frames(vec![asked, answered]));
    }

    fn noted(&mut self, poll: &Poll, ask: Ask<'a>, frames: Mark) {
        let (from, to) = (&poll.from.name, &poll.to.name);
        match ask {
            Ask::Read { .. } => {}
            Ask::Write { step, register, values } => {
                let what = format!("{from} writes {values:?} to register {register} of {to}");
                self.note(step, what, vec![("write", frames)]);
            }
            Ask::Identify { step } => {
                self.note(step, format!("{from} asks {to} who it is"), vec![("identify", frames)]);
            }
        }
    }
}

/// What a step asks in the conversation of `poll`; `None` when it is none of its business.
pub(crate) fn within<'a>(poll: &Poll, step: &'a Step) -> Option<Ask<'a>> {
    let ends = (&poll.from.name, &poll.to.name);
    if let Act::Write { from, to, register, values } = &step.act {
        return ((&from.name, &to.name) == ends).then_some(Ask::Write { step, register: *register, values });
    }
    let Act::Identify { from, to } = &step.act else { return None };
    ((&from.name, &to.name) == ends).then_some(Ask::Identify { step })
}
