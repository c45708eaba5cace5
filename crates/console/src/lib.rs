//! What people see: the HTTP interface, the live stream, and the embedded web console.

mod soc;
pub mod view;

pub use soc::{Refused, Role, Soc, User};
