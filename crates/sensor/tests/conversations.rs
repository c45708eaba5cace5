//! What packets make of conversations where the network is not as it should be.

#![allow(clippy::unwrap_used, reason = "a test")]

use expect_test::{Expect, expect};
use model::{At, Cell, Record, Rows, Time};
use sensor::Sensor;
use sensor::capture::Packet;
use wire::link::Link;

/// Writes down ends, state, history and packets of conversations, and the names of what is odd.
#[derive(Default)]
struct Lines(Vec<String>);

impl Rows for Lines {
    fn put(&mut self, at: &At<'_>, row: &dyn Record) {
        let names = ["conn_state", "history", "orig_pkts", "resp_pkts", "name"];
        let fields = row.schema().fields;
        row.cells(&mut |cells| {
            let chosen = fields.iter().zip(cells).filter(|(field, _)| names.contains(&field.name));
            let values: Vec<String> = chosen.map(|(_, cell)| text(cell)).collect();
            let ends = at
                .conversation
                .map(|c| format!("{}:{} > {}:{} ", c.orig.addr, c.orig.port, c.resp.addr, c.resp.port));
            if matches!(row.schema().log, "conn" | "weird") {
                let log = row.schema().log;
                self.0.push(format!("{log} {}{}", ends.unwrap_or_default(), values.join(" ")));
            }
        });
    }
}

fn text(cell: &Cell<'_>) -> String {
    if let Cell::Text(text) = cell {
        return (*text).to_owned();
    }
    if let Cell::Count(count) = cell { count.to_string() } else { "-".to_owned() }
}

const SYN: u8 = 0x02;
const RST: u8 = 0x04;
const ACK: u8 = 0x10;

/// IPv4 from host `from` to host `to` around `payload` of `protocol`.
fn ip(from: u8, to: u8, protocol: u8, payload: &[u8]) -> Vec<u8> {
    let length = u16::try_from(20 + payload.len()).unwrap().to_be_bytes();
    let mut bytes = vec![0x45, 0, length[0], length[1], 0, 1, 0, 0, 64, protocol, 0, 0];
    bytes.extend([10, 0, 0, from, 10, 0, 0, to]);
    bytes.extend(payload);
    bytes
}

/// A TCP segment of `words` 32-bit words of header, as the header says, and no data.
fn tcp(ports: [u16; 2], seq: u32, flags: u8, words: u8) -> Vec<u8> {
    let mut bytes: Vec<u8> = ports.iter().flat_map(|port| port.to_be_bytes()).collect();
    bytes.extend(seq.to_be_bytes());
    bytes.extend([0, 0, 0, 1, words << 4, flags, 0xff, 0xff, 0, 0, 0, 0]);
    bytes
}

fn udp(ports: [u16; 2], payload: &[u8]) -> Vec<u8> {
    let length = u16::try_from(8 + payload.len()).unwrap();
    let words = [ports[0], ports[1], length, 0];
    let mut bytes: Vec<u8> = words.iter().flat_map(|word| word.to_be_bytes()).collect();
    bytes.extend(payload);
    bytes
}

fn check(packets: &[(i64, Vec<u8>)], expected: &Expect) {
    let (mut sensor, mut lines) = (Sensor::new(0), Lines::default());
    for ((ms, bytes), number) in packets.iter().zip(1..) {
        let (time, wire_len) = (Time(ms * 1_000_000), bytes.len());
        sensor.packet(&Packet { number, time, link: Link::RAW, wire_len, bytes }, &mut lines);
    }
    sensor.finish(&mut lines);
    expected.assert_eq(&lines.0.join("\n"));
}

#[test]
fn a_header_longer_than_its_packet_is_a_conversation_in_which_nothing_was_said() {
    let packets = [(0, ip(1, 2, 6, &tcp([40_000, 502], 7, SYN, 6)))];
    check(
        &packets,
        &expect![[r#"
        weird 10.0.0.1:40000 > 10.0.0.2:502 truncated_header
        conn 10.0.0.1:40000 > 10.0.0.2:502 OTH - 0 0"#]],
    );
}

#[test]
fn who_answers_a_syn_that_was_not_seen_is_the_responder() {
    let packets = [
        (0, ip(2, 1, 6, &tcp([40_001, 40_000], 7, SYN | ACK, 5))),
        (1, ip(2, 1, 6, &tcp([40_001, 40_000], 8, ACK, 5))),
    ];
    check(
        &packets,
        &expect![[r#"
            weird 10.0.0.2:40001 > 10.0.0.1:40000 connection_originator_SYN_ack
            conn 10.0.0.1:40000 > 10.0.0.2:40001 OTH ^ha 0 2"#]],
    );
}

#[test]
fn a_syn_after_a_reset_opens_another_conversation() {
    let packets = [
        (0, ip(1, 2, 6, &tcp([40_000, 502], 0, SYN, 5))),
        (1, ip(2, 1, 6, &tcp([502, 40_000], 0, SYN | ACK, 5))),
        (2, ip(1, 2, 6, &tcp([40_000, 502], 1, RST, 5))),
        (3, ip(1, 2, 6, &tcp([40_000, 502], 0, SYN, 5))),
    ];
    check(
        &packets,
        &expect![[r#"
            conn 10.0.0.1:40000 > 10.0.0.2:502 RSTO ShR 2 1
            conn 10.0.0.1:40000 > 10.0.0.2:502 S0 S 1 0"#]],
    );
}

#[test]
fn questions_every_few_seconds_are_one_conversation_until_a_look_finds_it_quiet() {
    let question = [0, 7, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 1, b'a', 0, 0, 1, 0, 1];
    let at = |ms: i64| (ms, ip(1, 2, 17, &udp([40_000, 53], &question)));
    check(
        &[at(0), at(8_000), at(15_000), at(24_500), at(36_000)],
        &expect![[r#"
        conn 10.0.0.1:40000 > 10.0.0.2:53 S0 D 4 0
        conn 10.0.0.1:40000 > 10.0.0.2:53 S0 D 1 0"#]],
    );
}

#[test]
fn what_the_decoder_leaves_out_is_told_in_the_history() {
    let update = [0, 7, 0x28, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    check(
        &[(0, ip(1, 2, 17, &udp([40_000, 53], &update)))],
        &expect![[r#"
        weird 10.0.0.1:40000 > 10.0.0.2:53 DNS_unknown_opcode
        conn 10.0.0.1:40000 > 10.0.0.2:53 S0 DX 1 0"#]],
    );
}

#[test]
fn a_conversation_that_wanders_among_tunnels_is_told_once() {
    let ping = ip(1, 2, 1, &[8, 0, 0, 0, 0, 0, 0, 0]);
    let mut vxlan = vec![8, 0, 0, 0, 0, 0, 9, 0];
    vxlan.extend([2; 12]);
    vxlan.extend([0x08, 0x00]);
    vxlan.extend(ping);
    let through = |port: u16| (i64::from(port), ip(8, 9, 17, &udp([port, 4789], &vxlan)));
    let packets: Vec<_> = (0..9).map(|number| through(1000 + number)).collect();
    let (mut sensor, mut lines) = (Sensor::new(0), Lines::default());
    for (ms, bytes) in &packets {
        let time = Time(ms * 1_000_000);
        let packet = Packet { number: 1, time, link: Link::RAW, wire_len: bytes.len(), bytes };
        sensor.packet(&packet, &mut lines);
    }
    sensor.finish(&mut lines);
    lines.0.retain(|line| line.contains("10.0.0.1"));
    expect![[r#"
        weird 10.0.0.1:8 > 10.0.0.2:0 tunnel_max_changes_per_connection_exceeded
        conn 10.0.0.1:8 > 10.0.0.2:0 OTH X 9 0"#]]
    .assert_eq(&lines.0.join("\n"));
}

#[test]
fn a_packet_that_belongs_to_no_conversation_is_told_with_its_hosts_and_once() {
    let cut = ip(1, 2, 6, &[0x9c, 0x40]);
    let routed = ip(1, 2, 47, &[0x40, 0, 0x08, 0]);
    let wrong = ip(1, 2, 41, &[0x45; 20]);
    let packets: Vec<_> = [&cut, &cut, &routed, &wrong].into_iter().map(|bytes| (0, bytes.clone())).collect();
    check(
        &packets,
        &expect![[r#"
        weird 10.0.0.1:0 > 10.0.0.2:0 truncated_header
        weird 10.0.0.1:0 > 10.0.0.2:0 gre_routing
        weird 10.0.0.1:0 > 10.0.0.2:0 invalid_inner_IP_version"#]],
    );
}

#[test]
fn an_answer_whose_question_was_not_seen_is_no_split_routing() {
    let packets = [
        (0, ip(2, 1, 6, &tcp([502, 40_000], 0, SYN | ACK, 5))),
        (1, ip(2, 1, 6, &tcp([502, 40_000], 1, ACK, 5))),
    ];
    check(&packets, &expect!["conn 10.0.0.1:40000 > 10.0.0.2:502 OTH ^ha 0 2"]);
}
