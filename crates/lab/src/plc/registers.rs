//! Tables of holding registers, and what the instruments show in them.

use crate::script::RegisterMap;
use model::Span;

/// Speed setpoint of the unit controller, 1/min.
pub(crate) const SPEED_SETPOINT: u16 = 208;
/// Setpoint of the discharge valve, per mille.
pub(crate) const VALVE_SETPOINT: u16 = 209;
/// What [`SPEED_SETPOINT`] and [`VALVE_SETPOINT`] hold before anybody writes them.
pub(crate) const SETPOINTS_AT_START: [u16; 2] = [4208, 700];
/// Margin of the anti-surge controller before anybody writes it, 0.1 %.
pub(crate) const MARGIN_AT_START: u16 = 30;
/// Revolutions per minute in a radian per second.
pub(crate) const RPM_PER_RAD_S: f64 = 30.0 / std::f64::consts::PI;

/// What the instruments of the unit show, in the registers' own units.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Signals {
    /// Suction pressure, mbar.
    pub(crate) suction: f64,
    /// Discharge pressure, mbar.
    pub(crate) discharge: f64,
    /// Flow, 0.1 g/s.
    pub(crate) flow: f64,
    /// Shaft speed, 1/min.
    pub(crate) speed: f64,
    /// Opening of the anti-surge valve, per mille.
    pub(crate) recycle_valve: f64,
    /// Opening of the discharge valve, per mille.
    pub(crate) discharge_valve: f64,
    /// Surge distance, 0.1 %; negative beyond the surge line.
    pub(crate) surge_distance: f64,
    /// Vibration, 0.1 µm.
    pub(crate) vibration: f64,
}

impl Signals {
    /// Registers of the anti-surge controller from 100: suction, discharge, flow, speed, anti-surge valve,
    /// surge distance (two's complement), `margin` 0.1 %, 1 for running, seconds of `life`, alarm bits (1:
    /// close to surge).
    pub(crate) fn anti_surge(&self, margin: u16, life: u16) -> [u16; 10] {
        let near = u16::from(self.surge_distance < 20.0);
        let [suction, discharge, flow, speed] = self.common();
        let (valve, distance) = (word(self.recycle_valve), signed(self.surge_distance));
        [suction, discharge, flow, speed, valve, distance, margin, 1, life, near]
    }

    /// Registers of the unit controller from 200: suction, discharge, flow, speed, discharge valve, surge
    /// distance (two's complement), vibration, 1 for running, setpoints of speed and valve, seconds of
    /// `life`.
    pub(crate) fn unit(&self, setpoints: [u16; 2], life: u16) -> [u16; 11] {
        let [suction, discharge, flow, speed] = self.common();
        let (valve, distance) = (word(self.discharge_valve), signed(self.surge_distance));
        let (vibration, [speed_set, valve_set]) = (word(self.vibration), setpoints);
        [suction, discharge, flow, speed, valve, distance, vibration, 1, speed_set, valve_set, life]
    }

    fn common(&self) -> [u16; 4] {
        [self.suction, self.discharge, self.flow, self.speed].map(word)
    }
}

impl RegisterMap {
    /// First register that means something.
    pub(crate) fn base(self) -> u16 {
        match self {
            RegisterMap::AntiSurge => 100,
            RegisterMap::Unit => 200,
        }
    }
}

/// Seconds of life: how long a controller has run, in one register.
pub(crate) fn life(since: Span) -> u16 {
    u16::try_from(since.0 / 1_000_000_000 % 65_536).unwrap_or_default()
}

#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a cast from float saturates")]
pub(crate) fn word(value: f64) -> u16 {
    value.round() as u16
}

#[allow(clippy::cast_possible_truncation, reason = "a cast from float saturates")]
fn signed(value: f64) -> u16 {
    (value.round() as i16).cast_unsigned()
}
