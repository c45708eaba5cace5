//! The real kernel: a filtered ring shows what its filter lets through, and nothing else.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stderr,
    reason = "a test that cannot go on fails, and says what it did not test"
)]

use filter::Filter;
use ring::{Ring, Timestamps};
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

/// What is sent, by name: tags (EtherType and TCI), then what they carry.
const FRAMES: [(&str, &[u16], Carried); 10] = [
    ("modbus", &[], Carried::Tcp(502)),
    ("http", &[], Carried::Tcp(80)),
    ("profinet", &[], Carried::Profinet),
    ("modbus in 7", &[0x8100, 0x2007], Carried::Tcp(502)),
    ("http in 7", &[0x8100, 0x0007], Carried::Tcp(80)),
    ("modbus in 8", &[0x8100, 0x0008], Carried::Tcp(502)),
    ("modbus in priority", &[0x8100, 0xe000], Carried::Tcp(502)),
    ("profinet in service 7", &[0x88a8, 0x0007], Carried::Profinet),
    ("modbus in 8 in 7", &[0x88a8, 0x0007, 0x8100, 0x0008], Carried::Tcp(502)),
    // The kernel leaves this kind of tag where it is.
    ("modbus in old 7", &[0x9100, 0x0007], Carried::Tcp(502)),
];

#[derive(Clone, Copy)]
enum Carried {
    Tcp(u16),
    Profinet,
}

/// Filters, and which frames they let through where frames come in.
const FILTERS: [(&str, &[&str]); 9] = [
    ("tcp port 502", &["modbus", "modbus in 7", "modbus in 8", "modbus in priority"]),
    ("vlan 7", &["modbus in 7", "http in 7", "profinet in service 7", "modbus in 8 in 7", "modbus in old 7"]),
    ("vlan 7 and tcp port 502", &["modbus in 7", "modbus in old 7"]),
    (
        "vlan and not vlan 7",
        &[
            "modbus in 7",
            "http in 7",
            "modbus in 8",
            "modbus in priority",
            "profinet in service 7",
            "modbus in 8 in 7",
            "modbus in old 7",
        ],
    ),
    ("vlan and vlan 8 and port 502", &["modbus in 8 in 7"]),
    ("vlan and ether proto 0x8892", &["profinet in service 7"]),
    ("not vlan", &["modbus", "http", "profinet"]),
    ("outbound", &[]),
    ("greater 105", &["modbus in 8 in 7"]),
];

fn frame(tags: &[u16], carried: Carried) -> Vec<u8> {
    let mut frame = vec![2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2];
    frame.extend(tags.iter().flat_map(|half| half.to_be_bytes()));
    match carried {
        Carried::Profinet => frame.extend([0x88, 0x92]),
        Carried::Tcp(port) => {
            frame.extend([
                8, 0, 0x45, 0, 0, 40, 0, 1, 0, 0, 64, 6, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2, 0x9c, 0x40,
            ]);
            frame.extend(port.to_be_bytes());
            frame.extend([0, 0, 0, 1, 0, 0, 0, 2, 0x50, 0x10, 0xff, 0xff, 0, 0, 0, 0]);
        }
    }
    frame.resize(100 + tags.len() * 2, 0);
    frame
}

/// A capture of `frames`, as tcpreplay takes it.
fn capture(frames: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes: Vec<u8> = [0xa1b2_c3d4, 0x0002_0004, 0, 0, 65535, 1].map(u32::to_be_bytes).concat();
    for frame in frames {
        let length = u32::try_from(frame.len()).unwrap();
        bytes.extend([0, 0, length, length].map(u32::to_be_bytes).concat());
        bytes.extend(frame);
    }
    bytes
}

/// Names of the frames that a ring shows: `expected` of them, or what comes in half a minute.
fn shown(ring: &mut Ring, all: &[Vec<u8>], expected: usize) -> BTreeSet<&'static str> {
    let (mut found, began, mut looks) = (BTreeSet::new(), Instant::now(), 0);
    // A few looks more than needed: what should not come had time to.
    while (found.len() < expected || looks < 3) && began.elapsed() < Duration::from_secs(30) {
        looks += 1;
        ring.take(Duration::from_millis(100), &mut |frame| {
            if let Some(at) = all.iter().position(|sent| sent == frame.bytes) {
                found.insert(FRAMES[at].0);
            }
        })
        .unwrap();
    }
    found
}

const INSIDE: &str = "TIELINE_RING_NAMESPACE";

#[test]
fn a_filtered_ring_shows_what_its_filter_lets_through_tags_included() {
    if std::env::var_os(INSIDE).is_some() {
        return inside();
    }
    let has = |program: &str| Command::new(program).arg("-V").output().is_ok();
    let name = format!("tl-ring-{}", std::process::id());
    let ip = |arguments: &str| {
        Command::new("ip").args(arguments.split(' ')).status().is_ok_and(|done| done.success())
    };
    if !has("ip") || !has("tcpreplay") || !ip(&format!("netns add {name}")) {
        return eprintln!("skipped: needs network namespaces and tcpreplay");
    }
    let made = ip(&format!("-n {name} link add near type veth peer name far"))
        && ip(&format!("-n {name} link set near up"))
        && ip(&format!("-n {name} link set far up"));
    let mut this = Command::new("ip");
    this.args(["netns", "exec", &name]).arg(std::env::current_exe().unwrap());
    this.args(["a_filtered_ring_shows_what_its_filter_lets_through_tags_included", "--exact", "--nocapture"]);
    let done = this.env(INSIDE, "1").output().unwrap();
    ip(&format!("netns del {name}"));
    assert!(made);
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
}

fn inside() {
    let all = FRAMES.map(|(_, tags, carried)| frame(tags, carried));
    let dir = std::env::temp_dir().join(format!("tieline-ring-{}", std::process::id()));
    std::fs::create_dir_all(&dir).unwrap();
    let file = dir.join("sent.pcap");
    std::fs::write(&file, capture(&all)).unwrap();
    let open = |interface: &str, text: &str| {
        Ring::open(interface, Some(&Filter::compile_live(text).unwrap()), Timestamps::Kernel).unwrap()
    };
    let mut far: Vec<Ring> = FILTERS.iter().map(|(text, _)| open("far", text)).collect();
    // Where frames leave, their tags are still in them.
    let mut near = ["outbound and vlan 7 and tcp port 502", "inbound"].map(|text| open("near", text));
    let long: Vec<_> = (0..1000).map(|n| format!("src host 10.9.{}.{}", n / 250, n % 250)).collect();
    let mut blind = open("far", &long.join(" or "));
    replay(&file, 1);
    let mut said = String::new();
    for (ring, (text, expected)) in far.iter_mut().zip(FILTERS) {
        let shown = shown(ring, &all, expected.len());
        if shown != expected.iter().copied().collect() {
            writeln!(said, "{text}: {shown:?}").unwrap();
        }
        assert_eq!(ring.lost().unwrap(), 0);
    }
    assert_eq!(said, "");
    assert_eq!(shown(&mut near[0], &all, 2), ["modbus in 7", "modbus in old 7"].into());
    assert_eq!(shown(&mut near[1], &all, 0), [].into());
    // Far more than a ring holds: what is left out is no loss.
    replay(&file, 30_000);
    assert_eq!(shown(&mut blind, &all, 0), [].into());
    assert_eq!(blind.lost().unwrap(), 0);
    std::fs::remove_dir_all(&dir).unwrap();
}

fn replay(file: &Path, times: u32) {
    let mut tcpreplay = Command::new("tcpreplay");
    tcpreplay.args(["-q", "-t", "-i", "near", "--loop", &times.to_string()]).arg(file);
    let done = tcpreplay.output().unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
}
