//! Any number of workers writes the same bytes.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use arbtest::arbitrary::{Result, Unstructured};
use model::{At, Kept, Record, Rows, Schema, Time};
use sensor::Sensor;
use sensor::capture::Capture;
use sensor::crew::{self, Gather, Orders};
use sensor::zeek::{Folder, Format};
use std::collections::BTreeMap;
use std::io::Cursor;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Writes lines, and keeps what the rows that were wanted say.
struct Desk {
    folder: Folder,
    rows: Vec<String>,
}

impl Gather for Desk {
    fn line(&mut self, schema: &'static Schema, time: Time, line: &[u8]) {
        self.folder.line(schema, time, line);
    }

    fn row(&mut self, row: &Kept) {
        self.rows.push(say(&row.at(), row));
    }
}

impl Rows for Desk {
    fn put(&mut self, at: &At<'_>, row: &dyn Record) {
        self.folder.put(at, row);
        if is_wanted(row.schema()) {
            self.rows.push(say(at, row));
        }
    }
}

fn is_wanted(schema: &'static Schema) -> bool {
    matches!(schema.log, "conn" | "weird")
}

fn say(at: &At<'_>, row: &dyn Record) -> String {
    let mut text = format!("{} {:?} {:?} ", row.schema().log, at.time, at.origin).into_bytes();
    row.tsv(&mut text);
    String::from_utf8(text).expect("logs are text")
}

/// Logs by name, wanted rows, and counts.
type Told = (BTreeMap<String, Vec<u8>>, Vec<String>, sensor::Counters);

fn told(name: &str, capture: &[u8], workers: Option<u8>) -> Told {
    let dir = std::env::temp_dir().join(format!("tieline-crew-{name}-{}", std::process::id()));
    let _ = std::fs::remove_dir_all(&dir);
    let mut desk =
        Desk { folder: Folder::create(&dir, Format::Tsv).expect("a folder for the logs"), rows: vec![] };
    let mut capture = Capture::open(Box::new(Cursor::new(capture.to_vec()))).unwrap();
    let counters = match workers {
        None => {
            let mut sensor = Sensor::new(0);
            while let Some(packet) = capture.next_packet().unwrap() {
                sensor.packet(&packet, &mut desk);
            }
            sensor.finish(&mut desk);
            sensor.counters()
        }
        Some(workers) => {
            let wanted = Arc::new(|_: &At<'_>, schema| is_wanted(schema));
            let orders = Orders { file: 0, workers, lines: Some(Format::Tsv), wanted };
            let (counters, ended) = crew::follow(&mut capture, &orders, &mut desk);
            ended.unwrap();
            counters
        }
    };
    desk.folder.finish().unwrap();
    let logs = files(&dir).into_iter();
    let logs = logs.map(|path| (path.display().to_string(), std::fs::read(&path).unwrap())).collect();
    std::fs::remove_dir_all(&dir).unwrap();
    (logs, desk.rows, counters)
}

fn files(dir: &Path) -> Vec<PathBuf> {
    std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()).collect()
}

#[track_caller]
fn assert_all_the_same(name: &str, capture: &[u8]) {
    let one = told(name, capture, None);
    for workers in [1, 2, 3, 7, 16] {
        let many = told(name, capture, Some(workers));
        assert_eq!(many.2, one.2, "{workers} workers");
        for (log, bytes) in &one.0 {
            let (ours, theirs) = (many.0.get(log), String::from_utf8_lossy(bytes));
            let ours = ours.map(|bytes| String::from_utf8_lossy(bytes)).unwrap_or_default();
            assert_eq!(ours, theirs, "{workers} workers, {log}");
        }
        assert_eq!(many.0.len(), one.0.len());
        assert_eq!(many.1, one.1, "{workers} workers");
    }
}

/// A capture of Ethernet frames.
fn pcap(frames: &[(i64, Vec<u8>)]) -> Vec<u8> {
    let mut out = vec![0xd4, 0xc3, 0xb2, 0xa1, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4, 0, 1, 0, 0, 0];
    for (us, frame) in frames {
        for word in [us / 1_000_000, us % 1_000_000, frame.len() as i64, frame.len() as i64] {
            out.extend(u32::try_from(word).unwrap().to_le_bytes());
        }
        out.extend(frame);
    }
    out
}

/// An IPv4 packet of `protocol`; a fragment where `fragment` is not zero.
fn ipv4(u: &mut Unstructured<'_>, protocol: u8, payload: &[u8]) -> Result<Vec<u8>> {
    let hosts = [1u8, 2, 3, 4];
    let total = u16::try_from(20 + payload.len()).unwrap();
    let told = if u.ratio(1, 20)? { total.wrapping_add(u.int_in_range(0..=30u16)?) } else { total };
    let fragment: u16 = if u.ratio(1, 10)? { *u.choose(&[0x2000, 0x2001, 0x0001, 0x0002])? } else { 0 };
    let mut out = vec![0x45, 0];
    out.extend(told.to_be_bytes());
    out.extend([0, u.int_in_range(0..=1u8)?]);
    out.extend(fragment.to_be_bytes());
    out.extend([64, protocol, 0, 0, 10, 0, 0, *u.choose(&hosts)?, 10, 0, 0, *u.choose(&hosts)?]);
    out.extend(payload);
    Ok(out)
}

fn udp(u: &mut Unstructured<'_>, payload: &[u8], ports: &[u16]) -> Result<Vec<u8>> {
    let mut out = vec![];
    out.extend(u.choose(ports)?.to_be_bytes());
    out.extend(u.choose(ports)?.to_be_bytes());
    let length = u16::try_from(8 + payload.len()).unwrap();
    out.extend(length.wrapping_add(u.ratio(1, 10)?.into()).to_be_bytes());
    out.extend([0, 0]);
    out.extend(payload);
    Ok(out)
}

fn tcp(u: &mut Unstructured<'_>) -> Result<Vec<u8>> {
    let mut out = vec![];
    out.extend(u.choose(&[502u16, 445, 40_000, 40_001])?.to_be_bytes());
    out.extend(u.choose(&[502u16, 445, 40_000, 40_001])?.to_be_bytes());
    out.extend(u.int_in_range(0..=60u32)?.to_be_bytes());
    out.extend(u.int_in_range(0..=60u32)?.to_be_bytes());
    out.extend([0x50, *u.choose(&[0x02, 0x12, 0x10, 0x18, 0x18, 0x11, 0x14])?, 1, 0, 0, 0, 0, 0]);
    if u.arbitrary()? {
        out.extend([0, 1, 0, 0, 0, 6, 1, 3, 0, 0, 0, 1]);
    }
    Ok(out)
}

fn packet(u: &mut Unstructured<'_>, depth: u32) -> Result<Vec<u8>> {
    match u.int_in_range(0..=9)? {
        0 if depth < 3 => {
            let inner = packet(u, depth + 1)?;
            ipv4(u, 4, &inner)
        }
        1 if depth < 3 => {
            let inner = frame(u, depth + 1)?;
            let vxlan = [&[8, 0, 0, 0, 0, 0, 9, 0][..], &inner].concat();
            let datagram = udp(u, &vxlan, &[4789, 40_000])?;
            ipv4(u, 17, &datagram)
        }
        2 => {
            let datagram = udp(u, b"a datagram", &[67, 68, 53, 40_000])?;
            ipv4(u, 17, &datagram)
        }
        3 => {
            let kind = *u.choose(&[0, 8, 3])?;
            ipv4(u, 1, &[kind, 0, 0, 0, 0, 1, 0, 1, 9, 9])
        }
        4 => {
            let protocol = *u.choose(&[6, 17, 1, 89, 59])?;
            ipv4(u, protocol, &[0, 1, 2])
        }
        _ => {
            let segment = tcp(u)?;
            ipv4(u, 6, &segment)
        }
    }
}

fn frame(u: &mut Unstructured<'_>, depth: u32) -> Result<Vec<u8>> {
    let packet = packet(u, depth)?;
    let header: &[u8] = u.choose(&[&[8, 0][..], &[8, 0], &[0x81, 0, 0, 7, 8, 0], &[8, 6]])?;
    let mut out = [&[2; 12][..], header, &packet].concat();
    if u.ratio(1, 30)? {
        out.truncate(u.int_in_range(0..=out.len())?);
    }
    Ok(out)
}

#[test]
fn whatever_comes_the_logs_are_the_same() {
    arbtest::arbtest(|u| {
        let (mut frames, mut time) = (vec![], 0);
        for _ in 0..u.int_in_range(0..=40)? {
            time += *u.choose(&[0, 1, 1000, 6_000_000, 61_000_000])?;
            frames.push((time, frame(u, 0)?));
        }
        assert_all_the_same("any", &pcap(&frames));
        Ok(())
    })
    .budget_ms(3_000);
}

#[test]
fn conversations_that_end_at_the_same_time_keep_their_order() {
    let syn = |host: u8, port: u16| {
        let mut frame = vec![2; 12];
        frame.extend([8, 0, 0x45, 0, 0, 40, 0, 1, 0, 0, 64, 6, 0, 0, 10, 0, 0, host, 10, 0, 1, 1]);
        frame.extend(port.to_be_bytes());
        frame.extend([1, 246, 0, 0, 0, 1, 0, 0, 0, 0, 0x50, 2, 1, 0, 0, 0, 0, 0]);
        frame
    };
    let many = (0..6000u16).map(|n| (0, syn((n % 250) as u8, 2000 + n)));
    // The clock jumps: all of them are over with the next packet.
    let frames: Vec<_> = many.chain([(3_600_000_000, syn(251, 1))]).collect();
    assert_all_the_same("many", &pcap(&frames));
}
