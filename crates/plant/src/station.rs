//! The compressor station as a virtual site sees it: one unit, its anti-surge controller, its instruments.
//!
//! Two controllers act on the machine: the unit controller (drive, speed, discharge valve) and the anti-surge
//! controller (recycle valve). The protection is wired past both. So a stopped anti-surge controller is a
//! danger that waits: nothing changes until demand falls, then the machine surges and the protection trips
//! it.

mod instruments;

use crate::antisurge::{AntiSurge, Reading, SCAN_MS};
use crate::compressor::{Commands, NOMINAL_DISCHARGE_VALVE, Totals, Trip, Unit};
use instruments::Instruments;

/// Opening of the station's discharge valve at rest. The scale is that of the station's valve, whose full
/// travel is 0.561 of the rig's: it stands at 0.70 where the rig's stood at 0.393.
pub const NOMINAL_DISCHARGE_OPENING: f64 = 0.70;
const TRAVEL: f64 = NOMINAL_DISCHARGE_VALVE / NOMINAL_DISCHARGE_OPENING;

/// Opening that an operator may well choose when demand falls. While the anti-surge controller runs it opens
/// the recycle valve and nothing else happens; with the recycle valve shut the machine surges within seconds.
pub const LESS_DEMAND_OPENING: f64 = 0.40;

/// Highest speed setpoint that the governor takes, rad/s: above the overspeed trip, which is what protects.
const SPEED_SETPOINT_MAX: f64 = 600.0;
/// Ends of the margin that the anti-surge controller takes, per cent.
const MARGIN_PERCENT: (f64, f64) = (-10.0, 20.0);
/// Time for the lags to settle before a new station is handed out, ms.
const SETTLE_MS: u32 = 60_000;

/// What operators, controllers and attackers do to the station. Values beyond their range are taken as its
/// end; a value that is no number changes nothing.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Input {
    /// Speed for the governor, 0 to 600 rad/s.
    SpeedSetpoint(f64),
    /// Opening for the discharge valve, 0 shut to 1 open; a full stroke takes about 22 s.
    DischargeValve(f64),
    /// Opening at which a person holds the recycle valve, 0 shut to 1 open; `None` gives it back to the
    /// controller. It is the anti-surge controller's program that carries it out: a stopped one does not.
    RecycleManual(Option<f64>),
    /// Distance to the surge line that the anti-surge controller keeps, -10 to 20 per cent.
    Margin(f64),
    /// The program of the anti-surge controller runs, or is stopped and holds its output.
    AntiSurgeRunning(bool),
    /// The drive is started or stopped. A trip takes the start back.
    UnitRunning(bool),
    /// The latch of a trip is taken back; the drive stays off until it is started.
    ResetTrip,
}

/// What has been asked of the station.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Settings {
    /// Speed for the governor, rad/s.
    pub speed_rad_s: f64,
    /// Opening for the discharge valve, 0 shut to 1 open.
    pub discharge_valve: f64,
    /// Opening at which the recycle valve is held by hand.
    pub recycle_manual: Option<f64>,
    /// Distance that the anti-surge controller keeps, per cent.
    pub margin_percent: f64,
    /// The program of the anti-surge controller runs.
    pub antisurge_running: bool,
    /// The drive has been started and neither stopped nor tripped.
    pub unit_running: bool,
}

/// What the instruments show.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Measured {
    /// Suction pressure, bar.
    pub suction_bar: f64,
    /// Discharge pressure, bar.
    pub discharge_bar: f64,
    /// Flow through the machine, kg/s; negative in surge.
    pub flow_kg_s: f64,
    /// Speed of the shaft, rad/s.
    pub speed_rad_s: f64,
    /// Position of the recycle valve, 0 shut to 1 open; it follows its command after 2 s.
    pub recycle_valve: f64,
    /// Position of the discharge valve, 0 shut to 1 open.
    pub discharge_valve: f64,
    /// Distance to the surge line in per cent of 1 kg/s; negative beyond it.
    pub surge_distance_percent: f64,
    /// Shaft vibration, µm peak to peak.
    pub vibration_um: f64,
    /// Temperature of the thrust bearing, °C.
    pub bearing_c: f64,
    /// How often the flow has turned round.
    pub surge_cycles: u32,
    /// Why the protection stopped the drive, until that is reset.
    pub tripped: Option<Trip>,
}

/// The station. A copy runs on exactly as the original does.
#[derive(Clone, Debug, PartialEq)]
pub struct Station {
    unit: Unit,
    commands: Commands,
    antisurge: AntiSurge,
    instruments: Instruments,
    measured: Measured,
    /// Time to the next scan, ms.
    to_scan_ms: u32,
}

impl Station {
    /// A station at rest at its operating point; the noise of its instruments follows from `seed`.
    pub fn new(seed: u64) -> Self {
        let unit = Unit::new();
        let measured = exact(&unit);
        let mut station = Self {
            unit,
            commands: Commands::default(),
            antisurge: AntiSurge::new(),
            instruments: Instruments::new(seed),
            measured,
            to_scan_ms: 0,
        };
        station.advance(SETTLE_MS);
        station.unit.forget_history();
        station
    }

    /// Takes an input; it acts from the next step on.
    pub fn set(&mut self, input: Input) {
        match input {
            Input::SpeedSetpoint(rad_s) => {
                set(&mut self.commands.speed_rad_s, rad_s, (0.0, SPEED_SETPOINT_MAX))
            }
            Input::DischargeValve(opening) => {
                set(&mut self.commands.discharge_valve, opening * TRAVEL, (0.0, TRAVEL));
            }
            Input::RecycleManual(None) => self.antisurge.manual = None,
            Input::RecycleManual(Some(opening)) => {
                let held = self.antisurge.manual.get_or_insert(self.antisurge.output());
                set(held, opening, (0.0, 1.0));
            }
            Input::Margin(percent) => set(&mut self.antisurge.margin_percent, percent, MARGIN_PERCENT),
            Input::AntiSurgeRunning(running) => self.antisurge.running = running,
            Input::UnitRunning(run) => self.commands.run = run && self.unit.tripped().is_none(),
            Input::ResetTrip => self.unit.reset_trip(),
        }
    }

    /// Runs on for `ms`; how the time is cut into calls makes no difference to what happens.
    pub fn advance(&mut self, ms: u32) {
        let mut left = ms;
        while left > 0 {
            if self.to_scan_ms == 0 {
                self.scan();
            }
            let now = left.min(self.to_scan_ms);
            self.unit.step(&self.commands, now);
            self.to_scan_ms -= now;
            left -= now;
        }
    }

    /// What the instruments showed at the last scan, at most 20 ms ago, with their noise.
    pub fn measured(&self) -> Measured {
        Measured { surge_cycles: self.unit.surge_cycles(), tripped: self.unit.tripped(), ..self.measured }
    }

    /// What is so, without instruments.
    pub fn exact(&self) -> Measured {
        exact(&self.unit)
    }

    /// What has been asked of the station.
    pub fn settings(&self) -> Settings {
        Settings {
            speed_rad_s: self.commands.speed_rad_s,
            discharge_valve: self.commands.discharge_valve / TRAVEL,
            recycle_manual: self.antisurge.manual,
            margin_percent: self.antisurge.margin_percent,
            antisurge_running: self.antisurge.running,
            unit_running: self.commands.run && self.unit.tripped().is_none(),
        }
    }

    /// Opening that the anti-surge controller gives to the recycle valve, 0 shut to 1 open.
    pub fn recycle_command(&self) -> f64 {
        self.antisurge.output()
    }

    /// Life of bearing and seals that surge has used up, see [`Unit::damage_percent`].
    pub fn damage_percent(&self) -> f64 {
        self.unit.damage_percent()
    }

    /// Gas and energy since the station was new.
    pub fn totals(&self) -> Totals {
        self.unit.totals()
    }

    /// One scan of instruments and controllers.
    fn scan(&mut self) {
        self.to_scan_ms = SCAN_MS;
        self.measured = self.instruments.read(&exact(&self.unit));
        // A trip takes the start back: after its reset nothing starts by itself.
        self.commands.run &= self.unit.tripped().is_none();
        let Measured { flow_kg_s, suction_bar, discharge_bar, .. } = self.measured;
        let reading = Reading { flow_kg_s, suction_bar, discharge_bar, driven: self.commands.run };
        self.commands.recycle_valve = self.antisurge.scan(&reading);
    }
}

fn set(place: &mut f64, value: f64, (low, high): (f64, f64)) {
    if !value.is_nan() {
        *place = value.clamp(low, high);
    }
}

fn exact(unit: &Unit) -> Measured {
    let state = unit.state();
    Measured {
        suction_bar: state.suction_bar,
        discharge_bar: state.discharge_bar,
        flow_kg_s: state.flow_kg_s,
        speed_rad_s: state.speed_rad_s,
        recycle_valve: unit.recycle_valve(),
        discharge_valve: unit.discharge_valve() / TRAVEL,
        surge_distance_percent: unit.surge_distance_percent(),
        vibration_um: unit.vibration_um(),
        bearing_c: unit.bearing_c(),
        surge_cycles: unit.surge_cycles(),
        tripped: unit.tripped(),
    }
}

#[cfg(test)]
mod tests;
