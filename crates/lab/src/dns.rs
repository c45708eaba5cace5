//! DNS questions and answers over UDP (RFC 1035, 4.1).

use crate::bytes::Put;
use std::net::Ipv4Addr;

const A: u16 = 1;
const IN: u16 = 1;

/// Asks for the address of `name`.
pub(crate) fn question(id: u16, name: &str) -> Vec<u8> {
    message(id, 0x0100, name, None)
}

/// Answers with the address of `name`, good for `seconds`; "no such name" when there is none.
pub(crate) fn answer(id: u16, name: &str, address: Option<Ipv4Addr>, seconds: u32) -> Vec<u8> {
    const NO_SUCH_NAME: u16 = 0x8183;
    const FOUND: u16 = 0x8180;
    message(id, if address.is_some() { FOUND } else { NO_SUCH_NAME }, name, address.map(|a| (a, seconds)))
}

fn message(id: u16, flags: u16, name: &str, answer: Option<(Ipv4Addr, u32)>) -> Vec<u8> {
    let mut out = vec![];
    out.u16(id).u16(flags).u16(1).u16(u16::from(answer.is_some())).u16(0).u16(0);
    for label in name.split('.') {
        out.counted(label.as_bytes());
    }
    out.u8(0).u16(A).u16(IN);
    if let Some((address, seconds)) = answer {
        // 0xc00c points at the name in the question.
        out.u16(0xc00c).u16(A).u16(IN).u32(seconds).counted16(&address.octets());
    }
    out
}
