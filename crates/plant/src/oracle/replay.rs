//! The published trajectory of two units that deliver into one tank, run again from its inputs.

use super::{polynomial_ratio, rates};
use crate::compressor::dynamics::{Inputs, SOUND_SQUARED};
use crate::compressor::{NOMINAL_TORQUE, State, Surroundings};
use crate::map::pressure_ratio;
use crate::valve;
use std::path::PathBuf;

const STATES: usize = 11;
const NUMBERS: usize = 21;
/// Records by which the recycle commands act late: 2 s.
const LATE: usize = 40;
/// Steps in the 50 ms of a record.
const STEPS: usize = 20;
const STEP_S: f64 = 0.0025;
const TANK_M3: f64 = 20.0 * std::f64::consts::PI * 0.09 * 2.0 + std::f64::consts::PI * 0.0016 * 5.94;

/// Time, states, inputs, outputs, and what the solver took.
type Record = [f64; NUMBERS];

#[derive(Clone, Copy)]
struct Pair {
    units: [State; 2],
    tank_bar: f64,
}

impl Pair {
    fn read(record: &Record) -> Self {
        let unit = |from: usize| State {
            suction_bar: record[from],
            discharge_bar: record[from + 1],
            flow_kg_s: record[from + 2],
            speed_rad_s: record[from + 3],
            recycle_kg_s: record[from + 4],
        };
        Self { units: [unit(1), unit(6)], tank_bar: record[11] }
    }

    fn numbers(&self) -> [f64; STATES] {
        let unit = |s: &State| [s.suction_bar, s.discharge_bar, s.flow_kg_s, s.speed_rad_s, s.recycle_kg_s];
        let all: Vec<f64> = self.units.iter().flat_map(unit).chain([self.tank_bar]).collect();
        all.try_into().unwrap()
    }

    fn plus(self, rate: Pair, seconds: f64) -> Self {
        Self {
            units: [0, 1].map(|n| self.units[n].plus(rate.units[n], seconds)),
            tank_bar: self.tank_bar + rate.tank_bar * seconds,
        }
    }

    fn rates(&self, inputs: &[Inputs; 2], tank_valve: f64, ratio: fn(f64, f64) -> f64) -> Pair {
        let both = [0, 1].map(|n| {
            let surroundings = Surroundings { header_bar: self.tank_bar, ..Surroundings::default() };
            rates(&self.units[n], &Inputs { surroundings, ..inputs[n] }, ratio)
        });
        let delivered = both[0].1.delivered_kg + both[1].1.delivered_kg;
        let out = valve::DISCHARGE.flow_kg_s(tank_valve, self.tank_bar, 1.0);
        Pair { units: both.map(|(state, _)| state), tank_bar: SOUND_SQUARED / TANK_M3 * (delivered - out) }
    }

    fn step(self, inputs: &[Inputs; 2], tank_valve: f64, ratio: fn(f64, f64) -> f64) -> Self {
        let rate = |at: Pair| at.rates(inputs, tank_valve, ratio);
        let k1 = rate(self);
        let k2 = rate(self.plus(k1, STEP_S / 2.0));
        let k3 = rate(self.plus(k2, STEP_S / 2.0));
        let k4 = rate(self.plus(k3, STEP_S));
        let (sixth, third) = (STEP_S / 6.0, STEP_S / 3.0);
        self.plus(k1, sixth).plus(k2, third).plus(k3, third).plus(k4, sixth)
    }
}

fn inputs(records: &[Record], number: usize) -> [Inputs; 2] {
    let recycle = |column: usize| number.checked_sub(LATE).map_or(0.0, |late| records[late][column]);
    [12, 14].map(|column| Inputs {
        surroundings: Surroundings::default(),
        check_valve_failed: true,
        suction_valve: 0.43,
        discharge_valve: 1.0,
        recycle_valve: recycle(column + 1),
        torque: NOMINAL_TORQUE + records[number][column],
    })
}

/// Mean and largest error of each state, as a share of the range that it goes through.
fn errors(records: &[Record], ratio: fn(f64, f64) -> f64) -> [(f64, f64); STATES] {
    let mut pair = Pair::read(&records[0]);
    let mut errors = [(0.0, 0.0_f64); STATES];
    for number in 0..records.len() - 1 {
        let tank_valve = if records[number][0] < 50.04 { 0.7 } else { 0.4 };
        let inputs = inputs(records, number);
        pair = (0..STEPS).fold(pair, |pair, _| pair.step(&inputs, tank_valve, ratio));
        for (place, (mean, largest)) in errors.iter_mut().enumerate() {
            let error = (pair.numbers()[place] - records[number + 1][place + 1]).abs();
            (*mean, *largest) = (*mean + error, largest.max(error));
        }
    }
    let count = f64::from(u32::try_from(records.len() - 1).unwrap());
    std::array::from_fn(|place| {
        let column = || records.iter().map(|record| record[place + 1]);
        let range = column().fold(f64::MIN, f64::max) - column().fold(f64::MAX, f64::min);
        let (mean, largest) = errors[place];
        (mean / count / range, largest / range)
    })
}

/// The published records; says that the test is skipped where they are absent.
fn published() -> Option<Vec<Record>> {
    let default = concat!(env!("CARGO_MANIFEST_DIR"), "/../../target/corpus");
    let root = std::env::var_os("TIELINE_CORPUS").map_or_else(|| default.into(), PathBuf::from);
    let path = root.join("process-data/compressor/parallel_centralized_run1.dat");
    let Ok(text) = std::fs::read_to_string(&path) else {
        tell(&format!("skipped: {} is not there", path.display()));
        return None;
    };
    let numbers: Vec<f64> = text.split_whitespace().map(|word| word.parse().unwrap()).collect();
    let (records, rest) = numbers.as_chunks::<NUMBERS>();
    assert_eq!((records.len(), rest.len()), (10_000, 0), "not the file that this test knows");
    Some(records.to_vec())
}

#[allow(clippy::print_stderr, reason = "a person runs the tests")]
fn tell(text: &str) {
    eprintln!("{text}");
}

#[test]
fn the_equations_repeat_the_published_trajectory() {
    let Some(records) = published() else { return };
    for (mean, largest) in errors(&records, polynomial_ratio) {
        assert!(mean < 2e-5 && largest < 4e-5, "mean {mean}, largest {largest}");
    }
}

#[test]
fn the_whole_range_map_stays_close_to_the_published_trajectory() {
    let Some(records) = published() else { return };
    for (mean, largest) in errors(&records, pressure_ratio) {
        assert!(mean < 6.1e-3, "mean {mean}, largest {largest}");
    }
}
