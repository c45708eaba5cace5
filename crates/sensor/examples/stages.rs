//! What each stage of the sensor costs: reads a capture as far as the stage that is named, for `benches/stages.py`.
//!
//! Stages: `read` packets, `headers` up to the transport, `follow` conversations and decode protocols without a row being
//! written, `write` rows as Zeek's logs into a folder.

use model::{At, Record, Rows};
use sensor::Sensor;
use sensor::capture::{Capture, Packet};
use sensor::zeek::{Folder, Format};
use std::error::Error;
use std::fs::File;
use std::path::Path;
use wire::ip;
use wire::transport::{Tcp, Udp};

/// Takes rows and forgets them.
struct Nowhere(u64);

impl Rows for Nowhere {
    fn put(&mut self, _: &At<'_>, _: &dyn Record) {
        self.0 += 1;
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = std::env::args().collect();
    let [_, stage, file, rest @ ..] = &args[..] else {
        return Err("stages read|headers|follow|write FILE [DIR]".into());
    };
    let mut capture = Capture::open(Box::new(File::open(file)?))?;
    let mut told = 0;
    match (&**stage, rest) {
        ("read", _) => each(&mut capture, |packet| told += packet.bytes.len())?,
        ("headers", _) => each(&mut capture, |packet| told += headers(packet))?,
        ("follow", _) => follow(&mut capture, &mut Nowhere(0))?,
        ("write", [folder]) => {
            let mut folder = Folder::create(Path::new(folder), Format::Tsv)?;
            follow(&mut capture, &mut folder)?;
            folder.finish()?;
        }
        _ => return Err(format!("there is no stage {stage}").into()),
    }
    // So that nothing is left out as unused.
    std::hint::black_box(told);
    Ok(())
}

fn each(capture: &mut Capture, mut take: impl FnMut(&Packet<'_>)) -> Result<(), sensor::capture::Error> {
    while let Some(packet) = capture.next_packet()? {
        take(&packet);
    }
    Ok(())
}

fn headers(packet: &Packet<'_>) -> usize {
    let Ok(frame) = packet.link.open(packet.bytes) else { return 0 };
    let Ok(packet) = ip::Packet::open(frame.payload) else { return 0 };
    match packet.protocol {
        6 => Tcp::open(packet.payload).map_or(0, |tcp| tcp.payload.len()),
        17 => Udp::open(packet.payload).map_or(0, |udp| udp.payload.len()),
        _ => 0,
    }
}

fn follow(capture: &mut Capture, rows: &mut dyn Rows) -> Result<(), sensor::capture::Error> {
    let mut sensor = Sensor::new(0);
    each(capture, |packet| sensor.packet(packet, rows))?;
    sensor.finish(rows);
    Ok(())
}
