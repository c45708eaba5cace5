use super::Gather;
use super::sheet::Written;
use crate::odd::News;
use model::Turn;
use std::collections::VecDeque;

/// Puts what workers wrote in order.
pub struct Merge {
    workers: Vec<Desk>,
    news: News,
}

/// What came from a worker and waits for the others.
#[derive(Default)]
struct Desk {
    sheets: VecDeque<Written>,
    /// Places in the first sheet: the next row, its line, what is kept of it and what makes it news.
    row: usize,
    line: usize,
    kept: usize,
    once: usize,
    /// No row of an earlier packet is to come.
    until: u64,
}

impl Merge {
    /// For so many workers.
    pub fn new(workers: usize) -> Self {
        Self { workers: (0..workers).map(|_| Desk::default()).collect(), news: News::default() }
    }

    /// Takes what a worker wrote, and hands on what is in order now.
    pub fn take(&mut self, worker: usize, written: Written, gather: &mut dyn Gather) {
        if let Some(desk) = self.workers.get_mut(worker) {
            desk.until = written.until;
            desk.sheets.push_back(written);
            desk.turn_over();
        }
        // What is written at the time of a packet is all there when every worker is past it.
        let until = self.workers.iter().map(|desk| desk.until).min().unwrap_or_default();
        let is_whole = |turn: Turn| turn.packet <= until;
        loop {
            let heads = self.workers.iter().enumerate();
            let heads = heads.filter_map(|(place, desk)| Some((desk.head()?, place)));
            let Some((turn, place)) = heads.min().filter(|(turn, _)| is_whole(*turn)) else { return };
            // Many rows in a row are of the same worker.
            let others = self.workers.iter().enumerate().filter(|(other, _)| *other != place);
            let next = others.filter_map(|(place, desk)| Some((desk.head()?, place))).min();
            let Some(desk) = self.workers.get_mut(place) else { return };
            let before = |turn: Turn| next.is_none_or(|next| (turn, place) <= next) && is_whole(turn);
            debug_assert!(before(turn));
            while desk.head().is_some_and(before) {
                desk.hand_on(&mut self.news, gather);
            }
        }
    }
}

impl Desk {
    #[inline]
    fn head(&self) -> Option<Turn> {
        self.sheets.front()?.rows.get(self.row).map(|row| row.turn)
    }

    /// Hands the next row on.
    fn hand_on(&mut self, news: &mut News, gather: &mut dyn Gather) {
        let Some(sheet) = self.sheets.front() else { return };
        let Some(row) = sheet.rows.get(self.row) else { return };
        let once = if row.is_once { sheet.once.get(self.once) } else { None };
        if once.is_none_or(|once| news.is(*once, row.time)) {
            gather.line(row.schema, row.time, sheet.bytes.get(self.line..row.end).unwrap_or_default());
            if let Some(kept) = sheet.kept.get(self.kept).filter(|_| row.is_kept) {
                gather.row(kept);
            }
        }
        self.once += usize::from(row.is_once);
        self.kept += usize::from(row.is_kept);
        (self.line, self.row) = (row.end, self.row + 1);
        self.turn_over();
    }

    /// Puts away sheets that are handed on.
    fn turn_over(&mut self) {
        while self.sheets.front().is_some_and(|sheet| self.row >= sheet.rows.len()) {
            self.sheets.pop_front();
            (self.row, self.line, self.kept, self.once) = (0, 0, 0, 0);
        }
    }
}
