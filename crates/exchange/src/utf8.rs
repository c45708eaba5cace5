use std::borrow::Cow;
use std::io::{self, Read};

/// Bytes as text; what is not UTF-8 becomes U+FFFD.
pub(crate) fn text(bytes: &[u8]) -> Cow<'_, str> {
    // Nearly all is sound, and the check alone is several times faster than the search for what is not.
    str::from_utf8(bytes).map_or_else(|_| String::from_utf8_lossy(bytes), Cow::Borrowed)
}

/// Bytes taken from the input at once.
const STEP: usize = 64 * 1024;

/// Text of `input` as UTF-8 without a byte order mark: UTF-16 with one (or told by its zero bytes) is
/// converted, a lone surrogate becomes U+FFFD; anything else passes as it is.
pub(crate) struct Utf8<R> {
    input: R,
    encoding: Option<Encoding>,
    /// Taken from the input, not yet converted.
    raw: Vec<u8>,
    /// Converted, handed out up to `given`.
    ready: Vec<u8>,
    given: usize,
}

#[derive(Clone, Copy, PartialEq)]
enum Encoding {
    Utf8,
    Utf16Le,
    Utf16Be,
}

impl<R: Read> Utf8<R> {
    pub(crate) fn new(input: R) -> Self {
        Self { input, encoding: None, raw: vec![], ready: vec![], given: 0 }
    }

    /// Takes up to `STEP` bytes more; false at the end.
    fn more(&mut self) -> io::Result<bool> {
        let step = u64::try_from(STEP).unwrap_or(u64::MAX);
        Ok(self.input.by_ref().take(step).read_to_end(&mut self.raw)? > 0)
    }

    fn convert(&mut self, encoding: Encoding, last: bool) {
        match encoding {
            Encoding::Utf8 => std::mem::swap(&mut self.ready, &mut self.raw),
            Encoding::Utf16Le => self.convert_16(u16::from_le_bytes, last),
            Encoding::Utf16Be => self.convert_16(u16::from_be_bytes, last),
        }
    }

    fn convert_16(&mut self, unit: fn([u8; 2]) -> u16, last: bool) {
        let units = self.raw.as_chunks::<2>().0.iter().map(|pair| unit(*pair));
        let mut whole = self.raw.len() / 2;
        // The second half of a character may still be to come.
        if !last && units.clone().next_back().is_some_and(|unit| (0xD800..0xDC00).contains(&unit)) {
            whole -= 1;
        }
        for c in char::decode_utf16(units.take(whole)) {
            let mut buffer = [0; 4];
            let c = c.unwrap_or(char::REPLACEMENT_CHARACTER);
            self.ready.extend_from_slice(c.encode_utf8(&mut buffer).as_bytes());
        }
        self.raw.drain(..whole * 2);
    }
}

impl<R: Read> Read for Utf8<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        while self.given == self.ready.len() {
            self.ready.clear();
            self.given = 0;
            let more = self.more()?;
            let encoding = match self.encoding {
                Some(known) => known,
                None => *self.encoding.insert(begin(&mut self.raw)),
            };
            self.convert(encoding, !more);
            if !more && self.ready.is_empty() {
                return Ok(0);
            }
        }
        let ready = self.ready.get(self.given..).unwrap_or_default();
        let n = ready.len().min(out.len());
        for (to, from) in out.iter_mut().zip(ready) {
            *to = *from;
        }
        self.given += n;
        Ok(n)
    }
}

/// Tells the encoding by the first bytes and takes the byte order mark away.
fn begin(raw: &mut Vec<u8>) -> Encoding {
    let (encoding, mark) = match raw.as_slice() {
        [0xEF, 0xBB, 0xBF, ..] => (Encoding::Utf8, 3),
        [0xFF, 0xFE, ..] => (Encoding::Utf16Le, 2),
        [0xFE, 0xFF, ..] => (Encoding::Utf16Be, 2),
        [b'<' | b'{' | b'[', 0, ..] => (Encoding::Utf16Le, 0),
        [0, b'<' | b'{' | b'[', ..] => (Encoding::Utf16Be, 0),
        _ => (Encoding::Utf8, 0),
    };
    raw.drain(..mark);
    encoding
}

#[cfg(test)]
mod tests {
    use super::*;

    fn converted(bytes: &[u8]) -> String {
        let mut out = String::new();
        Utf8::new(bytes).read_to_string(&mut out).unwrap();
        out
    }

    fn utf16(text: &str, bytes: fn(u16) -> [u8; 2]) -> Vec<u8> {
        text.encode_utf16().flat_map(bytes).collect()
    }

    #[test]
    fn every_encoding_with_a_mark_gives_the_same_text() {
        let said = "\u{feff}<Event>Kühlung 🏭</Event>";
        let read = "<Event>Kühlung 🏭</Event>";
        assert_eq!(converted(said.as_bytes()), read);
        assert_eq!(converted(&utf16(said, u16::to_le_bytes)), read);
        assert_eq!(converted(&utf16(said, u16::to_be_bytes)), read);
        assert_eq!(converted(&utf16(read, u16::to_le_bytes)), read);
        assert_eq!(converted(read.as_bytes()), read);
        assert_eq!(converted(b""), "");
    }

    #[test]
    fn a_character_across_two_steps_stays_whole() {
        let long = format!("<{}🏭>", "x".repeat(STEP / 2 - 2));
        assert_eq!(converted(&utf16(&long, u16::to_le_bytes)), long);
    }

    #[test]
    fn half_a_character_at_the_end_is_marked_or_dropped() {
        assert_eq!(converted(&[0xFF, 0xFE, b'a', 0, 0x3D, 0xD8]), "a\u{fffd}");
        assert_eq!(converted(&[0xFF, 0xFE, b'a', 0, b'b']), "a");
    }
}
