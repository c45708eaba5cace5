//! What people see: the HTTP interface, the live stream, and the embedded web console.
//!
//! The interface speaks plain HTTP and [`serve`] binds it to the loopback only: whoever wants it on a network
//! puts a proxy with TLS in front, on the same machine. [`Soc`] is all that it knows of the rest.

#[cfg(test)]
mod contract;
mod decide;
mod document;
mod live;
mod login;
mod metrics;
mod origin;
mod page;
mod refusal;
mod see;
mod server;
mod session;
mod soc;
#[cfg(test)]
mod testing;
pub mod view;

pub use document::document;
pub use server::{Error, router, serve};
pub use soc::{Refused, Role, Soc, User};
