//! Floods: traffic of an attacker who wants the sensor's memory, its time or its disk.

use crate::packets::{ACK, End, Part, SYN, Segment, ip, udp};
use model::{Span, Time};
use std::net::IpAddr;

/// A flood.
pub struct Flood {
    /// One word.
    pub name: &'static str,
    /// What it is, for people.
    pub about: &'static str,
    /// Hands out about so many packets.
    pub make: fn(u32, Take<'_>),
}

/// Takes a raw IP packet with its time.
pub type Take<'a> = &'a mut dyn FnMut(Time, &[u8]);

/// All floods.
pub static FLOODS: &[Flood] = &[
    Flood { name: "syn", about: "SYNs from random addresses, a million a second", make: syn },
    Flood {
        name: "one-bucket",
        about: "SYNs that a hash with known seeds cannot tell apart",
        make: one_bucket,
    },
    Flood {
        name: "hole",
        about: "one connection, everything behind a hole, nothing acknowledged",
        make: hole,
    },
    Flood { name: "acked-hole", about: "the same, and its first byte was acknowledged", make: acked_hole },
    Flood { name: "crumbs", about: "one connection, every other byte, a byte at a time", make: crumbs },
    Flood { name: "holes", about: "100,000 connections, everything behind a hole", make: holes },
    Flood { name: "fragments", about: "first fragments, the rest never comes", make: fragments },
    Flood { name: "fragment-crumbs", about: "fragments of one byte, never whole", make: fragment_crumbs },
    Flood { name: "weird", about: "damaged packets, each from another sender", make: weird },
    Flood {
        name: "modbus-hosts",
        about: "Modbus requests, each between two other hosts",
        make: modbus_hosts,
    },
    Flood { name: "dns-names", about: "DNS replies, each about another host", make: dns_names },
    Flood { name: "dhcp-hosts", about: "DHCP requests, each of another host", make: dhcp_hosts },
    Flood { name: "tunnels", about: "VXLAN packets between random hosts, in and out", make: tunnels },
    Flood {
        name: "dns-waiting",
        about: "replies nobody asked for, 1,000 names each, over 100,000 connections",
        make: dns_waiting,
    },
    Flood {
        name: "modbus-open",
        about: "writes nobody answers, over 100,000 connections",
        make: modbus_open,
    },
    Flood { name: "modbus-coils", about: "2,000 coils read, over 100,000 connections", make: modbus_coils },
    Flood {
        name: "smb-halves",
        about: "halves of large SMB messages, over 100,000 connections",
        make: smb_halves,
    },
    Flood { name: "clock", about: "a clock that runs backwards while conversations begin", make: clock },
];

/// Connections of the floods over many of them.
const CONNECTIONS: u32 = 100_000;

const START: Time = Time(1_700_000_000_000_000_000);

/// A packet a microsecond.
fn at(number: u32) -> Time {
    START + Span(i64::from(number) * 1000)
}

/// Numbers without a pattern (SplitMix64).
fn scramble(number: u32) -> u64 {
    let mut z = u64::from(number).wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ z >> 31
}

/// An address out of 16 million, of those that sites give to their hosts.
fn host(number: u32) -> IpAddr {
    let [_, a, b, c] = number.to_be_bytes();
    [10, a, b, c].into()
}

fn ends(number: u32, port: u16) -> (End, End) {
    let client = End { addr: host(number), port: 40_000 };
    (client, End { addr: [10, 255, 255, 254].into(), port })
}

fn segment(from: End, to: End, seq: u32, flags: u8, data: &[u8]) -> Vec<u8> {
    let segment = Segment { from, to, seq, ack: 1, flags, data };
    ip(from.addr, to.addr, 6, None, &segment.bytes())
}

fn syn(count: u32, take: Take<'_>) {
    for number in 0..count {
        let [a, b, c, d, p, q, ..] = scramble(number).to_be_bytes();
        let from = End { addr: [a, b, c, d].into(), port: u16::from_be_bytes([p, q]) };
        take(at(number), &segment(from, ends(0, 502).1, number, SYN, &[]));
    }
}

/// Addresses whose upper half is a number that hashes are known to be seeded with (digits of pi): what is multiplied by
/// nothing is nothing.
fn one_bucket(count: u32, take: Take<'_>) {
    let server = End { addr: [0xfd00, 0, 0, 0, 0, 0, 0, 1u16].into(), port: 502 };
    for number in 0..count {
        let word = |bit: u32| u16::try_from(scramble(number) >> bit & 0xffff).unwrap_or_default();
        let [a, b, c, d] = [0, 16, 32, 48].map(word);
        let from = End { addr: [0x243f, 0x6a88, 0x85a3, 0x08d3, a, b, c, d].into(), port: 40_000 };
        take(at(number), &segment(from, server, 1, SYN, &[]));
    }
}

/// The handshake of a connection to `port`.
fn open(number: u32, port: u16, time: Time, take: Take<'_>) -> (End, End) {
    let (client, server) = ends(number, port);
    take(time, &segment(client, server, 0, SYN, &[]));
    take(time, &segment(server, client, 0, SYN | ACK, &[]));
    take(time, &segment(client, server, 1, ACK, &[]));
    (client, server)
}

fn hole(count: u32, take: Take<'_>) {
    let (client, server) = open(1, 502, START, take);
    behind_hole(client, server, count, take);
}

fn acked_hole(count: u32, take: Take<'_>) {
    let (client, server) = open(1, 502, START, take);
    take(START, &segment(client, server, 1, ACK, &[0]));
    let ack = Segment { from: server, to: client, seq: 1, ack: 3, flags: ACK, data: &[] };
    take(START, &ip(server.addr, client.addr, 6, None, &ack.bytes()));
    behind_hole(client, server, count, take);
}

fn behind_hole(client: End, server: End, count: u32, take: Take<'_>) {
    for number in 0..count {
        let seq = number.wrapping_mul(1401).wrapping_add(100);
        take(at(number), &segment(client, server, seq, ACK, &[7; 1400]));
    }
}

fn crumbs(count: u32, take: Take<'_>) {
    let (client, server) = open(1, 502, START, take);
    for number in 0..count {
        take(at(number), &segment(client, server, number * 2 + 100, ACK, &[7]));
    }
}

/// Makes the packets of a connection, from its client to its server, in one round.
type Each<'a> = &'a dyn Fn(u32, End, End, &mut dyn FnMut(&[u8]));

/// Rounds over many connections, which are opened in the first.
fn many(count: u32, port: u16, take: Take<'_>, each: Each<'_>) {
    for number in 0..count {
        let (connection, round) = (number % CONNECTIONS, number / CONNECTIONS);
        // A microsecond each is too fast to be quiet in between, and slow enough for all of them to stay.
        let time = at(number);
        if round == 0 {
            open(connection, port, time, take);
        }
        let (client, server) = ends(connection, port);
        each(round, client, server, &mut |packet| take(time, packet));
    }
}

fn holes(count: u32, take: Take<'_>) {
    many(count, 502, take, &|round, client, server, take| {
        take(&segment(client, server, 100 + round * 1401, ACK, &[7; 1400]));
    });
}

fn fragments(count: u32, take: Take<'_>) {
    for number in 0..count {
        let id = u16::try_from(number & 0xffff).unwrap_or_default();
        let part = Part { id, offset: 0, more: true };
        take(at(number), &ip(host(number >> 16), host(1 << 23), 17, Some(part), &[7; 1400]));
    }
}

fn fragment_crumbs(count: u32, take: Take<'_>) {
    for number in 0..count {
        let id = u16::try_from((number / 8000) & 0xffff).unwrap_or_default();
        let offset = u16::try_from(number % 8000).unwrap_or_default() + 1;
        let part = Part { id, offset, more: true };
        take(at(number), &ip(host(number >> 28), host(1 << 23), 17, Some(part), &[7]));
    }
}

fn weird(count: u32, take: Take<'_>) {
    for number in 0..count {
        let [a, b, c, d, ..] = scramble(number).to_be_bytes();
        take(at(number), &ip([a, b, c, d].into(), host(1), 6, None, &[7; 10]));
    }
}

/// Reading a register.
const READ: [u8; 12] = [0, 1, 0, 0, 0, 6, 1, 3, 0, 0, 0, 1];

fn modbus_hosts(count: u32, take: Take<'_>) {
    for number in 0..count {
        let client = End { addr: host(number * 2), port: 40_000 };
        let server = End { addr: host(number * 2 + 1), port: 502 };
        take(at(number), &segment(client, server, 1, ACK, &READ));
    }
}

fn dns_names(count: u32, take: Take<'_>) {
    for number in 0..count {
        let mut reply = vec![0, 1, 0x81, 0x80, 0, 1, 0, 1, 0, 0, 0, 0];
        let name = format!("{number:x}");
        reply.push(u8::try_from(name.len()).unwrap_or_default());
        reply.extend(name.bytes());
        reply.extend([0, 0, 1, 0, 1, 0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4]);
        reply.extend([10, 9, 8, 7]);
        let server = End { addr: host(1), port: 53 };
        take(at(number), &udp(server, End { addr: host(number), port: 40_000 }, &reply));
    }
}

fn dhcp_hosts(count: u32, take: Take<'_>) {
    for number in 0..count {
        let mut request = vec![1, 1, 6, 0];
        request.extend(number.to_be_bytes());
        request.extend([0; 20]);
        request.extend([2, 0]);
        request.extend(number.to_be_bytes());
        request.extend([0; 202]);
        request.extend([99, 130, 83, 99, 53, 1, 3, 50, 4]);
        request.extend(number.to_be_bytes());
        let name = format!("{number:08x}");
        request.extend([12, 8]);
        request.extend(name.bytes());
        request.push(255);
        let server = End { addr: host(1), port: 67 };
        take(at(number), &udp(End { addr: host(number), port: 68 }, server, &request));
    }
}

fn tunnels(count: u32, take: Take<'_>) {
    for number in 0..count {
        let [a, b, c, d, p, q, r, s] = scramble(number).to_be_bytes();
        let inside = [End { addr: [a, b, c, d].into(), port: 9 }, End { addr: [d, c, b, a].into(), port: 9 }];
        let mut frame = vec![8, 0, 0, 0, 0, 0, r, 0, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 8, 0];
        frame.extend(udp(inside[0], inside[1], &[7; 20]));
        let outside = End { addr: [10, p, q, r].into(), port: u16::from_be_bytes([r, s]) };
        take(at(number), &udp(outside, End { addr: [10, s, r, q].into(), port: 4789 }, &frame));
    }
}

fn dns_waiting(count: u32, take: Take<'_>) {
    let mut reply = vec![0, 1, 0x81, 0x80, 0, 0, 0x03, 0xe8, 0, 0, 0, 0];
    // A name that all others point to.
    let mut name = vec![];
    for _ in 0..3 {
        name.push(60);
        name.extend([b'a'; 60]);
    }
    name.push(0);
    for number in 0..1000 {
        if number == 0 {
            reply.extend(&name);
        } else {
            reply.extend([0xc0, 12]);
        }
        reply.extend([0, 5, 0, 1, 0, 0, 0, 60, 0, 2, 0xc0, 12]);
    }
    let length = u16::try_from(reply.len()).unwrap_or_default();
    let message = [&length.to_be_bytes()[..], &reply].concat();
    many(count, 53, take, &|round, client, server, take| {
        let length = u32::try_from(message.len()).unwrap_or_default();
        take(&segment(server, client, 1 + round * length, ACK, &message));
    });
}

fn modbus_open(count: u32, take: Take<'_>) {
    let mut write = vec![0, 1, 0, 0, 0, 251, 1, 16, 0, 0, 0, 122, 244];
    write.extend([7; 244]);
    many(count, 502, take, &|round, client, server, take| {
        let length = u32::try_from(write.len()).unwrap_or_default();
        take(&segment(client, server, 1 + round * length, ACK, &write));
    });
}

fn modbus_coils(count: u32, take: Take<'_>) {
    let mut coils = vec![0, 1, 0, 0, 0, 253, 1, 1, 250];
    coils.extend([7; 250]);
    many(count, 502, take, &|round, client, server, take| {
        let length = u32::try_from(coils.len()).unwrap_or_default();
        take(&segment(client, server, 1 + round * 12, ACK, &[0, 1, 0, 0, 0, 6, 1, 1, 0, 0, 7, 208]));
        take(&segment(server, client, 1 + round * length, ACK, &coils));
    });
}

fn smb_halves(count: u32, take: Take<'_>) {
    let mut half = vec![0, 3, 0xff, 0xfc, 0xfe, b'S', b'M', b'B'];
    half.resize(1400, 7);
    many(count, 445, take, &|round, client, server, take| {
        take(&segment(client, server, 1 + round * 1400, ACK, &half));
    });
}

fn clock(count: u32, take: Take<'_>) {
    for number in 0..count {
        let [a, b, c, d, ..] = scramble(number).to_be_bytes();
        let from = End { addr: [a, b, c, d].into(), port: 7 };
        take(START - Span(i64::from(number) * 10_000_000), &udp(from, End { addr: host(1), port: 9 }, &[7]));
    }
}
