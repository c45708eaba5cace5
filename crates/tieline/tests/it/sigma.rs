//! Sigma rules over real Windows logs: every SigmaHQ rule loads, every regression log fires its rule, and the
//! hits are those of an independent engine, save for what `docs/known-differences.md` explains.

#![allow(clippy::print_stdout, reason = "a test that is skipped says so, and what was measured is shown")]

use crate::corpus::corpus;
use detect::rules::{RuleFile, RuleSet};
use exchange::{Format, read};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

type Hits = BTreeMap<String, BTreeSet<String>>;

fn files(below: &Path, ending: &str) -> Vec<PathBuf> {
    let mut found = vec![];
    let mut folders = vec![below.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|known| known == ending) {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

fn sigmahq(root: &Path) -> RuleSet {
    let mut texts = vec![];
    for folder in fs::read_dir(root).unwrap() {
        let folder = folder.unwrap().path();
        if folder.file_name().is_some_and(|name| name.to_string_lossy().starts_with("rules")) {
            texts.extend(files(&folder, "yml").into_iter().map(|path| {
                (path.strip_prefix(root).unwrap().display().to_string(), fs::read_to_string(&path).unwrap())
            }));
        }
    }
    texts.sort();
    let loaded = RuleSet::load(texts.iter().map(|(name, text)| RuleFile { name, text })).unwrap();
    assert_eq!(loaded.problems, []);
    assert_eq!((loaded.files, loaded.loaded, loaded.correlations.len()), (3780, 3780, 0));
    loaded.rules
}

/// Ids of the rules that find something, by file; and how many events were read.
fn hits(rules: &mut RuleSet, below: &Path) -> (Hits, usize) {
    let (mut found, mut events) = (Hits::new(), 0);
    for path in files(below, "evtx") {
        let name = path.strip_prefix(below).unwrap().display().to_string();
        read(Format::Evtx, fs::File::open(&path).unwrap(), 0, &mut |event| {
            let Ok(event) = event else { return };
            events += 1;
            for finding in rules.event(&event) {
                found.entry(name.clone()).or_default().insert(finding.rule.to_string());
            }
        });
    }
    (found, events)
}

/// Rows of the table in the section `## Sigma`: `| set | file | rule | ours or theirs | reason |`.
fn explained(set: &str) -> BTreeSet<String> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/known-differences.md");
    let text = fs::read_to_string(path).unwrap();
    let section = text.split("\n## ").find(|section| section.starts_with("Sigma")).unwrap_or_default();
    let cells =
        |row: &str| row.split('|').map(|cell| cell.trim().trim_matches('`').to_owned()).collect::<Vec<_>>();
    let rows = section.lines().map(cells).filter(|cells| cells.get(1).is_some_and(|known| known == set));
    rows.map(|cells| cells[2..5].join(" | ")).collect()
}

/// What only one of the two found, as [`explained`] has it.
fn differences(ours: &Hits, theirs: &Hits) -> BTreeSet<String> {
    let pairs = |hits: &Hits| -> BTreeSet<(String, String)> {
        hits.iter().flat_map(|(file, rules)| rules.iter().map(|rule| (file.clone(), rule.clone()))).collect()
    };
    let (ours, theirs) = (pairs(ours), pairs(theirs));
    let only = |these: &BTreeSet<(String, String)>, those: &BTreeSet<(String, String)>, whose: &str| {
        these.difference(those).map(|(file, rule)| format!("{file} | {rule} | {whose}")).collect::<Vec<_>>()
    };
    let mut all: BTreeSet<String> = only(&ours, &theirs, "ours").into_iter().collect();
    all.extend(only(&theirs, &ours, "theirs"));
    all
}

fn theirs(path: &Path) -> Hits {
    serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap()
}

fn text(rows: &BTreeSet<String>) -> String {
    rows.iter().map(|row| format!("{row}\n")).collect()
}

#[test]
fn every_regression_log_fires_its_rule_and_no_other_than_the_independent_engine() {
    let (Some(root), Some(oracle)) = (corpus("sigmahq"), corpus("sigma-hits-regression.json")) else {
        return;
    };
    let (found, events) = hits(&mut sigmahq(&root), &root.join("regression_data"));
    let logs = files(&root.join("regression_data"), "evtx");
    println!("{} logs, {events} events, {} rules fired", logs.len(), found.values().flatten().count());
    let missed: Vec<_> = logs.iter().filter(|log| !fires_its_rule(log, &root, &found)).collect();
    assert_eq!(missed, Vec::<&PathBuf>::new());
    let all = differences(&found, &theirs(&oracle));
    assert_eq!(text(&all), text(&explained("regression")));
}

/// `info.yml` beside a log names the rule by `id` below `rule_metadata`.
fn fires_its_rule(log: &Path, root: &Path, found: &Hits) -> bool {
    let info = fs::read_to_string(log.with_file_name("info.yml")).unwrap();
    let (_, metadata) = info.split_once("rule_metadata:").unwrap();
    let line = metadata.lines().find(|line| line.trim_start().starts_with("- id:")).unwrap();
    let rule = line.split_once(':').unwrap().1.trim();
    let name = log.strip_prefix(root.join("regression_data")).unwrap().display().to_string();
    found.get(&name).is_some_and(|rules| rules.contains(rule))
}

#[test]
fn hits_over_attack_samples_are_those_of_an_independent_engine() {
    let Some(samples) = corpus("evtx-attack-samples") else { return };
    let (Some(root), Some(oracle)) = (corpus("sigmahq"), corpus("sigma-hits-evtx-attack-samples.json"))
    else {
        return;
    };
    let (found, events) = hits(&mut sigmahq(&root), &samples);
    println!("{events} events, {} pairs of file and rule", found.values().flatten().count());
    let all = differences(&found, &theirs(&oracle));
    assert_eq!(text(&all), text(&explained("evtx-attack-samples")));
}
