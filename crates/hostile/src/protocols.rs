use crate::input::Input;
use crate::rows::{Line, Log};
use model::{Conversation, Endpoint, Origin, Span, Time, Transport, Uid};
use protocols::{ALL, Known, Out, Protocol, Session, Side, Stamp};
use std::net::IpAddr;

/// PDUs of a conversation that are played.
const PDUS_MAX: usize = 256;

/// A decoder by itself: PDUs of both sides, whatever they are.
///
/// Bytes: protocol (by its place in the table), ends, then PDUs: two bytes of which the first bit is the side, the next
/// three how much time has passed, and the rest a length; the PDU.
///
/// Rows are well formed, and a session that was renewed is as new.
pub(crate) fn run(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    let protocol = input.choose(ALL);
    let talk = talk(protocol, input.u8());
    let pdus = pdus(input);
    for pdu in &pdus {
        let _ = (protocol.recognise)(pdu.bytes, pdu.from);
        let _ = protocol.tcp.as_ref().map(|tcp| tcp.framing.cut(pdu.bytes));
    }
    let mut session = (protocol.open)();
    let lines = play(protocol, &mut *session, &talk, &pdus);
    if session.renew() {
        assert_eq!(play(protocol, &mut *session, &talk, &pdus), lines, "a renewed session is as new");
    }
}

struct Pdu<'a> {
    from: Side,
    time: Time,
    bytes: &'a [u8],
}

fn pdus(mut input: Input<'_>) -> Vec<Pdu<'_>> {
    let (mut pdus, mut time) = (vec![], Time(1_700_000_000_000_000_000));
    while !input.is_empty() && pdus.len() < PDUS_MAX {
        let head = input.u16();
        let from = if head & 0x8000 == 0 { Side::Client } else { Side::Server };
        time = time + Span([0, 1000, 1_000_000, 1_000_000_000][usize::from(head >> 12 & 3)]);
        if head & 0x4000 != 0 {
            time = time + Span::s(7);
        }
        pdus.push(Pdu { from, time, bytes: input.take(usize::from(head & 0x0fff)) });
    }
    pdus
}

/// Ends as protocols tell them apart: over TCP or UDP, on its port or another, to one host or many.
fn talk(protocol: &Protocol, ends: u8) -> Conversation {
    let tcp = protocol.tcp.as_ref().filter(|_| protocol.udp.is_empty() || ends & 1 != 0);
    let (transport, ports) = match tcp {
        Some(tcp) => (Transport::Tcp, tcp.ports),
        None => (Transport::Udp, protocol.udp),
    };
    let port = ports[usize::from(ends >> 1 & 7) % ports.len()];
    let client: IpAddr = if ends & 0x10 == 0 { [10, 0, 0, 1].into() } else { [0, 0, 0, 0].into() };
    let server: IpAddr = match ends >> 5 & 3 {
        0 => [10, 0, 0, 2].into(),
        1 => [224, 0, 0, 251].into(),
        2 => [255, 255, 255, 255].into(),
        _ => [0xfe80, 0, 0, 0, 0, 0, 0, 2u16].into(),
    };
    let own = if ends & 0x80 == 0 { 40_000 } else { port };
    let (orig, resp) = (Endpoint { addr: client, port: own }, Endpoint { addr: server, port });
    Conversation::new(Uid::from_hash(7), orig, resp, transport)
}

fn play(protocol: &Protocol, session: &mut dyn Session, talk: &Conversation, pdus: &[Pdu<'_>]) -> Vec<Line> {
    let (mut log, mut known, mut now) = (Log::default(), Known::default(), Stamp::default());
    for (pdu, number) in pdus.iter().zip(1..) {
        now = Stamp { time: pdu.time, origin: Origin { file: 0, number } };
        let mut out = Out::new(&mut log, talk, now, protocol.name).knowing(&mut known);
        if let Err(error) = session.pdu(pdu.from, pdu.bytes, &mut out) {
            assert!(!error.to_string().is_empty());
        }
    }
    session.end(&mut Out::new(&mut log, talk, now, protocol.name).knowing(&mut known));
    log.lines
}
