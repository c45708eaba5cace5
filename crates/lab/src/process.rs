//! What the compressor station does while the story runs: flow, pressures, speed and anti-surge valve of one
//! unit.
//!
//! Steady state of the compressor map that the research rig of Cortinovis et al. 2015 (*Experimental
//! evaluation and improvements of model predictive control for a gas compressor*) was described by, with
//! first-order lags: enough for believable registers and a drift towards surge, not for the surge itself.
//! Only +, −, ×, ÷ and square root are used, which IEEE 754 rounds alike everywhere, so that a seed gives the
//! same bytes on every machine.

use crate::random::Random;
use model::{Span, Time};

/// Time between two states.
const STEP: Span = Span(100_000_000);
const STEP_S: f64 = 0.1;

/// What an operator or controller does to the process.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Cause {
    /// Speed setpoint, rad/s.
    Speed(f64),
    /// Setpoint of the discharge valve, 0 shut to 1 open.
    DischargeValve(f64),
    /// The anti-surge controller no longer runs: its valve stays where it is.
    AntiSurgeStopped,
}

/// The unit at one moment.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct State {
    /// Suction pressure, bar.
    pub(crate) suction_bar: f64,
    /// Discharge pressure, bar.
    pub(crate) discharge_bar: f64,
    /// Flow through the compressor, kg/s.
    pub(crate) flow_kg_s: f64,
    /// Flow that goes back through the anti-surge valve, kg/s.
    pub(crate) recycle_kg_s: f64,
    /// Shaft speed, rad/s.
    pub(crate) speed_rad_s: f64,
    /// Opening of the anti-surge valve, 0 to 1.
    pub(crate) recycle_valve: f64,
    /// Opening of the discharge valve, 0 to 1.
    pub(crate) discharge_valve: f64,
    /// Distance to the surge line in per cent of 1 kg/s; negative beyond it.
    pub(crate) surge_distance: f64,
    /// Noise of the instruments, −1 to 1 digit; one for each of four signals.
    pub(crate) noise: [i8; 4],
}

/// The unit over the whole story.
#[derive(Debug)]
pub(crate) struct Trace {
    start: Time,
    states: Vec<State>,
}

impl Trace {
    /// Runs the process from `start` for `length`; `causes` are in order of time.
    pub(crate) fn run(start: Time, length: Span, causes: &[(Time, Cause)], mut random: Random) -> Self {
        let mut unit = Unit { speed: 440.7, valve: 0.70, protected: true, state: at_rest() };
        // The lags settle before the story starts.
        for _ in 0..600 {
            unit.step(&mut random);
        }
        let mut waiting = causes.iter().peekable();
        let mut states = vec![];
        let mut now = start;
        while now <= start + length {
            while let Some((_, cause)) = waiting.next_if(|(at, _)| *at <= now) {
                unit.suffer(*cause);
            }
            unit.step(&mut random);
            states.push(unit.state);
            now = now + STEP;
        }
        Self { start, states }
    }

    /// The state at `at`, or the nearest one that the story has.
    pub(crate) fn at(&self, at: Time) -> State {
        let number = usize::try_from((at - self.start).0 / STEP.0).unwrap_or_default();
        self.states.get(number).or(self.states.last()).copied().unwrap_or_else(at_rest)
    }

    /// When the surge distance first falls below `percent`, if it does.
    pub(crate) fn first_below(&self, percent: f64) -> Option<Time> {
        let number = self.states.iter().position(|state| state.surge_distance < percent)?;
        Some(self.start + Span(STEP.0.saturating_mul(i64::try_from(number).ok()?)))
    }
}

/// The published operating point.
fn at_rest() -> State {
    State {
        suction_bar: 0.899,
        discharge_bar: 1.125,
        flow_kg_s: 0.151,
        recycle_kg_s: 0.0,
        speed_rad_s: 440.7,
        recycle_valve: 0.0,
        discharge_valve: 0.70,
        surge_distance: 4.5,
        noise: [0; 4],
    }
}

struct Unit {
    speed: f64,
    valve: f64,
    protected: bool,
    state: State,
}

impl Unit {
    fn suffer(&mut self, cause: Cause) {
        match cause {
            Cause::Speed(rad_s) => self.speed = rad_s.clamp(380.0, 500.0),
            Cause::DischargeValve(opening) => self.valve = opening.clamp(0.0, 1.0),
            Cause::AntiSurgeStopped => self.protected = false,
        }
    }

    fn step(&mut self, random: &mut Random) {
        /// Stroke of the discharge valve, 1/s; a lag of the speed governor, of the pipe and of the recycle
        /// line, s.
        const STROKE: f64 = 0.01;
        const GOVERNOR_S: f64 = 6.0;
        const PIPE_S: f64 = 2.0;
        const RECYCLE_S: f64 = 0.5;
        let s = &mut self.state;
        s.discharge_valve += (self.valve - s.discharge_valve).clamp(-STROKE * STEP_S, STROKE * STEP_S);
        s.speed_rad_s += (self.speed - s.speed_rad_s) * STEP_S / GOVERNOR_S;
        if self.protected {
            s.recycle_valve = protect(s.recycle_valve, s.surge_distance);
        }
        let recycle = recycle_flow(s.recycle_valve, s.discharge_bar - s.suction_bar);
        s.recycle_kg_s += (recycle - s.recycle_kg_s) * STEP_S / RECYCLE_S;
        let demand = 0.08 + 0.1014 * s.discharge_valve;
        s.flow_kg_s += (demand + s.recycle_kg_s - s.flow_kg_s) * STEP_S / PIPE_S;
        let ratio = pressure_ratio(s.speed_rad_s, s.flow_kg_s);
        s.suction_bar = 1.0 - 0.67 * s.flow_kg_s;
        s.discharge_bar = ratio * s.suction_bar;
        s.surge_distance = 100.0 * (s.flow_kg_s - (ratio - 0.66) / 5.55);
        s.noise = std::array::from_fn(|_| i8::try_from(random.between(-1, 1)).unwrap_or_default());
    }
}

/// The anti-surge controller: opens fast below a margin of 3 per cent, closes slowly above 4.
fn protect(opening: f64, surge_distance: f64) -> f64 {
    let wanted = if surge_distance < 3.0 {
        opening + (3.0 - surge_distance) * 0.02
    } else if surge_distance > 4.0 {
        opening - 0.002
    } else {
        opening
    };
    wanted.clamp(0.0, 1.0)
}

/// Mass flow through the anti-surge valve, kg/s, at a pressure difference in bar.
fn recycle_flow(opening: f64, difference_bar: f64) -> f64 {
    if opening <= 0.01 { 0.0 } else { 0.0047 * (1e5 * difference_bar.max(0.0)).sqrt() * opening + 0.0263 }
}

/// The compressor map: pressure ratio at speed `w` (rad/s) and flow `q` (kg/s); good from 340 to 550 rad/s.
fn pressure_ratio(w: f64, q: f64) -> f64 {
    let cubic = |a: f64, b: f64, c: f64, d: f64| ((a * q + b) * q + c) * q + d;
    let square = cubic(
        2.997_495_051_936_54e-4,
        -1.712_541_910_892_37e-4,
        3.573_216_480_97e-5,
        -9.178_357_220_094_5e-7,
    );
    let linear =
        cubic(-0.252_701_086_129_365, 0.136_885_752_773_673, -0.026_423_683_270_81, 0.001_610_127_403_657_43);
    let constant =
        cubic(54.804_672_537_114_3, -29.955_079_149_776_5, 5.278_274_997_984_93, 0.693_826_282_579_158);
    (square * w + linear) * w + constant
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(causes: &[(Time, Cause)]) -> Trace {
        Trace::run(Time(0), Span::s(300), causes, Random::new(1, "process"))
    }

    #[test]
    fn the_published_operating_point_is_at_rest() {
        let state = run(&[]).at(Time::from_s_ns(200, 0));
        assert!((state.suction_bar - 0.899).abs() < 0.002, "{state:?}");
        assert!((state.discharge_bar - 1.125).abs() < 0.003, "{state:?}");
        assert!((state.surge_distance - 4.5).abs() < 0.3, "{state:?}");
        assert!(state.recycle_valve < 1e-9);
    }

    #[test]
    fn less_demand_is_harmless_while_the_controller_runs_and_drifts_to_surge_when_it_was_stopped() {
        let valve = (Time::from_s_ns(60, 0), Cause::DischargeValve(0.15));
        assert_eq!(run(&[valve]).first_below(0.0), None);
        let stopped = run(&[(Time::from_s_ns(30, 0), Cause::AntiSurgeStopped), valve]);
        assert!(stopped.first_below(0.0).is_some());
        assert_eq!(run(&[(Time::from_s_ns(30, 0), Cause::AntiSurgeStopped)]).first_below(4.0), None);
    }
}
