//! Speed governor of the drive.
//!
//! The rig's drive was set by torque alone, which lets the speed run away in surge; a machine in service has
//! a governor. Proportional and integral action around the published torque, with the published range and
//! rate of the torque (C15); gains and ramp are chosen for a calm response.

/// Speed at which the rig rests with the nominal torque, rad/s (4 208 rpm).
pub const NOMINAL_SPEED_RAD_S: f64 = 440.7;
/// Command of the drive at the published operating point; power is 15 kW times this.
pub const NOMINAL_TORQUE: f64 = 0.304;
/// How far the command may be from nominal, and how far it moves in a second.
const TORQUE_RANGE: f64 = 0.3;
const TORQUE_PER_S: f64 = 0.1;
/// How fast the setpoint in force follows the one that was given, rad/s².
const RAMP_RAD_S2: f64 = 20.0;
/// Gains per rad/s, and per rad/s and second.
const PROPORTIONAL: f64 = 0.006;
const INTEGRAL: f64 = 0.0015;

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Governor {
    /// Setpoint in force: the ramp from where the shaft was when the drive was started, rad/s.
    setpoint_rad_s: f64,
    integral: f64,
    torque: f64,
}

impl Governor {
    pub(crate) fn new() -> Self {
        Self { setpoint_rad_s: NOMINAL_SPEED_RAD_S, integral: 0.0, torque: NOMINAL_TORQUE }
    }

    /// Command of the drive for the next `seconds`; nothing when the drive is off, and then the governor
    /// waits at the speed of the shaft.
    pub(crate) fn torque(&mut self, drives: bool, wanted_rad_s: f64, speed_rad_s: f64, seconds: f64) -> f64 {
        if !drives {
            *self = Self { setpoint_rad_s: speed_rad_s, integral: 0.0, torque: 0.0 };
            return 0.0;
        }
        let ramp = RAMP_RAD_S2 * seconds;
        self.setpoint_rad_s += (wanted_rad_s - self.setpoint_rad_s).clamp(-ramp, ramp);
        let error = self.setpoint_rad_s - speed_rad_s;
        let wanted = NOMINAL_TORQUE + PROPORTIONAL * error + self.integral;
        let possible = wanted.clamp(NOMINAL_TORQUE - TORQUE_RANGE, NOMINAL_TORQUE + TORQUE_RANGE);
        let most = TORQUE_PER_S * seconds;
        self.torque += (possible - self.torque).clamp(-most, most);
        // What the drive cannot give is not asked for ever more.
        if (wanted - self.torque).abs() < TORQUE_PER_S {
            self.integral += INTEGRAL * error * seconds;
        }
        self.torque
    }
}
