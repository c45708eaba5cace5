//! UMAS, Schneider Electric's engineering protocol in Modbus function 90.
//!
//! There is no public standard. Sources: Kaspersky ICS CERT, *The secrets of Schneider Electric's UMAS
//! protocol* (2022), for function codes, the reservation and the answer codes 0xFE and 0xFD; the series on
//! the protocol in the blog Liras en la Red (2017) for the layout of INIT_COMM and READ_ID. The layouts were
//! held against a public capture of an M340; bytes of which neither says the meaning are marked "unknown".

use crate::bytes::Put;
use crate::modbus::Pdu;

/// Modbus function code that carries UMAS.
pub const FUNCTION: u8 = 0x5a;
const ACCEPTED: u8 = 0xfe;
const REJECTED: u8 = 0xfd;
/// That 1 means stopped and 2 running is a guess.
const STOPPED: u8 = 1;
const RUNNING: u8 = 2;

/// What an engineering station asks of a controller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Call {
    /// Opens the engineering session; answers with the largest message.
    InitComm,
    /// Which controller is it?
    ReadId,
    /// Which project runs in it?
    ReadProjectInfo,
    /// Does it run, and which blocks are loaded?
    ReadPlcInfo,
    /// Reserves the controller: nobody else may change it.
    TakeReservation,
    /// Gives it back.
    ReleaseReservation,
    /// Keeps the reservation.
    KeepAlive,
    /// Starts the program.
    Start,
    /// Stops the program.
    Stop,
}

/// Every call, with its code, the word that scripts use, and the name that analysts know it by.
const CALLS: [(Call, u8, &str, &str); 9] = [
    (Call::InitComm, 0x01, "init", "INIT_COMM"),
    (Call::ReadId, 0x02, "id", "READ_ID"),
    (Call::ReadProjectInfo, 0x03, "project", "READ_PROJECT_INFO"),
    (Call::ReadPlcInfo, 0x04, "info", "READ_PLC_INFO"),
    (Call::TakeReservation, 0x10, "reserve", "TAKE_PLC_RESERVATION"),
    (Call::ReleaseReservation, 0x11, "release", "RELEASE_PLC_RESERVATION"),
    (Call::KeepAlive, 0x12, "keep", "KEEP_ALIVE"),
    (Call::Start, 0x40, "start", "START_PLC"),
    (Call::Stop, 0x41, "stop", "STOP_PLC"),
];

/// The engineering side of a controller.
#[derive(Clone, Debug)]
pub struct Controller {
    /// Reference, `BMX P34 2020`.
    pub reference: Box<str>,
    /// Firmware, a digit in four bits: 0x0310 is 3.10.
    pub firmware: u16,
    /// Name of the project that runs in it.
    pub project: Box<str>,
    /// Whether the program runs.
    pub running: bool,
    /// Pairing key of who holds the reservation; 0 when nobody does.
    pub reserved: u8,
    /// Pairing key that the next reservation gets; never 0.
    pub next_key: u8,
}

impl Call {
    /// The call that a script names `word`.
    pub fn from_word(word: &str) -> Option<Self> {
        CALLS.iter().find(|row| row.2 == word).map(|row| row.0)
    }

    /// The call with this function code.
    pub(crate) fn from_code(code: u8) -> Option<Self> {
        CALLS.iter().find(|row| row.1 == code).map(|row| row.0)
    }

    /// Name that analysts know it by.
    pub fn name(self) -> &'static str {
        CALLS.iter().find(|row| row.0 == self).map_or("", |row| row.3)
    }

    /// Function code.
    pub fn code(self) -> u8 {
        CALLS.iter().find(|row| row.0 == self).map_or(0, |row| row.1)
    }
}

/// The request of `call`, sent by the station `name` under the pairing key `key` (0 before a reservation).
pub fn request(call: Call, key: u8, name: &str) -> Pdu {
    let mut pdu = vec![FUNCTION, key, call.code()];
    match call {
        Call::InitComm | Call::ReadProjectInfo => pdu.u8(0),
        // Four unknown bytes, then who wants it.
        Call::TakeReservation => pdu.put(&[0x23, 0x14, 0, 0]).counted(name.as_bytes()),
        Call::Start | Call::Stop => pdu.u8(0xff).u8(0),
        Call::ReadId | Call::ReadPlcInfo | Call::ReleaseReservation | Call::KeepAlive => &mut pdu,
    };
    pdu
}

/// Whether the program runs, as an answer to [`Call::ReadPlcInfo`] tells it; `None` for any other answer.
pub(crate) fn running(answer: &[u8]) -> Option<bool> {
    let [FUNCTION, _, ACCEPTED, 0x03, 0x86, 0x00, blocks, rest @ ..] = answer else { return None };
    let state = rest.get(usize::from(*blocks) * 4)?;
    Some(*state == RUNNING)
}

/// Whether the controller did what it was asked.
pub(crate) fn accepted(answer: &[u8]) -> bool {
    matches!(answer, [FUNCTION, _, ACCEPTED, ..])
}

impl Controller {
    /// Does what the request `pdu` asks, and answers; what it does not know it rejects.
    pub(crate) fn answer_request(&mut self, pdu: &[u8]) -> Pdu {
        let [FUNCTION, key, code, ..] = *pdu else { return rejection(0) };
        Call::from_code(code).map_or_else(|| rejection(key), |call| self.answer(call, key))
    }

    /// Does what `call` asks under the pairing key `key`, and answers.
    ///
    /// Changing the state needs the reservation; without it the answer is a rejection.
    pub fn answer(&mut self, call: Call, key: u8) -> Pdu {
        let holds = key != 0 && key == self.reserved;
        let allowed = match call {
            Call::TakeReservation => self.reserved == 0,
            Call::ReleaseReservation | Call::KeepAlive | Call::Start | Call::Stop => holds,
            Call::InitComm | Call::ReadId | Call::ReadProjectInfo | Call::ReadPlcInfo => true,
        };
        if !allowed {
            return rejection(key);
        }
        let mut pdu = vec![FUNCTION, key, ACCEPTED];
        match call {
            Call::InitComm => self.communication(&mut pdu),
            Call::ReadId => self.identification(&mut pdu),
            Call::ReadProjectInfo => self.project_information(&mut pdu),
            Call::ReadPlcInfo => self.state(&mut pdu),
            Call::TakeReservation => {
                self.reserved = self.next_key;
                self.next_key = self.next_key.wrapping_add(1).max(1);
                pdu.u8(self.reserved);
            }
            Call::ReleaseReservation => self.reserved = 0,
            Call::Start => self.running = true,
            Call::Stop => self.running = false,
            Call::KeepAlive => {}
        }
        pdu
    }

    /// Largest message, firmware, four unknown bytes, internal code, name of the station (none).
    fn communication(&self, pdu: &mut Pdu) {
        pdu.u16_le(1021).u16_le(self.firmware).u32_le(0).u32_le(0).u8(0);
    }

    /// Range, identification, model, firmware, patch, internal version, hardware, crash code, two unknown
    /// bytes, reference, memory banks.
    fn identification(&self, pdu: &mut Pdu) {
        pdu.u16_le(0x3006).u32_le(0x0301).u16_le(0).u16_le(self.firmware).u16_le(0).u16_le(4);
        pdu.u16_le(0x0106).u32_le(0x0103).u16_le(0).counted(self.reference.as_bytes());
        // Two memory banks: type, folio, state, length of each.
        pdu.u8(2).put(&[1, 1]).u16_le(0).u32_le(0x0004_0000).put(&[4, 1]).u16_le(1).u32_le(0x027c_0000);
    }

    /// Two stamps of the project, when it was made and last changed, its version, its name with a zero behind
    /// it.
    ///
    /// The stamp is unknown; here it follows from the name.
    fn project_information(&self, pdu: &mut Pdu) {
        let stamp =
            self.project.bytes().fold(0x1f3a_u32, |sum, b| sum.wrapping_mul(31).wrapping_add(b.into()));
        for _ in 0..2 {
            pdu.u32_le(stamp).u32_le(2).u8(0);
        }
        // Day of the week, second, minute, hour, day, month, year.
        pdu.put(&[3, 9, 12, 7, 21, 1]).u16_le(2026).put(&[3, 44, 3, 14, 18, 2]).u16_le(2026);
        pdu.put(&[2, 4, 1, 0]).counted(&[self.project.as_bytes(), &[0]].concat());
    }

    /// Four unknown bytes of which the last counts blocks, the blocks, the state, who holds the reservation.
    ///
    /// Where the state stands is a guess.
    fn state(&self, pdu: &mut Pdu) {
        pdu.put(&[0x03, 0x86, 0x00, 6]);
        for block in 0..6_u32 {
            pdu.u32_le(0x0478_9c00 + block * 0x40);
        }
        pdu.u8(if self.running { RUNNING } else { STOPPED }).u8(self.reserved);
    }
}

/// The two bytes after the code are an error number; 0x80A0 is a guess.
fn rejection(key: u8) -> Pdu {
    let mut pdu = vec![FUNCTION, key, REJECTED];
    pdu.u16_le(0x80a0);
    pdu
}

#[cfg(test)]
mod tests {
    use super::*;

    fn controller() -> Controller {
        let (reference, project) = ("BMX P34 2020".into(), "antisurge".into());
        Controller { reference, firmware: 0x0310, project, running: true, reserved: 0, next_key: 0x51 }
    }

    #[test]
    fn a_stop_needs_the_reservation() {
        let mut plc = controller();
        assert_eq!(plc.answer(Call::Stop, 0), [0x5a, 0, 0xfd, 0xa0, 0x80]);
        assert_eq!(plc.answer(Call::TakeReservation, 0), [0x5a, 0, 0xfe, 0x51]);
        assert_eq!(plc.answer(Call::TakeReservation, 0).get(2), Some(&0xfd));
        assert!(plc.running);
        assert_eq!(plc.answer(Call::Stop, 0x51), [0x5a, 0x51, 0xfe]);
        assert!(!plc.running);
        plc.answer(Call::ReleaseReservation, 0x51);
        assert_eq!(plc.reserved, 0);
    }

    #[test]
    fn a_controller_tells_whether_it_runs_and_rejects_what_it_does_not_know() {
        let mut plc = controller();
        let told = |plc: &mut Controller| running(&plc.answer_request(&[0x5a, 0, 0x04]));
        assert_eq!(told(&mut plc), Some(true));
        plc.running = false;
        assert_eq!(told(&mut plc), Some(false));
        assert_eq!(plc.answer_request(&[0x5a, 7, 0x99]), [0x5a, 7, 0xfd, 0xa0, 0x80]);
        assert_eq!(running(&plc.answer_request(&[0x5a, 0, 0x02])), None);
    }

    #[test]
    fn requests_are_those_of_the_published_descriptions() {
        assert_eq!(request(Call::InitComm, 0, ""), [0x5a, 0, 0x01, 0]);
        assert_eq!(request(Call::ReadId, 0, ""), [0x5a, 0, 0x02]);
        assert_eq!(request(Call::Stop, 0x51, ""), [0x5a, 0x51, 0x41, 0xff, 0]);
        assert_eq!(request(Call::TakeReservation, 0, "PC"), [0x5a, 0, 0x10, 0x23, 0x14, 0, 0, 2, b'P', b'C']);
    }
}
