//! Rows as Zeek writes them: one file per log, tab-separated with a header or a JSON object per line.
//!
//! Source: Zeek 8, *Log Formats and Inspection*. What a conversation's rows have in common is formatted once.

use model::{At, Cell, Record, Rows, Schema, Subject, Time, tsv};
use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// How rows are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Tab-separated values with Zeek's header lines.
    Tsv,
    /// One JSON object per line.
    Json,
}

/// A folder with one file per log; a file is made when its first row comes.
pub struct Folder {
    folder: PathBuf,
    spelling: Spelling,
    logs: Vec<Log>,
    /// Where the log of the row before stands; the next row is often of the same.
    recent: usize,
    failed: Option<Error>,
}

/// A log could not be written.
#[derive(Debug, thiserror::Error)]
#[error("cannot write the log {}", .path.display())]
pub struct Error {
    /// The file.
    path: PathBuf,
    /// What the system says.
    source: io::Error,
}

struct Log {
    schema: &'static Schema,
    path: PathBuf,
    file: File,
    buffer: Vec<u8>,
    rows: u64,
    /// Time of the row before.
    last: Time,
}

/// Spells rows, of any log, in one of the formats.
pub(crate) struct Spelling {
    format: Format,
    second: Second,
}

/// The whole second of the row before, formatted.
#[derive(Default)]
struct Second {
    value: i64,
    text: Vec<u8>,
}

/// Bytes that are gathered before the file is written.
const BUFFER: usize = 512 * 1024;

impl Folder {
    /// Writes into `folder`, which is made if it is not there. Files of an earlier run are replaced.
    ///
    /// # Errors
    /// When the folder cannot be made.
    pub fn create(folder: &Path, format: Format) -> Result<Self, Error> {
        std::fs::create_dir_all(folder).map_err(|source| Error { path: folder.to_owned(), source })?;
        let spelling = Spelling::new(format);
        Ok(Self { folder: folder.to_owned(), spelling, logs: vec![], recent: 0, failed: None })
    }

    /// How rows are written.
    pub fn format(&self) -> Format {
        self.spelling.format
    }

    /// Takes a row that is spelled already, at `time`.
    pub fn line(&mut self, schema: &'static Schema, time: Time, line: &[u8]) {
        let Some(place) = self.place(schema, time) else { return };
        if let Some(log) = self.logs.get_mut(place) {
            log.buffer.extend_from_slice(line);
            log.taken(&mut self.failed, time);
        }
    }

    /// Writes what is still held and closes the files; gives the number of rows by log.
    ///
    /// # Errors
    /// When something could not be written, now or earlier.
    pub fn finish(mut self) -> Result<Vec<(&'static str, u64)>, Error> {
        for log in &mut self.logs {
            if self.spelling.format == Format::Tsv {
                log.buffer.extend_from_slice(b"#close\t");
                date(log.last, &mut log.buffer);
                log.buffer.push(b'\n');
            }
            log.flush(&mut self.failed);
        }
        match self.failed {
            Some(error) => Err(error),
            None => Ok(self.logs.iter().map(|log| (log.schema.log, log.rows)).collect()),
        }
    }

    /// Hands whole rows that are still held to the system: a crash of this program loses none of them.
    ///
    /// # Errors
    /// When something could not be written, now or earlier; the rows of other logs are written all the same.
    pub fn flush(&mut self) -> Result<(), Error> {
        self.logs.iter_mut().for_each(|log| log.flush(&mut self.failed));
        self.failed.take().map_or(Ok(()), Err)
    }

    #[inline]
    fn place(&mut self, schema: &'static Schema, time: Time) -> Option<usize> {
        let is = |log: &Log| std::ptr::eq(log.schema, schema);
        if !self.logs.get(self.recent).is_some_and(is) {
            self.recent = match self.logs.iter().position(is) {
                Some(found) => found,
                None => self.open(schema, time)?,
            };
        }
        Some(self.recent)
    }

    #[cold]
    fn open(&mut self, schema: &'static Schema, time: Time) -> Option<usize> {
        let path = self.folder.join(format!("{}.log", schema.log));
        let file = match File::create(&path) {
            Ok(file) => file,
            Err(source) => {
                self.failed.get_or_insert(Error { path, source });
                return None;
            }
        };
        let buffer = Vec::with_capacity(BUFFER);
        let mut log = Log { schema, path, file, buffer, rows: 0, last: time };
        if self.spelling.format == Format::Tsv {
            log.header(time);
        }
        self.logs.push(log);
        Some(self.logs.len() - 1)
    }
}

impl Rows for Folder {
    fn put(&mut self, at: &At<'_>, row: &dyn Record) {
        let Some(place) = self.place(row.schema(), at.time) else { return };
        if let Some(log) = self.logs.get_mut(place) {
            self.spelling.write(at, row, &mut log.buffer);
            log.taken(&mut self.failed, at.time);
        }
    }
}

impl Log {
    fn header(&mut self, time: Time) {
        let fields: Vec<_> = self.schema.columns().map(|column| column.name).collect();
        let types: Vec<_> = self.schema.columns().map(|column| column.kind.zeek()).collect();
        let text = format!(
            "#separator \\x09\n#set_separator\t,\n#empty_field\t(empty)\n#unset_field\t-\n#path\t{}\n#open\t",
            self.schema.log
        );
        self.buffer.extend_from_slice(text.as_bytes());
        date(time, &mut self.buffer);
        let text = format!("\n#fields\t{}\n#types\t{}\n", fields.join("\t"), types.join("\t"));
        self.buffer.extend_from_slice(text.as_bytes());
    }

    /// A row was added.
    #[inline]
    fn taken(&mut self, failed: &mut Option<Error>, time: Time) {
        self.rows += 1;
        self.last = time;
        if self.buffer.len() >= BUFFER - 4096 {
            self.flush(failed);
        }
    }

    fn flush(&mut self, failed: &mut Option<Error>) {
        if let Err(source) = self.file.write_all(&self.buffer) {
            failed.get_or_insert(Error { path: self.path.clone(), source });
        }
        self.buffer.clear();
    }
}

impl Spelling {
    pub(crate) fn new(format: Format) -> Self {
        Self { format, second: Second::default() }
    }

    /// Appends a row with the end of its line.
    #[inline]
    pub(crate) fn write(&mut self, at: &At<'_>, row: &dyn Record, out: &mut Vec<u8>) {
        match self.format {
            Format::Tsv => self.tsv(at, row, out),
            Format::Json => Self::json(at, row, out),
        }
    }

    #[inline]
    fn tsv(&mut self, at: &At<'_>, row: &dyn Record, out: &mut Vec<u8>) {
        self.second.write(at.time, out);
        out.push(b'\t');
        if row.schema().subject == Subject::Conversation {
            match at.conversation {
                Some(conversation) => conversation.write_tsv(out),
                None => out.extend_from_slice(b"-\t-\t-\t-\t-\t"),
            }
        }
        row.tsv(out);
        if let Some(last) = out.last_mut() {
            *last = b'\n';
        }
    }

    fn json(at: &At<'_>, row: &dyn Record, out: &mut Vec<u8>) {
        let schema = row.schema();
        out.extend_from_slice(b"{\"ts\":");
        at.time.write_zeek(out);
        if let (Subject::Conversation, Some(c)) = (schema.subject, at.conversation) {
            let who = [("uid", Cell::Text(c.uid.as_str())), ("id.orig_h", Cell::Addr(c.orig.addr))];
            let whom =
                [("id.orig_p", Cell::Count(c.orig.port.into())), ("id.resp_h", Cell::Addr(c.resp.addr))];
            let port = [("id.resp_p", Cell::Count(c.resp.port.into()))];
            who.iter().chain(&whom).chain(&port).for_each(|(name, cell)| json_field(name, cell, out));
        }
        row.cells(&mut |cells| {
            for (field, cell) in schema.fields.iter().zip(cells) {
                if !cell.is_unset() {
                    json_field(field.name, cell, out);
                }
            }
        });
        out.extend_from_slice(b"}\n");
    }
}

impl Second {
    /// Appends a time in Zeek's form; the seconds are formatted when they change.
    #[inline]
    fn write(&mut self, time: Time, out: &mut Vec<u8>) {
        let (seconds, ns) = time.s_ns();
        if seconds < 0 {
            time.write_zeek(out);
            return;
        }
        if seconds != self.value || self.text.is_empty() {
            self.set(time);
        }
        out.extend_from_slice(&self.text);
        if ns % 1000 == 0 {
            let us = u32::try_from(ns / 1000).unwrap_or_default();
            out.extend_from_slice(&six(us));
        } else {
            let ns = u32::try_from(ns).unwrap_or_default();
            let [a, b, c, d, e, f] = six(ns % 1_000_000);
            let [.., x, y, z] = six(ns / 1_000_000);
            out.extend_from_slice(&[x, y, z, a, b, c, d, e, f]);
        }
    }

    fn set(&mut self, time: Time) {
        (self.value, _) = time.s_ns();
        self.text.clear();
        self.text.extend_from_slice(itoa::Buffer::new().format(self.value).as_bytes());
        self.text.push(b'.');
    }
}

/// Appends the moment as in an `#open` line; it is the capture's time, so that the same capture gives the same file.
fn date(time: Time, out: &mut Vec<u8>) {
    let iso = Time::from_s_ns(time.s_ns().0, 0).iso();
    out.extend(iso.bytes().take(19).map(|byte| if matches!(byte, b'T' | b':') { b'-' } else { byte }));
}

fn json_field(name: &str, cell: &Cell<'_>, out: &mut Vec<u8>) {
    out.extend_from_slice(b",\"");
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b"\":");
    json_cell(cell, out);
}

fn json_cell(cell: &Cell<'_>, out: &mut Vec<u8>) {
    match cell {
        Cell::Unset => out.extend_from_slice(b"null"),
        Cell::Bool(value) => out.extend_from_slice(if *value { b"true" } else { b"false" }),
        Cell::Double(value) if !value.is_finite() => out.extend_from_slice(b"null"),
        Cell::Addr(_) => {
            out.push(b'"');
            tsv::spell(cell, out);
            out.push(b'"');
        }
        Cell::Text(text) => json_text(text.as_bytes(), out),
        Cell::Bytes(text) => json_text(text, out),
        Cell::Counts(list) => json_list(list.iter().map(|v| Cell::Count(*v)), out),
        Cell::Intervals(list) => json_list(list.iter().map(|v| Cell::Interval(*v)), out),
        Cell::Texts(list) => json_list(list.iter().map(|v| Cell::Text(v)), out),
        Cell::BytesList(list) => json_list(list.iter().map(|v| Cell::Bytes(v)), out),
        Cell::Strings(list) => json_list(list.iter().map(|v| Cell::Text(v)), out),
        Cell::Addrs(list) => json_list(list.iter().map(|v| Cell::Addr(*v)), out),
        Cell::Count(_) | Cell::Int(_) | Cell::Double(_) | Cell::Time(_) | Cell::Interval(_) => {
            tsv::spell(cell, out);
        }
    }
}

fn json_list<'a>(cells: impl Iterator<Item = Cell<'a>>, out: &mut Vec<u8>) {
    out.push(b'[');
    for (place, cell) in cells.enumerate() {
        if place > 0 {
            out.push(b',');
        }
        json_cell(&cell, out);
    }
    out.push(b']');
}

/// RFC 8259, 7. Bytes that are no UTF-8 are written as `\xNN`, as Zeek does.
fn json_text(text: &[u8], out: &mut Vec<u8>) {
    out.push(b'"');
    for chunk in text.utf8_chunks() {
        for byte in chunk.valid().bytes() {
            match byte {
                b'"' => out.extend_from_slice(b"\\\""),
                b'\\' => out.extend_from_slice(b"\\\\"),
                0..0x20 => {
                    let _ = write!(out, "\\u{byte:04x}");
                }
                _ => out.push(byte),
            }
        }
        for byte in chunk.invalid() {
            let _ = write!(out, "\\\\x{byte:02x}");
        }
    }
    out.push(b'"');
}

/// Six decimal digits, made without a branch.
#[inline]
fn six(value: u32) -> [u8; 6] {
    [100_000, 10_000, 1000, 100, 10, 1].map(|unit| b'0' + u8::try_from(value / unit % 10).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json(cell: Cell<'_>) -> String {
        let mut out = vec![];
        json_cell(&cell, &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn json_is_json() {
        assert_eq!(json(Cell::Text("a\"b\\\n")), r#""a\"b\\\u000a""#);
        assert_eq!(json(Cell::Bytes(b"\xffa")), r#""\\xffa""#);
        assert_eq!(json(Cell::Counts(&[1, 2])), "[1,2]");
    }
}
