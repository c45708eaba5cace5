use crate::input::Input;
use crate::packets::{ACK, End, SYN, Segment, hand, ip};
use crate::rows::{Line, Log};
use model::Time;
use protocols::{ALL, Guess, Protocol, Side};
use sensor::Sensor;
use wire::{Cut, Framing};

/// Messages of a conversation that are played.
const MESSAGES_MAX: usize = 64;

const TIME: Time = Time(1_700_000_000_000_000_000);

/// Where a stream is cut into segments says nothing: the rows are the same.
///
/// Bytes: protocol over TCP (by its place in the table), then messages: two bytes of which the first bit is the
/// side and the rest a length, the message; behind the first message without bytes, where the others are cut.
///
/// The law does not hold where a decoder looks for the next PDU at the start of a segment: streams end before a length
/// that is not possible. The first message comes whole, since who speaks is found out from the first segment.
pub(crate) fn run(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    let streams: Vec<_> = ALL.iter().filter_map(|of| Some((*of, of.tcp.as_ref()?))).collect();
    let (_, stream) = input.choose(&streams);
    let port = stream.ports[0];
    let mut messages = messages(&mut input);
    let Some(spoken) = messages.first().and_then(|(side, data)| spoken(data, *side, port)) else { return };
    let Some(framing) = spoken.tcp.as_ref().map(|tcp| tcp.framing) else { return };
    let first = messages[0].1.len();
    for side in [Side::Client, Side::Server] {
        end_before_loss(framing, side, &mut messages);
    }
    if messages[0].1.len() < first {
        return;
    }
    let whole: Vec<_> = (1..).zip(&messages).map(|(at, (side, data))| (at, *side, &data[..])).collect();
    let pieces = cut(&whole, input);
    assert_eq!(play(port, &whole), play(port, &pieces), "{}", spoken.name);
}

fn messages(input: &mut Input<'_>) -> Vec<(Side, Vec<u8>)> {
    let mut messages = vec![];
    while messages.len() < MESSAGES_MAX {
        let head = input.u16();
        let data = input.take(usize::from(head & 0x7fff));
        if data.is_empty() {
            break;
        }
        messages.push((if head & 0x8000 == 0 { Side::Client } else { Side::Server }, data.to_vec()));
    }
    messages
}

/// Who takes a conversation that begins so.
fn spoken(data: &[u8], side: Side, port: u16) -> Option<&'static Protocol> {
    ALL.iter().copied().find(|of| {
        of.tcp.as_ref().is_some_and(|tcp| match (of.recognise)(data, side) {
            Guess::Sure => true,
            Guess::Maybe | Guess::NeedMore => tcp.ports.contains(&port),
            Guess::No => false,
        })
    })
}

/// Cuts off what the side sends from where its stream cannot be cut into PDUs.
fn end_before_loss(framing: Framing, side: Side, messages: &mut [(Side, Vec<u8>)]) {
    let stream: Vec<u8> =
        messages.iter().filter(|(of, _)| *of == side).flat_map(|(_, data)| data.clone()).collect();
    let mut end = 0;
    let mut left = loop {
        match framing.cut(&stream[end..]) {
            Cut::Whole(count) => end += count.max(1),
            Cut::NeedMore => break stream.len(),
            Cut::Lost => break end,
        }
    };
    for (_, data) in messages.iter_mut().filter(|(of, _)| *of == side) {
        data.truncate(left);
        left -= data.len();
    }
}

type Segments<'a> = Vec<(u64, Side, &'a [u8])>;

/// Cuts all messages but the first into pieces; a piece keeps the number of its message.
fn cut<'a>(whole: &Segments<'a>, mut input: Input<'_>) -> Segments<'a> {
    let mut pieces = vec![];
    for (at, side, mut data) in whole.iter().copied() {
        while !data.is_empty() && at > 1 {
            let count = usize::from(input.u8());
            if count == 0 || count >= data.len() {
                break;
            }
            pieces.push((at, side, &data[..count]));
            data = &data[count..];
        }
        pieces.push((at, side, data));
    }
    pieces
}

/// What the decoders say.
fn play(port: u16, segments: &Segments<'_>) -> Vec<Line> {
    let (mut sensor, mut log) = (Sensor::new(0), Log::default());
    let ends = [End { addr: [10, 0, 0, 1].into(), port: 40_000 }, End { addr: [10, 0, 0, 2].into(), port }];
    let mut next = [7u32, u32::MAX - 7];
    let mut send = |number, side, flags, data: &[u8]| {
        let (own, other) = if side == Side::Client { (0, 1) } else { (1, 0) };
        let (from, to, seq, ack) = (ends[own], ends[other], next[own], next[other]);
        let segment = Segment { from, to, seq, ack, flags, data };
        hand(&mut sensor, number, TIME, &ip(from.addr, to.addr, 6, None, &segment.bytes()), &mut log);
        let length = u32::try_from(data.len()).unwrap() + u32::from(flags & SYN != 0);
        next[own] = seq.wrapping_add(length);
    };
    send(0, Side::Client, SYN, &[]);
    send(0, Side::Server, SYN | ACK, &[]);
    for (number, side, data) in segments.iter().filter(|(.., data)| !data.is_empty()) {
        send(*number, *side, ACK, data);
    }
    sensor.finish(&mut log);
    assert_eq!(sensor.counters().panics, 0);
    log.lines.into_iter().filter(|line| line.log != "conn").collect()
}
