//! `tieline sense`: a live sensor that writes Zeek's logs, and nothing else.

mod taps;

use crate::filtered;
use crate::rights::Afterwards;
use crate::serve::stop_signal;
use crate::soc::{Clock, MachineClock};
use crate::talk::Talk;
use crate::taps::{Rhythm, StampWatch, Sums, Timestamps};
use crate::{Outcome, WrongUse};
use anyhow::Context;
use filter::{Filter, Filters};
use health::{Period, Setup};
use model::{Kept, Schema, Time};
use ring::{Ring, Stamps};
use sensor::Sensor;
use sensor::capture::{Capture, Packet};
use sensor::crew::{Gather, Listener, Merge, Orders, Written};
use sensor::zeek::Folder;
use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::time::{Duration, Instant};
use taps::Taps;
use wire::link::Link;

#[derive(clap::Args)]
pub(crate) struct Args {
    /// Interface at a SPAN port or TAP, can be given several times; - reads a capture from standard input
    /// (tcpdump -w - | tieline sense -i -)
    #[arg(short, long, required = true, value_name = "IFACE")]
    interface: Vec<String>,
    /// Take only these packets, as tcpdump would: 'tcp port 502 and not host 10.0.0.9'; on an interface the kernel
    /// leaves the others out
    #[arg(long, value_name = "FILTER", allow_hyphen_values = true)]
    filter: Option<String>,
    /// Whose clock says when a packet came; hardware is for network cards that stamp every packet
    #[arg(long, value_enum, default_value = "kernel", value_name = "CLOCK")]
    timestamps: Timestamps,
    /// Folder of the logs
    #[arg(long, default_value = "logs", value_name = "DIR")]
    zeek_dir: PathBuf,
    /// How they are written
    #[arg(long, value_enum, default_value = "tsv")]
    zeek_format: crate::read::ZeekFormat,
    /// Workers at each interface; conversations are shared out among them
    #[arg(long, value_name = "COUNT", default_value_t = 1, value_parser = clap::value_parser!(u8).range(1..=i64::from(sensor::WORKERS_MAX)))]
    workers: u8,
    /// Go on as this user when started by root; the folder of the logs is given to it
    #[arg(long, value_name = "NAME")]
    user: Option<String>,
    /// One JSON object in the end: packets, bytes, losses, rows by log
    #[arg(long)]
    json: bool,
}

/// How long packets are waited for, and how long rows at most.
const WAIT: Duration = Duration::from_millis(50);
const FLUSH_EVERY: Duration = Duration::from_millis(400);
/// Shares that wait to be written. Beyond it workers wait, and what does not fit into their rings is lost and counted.
const SHARES_MAX: usize = 64;
const STATS_EVERY: Duration = Duration::from_secs(60);

pub(crate) fn run(args: &Args, talk: &Talk) -> anyhow::Result<Outcome> {
    let filter = args.filter.as_deref();
    let (of_capture, of_interface) =
        (filter.map(filtered::read).transpose()?, filter.map(filtered::live).transpose()?);
    let is_pipe = args.is_pipe()?;
    let mut afterwards = Afterwards::new(args.user.as_deref(), vec![])?;
    let stop = stop_signal()?;
    afterwards.hand_over(&args.zeek_dir, &[])?;
    let mut logs = Folder::create(&args.zeek_dir, args.zeek_format.into())?;
    // Nothing may be written to the number of a ring any more: it stays taken until all logs are closed.
    let (sums, _rings) = if is_pipe {
        afterwards.begin()?;
        (pipe(&mut logs, of_capture.map(Filters::new), talk, &stop)?, vec![])
    } else {
        listen(args, of_interface.as_ref(), &afterwards, talk, &mut logs, &stop)?
    };
    let rows = logs.finish()?;
    tell_all(args, sums, &rows, talk)
}

impl Args {
    /// Whether standard input is read.
    fn is_pipe(&self) -> Result<bool, WrongUse> {
        let is_pipe = self.interface.iter().any(|name| name == "-");
        if is_pipe && self.interface.len() > 1 {
            return Err(WrongUse("standard input and interfaces cannot be mixed".to_owned()));
        }
        if is_pipe && self.timestamps == Timestamps::Hardware {
            return Err(WrongUse("a capture has its own times".to_owned()));
        }
        Ok(is_pipe)
    }
}

/// Tells what came of it in the end.
fn tell_all(args: &Args, sums: Sums, rows: &[(&str, u64)], talk: &Talk) -> anyhow::Result<Outcome> {
    let Sums { counters, lost, unstamped } = sums;
    let (packets, bytes) = (counters.packets, counters.bytes);
    if args.json {
        let rows: serde_json::Map<_, _> =
            rows.iter().map(|(log, rows)| ((*log).to_owned(), (*rows).into())).collect();
        let line = serde_json::json!({
            "packets": packets, "bytes": bytes, "lost": lost, "unstamped": unstamped, "rows": rows
        });
        crate::talk::result(&line.to_string())?;
    }
    let without = unstamped.map(|packets| format!(", {packets} without a stamp of the card"));
    let without = without.unwrap_or_default();
    let logs = args.zeek_dir.display();
    talk.say(format!("{packets} packets, {bytes} bytes, {lost} lost{without}; logs in {logs}"));
    Ok(Outcome::Fine)
}

/// A worker at its ring.
struct Worker {
    interface: String,
    ring: Ring,
    listener: Listener,
    packets: u64,
    rhythm: Rhythm,
}

/// What a worker hands over.
struct Share {
    worker: usize,
    written: Written,
    /// What the tap has shown, where a period is over.
    period: Option<Period>,
    sums: Sums,
    /// What became of the stamps of the card, and the time of this machine then.
    stamps: Option<(Stamps, Time)>,
}

/// Writes rows as they come in order.
struct Logs<'a>(&'a mut Folder);

impl Gather for Logs<'_> {
    fn line(&mut self, schema: &'static Schema, time: Time, line: &[u8]) {
        self.0.line(schema, time, line);
    }

    fn row(&mut self, _: &Kept) {}
}

fn listen(
    args: &Args,
    filter: Option<&Filter>,
    afterwards: &Afterwards,
    talk: &Talk,
    logs: &mut Folder,
    stop: &AtomicBool,
) -> anyhow::Result<(Sums, Vec<Ring>)> {
    let workers = workers(args, filter)?;
    // All that was to be opened is open; from here on nothing can be sent, by the threads to come neither.
    afterwards.begin()?;
    workers.iter().try_for_each(|worker| worker.ring.seal()).context("cannot give up the right to send")?;
    talk.say(format!("listening on {}; logs in {}", args.interface.join(", "), args.zeek_dir.display()));
    let interfaces: Vec<_> = workers.iter().map(|worker| worker.interface.clone()).collect();
    let (shares, taken) = sync_channel(SHARES_MAX);
    std::thread::scope(|scope| {
        let start = |(number, worker): (usize, Worker)| {
            let shares = shares.clone();
            scope.spawn(move || worker.run(number, &shares, stop))
        };
        let threads: Vec<_> = workers.into_iter().enumerate().map(start).collect();
        drop(shares);
        let taps = Taps::new(&args.interface, args.workers.into(), talk);
        let told = gather(&taken, &interfaces, taps, talk, logs);
        // What is not taken any more must not hold a worker up.
        drop(taken);
        let rings: anyhow::Result<_> = threads
            .into_iter()
            .map(|thread| thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
            .collect();
        let rings = rings?;
        Ok((told?, rings))
    })
}

fn workers(args: &Args, filter: Option<&Filter>) -> anyhow::Result<Vec<Worker>> {
    let mut workers = vec![];
    let setup = Setup { seed: crate::taps::seed()?, ..Setup::default() };
    for (file, name) in (0..).zip(&args.interface) {
        let orders = Orders {
            file,
            workers: args.workers,
            lines: Some(args.zeek_format.into()),
            wanted: Arc::new(|_, _| false),
        };
        for ring in Ring::several(name, filter, args.timestamps.into(), args.workers)? {
            let mut listener = Listener::new(&orders);
            listener.watch_tap(setup.clone());
            let rhythm = Rhythm::default();
            workers.push(Worker { interface: name.clone(), ring, listener, packets: 0, rhythm });
        }
    }
    Ok(workers)
}

impl Worker {
    /// Listens until `stop` is set, and gives the ring back.
    fn run(mut self, number: usize, shares: &SyncSender<Share>, stop: &AtomicBool) -> anyhow::Result<Ring> {
        while !stop.load(Ordering::Relaxed) {
            self.take(WAIT)?;
            let now = MachineClock.now();
            let period = if self.rhythm.is_over(now) { self.listener.tap_period() } else { None };
            let written = self.listener.hand_over(now);
            let share = self.share(number, written, period)?;
            if shares.send(share).is_err() {
                return Ok(self.ring);
            }
        }
        // What is in the ring was there before the signal.
        self.take(Duration::ZERO)?;
        let mut last = self.share(number, Written::default(), None)?;
        (last.written, last.period) = self.listener.finish();
        let _ = shares.send(last);
        Ok(self.ring)
    }

    fn take(&mut self, wait: Duration) -> anyhow::Result<()> {
        let (listener, packets) = (&mut self.listener, &mut self.packets);
        let taken = self.ring.take(wait, &mut |frame| {
            *packets += 1;
            let (number, time, bytes, wire_len) = (*packets, frame.time, frame.bytes, frame.wire_len);
            listener.packet(&Packet { number, time, link: Link::ETHERNET, wire_len, bytes });
        });
        taken.with_context(|| format!("cannot listen to {} any longer", self.interface))
    }

    /// What to hand over.
    fn share(&mut self, worker: usize, written: Written, period: Option<Period>) -> anyhow::Result<Share> {
        let stamps = self.ring.stamps();
        let (lost, unstamped) = (self.ring.lost()?, stamps.map(|stamps| stamps.unstamped));
        let sums = Sums { counters: self.listener.counters(), lost, unstamped };
        let stamps = stamps.map(|stamps| (stamps, MachineClock.now()));
        Ok(Share { worker, written, period, sums, stamps })
    }
}

/// Takes what the workers write until there is none left.
fn gather(
    taken: &Receiver<Share>,
    interfaces: &[String],
    mut taps: Taps<'_>,
    talk: &Talk,
    logs: &mut Folder,
) -> anyhow::Result<Sums> {
    let mut merge = Merge::new(interfaces.len());
    let mut now = vec![Sums::default(); interfaces.len()];
    let mut watches: BTreeMap<&str, StampWatch> = BTreeMap::new();
    let mut before = now.clone();
    let (mut flushed, mut told) = (Instant::now(), Instant::now());
    loop {
        match taken.recv_timeout(WAIT) {
            Ok(share) => {
                if let Some(now) = now.get_mut(share.worker) {
                    *now = share.sums;
                }
                if let (Some((stamps, at)), Some(name)) = (share.stamps, interfaces.get(share.worker)) {
                    let told = watches.entry(name).or_default().look(stamps, at);
                    told.iter().for_each(|text| talk.warn(format!("{name}: {text}")));
                }
                merge.take(share.worker, share.written, &mut Logs(logs));
                if let Some(period) = share.period {
                    let passed: Vec<_> = now.iter().map(|sums| (sums.counters.packets, sums.lost)).collect();
                    taps.take(share.worker, period, &passed, MachineClock.now(), logs);
                }
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => break,
        }
        if flushed.elapsed() >= FLUSH_EVERY {
            flushed = Instant::now();
            logs.flush()?;
        }
        if told.elapsed() >= STATS_EVERY {
            told = Instant::now();
            tell(interfaces, &now, &mut before, logs);
        }
    }
    tell(interfaces, &now, &mut before, logs);
    Ok(now.into_iter().fold(Sums::default(), Sums::and))
}

/// Writes what each worker has done since the row before.
fn tell(interfaces: &[String], now: &[Sums], before: &mut [Sums], logs: &mut Folder) {
    for ((name, now), before) in interfaces.iter().zip(now).zip(before) {
        now.tell(name, MachineClock.now(), std::mem::replace(before, *now), logs);
    }
}

/// Reads a capture that is being written.
fn pipe(
    logs: &mut Folder,
    mut filter: Option<Filters>,
    talk: &Talk,
    stop: &AtomicBool,
) -> anyhow::Result<Sums> {
    let mut capture = Capture::open(Box::new(io::stdin()))?;
    let mut sensor = Sensor::new(0);
    sensor.watch_tap(Setup { seed: crate::taps::seed()?, ..Setup::default() });
    let mut taps = Taps::new(&["-".to_owned()], 1, talk);
    let (mut rhythm, mut newest) = (Rhythm::default(), None);
    let mut flushed = Instant::now();
    while !stop.load(Ordering::Relaxed) {
        let Some(packet) = capture.next_packet()? else { break };
        let taken = match &mut filter {
            Some(filter) => {
                filter.matches(packet.link, packet.bytes, packet.wire_len).context("cannot filter")?
            }
            None => true,
        };
        if taken {
            newest = Some(packet.time);
            sensor.packet(&packet, logs);
            if let Some(period) = rhythm.is_over(packet.time).then(|| sensor.tap_period()).flatten() {
                taps.take(0, period, &[], packet.time, logs);
            }
        }
        // A look at the clock for every packet would cost more than many a packet.
        if packet.number % 256 == 0 && flushed.elapsed() >= FLUSH_EVERY {
            flushed = Instant::now();
            logs.flush()?;
        }
    }
    sensor.finish(logs);
    if let (Some(newest), Some(period)) = (newest, sensor.tap_period()) {
        taps.take(0, period, &[], newest, logs);
    }
    Ok(Sums { counters: sensor.counters(), ..Sums::default() })
}
