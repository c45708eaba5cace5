//! Firewalls that say one thing and do another: what is read back is what counts.

use crate::scene::{Folder, StopsAny, agree, approval, case, noon, site, welcome};
use expect_test::{Expect, expect};
use model::Span;
use respond::{
    Block, Effect, Engine, Error, Firewall, FirewallError, InForce, Playbook, Role, RunId, RunState,
    Settings, Simulated,
};
use std::sync::{Arc, Mutex};

/// How a firewall lies.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Lie {
    /// It does as it says.
    #[default]
    None,
    /// Says yes to a new rule and does nothing.
    PutsNothing,
    /// Says no to a new rule and has it.
    PutsAndComplains,
    /// Says no and does nothing, as it should.
    Refuses,
    /// Says yes to taking a rule back and keeps it.
    Keeps,
    /// Does as it says, and cannot be read.
    Unreadable,
}

struct Liar(Simulated, Arc<Mutex<Lie>>);

fn no() -> FirewallError {
    FirewallError::Said { program: "the firewall".to_owned(), said: "out of memory".to_owned() }
}

impl Firewall for Liar {
    fn name(&self) -> String {
        self.0.name()
    }
    fn render(&self, effects: &[Effect]) -> String {
        self.0.render(effects)
    }
    fn list(&mut self) -> Result<Vec<InForce>, FirewallError> {
        if *self.1.lock().unwrap() == Lie::Unreadable { Err(no()) } else { self.0.list() }
    }
    fn put(&mut self, effects: &[Effect]) -> Result<(), FirewallError> {
        let lie = *self.1.lock().unwrap();
        if !matches!(lie, Lie::PutsNothing | Lie::Refuses) {
            self.0.put(effects)?;
        }
        if matches!(lie, Lie::PutsAndComplains | Lie::Refuses) { Err(no()) } else { Ok(()) }
    }
    fn remove(&mut self, blocks: &[Block]) -> Result<(), FirewallError> {
        if *self.1.lock().unwrap() == Lie::Keeps { Ok(()) } else { self.0.remove(blocks) }
    }
}

struct Scene {
    engine: Engine,
    device: Simulated,
    lie: Arc<Mutex<Lie>>,
    run: RunId,
    folder: Folder,
}

impl Scene {
    /// Anna has approved.
    fn new() -> Self {
        let (folder, device, lie) = (Folder::new(), Simulated::new(noon()), Arc::default());
        let mut engine = open(&folder, &device, &lie);
        welcome(&mut engine);
        let run = engine.request(noon(), "tieline", &case(), &site(noon())).unwrap();
        let first = approval(&engine, run, "a.weber", Role::It);
        engine.approve(noon(), run, &first, &site(noon())).unwrap();
        Self { engine, device, lie, run, folder }
    }

    fn lies(&self, lie: Lie) {
        *self.lie.lock().unwrap() = lie;
    }

    /// Bert approves, and it should be in force.
    fn put(&mut self) -> Result<(), Error> {
        let second = approval(&self.engine, self.run, "b.kraft", Role::Ot);
        self.engine.approve(noon(), self.run, &second, &site(noon()))
    }

    fn state(&self) -> RunState {
        self.engine.run(self.run).unwrap().state
    }
}

fn open(folder: &Folder, device: &Simulated, lie: &Arc<Mutex<Lie>>) -> Engine {
    let (path, playbook) = (folder.path().join("ledger"), Playbook::contain_ot_command().unwrap());
    let liar = Box::new(Liar(device.clone(), Arc::clone(lie)));
    Engine::open(&path, liar, playbook, Settings::default(), noon()).unwrap()
}

/// What comes of a firewall that lies while a rule is put in force.
fn check(lie: Lie, expect: Expect) {
    let mut scene = Scene::new();
    scene.lies(lie);
    let answer = scene.put().map_or_else(|error| error.to_string(), |()| "yes".to_owned());
    let unconfirmed =
        if scene.engine.run(scene.run).unwrap().is_unconfirmed() { ", unconfirmed" } else { "" };
    let stops = if scene.device.stops_any() { "stopped" } else { "not stopped" };
    expect.assert_eq(&format!("{answer}; {}{unconfirmed}, {stops}", scene.state().name()));
}

#[test]
fn what_is_read_back_counts_whatever_was_said() {
    check(Lie::None, expect!["yes; active, stopped"]);
    check(
        Lie::PutsNothing,
        expect![
            "the rule is not in force: it was not there when the firewall was read back; failed, not stopped"
        ],
    );
    check(Lie::PutsAndComplains, expect!["yes; active, stopped"]);
    check(
        Lie::Refuses,
        expect!["the rule is not in force: the firewall says: out of memory; failed, not stopped"],
    );
    check(Lie::Unreadable, expect!["cannot read the firewall; active, unconfirmed, stopped"]);
}

#[test]
fn what_could_not_be_confirmed_is_settled_when_the_firewall_answers_again() {
    for (lie, then) in [(Lie::Unreadable, RunState::Active), (Lie::PutsNothing, RunState::Failed)] {
        let mut scene = Scene::new();
        scene.lies(Lie::Unreadable);
        scene.put().unwrap_err();
        let is_there = lie == Lie::Unreadable;
        if !is_there {
            respond::lift_all(&mut scene.device).unwrap();
        }
        scene.engine.tick(noon() + Span::s(1), &site(noon())).unwrap();
        assert_eq!(scene.engine.problems().count(), 1);
        scene.lies(Lie::None);
        scene.engine.tick(noon() + Span::s(2), &site(noon())).unwrap();
        assert_eq!((scene.state(), scene.device.stops_any()), (then, is_there));
        assert_eq!(scene.engine.problems().count(), 0);
    }
}

#[test]
fn a_rule_that_was_begun_and_is_not_there_after_a_restart_is_not_begun_again() {
    let mut scene = Scene::new();
    scene.lies(Lie::Unreadable);
    scene.put().unwrap_err();
    respond::lift_all(&mut scene.device).unwrap();
    scene.lies(Lie::None);
    let mut reopened = open(&scene.folder, &scene.device, &scene.lie);
    assert_eq!(reopened.run(scene.run).unwrap().state, RunState::Failed);
    for minute in 1..5 {
        let now = noon() + Span::s(60 * minute);
        reopened.tick(now, &site(now)).unwrap();
        assert!(!scene.device.stops_any());
    }
}

#[test]
fn a_rule_that_does_not_come_out_is_not_called_lifted() {
    let mut scene = Scene::new();
    scene.put().unwrap();
    scene.lies(Lie::Keeps);
    let error = scene.engine.lift(noon(), scene.run, "c.lang", "the historian is clean").unwrap_err();
    expect!["the firewall still stops RUN-1; lift it again, or take it out by hand"]
        .assert_eq(&error.to_string());
    assert_eq!(scene.state(), RunState::Active);
    scene.engine.tick(noon() + Span::s(60), &site(noon())).unwrap();
    let problems: Vec<_> = scene.engine.problems().collect();
    expect!["the firewall still stops RUN-1; lift it again, or take it out by hand"]
        .assert_eq(&problems.join("\n"));
    scene.lies(Lie::None);
    scene.engine.tick(noon() + Span::s(120), &site(noon())).unwrap();
    assert_eq!((scene.state(), scene.device.stops_any()), (RunState::Lifted, false));
    expect!["lifted by c.lang: the historian is clean"]
        .assert_eq(scene.engine.run(scene.run).unwrap().reason.as_ref().unwrap());
}

#[test]
fn a_no_stands_and_a_new_question_is_a_new_run() {
    let mut scene = Scene::new();
    scene.engine.refuse(noon(), scene.run, "b.kraft", "we are starting up").unwrap();
    scene.engine.tick(noon() + Span::s(60), &site(noon())).unwrap();
    let again = scene.engine.request(noon(), "c.lang", &case(), &site(noon())).unwrap();
    assert_ne!(again, scene.run);
    agree(&mut scene.engine, noon(), again);
    assert_eq!(scene.engine.run(again).unwrap().state, RunState::Active);
    assert_eq!(scene.state(), RunState::Refused);
}
