//! Six cases that a correlation in order of arrival gets wrong, and what goes with them.

use super::*;
use crate::chains::{AHEAD_MAX, IDLE_AFTER};

const TWO_IN_10_S: &str = "
title: two of two
correlation:
  type: temporal
  rules: [r0, r1]
  group-by: [actor.user]
  timespan: 10s
";

fn ordered(timespan: &str) -> String {
    TWO_IN_10_S.replace("temporal", "temporal_ordered").replace("10s", timespan)
}

fn hit(rule: &str, ns: i64) -> Finding {
    finding(rule, ns, &[("actor.user", "u")])
}

#[test]
fn temporal_without_condition_means_all_rules() {
    assert_eq!(run(TWO_IN_10_S, live(60), [hit("r0", S)]).len(), 0);
    assert_eq!(run(TWO_IN_10_S, live(60), [hit("r0", S), hit("r1", 2 * S)]).len(), 1);
    let one = TWO_IN_10_S.to_owned() + "  condition: { gte: 1 }\n";
    assert_eq!(run(&one, live(60), [hit("r0", S)]).len(), 1);
}

#[test]
fn a_rule_is_found_by_its_name_and_by_its_id() {
    let by_id = TWO_IN_10_S.replace("[r0, r1]", "[id-of-r0, r1]");
    assert_eq!(run(&by_id, live(60), [hit("r0", S), hit("r1", 2 * S)]).len(), 1);
    let nameless = Finding { rule: "r1".into(), name: "".into(), ..hit("r1", 2 * S) };
    assert_eq!(run(TWO_IN_10_S, live(60), [hit("r0", S), nameless]).len(), 1);
}

#[test]
fn what_arrives_late_is_not_joined_with_what_is_out_of_its_window() {
    for definition in [TWO_IN_10_S, &ordered("10s")] {
        for lateness in [0, 10, 600] {
            let far = [hit("r1", 1100 * S), arrived(1101 * S, hit("r0", 1000 * S))];
            assert_eq!(run(definition, live(lateness), far).len(), 0, "{lateness}");
            let near = [hit("r1", 1001 * S), arrived(1101 * S, hit("r0", 1000 * S))];
            assert_eq!(run(definition, live(lateness), near).len(), 1, "{lateness}");
        }
    }
}

#[test]
fn order_holds_within_a_second() {
    assert_eq!(run(&ordered("10s"), live(1), [hit("r1", S / 10), hit("r0", 9 * S / 10)]).len(), 0);
    assert_eq!(run(&ordered("10s"), live(1), [hit("r0", S / 10), hit("r1", 9 * S / 10)]).len(), 1);
}

#[test]
fn at_equal_times_the_order_of_the_definition_holds_whatever_arrives_first() {
    assert_eq!(run(&ordered("10s"), live(0), [hit("r1", S), hit("r0", S)]).len(), 1);
    assert_eq!(run(&ordered("10s"), live(0), [hit("r0", S), hit("r1", S)]).len(), 1);
}

#[test]
fn a_clock_that_runs_ahead_spoils_nothing() {
    for definition in [ordered("60s"), TWO_IN_10_S.replace("10s", "60s")] {
        let ahead = arrived(1005 * S, hit("r0", 5_000_000 * S));
        let mut chains = chains(&definition, live(5));
        for finding in [hit("r0", 1000 * S), ahead, hit("r1", 1010 * S)] {
            chains.push(finding);
        }
        assert_eq!(chains.advance(Time(1011 * S)).len(), 0);
        assert!(chains.watermark() <= Time(1011 * S));
        let told = chains.advance(Time(1200 * S));
        assert_eq!(told.len(), 1);
        assert_eq!(chains.counters().ahead, 1);
        assert_eq!(chains.flush().len(), 0);
    }
}

#[test]
fn a_clock_slightly_ahead_is_believed() {
    let mut chains = chains(&ordered("60s"), live(5));
    chains.push(arrived(1000 * S, hit("r0", 1000 * S + AHEAD_MAX.0)));
    chains.push(hit("r1", 1006 * S));
    assert_eq!(chains.flush().len(), 1);
    assert_eq!(chains.counters().ahead, 0);
}

#[test]
fn the_worst_case_of_a_long_order_takes_microseconds_per_finding() {
    let four = ordered("1d").replace("[r0, r1]", "[r0, r1, r2, r3]");
    let mut chains = chains(&four, live(0));
    let count = 1000;
    chains.push(hit("r3", 0));
    for rule in 0..3 {
        for i in 0..count {
            chains.push(hit(&format!("r{rule}"), (1 + 5000 * rule + i) * S));
        }
    }
    // Not a promise about time, but about the order of growth: pairs would be 10^6, triples 10^9.
    assert_eq!(chains.flush().len(), 0);
    assert!(chains.held().1 <= 6 * 1000 + 1, "{:?}", chains.held());
    chains.push(hit("r3", 20_000 * S));
    let told = chains.flush();
    assert_eq!(told.len(), 1);
    assert_eq!(told[0].steps.iter().map(|s| s.repeats).collect::<Vec<_>>(), [999, 999, 999, 0]);
}

#[test]
fn a_finding_older_than_the_watermark_is_joined_all_the_same() {
    let mut chains = chains(&ordered("1h"), live(60));
    chains.push(hit("r1", 1000 * S));
    assert_eq!(chains.advance(Time(2000 * S)).len(), 0);
    assert!(chains.watermark() > Time(1000 * S));
    chains.push(arrived(2000 * S, hit("r0", 900 * S)));
    let told = chains.advance(Time(2001 * S));
    assert_eq!(told.len(), 1);
    assert_eq!(chains.counters().late, 1);
    // One more of the first step: the same story, told again with a repeat.
    chains.push(arrived(2002 * S, hit("r0", 950 * S)));
    let again = chains.advance(Time(2003 * S));
    assert_eq!(again.len(), 1);
    assert_eq!(again[0].steps[0].repeats, 1);
    assert!(chains.replaces(&again[0], &told[0]));
}

#[test]
fn the_slowest_active_source_holds_the_watermark_and_an_idle_one_does_not() {
    let mut chains = chains(&ordered("1h"), live(60));
    let now = Time(10_000 * S);
    chains.progress(1, Time(9_000 * S), now);
    chains.progress(2, Time(10_000 * S), now);
    chains.advance(now);
    assert_eq!(chains.watermark(), Time(8_940 * S));
    let later = now + IDLE_AFTER + Span(S);
    chains.progress(2, later, later);
    chains.advance(later);
    assert_eq!(chains.watermark(), later - Span::s(60));
}

#[test]
fn a_finding_received_twice_counts_once() {
    let count = "
title: three
correlation: { type: event_count, rules: [r0], group-by: [actor.user], timespan: 1m, condition: { gte: 3 } }
";
    let two = [row(0, 1, hit("r0", S)), row(0, 2, hit("r0", 2 * S)), row(0, 2, hit("r0", 2 * S))];
    assert_eq!(run(count, live(60), two.clone()).len(), 0);
    let three = two.into_iter().chain([row(0, 3, hit("r0", 2 * S))]);
    assert_eq!(run(count, live(60), three).len(), 1);
}

#[test]
fn one_step_does_not_wait_for_another_finding_than_its_own() {
    let twice = ordered("10s").replace("[r0, r1]", "[r0, r0]");
    assert_eq!(run(&twice, live(60), [hit("r0", S)]).len(), 0);
    assert_eq!(run(&twice, live(60), [row(0, 1, hit("r0", S)), row(0, 2, hit("r0", S))]).len(), 1);
}

#[test]
fn different_values_are_counted_by_field_and_by_entity() {
    let spray = "
title: one address, many accounts
correlation:
  type: value_count
  rules: [failed]
  group-by: [source.ip]
  timespan: 5m
  condition: { field: TargetUserName, gte: 3 }
";
    let failed =
        |s: i64, user: &str| finding("failed", s * S, &[("source.ip", "10.0.0.1"), ("TargetUserName", user)]);
    let same = [failed(1, "a"), failed(2, "a"), failed(3, "A"), failed(4, "b")];
    assert_eq!(run(spray, live(60), same.clone()).len(), 0);
    let told = run(spray, live(60), same.into_iter().chain([failed(5, "c")]));
    assert_eq!(told.len(), 1);
    assert_eq!(told[0].steps.iter().map(|s| s.repeats).collect::<Vec<_>>(), [2, 0, 0]);
    let chains = chains(spray, live(60));
    assert_eq!(chains.wanted_fields(), [Box::from("TargetUserName")]);
}

#[test]
fn a_group_key_may_have_another_name_in_another_rule() {
    let definition = "
title: from here to there
correlation:
  type: temporal_ordered
  rules: [inbound, outbound]
  group-by: [box]
  timespan: 5m
  aliases: { box: { inbound: target.ip, outbound: source.ip } }
";
    let findings = [
        finding("inbound", S, &[("source.ip", "10.0.0.1"), ("target.ip", "10.0.0.2")]),
        finding("outbound", 2 * S, &[("source.ip", "10.0.0.2"), ("target.ip", "10.0.0.3")]),
        finding("outbound", 3 * S, &[("source.ip", "10.0.0.1"), ("target.ip", "10.0.0.3")]),
    ];
    let told = run(definition, live(60), findings);
    assert_eq!(told.len(), 1);
    assert_eq!(told[0].variables, [("box".into(), "10.0.0.2".into())]);
}

#[test]
fn a_count_that_goes_on_is_one_incident_and_one_much_later_another() {
    let count = "
title: three in a minute
correlation: { type: event_count, rules: [r0], timespan: 1m, condition: { gte: 3 } }
";
    let burst = |from: i64, n: u64| (0..n).map(move |i| row(0, i, hit("r0", (from + i as i64) * S)));
    let told = run(count, live(60), burst(0, 10).chain(burst(1000, 3)).chain(burst(2000, 2)));
    assert_eq!(told.iter().map(|i| i.steps[0].repeats + 1).collect::<Vec<_>>(), [10, 3]);
}
