use std::path::Path;

/// What a file holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Format {
    /// Windows event log, binary.
    Evtx,
    /// Windows events as XML: one, several, or several within `<Events>`.
    WindowsXml,
    /// JSON objects, one a line or over several lines, with or without an array around them.
    JsonLines,
    /// One mail message (RFC 5322).
    Eml,
}

/// Bytes of the beginning that are looked at.
const HEAD: usize = 4096;

/// Tells the format by the first bytes of a file (4 KiB are plenty), and by its name when they do not say.
///
/// `None` for what is read elsewhere or packed: captures, gzip, zstd, zip.
pub fn sniff(name: &str, head: &[u8]) -> Option<Format> {
    let head = head.get(..HEAD).unwrap_or(head);
    if head.starts_with(b"ElfFile\0") {
        return Some(Format::Evtx);
    }
    if FOREIGN.iter().any(|magic| head.starts_with(magic)) {
        return None;
    }
    let mut text = vec![];
    // A slice can always be read.
    let _ = std::io::Read::read_to_end(&mut crate::utf8::Utf8::new(head), &mut text);
    by_text(&crate::utf8::text(&text)).or_else(|| by_name(name))
}

/// First bytes of files that are not ours.
const FOREIGN: &[&[u8]] = &[
    &[0xA1, 0xB2, 0xC3, 0xD4],
    &[0xD4, 0xC3, 0xB2, 0xA1],
    &[0xA1, 0xB2, 0x3C, 0x4D],
    &[0x4D, 0x3C, 0xB2, 0xA1],
    &[0x0A, 0x0D, 0x0D, 0x0A],
    &[0x1F, 0x8B],
    &[0x28, 0xB5, 0x2F, 0xFD],
    b"PK\x03\x04",
];

fn by_text(text: &str) -> Option<Format> {
    let start = text.trim_start();
    if start.starts_with('<') {
        return has_event(start).then_some(Format::WindowsXml);
    }
    let object = start.strip_prefix('[').map_or(start, str::trim_start);
    if let Some(inside) = object.strip_prefix('{') {
        return inside.trim_start().starts_with(['"', '}']).then_some(Format::JsonLines);
    }
    has_mail_headers(text).then_some(Format::Eml)
}

fn has_event(text: &str) -> bool {
    text.match_indices("<Event").any(|(at, tag)| {
        let rest = text.get(at + tag.len()..).unwrap_or_default();
        rest.strip_prefix('s').unwrap_or(rest).starts_with([' ', '\t', '\r', '\n', '>', '/'])
    })
}

/// Header fields of which a mail has at least one (RFC 5322, 3.6; RFC 2045, 4); Usenet and HTTP have others
/// first.
const MAIL_HEADERS: &[&str] = &[
    "from",
    "received",
    "return-path",
    "message-id",
    "delivered-to",
    "mime-version",
    "dkim-signature",
    "subject",
];

/// Whether the text begins with header fields, two at least, and one of them is a mail's.
fn has_mail_headers(text: &str) -> bool {
    let (mut fields, mut mail) = (0, false);
    for line in text.lines() {
        if line.starts_with([' ', '\t']) && fields > 0 {
            continue;
        }
        let Some((name, _)) = line.split_once(':') else { break };
        if name.is_empty() || !name.bytes().all(|b| b.is_ascii_graphic()) {
            break;
        }
        fields += 1;
        mail |= MAIL_HEADERS.iter().any(|known| known.eq_ignore_ascii_case(name));
    }
    mail && fields >= 2
}

fn by_name(name: &str) -> Option<Format> {
    let ending = Path::new(name).extension()?.to_str()?.to_ascii_lowercase();
    match ending.as_str() {
        "evtx" => Some(Format::Evtx),
        "json" | "jsonl" | "ndjson" => Some(Format::JsonLines),
        "eml" => Some(Format::Eml),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_decides_before_the_name() {
        for (name, head, format) in [
            ("x", &b"ElfFile\0rest"[..], Some(Format::Evtx)),
            ("x.json", b"<?xml version=\"1.0\"?>\r\n<Events>\n", Some(Format::WindowsXml)),
            ("x", b"\xff\xfe<\0E\0v\0e\0n\0t\0>\0", Some(Format::WindowsXml)),
            ("x.xml", b"<EventData/>", None),
            ("x", b"<html><Event", None),
            ("x.eml", b"{\"a\": 1}\n", Some(Format::JsonLines)),
            ("x", b"[\n  {\n    \"a\": 1}]", Some(Format::JsonLines)),
            ("x", b"{not json}", None),
            ("x", b"Received: from a\r\n by b; date\r\nFrom: c@d\r\n\r\nhi", Some(Format::Eml)),
            ("x", b"HTTP/1.1 200 OK\r\nServer: x\r\nDate: y\r\n", None),
            ("x", b"Note: one line", None),
            ("x.log", b"a: 1\nb: 2\n", None),
            ("x.evtx", b"", Some(Format::Evtx)),
            ("x.ndjson", b"", Some(Format::JsonLines)),
            ("x.EML", b"", Some(Format::Eml)),
            ("x.json", b"\xd4\xc3\xb2\xa1\x02\0\x04\0", None),
            ("x.json", b"\x0a\x0d\x0d\x0a\x1c\0\0\0", None),
            ("x.json", b"\x1f\x8b\x08", None),
            ("x.evtx", b"\x28\xb5\x2f\xfd", None),
        ] {
            assert_eq!(sniff(name, head), format, "{name} {}", model::escape(head));
        }
    }
}
