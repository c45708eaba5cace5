//! One centrifugal compressor between two plena, driven by an electric motor, with its protection.
//!
//! The model of Greitzer with a spool (G76, GEV) as C15 uses it: suction pressure, discharge pressure, flow,
//! speed and recycle flow. Added here, and not from the rig: speed governor, check valve, trips, wear.

pub(crate) mod dynamics;
mod governor;
mod protection;
mod wear;

use crate::valve::{Delay, Stroke};
use dynamics::Inputs;
pub use dynamics::{State, Surroundings, Totals};
use governor::Governor;
pub use governor::{NOMINAL_SPEED_RAD_S, NOMINAL_TORQUE};
use protection::Protection;
pub use protection::{Limits, Trip};
use wear::Wear;

/// Length of one step of integration, µs.
const STEP_US: u64 = 2_500;
const STEP_S: f64 = 0.0025;
/// Steps by which the recycle valve acts late: 2 s (C15).
const RECYCLE_DELAY_STEPS: usize = 800;
/// Full stroke of suction and discharge valve takes 40 s.
const STROKE_PER_S: f64 = 0.025;

/// Openings of the rig's valves at its published operating point.
pub const NOMINAL_SUCTION_VALVE: f64 = 0.405;
/// See [`NOMINAL_SUCTION_VALVE`].
pub const NOMINAL_DISCHARGE_VALVE: f64 = 0.393;

/// What the unit is told from outside; it acts on it as fast as its drives and valves can.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Commands {
    /// The drive shall run. A trip keeps it off all the same until [`Unit::reset_trip`].
    pub run: bool,
    /// Speed that the governor shall hold, rad/s.
    pub speed_rad_s: f64,
    /// Opening of the suction valve, 0 shut to 1 open.
    pub suction_valve: f64,
    /// Opening of the discharge valve, 0 shut to 1 open.
    pub discharge_valve: f64,
    /// Opening of the recycle valve, 0 shut to 1 open; it arrives 2 s later.
    pub recycle_valve: f64,
}

impl Default for Commands {
    /// The published operating point.
    fn default() -> Self {
        Self {
            run: true,
            speed_rad_s: NOMINAL_SPEED_RAD_S,
            suction_valve: NOMINAL_SUCTION_VALVE,
            discharge_valve: NOMINAL_DISCHARGE_VALVE,
            recycle_valve: 0.0,
        }
    }
}

/// The machine. A copy goes on exactly as the original does.
#[derive(Clone, Debug, PartialEq)]
pub struct Unit {
    /// Pressures that the unit does not make itself.
    pub surroundings: Surroundings,
    /// Gas can flow back from the header through the discharge.
    pub check_valve_failed: bool,
    state: State,
    totals: Totals,
    governor: Governor,
    suction_valve: Stroke,
    discharge_valve: Stroke,
    recycle_valve: f64,
    recycle_commands: Delay,
    protection: Protection,
    wear: Wear,
    /// Time that was asked for and not stepped through, less than one step.
    rest_us: u64,
}

impl Unit {
    /// A unit at its published operating point.
    pub fn new() -> Self {
        let nominal = Commands::default();
        Self {
            surroundings: Surroundings::default(),
            check_valve_failed: false,
            state: State::NOMINAL,
            totals: Totals::default(),
            governor: Governor::new(),
            suction_valve: Stroke::new(nominal.suction_valve, STROKE_PER_S),
            discharge_valve: Stroke::new(nominal.discharge_valve, STROKE_PER_S),
            recycle_valve: nominal.recycle_valve,
            recycle_commands: Delay::new(RECYCLE_DELAY_STEPS, nominal.recycle_valve),
            protection: Protection::default(),
            wear: Wear::new(NOMINAL_SPEED_RAD_S),
            rest_us: 0,
        }
    }

    /// Runs for `dt_ms` under `commands`. What is less than a step of 2.5 ms is kept for the next call, so
    /// that the way time is cut makes no difference.
    pub fn step(&mut self, commands: &Commands, dt_ms: u32) {
        self.rest_us += u64::from(dt_ms) * 1_000;
        while self.rest_us >= STEP_US {
            self.rest_us -= STEP_US;
            self.tick(commands);
        }
    }

    /// Takes the latch of a trip back; the drive starts again if it is still told to run and nothing is
    /// wrong.
    pub fn reset_trip(&mut self) {
        self.protection.reset();
    }

    /// Sets all totals, the count of surge cycles and the wear to those of a new machine.
    pub fn forget_history(&mut self) {
        self.totals = Totals::default();
        self.protection = Protection::default();
        self.wear = Wear::new(self.state.speed_rad_s);
    }

    /// Pressures, flows and speed.
    pub fn state(&self) -> State {
        self.state
    }

    /// Gas and energy since the unit was new.
    pub fn totals(&self) -> Totals {
        self.totals
    }

    /// Why the protection stopped the drive, if it did: the first cause.
    pub fn tripped(&self) -> Option<Trip> {
        self.protection.tripped()
    }

    /// Whether the drive turns the shaft under `commands`.
    pub fn drives(&self, commands: &Commands) -> bool {
        commands.run && self.tripped().is_none()
    }

    /// How often the flow has turned round since the unit was new.
    pub fn surge_cycles(&self) -> u32 {
        self.protection.reversals()
    }

    /// Where the discharge valve is, 0 shut to 1 open.
    pub fn discharge_valve(&self) -> f64 {
        self.discharge_valve.opening
    }

    /// Where the suction valve is, 0 shut to 1 open.
    pub fn suction_valve(&self) -> f64 {
        self.suction_valve.opening
    }

    /// Where the recycle valve is, 0 shut to 1 open: where it was told to be 2 s ago.
    pub fn recycle_valve(&self) -> f64 {
        self.recycle_valve
    }

    /// Distance to the surge line in per cent, see [`crate::map::surge_distance_percent`].
    pub fn surge_distance_percent(&self) -> f64 {
        let State { suction_bar, discharge_bar, flow_kg_s, .. } = self.state;
        crate::map::surge_distance_percent(flow_kg_s, suction_bar, discharge_bar)
    }

    /// Shaft vibration, µm peak to peak; an estimate, see [`Unit::damage_percent`].
    pub fn vibration_um(&self) -> f64 {
        self.wear.vibration_um()
    }

    /// Temperature of the thrust bearing, °C; an estimate, see [`Unit::damage_percent`].
    pub fn bearing_c(&self) -> f64 {
        self.wear.bearing_c()
    }

    /// Life of thrust bearing and seals that surge has used up, in per cent.
    ///
    /// Assumption, not measurement: a surge cycle at 440 rad/s takes 0.1 %, at other speeds in proportion to
    /// the square of the speed, as the thrust that turns round does. Vibration and bearing temperature rise
    /// by similarly assumed steps per cycle. They rank outcomes; they do not predict a date.
    pub fn damage_percent(&self) -> f64 {
        self.wear.damage_percent()
    }

    fn tick(&mut self, commands: &Commands) {
        self.suction_valve.towards(commands.suction_valve, STEP_S);
        self.discharge_valve.towards(commands.discharge_valve, STEP_S);
        self.recycle_valve = self.recycle_commands.pass(commands.recycle_valve.clamp(0.0, 1.0));
        let drives = self.drives(commands);
        let torque = self.governor.torque(drives, commands.speed_rad_s, self.state.speed_rad_s, STEP_S);
        let inputs = Inputs {
            surroundings: self.surroundings,
            check_valve_failed: self.check_valve_failed,
            suction_valve: self.suction_valve.opening,
            discharge_valve: self.discharge_valve.opening,
            recycle_valve: self.recycle_valve,
            torque,
        };
        (self.state, self.totals) = dynamics::advance(self.state, self.totals, &inputs, STEP_S);
        let reversed = self.protection.watch(&self.state, drives);
        self.wear.suffer(self.state.speed_rad_s, self.surge_distance_percent(), reversed, STEP_S);
    }
}

impl Default for Unit {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests;
