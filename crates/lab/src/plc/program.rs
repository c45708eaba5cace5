//! What the controllers' programs do in every scan.
//!
//! Registers beyond the tables of `registers.rs`: anti-surge controller 110 surge cycles, 111 manual command
//! of the recycle valve (per mille; more than 1000: automatic); unit controller 211 temperature of the thrust
//! bearing (0.1 °C), 212 surge cycles, 213 trip word (bits as in [`trip_bit`]), 214 reset of a trip, which
//! starts the drive again when it changes to 1. Coils of both: 0 running, 1 close to surge, 2 tripped.

use super::memory::Memory;
use super::registers::{RPM_PER_RAD_S, SPEED_SETPOINT, Signals, VALVE_SETPOINT, life, word};
use super::{MARGIN, Plc, RECYCLE_MANUAL, TRIP_RESET};
use crate::script::RegisterMap;
use model::Span;
use plant::antisurge::SCAN_MS;
use plant::{Input, Measured, Station, Trip};

/// Time between two scans, that of the plant's own controllers.
pub(crate) const SCAN: Span = Span(SCAN_MS as i64 * 1_000_000);
/// The first registers behind the tables.
const SURGE_CYCLES: u16 = 110;
const BEARING: u16 = 211;
/// Flags that the operating systems keep.
const RUNNING: [u16; 2] = [107, 207];

/// One scan of one controller: what it measures goes into its memory, what it commands to the plant. The
/// outputs of a stopped one stay as they are. `reset` keeps [`TRIP_RESET`] from scan to scan.
pub(crate) fn scan(plc: &Plc, station: &mut Station, measured: &Measured, life_time: Span, reset: &mut bool) {
    let (signals, life) = (signals(measured), life(life_time));
    match plc.map {
        RegisterMap::AntiSurge => {
            let runs = plc.scan(RUNNING[0], |memory| anti_surge(memory, station, measured, (&signals, life)));
            station.set(Input::AntiSurgeRunning(runs));
        }
        RegisterMap::Unit => {
            plc.scan(RUNNING[1], |memory| unit(memory, station, measured, (&signals, life), reset));
        }
    }
}

fn anti_surge(memory: &mut Memory, station: &mut Station, measured: &Measured, shown: (&Signals, u16)) {
    let (margin, manual) = (memory.word(MARGIN), memory.word(RECYCLE_MANUAL));
    let table = shown.0.anti_surge(margin, shown.1);
    memory.put(RegisterMap::AntiSurge.base(), &table);
    memory.put(SURGE_CYCLES, &[count(measured.surge_cycles)]);
    memory.put_bits(0, &coils(measured));
    station.set(Input::Margin(f64::from(margin.cast_signed()) / 10.0));
    station.set(Input::RecycleManual((manual <= 1000).then(|| f64::from(manual) / 1e3)));
}

fn unit(
    memory: &mut Memory,
    station: &mut Station,
    measured: &Measured,
    shown: (&Signals, u16),
    reset: &mut bool,
) {
    let (speed, valve) = (memory.word(SPEED_SETPOINT), memory.word(VALVE_SETPOINT));
    memory.put(RegisterMap::Unit.base(), &shown.0.unit([speed, valve], shown.1));
    let trip = measured.tripped.map_or(0, trip_bit);
    memory.put(BEARING, &[word(measured.bearing_c * 10.0), count(measured.surge_cycles), trip]);
    memory.put_bits(0, &coils(measured));
    station.set(Input::SpeedSetpoint(f64::from(speed) / RPM_PER_RAD_S));
    station.set(Input::DischargeValve(f64::from(valve) / 1e3));
    let wanted = memory.word(TRIP_RESET) == 1;
    if wanted && !std::mem::replace(reset, wanted) {
        station.set(Input::ResetTrip);
        station.set(Input::UnitRunning(true));
    }
    *reset = wanted;
}

fn signals(measured: &Measured) -> Signals {
    Signals {
        suction: measured.suction_bar * 1e3,
        discharge: measured.discharge_bar * 1e3,
        flow: measured.flow_kg_s * 1e4,
        speed: measured.speed_rad_s * RPM_PER_RAD_S,
        recycle_valve: measured.recycle_valve * 1e3,
        discharge_valve: measured.discharge_valve * 1e3,
        surge_distance: measured.surge_distance_percent * 10.0,
        vibration: measured.vibration_um * 10.0,
    }
}

/// Running, close to surge, tripped.
fn coils(measured: &Measured) -> [bool; 3] {
    [true, measured.surge_distance_percent < 2.0, measured.tripped.is_some()]
}

/// Bit of the trip word.
fn trip_bit(trip: Trip) -> u16 {
    match trip {
        Trip::SurgeCycles => 1,
        Trip::Overspeed => 2,
        Trip::LowSuction => 4,
        Trip::HighDischarge => 8,
    }
}

fn count(cycles: u32) -> u16 {
    u16::try_from(cycles).unwrap_or(u16::MAX)
}
