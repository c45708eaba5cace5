mod buffer;
mod column;
mod hour;
mod part;
mod story;

pub(crate) use hour::hour_text;
pub(crate) use part::properties;

use crate::shared::Shared;
use crate::{Error, Result};
use arrow_array::RecordBatch;
use arrow_select::concat::concat_batches;
use buffer::Buffer;
use hour::ByHour;
use model::{At, Event, Finding, Incident, Origin, Record, Rows, Schema};
use part::Parts;
use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;
use std::sync::Arc;

/// Rows of a table that are brought into columns together.
const BATCH_ROWS: usize = 8192;

/// Memory of a table's rows at which they are brought into columns earlier.
const BATCH_BYTES: usize = 1 << 20;

/// Memory of all tables' rows at which the largest is brought into columns.
const BUFFERED_BYTES_MAX: usize = 12 << 20;

/// Hours that the rows of one batch go to at once; rows of more are held back until they fill files.
const HOURS_AT_ONCE: usize = 4;

/// Memory of the rows that are held back because their hours are scattered.
const SCATTERED_BYTES_MAX: usize = 8 << 20;

/// Tables that one writer fills; events of further logs go to the table `other`.
const TABLES_MAX: usize = 256;

/// What a writer did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// Rows by table, in order of the name.
    pub tables: Vec<(String, u64)>,
    /// Files written.
    pub parts: usize,
    /// Values whose type their column cannot hold; nothing stands in their place.
    pub unfit: usize,
}

/// Writes rows, events, findings and incidents into a lake; made by [`Lake::writer`](crate::Lake::writer) or
/// [`Lake::segment`](crate::Lake::segment).
///
/// It takes about 64 MB of memory at most, however many tables and hours there are; rows become visible file
/// by file, the last of them with [`finish`](Self::finish), and when that has returned they survive a loss of
/// power. A writer that is dropped instead leaves
/// unfinished files that no query reads and that the next writer of the same source deletes.
pub struct LakeWriter {
    tables: Vec<Table>,
    /// Places in `tables` of typed logs, by name.
    logs: HashMap<Box<str>, usize>,
    /// Places in `tables` of events' logs; one may share its name, and so its folder, with a typed log.
    event_logs: HashMap<Box<str>, usize>,
    /// Place of a typed log by the address of its schema, which saves looking at its name for every row.
    schemas: Vec<(usize, usize)>,
    files: HashMap<u32, Box<str>>,
    parts: Parts,
    buffered_bytes: usize,
    scattered_bytes: usize,
    unfit: usize,
    /// What went wrong first; nothing is written after it.
    failed: Option<Error>,
}

struct Table {
    name: Arc<str>,
    buffer: Buffer,
    /// Batches whose rows lie in many hours.
    scattered: Vec<RecordBatch>,
    rows: u64,
}

impl LakeWriter {
    pub(crate) fn new(lake: PathBuf, source: &str) -> Self {
        Self::with(Parts::new(lake, format!("{:016x}", fnv1a(source.as_bytes()))))
    }

    /// Writes segment `number`; looks for what an earlier writer left only when the last was not finished.
    pub(crate) fn segment(lake: PathBuf, number: u64, shared: &Arc<Shared>) -> Self {
        Self::with(Parts::segment(lake, number, shared))
    }

    fn with(parts: Parts) -> Self {
        Self {
            tables: Vec::new(),
            logs: HashMap::new(),
            event_logs: HashMap::new(),
            schemas: Vec::new(),
            files: HashMap::new(),
            parts,
            buffered_bytes: 0,
            scattered_bytes: 0,
            unfit: 0,
            failed: None,
        }
    }

    /// Rows taken since the writer was made; the next [`finish`](Self::finish) makes them durable.
    pub fn rows(&self) -> u64 {
        self.tables.iter().map(|table| table.rows).sum()
    }

    /// Says that rows whose [`Origin::file`] is `number` come from the file `name`; without it, `_file` is
    /// unknown.
    pub fn file(&mut self, number: u32, name: &str) {
        self.files.insert(number, name.into());
    }

    /// Takes an event into the table of its log.
    pub fn event(&mut self, event: &Event) {
        let place = self.event_table(&event.log);
        self.append(place, event.origin, |buffer, file| {
            buffer.put_event(event, file);
            0
        });
    }

    /// Takes a finding into the table `finding`.
    pub fn finding(&mut self, finding: &Finding) {
        story::finding(finding, &mut |at, row| self.put(at, row));
    }

    /// Takes an incident into the tables `incident` and `incident_step`; one without a step is left out.
    pub fn incident(&mut self, incident: &Incident) {
        story::incident(incident, &mut |at, row| self.put(at, row));
    }

    /// Writes what is left and makes it visible.
    ///
    /// # Errors
    /// With what went wrong first since the writer was made; the files written before it stay.
    pub fn finish(mut self) -> Result<Summary> {
        for place in 0..self.tables.len() {
            self.attempt(|writer| writer.drain(place));
        }
        self.attempt(Self::write_scattered);
        if let Some(error) = self.failed {
            return Err(error);
        }
        let mut tables: BTreeMap<String, u64> = BTreeMap::new();
        for table in &self.tables {
            *tables.entry(table.name.to_string()).or_default() += table.rows;
        }
        let parts = self.parts.count();
        self.parts.finish()?;
        Ok(Summary { tables: tables.into_iter().collect(), parts, unfit: self.unfit })
    }

    fn append(&mut self, place: usize, origin: Origin, put: impl FnOnce(&mut Buffer, Option<&str>) -> usize) {
        if self.failed.is_some() {
            return;
        }
        let file = self.files.get(&origin.file).map(|name| &**name);
        let Some(table) = self.tables.get_mut(place) else { return };
        let before = table.buffer.bytes();
        self.unfit += put(&mut table.buffer, file);
        table.rows += 1;
        self.buffered_bytes += table.buffer.bytes() - before;
        if table.buffer.rows() >= BATCH_ROWS || table.buffer.bytes() >= BATCH_BYTES {
            self.attempt(|writer| writer.drain(place));
        } else if self.buffered_bytes > BUFFERED_BYTES_MAX {
            self.attempt(Self::drain_largest);
        }
    }

    fn attempt(&mut self, step: impl FnOnce(&mut Self) -> Result<()>) {
        if self.failed.is_none() {
            self.failed = step(self).err();
        }
    }

    fn drain_largest(&mut self) -> Result<()> {
        let sizes = self.tables.iter().enumerate().map(|(place, table)| (table.buffer.bytes(), place));
        sizes.max().map_or(Ok(()), |(_, place)| self.drain(place))
    }

    /// Brings the rows of a table into columns and writes them to the parts of their hours.
    fn drain(&mut self, place: usize) -> Result<()> {
        let Some(table) = self.tables.get_mut(place).filter(|table| table.buffer.rows() > 0) else {
            return Ok(());
        };
        self.buffered_bytes = self.buffered_bytes.saturating_sub(table.buffer.bytes());
        let rows = ByHour::new(table.buffer.finish()?);
        if rows.len() <= HOURS_AT_ONCE {
            return table.write(rows, &mut self.parts);
        }
        let rows = rows.into_rows();
        self.scattered_bytes += rows.get_array_memory_size();
        table.scattered.push(rows);
        if self.scattered_bytes > SCATTERED_BYTES_MAX { self.write_scattered() } else { Ok(()) }
    }

    fn write_scattered(&mut self) -> Result<()> {
        self.scattered_bytes = 0;
        for table in &mut self.tables {
            let scattered = std::mem::take(&mut table.scattered);
            for alike in scattered.chunk_by(|a, b| a.schema() == b.schema()) {
                let Some(first) = alike.first() else { continue };
                let rows = concat_batches(&first.schema(), alike).map_err(|e| table.buffer.error(e))?;
                table.write(ByHour::new(rows), &mut self.parts)?;
            }
        }
        Ok(())
    }

    fn log_table(&mut self, schema: &'static Schema) -> usize {
        let address = std::ptr::from_ref(schema).addr();
        if let Some((_, place)) = self.schemas.iter().find(|(known, _)| *known == address) {
            return *place;
        }
        let place = self.logs.get(schema.log).copied().unwrap_or_else(|| {
            let name = table_name(schema.log);
            let buffer = Buffer::typed(&name, schema);
            self.add_table(&name, buffer)
        });
        self.logs.insert(schema.log.into(), place);
        self.schemas.push((address, place));
        place
    }

    fn event_table(&mut self, log: &str) -> usize {
        if let Some(place) = self.event_logs.get(log) {
            return *place;
        }
        let name = if self.event_logs.len() < TABLES_MAX { table_name(log) } else { "other".to_owned() };
        let place = self.event_logs.get(&*name).copied();
        let place = place.unwrap_or_else(|| self.add_table(&name, Buffer::new(&name)));
        self.event_logs.insert(name.into(), place);
        place
    }

    fn add_table(&mut self, name: &str, buffer: Buffer) -> usize {
        self.tables.push(Table { name: name.into(), buffer, scattered: Vec::new(), rows: 0 });
        self.tables.len() - 1
    }
}

impl Rows for LakeWriter {
    fn put(&mut self, at: &At<'_>, row: &dyn Record) {
        let place = self.log_table(row.schema());
        self.append(place, at.origin, |buffer, file| buffer.put_row(at, row, file));
    }
}

impl Table {
    fn write(&self, rows: ByHour, parts: &mut Parts) -> Result<()> {
        for piece in rows.pieces() {
            let (hour, rows) = piece.map_err(|e| self.buffer.error(e))?;
            parts.write(&self.name, hour, &rows)?;
        }
        Ok(())
    }
}

/// The name of a log as a table and folder: `a-z`, `0-9` and `_`, at most 64 of them, so that SQL needs no
/// quotes and no log can lead out of the lake.
pub(crate) fn table_name(log: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '_' };
    let name: String = log.chars().take(64).map(plain).collect();
    if name.starts_with(|c: char| c.is_ascii_lowercase()) { name } else { format!("log_{name}") }
}

/// FNV-1a, 64 bit: the same on every machine and in every version, which the standard library's hash is not.
fn fnv1a(bytes: &[u8]) -> u64 {
    bytes
        .iter()
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}
