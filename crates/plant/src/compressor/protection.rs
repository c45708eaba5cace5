//! Protection of the unit: hard-wired, apart from every controller, so that it acts whoever has stopped what.
//!
//! It stops the drive and nothing else. The recycle valve belongs to the anti-surge controller.

use super::{STEP_US, State};
use std::fmt;

/// Why the protection stopped the drive.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Trip {
    /// The flow turned round too often.
    SurgeCycles,
    /// The shaft turned too fast.
    Overspeed,
    /// The machine sucked its suction side empty.
    LowSuction,
    /// The discharge side was pumped up too far.
    HighDischarge,
}

impl fmt::Display for Trip {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Trip::SurgeCycles => "surge cycles",
            Trip::Overspeed => "overspeed",
            Trip::LowSuction => "low suction pressure",
            Trip::HighDischarge => "high discharge pressure",
        })
    }
}

/// Where the protection acts.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Limits {
    /// Reversals of the flow within [`Limits::surge_window_s`].
    pub surge_cycles: usize,
    /// Time within which reversals are counted together, s.
    pub surge_window_s: u64,
    /// Highest speed, rad/s.
    pub speed_rad_s_max: f64,
    /// Lowest suction pressure, bar.
    pub suction_bar_min: f64,
    /// Highest discharge pressure, bar.
    pub discharge_bar_max: f64,
}

impl Limits {
    /// As the unit is protected: speed to where the map was measured, pressures beyond what surge swings
    /// through.
    pub const SET: Self = Self {
        surge_cycles: 3,
        surge_window_s: 10,
        speed_rad_s_max: 550.0,
        suction_bar_min: 0.70,
        discharge_bar_max: 1.40,
    };
}

/// Forward flow after which the next reversal counts, kg/s: noise around zero is one reversal.
const FORWARD_AGAIN_KG_S: f64 = 0.01;

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Protection {
    tripped: Option<Trip>,
    now_us: u64,
    forward: bool,
    reversals: u32,
    /// When the last reversals were, oldest first; never more than the limit counts.
    recent_us: Vec<u64>,
}

impl Default for Protection {
    fn default() -> Self {
        Self { tripped: None, now_us: 0, forward: true, reversals: 0, recent_us: vec![] }
    }
}

impl Protection {
    pub(crate) fn tripped(&self) -> Option<Trip> {
        self.tripped
    }

    pub(crate) fn reversals(&self) -> u32 {
        self.reversals
    }

    pub(crate) fn reset(&mut self) {
        self.tripped = None;
        self.recent_us.clear();
    }

    /// Looks at the state after a step; says whether the flow turned round in it. The first cause of a trip
    /// stays.
    pub(crate) fn watch(&mut self, state: &State, drives: bool) -> bool {
        self.now_us += STEP_US;
        let reversed = self.forward && state.flow_kg_s < 0.0;
        self.forward = if self.forward { !reversed } else { state.flow_kg_s > FORWARD_AGAIN_KG_S };
        if reversed {
            self.reversals = self.reversals.saturating_add(1);
            self.remember();
        }
        if self.tripped.is_none() {
            self.tripped = self.cause(state, drives);
        }
        reversed
    }

    fn remember(&mut self) {
        self.recent_us.push(self.now_us);
        if self.recent_us.len() > Limits::SET.surge_cycles {
            self.recent_us.remove(0);
        }
    }

    fn cause(&self, state: &State, drives: bool) -> Option<Trip> {
        let limits = Limits::SET;
        let window_us = limits.surge_window_s * 1_000_000;
        let counted = self.recent_us.iter().filter(|when| self.now_us - **when <= window_us).count();
        let causes = [
            (state.speed_rad_s > limits.speed_rad_s_max, Trip::Overspeed),
            (drives && counted >= limits.surge_cycles, Trip::SurgeCycles),
            (drives && state.suction_bar < limits.suction_bar_min, Trip::LowSuction),
            (drives && state.discharge_bar > limits.discharge_bar_max, Trip::HighDischarge),
        ];
        causes.into_iter().find_map(|(holds, trip)| holds.then_some(trip))
    }
}
