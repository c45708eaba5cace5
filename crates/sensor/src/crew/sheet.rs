use super::Orders;
use crate::zeek::Spelling;
use model::{At, Kept, Once, Record, Rows, Schema, Time, Turn};
use std::sync::Arc;

/// Says of a row whether it is wanted as such, beside its line. It is asked for every row: it must be quick.
pub type Wanted = Arc<dyn Fn(&At<'_>, &'static Schema) -> bool + Send + Sync>;

/// What a worker wrote, in order.
pub(super) struct Sheet {
    spelling: Option<Spelling>,
    wanted: Wanted,
    turn: Turn,
    pub(super) written: Written,
}

/// Rows that a worker wrote, on their way to be put in order.
#[derive(Default)]
pub struct Written {
    pub(super) bytes: Vec<u8>,
    pub(super) rows: Vec<Row>,
    pub(super) kept: Vec<Kept>,
    pub(super) once: Vec<Once>,
    /// No row of an earlier turn is to come.
    pub(super) until: u64,
}

/// A row of a sheet.
pub(super) struct Row {
    pub(super) turn: Turn,
    pub(super) time: Time,
    pub(super) schema: &'static Schema,
    /// Where its line ends; it begins where the one before ends.
    pub(super) end: usize,
    /// It is the next of `kept`.
    pub(super) is_kept: bool,
    /// It is news only if the next of `once` is.
    pub(super) is_once: bool,
}

impl Sheet {
    pub(super) fn new(orders: &Orders) -> Self {
        Self {
            spelling: orders.lines.map(Spelling::new),
            wanted: Arc::clone(&orders.wanted),
            turn: Turn::default(),
            written: Written::default(),
        }
    }

    /// Rows that follow are those of the packet `number`.
    #[inline]
    pub(super) fn next_packet(&mut self, number: u64) {
        self.turn = Turn { packet: number, due: Turn::AFTER, ..Turn::default() };
    }

    /// Hands over what was written up to the packet at hand.
    pub(super) fn hand_over(&mut self) -> Written {
        self.hand_over_until(self.turn.packet)
    }

    /// Hands over what was written; no row before `until` is to come.
    pub(super) fn hand_over_until(&mut self, until: u64) -> Written {
        let room = self.written.bytes.len();
        let rows = self.written.rows.len();
        let new =
            Written { bytes: Vec::with_capacity(room), rows: Vec::with_capacity(rows), ..Written::default() };
        let mut written = std::mem::replace(&mut self.written, new);
        written.until = until;
        written
    }

    /// Hands over the rest: nothing follows.
    pub(super) fn hand_over_last(mut self) -> Written {
        self.written.until = u64::MAX;
        self.written
    }

    fn write(&mut self, at: &At<'_>, row: &dyn Record, once: Option<Once>) {
        let (schema, written) = (row.schema(), &mut self.written);
        let is_kept = (self.wanted)(at, schema);
        if is_kept {
            written.kept.push(Kept::new(at, row));
        }
        written.once.extend(once);
        if let Some(spelling) = &mut self.spelling {
            spelling.write(at, row, &mut written.bytes);
        }
        let (end, is_once) = (written.bytes.len(), once.is_some());
        written.rows.push(Row { turn: self.turn, time: at.time, schema, end, is_kept, is_once });
    }
}

impl Rows for Sheet {
    fn put(&mut self, at: &At<'_>, row: &dyn Record) {
        self.write(at, row, None);
    }

    fn put_once(&mut self, once: Once, at: &At<'_>, row: &dyn Record) {
        self.write(at, row, Some(once));
    }

    fn turn(&mut self, turn: Turn) {
        self.turn = turn;
    }
}
