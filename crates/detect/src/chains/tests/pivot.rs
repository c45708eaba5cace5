//! The built-in chain: from a mail to a stopped controller, with a key that changes at every hop.

use super::*;
use crate::chains::BUILT_IN;
use expect_test::{Expect, expect};
use model::{EntityKind, Role};

/// Findings of the whole way, resolved as the site resolves them.
fn story() -> Vec<Finding> {
    let named = |finding: Finding, role, kind, value: &str, raw: &str| {
        let mut finding = finding;
        finding.entities.push(Entity::resolved(role, kind, value, raw));
        finding
    };
    let user = |f, role| named(f, role, EntityKind::User, "m.keller", "PLANT\\m.keller");
    let host = |f, role, value: &str, raw: &str| named(f, role, EntityKind::Host, value, raw);
    let mail = finding(
        "mail_with_active_attachment",
        0,
        &[("source.user", "billing@northgas-invoices.example"), ("object.file", "Invoice_2026-03.docm")],
    );
    let mail = named(mail, Role::Target, EntityKind::User, "m.keller", "m.keller@plant.example");
    let mail = named(mail, Role::Target, EntityKind::User, "j.weber", "j.weber@plant.example");
    let open = finding(
        "office_opens_document",
        1200 * S,
        &[("object.file", "INVOICE_2026-03.docm"), ("object.process", "WINWORD.EXE")],
    );
    let spawn = finding(
        "office_spawns_interpreter",
        1203 * S,
        &[("actor.process", "WINWORD.EXE"), ("object.process", "powershell.exe")],
    );
    let jump = finding("remote_interactive_logon", 3000 * S, &[("actor.session", "jump01/0x5a3c1")]);
    let historian = finding(
        "remote_interactive_logon",
        3600 * S,
        &[("source.ip", "10.35.0.10"), ("actor.session", "hist01/0x7be02")],
    );
    let script = finding(
        "script_interpreter_started",
        3660 * S,
        &[("actor.session", "hist01/0x7be02"), ("object.process", "python.exe")],
    );
    let stop = |s: i64| {
        let stop = finding("ot_controller_stop_accepted", s * S, &[("source.ip", "10.3.0.20")]);
        let stop = host(stop, Role::Source, "hist01", "10.3.0.20");
        host(stop, Role::Target, "plc-asc-1", "10.1.10.5")
    };
    vec![
        mail,
        host(user(open, Role::Actor), Role::Target, "ws-eng-07", "WS-ENG-07.plant.example"),
        host(user(spawn, Role::Actor), Role::Target, "ws-eng-07", "WS-ENG-07.plant.example"),
        host(
            host(user(jump, Role::Actor), Role::Source, "ws-eng-07", "10.4.20.17"),
            Role::Target,
            "jump01",
            "JUMP01.plant.example",
        ),
        host(
            host(user(historian, Role::Actor), Role::Source, "jump01", "10.35.0.10"),
            Role::Target,
            "hist01",
            "HIST01.plant.example",
        ),
        host(script, Role::Target, "hist01", "HIST01.plant.example"),
        stop(3700),
        stop(3710),
        stop(3720),
    ]
}

fn check(findings: Vec<Finding>, expect: Expect) {
    let (mut chains, problems) = Chains::load(BUILT_IN.iter().copied(), Options::files());
    assert_eq!(problems, []);
    findings.into_iter().for_each(|finding| chains.push(finding));
    let told: Vec<_> = chains.flush().iter().map(tell).collect();
    expect.assert_eq(&told.join("\n"));
}

#[test]
fn one_attack_is_one_incident() {
    check(
        story(),
        expect![[r#"
        [critical] From a mail to m.keller to a stop of plc-asc-1
        0 m.keller receives a mail from billing@northgas-invoices.example with Invoice_2026-03.docm <- []
        1 m.keller opens Invoice_2026-03.docm on ws-eng-07 <- [user m.keller as in 0 (Resolved), file Invoice_2026-03.docm as in 0 (Resolved)]
        2 WINWORD.EXE starts powershell.exe as m.keller on ws-eng-07 <- [user m.keller as in 1 (Exact), workstation ws-eng-07 as in 1 (Exact)]
        3 m.keller logs on to jump01 from ws-eng-07 <- [user m.keller as in 2 (Exact), workstation ws-eng-07 as in 2 (Resolved)]
        4 m.keller goes on from jump01 to hist01 <- [user m.keller as in 3 (Exact), jump jump01 as in 3 (Resolved)]
        5 python.exe starts in that session on hist01 <- [historian hist01 as in 4 (Exact), session hist01/0x7be02 as in 4 (Exact)]
        6 hist01 stops plc-asc-1; the controller accepts and 2 more <- [historian hist01 as in 5 (Resolved)]
        = plc-asc-1 does not control its process until it is started again; what it held or protected is left to mechanical protection and to the operators.
    "#]],
    );
}

#[test]
fn without_the_mail_the_shorter_chain_tells_its_part() {
    check(
        story().split_off(4),
        expect![[r#"
        [high] From a remote session of m.keller on hist01 to a stop of plc-asc-1
        0 m.keller logs on to hist01 from jump01 <- []
        1 python.exe starts in that session on hist01 <- [historian hist01 as in 0 (Exact), session hist01/0x7be02 as in 0 (Exact)]
        2 hist01 stops plc-asc-1; the controller accepts and 2 more <- [historian hist01 as in 1 (Resolved)]
        = plc-asc-1 does not control its process until it is started again; what it held or protected is left to mechanical protection and to the operators.
    "#]],
    );
}

#[test]
fn a_stop_from_elsewhere_is_no_part_of_it() {
    let mut findings = story();
    findings.truncate(6);
    findings.push(finding(
        "ot_controller_stop_accepted",
        3700 * S,
        &[("source.host", "hmi01"), ("target.host", "plc-asc-1")],
    ));
    check(findings, expect![[r#""#]]);
}

#[test]
fn what_the_longer_chain_tells_late_replaces_the_shorter_one() {
    let (mut chains, _) = Chains::load(BUILT_IN.iter().copied(), live(60));
    let mut findings = story().into_iter();
    let mail = findings.next().unwrap();
    findings.for_each(|finding| chains.push(finding));
    let now = Time(4000 * S);
    let short = chains.advance(now);
    assert_eq!(short.iter().map(|i| i.steps.len()).collect::<Vec<_>>(), [3]);
    chains.push(arrived(now.0, mail));
    let long = chains.advance(now);
    assert_eq!(long.iter().map(|i| i.steps.len()).collect::<Vec<_>>(), [7]);
    assert!(chains.replaces(&long[0], &short[0]));
    assert!(!chains.replaces(&short[0], &long[0]));
    assert_eq!(chains.counters().late, 1);
}

#[test]
fn a_stop_before_the_mail_is_not_hidden_by_the_longer_chain() {
    let mut findings = story();
    let at = |finding: &Finding, ns: i64| Finding { time: Time(ns), arrived: Time(ns), ..finding.clone() };
    findings[0] = at(&findings[0], 3705 * S);
    let again = findings[1..7].iter().zip(1..).map(|(f, i)| row(0, i, at(f, f.time.0 + 4000 * S)));
    let again: Vec<_> = again.collect();
    findings.extend(again);
    let (mut chains, _) = Chains::load(BUILT_IN.iter().copied(), Options::files());
    findings.into_iter().for_each(|finding| chains.push(finding));
    let steps: Vec<_> = chains.flush().iter().map(|i| (i.steps.len(), i.complete.0 / S)).collect();
    assert_eq!(steps, [(3, 3700), (7, 7700)]);
    assert_eq!(chains.counters().covered, 0);
}

#[test]
fn every_rule_that_the_built_in_chains_name_is_known_by_name() {
    let (chains, _) = Chains::load(BUILT_IN.iter().copied(), Options::files());
    let known = [
        "mail_with_active_attachment",
        "office_opens_document",
        "office_spawns_interpreter",
        "remote_interactive_logon",
        "script_interpreter_started",
        "ot_controller_stop_accepted",
    ];
    assert_eq!(chains.unknown_rules(&known.into()), []);
    let told: Vec<_> =
        chains.unknown_rules(&known[..5].iter().copied().collect()).iter().map(ToString::to_string).collect();
    assert_eq!(
        told,
        [
            "chains/mail_to_controller_stop.yml: From a mail to {user} to a stop of {controller}: \
         no rule has the name or id `ot_controller_stop_accepted`",
            "chains/remote_session_to_controller_stop.yml: From a remote session of {user} on {historian} to a stop of \
         {controller}: no rule has the name or id `ot_controller_stop_accepted`",
        ]
    );
}
