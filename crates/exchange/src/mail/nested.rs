//! Messages within messages.
//!
//! The parser builds nested messages as deep as the sender likes, and taking such a tower apart overflows the
//! stack. So it never sees one: in the words `message` and `digest`, which a content type needs for that (RFC
//! 2046, 5.2.1 and 5.1.5), one letter is replaced by a control character before parsing and put back
//! afterwards; the messages within are then read one by one, to a depth that we choose.

use mail_parser::{MessagePart, MimeHeaders};
use model::{Entity, Event, Value};
use std::borrow::Cow;

/// A word, the letter of it that is replaced, and by what in lower and upper case.
struct Word {
    word: &'static [u8],
    letter: usize,
    lower: u8,
    upper: u8,
}

const WORDS: [Word; 2] = [
    Word { word: b"message", letter: 4, lower: 1, upper: 2 },
    Word { word: b"digest", letter: 5, lower: 3, upper: 4 },
];

/// `bytes` without content types for messages within.
pub(super) fn disarm(bytes: &[u8]) -> Cow<'_, [u8]> {
    let mut out = Cow::Borrowed(bytes);
    for Word { word, letter, lower, upper } in WORDS {
        // `g` is the rarest letter that both have.
        let g = word.iter().position(|byte| *byte == b'g').unwrap_or_default();
        let starts = memchr::memchr2_iter(b'g', b'G', bytes).filter_map(|at| at.checked_sub(g));
        for start in starts.filter(|start| is_word(bytes, *start, word)) {
            if let Some(byte) = out.to_mut().get_mut(start + letter) {
                *byte = if byte.is_ascii_uppercase() { upper } else { lower };
            }
        }
    }
    out
}

/// Whether the word stands there and ends there: `Message-ID` and `messages` are others.
fn is_word(bytes: &[u8], at: usize, word: &[u8]) -> bool {
    let end = at + word.len();
    bytes.get(at..end).is_some_and(|found| found.eq_ignore_ascii_case(word))
        && !bytes.get(end).is_some_and(|next| next.is_ascii_alphanumeric() || matches!(next, b'-' | b'_'))
}

fn letter(byte: u8) -> Option<char> {
    match byte {
        1 => Some('a'),
        2 => Some('A'),
        3 => Some('t'),
        4 => Some('T'),
        _ => None,
    }
}

/// Puts the letters back into all that was read.
pub(super) fn restore(event: &mut Event) {
    for (_, value) in &mut event.fields {
        restore_value(value);
    }
    for Entity { value, .. } in &mut event.entities {
        if let Cow::Owned(whole) = restored(value) {
            *value = whole.into();
        }
    }
}

fn restore_value(value: &mut Value) {
    match value {
        Value::Text(text) => {
            if let Cow::Owned(whole) = restored(text) {
                *text = whole.into();
            }
        }
        Value::List(list) => list.iter_mut().for_each(restore_value),
        Value::Null | Value::Bool(_) | Value::Int(_) | Value::Double(_) => {}
    }
}

fn restored(text: &str) -> Cow<'_, str> {
    let replaced = |c: char| u8::try_from(c).ok().and_then(letter);
    if text.chars().any(|c| replaced(c).is_some()) {
        text.chars().map(|c| replaced(c).unwrap_or(c)).collect::<String>().into()
    } else {
        text.into()
    }
}

/// The message that a part is, as its sender wrote it.
pub(super) fn message_in(part: &MessagePart<'_>) -> Option<Vec<u8>> {
    let kind = part.content_type()?;
    let is_message =
        restored(kind.ctype()) == "message" && matches!(kind.subtype(), Some("rfc822" | "global"));
    let whole = |byte: &u8| letter(*byte).and_then(|c| u8::try_from(c).ok()).unwrap_or(*byte);
    is_message.then(|| part.contents().iter().map(whole).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_whole_words_are_disarmed() {
        for (text, disarmed) in [
            ("Content-Type: message/rfc822", "Content-Type: mess\u{1}ge/rfc822"),
            ("content-type: MESSAGE /global", "content-type: MESS\u{2}GE /global"),
            ("multipart/Digest;", "multipart/Diges\u{3};"),
            ("Message-ID: <messages@digests>", "Message-ID: <messages@digests>"),
            ("mess", "mess"),
        ] {
            let found = disarm(text.as_bytes()).into_owned();
            assert_eq!(found, disarmed.as_bytes(), "{text}");
            assert_eq!(restored(disarmed), text);
        }
    }
}
