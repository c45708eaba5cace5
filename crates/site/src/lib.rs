//! What the site is, learned by listening: assets, their Purdue levels with the reasons, who talks to whom,
//! and which host, user and session stood behind an address at the time of an event.
//!
//! [`Site`] takes the sensor's rows and other programs' events in any order; what it answers does not depend
//! on that order. Nothing is sent, no clock is read, and whatever the network can grow has a bound whose
//! overflow is counted.
//!
//! Where things are: `rows` and `windows` read what comes in; `timeline`, `sessions`, `inventory` and
//! `conduits` keep it, each under its bound; `resolve` and `asset` answer; `purdue` is the table of rules
//! behind a level.

mod asset;
mod columns;
mod conduits;
mod declared;
mod gateways;
mod inventory;
mod names;
mod network;
mod oui;
mod purdue;
mod resolve;
mod rows;
mod services;
mod sessions;
mod site;
#[cfg(test)]
mod story;
#[cfg(test)]
mod testing;
mod timeline;
mod windows;

pub use asset::{AddressUse, Asset, Hardware, Told, Work};
pub use conduits::{Conduit, Flow, Side, Traffic};
pub use declared::{Declared, Whom};
pub use gateways::Gateway;
pub use names::{Account, account, host_label};
pub use network::{Network, NetworkError};
pub use oui::{Makes, vendor};
pub use purdue::{Purdue, Reason};
pub use sessions::Session;
pub use site::{Dropped, Site};
pub use timeline::{Binding, Source};
