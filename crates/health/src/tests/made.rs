//! A small plant as a tap should show it: an operator station polls four controllers, asks a name server
//! behind a router, and a controller sends its heartbeat over a conduit that goes one way. Every frame is
//! whole and every checksum right.

use model::Time;

/// Time and bytes of a frame.
pub(crate) type Frame = (Time, Vec<u8>);

/// What a tap showed.
#[derive(Clone, Default)]
pub(crate) struct Tape {
    pub(crate) frames: Vec<Frame>,
}

/// A host; its identifications count up.
#[derive(Clone, Copy)]
pub(crate) struct Host {
    pub(crate) ip: [u8; 4],
    pub(crate) mac: [u8; 6],
    pub(crate) id: u16,
}

pub(crate) const START_S: i64 = 1_700_000_000;
const ROUTER: [u8; 6] = [2, 0, 0, 0, 0, 1];
const TTL: u8 = 64;
pub(crate) const ACK: u8 = 0x10;
const PSH_ACK: u8 = 0x18;
const SYN: u8 = 0x02;

pub(crate) fn host(ip: [u8; 4]) -> Host {
    let [_, b, c, d] = ip;
    Host { ip, mac: [2, 0, 1, b, c, d], id: 1000 }
}

/// Nanoseconds after the start.
pub(crate) fn at(ns: i64) -> Time {
    Time::from_s_ns(START_S, 0) + model::Span(ns)
}

pub(crate) const MS: i64 = 1_000_000;
pub(crate) const S: i64 = 1_000 * MS;

/// Ones' complement of the sum of 16-bit words (RFC 1071).
fn checksum(bytes: &[u8]) -> u16 {
    let word = |pair: &[u8]| u32::from(pair[0]) << 8 | u32::from(*pair.get(1).unwrap_or(&0));
    let mut sum: u32 = bytes.chunks(2).map(word).sum();
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !u16::try_from(sum).unwrap()
}

/// The transport checksum, its field being zero.
fn transport_sum(from: [u8; 4], to: [u8; 4], protocol: u8, segment: &[u8]) -> u16 {
    let len = u16::try_from(segment.len()).unwrap().to_be_bytes();
    let mut bytes = [from, to, [0, protocol, len[0], len[1]]].concat();
    bytes.extend(segment);
    checksum(&bytes)
}

pub(crate) fn ethernet(from: [u8; 6], to: [u8; 6], kind: u16, payload: &[u8]) -> Vec<u8> {
    let mut frame = [&to[..], &from, &kind.to_be_bytes(), payload].concat();
    frame.resize(frame.len().max(60), 0);
    frame
}

pub(crate) fn ipv4(from: &mut Host, to: &Host, protocol: u8, segment: &[u8]) -> Vec<u8> {
    from.id = from.id.wrapping_add(1).max(1);
    let len = u16::try_from(20 + segment.len()).unwrap().to_be_bytes();
    let id = from.id.to_be_bytes();
    let mut packet = vec![0x45, 0, len[0], len[1], id[0], id[1], 0x40, 0, TTL, protocol, 0, 0];
    packet.extend([from.ip, to.ip].concat());
    let sum = checksum(&packet).to_be_bytes();
    packet[10..12].copy_from_slice(&sum);
    packet.extend(segment);
    let next = if from.ip[..3] == to.ip[..3] { to.mac } else { ROUTER };
    ethernet(from.mac, next, 0x0800, &packet)
}

pub(crate) fn udp(from: &mut Host, to: &Host, ports: (u16, u16), payload: &[u8]) -> Vec<u8> {
    let len = u16::try_from(8 + payload.len()).unwrap();
    let mut datagram = [ports.0, ports.1, len, 0].map(u16::to_be_bytes).concat();
    datagram.extend(payload);
    let sum = transport_sum(from.ip, to.ip, 17, &datagram).to_be_bytes();
    datagram[6..8].copy_from_slice(&sum);
    ipv4(from, to, 17, &datagram)
}

pub(crate) fn icmp(from: &mut Host, to: &Host, kind: u8, code: u8) -> Vec<u8> {
    let mut message = vec![kind, code, 0, 0, 0, 0, 0, 0];
    message.extend([0x45; 28]);
    let sum = checksum(&message).to_be_bytes();
    message[2..4].copy_from_slice(&sum);
    ipv4(from, to, 1, &message)
}

pub(crate) fn arp_reply(from: &Host, to: &Host) -> Vec<u8> {
    let mut packet = vec![0, 1, 8, 0, 6, 4, 0, 2];
    packet.extend(from.mac);
    packet.extend(from.ip);
    packet.extend(to.mac);
    packet.extend(to.ip);
    ethernet(from.mac, to.mac, 0x0806, &packet)
}

/// A TCP connection; `next` are the numbers of each end's next byte.
pub(crate) struct Tcp {
    pub(crate) ports: (u16, u16),
    pub(crate) next: [u32; 2],
}

impl Tcp {
    /// A segment from one end (0 called, 1 was called).
    pub(crate) fn segment(
        &mut self,
        (from, to): (&mut Host, &Host),
        side: usize,
        flags: u8,
        payload: &[u8],
    ) -> Vec<u8> {
        let ports = if side == 0 { self.ports } else { (self.ports.1, self.ports.0) };
        let ack = if flags & ACK == 0 { 0 } else { self.next[1 - side] };
        let mut segment = [ports.0, ports.1].map(u16::to_be_bytes).concat();
        segment.extend(self.next[side].to_be_bytes());
        segment.extend(ack.to_be_bytes());
        segment.extend([0x50, flags, 0x20, 0, 0, 0, 0, 0]);
        segment.extend(payload);
        let sum = transport_sum(from.ip, to.ip, 6, &segment).to_be_bytes();
        segment[16..18].copy_from_slice(&sum);
        let count = u32::try_from(payload.len()).unwrap() + u32::from(flags & SYN != 0);
        self.next[side] = self.next[side].wrapping_add(count);
        ipv4(from, to, 6, &segment)
    }
}

impl Tape {
    pub(crate) fn put(&mut self, ns: i64, frame: Vec<u8>) {
        self.frames.push((at(ns), frame));
    }

    /// The frames in order of time.
    pub(crate) fn sorted(mut self) -> Self {
        self.frames.sort_by_key(|(time, _)| *time);
        self
    }

    /// Every frame as `change` makes it: none, one or several.
    pub(crate) fn map(&self, mut change: impl FnMut(usize, &Frame) -> Vec<Frame>) -> Self {
        let frames = self.frames.iter().enumerate().flat_map(|(number, frame)| change(number, frame));
        Self { frames: frames.collect() }.sorted()
    }
}

/// The plant for as many seconds.
pub(crate) fn plant(seconds: i64) -> Tape {
    let mut tape = Tape::default();
    let mut station = host([10, 1, 1, 10]);
    let mut heart = host([10, 1, 1, 21]);
    heart.id = 30_000;
    for number in 0..4u8 {
        poll(&mut tape, &mut station, number, seconds);
    }
    ask_names(&mut tape, &mut station, seconds);
    for second in 0..seconds {
        let far = host([10, 2, 9, 9]);
        let beat = udp(&mut heart, &far, (6000, 6000), &[b"beat", &second.to_be_bytes()[..]].concat());
        tape.put(second * S + 700 * MS, beat);
    }
    tape.sorted()
}

/// Polls of one controller, once a second: question, answer, and an acknowledgment 40 ms later.
fn poll(tape: &mut Tape, station: &mut Host, number: u8, seconds: i64) {
    let mut controller = host([10, 1, 1, 21 + number]);
    let mut tcp = Tcp { ports: (50_000 + u16::from(number), 502), next: [u32::MAX - 500, 9000] };
    let begin = i64::from(number) * 100 * MS;
    tape.put(begin, tcp.segment((station, &controller), 0, SYN, &[]));
    tape.put(begin + MS, tcp.segment((&mut controller, station), 1, SYN | ACK, &[]));
    tape.put(begin + 2 * MS, tcp.segment((station, &controller), 0, ACK, &[]));
    for second in 0..seconds {
        let begin = begin + second * S + 10 * MS;
        let tid = u16::try_from(second % 60_000).unwrap().to_be_bytes();
        let question = [tid[0], tid[1], 0, 0, 0, 6, 1, 3, 0, 0, 0, 10];
        let mut answer = vec![tid[0], tid[1], 0, 0, 0, 23, 1, 3, 20];
        answer.extend([number; 20]);
        tape.put(begin, tcp.segment((station, &controller), 0, PSH_ACK, &question));
        tape.put(begin + 5 * MS, tcp.segment((&mut controller, station), 1, PSH_ACK, &answer));
        tape.put(begin + 45 * MS, tcp.segment((station, &controller), 0, ACK, &[]));
    }
}

fn ask_names(tape: &mut Tape, station: &mut Host, seconds: i64) {
    let mut server = host([10, 1, 2, 53]);
    server.mac = ROUTER;
    for second in (0..seconds).step_by(5) {
        let id = u16::try_from(second % 60_000).unwrap().to_be_bytes();
        let port = 40_000 + u16::try_from(second % 20_000).unwrap();
        let message =
            |flags| [&id[..], &[flags, 0, 0, 1, 0, 0, 0, 0, 0, 0], b"\x04plc1\0\0\x01\0\x01"].concat();
        tape.put(second * S + 500 * MS, udp(station, &server, (port, 53), &message(0x01)));
        tape.put(second * S + 501 * MS, udp(&mut server, station, (53, port), &message(0x81)));
    }
}

/// The frame with a VLAN tag.
pub(crate) fn tagged(frame: &[u8], vlan: u16) -> Vec<u8> {
    [&frame[..12], &[0x81, 0x00], &vlan.to_be_bytes(), &frame[12..]].concat()
}

/// The frame behind the next router.
pub(crate) fn routed(frame: &[u8]) -> Vec<u8> {
    let mut frame = frame.to_vec();
    frame[6..12].copy_from_slice(&[2, 0, 0, 0, 0, 0x77]);
    frame[22] -= 1;
    frame[24..26].fill(0);
    let sum = checksum(&frame[14..34]).to_be_bytes();
    frame[24..26].copy_from_slice(&sum);
    frame
}

/// The frame as the sender's own capture has it: the checksum covers the pseudo header only.
pub(crate) fn offloaded(frame: &[u8]) -> Vec<u8> {
    let mut frame = frame.to_vec();
    let place = match frame[23] {
        6 => 50,
        17 => 40,
        _ => return frame,
    };
    let len = usize::from(u16::from_be_bytes([frame[16], frame[17]])) - 20;
    let len = u16::try_from(len).unwrap().to_be_bytes();
    let pseudo = [&frame[26..34], &[0, frame[23], len[0], len[1]]].concat();
    let sum = (!checksum(&pseudo)).to_be_bytes();
    frame[place..place + 2].copy_from_slice(&sum);
    frame
}

/// Who sent it, by the last byte of the address; 0 where it carries no IPv4.
pub(crate) fn sender(frame: &[u8]) -> u8 {
    if frame[12..14] == [8, 0] { frame[29] } else { 0 }
}
