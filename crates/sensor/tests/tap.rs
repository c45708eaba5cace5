//! A tap that shows everything twice.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use health::{Judge, Setup};
use model::{At, Record, Rows, Span, Time};
use sensor::Sensor;
use sensor::capture::Packet;
use wire::link::Link;

/// Counts packets of conversations, and keeps the names of logs.
#[derive(Default)]
struct Seen {
    packets: u64,
    logs: Vec<&'static str>,
}

impl Rows for Seen {
    fn put(&mut self, _: &At<'_>, row: &dyn Record) {
        self.logs.push(row.schema().log);
        let place = |name| row.schema().fields.iter().position(|field| field.name == name);
        for name in ["orig_pkts", "resp_pkts"].into_iter().filter(|_| row.schema().log == "conn") {
            row.cells(&mut |cells| {
                if let Some(model::Cell::Count(count)) = place(name).and_then(|place| cells.get(place)) {
                    self.packets += count;
                }
            });
        }
    }
}

/// A segment of a poll between two hosts, in VLAN `vlan`.
fn frame(vlan: u8, id: u16, back: bool, seq: u32, ack: u32) -> Vec<u8> {
    let mut out = if back {
        vec![2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2]
    } else {
        vec![2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1]
    };
    out.extend([0x81, 0, 0, vlan, 8, 0, 0x45, 0, 0, 52]);
    out.extend(id.to_be_bytes());
    let (a, b) = if back { (2, 1) } else { (1, 2) };
    out.extend([0, 0, 64, 6, 0, 0, 10, 0, 0, a, 10, 0, 0, b]);
    let (source, destination) = if back { (502u16, 40_000u16) } else { (40_000, 502) };
    out.extend(source.to_be_bytes());
    out.extend(destination.to_be_bytes());
    out.extend(seq.to_be_bytes());
    out.extend(ack.to_be_bytes());
    out.extend([0x50, 0x18, 1, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 6, 1, 3, 0, 0, 0, 1]);
    out
}

fn play(copies: bool, watched: bool) -> (Seen, u64, Vec<String>) {
    let (mut sensor, mut seen) = (Sensor::new(0), Seen::default());
    if watched {
        sensor.watch_tap(Setup { seed: 7, ..Setup::default() });
    }
    let (mut number, mut time) = (0, Time::from_s_ns(1_700_000_000, 0));
    let mut take = |bytes: &[u8], time: Time| {
        number += 1;
        sensor
            .packet(&Packet { number, time, link: Link::ETHERNET, wire_len: bytes.len(), bytes }, &mut seen);
    };
    for poll in 0..2000u32 {
        for back in [false, true] {
            let id = u16::try_from(poll * 2 + u32::from(back) + 1).unwrap();
            let (seq, ack) = (poll * 12 + 1, poll * 12 + 1 + if back { 12 } else { 0 });
            time = time + Span(40_000_000);
            take(&frame(7, id, back, seq, ack), time);
            if copies {
                take(&frame(8, id, back, seq, ack), time + Span(20_000));
            }
        }
    }
    sensor.finish(&mut seen);
    let report =
        sensor.tap_period().map(|period| Judge::new("mirror", vec![]).judge(time, period, &mut seen));
    let findings = report.into_iter().flat_map(|report| report.findings);
    let found = findings.map(|finding| finding.title.to_string()).collect();
    (seen, sensor.counters().copies, found)
}

#[test]
fn what_a_mirror_shows_twice_counts_once() {
    let (clean, none, quiet) = play(false, true);
    // The frames have no checksums, which it takes for a capture at their sender.
    assert_eq!((clean.packets, none, quiet.len()), (4000, 0, 1), "{quiet:?}");
    assert!(clean.logs.contains(&"capture_loss") && clean.logs.contains(&"tap_health"));
    let (twice, ..) = play(true, false);
    assert_eq!(twice.packets, 8000, "a tap that nobody watches");
    let (watched, copies, found) = play(true, true);
    assert_eq!(watched.packets + copies, 8000);
    assert!(copies > 3900, "{copies}");
    let more: Vec<_> = found.iter().filter(|title| !quiet.contains(title)).collect();
    assert_eq!(more.len(), 1, "{found:?}");
}
