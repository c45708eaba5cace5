//! What packets in packets and frames sent twice make of conversations.

#![allow(clippy::unwrap_used, reason = "a test")]

use expect_test::{Expect, expect};
use model::{At, Once, Record, Rows, Time};
use sensor::capture::Packet;
use sensor::{Counters, News, Sensor};
use wire::link::Link;

/// Writes down the ends and the words of rows, and for conversations their packets and tunnels.
#[derive(Default)]
struct Lines {
    lines: Vec<String>,
    names: Vec<String>,
    news: News,
}

impl Rows for Lines {
    fn put(&mut self, at: &At<'_>, row: &dyn Record) {
        let (log, fields) = (row.schema().log, row.schema().fields);
        let chosen = ["tunnel_type", "action", "orig_pkts", "resp_pkts", "tunnel_parents", "name"];
        let c = at.conversation.unwrap();
        row.cells(&mut |cells| {
            let cells = fields.iter().zip(cells).filter(|(field, _)| chosen.contains(&field.name));
            let values: Vec<_> = cells.map(|(_, cell)| format!("{cell:?}")).collect();
            let ends = format!("{}:{} > {}:{}", c.orig.addr, c.orig.port, c.resp.addr, c.resp.port);
            self.lines.push(format!("{log} {ends} {}", values.join(" ")));
        });
        if log == "tunnel" {
            self.names.push(c.uid.as_str().to_owned());
        }
    }

    fn put_once(&mut self, once: Once, at: &At<'_>, row: &dyn Record) {
        if self.news.is(once, at.time) {
            self.put(at, row);
        }
    }
}

/// What one worker of several writes, and counts.
fn play(packets: &[(i64, Vec<u8>)], worker: u8, workers: u8, lines: &mut Lines) -> Counters {
    let mut sensor = Sensor::worker(0, worker, workers);
    for ((ms, bytes), number) in packets.iter().zip(1..) {
        let (time, wire_len) = (Time(ms * 1_000_000), bytes.len());
        sensor.packet(&Packet { number, time, link: Link::ETHERNET, wire_len, bytes }, lines);
    }
    sensor.finish(lines);
    sensor.counters()
}

/// Holds one worker to `expected`, and several to one; the names of tunnels are written as their numbers.
fn check(packets: &[(i64, Vec<u8>)], expected: &Expect) -> Counters {
    let mut one = Lines::default();
    let counters = play(packets, 0, 1, &mut one);
    let mut text = one.lines.join("\n");
    for (number, name) in one.names.iter().enumerate() {
        text = text.replace(name, &format!("tunnel {number}"));
    }
    expected.assert_eq(&text);
    let mut several = Lines::default();
    (0..3).for_each(|worker| {
        play(packets, worker, 3, &mut several);
    });
    one.lines.sort_unstable();
    several.lines.sort_unstable();
    assert_eq!(several.lines, one.lines, "several workers write what one writes");
    counters
}

fn ethernet(host: u8, ethertype: u16, payload: &[u8]) -> Vec<u8> {
    [&[2; 6], &[host; 6], &ethertype.to_be_bytes()[..], payload].concat()
}

/// IPv4 from host `from` to host `to` of network `net`.
fn ip(net: u8, from: u8, to: u8, protocol: u8, payload: &[u8]) -> Vec<u8> {
    let length = u16::try_from(20 + payload.len()).unwrap().to_be_bytes();
    let head = [0x45, 0, length[0], length[1], 0, 1, 0, 0, 64, protocol, 0, 0];
    [&head[..], &[10, net, 0, from, 10, net, 0, to], payload].concat()
}

fn udp(ports: [u16; 2], payload: &[u8]) -> Vec<u8> {
    let length = u16::try_from(8 + payload.len()).unwrap();
    let words = [ports[0], ports[1], length, 0].into_iter().flat_map(u16::to_be_bytes);
    words.chain(payload.iter().copied()).collect()
}

fn inner(port: u16) -> Vec<u8> {
    ip(9, 1, 2, 17, &udp([port, 7777], b"inside"))
}

#[test]
fn a_conversation_in_vxlan_has_the_name_of_the_conversation_that_carries_it() {
    let frame = ethernet(7, 0x0800, &inner(5000));
    let vxlan = [&[8, 0, 0, 0, 0, 0, 42, 0][..], &frame].concat();
    let packet = ethernet(1, 0x0800, &ip(0, 1, 2, 17, &udp([6000, 4789], &vxlan)));
    check(
        &[(0, packet)],
        &expect![[r#"
            tunnel 10.0.0.1:6000 > 10.0.0.2:4789 Text("Tunnel::VXLAN") Text("Tunnel::DISCOVER")
            conn 10.9.0.1:5000 > 10.9.0.2:7777 Count(1) Count(0) Texts(["tunnel 0"])
            conn 10.0.0.1:6000 > 10.0.0.2:4789 Count(1) Count(0) Unset
            tunnel 10.0.0.1:6000 > 10.0.0.2:4789 Text("Tunnel::VXLAN") Text("Tunnel::CLOSE")"#]],
    );
}

#[test]
fn both_directions_of_gre_are_one_tunnel() {
    let gre = |from, to, port| {
        ethernet(1, 0x0800, &ip(0, from, to, 47, &[&[0, 0, 0x08, 0x00][..], &inner(port)].concat()))
    };
    check(
        &[(0, gre(1, 2, 5000)), (1, gre(2, 1, 5001))],
        &expect![[r#"
            tunnel 10.0.0.1:0 > 10.0.0.2:0 Text("Tunnel::GRE") Text("Tunnel::DISCOVER")
            conn 10.9.0.1:5000 > 10.9.0.2:7777 Count(1) Count(0) Texts(["tunnel 0"])
            conn 10.9.0.1:5001 > 10.9.0.2:7777 Count(1) Count(0) Texts(["tunnel 0"])"#]],
    );
}

#[test]
fn the_second_copy_of_a_redundant_frame_is_left_out() {
    let prp = |lan: u8, sequence: u8| {
        let packet = inner(5000);
        let size = u8::try_from(packet.len() + 6).unwrap();
        ethernet(1, 0x0800, &[&packet[..], &[0, sequence, lan << 4, size, 0x88, 0xfb]].concat())
    };
    let hsr = |path: u8| {
        let packet = inner(5001);
        ethernet(1, 0x892f, &[&[path << 4, 42, 0, 9, 0x08, 0x00][..], &packet].concat())
    };
    let frames =
        [(0, prp(0xa, 7)), (1, prp(0xb, 7)), (2, prp(0xb, 8)), (3, prp(0xa, 8)), (4, hsr(0)), (5, hsr(1))];
    let counters = check(
        &frames,
        &expect![[r#"
            conn 10.9.0.1:5000 > 10.9.0.2:7777 Count(2) Count(0) Unset
            conn 10.9.0.1:5001 > 10.9.0.2:7777 Count(1) Count(0) Unset"#]],
    );
    assert_eq!((counters.packets, counters.copies), (6, 3));
}

#[test]
fn pseudowires_and_backbones_carry_conversations() {
    let frame = ethernet(7, 0x0800, &inner(5000));
    let labels = ethernet(1, 0x8847, &[&[0, 1, 1, 0xff, 0, 0, 0, 0][..], &frame].concat());
    let backbone = ethernet(1, 0x88e7, &[&[0, 0, 0, 42][..], &frame].concat());
    check(
        &[(0, labels), (1, backbone)],
        &expect![[r"
            conn 10.9.0.1:5000 > 10.9.0.2:7777 Count(2) Count(0) Unset"]],
    );
}
