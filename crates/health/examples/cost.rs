//! Measures what a tap's judge costs per packet: `cargo run -p health --example cost -- FILE...`
//!
//! Headers are read and conversations found beforehand, so that only the calls are timed.

use health::{Look, Setup, Tap, Trace};
use model::{Origin, Span, Time};
use sensor::capture::Capture;
use std::collections::HashMap;
use std::fs::File;
use std::hint::black_box;
use std::io::{self, Write};
use std::time::{Duration, Instant};
use wire::ip::Packet;
use wire::link::{self, Frame, Link};
use wire::transport::{Tcp, Udp};

const ROUNDS: i64 = 200;
/// Packets of a capture: what stays in the cache, as a packet does that was read a moment ago.
const PACKETS: usize = 2000;

/// A packet as the sensor would have it by the time it asks.
struct Ready<'a> {
    time: Time,
    frame: Frame<'a>,
    packet: Packet<'a>,
    body: Body<'a>,
    flow: usize,
    back: bool,
}

enum Body<'a> {
    Tcp(Tcp<'a>, usize),
    Udp(u16, &'a [u8]),
}

type Frames = Vec<(Time, Link, Vec<u8>)>;

fn frames(file: &str) -> anyhow::Result<Frames> {
    let mut capture = Capture::open(Box::new(File::open(file)?))?;
    let mut frames = vec![];
    while let Some(packet) = capture.next_packet()?.filter(|_| frames.len() < PACKETS) {
        frames.push((packet.time, packet.link, packet.bytes.to_vec()));
    }
    Ok(frames)
}

fn ready(frames: &Frames) -> (Vec<Ready<'_>>, usize) {
    let (mut flows, mut all) = (HashMap::new(), vec![]);
    for (time, link, bytes) in frames {
        let Ok(frame) = link.open(bytes) else { continue };
        if !matches!(frame.ethertype, link::IPV4 | link::IPV6) {
            continue;
        }
        let Some(packet) = Packet::open(frame.payload).ok().filter(|packet| packet.fragment.is_none()) else {
            continue;
        };
        let (ports, body) = match packet.protocol {
            6 => match Tcp::open(packet.payload) {
                Ok(tcp) => {
                    let len = packet.payload_len().saturating_sub(tcp.header_len);
                    ((tcp.source, tcp.destination), Body::Tcp(tcp, len))
                }
                Err(_) => continue,
            },
            17 => match Udp::open(packet.payload) {
                Ok(udp) => ((udp.source, udp.destination), Body::Udp(udp.source, udp.payload)),
                Err(_) => continue,
            },
            _ => continue,
        };
        let (from, to) = ((packet.source, ports.0), (packet.destination, ports.1));
        let next = flows.len();
        let (flow, first) = *flows.entry((from.min(to), from.max(to))).or_insert((next, from));
        let back = first != from;
        all.push(Ready { time: *time, frame, packet, body, flow, back });
    }
    (all, flows.len())
}

/// Time of the best round; with `judged` false, of the loop alone.
fn measure(all: &[Ready<'_>], flows: usize, judged: bool) -> Duration {
    let mut tap = Tap::new(Setup::default());
    let length =
        all.last().map_or(Span(0), |last| last.time - all.first().map_or(last.time, |first| first.time));
    let mut best = Duration::MAX;
    for round in 0..ROUNDS {
        let mut traces: Vec<Option<Trace>> = vec![None; flows];
        let start = Instant::now();
        for (ready, number) in all.iter().zip(1..) {
            let time = ready.time + Span((length.0 + 100_000_000) * round);
            let origin = Origin { file: 0, number };
            let look = Look { time, origin, frame: &ready.frame, packet: Some(&ready.packet) };
            if !judged {
                black_box((&look, traces.get_mut(ready.flow)));
                continue;
            }
            if tap.is_copy(&look) {
                continue;
            }
            let Some(place) = traces.get_mut(ready.flow) else { continue };
            let trace =
                place.get_or_insert_with(|| tap.open(&look, ready.packet.source, ready.packet.destination));
            match &ready.body {
                Body::Tcp(tcp, len) => tap.segment(trace, ready.back, &look, tcp, *len),
                Body::Udp(port, payload) => tap.datagram(trace, ready.back, &look, *port, payload),
            }
        }
        best = best.min(start.elapsed());
    }
    best
}

fn main() -> anyhow::Result<()> {
    for file in std::env::args().skip(1) {
        let frames = frames(&file)?;
        let (all, flows) = ready(&frames);
        let count = u128::try_from(all.len().max(1))?;
        let ns = |judged| measure(&all, flows, judged).as_nanos() / count;
        let (alone, judged) = (ns(false), ns(true));
        writeln!(
            io::stdout(),
            "{} ns a packet ({judged} - {alone}), {} packets, {flows} conversations: {file}",
            judged.saturating_sub(alone),
            all.len()
        )?;
    }
    Ok(())
}
