//! What is controlled: physics of the process, deterministic.
//!
//! One gas compressor with its valves, drive, protection and anti-surge controller, small enough to run a
//! thousand times faster than the clock: [`Station`] is what a virtual site talks to, [`compressor::Unit`]
//! the machine in it. Nothing here reads a clock, a file or a source of chance: the same seed and the same
//! inputs give the same bits on one build. (`powf` comes from the platform's mathematics library, so another
//! platform may differ in the last bits.) A copy runs on exactly as its original, which is how "what if" is
//! asked.
//!
//! Sources, by the short names used in this crate:
//! - G76: Greitzer, *Surge and Rotating Stall in Axial Flow Compressors*, J. Eng. Power 98 (1976).
//! - GEV: Gravdahl, Egeland and Vatland, *Drive torque actuation in active surge control of centrifugal
//!   compressors*, Automatica 38 (2002).
//! - C15: Cortinovis, Ferreau, Lewandowski and Mercangöz, *Experimental evaluation of MPC-based anti-surge
//!   and process control for electric driven centrifugal gas compressors*, J. Process Control 34 (2015), with
//!   the parameters of that rig as published with Jones' study of distributed control (`compressor-mpc`).

pub mod antisurge;
pub mod compressor;
pub mod map;
pub mod station;
pub mod valve;

#[cfg(test)]
mod oracle;

pub use compressor::Trip;
pub use station::{Input, Measured, Settings, Station};
