//! Several workers that follow the same packets, and write the same rows as one.
//!
//! Of a file, the reader deals packets out in hands of about a megabyte. Every worker takes every hand, follows the conversations
//! that fall to it, and spells its rows; what it made of a hand is put among that of the others by [`Turn`](model::Turn). Live, the
//! kernel shares conversations out, each worker is a [`Listener`], and rows are put in order by the time of their packets.

mod hand;
mod listener;
mod merge;
mod sheet;

use crate::capture::{Capture, Error, Packet};
use crate::sensor::Counters;
use crate::zeek::Format;
use crate::{Sensor, WORKERS_MAX};
use hand::Hand;
pub use listener::Listener;
pub use merge::Merge;
use model::{Kept, Schema, Time};
use sheet::Sheet;
pub use sheet::{Wanted, Written};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread::{Scope, ScopedJoinHandle, scope};

/// Takes what the workers wrote, in order.
pub trait Gather {
    /// Takes a row at `time` as it stands in its log, end of line included; nothing where no lines were ordered.
    fn line(&mut self, schema: &'static Schema, time: Time, line: &[u8]);
    /// Takes a row that was [wanted](Wanted).
    fn row(&mut self, row: &Kept);
    /// Whether a packet is taken at all.
    fn takes(&mut self, _packet: &Packet<'_>) -> bool {
        true
    }
    /// Whether the capture is read any further.
    fn goes_on(&self) -> bool {
        true
    }
    /// Takes note that so many more packets were read, between these times.
    fn read(&mut self, _packets: u64, _times: (Time, Time)) {}
}

/// What workers are to do.
#[derive(Clone)]
pub struct Orders {
    /// Number of the capture, for the origin of rows.
    pub file: u32,
    /// Workers, up to [`WORKERS_MAX`].
    pub workers: u8,
    /// How lines are spelled; `None` where nobody wants lines.
    pub lines: Option<Format>,
    /// Which rows are wanted as such.
    pub wanted: Wanted,
}

/// Hands that wait for a worker; the reader waits when there are more.
const WAITING: usize = 6;

/// A worker that runs, and the hands on their way to it.
struct Worker<'s> {
    hands: SyncSender<Arc<Hand>>,
    done: ScopedJoinHandle<'s, Counters>,
}

/// Follows a capture to its end, or to where it is damaged, with several workers; the counts are those of all together.
pub fn follow(
    capture: &mut Capture,
    orders: &Orders,
    gather: &mut dyn Gather,
) -> (Counters, Result<(), Error>) {
    let workers = orders.workers.clamp(1, WORKERS_MAX);
    scope(|scope| {
        let (made, sheets) = sync_channel(WAITING * usize::from(workers));
        let (used, spare) = sync_channel(WAITING);
        let crew: Vec<Worker<'_>> =
            (0..workers).map(|number| start(scope, orders, number, workers, &made, &used)).collect();
        drop((made, used));
        let mut merge = Merge::new(usize::from(workers));
        let ended = deal(capture, &crew, &spare, &sheets, &mut merge, gather);
        let (hands, done): (Vec<_>, Vec<_>) =
            crew.into_iter().map(|worker| (worker.hands, worker.done)).unzip();
        drop(hands);
        sheets.iter().for_each(|(worker, sheet)| merge.take(worker, sheet, gather));
        let mut counters = Counters::default();
        for worker in done {
            match worker.join() {
                Ok(own) => counters.add(&own),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        (counters, ended)
    })
}

/// Reads the capture and deals its packets out, gathering meanwhile what is made of them.
fn deal(
    capture: &mut Capture,
    crew: &[Worker<'_>],
    spare: &Receiver<Hand>,
    sheets: &Receiver<(usize, Written)>,
    merge: &mut Merge,
    gather: &mut dyn Gather,
) -> Result<(), Error> {
    loop {
        let mut hand = spare.try_recv().unwrap_or_default();
        let ended = hand.fill(capture, &mut |packet| gather.takes(packet));
        if let Some((packets, times)) = hand.count() {
            gather.read(packets, times);
        }
        let hand = Arc::new(hand);
        for worker in crew {
            let mut again = Some(Arc::clone(&hand));
            while let Some(hand) = again.take() {
                match worker.hands.try_send(hand) {
                    // A worker that is gone has panicked, which is told when it is waited for.
                    Ok(()) | Err(TrySendError::Disconnected(_)) => {}
                    Err(TrySendError::Full(hand)) => {
                        again = Some(hand);
                        if let Ok((worker, sheet)) = sheets.recv() {
                            merge.take(worker, sheet, gather);
                        }
                    }
                }
            }
        }
        while let Ok((worker, sheet)) = sheets.try_recv() {
            merge.take(worker, sheet, gather);
        }
        if !ended? || !gather.goes_on() {
            return Ok(());
        }
    }
}

fn start<'s>(
    scope: &'s Scope<'s, '_>,
    orders: &Orders,
    number: u8,
    workers: u8,
    made: &SyncSender<(usize, Written)>,
    used: &SyncSender<Hand>,
) -> Worker<'s> {
    let (hands, dealt) = sync_channel::<Arc<Hand>>(WAITING);
    let (orders, made, used) = (orders.clone(), made.clone(), used.clone());
    let done = scope.spawn(move || {
        let mut sensor = Sensor::worker(orders.file, number, workers);
        let mut sheet = Sheet::new(&orders);
        for hand in dealt {
            hand.play(&mut sensor, number, workers, &mut sheet);
            // Whoever is the last to use a hand gives it back.
            if let Some(hand) = Arc::into_inner(hand) {
                let _ = used.try_send(hand);
            }
            if made.send((usize::from(number), sheet.hand_over())).is_err() {
                break;
            }
        }
        sensor.finish(&mut sheet);
        let _ = made.send((usize::from(number), sheet.hand_over_last()));
        sensor.counters()
    });
    Worker { hands, done }
}
