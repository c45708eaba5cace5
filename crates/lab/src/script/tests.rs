use super::*;
use crate::sample::MAIL_TO_CONTROLLER_STOP;
use expect_test::{Expect, expect};

const HEAD: &str = r"site plant.example netbios=PLANT start=2026-03-12T06:40:00Z length=10m
segment cell gateway=10.1.0.1 mac=00:1e:bd:00:00:01 dns=A
host A segment=cell ip=10.1.0.2 mac=3c:d9:2b:00:00:02 level=2 role=hmi
controller P segment=cell ip=10.1.0.5 mac=00:80:f4:00:00:05 level=1 map=unit unit=1 reference=X firmware=1.0 project=p
account me rid=1001 person=Me
desk A user=me session=0x10001
chain none
";

/// Reads `line` after a head of seven lines, and compares the error.
#[track_caller]
fn check(line: &str, expected: Expect) {
    let error = Script::read(&format!("{HEAD}{line}\n")).unwrap_err();
    expected.assert_eq(&error.to_string());
}

#[test]
fn an_error_names_the_line_and_what_should_stand_there() {
    check("hots B ip=1.2.3.4", expect![[r#"line 8: "hots" is not a word that can stand here"#]]);
    check("host B ip=10.1.0.300 level=2 role=x", expect!["line 8: ip=10.1.0.300 is not an IPv4 address"]);
    check("host B ip=10.1.0.3 level=9 role=x", expect!["line 8: level=9 is not a Purdue level"]);
    check("host B ip=10.1.0.3 role=x", expect!["line 8: host needs level="]);
    check("host ip=10.1.0.3 level=2 role=x", expect!["line 8: host needs one name behind it"]);
    check("host A ip=10.1.0.3 level=2 role=x", expect!["line 8: A is already defined"]);
    check("account me ird=7", expect!["line 8: account has no ird=; it knows rid, person"]);
    check("account him rid=7 rid=8 person=x", expect!["line 8: rid= stands here twice"]);
    check("account him rid=7 person=\"x", expect!["line 8: a quotation mark is not closed"]);
    check(
        "host B ip=1.2.3.4 level=4 role=x logs=syslog",
        expect!["line 8: logs=syslog is not security or sysmon, with :json or :xml behind it"],
    );
}

#[test]
fn a_step_can_only_do_what_the_lines_above_allow() {
    check(
        "+1 lease x host=A",
        expect!["line 8: time=1 is not minutes and seconds after the start, like +06:30"],
    );
    check("+11:00 lease x host=A", expect!["line 8: the step is after the end of the story"]);
    check("lease x host=A", expect![[r#"line 8: "lease" is not a word that can stand here"#]]);
    check("+01:00 lease x host=B", expect!["line 8: there is no host named B"]);
    check("+01:00 umas x from=A to=A calls=id", expect!["line 8: there is no controller named A"]);
    check(
        "+01:00 umas x from=A to=P calls=id,halt",
        expect![
            "line 8: calls=halt is not a list of init, id, project, info, reserve, release, keep, start, stop and wait:8s"
        ],
    );
    check(
        "+01:00 write x from=A to=P register=1 values=2",
        expect!["line 8: nothing polls P from there, so there is no conversation to do it in"],
    );
    check("+01:00 drop x in=A/0x10002 by=b path=c", expect!["line 8: there is no session named A/0x10002"]);
    check("+01:00 drop x in=A/0x10001 by=@b path=c", expect!["line 8: there is no step above named b"]);
    check("expect x kind=mail", expect!["line 8: there is no step above named x"]);
    check("poll from=A to=P every=0s register=1 count=1", expect!["line 8: every=0s is not at least 1ms"]);
}

#[test]
fn what_is_missing_from_the_whole_is_told() {
    let error = Script::read("# nothing\n").unwrap_err();
    assert_eq!(error.to_string(), "line 0: there is no site line");
    assert_eq!(Script::read("site x netbios=X start=now length=1m").unwrap_err().line, 1);
}

#[test]
fn the_projects_own_script_is_in_order() {
    let script = Script::read(MAIL_TO_CONTROLLER_STOP).unwrap();
    assert_eq!(script.hosts.len(), 16);
    assert_eq!(script.host("hist01").unwrap().level, Level::L3);
    assert_eq!(script.expected.len(), 7);
    assert!(script.steps.is_sorted_by_key(|step| step.at));
}
