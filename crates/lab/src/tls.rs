//! What an observer can read of TLS 1.3: the two hellos; all else is opaque (RFC 8446, 4.1 and 5.1).

use crate::bytes::Put;
use crate::random::Random;

const HANDSHAKE: u8 = 22;
const APPLICATION_DATA: u8 = 23;

/// The hello of a client; `name` goes in clear as server name indication unless it is empty.
pub(crate) fn client_hello(name: &str, session: [u8; 32], random: &mut Random) -> Vec<u8> {
    let mut extensions = vec![];
    if !name.is_empty() {
        let mut entry = vec![0];
        entry.counted16(name.as_bytes());
        let mut list = vec![];
        list.counted16(&entry);
        extensions.u16(0).counted16(&list);
    }
    // Groups x25519, secp256r1, secp384r1; signature schemes; versions 1.3 and 1.2; a key share for x25519.
    extensions.u16(10).counted16(&[0, 6, 0, 0x1d, 0, 0x17, 0, 0x18]);
    extensions.u16(13).counted16(&[0, 8, 0x08, 0x04, 0x04, 0x03, 0x04, 0x01, 0x05, 0x01]);
    extensions.u16(43).counted16(&[4, 0x03, 0x04, 0x03, 0x03]);
    extensions.u16(45).counted16(&[1, 1]);
    let mut share = vec![0, 36, 0, 0x1d];
    share.counted16(&random.bytes::<32>());
    extensions.u16(51).counted16(&share);
    let mut body = vec![3, 3];
    body.put(&random.bytes::<32>()).counted(&session);
    body.counted16(&[0x13, 0x02, 0x13, 0x01, 0xc0, 0x2c, 0xc0, 0x2b, 0xc0, 0x30, 0xc0, 0x2f]);
    body.counted(&[0]).counted16(&extensions);
    handshake(1, &body)
}

/// The hello of a server that chooses TLS 1.3 with AES-256-GCM, and the change of cipher after it.
pub(crate) fn server_hello(session: [u8; 32], random: &mut Random) -> Vec<u8> {
    let mut extensions = vec![];
    let mut share = vec![0, 0x1d];
    share.counted16(&random.bytes::<32>());
    extensions.u16(51).counted16(&share).u16(43).counted16(&[0x03, 0x04]);
    let mut body = vec![3, 3];
    body.put(&random.bytes::<32>()).counted(&session).u16(0x1302).u8(0).counted16(&extensions);
    let mut out = handshake(2, &body);
    out.put(&change_cipher());
    out
}

/// The change of cipher that older middle boxes wait for (RFC 8446, D.4).
pub(crate) fn change_cipher() -> [u8; 6] {
    [20, 3, 3, 0, 1, 1]
}

/// A record of `count` encrypted bytes, at most 16,640.
///
/// The byte 3 is left out: a dissector that guesses takes a segment of remote desktop that begins with it for
/// a new message in clear.
pub(crate) fn opaque(count: usize, random: &mut Random) -> Vec<u8> {
    let bytes: Vec<u8> =
        random.vec(count.min(16_640)).iter().map(|b| if *b == 3 { 0x83 } else { *b }).collect();
    let mut out = vec![APPLICATION_DATA, 3, 3];
    out.counted16(&bytes);
    out
}

fn handshake(kind: u8, body: &[u8]) -> Vec<u8> {
    let mut message = vec![kind, 0];
    message.counted16(body);
    let mut record = vec![HANDSHAKE, 3, 3];
    record.counted16(&message);
    record
}
