//! What comes in from other programs: Windows event logs and mails, as [`model::Event`].
//!
//! A Windows event has the same field names whatever brought it (EVTX, event XML, Winlogbeat, NXLog,
//! `evtx_dump`): those that the event itself has in `EventData` or `UserData`, and for `System` the names
//! that Sigma rules use (`EventID`, `Channel`, `Provider_Name`, `Computer`, `Level`, `Execution_ProcessID`).
//! Names and values stay as the source has them; what is added for rules stands beside them (see
//! [`windows_log`] and the table in `windows/derive.rs`).
//!
//! Times without a zone are taken as UTC. An entry that tells no time at all is at the epoch.

mod damage;
mod evtx;
mod fields;
mod json;
mod mail;
mod moment;
mod sniff;
mod utf8;
mod windows;
mod xml;

pub use damage::{Damage, Fault, Place};
pub use sniff::{Format, sniff};
pub use windows::windows_log;

use model::Event;
use std::io::{Read, Seek};

/// Reads the events of `input` in its order; `file` becomes their [`model::Origin::file`].
///
/// A damaged entry is handed to `take` as [`Damage`] and reading goes on behind it; when the input itself
/// cannot be read any more (an I/O error, no EVTX header), that is the last thing handed over. Memory is
/// bounded: one chunk of an EVTX file, one event, or one mail.
pub fn read(format: Format, input: impl Read + Seek, file: u32, take: &mut dyn FnMut(Result<Event, Damage>)) {
    match format {
        Format::Evtx => evtx::read(input, file, take),
        Format::WindowsXml => xml::read(utf8::Utf8::new(input), file, take),
        Format::JsonLines => json::read(utf8::Utf8::new(input), file, take),
        Format::Eml => mail::read(input, file, take),
    }
}

#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
