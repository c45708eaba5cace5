//! The centre at work: a real interface, a real folder, real firewall, and a program that is killed.

use crate::http::{Person, ask, until};
use crate::net::{Namespace, can, sh};
use crate::rights::{CAP_NET_ADMIN, CAP_SYS_ADMIN, threads};
use crate::run::{folder, public_folder, tieline};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// A centre with a configuration of its own; killed when it is dropped.
pub(crate) struct Centre {
    pub(crate) child: Option<Child>,
    pub(crate) config: PathBuf,
    address: SocketAddr,
}

impl Centre {
    /// Writes the configuration `more`, with people and a free port, and starts.
    pub(crate) fn start(dir: &Path, more: &str) -> Self {
        let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let config = dir.join("tieline.toml");
        let text = format!(
            "site = \"Test\"\ndata = \"{}\"\nconsole.listen = \"{address}\"\n{more}\n\
             [[user]]\nname = \"m.ito\"\nrole = \"it\"\n[[user]]\nname = \"k.sato\"\nrole = \"ot\"\n\
             [[user]]\nname = \"guest\"\nrole = \"viewer\"\n",
            dir.join("data").display()
        );
        fs::write(&config, text).unwrap();
        let mut centre = Self { child: None, config, address };
        centre.again();
        centre
    }

    pub(crate) fn again(&mut self) {
        // Few file handles: what waits must not hold one.
        let mut command = Command::new("sh");
        command.args(["-c", "ulimit -n 128; exec \"$0\" \"$@\"", env!("CARGO_BIN_EXE_tieline")]);
        let log = self.config.with_extension("log");
        let log = fs::OpenOptions::new().create(true).append(true).open(log).unwrap();
        command.args(["serve", "--config"]).arg(&self.config).stdout(Stdio::null()).stderr(log);
        let mut child = command.spawn().unwrap();
        until("the console", || {
            assert!(child.try_wait().unwrap().is_none(), "{}", self.log());
            ask(self.address, "GET", "/healthz", "", "")
        });
        self.child = Some(child);
    }

    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.config.with_extension("log")).unwrap_or_default()
    }

    pub(crate) fn login(&self, name: &str) -> Person {
        let config = self.config.to_str().unwrap();
        let made = tieline(&["login", name, "--config", config].map(ToString::to_string));
        assert_eq!(made.code, 0, "{}", made.stderr);
        Person::login(&made.stdout, name)
    }

    /// SIGKILL.
    fn kill(&mut self) {
        let mut child = self.child.take().unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
    }

    /// SIGTERM, and its exit code.
    pub(crate) fn stop(&mut self) -> Option<i32> {
        let mut child = self.child.take().unwrap();
        sh(&format!("kill -TERM {}", child.id()));
        child.wait().unwrap().code()
    }
}

impl Drop for Centre {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// A pair of interfaces that hear each other.
pub(crate) struct Pair(pub(crate) String);

impl Pair {
    pub(crate) fn new() -> Self {
        static COUNT: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);
        let number = COUNT.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let name = format!("tl{}n{number}", std::process::id());
        sh(&format!("ip link add {name}a type veth peer name {name}b"));
        for end in ["a", "b"] {
            // No chatter of the kernel's own.
            let _ = fs::write(format!("/proc/sys/net/ipv6/conf/{name}{end}/disable_ipv6"), "1");
            sh(&format!("ip link set {name}{end} mtu 9000 up"));
        }
        Self(name)
    }
}

impl Drop for Pair {
    fn drop(&mut self) {
        let _ = Command::new("ip").args(["link", "del", &format!("{}a", self.0)]).output();
    }
}

fn sample(dir: &Path) -> PathBuf {
    let run = tieline(&["sample", dir.to_str().unwrap()].map(ToString::to_string));
    assert_eq!(run.code, 0, "{}", run.stderr);
    dir.join("evidence")
}

/// A part of the corpus, where that is at hand.
fn corpus(part: &str) -> Option<PathBuf> {
    let default = concat!(env!("CARGO_MANIFEST_DIR"), "/../../target/corpus");
    let corpus = std::env::var("TIELINE_CORPUS").unwrap_or(default.to_owned());
    Some(Path::new(&corpus).join(part)).filter(|path| path.exists())
}

/// Copies real event logs into `inbox`, as many as there are at hand, at most ten; how many.
fn real_logs(inbox: &Path) -> usize {
    let Some(Ok(inside)) = corpus("evtx-attack-samples/Execution").map(fs::read_dir) else {
        eprintln!("no real event logs at hand: only those of the sample are followed");
        return 0;
    };
    let logs = inside
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.extension().is_some_and(|end| end == "evtx"));
    let copied = logs.take(10).map(|log| fs::copy(&log, inbox.join(log.file_name().unwrap())).unwrap());
    copied.count()
}

/// The conversation of the STOP, carved out of the packets that are kept, shows the STOP again.
fn packets_of_a_conversation(centre: &Centre, person: &Person) {
    let stop = "SELECT uid, _file, _number FROM modbus_umas WHERE ot.action = 'stop' ORDER BY ts LIMIT 1";
    let [uid, file, number] = person.sql(stop).remove(0).try_into().unwrap();
    let frame = format!("{}:{}", file.unwrap(), number.unwrap());
    let config = centre.config.to_str().unwrap();
    let host = "10.1.10.5".to_owned();
    for (which, name) in [("--uid", uid.unwrap()), ("--frame", frame), ("--host", host)] {
        let carved = centre.config.with_file_name("carved.pcap");
        let args = ["pcap", which, &name, "--config", config, "-o", carved.to_str().unwrap()];
        let run = tieline(&args.map(ToString::to_string));
        assert_eq!(run.code, 0, "{}", run.stderr);
        let read = tieline(&["read", "--json", carved.to_str().unwrap()].map(ToString::to_string));
        let findings = read.json().into_iter().filter(|line| line["title"] == "Controller Stopped").count();
        assert_eq!(findings, 1, "{}", read.stdout);
    }
}

/// Rows by log as the console tells them.
pub(crate) fn logs(person: &Person) -> BTreeMap<String, u64> {
    let health = person.get("/api/health");
    serde_json::from_value::<Vec<(String, u64)>>(health["logs"].clone()).unwrap().into_iter().collect()
}

fn alarms(person: &Person) -> Vec<String> {
    let overview = person.get("/api/overview");
    let alarms = overview["alarms"].as_array().unwrap();
    alarms.iter().map(|alarm| alarm["title"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn an_interface_and_a_folder_are_watched_and_a_kill_loses_nothing_that_was_shown() {
    if !can(&["ip", "tcpreplay"]) {
        return;
    }
    let dir = folder("serve-live");
    let evidence = sample(&dir.join("sample"));
    let inbox = dir.join("inbox");
    fs::create_dir_all(&inbox).unwrap();
    let pair = Pair::new();
    let more = format!(
        "[[packets.class]]\nname = \"process\"\nlevels = [0, 1, 2]\nsize = \"100MB\"\n\
         [[interface]]\nname = \"{}b\"\n[[folder]]\npath = \"{}\"\n",
        pair.0,
        inbox.display()
    );
    let mut centre = Centre::start(&dir, &more);
    let person = centre.login("m.ito");

    fs::copy(evidence.join("WS-ENG-07-sysmon.xml"), inbox.join("WS-ENG-07-sysmon.xml")).unwrap();
    fs::copy(evidence.join("invoice.eml"), inbox.join("invoice.eml")).unwrap();
    let real = real_logs(&inbox);
    if let Some(capture) = corpus("pcap/modbus/emreekin-crash.pcap") {
        sh(&format!("tcpreplay -q -x 10 -i {}a {} 2>&1", pair.0, capture.display()));
        until("rows of a real capture", || logs(&person).contains_key("modbus").then_some(()));
    }
    let replay = |multiplier: &str| {
        let capture = evidence.join("site.pcap");
        sh(&format!("tcpreplay -q -i {}a -x {multiplier} {} 2>&1", pair.0, capture.display()))
    };
    replay("400");
    until("rows of the interface and of the folder", || {
        let logs = logs(&person);
        let some =
            ["modbus", "modbus_umas", "windows_sysmon", "mail"].iter().all(|log| logs.contains_key(*log));
        let health = person.get("/api/health");
        let read = |source: &&Value| source["kind"] == "events" && source["last"] != 0;
        let files = health["sources"].as_array().unwrap().iter().filter(read).count();
        (some && files > real).then_some(())
    });
    until("the alarm", || alarms(&person).contains(&"Controller Stopped".to_owned()).then_some(()));
    until("the assets", || {
        let assets = person.get("/api/assets?q=10.1.10.5&offset=0&limit=10");
        (assets["rows"][0]["name"] == "plc-asc-1" && assets["rows"][0]["level"] == 1.0).then_some(())
    });

    // What is shown now was taken; part of it is stored, the rest waits. Then the program dies.
    let shown = logs(&person);
    centre.kill();
    centre.again();
    let person = centre.login("k.sato");
    let restored = until("the past", || {
        let logs = logs(&person);
        let all = shown.iter().all(|(log, rows)| logs.get(log).is_some_and(|now| now >= rows));
        all.then_some(logs)
    });
    for (log, rows) in shown.iter().filter(|(log, _)| *log != "weird") {
        let stored = person.number(&format!("SELECT count(*) FROM {log}"));
        assert_eq!(stored, restored[log], "{log}: {rows} rows were shown");
    }
    packets_of_a_conversation(&centre, &person);
    let twice =
        "SELECT count(*) FROM (SELECT uid, tid, is_orig, ts FROM modbus GROUP BY uid, tid, is_orig, ts)";
    let twice = twice.replace("is_orig", "pdu_type");
    assert_eq!(person.number(&twice), restored["modbus"]);
    assert!(alarms(&person).contains(&"Controller Stopped".to_owned()));
    assert_eq!(centre.stop(), Some(0), "{}", centre.log());
    assert!(!centre.log().contains("panicked"), "{}", centre.log());
}

#[test]
fn more_captures_than_file_handles_are_all_read_and_none_is_stored_twice() {
    const CAPTURES: u64 = 300;
    let dir = folder("serve-many");
    let inbox = dir.join("inbox");
    fs::create_dir_all(&inbox).unwrap();
    // One question to a name server in each, a different one; the last is cut short in its packet.
    for number in 0..CAPTURES {
        let mut pcap: Vec<u8> = vec![];
        for word in [0xa1b2_3c4d_u32, 0x0004_0002, 0, 0, 65_535, 1, 1_770_000_000, 5, 65, 65] {
            pcap.extend(word.to_le_bytes());
        }
        let (ethernet, ip) =
            ([2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 8, 0], [0x45, 0, 0, 51, 0, 0, 0, 0, 64, 17, 0, 0]);
        pcap.extend(ethernet.iter().chain(&ip).chain(&[10, 0, 0, 1, 10, 0, 0, 2]));
        pcap.extend((20_000 + number as u16).to_be_bytes());
        pcap.extend([0, 53, 0, 31, 0, 0, 1, 2, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0]);
        pcap.extend(b"\x05plant\x00\x00\x01\x00\x01");
        let kept = if number == CAPTURES - 1 { pcap.len() - 9 } else { pcap.len() };
        fs::write(inbox.join(format!("{number:04}.pcap")), &pcap[..kept]).unwrap();
    }
    let mut centre = Centre::start(&dir, &format!("[[folder]]\npath = \"{}\"\n", inbox.display()));
    let person = centre.login("m.ito");
    let all = |person: &Person| logs(person).get("conn") == Some(&(CAPTURES - 1));
    until("all captures", || all(&person).then_some(()));
    let problems = person.get("/api/health")["problems"].as_array().unwrap().len();
    assert_eq!(problems, 1, "{}", person.get("/api/health")["problems"]);
    assert_eq!(person.number("SELECT count(*) FROM conn"), CAPTURES - 1);
    centre.kill();
    centre.again();
    let person = centre.login("m.ito");
    until("all captures once more", || all(&person).then_some(()));
    assert_eq!(person.number("SELECT count(*) FROM conn"), CAPTURES - 1);
    assert_eq!(centre.stop(), Some(0), "{}", centre.log());
}

#[test]
fn two_people_stop_a_flow_in_a_real_firewall_and_the_kernel_ends_it_without_tieline() {
    if !can(&["ip", "nft"]) {
        return;
    }
    let namespace = Namespace::new("fw");
    let netns = format!("netns = \"{}\"", namespace.0);
    let list = || namespace.output("nft -j list table inet tieline");
    stop_a_flow(&folder("serve-respond"), ["", &netns], &list, CAP_NET_ADMIN | CAP_SYS_ADMIN);
}

#[test]
fn somebody_else_than_root_steers_the_firewall_with_the_one_right_that_it_takes() {
    const INSIDE: &str = "TIELINE_FIREWALL_NAMESPACE";
    if !can(&["ip", "nft"]) {
        return;
    }
    if std::env::var_os(INSIDE).is_some() {
        sh("ip link set lo up");
        let list = || sh("nft -j list table inet tieline 2>&1 || true");
        let run_as = "run_as = \"nobody\"";
        return stop_a_flow(&public_folder("serve-nobody"), [run_as, ""], &list, CAP_NET_ADMIN);
    }
    // The firewall of the namespace that the centre runs in.
    let namespace = Namespace::new("own");
    let mut this = Command::new("ip");
    this.args(["netns", "exec", &namespace.0]).arg(std::env::current_exe().unwrap());
    this.args(["somebody_else_than_root_steers_the_firewall", "--nocapture"]);
    let done = this.env(INSIDE, "1").output().unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    assert!(String::from_utf8_lossy(&done.stdout).contains("1 passed"));
}

/// `more` are lines of the configuration's beginning and of `[response]`, `list` tells what the firewall has, `rights` are
/// those that the centre works with.
fn stop_a_flow(dir: &Path, [more, response]: [&str; 2], list: &dyn Fn() -> String, rights: u64) {
    let evidence = sample(&dir.join("sample"));
    let more = format!(
        "{more}\n[[folder]]\npath = \"{}\"\n[[asset]]\nhost = \"PLC-ASC-1\"\ncriticality = \"high\"\n\
         [response]\nfirewall = \"nftables\"\n{response}\nhours = 1\nlearn_hours = 0.01\n",
        evidence.display(),
    );
    let mut centre = Centre::start(dir, &more);
    for thread in threads(centre.child.as_ref().unwrap()) {
        assert_eq!(thread.all_rights(), [rights; 5], "{thread:?}");
    }
    let (it, ot, guest) = (centre.login("m.ito"), centre.login("k.sato"), centre.login("guest"));
    let run = until("the run", || {
        let runs = it.get("/api/runs");
        runs[0]["id"].as_str().map(ToOwned::to_owned)
    });
    // The shorter story, told first, grows to the whole one under the same name.
    until("the whole story", || {
        let incident = it.get("/api/incidents/INC-1");
        (incident["steps"].as_array().unwrap().len() == 7).then_some(())
    });
    let packets = it.fetch("/api/incidents/INC-1/steps/6/packets");
    assert_eq!((packets.status, &packets.body[..4]), (200, &[0x4d, 0x3c, 0xb2, 0xa1][..]));
    let waiting = it.get(&format!("/api/runs/{run}"));
    assert_eq!(
        (&waiting["state"], &waiting["guard"]["verdict"]),
        (&"waiting".into(), &"degrades".into()),
        "{waiting}"
    );

    assert!(guest.approve(&run).status >= 400);
    let approved = it.approve(&run);
    assert_eq!(approved.status, 200, "{}", String::from_utf8_lossy(&approved.body));
    assert!(it.approve(&run).status >= 400, "one person is not two");
    assert_eq!(rules(list), Vec::<Value>::new());
    let approved = ot.approve(&run);
    assert_eq!(approved.status, 200, "{}", String::from_utf8_lossy(&approved.body));
    assert_eq!(approved.json()["state"], "active");

    let expected = serde_json::json!(["10.3.0.20", "10.1.10.5", "tcp", 502]);
    let in_force = rules(list);
    assert_eq!(in_force.len(), 1, "{in_force:?}");
    assert_eq!(in_force[0]["val"]["concat"], expected);
    assert!((1..=3600).contains(&in_force[0]["expires"].as_u64().unwrap()), "{in_force:?}");

    // Without Tieline the rule stays, and still has its end; who comes back knows of it.
    centre.kill();
    assert_eq!(rules(list).len(), 1);
    centre.again();
    let person = centre.login("k.sato");
    assert_eq!(person.get(&format!("/api/runs/{run}"))["state"], "active");
    let lifted =
        person.post(&format!("/api/runs/{run}/lift"), &serde_json::json!({ "reason": "the test is over" }));
    assert_eq!(lifted.json()["state"], "lifted");
    assert_eq!(rules(list), Vec::<Value>::new());
    assert_eq!(person.get("/api/runs").as_array().unwrap().len(), 1);
    // The story is there again once the files have been read again.
    let decisions = until("the story", || {
        let incident = person.fetch("/api/incidents/INC-1");
        (incident.status == 200).then(|| incident.json()["decisions"].as_array().unwrap().len())
    });
    assert!(decisions >= 7, "{decisions}");
    // It was told anew after the restart; what was lifted is not asked for once more.
    std::thread::sleep(std::time::Duration::from_secs(1));
    assert_eq!(person.get("/api/runs").as_array().unwrap().len(), 1);
    assert_eq!(centre.stop(), Some(0), "{}", centre.log());
}

/// Elements of the set of flows that are stopped.
fn rules(list: &dyn Fn() -> String) -> Vec<Value> {
    let Ok(said) = serde_json::from_str::<Value>(&list()) else { return vec![] };
    let sets = said["nftables"].as_array().unwrap().iter().filter_map(|part| part["set"]["elem"].as_array());
    sets.flatten().map(|element| element["elem"].clone()).collect()
}

#[test]
fn a_tap_and_a_one_way_conduit_are_judged_and_a_restart_forgets_nothing_and_says_nothing_twice() {
    if !can(&["ip", "tcpreplay"]) {
        return;
    }
    let dir = folder("serve-tap");
    let evidence = sample(&dir.join("sample"));
    let pair = Pair::new();
    // Controllers are said never to answer those that poll them, which they do.
    let more = format!(
        "[[interface]]\nname = \"{0}b\"\nsegment = \"3.5, DMZ\"\n\
         [[conduit]]\nname = \"polls\"\nfrom = [\"10.3.0.0/16\"]\nto = [\"10.1.0.0/16\"]\none_way = true\n\
         taps = [{{ tap = \"{0}b\", place = \"link\" }}]\n",
        pair.0
    );
    let mut centre = Centre::start(&dir, &more);
    let config = centre.config.to_str().unwrap().to_owned();
    let conduits = || tieline(&["conduits", "--json", "--config", &config].map(ToString::to_string));
    assert_eq!(conduits().json()[0]["verdict"], Value::Null);
    let person = centre.login("m.ito");
    sh(&format!("tcpreplay -q -x 400 -i {}a {} 2>&1", pair.0, evidence.join("site.pcap").display()));
    until("the packets", || (logs(&person).get("modbus") > Some(&8_000)).then_some(()));
    assert_eq!(centre.stop(), Some(0), "{}", centre.log());

    let run = conduits();
    assert_eq!((run.code, &run.json()[0]["verdict"]), (1, &"refuted".into()), "{}", run.stdout);
    let frame = run.json()[0]["evidence"]["frame"].as_str().unwrap().to_owned();
    let carved = dir.join("carved.pcap");
    let args = ["pcap", "--frame", &frame, "--config", &config, "-o", carved.to_str().unwrap()];
    assert_eq!(tieline(&args.map(ToString::to_string)).code, 0, "{frame}");

    centre.again();
    let person = centre.login("m.ito");
    until("the finding", || {
        alarms(&person).contains(&"A one-way conduit is not one-way".to_owned()).then_some(())
    });
    let source = person.get("/api/health")["sources"][0].clone();
    assert_eq!((&source["segment"], &source["healthy"]), (&"3.5, DMZ".into(), &true.into()), "{source}");
    let metrics = ask(centre.address, "GET", "/metrics", "", "").unwrap();
    let healthy = format!("tieline_tap_healthy{{tap=\"{}b\"}} 1", pair.0);
    assert!(String::from_utf8_lossy(&metrics.body).contains(&healthy));
    assert_eq!(centre.stop(), Some(0), "{}", centre.log());
    centre.again();
    let person = centre.login("m.ito");
    let count = |sql: &str| person.number(sql);
    assert!(count("SELECT sum(frames) FROM tap_health") >= 16_000);
    assert_eq!(count("SELECT count(*) FROM conduit WHERE verdict = 'refuted'"), 1);
    assert_eq!(count("SELECT count(*) FROM finding WHERE rule = 'conduit-refuted'"), 1);
    assert_eq!(count("SELECT count(*) FROM tap_health"), count("SELECT count(*) FROM stats"));
    assert_eq!(centre.stop(), Some(0), "{}", centre.log());
}

#[test]
fn what_is_wrong_with_a_configuration_is_said_by_place() {
    let dir = folder("serve-wrong");
    let config = dir.join("tieline.toml");
    fs::write(&config, "site = \"x\"\nintreface = 1\n").unwrap();
    let run = tieline(&["serve", "--config", config.to_str().unwrap()].map(ToString::to_string));
    assert_eq!(run.code, 2);
    assert!(run.stderr.contains("tieline.toml") && run.stderr.contains("line 2"), "{}", run.stderr);
    fs::write(&config, "[console]\nlisten = \"0.0.0.0:80\"\n").unwrap();
    let run = tieline(&["serve", "--config", config.to_str().unwrap()].map(ToString::to_string));
    assert_eq!(run.code, 2);
    assert!(run.stderr.contains("loopback"), "{}", run.stderr);
}

#[test]
fn the_doctor_finds_what_is_missing() {
    let dir = folder("doctor");
    let config = dir.join("tieline.toml");
    let text = format!(
        "data = \"{}\"\n[[folder]]\npath = \"{}/nowhere\"\n[[user]]\nname = \"m.ito\"\nrole = \"it\"\n",
        dir.join("data").display(),
        dir.display()
    );
    fs::write(&config, text).unwrap();
    let run = tieline(&["doctor", "--json", "--config", config.to_str().unwrap()].map(ToString::to_string));
    assert_eq!(run.code, 1);
    let bad: Vec<_> = run
        .json()
        .into_iter()
        .filter(|look| look["good"] == false)
        .map(|look| look["look"].clone())
        .collect();
    assert!(bad.contains(&"folder".into()) && bad.contains(&"people".into()), "{bad:?}");
    assert!(!bad.contains(&"rules".into()) && !bad.contains(&"data".into()), "{bad:?}");
}
