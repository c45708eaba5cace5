use crate::kept::Kept;
use crate::{START, start, wait};
use lab::live::{DEMO, Flow, Live};
use lab::script::Script;
use model::Span;
use std::collections::BTreeMap;
use std::sync::Arc;

const SPEED: f64 = 25.0;
const HIST: [u8; 4] = [10, 3, 0, 20];
const EWS: [u8; 4] = [10, 2, 0, 21];
const ASC: [u8; 4] = [10, 1, 10, 5];
const START_PLC: u8 = 0x40;
const STOP_PLC: u8 = 0x41;

/// Requests of a UMAS function from `from` to the anti-surge controller.
fn umas(kept: &Kept, from: [u8; 4], code: u8) -> usize {
    kept.pdus(from, ASC).iter().filter(|pdu| pdu[0] == 0x5a && pdu.get(2) == Some(&code)).count()
}

/// The anti-surge controller's flag "running" as the panel has read it, in order.
fn running(kept: &Kept) -> Vec<u16> {
    let answers = kept.pdus(ASC, [10, 2, 0, 11]).into_iter();
    answers.filter(|pdu| pdu[0] == 3).map(|pdu| u16::from_be_bytes([pdu[16], pdu[17]])).collect()
}

fn to_the_end(live: &Live) {
    wait("the end of the story", || live.story_over());
}

fn stopped(live: &Live, kept: &Arc<Kept>) {
    wait("the STOP on the tap", || umas(kept, HIST, STOP_PLC) > 0);
    assert!(!live.story_over());
}

/// The attacker's way to the anti-surge controller.
fn way() -> Flow {
    Flow { src: HIST.into(), dst: ASC.into(), port: 502 }
}

#[test]
fn when_nobody_acts_the_compressor_surges_and_trips_once_demand_falls() {
    let (live, kept) = start(DEMO, SPEED);
    stopped(&live, &kept);
    assert_eq!(live.measured().surge_cycles, 0, "the danger waits");
    wait("the trip", || live.measured().tripped.is_some());
    assert!(live.now() - START > Span::s(135), "not before the valve moves");
    assert_eq!(live.measured().tripped, Some(plant::Trip::SurgeCycles));
    to_the_end(&live);
    live.stop();
    assert_eq!(umas(&kept, HIST, STOP_PLC), 1, "it still stands still when the attacker looks again");
    assert_eq!(running(&kept).last(), Some(&0));
}

#[test]
fn without_the_attack_the_same_movement_is_harmless() {
    let attack = |line: &&str| {
        ["umas stop", "umas watch", "umas again", "expect stop"].iter().any(|word| line.contains(word))
    };
    let script: Vec<&str> = DEMO.lines().filter(|line| !attack(line)).collect();
    let (live, kept) = start(&script.join("\n"), SPEED);
    to_the_end(&live);
    let plant = live.measured();
    live.stop();
    assert!(plant.discharge_valve < 0.27, "{plant:?}");
    assert!(plant.recycle_valve > 0.05, "{plant:?}");
    assert_eq!((plant.surge_cycles, plant.tripped), (0, None));
    assert!(running(&kept).iter().all(|flag| *flag == 1));
}

#[test]
fn a_restart_that_does_not_keep_the_attacker_out_is_in_vain() {
    let (live, kept) = start(DEMO, SPEED);
    stopped(&live, &kept);
    live.told();
    wait("the second STOP", || umas(&kept, HIST, STOP_PLC) == 2);
    to_the_end(&live);
    let tripped = live.measured().tripped;
    live.stop();
    assert_eq!(umas(&kept, EWS, START_PLC), 1);
    assert_eq!(tripped, Some(plant::Trip::SurgeCycles));
}

#[test]
fn with_the_attacker_kept_out_and_the_controller_started_there_is_no_surge() {
    let (live, kept) = start(DEMO, SPEED);
    stopped(&live, &kept);
    live.firewall().put(way(), START + Span::s(3600));
    live.told();
    wait("the restart", || umas(&kept, EWS, START_PLC) == 1);
    to_the_end(&live);
    let plant = live.measured();
    live.stop();
    assert_eq!((plant.surge_cycles, plant.tripped), (0, None), "{plant:?}");
    assert_eq!(umas(&kept, HIST, STOP_PLC), 1, "the second one never gets through");
    assert_eq!(running(&kept).last(), Some(&1));
    let segments = kept.segments();
    let refused = segments.iter().filter(|s| s.rst && s.from.0.octets() == ASC && s.to.0.octets() == HIST);
    assert!(refused.count() >= 2, "the attacker is told so, again and again");
    let polled = kept.pdus(HIST, [10, 1, 10, 6]);
    assert!(polled.len() > 30, "what the historian reads from the other controller goes on");
    conversations_count_on(&kept);
    frames_are_in_order(&kept);
    logs_are_whole(&kept);
}

#[test]
fn the_demonstration_can_be_played_without_sockets_too() {
    let sample = lab::sample::generate(&Script::read(DEMO).unwrap(), 1);
    assert_eq!(sample.truth.hops.len(), 7);
    let again = sample.truth.deed("again").unwrap();
    let calls: Vec<&str> = again.evidence.iter().map(|(kind, _)| *kind).collect();
    assert_eq!(calls, ["connection", "INIT_COMM", "READ_PLC_INFO"], "nothing is left to be stopped");
}

fn conversations_count_on(kept: &Kept) {
    let mut next: BTreeMap<_, u32> = BTreeMap::new();
    for s in kept.segments() {
        let length = u32::try_from(s.payload.len()).unwrap() + u32::from(s.syn || s.fin);
        if let Some(expected) = next.get(&(s.from, s.to)) {
            assert_eq!(s.seq, *expected, "sequence number of {:?} to {:?}", s.from, s.to);
        }
        if let Some(received) = next.get(&(s.to, s.from)) {
            assert_eq!(s.ack, *received, "acknowledgement of {:?} to {:?}", s.from, s.to);
        }
        next.insert((s.from, s.to), s.seq.wrapping_add(length));
    }
    assert!(next.len() > 60);
}

fn frames_are_in_order(kept: &Kept) {
    let frames = kept.frames();
    assert!(frames.iter().zip(&frames[1..]).all(|(one, next)| one.0 <= next.0));
    let [first, last] = [frames.first(), frames.last()].map(|frame| frame.unwrap().0 - START);
    assert!(first >= Span(-1_000_000) && first < Span::s(2), "{first:?}");
    assert!(last > Span::s(160), "{last:?}");
}

/// Every line is one whole event; numbers ascend by one; every channel of the script is there, every mail too.
fn logs_are_whole(kept: &Kept) {
    let files = kept.files();
    let names: Vec<&str> = files.keys().map(String::as_str).collect();
    let expected = [
        "HIST01-security.xml",
        "HIST01-sysmon.xml",
        "JUMP01-security.json",
        "WS-ENG-07-security.xml",
        "WS-ENG-07-sysmon.xml",
        "gasket.eml",
        "invoice.eml",
        "lunch.eml",
    ];
    assert_eq!(names, expected);
    for (name, text) in files.iter().filter(|(name, _)| !name.ends_with(".eml")) {
        let (open, end, number) = match name.ends_with(".xml") {
            true => ("<Event xmlns=", "</Event>", "<EventRecordID>"),
            false => ("{\"", "}", "\"RecordNumber\":"),
        };
        let numbers = text.lines().map(|line| {
            assert!(line.starts_with(open) && line.ends_with(end), "{name}: {line}");
            let digits = line.split(number).nth(1).unwrap().split(|c: char| !c.is_ascii_digit());
            digits.into_iter().next().unwrap().parse::<u64>().unwrap()
        });
        let numbers: Vec<u64> = numbers.collect();
        assert!(numbers.len() > 15, "{name}");
        assert!(numbers.iter().zip(&numbers[1..]).all(|(one, next)| one + 1 == *next), "{name}: {numbers:?}");
    }
    let attack = files["HIST01-sysmon.xml"].lines().filter(|line| line.contains(">502</Data>"));
    let attack: Vec<&str> = attack.collect();
    assert_eq!(attack.len(), 1, "a call that the firewall refuses is no connection");
    assert!(attack[0].contains("python.exe") && attack[0].contains(r"PLANT\m.keller"));
}
