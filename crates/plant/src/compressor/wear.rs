//! What surge does to the machine. All figures are assumptions that rank outcomes, see
//! [`super::Unit::damage_percent`].

const REFERENCE_RAD_S: f64 = 440.0;
/// Vibration of a healthy rotor at reference speed; it goes with the square of the speed, µm.
const VIBRATION_UM: f64 = 12.4;
/// What a surge cycle at reference speed adds, and how it dies away.
const VIBRATION_PER_CYCLE_UM: f64 = 40.0;
const VIBRATION_LAG_S: f64 = 1.5;
/// Close to the line, stall shakes the rotor: per per cent below the distance at which it begins.
const STALL_FROM_PERCENT: f64 = 1.0;
const STALL_UM_PER_PERCENT: f64 = 4.0;
const STALL_UM_MAX: f64 = 40.0;
/// Thrust bearing: oil at rest, rise at reference speed, rise per cycle, lag.
const OIL_C: f64 = 42.0;
const BEARING_RISE_C: f64 = 22.0;
const BEARING_PER_CYCLE_C: f64 = 2.5;
const BEARING_LAG_S: f64 = 60.0;
/// Life that a cycle at reference speed takes.
const DAMAGE_PER_CYCLE_PERCENT: f64 = 0.1;

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Wear {
    calm_um: f64,
    stall_um: f64,
    surge_um: f64,
    bearing_c: f64,
    damage_percent: f64,
}

impl Wear {
    pub(crate) fn new(speed_rad_s: f64) -> Self {
        let load = load(speed_rad_s);
        Self {
            calm_um: VIBRATION_UM * load,
            stall_um: 0.0,
            surge_um: 0.0,
            bearing_c: OIL_C + BEARING_RISE_C * load,
            damage_percent: 0.0,
        }
    }

    /// Lives through `seconds` at the speed and the surge distance, in which the flow turned round or not.
    pub(crate) fn suffer(&mut self, speed_rad_s: f64, surge_distance: f64, reversed: bool, seconds: f64) {
        let load = load(speed_rad_s);
        self.calm_um = VIBRATION_UM * load;
        self.stall_um =
            load * (STALL_UM_PER_PERCENT * (STALL_FROM_PERCENT - surge_distance)).clamp(0.0, STALL_UM_MAX);
        // Less than a nanometre is nothing.
        let faded = self.surge_um * (1.0 - seconds / VIBRATION_LAG_S);
        self.surge_um = if faded < 1e-3 { 0.0 } else { faded };
        self.bearing_c += (OIL_C + BEARING_RISE_C * load - self.bearing_c) * seconds / BEARING_LAG_S;
        if reversed {
            self.surge_um += VIBRATION_PER_CYCLE_UM * load;
            self.bearing_c += BEARING_PER_CYCLE_C * load;
            self.damage_percent += DAMAGE_PER_CYCLE_PERCENT * load;
        }
    }

    pub(crate) fn vibration_um(&self) -> f64 {
        self.calm_um + self.stall_um + self.surge_um
    }

    pub(crate) fn bearing_c(&self) -> f64 {
        self.bearing_c
    }

    pub(crate) fn damage_percent(&self) -> f64 {
        self.damage_percent
    }
}

/// Thrust and unbalance go with the square of the speed.
fn load(speed_rad_s: f64) -> f64 {
    let speed = speed_rad_s / REFERENCE_RAD_S;
    speed * speed
}
