use crate::capture::Packet;
use crate::decap::{GRE_IN_UDP, Inner, inside_ip, inside_udp, is_carrier};
use crate::encapsulations::Sign;
use crate::fragments::Fragments;
use crate::odd::{Hosts, Told, arp_oddity, frame_oddity, in_tunnel, ip_oddity, is_time_odd, routing_oddity};
use crate::ports::icmp_answer;
use crate::redundancy::Copies;
use crate::shard::{Addressed, Part, SHARDS, Shard, Shared};
use crate::timers::Timer;
use crate::tunnel::Tunnel;
use health::{Look, Period, Setup, Tap};
use model::{At, Origin, Record, Rows, Time, Transport, Turn};
use protocols::Stamp;
use wire::ip;
use wire::link::{self, Frame, Link};
use wire::transport::{Icmp, Tcp, Udp};

/// Follows conversations through packets and writes what it sees as rows.
///
/// Packets are handed in one by one in the order of the capture; time is the packets' time. The same packets give the
/// same rows.
///
/// Several workers can follow the same packets: each takes all of them and writes its share of the rows, which
/// together are those of one worker, see [`Sensor::worker`].
pub struct Sensor {
    file: u32,
    worker: u8,
    workers: u8,
    /// A share of the conversations each, and one more for those that carry others.
    shards: Vec<Shard>,
    shared: Shared,
    fragments: Fragments,
    copies: Copies,
    told: Told,
    /// What is said of packets as such, not of conversations.
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
    /// Second copies of frames that were sent over two networks or both ways round a ring; they are left out.
    pub copies: u64,
    /// Packets whose headers are damaged.
    pub damaged: u64,
    /// Conversations begun.
    pub conversations: u64,
    /// Conversations ended early because there were too many.
    pub evicted: u64,
    /// Times that a conversation had to let go of what it held back, because all together held too much.
    pub let_go: u64,
    /// Fragmented packets that never became whole.
    pub fragments_given_up: u64,
    /// Decoders that panicked; each cost one conversation.
    pub panics: u64,
}

/// Workers that can share the packets.
pub const WORKERS_MAX: u8 = SHARDS;

/// Conditions of packets and fragments that are remembered as told.
const TOLD_MAX: usize = 16_384;

/// Tunnels in tunnels that are followed.
const DEPTH_MAX: u8 = 4;

/// The shard of conversations that every worker follows: what they carry may be anybody's.
const CARRIERS: u8 = SHARDS;

/// What all layers of a packet share.
#[derive(Clone, Copy)]
pub(crate) struct Seen<'a> {
    pub(crate) time: Time,
    pub(crate) origin: Origin,
    wire_len: usize,
    /// The frame around it, where it has one of its own.
    pub(crate) frame: Option<&'a Frame<'a>>,
    pub(crate) depth: u8,
    pub(crate) tunnel: Tunnel,
}

impl Default for Sensor {
    fn default() -> Self {
        Self::new(0)
    }
}

impl Sensor {
    /// A sensor whose rows say that they come from capture number `file`.
    pub fn new(file: u32) -> Self {
        Self::worker(file, 0, 1)
    }

    /// A sensor beside others that get other conversations; rows that are told once come as [`Rows::put_once`].
    pub fn beside_others(file: u32) -> Self {
        let mut sensor = Self::new(file);
        sensor.shared.hosts = Hosts::new(true);
        sensor
    }

    /// One of `workers` sensors that follow the same packets, number `worker` from 0. There can be up to [`WORKERS_MAX`].
    ///
    /// Every worker takes every packet, those that are certainly not its own with [`Sensor::pass`]. Rows that are told
    /// once come as [`Rows::put_once`], and [`Rows::turn`] says where rows belong among those of the others.
    pub fn worker(file: u32, worker: u8, workers: u8) -> Self {
        Self {
            file,
            worker,
            workers: workers.clamp(1, WORKERS_MAX),
            shards: (0..=SHARDS).map(Shard::new).collect(),
            shared: Shared { hosts: Hosts::new(workers > 1), ..Shared::default() },
            fragments: Fragments::default(),
            copies: Copies::default(),
            told: Told::new(TOLD_MAX),
            counters: Counters::default(),
        }
    }

    /// From now on judges whether the tap tells the truth, and leaves out the copies of one that is known to make them.
    pub fn watch_tap(&mut self, setup: Setup) {
        self.shared.tap = Some(Box::new(Tap::new(setup)));
    }

    /// What the tap has shown since the last call, where it is watched.
    pub fn tap_period(&mut self) -> Option<Period> {
        self.shared.tap.as_mut().map(|tap| tap.period())
    }

    /// Counts so far; those of several workers add up.
    pub fn counters(&self) -> Counters {
        // What is said of packets, and of conversations that every worker follows, the first worker says.
        let is_first = self.worker == 0;
        let fragments_given_up = self.fragments.given_up;
        let mut counters =
            if is_first { Counters { fragments_given_up, ..self.counters } } else { Counters::default() };
        let own = if is_first { self.shards.len() } else { usize::from(CARRIERS) };
        self.shards.iter().take(own).for_each(|shard| counters.add(&shard.counters));
        counters
    }

    /// Memory that conversations hold back until more comes, in bytes, beyond a little that each may hold: segments
    /// behind a hole, halves of PDUs, requests without a response. At most 68 MB and what a few packets add.
    pub fn held(&self) -> usize {
        self.shards.iter().map(Shard::held).sum()
    }

    /// Takes the next packet of the capture.
    #[inline]
    pub fn packet(&mut self, packet: &Packet<'_>, rows: &mut dyn Rows) {
        self.counters.packets += 1;
        self.counters.bytes += u64::try_from(packet.wire_len).unwrap_or_default();
        let origin = Origin { file: self.file, number: packet.number };
        if packet.bytes.is_empty() {
            self.weird_capture("empty_pcap_header", Stamp { time: packet.time, origin }, rows);
            return;
        }
        self.advance(packet.number, packet.time, rows);
        if is_time_odd(packet.time) {
            self.weird_capture("negative_packet_timestamp", Stamp { time: packet.time, origin }, rows);
        } else {
            self.told.clock = packet.time;
        }
        let seen = Seen {
            time: packet.time,
            origin,
            wire_len: packet.wire_len,
            frame: None,
            depth: 0,
            tunnel: Tunnel::default(),
        };
        self.frame(packet.link, packet.bytes, seen, rows);
    }

    /// Takes note of a packet that is another worker's: time passes.
    #[inline]
    pub fn pass(&mut self, number: u64, time: Time, wire_len: usize, rows: &mut dyn Rows) {
        self.counters.packets += 1;
        self.counters.bytes += u64::try_from(wire_len).unwrap_or_default();
        self.advance(number, time, rows);
        self.told.clock = time;
    }

    /// Hands over a `conn` row for every conversation that is still open, as it stands now, in no particular order;
    /// each will have its final row when it is over.
    pub fn open_conversations(&self, rows: &mut dyn Rows) {
        self.shards.iter().flat_map(Shard::flows).for_each(|flow| flow.write(rows));
    }

    /// Ends all conversations, in the order in which they began: the capture is over.
    pub fn finish(&mut self, rows: &mut dyn Rows) {
        let shards = (0..).zip(&self.shards);
        let open = shards.flat_map(|(shard, of)| of.open().map(move |(began, slot)| (began, shard, slot)));
        let mut open: Vec<(u64, u8, u32)> = open.collect();
        open.sort_unstable();
        let mut nowhere = Nowhere;
        for (conversation, number, slot) in open {
            rows.turn(Turn { packet: u64::MAX, due: Turn::AFTER, conversation, shard: number });
            let rows = whose(self.worker, number, rows, &mut nowhere);
            if let Some(shard) = self.shards.get_mut(usize::from(number)) {
                shard.end(slot, &mut self.shared, rows);
            }
        }
        let origin = Origin { file: self.file, number: self.counters.packets };
        let last = Stamp { time: self.told.clock, origin };
        self.shared.tunnels.expire(last, whose(self.worker, CARRIERS, rows, &mut nowhere));
    }

    /// Ends what is over at `now`.
    #[inline]
    fn advance(&mut self, packet: u64, now: Time, rows: &mut dyn Rows) {
        if self.shared.timers.may_be_due(now) {
            self.wake(packet, now, rows);
        }
    }

    #[cold]
    fn wake(&mut self, packet: u64, now: Time, rows: &mut dyn Rows) {
        let mut nowhere = Nowhere;
        if self.shared.timers.is_crowded() {
            let shards = &self.shards;
            let set =
                |timer: &Timer| shards.get(usize::from(timer.shard)).is_some_and(|of| of.has_set(timer));
            self.shared.timers.retain(set);
        }
        while let Some(timer) = self.shared.timers.due(now) {
            let rows = whose(self.worker, timer.shard, rows, &mut nowhere);
            if let Some(shard) = self.shards.get_mut(usize::from(timer.shard)) {
                shard.wake(&timer, packet, now, &mut self.shared, rows);
            }
        }
        rows.turn(Turn { packet, due: Turn::AFTER, ..Turn::default() });
    }

    fn frame(&mut self, link: Link, bytes: &[u8], mut seen: Seen<'_>, rows: &mut dyn Rows) {
        let opened = link.open(bytes);
        let frame = match &opened {
            Ok(frame) => frame,
            Err(error) => {
                self.counters.damaged += 1;
                let (name, addl) = frame_oddity(link, *error, bytes.len());
                self.weird_with(name, addl.as_deref(), &seen, rows);
                return;
            }
        };
        seen.wire_len = seen.wire_len.saturating_sub(bytes.len() - frame.payload.len());
        self.carried(frame, seen, rows);
        if !frame.others.is_empty() {
            self.subframes(frame.others, seen, rows);
        }
    }

    /// Takes further packets that came in the same frame.
    #[cold]
    fn subframes(&mut self, mut others: &[u8], mut seen: Seen<'_>, rows: &mut dyn Rows) {
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
    #[inline(always)]
    fn carried(&mut self, frame: &Frame<'_>, seen: Seen<'_>, rows: &mut dyn Rows) {
        if frame.redundant.is_some() && self.copies.is_copy(frame, seen.time) {
            self.counters.copies += 1;
            return;
        }
        if !is_ip(frame) {
            self.counters.not_ip += 1;
            if seen.depth == 0 && self.is_copy(frame, None, &seen) {
                return;
            }
            if frame.ethertype == link::ARP {
                self.arp(frame.payload, &seen, rows);
            }
            return;
        }
        let seen = Seen { frame: Some(frame), ..seen };
        self.ip(frame.payload, &seen, rows);
    }

    /// Whether the tap is known to duplicate and this is a copy; it is left out then.
    fn is_copy(&mut self, frame: &Frame<'_>, packet: Option<&ip::Packet<'_>>, seen: &Seen<'_>) -> bool {
        let Some(tap) = &mut self.shared.tap else { return false };
        let copy = tap.is_copy(&Look { time: seen.time, origin: seen.origin, frame, packet });
        self.counters.copies += u64::from(copy);
        copy
    }

    fn arp(&mut self, payload: &[u8], seen: &Seen<'_>, rows: &mut dyn Rows) {
        if let Some(name) = arp_oddity(payload) {
            self.weird(name, seen, rows);
        }
    }

    fn ip(&mut self, bytes: &[u8], seen: &Seen<'_>, rows: &mut dyn Rows) {
        let opened = ip::Packet::open(bytes);
        let packet = match &opened {
            Ok(packet) => packet,
            Err(error) => {
                self.counters.damaged += 1;
                self.weird(ip_oddity(*error, bytes, seen.wire_len), seen, rows);
                return;
            }
        };
        if let Some(frame) = seen.frame.filter(|_| self.shared.tap.is_some() && seen.depth == 0)
            && self.is_copy(frame, Some(packet), seen)
        {
            return;
        }
        if packet.told_len == 0 {
            self.weird("ip_hdr_len_zero", seen, rows);
        }
        if seen.depth == 0 && seen.wire_len < packet.total_len {
            self.counters.damaged += 1;
            self.weird("truncated_IP_len", seen, rows);
            return;
        }
        if packet.is_jumbo() {
            self.weird("invalid_IP_header_size", seen, rows);
        }
        if let Some((name, addl)) = packet.routing.and_then(routing_oddity) {
            self.weird_packet_with(name, addl.as_deref(), packet, seen, rows);
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
        if seen.depth > 0 && is_followed(packet.protocol) {
            let mut nowhere = Nowhere;
            let rows = whose(self.worker, CARRIERS, rows, &mut nowhere);
            self.shared.tunnels.carry(seen.tunnel, seen.stamp(), rows);
        }
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
                    let tunnel = self.between(packet, seen);
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

    /// The shard that follows a conversation, if this worker does.
    #[inline]
    fn shard(&mut self, of: &Addressed<'_>) -> Option<(&mut Shard, &mut Shared)> {
        let number = of.key.shard();
        if self.workers > 1 && number % self.workers != self.worker {
            return None;
        }
        Some((self.shards.get_mut(usize::from(number))?, &mut self.shared))
    }

    fn other(&mut self, packet: &ip::Packet<'_>, seen: &Seen<'_>, rows: &mut dyn Rows) {
        let of = Part::new(packet, Transport::Other(packet.protocol), 0, 0).addressed();
        if let Some((shard, shared)) = self.shard(&of) {
            shard.count(&of, None, seen, shared, rows);
        }
    }

    fn icmp(&mut self, packet: &ip::Packet<'_>, seen: &Seen<'_>, rows: &mut dyn Rows) {
        let Ok(icmp) = Icmp::open(packet.payload) else {
            self.header_missing(packet, 8, seen, rows);
            return;
        };
        let answer = icmp_answer(packet.protocol == 58, icmp.kind, icmp.code);
        let (port, one_way) = answer.map_or_else(|code| (code, true), |kind| (kind, false));
        let part = Part::new(packet, Transport::Icmp, icmp.kind.into(), port.into());
        let of = if one_way { part.one_way() } else { part }.addressed();
        if let Some((shard, shared)) = self.shard(&of) {
            shard.count(&of, Some(packet.payload_len().saturating_sub(8)), seen, shared, rows);
        }
    }

    fn udp(&mut self, packet: &ip::Packet<'_>, seen: &Seen<'_>, rows: &mut dyn Rows) {
        let Ok(udp) = Udp::open(packet.payload) else {
            self.header_missing(packet, 8, seen, rows);
            return;
        };
        let of = Part::new(packet, Transport::Udp, udp.source, udp.destination).addressed();
        if !is_shared(udp.source, udp.destination) {
            if let Some((shard, shared)) = self.shard(&of) {
                shard.udp(&of, &udp, seen, shared, rows);
            }
            return;
        }
        if let Some(shard) = self.shards.get_mut(usize::from(CARRIERS)) {
            let mut nowhere = Nowhere;
            let rows = whose(self.worker, CARRIERS, rows, &mut nowhere);
            shard.udp(&of, &udp, seen, &mut self.shared, rows);
        }
        if let Some(inner) = inside_udp(udp.source, udp.destination, udp.payload) {
            if let Inner::Odd(name) = inner {
                self.weird_packet(name, packet, seen, rows);
                return;
            }
            // GRE is the same tunnel in both directions, also where a UDP header stands in front of it.
            let gre = [udp.source, udp.destination].contains(&GRE_IN_UDP);
            let tunnel = if gre { self.between(packet, seen) } else { self.carried_by(&of, &udp, seen) };
            self.inner(inner, tunnel, seen, rows);
        }
    }

    /// The tunnel between the two hosts of a packet.
    fn between(&mut self, packet: &ip::Packet<'_>, seen: &Seen<'_>) -> Tunnel {
        let tunnel = seen.tunnel.between(packet.source, packet.destination, packet.protocol);
        let kind = Sign::Protocol(if packet.protocol == 17 { 47 } else { packet.protocol }).kind();
        let own = || Some(Part::new(packet, Transport::Other(packet.protocol), 0, 0).conversation(seen));
        self.shared.tunnels.meet(tunnel, seen.tunnel, kind, own);
        tunnel
    }

    /// The tunnel that the conversation of a datagram carries.
    fn carried_by(&mut self, of: &Addressed<'_>, udp: &Udp<'_>, seen: &Seen<'_>) -> Tunnel {
        let port = if is_carrier(udp.destination) { udp.destination } else { udp.source };
        let carriers = self.shards.get_mut(usize::from(CARRIERS));
        let ends = || carriers?.conversation(of).cloned();
        let tunnel = seen.tunnel.inside(&of.key);
        self.shared.tunnels.meet(tunnel, seen.tunnel, Sign::Port(port).kind(), ends);
        tunnel
    }

    #[inline]
    fn tcp(&mut self, packet: &ip::Packet<'_>, seen: &Seen<'_>, rows: &mut dyn Rows) {
        let Ok(header) = Tcp::open(packet.payload) else {
            self.header_missing(packet, 20, seen, rows);
            return;
        };
        let of = Part::new(packet, Transport::Tcp, header.source, header.destination).addressed();
        if let Some((shard, shared)) = self.shard(&of) {
            shard.tcp(&of, &header, seen, shared, rows);
        }
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
        self.weird_with(name, None, seen, rows);
    }

    fn weird_with(&mut self, name: &'static str, addl: Option<&str>, seen: &Seen<'_>, rows: &mut dyn Rows) {
        let name = if seen.depth > 0 { in_tunnel(name) } else { name };
        self.told.tell_of_frame(name, addl, seen.stamp(), whose(self.worker, CARRIERS, rows, &mut Nowhere));
    }

    /// Tells of what the capture says of a packet, not the packet of itself.
    #[cold]
    fn weird_capture(&mut self, name: &'static str, now: Stamp, rows: &mut dyn Rows) {
        self.told.tell_of_capture(name, now, whose(self.worker, CARRIERS, rows, &mut Nowhere));
    }

    /// Tells of a packet that belongs to no conversation; it has a name of its own.
    fn weird_packet(
        &mut self,
        name: &'static str,
        packet: &ip::Packet<'_>,
        seen: &Seen<'_>,
        rows: &mut dyn Rows,
    ) {
        self.weird_packet_with(name, None, packet, seen, rows);
    }

    fn weird_packet_with(
        &mut self,
        name: &'static str,
        addl: Option<&str>,
        packet: &ip::Packet<'_>,
        seen: &Seen<'_>,
        rows: &mut dyn Rows,
    ) {
        let name = if seen.depth > 0 { in_tunnel(name) } else { name };
        let own = Part::new(packet, Transport::Other(packet.protocol), 0, 0).conversation(seen);
        let mut nowhere = Nowhere;
        let rows = whose(self.worker, CARRIERS, rows, &mut nowhere);
        self.told.tell(name, addl, &own, seen.stamp(), &mut self.shared.hosts, rows);
    }
}

impl<'a> Seen<'a> {
    /// What the judge of the tap looks at: packets outside tunnels.
    #[inline]
    pub(crate) fn look(&self, packet: &'a ip::Packet<'a>) -> Option<Look<'a>> {
        let frame = self.frame.filter(|_| self.depth == 0)?;
        Some(Look { time: self.time, origin: self.origin, frame, packet: Some(packet) })
    }
}

impl Seen<'_> {
    pub(crate) fn stamp(&self) -> Stamp {
        Stamp { time: self.time, origin: self.origin }
    }
}

impl Counters {
    /// Adds those of another worker, which has counted its own conversations.
    pub fn add(&mut self, more: &Counters) {
        self.packets += more.packets;
        self.bytes += more.bytes;
        self.not_ip += more.not_ip;
        self.damaged += more.damaged;
        self.conversations += more.conversations;
        self.evicted += more.evicted;
        self.let_go += more.let_go;
        self.fragments_given_up += more.fragments_given_up;
        self.copies += more.copies;
        self.panics += more.panics;
    }
}

#[inline]
fn is_ip(frame: &Frame<'_>) -> bool {
    matches!(frame.ethertype, link::IPV4 | link::IPV6)
}

/// The shard of the conversation that a frame is part of, where that is all there is to say of it; `None` where every
/// worker must look: what is damaged, in parts or in a tunnel.
#[inline]
pub(crate) fn lane(&Packet { link, bytes, wire_len, time, .. }: &Packet<'_>) -> Option<u8> {
    let frame = link.open(bytes).ok().filter(|frame| frame.others.is_empty() && frame.redundant.is_none())?;
    let packet = ip::Packet::open(frame.payload).ok().filter(|_| is_ip(&frame))?;
    let header_len = bytes.len() - frame.payload.len();
    let is_whole = wire_len.saturating_sub(header_len) >= packet.total_len && packet.told_len > 0;
    let least = match packet.protocol {
        6 => 20,
        17 => 8,
        _ => return None,
    };
    if is_time_odd(time) || packet.is_jumbo() {
        return None;
    }
    if !is_whole || packet.fragment.is_some() || packet.routing.is_some() || packet.payload.len() < least {
        return None;
    }
    let &[s0, s1, d0, d1] = packet.payload.first_chunk()?;
    let (source, destination) = (u16::from_be_bytes([s0, s1]), u16::from_be_bytes([d0, d1]));
    if packet.protocol == 17 && is_shared(source, destination) {
        return None;
    }
    let transport = if packet.protocol == 6 { Transport::Tcp } else { Transport::Udp };
    Some(Part::new(&packet, transport, source, destination).key().shard())
}

/// Whether packets of this protocol belong to a conversation, and carry no other packets themselves.
fn is_followed(protocol: u8) -> bool {
    const NO_NEXT_HEADER: u8 = 59;
    protocol != NO_NEXT_HEADER && inside_ip(protocol, &[]).is_none()
}

/// Takes rows that another worker writes.
struct Nowhere;

impl Rows for Nowhere {
    fn put(&mut self, _: &At<'_>, _: &dyn Record) {}
}

/// Where rows of a shard go: those of the shard that all workers follow are the first worker's to write.
fn whose<'a>(worker: u8, shard: u8, rows: &'a mut dyn Rows, nowhere: &'a mut Nowhere) -> &'a mut dyn Rows {
    if worker > 0 && shard == CARRIERS { nowhere } else { rows }
}

/// Whether a datagram's conversation is followed by every worker: it may carry others, or belongs to a transaction that
/// spans conversations (DHCP).
fn is_shared(source: u16, destination: u16) -> bool {
    let dhcp = |port| matches!(port, 67 | 68);
    is_carrier(source) || is_carrier(destination) || dhcp(source) || dhcp(destination)
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
