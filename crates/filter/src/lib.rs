//! Capture filters in the language of tcpdump: text in, a program for the kernel's packet filter (classic BPF) out, and
//! the same program run here, so that a file, a pipe and an interface let the same frames through.
//!
//! ```text
//! tcp port 502 and not host 10.0.0.9
//! vlan 20 and (ether proto 0x8892 or udp portrange 34962-34964)
//! tcp[tcpflags] & (tcp-syn|tcp-fin) != 0
//! ```
//!
//! The language is that of *pcap-filter(7)*, libpcap 1.10, for the links that Tieline listens to; the tests compare with
//! `tcpdump`, frame by frame. What needs a look-up of host names, or a loop (`protochain`), is refused by name, as is
//! what belongs to links that are not here (802.11, ATM, SS7, pf). The road:
//!
//! ```text
//! text ── lex ──► tokens ── parse ──► syntax ── lower (link, offsets) ──► condition ── graph ──► emit ──► program
//! ```
//!
//! Sources: *pcap-filter(7)*, 1.10; S. McCanne, V. Jacobson, *The BSD Packet Filter*, 1993 (BPF93); Linux kernel
//! documentation, *networking/filter*.

mod condition;
mod emit;
mod error;
mod graph;
mod lex;
mod lower;
mod machine;
mod names;
mod parse;
mod program;
mod syntax;

pub use error::Error;
pub use machine::Seen;
pub use program::Instruction;

use std::fmt;
use syntax::Expression;
use wire::link::Link;

/// Instructions of a program at most, as the kernel has it (`BPF_MAXINSNS`); a longer one is refused.
pub const INSTRUCTIONS_MAX: usize = 4096;

/// A filter that was read and not yet compiled: a capture tells its link only when it is opened.
#[derive(Clone, Debug)]
pub struct Text(Option<Expression>);

/// A filter for packets that may be from several links: compiled for each when its first packet comes.
#[derive(Clone, Debug)]
pub struct Filters {
    text: Text,
    compiled: Vec<(Link, Filter)>,
}

/// A filter for one link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Filter {
    program: Vec<Instruction>,
}

impl Text {
    /// Reads `text`; an empty one lets everything through.
    ///
    /// # Errors
    /// When it is no filter; the error names the column, and what was expected there.
    pub fn parse(text: &str) -> Result<Self, Error> {
        Ok(Self(parse::parse(&lex::tokens(text)?)?))
    }

    /// Compiles for frames as captures hold them, VLAN tags in their place.
    ///
    /// # Errors
    /// When the link has not got what is asked about, is of a kind that filters do not know, or the program would have
    /// more than [`INSTRUCTIONS_MAX`] instructions.
    pub fn compile(&self, link: Link) -> Result<Filter, Error> {
        self.assemble(|expression| lower::for_capture(expression, link))
    }

    /// Compiles for the frames of an Ethernet interface as the kernel shows them to a program: the outer VLAN tag is
    /// taken out and told beside the frame. As with `tcpdump -i`, what does not ask for a `vlan` looks behind that tag;
    /// `len` counts it, offsets into the frame (`ether[14]`) do not.
    ///
    /// # Errors
    /// As [`compile`](Self::compile).
    pub fn compile_live(&self) -> Result<Filter, Error> {
        self.assemble(lower::for_interface)
    }

    fn assemble(
        &self,
        lower: impl Fn(&Expression) -> Result<condition::Condition, Error>,
    ) -> Result<Filter, Error> {
        let condition = self.0.as_ref().map_or(Ok(condition::Condition::Always(true)), lower)?;
        Ok(Filter { program: emit::program(&condition)? })
    }
}

impl Filters {
    /// A filter that says `text` about every link.
    pub fn new(text: Text) -> Self {
        Self { text, compiled: vec![] }
    }

    /// Whether the filter lets a frame of this link through; else as [`Filter::matches`].
    ///
    /// # Errors
    /// As [`Text::compile`].
    pub fn matches(&mut self, link: Link, frame: &[u8], wire_len: usize) -> Result<bool, Error> {
        if let Some((_, filter)) = self.compiled.iter().find(|(known, _)| *known == link) {
            return Ok(filter.matches(frame, wire_len));
        }
        let filter = self.text.compile(link)?;
        let matches = filter.matches(frame, wire_len);
        self.compiled.push((link, filter));
        Ok(matches)
    }
}

impl Filter {
    /// [`Text::parse`] and [`Text::compile`].
    ///
    /// # Errors
    /// As these.
    pub fn compile(text: &str, link: Link) -> Result<Self, Error> {
        Text::parse(text)?.compile(link)
    }

    /// [`Text::parse`] and [`Text::compile_live`].
    ///
    /// # Errors
    /// As these.
    pub fn compile_live(text: &str) -> Result<Self, Error> {
        Text::parse(text)?.compile_live()
    }

    /// The program: jumps go forward only, every path ends in a return, [`INSTRUCTIONS_MAX`] at most.
    pub fn program(&self) -> &[Instruction] {
        &self.program
    }

    /// Whether the filter lets a frame through; `wire_len` is its length on the wire, of which `frame` may be the
    /// beginning. A frame that ends before what is asked about is not let through, whatever the question, as in the
    /// kernel.
    pub fn matches(&self, frame: &[u8], wire_len: usize) -> bool {
        self.matches_seen(&Seen { frame, wire_len, ..Seen::default() })
    }

    /// [`matches`](Self::matches), with what the kernel tells beside a frame.
    pub fn matches_seen(&self, seen: &Seen<'_>) -> bool {
        machine::run(&self.program, seen) != 0
    }

    /// Whether no frame can ever be let through: a filter like that is a slip of the pen.
    pub fn is_blind(&self) -> bool {
        self.program.iter().all(|instruction| !instruction.accepts())
    }
}

/// One instruction per line, as `tcpdump -d` writes them.
impl fmt::Display for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.program
            .iter()
            .enumerate()
            .try_for_each(|(at, instruction)| writeln!(f, "({at:03}) {}", instruction.shown(at)))
    }
}

#[cfg(test)]
mod tests;
