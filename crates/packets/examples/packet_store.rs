//! Fills a packet store with the packets of captures, for `benches/packets.py` to measure it.
//!
//! `cargo run -p packets --example packet_store -- DIR BYTES FILE...` keeps the captures one after the other, and from the
//! beginning again with later times, until so many bytes are on disk; with 0 bytes, each capture once.

#![allow(clippy::print_stdout, reason = "a measurement is for the terminal")]
use model::{Span, Time};
use packets::{Class, Plan, Spool};
use sensor::capture::Capture;
use std::fs::File;
use std::path::Path;

type Outcome = Result<(), Box<dyn std::error::Error>>;

/// Packets after which a batch ends, as an interface hands them over.
const BATCH: u64 = 4096;

fn main() -> Outcome {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [dir, bytes, files @ ..] = args.as_slice() else {
        return Err("packet_store DIR BYTES FILE...".into());
    };
    let plan = Plan { classes: vec![], rest: Class::rest(u64::MAX, None) };
    let mut spool = Spool::open(Path::new(dir), &plan)?;
    let bytes: u64 = bytes.parse()?;
    let mut newest = None;
    loop {
        for file in files {
            newest = Some(keep(&mut spool, file, newest, bytes)?);
        }
        if bytes == 0 || spool.bytes() >= bytes {
            break;
        }
    }
    spool.flush();
    let newest = newest.unwrap_or_default();
    println!("{} packets in {} MB, the newest of {newest}", spool.count(), spool.bytes() / 1_000_000);
    if spool.losses().packets > 0 {
        println!("not kept: {:?}", spool.losses());
    }
    Ok(())
}

/// Keeps the packets of a capture, the first a second after `newest`; gives the time of the last.
fn keep(
    spool: &mut Spool,
    file: &str,
    newest: Option<Time>,
    bytes: u64,
) -> Result<Time, Box<dyn std::error::Error>> {
    let mut capture = Capture::open(Box::new(File::open(file)?))?;
    let (mut shift, mut last) = (None, newest.unwrap_or_default());
    while let Some(packet) = capture.next_packet()? {
        let begin = newest.map_or(packet.time, |newest| newest + Span::s(1));
        let time = packet.time + *shift.get_or_insert(begin - packet.time);
        last = last.max(time);
        if spool.append(time, packet.bytes, packet.wire_len).is_multiple_of(BATCH) {
            spool.flush();
            if bytes > 0 && spool.bytes() >= bytes {
                break;
            }
        }
    }
    Ok(last)
}
