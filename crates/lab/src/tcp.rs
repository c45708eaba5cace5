//! A TCP conversation that keeps its own sequence numbers, acknowledgements and ports (RFC 9293).

use crate::bytes::Put;
use crate::frames::{self, FrameId, Station, Tape};
use crate::random::Random;
use model::{Span, Time};

/// Which end speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// The end that opens the conversation.
    Client,
    /// The end that is called.
    Server,
}

/// What an end's TCP looks like from outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stack {
    /// A Windows computer: window scaling and selective acknowledgements offered.
    Windows,
    /// A controller or other small device: maximum segment size alone.
    Embedded,
}

/// Two ends and the path between them, as a tap sees it.
#[derive(Clone, Copy, Debug)]
pub struct Path {
    /// The end that opens.
    pub client: Station,
    /// The end that is called.
    pub server: Station,
    /// TCP of the server; clients are Windows computers.
    pub server_stack: Stack,
    /// Time from the tap to the server and back.
    pub server_trip: Span,
    /// Time from the tap to the client and back.
    pub client_trip: Span,
}

/// An open conversation.
#[derive(Debug)]
pub struct Conversation {
    client: End,
    server: End,
    /// Time of the last frame; the next one is later.
    now: Time,
    /// Who has received bytes that it has not acknowledged yet.
    owes: Option<Side>,
    path: Path,
    random: Random,
}

#[derive(Debug)]
struct End {
    station: Station,
    port: u16,
    /// Sequence number of its next byte.
    next: u32,
    stack: Stack,
    /// Window as it stands in its segments, after scaling.
    window: u16,
    identification: u16,
}

const FIN: u8 = 0x01;
const SYN: u8 = 0x02;
const RST: u8 = 0x04;
const PSH: u8 = 0x08;
const ACK: u8 = 0x10;

/// Largest segment on Ethernet: 1500 bytes without the IPv4 and TCP headers.
const SEGMENT_MAX: usize = 1460;
const SEGMENT_GAP: Span = Span(12_000);
/// An end acknowledges at once when it has something to say, else after this time (RFC 9293, 3.8.6.3).
const ACK_DELAY_MS: (i64, i64) = (38, 44);

impl Conversation {
    /// Opens a conversation with three frames, the first of them at `at`.
    pub(crate) fn open(tape: &mut Tape, path: Path, ports: (u16, u16), at: Time, mut random: Random) -> Self {
        let scaled = path.server_stack == Stack::Windows;
        let mut end = |station, port, stack, window| {
            let (next, identification) = (random.u32(), random.u16());
            End { station, port, next, stack, window, identification }
        };
        let client = end(path.client, ports.0, Stack::Windows, 64_240);
        let server = end(path.server, ports.1, path.server_stack, if scaled { 65_535 } else { 8192 });
        let mut talk = Self { client, server, now: at, owes: None, path, random };
        talk.segment(tape, Side::Client, SYN, &[], at);
        let answered = talk.now + talk.trip(Side::Server);
        talk.segment(tape, Side::Server, SYN | ACK, &[], answered);
        if scaled {
            (talk.client.window, talk.server.window) = (1026, 1026);
        }
        let confirmed = talk.now + talk.trip(Side::Client);
        talk.segment(tape, Side::Client, ACK, &[], confirmed);
        talk
    }

    /// A call that a firewall answers in the server's place: SYN, and the reset that says no.
    pub(crate) fn refuse(tape: &mut Tape, path: Path, ports: (u16, u16), at: Time, mut random: Random) {
        let end = |station, port, stack, next, window, identification| End {
            station,
            port,
            next,
            stack,
            window,
            identification,
        };
        let server = end(path.server, ports.1, path.server_stack, 0, 0, random.u16());
        let client = end(path.client, ports.0, Stack::Windows, random.u32(), 64_240, random.u16());
        let mut talk = Self { client, server, now: at, owes: None, path, random };
        talk.segment(tape, Side::Client, SYN, &[], at);
        let refused = talk.now + talk.trip(Side::Client);
        talk.segment(tape, Side::Server, RST | ACK, &[], refused);
    }

    /// Lets the end that owes an acknowledgement send it, when by `now` it cannot wait any longer.
    pub(crate) fn acknowledge(&mut self, tape: &mut Tape, now: Time) {
        let longest = Span(ACK_DELAY_MS.1 * 1_000_000);
        if let Some(owing) = self.owes.filter(|_| now > self.now + longest) {
            self.settle(tape, owing.other(), now);
        }
    }

    /// Time of the last frame.
    pub fn now(&self) -> Time {
        self.now
    }

    /// Sends `bytes` from one end, at `at` or right after what came before; gives the frame that holds their
    /// end.
    pub fn send(&mut self, tape: &mut Tape, side: Side, at: Time, bytes: &[u8]) -> FrameId {
        self.settle(tape, side, at);
        let at = at.max(self.now + SEGMENT_GAP);
        let mut last = None;
        let count = bytes.len().div_ceil(SEGMENT_MAX).max(1);
        for (number, part) in (1..).zip(bytes.chunks(SEGMENT_MAX)) {
            let flags = if number == count { PSH | ACK } else { ACK };
            last = Some(self.segment(tape, side, flags, part, at));
            if number % 2 == 0 && number < count {
                let acknowledged = self.now + self.trip(side.other());
                self.segment(tape, side.other(), ACK, &[], acknowledged);
            }
        }
        self.owes = Some(side.other());
        last.unwrap_or_else(|| self.segment(tape, side, ACK, &[], at))
    }

    /// Sends `bytes` about `pause` after the last frame: never before, and at most a sixth later.
    pub fn say(&mut self, tape: &mut Tape, side: Side, pause: Span, bytes: &[u8]) -> FrameId {
        let at = self.now + self.about(pause);
        self.send(tape, side, at, bytes)
    }

    /// Closes from one end: FIN, acknowledgement, FIN of the other, acknowledgement.
    pub fn close(&mut self, tape: &mut Tape, side: Side, at: Time) {
        self.settle(tape, side, at);
        self.segment(tape, side, FIN | ACK, &[], at);
        let acknowledged = self.now + self.trip(side.other());
        self.segment(tape, side.other(), ACK, &[], acknowledged);
        self.segment(tape, side.other(), FIN | ACK, &[], acknowledged + Span(180_000));
        let acknowledged = self.now + self.trip(side);
        self.segment(tape, side, ACK, &[], acknowledged);
    }

    /// Breaks off from one end with a reset.
    pub fn reset(&mut self, tape: &mut Tape, side: Side, at: Time) {
        self.settle(tape, side, at);
        self.segment(tape, side, RST | ACK, &[], at);
    }

    /// Lets the end that owes an acknowledgement send it, if it would not ride on what `side` sends at `at`.
    fn settle(&mut self, tape: &mut Tape, side: Side, at: Time) {
        let Some(owing) = self.owes.take() else { return };
        let (low, high) = ACK_DELAY_MS;
        let delayed = self.now + Span(self.random.between(low * 1000, high * 1000) * 1000);
        if owing == side && at <= delayed {
            return;
        }
        // The sender of bytes cannot send more of them in the same breath and be acknowledged after that.
        let gap = Span((at - self.now).0 / 2);
        let when = if at <= delayed { self.now + gap } else { delayed };
        self.segment(tape, owing, ACK, &[], when);
    }

    fn segment(&mut self, tape: &mut Tape, side: Side, flags: u8, bytes: &[u8], at: Time) -> FrameId {
        self.now = at.max(self.now + SEGMENT_GAP);
        let acknowledged = if flags & ACK == 0 { 0 } else { self.end(side.other()).next };
        let (from, to) = match side {
            Side::Client => (&mut self.client, &self.server),
            Side::Server => (&mut self.server, &self.client),
        };
        let options = if flags & SYN == 0 { &[][..] } else { options(from.stack) };
        let segment = header(from, to, acknowledged, flags, options, bytes);
        let counted = u32::from(flags & (SYN | FIN) != 0);
        let length = u32::try_from(bytes.len()).unwrap_or_default();
        from.next = from.next.wrapping_add(length).wrapping_add(counted);
        from.identification = from.identification.wrapping_add(1);
        tape.record(
            self.now,
            frames::ipv4(from.station, to.station, frames::TCP, from.identification, &segment),
        )
    }

    fn trip(&mut self, to: Side) -> Span {
        self.about(match to {
            Side::Client => self.path.client_trip,
            Side::Server => self.path.server_trip,
        })
    }

    fn about(&mut self, span: Span) -> Span {
        Span(span.0.saturating_add(self.random.between(0, span.0 / 6)))
    }

    fn end(&self, side: Side) -> &End {
        match side {
            Side::Client => &self.client,
            Side::Server => &self.server,
        }
    }
}

impl Side {
    /// The other end.
    pub fn other(self) -> Self {
        match self {
            Side::Client => Side::Server,
            Side::Server => Side::Client,
        }
    }
}

fn header(from: &End, to: &End, acknowledged: u32, flags: u8, options: &[u8], bytes: &[u8]) -> Vec<u8> {
    let words = u8::try_from(5 + options.len() / 4).unwrap_or(5);
    let mut segment = vec![];
    segment.u16(from.port).u16(to.port).u32(from.next).u32(acknowledged).u8(words << 4).u8(flags);
    segment.u16(from.window).u16(0).u16(0).put(options).put(bytes);
    let sum = frames::transport_checksum(from.station.ip, to.station.ip, frames::TCP, &segment);
    if let Some(field) = segment.get_mut(16..18) {
        field.copy_from_slice(&sum.to_be_bytes());
    }
    segment
}

/// Options of a SYN: maximum segment size 1460; from a Windows computer also window scale 8 and SACK
/// permitted.
fn options(stack: Stack) -> &'static [u8] {
    match stack {
        Stack::Windows => &[2, 4, 0x05, 0xb4, 1, 3, 3, 8, 1, 1, 4, 2],
        Stack::Embedded => &[2, 4, 0x05, 0xb4],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::Mac;

    fn path() -> Path {
        let station =
            |last| Station { mac: Mac([2, 0, 0, 0, 0, last]), ip: [10, 0, 0, last].into(), ttl: 64 };
        let (client_trip, server_trip) = (Span(90_000), Span(400_000));
        Path {
            client: station(1),
            server: station(2),
            server_stack: Stack::Embedded,
            server_trip,
            client_trip,
        }
    }

    /// Side, flags, sequence and acknowledgement number relative to the start, payload length.
    fn trace(tape: Tape) -> Vec<(u8, u8, u32, u32, usize)> {
        let word = |f: &[u8], at: usize| u32::from_be_bytes(f[at..at + 4].try_into().unwrap());
        let frames = tape.finish().frames;
        let start =
            [1, 2].map(|last| frames.iter().find(|(_, f)| f[29] == last).map(|(_, f)| word(f, 38)).unwrap());
        let line = |(_, f): &(Time, Vec<u8>)| {
            let (own, other) = if f[29] == 1 { (start[0], start[1]) } else { (start[1], start[0]) };
            let length = usize::from(u16::from_be_bytes([f[16], f[17]])) - 20 - usize::from(f[46] >> 4) * 4;
            let ack = if f[47] & ACK == 0 { 0 } else { word(f, 42).wrapping_sub(other) };
            (f[29], f[47], word(f, 38).wrapping_sub(own), ack, length)
        };
        frames.iter().map(line).collect()
    }

    #[test]
    fn a_conversation_counts_every_byte_and_acknowledges_it() {
        let mut tape = Tape::default();
        let random = Random::new(1, "tcp");
        let mut talk = Conversation::open(&mut tape, path(), (50_000, 502), Time(0), random);
        talk.say(&mut tape, Side::Client, Span(1_000_000), b"ask");
        talk.say(&mut tape, Side::Server, Span(5_000_000), b"reply");
        let end = talk.now() + Span::s(1);
        talk.close(&mut tape, Side::Client, end);
        let expected = [
            (1, SYN, 0, 0, 0),
            (2, SYN | ACK, 0, 1, 0),
            (1, ACK, 1, 1, 0),
            (1, PSH | ACK, 1, 1, 3),
            (2, PSH | ACK, 1, 4, 5),
            (1, ACK, 4, 6, 0),
            (1, FIN | ACK, 4, 6, 0),
            (2, ACK, 6, 5, 0),
            (2, FIN | ACK, 6, 5, 0),
            (1, ACK, 5, 7, 0),
        ];
        assert_eq!(trace(tape), expected);
    }

    #[test]
    fn a_long_message_falls_into_segments_that_are_acknowledged_in_pairs() {
        let mut tape = Tape::default();
        let random = Random::new(1, "tcp");
        let mut talk = Conversation::open(&mut tape, path(), (50_000, 25), Time(0), random);
        talk.say(&mut tape, Side::Client, Span(1_000_000), &[7; 4000]);
        let lengths: Vec<_> =
            trace(tape).into_iter().skip(3).map(|(side, .., length)| (side, length)).collect();
        assert_eq!(lengths, [(1, 1460), (1, 1460), (2, 0), (1, 1080)]);
    }
}
