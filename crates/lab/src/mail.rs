//! Mails as they lie in a mailbox (RFC 5322, RFC 2045), the harmless documents attached to them, and their
//! way through SMTP (RFC 5321).

use crate::bytes::{Put, len16};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use model::Time;
use std::fmt::Write;

/// A mail with one attachment or none.
pub(crate) struct Mail<'a> {
    pub(crate) from: &'a str,
    pub(crate) from_name: &'a str,
    pub(crate) to: &'a str,
    pub(crate) subject: &'a str,
    pub(crate) text: &'a str,
    pub(crate) attachment: Option<&'a str>,
    pub(crate) message_id: &'a str,
    pub(crate) sent: Time,
    /// Name and address of the relay that brought it, and name of the server that took it.
    pub(crate) relay: (&'a str, &'a str),
    pub(crate) server: &'a str,
}

impl Mail<'_> {
    /// The message with all headers; lines end with CR LF.
    pub(crate) fn eml(&self) -> String {
        let mut out = self.headers();
        let boundary = format!("=_part_{:016x}", crate::random::fnv1a(self.message_id.as_bytes()));
        let text = self.text.replace("\\n", "\r\n");
        let html = format!("<html><body><p>{}</p></body></html>", self.text.replace("\\n", "<br>"));
        let (mixed, alternative) = (format!("{boundary}_m"), format!("{boundary}_a"));
        if self.attachment.is_some() {
            put(&mut out, &format!("Content-Type: multipart/mixed; boundary=\"{mixed}\"\n\n--{mixed}"));
        }
        put(&mut out, &format!("Content-Type: multipart/alternative; boundary=\"{alternative}\"\n"));
        for (kind, body) in [("plain", &text), ("html", &html)] {
            put(&mut out, &format!("--{alternative}\nContent-Type: text/{kind}; charset=utf-8"));
            put(&mut out, &format!("Content-Transfer-Encoding: 7bit\n\n{body}\n"));
        }
        put(&mut out, &format!("--{alternative}--"));
        if let Some(name) = self.attachment {
            put(&mut out, &format!("\n--{mixed}\nContent-Type: {}; name=\"{name}\"", media_type(name)));
            put(&mut out, "Content-Transfer-Encoding: base64");
            put(&mut out, &format!("Content-Disposition: attachment; filename=\"{name}\"\n"));
            for line in STANDARD.encode(document(name)).as_bytes().chunks(76) {
                put(&mut out, str::from_utf8(line).unwrap_or_default());
            }
            put(&mut out, &format!("\n--{mixed}--"));
        }
        out
    }

    fn headers(&self) -> String {
        let date = date(self.sent);
        let (relay, address) = self.relay;
        let mut out = String::new();
        put(&mut out, &format!("Return-Path: <{}>", self.from));
        put(&mut out, &format!("Received: from {relay} ({relay} [{address}])"));
        put(&mut out, &format!("\tby {} with ESMTP; {date}", self.server));
        put(&mut out, &format!("From: {} <{}>\nTo: {}", self.from_name, self.from, self.to));
        put(&mut out, &format!("Subject: {}\nDate: {date}", self.subject));
        put(&mut out, &format!("Message-ID: {}\nMIME-Version: 1.0", self.message_id));
        out
    }

    /// The delivery, line by line: what the relay says and what the server answers; an empty side stays
    /// silent.
    pub(crate) fn delivery(&self) -> Vec<(String, String)> {
        let (relay, _) = self.relay;
        let server = self.server;
        // RFC 5321, 4.5.2: a dot at the start of a line is doubled; ours have none.
        let body = format!("{}\r\n.\r\n", self.eml().trim_end());
        let queued = crate::random::fnv1a(body.as_bytes()) >> 24;
        [
            (String::new(), format!("220 {server} ESMTP\r\n")),
            (format!("EHLO {relay}\r\n"), format!("250-{server}\r\n250-SIZE 36700160\r\n250 8BITMIME\r\n")),
            (format!("MAIL FROM:<{}> SIZE={}\r\n", self.from, body.len()), "250 2.1.0 Ok\r\n".to_owned()),
            (format!("RCPT TO:<{}>\r\n", self.to), "250 2.1.5 Ok\r\n".to_owned()),
            ("DATA\r\n".to_owned(), "354 End data with <CR><LF>.<CR><LF>\r\n".to_owned()),
            (body, format!("250 2.0.0 Ok: queued as {queued:010X}\r\n")),
            ("QUIT\r\n".to_owned(), "221 2.0.0 Bye\r\n".to_owned()),
        ]
        .into()
    }
}

/// Appends lines, each with CR LF behind it.
fn put(out: &mut String, lines: &str) {
    for line in lines.split('\n') {
        // Writing to a string cannot fail.
        let _ = write!(out, "{}\r\n", line.trim_end_matches('\r'));
    }
}

/// `Thu, 12 Mar 2026 06:41:00 +0000` (RFC 5322, 3.3).
fn date(at: Time) -> String {
    const DAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
    const MONTHS: [&str; 12] =
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let iso = at.iso();
    let field = |range| iso.get(range).unwrap_or_default();
    let weekday = usize::try_from(at.s_ns().0.div_euclid(86_400).rem_euclid(7)).unwrap_or_default();
    let month = field(5..7).parse().unwrap_or(1_usize).saturating_sub(1);
    let (weekday, month) = (DAYS.get(weekday).unwrap_or(&""), MONTHS.get(month).unwrap_or(&""));
    format!("{weekday}, {} {month} {} {} +0000", field(8..10), field(0..4), field(11..19))
}

fn media_type(name: &str) -> &'static str {
    match name.rsplit('.').next() {
        Some("docm") => "application/vnd.ms-word.document.macroEnabled.12",
        Some("docx") => "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
        Some("pdf") => "application/pdf",
        _ => "application/octet-stream",
    }
}

/// A document that only looks like one: a ZIP with the parts that its ending promises, none of which does
/// anything.
fn document(name: &str) -> Vec<u8> {
    const TYPES: &str = "<?xml version=\"1.0\"?><Types xmlns=\"http://schemas.openxmlformats.org/package/2006/\
        content-types\"><Default Extension=\"xml\" ContentType=\"application/xml\"/></Types>";
    let text = format!("<?xml version=\"1.0\"?><document><p>Sample document {name}.</p></document>");
    let mut parts = vec![("[Content_Types].xml", TYPES.to_owned()), ("word/document.xml", text)];
    if name.ends_with(".docm") {
        parts.push(("word/vbaProject.bin", "Placeholder for a macro; contains no code.".to_owned()));
    }
    zip(&parts)
}

/// A ZIP archive of uncompressed parts (PKWARE APPNOTE 6.3, 4.3).
fn zip(parts: &[(&str, String)]) -> Vec<u8> {
    // Version 2.0, no flags, stored, 00:00 on 2026-01-01.
    const COMMON: [u8; 10] = [20, 0, 0, 0, 0, 0, 0, 0, 0x21, 0x5c];
    let (mut out, mut directory) = (vec![], vec![]);
    for (name, text) in parts {
        let offset = u32::from(len16(&out));
        let (sum, length) = (crc32(text.as_bytes()), u32::from(len16(text.as_bytes())));
        let mut entry = COMMON.to_vec();
        entry.u32_le(sum).u32_le(length).u32_le(length).u16_le(len16(name.as_bytes())).u16_le(0);
        out.put(b"PK\x03\x04").put(&entry).put(name.as_bytes()).put(text.as_bytes());
        directory.put(b"PK\x01\x02").u16_le(20).put(&entry).u16_le(0).u16_le(0).u16_le(0).u32_le(0);
        directory.u32_le(offset).put(name.as_bytes());
    }
    let (count, start) = (u16::try_from(parts.len()).unwrap_or_default(), u32::from(len16(&out)));
    out.put(&directory).put(b"PK\x05\x06").u32_le(0).u16_le(count).u16_le(count);
    out.u32_le(u32::from(len16(&directory))).u32_le(start).u16_le(0);
    out
}

/// CRC-32 as in ZIP and Ethernet (polynomial 0xEDB88320, reflected).
fn crc32(bytes: &[u8]) -> u32 {
    let shift = |sum: u32| if sum & 1 == 0 { sum >> 1 } else { sum >> 1 ^ 0xedb8_8320 };
    !bytes.iter().fold(!0, |sum, byte| (0..8).fold(sum ^ u32::from(*byte), |sum, _| shift(sum)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_day_of_the_week_is_right() {
        assert_eq!(date(Time::from_s_ns(1_773_297_660, 0)), "Thu, 12 Mar 2026 06:41:00 +0000");
    }

    #[test]
    fn the_checksum_is_the_one_that_everybody_knows() {
        assert_eq!(crc32(b"123456789"), 0xcbf4_3926);
    }
}
