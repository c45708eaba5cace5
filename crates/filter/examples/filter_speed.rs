//! How long a frame takes past a filter: `cargo run -p filter --example filter_speed`.

#![allow(clippy::print_stdout, reason = "what it measures is its result")]

use filter::Filter;
use std::hint::black_box;
use std::time::Instant;
use wire::link::Link;

const FILTERS: [&str; 4] = [
    "tcp port 502 and not host 10.0.0.9",
    "tcp port 502 or 102 or 44818 or 20000 or 2404",
    "not (tcp port 3260 or host 10.1.30.250)",
    "tcp port 80 and (((ip[2:2] - ((ip[0] & 0xf) << 2)) - ((tcp[12] & 0xf0) >> 2)) != 0)",
];
const TIMES: u32 = 3_000_000;

fn main() -> Result<(), filter::Error> {
    let mut modbus = vec![2; 12];
    modbus.extend([8, 0, 0x45, 0, 0, 52, 0, 1, 0, 0, 64, 6, 0, 0, 10, 1, 10, 4, 10, 1, 10, 5]);
    modbus.extend([0x9c, 0x40, 0x01, 0xf6, 0, 0, 0, 1, 0, 0, 0, 2, 0x50, 0x18, 0, 0, 0, 0, 0, 0]);
    modbus.extend([0, 1, 0, 0, 0, 6, 1, 3, 0, 0, 0, 1]);
    for text in FILTERS {
        let began = Instant::now();
        let filter = Filter::compile(text, Link::ETHERNET)?;
        let compiled = began.elapsed();
        let began = Instant::now();
        let passed = (0..TIMES).filter(|_| filter.matches(black_box(&modbus), modbus.len())).count();
        let each = began.elapsed() / TIMES;
        let (instructions, passes) = (filter.program().len(), passed > 0);
        println!("{instructions} instructions in {compiled:?}, {each:?} a frame, passes {passes}: {text}");
    }
    Ok(())
}
