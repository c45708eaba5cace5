//! Which approvals count, each way of not counting in a line.

use crate::scene::{Scene, StopsAny, approval, case, key, noon, site};
use expect_test::{Expect, expect};
use model::{Level, Span, Time};
use respond::{Approval, AssetRole, Case, Engine, Error, GuardInput, Party, Role, RunId, RunState, Settings};

/// Anna has approved; then `second` is given. Tells what comes of it.
fn check(
    prepare: impl FnOnce(&mut Scene, RunId),
    second: impl FnOnce(&Scene, RunId) -> (Time, Approval, GuardInput),
    expect: Expect,
) {
    let mut scene = Scene::new();
    let run = scene.ask();
    let first = approval(&scene.engine, run, "a.weber", Role::It);
    scene.engine.approve(noon(), run, &first, &site(noon())).unwrap();
    prepare(&mut scene, run);
    let (now, approval, site) = second(&scene, run);
    let answer = scene.engine.approve(now, run, &approval, &site);
    let state = scene.engine.run(run).unwrap().state;
    let missing: Vec<_> = scene.engine.run(run).unwrap().missing().into_iter().map(Role::name).collect();
    let answer = answer.map_or_else(|error| error.to_string(), |()| "yes".to_owned());
    assert_eq!(state == RunState::Active, scene.firewall.stops_any(), "only what is active is in force");
    expect.assert_eq(&format!("{answer}; {}, missing {missing:?}", state.name()));
}

fn nothing(_: &mut Scene, _: RunId) {}

fn at_noon(approval: Approval) -> (Time, Approval, GuardInput) {
    (noon(), approval, site(noon()))
}

fn berts(scene: &Scene, run: RunId) -> Approval {
    approval(&scene.engine, run, "b.kraft", Role::Ot)
}

#[test]
fn two_people_of_two_roles_are_enough() {
    check(nothing, |scene, run| at_noon(berts(scene, run)), expect!["yes; active, missing []"]);
}

#[test]
fn one_person_has_one_voice() {
    let again = |scene: &Scene, run| at_noon(approval(&scene.engine, run, "a.weber", Role::It));
    check(
        nothing,
        again,
        expect![[
            r#"a.weber has approved already; the other role needs another person; waiting, missing ["ot"]"#
        ]],
    );
    let both =
        |scene: &mut Scene, _| scene.engine.enrol(noon(), "a.weber", Role::Ot, key("a.weber")).unwrap();
    let other_role = |scene: &Scene, run| at_noon(approval(&scene.engine, run, "a.weber", Role::Ot));
    check(
        both,
        other_role,
        expect![[
            r#"a.weber has approved already; the other role needs another person; waiting, missing ["ot"]"#
        ]],
    );
}

#[test]
fn a_role_speaks_once() {
    let third = |scene: &mut Scene, _| {
        scene.engine.enrol(noon(), "c.lang", Role::It, key("c.lang")).unwrap();
        scene.engine.login(noon(), "c.lang").unwrap();
    };
    let same_role = |scene: &Scene, run| at_noon(approval(&scene.engine, run, "c.lang", Role::It));
    check(third, same_role, expect![[r#"an approval of it is there already; waiting, missing ["ot"]"#]]);
}

#[test]
fn whoever_lost_the_role_does_not_count() {
    let revoke = |scene: &mut Scene, _| scene.engine.revoke(noon(), "b.kraft", Role::Ot).unwrap();
    check(
        revoke,
        |scene, run| at_noon(berts(scene, run)),
        expect![[r#"b.kraft has not the role ot; waiting, missing ["ot"]"#]],
    );
    let revoke_first = |scene: &mut Scene, _| scene.engine.revoke(noon(), "a.weber", Role::It).unwrap();
    check(
        revoke_first,
        |scene, run| at_noon(berts(scene, run)),
        expect![[r#"yes; waiting, missing ["it"]"#]],
    );
    let new_key = |scene: &mut Scene, _| {
        scene.engine.enrol(noon(), "a.weber", Role::It, key("new key of a.weber")).unwrap();
    };
    check(new_key, |scene, run| at_noon(berts(scene, run)), expect![[r#"yes; waiting, missing ["it"]"#]]);
}

#[test]
fn a_role_that_nobody_gave_is_none() {
    let stranger = |scene: &Scene, run| at_noon(approval(&scene.engine, run, "stranger", Role::Ot));
    check(nothing, stranger, expect![[r#"stranger has not the role ot; waiting, missing ["ot"]"#]]);
}

#[test]
fn a_signature_is_for_one_run_of_one_person() {
    let of_anna = |scene: &Scene, run: RunId| {
        let signature = approval(&scene.engine, run, "a.weber", Role::It).signature;
        at_noon(Approval { signature, ..berts(scene, run) })
    };
    check(
        nothing,
        of_anna,
        expect![[r#"the signature is not that of b.kraft over this run; waiting, missing ["ot"]"#]],
    );
    let other_run = |scene: &mut Scene, _| {
        let case = Case { target: Party::new("PLC-UNIT-2", crate::scene::PLC_UNIT_2), ..case() };
        scene.engine.request(noon(), "tieline", &case, &site(noon())).unwrap();
    };
    let for_other_run = |scene: &Scene, run: RunId| {
        let signature = berts(scene, RunId(run.0 + 1)).signature;
        at_noon(Approval { signature, ..berts(scene, run) })
    };
    check(
        other_run,
        for_other_run,
        expect![[r#"the signature is not that of b.kraft over this run; waiting, missing ["ot"]"#]],
    );
    let of_nothing = |scene: &Scene, run| at_noon(Approval { signature: [0; 64], ..berts(scene, run) });
    check(
        nothing,
        of_nothing,
        expect![[r#"the signature is not that of b.kraft over this run; waiting, missing ["ot"]"#]],
    );
}

#[test]
fn the_name_of_the_asset_is_typed() {
    let other = |scene: &Scene, run| at_noon(Approval { asset: "PLC-UNIT-2".into(), ..berts(scene, run) });
    check(
        nothing,
        other,
        expect![[r#""PLC-UNIT-2" was typed, the asset is PLC-ASC-1; waiting, missing ["ot"]"#]],
    );
    let empty = |scene: &Scene, run| at_noon(Approval { asset: String::new(), ..berts(scene, run) });
    check(nothing, empty, expect![[r#""" was typed, the asset is PLC-ASC-1; waiting, missing ["ot"]"#]]);
    let small = |scene: &Scene, run| at_noon(Approval { asset: " plc-asc-1 ".into(), ..berts(scene, run) });
    check(nothing, small, expect!["yes; active, missing []"]);
}

#[test]
fn silence_is_a_no() {
    let later = noon() + Span::s(1800);
    let login = move |scene: &mut Scene, _| scene.engine.login(later, "b.kraft").unwrap();
    check(
        login,
        |scene, run| (later, berts(scene, run), site(later)),
        expect!["RUN-1 lapsed: nobody decided in time, so nothing is done; lapsed, missing []"],
    );
    let before = later - Span::s(1);
    let login = move |scene: &mut Scene, _| scene.engine.login(before, "b.kraft").unwrap();
    check(login, |scene, run| (before, berts(scene, run), site(before)), expect!["yes; active, missing []"]);
}

#[test]
fn a_log_in_is_fresh() {
    let later = noon() + Span::s(901);
    check(
        nothing,
        |scene, run| (later, berts(scene, run), site(later)),
        expect![[
            r#"b.kraft has not logged in within the last 15 minutes; log in again; waiting, missing ["ot"]"#
        ]],
    );
    // The clock was set back by an hour; the log-in seems to be in the future.
    let earlier = noon() - Span::s(3600);
    check(
        nothing,
        |scene, run| (earlier, berts(scene, run), site(earlier)),
        expect![[
            r#"b.kraft has not logged in within the last 15 minutes; log in again; waiting, missing ["ot"]"#
        ]],
    );
}

#[test]
fn what_was_judged_has_not_changed() {
    let role = |scene: &Scene, run| {
        let mut site = site(noon());
        site.assets[0].roles.push(AssetRole::Engineering);
        (noon(), berts(scene, run), site)
    };
    check(
        nothing,
        role,
        expect![[
            r#"what the guard judged has changed; earlier approvals are void, look again and sign anew; waiting, missing ["it", "ot"]"#
        ]],
    );
    let steers = |scene: &Scene, run| {
        let mut site = site(noon());
        site.conduits[0].writes = true;
        (noon(), berts(scene, run), site)
    };
    check(
        nothing,
        steers,
        expect![
            "the guard says breaks: HIST01 steers PLC-ASC-1 (modbus) stops: commands and set points do not arrive any more; 3 process conduits go on; half-open connections stay at the target until they time out there: 1; refused, missing []"
        ],
    );
    let safety = |scene: &Scene, run| {
        let mut site = site(noon());
        site.assets[2].safety = true;
        (noon(), berts(scene, run), site)
    };
    check(
        nothing,
        safety,
        expect![
            "the guard says breaks: HIST01 reads PLC-ASC-1 (modbus) stops: a safety function loses a connection; 3 process conduits go on; half-open connections stay at the target until they time out there: 1; refused, missing []"
        ],
    );
    let traffic = |scene: &Scene, run| {
        let mut site = site(noon());
        site.conduits.iter_mut().for_each(|seen| seen.last = noon() - Span::s(3));
        site.conduits.push(crate::scene::seen(
            (crate::scene::HIST01, Level::L3),
            crate::scene::HMI01,
            true,
            noon(),
        ));
        (noon(), berts(scene, run), site)
    };
    check(nothing, traffic, expect!["yes; active, missing []"]);
}

#[test]
fn protection_that_came_after_the_question_counts() {
    let mut scene = Scene::new();
    let run = scene.ask();
    let first = approval(&scene.engine, run, "a.weber", Role::It);
    scene.engine.approve(noon(), run, &first, &site(noon())).unwrap();
    let why = "the shift lead says so".to_owned();
    let protected = vec![respond::Protected { addr: crate::scene::PLC_ASC_1, prefix: 32, why }];
    let mut engine = scene.reopened_with(noon(), Settings { protected, ..Settings::default() });
    let second = approval(&engine, run, "b.kraft", Role::Ot);
    let refused = engine.approve(noon(), run, &second, &site(noon())).unwrap_err();
    expect!["10.1.10.5 is protected: the shift lead says so"].assert_eq(&refused.to_string());
    assert_eq!(engine.run(run).unwrap().state, RunState::Refused);
    assert!(!scene.firewall.stops_any());
}

fn asked_by(asker: &str, settings: Settings) -> Result<(), Error> {
    let mut scene = Scene::with(settings);
    let run = scene.engine.request(noon(), asker, &case(), &site(noon())).unwrap();
    let first = approval(&scene.engine, run, "a.weber", Role::It);
    scene.engine.approve(noon(), run, &first, &site(noon()))
}

#[test]
fn who_asks_does_not_approve_unless_the_site_says_so() {
    let refused = asked_by("a.weber", Settings::default()).unwrap_err();
    expect!["a.weber asked for it and may not approve it too"].assert_eq(&refused.to_string());
    asked_by("b.kraft", Settings::default()).unwrap();
    asked_by("a.weber", Settings { asker_may_approve: true, ..Settings::default() }).unwrap();
}

#[test]
fn a_key_is_of_one_person() {
    let mut scene = Scene::new();
    let taken = scene.engine.enrol(noon(), "c.lang", Role::Ot, key("a.weber")).unwrap_err();
    expect!["this key is that of a.weber"].assert_eq(&taken.to_string());
    let people =
        |engine: &Engine| engine.people().map(|(who, role, _)| (who.to_owned(), role)).collect::<Vec<_>>();
    let both = [("a.weber".to_owned(), Role::It), ("b.kraft".to_owned(), Role::Ot)];
    assert_eq!(people(&scene.engine), both);
    let before = scene.engine.events(0).unwrap().len();
    scene.engine.enrol(noon(), "a.weber", Role::It, key("a.weber")).unwrap();
    assert_eq!(scene.engine.events(0).unwrap().len(), before, "the same again is nothing new");
}

#[test]
fn what_was_not_accepted_is_written_down() {
    let mut scene = Scene::new();
    let run = scene.ask();
    let bad = Approval { signature: [1; 64], ..approval(&scene.engine, run, "b.kraft", Role::Ot) };
    scene.engine.approve(noon(), run, &bad, &site(noon())).unwrap_err();
    let last = scene.engine.events(0).unwrap().pop().unwrap();
    expect!["b.kraft an approval was not accepted: the signature is not that of b.kraft over this run"]
        .assert_eq(&format!("{} {}", last.who, last.event.text()));
}
