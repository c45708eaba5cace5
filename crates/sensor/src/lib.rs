//! Captured packets in, rows out: conversations, their protocols, and what should not be on a network.
//!
//! The sensor only listens. Nothing here can send: it reads captures and hands rows to [`model::Rows`].

mod app;
mod candidates;
pub mod capture;
mod community;
mod conn;
pub mod crew;
mod decap;
mod encapsulations;
mod flow;
mod fragments;
mod held;
mod history;
mod odd;
mod ports;
mod redundancy;
mod sensor;
mod services;
mod shard;
mod stats;
mod stream;
mod tcp;
mod timers;
mod tunnel;
pub mod zeek;

pub use community::community_id;
pub use conn::Conn;
pub use decap::{Inner, inside_ip, inside_udp, is_carrier};
pub use encapsulations::{Encapsulation, Sign, TUNNELS};
pub use odd::News;
pub use sensor::{Counters, Sensor, WORKERS_MAX};
pub use services::named_services;
pub use stats::Stats;
pub use tunnel::TunnelRow;
