//! Modbus over TCP, every function code, and Schneider's UMAS inside function 90.
//!
//! Sources: *MODBUS Messaging on TCP/IP Implementation Guide V1.0b* (MG) and *MODBUS Application Protocol
//! Specification V1.1b3* (AP). Addresses are as on the wire, from 0; register numbers in manuals start at
//! 1. Names of functions, exceptions and columns are those of Zeek 8 and ICSNPP.

#![allow(clippy::wildcard_enum_match_arm, reason = "most functions have nothing to say at most places")]

mod adu;
mod deed;
mod detail;
mod identification;
mod names;
mod open;
mod recognise;
mod rows;
#[cfg(test)]
mod tests;

use crate::umas::Exchange;
use crate::{Out, Protocol, Session, Side, Stream, umas};
use adu::{Body, Head};
use detail::{Answer, Desk};
use model::{Name, Outcome};
pub(crate) use names::unknown;
use open::Open;
use rows::{MaskWrite, Modbus, ReadWrite};
use wire::{Endian, Framing, Result};

/// MG 3.1.3: the length field counts what follows it, unit identifier included.
pub static PROTOCOL: Protocol = Protocol {
    name: "modbus",
    spec: "MODBUS Messaging on TCP/IP V1.0b; Application Protocol V1.1b3; UMAS as published",
    tcp: Some(Stream {
        ports: &[502],
        framing: Framing::Length {
            at: 4,
            width: 2,
            endian: Endian::Big,
            plus: 6,
            max: 6 + adu::LENGTH_MAX_UMAS,
        },
    }),
    udp: &[],
    quiet: None,
    opening: &[&[], &[], &[0..=0], &[0..=0]],
    recognise: recognise::recognise,
    open: || Box::<Transactions>::default(),
    logs: &[
        rows::Known::SCHEMA,
        rows::Modbus::SCHEMA,
        rows::Detailed::SCHEMA,
        rows::MaskWrite::SCHEMA,
        rows::ReadWrite::SCHEMA,
        rows::DeviceIdentification::SCHEMA,
        umas::Umas::SCHEMA,
    ],
};

/// Buffers of closed requests that are kept; most conversations have one request open at a time.
const SPARE_MAX: usize = 2;

/// Requests that await their response, oldest first; one more writes the oldest as never joined.
const OPEN_MAX: usize = 64;

/// Joins the requests of one conversation with their responses.
#[derive(Default)]
struct Transactions {
    open: Vec<Open>,
    /// Buffers of closed requests, to be used again.
    spare: Vec<Vec<u8>>,
    desk: Desk,
    /// How many links to other logs were handed out.
    links: u32,
    /// Both ends have been introduced as master and slave.
    introduced: bool,
}

impl Session for Transactions {
    fn pdu(&mut self, from: Side, bytes: &[u8], out: &mut Out<'_>) -> Result<()> {
        let read = self.adu(from, bytes, out);
        out.hold(self.held());
        read
    }

    fn end(&mut self, out: &mut Out<'_>) {
        for open in std::mem::take(&mut self.open) {
            let outcome = if open.is_mute() { Outcome::Request } else { Outcome::NoAnswer };
            self.give_up(&open, outcome, out);
            self.recycle(open);
        }
    }

    fn let_go(&mut self, out: &mut Out<'_>) {
        self.end(out);
        (self.spare, self.desk) = (vec![], Desk::default());
    }

    fn renew(&mut self) -> bool {
        self.open.clear();
        (self.links, self.introduced) = (0, false);
        true
    }
}

impl Transactions {
    #[inline]
    fn adu(&mut self, from: Side, bytes: &[u8], out: &mut Out<'_>) -> Result<()> {
        let (head, mut r) = Head::parse(bytes)?;
        let body = Body::parse(&mut r, head.function, from);
        out.confirm();
        self.introduce(out);
        out.row(&Modbus::new(head, from, &body));
        let body = body?;
        match from {
            Side::Client => self.request(head, &body, out),
            Side::Server => self.response(head, &body, out)?,
        }
        head.check_length()?;
        r.finish()
    }

    /// Memory of what waits, and of the buffers.
    fn held(&self) -> usize {
        let open: usize = self.open.iter().map(Open::held).sum();
        open + self.desk.held()
    }

    /// Tells once a host that this one is a master and that one a slave.
    fn introduce(&mut self, out: &mut Out<'_>) {
        if std::mem::replace(&mut self.introduced, true) {
            return;
        }
        let (master, slave) = (out.conversation.orig.addr, out.conversation.resp.addr);
        for (host, part) in [(master, "Known::MODBUS_MASTER"), (slave, "Known::MODBUS_SLAVE")] {
            out.once(host, part, &rows::Known { host, device_type: Name(part) });
        }
    }

    fn request(&mut self, head: Head, body: &Body<'_>, out: &mut Out<'_>) {
        if !names::is_joined(head.function) {
            self.desk.alone(head, body, Outcome::Request, out);
        }
        if !names::is_joined(head.function) && head.function != umas::FUNCTION {
            return;
        }
        let mut open = Open::new(out.now, head, body, self.spare.pop().unwrap_or_default());
        if names::is_linked(head.function) {
            self.links += 1;
            open.link = self.links;
            self.linked_request(&open, body, out);
        }
        if self.open.len() >= OPEN_MAX {
            let oldest = self.open.remove(0);
            self.give_up(&oldest, Outcome::Request, out);
            self.recycle(oldest);
        }
        self.open.push(open);
    }

    /// Writes the row in a function's own log to which the detailed row is linked.
    fn linked_request(&mut self, open: &Open, body: &Body<'_>, out: &mut Out<'_>) {
        let link = self.desk.link(open.link, out.conversation);
        match *body {
            Body::Mask { address, and_mask, or_mask } => {
                out.row(&MaskWrite::new(
                    out.conversation,
                    open.head,
                    true,
                    link,
                    (address, and_mask, or_mask),
                ));
            }
            Body::ReadWrite { read_address, read_quantity, write_address, data, .. } => {
                let words = &mut self.desk.requested;
                detail::words(data, words);
                let mut row = ReadWrite::new(out.conversation, open.head, true, &self.desk.link);
                row.write_start_address = Some(write_address);
                row.write_registers = Some(words);
                row.read_start_address = Some(read_address);
                row.read_quantity = Some(read_quantity);
                out.row(&row);
            }
            Body::Encapsulated { mei: identification::MEI, data } => {
                identification::request(open.head, link, data, out);
            }
            _ => {}
        }
    }

    fn response(&mut self, head: Head, body: &Body<'_>, out: &mut Out<'_>) -> Result<()> {
        let asked = open::find(&self.open, head, body).map(|place| self.open.remove(place));
        if head.plain() == umas::FUNCTION {
            self.umas_response(head, body, asked.as_ref(), out);
            self.desk.alone(head, body, detail::outcome(body), out);
        } else if let Some(open) = &asked {
            self.desk.joined(open, &Answer::Body(body), out);
        } else if !names::is_joined(head.function) {
            self.desk.alone(head, body, detail::outcome(body), out);
        } else {
            self.desk.unasked(head, body, out);
        }
        let linked = self.linked_response(head, body, asked.as_ref(), out);
        asked.into_iter().for_each(|open| self.recycle(open));
        linked
    }

    fn linked_response(
        &mut self,
        head: Head,
        body: &Body<'_>,
        asked: Option<&Open>,
        out: &mut Out<'_>,
    ) -> Result<()> {
        match *body {
            Body::Mask { address, and_mask, or_mask } => {
                let link = self.desk.link(asked.map_or(0, |open| open.link), out.conversation);
                out.row(&MaskWrite::new(out.conversation, head, false, link, (address, and_mask, or_mask)));
            }
            Body::Registers { data } if head.function == names::READ_WRITE => {
                self.desk.link(asked.map_or(0, |open| open.link), out.conversation);
                detail::words(data, &mut self.desk.answered);
                let mut row = ReadWrite::new(out.conversation, head, false, &self.desk.link);
                row.read_registers = Some(&self.desk.answered);
                out.row(&row);
            }
            Body::Encapsulated { mei: identification::MEI, data } => {
                let link = self.desk.link(asked.map_or(0, |open| open.link), out.conversation);
                return identification::response(head, link, data, out);
            }
            Body::ServerId { data } => identification::server_id(data, out),
            _ => {}
        }
        Ok(())
    }

    fn umas_response(&mut self, head: Head, body: &Body<'_>, asked: Option<&Open>, out: &mut Out<'_>) {
        let mut exchange = Exchange::new(head.transaction, head.unit);
        exchange.request = asked.map(|open| open.data.as_slice());
        match *body {
            Body::Umas { data } => exchange.response = Some(data),
            Body::Exception { code } => exchange.exception = Some(code),
            _ => {}
        }
        let when = asked.map_or(out.now, |open| open.when);
        exchange.write(when, detail::outcome(body), out);
    }

    /// Writes a request that no response was joined to.
    fn give_up(&mut self, open: &Open, outcome: Outcome, out: &mut Out<'_>) {
        if open.head.function == umas::FUNCTION {
            let mut exchange = Exchange::new(open.head.transaction, open.head.unit);
            exchange.request = Some(&open.data);
            exchange.write(open.when, outcome, out);
        } else {
            self.desk.joined(open, &Answer::None(outcome), out);
        }
    }

    fn recycle(&mut self, open: Open) {
        if open.data.capacity() > 0 && self.spare.len() < SPARE_MAX {
            self.spare.push(open.data);
        }
    }
}
