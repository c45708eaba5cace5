use crate::damage::{Damage, Fault, Place};
use std::io::{self, BufRead, BufReader, Read};

/// Length of one object; what is longer is reported and left out.
pub(super) const OBJECT_MAX: usize = 4 * 1024 * 1024;

/// Finds the objects of `input` and hands over each with the number of its first line.
///
/// An object begins on a line that begins with `{` (behind an optional `[` or `,`) and ends with its last
/// brace; an array around them and what `evtx_dump` writes between them (`Record 7`) is skipped. A line that
/// begins with `{` in the first column ends an object that is still open: it was cut short. Behind one that
/// was left out, lines are skipped until the next that begins with `{`.
pub(super) fn objects(input: impl Read, take: &mut Take<'_>) {
    let mut reader = BufReader::with_capacity(64 * 1024, input);
    let mut open = Object::default();
    let (mut bytes, mut line) = (vec![], 0);
    loop {
        bytes.clear();
        line += 1;
        match line_into(&mut reader, &mut bytes) {
            Ok(Line::Whole) => open.line(line, &bytes, take),
            Ok(Line::TooLong) => {
                open.drop_it(Fault::CutShort, take);
                take(Err(Fault::TooLong { max: OBJECT_MAX }.at(Place::Line(line))));
            }
            Ok(Line::End) => return open.drop_it(Fault::CutShort, take),
            Err(error) => return take(Err(Fault::Io(error).at(Place::Line(line)))),
        }
    }
}

enum Line {
    Whole,
    /// It had more than [`OBJECT_MAX`] bytes, which are gone.
    TooLong,
    End,
}

fn line_into(reader: &mut impl BufRead, bytes: &mut Vec<u8>) -> io::Result<Line> {
    let max = u64::try_from(OBJECT_MAX).unwrap_or(u64::MAX);
    let n = reader.by_ref().take(max).read_until(b'\n', bytes)?;
    if n == 0 {
        return Ok(Line::End);
    }
    if n < OBJECT_MAX || bytes.ends_with(b"\n") {
        return Ok(Line::Whole);
    }
    reader.skip_until(b'\n')?;
    Ok(Line::TooLong)
}

/// An object of which lines are still to come.
#[derive(Default)]
struct Object {
    bytes: Vec<u8>,
    /// Number of its first line.
    first: u64,
    /// Braces that are open.
    depth: usize,
    /// Whether the rest of an object that was left out may still be to come.
    lost: bool,
}

/// Takes the text of an object and the number of its first line.
type Take<'a> = dyn FnMut(Result<(u64, &[u8]), Damage>) + 'a;

impl Object {
    fn line(&mut self, number: u64, line: &[u8], take: &mut Take<'_>) {
        if self.depth > 0 && line.starts_with(b"{") {
            self.drop_it(Fault::CutShort, take);
        }
        if self.depth == 0 {
            self.first = number;
            self.begin(line, take);
        } else {
            self.go_on(line, take);
        }
    }

    /// Looks for objects in a line outside of any.
    fn begin(&mut self, line: &[u8], take: &mut Take<'_>) {
        let line = line.trim_ascii();
        let start =
            line.iter().position(|b| !matches!(b, b'[' | b',' | b']' | b' ' | b'\t')).unwrap_or(line.len());
        let rest = line.get(start..).unwrap_or_default();
        if rest.starts_with(b"{") {
            self.lost = false;
            self.go_on(rest, take);
        } else if !self.lost && !rest.is_empty() && !rest.starts_with(b"Record ") {
            // What it is, the parser says best.
            take(Ok((self.first, rest)));
        }
    }

    /// Adds a line, or a part of one, to the object; hands it over when it is complete.
    fn go_on(&mut self, line: &[u8], take: &mut Take<'_>) {
        match self.scan(line) {
            Scan::Open if self.bytes.len() + line.len() > OBJECT_MAX => {
                self.drop_it(Fault::TooLong { max: OBJECT_MAX }, take);
            }
            Scan::Open => self.bytes.extend_from_slice(line),
            Scan::WithinText => {
                self.depth = self.depth.max(1);
                self.drop_it(Fault::CutShort, take);
            }
            Scan::Complete(len) => {
                let (own, rest) = line.split_at_checked(len).unwrap_or((line, &[]));
                if self.bytes.is_empty() {
                    take(Ok((self.first, own)));
                } else {
                    self.bytes.extend_from_slice(own);
                    take(Ok((self.first, &self.bytes)));
                    self.bytes.clear();
                }
                self.begin(rest, take);
            }
        }
    }

    /// Counts braces outside of texts; a text cannot go over a line's end (RFC 8259, 7).
    fn scan(&mut self, line: &[u8]) -> Scan {
        let mut at = 0;
        while let Some(found) = next(line, at, |b| matches!(b, b'{' | b'}' | b'"')) {
            at = found + 1;
            match line.get(found) {
                Some(b'{') => self.depth += 1,
                Some(b'}') if self.depth <= 1 => {
                    self.depth = 0;
                    return Scan::Complete(at);
                }
                Some(b'}') => self.depth -= 1,
                _ => match text_end(line, at) {
                    Some(end) => at = end,
                    None => return Scan::WithinText,
                },
            }
        }
        Scan::Open
    }

    /// Reports what is open, if anything is, and forgets it.
    fn drop_it(&mut self, fault: Fault, take: &mut Take<'_>) {
        if self.depth > 0 {
            take(Err(fault.at(Place::Line(self.first))));
            self.lost = true;
        }
        self.bytes.clear();
        self.depth = 0;
    }
}

enum Scan {
    /// More lines belong to it.
    Open,
    /// The line ends within a text.
    WithinText,
    /// It ends behind this many bytes of the line.
    Complete(usize),
}

fn next(line: &[u8], from: usize, is: impl Fn(&u8) -> bool) -> Option<usize> {
    line.get(from..)?.iter().position(is).map(|at| from + at)
}

/// The place behind the quote that ends a text whose inside begins at `at`.
fn text_end(line: &[u8], mut at: usize) -> Option<usize> {
    loop {
        let found = memchr::memchr2(b'"', b'\\', line.get(at..)?)? + at;
        match line.get(found) {
            Some(b'"') => return Some(found + 1),
            _ => at = found + 2,
        }
    }
}
