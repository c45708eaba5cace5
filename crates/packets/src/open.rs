//! A piece that is being written.

use crate::index::{Builder, Summary};
use crate::numbers::Runs;
use crate::piece::Piece;
use crate::record::{self, HEADER, RECORD};
use crate::{Error, Result};
use model::Time;
use std::fs::{self, File};
use std::io::Write;
use std::path::Path;
use wire::link::Link;

pub(crate) struct Open {
    pub(crate) piece: Piece,
    /// When its first packet was captured.
    pub(crate) began: Time,
    file: File,
    buffer: Vec<u8>,
    numbers_file: File,
    numbers: Vec<u8>,
    runs: Runs,
    builder: Builder,
    /// Bytes of the pcap file and of the file of numbers, what is buffered included.
    bytes: u64,
    numbers_bytes: u64,
    /// Packets in the buffer.
    waiting: u64,
    /// Packets in all, and the number of the last.
    packets: u64,
    last: u64,
}

/// What is handed to the system at once, unless somebody asks for it earlier.
const BUFFER: usize = 512 << 10;
/// Room that the runs of a buffer take at most, beyond one run for each packet of a busy mixture.
const RUN: u64 = 4;

impl Open {
    /// # Errors
    /// When the files cannot be made.
    pub(crate) fn begin(piece: Piece, began: Time) -> Result<Self> {
        let create = |path: &Path| File::create(path).map_err(Error::io("write", path));
        let numbers_file = create(&piece.numbers())?;
        // Nothing is left behind by an attempt.
        let file = create(&piece.pcap()).inspect_err(|_| drop(fs::remove_file(piece.numbers())))?;
        let mut buffer = Vec::with_capacity(BUFFER);
        record::put_header(&mut buffer, Link::ETHERNET);
        Ok(Self {
            runs: Runs::new(piece.first),
            piece,
            began,
            file,
            buffer,
            numbers_file,
            numbers: vec![],
            builder: Builder::default(),
            bytes: HEADER as u64,
            numbers_bytes: 0,
            waiting: 0,
            packets: 0,
            last: 0,
        })
    }

    /// Appends a packet, named by [`crate::alike::Alike`]; it is on disk after [`Open::flush`].
    ///
    /// # Errors
    /// When what was buffered cannot be written.
    #[inline]
    pub(crate) fn push(
        &mut self,
        number: u64,
        time: Time,
        bytes: &[u8],
        wire_len: usize,
        name: u64,
    ) -> Result<()> {
        record::put(&mut self.buffer, time, bytes, wire_len);
        let length = u32::try_from(RECORD + bytes.len()).unwrap_or(u32::MAX);
        let at = u32::try_from(self.bytes).unwrap_or(u32::MAX);
        self.builder.push((at, length), number, record::kept_time(time), bytes, name);
        self.runs.push(number, &mut self.numbers);
        self.bytes += u64::from(length);
        self.waiting += 1;
        self.packets += 1;
        self.last = number;
        if self.buffer.len() >= BUFFER { self.flush() } else { Ok(()) }
    }

    /// Bytes on disk that it takes once it is complete, at most.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes + self.numbers_bytes + RUN * self.waiting + self.builder.bytes()
    }

    /// Packets that wait to be written.
    pub(crate) fn waiting(&self) -> u64 {
        self.waiting
    }

    /// Packets that it took.
    pub(crate) fn packets(&self) -> u64 {
        self.packets
    }

    /// Whether it took the packet with this number.
    pub(crate) fn has(&self, number: u64) -> bool {
        self.last == number
    }

    /// Hands what is buffered to the system, the numbers first: no packet is on disk without its own.
    ///
    /// # Errors
    /// When it cannot be written; then the piece is to be mended.
    pub(crate) fn flush(&mut self) -> Result<()> {
        self.runs.close(&mut self.numbers);
        let wrote = self.numbers_file.write_all(&self.numbers);
        wrote.map_err(|error| Error::io("write", &self.piece.numbers())(error))?;
        self.numbers_bytes += self.numbers.len() as u64;
        self.numbers.clear();
        let wrote = self.file.write_all(&self.buffer);
        wrote.map_err(|error| Error::io("write", &self.piece.pcap())(error))?;
        self.buffer.clear();
        self.waiting = 0;
        Ok(())
    }

    /// Completes the piece, which was flushed, and writes its index; without room for that it has none.
    pub(crate) fn finish(self) -> Option<(Piece, Summary)> {
        let (summary, index) = self.builder.finish(self.bytes)?;
        // Without an index the piece is read instead.
        let _ = self.piece.write_index(&index);
        Some((self.piece, summary))
    }
}
