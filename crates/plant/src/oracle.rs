//! The model against what was published of the rig: its operating point, a trajectory of two units, and the
//! frequencies of surge. The polynomial map lives here only: it blows up below 250 rad/s.

mod frequency;
mod replay;

use crate::compressor::dynamics::{Inputs, rates};
use crate::compressor::{Commands, NOMINAL_TORQUE, State, Surroundings};
use crate::map::pressure_ratio;

/// Pressure ratio at speed `w` (rad/s) and flow `q` (kg/s) as published (C15).
pub(crate) fn polynomial_ratio(w: f64, q: f64) -> f64 {
    let cubic = |[a, b, c, d]: [f64; 4]| ((a * q + b) * q + c) * q + d;
    let square =
        [2.997_495_051_936_54e-4, -1.712_541_910_892_37e-4, 3.573_216_480_975_97e-5, -9.178_357_220_094_5e-7];
    let linear =
        [-0.252_701_086_129_365, 0.136_885_752_773_673, -0.026_423_683_270_81, 0.001_610_127_403_657_43];
    let constant = [54.804_672_537_114_3, -29.955_079_149_776_5, 5.278_274_998_390_98, 0.693_826_282_579_158];
    (cubic(square) * w + cubic(linear)) * w + cubic(constant)
}

/// What holds at the rig's operating point: no governor, no check valve.
fn rig(discharge_valve: f64) -> Inputs {
    Inputs {
        surroundings: Surroundings::default(),
        check_valve_failed: true,
        suction_valve: Commands::default().suction_valve,
        discharge_valve,
        recycle_valve: 0.0,
        torque: NOMINAL_TORQUE,
    }
}

/// One step of the classical Runge-Kutta method with any map.
fn step(state: State, inputs: &Inputs, ratio: fn(f64, f64) -> f64, seconds: f64) -> State {
    let rate = |at: State| rates(&at, inputs, ratio).0;
    let k1 = rate(state);
    let k2 = rate(state.plus(k1, seconds / 2.0));
    let k3 = rate(state.plus(k2, seconds / 2.0));
    let k4 = rate(state.plus(k3, seconds));
    state.plus(k1, seconds / 6.0).plus(k2, seconds / 3.0).plus(k3, seconds / 3.0).plus(k4, seconds / 6.0)
}

fn settled(ratio: fn(f64, f64) -> f64) -> State {
    let inputs = rig(Commands::default().discharge_valve);
    (0..80_000).fold(State::NOMINAL, |state, _| step(state, &inputs, ratio, 0.0025))
}

fn within(value: f64, expected: f64, share: f64) -> bool {
    (value - expected).abs() <= share * expected
}

#[test]
fn the_rig_rests_close_to_its_published_operating_point() {
    for ratio in [polynomial_ratio, pressure_ratio] {
        let state = settled(ratio);
        assert!(within(state.suction_bar, 0.898, 0.001_5), "{state:?}");
        assert!(within(state.discharge_bar, 1.126, 0.001), "{state:?}");
        // The equations as published rest at 0.151 kg/s and 440.7 rad/s, where 0.150 and 439.5 were printed.
        assert!(within(state.flow_kg_s, 0.150, 0.01), "{state:?}");
        assert!(within(state.speed_rad_s, 439.5, 0.003), "{state:?}");
    }
}

#[test]
fn the_whole_range_map_rests_where_the_polynomial_does() {
    let (here, there) = (settled(pressure_ratio), settled(polynomial_ratio));
    assert!(within(here.suction_bar, there.suction_bar, 0.001), "{here:?} {there:?}");
    assert!(within(here.discharge_bar, there.discharge_bar, 0.001), "{here:?} {there:?}");
    assert!(within(here.flow_kg_s, there.flow_kg_s, 0.001_5), "{here:?} {there:?}");
    assert!(within(here.speed_rad_s, there.speed_rad_s, 0.001), "{here:?} {there:?}");
}
