//! The anti-surge controller: keeps the machine away from the surge line by letting gas back to its suction.
//!
//! A PI controller on the surge distance and a kicker, once per scan of 20 ms, the cycle of C15. The recycle
//! valve acts 2 s late, so the controller looks ahead along the slope of the distance.
//!
//! A controller whose program is stopped holds its output, as a PLC does whose outputs are set to keep their
//! last value. That alone changes nothing. It is the next fall in demand that finds the valve shut.

use crate::map::surge_distance_percent;

/// Time between two scans, ms.
pub const SCAN_MS: u32 = 20;
const SCAN_S: f64 = 0.02;

/// How far ahead the controller looks: the delay of the valve and its lag, s.
const LOOK_AHEAD_S: f64 = 2.0;
/// Times over which the distance and its slope are smoothed, s.
const SMOOTH_S: f64 = 0.2;
const SLOPE_S: f64 = 0.4;
/// Opening per per cent below the margin; and per per cent and second.
const PROPORTIONAL: f64 = 0.004;
const INTEGRAL: f64 = 0.003;
/// The valve closes no faster than this, 1/s.
const CLOSE_PER_S: f64 = 0.006;
/// The valve is tight up to an opening of 0.01: the controller stays out of that range, and shuts only when
/// it wants clearly less, so that it does not hunt around the seat.
const SEAT: f64 = 0.0120;
const SHUT_BELOW: f64 = 0.001;
/// Scans until the distance has followed a valve that has shut: 5 s.
const SETTLED_AFTER_SCANS: u32 = 250;
/// Time in which the integral follows an output that it did not ask for, s.
const TRACK_S: f64 = 0.9;
/// The kicker: below this foreseen distance the valve opens by a step, once while a step is under way.
const KICK_BELOW_PERCENT: f64 = 0.5;
const KICK: f64 = 0.04;
const KICK_EVERY_SCANS: u32 = 125;

/// Margin that the controller keeps when nothing else is set, per cent.
pub const NOMINAL_MARGIN_PERCENT: f64 = 3.0;

/// What the controller reads each scan.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Reading {
    /// Flow through the machine, kg/s.
    pub flow_kg_s: f64,
    /// Suction pressure, bar.
    pub suction_bar: f64,
    /// Discharge pressure, bar.
    pub discharge_bar: f64,
    /// The drive is on; when it is not, the valve belongs open.
    pub driven: bool,
}

/// The controller and what it remembers from scan to scan.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AntiSurge {
    /// The program runs. When it does not, the output stays as it is, whatever is read or set.
    pub running: bool,
    /// Distance to the surge line to be kept, per cent.
    pub margin_percent: f64,
    /// Opening that a person holds in place of the controller's, 0 shut to 1 open.
    pub manual: Option<f64>,
    output: f64,
    integral: f64,
    trend: Option<Trend>,
    scans_since_kick: u32,
    scans_since_shut: u32,
}

impl AntiSurge {
    /// A running controller with the valve shut and the nominal margin.
    pub fn new() -> Self {
        Self {
            running: true,
            margin_percent: NOMINAL_MARGIN_PERCENT,
            manual: None,
            output: 0.0,
            integral: 0.0,
            trend: None,
            scans_since_kick: KICK_EVERY_SCANS,
            scans_since_shut: SETTLED_AFTER_SCANS,
        }
    }

    /// One scan; returns the opening for the recycle valve, 0 shut to 1 open.
    pub fn scan(&mut self, reading: &Reading) -> f64 {
        if !self.running {
            // It wakes up without a past, from where its output is.
            self.trend = None;
            self.integral = self.output;
            return self.output;
        }
        let trend = self.follow(reading);
        let wanted = self.regulate(trend);
        self.output = match self.manual {
            Some(opening) => opening.clamp(0.0, 1.0),
            None if !reading.driven => 1.0,
            None => lifted(wanted).max(self.output - CLOSE_PER_S * SCAN_S),
        };
        self.scans_since_shut = if self.output > 0.0 { 0 } else { self.scans_since_shut.saturating_add(1) };
        // What the valve does not do is not wound up.
        self.integral += (self.output - wanted) * SCAN_S / TRACK_S;
        self.output
    }

    /// Opening that was last given.
    pub fn output(&self) -> f64 {
        self.output
    }

    fn follow(&mut self, reading: &Reading) -> Trend {
        let distance = surge_distance_percent(reading.flow_kg_s, reading.suction_bar, reading.discharge_bar);
        let Trend { distance: before, slope } = self.trend.unwrap_or(Trend { distance, slope: 0.0 });
        let smooth = before + (distance - before) * SCAN_S / SMOOTH_S;
        let slope = slope + ((smooth - before) / SCAN_S - slope) * SCAN_S / SLOPE_S;
        let trend = Trend { distance: smooth, slope };
        self.trend = Some(trend);
        trend
    }

    fn regulate(&mut self, trend: Trend) -> f64 {
        // The fall of the distance that the shutting valve itself makes is not the fall of demand.
        let own_doing = self.scans_since_shut < SETTLED_AFTER_SCANS && self.output <= 0.0;
        let foreseen = trend.distance + if own_doing { 0.0 } else { trend.slope * LOOK_AHEAD_S };
        self.integral += INTEGRAL * (self.margin_percent - trend.distance) * SCAN_S;
        self.scans_since_kick = self.scans_since_kick.saturating_add(1);
        let close = foreseen < KICK_BELOW_PERCENT.min(self.margin_percent);
        if close && self.scans_since_kick > KICK_EVERY_SCANS {
            self.integral += KICK;
            self.scans_since_kick = 0;
        }
        self.integral = self.integral.clamp(0.0, 1.0);
        (PROPORTIONAL * (self.margin_percent - foreseen) + self.integral).clamp(0.0, 1.0)
    }
}

/// A valve that shall open leaves its seat.
fn lifted(wanted: f64) -> f64 {
    if wanted < SHUT_BELOW { 0.0 } else { wanted.max(SEAT) }
}

/// Where the distance is and where it goes, per cent and per cent per second.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Trend {
    distance: f64,
    slope: f64,
}

impl Default for AntiSurge {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SAFE: Reading =
        Reading { flow_kg_s: 0.151, suction_bar: 0.899, discharge_bar: 1.125, driven: true };
    const CLOSE: Reading = Reading { flow_kg_s: 0.120, ..SAFE };

    fn after(mut controller: AntiSurge, reading: Reading, scans: u32) -> AntiSurge {
        (0..scans).for_each(|_| {
            controller.scan(&reading);
        });
        controller
    }

    #[test]
    fn far_from_surge_the_valve_stays_shut_and_near_it_it_opens() {
        assert_eq!(after(AntiSurge::new(), SAFE, 500).output(), 0.0);
        assert!(after(AntiSurge::new(), CLOSE, 100).output() > 0.01);
    }

    #[test]
    fn the_valve_opens_fast_and_closes_slowly() {
        let open = after(AntiSurge::new(), CLOSE, 100);
        let later = after(open, SAFE, 50);
        assert!(later.output() < open.output());
        assert!(later.output() > open.output() - 0.0101, "{} {}", later.output(), open.output());
    }

    #[test]
    fn a_stopped_controller_holds_its_output_whatever_happens() {
        let mut stopped = after(AntiSurge::new(), CLOSE, 100);
        stopped.running = false;
        let held = stopped.output();
        stopped.manual = Some(1.0);
        assert_eq!(after(stopped, Reading { driven: false, ..CLOSE }, 1_000).output(), held);
    }

    #[test]
    fn a_restarted_controller_goes_on_from_the_output_it_held() {
        let mut controller = after(AntiSurge::new(), CLOSE, 100);
        controller.running = false;
        let held = after(controller, CLOSE, 100).output();
        controller.running = true;
        assert!((after(controller, SAFE, 1).output() - held).abs() < 0.02);
    }

    #[test]
    fn without_drive_the_valve_opens_unless_a_person_holds_it() {
        let idle = Reading { driven: false, ..SAFE };
        assert_eq!(after(AntiSurge::new(), idle, 1).output(), 1.0);
        let held = AntiSurge { manual: Some(0.0), ..AntiSurge::new() };
        assert_eq!(after(held, idle, 1).output(), 0.0);
    }
}
