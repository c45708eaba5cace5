//! Instruments with a little noise, which follows from a seed alone.

use super::Measured;
use crate::map::surge_distance_percent;

/// Half width of the noise: pressures, flow, speed, positions, vibration, temperature.
const PRESSURE_BAR: f64 = 0.000_5;
const FLOW_KG_S: f64 = 0.000_4;
const SPEED_RAD_S: f64 = 0.15;
const POSITION: f64 = 0.000_5;
const VIBRATION_UM: f64 = 0.3;
const TEMPERATURE_C: f64 = 0.1;

/// The instruments of one station: a stream of numbers after SplitMix64 (Steele, Lea and Flood, OOPSLA 2014).
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Instruments(u64);

impl Instruments {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// What they show of `truth`. The surge distance is worked out from what they show, as a controller does.
    pub(super) fn read(&mut self, truth: &Measured) -> Measured {
        let suction_bar = truth.suction_bar + self.noise(PRESSURE_BAR);
        let discharge_bar = truth.discharge_bar + self.noise(PRESSURE_BAR);
        let flow_kg_s = truth.flow_kg_s + self.noise(FLOW_KG_S);
        Measured {
            suction_bar,
            discharge_bar,
            flow_kg_s,
            // A shaft at rest is not mistaken for one that turns.
            speed_rad_s: (truth.speed_rad_s + self.noise(SPEED_RAD_S)).max(0.0),
            recycle_valve: (truth.recycle_valve + self.noise(POSITION)).clamp(0.0, 1.0),
            discharge_valve: (truth.discharge_valve + self.noise(POSITION)).clamp(0.0, 1.0),
            surge_distance_percent: surge_distance_percent(flow_kg_s, suction_bar, discharge_bar),
            vibration_um: (truth.vibration_um + self.noise(VIBRATION_UM)).max(0.0),
            bearing_c: truth.bearing_c + self.noise(TEMPERATURE_C),
            ..*truth
        }
    }

    /// Around 0, more often near it: the sum of two uniform numbers, at most `half_width` away.
    fn noise(&mut self, half_width: f64) -> f64 {
        let [high, low] = halves(self.word());
        (f64::from(high) + f64::from(low) - f64::from(u32::MAX)) / f64::from(u32::MAX) * half_width
    }

    fn word(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
}

fn halves(word: u64) -> [u32; 2] {
    let [a, b, c, d, e, f, g, h] = word.to_be_bytes();
    [u32::from_be_bytes([a, b, c, d]), u32::from_be_bytes([e, f, g, h])]
}
