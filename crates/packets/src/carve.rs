//! One conversation, cut out around a packet.

use crate::ends::{Conversation, Who, is_of_all};
use crate::record;
use crate::search::{Archive, Order, Query};
use crate::{Error, Result};
use model::Time;
use sensor::capture::{Capture, Packet};
use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, Write};
use std::path::Path;
use wire::link::Link;

/// Packets as a pcap file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Carved {
    /// The file, with times in nanoseconds.
    pub pcap: Vec<u8>,
    /// Packets in it.
    pub packets: u64,
    /// There were more than wanted.
    pub cut: bool,
}

/// Writes a pcap file with times in nanoseconds.
pub struct PcapWriter<W> {
    out: W,
    buffer: Vec<u8>,
}

/// What is handed on at once.
const BUFFER: usize = 64 << 10;

impl<W: Write> PcapWriter<W> {
    /// Begins a file of packets of this kind of link.
    pub fn new(out: W, link: Link) -> Self {
        let mut buffer = Vec::with_capacity(BUFFER);
        record::put_header(&mut buffer, link);
        Self { out, buffer }
    }

    /// Appends a packet.
    ///
    /// # Errors
    /// When what was buffered cannot be written.
    pub fn packet(&mut self, time: Time, bytes: &[u8], wire_len: usize) -> io::Result<()> {
        record::put(&mut self.buffer, time, bytes, wire_len);
        if self.buffer.len() >= BUFFER {
            self.out.write_all(&self.buffer)?;
            self.buffer.clear();
        }
        Ok(())
    }

    /// Writes what is buffered, and gives back where it went.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn finish(mut self) -> io::Result<W> {
        self.out.write_all(&self.buffer)?;
        self.out.flush()?;
        Ok(self.out)
    }
}

impl Archive {
    /// The conversation of the packet `number`; `None` when the packet is not there any more, or has none.
    ///
    /// # Errors
    /// When a piece cannot be read.
    pub fn conversation(&self, number: u64) -> Result<Option<Conversation>> {
        let query = Query { from: number, to: number, ..Query::default() };
        let mut search = self.search(query, Order::Forward);
        Ok(search.next_packet()?.and_then(|packet| Conversation::of(packet.link, packet.bytes)))
    }

    /// Cuts the conversation of the packet `number` out: at most `max` packets around it. `None` when the packet is not
    /// there any more, or has no conversation.
    ///
    /// # Errors
    /// When a piece cannot be read.
    pub fn carve(&self, number: u64, max: u64) -> Result<Option<Carved>> {
        let Some(conversation) = self.conversation(number)? else { return Ok(None) };
        let query = Query::of(Who::Conversation(conversation));
        let (from, mut cut) = self.start_around(&query, number, max)?;
        let mut kept = Kept::default();
        let mut search = self.search(Query { from, ..query }, Order::Forward);
        while let Some(packet) = search.next_packet()? {
            if kept.len() >= max {
                cut = true;
                break;
            }
            kept.0.push_back(owned(&packet));
        }
        kept.carved(Link::ETHERNET, cut).map(Some)
    }

    /// Where to begin so that half of `max` packets are before the packet `number`, if there are so many: the number of
    /// the first, and whether others are before it.
    ///
    /// # Errors
    /// When a piece cannot be read.
    pub fn start_around(&self, query: &Query, number: u64, max: u64) -> Result<(u64, bool)> {
        let before = Query { to: query.to.min(number.saturating_sub(1)), ..query.clone() };
        let mut search = self.search(before, Order::Backward);
        let (mut from, mut found) = (number, 0);
        while let Some(packet) = search.next_packet()? {
            if found >= max / 2 {
                return Ok((from, true));
            }
            (from, found) = (packet.number, found + 1);
        }
        Ok((from, false))
    }
}

/// Cuts the conversation of packet `number` out of a capture of any form: at most `max` packets around it. `None` when it
/// has no such packet, or the packet no conversation.
///
/// # Errors
/// When the capture cannot be opened.
pub fn carve_capture(path: &Path, number: u64, max: u64) -> Result<Option<Carved>> {
    let Some((link, conversation)) = conversation_in(path, number)? else { return Ok(None) };
    let who = [Who::Conversation(conversation)];
    let (mut kept, mut cut) = (Kept::default(), false);
    let mut capture = open(path)?;
    // What is damaged ends there. A capture may mix links, a pcap file cannot.
    while let Ok(Some(packet)) = capture.next_packet() {
        if packet.link != link || !is_of_all(&who, packet.link, packet.bytes) {
            continue;
        }
        let before = packet.number < number;
        if kept.len() >= if before { max / 2 } else { max } {
            cut = true;
            if !before {
                break;
            }
            kept.0.pop_front();
        }
        kept.0.push_back(owned(&packet));
    }
    kept.carved(link, cut).map(Some)
}

fn conversation_in(path: &Path, number: u64) -> Result<Option<(Link, Conversation)>> {
    let mut capture = open(path)?;
    while let Ok(Some(packet)) = capture.next_packet() {
        if packet.number == number {
            let conversation = Conversation::of(packet.link, packet.bytes);
            return Ok(conversation.map(|conversation| (packet.link, conversation)));
        }
    }
    Ok(None)
}

fn open(path: &Path) -> Result<Capture> {
    let file = File::open(path).map_err(Error::io("read", path))?;
    Capture::open(Box::new(file)).map_err(|source| Error::Capture { path: path.to_owned(), source })
}

/// Packets that are kept for the end: time, bytes, length on the wire.
#[derive(Default)]
struct Kept(VecDeque<(Time, Vec<u8>, usize)>);

fn owned(packet: &Packet<'_>) -> (Time, Vec<u8>, usize) {
    (packet.time, packet.bytes.to_vec(), packet.wire_len)
}

impl Kept {
    fn len(&self) -> u64 {
        self.0.len() as u64
    }

    fn carved(&self, link: Link, cut: bool) -> Result<Carved> {
        let mut writer = PcapWriter::new(vec![], link);
        let mut write = || -> io::Result<()> {
            self.0.iter().try_for_each(|(time, bytes, wire_len)| writer.packet(*time, bytes, *wire_len))
        };
        let wrote = write().and_then(|()| writer.finish());
        let pcap = wrote.map_err(Error::io("write", Path::new("memory")))?;
        Ok(Carved { pcap, packets: self.len(), cut })
    }
}
