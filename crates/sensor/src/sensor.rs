use crate::app::{App, Context};
use crate::capture::Packet;
use crate::decap::{GRE_IN_UDP, Inner, inside_ip, inside_udp};
use crate::flow::{Body, Flow, Key, LinkIds, Sent, TUNNEL_CHANGES_MAX};
use crate::fragments::Fragments;
use crate::history::{History, Letter};
use crate::odd::{Told, frame_oddity, in_tunnel, ip_oddity, tcp_header_oddity};
use crate::ports::{icmp_answer, is_server};
use crate::stream::Piece;
use crate::tcp::{Effect, Tcp};
use crate::timers::{Timer, Timers, Wake};
use crate::tunnel::Tunnel;
use model::{Conversation, Endpoint, Origin, Rows, Span, Time, Transport, Uid};
use protocols::{Known, Side, Stamp};
use sha1::{Digest, Sha1};
use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr};
use wire::ip;
use wire::link::{self, Frame, Link};
use wire::transport::{Icmp, Tcp as TcpHeader, Udp};

/// Follows conversations through packets and writes what it sees as rows.
///
/// Packets are handed in one by one in the order of the capture; time is the packets' time. The same packets give the
/// same rows.
#[derive(Default)]
pub struct Sensor {
    file: u32,
    index: HashMap<Key, usize, foldhash::fast::FixedState>,
    flows: Vec<Option<Flow>>,
    free: Vec<usize>,
    timers: Timers,
    fragments: Fragments,
    told: Told,
    known: Known,
    opened: u64,
    counters: Counters,
}

/// What the sensor has done, and what it could not do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Packets handed in.
    pub packets: u64,
    /// Bytes of these packets on the wire.
    pub bytes: u64,
    /// Packets without an IP header that can be read.
    pub not_ip: u64,
    /// Packets whose headers are damaged.
    pub damaged: u64,
    /// Conversations begun.
    pub conversations: u64,
    /// Conversations ended early because there were too many.
    pub evicted: u64,
    /// Fragmented packets that never became whole.
    pub fragments_given_up: u64,
    /// Decoders that panicked; each cost one conversation.
    pub panics: u64,
}

/// Conversations that are followed at the same time. Beyond it the one that would expire first is ended early.
const FLOWS_MAX: usize = 100_000;
/// Tunnels in tunnels that are followed.
const DEPTH_MAX: u8 = 4;
/// Timers that one packet may set off, as in Zeek; a jump of the clock costs no more at once.
const TIMERS_PER_PACKET_MAX: usize = 300;

/// How long a SYN may wait for its answer.
const ATTEMPT: Span = Span::s(5);
/// How long a closed connection is kept for stragglers.
const LINGER: Span = Span::s(5);
/// How often a half-closed connection is looked at.
const EXPIRE_EVERY: Span = Span::s(6);
const TCP_IDLE: Span = Span::s(300);
const DATAGRAM_IDLE: Span = Span::s(60);
/// So much less than it should have been is quiet enough: one question and its answer are looked at once.
const GRACE: Span = Span::s(1);
/// Interactive services may be quiet for longer.
const INTERACTIVE_IDLE: Span = Span::s(3600);
const INTERACTIVE_PORTS: [u16; 4] = [21, 22, 23, 513];

/// What all layers of a packet share.
#[derive(Clone, Copy)]
struct Seen<'a> {
    time: Time,
    origin: Origin,
    wire_len: usize,
    /// The frame around it, where it has one of its own.
    frame: Option<&'a Frame<'a>>,
    depth: u8,
    tunnel: Tunnel,
}

/// An IP packet's part in a conversation.
#[derive(Clone, Copy)]
struct Part<'a> {
    packet: &'a ip::Packet<'a>,
    source_port: u16,
    destination_port: u16,
    transport: Transport,
    one_way: bool,
}

impl Sensor {
    /// A sensor whose rows say that they come from capture number `file`.
    pub fn new(file: u32) -> Self {
        Self { file, ..Self::default() }
    }

    /// Counts so far.
    pub fn counters(&self) -> Counters {
        Counters { fragments_given_up: self.fragments.given_up, ..self.counters }
    }

    /// Takes the next packet of the capture.
    pub fn packet(&mut self, packet: &Packet<'_>, rows: &mut dyn Rows) {
        self.counters.packets += 1;
        self.counters.bytes += u64::try_from(packet.wire_len).unwrap_or_default();
        self.advance(packet.time, rows);
        let seen = Seen {
            time: packet.time,
            origin: Origin { file: self.file, number: packet.number },
            wire_len: packet.wire_len,
            frame: None,
            depth: 0,
            tunnel: Tunnel::default(),
        };
        self.frame(packet.link, packet.bytes, seen, rows);
    }

    /// Hands over a `conn` row for every conversation that is still open, as it stands now, in no particular order;
    /// each will have its final row when it is over.
    pub fn open_conversations(&self, rows: &mut dyn Rows) {
        self.flows.iter().flatten().for_each(|flow| flow.write(rows));
    }

    /// Ends all conversations: the capture is over.
    pub fn finish(&mut self, rows: &mut dyn Rows) {
        for slot in 0..self.flows.len() {
            self.end(slot, rows);
        }
    }

    fn frame(&mut self, link: Link, bytes: &[u8], mut seen: Seen<'_>, rows: &mut dyn Rows) {
        if bytes.is_empty() && seen.depth == 0 {
            self.weird("empty_pcap_header", &seen, rows);
            return;
        }
        let Ok(ref frame) = link.open(bytes) else {
            self.counters.damaged += 1;
            self.weird(frame_oddity(link), &seen, rows);
            return;
        };
        seen.wire_len = seen.wire_len.saturating_sub(bytes.len() - frame.payload.len());
        self.carried(frame, seen, rows);
        let mut others = frame.others;
        while !others.is_empty() {
            let Ok(frame) = link::subframe(others) else {
                self.counters.damaged += 1;
                return;
            };
            seen.wire_len = frame.payload.len();
            self.carried(&frame, seen, rows);
            others = frame.others;
        }
    }

    /// Takes what a frame carries.
    fn carried(&mut self, frame: &Frame<'_>, seen: Seen<'_>, rows: &mut dyn Rows) {
        if !matches!(frame.ethertype, link::IPV4 | link::IPV6) {
            self.counters.not_ip += 1;
            return;
        }
        let seen = Seen { frame: Some(frame), ..seen };
        self.ip(frame.payload, &seen, rows);
    }

    fn ip(&mut self, bytes: &[u8], seen: &Seen<'_>, rows: &mut dyn Rows) {
        let opened = ip::Packet::open(bytes);
        let packet = match &opened {
            Ok(packet) => packet,
            Err(error) => {
                self.counters.damaged += 1;
                self.weird(ip_oddity(*error, bytes), seen, rows);
                return;
            }
        };
        if packet.told_len == 0 {
            self.weird("ip_hdr_len_zero", seen, rows);
        }
        if seen.wire_len < packet.total_len {
            self.counters.damaged += 1;
            self.weird("truncated_IP_len", seen, rows);
            return;
        }
        if packet.source_routed {
            self.weird_packet("routing0_hdr", packet, seen, rows);
        }
        match packet.fragment {
            None => self.transport(packet, seen, rows),
            Some(fragment) => self.fragment(packet, fragment, seen, rows),
        }
    }

    /// Takes a part of a packet; the last one missing makes it whole.
    fn fragment(
        &mut self,
        packet: &ip::Packet<'_>,
        fragment: ip::Fragment,
        seen: &Seen<'_>,
        rows: &mut dyn Rows,
    ) {
        if packet.payload.len() < packet.payload_len() {
            self.weird_packet("incompletely_captured_fragment", packet, seen, rows);
            if fragment.offset == 0 {
                self.transport(packet, seen, rows);
            }
            return;
        }
        let mut odd = vec![];
        let whole = self.fragments.add(seen.time, packet, fragment, &mut |name| odd.push(name));
        odd.into_iter().for_each(|name| self.weird_packet(name, packet, seen, rows));
        if let Some(whole) = whole {
            // The fragment header of IPv6 is gone with the fragments.
            let header_len = whole.header_len - if packet.source.is_ipv6() { 8 } else { 0 };
            let total_len = header_len + whole.payload.len();
            let packet = ip::Packet {
                protocol: whole.protocol,
                header_len,
                total_len,
                told_len: total_len,
                fragment: None,
                payload: &whole.payload,
                ..*packet
            };
            self.transport(&packet, seen, rows);
        }
    }

    fn transport(&mut self, packet: &ip::Packet<'_>, seen: &Seen<'_>, rows: &mut dyn Rows) {
        match packet.protocol {
            6 => self.tcp(packet, seen, rows),
            17 => self.udp(packet, seen, rows),
            1 | 58 => self.icmp(packet, seen, rows),
            // No next header: usual inside tunnels, where it keeps them open.
            59 if seen.depth > 0 => {}
            59 => self.weird_packet("ipv6_no_next", packet, seen, rows),
            protocol => match inside_ip(protocol, packet.payload) {
                Some(Inner::Odd(name)) => self.weird_packet(name, packet, seen, rows),
                Some(inner) => {
                    let tunnel = seen.tunnel.between(packet.source, packet.destination, protocol);
                    self.inner(inner, tunnel, seen, rows);
                }
                None => self.other(packet, seen, rows),
            },
        }
    }

    fn inner(&mut self, inner: Inner<'_>, tunnel: Tunnel, seen: &Seen<'_>, rows: &mut dyn Rows) {
        if seen.depth >= DEPTH_MAX {
            self.weird("exceeded_tunnel_max_depth", seen, rows);
            return;
        }
        let wire_len = match inner {
            Inner::Ip(bytes) | Inner::Frame(_, bytes) => bytes.len(),
            Inner::Other | Inner::Odd(_) => 0,
        };
        // Addresses and tags of the outer link say nothing about the inner conversation.
        let seen = Seen { depth: seen.depth + 1, wire_len, frame: None, tunnel, ..*seen };
        match inner {
            Inner::Ip(bytes) => self.ip(bytes, &seen, rows),
            Inner::Frame(link, bytes) => self.frame(link, bytes, seen, rows),
            Inner::Odd(name) => self.weird(name, &seen, rows),
            Inner::Other => {}
        }
    }

    fn other(&mut self, packet: &ip::Packet<'_>, seen: &Seen<'_>, rows: &mut dyn Rows) {
        let part = Part::new(packet, Transport::Other(packet.protocol), 0, 0);
        let slot = self.find(&part, false, seen, rows);
        if let Some(flow) = self.flows.get_mut(slot).and_then(Option::as_mut) {
            flow.last = seen.time;
            flow.direction(&part).count(packet, None);
        }
    }

    fn icmp(&mut self, packet: &ip::Packet<'_>, seen: &Seen<'_>, rows: &mut dyn Rows) {
        let Ok(icmp) = Icmp::open(packet.payload) else {
            self.header_missing(packet, 8, seen, rows);
            return;
        };
        let answer = icmp_answer(packet.protocol == 58, icmp.kind, icmp.code);
        let (port, one_way) = answer.map_or_else(|code| (code, true), |kind| (kind, false));
        let part = Part { one_way, ..Part::new(packet, Transport::Icmp, icmp.kind.into(), port.into()) };
        let slot = self.find(&part, false, seen, rows);
        if let Some(flow) = self.flows.get_mut(slot).and_then(Option::as_mut) {
            notice_tunnel(flow, &mut self.told, seen, rows);
            flow.last = seen.time;
            let payload = packet.payload_len().saturating_sub(8);
            flow.direction(&part).count(packet, Some(payload));
        }
    }

    fn udp(&mut self, packet: &ip::Packet<'_>, seen: &Seen<'_>, rows: &mut dyn Rows) {
        let Ok(udp) = Udp::open(packet.payload) else {
            self.header_missing(packet, 8, seen, rows);
            return;
        };
        let part = Part::new(packet, Transport::Udp, udp.source, udp.destination);
        let served = |port| is_server(Transport::Udp, port);
        let flip = served(udp.source) && !served(udp.destination);
        let slot = self.find(&part, flip, seen, rows);
        let Some(flow) = self.flows.get_mut(slot).and_then(Option::as_mut) else { return };
        let from_orig = flow.is_sent_by_orig(&part);
        notice_tunnel(flow, &mut self.told, seen, rows);
        flow.last = seen.time;
        flow.latest = seen.origin;
        flow.history.note(Letter::Data, from_orig);
        // No length: a datagram too long for its header (RFC 2675, 4), of which nobody knows how much is payload.
        let payload_len = usize::from(udp.length).checked_sub(8);
        flow.direction(&part).count(packet, payload_len);
        let mismatch = usize::from(udp.length) != packet.payload_len();
        if mismatch && flow.is_new_oddity("UDP_datagram_length_mismatch") {
            let addl = format!("{} != {}", udp.length, packet.payload_len());
            self.told.tell(
                "UDP_datagram_length_mismatch",
                Some(&addl),
                &flow.conversation,
                seen.stamp(),
                rows,
            );
        }
        // Where the two lengths disagree, receivers go by the IP header's.
        let data = udp.payload;
        let Flow { app, conversation, .. } = flow;
        let now = Stamp { time: seen.time, origin: seen.origin };
        let mut context =
            Context { rows, known: &mut self.known, conversation, now, panics: &mut self.counters.panics };
        app.datagram(side(from_orig), data, &mut context);
        if app.take_reversal() {
            flow.flip();
            flow.history.flipped();
        }
        if flow.app.take_left_out() {
            flow.history.left_out();
        }
        if let Some(quiet) = flow.app.quiet().filter(|_| flow.quiet.is_none()) {
            flow.quiet = Some(quiet);
            self.timers.set(flow.start + quiet, slot, flow.generation, Wake::Quiet);
        }
        let uid = flow.conversation.uid;
        if let Some(inner) = inside_udp(udp.source, udp.destination, data) {
            // GRE is the same tunnel in both directions, also where a UDP header stands in front of it.
            let gre = [udp.source, udp.destination].contains(&GRE_IN_UDP);
            let tunnel = if gre {
                seen.tunnel.between(packet.source, packet.destination, packet.protocol)
            } else {
                seen.tunnel.inside(uid)
            };
            self.inner(inner, tunnel, seen, rows);
        }
    }

    fn tcp(&mut self, packet: &ip::Packet<'_>, seen: &Seen<'_>, rows: &mut dyn Rows) {
        let Ok(header) = TcpHeader::open(packet.payload) else {
            self.header_missing(packet, 20, seen, rows);
            return;
        };
        let part = Part::new(packet, Transport::Tcp, header.source, header.destination);
        let slot = self.find_tcp(&part, &header, seen, rows);
        let Some(flow) = self.flows.get_mut(slot).and_then(Option::as_mut) else { return };
        let from_orig = flow.is_sent_by_orig(&part);
        let told = packet.payload_len();
        let told = if told == 0 { packet.payload.len() } else { told };
        if let Some(name) = tcp_header_oddity(header.header_len, told.min(packet.payload.len())) {
            self.counters.damaged += 1;
            if flow.is_new_oddity(name) {
                self.told.tell(name, None, &flow.conversation, seen.stamp(), rows);
            }
            return;
        }
        notice_tunnel(flow, &mut self.told, seen, rows);
        let Flow { app, conversation, history, body, .. } = flow;
        let Body::Tcp(tcp) = body else { return };
        let now = Stamp { time: seen.time, origin: seen.origin };
        let was_closed = tcp.is_closed();
        let mut context = Context {
            rows: &mut *rows,
            known: &mut self.known,
            conversation,
            now,
            panics: &mut self.counters.panics,
        };
        let mut take = |from_orig: bool, piece: Piece<'_>| app.stream(side(from_orig), piece, &mut context);
        let mut effect = Effect::default();
        tcp.segment(&header, told - header.header_len, from_orig, history, &mut take, &mut effect);
        if !was_closed {
            flow.last = seen.time;
        }
        flow.latest = seen.origin;
        let sent = if from_orig { &mut flow.sent } else { &mut flow.received };
        sent.count(packet, None);
        if !header.payload.is_empty() && flow.app.take_left_out() {
            flow.history.left_out();
        }
        self.take_effect(slot, &effect, seen, rows);
    }

    /// Acts on what a segment did to its connection.
    fn take_effect(&mut self, slot: usize, effect: &Effect, seen: &Seen<'_>, rows: &mut dyn Rows) {
        let Some(flow) = self.flows.get_mut(slot).and_then(Option::as_mut) else { return };
        if effect.flip {
            flow.flip();
        }
        let odd_before = !flow.odd.is_empty();
        for name in effect.odd.iter().filter(|name| !odd_before || *name != "possible_split_routing") {
            if flow.is_new_oddity(name) {
                self.told.tell(name, None, &flow.conversation, seen.stamp(), rows);
            }
        }
        if effect.settled && flow.idle < TCP_IDLE {
            flow.idle = TCP_IDLE;
        }
        if effect.complete {
            flow.generation = flow.generation.wrapping_add(1);
            self.timers.set(flow.last + LINGER, slot, flow.generation, Wake::Delete);
        } else if effect.half_closed {
            self.timers.set(flow.last + EXPIRE_EVERY, slot, flow.generation, Wake::Expire);
        }
    }

    fn find_tcp(
        &mut self,
        part: &Part<'_>,
        header: &TcpHeader<'_>,
        seen: &Seen<'_>,
        rows: &mut dyn Rows,
    ) -> usize {
        let key = part.key();
        if let Some(slot) = self.index.get(&key).copied() {
            let Some(flow) = self.flows.get_mut(slot).and_then(Option::as_mut) else { return slot };
            let Body::Tcp(tcp) = &flow.body else { return slot };
            if !header.flags.syn() || header.header_len < 20 || !tcp.is_reused_by(header) {
                return slot;
            }
            if let Some(name) = tcp.odd_reuse(header) {
                self.told.tell(name, None, &flow.conversation, seen.stamp(), rows);
            }
            self.end(slot, rows);
        }
        let partial = !header.flags.syn() || header.flags.ack();
        let served = |port| is_server(Transport::Tcp, port);
        let flip = partial
            && served(header.source)
            && (!served(header.destination) || (!header.flags.syn() && header.source < header.destination));
        self.open(key, part, flip, seen, rows)
    }

    /// The conversation of a packet, a new one if need be; `flip` says that a new one is called by its sender.
    fn find(&mut self, part: &Part<'_>, flip: bool, seen: &Seen<'_>, rows: &mut dyn Rows) -> usize {
        let key = part.key();
        match self.index.get(&key).copied() {
            Some(slot) => slot,
            None => self.open(key, part, flip, seen, rows),
        }
    }

    fn open(&mut self, key: Key, part: &Part<'_>, flip: bool, seen: &Seen<'_>, rows: &mut dyn Rows) -> usize {
        self.make_room(rows);
        self.opened += 1;
        self.counters.conversations += 1;
        let mut flow = Flow::new(key, uid(seen, part, self.opened), part, seen);
        // A slot's timers of earlier conversations are void: their generation is another.
        flow.generation =
            u32::try_from(self.opened % u64::from(u32::MAX)).unwrap_or_default().wrapping_mul(16);
        if flip && part.packet.destination != IpAddr::V4(Ipv4Addr::BROADCAST) {
            flow.flip();
            flow.history.flipped();
        }
        let slot = self.free.pop().unwrap_or_else(|| {
            self.flows.push(None);
            self.flows.len() - 1
        });
        self.timers.set(seen.time + flow.idle, slot, flow.generation, Wake::Idle);
        if part.transport == Transport::Tcp {
            self.timers.set(seen.time + ATTEMPT, slot, flow.generation, Wake::Attempt);
        }
        if let Some(place) = self.flows.get_mut(slot) {
            *place = Some(flow);
        }
        self.index.insert(key, slot);
        slot
    }

    /// Ends conversations early where there are too many.
    fn make_room(&mut self, rows: &mut dyn Rows) {
        while self.index.len() >= FLOWS_MAX {
            let Some(timer) = self.timers.first() else { return };
            if self.is_current(&timer) {
                self.counters.evicted += 1;
                self.end(timer.slot, rows);
            }
        }
    }

    fn is_current(&self, timer: &Timer) -> bool {
        let flow = self.flows.get(timer.slot).and_then(Option::as_ref);
        flow.is_some_and(|flow| flow.generation == timer.generation)
    }

    /// Ends what is over at `now`.
    fn advance(&mut self, now: Time, rows: &mut dyn Rows) {
        for _ in 0..TIMERS_PER_PACKET_MAX {
            let Some(timer) = self.timers.due(now) else { return };
            if self.is_current(&timer) {
                self.wake(&timer, now, rows);
            }
        }
    }

    fn wake(&mut self, timer: &Timer, now: Time, rows: &mut dyn Rows) {
        let Some(flow) = self.flows.get(timer.slot).and_then(Option::as_ref) else { return };
        let tcp = match &flow.body {
            Body::Tcp(tcp) => Some(&**tcp),
            Body::Datagrams => None,
        };
        let again = match timer.wake {
            Wake::Delete => None,
            Wake::Idle => Some(flow.last + flow.idle).filter(|due| *due > timer.due),
            Wake::Quiet => {
                flow.quiet.filter(|quiet| flow.last + *quiet > now + GRACE).map(|quiet| now + quiet)
            }
            Wake::Attempt if tcp.is_some_and(|tcp| tcp.is_unanswered() && !tcp.finished) => None,
            Wake::Attempt => return,
            Wake::Expire => {
                let over = tcp.is_some_and(Tcp::is_over) && flow.last + LINGER < timer.due;
                (!over).then_some(timer.due + EXPIRE_EVERY)
            }
        };
        match again {
            Some(due) => self.timers.set(due, timer.slot, timer.generation, timer.wake),
            None => self.end(timer.slot, rows),
        }
    }

    fn end(&mut self, slot: usize, rows: &mut dyn Rows) {
        let Some(mut flow) = self.flows.get_mut(slot).and_then(Option::take) else { return };
        self.index.remove(&flow.key);
        self.free.push(slot);
        let mut context = Context {
            rows: &mut *rows,
            known: &mut self.known,
            conversation: &flow.conversation,
            now: Stamp { time: flow.last, origin: flow.latest },
            panics: &mut self.counters.panics,
        };
        flow.app.end(&mut context);
        flow.write(rows);
    }

    /// A transport header that is not all there: by what the IP header says, or by what was captured.
    fn header_missing(
        &mut self,
        packet: &ip::Packet<'_>,
        least: usize,
        seen: &Seen<'_>,
        rows: &mut dyn Rows,
    ) {
        self.counters.damaged += 1;
        let told = packet.payload_len();
        let name = if told > 0 && told < least { "truncated_header" } else { "internally_truncated_header" };
        self.weird_packet(name, packet, seen, rows);
    }

    /// Tells of a frame that does not even say who sent it.
    fn weird(&mut self, name: &'static str, seen: &Seen<'_>, rows: &mut dyn Rows) {
        let name = if seen.depth > 0 { in_tunnel(name) } else { name };
        self.told.tell_of_frame(name, seen.stamp(), rows);
    }

    /// Tells of a packet that belongs to no conversation; it has a name of its own.
    fn weird_packet(
        &mut self,
        name: &'static str,
        packet: &ip::Packet<'_>,
        seen: &Seen<'_>,
        rows: &mut dyn Rows,
    ) {
        let name = if seen.depth > 0 { in_tunnel(name) } else { name };
        let part = Part::new(packet, Transport::Other(packet.protocol), 0, 0);
        let own = Conversation::new(uid(seen, &part, 0), part.source(), part.destination(), part.transport);
        self.told.tell(name, None, &own, seen.stamp(), rows);
    }
}

impl Seen<'_> {
    fn stamp(&self) -> Stamp {
        Stamp { time: self.time, origin: self.origin }
    }
}

impl<'a> Part<'a> {
    #[inline]
    fn new(
        packet: &'a ip::Packet<'a>,
        transport: Transport,
        source_port: u16,
        destination_port: u16,
    ) -> Self {
        Self { packet, source_port, destination_port, transport, one_way: false }
    }

    fn source(&self) -> Endpoint {
        Endpoint { addr: self.packet.source, port: self.source_port }
    }

    fn destination(&self) -> Endpoint {
        Endpoint { addr: self.packet.destination, port: self.destination_port }
    }

    #[inline]
    fn key(&self) -> Key {
        let source = (&self.packet.source, self.source_port);
        Key::new(
            source,
            (&self.packet.destination, self.destination_port),
            self.packet.protocol,
            self.one_way,
        )
    }
}

impl Flow {
    fn new(key: Key, uid: Uid, part: &Part<'_>, seen: &Seen<'_>) -> Self {
        let tcp = part.transport == Transport::Tcp;
        let interactive = tcp && INTERACTIVE_PORTS.contains(&part.destination_port);
        Self {
            key,
            conversation: Conversation::new(uid, part.source(), part.destination(), part.transport),
            start: seen.time,
            last: seen.time,
            first: seen.origin,
            latest: seen.origin,
            link: seen.frame.map_or_else(LinkIds::default, LinkIds::of),
            history: History::default(),
            sent: Sent::default(),
            received: Sent::default(),
            body: if tcp { Body::Tcp(Box::<Tcp>::default()) } else { Body::Datagrams },
            app: App::default(),
            idle: if interactive { INTERACTIVE_IDLE } else { DATAGRAM_IDLE },
            quiet: None,
            tunnel: seen.tunnel,
            tunnel_changes: 0,
            generation: 0,
            odd: vec![],
            one_way: part.one_way,
            protocol: part.packet.protocol,
        }
    }

    /// Whether the sender of the packet is the end that opened the conversation.
    #[inline]
    fn is_sent_by_orig(&self, part: &Part<'_>) -> bool {
        let orig = &self.conversation.orig;
        orig.port == part.source_port && orig.addr == part.packet.source
    }

    fn direction(&mut self, part: &Part<'_>) -> &mut Sent {
        if self.is_sent_by_orig(part) { &mut self.sent } else { &mut self.received }
    }
}

impl Sent {
    fn count(&mut self, packet: &ip::Packet<'_>, payload: Option<usize>) {
        self.packets += 1;
        self.ip_bytes += u64::try_from(packet.told_len).unwrap_or_default();
        if let Some(payload) = payload {
            let payload = u64::try_from(payload).unwrap_or_default();
            self.payload = Some(self.payload.unwrap_or(0) + payload);
        }
    }
}

/// Takes note of the tunnel that the packet came through, and tells when a conversation wanders among tunnels.
#[inline]
fn notice_tunnel(flow: &mut Flow, told: &mut Told, seen: &Seen<'_>, rows: &mut dyn Rows) {
    if flow.tunnel != seen.tunnel && flow.wanders_to(seen.tunnel) {
        flow.history.left_out();
        let (name, changes) = ("tunnel_max_changes_per_connection_exceeded", TUNNEL_CHANGES_MAX.to_string());
        told.tell(name, Some(&changes), &flow.conversation, seen.stamp(), rows);
    }
}

fn side(from_orig: bool) -> Side {
    if from_orig { Side::Client } else { Side::Server }
}

/// A name made from when, who and how many: the same packets give the same names.
fn uid(seen: &Seen<'_>, part: &Part<'_>, opened: u64) -> Uid {
    let mut hash = Sha1::new();
    hash.update(seen.time.0.to_be_bytes());
    hash.update(opened.to_be_bytes());
    hash.update(seen.origin.file.to_be_bytes());
    for end in [part.source(), part.destination()] {
        match end.addr {
            IpAddr::V4(addr) => hash.update(addr.octets()),
            IpAddr::V6(addr) => hash.update(addr.octets()),
        }
        hash.update(end.port.to_be_bytes());
    }
    let digest: [u8; 20] = hash.finalize().into();
    Uid::from_hash(digest.first_chunk().map_or(0, |bytes| u128::from_be_bytes(*bytes)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::{At, Record};

    /// Counts what the sensor writes.
    #[derive(Default)]
    struct Tally {
        conversations: u64,
        texts: Vec<String>,
    }

    impl Rows for Tally {
        fn put(&mut self, at: &At<'_>, row: &dyn Record) {
            self.conversations += u64::from(row.schema().log == "conn");
            row.cells(&mut |cells| self.texts.push(format!("{} {at:?} {cells:?}", row.schema().log)));
        }
    }

    /// Ethernet, IPv4 and TCP around `payload`, between two of a few hosts and ports.
    fn frame(u: &mut arbtest::arbitrary::Unstructured<'_>) -> arbtest::arbitrary::Result<Vec<u8>> {
        let payload: Vec<u8> = u.arbitrary()?;
        let payload = &payload[..payload.len().min(64)];
        let ports = [502u16, 445, 53, 40_000];
        let (a, b) = if u.arbitrary()? { (1, 2) } else { (2, 1) };
        let mut tcp = vec![];
        tcp.extend(u.choose(&ports)?.to_be_bytes());
        tcp.extend(u.choose(&ports)?.to_be_bytes());
        // Numbers near each other and near where they wrap around.
        let near = |u: &mut arbtest::arbitrary::Unstructured<'_>| {
            Ok(u.int_in_range(0..=200u32)?.wrapping_sub(if u.ratio(9, 10)? { 100 } else { 1 << 31 }))
        };
        tcp.extend(near(u)?.to_be_bytes());
        tcp.extend(near(u)?.to_be_bytes());
        tcp.extend([0x50, u.arbitrary()?, 0xff, 0xff, 0, 0, 0, 0]);
        tcp.extend(payload);
        let mut frame = vec![2; 12];
        frame.extend([0x08, 0x00, 0x45, 0]);
        frame.extend(u16::try_from(20 + tcp.len()).unwrap().to_be_bytes());
        frame.extend([0, 1, 0, 0, 64, 6, 0, 0, 10, 0, 0, a, 10, 0, 0, b]);
        frame.extend(tcp);
        Ok(frame)
    }

    fn play(frames: &[(i64, Vec<u8>)]) -> (Counters, Tally) {
        let (mut sensor, mut tally) = (Sensor::new(0), Tally::default());
        for ((time, bytes), number) in frames.iter().zip(1..) {
            let (time, wire_len) = (Time(*time), bytes.len());
            sensor.packet(&Packet { number, time, link: Link::ETHERNET, wire_len, bytes }, &mut tally);
        }
        sensor.finish(&mut tally);
        (sensor.counters(), tally)
    }

    #[test]
    fn whatever_segments_come_every_conversation_has_one_row_and_no_decoder_panics() {
        arbtest::arbtest(|u| {
            let (mut frames, mut time) = (vec![], 0);
            for _ in 0..u.int_in_range(0..=24)? {
                time += u.int_in_range(0..=90_000_000_000i64)?;
                frames.push((time, frame(u)?));
            }
            let (counters, tally) = play(&frames);
            assert_eq!((counters.panics, counters.conversations), (0, tally.conversations));
            assert_eq!(play(&frames).1.texts, tally.texts, "the same packets give the same rows");
            Ok(())
        });
    }
}
