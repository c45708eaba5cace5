use crate::{Error, Result};
use arrow_schema::{DataType, Field, Schema, SchemaRef};
use model::Time;
use parquet::arrow::parquet_to_arrow_schema;
use parquet::file::metadata::{ParquetMetaData, ParquetMetaDataReader};
use parquet::file::statistics::Statistics;
use std::collections::HashMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A table of the lake, as its parts describe it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Table {
    /// Name: the log.
    pub name: String,
    /// Rows in all parts.
    pub rows: u64,
    /// Time of the earliest row.
    pub first: Option<Time>,
    /// Time of the latest row.
    pub last: Option<Time>,
    /// Names of its columns, in order.
    pub columns: Vec<String>,
}

/// Names of the tables in `lake`, in order; folders that the lake did not make are none.
pub(crate) fn table_names(lake: &Path) -> Result<Vec<String>> {
    let mut names = Vec::new();
    for path in entries(lake)? {
        let Some(name) = path.file_name().and_then(|name| name.to_str()) else { continue };
        if crate::writer::table_name(name) == name && !parts(&path)?.is_empty() {
            names.push(name.to_owned());
        }
    }
    Ok(names)
}

/// Reads rows and time range of the table `name` from the footers of its parts.
pub(crate) fn describe(lake: &Path, name: &str) -> Result<Table> {
    let schema = merged_schema(lake, name)?;
    let columns = schema.fields().iter().map(|field| field.name().clone()).collect();
    let mut table = Table { name: name.to_owned(), rows: 0, first: None, last: None, columns };
    for path in parts(&lake.join(name))? {
        let Some(footer) = footer(&path)? else { continue };
        table.rows = table.rows.saturating_add(u64::try_from(footer.file_metadata().num_rows()).unwrap_or(0));
        for (first, last) in footer.row_groups().iter().filter_map(|group| time_range(group.columns())) {
            table.first = Some(table.first.map_or(first, |known| known.min(first)));
            table.last = Some(table.last.map_or(last, |known| known.max(last)));
        }
    }
    Ok(table)
}

fn time_range(columns: &[parquet::file::metadata::ColumnChunkMetaData]) -> Option<(Time, Time)> {
    let ts = columns.iter().find(|column| column.column_path().string() == "ts")?;
    let Statistics::Int64(range) = ts.statistics()? else { return None };
    Some((Time(*range.min_opt()?), Time(*range.max_opt()?)))
}

/// The columns of all parts of the table `name`, those of the evidence last; where parts disagree on a type,
/// the column is text.
pub(crate) fn merged_schema(lake: &Path, name: &str) -> Result<SchemaRef> {
    let mut fields: Vec<Field> = Vec::new();
    let mut places: HashMap<String, usize> = HashMap::new();
    for path in parts(&lake.join(name))? {
        let Some(footer) = footer(&path)? else { continue };
        let file = footer.file_metadata();
        let schema = parquet_to_arrow_schema(file.schema_descr(), file.key_value_metadata())
            .map_err(Error::part("read", &path))?;
        for field in schema.fields() {
            match places.get(field.name()).and_then(|place| fields.get_mut(*place)) {
                Some(known) if known.data_type() != field.data_type() => known.set_data_type(DataType::Utf8),
                Some(_) => {}
                None => {
                    places.insert(field.name().clone(), fields.len());
                    fields.push(Field::new(field.name(), field.data_type().clone(), true));
                }
            }
        }
    }
    fields.sort_by_key(|field| field.name().starts_with('_'));
    Ok(Arc::new(Schema::new(fields)))
}

/// The parts of a table in order of hour, then number.
fn parts(table: &Path) -> Result<Vec<PathBuf>> {
    let mut parts = Vec::new();
    for hour in entries(table)? {
        if hour.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"hour=")) {
            parts.extend(entries(&hour)?.into_iter().filter(|part| is_part(part)));
        }
    }
    Ok(parts)
}

fn is_part(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "parquet")
}

/// What lies in the folder `path`, in order; nothing when it is no folder or went away.
pub(crate) fn entries(path: &Path) -> Result<Vec<PathBuf>> {
    if !path.is_dir() {
        return Ok(Vec::new());
    }
    let listing = fs::read_dir(path).map_err(Error::io("read", path))?;
    let mut paths = listing
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<std::io::Result<Vec<_>>>()
        .map_err(Error::io("read", path))?;
    paths.sort_unstable();
    Ok(paths)
}

/// `None` when a second reading of its source replaced the part meanwhile.
fn footer(path: &Path) -> Result<Option<ParquetMetaData>> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(Error::io("read", path)(error)),
    };
    ParquetMetaDataReader::new().parse_and_finish(&file).map(Some).map_err(Error::part("read", path))
}
