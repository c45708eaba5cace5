use super::PROTOCOL;
use crate::testing::{check_between, survives_damage, unhex};
use crate::{Known, Out, Side, Stamp};
use expect_test::{Expect, expect};
use model::{At, Cell, Conversation, Endpoint, Record, Rows, Transport, Uid};

/// Between the client 10.2.0.11 and the server 10.2.0.1.
#[track_caller]
fn check(conversation: &str, expected: Expect) {
    check_between(&PROTOCOL, &talk(), conversation, expected);
}

fn talk() -> Conversation {
    let end = |last, port| Endpoint { addr: [10, 2, 0, last].into(), port };
    Conversation::new(Uid::from_hash(0), end(11, 68), end(1, 67), Transport::Udp)
}

/// A message of 02:aa:bb:cc:dd:ee in transaction 7, with the addresses `ciaddr` and `yiaddr` and options.
fn message(op: u8, client: &str, assigned: &str, options: &str) -> String {
    let head = format!("{op:02x} 01 06 00 00000007 0000 0000 {client} {assigned} 00000000 00000000");
    format!("{head} 02aabbccddee {:020x} {:0384x} 63825363 {options} ff", 0, 0)
}

fn option(code: u8, text: &str) -> String {
    let data: String = text.bytes().map(|byte| format!("{byte:02x}")).collect();
    format!("{code:02x} {:02x} {data}", unhex(&data).len())
}

#[test]
fn a_transaction_is_a_row_and_tells_the_host() {
    let client = [option(12, "HMI01"), option(60, "MSFT 5.0"), "3204 0a02000b".to_owned()].concat();
    let fqdn = "5116 00 00 00 484d4930312e706c616e742e6578616d706c65";
    check(
        &format!(
            "
            > {}
            < {}
            ",
            message(1, "00000000", "00000000", &format!("350103 {client} {fqdn} 3d07 01 02aabbccddee")),
            message(
                2,
                "00000000",
                "0a02000b",
                &format!("350105 3304 00015180 {}", option(15, "plant.example"))
            ),
        ),
        expect![[r#"
            identity @1 host=10.2.0.11 mac=02:aa:bb:cc:dd:ee trait=name value=HMI01 protocol=dhcp
            identity @1 host=10.2.0.11 mac=02:aa:bb:cc:dd:ee trait=domain value=plant.example protocol=dhcp
            identity @1 host=10.2.0.11 mac=02:aa:bb:cc:dd:ee trait=os value=Windows protocol=dhcp
            dhcp @1 uids=["C00000000000000000"] client_addr=10.2.0.11 server_addr=10.2.0.1 mac=02:aa:bb:cc:dd:ee host_name=HMI01 client_fqdn=HMI01.plant.example domain=plant.example requested_addr=10.2.0.11 assigned_addr=10.2.0.11 lease_time=86400000000000ns msg_types=["REQUEST", "ACK"] duration=1000000000ns client_software=MSFT 5.0
        "#]],
    );
}

#[test]
fn a_full_name_can_come_as_labels() {
    let name = "510e 04 00 00 05 484d493031 03 6c616e 00";
    check(
        &format!("> {}", message(1, "0a02000b", "00000000", &format!("350108 {name}"))),
        expect![[r#"
            identity @1 host=10.2.0.11 mac=02:aa:bb:cc:dd:ee trait=name value=HMI01 protocol=dhcp
            identity @1 host=10.2.0.11 mac=02:aa:bb:cc:dd:ee trait=domain value=lan protocol=dhcp
            dhcp @1 uids=["C00000000000000000"] client_addr=10.2.0.11 mac=02:aa:bb:cc:dd:ee client_fqdn=HMI01.lan msg_types=["INFORM"] duration=0ns
        "#]],
    );
}

#[test]
fn a_refusal_has_its_reason() {
    check(
        &format!(
            "< {}",
            message(2, "00000000", "00000000", &format!("350106 {}", option(56, "wrong network")))
        ),
        expect![[r#"
            dhcp @1 uids=["C00000000000000000"] mac=02:aa:bb:cc:dd:ee server_message=wrong network msg_types=["NAK"] duration=0ns
        "#]],
    );
}

#[test]
fn a_transaction_that_goes_on_too_long_becomes_two_rows() {
    let discover = message(1, "00000000", "00000000", "350101");
    check(
        &format!("> {discover}\n").repeat(60),
        expect![[r#"
        dhcp @1 uids=["C00000000000000000"] client_addr=10.2.0.11 mac=02:aa:bb:cc:dd:ee msg_types=["DISCOVER", "DISCOVER", "DISCOVER", "DISCOVER", "DISCOVER", "DISCOVER", "DISCOVER", "DISCOVER", "DISCOVER", "DISCOVER", "DISCOVER", "DISCOVER", "DISCOVER", "DISCOVER", "DISCOVER", "DISCOVER", "DISCOVER", "DISCOVER", "DISCOVER", "DISCOVER", "DISCOVER", "DISCOVER", "DISCOVER", "DISCOVER", "DISCOVER", "DISCOVER", "DISCOVER", "DISCOVER", "DISCOVER", "DISCOVER", "DISCOVER"] duration=30000000000ns
        dhcp @32 uids=["C00000000000000000"] client_addr=10.2.0.11 mac=02:aa:bb:cc:dd:ee msg_types=["DISCOVER", "DISCOVER", "DISCOVER", "DISCOVER", "DISCOVER", "DISCOVER", "DISCOVER", "DISCOVER", "DISCOVER", "DISCOVER", "DISCOVER", "DISCOVER", "DISCOVER", "DISCOVER", "DISCOVER", "DISCOVER", "DISCOVER", "DISCOVER", "DISCOVER", "DISCOVER", "DISCOVER", "DISCOVER", "DISCOVER", "DISCOVER", "DISCOVER", "DISCOVER", "DISCOVER", "DISCOVER", "DISCOVER"] duration=28000000000ns
    "#]],
    );
}

#[test]
fn damage_is_told_in_words() {
    check(
        &format!(
            "> 03 01\n> 01 01 06\n> {}",
            message(1, "00000000", "00000000", "").replace("63825363", "00000000")
        ),
        expect![[r#"
            damaged: op at byte 0 holds 0x3, which is not allowed
            damaged: hops at byte 3 is cut short by 1 bytes
            damaged: cookie at byte 236 holds 0x0, which is not allowed
        "#]],
    );
}

#[test]
fn no_damage_of_a_transaction_panics() {
    let options =
        format!("350103 {} 510b 04 00 00 05 484d493031 00 00 3d07 01 02aabbccddee", option(12, "HMI01"));
    let request = message(1, "00000000", "00000000", &options);
    survives_damage(
        &PROTOCOL,
        &talk(),
        &format!("> {request}\n< {}", message(2, "00000000", "0a02000b", "350105")),
    );
}

#[test]
fn a_transaction_spans_the_conversations_it_is_broadcast_in() {
    let end = |addr: [u8; 4], port| Endpoint { addr: addr.into(), port };
    let to_all =
        |hash, from| Conversation::new(Uid::from_hash(hash), from, end([255; 4], 67), Transport::Udp);
    let talks = [to_all(1, end([0; 4], 68)), to_all(2, end([10, 2, 0, 1], 67))];
    let pdus = [message(1, "00000000", "00000000", "350103"), message(2, "00000000", "0a02000b", "350105")];
    assert_eq!(types(&talks, &pdus), ["REQUEST ACK"]);
}

#[test]
fn what_uses_other_ports_joins_no_transaction_of_other_conversations() {
    let end = |addr: [u8; 4], port| Endpoint { addr: addr.into(), port };
    let talk = |hash, from, to| Conversation::new(Uid::from_hash(hash), from, to, Transport::Udp);
    let talks = [
        talk(1, end([0; 4], 68), end([255; 4], 67)),
        talk(2, end([10, 2, 0, 1], 6700), end([10, 2, 0, 11], 6800)),
    ];
    let pdus = [message(1, "00000000", "00000000", "350103"), message(2, "00000000", "0a02000b", "350105")];
    assert_eq!(types(&talks, &pdus), ["REQUEST", "ACK"]);
}

/// Message types of the transactions, where each conversation has one of the messages.
fn types(talks: &[Conversation], pdus: &[String]) -> Vec<String> {
    let (mut rows, mut known) = (Types(Vec::new()), Known::default());
    let mut sessions = [(PROTOCOL.open)(), (PROTOCOL.open)()];
    for ((session, talk), pdu) in sessions.iter_mut().zip(talks).zip(pdus) {
        let mut out = Out::new(&mut rows, talk, Stamp::default(), "dhcp").knowing(&mut known);
        session.pdu(Side::Client, &unhex(pdu), &mut out).unwrap();
    }
    for (session, talk) in sessions.iter_mut().zip(talks) {
        session.end(&mut Out::new(&mut rows, talk, Stamp::default(), "dhcp").knowing(&mut known));
    }
    rows.0
}

/// Keeps the message types of each transaction.
struct Types(Vec<String>);

impl Rows for Types {
    fn put(&mut self, _: &At<'_>, row: &dyn Record) {
        row.cells(&mut |cells| {
            for cell in cells {
                if let Cell::Texts(types) = cell {
                    self.0.push(types.join(" "));
                }
            }
        });
    }
}
