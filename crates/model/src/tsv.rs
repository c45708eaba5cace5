//! How values are spelled in Zeek's tab-separated logs.
//!
//! Source: Zeek 8, *Log Formats and Inspection*.

use crate::{Cell, escape_into, write_address};

/// Appends a value and the tab behind it.
#[inline(always)]
pub(crate) fn column(cell: &Cell<'_>, out: &mut Vec<u8>) {
    // Where the kind of a column is known to the compiler, and it is in a `log!`, one branch of this is left.
    match cell {
        Cell::Unset => out.extend_from_slice(b"-\t"),
        Cell::Bool(value) => out.extend_from_slice(if *value { b"T\t" } else { b"F\t" }),
        Cell::Count(value) => count_column(*value, out),
        Cell::Text(value) => {
            text(value.as_bytes(), out);
            out.push(b'\t');
        }
        Cell::Int(_)
        | Cell::Double(_)
        | Cell::Time(_)
        | Cell::Interval(_)
        | Cell::Addr(_)
        | Cell::Bytes(_)
        | Cell::Counts(_)
        | Cell::Intervals(_)
        | Cell::Texts(_)
        | Cell::BytesList(_)
        | Cell::Strings(_)
        | Cell::Addrs(_) => {
            spell(cell, out);
            out.push(b'\t');
        }
    }
}

/// Appends a word of our own, which nothing in a log can be mistaken for, and the tab behind it.
#[inline]
pub(crate) fn word(word: &'static str, out: &mut Vec<u8>) {
    out.extend_from_slice(word.as_bytes());
    out.push(b'\t');
}

/// Appends a value as it stands in a log.
pub fn spell(cell: &Cell<'_>, out: &mut Vec<u8>) {
    match cell {
        Cell::Unset => out.push(b'-'),
        Cell::Bool(value) => out.push(if *value { b'T' } else { b'F' }),
        Cell::Count(value) => count(*value, out),
        Cell::Int(value) => out.extend_from_slice(itoa::Buffer::new().format(*value).as_bytes()),
        Cell::Double(value) => out.extend_from_slice(zmij::Buffer::new().format(*value).as_bytes()),
        Cell::Time(value) => value.write_zeek(out),
        Cell::Interval(value) => value.write_zeek(out),
        Cell::Addr(value) => write_address(*value, out),
        Cell::Text(value) => text(value.as_bytes(), out),
        Cell::Bytes(value) => text(value, out),
        Cell::Counts(list) => each(list, out, |v, out| count(*v, out)),
        Cell::Intervals(list) => each(list, out, |v, out| v.write_zeek(out)),
        Cell::Texts(list) => each(list, out, |v, out| item(v.as_bytes(), out)),
        Cell::BytesList(list) => each(list, out, |v, out| item(v, out)),
        Cell::Strings(list) => each(list, out, |v, out| item(v.as_bytes(), out)),
        Cell::Addrs(list) => each(list, out, |v, out| write_address(*v, out)),
    }
}

#[inline]
fn each<T>(list: &[T], out: &mut Vec<u8>, write: impl Fn(&T, &mut Vec<u8>)) {
    if list.is_empty() {
        out.extend_from_slice(b"(empty)");
    }
    for (place, value) in list.iter().enumerate() {
        if place > 0 {
            out.push(b',');
        }
        write(value, out);
    }
}

#[inline]
fn text(text: &[u8], out: &mut Vec<u8>) {
    match text {
        b"" => out.extend_from_slice(b"(empty)"),
        b"-" => out.extend_from_slice(b"\\x2d"),
        b"(empty)" => out.extend_from_slice(b"\\x28empty)"),
        _ if is_plain(text) => out.extend_from_slice(text),
        _ => escape_into(text, out),
    }
}

/// Whether text can stand as it is. Eight bytes at a time without a way out, which the compiler does in one step.
#[inline]
fn is_plain(text: &[u8]) -> bool {
    let plain = |byte: &u8| (b' '..=b'~').contains(byte) & (*byte != b'\\');
    let (words, rest) = text.as_chunks::<8>();
    words.iter().all(|word| word.iter().fold(true, |all, byte| all & plain(byte))) && rest.iter().all(plain)
}

/// In a list the separator is escaped too.
fn item(value: &[u8], out: &mut Vec<u8>) {
    let mut parts = value.split(|byte| *byte == b',');
    text(parts.next().unwrap_or_default(), out);
    for part in parts {
        out.extend_from_slice(b"\\x2c");
        escape_into(part, out);
    }
}

/// Appends a number; most are small.
#[inline]
fn count(value: u64, out: &mut Vec<u8>) {
    match u8::try_from(value) {
        Ok(digit @ ..10) => out.push(b'0' + digit),
        Ok(two @ ..100) => out.extend_from_slice(&[b'0' + two / 10, b'0' + two % 10]),
        _ => out.extend_from_slice(itoa::Buffer::new().format(value).as_bytes()),
    }
}

/// Appends a number and a tab. Most have up to four digits, which are made without a branch.
#[inline]
fn count_column(value: u64, out: &mut Vec<u8>) {
    let small = match u32::try_from(value) {
        Ok(small @ ..10_000) => small,
        _ => {
            count(value, out);
            out.push(b'\t');
            return;
        }
    };
    let digit = |unit: u32| u64::from(small / unit % 10) + u64::from(b'0');
    let all = digit(1000) | digit(100) << 8 | digit(10) << 16 | digit(1) << 24 | u64::from(b'\t') << 32;
    let zeros = u32::from(small < 1000) + u32::from(small < 100) + u32::from(small < 10);
    let end = out.len() + 5 - usize::try_from(zeros).unwrap_or_default();
    out.extend_from_slice(&(all >> (8 * zeros)).to_le_bytes());
    out.truncate(end);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tsv(cell: Cell<'_>) -> String {
        let (mut out, mut with_tab) = (vec![], vec![]);
        spell(&cell, &mut out);
        column(&cell, &mut with_tab);
        assert_eq!(with_tab, [&out[..], b"\t"].concat());
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn what_would_be_mistaken_is_escaped() {
        assert_eq!(tsv(Cell::Text("-")), r"\x2d");
        assert_eq!(tsv(Cell::Text("")), "(empty)");
        assert_eq!(tsv(Cell::Text("a\tb")), r"a\x09b");
        assert_eq!(tsv(Cell::Texts(&["a,b", "c"])), r"a\x2cb,c");
        assert_eq!(tsv(Cell::Bytes(b"\xff")), r"\xff");
        assert_eq!(tsv(Cell::Unset), "-");
        assert_eq!(tsv(Cell::Bool(true)), "T");
    }

    #[test]
    fn numbers_are_spelled_as_they_are_displayed() {
        for value in [0, 9, 10, 99, 100, 101, 255, 999, 1000, 1010, 9999, 10_000, 65_535, u64::MAX] {
            assert_eq!(tsv(Cell::Count(value)), value.to_string());
        }
    }
}
