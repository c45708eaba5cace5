//! How often the flow turns round when the discharge valve is closed too far: less often the deeper the surge
//! (G76). The rig has no governor, so its speed runs away in surge; the figures hold for the times given.

use super::{rig, step};
use crate::compressor::State;
use crate::map::pressure_ratio;

const STEP_S: f64 = 0.0025;

/// Reversals per second in the 20 s after `from_s`, when at 0 s the valve was put to `opening`.
fn frequency_hz(opening: f64, from_s: f64) -> f64 {
    let inputs = rig(opening);
    let mut state = State::NOMINAL;
    let mut reversals = vec![];
    let mut now = 0.0;
    while now < from_s + 20.0 {
        let next = step(state, &inputs, pressure_ratio, STEP_S);
        if now > from_s && state.flow_kg_s >= 0.0 && next.flow_kg_s < 0.0 {
            reversals.push(now);
        }
        (state, now) = (next, now + STEP_S);
    }
    let [first, .., last] = reversals[..] else { return 0.0 };
    f64::from(u32::try_from(reversals.len() - 1).unwrap()) / (last - first)
}

#[test]
fn a_little_less_demand_is_no_surge() {
    assert_eq!(frequency_hz(0.35, 20.0), 0.0);
}

#[test]
fn surge_has_the_frequencies_of_the_rig() {
    for (opening, expected) in [(0.30, 1.15), (0.25, 1.08), (0.20, 0.87)] {
        let found = frequency_hz(opening, 180.0);
        assert!((found - expected).abs() < 0.10 * expected, "{opening}: {found}");
    }
}

#[test]
fn surge_becomes_slower_as_it_deepens() {
    let found = [0.30, 0.25, 0.20, 0.15, 0.10].map(|opening| frequency_hz(opening, 20.0));
    assert!(found.is_sorted_by(|shallow, deep| shallow > deep), "{found:?}");
}

/// Helmholtz frequency of duct and discharge plenum, `a/2π √(A/(L V))`, and of the duct between both plena:
/// surge of a stiff system comes close to it and stays below.
#[test]
fn surge_is_slower_than_the_resonance_of_the_plena() {
    use crate::compressor::dynamics::{DISCHARGE_VOLUME_M3, DUCT, SOUND_SQUARED, SUCTION_VOLUME_M3};
    let resonance = |volume: f64| (SOUND_SQUARED * DUCT / volume).sqrt() / std::f64::consts::TAU;
    assert!((resonance(DISCHARGE_VOLUME_M3) - 0.908).abs() < 0.001);
    let both = resonance(1.0 / (1.0 / DISCHARGE_VOLUME_M3 + 1.0 / SUCTION_VOLUME_M3));
    assert!((both - 1.115).abs() < 0.002, "{both}");
    assert!(frequency_hz(0.30, 20.0) < both);
}
