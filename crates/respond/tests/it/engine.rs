use crate::scene::{self, HIST01, HMI01, PLC_ASC_1, Scene, case, noon, site};
use expect_test::expect;
use model::{Span, Transport};
use respond::RunState;

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
fn asking_again_while_it_is_open_is_the_same_run() {
    let mut scene = Scene::new();
    let run = scene.ask();
    assert_eq!(scene.ask(), run);
    scene.agree(noon(), run);
    let later = noon() + Span::s(3600);
    assert_eq!(scene.engine.request(later, "somebody", &case(), &site(later)).unwrap(), run);
}
