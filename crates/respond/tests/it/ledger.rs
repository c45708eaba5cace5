use crate::scene::{Folder, Scene, noon};
use expect_test::expect;
use respond::{Entry, Error, Event, Ledger};
use rusqlite::{Connection, params};
use std::fs;
use std::path::{Path, PathBuf};

/// A ledger with a whole run in it, closed, and what is in it.
struct Written {
    path: PathBuf,
    entries: Vec<Entry>,
    _folder: Folder,
}

fn written() -> Written {
    let mut scene = Scene::new();
    let run = scene.in_force();
    scene.engine.lift(noon(), run, "c.lang", "the historian is clean").unwrap();
    let entries = scene.engine.events(0).unwrap();
    let folder = Folder::new();
    let path = folder.path().join("ledger");
    let (head, copy) = (scene.engine.verify().unwrap(), path.display().to_string());
    // Everything is in one file then, without a write-ahead log.
    Connection::open(&scene.ledger).unwrap().execute("VACUUM INTO ?1", [copy]).unwrap();
    assert_eq!(Ledger::open(&path).unwrap().head(), head);
    Written { path, entries, _folder: folder }
}

/// A connection of somebody who can write to the file and does not care for our triggers.
fn intruder(path: &Path) -> Connection {
    let database = Connection::open(path).unwrap();
    database.execute_batch("DROP TRIGGER ledger_is_not_changed; DROP TRIGGER ledger_is_not_cut;").unwrap();
    database
}

fn row(number: u64) -> i64 {
    number.try_into().unwrap()
}

fn named(ledger: &Ledger) -> u64 {
    match ledger.verify() {
        Err(Error::Tampered { number, .. }) => number,
        other => panic!("not noticed: {other:?}"),
    }
}

#[test]
fn any_byte_that_changes_is_found_and_its_entry_named() {
    let Written { path, entries, _folder } = written();
    let (ledger, database) = (Ledger::open(&path).unwrap(), intruder(&path));
    for column in ["who", "kind", "payload", "prev", "hash"] {
        for entry in &entries {
            let value: Vec<u8> = database
                .query_row(
                    &format!("SELECT CAST({column} AS BLOB) FROM ledger WHERE number = ?1"),
                    [row(entry.number)],
                    |r| r.get(0),
                )
                .unwrap();
            // Every byte of the short ones, and of the long ones some.
            for at in (0..value.len()).step_by(1 + value.len() / 40) {
                let mut changed = value.clone();
                changed[at] ^= 1 << (at % 8);
                set(&database, column, entry.number, &changed);
                assert_eq!(named(&ledger), entry.number, "{column} of {}", entry.number);
            }
            set(&database, column, entry.number, &value);
        }
    }
    ledger.verify().unwrap();
}

fn set(database: &Connection, column: &str, number: u64, value: &[u8]) {
    let kind = if matches!(column, "prev" | "hash") { "BLOB" } else { "TEXT" };
    let change = format!("UPDATE ledger SET {column} = CAST(?1 AS {kind}) WHERE number = ?2");
    database.execute(&change, params![value, row(number)]).unwrap();
}

#[test]
fn a_changed_time_is_found() {
    let Written { path, entries, _folder } = written();
    let (ledger, database) = (Ledger::open(&path).unwrap(), intruder(&path));
    for entry in &entries {
        database.execute("UPDATE ledger SET at = at + 1 WHERE number = ?1", [row(entry.number)]).unwrap();
        assert_eq!(named(&ledger), entry.number);
        database.execute("UPDATE ledger SET at = at - 1 WHERE number = ?1", [row(entry.number)]).unwrap();
    }
}

#[test]
fn an_entry_that_is_taken_out_or_put_in_is_found() {
    let Written { path, entries, _folder } = written();
    let (ledger, database) = (Ledger::open(&path).unwrap(), intruder(&path));
    database.execute("DELETE FROM ledger WHERE number = 5", []).unwrap();
    assert_eq!(named(&ledger), 5);
    let Written { path, _folder, .. } = written();
    let copy = "INSERT INTO ledger SELECT number + 1, at, who, kind, payload, prev, hash FROM ledger
                ORDER BY number DESC LIMIT 1";
    let (ledger, database) = (Ledger::open(&path).unwrap(), intruder(&path));
    database.execute(copy, []).unwrap();
    assert_eq!(named(&ledger), entries.last().unwrap().number + 1);
}

#[test]
fn an_end_that_is_cut_off_is_found_with_a_head_that_was_kept() {
    let Written { path, entries, _folder } = written();
    let kept = Ledger::open(&path).unwrap().head();
    let last = entries.last().unwrap().number;
    intruder(&path).execute("DELETE FROM ledger WHERE number = ?1", [row(last)]).unwrap();
    let head = Ledger::open(&path).unwrap().head();
    assert_eq!((head.number, kept.number), (last - 1, last));
    assert_ne!(head, kept);
}

#[test]
fn whatever_happens_to_the_file_no_other_story_is_told() {
    let Written { path, entries, _folder } = written();
    let (good, copy) = (fs::read(&path).unwrap(), path.with_extension("copy"));
    arbtest::arbtest(|u| {
        let mut bytes = good.clone();
        for _ in 0..u.int_in_range(1..=3)? {
            let at = u.choose_index(bytes.len())?;
            bytes[at] ^= 1 << u.int_in_range(0..=7)?;
        }
        fs::write(&copy, &bytes).unwrap();
        if let Ok(ledger) = Ledger::open(&copy) {
            assert_eq!(ledger.after(0).unwrap(), entries);
        }
        for end in ["-wal", "-shm", "-journal"] {
            // There need be none.
            let _ = fs::remove_file(format!("{}{end}", copy.display()));
        }
        Ok(())
    });
}

#[test]
fn the_file_itself_refuses_to_be_changed() {
    let Written { path, _folder, .. } = written();
    let database = Connection::open(&path).unwrap();
    let refused = database.execute("UPDATE ledger SET who = 'nobody'", []).unwrap_err();
    expect!["entries of the ledger are not changed"].assert_eq(&refused.to_string());
    let refused = database.execute("DELETE FROM ledger", []).unwrap_err();
    expect!["entries of the ledger are not deleted"].assert_eq(&refused.to_string());
}

#[test]
fn of_two_writers_one_notices() {
    let folder = Folder::new();
    let path = folder.path().join("ledger");
    let (mut first, mut second) = (Ledger::open(&path).unwrap(), Ledger::open(&path).unwrap());
    first.append(noon(), "a.weber", Event::Login).unwrap();
    let refused = second.append(noon(), "b.kraft", Event::Login).unwrap_err();
    assert!(matches!(refused, Error::OtherWriter { .. }), "{refused}");
    first.append(noon(), "a.weber", Event::Login).unwrap();
    assert_eq!(Ledger::open(&path).unwrap().head().number, 2);
}

#[test]
fn entries_after_a_number_are_those_after_it() {
    let Written { path, entries, _folder } = written();
    let ledger = Ledger::open(&path).unwrap();
    assert_eq!(ledger.after(0).unwrap(), entries);
    assert_eq!(ledger.after(3).unwrap(), entries[3..]);
    assert_eq!(ledger.after(u64::MAX).unwrap(), []);
}

#[test]
fn a_watcher_sees_each_entry_when_it_is_on_disk() {
    let mut scene = Scene::new();
    let path = scene.ledger.clone();
    let (sender, seen) = std::sync::mpsc::channel();
    scene.engine.watch(move |entry| {
        let on_disk = Ledger::open(&path).unwrap().head().number;
        sender.send((entry.number, on_disk)).unwrap();
    });
    scene.in_force();
    drop(scene);
    let seen: Vec<_> = seen.iter().collect();
    assert_eq!(seen.len(), 7);
    assert!(seen.iter().all(|(number, on_disk)| number == on_disk));
}
