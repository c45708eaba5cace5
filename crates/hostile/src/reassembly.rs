use crate::input::Input;
use crate::packets::{ACK, End, FIN, Part, SYN, Segment, hand, ip};
use crate::rows::{Line, Log};
use model::{Span, Time};
use sensor::Sensor;
use std::net::{IpAddr, Ipv6Addr};

/// Steps that are played.
const STEPS_MAX: usize = 160;

/// PDUs of each side.
const PDUS_MAX: usize = 200;

/// Bytes that wait while nothing was acknowledged, see `sensor::stream`: beyond it a hole is given up.
const WAITING_UNACKED_MAX: usize = 16 * 1024;

const START: Time = Time(1_700_000_000_000_000_000);

/// Streams put together again: segments and fragments in any order, several times, over each other, with other bytes.
///
/// Bytes: options (IPv6, no handshake), first sequence numbers of both sides, PDUs of each side, then steps as
/// [`Game::step`] reads them. The streams are Modbus, so that rows tell what was delivered.
///
/// What was delivered is what came first at each place, once and in order: the rows are those of the same bytes sent in
/// order, as long as nobody acknowledges what was not seen. Beyond that no PDU comes twice or too early.
pub(crate) fn run(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    let mut game = Game::new(&mut input);
    for _ in 0..STEPS_MAX {
        if input.is_empty() {
            break;
        }
        game.step(&mut input);
    }
    game.end();
}

/// What one side sends.
struct Side {
    end: End,
    /// Sequence number of the first byte.
    first: u32,
    stream: Stream,
    /// What came first at each place, of what has come.
    seen: Vec<Option<u8>>,
    /// Everything before has come.
    whole: usize,
    /// Bytes behind it that have come.
    waiting: usize,
    /// Up to here the other side has acknowledged.
    acked: usize,
}

/// Bytes of PDUs.
struct Stream {
    bytes: Vec<u8>,
    /// Whether a byte can be another without a PDU ending elsewhere.
    free: Vec<bool>,
}

/// Both sides, the sensor that sees the disorder, and one that sees the same bytes in order.
struct Game {
    sides: [Side; 2],
    time: Time,
    number: u64,
    /// Fragmented packets so far.
    fragmented: u16,
    /// Something was acknowledged that had not come, or too much waits: holes may be given up.
    holes: bool,
    wild: (Sensor, Log),
    tame: (Sensor, Log),
}

impl Game {
    fn new(input: &mut Input<'_>) -> Self {
        let options = input.u8();
        let host = |last: u8| -> IpAddr {
            let v6 = Ipv6Addr::from([0xfd00, 0, 0, 0, 0, 0, 0, u16::from(last)]);
            if options & 1 == 0 { [10, 0, 0, last].into() } else { v6.into() }
        };
        let count = 1 + input.below(PDUS_MAX);
        let mut side = |answers: bool, port| Side {
            end: End { addr: host(1 + u8::from(answers)), port },
            first: input.u32(),
            stream: stream(count, answers),
            seen: vec![],
            whole: 0,
            waiting: 0,
            acked: 0,
        };
        let mut sides = [side(false, 40_000), side(true, 502)];
        sides.iter_mut().for_each(|side| side.seen = vec![None; side.stream.bytes.len()]);
        let both = || (Sensor::new(0), Log::default());
        let (wild, tame) = (both(), both());
        let mut game = Self { sides, time: START, number: 0, fragmented: 0, holes: false, wild, tame };
        if options & 2 == 0 {
            game.handshake();
        } else {
            // Numbers begin with the first segment that is seen.
            game.both(0, ACK, 0..1, false, None);
            game.both(1, ACK, 0..1, false, None);
        }
        game
    }

    fn handshake(&mut self) {
        for (own, flags) in [(0, SYN), (1, SYN | ACK), (0, ACK)] {
            let (side, other) = (&self.sides[own], &self.sides[1 - own]);
            let seq = side.first.wrapping_sub(u32::from(flags & SYN != 0));
            let segment = Segment { from: side.end, to: other.end, seq, ack: other.first, flags, data: &[] };
            let packet = self.plain(&segment);
            self.time = self.time + Span(1000);
            self.number += 1;
            self.hand(false, &packet);
            self.hand(true, &packet);
        }
    }

    /// Plays a step. Bytes: a byte of what is done, whose first bit is the side, then what that takes.
    fn step(&mut self, input: &mut Input<'_>) {
        let what = input.u8();
        let own = usize::from(what >> 7);
        let size = self.sides[own].stream.bytes.len();
        match what & 0x0f {
            // The next bytes, usually.
            0..=4 => {
                let start = self.sides[own].whole;
                self.both(own, ACK, start..start + 1 + usize::from(input.u8()), false, None);
            }
            // Bytes from anywhere, perhaps others than the sender's.
            5..=9 => {
                let start = input.below(size);
                let end = start + 1 + usize::from(input.u8());
                self.both(own, ACK, start..end, what & 0x10 != 0, None);
            }
            // Near what is awaited.
            10 | 11 => {
                let start = (self.sides[own].whole + input.below(64)).saturating_sub(24);
                let end = start + 1 + usize::from(input.u8());
                self.both(own, ACK, start..end, what & 0x10 != 0, None);
            }
            // In fragments.
            12 | 13 => {
                let start = (self.sides[own].whole + input.below(32)).saturating_sub(8);
                let end = start + 1 + usize::from(input.u16() % 1400);
                self.both(own, ACK, start..end, false, Some(input));
            }
            // Something is acknowledged that may not have come.
            14 => self.acknowledge(own, input.below(size + 1)),
            _ => self.time = self.time + Span(i64::from(input.u8()) * 100_000),
        }
        self.check_bounds();
    }

    /// Sends the bytes of `range`, to both sensors; the second gets what became whole with it, in order.
    fn both(
        &mut self,
        own: usize,
        flags: u8,
        range: std::ops::Range<usize>,
        other_bytes: bool,
        fragments: Option<&mut Input<'_>>,
    ) {
        let side = &self.sides[own];
        let end = range.end.min(side.stream.bytes.len());
        let start = range.start.min(end);
        let mut data = side.stream.bytes[start..end].to_vec();
        if other_bytes {
            // As an attacker does who wants to be seen otherwise than read.
            let free = side.stream.free[start..end].iter().zip(&mut data).filter(|(free, _)| **free);
            free.for_each(|(_, byte)| *byte ^= 0x88);
        }
        self.time = self.time + Span(1000);
        self.number += 1;
        let segment = self.segment(own, flags, start, &data, false);
        let (packets, whole) = match fragments {
            None => (vec![self.plain(&segment)], true),
            Some(input) => self.fragments(&segment, input),
        };
        packets.iter().for_each(|packet| self.hand(false, packet));
        self.learn(own, start, if whole { &data } else { &[] });
    }

    fn segment<'a>(&self, own: usize, flags: u8, start: usize, data: &'a [u8], tame: bool) -> Segment<'a> {
        let (side, other) = (&self.sides[own], &self.sides[1 - own]);
        let place = |first: u32, at: usize| first.wrapping_add(u32::try_from(at).unwrap());
        let acked = if tame { other.whole.min(other.acked) } else { other.acked };
        Segment {
            from: side.end,
            to: other.end,
            seq: place(side.first, start),
            ack: place(other.first, acked),
            flags,
            data,
        }
    }

    fn plain(&self, segment: &Segment<'_>) -> Vec<u8> {
        ip(segment.from.addr, segment.to.addr, 6, None, &segment.bytes())
    }

    /// Takes note of what came, and tells the sensor that sees order what is whole with it.
    fn learn(&mut self, own: usize, start: usize, data: &[u8]) {
        let side = &mut self.sides[own];
        for (at, byte) in (start..).zip(data) {
            if at >= side.acked && side.seen[at].is_none() {
                side.seen[at] = Some(*byte);
                side.waiting += 1;
            }
        }
        let from = side.whole;
        while side.seen.get(side.whole).is_some_and(Option::is_some) {
            side.whole += 1;
            side.waiting -= 1;
        }
        let new: Vec<u8> = side.seen[from..side.whole].iter().flatten().copied().collect();
        self.holes |= side.waiting > WAITING_UNACKED_MAX;
        if !self.holes {
            let segment = self.segment(own, ACK, from, &new, true);
            let packet = self.plain(&segment);
            self.hand(true, &packet);
        }
    }

    /// The side acknowledges what the other sent, up to a place.
    fn acknowledge(&mut self, own: usize, to: usize) {
        let other = &mut self.sides[1 - own];
        other.acked = other.acked.max(to);
        self.holes |= other.acked > other.whole;
        let start = self.sides[own].whole;
        self.both(own, ACK, start..start, false, None);
    }

    /// The segment in fragments, and whether all of them are there. Bytes: for each a length in units of eight bytes, 0
    /// being all that is left, with one bit that it comes twice and one that it never comes; then its place among those
    /// before.
    fn fragments(&mut self, segment: &Segment<'_>, input: &mut Input<'_>) -> (Vec<Vec<u8>>, bool) {
        self.fragmented += 1;
        let bytes = segment.bytes();
        let (mut packets, mut at, mut whole) = (vec![], 0, true);
        while at < bytes.len() {
            let what = input.u8();
            let length = if what & 0x3f == 0 { bytes.len() } else { usize::from(what & 0x3f) * 8 };
            let end = bytes.len().min(at + length);
            let offset = u16::try_from(at / 8).unwrap();
            let part = Part { id: self.fragmented, offset, more: end < bytes.len() };
            let packet = ip(segment.from.addr, segment.to.addr, 6, Some(part), &bytes[at..end]);
            let place = input.below(packets.len() + 1);
            match what >> 6 {
                0 | 1 => packets.insert(place, packet),
                2 => drop(packets.splice(place..place, [packet.clone(), packet])),
                _ => whole = false,
            }
            at = end;
        }
        (packets, whole)
    }

    fn hand(&mut self, tame: bool, packet: &[u8]) {
        let (sensor, log) = if tame { &mut self.tame } else { &mut self.wild };
        hand(sensor, self.number, self.time, packet, log);
    }

    fn check_bounds(&self) {
        assert_eq!(self.wild.0.counters().panics, 0);
    }

    fn end(mut self) {
        for own in [0, 1] {
            let start = self.sides[own].whole;
            self.both(own, FIN | ACK, start..start, false, None);
        }
        for (sensor, log) in [&mut self.wild, &mut self.tame] {
            sensor.finish(log);
            assert_eq!(sensor.held(), 0);
        }
        self.check_bounds();
        let said = |log: &Log| -> Vec<Line> {
            log.of(|log| log.starts_with("modbus")).into_iter().cloned().collect()
        };
        if !self.holes {
            assert_eq!(said(&self.wild.1), said(&self.tame.1), "the rows are those of the bytes in order");
        }
        in_order(&said(&self.wild.1));
    }
}

/// `count` PDUs: transaction identifiers count up, and nothing but a head looks like one.
fn stream(count: usize, answers: bool) -> Stream {
    let (mut bytes, mut free) = (vec![], vec![]);
    for number in 0..u16::try_from(count).unwrap() {
        // No byte of an identifier is 0.
        bytes.extend([1, u8::try_from(number + 1).unwrap(), 0, 0]);
        let head = bytes.len() + 4;
        match (number % 3 == 2, answers) {
            (false, false) => bytes.extend([0, 6, 1, 3, 0x11, 0x22, 0x01, 0x7d]),
            (false, true) => bytes.extend([0, 7, 1, 3, 4, 0x33, 0x44, 0x55, 0x66]),
            (true, false) => {
                bytes.extend([0, 251, 1, 16, 0x11, 0x22, 0x01, 122, 244]);
                bytes.extend([0x77; 244]);
            }
            (true, true) => bytes.extend([0, 6, 1, 16, 0x11, 0x22, 0x01, 122]),
        }
        // The first PDU is what the conversation is known by.
        free.resize(head, false);
        free.resize(bytes.len(), number > 0);
    }
    Stream { bytes, free }
}

/// No PDU comes twice, and none before one that was sent earlier.
fn in_order(lines: &[Line]) {
    let mut last = [0u16; 2];
    for line in lines.iter().filter(|line| line.log == "modbus") {
        let columns: Vec<&str> = line.text.split('\t').collect();
        let (id, answer) = (columns[6].parse::<u16>().unwrap(), columns[9] == "RESP");
        // Behind a hole what is left of a head can be taken for one.
        if id >> 8 != 1 || id & 0xff == 0 {
            continue;
        }
        let last = &mut last[usize::from(answer)];
        assert!(id > *last, "{id} after {last}");
        *last = id;
    }
}
