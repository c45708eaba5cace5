//! Rows that are looked at: whether they are well formed, and what they say.

use model::{At, Once, Record, Rows};
use std::fmt::Write;

/// Checks every row and keeps it as text.
#[derive(Default)]
pub(crate) struct Log {
    pub(crate) lines: Vec<Line>,
}

/// A row as text.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Line {
    pub(crate) log: &'static str,
    /// Time, conversation, columns, and what it does to the process.
    pub(crate) text: String,
    /// Whether it is told once, whichever worker tells it.
    pub(crate) once: bool,
}

impl Log {
    /// Lines of the logs that `wanted` names.
    pub(crate) fn of(&self, wanted: impl Fn(&str) -> bool) -> Vec<&Line> {
        self.lines.iter().filter(|line| wanted(line.log)).collect()
    }

    pub(crate) fn count(&self, log: &str) -> usize {
        self.of(|of| of == log).len()
    }

    fn take(&mut self, at: &At<'_>, row: &dyn Record, once: bool) {
        let schema = row.schema();
        let mut line = vec![];
        at.time.write_zeek(&mut line);
        line.push(b'\t');
        if let Some(conversation) = at.conversation {
            conversation.write_tsv(&mut line);
        }
        let start = line.len();
        row.tsv(&mut line);
        row.cells(&mut |cells| assert_eq!(cells.len(), schema.fields.len(), "{}", schema.log));
        // What the network says must not be able to add a column or a line to a log.
        let tabs = line[start..].iter().filter(|byte| **byte == b'\t').count();
        assert_eq!(tabs, schema.fields.len(), "{}: {line:?}", schema.log);
        assert!(line.iter().all(|byte| *byte >= b' ' || *byte == b'\t'), "{}: {line:?}", schema.log);
        let mut text = String::from_utf8(line).expect("a log is UTF-8");
        if let Some(ot) = at.ot {
            write!(text, "{ot:?}").unwrap();
        }
        self.lines.push(Line { log: schema.log, text, once });
    }
}

impl Rows for Log {
    fn put(&mut self, at: &At<'_>, row: &dyn Record) {
        self.take(at, row, false);
    }

    fn put_once(&mut self, _: Once, at: &At<'_>, row: &dyn Record) {
        self.take(at, row, true);
    }
}
