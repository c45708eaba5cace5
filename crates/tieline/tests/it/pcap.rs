//! Packets that are kept are found again from the command line.

use crate::run::{Run, folder, tieline};
use model::Time;
use packets::{Class, PcapWriter, Plan, Spool};
use sensor::capture::Capture;
use std::path::Path;
use std::process::Command;
use wire::link::Link;

/// A datagram from port 1000 of 10.0.0.`from` to port 502 of 10.0.0.`to`.
fn datagram(from: u8, to: u8) -> Vec<u8> {
    let mut frame = vec![2, 0, 0, 0, 0, to, 2, 0, 0, 0, 0, from, 8, 0];
    frame.extend([0x45, 0, 0, 32, 0, 0, 0, 0, 64, 17, 0, 0, 10, 0, 0, from, 10, 0, 0, to]);
    frame.extend([3, 232, 1, 246, 0, 12, 0, 0, 1, 2, 3, 4]);
    frame
}

/// 2025-11-25 08:00:00 and so many seconds.
fn at(s: i64) -> Time {
    Time::from_s_ns(1_764_057_600 + s, 0)
}

/// Interface eth1 hears host 1 every second, and every third time host 2; eth2 hears host 1 half a second later.
fn data(name: &str) -> String {
    let data = folder(name);
    let plan = Plan { classes: vec![], rest: Class::rest(0, None) };
    let open = |interface| Spool::open(&data.join("packets").join(interface), &plan).unwrap();
    let (mut eth1, mut eth2) = (open("eth1"), open("eth2"));
    for s in 0..60 {
        eth1.append(at(s), &datagram(1, if s % 3 == 0 { 2 } else { 3 }), 60);
        eth2.append(Time(at(s).0 + 500_000_000), &datagram(4, 1), 60);
    }
    data.to_str().unwrap().to_owned()
}

fn pcap(data: &str, args: &[&str]) -> Run {
    let all = ["pcap", "--data", data].into_iter().chain(args.iter().copied()).map(str::to_owned);
    tieline(&all.collect::<Vec<_>>())
}

/// When the packets of a capture were taken, in half seconds after the first of all.
fn halves(path: &Path) -> Vec<i64> {
    let mut capture = Capture::open(Box::new(std::fs::File::open(path).unwrap())).unwrap();
    let mut halves = vec![];
    while let Some(packet) = capture.next_packet().unwrap() {
        halves.push((packet.time.0 - at(0).0) / 500_000_000);
    }
    halves
}

#[test]
fn packets_are_found_by_host_time_and_number() {
    let data = data("pcap_found");
    let out = Path::new(&data).join("out.pcap");
    let found = |args: &[&str]| {
        let run = pcap(&data, &[args, &["--output", out.to_str().unwrap()]].concat());
        assert_eq!(run.code, 0, "{}", run.stderr);
        (halves(&out), run.stderr)
    };
    let (since, until) = ("2025-11-25T08:00:10Z", "2025-11-25T09:00:12+01:00");
    let (all, told) = found(&["--host", "10.0.0.1", "--since", since, "--until", until]);
    assert_eq!(all, [20, 21, 22, 23, 24]);
    assert!(told.starts_with("5 packets in "), "{told}");
    assert_eq!(found(&["--host", "10.0.0.1", "--host", "10.0.0.2"]).0.len(), 20);
    assert_eq!(found(&["--host", "02:00:00:00:00:04", "--until", since]).0.len(), 10);
    assert_eq!(found(&["--since", since, "--until", until, "--interface", "eth2"]).0, [21, 23]);
    let (around, told) = found(&["--frame", "eth1:31", "--limit", "4"]);
    assert_eq!(around, [48, 54, 60, 66]);
    assert!(told.contains("warning: there are more packets than --limit 4"), "{told}");
}

#[test]
fn what_is_not_there_is_said() {
    let data = data("pcap_none");
    let refused = |args: &[&str]| {
        let run = pcap(&data, args);
        assert_eq!((run.code, run.stdout.as_str()), (2, ""), "{}", run.stderr);
        run.stderr
    };
    assert!(refused(&["--frame", "eth1:61"]).contains("packet 61 of eth1 is not there any more"));
    assert!(refused(&["--frame", "eth3:1"]).contains("there are no packets of eth3 any more"));
    assert!(refused(&["--frame", "eth1"]).contains("does not name a packet"));
    assert!(refused(&["--host", "10.0.0.9"]).contains("nothing of that is kept"));
    assert!(refused(&["--host", "plc-1"]).contains("neither an IP address nor a hardware address"));
    assert!(refused(&["--since", "-1m"]).contains("nothing of that is kept"));
    assert!(refused(&["--since", "-1m", "--until", "-2m"]).contains("--since is after --until"));
    assert!(refused(&["--since", "lately"]).contains("2026-11-25T08:00:00Z"));
    assert!(refused(&["--host", "10.0.0.1", "--interface", "eth3"]).contains("no packets of eth3"));
    assert!(refused(&[]).contains("--uid <UID>"));
}

#[test]
fn a_row_of_the_lake_leads_to_its_conversation() {
    let data = data("pcap_row");
    // A lake of what eth1 heard in its first half minute: its rows say that they are of eth1.
    let mut heard = PcapWriter::new(vec![], Link::ETHERNET);
    for s in 0..30 {
        heard.packet(at(s), &datagram(1, if s % 3 == 0 { 2 } else { 3 }), 60).unwrap();
    }
    std::fs::write(Path::new(&data).join("eth1"), heard.finish().unwrap()).unwrap();
    let read = ["read", "--quiet", "--lake", "lake", "eth1"];
    let read = Command::new(env!("CARGO_BIN_EXE_tieline")).args(read).current_dir(&data).output().unwrap();
    assert_eq!(read.status.code(), Some(0), "{}", String::from_utf8_lossy(&read.stderr));
    let lake = format!("{data}/lake");
    let sql = "SELECT uid FROM conn WHERE id.resp_h = '10.0.0.2' OR id.orig_h = '10.0.0.2'";
    let asked = tieline(&["ask", "--lake", &lake, "--format", "jsonl", sql].map(str::to_owned));
    let uid = asked.json().first().expect(&asked.stderr)["uid"].as_str().unwrap().to_owned();
    let out = Path::new(&data).join("out.pcap");
    let run = pcap(&data, &["--uid", &uid, "--output", out.to_str().unwrap()]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    // Every third second, until five seconds after the last packet that the row knows of.
    assert!(halves(&out).into_iter().eq((0..=64).step_by(6)), "{:?}", halves(&out));
    assert!(pcap(&data, &["--uid", "CnoSuchConversation"]).stderr.contains("no row of the lake"));
}
