use super::*;
use expect_test::expect;

/// Openings that an operator may choose when demand falls: harmless while the anti-surge controller runs.
const LESS_DEMAND: [f64; 2] = [LESS_DEMAND_OPENING, 0.25];

/// The station after `inputs` and `ms` more.
fn after(mut station: Station, inputs: &[Input], ms: u32) -> Station {
    inputs.iter().for_each(|input| station.set(*input));
    station.advance(ms);
    station
}

fn calm(station: &Station) {
    let measured = station.exact();
    assert_eq!((measured.surge_cycles, measured.tripped), (0, None), "{measured:?}");
}

/// Seconds from now until `holds`, looked at every 20 ms; `None` after two minutes.
fn seconds_until(station: &mut Station, holds: impl Fn(&Measured) -> bool) -> Option<f64> {
    (0..6_000).find_map(|scan| {
        station.advance(SCAN_MS);
        holds(&station.exact()).then(|| f64::from(scan + 1) * 0.02)
    })
}

#[test]
fn nothing_happens_in_ten_undisturbed_minutes() {
    let start = Station::new(1);
    let end = after(start.clone(), &[], 600_000);
    calm(&end);
    assert!((end.exact().flow_kg_s - start.exact().flow_kg_s).abs() < 1e-5);
    assert_eq!(end.recycle_command(), 0.0);
}

#[test]
fn a_stopped_anti_surge_controller_alone_changes_nothing() {
    let stopped = after(Station::new(1), &[Input::AntiSurgeRunning(false)], 600_000);
    assert_eq!(stopped.exact(), after(Station::new(1), &[], 600_000).exact());
}

#[test]
fn less_demand_opens_the_recycle_valve_and_does_not_surge() {
    for opening in LESS_DEMAND {
        let mut station = Station::new(1);
        station.set(Input::DischargeValve(opening));
        let mut nearest = f64::MAX;
        for _ in 0..6_000 {
            station.advance(SCAN_MS);
            nearest = nearest.min(station.exact().surge_distance_percent);
        }
        calm(&station);
        assert!(nearest > 1.0, "{opening}: {nearest}");
        let end = station.exact();
        assert!(end.recycle_valve > 0.03, "{end:?}");
        assert!((end.surge_distance_percent - 3.0).abs() < 0.1, "{end:?}");
    }
}

#[test]
fn the_same_less_demand_surges_and_trips_when_the_controller_was_stopped() {
    for opening in LESS_DEMAND {
        let mut station = after(Station::new(1), &[Input::AntiSurgeRunning(false)], 60_000);
        station.set(Input::DischargeValve(opening));
        let mut watched = station.clone();
        let reached = seconds_until(&mut watched, |now| now.discharge_valve < opening + 1e-6).unwrap();
        let reversed = seconds_until(&mut station, |now| now.flow_kg_s < 0.0).unwrap();
        assert!((reached - 1.0..reached + 5.0).contains(&reversed), "{opening}: {reached} {reversed}");
        let tripped = seconds_until(&mut station, |now| now.tripped.is_some()).unwrap();
        assert!(tripped < 10.0, "{opening}: {tripped}");
        let end = station.exact();
        assert_eq!((end.tripped, end.surge_cycles), (Some(Trip::SurgeCycles), 3));
        assert!(end.vibration_um > 40.0 && end.bearing_c > 70.0, "{end:?}");
        assert_eq!((end.recycle_valve, station.settings().unit_running), (0.0, false));
    }
}

#[test]
fn a_controller_that_was_restarted_in_time_protects_again() {
    for opening in LESS_DEMAND {
        let stopped = after(Station::new(1), &[Input::AntiSurgeRunning(false)], 60_000);
        let restarted = after(stopped, &[Input::AntiSurgeRunning(true)], 1_000);
        let end = after(restarted, &[Input::DischargeValve(opening)], 120_000);
        calm(&end);
        assert!(end.exact().recycle_valve > 0.03);
    }
}

#[test]
fn a_recycle_valve_held_shut_by_hand_lets_the_machine_surge() {
    let inputs = [Input::RecycleManual(Some(0.0)), Input::DischargeValve(LESS_DEMAND_OPENING)];
    let end = after(Station::new(1), &inputs, 30_000);
    assert_eq!(end.exact().tripped, Some(Trip::SurgeCycles));
}

#[test]
fn a_margin_behind_the_surge_line_leaves_the_machine_unprotected() {
    let inputs = [Input::Margin(-10.0), Input::DischargeValve(LESS_DEMAND_OPENING)];
    let end = after(Station::new(1), &inputs, 60_000);
    assert!(end.exact().surge_cycles > 0, "{:?}", end.exact());
}

#[test]
fn every_demand_and_speed_of_a_working_day_is_safe_while_the_controller_runs() {
    for speed in [400.0, 440.7, 480.0] {
        let station = after(Station::new(1), &[Input::SpeedSetpoint(speed)], 60_000);
        for opening in (0..=20).map(|step| f64::from(step) / 20.0) {
            let shut = after(station.clone(), &[Input::DischargeValve(opening)], 60_000);
            calm(&shut);
            calm(&after(shut, &[Input::DischargeValve(NOMINAL_DISCHARGE_OPENING)], 60_000));
        }
    }
}

#[test]
fn demand_that_comes_back_lets_the_recycle_valve_shut() {
    let low = after(Station::new(1), &[Input::DischargeValve(0.25)], 60_000);
    let back = after(low, &[Input::DischargeValve(NOMINAL_DISCHARGE_OPENING)], 120_000);
    assert_eq!(back.exact().recycle_valve, 0.0);
}

#[test]
fn the_recycle_valve_comes_to_rest_whatever_the_demand() {
    for opening in (0..=20).map(|step| f64::from(step) / 20.0) {
        let mut station = after(Station::new(1), &[Input::DischargeValve(opening)], 120_000);
        let (mut low, mut high) = (f64::MAX, f64::MIN);
        for _ in 0..3_000 {
            station.advance(SCAN_MS);
            low = low.min(station.exact().recycle_valve);
            high = high.max(station.exact().recycle_valve);
        }
        assert!(high - low < 0.005, "{opening}: {low} to {high}");
    }
}

#[test]
fn a_running_controller_opens_the_recycle_valve_after_a_trip_and_a_stopped_one_does_not() {
    for running in [true, false] {
        let overspeed = [Input::AntiSurgeRunning(running), Input::SpeedSetpoint(600.0)];
        let end = after(Station::new(1), &overspeed, 60_000);
        assert_eq!(end.exact().tripped, Some(Trip::Overspeed));
        assert_eq!(end.exact().recycle_valve, if running { 1.0 } else { 0.0 });
    }
}

#[test]
fn after_its_reset_the_unit_waits_for_a_start_and_then_runs_as_before() {
    let trip = after(Station::new(1), &[Input::SpeedSetpoint(600.0)], 120_000);
    let refused = after(trip, &[Input::UnitRunning(true)], 1_000);
    assert!(!refused.settings().unit_running);
    let waiting = after(refused, &[Input::ResetTrip, Input::SpeedSetpoint(440.7)], 60_000);
    assert!(waiting.exact().speed_rad_s < 1.0 && !waiting.settings().unit_running);
    let started = after(waiting, &[Input::UnitRunning(true)], 400_000);
    calm(&started);
    assert!((started.exact().speed_rad_s - 440.7).abs() < 0.1, "{:?}", started.exact());
    assert!(started.exact().flow_kg_s > 0.14, "{:?}", started.exact());
}

#[test]
fn a_copy_runs_on_bit_by_bit_as_the_original() {
    let original = after(Station::new(7), &[Input::DischargeValve(0.3)], 4_321);
    let copy = original.clone();
    let inputs = [Input::AntiSurgeRunning(false), Input::DischargeValve(0.2)];
    assert_eq!(after(original, &inputs, 20_000), after(copy, &inputs, 20_000));
}

#[test]
fn a_seed_is_the_only_chance_and_shows_only_in_the_instruments() {
    let run = |seed| after(Station::new(seed), &[Input::DischargeValve(0.9)], 20_000);
    assert_eq!(run(1), run(1));
    assert_ne!(run(1).measured(), run(2).measured());
    assert_eq!(run(1).exact(), run(2).exact());
}

#[test]
fn instruments_show_what_is_so_within_their_noise() {
    let mut station = Station::new(3);
    for _ in 0..500 {
        station.advance(SCAN_MS);
        let (shown, so) = (station.measured(), station.exact());
        assert!((shown.discharge_bar - so.discharge_bar).abs() < 0.000_6);
        assert!((shown.surge_distance_percent - so.surge_distance_percent).abs() < 0.1);
        assert!((shown.vibration_um - so.vibration_um).abs() < 0.4);
    }
}

#[test]
fn inputs_beyond_their_range_are_taken_as_its_end_and_no_number_changes_nothing() {
    let mut station = Station::new(1);
    station.set(Input::DischargeValve(7.0));
    station.set(Input::SpeedSetpoint(f64::INFINITY));
    station.set(Input::Margin(-99.0));
    station.set(Input::RecycleManual(Some(f64::NAN)));
    let settings = station.settings();
    assert_eq!((settings.discharge_valve, settings.speed_rad_s), (1.0, 600.0));
    assert_eq!((settings.margin_percent, settings.recycle_manual), (-10.0, Some(0.0)));
}

fn any_input(u: &mut arbtest::arbitrary::Unstructured<'_>) -> arbtest::arbitrary::Result<Input> {
    let share = f64::from(u.int_in_range(-100..=1_100)?) / 1_000.0;
    Ok(match u.int_in_range(0..=6)? {
        0 => Input::SpeedSetpoint(share * 600.0),
        1 => Input::DischargeValve(share),
        2 => Input::RecycleManual(u.arbitrary::<bool>()?.then_some(share)),
        3 => Input::Margin(share * 20.0),
        4 => Input::AntiSurgeRunning(u.arbitrary()?),
        5 => Input::UnitRunning(u.arbitrary()?),
        _ => Input::ResetTrip,
    })
}

#[test]
fn how_time_is_cut_between_inputs_makes_no_difference() {
    arbtest::arbtest(|u| {
        let mut whole = Station::new(1);
        let mut pieces = whole.clone();
        for _ in 0..u.int_in_range(1..=4)? {
            let input = any_input(u)?;
            whole.set(input);
            pieces.set(input);
            let mut total = 0;
            for _ in 0..u.int_in_range(0..=8)? {
                let piece = u.int_in_range(0..=150)?;
                pieces.advance(piece);
                total += piece;
            }
            whole.advance(total);
        }
        assert_eq!(whole, pieces);
        Ok(())
    });
}

/// Every two seconds after an operator asks for less: discharge and recycle valve, flow, speed, distance to
/// surge, vibration, cycles.
fn story(station: &mut Station) -> String {
    station.set(Input::DischargeValve(LESS_DEMAND_OPENING));
    let line = |second: u32| {
        station.advance(2_000);
        let now = station.exact();
        let trip = now.tripped.map_or(String::new(), |trip| format!("  {trip}"));
        format!(
            "{:2} s  valves {:.2} {:.2}  {:5.2} kg/s  {:3.0} rad/s  distance {:5.1} %  {:2.0} µm  {}{trip}\n",
            second * 2,
            now.discharge_valve,
            now.recycle_valve,
            now.flow_kg_s,
            now.speed_rad_s,
            now.surge_distance_percent,
            now.vibration_um,
            now.surge_cycles,
        )
    };
    (1..=8).map(line).collect()
}

#[test]
fn the_story_with_the_controller_running() {
    expect![[r#"
         2 s  valves 0.61 0.00   0.14 kg/s  442 rad/s  distance   2.9 %  13 µm  0
         4 s  valves 0.52 0.01   0.15 kg/s  442 rad/s  distance   3.9 %  13 µm  0
         6 s  valves 0.43 0.05   0.15 kg/s  440 rad/s  distance   4.7 %  12 µm  0
         8 s  valves 0.40 0.05   0.14 kg/s  441 rad/s  distance   3.6 %  12 µm  0
        10 s  valves 0.40 0.06   0.14 kg/s  441 rad/s  distance   3.6 %  12 µm  0
        12 s  valves 0.40 0.05   0.14 kg/s  442 rad/s  distance   3.2 %  12 µm  0
        14 s  valves 0.40 0.05   0.14 kg/s  442 rad/s  distance   3.2 %  12 µm  0
        16 s  valves 0.40 0.05   0.14 kg/s  441 rad/s  distance   3.0 %  12 µm  0
    "#]]
    .assert_eq(&story(&mut Station::new(1)));
}

#[test]
fn the_story_with_the_controller_stopped() {
    let mut station = after(Station::new(1), &[Input::AntiSurgeRunning(false)], 52_000);
    expect![[r#"
         2 s  valves 0.61 0.00   0.14 kg/s  442 rad/s  distance   2.9 %  13 µm  0
         4 s  valves 0.52 0.00   0.12 kg/s  445 rad/s  distance   0.8 %  13 µm  0
         6 s  valves 0.43 0.00   0.09 kg/s  448 rad/s  distance  -1.7 %  24 µm  0
         8 s  valves 0.40 0.00   0.08 kg/s  450 rad/s  distance  -2.9 %  29 µm  0
        10 s  valves 0.40 0.00   0.21 kg/s  446 rad/s  distance  10.9 %  58 µm  2
        12 s  valves 0.40 0.00   0.17 kg/s  396 rad/s  distance   6.6 %  57 µm  4  surge cycles
        14 s  valves 0.40 0.00   0.08 kg/s  340 rad/s  distance  -1.8 %  52 µm  6  surge cycles
        16 s  valves 0.40 0.00  -0.02 kg/s  289 rad/s  distance -10.1 %  67 µm  9  surge cycles
    "#]]
    .assert_eq(&story(&mut station));
}
