use crate::scene::{self, HIST01, HMI01, PLC_ASC_1, PLC_UNIT_2, Scene, StopsAny, approval, case, noon, site};
use expect_test::expect;
use model::{Span, Transport};
use respond::{
    Block, Case, Effect, EffectId, Engine, Error, Firewall, Lifted, Party, Refusal, Role, Run, RunId,
    RunState, Ttl,
};

fn steps(run: &Run) -> String {
    let step = |s: respond::RunStep| format!("{:8}{}: {}\n", s.progress.name(), s.name, s.result);
    run.steps().into_iter().map(step).collect()
}

#[test]
fn two_people_put_a_rule_in_force_and_it_ends_by_itself() {
    let mut scene = Scene::new();
    let run = scene.in_force();
    assert_eq!(scene.engine.run(run).unwrap().state, RunState::Active);
    assert!(scene.firewall.stops(HIST01, PLC_ASC_1, Transport::Tcp, 502));
    assert!(!scene.firewall.stops(HMI01, PLC_ASC_1, Transport::Tcp, 502));
    let end = noon() + scene::DAY;
    scene.firewall.pass(end);
    scene.engine.tick(end, &site(end)).unwrap();
    assert_eq!(scene.engine.run(run).unwrap().state, RunState::Expired);
    let kinds = scene.kinds().join(" ");
    expect!["requested enriched simulated approved approved intent outcome expired"].assert_eq(&kinds);
}

#[test]
fn a_run_shows_how_far_it_is() {
    let mut scene = Scene::new();
    let run = scene.ask();
    expect![[r#"
        done    Asked: asked by tieline
        done    Look up both ends: HIST01 (10.3.0.20): level 3, criticality not declared; PLC-ASC-1 (10.1.10.5): level 1, criticality high; this flow (modbus) was first seen 2026-10-26T12:00:00.000000Z, last 2026-11-25T12:00:00.000000Z
        done    Simulate the rule: degrades: HIST01 reads PLC-ASC-1 (modbus) stops: records and views above the control level miss these values until the block ends; 3 process conduits go on; half-open connections stay at the target until they time out there: 1
        wait    Two approvals, IT and OT: missing: it, ot
        todo    Block the flow, 24 hours at most: 
        todo    Tell the control room: 
        todo    Over: 
    "#]].assert_eq(&steps(scene.engine.run(run).unwrap()));
    scene.agree(noon(), run);
    scene.engine.told(noon(), run, "b.kraft").unwrap();
    expect![[r#"
        done    Asked: asked by tieline
        done    Look up both ends: HIST01 (10.3.0.20): level 3, criticality not declared; PLC-ASC-1 (10.1.10.5): level 1, criticality high; this flow (modbus) was first seen 2026-10-26T12:00:00.000000Z, last 2026-11-25T12:00:00.000000Z
        done    Simulate the rule: degrades: HIST01 reads PLC-ASC-1 (modbus) stops: records and views above the control level miss these values until the block ends; 3 process conduits go on; half-open connections stay at the target until they time out there: 1
        done    Two approvals, IT and OT: by a.weber (it) and b.kraft (ot)
        done    Block the flow, 24 hours at most: until 2026-11-26T12:00:00.000000Z
        done    Tell the control room: by b.kraft
        todo    Over: 
    "#]].assert_eq(&steps(scene.engine.run(run).unwrap()));
    scene.engine.lift(noon(), run, "c.lang", "the historian is clean").unwrap();
    expect![[r#"
        done    Asked: asked by tieline
        done    Look up both ends: HIST01 (10.3.0.20): level 3, criticality not declared; PLC-ASC-1 (10.1.10.5): level 1, criticality high; this flow (modbus) was first seen 2026-10-26T12:00:00.000000Z, last 2026-11-25T12:00:00.000000Z
        done    Simulate the rule: degrades: HIST01 reads PLC-ASC-1 (modbus) stops: records and views above the control level miss these values until the block ends; 3 process conduits go on; half-open connections stay at the target until they time out there: 1
        done    Two approvals, IT and OT: by a.weber (it) and b.kraft (ot)
        done    Block the flow, 24 hours at most: lifted by c.lang: the historian is clean
        done    Tell the control room: by b.kraft
        done    Over: 
    "#]].assert_eq(&steps(scene.engine.run(run).unwrap()));
    let manual = scene.engine.run(run).unwrap().manual();
    expect!["Call the control room: HIST01 cannot reach PLC-ASC-1 until the block ends. Ask them to look at PLC-ASC-1 on the spot and to start, stop or change it by their own procedures; Tieline sends no command to a controller."].assert_eq(&manual.join("\n"));
}

#[test]
fn what_is_signed_names_the_run_the_rule_the_guard_and_the_time() {
    let mut scene = Scene::new();
    let run = scene.ask();
    let text = String::from_utf8(scene.engine.run(run).unwrap().to_sign()).unwrap();
    let json: serde_json::Value = serde_json::from_str(&text).unwrap();
    let run = scene.engine.run(run).unwrap();
    assert_eq!(json["rule"], run.rule);
    assert_eq!(json["ttl_s"], 86_400);
    let names: Vec<_> = json.as_object().unwrap().keys().map(String::as_str).collect();
    expect!["tieline run incident playbook version digest asset firewall rule guard ttl_s"]
        .assert_eq(&names.join(" "));
    assert_eq!(run.rule, scene.firewall.render(&run.effects()), "what is signed is what is applied");
}

#[test]
fn asking_again_while_it_is_open_is_the_same_run() {
    let mut scene = Scene::new();
    let run = scene.ask();
    assert_eq!(scene.ask(), run);
    scene.agree(noon(), run);
    let later = noon() + Span::s(3600);
    assert_eq!(scene.engine.request(later, "somebody", &case(), &site(later)).unwrap(), run);
    let other_incident = Case { incident: "INC-8".to_owned(), ..case() };
    let refused = scene.engine.request(later, "tieline", &other_incident, &site(later)).unwrap_err();
    assert!(matches!(refused, Error::Refused(Refusal::AlreadyInForce(id)) if id == run), "{refused}");
}

#[test]
fn what_breaks_the_process_is_not_asked_of_anybody() {
    let mut scene = Scene::new();
    let mut site = site(noon());
    site.conduits[0].writes = true;
    let before = scene.engine.events(0).unwrap().len();
    for _ in 0..3 {
        let refused = scene.engine.request(noon(), "tieline", &case(), &site).unwrap_err();
        assert!(matches!(refused, Error::Refused(Refusal::Guard { verdict: "breaks", .. })), "{refused}");
    }
    assert_eq!(scene.engine.runs().count(), 0);
    let events = scene.engine.events(0).unwrap();
    assert_eq!(events.len(), before + 1, "the same refusal is written once");
    expect!["refused to stop HIST01 (10.3.0.20) to PLC-ASC-1 (10.1.10.5), tcp 502: asked by tieline: the guard says breaks: HIST01 steers PLC-ASC-1 (modbus) stops: commands and set points do not arrive any more; 3 process conduits go on; half-open connections stay at the target until they time out there: 1"].assert_eq(&events.last().unwrap().event.text());
}

#[test]
fn a_person_says_no_and_nothing_is_done() {
    let mut scene = Scene::new();
    let run = scene.ask();
    scene.engine.refuse(noon(), run, "b.kraft", "we are starting up").unwrap();
    let refused = approval(&scene.engine, run, "a.weber", Role::It);
    scene.engine.approve(noon(), run, &refused, &site(noon())).unwrap_err();
    assert!(!scene.firewall.stops_any());
    expect![[r#"
        done    Asked: asked by tieline
        done    Look up both ends: HIST01 (10.3.0.20): level 3, criticality not declared; PLC-ASC-1 (10.1.10.5): level 1, criticality high; this flow (modbus) was first seen 2026-10-26T12:00:00.000000Z, last 2026-11-25T12:00:00.000000Z
        done    Simulate the rule: degrades: HIST01 reads PLC-ASC-1 (modbus) stops: records and views above the control level miss these values until the block ends; 3 process conduits go on; half-open connections stay at the target until they time out there: 1
        failed  Two approvals, IT and OT: refused by b.kraft: we are starting up
        skipped Block the flow, 24 hours at most: 
        skipped Tell the control room: 
        skipped Over: 
    "#]].assert_eq(&steps(scene.engine.run(run).unwrap()));
}

#[test]
fn nobody_decides_and_nothing_is_done() {
    let mut scene = Scene::new();
    let run = scene.ask();
    let late = noon() + Span::s(1800);
    scene.engine.tick(late - Span::s(1), &site(late)).unwrap();
    assert_eq!(scene.engine.run(run).unwrap().state, RunState::Waiting);
    scene.engine.tick(late, &site(late)).unwrap();
    assert_eq!(scene.engine.run(run).unwrap().state, RunState::Lapsed);
    assert!(!scene.firewall.stops_any());
    assert_ne!(scene.engine.request(late, "tieline", &case(), &site(late)).unwrap(), run);
}

#[test]
fn a_picture_that_changes_while_people_think_voids_what_they_signed() {
    let mut scene = Scene::new();
    let run = scene.ask();
    let first = approval(&scene.engine, run, "a.weber", Role::It);
    scene.engine.approve(noon(), run, &first, &site(noon())).unwrap();
    let later = noon() + Span::s(60);
    let mut site = site(later);
    site.blind = Some("the mirror port of cell 1 is down".to_owned());
    scene.engine.tick(later, &site).unwrap();
    let shown = scene.engine.run(run).unwrap();
    assert_eq!((shown.state, shown.missing().len()), (RunState::Waiting, 2));
    assert_eq!(shown.report.as_ref().unwrap().verdict, respond::Verdict::Unknown);
    site.conduits[0].writes = true;
    scene.engine.tick(later + Span::s(60), &site).unwrap();
    assert_eq!(scene.engine.run(run).unwrap().state, RunState::Refused);
}

#[test]
fn one_person_lifts() {
    let mut scene = Scene::new();
    let run = scene.in_force();
    let lifted = scene.engine.lift(noon(), run, "c.lang", "the historian is clean").unwrap();
    assert_eq!(lifted, Lifted::Recorded);
    assert!(!scene.firewall.stops_any());
    let again = scene.engine.lift(noon(), run, "c.lang", "once more").unwrap_err();
    expect!["RUN-1 is lifted, there is nothing to lift"].assert_eq(&again.to_string());
}

/// Somebody holds the ledger, so that it cannot be written.
fn hold(scene: &Scene) -> rusqlite::Connection {
    let other = rusqlite::Connection::open(&scene.ledger).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    other
}

#[test]
fn lifting_needs_no_ledger_and_anything_new_does() {
    let mut scene = Scene::new();
    let run = scene.in_force();
    let waiting = Case { target: Party::new("PLC-UNIT-2", PLC_UNIT_2), ..case() };
    let waiting = scene.engine.request(noon(), "tieline", &waiting, &site(noon())).unwrap();
    let first = approval(&scene.engine, waiting, "a.weber", Role::It);
    scene.engine.approve(noon(), waiting, &first, &site(noon())).unwrap();
    let held = hold(&scene);
    let second = approval(&scene.engine, waiting, "b.kraft", Role::Ot);
    scene.engine.approve(noon(), waiting, &second, &site(noon())).unwrap_err();
    assert!(!scene.firewall.stops(HIST01, PLC_UNIT_2, Transport::Tcp, 502));
    let lifted = scene.engine.lift(noon(), run, "c.lang", "emergency").unwrap();
    let Lifted::Unrecorded(why) = lifted else { panic!("{lifted:?}") };
    let why = why.replace(&scene.ledger.display().to_string(), "LEDGER");
    expect!["cannot write the ledger LEDGER: database is locked: Error code 5: database is locked"]
        .assert_eq(&why);
    assert!(!scene.firewall.stops_any());
    assert_eq!(scene.engine.run(run).unwrap().state, RunState::Lifted);
    drop(held);
    // After a restart the ledger still believes in the rule; reading back shows that it is gone.
    let reopened = scene.reopened(noon());
    assert_eq!(reopened.run(run).unwrap().state, RunState::Lifted);
}

#[test]
fn everything_is_lifted_at_once_also_with_a_ledger_that_cannot_be_written() {
    let mut scene = Scene::new();
    let first = scene.in_force();
    let other = Case { target: Party::new("PLC-UNIT-2", PLC_UNIT_2), ..case() };
    let second = scene.engine.request(noon(), "tieline", &other, &site(noon())).unwrap();
    scene.agree(noon(), second);
    let _held = hold(&scene);
    let lifted = scene.engine.lift_all(noon(), "c.lang", "emergency").unwrap();
    assert_eq!(lifted.into_iter().map(|(run, _)| run).collect::<Vec<_>>(), [first, second]);
    assert!(!scene.firewall.stops_any());
}

#[test]
fn everything_can_be_lifted_without_engine_and_ledger() {
    let mut scene = Scene::new();
    scene.in_force();
    assert_eq!(respond::lift_all(&mut scene.firewall).unwrap(), 1);
    assert!(!scene.firewall.stops_any());
}

#[test]
fn what_was_taken_out_behind_the_back_is_raised_and_not_put_in_again() {
    let mut scene = Scene::new();
    let run = scene.in_force();
    respond::lift_all(&mut scene.firewall).unwrap();
    let later = noon() + Span::s(60);
    scene.firewall.pass(later);
    scene.engine.tick(later, &site(later)).unwrap();
    assert!(!scene.firewall.stops_any());
    let run = scene.engine.run(run).unwrap();
    assert_eq!(run.state, RunState::Lifted);
    expect!["RUN-1 is gone before its end; it was taken out at the firewall and is not put in again"]
        .assert_eq(run.reason.as_ref().unwrap());
}

fn strange(part: u16, source: [u8; 4], ttl: u32) -> Effect {
    let block = Block::new(source.into(), PLC_ASC_1, Transport::Tcp, 502).unwrap();
    Effect { id: EffectId { run: RunId(99), part }, block, ttl: Ttl::new(ttl).unwrap() }
}

#[test]
fn what_nobody_approved_is_raised_once() {
    let mut scene = Scene::new();
    scene.firewall.put(&[strange(1, [10, 2, 0, 11], 3600)]).unwrap();
    for minute in 1..=3 {
        let now = noon() + Span::s(60 * minute);
        scene.firewall.pass(now);
        scene.engine.tick(now, &site(now)).unwrap();
    }
    let drifts: Vec<_> = scene.engine.events(0).unwrap();
    let drifts: Vec<_> = drifts.iter().filter(|entry| entry.event.kind() == "drift").collect();
    assert_eq!(drifts.len(), 1);
    expect![
        "the firewall differs: RUN-99.1 (10.2.0.11 to 10.1.10.5, tcp 502) is in force and nobody approved it"
    ]
    .assert_eq(&drifts[0].event.text());
    assert_eq!(scene.engine.problems().count(), 1);
}

#[test]
fn a_rule_with_a_later_end_than_approved_is_raised() {
    let mut scene = Scene::new();
    let short = Case { wanted: Span::s(600), ..case() };
    let run = scene.engine.request(noon(), "tieline", &short, &site(noon())).unwrap();
    scene.agree(noon(), run);
    let mut longer = scene.engine.run(run).unwrap().effects();
    longer[0].ttl = Ttl::MAX;
    scene.firewall.put(&longer).unwrap();
    let later = noon() + Span::s(60);
    scene.engine.tick(later, &site(later)).unwrap();
    let problems: Vec<_> = scene.engine.problems().collect();
    expect!["RUN-1 is not in force as it was approved: another flow, a later end, or a part is missing"]
        .assert_eq(&problems.join("\n"));
    let after = noon() + Span::s(700);
    scene.firewall.pass(after);
    scene.engine.tick(after, &site(after)).unwrap();
    let problems: Vec<_> = scene.engine.problems().collect();
    expect!["RUN-1 is still in force after its end; the clock was set, or the firewall does not forget"]
        .assert_eq(&problems.join("\n"));
    scene.engine.lift(after, run, "c.lang", "too long").unwrap();
    scene.engine.tick(after + Span::s(60), &site(after)).unwrap();
    assert_eq!(scene.engine.problems().count(), 0);
}

#[test]
fn a_clock_that_jumps_a_day_ends_nothing_that_is_in_force() {
    let mut scene = Scene::new();
    let run = scene.in_force();
    // Our clock jumps ahead; the firewall's does not.
    let ahead = noon() + scene::DAY + Span::s(60);
    scene.engine.tick(ahead, &site(ahead)).unwrap();
    assert_eq!(scene.engine.run(run).unwrap().state, RunState::Active, "the firewall still has it");
    let back = noon() + Span::s(120);
    scene.firewall.pass(back);
    scene.engine.tick(back, &site(back)).unwrap();
    assert_eq!(scene.engine.run(run).unwrap().state, RunState::Active);
    assert_eq!(scene.engine.problems().count(), 0);
}

#[test]
fn a_restart_knows_what_was_known() {
    let mut scene = Scene::new();
    let active = scene.in_force();
    let other = Case { target: Party::new("PLC-UNIT-2", PLC_UNIT_2), ..case() };
    let waiting = scene.engine.request(noon(), "c.lang", &other, &site(noon())).unwrap();
    let first = approval(&scene.engine, waiting, "a.weber", Role::It);
    scene.engine.approve(noon(), waiting, &first, &site(noon())).unwrap();
    let mut reopened = scene.reopened(noon());
    let runs = |engine: &Engine| engine.runs().cloned().collect::<Vec<_>>();
    assert_eq!(runs(&reopened), runs(&scene.engine));
    assert_eq!(reopened.events(0).unwrap(), scene.engine.events(0).unwrap());
    let second = approval(&reopened, waiting, "b.kraft", Role::Ot);
    reopened.approve(noon(), waiting, &second, &site(noon())).unwrap();
    assert_eq!(reopened.run(active).unwrap().state, RunState::Active);
    assert_eq!(reopened.run(waiting).unwrap().state, RunState::Active);
    let late = scene.engine.login(noon(), "a.weber").unwrap_err();
    assert!(matches!(late, Error::OtherWriter { .. }), "the engine before does not write any more: {late}");
}

#[test]
fn no_more_wait_and_are_in_force_than_may() {
    let limits = respond::Limits { in_force_max: 1, hour_max: 2, waiting_max: 2 };
    let mut scene = Scene::with(respond::Settings { limits, ..Default::default() });
    let target = |n: u8| Case { source: Party::new("stranger", [10, 4, 20, n].into()), ..case() };
    let ask = |scene: &mut Scene, n| scene.engine.request(noon(), "tieline", &target(n), &site(noon()));
    let (first, second) = (ask(&mut scene, 1).unwrap(), ask(&mut scene, 2).unwrap());
    let full = ask(&mut scene, 3).unwrap_err();
    expect!["the most runs that may wait for a decision are waiting: 2; decide one first"]
        .assert_eq(&full.to_string());
    scene.agree(noon(), first);
    let approval_it = approval(&scene.engine, second, "a.weber", Role::It);
    scene.engine.approve(noon(), second, &approval_it, &site(noon())).unwrap();
    let approval_ot = approval(&scene.engine, second, "b.kraft", Role::Ot);
    let one_too_many = scene.engine.approve(noon(), second, &approval_ot, &site(noon())).unwrap_err();
    expect!["the most blocks that may be in force at one time are: 1; lift one first"]
        .assert_eq(&one_too_many.to_string());
    assert_eq!(scene.engine.run(second).unwrap().state, RunState::Refused);
    scene.engine.lift(noon(), first, "c.lang", "done").unwrap();
    let third = ask(&mut scene, 4).unwrap();
    scene.agree(noon(), third);
    scene.engine.lift(noon(), third, "c.lang", "done").unwrap();
    let hour = ask(&mut scene, 5).unwrap_err();
    expect!["the most blocks within an hour were put in force: 2; block at the firewall by hand"]
        .assert_eq(&hour.to_string());
}

#[test]
fn a_flood_of_made_up_sources_does_not_fill_the_ledger() {
    let mut scene = Scene::new();
    let mut site = site(noon());
    site.assets[2].safety = true;
    let before = scene.engine.events(0).unwrap().len();
    for n in 0..500_u16 {
        let [a, b] = n.to_be_bytes();
        let flood = Case { source: Party::new("stranger", [10, 4, a, b].into()), ..case() };
        scene.engine.request(noon(), "tieline", &flood, &site).unwrap_err();
    }
    assert_eq!(scene.engine.events(0).unwrap().len(), before + 128);
    assert_eq!(scene.engine.unwritten(), 500 - 128);
    let later = noon() + Span::s(3600);
    scene.engine.request(later, "tieline", &case(), &site).unwrap_err();
    assert_eq!(scene.engine.events(0).unwrap().len(), before + 129);
}
