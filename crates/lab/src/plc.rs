//! A controller that answers, and what its program does.

mod memory;
pub(crate) mod program;
pub(crate) mod registers;

use crate::held;
use crate::modbus::Pdu;
use crate::script::{Host, RegisterMap};
use crate::umas;
use memory::{Exception, Memory, identify};
use registers::{MARGIN_AT_START, SETPOINTS_AT_START, SPEED_SETPOINT};
use std::sync::{Arc, Mutex};

/// Who makes the controllers.
pub(crate) const VENDOR: &str = "Schneider Electric";

/// A controller that answers: its memory, and its engineering side.
pub(crate) struct Plc {
    pub(crate) host: Arc<Host>,
    pub(crate) map: RegisterMap,
    unit: u8,
    reference: Box<str>,
    version: String,
    state: Mutex<State>,
}

struct State {
    memory: Memory,
    engineering: umas::Controller,
    /// Conversation that holds the reservation.
    holder: Option<u64>,
}

/// Margin of the anti-surge controller, 0.1 %.
const MARGIN: u16 = 106;
/// Manual command of the recycle valve, per mille; [`AUTOMATIC`] leaves it to the controller.
const RECYCLE_MANUAL: u16 = 111;
/// Any value above 1000 in [`RECYCLE_MANUAL`]; this is the one it starts with.
const AUTOMATIC: u16 = 65_535;
/// Acknowledges a trip and starts the drive again when it changes to 1.
const TRIP_RESET: u16 = 214;

impl Plc {
    /// The controller of `host`; `None` when it is none.
    pub(crate) fn new(host: &Arc<Host>) -> Option<Self> {
        let controller = host.controller.as_ref()?;
        let mut memory = Memory::new();
        match controller.map {
            RegisterMap::AntiSurge => {
                memory.put(MARGIN, &[MARGIN_AT_START]);
                memory.put(RECYCLE_MANUAL, &[AUTOMATIC]);
            }
            RegisterMap::Unit => memory.put(SPEED_SETPOINT, &SETPOINTS_AT_START),
        }
        Some(Self {
            map: controller.map,
            unit: controller.unit,
            reference: controller.reference.clone(),
            version: format!("V{}", controller.firmware),
            state: Mutex::new(State { memory, engineering: engineering(host)?, holder: None }),
            host: host.clone(),
        })
    }

    /// Answers a request to `unit` that came in `conversation`.
    ///
    /// A controller answers to its own unit identifier, to 0 and to 255 (*MODBUS Messaging on TCP/IP*,
    /// 4.4.2.2: the address of the device itself); nothing lies behind it. A stopped one still answers.
    pub(crate) fn answer(&self, conversation: u64, unit: u8, pdu: &[u8]) -> Pdu {
        let function = pdu.first().copied().unwrap_or_default();
        if ![self.unit, 0, 255].contains(&unit) {
            return Exception::NoPath.pdu(function);
        }
        let mut state = held(&self.state);
        let answer = match function {
            umas::FUNCTION => Ok(state.engineer(conversation, pdu)),
            0x2b => identify(pdu, [VENDOR, &self.reference, &self.version]),
            _ => state.memory.answer(pdu),
        };
        answer.unwrap_or_else(|exception| exception.pdu(function))
    }

    /// A conversation is over; a reservation that it held is free.
    pub(crate) fn left(&self, conversation: u64) {
        let mut state = held(&self.state);
        if state.holder == Some(conversation) {
            state.holder = None;
            state.engineering.reserved = 0;
        }
    }

    /// Starts or stops the program, whoever holds the reservation.
    pub(crate) fn switch(&self, runs: bool) {
        held(&self.state).engineering.running = runs;
    }

    /// One scan: `work` gets the memory when the program runs. The flags in the register `running` and in
    /// coil 0 are the operating system's and tell the truth about a stopped program too.
    fn scan(&self, running: u16, work: impl FnOnce(&mut Memory)) -> bool {
        let mut state = held(&self.state);
        let runs = state.engineering.running;
        if runs {
            work(&mut state.memory);
        }
        state.memory.put(running, &[u16::from(runs)]);
        state.memory.put_bits(0, &[runs]);
        runs
    }
}

impl State {
    fn engineer(&mut self, conversation: u64, pdu: &[u8]) -> Pdu {
        let before = self.engineering.reserved;
        let answer = self.engineering.answer_request(pdu);
        match (before, self.engineering.reserved) {
            (0, 1..) => self.holder = Some(conversation),
            (_, 0) => self.holder = None,
            _ => {}
        }
        answer
    }
}

/// The engineering side of a controller; `None` for another host.
pub(crate) fn engineering(host: &Host) -> Option<umas::Controller> {
    let controller = host.controller.as_ref()?;
    Some(umas::Controller {
        reference: controller.reference.clone(),
        // `3.10` is 0x0310.
        firmware: u16::from_str_radix(&controller.firmware.replace('.', ""), 16).unwrap_or_default(),
        project: controller.project.clone(),
        running: true,
        reserved: 0,
        next_key: 0x51,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::live::DEMO;
    use crate::script::Script;

    fn plcs() -> Vec<Plc> {
        Script::read(DEMO).unwrap().hosts.iter().filter_map(Plc::new).collect()
    }

    #[test]
    fn whatever_is_asked_is_answered_within_the_bounds_of_a_pdu() {
        let plcs = plcs();
        arbtest::arbtest(|u| {
            let function = *u.choose(&[1, 2, 3, 4, 5, 6, 8, 15, 16, 22, 23, 0x2b, umas::FUNCTION, 0xff])?;
            let rest: Vec<u8> = u.arbitrary()?;
            let pdu = [&[function][..], &rest].concat();
            for plc in &plcs {
                let answer = plc.answer(u.arbitrary()?, *u.choose(&[0, 1, 2, 255])?, &pdu);
                assert!([function, function | 0x80].contains(&answer[0]), "{pdu:02x?}: {answer:02x?}");
                assert!((2..=253).contains(&answer.len()), "{pdu:02x?}: {answer:02x?}");
            }
            Ok(())
        });
    }

    #[test]
    fn a_reservation_is_free_when_its_conversation_is_over() {
        let plcs = plcs();
        let reserve = umas::request(umas::Call::TakeReservation, 0, "PC");
        let takes = |conversation| umas::accepted(&plcs[0].answer(conversation, 0, &reserve));
        assert!(takes(1));
        plcs[0].left(2);
        assert!(!takes(2), "another conversation is over");
        plcs[0].left(1);
        assert!(takes(2));
    }
}
