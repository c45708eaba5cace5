//! What the controllers' registers hold at any moment.

use crate::process::Trace;
use crate::script::RegisterMap;
use model::{Span, Time};

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
    /// surge distance (two's complement), `margin` 0.1 %, 1 when running, seconds of `life`, alarm bits (1:
    /// close to surge).
    pub(crate) fn anti_surge(&self, margin: u16, running: bool, life: u16) -> [u16; 10] {
        let near = u16::from(self.surge_distance < 20.0);
        let [suction, discharge, flow, speed] = self.common();
        let (valve, distance) = (word(self.recycle_valve), signed(self.surge_distance));
        [suction, discharge, flow, speed, valve, distance, margin, running.into(), life, near]
    }

    /// Registers of the unit controller from 200: suction, discharge, flow, speed, discharge valve, surge
    /// distance (two's complement), vibration, 1 when running, setpoints of speed and valve, seconds of
    /// `life`.
    pub(crate) fn unit(&self, setpoints: [u16; 2], running: bool, life: u16) -> [u16; 11] {
        let [suction, discharge, flow, speed] = self.common();
        let (valve, distance) = (word(self.discharge_valve), signed(self.surge_distance));
        let (vibration, [speed_set, valve_set]) = (word(self.vibration), setpoints);
        let running = running.into();
        [suction, discharge, flow, speed, valve, distance, vibration, running, speed_set, valve_set, life]
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

impl Registers<'_> {
    /// Values of `count` registers from `first` at `at`; 0 where the controller has none.
    pub(crate) fn read(&self, first: u16, count: u16, at: Time) -> Vec<u16> {
        let moment = self.stopped.map_or(at, |stopped| at.min(stopped));
        let (signals, running, life) = (self.signals(moment), self.running(at), self.life(moment));
        let table = match self.map {
            RegisterMap::AntiSurge => signals.anti_surge(MARGIN_AT_START, running, life).to_vec(),
            RegisterMap::Unit => signals.unit(SETPOINTS_AT_START, running, life).to_vec(),
        };
        let value = |register: u16| {
            let written = self.written.iter().rev().find(|(when, r, _)| *r == register && *when <= at);
            let held = register.checked_sub(self.map.base()).and_then(|place| table.get(usize::from(place)));
            written.map(|(.., value)| *value).or(held.copied()).unwrap_or_default()
        };
        (0..count).map(|place| value(first.saturating_add(place))).collect()
    }

    fn signals(&self, moment: Time) -> Signals {
        let state = self.trace.at(moment);
        let [first, second, third, fourth] = state.noise.map(f64::from);
        // Rotating stall shakes the rotor before the flow turns round.
        let vibration = 124.0 + 90.0 * (1.0 - state.surge_distance).max(0.0);
        Signals {
            suction: state.suction_bar * 1e3 + first,
            discharge: state.discharge_bar * 1e3 + second,
            flow: state.flow_kg_s * 1e4 + third,
            speed: state.speed_rad_s * RPM_PER_RAD_S + fourth,
            recycle_valve: state.recycle_valve * 1e3,
            discharge_valve: state.discharge_valve * 1e3,
            surge_distance: state.surge_distance * 10.0,
            vibration: vibration + third,
        }
    }

    fn running(&self, now: Time) -> bool {
        self.stopped.is_none_or(|stopped| now < stopped)
    }

    fn life(&self, moment: Time) -> u16 {
        life(moment - self.start)
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
