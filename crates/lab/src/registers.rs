//! What the controllers' registers hold at any moment.

use crate::process::Trace;
use crate::script::RegisterMap;
use model::Time;

/// Holding registers of one controller.
pub(crate) struct Registers<'a> {
    pub(crate) map: RegisterMap,
    pub(crate) trace: &'a Trace,
    /// When the story starts.
    pub(crate) start: Time,
    /// When its program was stopped, if it was: from then on nothing moves.
    pub(crate) stopped: Option<Time>,
    /// Registers that somebody writes, in order of time.
    pub(crate) written: Vec<(Time, u16, u16)>,
}

/// Speed setpoint of the unit controller, 1/min.
pub(crate) const SPEED_SETPOINT: u16 = 208;
/// Setpoint of the discharge valve, per mille.
pub(crate) const VALVE_SETPOINT: u16 = 209;

impl Registers<'_> {
    /// Values of `count` registers from `first` at `at`; 0 where the controller has none.
    pub(crate) fn read(&self, first: u16, count: u16, at: Time) -> Vec<u16> {
        let moment = self.stopped.map_or(at, |stopped| at.min(stopped));
        let table = match self.map {
            RegisterMap::AntiSurge => self.anti_surge(moment, at).to_vec(),
            RegisterMap::Unit => self.unit(moment, at).to_vec(),
        };
        let value = |register: u16| {
            let written = self.written.iter().rev().find(|(when, r, _)| *r == register && *when <= at);
            let held = register.checked_sub(self.base()).and_then(|place| table.get(usize::from(place)));
            written.map(|(.., value)| *value).or(held.copied()).unwrap_or_default()
        };
        (0..count).map(|place| value(first.saturating_add(place))).collect()
    }

    fn base(&self) -> u16 {
        match self.map {
            RegisterMap::AntiSurge => 100,
            RegisterMap::Unit => 200,
        }
    }

    /// Suction and discharge mbar, flow 0.1 g/s, speed 1/min, anti-surge valve per mille, surge distance 0.1
    /// % (two's complement), margin 0.1 %, 1 when running, seconds of life, alarm bits (1: close to surge).
    fn anti_surge(&self, moment: Time, now: Time) -> [u16; 10] {
        let state = self.trace.at(moment);
        let [suction, discharge, flow, speed] = self.measured(moment);
        let (valve, distance) = (word(state.recycle_valve * 1e3), signed(state.surge_distance * 10.0));
        let near = u16::from(state.surge_distance < 2.0);
        [suction, discharge, flow, speed, valve, distance, 30, self.running(now), self.life(moment), near]
    }

    /// Suction and discharge mbar, flow 0.1 g/s, speed 1/min, discharge valve per mille, surge distance 0.1 %
    /// (two's complement), vibration 0.1 µm, 1 when running, setpoints of speed and valve, seconds of life.
    fn unit(&self, moment: Time, now: Time) -> [u16; 11] {
        let state = self.trace.at(moment);
        let [suction, discharge, flow, speed] = self.measured(moment);
        let (valve, distance) = (word(state.discharge_valve * 1e3), signed(state.surge_distance * 10.0));
        // Rotating stall shakes the rotor before the flow turns round.
        let vibration =
            word(124.0 + 90.0 * (1.0 - state.surge_distance).max(0.0) + f64::from(state.noise[2]));
        [
            suction,
            discharge,
            flow,
            speed,
            valve,
            distance,
            vibration,
            self.running(now),
            4208,
            700,
            self.life(moment),
        ]
    }

    fn measured(&self, moment: Time) -> [u16; 4] {
        const RPM_PER_RAD_S: f64 = 30.0 / std::f64::consts::PI;
        let state = self.trace.at(moment);
        let exact = [
            state.suction_bar * 1e3,
            state.discharge_bar * 1e3,
            state.flow_kg_s * 1e4,
            state.speed_rad_s * RPM_PER_RAD_S,
        ];
        let mut noise = state.noise.into_iter();
        exact.map(|value| word(value + f64::from(noise.next().unwrap_or_default())))
    }

    fn running(&self, now: Time) -> u16 {
        u16::from(self.stopped.is_none_or(|stopped| now < stopped))
    }

    fn life(&self, moment: Time) -> u16 {
        u16::try_from((moment - self.start).0 / 1_000_000_000 % 65_536).unwrap_or_default()
    }
}

#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a cast from float saturates")]
fn word(value: f64) -> u16 {
    value.round() as u16
}

#[allow(clippy::cast_possible_truncation, reason = "a cast from float saturates")]
fn signed(value: f64) -> u16 {
    (value.round() as i16).cast_unsigned()
}
