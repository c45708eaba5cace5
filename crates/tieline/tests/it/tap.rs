//! Taps that tell the truth and taps that do not: the made site's capture as each of them would have shown it.

use crate::run::{Run, folder, tieline};
use lab::frames::{Station, udp};
use model::{Mac, Time};
use std::collections::BTreeSet;
use std::fs::{self, File};
use std::path::{Path, PathBuf};

/// Time in nanoseconds and bytes.
type Frame = (Time, Vec<u8>);

/// The sample site's capture.
fn site(dir: &Path) -> Vec<Frame> {
    let made = dir.join("sample");
    tieline(&["sample", made.to_str().unwrap()].map(ToString::to_string));
    let file = File::open(made.join("evidence").join("site.pcap")).unwrap();
    let mut capture = sensor::capture::Capture::open(Box::new(file)).unwrap();
    let mut frames = vec![];
    while let Some(packet) = capture.next_packet().unwrap() {
        frames.push((packet.time, packet.bytes.to_vec()));
    }
    frames
}

/// Writes a capture (libpcap, nanoseconds).
fn write(path: &Path, frames: &[Frame]) -> PathBuf {
    let mut out = vec![];
    for word in [0xa1b2_3c4d_u32, 0x0004_0002, 0, 0, 65_535, 1] {
        out.extend(word.to_le_bytes());
    }
    for (time, bytes) in frames {
        let ((seconds, ns), len) = (time.s_ns(), bytes.len() as u32);
        [seconds as u32, ns as u32, len, len].iter().for_each(|word| out.extend(word.to_le_bytes()));
        out.extend(bytes);
    }
    fs::write(path, out).unwrap();
    path.to_owned()
}

fn tagged(frame: &[u8], vlan: u8) -> Vec<u8> {
    [&frame[..12], &[0x81, 0, 0, vlan], &frame[12..]].concat()
}

fn read(capture: &Path, more: &[&str]) -> Run {
    let args = ["read", "-q", "--json", "--tap", capture.to_str().unwrap()];
    tieline(&args.iter().chain(more).map(ToString::to_string).collect::<Vec<_>>())
}

/// Findings about taps and conduits.
fn found(run: &Run) -> BTreeSet<String> {
    let lines = run.json().into_iter().filter(|line| line["type"] == "finding");
    let rules = lines.map(|line| line["rule"].as_str().unwrap().to_owned());
    rules.filter(|rule| rule.starts_with("tap-") || rule.starts_with("conduit-")).collect()
}

fn set(rules: &[&str]) -> BTreeSet<String> {
    rules.iter().map(ToString::to_string).collect()
}

/// Rows of a log.
fn rows(run: &Run, log: &str) -> u64 {
    let line = run.json().into_iter().find(|line| line["type"] == "log" && line["log"] == log);
    line.map_or(0, |line| line["rows"].as_u64().unwrap())
}

#[test]
fn a_tap_is_judged_for_what_it_is_and_for_nothing_else() {
    let dir = folder("tap-read");
    let frames = site(&dir);
    let judge = |name: &str, frames: &[Frame]| read(&write(&dir.join(name), frames), &[]);

    let clean = judge("clean.pcap", &frames);
    assert_eq!(found(&clean), set(&[]), "{}", clean.stdout);
    assert!(rows(&clean, "tap_health") > 0 && rows(&clean, "tap_health") == rows(&clean, "capture_loss"));

    let both =
        |(time, bytes): &Frame| [(*time, tagged(bytes, 10)), (*time + model::Span(9000), tagged(bytes, 20))];
    let twice: Vec<Frame> = frames.iter().flat_map(both).collect();
    let twice = judge("both-vlans.pcap", &twice);
    assert_eq!(found(&twice), set(&["tap-copies"]), "{}", twice.stdout);
    // What was left out is left out of every log; a few copies pass before the tap is known.
    let [once, twice] = [&clean, &twice].map(|run| rows(run, "modbus"));
    assert!(once > 8_000 && (once..once + 50).contains(&twice), "{once} {twice}");

    // What controllers send comes from port 502; everything that is sent from lower ports is missing.
    let is_answer = |bytes: &[u8]| {
        let ip = bytes[12..14] == [8, 0] && bytes[23] == 6;
        ip && u16::from_be_bytes([bytes[34], bytes[35]]) < 1024
    };
    let one_side: Vec<Frame> = frames.iter().filter(|(_, bytes)| !is_answer(bytes)).cloned().collect();
    assert!(one_side.len() < frames.len());
    assert!(found(&judge("one-side.pcap", &one_side)).contains("tap-one-sided"));

    let some = frames.iter().zip(1..).filter(|(_, number)| number % 50 != 0);
    let lossy: Vec<Frame> = some.map(|(frame, _)| frame.clone()).collect();
    let lossy = judge("lossy.pcap", &lossy);
    assert_eq!(found(&lossy), set(&["tap-loss"]), "{}", lossy.stdout);
}

#[test]
fn without_the_option_a_reading_does_not_judge_and_with_it_one_worker_reads() {
    let dir = folder("tap-off");
    let capture = write(&dir.join("site.pcap"), &site(&dir));
    let plain = ["read", "-q", "--json", capture.to_str().unwrap()];
    let plain = tieline(&plain.map(ToString::to_string));
    assert_eq!(rows(&plain, "tap_health"), 0);
    let several = read(&capture, &["--workers", "2"]);
    assert_eq!(several.code, 2);
    assert!(several.stderr.contains("--workers"), "{}", several.stderr);
    let wrong = read(&capture, &["--conduit", "10.1.0.0"]);
    assert_eq!(wrong.code, 2);
    assert!(wrong.stderr.contains("no >"), "{}", wrong.stderr);
}

#[test]
fn a_true_diode_is_consistent_and_one_frame_back_refutes_it() {
    let dir = folder("tap-diode");
    let station = |ip: [u8; 4]| Station { mac: Mac([2, 0, 0, ip[1], ip[2], ip[3]]), ip: ip.into(), ttl: 64 };
    let (near, far) = (station([10, 77, 1, 5]), station([10, 78, 1, 5]));
    let mut frames = site(&dir);
    let start = frames[0].0;
    let values = (0..600).map(|number: u16| {
        let value = udp((near, 6000), (far, 6000), number, b"value");
        (start + model::Span(i64::from(number) * 100_000_000), value)
    });
    frames.extend(values);
    frames.sort_by_key(|(time, _)| *time);
    let said = |name: &str, frames: &[Frame]| {
        let run = read(&write(&dir.join(name), frames), &["--conduit", "10.77.0.0/16>10.78.0.0/16"]);
        let said = run.json().into_iter().find(|line| line["type"] == "one_way").unwrap();
        (said["verdict"].as_str().unwrap().to_owned(), found(&run), rows(&run, "conduit"))
    };
    assert_eq!(said("diode.pcap", &frames), ("consistent".to_owned(), set(&[]), 1));
    let back = udp((far, 6000), (near, 6000), 7, b"thanks");
    frames.push((frames.last().unwrap().0, back));
    assert_eq!(said("no-diode.pcap", &frames), ("refuted".to_owned(), set(&["conduit-refuted"]), 2));
    let run = read(&dir.join("no-diode.pcap"), &["--conduit", "10.77.0.0/16>10.78.0.0/16"]);
    let finding = run.json().into_iter().find(|line| line["rule"] == "conduit-refuted").unwrap();
    assert_eq!(finding["evidence"]["number"], frames.len());
    assert_eq!(run.code, 1);
}
