//! UMAS, the protocol by which Schneider's engineering tools speak to Modicon controllers: function 90 of
//! Modbus.
//!
//! There is no published specification. Sources, all of them reverse engineering: *The Unity (UMAS)
//! protocol*, parts I to VI, Liras en la red 2017 and 2018 (L); *The secrets of Schneider Electric's UMAS
//! protocol*, Kaspersky ICS CERT 2022 (K); the type description of Apache PLC4X (P); names of functions
//! that L lacks from *Going Deeper into Schneider Modicon PAC Security*, HITCON 2021 (H). What only one
//! capture of an M340 tells is marked (C). Numbers are least significant byte first. L says "upload" for
//! what goes to the controller; so do the names here, while the action says which way the program goes.

mod functions;
#[cfg(test)]
mod tests;

use crate::{Out, Stamp};
use functions::{action, name, plain};
use model::{Ot, Outcome, Trait};
use wire::{Reader, Result};

/// Modbus function that carries UMAS.
pub(crate) const FUNCTION: u8 = 90;
/// Bytes of a request that are kept until its response comes: all fields, not the blocks of a program.
pub(crate) const KEPT_MAX: usize = 128;

/// K: a request that is signed with the key of the application password.
const SIGNED: u8 = 0x38;
const OK: u8 = 0xfe;
const ERROR: u8 = 0xfd;

model::log! {
    /// UMAS requests joined with their responses.
    pub(crate) struct Umas<'a>: "modbus_umas", Conversation {
        /// Transaction identifier of the Modbus request.
        tid: u16,
        /// Unit identifier: the slave behind a gateway.
        unit: u8,
        /// Session key of the request; 0 without a reservation.
        session: Option<u8>,
        /// Function inside UMAS; unset when the request was not seen.
        function_code: Option<u8>,
        /// Function by name.
        function = "func": Option<&'a str>,
        /// Whether the request is signed with the application password.
        signed: bool,
        /// Whether request and response were both seen.
        matched: bool,
        /// What the controller says: `ok`, `error`, or `exception` of Modbus.
        status: Option<&'a str>,
        /// First bytes of the error as they stand, or number of the Modbus exception.
        error_code: Option<&'a str>,
        /// Session key that a reservation grants.
        granted: Option<u8>,
        /// Computer that takes the reservation, or holds it.
        reserved_by: Option<&'a [u8]> => Host,
        /// Project in the controller, by name.
        project: Option<&'a [u8]>,
        /// Version of the project, as the engineering tool shows it.
        project_version: Option<&'a str>,
        /// Controller by its product code.
        model: Option<&'a [u8]>,
        /// Memory card by its product code.
        memory_card: Option<&'a [u8]>,
        /// Identifier of the controller's type.
        hardware_id: Option<u32>,
        /// Version of the firmware.
        firmware: Option<&'a str>,
        /// Block of the program or of the memory.
        block: Option<u16>,
        /// First byte in the memory block, or offset of the first variable.
        address: Option<u16>,
        /// How many variables.
        quantity: Option<u16>,
        /// Bytes of program or memory that are transferred.
        size: Option<u16>,
    }
}

/// Whether a request or response is one that the sources describe.
pub(crate) fn is_known(payload: &[u8]) -> bool {
    matches!(payload, [_, function, ..] if plain(*function).is_some() || matches!(*function, OK | ERROR))
}

/// A request with its response, as far as they were seen: what follows function 90.
pub(crate) struct Exchange<'a> {
    transaction: u16,
    unit: u8,
    pub(crate) request: Option<&'a [u8]>,
    pub(crate) response: Option<&'a [u8]>,
    /// Code of the Modbus exception that came instead of a response.
    pub(crate) exception: Option<u8>,
}

impl<'a> Exchange<'a> {
    /// Nothing seen yet.
    pub(crate) fn new(transaction: u16, unit: u8) -> Self {
        Self { transaction, unit, request: None, response: None, exception: None }
    }

    /// Writes the row and reports who the controller is. `outcome` is that of the Modbus transaction.
    pub(crate) fn write(&self, when: Stamp, outcome: Outcome, out: &mut Out<'_>) {
        let request = self.request.and_then(|payload| Message::parse(payload).ok());
        let response = self.response.and_then(|payload| Message::parse(payload).ok());
        let mut facts = Facts::default();
        if let Some(message) = request {
            facts.ask(message);
        }
        if let (Some(asked), Some(message)) = (request, response) {
            // Fields that are missing stay unset: the sources may not cover every firmware.
            let _ = facts.answer(asked, message);
        }
        let error = self.error(response);
        let texts = (facts.version.as_deref(), facts.firmware.as_deref(), error.as_deref());
        let row = self.row(request, response, &facts, texts);
        let refused = response.is_some_and(|message| message.function == ERROR);
        let outcome = if refused { Outcome::Rejected } else { outcome };
        let object = request.map_or(String::new(), |message| facts.object(message.function));
        let ot = request.and_then(|message| action(message.function)).map(|action| Ot {
            protocol: "modbus",
            action,
            outcome,
            object: &object,
            value: None,
            old_value: None,
        });
        out.put(when, &row, ot);
        facts.tell(out);
    }

    /// L: what follows 0xfd is not explained; two bytes of it tell errors apart.
    fn error(&self, response: Option<Message<'_>>) -> Option<String> {
        match (self.exception, response) {
            (Some(code), _) => Some(code.to_string()),
            (None, Some(Message { function: ERROR, data, .. })) => {
                let digits: String = data.iter().take(2).map(|byte| format!("{byte:02x}")).collect();
                (!digits.is_empty()).then(|| format!("0x{digits}"))
            }
            _ => None,
        }
    }

    fn row<'r>(
        &self,
        request: Option<Message<'_>>,
        response: Option<Message<'_>>,
        facts: &Facts<'r>,
        (project_version, firmware, error_code): (Option<&'r str>, Option<&'r str>, Option<&'r str>),
    ) -> Umas<'r> {
        Umas {
            tid: self.transaction,
            unit: self.unit,
            session: request.or(response).map(|message| message.session),
            function_code: request.map(|message| message.function),
            function: request.map(|message| name(message.function)),
            signed: request.or(response).is_some_and(|message| message.signed),
            matched: self.request.is_some() && (self.response.is_some() || self.exception.is_some()),
            status: self.status(response),
            error_code,
            granted: facts.granted,
            reserved_by: facts.reserved_by,
            project: facts.project,
            project_version,
            model: facts.model,
            memory_card: facts.memory_card,
            hardware_id: facts.hardware_id,
            firmware,
            block: facts.block,
            address: facts.address,
            quantity: facts.quantity,
            size: facts.size,
        }
    }

    fn status(&self, response: Option<Message<'_>>) -> Option<&'static str> {
        match response {
            Some(message) if message.function == OK => Some("ok"),
            Some(message) if message.function == ERROR => Some("error"),
            _ => self.exception.map(|_| "exception"),
        }
    }
}

/// One direction of an exchange.
#[derive(Clone, Copy)]
struct Message<'a> {
    session: u8,
    function: u8,
    signed: bool,
    data: &'a [u8],
}

impl<'a> Message<'a> {
    /// Takes a message out of its signature: K has a mark, 32 bytes of it, then a message with its function
    /// 90.
    fn parse(payload: &'a [u8]) -> Result<Self> {
        let mut r = Reader::new(payload);
        let message = Self::plain(&mut r)?;
        let mut inner = Reader::new(message.data);
        let wrapped = matches!(message.function, SIGNED | OK)
            && inner.take("mark and signature", 33).is_ok()
            && inner.u8("function") == Ok(FUNCTION);
        if !wrapped {
            return Ok(message);
        }
        match Self::plain(&mut inner) {
            // A long answer may hold 90 at that place by chance; a signed one is itself an answer.
            Ok(signed) if message.function == SIGNED || matches!(signed.function, OK | ERROR) => {
                Ok(Self { signed: true, ..signed })
            }
            _ => Ok(message),
        }
    }

    fn plain(r: &mut Reader<'a>) -> Result<Self> {
        let (session, function) = (r.u8("session key")?, r.u8("umas function")?);
        Ok(Self { session, function, signed: false, data: r.take_rest() })
    }
}

/// What an exchange tells.
#[derive(Default)]
struct Facts<'a> {
    granted: Option<u8>,
    reserved_by: Option<&'a [u8]>,
    project: Option<&'a [u8]>,
    version: Option<String>,
    model: Option<&'a [u8]>,
    memory_card: Option<&'a [u8]>,
    hardware_id: Option<u32>,
    firmware: Option<String>,
    block: Option<u16>,
    address: Option<u16>,
    quantity: Option<u16>,
    size: Option<u16>,
}

impl<'a> Facts<'a> {
    fn ask(&mut self, message: Message<'a>) {
        // Fields that are missing stay unset: the sources may not cover every firmware.
        let _ = self.asked(message.function, Reader::new(message.data));
    }

    fn asked(&mut self, function: u8, mut r: Reader<'a>) -> Result<()> {
        match function {
            // L: an identifier of the client, then its name.
            0x10 => {
                r.u32_le("client")?;
                self.reserved_by = Some(counted(&mut r)?);
            }
            // P.
            0x20 => {
                r.u8("range")?;
                self.block = Some(r.u16_le("block")?);
                self.address = Some(r.u16_le("offset")?);
                r.u16_le("unknown")?;
                self.size = Some(r.u16_le("bytes")?);
            }
            // P: the checksum of the project, how many variables, then where they lie.
            0x22 | 0x23 => {
                r.u32_le("checksum")?;
                self.quantity = Some(r.u8("variables")?.into());
                r.u8("size of the first")?;
                self.block = Some(r.u16_le("block")?);
                r.take("mark", usize::from(function == 0x22))?;
                self.address = Some(r.u16_le("offset")?);
            }
            // L: a block on its way to the controller, with its length.
            0x31 => {
                r.u16_le("mark")?;
                self.block = Some(r.u16_le("block")?);
                self.size = Some(r.u16_le("bytes")?);
            }
            // L: how many blocks there were, or which one is asked for.
            0x32 | 0x34 | 0x35 => {
                r.u16_le("mark")?;
                self.block = Some(r.u16_le("block")?);
            }
            _ => {}
        }
        Ok(())
    }

    fn answer(&mut self, asked: Message<'a>, message: Message<'a>) -> Result<()> {
        if message.function != OK {
            return Ok(());
        }
        let mut r = Reader::new(message.data);
        match asked.function {
            // P: 12 bytes of versions; C: no name without a reservation, so it names who holds it (a
            // guess).
            0x01 => {
                r.take("versions", 12)?;
                self.reserved_by = Some(counted(&mut r)?).filter(|name| !name.is_empty());
            }
            0x02 => self.identity(r)?,
            // C: request 0 asks for the project, others for tables of it.
            0x03 if asked.data.first() == Some(&0) => self.project(r)?,
            // C.
            0x06 => {
                r.take("status", 6)?;
                self.memory_card = Some(counted(&mut r)?).filter(|name| !name.is_empty());
            }
            // L, K: the key that the next requests carry.
            0x10 => self.granted = Some(r.u8("session key")?),
            _ => {}
        }
        Ok(())
    }

    /// P; C: the version is that of Read Device Identification, in binary coded decimals.
    fn identity(&mut self, mut r: Reader<'a>) -> Result<()> {
        r.u16_le("range")?;
        self.hardware_id = Some(r.u32_le("hardware")?);
        r.u16_le("model")?;
        let [minor, major] = r.bytes("version")?;
        self.firmware = Some(format!("{major:x}.{minor:02x}"));
        r.take("patch, interface, hardware, crash code", 12)?;
        self.model = Some(counted(&mut r)?);
        Ok(())
    }

    /// L, C: two times of change of seven bytes each before the version and the name.
    fn project(&mut self, mut r: Reader<'a>) -> Result<()> {
        r.take("checksums and times of change", PROJECT_VERSION)?;
        let [patch, minor, major, _] = r.bytes("version")?;
        let name = counted(&mut r)?;
        self.version = Some(format!("{major}.{minor}.{patch}"));
        self.project = Some(name.strip_suffix(&[0]).unwrap_or(name)).filter(|name| !name.is_empty());
        Ok(())
    }

    /// What is acted on.
    fn object(&self, function: u8) -> String {
        let block = self.block.unwrap_or_default();
        let place = self.address.unwrap_or_default();
        match function {
            0x20 | 0x21 if self.block.is_some() => format!("memory_block {block}/{place}"),
            0x22 | 0x23 if self.block.is_some() => format!("variable {block}/{place}"),
            0x31 | 0x34 if self.block.is_some() => format!("program_block {block}"),
            0x30..=0x37 => "program".to_owned(),
            0x10..=0x12 | 0x6e => "reservation".to_owned(),
            0x40..=0x43 => "plc".to_owned(),
            _ => String::new(),
        }
    }

    fn tell(&self, out: &mut Out<'_>) {
        let host = out.conversation.resp.addr;
        let Some(model) = self.model.and_then(|name| str::from_utf8(name).ok()) else { return };
        out.identity(host, Trait::Vendor, "Schneider Electric");
        out.identity(host, Trait::Model, model.trim());
        if let Some(firmware) = &self.firmware {
            out.identity(host, Trait::Firmware, firmware);
        }
    }
}

/// Bytes before the version of the project, C.
const PROJECT_VERSION: usize = 34;

fn counted<'a>(r: &mut Reader<'a>) -> Result<&'a [u8]> {
    let count = r.u8("length")?;
    r.take("text", count.into())
}
