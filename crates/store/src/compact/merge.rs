use crate::Error;
use crate::catalog::{Part, merged_schema};
use crate::writer::properties;
use arrow_array::cast::AsArray;
use arrow_array::types::TimestampNanosecondType;
use arrow_array::{Array, ArrayRef, RecordBatch, new_null_array};
use arrow_schema::{ArrowError, Field, SchemaRef};
use arrow_select::concat::concat_batches;
use arrow_select::interleave::interleave;
use datafusion::arrow::compute::cast;
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::errors::ParquetError;
use std::fs::File;
use std::path::Path;
use std::sync::Arc;

/// Rows that are written at once.
const BATCH_ROWS: usize = 8192;

/// Where a row of the merged part comes from.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Row {
    ts: i64,
    part: u32,
    row: u32,
}

/// A column of the merged part: the values of each part, and one that is not known for those without it.
struct Column {
    parts: Vec<Option<ArrayRef>>,
    unknown: ArrayRef,
}

/// Writes the rows of `parts` in order of `ts` into `file` at `path` and has it on disk; answers how many there
/// are. Rows of one moment keep the order of the parts, and in a part that in which they stand.
pub(super) fn merge(parts: &[Part], file: File, path: &Path) -> Result<u64, Error> {
    let schema = merged_schema(parts);
    let batches = parts.iter().map(read).collect::<Result<Vec<_>, _>>()?;
    let order = order(&batches).map_err(Error::part("read", path))?;
    let columns =
        schema.fields().iter().map(|field| Column::new(field, &batches)).collect::<Result<Vec<_>, _>>();
    let columns = columns.map_err(|error| unmerged(path, error))?;
    drop(batches);
    let failed = || Error::part("write", path);
    let mut writer = ArrowWriter::try_new(file, Arc::clone(&schema), Some(properties())).map_err(failed())?;
    for rows in order.chunks(BATCH_ROWS) {
        let batch = gather(&schema, &columns, rows).map_err(|error| unmerged(path, error))?;
        writer.write(&batch).map_err(failed())?;
    }
    writer.finish().map_err(failed())?;
    writer.inner().sync_data().map_err(Error::io("write", path))?;
    u64::try_from(order.len())
        .map_err(|_| unmerged(path, ArrowError::ComputeError("too many rows".to_owned())))
}

/// All rows of `part`.
fn read(part: &Part) -> Result<RecordBatch, Error> {
    let file = File::open(&part.path).map_err(Error::io("read", &part.path))?;
    let rows = rows(file).map_err(Error::part("read", &part.path))?;
    // What is read here is deleted later.
    if u64::try_from(rows.num_rows()).ok() != Some(part.footer.rows) {
        let missing = ParquetError::General("rows are missing".to_owned());
        return Err(Error::part("read", &part.path)(missing));
    }
    Ok(rows)
}

fn rows(file: File) -> Result<RecordBatch, ParquetError> {
    let builder = ParquetRecordBatchReaderBuilder::try_new(file)?;
    let schema = Arc::clone(builder.schema());
    let batches = builder.with_batch_size(BATCH_ROWS).build()?.collect::<Result<Vec<_>, _>>()?;
    Ok(concat_batches(&schema, &batches)?)
}

fn order(batches: &[RecordBatch]) -> Result<Vec<Row>, ParquetError> {
    let mut order = Vec::with_capacity(batches.iter().map(RecordBatch::num_rows).sum());
    for (batch, part) in batches.iter().zip(0..) {
        let ts = batch.column_by_name("ts").and_then(|ts| ts.as_primitive_opt::<TimestampNanosecondType>());
        let ts = ts.ok_or_else(|| ParquetError::General("a part has no column ts".to_owned()))?;
        order.extend(ts.values().iter().zip(0..).map(|(ts, row)| Row { ts: *ts, part, row }));
    }
    order.sort_unstable();
    Ok(order)
}

impl Column {
    fn new(field: &Field, batches: &[RecordBatch]) -> Result<Self, ArrowError> {
        let of = field.data_type();
        let values = |batch: &RecordBatch| {
            let column = batch.column_by_name(field.name())?;
            Some(if column.data_type() == of { Ok(Arc::clone(column)) } else { cast(column, of) })
        };
        let parts = batches.iter().map(|batch| values(batch).transpose()).collect::<Result<_, _>>()?;
        Ok(Self { parts, unknown: new_null_array(of, 1) })
    }

    fn gather(&self, rows: &[Row]) -> Result<ArrayRef, ArrowError> {
        let or_unknown = |part: &Option<ArrayRef>| Arc::clone(part.as_ref().unwrap_or(&self.unknown));
        let values: Vec<_> = self.parts.iter().map(or_unknown).collect();
        let values: Vec<&dyn Array> = values.iter().map(|values| &**values).collect();
        let place = |row: &Row| {
            let part = index(row.part);
            let known = self.parts.get(part).is_some_and(Option::is_some);
            (part, if known { index(row.row) } else { 0 })
        };
        interleave(&values, &rows.iter().map(place).collect::<Vec<_>>())
    }
}

fn gather(schema: &SchemaRef, columns: &[Column], rows: &[Row]) -> Result<RecordBatch, ArrowError> {
    let columns = columns.iter().map(|column| column.gather(rows)).collect::<Result<_, _>>()?;
    RecordBatch::try_new(Arc::clone(schema), columns)
}

fn unmerged(path: &Path, error: ArrowError) -> Error {
    Error::part("write", path)(ParquetError::from(error))
}

fn index(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}
