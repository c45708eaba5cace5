//! The made plant behind taps that show it in all the wrong ways: each is judged for what it is, and for
//! nothing else.

mod conduits;
mod made;
mod workers;

use crate::testing::Driver;
use crate::{Judge, Report, Setup, Tap};
use made::{MS, S, Tape, at, offloaded, plant, routed, sender, tagged};
use model::{At, Finding, Record, Rows, Span, Time};
use wire::link::Link;

/// Rows as text.
#[derive(Default)]
struct Texts(Vec<String>);

impl Rows for Texts {
    fn put(&mut self, _: &At<'_>, row: &dyn Record) {
        let schema = row.schema();
        row.cells(&mut |cells| {
            let named =
                schema.fields.iter().zip(cells).map(|(field, cell)| format!("{}={cell:?}", field.name));
            self.0.push(format!("{} {}", schema.log, named.collect::<Vec<_>>().join(" ")));
        });
    }
}

/// What came of a tape.
struct Played {
    findings: Vec<Finding>,
    reports: Vec<Report>,
    rows: Vec<String>,
    left_out: u64,
}

impl Played {
    fn rules(&self) -> Vec<&str> {
        let mut rules: Vec<&str> = self.findings.iter().map(|finding| &*finding.rule).collect();
        rules.sort_unstable();
        rules
    }

    /// The value of a column in the rows of a log, as text, one per row.
    fn column(&self, log: &str, column: &str) -> Vec<&str> {
        let start = format!(" {column}=");
        let of = self.rows.iter().filter(|row| row.starts_with(&format!("{log} ")));
        let value = |row: &'_ str| {
            let value = row.split_once(&start).map(|(_, value)| value)?;
            Some(value.split_once(')').map_or(value, |(value, _)| value).len())
        };
        of.filter_map(|row| {
            let from = row.find(&start)? + start.len();
            row.get(from..from + value(row)? + 1)
        })
        .collect()
    }
}

const PERIOD: Span = Span::s(300);

/// Judges a tape, every five minutes of it and in the end, at `end` or with the last frame.
fn play(tape: &Tape, setup: Setup, end: Option<Time>) -> Played {
    let groups = setup.groups.iter().map(|group| group.name.clone()).collect();
    let (mut judge, mut driver) = (Judge::new("tap1", groups), Driver::new(Tap::new(setup)));
    let (mut rows, mut reports) = (Texts::default(), vec![]);
    let mut due = tape.frames.first().map_or(Time(0), |(time, _)| *time + PERIOD);
    let mut newest = due;
    for ((time, bytes), number) in tape.frames.iter().zip(1..) {
        driver.frame(number, *time, Link::ETHERNET, bytes);
        newest = *time;
        if *time >= due {
            reports.push(judge.judge(*time, driver.tap.period(), &mut rows));
            due = *time + PERIOD;
        }
    }
    driver.end();
    reports.push(judge.judge(end.unwrap_or(newest), driver.tap.period(), &mut rows));
    let findings = reports.iter().flat_map(|report| report.findings.clone()).collect();
    Played { findings, reports, rows: rows.0, left_out: driver.left_out }
}

/// Numbers that look random; the same every time.
struct Dice(u32);

impl Dice {
    /// True once in `sides`, on average.
    fn one_in(&mut self, sides: u32) -> bool {
        self.0 = self.0.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (self.0 >> 8).is_multiple_of(sides)
    }
}

const SECONDS: i64 = 900;

/// A tap: its name, what it shows of the plant, and what must be said of it.
type Case = (&'static str, fn(&Tape) -> Tape, &'static [&'static str]);

const CASES: [Case; 20] = [
    ("clean", Tape::clone, &[]),
    ("clean, in a VLAN", |plant| plant.map(|_, (time, frame)| vec![(*time, tagged(frame, 10))]), &[]),
    ("both VLANs of a router-on-a-stick", both_vlans, &["tap-copies"]),
    ("tagged and untagged port", tagged_and_not, &["tap-copies"]),
    ("both directions of every port", both_directions, &["tap-copies"]),
    ("both sides of a router", both_sides_of_router, &["tap-copies"]),
    ("the station's receive line only", one_side, &["tap-one-sided"]),
    ("one frame in fifty lost", lost, &["tap-loss"]),
    ("answers behind a longer queue", late, &["tap-late"]),
    ("captured on the station", on_the_station, &["tap-offload"]),
    ("captured on the station, sums not computed", no_sums, &["tap-offload"]),
    ("one frame in a hundred damaged", damaged, &["tap-damage"]),
    ("anonymised", anonymised, &["tap-rewritten"]),
    ("tags lost half-way", tags_lost, &["tap-tags-lost"]),
    ("one direction without tags", tags_mixed, &["tap-tags-mixed"]),
    ("clock an hour ahead", |plant| clock(plant, 3600), &["tap-clock"]),
    ("clock two minutes back", |plant| clock(plant, -120), &["tap-clock"]),
    ("blind for four minutes", blind, &["tap-silence"]),
    ("retransmissions and repeated datagrams", retransmissions, &[]),
    ("single frames with wrong times", wrong_times, &[]),
];

#[test]
fn each_tap_is_judged_for_what_it_is_and_for_nothing_else() {
    let plant = plant(SECONDS);
    for (name, tap, expected) in CASES {
        let played = play(&tap(&plant), Setup::default(), None);
        assert_eq!(played.rules(), expected, "{name}: {:?}", played.findings);
    }
}

fn twice(plant: &Tape, later: i64, copy: fn(&[u8]) -> Vec<u8>) -> Tape {
    plant.map(|_, (time, frame)| vec![(*time, frame.clone()), (*time + Span(later), copy(frame))])
}

fn both_vlans(plant: &Tape) -> Tape {
    plant.map(|_, (time, frame)| vec![(*time, tagged(frame, 10)), (*time + Span(5000), tagged(frame, 20))])
}

fn tagged_and_not(plant: &Tape) -> Tape {
    twice(plant, 8000, |frame| tagged(frame, 10))
}

fn both_directions(plant: &Tape) -> Tape {
    twice(plant, 3000, <[u8]>::to_vec)
}

fn both_sides_of_router(plant: &Tape) -> Tape {
    twice(plant, 40_000, routed)
}

fn one_side(plant: &Tape) -> Tape {
    plant.map(|_, frame| if sender(&frame.1) == 10 { vec![] } else { vec![frame.clone()] })
}

fn lost(plant: &Tape) -> Tape {
    let mut dice = Dice(7);
    plant.map(|_, frame| if dice.one_in(50) { vec![] } else { vec![frame.clone()] })
}

fn late(plant: &Tape) -> Tape {
    plant.map(|_, (time, frame)| {
        let answer = sender(frame) > 20 && sender(frame) != 53;
        vec![(if answer { *time + Span(42 * MS) } else { *time }, frame.clone())]
    })
}

fn on_the_station(plant: &Tape) -> Tape {
    plant.map(|_, (time, frame)| {
        vec![(*time, if sender(frame) == 10 { offloaded(frame) } else { frame.clone() })]
    })
}

fn no_sums(plant: &Tape) -> Tape {
    plant.map(|_, (time, frame)| {
        let mut frame = frame.clone();
        if sender(&frame) == 10 && frame[23] == 6 {
            frame[50..52].fill(0);
        }
        vec![(*time, frame)]
    })
}

fn damaged(plant: &Tape) -> Tape {
    let mut dice = Dice(9);
    plant.map(|_, (time, frame)| {
        let mut frame = frame.clone();
        if dice.one_in(100) {
            frame[48] ^= 0x20;
        }
        vec![(*time, frame)]
    })
}

fn anonymised(plant: &Tape) -> Tape {
    plant.map(|_, (time, frame)| {
        let mut frame = frame.clone();
        frame[26] = 11;
        frame[30] = 11;
        vec![(*time, frame)]
    })
}

fn tags_lost(plant: &Tape) -> Tape {
    let half = plant.frames.len() / 2;
    plant.map(|number, (time, frame)| {
        vec![(*time, if number < half { tagged(frame, 10) } else { frame.clone() })]
    })
}

fn tags_mixed(plant: &Tape) -> Tape {
    plant.map(|_, (time, frame)| {
        vec![(*time, if sender(frame) == 10 { frame.clone() } else { tagged(frame, 10) })]
    })
}

fn clock(plant: &Tape, seconds: i64) -> Tape {
    let frames = plant.frames.iter().map(|(time, frame)| {
        let set = *time > at(700 * S + 12 * MS);
        (if set { *time + Span::s(seconds) } else { *time }, frame.clone())
    });
    Tape { frames: frames.collect() }
}

fn blind(plant: &Tape) -> Tape {
    let blind = at(SECONDS * S - 250 * S)..at(SECONDS * S - 10 * S);
    plant.map(|_, frame| if blind.contains(&frame.0) { vec![] } else { vec![frame.clone()] })
}

/// Every twentieth segment is sent again, 300 ms or 2 ms later, by a sender that counts on; and a sender that
/// does not count says its heartbeat three times.
fn retransmissions(plant: &Tape) -> Tape {
    plant.map(|number, (time, frame)| {
        let again = |later, id: u8| {
            let mut frame = frame.clone();
            frame[18] = 0xc0 | id;
            (*time + Span(later), frame)
        };
        let heartbeat = frame[23] == 17 && sender(frame) == 21;
        match (heartbeat, number % 20) {
            (true, _) => {
                let mut frame = frame.clone();
                frame[18..20].fill(0);
                [0, 2 * MS, 4 * MS].map(|later| (*time + Span(later), frame.clone())).to_vec()
            }
            (false, 0) => vec![(*time, frame.clone()), again(300 * MS, 1)],
            (false, 7) => vec![(*time, frame.clone()), again(2 * MS, 2)],
            _ => vec![(*time, frame.clone())],
        }
    })
}

fn wrong_times(plant: &Tape) -> Tape {
    let wrong = |number| match number % 2000 {
        500 => Span::s(86_400),
        1500 => Span::s(-86_400),
        _ => Span(0),
    };
    let frames = plant.frames.iter().enumerate();
    Tape { frames: frames.map(|(number, (time, frame))| (*time + wrong(number), frame.clone())).collect() }
}

#[test]
fn copies_of_frames_that_do_not_count_are_guessed_and_kept() {
    let plain = plant(300).map(|_, (time, frame)| {
        let mut frame = frame.clone();
        frame[18..20].fill(0);
        vec![(*time, frame)]
    });
    assert_eq!(play(&plain, Setup::default(), None).rules(), Vec::<&str>::new());
    let played = play(&both_directions(&plain), Setup::default(), None);
    assert_eq!((played.rules(), played.left_out), (vec!["tap-repeats"], 0));
    let played = play(&both_vlans(&plain), Setup::default(), None);
    assert_eq!(played.rules(), ["tap-copies"]);
}

#[test]
fn copies_are_left_out_and_nothing_else_is() {
    let plant = plant(SECONDS);
    let frames = plant.frames.len() as u64;
    for copies in [both_vlans, tagged_and_not, both_directions, both_sides_of_router] {
        let played = play(&copies(&plant), Setup::default(), None);
        assert!((frames - 100..=frames).contains(&played.left_out), "{} of {frames}", played.left_out);
    }
    for single in [Tape::clone, retransmissions, late, lost, wrong_times] {
        assert_eq!(play(&single(&plant), Setup::default(), None).left_out, 0);
    }
}

#[test]
fn whatever_frames_come_only_what_was_there_a_moment_ago_is_left_out() {
    arbtest::arbtest(|u| {
        let (mut driver, mut time) = (Driver::new(Tap::new(Setup::default())), at(0));
        // A tap that is known to duplicate.
        let known = twice(&plant(10), 3000, <[u8]>::to_vec);
        for (time, bytes) in &known.frames {
            driver.frame(0, *time + Span(-60 * S), Link::ETHERNET, bytes);
        }
        let mut seen: Vec<(Time, Vec<u8>)> = vec![];
        for number in 1..u.int_in_range(1..=60)? {
            time = time + Span(u.int_in_range(0..=6 * MS)?);
            let host = |u: &mut arbtest::arbitrary::Unstructured<'_>| {
                Ok(made::host([10, 1, 1, u.int_in_range(1..=2)?]))
            };
            let (mut from, to) = (host(u)?, host(u)?);
            from.id = u.int_in_range(0..=2)?;
            let mut frame = made::udp(&mut from, &to, (1, 2), &[u.int_in_range(0..=1)?]);
            frame[11] = u.int_in_range(0..=1)?;
            frame[22] = u.int_in_range(63..=64)?;
            let same = [&frame[14..22], &frame[23..24], &frame[26..]].concat();
            let frame = if u.arbitrary()? { tagged(&frame, u.int_in_range(1..=2)?) } else { frame };
            let before = driver.left_out;
            driver.frame(number, time, Link::ETHERNET, &frame);
            let there = seen.iter().any(|(then, known)| *known == same && time - *then <= Span(10 * MS));
            assert!(driver.left_out == before || there);
            seen.push((time, same));
        }
        Ok(())
    });
}

#[test]
fn no_frames_panic() {
    arbtest::arbtest(|u| {
        let conduits = vec![(conduits::conduit(), crate::Place::Link)];
        let mut driver = Driver::new(Tap::new(Setup { conduits, ..Setup::default() }));
        let plant = plant(2);
        for number in 1..=40 {
            let mut frame = u.choose(&plant.frames)?.1.clone();
            for _ in 0..u.int_in_range(0..=4)? {
                let place = u.choose_index(frame.len())?;
                frame[place] = u.arbitrary()?;
            }
            frame.truncate(u.int_in_range(0..=frame.len())?);
            driver.frame(number, Time(u.arbitrary()?), Link::ETHERNET, &frame);
        }
        driver.end();
        let report = Judge::new("tap1", vec![]).judge(
            Time(u.arbitrary()?),
            driver.tap.period(),
            &mut Texts::default(),
        );
        assert!(driver.left_out <= 40 && report.sights.len() == 1);
        Ok(())
    });
}

#[test]
fn retransmissions_survive_on_a_tap_that_duplicates() {
    let plant = retransmissions(&plant(SECONDS));
    let frames = plant.frames.len() as u64;
    let left_out = |tape: Tape| play(&tape, Setup::default(), None).left_out;
    assert!((frames - 100..=frames).contains(&left_out(both_vlans(&plant))));
    // A sender that does not count is left alone where only the count would tell.
    let beats = 3 * u64::try_from(SECONDS).unwrap();
    let counted = frames - beats;
    assert!((counted - 100..=counted).contains(&left_out(both_directions(&plant))));
}

#[test]
fn a_condition_that_lasts_is_told_once_and_stands_in_every_row() {
    let played = play(&lost(&plant(SECONDS)), Setup::default(), None);
    assert_eq!(played.rules(), ["tap-loss"]);
    let conditions = played.column("tap_health", "conditions");
    assert_eq!(conditions.len(), 3);
    assert!(conditions.iter().all(|held| held.contains("tap-loss")), "{conditions:?}");
    let finding = &played.findings[0];
    assert!(finding.evidence.origin.number > 0 && finding.time >= at(0), "{finding:?}");
}

#[test]
fn what_was_lost_is_counted_as_zeek_counts_it() {
    let played = play(&lost(&plant(SECONDS)), Setup::default(), None);
    expect_test::expect![[r#"
        capture_loss ts_delta=Interval(Span(300010000000)) peer=Text("tap1") gaps=Count(38) acks=Count(2388) percent_lost=Double(1.5912897822445562)
        capture_loss ts_delta=Interval(Span(300000000000)) peer=Text("tap1") gaps=Count(52) acks=Count(2369) percent_lost=Double(2.1950189953566905)
        capture_loss ts_delta=Interval(Span(299690000000)) peer=Text("tap1") gaps=Count(44) acks=Count(2376) percent_lost=Double(1.8518518518518516)
    "#]].assert_eq(
        &played
            .rows
            .iter()
            .filter(|row| row.starts_with("capture_loss"))
            .fold(String::new(), |text, row| text + row + "\n"),
    );
}

#[test]
fn a_tap_that_is_silent_now_is_told_now() {
    let plant = plant(SECONDS);
    let end = |seconds| Some(at((SECONDS + seconds) * S));
    assert_eq!(play(&plant, Setup::default(), end(50)).rules(), Vec::<&str>::new());
    let played = play(&plant, Setup::default(), end(120));
    assert_eq!(played.rules(), ["tap-silence"]);
    assert!(!played.reports.last().unwrap().healthy);
}

#[test]
fn a_tap_with_little_traffic_is_not_judged() {
    let mut little = plant(20);
    little.frames.truncate(60);
    for (name, tap, _) in CASES {
        let rules = play(&tap(&little), Setup::default(), Some(at(90_000 * S)));
        let told: Vec<&str> = rules.rules().into_iter().filter(|rule| *rule != "tap-offload").collect();
        let certain = ["tap-rewritten", "tap-one-sided", "tap-tags-mixed"];
        assert!(told.iter().all(|rule| certain.contains(rule)), "{name}: {told:?}");
    }
}
