//! Floods, smaller than an attacker would make them: the sensor stays within its bounds and counts what it gave up.
//! `cargo run -p hostile --example flood` makes them as large as one likes.

#![allow(clippy::unwrap_used, reason = "a test")]

use health::Setup;
use hostile::{FLOODS, Flood};
use model::{At, Record, Rows};
use sensor::capture::Packet;
use sensor::{Counters, Sensor};
use wire::link::Link;

struct Nowhere;

impl Rows for Nowhere {
    fn put(&mut self, _: &At<'_>, _: &dyn Record) {}
}

/// Memory that conversations may hold together, see `Sensor::held`, and what one packet adds.
const HELD_MAX: usize = 17 * 4 * 1024 * 1024 + 2 * 1024 * 1024;

/// Memory that the process may have taken in the end, in kB: 100,000 conversations take 100 MB, what they hold 70.
const PEAK_KB_MAX: u64 = 500_000;

fn play(flood: &Flood, packets: u32) -> Counters {
    let (mut sensor, mut number) = (Sensor::new(0), 0);
    sensor.watch_tap(Setup { seed: 7, ..Setup::default() });
    (flood.make)(packets, &mut |time, bytes| {
        number += 1;
        sensor.packet(&Packet { number, time, link: Link::RAW, wire_len: bytes.len(), bytes }, &mut Nowhere);
        assert!(sensor.held() <= HELD_MAX, "{}", flood.name);
    });
    sensor.finish(&mut Nowhere);
    assert_eq!((sensor.held(), sensor.counters().panics), (0, 0), "{}", flood.name);
    sensor.counters()
}

#[test]
fn a_flood_is_bounded_and_counted() {
    for flood in FLOODS {
        // Enough to meet the bounds, and no more.
        let packets = match flood.name {
            "dns-waiting" => 3000,
            "syn" | "modbus-hosts" | "clock" => 110_000,
            "holes" => 200_000,
            _ => 12_000,
        };
        let counters = play(flood, packets);
        let given_up = match flood.name {
            "syn" | "modbus-hosts" | "dhcp-hosts" | "tunnels" | "clock" => counters.evicted,
            "holes" | "dns-waiting" => counters.let_go,
            "fragments" => counters.fragments_given_up,
            "weird" => counters.damaged,
            _ => 1,
        };
        assert!(given_up > 0, "{}: {counters:?}", flood.name);
    }
    let peak = peak_kb();
    assert!(peak.is_none_or(|peak| peak < PEAK_KB_MAX), "{peak:?} kB");
}

/// The most memory that this process had, where the system says.
fn peak_kb() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    status.lines().find_map(|line| line.strip_prefix("VmHWM:")?.split_whitespace().next())?.parse().ok()
}
