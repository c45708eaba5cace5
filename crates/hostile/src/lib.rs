//! What the sensor must withstand: functions that take any bytes and panic when a promise is broken.
//!
//! The fuzzer (`fuzz/`) looks for bytes that break one; `tests/replay.rs` plays what it found again. Bytes are read as
//! described at each target, and a short input is one that goes on with zeros, so that every input says something.

#![allow(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a broken promise, here too, is to be loud: a panic is what the fuzzer looks for"
)]

mod capture;
mod flood;
mod framing;
mod input;
mod packet;
mod packets;
mod protocols;
mod reassembly;
mod rows;

pub use flood::{FLOODS, Flood, Take};

/// Something that takes any bytes.
pub struct Target {
    /// Name of the fuzz target and of its folders.
    pub name: &'static str,
    /// Panics when the bytes break a promise.
    pub run: fn(&[u8]),
}

/// All targets, in alphabetical order.
pub static TARGETS: &[Target] = &[
    Target { name: "capture", run: capture::run },
    Target { name: "framing", run: framing::run },
    Target { name: "packet", run: packet::run },
    Target { name: "protocols", run: protocols::run },
    Target { name: "reassembly", run: reassembly::run },
];

/// Runs the target of this name.
///
/// # Panics
/// When the bytes break a promise, or there is no such target.
pub fn run(name: &str, bytes: &[u8]) {
    let target = TARGETS.iter().find(|target| target.name == name);
    (target.expect("one of `TARGETS`").run)(bytes);
}
