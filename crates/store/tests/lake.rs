//! Rows go in, answers come out: every test makes a lake in a folder of its own.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may fail")]

use expect_test::{Expect, expect};
use model::{
    Action, At, Conversation, Endpoint, Event, Finding, Origin, Ot, Outcome, Rows, Severity, Span, Time,
    Transport, Uid, Value,
};
use std::fs;
use std::net::{IpAddr, Ipv4Addr};
use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use store::{Error, Format, Lake, LakeWriter, Limits, Written};

model::log! {
    /// A row with a column of every kind.
    struct Every<'a>: "every", Conversation {
        /// Yes or no.
        yes: Option<bool>,
        /// Number.
        count: Option<u64>,
        /// Number with sign.
        int: Option<i64>,
        /// Number with fraction.
        double: Option<f64>,
        /// Moment.
        moment: Option<Time>,
        /// How long.
        duration: Option<Span>,
        /// Address.
        addr: Option<IpAddr>,
        /// Port.
        port: Option<model::Port>,
        /// Word.
        word: Option<model::Name>,
        /// Text from the wire.
        bytes: Option<&'a [u8]>,
        /// Numbers.
        counts: Option<&'a [u64]>,
        /// Lengths of time.
        spans: Option<&'a [Span]>,
        /// Texts.
        texts: Option<&'a [&'a str]>,
        /// Addresses.
        addrs: Option<model::Set<&'a [IpAddr]>>,
    }
}

impl Every<'_> {
    const NOTHING: Every<'static> = Every {
        yes: None,
        count: None,
        int: None,
        double: None,
        moment: None,
        duration: None,
        addr: None,
        port: None,
        word: None,
        bytes: None,
        counts: None,
        spans: None,
        texts: None,
        addrs: None,
    };
}

model::log! {
    /// A controller is told something.
    struct Told<'a>: "told", Conversation {
        /// What it is told.
        function = "func": &'a str,
    }
}

/// A lake in a folder that goes with it.
struct Scratch {
    lake: Lake,
    dir: PathBuf,
}

impl Scratch {
    fn new() -> Self {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let dir =
            Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("lake-{}-{number}", std::process::id()));
        Self { lake: Lake::create(&dir).unwrap(), dir }
    }

    fn written(source: &str, fill: impl FnOnce(&mut LakeWriter)) -> Self {
        let lake = Self::new();
        lake.write(source, fill);
        lake
    }

    fn write(&self, source: &str, fill: impl FnOnce(&mut LakeWriter)) -> store::Summary {
        let mut writer = self.lake.writer(source);
        fill(&mut writer);
        writer.finish().unwrap()
    }

    fn ask(&self, sql: &str, format: Format) -> Result<(String, Written), Error> {
        let mut out = Vec::new();
        let written = self.lake.query(sql, &Limits::default())?.write(format, &mut out)?;
        Ok((String::from_utf8(out).unwrap(), written))
    }

    fn check(&self, sql: &str, expect: Expect) {
        expect.assert_eq(&self.ask(sql, Format::Table { width: 110 }).unwrap().0);
    }

    fn refusal(&self, sql: &str) -> String {
        self.ask(sql, Format::Csv).map(|(text, _)| text).unwrap_err().to_string()
    }

    fn files(&self) -> Vec<String> {
        let mut found = Vec::new();
        let mut folders = vec![self.dir.clone()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                } else {
                    found.push(path.strip_prefix(&self.dir).unwrap().to_str().unwrap().to_owned());
                }
            }
        }
        found.sort();
        found
    }
}

impl Deref for Scratch {
    type Target = Lake;
    fn deref(&self) -> &Lake {
        &self.lake
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.dir);
    }
}

const START: Time = Time(1_774_000_000_000_000_000);

fn conversation() -> Conversation {
    let end = |last, port| Endpoint { addr: Ipv4Addr::new(10, 1, 10, last).into(), port };
    Conversation::new(Uid::from_hash(42), end(20, 49_152), end(5, 502), Transport::Tcp)
}

fn at(time: Time, number: u64, conversation: &Conversation) -> At<'_> {
    At { time, origin: Origin { file: 1, number }, conversation: Some(conversation), ot: None }
}

/// One row per second from the start, each telling a function.
fn tell(writer: &mut LakeWriter, functions: &[&str]) {
    let conversation = conversation();
    writer.file(1, "plant.pcap");
    for (number, function) in functions.iter().enumerate() {
        let seconds = i64::try_from(number).unwrap();
        let time = START + Span::s(seconds);
        writer.put(&at(time, seconds.unsigned_abs() + 1, &conversation), &Told { function });
    }
}

fn event(number: u64, fields: &[(&str, Value)]) -> Event {
    Event {
        time: START + Span::s(i64::try_from(number).unwrap()),
        arrived: START,
        origin: Origin { file: 1, number },
        log: "windows_security".into(),
        sources: vec![],
        fields: fields.iter().map(|(name, value)| ((*name).into(), value.clone())).collect(),
        entities: vec![],
    }
}

fn text(text: &str) -> Value {
    Value::Text(text.into())
}

#[test]
fn a_row_comes_back_with_every_kind_of_column() {
    let lake = Scratch::written("a", |writer| {
        let c = conversation();
        writer.file(1, "plant.pcap");
        let addr: IpAddr = "2001:db8::1".parse().unwrap();
        let full = Every {
            yes: Some(true),
            count: Some(u64::MAX),
            int: Some(-7),
            double: Some(0.5),
            moment: Some(Time(1)),
            duration: Some(Span(1_500_000_000)),
            addr: Some(addr),
            port: Some(model::Port(502)),
            word: Some(model::Name("stop")),
            bytes: Some(b"pump\x01\xff\\ K\xc3\xbchlung"),
            counts: Some(&[1, 2]),
            spans: Some(&[Span(500_000_000)]),
            texts: Some(&["a,b", "c"]),
            addrs: Some(model::Set(&[addr])),
        };
        writer.put(&at(START, 7, &c), &full);
        writer.put(&at(START, 8, &c), &Every::NOTHING);
    });
    let (jsonl, _) = lake.ask("SELECT * FROM every ORDER BY _number", Format::Jsonl).unwrap();
    expect![[r#"
        {"ts":"2026-03-20T09:46:40Z","uid":"Cg0000000000000000","id.orig_h":"10.1.10.20","id.orig_p":49152,"id.resp_h":"10.1.10.5","id.resp_p":502,"yes":true,"count":18446744073709551615,"int":-7,"double":0.5,"moment":"1970-01-01T00:00:00.000000001Z","duration":1.5,"addr":"2001:db8::1","port":502,"word":"stop","bytes":"pump\\x01\\xff\\x5c Kühlung","counts":[1,2],"spans":[0.5],"texts":["a,b","c"],"addrs":["2001:db8::1"],"_file":"plant.pcap","_number":7,"_arrived":"2026-03-20T09:46:40Z","hour":"2026-03-20T09"}
        {"ts":"2026-03-20T09:46:40Z","uid":"Cg0000000000000000","id.orig_h":"10.1.10.20","id.orig_p":49152,"id.resp_h":"10.1.10.5","id.resp_p":502,"_file":"plant.pcap","_number":8,"_arrived":"2026-03-20T09:46:40Z","hour":"2026-03-20T09"}
    "#]].assert_eq(&jsonl);
}

#[test]
fn dotted_columns_need_no_quotes_and_ot_stands_beside() {
    let lake = Scratch::written("a", |writer| {
        let c = conversation();
        writer.put(&at(START, 1, &c), &Told { function: "READ" });
        let ot = Ot {
            protocol: "modbus",
            action: Action::Stop,
            outcome: Outcome::Accepted,
            object: "",
            value: Some("1"),
            old_value: None,
        };
        writer.put(&At { ot: Some(ot), ..at(START + Span::s(1), 2, &c) }, &Told { function: "STOP" });
    });
    lake.check(
        "SELECT t.id.orig_h, id.resp_p, func, ot.action, t.ot.outcome, ot.object FROM told t
         WHERE ot.action IS NULL OR ot.action = 'stop' ORDER BY ts",
        expect![[r#"
            id.orig_h   id.resp_p  func  ot.action  ot.outcome  ot.object
            ──────────  ─────────  ────  ─────────  ──────────  ─────────
            10.1.10.20        502  READ  -          -           -
            10.1.10.20        502  STOP  stop       accepted    -
        "#]],
    );
    lake.check(
        "SELECT id.func, count(*) AS n FROM told id WHERE id.\"id.resp_p\" = 502 GROUP BY id.func ORDER BY 1",
        expect![[r#"
            func  n
            ────  ─
            READ  1
            STOP  1
        "#]],
    );
}

#[test]
fn events_of_one_log_share_the_union_of_their_fields() {
    let lake = Scratch::written("a", |writer| {
        writer.event(&event(1, &[("EventID", Value::Int(4624)), ("TargetUserName", text("m.keller"))]));
        writer.event(&event(2, &[("EventID", Value::Int(4688)), ("CommandLine", text("cmd \"/c\", more"))]));
        let list = Value::List(vec![text("a"), Value::Int(1), Value::Null]);
        writer.event(&event(3, &[("List", list), ("hour", text("three")), ("", text("no name"))]));
        writer.event(&event(4, &[("Twice", text("first")), ("Twice", text("second"))]));
    });
    lake.write("b", |writer| writer.event(&event(5, &[("New", Value::Bool(true)), ("EventID", text("x"))])));
    let (csv, _) = lake
        .ask("SELECT * EXCLUDE (hour, _file, _arrived) FROM windows_security ORDER BY ts", Format::Csv)
        .unwrap();
    expect![[r#"
        ts,EventID,TargetUserName,CommandLine,List,hour_,Twice,New,_number,_more
        2026-03-20T09:46:41Z,4624,m.keller,,,,,,1,
        2026-03-20T09:46:42Z,4688,,"cmd ""/c"", more",,,,,2,
        2026-03-20T09:46:43Z,,,,"[""a"",1,null]",three,,,3,"{"""":""no name""}"
        2026-03-20T09:46:44Z,,,,,,first,,4,"{""Twice"":""second""}"
        2026-03-20T09:46:45Z,x,,,,,,true,5,
    "#]]
    .assert_eq(&csv.replace("\r\n", "\n"));
    lake.check(
        "SELECT COUNT(*) AS logons FROM windows_security
         WHERE EventID = '4624' AND ts < '2026-03-20T10:00:00Z' AND lower(TargetUserName) ~ 'keller'",
        expect![[r#"
            logons
            ──────
                 1
        "#]],
    );
}

#[test]
fn a_field_can_be_compared_with_a_number_while_all_its_values_are_numbers() {
    let lake = Scratch::written("a", |writer| writer.event(&event(1, &[("EventID", Value::Int(4624))])));
    let sql = "SELECT count(*) FROM windows_security WHERE EventID = 4624";
    assert_eq!(lake.ask(sql, Format::Csv).unwrap().0, "count(*)\r\n1\r\n");
    lake.write("b", |writer| writer.event(&event(1, &[("EventID", text("none"))])));
    let error = lake.refusal(sql);
    assert!(error.contains("Cannot cast string 'none' to value of Int64 type"), "{error}");
}

#[test]
fn fields_beyond_the_widest_table_are_kept_as_json() {
    let names: Vec<_> = (0..1000).map(|number| format!("field{number}")).collect();
    let fields: Vec<_> = names.iter().map(|name| (name.as_str(), text("v"))).collect();
    let lake = Scratch::written("a", |writer| writer.event(&event(1, &fields)));
    let (csv, _) = lake.ask("SELECT field799, _more FROM windows_security", Format::Csv).unwrap();
    assert!(csv.contains("v,\"{\"\"field800\"\":\"\"v\"\""), "{csv}");
    assert!(csv.contains("\"\"field999\"\":\"\"v\"\"}"), "{csv}");
}

#[test]
fn findings_and_incidents_can_be_asked_for() {
    let finding = Finding {
        time: START,
        arrived: START,
        rule: "umas-stop".into(),
        name: "umas_stop".into(),
        title: "Controller stopped".into(),
        severity: Severity::Critical,
        techniques: vec![model::Technique("T0858".into())],
        entities: vec![model::Entity::new(model::Role::Source, model::EntityKind::Ip, "10.3.0.20")],
        fields: vec![],
        evidence: model::Evidence {
            time: START,
            origin: Origin { file: 1, number: 9 },
            log: "modbus".into(),
            uid: Some("C1".into()),
            text: "STOP".into(),
        },
    };
    let step = |joins| model::Step { text: "hop".into(), finding: finding.clone(), joins, repeats: 2 };
    let join = model::Join {
        variable: "user".into(),
        value: "m.keller".into(),
        with: 0,
        confidence: model::Confidence::Exact,
    };
    let incident = model::Incident {
        chain: "mail-to-plc".into(),
        title: "From mail to PLC".into(),
        severity: Severity::Critical,
        techniques: vec![model::Technique("T0858".into())],
        consequence: "surge".into(),
        complete: START,
        steps: vec![step(vec![]), step(vec![join])],
        variables: vec![("user".into(), "m.keller".into())],
    };
    let lake = Scratch::written("a", |writer| {
        writer.finding(&finding);
        writer.incident(&incident);
    });
    lake.check(
        "SELECT rule, severity, techniques FROM finding
         WHERE array_has(entities, 'source.ip 10.3.0.20')",
        expect![[r#"
            rule       severity  techniques
            ─────────  ────────  ──────────
            umas-stop  critical  [T0858]
        "#]],
    );
    lake.check(
        "SELECT i.title, i.variables, s.step, s.joins, s.repeats
         FROM incident i JOIN incident_step s ON s.incident = i.title ORDER BY s.step",
        expect![[r#"
            title             variables        step  joins                              repeats
            ────────────────  ───────────────  ────  ─────────────────────────────────  ───────
            From mail to PLC  [user=m.keller]     0  []                                       2
            From mail to PLC  [user=m.keller]     1  [user=m.keller as step 0 (exact)]        2
        "#]],
    );
}

#[test]
fn rows_lie_in_the_folder_of_their_hour() {
    let lake = Scratch::written("plant.pcap", |writer| {
        let c = conversation();
        for hours in [0, 1, 0, -500_000] {
            writer.put(&at(START + Span::s(hours * 3600), 1, &c), &Told { function: "READ" });
        }
    });
    expect![[r#"
        told/hour=1969-03-06T01/part-22b6ce261e61562c-000000.parquet
        told/hour=2026-03-20T09/part-22b6ce261e61562c-000001.parquet
        told/hour=2026-03-20T10/part-22b6ce261e61562c-000002.parquet"#]]
    .assert_eq(&lake.files().join("\n"));
    lake.check(
        "SELECT hour, count(*) AS rows FROM told WHERE hour >= '2026' GROUP BY hour ORDER BY hour",
        expect![[r#"
            hour           rows
            ─────────────  ────
            2026-03-20T09     2
            2026-03-20T10     1
        "#]],
    );
    expect![[r#"
        [
            Table {
                name: "told",
                rows: 4,
                first: Some(
                    Time(
                        -26000000000000000,
                    ),
                ),
                last: Some(
                    Time(
                        1774003600000000000,
                    ),
                ),
                columns: [
                    "ts",
                    "uid",
                    "id.orig_h",
                    "id.orig_p",
                    "id.resp_h",
                    "id.resp_p",
                    "func",
                    "_file",
                    "_number",
                    "_arrived",
                ],
            },
        ]
    "#]]
    .assert_debug_eq(&lake.tables().unwrap());
}

#[test]
fn a_source_that_is_read_again_replaces_its_rows_and_no_others() {
    let lake = Scratch::written("one.pcap", |writer| tell(writer, &["OLD"; 3]));
    lake.write("two.pcap", |writer| tell(writer, &["OTHER"]));
    lake.write("one.pcap", |writer| {
        let c = conversation();
        writer.put(&at(START + Span::s(7200), 1, &c), &Told { function: "NEW" });
    });
    lake.check(
        "SELECT func, hour FROM told ORDER BY ts",
        expect![[r#"
        func   hour
        ─────  ─────────────
        OTHER  2026-03-20T09
        NEW    2026-03-20T11
    "#]],
    );
    assert_eq!(lake.files().len(), 2);
}

#[test]
fn an_unfinished_part_is_not_read_and_goes_with_the_next_reading() {
    let lake = Scratch::new();
    let mut writer = lake.writer("one.pcap");
    tell(&mut writer, &["LOST"; 9000]);
    drop(writer);
    assert!(lake.files().iter().all(|file| file.ends_with(".unfinished")), "{:?}", lake.files());
    assert_eq!(lake.tables().unwrap(), []);
    expect!["no table told in the lake; it is empty"].assert_eq(&lake.refusal("SELECT * FROM told"));
    lake.write("one.pcap", |_| {});
    assert!(lake.files().is_empty());
}

#[test]
fn a_damaged_part_is_named() {
    let lake = Scratch::written("a", |writer| tell(writer, &["READ"]));
    let file = lake.dir.join(&lake.files()[0]);
    fs::write(&file, b"PAR1").unwrap();
    let error = lake.refusal("SELECT * FROM told");
    assert!(error.starts_with("cannot read the part") && error.ends_with(".parquet"), "{error}");
}

#[test]
fn many_hours_in_disorder_make_few_files() {
    let lake = Scratch::new();
    let summary = lake.write("a", |writer| {
        let c = conversation();
        for number in 0..20_000_u64 {
            let hour = number.wrapping_mul(7919) % 300;
            let time = START + Span::s(i64::try_from(hour * 3600).unwrap());
            writer.put(&at(time, number, &c), &Told { function: "READ" });
        }
    });
    assert_eq!(summary.tables, [("told".to_owned(), 20_000)]);
    assert!(summary.parts <= 600, "{}", summary.parts);
    let (csv, _) = lake
        .ask("SELECT count(*), count(DISTINCT hour), count(DISTINCT _number) FROM told", Format::Csv)
        .unwrap();
    assert!(csv.ends_with("\r\n20000,300,20000\r\n"), "{csv}");
}

#[test]
fn nothing_but_questions_is_understood() {
    let lake = Scratch::written("a", |writer| tell(writer, &["READ"]));
    let target = lake.dir.join("stolen.csv");
    for sql in [
        format!("COPY (SELECT * FROM told) TO '{}'", target.display()),
        "CREATE EXTERNAL TABLE x STORED AS CSV LOCATION '/etc/passwd'".to_owned(),
        "CREATE TABLE x AS SELECT * FROM told".to_owned(),
        "CREATE VIEW x AS SELECT 1".to_owned(),
        "INSERT INTO told SELECT * FROM told".to_owned(),
        "DELETE FROM told".to_owned(),
        "DROP TABLE told".to_owned(),
        "SET datafusion.execution.batch_size = 1".to_owned(),
        "EXPLAIN ANALYZE INSERT INTO told SELECT * FROM told".to_owned(),
        format!("EXPLAIN COPY (SELECT 1) TO '{}'", target.display()),
        "SHOW ALL".to_owned(),
        "PREPARE x AS SELECT 1".to_owned(),
    ] {
        let error = lake.ask(&sql, Format::Csv).unwrap_err();
        assert!(matches!(error, Error::NotAQuestion), "{sql}: {error}");
    }
    for sql in
        ["SELECT * INTO x FROM told", "WITH x AS (DELETE FROM told) SELECT 1", "SELECT 1; DROP TABLE told"]
    {
        assert!(lake.ask(sql, Format::Csv).is_err(), "{sql}");
    }
    assert_eq!(lake.files().len(), 1);
}

#[test]
fn no_file_outside_the_lake_can_be_read() {
    let lake = Scratch::written("a", |writer| tell(writer, &["READ"]));
    for sql in [
        "SELECT * FROM '/etc/passwd'",
        "SELECT * FROM \"/etc/passwd\"",
        "SELECT * FROM 'file:///etc/passwd'",
        "SELECT * FROM \"../../etc\"",
        "SELECT * FROM read_csv('/etc/passwd')",
        "SELECT * FROM parquet_metadata('/etc/passwd')",
        "SELECT * FROM information_schema.tables",
    ] {
        let error = lake.refusal(sql);
        assert!(!error.contains("root:"), "{sql}: {error}");
    }
    fs::create_dir_all(lake.dir.join("Not A Table").join("hour=2026-03-20T09")).unwrap();
    assert_eq!(lake.tables().unwrap().len(), 1);
}

#[test]
fn errors_name_the_place_and_what_was_meant() {
    let lake = Scratch::written("a", |writer| tell(writer, &["READ"]));
    let errors: Vec<_> = [
        "SELECT * FROM tolt",
        "SELECT fnc FROM told",
        "SELECT *\nFROM told WHERE",
        "SELECT nosuch(func) FROM told",
        "SELECT func + 1 FROM told",
        "SELECT 1; SELECT 2",
        "hello",
        "",
    ]
    .map(|sql| lake.refusal(sql))
    .into();
    expect![[r#"
        no table tolt in the lake; did you mean told?; tables: told
        no column fnc at line 1, column 8; did you mean func?
        cannot understand the query: Expected: an expression, found: EOF
        cannot understand the query at line 1, column 8: Invalid function 'nosuch'
        cannot understand the query at line 1, column 8: Cannot coerce arithmetic expression Utf8 + Int64 to valid types
        the lake can only be asked: one SELECT, EXPLAIN or DESCRIBE
        cannot understand the query at line 1, column 1: Expected: an SQL statement, found: hello
        the lake can only be asked: one SELECT, EXPLAIN or DESCRIBE"#]].assert_eq(&errors.join("\n"));
    let empty = Scratch::new();
    expect!["no table conn in the lake; it is empty"].assert_eq(&empty.refusal("SELECT * FROM conn"));
    let nowhere = Lake::open(&empty.dir.join("nowhere")).unwrap_err().to_string();
    assert!(nowhere.starts_with("cannot open "), "{nowhere}");
}

#[test]
fn a_query_takes_no_more_memory_than_it_may() {
    let lake = Scratch::written("a", |writer| tell(writer, &["READ"; 20_000]));
    let limits = Limits { memory_bytes: 1_000_000, ..Limits::default() };
    let answer = lake.query("SELECT * FROM told ORDER BY _number DESC", &limits);
    let error = answer.and_then(|answer| answer.write(Format::Csv, &mut Vec::new())).unwrap_err();
    assert!(matches!(error, Error::Memory { limit: 1 }), "{error:?}");
}

#[test]
fn an_answer_is_cut_at_the_limit_and_says_so() {
    let lake = Scratch::written("a", |writer| tell(writer, &["READ"; 10]));
    let rows_of = |rows| {
        let limits = Limits { rows: Some(rows), ..Limits::default() };
        let mut out = Vec::new();
        lake.query("SELECT _number FROM told", &limits).unwrap().write(Format::Jsonl, &mut out).unwrap()
    };
    assert_eq!(rows_of(9), Written { rows: 9, cut: true });
    assert_eq!(rows_of(10), Written { rows: 10, cut: false });
}

#[test]
fn a_table_fits_the_terminal_and_cannot_steer_it() {
    let lake = Scratch::written("a", |writer| {
        writer.event(&event(
            1,
            &[
                ("Short", text("é漢字")),
                (
                    "CommandLine",
                    text("powershell.exe -NoProfile -EncodedCommand SQBFAFgAIAAoAE4AZQB3AC0ATwBi"),
                ),
                ("Esc", text("\u{1b}[2J\nnext \u{202e}txt")),
                ("Nothing", Value::Null),
            ],
        ));
    });
    let sql = "SELECT _number, Short, CommandLine, Esc, _arrived FROM windows_security";
    let table = |width| lake.ask(sql, Format::Table { width }).unwrap().0;
    expect![[r#"
        _number  Short  CommandLine                                                             Esc                             _arrived
        ───────  ─────  ──────────────────────────────────────────────────────────────────────  ──────────────────────────────  ────────────────────
              1  é漢字  powershell.exe -NoProfile -EncodedCommand SQBFAFgAIAAoAE4AZQB3AC0ATwBi  \u{1b}[2J\u{a}next \u{202e}txt  2026-03-20T09:46:40Z

        _number  Short  CommandLine           Esc                   _arrived
        ───────  ─────  ────────────────────  ────────────────────  ────────────────────
              1  é漢字  powershell.exe -NoP…  \u{1b}[2J\u{a}next …  2026-03-20T09:46:40Z

        _numb…  Short  Comma…  Esc
        ──────  ─────  ──────  ──────
             1  é漢字  power…  \u{1b…
        no room for _arrived
    "#]].assert_eq(&format!("{}\n{}\n{}", table(200), table(80), table(30)));
}

#[test]
fn explain_and_describe_are_questions() {
    let lake = Scratch::written("a", |writer| tell(writer, &["READ"]));
    lake.check(
        "DESCRIBE told",
        expect![[r#"
        column_name  data_type             is_nullable
        ───────────  ────────────────────  ───────────
        ts           Timestamp(ns, "UTC")  YES
        uid          Utf8                  YES
        id.orig_h    Utf8                  YES
        id.orig_p    UInt16                YES
        id.resp_h    Utf8                  YES
        id.resp_p    UInt16                YES
        func         Utf8                  YES
        _file        Utf8                  YES
        _number      UInt64                YES
        _arrived     Timestamp(ns, "UTC")  YES
        hour         Utf8                  NO
    "#]],
    );
    let (plan, _) = lake.ask("EXPLAIN SELECT * FROM told WHERE hour = '1999-01-01T00'", Format::Csv).unwrap();
    assert!(plan.contains("physical_plan"), "{plan}");
}
