//! `tieline sense`: a live sensor that writes Zeek's logs, and nothing else.

use crate::serve::stop_signal;
use crate::soc::{Clock, MachineClock};
use crate::talk::Talk;
use crate::{Outcome, WrongUse};
use anyhow::Context;
use model::{At, Origin, Rows};
use ring::Ring;
use sensor::capture::{Capture, Packet};
use sensor::zeek::Folder;
use sensor::{Sensor, Stats};
use std::io;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use wire::link::Link;

#[derive(clap::Args)]
pub(crate) struct Args {
    /// Interface at a SPAN port or TAP, can be given several times; - reads a capture from standard input
    /// (tcpdump -w - | tieline sense -i -)
    #[arg(short, long, required = true, value_name = "IFACE")]
    interface: Vec<String>,
    /// Folder of the logs
    #[arg(long, default_value = "logs", value_name = "DIR")]
    zeek_dir: PathBuf,
    /// How they are written
    #[arg(long, value_enum, default_value = "tsv")]
    zeek_format: crate::read::ZeekFormat,
    /// One JSON object in the end: packets, bytes, losses, rows by log
    #[arg(long)]
    json: bool,
}

/// How long packets are waited for, and how long rows at most.
const WAIT: Duration = Duration::from_millis(50);
const FLUSH_EVERY: Duration = Duration::from_millis(500);
const STATS_EVERY: Duration = Duration::from_secs(60);

/// An interface and its sensor.
struct Tap {
    name: String,
    ring: Ring,
    sensor: Sensor,
    packets: u64,
    /// Counters and losses when the last row about them was written.
    told: (sensor::Counters, u64),
    lost: u64,
}

pub(crate) fn run(args: &Args, talk: &Talk) -> anyhow::Result<Outcome> {
    let stop = stop_signal()?;
    let mut logs = Folder::create(&args.zeek_dir, args.zeek_format.into())?;
    let [packets, bytes, lost] = if args.interface.iter().any(|name| name == "-") {
        if args.interface.len() > 1 {
            return Err(WrongUse("standard input and interfaces cannot be mixed".to_owned()).into());
        }
        pipe(&mut logs, &stop)?
    } else {
        listen(args, talk, &mut logs, &stop)?
    };
    let rows = logs.finish()?;
    if args.json {
        let rows: serde_json::Map<_, _> =
            rows.iter().map(|(log, rows)| ((*log).to_owned(), (*rows).into())).collect();
        let line = serde_json::json!({ "packets": packets, "bytes": bytes, "lost": lost, "rows": rows });
        crate::talk::result(&line.to_string())?;
    }
    talk.say(format!("{packets} packets, {bytes} bytes, {lost} lost; logs in {}", args.zeek_dir.display()));
    Ok(Outcome::Fine)
}

/// Packets, bytes and losses.
type Told = [u64; 3];

fn listen(args: &Args, talk: &Talk, logs: &mut Folder, stop: &AtomicBool) -> anyhow::Result<Told> {
    let tap = |(number, name): (u32, &String)| -> anyhow::Result<Tap> {
        Ok(Tap {
            name: name.clone(),
            ring: Ring::open(name)?,
            sensor: Sensor::new(number),
            packets: 0,
            told: (sensor::Counters::default(), 0),
            lost: 0,
        })
    };
    let mut taps: Vec<Tap> = (0..).zip(&args.interface).map(tap).collect::<anyhow::Result<_>>()?;
    // All that was to be opened is open; from here on nothing can be sent.
    taps.iter().try_for_each(|tap| tap.ring.seal()).context("cannot give up the right to send")?;
    talk.say(format!("listening on {}; logs in {}", args.interface.join(", "), args.zeek_dir.display()));
    let (mut flushed, mut told) = (Instant::now(), Instant::now());
    let wait = WAIT / u32::try_from(taps.len()).unwrap_or(1);
    while !stop.load(Ordering::Relaxed) {
        for tap in &mut taps {
            tap.take(wait, logs)?;
        }
        if flushed.elapsed() >= FLUSH_EVERY {
            flushed = Instant::now();
            logs.flush()?;
        }
        if told.elapsed() >= STATS_EVERY {
            told = Instant::now();
            taps.iter_mut().try_for_each(|tap| tap.tell(logs))?;
        }
    }
    let [mut packets, mut bytes, mut lost] = [0; 3];
    for tap in &mut taps {
        // What is in the ring was there before the signal.
        tap.take(Duration::ZERO, logs)?;
        tap.sensor.finish(logs);
        tap.tell(logs)?;
        let counters = tap.sensor.counters();
        (packets, bytes, lost) = (packets + counters.packets, bytes + counters.bytes, lost + tap.lost);
    }
    Ok([packets, bytes, lost])
}

impl Tap {
    fn take(&mut self, wait: Duration, logs: &mut Folder) -> anyhow::Result<()> {
        let (sensor, packets) = (&mut self.sensor, &mut self.packets);
        let taken = self.ring.take(wait, &mut |frame| {
            *packets += 1;
            let (number, time, bytes, wire_len) = (*packets, frame.time, frame.bytes, frame.wire_len);
            sensor.packet(&Packet { number, time, link: Link(1), wire_len, bytes }, logs);
        });
        taken.with_context(|| format!("cannot listen to {} any longer", self.name))
    }

    /// Writes what came since the row before.
    fn tell(&mut self, logs: &mut Folder) -> anyhow::Result<()> {
        self.lost = self.ring.lost()?;
        let (now, lost) = (self.sensor.counters(), self.lost);
        let (before, lost_before) = std::mem::replace(&mut self.told, (now, lost));
        let row = Stats {
            peer: &self.name,
            pkts_proc: now.packets - before.packets,
            bytes_recv: now.bytes - before.bytes,
            pkts_dropped: lost - lost_before,
            conversations: now.conversations - before.conversations,
            damaged: now.damaged - before.damaged,
            mem: crate::soc::memory() / 1_000_000,
        };
        logs.put(
            &At { time: MachineClock.now(), origin: Origin::default(), conversation: None, ot: None },
            &row,
        );
        Ok(())
    }
}

/// Reads a capture that is being written.
fn pipe(logs: &mut Folder, stop: &AtomicBool) -> anyhow::Result<Told> {
    let mut capture = Capture::open(Box::new(io::stdin()))?;
    let mut sensor = Sensor::new(0);
    let mut flushed = Instant::now();
    while !stop.load(Ordering::Relaxed) {
        let Some(packet) = capture.next_packet()? else { break };
        sensor.packet(&packet, logs);
        // A look at the clock for every packet would cost more than many a packet.
        if packet.number % 256 == 0 && flushed.elapsed() >= FLUSH_EVERY {
            flushed = Instant::now();
            logs.flush()?;
        }
    }
    sensor.finish(logs);
    let counters = sensor.counters();
    Ok([counters.packets, counters.bytes, 0])
}
