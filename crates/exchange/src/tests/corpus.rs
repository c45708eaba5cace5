//! What is read of real files; skipped where they are not there.

use crate::testing::{corpus, files, show_source, tell};
use crate::{Damage, Format, read, sniff};
use model::{Event, Value};
use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{Cursor, Read};
use std::path::Path;
use std::process::Command;

fn read_file(path: &Path, take: &mut dyn FnMut(Result<Event, Damage>)) {
    let mut head = [0; 4096];
    let n = File::open(path).unwrap().read(&mut head).unwrap();
    let format = sniff(&path.to_string_lossy(), &head[..n]).unwrap();
    read(format, File::open(path).unwrap(), 0, take);
}

/// Counts of what was read.
#[derive(Default)]
struct Tally {
    events: usize,
    damage: Vec<String>,
    logs: BTreeMap<String, usize>,
    without_time: usize,
    without_id: usize,
}

impl Tally {
    fn count(&mut self, found: Result<Event, Damage>, file: &Path) {
        match found {
            Ok(event) => {
                self.events += 1;
                self.without_time += usize::from(event.time.0 == 0);
                let id = event
                    .fields
                    .iter()
                    .any(|(name, value)| &**name == "EventID" && matches!(value, Value::Int(_)));
                self.without_id += usize::from(!id);
                *self.logs.entry(event.log.into()).or_default() += 1;
            }
            Err(damage) => self.damage.push(format!("{}: {damage}", file.display())),
        }
    }
}

#[test]
fn every_event_of_the_attack_samples_is_read() {
    let Some(folder) = corpus("evtx-attack-samples") else { return };
    let mut tally = Tally::default();
    for path in files(folder, "evtx") {
        read_file(&path, &mut |found| tally.count(found, &path));
    }
    tell(&format!("{} events, damage {:?}, {:?}", tally.events, tally.damage, tally.logs));
    assert_eq!((tally.events, tally.without_time, tally.without_id), (8255, 0, 0));
}

#[test]
fn the_event_that_a_rule_must_find_has_the_rules_log_source() {
    let Some(folder) = corpus("sigmahq") else { return };
    let rules = log_sources(&folder);
    let (mut missing, mut seen) = (vec![], 0);
    for path in files(folder.join("regression_data"), "evtx") {
        let id = path.file_stem().unwrap().to_string_lossy().into_owned();
        let mut sources = BTreeSet::new();
        read_file(&path, &mut |found| sources.extend(found.unwrap().sources.iter().map(show_source)));
        let Some(wanted) = rules.get(&id) else { continue };
        seen += 1;
        if !sources.contains(wanted) {
            missing.push(format!("{}: {wanted} not in {sources:?}", path.display()));
        }
    }
    assert!(seen >= 200 && missing.is_empty(), "{seen} {missing:#?}");
}

/// Log source by rule id, read from the rules' text: three keys below `logsource:`.
fn log_sources(folder: &Path) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    for path in files(folder.to_owned(), "yml") {
        let text = std::fs::read_to_string(path).unwrap();
        let Some(id) = text.lines().find_map(|line| line.strip_prefix("id: ")) else { continue };
        let block = text.lines().skip_while(|line| *line != "logsource:").skip(1);
        let block: Vec<&str> = block.take_while(|line| line.starts_with(' ')).collect();
        let key =
            |name: &str| block.iter().find_map(|line| line.trim().strip_prefix(name)?.strip_prefix(": "));
        let keys = ["product", "category", "service"].map(|name| key(name).map_or("", first_word));
        found.insert(first_word(id).to_owned(), keys.join("/"));
    }
    found
}

fn first_word(text: &str) -> &str {
    text.split_whitespace().next().unwrap_or_default()
}

/// "RunMRU deleted" names no `EventType`; the other engine lets it match where the key was made (Sysmon 12,
/// `CreateKey`).
const RUN_MRU: &str = "3a9b8c1e-5b2e-4f7a-9d1c-2a7f3b6e1c55";

#[test]
fn every_rule_hit_of_another_engine_has_an_event_of_that_log_source() {
    let Some(rules) = corpus("sigmahq") else { return };
    let Some(samples) = corpus("evtx-attack-samples") else { return };
    let Some(hits) = corpus("sigma-hits-evtx-attack-samples.json") else { return };
    let rules = log_sources(&rules);
    let hits: BTreeMap<String, Vec<String>> = serde_json::from_reader(File::open(hits).unwrap()).unwrap();
    let mut missing = BTreeSet::new();
    for (file, ids) in hits {
        let mut sources = BTreeSet::new();
        read_file(&samples.join(&file), &mut |found| {
            sources
                .extend(found.into_iter().flat_map(|event| event.sources).map(|source| show_source(&source)));
        });
        let wanted = ids.iter().filter(|id| *id != RUN_MRU).filter_map(|id| rules.get(id));
        let wanted = wanted.filter(|wanted| !sources.contains(*wanted));
        missing.extend(wanted.map(|wanted| format!("{file}: {wanted}")));
    }
    assert!(missing.is_empty(), "{missing:#?}");
}

#[test]
fn a_defender_event_gives_its_names_with_and_without_blanks() {
    let Some(folder) = corpus("sigmahq/regression_data") else { return };
    let mut found = 0;
    for path in files(folder, "evtx") {
        read_file(&path, &mut |one| {
            let event = one.unwrap();
            if &*event.log == "windows_defender" && event.text("Threat Name").is_some() {
                assert_eq!(event.text("Threat Name"), event.text("ThreatName"));
                found += 1;
            }
        });
    }
    assert!(found > 0);
}

#[test]
fn an_event_is_the_same_from_evtx_and_from_the_json_of_evtx_dump() {
    let Some(folder) = corpus("sigmahq/regression_data") else { return };
    let mut compared = 0;
    for path in files(folder, "json") {
        let binary = path.with_extension("evtx");
        if !binary.exists() {
            continue;
        }
        let (mut text, mut evtx) = (vec![], vec![]);
        read_file(&path, &mut |found| text.push(found.unwrap()));
        read_file(&binary, &mut |found| evtx.push(found.unwrap()));
        for one in &text {
            let id = |event: &Event| {
                event.fields.iter().find(|(n, _)| &**n == "EventRecordID").map(|(_, v)| v.clone())
            };
            let Some(other) = evtx.iter().find(|other| id(other) == id(one)) else { continue };
            let names =
                |event: &Event| event.fields.iter().map(|(name, _)| name.clone()).collect::<BTreeSet<_>>();
            let missing: Vec<_> = names(other).symmetric_difference(&names(one)).cloned().collect();
            assert!(missing.is_empty(), "{}: {missing:?}", path.display());
            assert_eq!((&one.log, &one.sources), (&other.log, &other.sources));
            assert!((one.time - other.time).0.abs() < 1_000_000);
            compared += 1;
        }
    }
    assert!(compared > 0);
}

#[test]
fn windows_xml_and_mails_of_an_intrusion_are_read_whole() {
    let Some(folder) = corpus("it-storyline") else { return };
    let mut tally = Tally::default();
    let mut written = 0;
    for path in files(folder.join("data"), "xml") {
        written += std::fs::read_to_string(&path).unwrap().matches("</Event>").count();
        read_file(&path, &mut |found| tally.count(found, &path));
    }
    assert_eq!((tally.events, tally.without_time, tally.without_id), (written, 0, 0));
    assert!(tally.damage.is_empty(), "{:?}", tally.damage);
    let mut mails = 0;
    for path in files(folder.join("artifacts"), "eml") {
        read_file(&path, &mut |found| {
            let mail = found.unwrap();
            assert!(mail.time.0 > 0 && mail.text("from").is_some() && mail.text("message_id").is_some());
            mails += 1;
        });
    }
    tell(&format!("{written} events, {:?}, {mails} mails", tally.logs));
    assert!(mails > 0);
}

#[test]
fn the_json_of_otrf_becomes_windows_events() {
    let Some(folder) = corpus("otrf-windows-host") else { return };
    if Command::new("unzip").arg("-v").output().is_err() {
        return tell("skipped: there is no unzip here");
    }
    let mut tally = Tally::default();
    for path in files(folder, "zip") {
        let unzipped =
            Command::new("unzip").arg("-p").arg(&path).args(["-x", "__MACOSX/*"]).output().unwrap();
        read(Format::JsonLines, Cursor::new(unzipped.stdout), 0, &mut |found| tally.count(found, &path));
    }
    tell(&format!("{} events, damage {:#?}, {:?}", tally.events, tally.damage, tally.logs));
    assert_eq!((tally.without_time, tally.without_id, tally.logs.get("json")), (0, 0, None));
}

/// `EXCHANGE_BENCH=FILE[:FILE…]` reads the files and says how fast, for each kind of file.
#[test]
fn reading_speed_is_told() {
    let Some(paths) = std::env::var_os("EXCHANGE_BENCH") else {
        return tell("skipped: EXCHANGE_BENCH names no file");
    };
    let mut totals = BTreeMap::<_, (u32, u64, f64)>::new();
    for path in std::env::split_paths(&paths) {
        let mut events = 0;
        let start = std::time::Instant::now();
        read_file(&path, &mut |found| events += u32::from(found.is_ok()));
        let total = totals.entry(path.extension().unwrap().to_owned()).or_default();
        total.0 += events;
        total.1 += path.metadata().unwrap().len();
        total.2 += start.elapsed().as_secs_f64();
    }
    for (ending, (events, bytes, seconds)) in totals {
        let rate = f64::from(events) / seconds;
        tell(&format!("{}: {events} events, {bytes} bytes, {rate:.0} events a second", ending.display()));
    }
}
