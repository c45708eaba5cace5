//! The live sensor on a real interface: it hears what tcpdump hears, and a kill leaves whole rows.

use crate::http::until;
use crate::net::{Namespace, can, sh};
use crate::run::{folder, tieline};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// A wire within a namespace: what is sent into `near` comes out at `far`.
pub(crate) fn wire() -> Namespace {
    let namespace = Namespace::new("wire");
    namespace.run("ip link add near type veth peer name far");
    for end in ["near", "far"] {
        namespace.run(&format!("sysctl -qw net.ipv6.conf.{end}.disable_ipv6=1"));
        namespace.run(&format!("ip link set {end} mtu 9000 up"));
    }
    namespace
}

pub(crate) fn sample(dir: &Path) -> PathBuf {
    tieline(&["sample", dir.to_str().unwrap()].map(ToString::to_string));
    dir.join("evidence").join("site.pcap")
}

pub(crate) fn start(namespace: &Namespace, command: &str) -> Child {
    let mut child = Command::new("ip");
    child.args(["netns", "exec", &namespace.0, "sh", "-c", &format!("exec {command}")]);
    child.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
}

fn sense(namespace: &Namespace, logs: &Path) -> Child {
    sense_with(namespace, logs, "")
}

pub(crate) fn sense_with(namespace: &Namespace, logs: &Path, more: &str) -> Child {
    let binary = env!("CARGO_BIN_EXE_tieline");
    let command = format!("{binary} sense -i far --zeek-dir {} {more}", logs.display());
    let child = start(namespace, &command);
    // The socket is there when the kernel lists it.
    let listens = || namespace.output("cat /proc/net/packet").lines().count() > 1;
    until("the sensor", || listens().then_some(()));
    child
}

/// Logs about the sensor and its tap, which a reading of the same packets does not write.
const ABOUT_ITSELF: [&str; 4] = ["stats", "capture_loss", "tap_health", "conduit"];

/// Rows of every log but those, without the names of conversations, in order.
fn rows(dir: &Path) -> BTreeMap<String, Vec<String>> {
    let mut all = BTreeMap::new();
    for path in fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()) {
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        let text = fs::read_to_string(&path).unwrap();
        let fields = text.lines().find_map(|line| line.strip_prefix("#fields\t")).unwrap().split('\t');
        let named: Vec<bool> = fields.map(|field| field == "uid" || field.ends_with("link_id")).collect();
        let row = |line: &str| {
            let kept = line.split('\t').zip(&named).filter(|(_, named)| !**named).map(|(value, _)| value);
            kept.collect::<Vec<_>>().join("\t")
        };
        let mut rows: Vec<String> = text.lines().filter(|line| !line.starts_with('#')).map(row).collect();
        rows.sort();
        if !ABOUT_ITSELF.contains(&&*name) {
            all.insert(name, rows);
        }
    }
    all
}

#[test]
fn live_logs_equal_those_of_a_capture_taken_at_the_same_time() {
    if !can(&["ip", "tcpreplay", "tcpdump"]) {
        return;
    }
    let dir = folder("sense-live");
    let (capture, logs, taken) = (sample(&dir.join("sample")), dir.join("live"), dir.join("taken.pcap"));
    let namespace = wire();
    let mut sensor = sense(&namespace, &logs);
    let dump = format!("tcpdump -i far -U -B 65536 --time-stamp-precision=nano -w {}", taken.display());
    let mut dump = start(&namespace, &dump);
    until("tcpdump", || (namespace.output("cat /proc/net/packet").lines().count() > 2).then_some(()));
    namespace.run(&format!("tcpreplay -q -x 300 -i near {}", capture.display()));
    std::thread::sleep(std::time::Duration::from_secs(1));
    for child in [&mut dump, &mut sensor] {
        sh(&format!("kill -TERM {}", child.id()));
        child.wait().unwrap();
    }
    let read = dir.join("read");
    tieline(
        &["read", "-q", taken.to_str().unwrap(), "--zeek-dir", read.to_str().unwrap()]
            .map(ToString::to_string),
    );
    let (live, read) = (rows(&logs), rows(&read));
    assert!(live["modbus"].len() > 8_000, "{}", live["modbus"].len());
    assert_eq!(live.keys().collect::<Vec<_>>(), read.keys().collect::<Vec<_>>());
    for (log, rows) in &live {
        assert!(*rows == read[log], "{log}: {} rows live, {} read", rows.len(), read[log].len());
    }
}

#[test]
fn a_filter_lets_the_same_through_on_an_interface_in_a_pipe_and_in_a_file() {
    const FILTER: &str = "(tcp port 502 and not dst host 10.1.10.5) or udp port 53 or arp";
    if !can(&["ip", "tcpreplay", "tcpdump"]) {
        return;
    }
    let dir = folder("sense-filtered");
    let (capture, logs, taken) = (sample(&dir.join("sample")), dir.join("live"), dir.join("taken.pcap"));
    let namespace = wire();
    let mut sensor = sense_with(&namespace, &logs, &format!("--filter '{FILTER}'"));
    let dump = format!("tcpdump -i far -U -B 65536 --time-stamp-precision=nano -w {}", taken.display());
    let mut dump = start(&namespace, &dump);
    until("tcpdump", || (namespace.output("cat /proc/net/packet").lines().count() > 2).then_some(()));
    namespace.run(&format!("tcpreplay -q -x 300 -i near {}", capture.display()));
    std::thread::sleep(std::time::Duration::from_secs(1));
    for child in [&mut dump, &mut sensor] {
        sh(&format!("kill -TERM {}", child.id()));
        child.wait().unwrap();
    }
    let (taken, read, piped) = (taken.to_str().unwrap(), dir.join("read"), dir.join("piped"));
    let command = ["read", "-q", taken, "--filter", FILTER, "--zeek-dir", read.to_str().unwrap()];
    tieline(&command.map(ToString::to_string));
    let (binary, piped) = (env!("CARGO_BIN_EXE_tieline"), piped.display());
    sh(&format!("{binary} sense -q -i - --filter '{FILTER}' --zeek-dir {piped} < {taken}"));
    let live = rows(&logs);
    assert!(live == rows(&read) && live == rows(Path::new(&piped.to_string())));
    let shared = dir.join("shared");
    let command = ["--filter", FILTER, "--workers", "3", "--zeek-dir", shared.to_str().unwrap()];
    tieline(
        &[&["read", "-q", taken], &command[..]].concat().iter().map(ToString::to_string).collect::<Vec<_>>(),
    );
    assert!(live == rows(&shared));
    let all = dir.join("all");
    tieline(&["read", "-q", taken, "--zeek-dir", all.to_str().unwrap()].map(ToString::to_string));
    let all = rows(&all);
    assert!(live["modbus"].len() > 1_000 && live["modbus"].len() < all["modbus"].len());
    assert!(!live.contains_key("smb_files") && live["dns"] == all["dns"]);
}

#[test]
fn a_tap_is_judged_over_all_workers_when_listening_ends() {
    if !can(&["ip", "tcpreplay"]) {
        return;
    }
    let dir = folder("sense-tap");
    let (capture, logs) = (sample(&dir.join("sample")), dir.join("live"));
    let namespace = wire();
    let mut sensor = sense_with(&namespace, &logs, "--workers 2");
    namespace.run(&format!("tcpreplay -q -x 300 -i near {}", capture.display()));
    std::thread::sleep(std::time::Duration::from_secs(1));
    sh(&format!("kill -TERM {}", sensor.id()));
    assert!(sensor.wait().unwrap().success());
    let text = fs::read_to_string(logs.join("tap_health.log")).unwrap();
    let fields = text.lines().find_map(|line| line.strip_prefix("#fields\t")).unwrap();
    let sum = |field: &str| {
        let place = fields.split('\t').position(|name| name == field).unwrap();
        let rows = text.lines().filter(|line| !line.starts_with('#'));
        rows.map(|row| row.split('\t').nth(place).unwrap().parse::<u64>().unwrap()).sum::<u64>()
    };
    assert!(sum("frames") >= 16_000, "{text}");
    assert!(sum("two_sided") > 10 && sum("one_sided") == 0, "{text}");
}

#[test]
fn a_kill_leaves_whole_rows_of_all_but_the_last_moment() {
    if !can(&["ip", "tcpreplay"]) {
        return;
    }
    let dir = folder("sense-killed");
    let (capture, logs) = (sample(&dir.join("sample")), dir.join("live"));
    let namespace = wire();
    let mut sensor = sense(&namespace, &logs);
    namespace.run(&format!("tcpreplay -q -x 300 -i near {}", capture.display()));
    // Rows are with the system within half a second; the kill comes after a whole one.
    std::thread::sleep(std::time::Duration::from_secs(1));
    sensor.kill().unwrap();
    sensor.wait().unwrap();
    let text = fs::read_to_string(logs.join("modbus.log")).unwrap();
    assert!(text.ends_with('\n'));
    let rows = text.lines().filter(|line| !line.starts_with('#'));
    let whole = rows.clone().filter(|line| line.split('\t').count() == 11).count();
    assert_eq!(whole, rows.count());
    assert!(whole > 8_000, "{whole}");
}

#[test]
fn a_pipe_is_a_source_and_what_cannot_be_listened_to_is_named() {
    let dir = folder("sense-pipe");
    let (capture, logs) = (sample(&dir.join("sample")), dir.join("logs"));
    let binary = env!("CARGO_BIN_EXE_tieline");
    sh(&format!("cat {} | {binary} sense -q -i - --zeek-dir {}", capture.display(), logs.display()));
    let read = dir.join("read");
    tieline(
        &["read", "-q", capture.to_str().unwrap(), "--zeek-dir", read.to_str().unwrap()]
            .map(ToString::to_string),
    );
    assert!(rows(&logs) == rows(&read));
    let missing = tieline(&["sense", "-i", "no-such-if"].map(ToString::to_string));
    assert_eq!(missing.code, 3);
    assert!(
        missing.stderr.contains("no interface no-such-if") || missing.stderr.contains("CAP_NET_RAW"),
        "{}",
        missing.stderr
    );
}

#[test]
fn a_card_that_cannot_stamp_is_named_with_what_it_can_and_nothing_is_begun() {
    if !can(&["ip"]) {
        return;
    }
    let dir = folder("sense-stamps");
    let namespace = wire();
    let (binary, config, data) = (env!("CARGO_BIN_EXE_tieline"), dir.join("tieline.toml"), dir.join("data"));
    let interface = "[[interface]]\nname = \"far\"\ntimestamps = \"hardware\"\n";
    let listen = "console.listen = \"127.0.0.1:18460\"";
    fs::write(&config, format!("data = \"{}\"\n{listen}\n{interface}", data.display())).unwrap();
    let sense = format!("sense -i far --timestamps hardware --zeek-dir {}", dir.join("logs").display());
    let serve = format!("serve --config {}", config.display());
    for command in [sense, serve] {
        let run = format!("ip netns exec {} {binary} {command}", namespace.0);
        let done = Command::new("sh").args(["-c", &run]).output().unwrap();
        let said = String::from_utf8_lossy(&done.stderr).into_owned();
        assert_eq!(done.status.code(), Some(3), "{said}");
        let sentence =
            "the card of far cannot stamp every packet that it receives: it has no stamps of its own";
        assert!(said.contains(sentence), "{said}");
        assert!(!data.exists());
    }
    // A pipe brings its own times.
    let pipe = tieline(&["sense", "-i", "-", "--timestamps", "hardware"].map(ToString::to_string));
    assert_eq!((pipe.code, pipe.stderr.trim()), (2, "error: a capture has its own times"));
}
