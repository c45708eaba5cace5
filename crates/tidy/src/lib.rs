//! What is true of the whole repository, checked with the other tests by `cargo test`.

#![cfg(test)]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// Which crates a crate may use. A line here is a decision: it needs its reason in `ARCHITECTURE.md`.
const ALLOWED: &[(&str, &[&str])] = &[
    ("model", &[]),
    ("wire", &[]),
    ("plant", &[]),
    ("protocols", &["wire", "model"]),
    ("health", &["wire", "model"]),
    ("site", &["model"]),
    ("detect", &["model"]),
    ("sensor", &["health", "protocols", "wire", "model"]),
    ("packets", &["sensor", "wire", "model"]),
    ("exchange", &["model"]),
    ("store", &["model"]),
    ("respond", &["model"]),
    ("console", &["model"]),
    ("filter", &["wire"]),
    ("ring", &["filter", "model"]),
    ("lab", &["model", "plant", "wire"]),
    ("hostile", &["health", "wire", "model", "protocols", "sensor"]),
    ("tidy", &[]),
    (
        "tieline",
        &[
            "console",
            "detect",
            "exchange",
            "filter",
            "health",
            "lab",
            "model",
            "packets",
            "plant",
            "protocols",
            "respond",
            "ring",
            "sensor",
            "site",
            "store",
            "wire",
        ],
    ),
];

/// Crates that rebuild in seconds and run anywhere: nothing heavy, and no runtime, beneath them.
const PURE: &[&str] = &["model", "wire", "filter", "protocols", "health", "site", "plant"];

/// What a pure crate may take from outside.
const LIGHT: &[&str] = &["foldhash", "itoa", "thiserror", "zmij"];

/// Calls that send, open a connection, or read a clock, and the crates that must not have them.
const FORBIDDEN: &[(&[&str], &[&str])] = &[
    (
        &["sensor", "health", "protocols", "wire"],
        &["UdpSocket", "TcpStream", "UnixStream", "UnixDatagram", "libc::", ".send_to("],
    ),
    (&["ring"], &["libc::send", "libc::write", "TX_RING", "UdpSocket", "TcpStream"]),
    (
        &[
            "model",
            "wire",
            "protocols",
            "health",
            "site",
            "detect",
            "sensor",
            "exchange",
            "store",
            "lab",
            "plant",
            "respond",
            "ring",
            "packets",
        ],
        &["Instant::now", "SystemTime::now", "Timestamp::now", "Zoned::now"],
    ),
];

/// The one file of a crate above that may: there the virtual site gets its time from.
const EXCEPT: &str = "crates/lab/src/live/clock.rs";

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap().to_owned()
}

fn crates() -> BTreeMap<String, String> {
    fs::read_dir(root().join("crates"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .map(|path| {
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            (name, fs::read_to_string(path.join("Cargo.toml")).unwrap())
        })
        .collect()
}

/// Names in the section `[dependencies]` of a manifest.
fn dependencies(manifest: &str) -> Vec<&str> {
    let section = manifest.split("\n[dependencies]\n").nth(1).unwrap_or_default();
    let section = section.split("\n[").next().unwrap_or_default();
    section
        .lines()
        .filter_map(|line| line.split(['.', ' ', '=']).next())
        .filter(|name| !name.is_empty())
        .collect()
}

fn sources(folder: &Path) -> Vec<(PathBuf, String)> {
    let mut found = vec![];
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|end| end == "rs") {
            found.push((path.clone(), fs::read_to_string(path).unwrap()));
        }
    }
    found
}

#[test]
fn crates_use_only_what_they_may() {
    let all = crates();
    for (name, manifest) in &all {
        let (_, allowed) = ALLOWED.iter().find(|(known, _)| known == name).expect("every crate is listed");
        for used in dependencies(manifest) {
            assert!(!all.contains_key(used) || allowed.contains(&used), "{name} must not use {used}");
        }
    }
}

#[test]
fn pure_crates_stay_light() {
    let all = crates();
    for name in PURE {
        for used in dependencies(&all[*name]) {
            assert!(all.contains_key(used) || LIGHT.contains(&used), "{name} must not depend on {used}");
        }
    }
}

#[test]
fn the_sensor_cannot_send_and_time_is_a_value() {
    for (crates, calls) in FORBIDDEN {
        for name in *crates {
            let sources = sources(&root().join("crates").join(name).join("src"));
            // A test may look at a clock to say what it measured.
            let product = sources
                .into_iter()
                .filter(|(path, _)| !path.to_string_lossy().contains("/tests") && !path.ends_with(EXCEPT));
            for (path, text) in product {
                let code = text.lines().filter(|line| !line.trim_start().starts_with("//"));
                for line in code {
                    let call = calls.iter().find(|call| line.contains(**call));
                    assert_eq!(call, None, "{}: {line}", path.display());
                }
            }
        }
    }
}

#[test]
fn only_the_capture_ring_has_unsafe_code() {
    for (name, manifest) in crates() {
        assert_eq!(manifest.contains("unsafe_code"), name == "ring", "{name}");
    }
}

#[test]
fn nothing_that_responds_can_talk_to_a_controller() {
    let all = crates();
    let links = ["protocols", "lab", "wire", "sensor", "modbus", "rodbus", "s7", "dnp3", "opcua"];
    for used in dependencies(&all["respond"]) {
        assert!(!links.iter().any(|link| used.contains(link)), "respond must not use {used}");
    }
}

#[test]
fn a_crate_is_named_as_its_folder_and_described() {
    let map = fs::read_to_string(root().join("ARCHITECTURE.md")).unwrap();
    for (folder, manifest) in crates() {
        assert!(manifest.contains(&format!("name = \"{folder}\"")), "{folder}");
        assert!(map.contains(&format!("`{folder}`")), "{folder} is not in ARCHITECTURE.md");
    }
}

/// A protocol is one file that exports `PROTOCOL`, and one line in the list.
#[test]
fn a_protocol_is_one_file_and_one_line() {
    let folder = root().join("crates/protocols/src");
    let list = fs::read_to_string(folder.join("lib.rs")).unwrap();
    let list = list.split("\nprotocols! {").nth(1).unwrap().split('}').next().unwrap();
    let listed: Vec<_> =
        list.lines().map(str::trim).filter_map(|line| line.strip_suffix(',')).map(str::to_owned).collect();
    assert!(!listed.is_empty());
    let mut exporting = vec![];
    for (path, text) in sources(&folder) {
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        if text.contains("pub static PROTOCOL: Protocol") {
            exporting.push(name);
            continue;
        }
        // Nobody else knows a protocol by its name: what is told apart elsewhere is told by the table.
        let inside = path.strip_prefix(&folder).unwrap().components().count() > 1;
        for protocol in listed.iter().filter(|_| !inside && name != "lib" && name != "testing") {
            assert!(!text.contains(&format!("crate::{protocol}::PROTOCOL")), "{name} names {protocol}");
        }
    }
    let mut sorted = listed.clone();
    sorted.sort();
    exporting.sort();
    assert_eq!(sorted, exporting, "every file with a PROTOCOL is listed, and nothing else");
}

#[test]
fn no_file_is_huge_and_none_is_left_half_done() {
    for (path, text) in sources(&root().join("crates")) {
        let name = path.display();
        assert!(text.lines().count() < 1200, "{name} is longer than one idea");
        if path.ends_with("tidy/src/lib.rs") {
            continue;
        }
        for word in ["todo!(", "unimplemented!(", "#[ignore", "dbg!(", "FIXME"] {
            assert!(!text.contains(word), "{name} has {word}");
        }
    }
}
