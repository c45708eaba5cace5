//! How a remote desktop session begins: X.224 in TPKT, in clear, then TLS ([MS-RDPBCGR] 2.2.1.1 and 2.2.1.2).

use crate::bytes::{Put, len8, len16};

/// Asks for a session; the cookie names the user, cut to nine characters as Windows does.
pub(crate) fn connection_request(user: &str) -> Vec<u8> {
    const USER_MAX: usize = 9;
    const TLS_AND_CREDSSP: u32 = 0x0b;
    let user: String = user.chars().take(USER_MAX).collect();
    let mut rest = format!("Cookie: mstshash={user}\r\n").into_bytes();
    rest.u8(1).u8(0).u16_le(8).u32_le(TLS_AND_CREDSSP);
    x224(0xe0, 0, &rest)
}

/// Agrees to network level authentication.
pub(crate) fn connection_confirm() -> Vec<u8> {
    const CREDSSP: u32 = 0x02;
    let mut rest = vec![];
    rest.u8(2).u8(0x1f).u16_le(8).u32_le(CREDSSP);
    x224(0xd0, 0x1234, &rest)
}

/// TPKT header (RFC 1006, 6), then X.224: length, code, two references, class 0.
fn x224(code: u8, source: u16, rest: &[u8]) -> Vec<u8> {
    let mut tpdu = vec![len8(rest).saturating_add(6), code];
    tpdu.u16(0).u16(source).u8(0).put(rest);
    let mut out = vec![3, 0];
    out.u16(len16(&tpdu).saturating_add(4)).put(&tpdu);
    out
}
