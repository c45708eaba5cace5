//! What a function does to the process.

use super::open::Open;
use model::Action;
use std::fmt::Write;

/// Values of a write that are spelled out; the rest is told by three dots.
const SPELLED_MAX: usize = 64;

/// What a function does; `subfunction` tells diagnostics apart. Functions whose meaning is not published do
/// nothing that can be named. UMAS is named by its own rows.
#[inline]
pub(super) fn action(function: u8, subfunction: u16) -> Option<Action> {
    Some(match (function, subfunction) {
        (1..=4 | 24, _) => Action::Read,
        (5 | 6 | 15 | 16 | 21..=23, _) => Action::Write,
        (8, 1) | (19, _) => Action::Restart,
        (8, 4) => Action::ModeChange,
        (7 | 8 | 10..=12 | 14, _) => Action::Diagnostic,
        // Programming of the controllers before Unity; the codes do not tell which way the program goes.
        (9 | 13 | 18 | 40 | 126, _) => Action::ProgramDownload,
        (17 | 127, _) | (43, 14) => Action::Identify,
        (20, _) => Action::FileRead,
        (125, _) => Action::Firmware,
        _ => return None,
    })
}

/// What a read is done to; the addresses stand in the row.
#[inline]
pub(super) fn table(function: u8) -> &'static str {
    match function {
        1 | 5 | 15 => "coils",
        2 => "discrete_inputs",
        3 | 6 | 16 | 22 | 23 => "holding_registers",
        4 => "input_registers",
        20 | 21 => "files",
        24 => "fifo_queue",
        _ => "",
    }
}

/// Spells what is changed: `coil 3`, `holding_register 40/2` (first and how many), `file 4`.
pub(super) fn object(function: u8, address: u16, quantity: u16, out: &mut String) {
    let one = match function {
        5 | 15 => "coil",
        6 | 16 | 22 | 23 => "holding_register",
        20 | 21 => "file",
        _ => return,
    };
    // Writing to a string cannot fail.
    let _ = match (function, quantity) {
        (20..=22, _) | (_, 1) => write!(out, "{one} {address}"),
        _ => write!(out, "{one} {address}/{quantity}"),
    };
}

/// Spells the values that a request writes, with commas between them.
pub(super) fn value(open: &Open, values: &[u64], out: &mut String) {
    if open.head.function == 22 {
        // Writing to a string cannot fail.
        let _ = write!(out, "and {:#06x} or {:#06x}", open.quantity, open.value);
        return;
    }
    for (place, value) in values.iter().take(SPELLED_MAX).enumerate() {
        let comma = if place == 0 { "" } else { "," };
        let _ = write!(out, "{comma}{value}");
    }
    if values.len() > SPELLED_MAX {
        out.push_str(",...");
    }
}
