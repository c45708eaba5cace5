mod footer;
pub(crate) mod name;

pub(crate) use footer::{Footers, Part};

use crate::shared::Shared;
use crate::{Error, Result};
use arrow_schema::{DataType, Field, Schema, SchemaRef};
use model::Time;
use std::collections::HashMap;
use std::fs;
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
pub(crate) fn table_names(lake: &Path, shared: &Shared) -> Result<Vec<String>> {
    let mut names = Vec::new();
    for path in tables(lake)? {
        let Some(name) = path.file_name().and_then(|name| name.to_str()) else { continue };
        let mut hours = hours(&path)?.into_iter().filter(|hour| !shared.is_too_old(hour));
        let has_parts = hours.try_fold(false, |has, hour| -> Result<bool> {
            Ok(has || entries(&hour)?.iter().any(|part| name::is_part(part)))
        });
        if has_parts? {
            names.push(name.to_owned());
        }
    }
    Ok(names)
}

/// Folders in `lake` that are named as tables, in order.
pub(crate) fn tables(lake: &Path) -> Result<Vec<PathBuf>> {
    let is_table = |path: &PathBuf| {
        let name = path.file_name().and_then(|name| name.to_str());
        name.is_some_and(|name| crate::writer::table_name(name) == name)
    };
    Ok(entries(lake)?.into_iter().filter(is_table).collect())
}

/// Folders of hours in the table `table`, in order.
pub(crate) fn hours(table: &Path) -> Result<Vec<PathBuf>> {
    let is_hour =
        |path: &PathBuf| path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"hour="));
    Ok(entries(table)?.into_iter().filter(is_hour).collect())
}

/// The parts of the table `name` that count now, in order of hour, then name.
pub(crate) fn parts(lake: &Path, name: &str, shared: &Shared) -> Result<Vec<Part>> {
    let mut parts = Vec::new();
    for hour in hours(&lake.join(name))? {
        if shared.is_too_old(&hour) {
            continue;
        }
        let whole = entries(&hour)?.into_iter().filter(|path| name::is_part(path)).collect();
        for path in name::sort_out(whole).0 {
            parts.extend(shared.footers.part(path)?);
        }
    }
    Ok(parts)
}

/// Sums up the table `name` from its `parts`.
pub(crate) fn describe(name: &str, parts: &[Part]) -> Table {
    let columns = merged_schema(parts).fields().iter().map(|field| field.name().clone()).collect();
    let times = || parts.iter().filter_map(|part| part.footer.time);
    Table {
        name: name.to_owned(),
        rows: parts.iter().map(|part| part.footer.rows).sum(),
        first: times().map(|(first, _)| first).min(),
        last: times().map(|(_, last)| last).max(),
        columns,
    }
}

/// The columns of all `parts`, those of the evidence last; where parts disagree on a type, the column is text.
pub(crate) fn merged_schema(parts: &[Part]) -> SchemaRef {
    let mut fields: Vec<Field> = Vec::new();
    let mut places: HashMap<&str, usize> = HashMap::new();
    let mut before: Option<&SchemaRef> = None;
    for schema in parts.iter().map(|part| &part.footer.schema) {
        if before.replace(schema).is_some_and(|before| Arc::ptr_eq(before, schema)) {
            continue;
        }
        for field in schema.fields() {
            match places.get(field.name().as_str()).and_then(|place| fields.get_mut(*place)) {
                Some(known) if known.data_type() != field.data_type() => known.set_data_type(DataType::Utf8),
                Some(_) => {}
                None => {
                    places.insert(field.name(), fields.len());
                    fields.push(Field::new(field.name(), field.data_type().clone(), true));
                }
            }
        }
    }
    fields.sort_by_key(|field| field.name().starts_with('_'));
    Arc::new(Schema::new(fields))
}

/// What lies in the folder `path`, in order; nothing when it is no folder or went away.
pub(crate) fn entries(path: &Path) -> Result<Vec<PathBuf>> {
    let listing = match fs::read_dir(path) {
        Ok(listing) => listing,
        Err(error) if is_absent(&error) => return Ok(Vec::new()),
        Err(error) => return Err(Error::io("read", path)(error)),
    };
    let mut paths = listing
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<std::io::Result<Vec<_>>>()
        .map_err(Error::io("read", path))?;
    paths.sort_unstable();
    Ok(paths)
}

/// Whether there is no such file or folder.
pub(crate) fn is_absent(error: &std::io::Error) -> bool {
    matches!(error.kind(), std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory)
}
