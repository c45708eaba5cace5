//! The other side of the wire: stations that speak real protocols, and samples made from scripts.
//!
//! A [`script`] says who does what when on a made-up site. [`sample::generate`] plays it and gives what the
//! site would have collected: a capture with real Ethernet, ARP, IPv4, UDP and TCP in it, Windows events,
//! mails; and the truth about them. There is no clock and no chance in it: the same script and seed give the
//! same bytes. [`live::Live`] plays one in time and on real sockets. Both have the same plant, controllers and
//! programs.

mod bytes;
mod dhcp;
mod dns;
pub mod frames;
pub mod live;
mod mail;
pub mod modbus;
mod plc;
mod random;
mod rdp;
pub mod sample;
pub mod script;
pub mod tcp;
mod tls;
pub mod umas;
mod windows;

pub use windows::{Channel, Form};

use std::sync::{Mutex, MutexGuard, PoisonError};

/// The value behind a lock. A thread that panicked has said so; what it left is still the best there is.
fn held<T>(value: &Mutex<T>) -> MutexGuard<'_, T> {
    value.lock().unwrap_or_else(PoisonError::into_inner)
}
