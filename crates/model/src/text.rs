/// Appends `bytes` as readable text: what is valid UTF-8 and printable stays, every other byte becomes `\xNN`.
///
/// A backslash becomes `\x5c`, so that the original can be told from an escape; this is how Zeek writes its logs.
pub fn escape_into(bytes: &[u8], out: &mut Vec<u8>) {
    for chunk in bytes.utf8_chunks() {
        for c in chunk.valid().chars() {
            if c.is_control() || c == '\\' {
                let mut buffer = [0; 4];
                c.encode_utf8(&mut buffer).bytes().for_each(|byte| hex(byte, out));
            } else {
                let mut buffer = [0; 4];
                out.extend_from_slice(c.encode_utf8(&mut buffer).as_bytes());
            }
        }
        chunk.invalid().iter().for_each(|byte| hex(*byte, out));
    }
}

/// [`escape_into`] a string of its own.
pub fn escape(bytes: &[u8]) -> String {
    let mut out = Vec::with_capacity(bytes.len());
    escape_into(bytes, &mut out);
    // Only whole characters and ASCII escapes were appended.
    String::from_utf8(out).unwrap_or_default()
}

fn hex(byte: u8, out: &mut Vec<u8>) {
    let digit = |n: u8| if n < 10 { b'0' + n } else { b'a' + n - 10 };
    out.extend_from_slice(&[b'\\', b'x', digit(byte >> 4), digit(byte & 15)]);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_cannot_be_read_is_escaped() {
        assert_eq!(escape(b"pump 1\t\xff\\"), r"pump 1\x09\xff\x5c");
        assert_eq!(escape("Kühlung".as_bytes()), "Kühlung");
    }
}
