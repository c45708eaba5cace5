//! The equations of the unit, and their integration by the classical Runge-Kutta method.

use crate::{map, valve};

/// Square of the speed of sound over 10^5, so that flows over volumes give bar per second.
pub(crate) const SOUND_SQUARED: f64 = 340.0 * 340.0 * 1e-5;
const PI: f64 = std::f64::consts::PI;
/// Two vessels of radius 0.3 m and length 1 m, and 8.191 m of pipe of radius 0.04 m, m³.
pub(crate) const SUCTION_VOLUME_M3: f64 = 2.0 * PI * 0.09 * 2.0 + PI * 0.0016 * 8.191;
/// One such vessel and 5.94 m of pipe, m³.
pub(crate) const DISCHARGE_VOLUME_M3: f64 = PI * 0.09 * 2.0 + PI * 0.0016 * 5.94;
/// Section over length of the duct, m, times 10^5, so that bar gives kg/s².
pub(crate) const DUCT: f64 = PI * 0.0016 / 3.0 * 0.1 * 1e5;
/// Moment of inertia of the rotor, kg m².
const INERTIA_KG_M2: f64 = 0.607 * 0.4;
/// Lag of the recycle flow, s.
const RECYCLE_LAG_S: f64 = 0.5;
/// Power of the drive at a torque of 1, W.
const DRIVE_W: f64 = 15_000.0;
/// Below this speed the drive gives constant torque and no longer constant power, rad/s.
const CONSTANT_TORQUE_RAD_S: f64 = 100.0;
/// Torque of the load without flow, and per kg/s, N m.
const LOAD_IDLE_NM: f64 = 2.554_394_575_498_2 + 0.621_8;
const LOAD_PER_FLOW: f64 = 47.422_266_957_642_3;
/// Below this speed the load fades, so that a shaft that runs down comes to rest and does not turn back,
/// rad/s.
const LOAD_FADES_RAD_S: f64 = 20.0;

/// Pressures, flows and speed of the unit.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct State {
    /// Pressure in the suction plenum, bar.
    pub suction_bar: f64,
    /// Pressure in the discharge plenum, bar.
    pub discharge_bar: f64,
    /// Flow through the machine, kg/s; negative in surge.
    pub flow_kg_s: f64,
    /// Speed of the shaft, rad/s; never negative.
    pub speed_rad_s: f64,
    /// Flow through the recycle line, kg/s.
    pub recycle_kg_s: f64,
}

impl State {
    /// Where the unit settles with [`super::Commands::default`].
    pub(crate) const NOMINAL: Self = Self {
        suction_bar: 0.899,
        discharge_bar: 1.125,
        flow_kg_s: 0.1512,
        speed_rad_s: super::NOMINAL_SPEED_RAD_S,
        recycle_kg_s: 0.0,
    };

    pub(crate) fn plus(self, rate: State, seconds: f64) -> Self {
        Self {
            suction_bar: self.suction_bar + rate.suction_bar * seconds,
            discharge_bar: self.discharge_bar + rate.discharge_bar * seconds,
            flow_kg_s: self.flow_kg_s + rate.flow_kg_s * seconds,
            speed_rad_s: self.speed_rad_s + rate.speed_rad_s * seconds,
            recycle_kg_s: self.recycle_kg_s + rate.recycle_kg_s * seconds,
        }
    }

    /// The state without what has died away: smaller numbers only make arithmetic slow.
    fn settled(self) -> Self {
        const NOTHING: f64 = 1e-12;
        let settled = |value: f64| if value.abs() < NOTHING { 0.0 } else { value };
        Self { speed_rad_s: settled(self.speed_rad_s), recycle_kg_s: settled(self.recycle_kg_s), ..self }
    }

    /// Gas in the two plena, kg; at constant temperature pressure is mass.
    #[cfg(test)]
    pub(crate) fn mass_kg(&self) -> f64 {
        (self.suction_bar * SUCTION_VOLUME_M3 + self.discharge_bar * DISCHARGE_VOLUME_M3) / SOUND_SQUARED
    }

    /// Energy in the rotor, J.
    #[cfg(test)]
    pub(crate) fn spin_j(&self) -> f64 {
        0.5 * INERTIA_KG_M2 * self.speed_rad_s * self.speed_rad_s
    }
}

/// Gas and energy that went in and out.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Totals {
    /// Gas that came through the suction valve, kg.
    pub taken_in_kg: f64,
    /// Gas that went through the discharge valve, kg.
    pub delivered_kg: f64,
    /// Work of the drive on the shaft, J.
    pub driven_j: f64,
    /// Work of the shaft on gas and bearings, J.
    pub absorbed_j: f64,
}

impl Totals {
    fn plus(self, rate: Totals, seconds: f64) -> Self {
        Self {
            taken_in_kg: self.taken_in_kg + rate.taken_in_kg * seconds,
            delivered_kg: self.delivered_kg + rate.delivered_kg * seconds,
            driven_j: self.driven_j + rate.driven_j * seconds,
            absorbed_j: self.absorbed_j + rate.absorbed_j * seconds,
        }
    }
}

/// Pressures beyond the unit's own valves.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Surroundings {
    /// Pressure before the suction valve, bar.
    pub source_bar: f64,
    /// Pressure behind the discharge valve, bar.
    pub header_bar: f64,
}

impl Default for Surroundings {
    /// The rig takes from the air and blows into it.
    fn default() -> Self {
        Self { source_bar: 1.0, header_bar: 1.0 }
    }
}

/// What holds during one step.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Inputs {
    pub(crate) surroundings: Surroundings,
    pub(crate) check_valve_failed: bool,
    pub(crate) suction_valve: f64,
    pub(crate) discharge_valve: f64,
    /// Opening that has arrived at the recycle valve.
    pub(crate) recycle_valve: f64,
    /// Command of the drive: power is 15 kW times this.
    pub(crate) torque: f64,
}

/// One step of `seconds`. Totals are integrated with the same weights, so that balances close to rounding.
pub(crate) fn advance(state: State, totals: Totals, inputs: &Inputs, seconds: f64) -> (State, Totals) {
    let rates = |at: State| rates(&at, inputs, map::pressure_ratio);
    let (k1, t1) = rates(state);
    let (k2, t2) = rates(state.plus(k1, seconds / 2.0));
    let (k3, t3) = rates(state.plus(k2, seconds / 2.0));
    let (k4, t4) = rates(state.plus(k3, seconds));
    let (sixth, third) = (seconds / 6.0, seconds / 3.0);
    (
        state.plus(k1, sixth).plus(k2, third).plus(k3, third).plus(k4, sixth).settled(),
        totals.plus(t1, sixth).plus(t2, third).plus(t3, third).plus(t4, sixth),
    )
}

/// Rates of change per second of a unit with the map `ratio` (C15, GEV).
pub(crate) fn rates(state: &State, inputs: &Inputs, ratio: impl Fn(f64, f64) -> f64) -> (State, Totals) {
    let State { suction_bar, discharge_bar, flow_kg_s, speed_rad_s, recycle_kg_s } = *state;
    let taken_in =
        valve::SUCTION.flow_kg_s(inputs.suction_valve, inputs.surroundings.source_bar, suction_bar);
    let delivered = delivered_kg_s(discharge_bar, inputs);
    let drive = DRIVE_W * inputs.torque / speed_rad_s.max(CONSTANT_TORQUE_RAD_S);
    let load = load_nm(flow_kg_s, speed_rad_s);
    let recycle = valve::recycle_kg_s(inputs.recycle_valve, suction_bar, discharge_bar);
    let rate = State {
        suction_bar: SOUND_SQUARED / SUCTION_VOLUME_M3 * (taken_in + recycle_kg_s - flow_kg_s),
        discharge_bar: SOUND_SQUARED / DISCHARGE_VOLUME_M3 * (flow_kg_s - recycle_kg_s - delivered),
        flow_kg_s: DUCT * (ratio(speed_rad_s, flow_kg_s) * suction_bar - discharge_bar),
        speed_rad_s: (drive - load) / INERTIA_KG_M2,
        recycle_kg_s: (recycle - recycle_kg_s) / RECYCLE_LAG_S,
    };
    let totals = Totals {
        taken_in_kg: taken_in,
        delivered_kg: delivered,
        driven_j: drive * speed_rad_s,
        absorbed_j: load * speed_rad_s,
    };
    (rate, totals)
}

/// Flow through check valve and discharge valve.
fn delivered_kg_s(discharge_bar: f64, inputs: &Inputs) -> f64 {
    let flow =
        valve::DISCHARGE.flow_kg_s(inputs.discharge_valve, discharge_bar, inputs.surroundings.header_bar);
    if inputs.check_valve_failed { flow } else { flow.max(0.0) }
}

/// Torque of gas and bearings; gas that is blown backwards brakes as well (GEV).
fn load_nm(flow_kg_s: f64, speed_rad_s: f64) -> f64 {
    (LOAD_IDLE_NM + LOAD_PER_FLOW * flow_kg_s.abs()) * (speed_rad_s / LOAD_FADES_RAD_S).clamp(0.0, 1.0)
}
