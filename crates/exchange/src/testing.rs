use crate::{Damage, Format, read};
use model::{Event, LogSource, Value};
use std::fmt::Write;
use std::io::Cursor;
use std::path::PathBuf;

/// Everything that is read of `bytes`.
pub(crate) fn all(format: Format, bytes: &[u8]) -> Vec<Result<Event, Damage>> {
    let mut found = vec![];
    read(format, Cursor::new(bytes), 7, &mut |one| found.push(one));
    found
}

/// The only event in `bytes`.
pub(crate) fn only(format: Format, bytes: &[u8]) -> Event {
    let mut found = all(format, bytes);
    assert_eq!(found.len(), 1, "{found:?}");
    found.remove(0).unwrap()
}

/// An event for a person, or what is damaged.
pub(crate) fn show(found: &[Result<Event, Damage>]) -> String {
    let mut out = String::new();
    for one in found {
        match one {
            Ok(event) => show_event(event, &mut out).unwrap(),
            Err(damage) => writeln!(out, "! {damage}").unwrap(),
        }
    }
    out
}

fn show_event(event: &Event, out: &mut String) -> std::fmt::Result {
    writeln!(out, "{} {} {}", event.log, event.time, event.origin.number)?;
    let sources: Vec<String> = event.sources.iter().map(show_source).collect();
    writeln!(out, "  sources {}", sources.join(" "))?;
    for (name, value) in &event.fields {
        writeln!(out, "  {name} = {}", show_value(value))?;
    }
    event.entities.iter().try_for_each(|entity| writeln!(out, "  {entity}"))
}

pub(crate) fn show_source(source: &LogSource) -> String {
    [source.product, source.category, source.service].map(Option::unwrap_or_default).join("/")
}

pub(crate) fn show_value(value: &Value) -> String {
    match value {
        Value::Null => "null".into(),
        Value::Bool(yes) => yes.to_string(),
        Value::Int(number) => number.to_string(),
        Value::Double(number) => format!("{number}f"),
        Value::Text(text) => format!("{text:?}"),
        Value::List(list) => format!("[{}]", list.iter().map(show_value).collect::<Vec<_>>().join(", ")),
    }
}

/// A folder of the material outside the repository; says that the test is skipped where it is absent.
pub(crate) fn corpus(folder: &str) -> Option<PathBuf> {
    let default = concat!(env!("CARGO_MANIFEST_DIR"), "/../../target/corpus");
    let root = std::env::var_os("TIELINE_CORPUS").map_or_else(|| default.into(), PathBuf::from);
    let path = root.join(folder);
    if path.exists() {
        return Some(path);
    }
    tell(&format!("skipped: {folder} is not in the corpus at {}", root.display()));
    None
}

#[allow(clippy::print_stderr, reason = "a person runs the tests")]
pub(crate) fn tell(text: &str) {
    eprintln!("{text}");
}

/// Files below `folder` with the ending, in the order of their names.
pub(crate) fn files(folder: PathBuf, ending: &str) -> Vec<PathBuf> {
    let (mut folders, mut files) = (vec![folder], vec![]);
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|known| known == ending) {
                files.push(path);
            }
        }
    }
    files.sort();
    files
}
