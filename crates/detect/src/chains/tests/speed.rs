//! The benchmark, small; `cargo run --release -p detect --example chain_speed` runs it large.

use super::*;

#[path = "../../../examples/chain_speed/load.rs"]
mod load;

#[test]
fn the_benchmark_finds_its_attacks() {
    let count = 20_000;
    let (mut chains, problems) = Chains::load([("load.yml", load::CHAINS)], Options::default());
    assert_eq!(problems, []);
    let mut told = 0;
    for (i, finding) in load::findings(count, Span(1_000_000)).enumerate() {
        let now = finding.arrived;
        chains.push(finding);
        if i % 1000 == 0 {
            told += chains.advance(now).len();
        }
    }
    told += chains.flush().len();
    assert_eq!(told, load::attacks(count), "{:?}", chains.counters());
}
