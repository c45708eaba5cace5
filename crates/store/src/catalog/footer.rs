use crate::{Error, Result};
use arrow_schema::SchemaRef;
use model::Time;
use parquet::arrow::parquet_to_arrow_schema;
use parquet::file::metadata::{ColumnChunkMetaData, ParquetMetaData, ParquetMetaDataReader};
use parquet::file::statistics::Statistics;
use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

/// Footers that are kept in memory, about 300 bytes each; one more takes the place of any other.
const FOOTERS_MAX: usize = 65_536;

/// Different lists of columns that parts share in memory; beyond it they are shared no more.
const SCHEMAS_MAX: usize = 4096;

/// A part that counts, as it was when it was looked at.
#[derive(Clone)]
pub(crate) struct Part {
    pub(crate) path: PathBuf,
    /// Size of the file.
    pub(crate) bytes: u64,
    pub(crate) modified: SystemTime,
    pub(crate) footer: Arc<Footer>,
}

/// What the end of a part says of it.
pub(crate) struct Footer {
    pub(crate) rows: u64,
    /// Time of the earliest and the latest row.
    pub(crate) time: Option<(Time, Time)>,
    pub(crate) schema: SchemaRef,
    /// Memory that its values take, without what a column costs in a row whatever it holds.
    pub(crate) value_bytes: u64,
}

/// Footers by path, valid while size and time of the file are the same: reading thousands at every question
/// takes a quarter of a millisecond each.
#[derive(Default)]
pub(crate) struct Footers {
    known: Mutex<Known>,
}

#[derive(Default)]
struct Known {
    parts: HashMap<PathBuf, Part>,
    schemas: HashSet<SchemaRef>,
}

impl Footers {
    /// The part at `path`; `None` when it went away.
    ///
    /// # Errors
    /// When it cannot be read.
    pub(crate) fn part(&self, path: PathBuf) -> Result<Option<Part>> {
        let (bytes, modified) = match path.metadata().and_then(|meta| Ok((meta.len(), meta.modified()?))) {
            Ok(stamp) => stamp,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(Error::io("read", &path)(error)),
        };
        let fresh = |part: &&Part| part.bytes == bytes && part.modified == modified;
        if let Some(part) = self.lock().parts.get(&path).filter(fresh) {
            return Ok(Some(part.clone()));
        }
        let Some(footer) = read(&path)? else { return Ok(None) };
        let part = self.lock().keep(Part { path, bytes, modified, footer: Arc::new(footer) });
        Ok(Some(part))
    }

    /// Forgets the part at `path`, which was deleted.
    pub(crate) fn forget(&self, path: &Path) {
        self.lock().parts.remove(path);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Known {
    fn keep(&mut self, mut part: Part) -> Part {
        if let Some(footer) = Arc::get_mut(&mut part.footer) {
            footer.schema = self.share(&footer.schema);
        }
        if self.parts.len() >= FOOTERS_MAX
            && let Some(any) = self.parts.keys().next().cloned()
        {
            self.parts.remove(&any);
        }
        self.parts.insert(part.path.clone(), part.clone());
        part
    }

    fn share(&mut self, schema: &SchemaRef) -> SchemaRef {
        if let Some(known) = self.schemas.get(schema) {
            return Arc::clone(known);
        }
        if self.schemas.len() < SCHEMAS_MAX {
            self.schemas.insert(Arc::clone(schema));
        }
        Arc::clone(schema)
    }
}

/// `None` when a second reading of its source replaced the part meanwhile.
fn read(path: &Path) -> Result<Option<Footer>> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(Error::io("read", path)(error)),
    };
    let footer = ParquetMetaDataReader::new().parse_and_finish(&file).map_err(Error::part("read", path))?;
    digest(&footer).map(Some).map_err(Error::part("read", path))
}

fn digest(footer: &ParquetMetaData) -> parquet::errors::Result<Footer> {
    let file = footer.file_metadata();
    let schema = parquet_to_arrow_schema(file.schema_descr(), file.key_value_metadata())?;
    let groups = footer.row_groups();
    let ranges = || groups.iter().filter_map(|group| time_range(group.columns()));
    let first = ranges().map(|(first, _)| first).min();
    let last = ranges().map(|(_, last)| last).max();
    Ok(Footer {
        rows: u64::try_from(file.num_rows()).unwrap_or(0),
        time: first.zip(last),
        schema: Arc::new(schema),
        value_bytes: groups.iter().flat_map(|group| group.columns()).map(value_bytes).sum(),
    })
}

fn time_range(columns: &[ColumnChunkMetaData]) -> Option<(Time, Time)> {
    let ts = columns.iter().find(|column| column.column_path().string() == "ts")?;
    let Statistics::Int64(range) = ts.statistics()? else { return None };
    Some((Time(*range.min_opt()?), Time(*range.max_opt()?)))
}

/// Texts are counted as long as they are, also where the file holds them once; anything else as 8 bytes.
fn value_bytes(column: &ColumnChunkMetaData) -> u64 {
    let texts = column.unencoded_byte_array_data_bytes().unwrap_or(0);
    let values = column.num_values().saturating_mul(8);
    u64::try_from(texts.saturating_add(values)).unwrap_or(0)
}
