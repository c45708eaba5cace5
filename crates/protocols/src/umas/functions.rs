//! Functions of UMAS: their names and what they do.

use model::Action;

/// Name of a function; `unknown-` and the number for one that the sources do not know.
pub(super) fn name(function: u8) -> &'static str {
    plain(function).unwrap_or_else(|| crate::modbus::unknown(function))
}

/// L, and H where L has no name.
pub(super) fn plain(function: u8) -> Option<&'static str> {
    Some(match function {
        0x01 => "INIT_COMM",
        0x02 => "READ_ID",
        0x03 => "READ_PROJECT_INFO",
        0x04 => "READ_PLC_INFO",
        0x05 => "READ_LOADER_INFO",
        0x06 => "READ_CARD_INFO",
        0x07 => "READ_BLOCK_INFO",
        0x0a => "REPEAT",
        0x10 => "TAKE_PLC_RESERVATION",
        0x11 => "RELEASE_PLC_RESERVATION",
        0x12 => "KEEP_ALIVE",
        0x20 => "READ_MEMORY_BLOCK",
        0x21 => "WRITE_MEMORY_BLOCK",
        0x22 => "READ_VARIABLES",
        0x23 => "WRITE_VARIABLES",
        0x24 => "READ_COILS_REGISTERS",
        0x25 => "WRITE_COILS_REGISTERS",
        0x26 => "DATA_DICTIONARY",
        0x27 => "DATA_DICTIONARY_PRELOAD",
        0x28 => "READ_PHYSICAL_ADDRESS",
        0x29 => "WRITE_PHYSICAL_ADDRESS",
        0x2a => "BROWSE_EVENTS",
        0x30 => "INITIALIZE_UPLOAD",
        0x31 => "UPLOAD_BLOCK",
        0x32 => "END_STRATEGY_UPLOAD",
        0x33 => "INITIALIZE_DOWNLOAD",
        0x34 => "DOWNLOAD_BLOCK",
        0x35 => "END_STRATEGY_DOWNLOAD",
        0x36 => "BACKUP",
        0x37 => "PRELOAD_BLOCKS",
        0x38 => "SIGNED_REQUEST",
        0x39 => "READ_ETH_MASTER_DATA",
        0x40 => "START_PLC",
        0x41 => "STOP_PLC",
        0x42 => "INIT_PLC",
        0x43 => "SWAP",
        0x50 => "MONITOR_PLC",
        0x51 => "GET_AUTO_MODIFICATIONS",
        0x52 => "GET_FORCED_BITS",
        0x53 => "GET_SELECTED_BLOCKS",
        0x58 => "CHECK_PLC",
        0x60 => "SET_BREAKPOINT",
        0x61 => "DELETE_BREAKPOINT",
        0x62 => "STEP_OVER",
        0x63 => "STEP_IN",
        0x64 => "STEP_OUT",
        0x65 => "GET_CALL_STACK",
        0x66 => "CHECK_DEBUG_ALLOWED",
        0x6c => "PROCESS_MESSAGE",
        0x6d => "PRIVATE_MESSAGE",
        0x6e => "RESERVATION_NONCES",
        0x70 => "READ_IO_OBJECT",
        0x71 => "WRITE_IO_OBJECT",
        0x72 => "READ_RACK",
        0x73 => "GET_STATUS_MODULE",
        0x74 => "READ_DEVICE_DATA",
        _ => return None,
    })
}

/// What a function does to the controller.
pub(super) fn action(function: u8) -> Option<Action> {
    Some(match function {
        0x01..=0x07 => Action::Identify,
        0x0a | 0x12 | 0x2a | 0x58 | 0x65 | 0x66 | 0x72..=0x74 => Action::Diagnostic,
        0x10 | 0x11 | 0x6e => Action::Auth,
        0x20 | 0x22 | 0x24 | 0x26..=0x28 | 0x39 | 0x50..=0x53 | 0x70 => Action::Read,
        0x21 | 0x23 | 0x25 | 0x29 | 0x71 => Action::Write,
        0x30..=0x32 | 0x36 | 0x37 => Action::ProgramDownload,
        0x33..=0x35 => Action::ProgramUpload,
        0x40 => Action::Start,
        0x41 => Action::Stop,
        0x42 => Action::Restart,
        // The active controller of a pair changes; a breakpoint or a step holds the task.
        0x43 | 0x60..=0x64 => Action::ModeChange,
        _ => return None,
    })
}
