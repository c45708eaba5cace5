use super::made::{S, Tape, at, plant, tagged};
use super::{Texts, both_vlans, lost, on_the_station, one_side, tags_lost};
use crate::testing::Driver;
use crate::{Group, Judge, Period, Prefix, Setup, Tap};
use wire::link::Link;

const WORKERS: usize = 3;

/// Which worker takes a frame: by its addresses and ports, whichever way it goes and whatever its tags.
fn worker(frame: &[u8]) -> usize {
    let ip = if frame[12..14] == [0x81, 0] { &frame[18..] } else { &frame[14..] };
    let sum: u32 = ip[12..24].iter().map(|byte| u32::from(*byte)).sum();
    usize::try_from(sum).unwrap() % WORKERS
}

/// Rules of the findings when as many workers share the tap, and the row of its health without its length.
fn judge(tape: &Tape, workers: usize) -> (Vec<String>, String) {
    let mut drivers: Vec<Driver> = (0..workers).map(|_| Driver::new(Tap::new(Setup::default()))).collect();
    for ((time, frame), number) in tape.frames.iter().zip(1..) {
        drivers[worker(frame) % workers].frame(number, *time, Link::ETHERNET, frame);
    }
    let mut whole = Period::default();
    for driver in &mut drivers {
        driver.end();
        whole.merge(driver.tap.period());
    }
    let mut rows = Texts::default();
    let report = Judge::new("tap1", vec![]).judge(at(900 * S), whole, &mut rows);
    let rules = report.findings.iter().map(|finding| finding.rule.to_string()).collect();
    (rules, rows.0.iter().find(|row| row.starts_with("tap_health")).unwrap().clone())
}

#[test]
fn several_workers_judge_as_one_does() {
    let plant = plant(900);
    for tap in [Tape::clone, both_vlans, one_side, lost, on_the_station, tags_lost] {
        let tape = tap(&plant);
        let (one, several) = (judge(&tape, 1), judge(&tape, WORKERS));
        assert_eq!(one.0, several.0);
        let count = |row: &str, column: &str| {
            let value = row.split_once(&format!(" {column}=Count(")).unwrap().1;
            value.split_once(')').unwrap().0.parse::<u64>().unwrap()
        };
        for column in ["frames", "two_sided", "one_sided", "late", "lost_bytes", "tagged"] {
            assert_eq!(count(&one.1, column), count(&several.1, column), "{column}");
        }
    }
}

#[test]
fn a_vlan_and_a_group_of_hosts_are_missed_when_the_rest_is_there() {
    let day = 26 * 3600;
    let mut tape = Tape::default();
    let (mut a, mut b) = (super::made::host([10, 1, 1, 10]), super::made::host([10, 7, 7, 7]));
    for minute in 0..day / 60 + 60 {
        let frame = super::made::udp(&mut a, &b, (1, 2), b"a");
        tape.put(minute * 60 * S, tagged(&frame, 10));
        if minute < day / 60 {
            let frame = super::made::udp(&mut b, &a, (3, 4), b"b");
            tape.put(minute * 60 * S + S, tagged(&frame, 20));
        }
    }
    let group = |name: &str, network: [u8; 4]| Group {
        name: name.into(),
        networks: vec![Prefix::new(network.into(), 24)],
    };
    let groups = vec![group("stations", [10, 1, 1, 0]), group("boilers", [10, 7, 7, 0])];
    let played = super::play(&tape, Setup { groups, ..Setup::default() }, None);
    let texts: Vec<_> = played.findings.iter().map(|finding| &*finding.evidence.text).collect();
    assert_eq!(played.rules(), ["tap-silence"], "{texts:?}");
    assert!(
        texts[0].contains("nothing from vlan 20") && texts[0].contains("nothing from group boilers"),
        "{texts:?}"
    );
}
