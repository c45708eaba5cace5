use super::*;

/// Openings, as shares of the rig's valves, at which the unit surges without recycle.
const TOO_FAR: f64 = 0.22;

fn run(unit: &mut Unit, commands: Commands, seconds: u32) {
    (0..seconds * 10).for_each(|_| unit.step(&commands, 100));
}

fn surging() -> (Unit, Commands) {
    let mut unit = Unit::new();
    let commands = Commands { discharge_valve: TOO_FAR, ..Commands::default() };
    run(&mut unit, commands, 20);
    (unit, commands)
}

#[test]
fn a_unit_left_alone_stays_where_it_is() {
    let mut unit = Unit::new();
    run(&mut unit, Commands::default(), 60);
    let settled = unit.state();
    run(&mut unit, Commands::default(), 600);
    assert!((unit.state().flow_kg_s - settled.flow_kg_s).abs() < 1e-9);
    assert_eq!((unit.surge_cycles(), unit.tripped()), (0, None));
}

#[test]
fn the_governor_reaches_its_setpoint_and_stays_there() {
    for setpoint in [380.0, 420.0, 500.0] {
        let mut unit = Unit::new();
        run(&mut unit, Commands { speed_rad_s: setpoint, ..Commands::default() }, 60);
        assert!((unit.state().speed_rad_s - setpoint).abs() < 0.05, "{:?}", unit.state());
    }
}

#[test]
fn the_flow_that_turned_round_three_times_in_ten_seconds_stops_the_drive() {
    let (unit, commands) = surging();
    assert_eq!(unit.tripped(), Some(Trip::SurgeCycles));
    assert!(!unit.drives(&commands));
    assert!(unit.damage_percent() > 0.25 && unit.bearing_c() > 67.0, "{}", unit.damage_percent());
}

#[test]
fn a_unit_that_was_tripped_comes_to_rest_and_starts_again_after_the_reset() {
    let (mut unit, commands) = surging();
    run(&mut unit, commands, 120);
    let State { speed_rad_s, flow_kg_s, .. } = unit.state();
    assert!((0.0..0.1).contains(&speed_rad_s) && flow_kg_s.abs() < 1e-3, "{:?}", unit.state());
    unit.reset_trip();
    let open = Commands { recycle_valve: 0.3, ..Commands::default() };
    run(&mut unit, Commands { run: false, ..open }, 60);
    let cycles = unit.surge_cycles();
    run(&mut unit, open, 120);
    assert_eq!((unit.surge_cycles(), unit.tripped()), (cycles, None));
    assert!((unit.state().speed_rad_s - open.speed_rad_s).abs() < 0.1, "{:?}", unit.state());
}

#[test]
fn overspeed_trips_whatever_the_setpoint_says() {
    let mut unit = Unit::new();
    run(&mut unit, Commands { speed_rad_s: 600.0, ..Commands::default() }, 60);
    assert_eq!(unit.tripped(), Some(Trip::Overspeed));
}

#[test]
fn a_shut_suction_trips_on_low_suction_or_surge_before_it_is_empty() {
    let mut unit = Unit::new();
    run(&mut unit, Commands { suction_valve: 0.0, discharge_valve: 0.6, ..Commands::default() }, 60);
    assert!(unit.tripped().is_some());
    assert!(unit.state().suction_bar > 0.5);
}

#[test]
fn high_discharge_pressure_trips() {
    let mut unit = Unit::new();
    unit.surroundings = Surroundings { source_bar: 1.3, header_bar: 1.3 };
    run(&mut unit, Commands::default(), 30);
    assert_eq!(unit.tripped(), Some(Trip::HighDischarge));
}

#[test]
fn only_a_failed_check_valve_lets_the_header_blow_through_a_stopped_unit() {
    let back_flow = |failed: bool| {
        let mut unit = Unit::new();
        unit.surroundings.header_bar = 1.12;
        unit.check_valve_failed = failed;
        run(&mut unit, Commands { run: false, ..Commands::default() }, 300);
        unit.state().flow_kg_s
    };
    assert!(back_flow(false).abs() < 1e-6, "{}", back_flow(false));
    assert!(back_flow(true) < -0.02, "{}", back_flow(true));
}

#[test]
fn the_recycle_valve_acts_two_seconds_late() {
    let mut unit = Unit::new();
    let commands = Commands { recycle_valve: 0.5, ..Commands::default() };
    unit.step(&commands, 2_000);
    assert_eq!((unit.recycle_valve(), unit.state().recycle_kg_s), (0.0, 0.0));
    unit.step(&commands, 500);
    assert_eq!(unit.recycle_valve(), 0.5);
    assert!(unit.state().recycle_kg_s > 0.1, "{:?}", unit.state());
}

/// Any commands, some of them nonsense, each for up to 4 s.
fn anything(u: &mut arbtest::arbitrary::Unstructured<'_>) -> arbtest::arbitrary::Result<(Commands, u32)> {
    let mut share = || u.int_in_range(-200..=1_200).map(|value: i32| f64::from(value) / 1_000.0);
    let commands = Commands {
        run: share()? > -0.1,
        speed_rad_s: share()? * 600.0,
        suction_valve: share()?,
        discharge_valve: share()?,
        recycle_valve: share()?,
    };
    Ok((commands, u.int_in_range(0..=4_000)?))
}

#[test]
fn whatever_is_commanded_the_state_stays_physical_and_gas_and_energy_are_accounted_for() {
    arbtest::arbtest(|u| {
        let mut unit = Unit::new();
        unit.check_valve_failed = u.arbitrary()?;
        unit.surroundings.header_bar = 1.0 + f64::from(u.int_in_range(0..=200)?) / 1_000.0;
        let start = unit.state();
        for _ in 0..u.int_in_range(1..=6)? {
            let (commands, ms) = anything(u)?;
            unit.step(&commands, ms);
            if u.ratio(1, 4)? {
                unit.reset_trip();
            }
        }
        let (state, totals) = (unit.state(), unit.totals());
        assert!(
            (0.2..2.0).contains(&state.suction_bar) && (0.5..2.0).contains(&state.discharge_bar),
            "{state:?}"
        );
        assert!((0.0..620.0).contains(&state.speed_rad_s) && state.flow_kg_s.abs() < 1.0, "{state:?}");
        let gained_kg = totals.taken_in_kg - totals.delivered_kg;
        assert!((state.mass_kg() - start.mass_kg() - gained_kg).abs() < 1e-9, "{state:?} {totals:?}");
        let gained_j = totals.driven_j - totals.absorbed_j;
        assert!((state.spin_j() - start.spin_j() - gained_j).abs() < 0.5, "{state:?} {totals:?}");
        Ok(())
    });
}

#[test]
fn how_time_is_cut_makes_no_difference() {
    arbtest::arbtest(|u| {
        let (commands, _) = anything(u)?;
        let (mut whole, mut pieces) = (Unit::new(), Unit::new());
        let mut total = 0;
        for _ in 0..u.int_in_range(1..=20)? {
            let piece = u.int_in_range(0..=300)?;
            pieces.step(&commands, piece);
            total += piece;
        }
        whole.step(&commands, total);
        assert_eq!(whole, pieces);
        Ok(())
    });
}
