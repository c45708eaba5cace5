//! Numbers of the IANA registry *Domain Name System (DNS) Parameters* by the names that Zeek writes.

use std::borrow::Cow;

/// Class of a query; the top bit, by which multicast DNS asks for a unicast answer (RFC 6762, 5.4), is not masked.
pub(super) fn class(class: u16) -> Cow<'static, str> {
    Cow::Borrowed(match class {
        1 => "C_INTERNET",
        2 => "C_CSNET",
        3 => "C_CHAOS",
        4 => "C_HESIOD",
        254 => "C_NONE",
        255 => "C_ANY",
        other => return Cow::Owned(format!("qclass-{other}")),
    })
}

/// Type of a record. NetBIOS uses the number of SRV for node status, RFC 1002, 4.2.1.3.
pub(super) fn kind(kind: u16, netbios: bool) -> Cow<'static, str> {
    if netbios && kind == 33 {
        return Cow::Borrowed("NBSTAT");
    }
    let at = KINDS.binary_search_by_key(&kind, |(number, _)| *number);
    match at.ok().and_then(|at| KINDS.get(at)) {
        Some((_, name)) => Cow::Borrowed(name),
        None => Cow::Owned(format!("query-{kind}")),
    }
}

/// Response code in the header, four bits.
pub(super) fn response(code: u8) -> &'static str {
    match code {
        0 => "NOERROR",
        1 => "FORMERR",
        2 => "SERVFAIL",
        3 => "NXDOMAIN",
        4 => "NOTIMP",
        5 => "REFUSED",
        6 => "YXDOMAIN",
        7 => "YXRRSET",
        8 => "NXRRSet",
        9 => "NOTAUTH",
        10 => "NOTZONE",
        11 => "unassigned-11",
        12 => "unassigned-12",
        13 => "unassigned-13",
        14 => "unassigned-14",
        _ => "unassigned-15",
    }
}

/// Kind of operation, four bits; RFC 1002, 4.2.1.1 for NetBIOS. Only queries have rows.
pub(super) fn opcode(code: u8, netbios: bool) -> &'static str {
    match (code, netbios) {
        (0, false) => "query",
        (0, true) => "netbios-query",
        _ => "other",
    }
}

/// First-level decoding of a NetBIOS name, RFC 1001, 14.1, up to its first space or zero; the scope and the last of
/// the 16 bytes, which says what kind of name it is, are left out.
pub(super) fn netbios(name: &[u8]) -> Vec<u8> {
    let readable =
        |byte: &u8| byte.is_ascii_alphanumeric() || byte.is_ascii_punctuation() || matches!(byte, 1 | 2);
    netbios_bytes(name).into_iter().take(15).take_while(readable).collect()
}

/// The 16 bytes of a NetBIOS name, each of which stands as two letters from `A` to `P`; what is missing counts as `AA`.
pub(super) fn netbios_bytes(name: &[u8]) -> [u8; 16] {
    let mut bytes = [0; 16];
    let mut letters = name.iter().map(|letter| letter.to_ascii_uppercase().wrapping_sub(b'A'));
    for byte in &mut bytes {
        let high = letters.next().unwrap_or(0);
        *byte = (high << 4).wrapping_add(letters.next().unwrap_or(0));
    }
    bytes
}

/// Record types in ascending order.
const KINDS: &[(u16, &str)] = &[
    (1, "A"),
    (2, "NS"),
    (3, "MD"),
    (4, "MF"),
    (5, "CNAME"),
    (6, "SOA"),
    (7, "MB"),
    (8, "MG"),
    (9, "MR"),
    (10, "NULL"),
    (11, "WKS"),
    (12, "PTR"),
    (13, "HINFO"),
    (14, "MINFO"),
    (15, "MX"),
    (16, "TXT"),
    (17, "RP"),
    (18, "AFSDB"),
    (19, "X25"),
    (20, "ISDN"),
    (21, "RT"),
    (22, "NSAP"),
    (23, "NSAP-PTR"),
    (24, "SIG"),
    (25, "KEY"),
    (26, "PX"),
    (27, "GPOS"),
    (28, "AAAA"),
    (29, "LOC"),
    (30, "NXT"),
    (31, "EID"),
    (32, "NIMLOC"),
    (33, "SRV"),
    (34, "ATMA"),
    (35, "NAPTR"),
    (36, "KX"),
    (37, "CERT"),
    (38, "A6"),
    (39, "DNAME"),
    (40, "SINK"),
    (41, "OPT"),
    (42, "APL"),
    (43, "DS"),
    (44, "SSHFP"),
    (45, "IPSECKEY"),
    (46, "RRSIG"),
    (47, "NSEC"),
    (48, "DNSKEY"),
    (49, "DHCID"),
    (50, "NSEC3"),
    (51, "NSEC3PARAM"),
    (52, "TLSA"),
    (53, "SMIMEA"),
    (55, "HIP"),
    (56, "NINFO"),
    (57, "RKEY"),
    (58, "TALINK"),
    (59, "CDS"),
    (60, "CDNSKEY"),
    (61, "OPENPGPKEY"),
    (62, "CSYNC"),
    (63, "ZONEMD"),
    (64, "SVCB"),
    (65, "HTTPS"),
    (99, "SPF"),
    (100, "UINFO"),
    (101, "UID"),
    (102, "GID"),
    (103, "UNSPEC"),
    (104, "NID"),
    (105, "L32"),
    (106, "L64"),
    (107, "LP"),
    (108, "EUI48"),
    (109, "EUI64"),
    (249, "TKEY"),
    (250, "TSIG"),
    (251, "IXFR"),
    (252, "AXFR"),
    (253, "MAILB"),
    (254, "MAILA"),
    (255, "*"),
    (256, "URI"),
    (257, "CAA"),
    (32_768, "TA"),
    (32_769, "DLV"),
    (65_281, "WINS"),
    (65_282, "WINS-R"),
    (65_422, "XPF"),
    (65_521, "INTEGRITY"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn record_types_stand_in_ascending_order() {
        assert!(KINDS.is_sorted_by(|(a, _), (b, _)| a < b));
        assert_eq!(kind(65, false), "HTTPS");
        assert_eq!(kind(33, true), "NBSTAT");
        assert_eq!(kind(666, false), "query-666");
    }

    #[test]
    fn a_netbios_name_ends_at_its_first_space() {
        assert_eq!(netbios(b"eienejcacacacacacacacacacacacaca"), b"HMI");
        assert_eq!(netbios(b"FHFAEBEECACACACACACACACACACACAAA"), b"WPAD");
        assert_eq!(netbios(b"CKAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"), b"*");
        assert_eq!(netbios(b""), b"");
    }
}
