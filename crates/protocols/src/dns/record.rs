//! Records in words, by type, as Zeek's `answers` column has them.

use super::message::{Body, Record, Section};
use std::fmt::Write;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use wire::Reader;

/// Reads the data of `record`, at which `body` stands; nothing when what follows the record cannot be trusted.
pub(super) fn read(body: &mut Body<'_>, record: &mut Record<'_>) -> Option<()> {
    match record.kind {
        1 => address_v4(body, record),
        28 | 38 => address_v6(body, record),
        _ if record.section != Section::Answer => Some(()),
        _ => {
            let (text, go_on) = text(body, record);
            record.text = text;
            go_on.then_some(())
        }
    }
}

/// RFC 1035, 3.4.1.
fn address_v4(body: &mut Body<'_>, record: &mut Record<'_>) -> Option<()> {
    let Ok(octets) = <[u8; 4]>::try_from(record.data) else {
        body.odd("DNS_RR_bad_length");
        return None;
    };
    set_address(record, Ipv4Addr::from(octets).into());
    Some(())
}

/// RFC 3596, 2.2; of an A6 record (RFC 2874) the first 16 bytes, as Zeek does.
fn address_v6(body: &mut Body<'_>, record: &mut Record<'_>) -> Option<()> {
    let Some(octets) = record.data.first_chunk::<16>() else {
        body.odd("DNS_AAAA_neg_length");
        return None;
    };
    set_address(record, Ipv6Addr::from(*octets).into());
    Some(())
}

fn set_address(record: &mut Record<'_>, address: IpAddr) {
    record.address = Some(address);
    if record.section == Section::Answer {
        record.text = Some(address.to_string().into_bytes());
    }
}

/// The record in words, if Zeek has words for it, and whether what follows can be trusted.
fn text(body: &mut Body<'_>, record: &Record<'_>) -> (Option<Vec<u8>>, bool) {
    let text = match record.kind {
        // RFC 1035, 3.3; RFC 2782: the name behind the numbers.
        2 | 5 | 12 => name_behind(body, record, 0),
        15 => name_behind(body, record, 2),
        33 if !body.netbios => name_behind(body, record, 6),
        6 => start_of_authority(body, record),
        16 => return strings(body, record, "TXT"),
        99 => return strings(body, record, "SPF"),
        // Known, and silent: WKS has a row without words, the others not even that.
        11 => Some(Vec::new()),
        13 | 32 | 33 | 41 | 64 | 65 | 249 | 250 | 257 => return (None, true),
        29 => location(record.data),
        35 => naming_authority(body, record),
        43 => delegation(record.data),
        44 => fingerprint(record.data),
        46 => signature(body, record.data),
        47 => next_secure(body, record),
        48 => key(record.data),
        50 => fixed("NSEC3", record.data, 6),
        51 => fixed("NSEC3PARAM", record.data, 5),
        65_534 => fixed("BIND9 signing signal", record.data, 5),
        other => {
            body.odd_about("DNS_RR_unknown_type", other);
            Some(format!("<unknown type={other}>").into_bytes())
        }
    };
    let whole = text.is_some();
    (text, whole)
}

/// A name behind `skip` bytes of numbers, which must end where the record does.
fn name_behind(body: &mut Body<'_>, record: &Record<'_>, skip: usize) -> Option<Vec<u8>> {
    let start = body.r.offset();
    let _ = body.r.take("numbers", skip);
    let name = body.name();
    if body.r.offset() - start != record.data.len() {
        body.odd("DNS_RR_length_mismatch");
    }
    Some(name)
}

/// RFC 1035, 3.3.13: primary server, mailbox, and five numbers.
fn start_of_authority(body: &mut Body<'_>, record: &Record<'_>) -> Option<Vec<u8>> {
    let start = body.r.offset();
    let server = body.name();
    body.name();
    body.r.take("serial number and intervals", 20).ok()?;
    if body.r.offset() - start != record.data.len() {
        body.odd("DNS_RR_length_mismatch");
    }
    Some(server)
}

/// RFC 1035, 3.3.14 and RFC 7208, 3.1: strings with their length in front.
fn strings(body: &mut Body<'_>, record: &Record<'_>, kind: &str) -> (Option<Vec<u8>>, bool) {
    let mut text = Vec::new();
    let mut r = Reader::new(record.data);
    while let Ok(length) = r.u8("string length") {
        let Ok(string) = r.take("string", length.into()) else {
            body.odd("DNS_TXT_char_str_past_rdlen");
            return (Some(text), false);
        };
        let gap = if text.is_empty() { "" } else { " " };
        text.extend_from_slice(format!("{gap}{kind} {length} ").as_bytes());
        text.extend_from_slice(string);
    }
    (Some(text), true)
}

/// RFC 1876, 2: version, size, horizontal and vertical precision, then the place, which Zeek does not tell.
fn location(data: &[u8]) -> Option<Vec<u8>> {
    let [_, size, horizontal, vertical, ..] = data else { return None };
    (data.len() >= 15).then(|| format!("LOC:  {size} {horizontal} {vertical}").into_bytes())
}

/// RFC 3403, 4.1: order, preference, flags, service, regular expression, replacement.
fn naming_authority(body: &mut Body<'_>, record: &Record<'_>) -> Option<Vec<u8>> {
    let mut r = Reader::new(record.data);
    let (order, preference) = (r.u16_be("order").ok()?, r.u16_be("preference").ok()?);
    let mut string = |field| {
        let length = r.u8(field).ok()?;
        r.take(field, length.into()).ok()
    };
    let (flags, service, expression) = (string("flags")?, string("service")?, string("expression")?);
    body.r.take("record", r.offset()).ok()?;
    let replacement = body.name();
    let mut text = format!("NAPTR {order} {preference} ").into_bytes();
    text.extend_from_slice(flags);
    text.push(b' ');
    text.extend_from_slice(service);
    text.push(b' ');
    text.extend_from_slice(expression);
    if !expression.is_empty() && !replacement.is_empty() {
        text.push(b' ');
    }
    text.extend_from_slice(&replacement);
    Some(text)
}

/// RFC 4034, 5.1: key tag, algorithm, digest type, digest.
fn delegation(data: &[u8]) -> Option<Vec<u8>> {
    let [_, _, algorithm, digest, ..] = data else { return None };
    Some(format!("DS {algorithm} {digest}").into_bytes())
}

/// RFC 4255, 3.1: algorithm, fingerprint type, fingerprint.
fn fingerprint(data: &[u8]) -> Option<Vec<u8>> {
    let [_, _, fingerprint @ ..] = data else { return None };
    let mut text = String::from("SSHFP: ");
    for byte in fingerprint {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    Some(text.into_bytes())
}

/// RFC 4034, 3.1: type covered, 16 bytes of numbers, signer's name, signature.
fn signature(body: &mut Body<'_>, data: &[u8]) -> Option<Vec<u8>> {
    let covered = Reader::new(data).u16_be("type covered").ok()?;
    body.r.take("numbers", 18).ok()?;
    let signer = body.name();
    let mut text = format!("RRSIG {covered} ").into_bytes();
    text.extend_from_slice(if signer.is_empty() { b"<Root>" } else { &signer });
    Some(text)
}

/// RFC 4034, 4.1: next name, types that exist.
fn next_secure(body: &mut Body<'_>, record: &Record<'_>) -> Option<Vec<u8>> {
    let next = body.name();
    let mut text = b"NSEC ".to_vec();
    text.extend_from_slice(&record.name);
    text.push(b' ');
    text.extend_from_slice(&next);
    Some(text)
}

/// RFC 4034, 2.1: flags, protocol, algorithm, key.
fn key(data: &[u8]) -> Option<Vec<u8>> {
    let [_, _, _, algorithm, ..] = data else { return None };
    Some(format!("DNSKEY {algorithm}").into_bytes())
}

/// A word for a record of at least `least` bytes.
fn fixed(word: &str, data: &[u8], least: usize) -> Option<Vec<u8>> {
    (data.len() >= least).then(|| word.as_bytes().to_vec())
}
