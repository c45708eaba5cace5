//! What a flood costs: `flood NAME PACKETS`, or `flood` for their names. Each is to be run in a process of its own, since
//! the peak of the memory is the process's.

#![allow(clippy::print_stdout, reason = "its result")]

use health::Setup;
use hostile::{FLOODS, Flood};
use model::{At, Record, Rows};
use sensor::Sensor;
use sensor::capture::Packet;
use std::error::Error;
use std::fs;
use wire::link::Link;

/// Counts rows and their bytes, as they are written in Zeek's logs.
#[derive(Default)]
struct Disk {
    rows: u64,
    bytes: u64,
    line: Vec<u8>,
}

impl Rows for Disk {
    fn put(&mut self, at: &At<'_>, row: &dyn Record) {
        self.line.clear();
        at.time.write_zeek(&mut self.line);
        if let Some(conversation) = at.conversation {
            conversation.write_tsv(&mut self.line);
        }
        row.tsv(&mut self.line);
        self.rows += 1;
        self.bytes += u64::try_from(self.line.len()).unwrap_or_default();
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [name, packets] = &args[..] else {
        FLOODS.iter().for_each(|flood| println!("{:16} {}", flood.name, flood.about));
        return Ok(());
    };
    let flood = FLOODS.iter().find(|flood| flood.name == name).ok_or("there is no such flood")?;
    run(flood, packets.parse()?)
}

fn run(flood: &Flood, packets: u32) -> Result<(), Box<dyn Error>> {
    let (mut sensor, mut disk, mut held) = (Sensor::new(0), Disk::default(), 0);
    sensor.watch_tap(Setup { seed: 7, ..Setup::default() });
    let before = memory("VmRSS")?;
    let begin = cpu_seconds()?;
    let mut number = 0;
    (flood.make)(packets, &mut |time, bytes| {
        number += 1;
        sensor.packet(&Packet { number, time, link: Link::RAW, wire_len: bytes.len(), bytes }, &mut disk);
        held = held.max(sensor.held());
    });
    let seconds = cpu_seconds()? - begin;
    let peak = memory("VmHWM")?;
    let counters = sensor.counters();
    sensor.finish(&mut disk);
    println!(
        "{:16} {number} packets, {:.0} MB on the wire, {seconds:.1} s of CPU; peak {} MB ({} before), held {:.1} MB; {} rows, {} MB",
        flood.name,
        mega(counters.bytes),
        peak / 1024,
        before / 1024,
        mega(u64::try_from(held)?),
        disk.rows,
        disk.bytes / 1_000_000
    );
    println!("  {counters:?}");
    Ok(())
}

#[allow(clippy::cast_precision_loss, reason = "a figure for people")]
fn mega(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}

/// What the process has used, its own and the system's part; in hundredths, as the system counts.
fn cpu_seconds() -> Result<f64, Box<dyn Error>> {
    let stat = fs::read_to_string("/proc/self/stat")?;
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let ticks = |place: usize| fields.get(place).and_then(|field| field.parse::<f64>().ok());
    Ok(ticks(11).zip(ticks(12)).map_or(0.0, |(own, system)| (own + system) / 100.0))
}

/// A line of the process's status, in kB.
fn memory(line: &str) -> Result<u64, Box<dyn Error>> {
    let status = fs::read_to_string("/proc/self/status")?;
    let value = status.lines().find_map(|text| text.strip_prefix(line)?.split_whitespace().nth(1));
    Ok(value.ok_or("the system does not say")?.parse()?)
}
