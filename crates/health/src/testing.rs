//! A small sensor, enough to feed a tap: conversations by addresses and ports, whole packets only.

use crate::{Look, Mark, Tap, Trace};
use model::{Origin, Time};
use std::collections::HashMap;
use std::net::IpAddr;
use wire::ip::Packet;
use wire::link::{self, Link};
use wire::transport::{Tcp, Udp};

type End = (IpAddr, u16);

/// Conversations of a tap.
pub(crate) struct Driver {
    pub(crate) tap: Tap,
    flows: HashMap<(End, End, u8), Flow>,
    /// Frames that were left out.
    pub(crate) left_out: u64,
}

struct Flow {
    trace: Trace,
    first: End,
    last: Mark,
    over: bool,
}

impl Driver {
    pub(crate) fn new(tap: Tap) -> Self {
        Self { tap, flows: HashMap::new(), left_out: 0 }
    }

    /// Takes a captured frame.
    pub(crate) fn frame(&mut self, number: u64, time: Time, link: Link, bytes: &[u8]) {
        let Ok(frame) = link.open(bytes) else { return };
        let is_ip = matches!(frame.ethertype, link::IPV4 | link::IPV6);
        let packet = if is_ip { Packet::open(frame.payload).ok() } else { None };
        let look = Look { time, origin: Origin { file: 0, number }, frame: &frame, packet: packet.as_ref() };
        if self.tap.is_copy(&look) {
            self.left_out += 1;
            return;
        }
        let Some(packet) = packet.filter(|packet| packet.fragment.is_none()) else { return };
        match packet.protocol {
            6 => self.tcp(&packet, &look),
            17 => {
                if let Ok(udp) = Udp::open(packet.payload) {
                    let ends = ((packet.source, udp.source), (packet.destination, udp.destination));
                    let flow = flow(&mut self.flows, &mut self.tap, &look, ends, 17, false);
                    let back = flow.first != ends.0;
                    self.tap.datagram(&mut flow.trace, back, &look, udp.source, udp.payload);
                }
            }
            protocol => {
                let ends = ((packet.source, 0), (packet.destination, 0));
                let flow = flow(&mut self.flows, &mut self.tap, &look, ends, protocol, false);
                let back = flow.first != ends.0;
                self.tap.datagram(&mut flow.trace, back, &look, 0, &[]);
            }
        }
    }

    fn tcp(&mut self, packet: &Packet<'_>, look: &Look<'_>) {
        let Ok(tcp) = Tcp::open(packet.payload) else { return };
        if tcp.header_len < 20 {
            return;
        }
        let ends = ((packet.source, tcp.source), (packet.destination, tcp.destination));
        let call = tcp.flags.syn() && !tcp.flags.ack();
        let flow = flow(&mut self.flows, &mut self.tap, look, ends, 6, call);
        let back = flow.first != ends.0;
        let len = packet.payload_len().saturating_sub(tcp.header_len);
        self.tap.segment(&mut flow.trace, back, look, &tcp, len);
        flow.over |= tcp.flags.fin() || tcp.flags.rst();
        flow.last = Mark { time: look.time, origin: look.origin };
    }

    /// The capture is over.
    pub(crate) fn end(&mut self) {
        let Self { flows, tap, .. } = self;
        flows.values_mut().for_each(|flow| tap.end(&mut flow.trace, flow.last));
        flows.clear();
    }
}

/// The conversation between two ends; a call that meets one that is over begins another.
fn flow<'a>(
    flows: &'a mut HashMap<(End, End, u8), Flow>,
    tap: &mut Tap,
    look: &Look<'_>,
    (source, destination): (End, End),
    protocol: u8,
    call: bool,
) -> &'a mut Flow {
    let key = (source.min(destination), source.max(destination), protocol);
    if call && let Some(mut flow) = flows.remove(&key) {
        if flow.over {
            tap.end(&mut flow.trace, flow.last);
        } else {
            flows.insert(key, flow);
        }
    }
    flows.entry(key).or_insert_with(|| Flow {
        trace: tap.open(look, source.0, destination.0),
        first: source,
        last: Mark { time: look.time, origin: look.origin },
        over: false,
    })
}
