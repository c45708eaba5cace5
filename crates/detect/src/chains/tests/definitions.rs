use super::*;
use expect_test::{Expect, expect};

const GOOD: &str = "
title: From {user} to {jump}
window: 8h
chain:
  - rule: first
    bind: { user: actor.user, host: target.host }
  - rule: second
    within: 1h
    bind: { user: [actor.user, target.user], host: source.host, jump: target.host }
    text: '{user} goes on to {jump} from {source.ip}'
consequence: '{jump} is taken'
";

const COUNT: &str = "
title: many
correlation:
  type: event_count
  rules: [failed]
  group-by: [source.ip]
  timespan: 5m
  condition: { gte: 10 }
";

fn problems(definition: &str, old: &str, new: &str) -> Vec<String> {
    assert!(old.is_empty() || definition.contains(old));
    let (_, problems) = Chains::load([("site/own.yml", &*definition.replace(old, new))], Options::files());
    problems.iter().map(ToString::to_string).collect()
}

/// `GOOD` with one thing changed is refused with this sentence.
fn check(old: &str, new: &str, expect: Expect) {
    expect.assert_eq(&problems(GOOD, old, new).join("\n"));
}

fn check_count(old: &str, new: &str, expect: Expect) {
    expect.assert_eq(&problems(COUNT, old, new).join("\n"));
}

#[test]
fn good_definitions_are_without_problems() {
    assert_eq!(problems(GOOD, "8h", "2d"), [""; 0]);
    assert_eq!(problems(COUNT, "10", "11"), [""; 0]);
}

#[test]
fn damaged_yaml_is_told_with_its_line() {
    check(
        "window: 8h",
        "window: [8h",
        expect![
            "site/own.yml: did not find expected ',' or ']' at line 4 column 6, while parsing a flow sequence at line 3 column 9"
        ],
    );
    check(
        "window: 8h",
        "windw: 8h",
        expect![
            "site/own.yml: From {user} to {jump}: unknown field `windw`, expected one of `title`, `id`, `name`, `level`, `tags`, `window`, `chain`, `consequence`, `part_of`, `description`, `status`, `author`, `date`, `modified`, `references`, `falsepositives` at line 3 column 1"
        ],
    );
    check(
        "    within: 1h",
        "    wihtin: 1h",
        expect![
            "site/own.yml: From {user} to {jump}: chain[1]: unknown field `wihtin`, expected one of `rule`, `within`, `bind`, `text` at line 8 column 5"
        ],
    );
    check(
        "user: actor.user, host: target.host",
        "user: actor.user, user: target.host",
        expect![
            "site/own.yml: From {user} to {jump}: chain[0].bind: variable `user` is bound twice at line 6 column 11"
        ],
    );
}

#[test]
fn a_step_must_share_a_variable_with_an_earlier_one() {
    check(
        "user: [actor.user, target.user], host: source.host, jump",
        "jump",
        expect!["site/own.yml: From {user} to {jump}: step 2: shares no variable with an earlier step"],
    );
}

#[test]
fn roles_and_variables_must_be_known() {
    check(
        "host: source.host",
        "host: origin.host",
        expect![
            "site/own.yml: From {user} to {jump}: step 2: variable `host` is bound to `origin.host`, which is no role and kind such as `actor.user`"
        ],
    );
    check(
        "host: source.host",
        "host: source.hots",
        expect![
            "site/own.yml: From {user} to {jump}: step 2: variable `host` is bound to `source.hots`, which is no role and kind such as `actor.user`"
        ],
    );
    check(
        "from {source.ip}",
        "from {src}",
        expect!["site/own.yml: From {user} to {jump}: step 2: text: `{src}` is not bound"],
    );
    check(
        "from {source.ip}",
        "from {source.ip",
        expect![
            "site/own.yml: From {user} to {jump}: step 2: text: a brace stays open in `{user} goes on to {jump} from {source.ip`"
        ],
    );
    check(
        "From {user} to {jump}",
        "From {source.ip} to {jump}",
        expect!["site/own.yml: From {source.ip} to {jump}: title: `{source.ip}` is not bound"],
    );
    check(
        "{jump} is taken",
        "{controller} stops",
        expect!["site/own.yml: From {user} to {jump}: consequence: `{controller}` is not bound"],
    );
}

#[test]
fn a_step_cannot_use_what_a_later_one_binds() {
    check(
        "host: target.host }\n",
        "host: target.host }\n    text: on the way to {jump}\n",
        expect!["site/own.yml: From {user} to {jump}: step 1: text: `{jump}` is not bound"],
    );
}

#[test]
fn lengths_of_time_and_levels_are_checked() {
    check(
        "within: 1h",
        "within: soon",
        expect![
            "site/own.yml: From {user} to {jump}: step 2: within: `soon` is no length of time such as `30s`, `5m`, `8h`, `7d`"
        ],
    );
    check(
        "window: 8h",
        "window: 0s",
        expect![
            "site/own.yml: From {user} to {jump}: window: `0s` is no length of time such as `30s`, `5m`, `8h`, `7d`"
        ],
    );
    check(
        "window: 8h",
        "window: 8h\nlevel: severe",
        expect![
            "site/own.yml: From {user} to {jump}: level: `severe` is none of informational, low, medium, high, critical"
        ],
    );
}

#[test]
fn a_part_must_have_a_whole() {
    check(
        "window: 8h",
        "window: 8h\npart_of: nothing",
        expect!["site/own.yml: From {user} to {jump}: part_of: no chain is named `nothing`"],
    );
    let whole = "
title: another
name: another
window: 1h
chain:
  - rule: first
    bind: { user: actor.user }
---";
    let both = whole.to_owned() + &GOOD.replace("window: 8h", "window: 8h\npart_of: another");
    expect!["site/own.yml: From {user} to {jump}: part_of: `another` has no variable `host`"]
        .assert_eq(&problems(&both, "", "").join("\n"));
}

#[test]
fn correlations_that_cannot_be_judged_are_refused() {
    check_count(
        "event_count",
        "value_percentile",
        expect!["site/own.yml: many: correlation type `value_percentile` is not supported"],
    );
    check_count(
        "event_count",
        "value_count",
        expect!["site/own.yml: many: correlation: missing field `condition.field`"],
    );
    check_count(
        "{ gte: 10 }",
        "{ lt: 10 }",
        expect!["site/own.yml: many: a condition that holds when nothing is seen is not supported"],
    );
    check_count(
        "{ gte: 10 }",
        "{ gte: 100000 }",
        expect![
            "site/own.yml: many: condition: at most 3072 findings of a group are kept, 100000 are asked for"
        ],
    );
    check_count(
        "{ gte: 10 }",
        "failed and not other",
        expect![[
            r#"site/own.yml: many: correlation.condition: invalid type: string "failed and not other", expected a mapping such as `gte: 10` at line 8 column 14"#
        ]],
    );
    check_count(
        "  condition: { gte: 10 }\n",
        "",
        expect!["site/own.yml: many: correlation: missing field `condition`"],
    );
    check_count("[failed]", "[]", expect!["site/own.yml: many: correlation: names no rule"]);
}

#[test]
fn a_bad_definition_does_not_spoil_its_neighbours() {
    let text = format!("title: a rule\ndetection: {{}}\n---{}---{GOOD}", GOOD.replace("8h", "8 hours"));
    let (chains, problems) = Chains::load([("own.yml", &*text)], Options::files());
    assert_eq!(problems.len(), 1, "{problems:?}");
    assert_eq!(chains.sequences.plans.len(), 1);
}

#[test]
fn rules_are_passed_over_even_damaged_ones() {
    assert_eq!(problems("title: [a rule\n", "", ""), [""; 0]);
}
