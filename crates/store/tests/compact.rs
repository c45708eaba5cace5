//! A lake that is written all day: segments are merged and old hours go, and every row is there once.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may fail")]

use arbtest::arbitrary::{Result as Drawn, Unstructured};
use arbtest::arbtest;
use expect_test::expect;
use model::{At, Event, Origin, Rows, Span, Time, Value};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, SystemTime};
use store::{Budget, Compacted, Error, Format, Lake, LakeWriter, Limits};

model::log! {
    /// A row that knows its number.
    struct Told<'a>: "told", Site {
        /// What is told.
        what: &'a str,
        /// Numbers.
        numbers: Option<&'a [u64]>,
        /// How much.
        level: f64,
    }
}

/// 2026-03-20, 09:00 UTC.
const START: Time = Time(1_773_997_200_000_000_000);

const HOUR: i64 = 3600;

/// A folder that goes with the test.
struct Scratch(PathBuf);

impl Scratch {
    fn new() -> Self {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("compact-{}-{number}", std::process::id());
        let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        fs::create_dir_all(&dir).unwrap();
        Self(dir)
    }

    fn lake(&self) -> Lake {
        Lake::open(&self.0).unwrap()
    }

    /// Files, as paths in the lake, in order.
    fn files(&self) -> BTreeSet<PathBuf> {
        let mut found = BTreeSet::new();
        let mut folders = vec![self.0.clone()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                } else {
                    found.insert(path.strip_prefix(&self.0).unwrap().to_owned());
                }
            }
        }
        found
    }

    fn contents(&self) -> BTreeMap<PathBuf, Vec<u8>> {
        let read = |path: PathBuf| (path.clone(), fs::read(self.0.join(path)).unwrap());
        self.files().into_iter().map(read).collect()
    }

    fn put(&self, path: &Path, bytes: &[u8]) {
        let path = self.0.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }

    fn listing(&self) -> String {
        self.files().iter().map(|path| format!("{}\n", path.display())).collect()
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Later than anything that the tests write.
fn later() -> SystemTime {
    SystemTime::now() + Duration::from_secs(3600)
}

fn after(seconds: i64) -> Time {
    START + Span::s(seconds)
}

fn tell(writer: &mut LakeWriter, time: Time, number: u64) {
    let at = At { time, origin: Origin { file: 1, number }, conversation: None, ot: None };
    writer.put(&at, &Told { what: "READ", numbers: Some(&[number]), level: 0.5 });
}

/// An event in the same table, where `what` is text, `numbers` is no list, and `level` is not there.
fn event(writer: &mut LakeWriter, time: Time, number: u64) {
    let field = |name: &str, value| (name.into(), value);
    writer.event(&Event {
        time,
        arrived: time,
        origin: Origin { file: 1, number },
        log: "told".into(),
        sources: vec![],
        fields: vec![
            field("numbers", Value::Text("none".into())),
            field(&format!("extra{}", number % 3), Value::Int(7)),
        ],
        entities: vec![],
    });
}

/// Writes a segment with a row at each of `seconds`, numbered from `first`.
fn segment(lake: &Lake, number: u64, first: u64, seconds: &[i64]) {
    let mut writer = lake.segment(number);
    for (number, seconds) in (first..).zip(seconds) {
        tell(&mut writer, after(*seconds), number);
    }
    writer.finish().unwrap();
}

fn ask(lake: &Lake, sql: &str) -> String {
    let mut out = Vec::new();
    lake.query(sql, &Limits::default()).unwrap().write(Format::Csv, &mut out).unwrap();
    String::from_utf8(out).unwrap().replace("\r\n", "\n")
}

/// Numbers of all rows, in order.
fn numbers(lake: &Lake) -> Vec<u64> {
    if lake.tables().unwrap().is_empty() {
        return Vec::new();
    }
    let csv = ask(lake, "SELECT _number FROM told ORDER BY _number");
    csv.lines().skip(1).map(|line| line.parse().unwrap()).collect()
}

fn compact(lake: &Lake, settled: u64) -> Compacted {
    lake.compact(after(24 * HOUR), settled, Budget::default()).unwrap()
}

#[test]
fn the_parts_of_an_hour_become_one_in_order_of_time() {
    let scratch = Scratch::new();
    let lake = scratch.lake();
    for number in 0..20 {
        let seconds = i64::try_from(number).unwrap();
        segment(&lake, number, 4 * number, &[100 - seconds, 50, 50, 50]);
    }
    segment(&lake, 20, 80, &[HOUR]);
    let before = ask(&lake, "SELECT * FROM told ORDER BY ts, _number");
    let done = lake.compact(after(HOUR), 21, Budget::default()).unwrap();
    assert_eq!(done, Compacted { merged: 20, parts: 1, rows: 80, deleted: 0, more: false });
    assert_eq!(ask(&lake, "SELECT * FROM told ORDER BY ts, _number"), before);
    assert_eq!(lake.tables().unwrap()[0].rows, 81);
    let done = compact(&lake, 21);
    assert_eq!(done, Compacted { deleted: 20, ..Compacted::default() });
    assert_eq!(ask(&lake, "SELECT * FROM told ORDER BY ts, _number"), before);
    expect![[r#"
        told/hour=2026-03-20T09/merged-000000000000000-000000000000019.parquet
        told/hour=2026-03-20T10/part-s000000000000020-000000.parquet
    "#]]
    .assert_eq(&scratch.listing());
    let order = ask(&lake, "SELECT _number FROM told WHERE hour = '2026-03-20T09'");
    let order: Vec<u64> = order.lines().skip(1).map(|line| line.parse().unwrap()).collect();
    let same_moment = (0..80).filter(|number| number % 4 != 0);
    assert_eq!(order, same_moment.chain((0..20).rev().map(|number| 4 * number)).collect::<Vec<_>>());
}

#[test]
fn with_nothing_to_do_nothing_is_done() {
    let scratch = Scratch::new();
    let lake = scratch.lake();
    assert_eq!(compact(&lake, 9), Compacted::default());
    (0..4).for_each(|number| segment(&lake, number, number, &[1]));
    assert_eq!(compact(&lake, 4).merged, 4);
    assert_eq!(compact(&lake, 4).deleted, 4);
    let files = scratch.listing();
    for _ in 0..3 {
        assert_eq!(compact(&lake, 4), Compacted::default());
    }
    assert_eq!(compact(&scratch.lake(), 4), Compacted::default());
    assert_eq!(scratch.listing(), files);
}

#[test]
fn late_rows_join_what_was_merged() {
    let scratch = Scratch::new();
    let lake = scratch.lake();
    (0..4).for_each(|number| segment(&lake, number, number, &[1]));
    compact(&lake, 4);
    segment(&lake, 4, 4, &[2]);
    let done = compact(&lake, 5);
    assert_eq!((done.merged, done.parts, done.deleted), (2, 1, 4));
    compact(&lake, 5);
    assert_eq!(numbers(&lake), [0, 1, 2, 3, 4]);
    expect![[r#"
        told/hour=2026-03-20T09/merged-000000000000000-000000000000004.parquet
    "#]]
    .assert_eq(&scratch.listing());
}

#[test]
fn a_segment_that_is_not_settled_stays_apart() {
    let scratch = Scratch::new();
    let lake = scratch.lake();
    (0..4).for_each(|number| segment(&lake, number, number, &[1]));
    assert_eq!(compact(&lake, 3).merged, 3);
    let lake = scratch.lake();
    segment(&lake, 3, 30, &[2]);
    assert_eq!(numbers(&lake), [0, 1, 2, 30]);
    assert_eq!(compact(&lake, 4).merged, 2);
    assert_eq!(numbers(&lake), [0, 1, 2, 30]);
}

#[test]
fn a_source_is_never_merged_and_can_be_read_again() {
    let scratch = Scratch::new();
    let lake = scratch.lake();
    for source in 0..20 {
        let mut writer = lake.writer(&format!("{source}.pcap"));
        tell(&mut writer, after(1), 100 + source);
        writer.finish().unwrap();
    }
    (0..20).for_each(|number| segment(&lake, number, number, &[1]));
    assert_eq!(compact(&lake, 20).merged, 20);
    let mut writer = lake.writer("3.pcap");
    tell(&mut writer, after(2), 500);
    writer.finish().unwrap();
    compact(&lake, 20);
    let sources = (100..120).filter(|number| *number != 103);
    assert_eq!(numbers(&lake), (0..20).chain(sources).chain([500]).collect::<Vec<_>>());
}

#[test]
fn what_is_left_of_an_unfinished_segment_goes() {
    let scratch = Scratch::new();
    let lake = scratch.lake();
    segment(&lake, 0, 0, &[1]);
    let mut writer = lake.segment(1);
    (0..9000).for_each(|number| tell(&mut writer, after(1), number));
    drop(writer);
    assert_eq!(scratch.files().len(), 2);
    segment(&lake, 1, 10, &[HOUR]);
    assert_eq!((numbers(&lake), scratch.files().len()), (vec![0, 10], 2));

    let mut writer = lake.segment(2);
    (0..9000).for_each(|number| tell(&mut writer, after(1), number));
    drop(writer);
    segment(&lake, 3, 20, &[1]);
    compact(&lake, 4);
    compact(&lake, 4);
    assert_eq!(numbers(&lake), [0, 10, 20]);
    assert!(!scratch.listing().contains("unfinished"), "{}", scratch.listing());
}

#[test]
fn a_merged_segment_is_refused_rather_than_hidden() {
    let scratch = Scratch::new();
    let lake = scratch.lake();
    assert_eq!(lake.next_segment().unwrap(), 0);
    (5..9).for_each(|number| segment(&lake, number, number, &[1]));
    compact(&lake, 9);
    assert_eq!(lake.next_segment().unwrap(), 9);
    let mut writer = lake.segment(7);
    tell(&mut writer, after(1), 1);
    let error = writer.finish().unwrap_err();
    assert!(matches!(error, Error::Merged { segment: 7, .. }), "{error}");
    assert_eq!(numbers(&lake), [5, 6, 7, 8]);
}

#[test]
fn parts_that_disagree_on_columns_give_the_same_answer_when_merged() {
    let scratch = Scratch::new();
    let lake = scratch.lake();
    for number in 0..12 {
        let mut writer = lake.segment(number);
        tell(&mut writer, after(1), 10 * number);
        if number % 2 == 0 {
            event(&mut writer, after(2), 10 * number + 1);
        }
        writer.finish().unwrap();
    }
    let all = "SELECT * FROM told ORDER BY _number";
    let before = ask(&lake, all);
    assert!(before.contains("[50]") && before.contains("none"), "{before}");
    assert_eq!(compact(&lake, 12).merged, 18);
    assert_eq!(ask(&lake, all), before);
    compact(&lake, 12);
    assert_eq!(ask(&lake, all), before);
    assert_eq!(scratch.files().len(), 1);
}

#[test]
fn a_call_ends_with_its_budget_and_the_next_goes_on() {
    let scratch = Scratch::new();
    let lake = scratch.lake();
    (0..6).for_each(|number| segment(&lake, number, 3 * number, &[1, HOUR, 2 * HOUR]));
    let budget = Budget { file_bytes: 1, ..Budget::default() };
    let mut calls = Vec::new();
    for _ in 0..4 {
        let done = lake.compact(after(24 * HOUR), 6, budget).unwrap();
        calls.push((done.parts, done.deleted, done.more));
    }
    assert_eq!(calls, [(1, 0, true), (1, 6, true), (1, 6, false), (0, 6, false)]);
    assert_eq!(numbers(&lake), (0..18).collect::<Vec<_>>());
}

#[test]
fn a_merged_part_is_as_large_as_the_memory_allows() {
    let scratch = Scratch::new();
    let lake = scratch.lake();
    let seconds: Vec<_> = (0..1000).collect();
    (0..40).for_each(|number| segment(&lake, number, 1000 * number, &seconds));
    let budget = Budget { memory_bytes: 1 << 20, ..Budget::default() };
    let done = lake.compact(after(24 * HOUR), 40, budget).unwrap();
    assert_eq!((done.merged, done.rows), (40, 40_000));
    assert!((3..10).contains(&done.parts), "{done:?}");
    assert_eq!(numbers(&lake), (0..40_000).collect::<Vec<_>>());
}

#[test]
fn a_damaged_part_is_named_and_holds_up_no_other_hour() {
    let scratch = Scratch::new();
    let lake = scratch.lake();
    (0..4).for_each(|number| segment(&lake, number, 2 * number, &[1, HOUR]));
    let damaged = scratch.0.join(scratch.files().first().unwrap());
    fs::write(&damaged, b"PAR1").unwrap();
    let error = lake.compact(after(24 * HOUR), 4, Budget::default()).unwrap_err().to_string();
    assert_eq!(error, format!("cannot read the part {}", damaged.display()));
    assert_eq!(
        scratch.files().iter().filter(|path| path.display().to_string().contains("merged-")).count(),
        1
    );
}

#[test]
fn an_answer_that_was_asked_for_before_is_read_to_its_end() {
    let scratch = Scratch::new();
    let lake = scratch.lake();
    (0..20).for_each(|number| segment(&lake, number, 2 * number, &[1, 2]));
    let answer = lake.query("SELECT _number FROM told", &Limits::default()).unwrap();
    assert_eq!(compact(&lake, 20).merged, 20);
    assert_eq!(compact(&lake, 20).deleted, 0);
    assert_eq!(answer.write(Format::Csv, &mut Vec::new()).unwrap().rows, 40);
    assert_eq!(compact(&lake, 20).deleted, 20);

    let answer = lake.query("SELECT _number FROM told", &Limits::default()).unwrap();
    assert_eq!(lake.retain(after(HOUR), later()).unwrap(), 0);
    assert!(lake.tables().unwrap().is_empty());
    assert_eq!(answer.write(Format::Csv, &mut Vec::new()).unwrap().rows, 40);
    assert!(lake.retain(after(HOUR), later()).unwrap() > 0);
    assert!(scratch.files().is_empty());
}

#[test]
fn an_answer_of_another_process_says_that_rows_went_away() {
    let scratch = Scratch::new();
    let lake = scratch.lake();
    (0..20).for_each(|number| segment(&lake, number, 2 * number, &[1, 2]));
    let answer = scratch.lake().query("SELECT _number FROM told", &Limits::default()).unwrap();
    compact(&lake, 20);
    compact(&lake, 20);
    let error = answer.write(Format::Csv, &mut Vec::new()).unwrap_err();
    assert!(matches!(error, Error::Gone), "{error:?}");
}

#[test]
fn hours_that_ended_before_the_oldest_go_and_no_others() {
    let scratch = Scratch::new();
    let lake = scratch.lake();
    segment(&lake, 0, 0, &[0, HOUR - 1, HOUR, 2 * HOUR]);
    let mut writer = lake.writer("old.pcap");
    tell(&mut writer, after(5), 100);
    let mut late = lake.segment(1);
    (200..9200).for_each(|number| tell(&mut late, after(7), number));
    writer.finish().unwrap();
    assert_eq!(lake.retain(after(HOUR - 1), later()).unwrap(), 0);
    assert_eq!(numbers(&lake), [0, 1, 2, 3, 100]);
    assert!(lake.retain(after(2 * HOUR - 1), later()).unwrap() > 0);
    assert_eq!(numbers(&lake), [2, 3]);
    late.finish().unwrap();
    assert_eq!(numbers(&lake), [2, 3]);
    assert!(lake.retain(after(2 * HOUR - 1), later()).unwrap() > 0);
    assert_eq!(scratch.lake().tables().unwrap()[0].rows, 2);
}

#[test]
fn old_rows_that_came_only_now_stay() {
    let scratch = Scratch::new();
    let lake = scratch.lake();
    segment(&lake, 0, 0, &[0, HOUR]);
    let an_hour_ago = SystemTime::now() - Duration::from_secs(3600);
    assert_eq!(lake.retain(after(3 * HOUR), an_hour_ago).unwrap(), 0);
    assert_eq!(numbers(&lake), [0, 1]);
    assert!(lake.retain(after(3 * HOUR), later()).unwrap() > 0);
    assert!(lake.tables().unwrap().is_empty());
}

/// A lake to which everything happens, and one with the same rows that is left in peace.
struct Run {
    scratch: Scratch,
    lake: Lake,
    _peace: Scratch,
    peaceful: Lake,
    segments: u64,
    settled: u64,
    rows: u64,
}

impl Run {
    fn new() -> Self {
        let (scratch, peace) = (Scratch::new(), Scratch::new());
        let (lake, peaceful) = (scratch.lake(), peace.lake());
        Self { scratch, lake, _peace: peace, peaceful, segments: 0, settled: 0, rows: 0 }
    }

    fn step(&mut self, u: &mut Unstructured<'_>) -> Drawn<()> {
        match u.int_in_range(0..=9)? {
            0..=4 => self.write(u),
            5 | 6 => self.compact(u),
            7 | 8 => self.crash_while_compacting(u),
            _ => self.crash_while_writing(u),
        }
    }

    fn write(&mut self, u: &mut Unstructured<'_>) -> Drawn<()> {
        let rows = self.some_rows(u)?;
        fill(self.lake.segment(self.segments), &rows);
        fill(self.peaceful.segment(self.segments), &rows);
        self.segments += 1;
        Ok(())
    }

    /// Moments and numbers of rows, and whether they are events.
    fn some_rows(&mut self, u: &mut Unstructured<'_>) -> Drawn<Vec<(Time, u64, bool)>> {
        let count = u.int_in_range(0..=6)?;
        let first = self.rows;
        self.rows += count;
        let row = |number| {
            Ok((after(u.int_in_range(0..=3)? * HOUR + u.int_in_range(0..=3)?), number, u.arbitrary()?))
        };
        (first..self.rows).map(row).collect()
    }

    fn compact(&mut self, u: &mut Unstructured<'_>) -> Drawn<()> {
        self.settled = u.int_in_range(self.settled..=self.segments)?;
        let budget = Budget {
            memory_bytes: *u.choose(&[2000, 20_000, 128 << 20])?,
            file_bytes: *u.choose(&[1, 20_000, 256 << 20])?,
        };
        let before = after(u.int_in_range(0..=5)? * HOUR);
        self.lake.compact(before, self.settled, budget).unwrap();
        Ok(())
    }

    /// Goes on with what a crash may leave of a call: some of the merged parts are there and others half
    /// written, and some of those that an earlier call merged are deleted.
    fn crash_while_compacting(&mut self, u: &mut Unstructured<'_>) -> Drawn<()> {
        let before = self.scratch.contents();
        self.compact(u)?;
        let done = self.scratch.contents();
        let crashed = Scratch::new();
        for (path, bytes) in before.iter().chain(&done) {
            if before.contains_key(path) && done.contains_key(path) || u.arbitrary()? {
                crashed.put(path, bytes);
            } else if done.contains_key(path) {
                let name = path.file_stem().unwrap().to_str().unwrap();
                let unfinished = path.with_file_name(format!(".{name}.unfinished"));
                crashed.put(&unfinished, &bytes[..bytes.len() / 2]);
            }
        }
        (self.lake, self.scratch) = (crashed.lake(), crashed);
        Ok(())
    }

    /// Some parts of a segment are there when the power goes; it is merged with nothing, and written again.
    fn crash_while_writing(&mut self, u: &mut Unstructured<'_>) -> Drawn<()> {
        let rows = self.some_rows(u)?;
        let before = self.scratch.files();
        fill(self.lake.segment(self.segments), &rows);
        for path in self.scratch.files().difference(&before) {
            if u.arbitrary()? {
                fs::remove_file(self.scratch.0.join(path)).unwrap();
            }
        }
        self.lake = self.scratch.lake();
        self.compact(u)?;
        fill(self.lake.segment(self.segments), &rows);
        fill(self.peaceful.segment(self.segments), &rows);
        self.segments += 1;
        Ok(())
    }

    fn check(&self) {
        assert_eq!(numbers(&self.lake), (0..self.rows).collect::<Vec<_>>());
        if self.rows > 0 {
            let all = "SELECT hour, ts, numbers, _number, _arrived FROM told ORDER BY _number";
            assert_eq!(ask(&self.lake, all), ask(&self.peaceful, all));
        }
    }
}

fn fill(mut writer: LakeWriter, rows: &[(Time, u64, bool)]) {
    for (time, number, is_event) in rows {
        if *is_event {
            event(&mut writer, *time, *number);
        } else {
            tell(&mut writer, *time, *number);
        }
    }
    writer.finish().unwrap();
}

#[test]
fn whatever_happens_every_row_is_there_once() {
    arbtest(|u| {
        let mut run = Run::new();
        while u.len() > 40 {
            run.step(u)?;
            run.check();
        }
        Ok(())
    })
    .size_min(200)
    .size_max(2000)
    .budget_ms(6000);
}

#[test]
fn rows_are_seen_once_while_segments_come_and_are_merged() {
    const SEGMENTS: u64 = 150;
    let scratch = Scratch::new();
    let lake = scratch.lake();
    let written = AtomicU64::new(0);
    let ended = AtomicBool::new(false);
    segment(&lake, 0, 0, &[0]);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for number in 1..SEGMENTS {
                // The last row comes late each time.
                segment(&lake, number, 2 * number, &[i64::try_from(number).unwrap() % 7 * HOUR, 1]);
                written.store(number, Ordering::SeqCst);
            }
            ended.store(true, Ordering::SeqCst);
        });
        scope.spawn(|| {
            while !ended.load(Ordering::SeqCst) {
                compact(&lake, written.load(Ordering::SeqCst));
            }
        });
        while !ended.load(Ordering::SeqCst) {
            let least = 2 * written.load(Ordering::SeqCst);
            let csv = ask(&lake, "SELECT count(*), count(DISTINCT _number) FROM told");
            let most = 2 * written.load(Ordering::SeqCst) + 3;
            let counts: Vec<u64> =
                csv.lines().nth(1).unwrap().split(',').map(|n| n.parse().unwrap()).collect();
            assert_eq!(counts[0], counts[1]);
            assert!((least..=most).contains(&(counts[0])), "{least} {counts:?} {most}");
        }
    });
    compact(&lake, SEGMENTS);
    compact(&lake, SEGMENTS);
    assert_eq!(numbers(&lake), [0].into_iter().chain(2..2 * SEGMENTS).collect::<Vec<_>>());
    assert!(scratch.files().len() <= 7 * 8, "{}", scratch.listing());
}
