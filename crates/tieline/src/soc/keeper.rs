//! Keeps the lake in order while it is written: small files become large ones, old hours go.

use super::clock::{Believed, Clock};
use model::Span;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime};
use store::{Budget, Lake};

/// How often small files are looked for, and old hours.
const COMPACT_EVERY: Duration = Duration::from_secs(60);
const RETAIN_EVERY: Duration = Duration::from_secs(3600);
/// Hours that ended so long ago are taken to be whole; what comes later makes small files once more.
const SETTLES_AFTER: Span = Span::s(600);
/// How soon it hears that it shall stop.
const WAIT: Duration = Duration::from_millis(200);

pub(crate) struct Keeper {
    pub(crate) lake: Lake,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) settled: Arc<AtomicU64>,
    /// Days of rows that are kept.
    pub(crate) days: u32,
    /// Takes what went wrong.
    pub(crate) complain: Box<dyn Fn(String) + Send>,
}

impl Keeper {
    pub(crate) fn run(self, stop: &AtomicBool) {
        let believed = Believed::new();
        let (mut compacted, mut retained) = (Instant::now(), None::<Instant>);
        while !stop.load(Ordering::Relaxed) {
            std::thread::sleep(WAIT);
            if compacted.elapsed() >= COMPACT_EVERY {
                compacted = Instant::now();
                self.compact(stop);
            }
            if retained.is_none_or(|retained| retained.elapsed() >= RETAIN_EVERY) {
                retained = Some(Instant::now());
                self.retain(believed);
            }
        }
    }

    fn compact(&self, stop: &AtomicBool) {
        let before = self.clock.now() - SETTLES_AFTER;
        loop {
            let settled = self.settled.load(Ordering::Relaxed);
            let done = self.lake.compact(before, settled, Budget::default());
            if !self.tell(done).is_some_and(|done| done.more) || stop.load(Ordering::Relaxed) {
                return;
            }
        }
    }

    /// Lets go what is old by its own time and has lain here for as long.
    fn retain(&self, believed: Believed) {
        if believed.jumped_ahead() {
            // What a wrong clock calls old may be of this morning.
            (self.complain)(
                "the clock has jumped ahead: nothing is deleted until Tieline starts again".to_owned(),
            );
            return;
        }
        let kept = Duration::from_secs(u64::from(self.days) * 24 * 3600);
        let oldest = self.clock.now() - Span::s(i64::from(self.days) * 24 * 3600);
        if let Some(written) = SystemTime::now().checked_sub(kept) {
            self.tell(self.lake.retain(oldest, written));
        }
    }

    fn tell<T>(&self, done: store::Result<T>) -> Option<T> {
        done.map_err(|error| (self.complain)(format!("the lake: {}", crate::read::causes(&error)))).ok()
    }
}
