use super::{ANSWER_COST, ANSWERS_MAX, ODD_MAX, PROTOCOL};
use crate::testing::{check, check_between, survives_damage, unhex};
use crate::{Out, Side, Stamp};
use expect_test::{Expect, expect};
use model::{At, Conversation, Endpoint, Record, Rows, Transport, Uid};
use std::fmt::Write;

/// Between 10.0.0.1 and 10.0.0.2 over UDP, to `port`.
#[track_caller]
fn check_udp(port: u16, conversation: &str, expected: Expect) {
    check_between(&PROTOCOL, &talk(port), conversation, expected);
}

fn talk(port: u16) -> Conversation {
    let end = |last, port| Endpoint { addr: [10, 0, 0, last].into(), port };
    Conversation::new(Uid::from_hash(0), end(1, 40_000), end(2, port), Transport::Udp)
}

/// Text in hexadecimal.
fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").unwrap();
        text
    })
}

/// A name as labels, in hexadecimal.
fn name(dotted: &str) -> String {
    let label = |label: &str| format!("{:02x}{}", label.len(), hex(label.as_bytes()));
    dotted.split('.').filter(|part| !part.is_empty()).map(label).collect::<String>() + "00"
}

/// A record of the name at offset 12, with a time to live of 60 s.
fn record(kind: u16, data: &str) -> String {
    let length = unhex(data).len();
    format!("c00c {kind:04x} 0001 0000003c {length:04x} {data}")
}

fn netbios(text: &str, kind: u8) -> String {
    let mut padded = format!("{text:<15}").into_bytes();
    padded.push(kind);
    let letters: Vec<u8> = padded.iter().flat_map(|byte| [b'A' + (byte >> 4), b'A' + (byte & 15)]).collect();
    format!("20{}00", hex(&letters))
}

#[test]
fn a_reply_joins_its_query() {
    let host = name("HIST01.plant.example");
    check_udp(
        53,
        &format!(
            "
            > 0007 0100 0001 0000 0000 0000 {host} 0001 0001
            < 0007 8580 0001 0001 0000 0000 {host} 0001 0001 {}
            ",
            record(1, "0a030014"),
        ),
        expect![[r#"
            identity @2 host=10.3.0.20 trait=name value=hist01 protocol=dns
            identity @2 host=10.3.0.20 trait=domain value=plant.example protocol=dns
            dns @1 proto=udp trans_id=7 rtt=1000000000ns query=hist01.plant.example qclass=1 qclass_name=C_INTERNET qtype=1 qtype_name=A rcode=0 rcode_name=NOERROR AA=true TC=false RD=true RA=true Z=0 answers=["10.3.0.20"] TTLs=[Span(60000000000)] rejected=false opcode=0 opcode_name=query
        "#]],
    );
}

#[test]
fn over_tcp_a_length_stands_in_front() {
    let host = name("plc.example");
    check(
        &PROTOCOL,
        &format!("> 001d 0007 0100 0001 0000 0000 0000 {host} 001c 0001"),
        expect![[r#"
            dns @1 proto=tcp trans_id=7 query=plc.example qclass=1 qclass_name=C_INTERNET qtype=28 qtype_name=AAAA AA=false TC=false RD=true RA=false Z=0 rejected=false opcode=0 opcode_name=query
        "#]],
    );
}

#[test]
fn the_middle_of_a_tcp_message_is_not_a_row() {
    check(
        &PROTOCOL,
        "> 0010 c00c 0500 0001 0000 0000 0000 3f61 6162",
        expect![[r#"
        weird @1 name=DNS_label_len_gt_pkt notice=false source=dns
        weird @1 name=DNS_truncated_quest_too_short notice=false source=dns
    "#]],
    );
}

#[test]
fn replies_pair_with_queries_of_their_identifier_in_order() {
    let (a, b) = (name("a.example"), name("b.example"));
    check_udp(
        53,
        &format!(
            "
            > 0001 0100 0001 0000 0000 0000 {a} 0001 0001
            > 0002 0100 0001 0000 0000 0000 {b} 0001 0001
            > 0001 0100 0001 0000 0000 0000 {b} 0001 0001
            < 0002 8183 0001 0000 0000 0000 {b} 0001 0001
            < 0001 8182 0001 0000 0000 0000 {a} 0001 0001
            "
        ),
        expect![[r#"
            dns @2 proto=udp trans_id=2 query=b.example qclass=1 qclass_name=C_INTERNET qtype=1 qtype_name=A rcode=3 rcode_name=NXDOMAIN AA=false TC=false RD=true RA=false Z=0 rejected=true opcode=0 opcode_name=query
            dns @1 proto=udp trans_id=1 query=a.example qclass=1 qclass_name=C_INTERNET qtype=1 qtype_name=A rcode=2 rcode_name=SERVFAIL AA=false TC=false RD=true RA=false Z=0 rejected=true opcode=0 opcode_name=query
            dns @3 proto=udp trans_id=1 query=b.example qclass=1 qclass_name=C_INTERNET qtype=1 qtype_name=A AA=false TC=false RD=true RA=false Z=0 rejected=false opcode=0 opcode_name=query
        "#]],
    );
}

#[test]
fn a_reply_without_its_query_is_told_by_its_answers() {
    check_udp(
        53,
        &format!("> 0009 8180 0000 0001 0000 0000 {}", record(5, "01 61 00").replacen("c00c", "0162 00", 1)),
        expect![[r#"
            dns @1 proto=udp trans_id=9 query=b rcode=0 rcode_name=NOERROR AA=false TC=false RD=false RA=true Z=0 answers=["a"] TTLs=[Span(60000000000)] rejected=false opcode=0 opcode_name=query
        "#]],
    );
}

fn every_kind() -> String {
    let answers = [
        record(15, &format!("000a {}", name("mail.example"))),
        record(16, "02 6869 00 01 5c"),
        record(33, &format!("0000 0005 01bd {}", name("dc01.plant.example"))),
        record(6, &format!("{} {} {:040x}", name("ns1.example"), name("host.example"), 0)),
        record(29, "00 12 16 13 00000000 00000000 00000000"),
        record(43, "1234 08 02 cafe"),
        record(44, "01 01 cafe"),
        record(46, &format!("0001 08 02 0000003c 00000000 00000000 1234 {} ff", name(""))),
        record(47, &format!("{} 0001 40", name("next.example"))),
        record(48, "0100 03 0d cafe"),
        record(50, "01 00 0001 00 00"),
        record(35, &format!("0064 000a 01 73 07 5349502b443255 00 {}", name("sip.example"))),
        record(11, "0a000001 06 01"),
        record(65, "0001 00"),
        record(42, "0001"),
    ];
    format!(
        "
        > 0001 0100 0001 0000 0000 0000 {0} 00ff 0001
        < 0001 8400 0001 {1:04x} 0000 0000 {0} 00ff 0001 {2}
        ",
        name("plant.example"),
        answers.len(),
        answers.concat()
    )
}

#[test]
fn records_are_told_in_words() {
    check_udp(
        53,
        &every_kind(),
        expect![[r#"
            weird @2 name=DNS_RR_unknown_type addl=42 notice=false source=dns
            dns @1 proto=udp trans_id=1 rtt=1000000000ns query=plant.example qclass=1 qclass_name=C_INTERNET qtype=255 qtype_name=* rcode=0 rcode_name=NOERROR AA=true TC=false RD=true RA=false Z=0 answers=["mail.example", "TXT 2 hi TXT 0  TXT 1 \\x5c", "dc01.plant.example", "ns1.example", "LOC:  18 22 19", "DS 8 2", "SSHFP: cafe", "RRSIG 1 <Root>", "NSEC plant.example next.example", "DNSKEY 13", "NSEC3", "NAPTR 100 10 s SIP+D2U sip.example", "<unknown type=42>"] TTLs=[Span(60000000000), Span(60000000000), Span(60000000000), Span(60000000000), Span(60000000000), Span(60000000000), Span(60000000000), Span(60000000000), Span(60000000000), Span(60000000000), Span(60000000000), Span(60000000000), Span(60000000000)] rejected=false opcode=0 opcode_name=query
        "#]],
    );
}

#[test]
fn pointers_only_lead_backwards() {
    check_udp(
        53,
        "
        > 0001 0100 0001 0000 0000 0000 c00c 0001 0001
        > 0002 0100 0001 0000 0000 0000 01 61 c00c 0001 0001
        > 0003 0100 0001 0000 0000 0000 3f 61 0001
        > 0004 0100
        ",
        expect![[r#"
            weird @1 name=DNS_label_forward_compress_offset notice=false source=dns
            weird @3 name=DNS_label_len_gt_pkt notice=false source=dns
            weird @3 name=DNS_truncated_quest_too_short notice=false source=dns
            weird @4 name=DNS_truncated_len_lt_hdr_len notice=false source=dns
            dns @1 proto=udp trans_id=1 query= qclass=1 qclass_name=C_INTERNET qtype=1 qtype_name=A AA=false TC=false RD=true RA=false Z=0 rejected=false opcode=0 opcode_name=query
            dns @2 proto=udp trans_id=2 query=a.a qclass=1 qclass_name=C_INTERNET qtype=1 qtype_name=A AA=false TC=false RD=true RA=false Z=0 rejected=false opcode=0 opcode_name=query
            dns @3 proto=udp trans_id=3 AA=false TC=false RD=false RA=false Z=0 rejected=false opcode=0 opcode_name=query
        "#]],
    );
}

#[test]
fn too_many_questions_are_not_read() {
    check_udp(
        53,
        "> 0001 0100 1a1a 0000 0000 0000 00 0001 0001",
        expect![[r#"
        weird @1 name=DNS_Conn_count_too_large notice=false source=dns
        dns @1 proto=udp trans_id=1 AA=false TC=false RD=false RA=false Z=0 rejected=false opcode=0 opcode_name=query
    "#]],
    );
}

#[test]
fn hosts_announce_themselves_over_multicast_dns() {
    let host = name("hmi01.local");
    check_udp(
        5353,
        &format!(
            "
            > 0000 8400 0000 0001 0000 0001 {host} 0001 8001 00000078 0004 0a02000b {}
            > 0000 8400 0000 0001 0000 0000 {host} 0001 8001 00000078 0004 0a02000b
            ",
            record(28, "fe800000000000000000000000000b0b"),
        ),
        expect![[r#"
            identity @1 host=10.2.0.11 trait=name value=hmi01 protocol=dns
            identity @1 host=fe80::b0b trait=name value=hmi01 protocol=dns
            dns @1 proto=udp trans_id=0 query=hmi01.local rcode=0 rcode_name=NOERROR AA=true TC=false RD=false RA=false Z=0 answers=["10.2.0.11"] TTLs=[Span(120000000000)] rejected=false opcode=0 opcode_name=query
            dns @2 proto=udp trans_id=0 query=hmi01.local rcode=0 rcode_name=NOERROR AA=true TC=false RD=false RA=false Z=0 answers=["10.2.0.11"] TTLs=[Span(120000000000)] rejected=false opcode=0 opcode_name=query
        "#]],
    );
}

#[test]
fn a_netbios_registration_tells_host_and_domain() {
    let (host, group) = (netbios("HMI01", 0x20), netbios("PLANT", 0x00));
    check_udp(
        137,
        &format!(
            "
            > 8001 2910 0001 0000 0000 0001 {host} 0020 0001 {}
            > 8002 2910 0001 0000 0000 0001 {group} 0020 0001 {}
            > 8003 0110 0001 0000 0000 0000 {} 0020 0001
            ",
            record(32, "0000 0a02000b"),
            record(32, "8000 0a02000b"),
            netbios("WPAD", 0x00),
        ),
        expect![[r#"
            identity @1 host=10.2.0.11 trait=name value=HMI01 protocol=dns
            identity @2 host=10.2.0.11 trait=domain value=PLANT protocol=dns
            dns @3 proto=udp trans_id=32771 query=WPAD qclass=1 qclass_name=C_INTERNET qtype=32 qtype_name=NIMLOC AA=false TC=false RD=true RA=false Z=1 rejected=false opcode=0 opcode_name=netbios-query
        "#]],
    );
}

#[test]
fn a_node_tells_its_names_and_hardware_address() {
    let entry = |text: &str, kind: u8, flags: u16| {
        format!("{} {kind:02x} {flags:04x}", hex(format!("{text:<15}").as_bytes()))
    };
    let status = [entry("HMI01", 0x00, 0x0400), entry("PLANT", 0x00, 0x8400), entry("PLANT", 0x1e, 0x8400)];
    check_udp(
        137,
        &format!(
            "
            > 0005 0000 0001 0000 0000 0000 {0} 0021 0001
            < 0005 8400 0000 0001 0000 0000 {0} 0021 0001 00000000 003d 03 {1} 02aabbccddee
            ",
            netbios("*", 0x00),
            status.concat()
        ),
        expect![[r#"
            identity @2 host=10.0.0.2 mac=02:aa:bb:cc:dd:ee trait=name value=HMI01 protocol=dns
            identity @2 host=10.0.0.2 mac=02:aa:bb:cc:dd:ee trait=domain value=PLANT protocol=dns
            dns @1 proto=udp trans_id=5 query=* qclass=1 qclass_name=C_INTERNET qtype=33 qtype_name=NBSTAT rcode=0 rcode_name=NOERROR AA=false TC=false RD=false RA=false Z=0 rejected=false opcode=0 opcode_name=netbios-query
        "#]],
    );
}

#[test]
fn an_address_tells_its_name_when_asked_backwards() {
    let address = name("20.0.3.10.in-addr.arpa");
    check_udp(
        53,
        &format!("< 0005 8580 0000 0001 0000 0000 {address} 000c 0001 0000003c 0008 {}", name("hist01")),
        expect![[r#"
            identity @1 host=10.3.0.20 trait=name value=hist01 protocol=dns
            dns @1 proto=udp trans_id=5 query=20.0.3.10.in-addr.arpa rcode=0 rcode_name=NOERROR AA=true TC=false RD=false RA=true Z=0 answers=["hist01"] TTLs=[Span(60000000000)] rejected=false opcode=0 opcode_name=query
        "#]],
    );
}

#[test]
fn a_flood_of_names_does_not_become_a_flood_of_facts() {
    let answers: String = (0..200).map(|n| record(1, &format!("0a0000{n:02x}"))).collect();
    let reply = format!("< 0001 8400 0001 00c8 0000 0000 {} 0001 0001 {answers}", name("x"));
    let mut session = (PROTOCOL.open)();
    let mut counted = Counted(0);
    let talk = talk(53);
    for _ in 0..3 {
        let mut out = crate::Out::new(&mut counted, &talk, crate::Stamp::default(), "dns");
        session.pdu(crate::Side::Server, &unhex(&reply), &mut out).unwrap();
    }
    assert_eq!(counted.0, 64);
}

#[test]
fn no_damage_of_a_reply_panics() {
    survives_damage(&PROTOCOL, &talk(53), &every_kind());
    survives_damage(&PROTOCOL, &talk(137), &every_kind());
}

/// Counts identities.
struct Counted(usize);

impl model::Rows for Counted {
    fn put(&mut self, _: &model::At<'_>, row: &dyn model::Record) {
        self.0 += usize::from(row.schema().log == "identity");
    }
}

/// Counts rows.
#[derive(Default)]
struct Count {
    weird: usize,
    dns: usize,
}

impl Rows for Count {
    fn put(&mut self, _: &At<'_>, row: &dyn Record) {
        self.weird += usize::from(row.schema().log == "weird");
        self.dns += usize::from(row.schema().log == "dns");
    }
}

#[test]
fn a_message_full_of_oddities_does_not_fill_the_log() {
    let records = record(4242, "00").repeat(4000);
    let reply = unhex(&format!("0007 8180 0000 0fa0 0000 0000 {records}"));
    let (mut rows, talk, mut session) = (Count::default(), talk(53), (PROTOCOL.open)());
    for _ in 0..3 {
        let mut out = Out::new(&mut rows, &talk, Stamp::default(), "dns");
        session.pdu(Side::Server, &reply, &mut out).unwrap();
    }
    assert_eq!(rows.weird, usize::from(ODD_MAX));
}

#[test]
fn what_a_small_message_says_at_length_is_left_out() {
    let long = format!("{0}{0}{0}00", format!("3c{}", "61".repeat(60)));
    // An alias of a name that all of them point to.
    let records = "c00c 0005 0001 0000003c 0002 c00c".repeat(2000);
    let reply = unhex(&format!("0007 8180 0000 07d1 0000 0000 {long} 0001 0001 0000003c 0004 0a000001 {records}"));
    let (mut rows, talk, mut session) = (Count::default(), talk(53), (PROTOCOL.open)());
    let mut out = Out::new(&mut rows, &talk, Stamp::default(), "dns");
    session.pdu(Side::Server, &reply, &mut out).unwrap();
    let held = ANSWERS_MAX + 2000 * ANSWER_COST;
    assert!(out.is_left_out() && out.held() < held, "{}", out.held());
}

#[test]
fn what_waits_is_held_until_it_is_let_go() {
    let records = record(16, "0461626364").repeat(1000);
    let reply = unhex(&format!("0007 8180 0000 03e8 0000 0000 {records}"));
    let (mut rows, talk, mut session) = (Count::default(), talk(53), (PROTOCOL.open)());
    for number in 1..=10 {
        let mut out = Out::new(&mut rows, &talk, Stamp::default(), "dns");
        session.pdu(Side::Server, &reply, &mut out).unwrap();
        assert!(out.held() > number * 1000 * ANSWER_COST, "{}", out.held());
    }
    session.let_go(&mut Out::new(&mut rows, &talk, Stamp::default(), "dns"));
    assert_eq!(rows.dns, 10);
    let mut out = Out::new(&mut rows, &talk, Stamp::default(), "dns");
    session.pdu(Side::Server, b"", &mut out).unwrap();
    assert_eq!(out.held(), 0);
}
