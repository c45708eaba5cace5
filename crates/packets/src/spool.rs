//! The writer.

use crate::alike::Alike;
use crate::ends::layers;
use crate::open::Open;
use crate::piece::{self, Piece};
use crate::plan::{Class, Classify, Plan, Sorter};
use crate::record::{PACKET_MAX, RECORD};
use crate::search::{Archive, Order, Query};
use crate::{Error, Result};
use model::{Span, Time};
use sensor::capture::Packet;
use std::collections::VecDeque;
use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use wire::link::Link;

/// Size of a piece, where a class is allowed many of them, in bytes.
const PIECE_BYTES: u64 = 64 << 20;
/// Pieces that a class has at least when it is full: so much goes at once to make room.
const PIECES_MIN: u64 = 16;
/// What a piece spans at most, as a part of the time for which packets are kept.
const SPANS_MAX: i64 = 8;
/// How long packets are lost after a failure until writing is tried again.
const RETRY_AFTER: Span = Span::s(1);

/// A rolling capture in a folder.
///
/// It takes what it is given, whatever the disk does: what cannot be written is counted as lost, its numbers stay unused,
/// and the newest packets go on as soon as they can. When the disk is full, the oldest pieces of the class make room.
pub struct Spool {
    dir: PathBuf,
    /// The classes of the plan, and the rest behind them.
    shelves: Vec<Shelf>,
    alike: Alike,
    sorter: Sorter,
    /// Number of the last packet.
    count: u64,
    losses: Losses,
    /// When writing failed.
    failed: Option<Time>,
}

/// What was not kept though it should have been.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Losses {
    /// Packets that could not be written.
    pub packets: u64,
    /// Pieces that a full disk made go before their time.
    pub pieces: u64,
    /// What the system said last.
    pub why: Option<String>,
}

/// The pieces of a class.
struct Shelf {
    class: Class,
    piece_bytes: u64,
    /// Those that are complete, the oldest first.
    kept: VecDeque<Kept>,
    open: Option<Open>,
}

struct Kept {
    piece: Piece,
    bytes: u64,
    latest: Time,
}

impl Spool {
    /// Opens the folder `dir`, which is made when it is not there. What a crash left is mended; classes that are not in
    /// the plan any more are kept as the rest is.
    ///
    /// # Errors
    /// When the folder cannot be read or made, or the plan names a class as a file cannot be.
    pub fn open(dir: &Path, plan: &Plan) -> Result<Self> {
        plan.check()?;
        fs::create_dir_all(dir).map_err(Error::io("make", dir))?;
        piece::sweep(dir)?;
        let classes = plan.classes.iter().chain([&plan.rest]);
        let mut spool = Self {
            dir: dir.to_owned(),
            shelves: classes.map(|class| Shelf::new(class.clone())).collect(),
            alike: Alike::default(),
            sorter: Sorter::new(plan.classes.len()),
            count: 0,
            losses: Losses::default(),
            failed: None,
        };
        for piece in piece::list(dir)? {
            spool.adopt(piece)?;
        }
        // The plan may allow less than before.
        spool.shelves.iter_mut().try_for_each(|shelf| shelf.shrink(shelf.class.bytes_max))?;
        Ok(spool)
    }

    fn adopt(&mut self, piece: Piece) -> Result<()> {
        self.count = self.count.max(piece.first.saturating_sub(1));
        let summary = match piece.indexed() {
            Some(index) => Some(index.summary),
            None => piece.mend()?,
        };
        let latest = summary.map_or(Time(i64::MIN), |summary| summary.latest);
        self.count = summary.map_or(self.count, |summary| summary.last.max(self.count));
        let class = self.shelves.iter().position(|shelf| *shelf.class.name == *piece.class);
        let place = class.unwrap_or(self.shelves.len().saturating_sub(1));
        let bytes = piece.bytes();
        if let Some(shelf) = self.shelves.get_mut(place).filter(|_| bytes > 0) {
            shelf.kept.push_back(Kept { piece, bytes, latest });
        }
        Ok(())
    }

    /// Says anew to which class an end belongs; until then everything belongs to the rest.
    pub fn classify(&mut self, classify: Classify) {
        self.sorter.learn(classify);
    }

    /// Makes pieces of another size, so that there are many.
    #[cfg(test)]
    pub(crate) fn set_piece_bytes(&mut self, bytes: u64) {
        self.shelves.iter_mut().for_each(|shelf| shelf.piece_bytes = bytes);
    }

    /// Number of the last packet.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// What was not kept though it should have been.
    pub fn losses(&self) -> &Losses {
        &self.losses
    }

    /// Bytes on disk, with what the pieces at hand will take once they are complete.
    pub fn bytes(&self) -> u64 {
        self.shelves.iter().map(Shelf::bytes).sum()
    }

    /// Hands over packets that are kept, in the order of their numbers: those of the last `span` before the newest, or
    /// all, and in any case those numbered above `above`.
    ///
    /// # Errors
    /// When a piece cannot be read.
    pub fn replay(&self, span: Option<Span>, above: u64, take: &mut dyn FnMut(&Packet<'_>)) -> Result<()> {
        let kept = || self.shelves.iter().flat_map(|shelf| &shelf.kept);
        let newest = kept().map(|kept| kept.latest).max();
        let since = span.and_then(|span| Some(newest? - span));
        let young = kept().filter(|kept| since.is_none_or(|since| kept.latest >= since));
        let open = self.shelves.iter().filter_map(|shelf| Some(shelf.open.as_ref()?.piece.first));
        let from = young.map(|kept| kept.piece.first).chain(open).min().unwrap_or(u64::MAX);
        let query = Query { from: from.min(above.saturating_add(1)), ..Query::default() };
        let mut search = Archive::open(&self.dir)?.search(query, Order::Forward);
        while let Some(packet) = search.next_packet()? {
            if packet.number > above || since.is_none_or(|since| packet.time >= since) {
                take(&packet);
            }
        }
        Ok(())
    }

    /// Appends an Ethernet frame and gives its number. It can be found after [`Spool::flush`].
    pub fn append(&mut self, time: Time, bytes: &[u8], wire_len: usize) -> u64 {
        self.count += 1;
        let bytes = bytes.get(..PACKET_MAX).unwrap_or(bytes);
        let name = self.alike.name(bytes);
        let class = self.sorter.class(name, |see| {
            layers(Link::ETHERNET, bytes, &mut |layer| layer.ends().into_iter().for_each(&mut *see));
        });
        if self.is_waiting(time) {
            self.losses.packets += 1;
            return self.count;
        }
        let Some(shelf) = self.shelves.get_mut(class) else { return self.count };
        let record = (RECORD + bytes.len()) as u64;
        let written = shelf
            .room(&self.dir, self.count, time, record)
            .and_then(|open| open.push(self.count, time, bytes, wire_len, name));
        if let Err(error) = written {
            let taken = shelf.open.as_ref().is_some_and(|open| open.has(self.count));
            self.losses.packets += u64::from(!taken);
            self.fail(class, time, &error);
        }
        self.count
    }

    /// Whether writing failed a short time before `time`.
    #[inline]
    fn is_waiting(&mut self, time: Time) -> bool {
        let Some(failed) = self.failed else { return false };
        // A clock that was set back does not make it wait longer.
        let waiting = (failed..failed + RETRY_AFTER).contains(&time);
        if !waiting {
            self.failed = None;
        }
        waiting
    }

    /// Hands what is buffered to the system: a crash of this program no longer loses it.
    pub fn flush(&mut self) {
        for class in 0..self.shelves.len() {
            let open = self.shelves.get_mut(class).and_then(|shelf| shelf.open.as_mut());
            let Some(open) = open.filter(|open| open.waiting() > 0) else { continue };
            let time = open.began;
            if let Err(error) = open.flush() {
                self.fail(class, time, &error);
            }
        }
    }

    /// Lets go what is older than its class is kept, by `now`, which the caller trusts.
    pub fn expire(&mut self, now: Time) {
        self.flush();
        for shelf in &mut self.shelves {
            if let Err(error) = shelf.expire(now) {
                self.losses.why = Some(causes(&error));
            }
        }
    }

    /// What was not written is lost. The piece at hand is mended as after a crash, and the next attempt begins another.
    fn fail(&mut self, class: usize, time: Time, error: &Error) {
        let Some(shelf) = self.shelves.get_mut(class) else { return };
        self.losses.packets += shelf.abandon();
        self.losses.why = Some(causes(error));
        self.failed = Some(time);
        if is_full(error) {
            self.losses.pieces += shelf.make_room();
        }
    }
}

impl Drop for Spool {
    fn drop(&mut self) {
        self.flush();
    }
}

/// Whether the disk, or what the user may have of it, is full.
fn is_full(error: &Error) -> bool {
    let full = |error: &io::Error| matches!(error.kind(), ErrorKind::StorageFull | ErrorKind::QuotaExceeded);
    matches!(error, Error::Io { source, .. } if full(source))
}

fn causes(error: &Error) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(next) = cause {
        text.push_str(&format!(": {next}"));
        cause = next.source();
    }
    text
}

impl Shelf {
    fn new(class: Class) -> Self {
        let class = Class { bytes_max: class.bytes_max.max(Class::BYTES_MIN), ..class };
        let piece_bytes = (class.bytes_max / PIECES_MIN).min(PIECE_BYTES);
        Self { class, piece_bytes, kept: VecDeque::new(), open: None }
    }

    fn bytes(&self) -> u64 {
        let kept: u64 = self.kept.iter().map(|kept| kept.bytes).sum();
        kept + self.open.as_ref().map_or(0, Open::bytes)
    }

    /// The piece at hand, or a new one for the packet `number` where that is full; the oldest make room for it.
    #[inline]
    fn room(&mut self, dir: &Path, number: u64, time: Time, record: u64) -> Result<&mut Open> {
        let full = self.open.as_ref().is_none_or(|open| {
            open.bytes() + record + MARGIN > self.piece_bytes || self.spans_too_long(open, time)
        });
        if full {
            self.begin(dir, number, time)?;
        }
        self.open.as_mut().ok_or_else(|| Error::io("write", dir)(ErrorKind::NotFound.into()))
    }

    fn spans_too_long(&self, open: &Open, time: Time) -> bool {
        self.class.keep.is_some_and(|keep| (time - open.began).0 > keep.0 / SPANS_MAX)
    }

    fn begin(&mut self, dir: &Path, number: u64, time: Time) -> Result<()> {
        self.finish()?;
        self.shrink(self.class.bytes_max.saturating_sub(self.piece_bytes))?;
        self.open = Some(Open::begin(Piece::new(dir, number, &self.class.name), time)?);
        Ok(())
    }

    /// Lets the oldest go until no more than `bytes` are left.
    fn shrink(&mut self, bytes: u64) -> Result<()> {
        while self.bytes() > bytes && !self.kept.is_empty() {
            self.drop_oldest()?;
        }
        Ok(())
    }

    /// Completes the piece at hand.
    fn finish(&mut self) -> Result<()> {
        let Some(open) = &mut self.open else { return Ok(()) };
        open.flush()?;
        if let Some((piece, summary)) = self.open.take().and_then(Open::finish) {
            self.kept.push_back(Kept { bytes: piece.bytes(), piece, latest: summary.latest });
        }
        Ok(())
    }

    /// Keeps of the piece at hand what is on disk; gives how many packets are not.
    fn abandon(&mut self) -> u64 {
        let Some(open) = self.open.take() else { return 0 };
        let (packets, piece) = (open.packets(), open.piece);
        // What cannot be read now is looked at again at the next start.
        let summary = piece.mend().ok().flatten();
        let bytes = piece.bytes();
        if bytes > 0 {
            let latest = summary.map_or(Time(i64::MIN), |summary| summary.latest);
            self.kept.push_back(Kept { piece, bytes, latest });
        }
        packets - summary.map_or(0, |summary| summary.packets).min(packets)
    }

    /// Lets the oldest go until a new piece has room on a full disk; gives how many went. The newest stays.
    fn make_room(&mut self) -> u64 {
        let (before, mut pieces) = (self.bytes(), 0);
        while self.kept.len() > 1 && before - self.bytes() < self.piece_bytes {
            if self.drop_oldest().is_err() {
                break;
            }
            pieces += 1;
        }
        pieces
    }

    fn drop_oldest(&mut self) -> Result<()> {
        if let Some(oldest) = self.kept.front() {
            oldest.piece.remove()?;
            self.kept.pop_front();
        }
        Ok(())
    }

    fn expire(&mut self, now: Time) -> Result<()> {
        let Some(keep) = self.class.keep else { return Ok(()) };
        if self.open.as_ref().is_some_and(|open| self.spans_too_long(open, now)) {
            self.finish()?;
        }
        while self.kept.front().is_some_and(|oldest| oldest.latest < now - keep) {
            self.drop_oldest()?;
        }
        Ok(())
    }
}

/// Room for what one more packet may add to numbers and index.
const MARGIN: u64 = 1024;
