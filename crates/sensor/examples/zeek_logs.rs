//! A capture's rows as Zeek-style logs: `zeek_logs CAPTURE FOLDER`. What comes before damage in the capture counts.

use sensor::Sensor;
use sensor::capture::Capture;
use sensor::zeek::{Folder, Format};
use std::error::Error;
use std::fs::File;
use std::path::Path;

fn main() -> Result<(), Box<dyn Error>> {
    let mut args = std::env::args_os().skip(1);
    let (Some(capture), Some(folder)) = (args.next(), args.next()) else {
        return Err("usage: zeek_logs CAPTURE FOLDER".into());
    };
    let mut capture = Capture::open(Box::new(File::open(capture)?))?;
    let mut rows = Folder::create(Path::new(&folder), Format::Tsv)?;
    let mut sensor = Sensor::new(0);
    while let Ok(Some(packet)) = capture.next_packet() {
        sensor.packet(&packet, &mut rows);
    }
    sensor.finish(&mut rows);
    rows.finish()?;
    Ok(())
}
