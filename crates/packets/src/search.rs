//! The reader: packets of all classes in the order of their numbers.

use crate::Result;
use crate::ends::{Who, is_of_all};
use crate::index::{Damaged, Index, Summary};
use crate::piece::{self, Piece};
use crate::record::{self, RECORD};
use crate::table::Table;
use crate::{Error, numbers::Run};
use model::Time;
use sensor::capture::Packet;
use std::collections::{BTreeMap, VecDeque};
use std::fs::File;
use std::io::ErrorKind;
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::path::Path;
use wire::link::Link;

/// What is looked for: packets for which all of this holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Query {
    /// All of these take part.
    pub who: Vec<Who>,
    /// Captured at this time or later.
    pub since: Option<Time>,
    /// Captured at this time or earlier.
    pub until: Option<Time>,
    /// Lowest number.
    pub from: u64,
    /// Highest number.
    pub to: u64,
}

/// Which way a search goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// The lowest number first.
    Forward,
    /// The highest number first.
    Backward,
}

/// The pieces in the folder of a spool, as they were when it was opened. What makes room meanwhile is no longer found.
#[derive(Clone, Debug)]
pub struct Archive {
    /// The pieces of each class, by their numbers.
    classes: Vec<Vec<Piece>>,
}

impl Default for Query {
    fn default() -> Self {
        Self { who: vec![], since: None, until: None, from: 0, to: u64::MAX }
    }
}

impl Query {
    /// Packets of `who`.
    pub fn of(who: Who) -> Self {
        Self { who: vec![who], ..Self::default() }
    }

    fn may_be_in(&self, (first, last): (u64, u64), (earliest, latest): (Time, Time)) -> bool {
        self.from <= last
            && first <= self.to
            && self.since.is_none_or(|since| since <= latest)
            && self.until.is_none_or(|until| earliest <= until)
    }

    fn is(&self, number: u64, time: Time, bytes: &[u8]) -> bool {
        self.may_be_in((number, number), (time, time)) && is_of_all(&self.who, Link::ETHERNET, bytes)
    }
}

impl Archive {
    /// Lists the pieces in the folder of a spool; a folder that is not there has none.
    ///
    /// # Errors
    /// When the folder cannot be read.
    pub fn open(dir: &Path) -> Result<Self> {
        let pieces = match piece::list(dir) {
            Err(Error::Io { source, .. }) if source.kind() == ErrorKind::NotFound => vec![],
            listed => listed?,
        };
        let mut classes: BTreeMap<Box<str>, Vec<Piece>> = BTreeMap::new();
        for piece in pieces {
            classes.entry(piece.class.clone()).or_default().push(piece);
        }
        Ok(Self { classes: classes.into_values().collect() })
    }

    /// Begins to search.
    pub fn search(&self, query: Query, order: Order) -> Search {
        let lanes = self.classes.iter().map(|pieces| Lane::new(pieces, &query, order)).collect();
        Search { query, order, lanes }
    }
}

/// A search under way.
pub struct Search {
    query: Query,
    order: Order,
    lanes: Vec<Lane>,
}

impl Search {
    /// The next packet that is looked for, with its number in the spool; `None` at the end.
    ///
    /// # Errors
    /// When a piece cannot be read.
    pub fn next_packet(&mut self) -> Result<Option<Packet<'_>>> {
        for lane in &mut self.lanes {
            lane.advance(&self.query, self.order)?;
        }
        let ready = self.lanes.iter_mut().filter(|lane| !lane.hits.is_empty());
        let next = match self.order {
            Order::Forward => ready.min_by_key(|lane| lane.number()),
            Order::Backward => ready.max_by_key(|lane| lane.number()),
        };
        Ok(next.and_then(Lane::take))
    }
}

/// The pieces of one class that are still to be looked through.
struct Lane {
    pieces: VecDeque<Piece>,
    piece: Option<Loaded>,
    /// Packets that were found in the block at hand.
    hits: VecDeque<Hit>,
    block: Vec<u8>,
}

/// A piece that is being looked through.
struct Loaded {
    piece: Piece,
    file: File,
    table: Table,
    /// Places of the blocks that may have something.
    blocks: VecDeque<u32>,
}

/// A packet that was found: its number and its record in the block.
struct Hit {
    number: u64,
    record: Range<usize>,
}

impl Lane {
    fn new(pieces: &[Piece], query: &Query, order: Order) -> Self {
        // A piece ends before the next one of its class begins.
        let begin = pieces.partition_point(|piece| piece.first <= query.from).saturating_sub(1);
        let end = pieces.partition_point(|piece| piece.first <= query.to);
        let mut pieces: VecDeque<Piece> =
            pieces.get(begin..end).unwrap_or_default().iter().cloned().collect();
        if order == Order::Backward {
            pieces.make_contiguous().reverse();
        }
        Self { pieces, piece: None, hits: VecDeque::new(), block: vec![] }
    }

    /// Looks on until something is found, or nothing is left.
    fn advance(&mut self, query: &Query, order: Order) -> Result<()> {
        while self.hits.is_empty() {
            let Some(loaded) = &mut self.piece else {
                let Some(piece) = self.pieces.pop_front() else { return Ok(()) };
                self.piece = Loaded::new(piece, query, order)?;
                continue;
            };
            match loaded.blocks.pop_front() {
                Some(place) => {
                    loaded.read(place, &mut self.block)?;
                    hits(query, loaded.table.numbers(place), &self.block, &mut self.hits);
                    if order == Order::Backward {
                        self.hits.make_contiguous().reverse();
                    }
                }
                None => self.piece = None,
            }
        }
        Ok(())
    }

    fn number(&self) -> u64 {
        self.hits.front().map_or(0, |hit| hit.number)
    }

    fn take(&mut self) -> Option<Packet<'_>> {
        let Hit { number, record } = self.hits.pop_front()?;
        let record = record::take(&mut self.block.get(record)?)?;
        let record::Record { time, wire_len, bytes } = record;
        Some(Packet { number, time, link: Link::ETHERNET, wire_len, bytes })
    }
}

/// The packets of a block that are looked for.
fn hits(query: &Query, runs: &[Run], block: &[u8], hits: &mut VecDeque<Hit>) {
    let mut rest = block;
    for number in runs.iter().flat_map(|run| run.first..=run.last()) {
        let at = block.len() - rest.len();
        let Some(record) = record::take(&mut rest) else { return };
        if query.is(number, record.time, record.bytes) {
            hits.push_back(Hit { number, record: at..at + RECORD + record.bytes.len() });
        }
    }
}

impl Loaded {
    /// Opens a piece, if it may have something; one that made room has nothing any more.
    fn new(piece: Piece, query: &Query, order: Order) -> Result<Option<Self>> {
        let (table, blocks) = match piece.indexed().map(|index| Self::ask(&index, query)) {
            Some(Ok(found)) => found,
            Some(Err(Damaged)) | None => match piece.table() {
                Err(Error::Io { source, .. }) if source.kind() == ErrorKind::NotFound => return Ok(None),
                table => {
                    let table = table?;
                    let all = 0..table.len();
                    (table, all.collect())
                }
            },
        };
        let may = |place: &u32| {
            let reach = table.reach(*place).zip(table.block(*place));
            reach.is_some_and(|(numbers, block)| query.may_be_in(numbers, (block.earliest, block.latest)))
        };
        let mut blocks: VecDeque<u32> = blocks.into_iter().filter(may).collect();
        if blocks.is_empty() {
            return Ok(None);
        }
        if order == Order::Backward {
            blocks.make_contiguous().reverse();
        }
        let path = piece.pcap();
        match File::open(&path) {
            Ok(file) => Ok(Some(Self { piece, file, table, blocks })),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(Error::io("read", &path)(error)),
        }
    }

    /// The blocks that may have something, as the index says.
    fn ask(index: &Index, query: &Query) -> Result<(Table, Vec<u32>), Damaged> {
        let Summary { first, last, earliest, latest, .. } = index.summary;
        if !query.may_be_in((first, last), (earliest, latest)) {
            return Ok((Table::default(), vec![]));
        }
        let mut blocks: Option<Vec<u32>> = None;
        for who in &query.who {
            let of_this = index.blocks(&who.terms())?;
            let both = match blocks {
                Some(blocks) => common(blocks, &of_this),
                None => of_this,
            };
            if both.is_empty() {
                return Ok((Table::default(), vec![]));
            }
            blocks = Some(both);
        }
        let table = index.table()?;
        let blocks = blocks.unwrap_or_else(|| (0..table.len()).collect());
        Ok((table, blocks))
    }

    fn read(&self, place: u32, block: &mut Vec<u8>) -> Result<()> {
        block.clear();
        let Some(about) = self.table.block(place) else { return Ok(()) };
        block.resize(usize::try_from(about.bytes).unwrap_or_default(), 0);
        let read = self.file.read_exact_at(block, about.at.into());
        read.map_err(|error| Error::io("read", &self.piece.pcap())(error))
    }
}

impl Piece {
    /// The blocks of a piece without an index.
    fn table(&self) -> Result<Table> {
        let mut table = Table::default();
        self.scan(&mut |packet, at| {
            let bytes = u32::try_from(RECORD + packet.bytes.len()).unwrap_or(u32::MAX);
            table.push(at, bytes, packet.number, packet.time);
        })?;
        Ok(table)
    }
}

/// What stands in both, which are sorted.
fn common(mut some: Vec<u32>, others: &[u32]) -> Vec<u32> {
    some.retain(|place| others.binary_search(place).is_ok());
    some
}
