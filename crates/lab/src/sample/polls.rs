use super::acts::ms;
use super::stage::Stage;
use super::truth::Mark;
use crate::modbus;
use crate::plc::VENDOR;
use crate::plc::registers::{Registers, SPEED_SETPOINT, VALVE_SETPOINT};
use crate::process::{Cause, Trace};
use crate::random::Random;
use crate::script::{Act, Controller, Host, Poll, RegisterMap, Step};
use crate::tcp::{Conversation, Side};
use model::{Span, Time};
use std::sync::Arc;

/// Something that is asked in a poll's conversation.
#[derive(Clone, Copy)]
pub(crate) enum Ask<'a> {
    Read { register: u16, count: u16 },
    Write { step: &'a Step, register: u16, values: &'a [u16] },
    Identify { step: &'a Step },
}

impl<'a> Stage<'a> {
    /// Runs the process through the whole story, then everything that is read from it all the time.
    pub(crate) fn polls(&mut self) {
        let script = self.script;
        for (at, to, register, values) in self.writes() {
            if to.controller.as_ref().is_some_and(|controller| controller.map == RegisterMap::Unit) {
                self.causes
                    .extend((register..).zip(values).filter_map(|(r, value)| Some((at, cause(r, *value)?))));
            }
        }
        self.causes.sort_by_key(|(at, _)| *at);
        let trace = Trace::run(script.start, script.length, &self.causes, self.random("process"));
        for poll in &script.polls {
            self.poll(poll, &trace);
        }
        self.trace = Some(trace);
    }

    /// Every write of the script.
    fn writes(&self) -> impl Iterator<Item = (Time, &'a Arc<Host>, u16, &'a [u16])> + use<'a> {
        let script = self.script;
        script.steps.iter().filter_map(|step| {
            let Act::Write { to, register, values, .. } = &step.act else { return None };
            Some((script.start + step.at, to, *register, values.as_slice()))
        })
    }

    fn poll(&mut self, poll: &'a Poll, trace: &Trace) {
        let Some(controller) = &poll.to.controller else { return };
        let label = format!("poll {} {}", poll.from.name, poll.to.name);
        let mut random = self.random(&label);
        let opened = self.script.start + ms(random.between(300, 1900));
        let (mut talk, _) = self.open(&label, &poll.from, (&poll.to, 502), opened);
        let registers = self.registers(&poll.to, controller, trace);
        let mut transaction = random.u16();
        for (at, ask) in self.asks(poll, opened, &mut random) {
            transaction = transaction.wrapping_add(1);
            let frames =
                self.exchange(&mut talk, at, ask, (controller, transaction, &registers), &mut random);
            self.noted(poll, ask, frames);
        }
    }

    fn registers<'t>(&self, to: &Host, controller: &Controller, trace: &'t Trace) -> Registers<'t> {
        let own = self.writes().filter(|(_, host, ..)| host.name == to.name);
        let written = own.flat_map(|(at, _, register, values)| {
            (register..).zip(values).map(move |(register, value)| (at, register, *value))
        });
        let (map, start, stopped) = (controller.map, self.script.start, self.stopped.get(&to.name).copied());
        Registers { map, trace, start, stopped, written: written.collect() }
    }

    /// Everything that is asked in the conversation, in order of time.
    fn asks(&self, poll: &Poll, opened: Time, random: &mut Random) -> Vec<(Time, Ask<'a>)> {
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
        asks
    }

    fn exchange(
        &mut self,
        talk: &mut Conversation,
        at: Time,
        ask: Ask<'_>,
        answerer: (&Controller, u16, &Registers<'_>),
        random: &mut Random,
    ) -> Mark {
        let (controller, transaction, registers) = answerer;
        let at = at.max(talk.now() + ms(1));
        let (request, response) = match ask {
            Ask::Read { register, count } => {
                let values = registers.read(register, count, at);
                (modbus::read_holding_registers(register, count), modbus::holding_registers(&values))
            }
            Ask::Write { register, values: [value], .. } => {
                let pdu = modbus::write_single_register(register, *value);
                (pdu.clone(), pdu)
            }
            Ask::Write { register, values, .. } => {
                let count = u16::try_from(values.len()).unwrap_or_default();
                (
                    modbus::write_multiple_registers(register, values),
                    modbus::registers_written(register, count),
                )
            }
            Ask::Identify { .. } => {
                let version = format!("V{}", controller.firmware);
                let who = [VENDOR, &controller.reference, &version];
                (modbus::read_device_identification(), modbus::device_identification(1, who))
            }
        };
        let adu = |pdu: &[u8]| modbus::adu(transaction, controller.unit, pdu);
        let asked = talk.send(&mut self.tape, Side::Client, at, &adu(&request));
        let wait = Span(random.between(2_500_000, 9_000_000));
        Mark::Frames(vec![asked, talk.say(&mut self.tape, Side::Server, wait, &adu(&response))])
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

/// What writing a register of the unit controller does to the process.
fn cause(register: u16, value: u16) -> Option<Cause> {
    const RAD_S_PER_RPM: f64 = std::f64::consts::PI / 30.0;
    match register {
        SPEED_SETPOINT => Some(Cause::Speed(f64::from(value) * RAD_S_PER_RPM)),
        VALVE_SETPOINT => Some(Cause::DischargeValve(f64::from(value) / 1e3)),
        _ => None,
    }
}
