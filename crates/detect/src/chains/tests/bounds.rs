//! What happens at each bound: it is counted, and the story is still found where that is possible.

use super::*;
use crate::chains::buffer::SOURCES_MAX;
use crate::chains::hit::COMBINATIONS_MAX;
use crate::chains::thread::{PAST_MAX, REPEATS_MAX, THREADS_MAX};
use crate::chains::{Counters, GROUP_MAX, Limits, VALUES_MAX};

const TWO: &str = "
title: two
window: 1h
chain:
  - rule: a
    bind: { user: actor.user, host: target.host }
  - rule: b
    bind: { host: source.host }
";

fn limited(held_max: usize, live_max: usize, lateness: Option<Span>) -> Options {
    Options { lateness, limits: Limits { held_max, live_max } }
}

fn a(number: u64, s: i64, user: &str) -> Finding {
    row(0, number, finding("a", s * S, &[("actor.user", user), ("target.host", "h")]))
}

fn b(number: u64, s: i64) -> Finding {
    row(0, number, finding("b", s * S, &[("source.host", "h")]))
}

#[test]
fn more_findings_than_may_wait_are_taken_early_and_lose_nothing() {
    let mut chains = chains(TWO, limited(10, 10_000, None));
    for i in 0..100 {
        chains.push(b(1000 + i, 200 + i as i64));
        chains.push(a(i, 100 + i as i64, "u"));
    }
    assert!(chains.held().0 <= 10);
    let told = chains.flush();
    assert_eq!(told.len(), 1);
    assert_eq!((told[0].steps[0].repeats, told[0].steps[1].repeats), (99, 99));
    assert_eq!(chains.counters().released_early, 190);
}

#[test]
fn repeats_beyond_the_bound_are_forgotten_from_the_middle() {
    let count = REPEATS_MAX as u64 + 100;
    let findings = (0..count).map(|i| a(i, i as i64, "u")).chain([b(count, count as i64)]);
    let mut chains = chains(TWO, Options::files());
    findings.for_each(|finding| chains.push(finding));
    let told = chains.flush();
    assert_eq!(told[0].steps[0].finding.time, Time(0));
    assert_eq!(told[0].steps[0].repeats, REPEATS_MAX + 100 - REPEATS_MAX / 4 - 1);
    assert_eq!(chains.counters().repeats_forgotten, REPEATS_MAX as u64 / 4);
}

#[test]
fn of_too_many_stories_at_one_place_the_quietest_is_forgotten() {
    let mut chains = chains(TWO, Options::files());
    let count = THREADS_MAX as u64 + 5;
    (0..count).for_each(|i| chains.push(a(i, i as i64, &format!("user{i}"))));
    chains.push(b(count, 1000));
    let told = chains.flush();
    assert_eq!(told.len(), THREADS_MAX);
    assert_eq!(&*told[0].variables[0].1, "user5");
    assert_eq!(chains.counters().threads_forgotten, 5);
}

#[test]
fn a_story_whose_repeats_were_forgotten_is_told_by_its_own_path() {
    let three = TWO.to_owned() + "  - rule: c\n    bind: { user: actor.user }\n";
    let mut chains = chains(&three, Options::files());
    chains.push(a(0, 0, "early"));
    chains.push(b(1, 1));
    (2..THREADS_MAX as u64 + 2).for_each(|i| chains.push(a(i, i as i64, &format!("user{i}"))));
    chains.push(row(0, 5000, finding("c", 1000 * S, &[("actor.user", "early")])));
    let told = chains.flush();
    assert_eq!(told.len(), 1);
    assert_eq!(told[0].steps.iter().map(|s| s.finding.time.0 / S).collect::<Vec<_>>(), [0, 1, 1000]);
    assert_eq!(chains.counters().thinned, 1);
}

#[test]
fn late_findings_meet_the_newest_of_the_past() {
    let mut chains = chains(TWO, live(0));
    (0..PAST_MAX as u64 + 7).for_each(|i| chains.push(b(i, 1000)));
    chains.push(arrived(2000 * S, a(9999, 900, "u")));
    assert_eq!(chains.flush().len(), 1);
    assert_eq!(chains.counters().past_forgotten, 7);
}

#[test]
fn combinations_beyond_the_bound_are_counted() {
    let users: Vec<String> = (0..COMBINATIONS_MAX + 3).map(|i| format!("u{i}")).collect();
    let mut values: Vec<_> = users.iter().map(|user| ("actor.user", &**user)).collect();
    values.push(("target.host", "h"));
    let mut chains = chains(TWO, Options::files());
    chains.push(row(0, 1, finding("a", 0, &values)));
    chains.push(b(2, 1));
    assert_eq!(chains.flush().len(), COMBINATIONS_MAX);
    assert_eq!(chains.counters().combinations_cut, 3);
}

#[test]
fn memory_stays_bounded_and_the_time_that_is_kept_shrinks() {
    let mut chains = chains(TWO, limited(1000, 20_000, Some(Span::s(1))));
    for i in 0..100_000u64 {
        let host = format!("h{}", i % 50_000);
        let values = [("actor.user", "u"), ("target.host", &*host), ("source.host", &host)];
        let rule = if i % 2 == 0 { "a" } else { "b" };
        chains.push(row(0, i, finding(rule, i as i64 * S / 100, &values)));
        assert!(chains.held().1 <= 20_000);
    }
    assert!(chains.counters().shortened > 0);
    // Far below an hour is kept, but what is close together is still joined.
    chains.push(a(1_000_000, 1001, "u"));
    chains.push(b(1_000_001, 1002));
    assert_eq!(chains.flush().len(), 1);
}

#[test]
fn what_is_older_than_two_windows_is_forgotten_without_a_trace() {
    let mut chains = chains(TWO, live(1));
    for i in 0..60_000u64 {
        let user = format!("u{}", i % 500);
        chains.push(row(0, i, finding("a", i as i64 * S, &[("actor.user", &user), ("target.host", &user)])));
    }
    chains.flush();
    assert!(chains.held().1 <= 40_000, "{:?}", chains.held());
    let counters = chains.counters();
    assert_eq!(counters, Counters { findings: 60_000, ..Counters::default() });
}

#[test]
fn a_story_that_goes_on_for_days_is_told_once_per_window_whatever_is_forgotten_meanwhile() {
    let mut chains = chains(TWO, live(1));
    let mut latest = vec![];
    for i in 0..100_000i64 {
        let at = i * 4;
        chains.push(if i % 2 == 0 { a(i as u64, at, "u") } else { b(i as u64, at) });
        if i % 1000 == 999 {
            let told = chains.advance(Time(at * S));
            renew(&told, &mut latest, &chains);
        }
    }
    let told = chains.flush();
    renew(&told, &mut latest, &chains);
    assert_eq!(chains.counters().thinned, 0);
    // The first completion at 4 s; completions every 8 s, those within an hour are repeats.
    let complete: Vec<_> = latest.iter().map(|incident| incident.complete.0 / S).collect();
    assert_eq!(complete, (0..111).map(|i| 4 + i * 3608).collect::<Vec<_>>());
    assert!(latest.iter().take(110).all(|incident| incident.steps[1].repeats == 450));
}

#[test]
fn a_group_keeps_the_newest() {
    let count = "
title: many
correlation: { type: event_count, rules: [a], timespan: 1h, condition: { gte: 3000 } }
";
    let mut chains = chains(count, Options::files());
    (0..GROUP_MAX as u64 + 50).for_each(|i| chains.push(a(i, 0, "u")));
    let told = chains.flush();
    assert_eq!(told[0].steps[0].repeats, GROUP_MAX);
    assert_eq!(chains.counters().group_forgotten, GROUP_MAX as u64 / 4);
}

#[test]
fn values_beyond_the_bound_are_repeats_of_the_last_step() {
    let count = "
title: many
correlation:
  type: value_count
  rules: [a]
  timespan: 1h
  condition: { field: actor.user, gte: 2 }
";
    let findings = (0..VALUES_MAX as u64 + 8).map(|i| a(i, i as i64, &format!("u{i}")));
    let told = run(count, Options::files(), findings);
    assert_eq!(told[0].steps.len(), VALUES_MAX);
    assert_eq!(told[0].steps.last().unwrap().repeats, 8);
}

#[test]
fn more_sources_than_the_bound_do_not_stop_time() {
    let mut chains = chains(TWO, live(1));
    for source in 0..u32::try_from(SOURCES_MAX).unwrap() + 10 {
        chains.progress(source, Time(0), Time(i64::from(source)));
    }
    let now = Time(0) + Span::s(10_000);
    chains.progress(0, now, now);
    chains.advance(now);
    assert_eq!(chains.watermark(), now - Span::s(1));
}
