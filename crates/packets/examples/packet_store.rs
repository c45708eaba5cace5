//! Measures the packet store with the packets of captures, which are taken again and again with later times.
//!
//! `cargo run -p packets --example packet_store -- write DIR FILE...` keeps each capture once and says what a packet cost.
//! `... -- fill DIR BYTES FILE...` fills a store with so many bytes, for questions to be asked.
//! `... -- ask DIR NUMBER HOST` asks it, each question twice, and says how long the answers took.

#![allow(clippy::print_stdout, reason = "a measurement is for the terminal")]
#![allow(clippy::indexing_slicing, reason = "wrong arguments may end a measurement")]

use model::{Span, Time};
use packets::{Archive, Class, Order, Plan, Query, Spool, Who};
use sensor::capture::Capture;
use std::fs::File;
use std::path::Path;
use std::time::Instant;

type Outcome = Result<(), Box<dyn std::error::Error>>;

/// Packets after which a batch ends, as an interface hands them over.
const BATCH: u64 = 4096;

fn main() -> Outcome {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = args.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["write", dir, files @ ..] => write(Path::new(dir), files),
        ["fill", dir, bytes, files @ ..] => fill(Path::new(dir), bytes.parse()?, files),
        ["ask", dir, number, host] => ask(Path::new(dir), number.parse()?, Who::Host(host.parse()?)),
        _ => Err("packet_store write DIR FILE... | fill DIR BYTES FILE... | ask DIR NUMBER HOST".into()),
    }
}

fn open(dir: &Path, bytes: u64) -> Result<Spool, packets::Error> {
    Spool::open(dir, &Plan { classes: vec![], rest: Class::rest(bytes, None) })
}

/// Hands over the packets of a capture.
fn packets(file: &str, take: &mut dyn FnMut(Time, &[u8], usize)) -> Outcome {
    let mut capture = Capture::open(Box::new(File::open(file)?))?;
    while let Some(packet) = capture.next_packet()? {
        take(packet.time, packet.bytes, packet.wire_len);
    }
    Ok(())
}

/// Seconds of this process on the processor, in its own code and in the system's.
fn cpu_s() -> (f64, f64) {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields: Vec<f64> = stat.split(' ').skip(13).take(2).filter_map(|field| field.parse().ok()).collect();
    (fields[0] / 100.0, fields[1] / 100.0)
}

fn write(dir: &Path, files: &[&str]) -> Outcome {
    for file in files {
        let (mut count, before) = (0_u64, cpu_s());
        packets(file, &mut |_, _, _| count += 1)?;
        let read = cpu_s();
        let mut spool = open(dir, u64::MAX)?;
        packets(file, &mut |time, bytes, wire_len| {
            if spool.append(time, bytes, wire_len) % BATCH == 0 {
                spool.flush();
            }
        })?;
        spool.flush();
        let kept = cpu_s();
        let ns = |s: f64| s * 1e9 / count as f64;
        let (own, system) = (kept.0 - read.0 - (read.0 - before.0), kept.1 - read.1 - (read.1 - before.1));
        println!(
            "{file}: {count} packets, {:.0} ns each in the store, {:.0} ns in the system",
            ns(own),
            ns(system)
        );
        let losses = spool.losses();
        if losses.packets > 0 {
            println!("not kept: {losses:?}");
        }
    }
    Ok(())
}

fn fill(dir: &Path, bytes: u64, files: &[&str]) -> Outcome {
    let mut spool = open(dir, u64::MAX)?;
    let (mut shift, mut newest) = (Span(0), Time(0));
    while spool.bytes() < bytes {
        for file in files {
            let (mut first, mut last) = (None, Time(0));
            packets(file, &mut |time, bytes_of, wire_len| {
                // Each capture begins a second after the one before ended.
                if first.is_none() && newest.0 > 0 {
                    shift = newest + Span::s(1) - time;
                }
                first.get_or_insert(time);
                if spool.bytes() < bytes {
                    last = (time + shift).max(last);
                    if spool.append(time + shift, bytes_of, wire_len) % BATCH == 0 {
                        spool.flush();
                    }
                }
            })?;
            newest = newest.max(last);
        }
    }
    println!("{} packets in {} MB, the newest of {newest}", spool.count(), spool.bytes() / 1_000_000);
    Ok(())
}

fn ask(dir: &Path, number: u64, who: Who) -> Outcome {
    for _ in 0..2 {
        let timed = |what: &str, ask: &dyn Fn() -> Result<u64, packets::Error>| -> Outcome {
            let began = Instant::now();
            let found = ask()?;
            println!("{what}: {found} packets in {:.3} s", began.elapsed().as_secs_f64());
            Ok(())
        };
        let archive = Archive::open(dir)?;
        let all = |query: Query, max: u64| {
            let mut search = archive.search(query, Order::Forward);
            let mut found = 0;
            while found < max && search.next_packet()?.is_some() {
                found += 1;
            }
            Ok(found)
        };
        let only = Query { from: number, to: number, ..Query::default() };
        timed("one packet", &|| all(only.clone(), u64::MAX))?;
        let carved = || Ok(archive.carve(number, 5_000)?.map_or(0, |carved| carved.packets));
        timed("its conversation, 5,000 at most", &carved)?;
        timed("a host, 100,000 at most", &|| all(Query::of(who), 100_000))?;
        timed("a host that is nowhere", &|| all(Query::of(Who::Host([192, 0, 2, 99].into())), 1))?;
    }
    Ok(())
}
