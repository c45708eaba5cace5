use super::*;
use expect_test::{Expect, expect};
use model::{Action, Conversation, Endpoint, Entity, EntityKind, LogSource, Origin, Ot, Outcome, Role, Time};
use model::{Transport, Uid, Value};
use std::fs;
use std::path::{Path, PathBuf};

const REPOSITORY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");

fn built_in() -> impl Iterator<Item = RuleFile<'static>> {
    BUILT_IN.iter().map(|(name, text)| RuleFile { name, text })
}

fn load(text: &str) -> Result<Loaded, Error> {
    RuleSet::load([RuleFile { name: "test.yml", text }].into_iter())
}

fn files(below: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(below).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { files(&path, found) } else { found.push(path) }
    }
}

#[test]
fn every_file_of_rules_is_embedded() {
    let root = Path::new(REPOSITORY).join("rules");
    let mut found = vec![];
    files(&root, &mut found);
    let mut names: Vec<_> =
        found.iter().map(|path| path.strip_prefix(&root).unwrap().to_str().unwrap()).collect();
    names.retain(|name| !name.starts_with("chains/"));
    names.sort_unstable();
    assert_eq!(BUILT_IN.iter().map(|(name, _)| *name).collect::<Vec<_>>(), names);
}

#[test]
fn built_in_rules_load_and_say_who_they_are() {
    let loaded = RuleSet::load(built_in()).unwrap();
    assert_eq!(loaded.problems, []);
    assert_eq!((loaded.files, loaded.loaded), (BUILT_IN.len(), BUILT_IN.len()));
    for (rule, (file, text)) in loaded.rules.list().iter().zip(BUILT_IN) {
        assert_eq!(Path::new(file).file_stem().unwrap().to_str(), Some(&*rule.name));
        let id: Vec<_> = rule.id.split('-').map(str::len).collect();
        assert_eq!(id, [8, 4, 4, 4, 12], "{file}");
        assert!(!rule.techniques.is_empty(), "{file}");
        for key in ["status", "description", "references", "author", "date", "level", "falsepositives"] {
            assert!(text.lines().any(|row| row.starts_with(&format!("{key}:"))), "{file} has no {key}");
        }
    }
}

#[test]
fn built_in_rules_match_their_examples_and_nothing_else() {
    let found = examples(built_in());
    assert_eq!((found.without, found.wrong), (vec![], vec![]));
    assert!(found.tried >= 2 * BUILT_IN.len());
}

#[test]
#[allow(clippy::print_stdout, reason = "a test that is skipped says so")]
fn techniques_of_built_in_rules_exist() {
    let default = format!("{REPOSITORY}/target/corpus");
    let root = std::env::var("TIELINE_CORPUS").unwrap_or(default);
    let Ok(text) = fs::read_to_string(Path::new(&root).join("attack-ics-18.1.json")) else {
        println!("skipped: attack-ics-18.1.json is absent");
        return;
    };
    let loaded = RuleSet::load(built_in()).unwrap();
    for Technique(id) in loaded.rules.list().iter().flat_map(|rule| &rule.techniques) {
        // Techniques of the Enterprise matrix have four digits, the first of them not 0.
        assert!(!id.starts_with("T0") || text.contains(&format!("\"external_id\": \"{id}\"")), "{id}");
    }
}

fn event(sources: &[LogSource], fields: &[(&str, Value)]) -> Event {
    Event {
        time: Time::from_s_ns(1_700_000_000, 0),
        arrived: Time::from_s_ns(1_700_000_001, 0),
        origin: Origin { file: 1, number: 7 },
        log: "windows_security".into(),
        sources: sources.to_vec(),
        fields: fields.iter().map(|(name, value)| ((*name).into(), value.clone())).collect(),
        entities: vec![Entity::new(Role::Actor, EntityKind::User, r"PLANT\m.keller")],
    }
}

fn text(text: &str) -> Value {
    Value::Text(text.into())
}

fn logon(sources: &[LogSource]) -> Event {
    let fields = [
        ("EventID", Value::Int(4624)),
        ("Computer", text("JUMP01.plant.example")),
        ("LogonType", text("10")),
        ("TargetUserName", text("m.keller")),
        ("IpAddress", text("10.4.20.17")),
    ];
    event(sources, &fields)
}

const NONE: LogSource = LogSource { product: None, category: None, service: None };
const WINDOWS: LogSource = LogSource { product: Some("windows"), ..NONE };
const SECURITY: LogSource = LogSource { service: Some("security"), ..WINDOWS };

fn shown(found: &[Finding], expected: Expect) {
    let line = |f: &Finding| {
        let techniques: Vec<_> = f.techniques.iter().map(|t| &*t.0).collect();
        let entities: Vec<_> = f.entities.iter().map(Entity::to_string).collect();
        format!(
            "{} {} {}: {}\n  {}\n",
            f.severity.name(),
            f.name,
            techniques.join(" "),
            f.evidence.text,
            entities.join(", ")
        )
    };
    expected.assert_eq(&found.iter().map(line).collect::<String>());
}

#[test]
fn an_event_becomes_a_finding_with_its_evidence() {
    let mut rules = RuleSet::load(built_in()).unwrap().rules;
    rules.keep(["LogonType".into(), "Missing".into()]);
    let found = rules.event(&logon(&[WINDOWS, SECURITY]));
    shown(
        &found,
        expect![[r#"
        informational remote_interactive_logon T1021.001 T0886: JUMP01 security 4624: LogonType 10, TargetUserName m.keller, IpAddress 10.4.20.17
          actor.user PLANT\m.keller
    "#]],
    );
    assert_eq!(found[0].fields, [("LogonType".into(), "10".into())]);
    assert_eq!(
        (found[0].time, found[0].arrived),
        (Time(1_700_000_000_000_000_000), Time(1_700_000_001_000_000_000))
    );
    assert_eq!(found[0].evidence.origin, Origin { file: 1, number: 7 });
}

#[test]
fn a_rule_applies_when_one_logsource_of_the_event_has_all_that_it_states() {
    let mut rules = RuleSet::load(built_in()).unwrap().rules;
    let sysmon = LogSource { service: Some("sysmon"), ..WINDOWS };
    let other = LogSource { product: Some("other"), service: Some("security"), ..NONE };
    for (sources, count) in
        [(&[SECURITY][..], 1), (&[sysmon, SECURITY], 1), (&[WINDOWS], 0), (&[WINDOWS, other], 0), (&[], 0)]
    {
        assert_eq!(rules.event(&logon(sources)).len(), count, "{sources:?}");
    }
}

model::log! {
    /// UMAS as the sensor logs it.
    struct Umas<'a>: "modbus_umas", Conversation {
        /// Function by name.
        function = "func": &'a str,
        /// Computer that holds the reservation.
        reserved_by: Option<&'a [u8]> => Host,
    }
}

model::log! {
    /// Part of a HTTP request as the sensor logs it.
    struct Http<'a>: "http", Conversation {
        /// Method.
        method: &'a str,
        /// Path and query.
        uri: &'a str,
        /// File names.
        names: &'a [&'a [u8]],
    }
}

fn conversation() -> Conversation {
    let end = |addr: &str, port| Endpoint { addr: addr.parse().unwrap(), port };
    Conversation::new(Uid::from_hash(1), end("10.3.0.20", 49152), end("10.1.10.5", 502), Transport::Tcp)
}

fn at<'a>(conversation: &'a Conversation, ot: Option<(Action, Outcome)>) -> At<'a> {
    let ot = ot.map(|(action, outcome)| Ot {
        protocol: "modbus",
        action,
        outcome,
        object: "plc",
        value: None,
        old_value: None,
    });
    At { time: Time(0), origin: Origin::default(), conversation: Some(conversation), ot }
}

#[test]
fn an_accepted_stop_outranks_one_that_was_attempted() {
    let mut rules = RuleSet::load(built_in()).unwrap().rules;
    let (row, c) = (Umas { function: "STOP_PLC", reserved_by: Some(b"HIST01") }, conversation());
    let mut found = vec![];
    for outcome in [Outcome::Request, Outcome::Accepted, Outcome::Rejected, Outcome::NoAnswer] {
        found.extend(rules.row(&at(&c, Some((Action::Stop, outcome))), &row));
    }
    shown(
        &found,
        expect![[r#"
        high ot_controller_stop_attempted T0858 T0816: UMAS STOP_PLC requested 10.3.0.20 → 10.1.10.5
          source.ip 10.3.0.20, target.ip 10.1.10.5, object.host HIST01
        critical ot_controller_stop_accepted T0858 T0816 T0813: UMAS STOP_PLC accepted 10.3.0.20 → 10.1.10.5
          source.ip 10.3.0.20, target.ip 10.1.10.5, object.host HIST01
        high ot_controller_stop_attempted T0858 T0816: UMAS STOP_PLC rejected 10.3.0.20 → 10.1.10.5
          source.ip 10.3.0.20, target.ip 10.1.10.5, object.host HIST01
        high ot_controller_stop_attempted T0858 T0816: UMAS STOP_PLC unanswered 10.3.0.20 → 10.1.10.5
          source.ip 10.3.0.20, target.ip 10.1.10.5, object.host HIST01
    "#]],
    );
}

#[test]
fn what_no_rule_asks_for_is_let_go() {
    let mut rules = RuleSet::load(built_in()).unwrap().rules;
    let (row, c) = (Umas { function: "READ_MEMORY", reserved_by: None }, conversation());
    assert_eq!(rules.row(&at(&c, Some((Action::Read, Outcome::Accepted))), &row), []);
    assert_eq!(rules.row(&at(&c, None), &row), []);
    let route = rules.routes.row(Umas::SCHEMA, &rules.groups);
    assert!(!route.actions.meets(Actions::of(None)) && !route.actions.meets(Actions::of(Some(Action::Read))));
    assert!(route.actions.meets(Actions::of(Some(Action::Stop))));
}

/// Whether an action is let go must not depend on what was asked before, and must agree with the engine.
#[test]
fn an_action_is_let_go_only_when_no_rule_matches_it() {
    let mut rules = RuleSet::load(built_in()).unwrap().rules;
    let mut open = RuleSet::load(built_in()).unwrap().rules;
    open.groups.iter_mut().for_each(|group| group.actions = Actions::ALL);
    let (row, c) = (Umas { function: "X", reserved_by: None }, conversation());
    arbtest::arbtest(|u| {
        let outcomes = [Outcome::Request, Outcome::Accepted, Outcome::Rejected, Outcome::NoAnswer];
        let ot = (*u.choose(Action::ALL)?, *u.choose(&outcomes)?);
        let at = at(&c, Some(ot).filter(|_| u.ratio(7, 8).unwrap_or(true)));
        assert_eq!(rules.row(&at, &row), open.row(&at, &row));
        Ok(())
    });
}

#[test]
fn rules_name_the_columns_of_a_row_as_zeek_or_as_sigma_does() {
    let rule = |source: &str, detection: &str| {
        format!(
            "title: t\nname: n\nlogsource: {{{source}}}\ndetection:\n  s: {{{detection}}}\n  condition: s\n"
        )
    };
    let names: &[&[u8]] = &[b"a.txt", b"b\xff.txt"];
    let (row, c) = (Http { method: "GET", uri: r"/a\b?id=1", names }, conversation());
    for (source, detection, count) in [
        ("product: zeek, service: http", "method: get, id.resp_p: 502", 1),
        ("product: zeek, service: http", "id.orig_h|cidr: 10.3.0.0/16", 1),
        ("product: zeek, service: http", r"uri|endswith: '\b\?id=1'", 1),
        ("product: zeek, service: http", "names|startswith: a", 1),
        ("product: zeek, service: http", "ot.action: read", 0),
        ("product: zeek, service: dns", "method: get", 0),
        ("category: proxy", "c-uri|contains: id=1", 1),
        ("category: webserver", "cs-uri-query|contains: id=1, cs-method: GET", 1),
        ("category: dns", "cs-method: GET", 0),
        ("product: tieline, category: ot", "method: get", 0),
    ] {
        let mut rules = load(&rule(source, detection)).unwrap().rules;
        assert_eq!(rules.row(&at(&c, None), &row).len(), count, "{source} {detection}");
    }
    let mut rules = load("title: t\nlogsource: {product: zeek}\ndetection:\n  k: ['b\\xff']\n  condition: k")
        .unwrap()
        .rules;
    shown(
        &rules.row(&at(&c, None), &row),
        expect![[r#"
        medium  : http 10.3.0.20 → 10.1.10.5: method GET, uri /a\b?id=1, names a.txt, b\xff.txt
          source.ip 10.3.0.20, target.ip 10.1.10.5
    "#]],
    );
}

#[test]
fn a_wildcard_stands_for_any_characters_wherever_it_stands() {
    let text = "C:\\Tools\\7z24.exe x\n(a.b)\tnext";
    for (item, hit) in [
        (r"a|startswith: 'c:\\*\7z'", true),
        (r"a|startswith: '7z*.exe'", false),
        (r"a|endswith: '(A.b)?next'", true),
        (r"a|endswith: '(a?b)'", false),
        (r"a|endswith: ['nothing', '\7z*next']", true),
        (r"a|contains: '7z??.exe'", true),
        (r"a|contains|all: ['7z*(', 'tools']", true),
        (r"a|contains|all: ['7z*(', 'nothing']", false),
        (r"a|contains|cased: '7Z*('", false),
        (r"a: '*Tools*next'", true),
        (r"a: 'Tools*next'", false),
        (r"a: '*(axb)*'", false),
    ] {
        let rule = format!(
            "title: t\nlogsource: {{product: windows}}\ndetection:\n  s: {{{item}}}\n  condition: s\n"
        );
        let mut rules = load(&rule).unwrap().rules;
        let found = rules.event(&event(&[WINDOWS], &[("a", Value::Text(text.into()))]));
        assert_eq!(!found.is_empty(), hit, "{item}");
    }
}

#[test]
fn what_cannot_be_loaded_is_named_with_its_line_and_costs_only_itself() {
    let good = "title: good\nid: a\nlogsource: {product: x}\ndetection:\n  s: {a: b}\n  condition: s\n";
    let documents = [
        good,
        "title: no detection\nlogsource: {product: x}\n",
        "title: bad condition\nlogsource: {product: x}\ndetection:\n  s: {a: b}\n  condition: s and and\n",
        "title: bad yaml\nlogsource: {product: x\n",
        "title: bad expression\nlogsource: {product: x}\ndetection:\n  s: {'a|re': '('}\n  condition: s\n",
        "title: missing\nlogsource: {product: x}\ndetection:\n  s: {a: b}\n  condition: t\n",
        good,
        "title: misspelt\nlogsource: {category: ot}\ndetection:\n  s: {ot.action: stopp}\n  condition: s\n",
        "title: filter\nfilter:\n  rules: [a]\n  s: {a: b}\n  condition: s\n",
        "title: one of ours\nchain: []\n",
        "title: many\ncorrelation: {type: event_count, rules: [a], timespan: 1m, condition: {gte: 3}}\n",
    ];
    let loaded = load(&documents.join("---\n")).unwrap();
    assert_eq!((loaded.loaded, loaded.rules.len(), loaded.correlations.len()), (2, 2, 1));
    assert_eq!(loaded.correlations[0].line, 54);
    let problem = |p: &Problem| {
        format!("{}:{} {} {}\n", p.file, p.line, if p.lost { "lost" } else { "kept" }, p.reason)
    };
    expect![[r#"
        test.yml:8 lost Missing required field 'detection'
        test.yml:15 lost Condition parse error at 1:7: expected quantifier, ident, or not_op
        test.yml:18 lost YAML parse error: did not find expected ',' or '}' at line 3 column 1, while parsing a flow mapping at line 2 column 12
        test.yml:20 lost invalid regex pattern: regex parse error: unclosed group
        test.yml:26 lost unknown detection identifier: t
        test.yml:32 lost the rule a is already loaded from test.yml:1
        test.yml:39 kept no action is called stopp; this never matches
        test.yml:45 lost Sigma filters are not supported; write the exclusion into the rule
    "#]].assert_eq(&loaded.problems.iter().map(problem).collect::<String>());
}

#[test]
fn no_rule_at_all_is_an_error() {
    for (text, problems) in [("", 0), ("title: a\n", 1), ("- a\n", 1), ("title: c\nchain: []\n", 0)] {
        let Err(Error::NoRules { files, problems: found }) = load(text) else { panic!("{text} gave rules") };
        assert_eq!((files, found.len()), (1, problems), "{text}");
    }
}

#[test]
fn any_text_can_be_offered_as_rules() {
    let pieces = [
        "title: a\n",
        "logsource: {product: x}\n",
        "detection:\n",
        "  s: {a: b}\n",
        "  condition: s\n",
        "---\n",
        "*",
        "|re",
        "  s: [a, b]\n",
        "&a ",
        "*a",
        "{",
        "[",
        "]",
        "\u{feff}",
        "\0",
        "action: global\n",
        "  'a|all': 1\n",
    ];
    arbtest::arbtest(|u| {
        let mut text = String::new();
        for _ in 0..u.int_in_range(0..=16)? {
            text.push_str(u.choose(&pieces)?);
        }
        let _ = load(&text);
        Ok(())
    });
}
