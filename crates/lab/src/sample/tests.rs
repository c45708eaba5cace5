use super::*;
use crate::frames::{TCP, UDP, checksum, transport_checksum};
use crate::random::fnv1a;
use crate::script::Part;
use expect_test::expect;
use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::sync::LazyLock;
use wire::{Reader, Result};

static SAMPLE: LazyLock<Sample> =
    LazyLock::new(|| generate(&Script::read(MAIL_TO_CONTROLLER_STOP).unwrap(), SEED));

/// One IPv4 packet of the capture.
struct Packet<'a> {
    number: u64,
    time_us: u64,
    header: &'a [u8],
    from: Ipv4Addr,
    to: Ipv4Addr,
    protocol: u8,
    /// From the transport header to the end that the IPv4 header tells.
    segment: &'a [u8],
}

/// Frames of a capture, as numbers and bytes.
fn frames(pcap: &[u8]) -> Result<Vec<(u64, &[u8])>> {
    let mut r = Reader::new(pcap);
    assert_eq!(r.u32_le("magic")?, 0xa1b2_c3d4);
    r.take("header", 20)?;
    let mut frames = vec![];
    while !r.is_empty() {
        let (s, us) = (r.u32_le("seconds")?, r.u32_le("microseconds")?);
        let (kept, _) = (r.u32_le("kept")?, r.u32_le("length")?);
        frames.push((
            u64::from(s) * 1_000_000 + u64::from(us),
            r.take("frame", usize::try_from(kept).unwrap())?,
        ));
    }
    Ok(frames)
}

fn packets(pcap: &[u8]) -> Vec<Packet<'_>> {
    let read = |(number, (time_us, frame)): (u64, (u64, &'static [u8]))| -> Result<Option<Packet<'static>>> {
        let mut r = Reader::new(frame);
        r.take("addresses", 12)?;
        if r.u16_be("type")? != 0x0800 {
            return Ok(None);
        }
        let header = r.take("IPv4 header", 20)?;
        let total = usize::from(u16::from_be_bytes([header[2], header[3]]));
        let segment = r.take("segment", total - 20)?;
        let address = |at: usize| Ipv4Addr::new(header[at], header[at + 1], header[at + 2], header[at + 3]);
        let (from, to, protocol) = (address(12), address(16), header[9]);
        Ok(Some(Packet { number, time_us, header, from, to, protocol, segment }))
    };
    // The capture of the static sample lives as long as the test.
    let pcap: &'static [u8] = Box::leak(pcap.to_vec().into_boxed_slice());
    (1..).zip(frames(pcap).unwrap()).filter_map(|frame| read(frame).unwrap()).collect()
}

/// TCP payloads between two hosts and a server's port, in order.
fn payloads(from: [u8; 4], to: [u8; 4]) -> Vec<(u64, Vec<u8>)> {
    let all = packets(&SAMPLE.pcap);
    let of = all.iter().filter(|p| p.protocol == TCP && p.from.octets() == from && p.to.octets() == to);
    let payload = |p: &Packet<'_>| p.segment[usize::from(p.segment[12] >> 4) * 4..].to_vec();
    of.map(|p| (p.number, payload(p))).filter(|(_, bytes)| !bytes.is_empty()).collect()
}

fn file(name: &str) -> String {
    let (_, bytes) = SAMPLE.files().find(|(known, _)| *known == name).unwrap();
    String::from_utf8(bytes.into_owned()).unwrap()
}

/// The event with this record number, as it stands in its file.
fn event(proof: &Proof) -> String {
    let number = proof.numbers[0];
    let marks = [format!("<EventRecordID>{number}</EventRecordID>"), format!("\"RecordNumber\":{number},")];
    let text = file(&proof.file);
    let mut lines = text.lines().filter(|line| marks.iter().any(|mark| line.contains(mark)));
    let line = lines.next().unwrap_or_else(|| panic!("{} has no record {number}", proof.file));
    assert_eq!(lines.next(), None, "{} has record {number} twice", proof.file);
    line.to_owned()
}

fn proof<'a>(step: &str, kind: &str) -> &'a Proof {
    let deed = SAMPLE.truth.deed(step).unwrap();
    &deed.evidence.iter().find(|(known, _)| *known == kind).unwrap().1
}

#[test]
fn the_same_seed_gives_the_same_bytes_on_every_machine() {
    let again = generate(&Script::read(MAIL_TO_CONTROLLER_STOP).unwrap(), SEED);
    let mut text = String::new();
    for ((name, bytes), (_, second)) in SAMPLE.files().zip(again.files()) {
        assert_eq!(bytes, second, "{name}");
        text.push_str(&format!("{name} {:016x}\n", fnv1a(&bytes)));
    }
    expect![[r#"
        site.pcap a971427d33da36a1
        HIST01-security.xml df9e229b72deef89
        HIST01-sysmon.xml 162cfeece4f3669e
        JUMP01-security.json b3a562b253870a62
        WS-ENG-07-security.xml 7d1e825b6e0737b0
        WS-ENG-07-sysmon.xml 101d4de034ec1538
        invoice.eml b95b8edbafb4537b
        gasket.eml 8e0f8a284608c624
        lunch.eml 400eef99bc26088f
        truth.json 93fa7e374d83dc47
    "#]]
    .assert_eq(&text);
}

#[test]
fn another_seed_changes_chance_and_not_the_story() {
    let other = generate(&Script::read(MAIL_TO_CONTROLLER_STOP).unwrap(), SEED + 1);
    assert_ne!(other.pcap, SAMPLE.pcap);
    assert_ne!(other.events, SAMPLE.events);
    assert_eq!(other.mails, SAMPLE.mails);
    let story = |truth: &Truth| -> Vec<String> {
        let line = |deed: &Deed| {
            let kinds: Vec<_> = deed.evidence.iter().map(|(kind, _)| *kind).collect();
            format!("{} {} {} {kinds:?}", deed.at, deed.name, deed.what)
        };
        truth.deeds.iter().map(line).collect()
    };
    assert_eq!(story(&other.truth), story(&SAMPLE.truth));
    assert_eq!(other.truth.hops.len(), SAMPLE.truth.hops.len());
}

#[test]
fn every_checksum_is_right() {
    let packets = packets(&SAMPLE.pcap);
    assert!((10_000..=20_000).contains(&packets.len()), "{}", packets.len());
    for p in packets {
        assert_eq!(checksum(&[p.header]), 0, "IPv4 header of frame {}", p.number);
        assert!([TCP, UDP].contains(&p.protocol));
        assert_eq!(
            transport_checksum(p.from, p.to, p.protocol, p.segment),
            0,
            "segment of frame {}",
            p.number
        );
    }
}

#[test]
fn every_conversation_counts_on_without_a_gap() {
    let mut next: BTreeMap<_, u32> = BTreeMap::new();
    let mut last_us = 0;
    for p in packets(&SAMPLE.pcap) {
        assert!(p.time_us >= last_us);
        last_us = p.time_us;
        if p.protocol != TCP {
            continue;
        }
        let word = |at: usize| u32::from_be_bytes(p.segment[at..at + 4].try_into().unwrap());
        let (ports, flags) = (p.segment[..4].to_vec(), p.segment[13]);
        let back = [&ports[2..], &ports[..2]].concat();
        let length = p.segment.len() - usize::from(p.segment[12] >> 4) * 4 + usize::from(flags & 3 != 0);
        if let Some(expected) = next.get(&(p.from, p.to, ports.clone())) {
            assert_eq!(word(4), *expected, "sequence number of frame {}", p.number);
        }
        if let Some(received) = next.get(&(p.to, p.from, back)) {
            assert_eq!(word(8), *received, "acknowledgement of frame {}", p.number);
        }
        next.insert((p.from, p.to, ports), word(4).wrapping_add(u32::try_from(length).unwrap()));
    }
}

#[test]
fn every_proof_points_at_something() {
    let frames = u64::try_from(frames(&SAMPLE.pcap).unwrap().len()).unwrap();
    for deed in &SAMPLE.truth.deeds {
        assert!(!deed.evidence.is_empty(), "{}", deed.name);
        for (kind, proof) in &deed.evidence {
            assert!(!proof.numbers.is_empty(), "{} {kind}", deed.name);
            if proof.file == CAPTURE {
                assert!(proof.numbers.iter().all(|n| (1..=frames).contains(n)), "{} {kind}", deed.name);
            } else if proof.file.ends_with(".eml") {
                assert_eq!(proof.numbers, [1]);
                file(&proof.file);
            } else {
                event(proof);
            }
        }
    }
}

#[test]
fn the_proofs_of_the_attack_show_it() {
    let shows = |step, kind, words: &[&str]| {
        let event = event(proof(step, kind));
        for word in words {
            assert!(event.contains(word), "{step} {kind} does not show {word}: {event}");
        }
    };
    shows("opened", "process", &["OUTLOOK.EXE", r"PLANT\m.keller", "Invoice_2026-03.docm", ">1</EventID>"]);
    shows(
        "macro",
        "process",
        &["powershell.exe", "-enc", "ParentImage\">C:\\Program Files\\Microsoft Office"],
    );
    shows(
        "jump",
        "logon",
        &["\"TargetLogonId\":\"0x5a3c1\"", "10.4.20.17", "\"LogonType\":\"10\"", "m.keller"],
    );
    shows("historian", "logon", &["TargetLogonId\">0x7be02<", "10.35.0.10", "LogonType\">10<", "m.keller"]);
    shows("script", "process", &["LogonId\">0x7be02<", "python.exe flowcalc.py", "HIST01.plant.example"]);
    shows("stop", "connection", &["python.exe", "DestinationIp\">10.1.10.5<", "DestinationPort\">502<"]);
    assert!(file("invoice.eml").contains("filename=\"Invoice_2026-03.docm\""));
    let all = payloads([10, 3, 0, 20], [10, 1, 10, 5]);
    let stop = all.iter().find(|(number, _)| proof("stop", "STOP_PLC").numbers.contains(number)).unwrap();
    assert_eq!(stop.1[7..], [0x5a, 0x51, 0x41, 0xff, 0x00]);
}

#[test]
fn a_process_is_the_child_of_the_one_before() {
    let field = |step, name: &str| {
        let event = event(proof(step, "process"));
        let start = event.find(&format!("\"{name}\">")).unwrap() + name.len() + 3;
        event[start..].split('<').next().unwrap().to_owned()
    };
    for (parent, child) in [("outlook", "opened"), ("opened", "macro"), ("shell", "script")] {
        assert_eq!(field(parent, "ProcessGuid"), field(child, "ParentProcessGuid"), "{parent} {child}");
    }
}

#[test]
fn attack_and_decoys_share_no_frame_and_no_record() {
    let of = |part| -> Vec<(&str, u64)> {
        let deeds = SAMPLE.truth.deeds.iter().filter(|deed| deed.part == part);
        let proofs = deeds.flat_map(|deed| &deed.evidence);
        proofs.flat_map(|(_, proof)| proof.numbers.iter().map(|n| (proof.file.as_str(), *n))).collect()
    };
    let decoys = of(Part::Decoy);
    assert!(decoys.len() > 300);
    assert!(of(Part::Attack).iter().all(|shown| !decoys.contains(shown)));
}

/// The holding registers that the panel reads from a controller, with the frames that hold them.
fn read_by_the_panel(from: [u8; 4], count: u8) -> Vec<(u64, Vec<u16>)> {
    let all = payloads(from, [10, 2, 0, 11]);
    let reads = all.into_iter().filter(|(_, adu)| adu[7] == 3 && adu[8] == count * 2);
    let words = |adu: &[u8]| adu[9..].chunks(2).map(|w| u16::from_be_bytes([w[0], w[1]])).collect();
    reads.map(|(number, adu)| (number, words(&adu))).collect()
}

#[test]
fn the_stopped_controller_stands_still_while_the_compressor_surges_and_trips() {
    let stopped = proof("stop", "STOP_PLC").numbers[1];
    let anti_surge = read_by_the_panel([10, 1, 10, 5], 10);
    let (before, after): (Vec<_>, Vec<_>) = anti_surge.into_iter().partition(|(number, _)| *number < stopped);
    assert!(before.iter().all(|(_, words)| words[7] == 1));
    // Two answers may be on their way when the program stops.
    assert!(after.iter().skip(2).all(|(_, words)| words == &after[2].1 && words[7] == 0));
    assert!(after.len() > 600);
    let less = proof("less_demand", "write").numbers[1];
    let unit = read_by_the_panel([10, 1, 10, 6], 11);
    let (waits, strikes): (Vec<_>, Vec<_>) = unit.iter().partition(|(number, _)| *number < less);
    let distance = |words: &[u16]| words[5].cast_signed();
    assert!(waits.iter().all(|(_, words)| distance(words) > 30), "the danger waits");
    assert!(strikes.iter().any(|(_, words)| distance(words) < -20));
    assert!(strikes.iter().any(|(_, words)| words[2] == 0), "the flow turns round");
    let [running, end] = [waits.last(), strikes.last()].map(|read| read.unwrap().1[3]);
    assert!(running > 4100 && end < 1000, "the drive runs down: {running} {end}");
}

#[test]
fn what_the_panel_writes_it_reads_back_and_the_plant_follows() {
    let after = |step, controller, count| {
        let written = proof(step, "write").numbers[1];
        let reads = read_by_the_panel(controller, count).into_iter();
        reads.filter(|(number, _)| *number > written).map(|(_, words)| words).collect::<Vec<_>>()
    };
    let margin = after("margin", [10, 1, 10, 5], 10);
    assert!(margin.iter().all(|words| words[6] == 32));
    let faster = after("speed_up", [10, 1, 10, 6], 11);
    assert_eq!((faster[0][8], faster[0][9]), (4240, 700));
    assert!(faster[60][3].abs_diff(4240) < 5, "{:?}", faster[60]);
    let valve = after("speed_and_valve", [10, 1, 10, 6], 11);
    assert_eq!((valve[0][8], valve[0][9]), (4208, 690));
    assert!(valve[60][4].abs_diff(690) < 3, "{:?}", valve[60]);
}

#[test]
fn the_truth_tells_what_became_of_the_plant() {
    let json: serde_json::Value = serde_json::from_str(&SAMPLE.truth.json()).unwrap();
    expect![[r#"
        {
          "margin_left_below_2_percent": "2026-03-12T06:52:52.740000Z",
          "surge_line_crossed": "2026-03-12T06:52:54.540000Z",
          "surged": "2026-03-12T06:52:58.440000Z",
          "surge_cycles": 19,
          "tripped": {
            "time": "2026-03-12T06:53:00.260000Z",
            "why": "surge cycles"
          }
        }"#]]
    .assert_eq(&format!("{:#}", json["process"]));
}

#[test]
fn the_hops_are_those_that_the_chain_shall_find() {
    let mut text = String::new();
    for hop in &SAMPLE.truth.hops {
        let joins: Vec<_> =
            hop.joins.iter().map(|j| format!("{}={}@{}", j.variable, j.value, j.with)).collect();
        let line = format!("{} {} +{} {}", hop.step, hop.proof.file, hop.repeats, joins.join(" "));
        text.push_str(&format!("{}\n", line.trim_end()));
    }
    expect![[r#"
        invoice invoice.eml +0
        opened WS-ENG-07-sysmon.xml +0 user=m.keller@0 file=Invoice_2026-03.docm@0
        macro WS-ENG-07-sysmon.xml +0 user=m.keller@1 workstation=ws-eng-07@1
        jump JUMP01-security.json +0 user=m.keller@2 workstation=ws-eng-07@2
        historian HIST01-security.xml +0 user=m.keller@3 jump=jump01@3
        script HIST01-sysmon.xml +0 session=hist01/0x7be02@4
        stop site.pcap +2 historian=hist01@5
    "#]]
    .assert_eq(&text);
}
