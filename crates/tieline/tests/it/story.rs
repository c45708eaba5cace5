//! The project's own sample through the binary: every hop of the attack with its joins and evidence, and nothing of
//! what looks like it.

use crate::run::{Run, folder, tieline};
use lab::sample::{self, Hop, Sample};
use serde_json::Value;
use std::path::{Path, PathBuf};

fn written(name: &str, seed: u64) -> (PathBuf, Sample) {
    let dir = folder(name);
    let sample = sample::write(&dir, seed).unwrap();
    (dir, sample)
}

/// The sample's evidence: all files but the truth about them.
fn evidence(dir: &Path, sample: &Sample) -> Vec<String> {
    let names = sample.files().map(|(name, _)| name.to_owned()).filter(|name| name != sample::TRUTH);
    names.map(|name| dir.join(sample::EVIDENCE).join(name).display().to_string()).collect()
}

fn read(files: &[String]) -> Run {
    let mut args = vec!["read".to_owned(), "--json".to_owned()];
    args.extend_from_slice(files);
    tieline(&args)
}

fn incidents(run: &Run) -> Vec<Value> {
    run.json().into_iter().filter(|line| line["type"] == "incident").collect()
}

/// The number by which the truth knows a piece of evidence: of a line of JSON, its record.
fn record(file: &Value, number: u64) -> u64 {
    let path = Path::new(file.as_str().unwrap());
    if path.extension().is_none_or(|end| end != "json") {
        return number;
    }
    let text = std::fs::read_to_string(path).unwrap();
    let line = text.lines().nth(number as usize - 1).unwrap();
    let event: Value = serde_json::from_str(line).unwrap();
    ["EventRecordID", "RecordNumber"].iter().find_map(|name| event[*name].as_u64()).unwrap()
}

fn check_hop(hop: &Hop, step: &Value) {
    let (proof, name) = (&step["evidence"], &hop.step);
    let file = Path::new(proof["file"].as_str().unwrap()).file_name().unwrap().to_string_lossy().into_owned();
    assert_eq!(file, hop.proof.file, "{name}");
    let number = record(&proof["file"], proof["number"].as_u64().unwrap());
    assert!(hop.proof.numbers.contains(&number), "{name}: {number} is not among {:?}", hop.proof.numbers);
    // Windows tells the start of a process twice, once in each log; the truth counts what happened.
    assert!(step["repeats"].as_u64().unwrap() >= hop.repeats as u64, "{name}: repeats");
    let joins = step["joins"].as_array().unwrap();
    for wanted in &hop.joins {
        let found = joins.iter().any(|join| {
            join["variable"] == *wanted.variable
                && join["value"] == *wanted.value
                && join["with_step"] == wanted.with as u64 + 1
        });
        assert!(found, "{name}: no join {wanted:?} in {joins:?}");
    }
}

#[test]
fn the_incident_of_the_sample_is_told_with_all_its_hops_and_evidence() {
    let (dir, sample) = written("story", sample::SEED);
    let run = read(&evidence(&dir, &sample));
    assert_eq!(run.code, 1, "{}", run.stderr);
    let incidents = incidents(&run);
    assert_eq!(incidents.len(), 1, "one attack, one incident: {incidents:#?}");
    let steps = incidents[0]["steps"].as_array().unwrap();
    assert_eq!(steps.len(), sample.truth.hops.len(), "{steps:#?}");
    for (hop, step) in sample.truth.hops.iter().zip(steps) {
        check_hop(hop, step);
    }
    assert!(!incidents[0]["consequence"].as_str().unwrap().is_empty());
    let affected = &incidents[0]["affected"][0];
    assert_eq!(
        (affected["asset"].as_str(), affected["clients"][0].as_str()),
        (Some("plc-asc-1"), Some("ews01"))
    );
}

#[test]
fn the_order_of_the_files_does_not_matter() {
    let (dir, sample) = written("order", sample::SEED);
    let mut files = evidence(&dir, &sample);
    let told = |run: &Run| {
        let incidents = incidents(run);
        let text = |step: &Value| format!("{} {} {}", step["time"], step["text"], step["evidence"]["number"]);
        incidents.iter().flat_map(|i| i["steps"].as_array().unwrap().iter().map(text)).collect::<Vec<_>>()
    };
    let first = told(&read(&files));
    files.reverse();
    assert_eq!(first, told(&read(&files)));
    assert!(!first.is_empty());
}

#[test]
fn the_summary_tells_the_story_to_a_person() {
    let (dir, sample) = written("summary", sample::SEED);
    let mut args = vec!["read".to_owned()];
    args.extend(evidence(&dir, &sample));
    let run = tieline(&args);
    for text in
        ["Assets by Purdue level", "Who talks to whom", "Incidents (1)", "CRITICAL", "plc-asc-1", "m.keller"]
    {
        assert!(run.stdout.contains(text), "{text} is missing in:\n{}", run.stdout);
    }
}

#[test]
fn assets_of_the_sample_are_on_their_levels() {
    let (dir, sample) = written("levels", sample::SEED);
    let assets: Vec<Value> =
        read(&evidence(&dir, &sample)).json().into_iter().filter(|line| line["type"] == "asset").collect();
    let level = |id: &str| assets.iter().find(|asset| asset["id"] == id).map(|asset| asset["level"].clone());
    for (id, wanted) in
        [("plc-asc-1", "1"), ("hmi01", "2"), ("hist01", "3"), ("jump01", "3.5"), ("ws-eng-07", "4")]
    {
        assert_eq!(level(id), Some(wanted.into()), "{id}");
    }
}

#[test]
fn the_lake_answers_what_the_summary_says() {
    let (dir, sample) = written("lake", sample::SEED);
    let lake = dir.join("lake").display().to_string();
    let mut args = vec!["read".to_owned(), "--quiet".to_owned(), "--lake".to_owned(), lake.clone()];
    args.extend(evidence(&dir, &sample));
    assert_eq!(tieline(&args).code, 1);
    let ask = |sql: &str| tieline(&["ask", "--lake", &lake, "--json", sql].map(str::to_owned));
    let stops = ask(
        "SELECT count(*) AS n FROM modbus_umas WHERE \"ot.action\" = 'stop' AND \"ot.outcome\" = 'accepted'",
    );
    assert_eq!((stops.code, stops.json()[0]["n"].as_u64().unwrap() > 0), (0, true), "{}", stops.stderr);
    let logons = ask("SELECT count(*) AS n FROM windows_security WHERE TargetUserName = 'm.keller'");
    assert!(logons.json()[0]["n"].as_u64().unwrap() >= 2, "{}", logons.stdout);
    assert_eq!(ask("DROP TABLE conn").code, 2);
    assert_eq!(ask("SELECT * FROM con").code, 2);
}
