//! The demonstration: the story live, and the same story from what it leaves behind.

use crate::run::{Run, folder, tieline};
use serde_json::{Value, json};
use std::path::Path;

/// Story seconds in a second: the whole story in a quarter of a minute.
const SPEED: &str = "12";

fn demo(args: &[&str]) -> Run {
    let given = ["demo", "--headless", "--json", "--speed", SPEED];
    tieline(&given.iter().chain(args).map(ToString::to_string).collect::<Vec<_>>())
}

fn of<'a>(lines: &'a [Value], kind: &str) -> Vec<&'a Value> {
    lines.iter().filter(|line| line["type"] == kind).collect()
}

/// What makes a step what it is, wherever it was seen: text, joins, evidence.
fn step(step: &Value, base: u64) -> Value {
    let joins = step["joins"].as_array().unwrap().iter().map(|join| {
        let with =
            join["with"].as_u64().map_or_else(|| join["with_step"].as_u64().unwrap(), |with| with + base);
        json!([join["variable"], join["value"], with, join["confidence"]])
    });
    let evidence = &step["evidence"];
    json!({
        "text": step["text"], "repeats": step["repeats"], "joins": joins.collect::<Vec<_>>(),
        "evidence": [evidence["log"], evidence["number"], evidence["text"]],
    })
}

#[test]
fn the_story_ends_well_and_what_was_kept_tells_it_again() {
    let dir = folder("demo-kept");
    let run = demo(&["--keep", dir.to_str().unwrap()]);
    assert_eq!(run.code, 1, "{}", run.stderr);
    let lines = run.json();
    let end = of(&lines, "end")[0];
    assert_eq!((&end["surge_cycles"], &end["tripped"]), (&json!(0), &Value::Null), "{end}");
    let incidents = end["incidents"].as_array().unwrap();
    assert_eq!(incidents.len(), 1);
    let live: Vec<Value> = incidents[0]["steps"].as_array().unwrap().iter().map(|s| step(s, 1)).collect();
    assert_eq!(live.len(), 7);

    let runs = of(&lines, "run");
    let last = &runs.last().unwrap()["run"];
    assert_eq!(last["state"], "active");
    assert_eq!(last["guard"]["verdict"], "degrades");
    let approvals = last["approvals"].as_array().unwrap();
    let given = approvals.iter().map(|a| (a["role"].as_str().unwrap(), a["by_script"].as_bool().unwrap()));
    assert_eq!(given.collect::<Vec<_>>(), [("it", true), ("ot", true)]);

    let evidence = dir.join("evidence");
    let read = tieline(&["read", "--json", evidence.to_str().unwrap()].map(ToString::to_string));
    let lines = read.json();
    let told = of(&lines, "incident");
    assert_eq!(told.len(), 1);
    let read: Vec<Value> = told[0]["steps"].as_array().unwrap().iter().map(|s| step(s, 0)).collect();
    assert_eq!(read, live);
    assert_eq!(told[0]["title"], incidents[0]["head"]["title"]);
}

#[test]
fn the_compressor_surges_when_nobody_acts_and_nothing_is_left_behind() {
    let before = demo_folders();
    let run = demo(&["--approvals", "nobody"]);
    assert_eq!(run.code, 1, "{}", run.stderr);
    let lines = run.json();
    assert_eq!(of(&lines, "surge").len(), 1, "{}", run.stdout);
    assert_eq!(of(&lines, "trip")[0]["why"], "surge cycles");
    // The values that the sensor read along show it: the trend of the story.
    let end = of(&lines, "end")[0];
    let effects = end["incidents"][0]["effects"].as_array().unwrap();
    let out = |tag: &str| effects.iter().any(|e| e["tag"] == tag && e["priority"] == 1);
    assert!(out("SD-101") && out("FT-101"), "{effects:?}");
    assert_eq!(of(&lines, "run").last().unwrap()["run"]["state"], "waiting");
    assert!(demo_folders().iter().all(|dir| before.contains(dir) || !dir.contains("tieline-demo")));
}

/// Folders of demonstrations that are over.
fn demo_folders() -> Vec<String> {
    let alive = |dir: &str| {
        let pid = dir.rsplit('-').next().unwrap_or_default().to_owned();
        Path::new("/proc").join(pid).exists()
    };
    let inside = std::fs::read_dir(std::env::temp_dir()).unwrap();
    let names = inside.filter_map(|entry| Some(entry.ok()?.file_name().to_string_lossy().into_owned()));
    names.filter(|name| name.starts_with("tieline-demo-") && !alive(name)).collect()
}

#[test]
fn what_cannot_be_is_refused() {
    let people = demo(&["--approvals", "people"]);
    assert_eq!(people.code, 2);
    assert!(people.stderr.contains("no people to approve"), "{}", people.stderr);
    let speed = tieline(&["demo", "--headless", "--speed", "0"].map(ToString::to_string));
    assert_eq!(speed.code, 2, "{}", speed.stderr);
    let taken = folder("demo-taken");
    std::fs::write(taken.join("mine"), "").unwrap();
    assert_eq!(demo(&["--keep", taken.to_str().unwrap()]).code, 2);
}
