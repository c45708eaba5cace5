use super::made::{ACK, Host, MS, S, Tape, Tcp, arp_reply, at, ethernet, host, icmp, plant, udp};
use super::{Texts, play};
use crate::{
    Canary, Claim, Conduit, Missing, Place, Prefix, Proof, Reason, Report, Setup, Side, Sight, Verdict,
    Witness,
};
use model::Mac;

const FORWARD: [u8; 16] = *b"canary: forward.";
const REVERSE: [u8; 16] = *b"canary: reverse.";
const CHECK: [u8; 16] = *b"canary: checking";

pub(super) fn conduit() -> Conduit {
    let side = |network: [u8; 4], station: [u8; 6]| Side {
        networks: vec![Prefix::new(network.into(), 24)],
        stations: vec![Mac(station)],
    };
    Conduit {
        name: "plant to history".into(),
        from: side([10, 1, 1, 0], near().mac),
        to: side([10, 2, 9, 0], far().mac),
        canary: Some(Canary { forward: FORWARD, reverse: REVERSE, check: CHECK }),
    }
}

fn near() -> Host {
    host([10, 1, 1, 21])
}

fn far() -> Host {
    host([10, 2, 9, 9])
}

/// What a claim says after the plant was heard for five minutes with `frames` in between, and what a finding
/// rests on.
fn judge(place: Place, frames: Vec<Vec<u8>>) -> (Verdict, Option<u64>) {
    let mut tape = plant(300);
    for (frame, number) in frames.into_iter().zip(1..) {
        tape.put(100 * S + number * MS, frame);
    }
    let setup = Setup { conduits: vec![(conduit(), place)], ..Setup::default() };
    let played = play(&tape.sorted(), setup, None);
    let (mut claim, mut rows) = (Claim::new(conduit()), Texts::default());
    let mut found = None;
    for report in &played.reports {
        let witness = Witness { tap: "tap1", place, report, sight: &report.sights[0] };
        found = claim.judge(at(300 * S), &[witness], &mut rows).or(found);
    }
    assert_eq!(rows.0.len(), 1, "a verdict that stays has one row: {:?}", rows.0);
    (claim.verdict().unwrap(), found.map(|finding| finding.evidence.origin.number))
}

/// Segments of a connection from the near to the far side, of which only these are seen.
fn acknowledging() -> Vec<Vec<u8>> {
    let (mut near, far) = (near(), far());
    let mut tcp = Tcp { ports: (50_100, 5000), next: [1000, 7000] };
    let segment = |far_has_sent: u32| {
        tcp.next[1] += far_has_sent;
        tcp.segment((&mut near, &far), 0, ACK, b"value")
    };
    [0, 0, 100].map(segment).to_vec()
}

#[test]
fn a_true_diode_is_consistent_and_what_comes_back_refutes_it() {
    let (mut near_side, mut far_side) = (near(), far());
    let (near, far) = (near(), far());
    let refuted = |frames: Vec<Vec<u8>>| match judge(Place::Link, frames) {
        (Verdict::Refuted(proof, mark), Some(frame)) if mark.origin.number == frame => Some(proof),
        _ => None,
    };
    assert_eq!(judge(Place::Link, vec![]), (Verdict::Consistent, None));
    assert_eq!(refuted(vec![arp_reply(&far, &near)]), Some(Proof::ArpReply));
    assert_eq!(refuted(vec![icmp(&mut far_side, &near, 3, 3)]), Some(Proof::IcmpError));
    assert_eq!(refuted(acknowledging()), Some(Proof::Acknowledgment));
    assert_eq!(refuted(vec![udp(&mut far_side, &near, (7000, 7001), b"hello")]), Some(Proof::Frame));
    assert_eq!(refuted(vec![ethernet(far.mac, near.mac, 0x88b5, &[7; 40])]), Some(Proof::Frame));
    assert_eq!(refuted(vec![arp_reply(&near, &far)]), Some(Proof::Answer));
    assert_eq!(refuted(vec![icmp(&mut near_side, &far, 0, 0)]), Some(Proof::Answer));
    assert_eq!(
        refuted(vec![udp(&mut near_side, &far, (53, 9999), &[0, 7, 0x81, 0, 0, 1])]),
        Some(Proof::Answer)
    );
    let mut tcp = Tcp { ports: (443, 50_000), next: [1, 1] };
    let hello = [0x16, 3, 3, 0, 80, 2, 0, 0, 76];
    assert_eq!(refuted(vec![tcp.segment((&mut near_side, &far), 0, ACK, &hello)]), Some(Proof::ServerHello));
}

#[test]
fn what_goes_the_right_way_or_to_everybody_refutes_nothing() {
    let (mut near_side, mut far_side) = (near(), far());
    let everybody = Host { mac: [0xff; 6], ..host([255, 255, 255, 255]) };
    let mut tcp = Tcp { ports: (50_100, 5000), next: [1000, 7000] };
    // Segments that acknowledge the same over and over, as a diode's proxy sends them.
    let same: Vec<_> = (0..9).map(|_| tcp.segment((&mut near_side, &far()), 0, ACK, b"value")).collect();
    let mut asks = arp_reply(&near(), &far());
    asks[21] = 1;
    let mut broadcast = udp(&mut far_side, &everybody, (6001, 6001), b"anybody?");
    broadcast[..6].fill(0xff);
    let tries = [
        same,
        vec![asks],
        vec![broadcast],
        vec![ethernet(near().mac, far().mac, 0x88b5, &[7; 40])],
        vec![udp(&mut near_side, &far(), (123, 123), &[0x1d; 48])],
        vec![icmp(&mut near_side, &far(), 8, 0)],
    ];
    for frames in tries {
        assert_eq!(judge(Place::Link, frames), (Verdict::Consistent, None));
    }
}

#[test]
fn on_the_far_side_only_what_holds_anywhere_refutes() {
    let reverse = udp(&mut far(), &near(), (7000, 7001), b"hello");
    assert_eq!(judge(Place::To, vec![reverse.clone()]).0, Verdict::Unobservable(Reason::FarSideOnly));
    assert_eq!(judge(Place::From, vec![reverse]).0.name(), "refuted");
    assert!(matches!(judge(Place::To, acknowledging()).0, Verdict::Refuted(Proof::Acknowledgment, _)));
}

#[test]
fn a_tap_that_shows_one_side_proves_nothing_by_silence() {
    let report = |healthy| Report { healthy, ..Report::default() };
    let mut sight = Sight::default();
    let verdict = |sight: &Sight, report: &Report| {
        let mut claim = Claim::new(conduit());
        let witness = Witness { tap: "tap1", place: Place::Link, report, sight };
        claim.judge(at(0), &[witness], &mut Texts::default());
        claim.verdict().unwrap()
    };
    assert_eq!(verdict(&sight, &report(true)), Verdict::Unobservable(Reason::NoTraffic));
    sight.forward.packets = 9;
    assert_eq!(verdict(&sight, &report(false)), Verdict::Unobservable(Reason::TapUnhealthy));
    assert_eq!(verdict(&sight, &report(true)), Verdict::Consistent);
    let mut claim = Claim::new(conduit());
    claim.judge(at(0), &[], &mut Texts::default());
    assert_eq!(claim.verdict(), Some(Verdict::Unobservable(Reason::NoTap)));
}

/// Follows a claim hour by hour; `break_at` is an hour, and what is wrong in it.
#[derive(Clone, Copy, PartialEq)]
enum Wrong {
    Nothing,
    NearTapUnhealthy,
    NoFarTap,
    NoCanaries,
    CheckMissing,
    Leak,
    Unwatched,
}

const DAY: i64 = 24;

fn follow(hours: i64, wrong: impl Fn(i64) -> Wrong, maintenance: Option<(i64, i64)>) -> Claim {
    let mut claim = Claim::new(conduit());
    let hour = |hour: i64| at(hour * 3600 * S);
    if let Some((from, to)) = maintenance {
        claim.maintenance(hour(from), hour(to));
    }
    let good = Report { healthy: true, ..Report::default() };
    let bad = Report::default();
    for now in 0..hours {
        let wrong = wrong(now);
        let mut near = Sight::default();
        (near.forward.packets, near.forward.bytes) = (3600, 3600 * 40);
        let mut far = near.clone();
        let see = |sight: &mut Sight, kinds: &[usize]| {
            for kind in kinds {
                (sight.canaries[*kind].seen, sight.canaries[*kind].last) = (1, hour(now));
            }
        };
        if now % 12 == 0 && wrong != Wrong::NoCanaries {
            see(&mut near, if wrong == Wrong::CheckMissing { &[0] } else { &[0, 2] });
            see(&mut far, &[0, 1]);
        }
        if wrong == Wrong::Leak {
            near.refuted =
                Some((Proof::Canary, crate::Mark { time: hour(now), origin: model::Origin::default() }));
        }
        let report = if wrong == Wrong::NearTapUnhealthy { &bad } else { &good };
        let mut witnesses = vec![
            Witness { tap: "near", place: Place::From, report, sight: &near },
            Witness { tap: "far", place: Place::To, report: &good, sight: &far },
        ];
        if wrong == Wrong::NoFarTap {
            witnesses.pop();
        }
        if wrong != Wrong::Unwatched {
            claim.judge(hour(now), &witnesses, &mut Texts::default());
        }
    }
    claim
}

#[test]
fn a_proof_takes_both_sides_seven_days_and_canaries_that_behave() {
    let weeks = 8 * DAY + 1;
    let end = at((weeks - 1) * 3600 * S);
    let window = Some((3 * DAY, 3 * DAY + 4));
    let proven =
        |wrong: &dyn Fn(i64) -> Wrong| follow(weeks, wrong, window).verdict() == Some(Verdict::Proven);
    assert!(proven(&|_| Wrong::Nothing));
    // Anything that is missing once makes the seven days begin anew.
    for wrong in [Wrong::NearTapUnhealthy, Wrong::NoFarTap] {
        assert!(!proven(&|hour| if hour == 2 * DAY { wrong } else { Wrong::Nothing }));
    }
    for wrong in [Wrong::NoCanaries, Wrong::CheckMissing, Wrong::Unwatched] {
        assert!(!proven(&|hour| if (2 * DAY..4 * DAY).contains(&hour) { wrong } else { Wrong::Nothing }));
    }
    let claim = follow(weeks, |hour| if hour == 6 * DAY { Wrong::Leak } else { Wrong::Nothing }, window);
    assert!(matches!(claim.verdict(), Some(Verdict::Refuted(Proof::Canary, _))));
    let claim = follow(6 * DAY, |_| Wrong::Nothing, window);
    assert_eq!(claim.missing(at((6 * DAY - 1) * 3600 * S)), [Missing::Time]);
    let claim = follow(weeks, |_| Wrong::Nothing, None);
    assert_eq!(
        (claim.verdict(), claim.missing(end)),
        (Some(Verdict::Consistent), vec![Missing::Maintenance])
    );
    let claim = follow(weeks, |_| Wrong::NoFarTap, window);
    assert_eq!(claim.verdict(), Some(Verdict::Consistent), "one tap proves nothing");
}

#[test]
fn canaries_are_known_by_their_first_bytes_and_where_they_may_be() {
    let canary = |token: [u8; 16], forward: bool| {
        let (mut from, to) = if forward { (near(), far()) } else { (far(), near()) };
        udp(&mut from, &to, (9, 9), &token)
    };
    let sight = |place, frames: Vec<Vec<u8>>| {
        let mut tape = Tape::default();
        frames.into_iter().zip(0..).for_each(|(frame, number)| tape.put(number * S, frame));
        let setup = Setup { conduits: vec![(conduit(), place)], ..Setup::default() };
        let report = play(&tape, setup, None).reports.pop().unwrap();
        let sight = report.sights[0].clone();
        (sight.canaries.map(|canaries| canaries.seen), sight.refuted.map(|(proof, _)| proof), sight.attempts)
    };
    let all = vec![canary(FORWARD, true), canary(REVERSE, false), canary(CHECK, false)];
    assert_eq!(sight(Place::To, all.clone()), ([1, 1, 1], None, 0));
    assert_eq!(sight(Place::From, all), ([1, 1, 1], Some(Proof::Canary), 0));
    assert_eq!(sight(Place::From, vec![canary(CHECK, false)]), ([0, 0, 1], None, 0));
    assert_eq!(sight(Place::To, vec![udp(&mut far(), &near(), (9, 9), b"hello")]), ([0; 3], None, 1));
}

#[test]
fn a_pair_that_looks_one_way_is_a_row_and_no_alarm() {
    let mut tape = plant(4300);
    let rows = |tape: &Tape| {
        let played = play(tape, Setup::default(), None);
        let verdicts =
            played.rows.iter().filter(|row| row.starts_with("conduit")).cloned().collect::<Vec<_>>();
        (played.rules().len(), verdicts)
    };
    let (findings, verdicts) = rows(&tape);
    assert_eq!((findings, verdicts.len()), (0, 1));
    assert!(
        verdicts[0].contains("10.1.1.0/24 > 10.2.9.0/24") && verdicts[0].contains("consistent"),
        "{verdicts:?}"
    );
    tape.put(4250 * S, udp(&mut far(), &near(), (7000, 7001), b"hello"));
    let (findings, verdicts) = rows(&tape.sorted());
    assert_eq!((findings, verdicts.len()), (0, 2));
    assert!(verdicts[1].contains("refuted") && verdicts[1].contains("frame=Count("), "{verdicts:?}");
}

#[test]
fn what_was_learned_lasts_over_a_restart_of_less_than_an_hour() {
    let window = Some((3 * DAY, 3 * DAY + 4));
    let claim = follow(6 * DAY, |_| Wrong::Nothing, window);
    let resumed = Claim::resume(conduit(), claim.known().clone());
    let now = at((7 * DAY + 1) * 3600 * S);
    assert!(!resumed.missing(now).contains(&Missing::Time));
    let mut renewed = resumed;
    renewed.renew();
    assert!(
        renewed.missing(now).contains(&Missing::Time) && renewed.missing(now).contains(&Missing::Maintenance)
    );
}
