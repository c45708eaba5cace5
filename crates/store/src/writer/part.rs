use super::hour::hour_text;
use crate::catalog::{entries, name};
use crate::folder::Folders;
use crate::shared::Shared;
use crate::{Error, Result};
use arrow_array::RecordBatch;
use arrow_schema::SchemaRef;
use model::Time;
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// Parts that are written at the same time; the one that waited longest is ended for the next.
const OPEN_MAX: usize = 48;

/// Memory of all open parts; the largest then write what they have as a row group.
const OPEN_BYTES_MAX: usize = 32 << 20;

/// Rows between two looks at the statistics when a query skips.
const ROW_GROUP_ROWS: usize = 128 << 10;

/// How every part of the lake is written.
pub(crate) fn properties() -> WriterProperties {
    let level = ZstdLevel::try_new(1).unwrap_or_default();
    WriterProperties::builder()
        .set_compression(Compression::ZSTD(level))
        .set_max_row_group_row_count(Some(ROW_GROUP_ROWS))
        .set_dictionary_page_size_limit(128 << 10)
        .set_data_page_size_limit(128 << 10)
        .set_statistics_enabled(EnabledStatistics::Chunk)
        .set_created_by("tieline".to_owned())
        .build()
}

/// The files that a writer fills, by table and hour.
pub(super) struct Parts {
    lake: PathBuf,
    key: String,
    properties: WriterProperties,
    open: BTreeMap<(Arc<str>, Time), Part>,
    /// Table and hour of every part begun, by its number.
    begun: Vec<(Arc<str>, Time)>,
    /// Whether earlier writers may have left parts with this key.
    replaces: bool,
    /// The segment that the parts are of, and who is to know whether it is whole.
    segment: Option<(u64, Arc<Shared>)>,
    folders: Folders,
    /// Counts the writes, so that it is known which part waited longest.
    clock: u64,
}

struct Part {
    writer: ArrowWriter<File>,
    schema: SchemaRef,
    /// Where it is written until it is whole.
    unfinished: PathBuf,
    path: PathBuf,
    used: u64,
}

impl Parts {
    /// Parts whose names carry `key`.
    pub(super) fn new(lake: PathBuf, key: String) -> Self {
        Self {
            lake,
            key,
            properties: properties(),
            open: BTreeMap::new(),
            begun: Vec::new(),
            replaces: true,
            segment: None,
            folders: Folders::default(),
            clock: 0,
        }
    }

    /// Parts of segment `number` of the lake that knows `shared`.
    pub(super) fn segment(lake: PathBuf, number: u64, shared: &Arc<Shared>) -> Self {
        let replaces = shared.segment_is_open.load(Ordering::SeqCst);
        let segment = Some((number, Arc::clone(shared)));
        Self { segment, replaces, ..Self::new(lake, name::segment_key(number)) }
    }

    /// Parts begun so far.
    pub(super) fn count(&self) -> usize {
        self.begun.len()
    }

    /// Appends rows of `table` that all lie in the hour that begins at `hour`.
    pub(super) fn write(&mut self, table: &Arc<str>, hour: Time, rows: &RecordBatch) -> Result<()> {
        let place = (Arc::clone(table), hour);
        let grown = self.open.get(&place).is_some_and(|part| part.schema != rows.schema());
        if grown && let Some(part) = self.open.remove(&place) {
            self.end(part)?;
        }
        self.clock += 1;
        let clock = self.clock;
        if !self.open.contains_key(&place) {
            self.make_room()?;
            let part = self.begin(&place, rows.schema())?;
            self.open.insert(place.clone(), part);
        }
        if let Some(part) = self.open.get_mut(&place) {
            part.used = clock;
            part.writer.write(rows).map_err(Error::part("write", &part.unfinished))?;
        }
        self.bound_memory()
    }

    /// Ends all parts and deletes what earlier writers with this key left.
    pub(super) fn finish(mut self) -> Result<()> {
        while let Some((_, part)) = self.open.pop_first() {
            self.end(part)?;
        }
        self.folders.sync()?;
        if self.replaces {
            self.delete_stale()?;
            self.folders.sync()?;
        }
        self.set_segment_is_open(false);
        Ok(())
    }

    fn set_segment_is_open(&self, open: bool) {
        if let Some((_, shared)) = &self.segment {
            shared.segment_is_open.store(open, Ordering::SeqCst);
        }
    }

    fn begin(&mut self, place: &(Arc<str>, Time), schema: SchemaRef) -> Result<Part> {
        let dir = self.lake.join(&*place.0).join(format!("hour={}", hour_text(place.1)));
        let name = format!("part-{}-{:06}", self.key, self.begun.len());
        self.refuse_merged(&dir)?;
        self.set_segment_is_open(true);
        let (unfinished, file) = self.folders.create(&dir, &format!(".{name}.unfinished"))?;
        let writer = ArrowWriter::try_new(file, Arc::clone(&schema), Some(self.properties.clone()))
            .map_err(Error::part("write", &unfinished))?;
        self.begun.push(place.clone());
        Ok(Part { writer, schema, unfinished, path: dir.join(format!("{name}.parquet")), used: self.clock })
    }

    /// What a merged part stands for does not count: rows in it would be lost.
    fn refuse_merged(&self, dir: &Path) -> Result<()> {
        let Some((segment, _)) = self.segment else { return Ok(()) };
        let holds = |part: &PathBuf| {
            let whole_and_merged = name::is_part(part) && name::is_merged(part);
            whole_and_merged && name::segments(part).is_some_and(|segments| segments.contains(&segment))
        };
        match entries(dir)?.into_iter().find(holds) {
            Some(part) => Err(Error::Merged { segment, part }),
            None => Ok(()),
        }
    }

    /// Makes the part visible: only a whole file gets a name that queries read.
    fn end(&mut self, part: Part) -> Result<()> {
        let Part { mut writer, unfinished, path, .. } = part;
        writer.finish().map_err(Error::part("write", &unfinished))?;
        writer.inner().sync_data().map_err(Error::io("write", &unfinished))?;
        self.folders.rename(&unfinished, &path)
    }

    fn make_room(&mut self) -> Result<()> {
        while self.open.len() >= OPEN_MAX {
            let Some(oldest) =
                self.open.iter().min_by_key(|(_, part)| part.used).map(|(place, _)| place.clone())
            else {
                return Ok(());
            };
            if let Some(part) = self.open.remove(&oldest) {
                self.end(part)?;
            }
        }
        Ok(())
    }

    fn bound_memory(&mut self) -> Result<()> {
        let mut bytes: usize = self.open.values().map(|part| part.writer.memory_size()).sum();
        while bytes > OPEN_BYTES_MAX {
            let Some(part) = self.open.values_mut().max_by_key(|part| part.writer.memory_size()) else {
                return Ok(());
            };
            bytes = bytes.saturating_sub(part.writer.memory_size().max(1));
            part.writer.flush().map_err(Error::part("write", &part.unfinished))?;
        }
        Ok(())
    }

    fn delete_stale(&mut self) -> Result<()> {
        for table in entries(&self.lake)? {
            for hour in entries(&table)? {
                for part in entries(&hour)? {
                    if self.is_stale(&part) {
                        fs::remove_file(&part).map_err(Error::io("delete", &part))?;
                        self.folders.changed(&hour)?;
                    }
                }
                // Fails when rows are left in it, as it should.
                let _ = fs::remove_dir(&hour);
            }
        }
        Ok(())
    }

    /// Whether `path` is named as a part with this key that this writer did not make.
    fn is_stale(&self, path: &Path) -> bool {
        let Some(name) = path.file_name().and_then(|name| name.to_str()) else { return false };
        let Some(rest) = name.trim_start_matches('.').strip_prefix("part-") else { return false };
        let Some(rest) = rest.strip_prefix(&*self.key).and_then(|rest| rest.strip_prefix('-')) else {
            return false;
        };
        let Some(number) = rest.strip_suffix(".parquet") else { return true };
        let begun = number.parse::<usize>().ok().and_then(|number| self.begun.get(number));
        begun.is_none_or(|(table, hour)| {
            path.parent() != Some(&self.lake.join(&**table).join(format!("hour={}", hour_text(*hour))))
        })
    }
}
