//! Pressure ratio of the compressor at any speed and flow, and the distance to surge.
//!
//! The rig of C15 was described by a polynomial in speed and flow, good from 340 to 550 rad/s and for forward
//! flow only. This map follows it there (on the stable side within 0.011 in pressure ratio) and goes on where
//! the polynomial breaks down: a machine that runs down, stands still or is blown backwards. Speed is taken
//! out by similarity, `phi = q (440/w)^1.0809` and `psi = (Pi - 1) (440/w)^2.1418`; reverse flow rises with
//! the square of the flow (G76).

/// Speed at which flow and head are their own similarity numbers, rad/s.
const REFERENCE_RAD_S: f64 = 440.0;
/// Slowest speed that the similarity is asked for, rad/s: below, the machine is a hole in a wall.
const SLOWEST_RAD_S: f64 = 1.0;
const FLOW_EXPONENT: f64 = 1.0809;
const HEAD_EXPONENT: f64 = 2.1418;

/// Head without flow, in the units of `psi`.
const SHUT_OFF: f64 = 0.204_059;
/// Rise of head with the square of reverse flow.
const REVERSE: f64 = 40.0;
/// Flow beyond which the fit is not asked; from there head falls with slope -1.
const CHOKED: f64 = 0.6;

/// The surge line of C15: flow is `(Pi - 0.66) / 5.55` on it.
const SURGE_LINE_SLOPE: f64 = 5.55;
const SURGE_LINE_OFFSET: f64 = 0.66;

/// Pressure ratio, discharge over suction, that the machine makes at `speed_rad_s` (0 and more) when
/// `flow_kg_s` passes through it; negative flow is reverse flow.
pub fn pressure_ratio(speed_rad_s: f64, flow_kg_s: f64) -> f64 {
    let speed = speed_rad_s.max(SLOWEST_RAD_S) / REFERENCE_RAD_S;
    1.0 + head(flow_kg_s / speed.powf(FLOW_EXPONENT)) * speed.powf(HEAD_EXPONENT)
}

fn head(flow: f64) -> f64 {
    let forward = |phi: f64| ((4.118_84 * phi - 4.471_23) * phi + 0.898_166) * phi + SHUT_OFF;
    if flow < 0.0 {
        SHUT_OFF + REVERSE * flow * flow
    } else if flow <= CHOKED {
        forward(flow)
    } else {
        forward(CHOKED) - (flow - CHOKED)
    }
}

/// Distance to the surge line in per cent of 1 kg/s, from flow and the two pressures; negative beyond the
/// line.
///
/// The line was drawn for a machine at speed: at standstill the distance is about -6 and means nothing.
pub fn surge_distance_percent(flow_kg_s: f64, suction_bar: f64, discharge_bar: f64) -> f64 {
    let ratio = discharge_bar / suction_bar;
    100.0 * (flow_kg_s - (ratio - SURGE_LINE_OFFSET) / SURGE_LINE_SLOPE)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oracle::polynomial_ratio;

    #[test]
    fn the_map_follows_the_published_polynomial_on_the_stable_side() {
        let mut largest = 0.0_f64;
        for speed in (340..=550).step_by(10).map(f64::from) {
            for flow in (11..=30).map(|hundredth| f64::from(hundredth) / 100.0) {
                // The peak of the curve moves with speed; left of it is the surge side.
                let stable = flow > 0.125 * (speed / 440.0).powf(FLOW_EXPONENT);
                if stable {
                    let away = (pressure_ratio(speed, flow) - polynomial_ratio(speed, flow)).abs();
                    largest = largest.max(away);
                }
            }
        }
        assert!(largest < 0.012, "{largest}");
    }

    #[test]
    fn the_map_has_no_jump_where_its_pieces_meet() {
        for (speed, flow) in [(440.0, 0.0), (440.0, 0.6), (150.0, 0.0), (0.0, 0.0), (550.0, 0.76357)] {
            let step = pressure_ratio(speed, flow + 1e-9) - pressure_ratio(speed, flow - 1e-9);
            assert!(step.abs() < 1e-5, "{speed} {flow}: {step}");
        }
    }

    #[test]
    fn reverse_flow_at_standstill_needs_pressure() {
        assert!(pressure_ratio(0.0, -0.1) > 1.3);
        assert!(pressure_ratio(0.0, 0.0) - 1.0 < 1e-5);
    }

    #[test]
    fn the_published_record_has_the_published_surge_distance() {
        let distance = surge_distance_percent(0.152, 0.916, 1.145);
        assert!((distance - 4.56937).abs() < 0.01, "{distance}");
    }
}
