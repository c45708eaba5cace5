//! How many findings a second the chains take, and what they hold.
//!
//! `cargo run -p detect --example chain_speed -- [FINDINGS]`

mod load;

use detect::chains::{Chains, Options};
use model::Span;
use std::time::Instant;
fn main() {
    let count: u64 = std::env::args().nth(1).and_then(|n| n.parse().ok()).unwrap_or(1_000_000);
    throughput(count, Span::s(1));
    throughput(count, Span(1_000_000));
    worst_case();
}

#[allow(clippy::print_stdout, reason = "the result of the benchmark")]
fn throughput(count: u64, apart: Span) {
    let (mut chains, problems) = Chains::load([("load.yml", load::CHAINS)], Options::default());
    assert!(problems.is_empty(), "{problems:?}");
    let mut told = 0;
    let mut busy = 0.0;
    let mut findings = load::findings(count, apart);
    loop {
        // Only the engine is measured, not the making of its input.
        let batch: Vec<_> = findings.by_ref().take(10_000).collect();
        let Some(now) = batch.last().map(|finding| finding.arrived) else { break };
        let start = cpu_s();
        batch.into_iter().for_each(|finding| chains.push(finding));
        told += chains.advance(now).len();
        busy += cpu_s() - start;
    }
    let start = cpu_s();
    told += chains.flush().len();
    busy += cpu_s() - start;
    println!(
        "{count} findings, one each {} ms: {busy:.2} s CPU, {:.0} a second",
        apart.0 / 1_000_000,
        count as f64 / busy
    );
    println!("  incidents {told} of {}, held (waiting, live) {:?}", load::attacks(count), chains.held());
    println!("  {:?}", chains.counters());
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    println!("  {}", status.lines().find(|line| line.starts_with("VmHWM")).unwrap_or_default());
}

/// CPU time of this thread so far, which a busy machine does not change as it does the time of day.
fn cpu_s() -> f64 {
    let stat = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    stat.split(' ').next().and_then(|ns| ns.parse::<f64>().ok()).unwrap_or_default() / 1e9
}

#[allow(clippy::print_stdout, reason = "the result of the benchmark")]
fn worst_case() {
    let four = "
title: four in order
correlation: { type: temporal_ordered, rules: [r0, r1, r2, r3], timespan: 1d }
";
    for each in [50, 400, 3200u64] {
        let (mut chains, _) = Chains::load([("four.yml", four)], Options::files());
        (0..3).for_each(|rule| (0..each).for_each(|i| chains.push(load::ordered(rule, i))));
        let start = Instant::now();
        chains.flush();
        let filled_us = start.elapsed().as_secs_f64() * 1e6 / (3 * each) as f64;
        let more: Vec<_> = (0..10).map(|i| load::ordered(2, each + i)).collect();
        let start = Instant::now();
        more.into_iter().for_each(|finding| chains.push(finding));
        chains.flush();
        let more_us = start.elapsed().as_secs_f64() * 1e6 / 10.0;
        println!(
            "4 steps, {each} findings each: {filled_us:.2} us a finding, {more_us:.2} us each of 10 more"
        );
    }
}
