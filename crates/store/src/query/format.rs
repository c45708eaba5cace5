mod table;

use super::Answer;
use crate::{Error, Result};
use arrow_array::{Array, RecordBatch};
use arrow_schema::ArrowError;
use datafusion::arrow::json::LineDelimitedWriter;
use datafusion::arrow::util::display::{ArrayFormatter, FormatOptions};
use std::io::{self, Write};

/// How an answer is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Columns aligned for a terminal of `width` characters; long values are cut, and so are columns that
    /// find no room. What could steer a terminal is escaped.
    Table {
        /// Characters in a line.
        width: usize,
    },
    /// A JSON object per line; a value that is not known is left out.
    Jsonl,
    /// Comma-separated values with a header (RFC 4180, 2); nothing stands where a value is not known, `""`
    /// where it is empty.
    Csv,
}

/// What was written of an answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Written {
    /// Rows written.
    pub rows: usize,
    /// Whether [`Limits::rows`](crate::Limits::rows) cut rows off.
    pub cut: bool,
}

/// An answer whose values are text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TextAnswer {
    /// Names of the columns.
    pub columns: Vec<String>,
    /// Rows; `None` for a value that is not known.
    pub rows: Vec<Vec<Option<String>>>,
    /// Whether [`Limits::rows`](crate::Limits::rows) cut rows off.
    pub cut: bool,
}

impl Answer {
    /// What is left of the answer, in memory; to be used with a bound on the rows.
    ///
    /// # Errors
    /// As [`next_rows`](Self::next_rows).
    pub fn texts(mut self) -> Result<TextAnswer> {
        let columns = self.schema().fields().iter().map(|field| field.name().clone()).collect();
        let mut answer = TextAnswer { columns, ..TextAnswer::default() };
        while let Some(batch) = self.next_rows()? {
            let columns = texts(&batch)?;
            let row = |row| columns.iter().map(|column| column.value(row)).collect();
            answer.rows.extend((0..batch.num_rows()).map(row));
        }
        answer.cut = self.cut;
        Ok(answer)
    }

    /// Writes what is left of the answer to `out`, row by row as it is found.
    ///
    /// # Errors
    /// As [`next_rows`](Self::next_rows), and when `out` takes no more.
    pub fn write(mut self, format: Format, out: &mut dyn Write) -> Result<Written> {
        match format {
            Format::Table { width } => table::write(&mut self, width, out)?,
            Format::Jsonl => write_jsonl(&mut self, out)?,
            Format::Csv => write_csv(&mut self, out)?,
        }
        Ok(Written { rows: self.given, cut: self.cut })
    }
}

fn write_jsonl(answer: &mut Answer, out: &mut dyn Write) -> Result<()> {
    while let Some(rows) = answer.next_rows()? {
        let mut writer = LineDelimitedWriter::new(&mut *out);
        writer.write(&rows).and_then(|()| writer.finish()).map_err(unwritten)?;
    }
    Ok(())
}

fn unwritten(error: ArrowError) -> Error {
    if let ArrowError::IoError(_, source) = error {
        return Error::Output(source);
    }
    Error::Query { message: error.to_string() }
}

fn write_csv(answer: &mut Answer, out: &mut dyn Write) -> Result<()> {
    let schema = answer.schema();
    let header = schema.fields().iter().map(|field| Some(field.name().clone()));
    write_record(header, out).map_err(Error::Output)?;
    while let Some(rows) = answer.next_rows()? {
        let columns = texts(&rows)?;
        for row in 0..rows.num_rows() {
            let values = columns.iter().map(|column| column.value(row));
            write_record(values, out).map_err(Error::Output)?;
        }
    }
    Ok(())
}

fn write_record(values: impl Iterator<Item = Option<String>>, out: &mut dyn Write) -> io::Result<()> {
    for (place, value) in values.enumerate() {
        if place > 0 {
            out.write_all(b",")?;
        }
        let Some(value) = value else { continue };
        if value.is_empty() || value.contains(['"', ',', '\n', '\r']) {
            write!(out, "\"{}\"", value.replace('"', "\"\""))?;
        } else {
            out.write_all(value.as_bytes())?;
        }
    }
    out.write_all(b"\r\n")
}

/// A column whose values can be had as text.
struct Texts<'a> {
    values: &'a dyn Array,
    formatter: ArrayFormatter<'a>,
}

impl Texts<'_> {
    /// `None` when it is not known.
    fn value(&self, row: usize) -> Option<String> {
        self.values.is_valid(row).then(|| self.formatter.value(row).to_string())
    }
}

fn texts(rows: &RecordBatch) -> Result<Vec<Texts<'_>>> {
    const OPTIONS: &FormatOptions<'static> = &FormatOptions::new();
    let text = |values| {
        let formatter = ArrayFormatter::try_new(values, OPTIONS).map_err(unwritten)?;
        Ok(Texts { values, formatter })
    };
    rows.columns().iter().map(|column| text(&**column)).collect()
}
