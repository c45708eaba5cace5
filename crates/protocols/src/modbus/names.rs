//! Names of codes, as in Zeek and ICSNPP.

use std::sync::LazyLock;

/// AP 6.17.
pub(super) const READ_WRITE: u8 = 23;

/// Whether a request of this function is written in one row with its response. The others, which carry
/// little that belongs together, get a row for each PDU.
#[inline]
pub(super) fn is_joined(function: u8) -> bool {
    matches!(function & 0x7f, 1..=6 | 8 | 15 | 16 | 20..=24 | 43)
}

/// Whether the function has a log of its own that refers to the detailed row.
#[inline]
pub(super) fn is_linked(function: u8) -> bool {
    matches!(function, 22 | READ_WRITE | 43)
}

/// Name of a function; exceptions of functions with a name end in `_EXCEPTION`.
#[inline]
pub(super) fn function(code: u8) -> &'static str {
    FUNCTIONS.get(usize::from(code)).map_or("", String::as_str)
}

static FUNCTIONS: LazyLock<[String; 256]> = LazyLock::new(|| std::array::from_fn(spell));

fn spell(code: usize) -> String {
    match (plain(code & 0x7f), code >= 0x80) {
        (None, _) => format!("unknown-{code}"),
        (Some(name), false) => name.to_owned(),
        (Some(name), true) => format!("{name}_EXCEPTION"),
    }
}

fn plain(code: usize) -> Option<&'static str> {
    Some(match code {
        1 => "READ_COILS",
        2 => "READ_DISCRETE_INPUTS",
        3 => "READ_HOLDING_REGISTERS",
        4 => "READ_INPUT_REGISTERS",
        5 => "WRITE_SINGLE_COIL",
        6 => "WRITE_SINGLE_REGISTER",
        7 => "READ_EXCEPTION_STATUS",
        8 => "DIAGNOSTICS",
        9 => "PROGRAM_484",
        10 => "POLL_484",
        11 => "GET_COMM_EVENT_COUNTER",
        12 => "GET_COMM_EVENT_LOG",
        13 => "PROGRAM_584_984",
        14 => "POLL_584_984",
        15 => "WRITE_MULTIPLE_COILS",
        16 => "WRITE_MULTIPLE_REGISTERS",
        17 => "REPORT_SLAVE_ID",
        18 => "PROGRAM_884_U84",
        19 => "RESET_COMM_LINK_884_U84",
        20 => "READ_FILE_RECORD",
        21 => "WRITE_FILE_RECORD",
        22 => "MASK_WRITE_REGISTER",
        23 => "READ_WRITE_MULTIPLE_REGISTERS",
        24 => "READ_FIFO_QUEUE",
        40 => "PROGRAM_CONCEPT",
        41 => "MULTIPLE_FUNCTION_CODES",
        43 => "ENCAP_INTERFACE_TRANSPORT",
        90 => "PROGRAM_UNITY",
        91 => "OBJECT_MESSAGING",
        125 => "FIRMWARE_REPLACEMENT",
        126 => "PROGRAM_584_984_2",
        127 => "REPORT_LOCAL_ADDRESS",
        _ => return None,
    })
}

/// Name of an exception, AP 7.
pub(super) fn exception(code: u8) -> &'static str {
    match code {
        1 => "ILLEGAL_FUNCTION",
        2 => "ILLEGAL_DATA_ADDRESS",
        3 => "ILLEGAL_DATA_VALUE",
        4 => "SLAVE_DEVICE_FAILURE",
        5 => "ACKNOWLEDGE",
        6 => "SLAVE_DEVICE_BUSY",
        8 => "MEMORY_PARITY_ERROR",
        10 => "GATEWAY_PATH_UNAVAILABLE",
        11 => "GATEWAY_TARGET_DEVICE_FAILED_TO_RESPOND",
        _ => unknown(code),
    }
}

/// A code without a name.
pub(crate) fn unknown(code: u8) -> &'static str {
    static UNKNOWN: LazyLock<[String; 256]> =
        LazyLock::new(|| std::array::from_fn(|code| format!("unknown-{code}")));
    UNKNOWN.get(usize::from(code)).map_or("", String::as_str)
}

/// Name of a diagnostic subfunction, AP 6.8.1.
pub(super) fn diagnostic(subfunction: u16) -> String {
    let name = match subfunction {
        0 => "Return Query Data",
        1 => "Restart Communications Option",
        2 => "Return Diagnostic Register",
        3 => "Change ASCII Input Delimiter",
        4 => "Force Listen Only Mode",
        10 => "Clear Counters and Diagnostic Register",
        11 => "Return Bus Message Count",
        12 => "Return Bus Communication Error Count",
        13 => "Return Bus Exception Error Count",
        14 => "Return Server Message Count",
        15 => "Return Server No Response Count",
        16 => "Return Server NAK Count",
        17 => "Return Server Busy Count",
        18 => "Return Bus Character Overrun Count",
        20 => "Clear Overrun Counter and Flag",
        _ => return format!("unknown-{subfunction}"),
    };
    name.to_owned()
}

/// Name of what is encapsulated, AP 6.19.
pub(super) fn mei(code: u16) -> String {
    match code {
        13 => "CANopen".to_owned(),
        14 => "Read Device Identification".to_owned(),
        _ => format!("invalid encapsulated interface transport mei-({code:#04x})"),
    }
}
