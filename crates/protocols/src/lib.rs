//! Industrial and IT protocols, one file each. Nothing here opens a socket, reads a clock or a file.
//!
//! To add one, copy the file of a neighbour, describe it in a [`Protocol`] and name it in the list below.
//! The list gives it its laws (`testing.rs`: no panic on any bytes, sources and logs named) and its page in the manual.

mod out;
#[cfg(test)]
mod testing;
mod told;
mod umas;

use model::{Schema, Span};
pub use out::{Known, Out, Stamp, Weird};
use std::ops::RangeInclusive;
use wire::{Framing, Result};

/// Declares the modules and the table of all protocols, in the order in which they are tried.
macro_rules! protocols {
    ($($(#[$doc:meta])* $name:ident),* $(,)?) => {
        $($(#[$doc])* pub mod $name;)*

        /// Every protocol that Tieline decodes.
        pub static ALL: &[&Protocol] = &[$(&$name::PROTOCOL),*];
    };
}

protocols! {
    dhcp,
    dns,
    smb,
    modbus,
}

/// What the sensor needs to know to find, cut and decode a protocol.
pub struct Protocol {
    /// Name as in Zeek's `service` column.
    pub name: &'static str,
    /// Standard, edition and chapters that the file follows.
    pub spec: &'static str,
    /// How it runs over TCP, if it does.
    pub tcp: Option<Stream>,
    /// UDP ports on which it is looked for first; empty when it does not run over UDP. A datagram is one PDU.
    pub udp: &'static [u16],
    /// Over UDP: what comes after so long a silence is another conversation; `None` for what holds for all UDP.
    pub quiet: Option<Span>,
    /// What its first bytes can be, by place; a protocol whose bytes cannot be those is not asked.
    pub opening: Opening,
    /// Whether the bytes can be a whole PDU, or the start of a stream, sent by that side.
    pub recognise: fn(&[u8], Side) -> Guess,
    /// Starts following a conversation.
    pub open: fn() -> Box<dyn Session>,
    /// The logs that it writes.
    pub logs: &'static [&'static Schema],
}

/// How a protocol runs over TCP.
pub struct Stream {
    /// Ports on which it is looked for first; it is recognised on any port.
    pub ports: &'static [u16],
    /// How the stream falls apart into PDUs.
    pub framing: Framing,
}

/// What the first bytes of a conversation can be: ranges for each place. A place without a range, or behind the list,
/// can hold anything. At most [`OPENING_MAX`] places are looked at.
pub type Opening = &'static [&'static [RangeInclusive<u8>]];

/// Places that an [`Opening`] can speak of.
pub const OPENING_MAX: usize = 4;

/// What a look at the first bytes says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Guess {
    /// It is this protocol, enough to say so on any port.
    Sure,
    /// It can be: true on the protocol's own port, not enough elsewhere.
    Maybe,
    /// Too few bytes to say.
    NeedMore,
    /// It is not.
    No,
}

/// Which end of the conversation sent the bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Side {
    /// The end that opened it: a master, client, engineering station.
    Client,
    /// The other end: an outstation, server, controller.
    Server,
}

/// One conversation, from its first PDU to its last.
pub trait Session: Send {
    /// Takes one whole PDU and writes the rows it gives to `out`.
    ///
    /// # Errors
    /// When the PDU breaks the standard; the session stays usable and the sensor logs the error as a weird.
    fn pdu(&mut self, from: Side, bytes: &[u8], out: &mut Out<'_>) -> Result<()>;

    /// The conversation is over: writes what still waits, such as requests that nobody answered.
    fn end(&mut self, _out: &mut Out<'_>) {}

    /// Lets go of what it [holds](Out::hold), since all sessions together hold too much; the conversation goes on.
    fn let_go(&mut self, out: &mut Out<'_>) {
        self.end(out);
    }

    /// Becomes as it was when it was opened, for another conversation, and keeps its buffers; `false` where another
    /// session is to be opened.
    fn renew(&mut self) -> bool {
        false
    }
}
