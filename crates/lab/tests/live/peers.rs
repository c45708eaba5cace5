use crate::start;
use lab::live::DEMO;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The Python that has the peers: `TIELINE_PEERS_PYTHON`, or the one that `make test` sets up.
fn python() -> Option<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap();
    let python =
        std::env::var_os("TIELINE_PEERS_PYTHON").map_or(root.join("target/peers/bin/python"), Into::into);
    let has =
        Command::new(&python).args(["-c", "import pymodbus"]).output().is_ok_and(|run| run.status.success());
    has.then_some(python)
}

#[test]
#[allow(clippy::print_stdout, reason = "a test that is skipped says so")]
fn a_stock_client_reads_and_writes_the_controllers() {
    let Some(python) = python() else {
        println!("skipped: no Python with pymodbus (see TIELINE_PEERS_PYTHON)");
        return;
    };
    let (live, kept) = start(DEMO, 5.0);
    let addresses = live.addresses();
    let socket = |name: &str| addresses.iter().find(|(known, ..)| &**known == name).unwrap().2.to_string();
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/peers/modbus_client.py");
    let run =
        Command::new(python).arg(script).args([socket("PLC-ASC-1"), socket("PLC-UNIT-2")]).output().unwrap();
    let (said, wrong) = (String::from_utf8_lossy(&run.stdout), String::from_utf8_lossy(&run.stderr));
    assert!(run.status.success(), "{said}\n{wrong}");
    live.stop();
    let asked = kept.pdus([10, 2, 0, 99], [10, 1, 10, 5]);
    assert!(asked.contains(&vec![6, 0, 106, 0, 45]), "the tap has seen what was written");
}
