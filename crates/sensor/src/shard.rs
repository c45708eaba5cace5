//! A share of the conversations: those whose name falls to it, whatever number of workers there is.

use crate::app::{App, Context, Spares};
use crate::community::Parts;
use crate::decap::udp_tunnel_oddity;
use crate::flow::{Body, Dues, Flow, Key, LinkIds, NEVER, Sent, TUNNEL_CHANGES_MAX};
use crate::held::{HELD_MAX, Held, Share};
use crate::history::{History, Letter};
use crate::odd::{Hosts, Told, scale_oddity, tcp_header_oddity};
use crate::ports::is_server;
use crate::sensor::{Counters, Seen};
use crate::stream::Piece;
use crate::tcp::{Effect, Tcp};
use crate::timers::{Timer, Timers};
use crate::tunnel::Tunnels;
use hashbrown::HashTable;
use health::{Mark, Tap, Trace};
use model::{Conversation, Endpoint, Rows, Span, Time, Transport, Turn, Uid};
use protocols::{Known, Side, Stamp};
use std::net::{IpAddr, Ipv4Addr};
use wire::ip;
use wire::transport::{Tcp as TcpHeader, Udp};

/// Conversations, by name.
pub(crate) struct Shard {
    number: u8,
    index: HashTable<u32>,
    flows: Vec<Option<Flow>>,
    /// When each place is looked at next, its timer's `due`; timers due at other times are void.
    wakes: Vec<Time>,
    free: Vec<u32>,
    /// The place that was found last; another conversation may have it by now, or none.
    latest: u32,
    /// Where room is looked for next.
    hand: usize,
    held: Held,
    told: Told,
    pub(crate) counters: Counters,
}

/// What the shards of a worker have in common.
#[derive(Default)]
pub(crate) struct Shared {
    pub(crate) timers: Timers,
    pub(crate) known: Known,
    pub(crate) spares: Spares,
    pub(crate) hosts: Hosts,
    pub(crate) tunnels: Tunnels,
    /// Judges whether the tap tells the truth, where that is asked for.
    pub(crate) tap: Option<Box<Tap>>,
}

/// Shards, a power of two.
pub(crate) const SHARDS: u8 = 16;

/// Conversations that a shard follows at the same time, 100,000 in all. Beyond it one that was quiet for long, among a
/// few that are looked at, is ended early.
const FLOWS_MAX: usize = 6_250;
/// Conversations looked at to find one that is quiet.
const LOOKED_AT: usize = 16;

/// Conditions that a shard remembers as told.
const TOLD_MAX: usize = 1024;

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

/// An IP packet's part in a conversation.
#[derive(Clone, Copy)]
pub(crate) struct Part<'a> {
    packet: &'a ip::Packet<'a>,
    source_port: u16,
    destination_port: u16,
    transport: Transport,
    one_way: bool,
}

/// A part with the name of its conversation.
pub(crate) struct Addressed<'a> {
    part: Part<'a>,
    pub(crate) key: Key,
}

impl Shard {
    pub(crate) fn new(number: u8) -> Self {
        Self {
            number,
            index: HashTable::new(),
            flows: vec![],
            wakes: vec![],
            free: vec![],
            latest: 0,
            hand: 0,
            held: Held::default(),
            told: Told::new(TOLD_MAX),
            counters: Counters::default(),
        }
    }

    /// The conversations that are open.
    pub(crate) fn flows(&self) -> impl Iterator<Item = &Flow> {
        self.flows.iter().flatten()
    }

    /// Places of the conversations that are open, with the packets that began them.
    pub(crate) fn open(&self) -> impl Iterator<Item = (u64, u32)> {
        (0..).zip(&self.flows).filter_map(|(slot, flow)| flow.as_ref().map(|flow| (flow.first.number, slot)))
    }

    /// Memory that its conversations hold.
    pub(crate) fn held(&self) -> usize {
        self.held.bytes()
    }

    /// Whether the timer is one that a place waits for; all others are void.
    pub(crate) fn has_set(&self, timer: &Timer) -> bool {
        self.wakes.get(index(timer.slot)) == Some(&timer.due)
    }

    /// The conversation of that name, if it is open.
    pub(crate) fn conversation(&mut self, of: &Addressed<'_>) -> Option<&Conversation> {
        let slot = self.slot(of)?;
        let flow = self.flows.get(index(slot))?.as_ref()?;
        Some(&flow.conversation)
    }

    /// Counts a packet of a protocol that has no more than packets.
    pub(crate) fn count(
        &mut self,
        of: &Addressed<'_>,
        payload: Option<usize>,
        seen: &Seen<'_>,
        shared: &mut Shared,
        rows: &mut dyn Rows,
    ) {
        let slot = self.find(of, false, seen, shared, rows);
        let Some(flow) = place(&mut self.flows, slot) else { return };
        if payload.is_some() {
            notice_tunnel(flow, &mut self.told, seen, shared, rows);
        }
        shared.hear(flow, &of.part, seen, 0, &[]);
        flow.last = seen.time;
        flow.direction(&of.part).count(of.part.packet, payload);
    }

    /// Takes a datagram.
    pub(crate) fn udp(
        &mut self,
        of: &Addressed<'_>,
        udp: &Udp<'_>,
        seen: &Seen<'_>,
        shared: &mut Shared,
        rows: &mut dyn Rows,
    ) {
        let served = |port| is_server(Transport::Udp, port);
        let flip = served(udp.source) && !served(udp.destination);
        let slot = self.find(of, flip, seen, shared, rows);
        let Some(flow) = place(&mut self.flows, slot) else { return };
        let (part, packet) = (&of.part, of.part.packet);
        let from_orig = flow.is_sent_by_orig(part);
        shared.hear(flow, part, seen, udp.source, udp.payload);
        notice_tunnel(flow, &mut self.told, seen, shared, rows);
        flow.last = seen.time;
        flow.latest = seen.origin;
        flow.history.note(Letter::Data, from_orig);
        // No length: a datagram too long for its header (RFC 2675, 4), of which nobody knows how much is payload.
        let payload_len = usize::from(udp.length).checked_sub(8);
        flow.direction(part).count(packet, payload_len);
        let left_open = udp.length == 0 && packet.is_jumbo();
        let mismatch = usize::from(udp.length) != packet.payload_len() && !left_open;
        if mismatch && flow.is_new_oddity("UDP_datagram_length_mismatch") {
            let addl = format!("{} != {}", udp.length, packet.payload_len());
            let name = "UDP_datagram_length_mismatch";
            self.told.tell(name, Some(&addl), &flow.conversation, seen.stamp(), &mut shared.hosts, rows);
        }
        if let Some(name) = udp_tunnel_oddity(udp) {
            self.told.tell(name, None, &flow.conversation, seen.stamp(), &mut shared.hosts, rows);
        }
        let Flow { app, conversation, .. } = flow;
        let mut context = shared.context(conversation, seen.stamp(), &mut self.counters, rows);
        // Where the two lengths disagree, receivers go by the IP header's.
        app.datagram(side(from_orig), udp.payload, &mut context);
        if app.take_reversal() {
            flow.flip();
            flow.history.flipped();
        }
        if flow.app.take_left_out() {
            flow.history.left_out();
        }
        if flow.held() != flow.share.bytes {
            self.hold(slot, seen, shared, rows);
        }
        let Some(flow) = place(&mut self.flows, slot) else { return };
        if let Some(quiet) = flow.app.quiet().filter(|_| flow.quiet.is_none()) {
            flow.quiet = Some(quiet);
            flow.dues.quiet = flow.start + quiet;
            self.arm(slot, shared);
        }
    }

    /// Takes a TCP segment.
    pub(crate) fn tcp(
        &mut self,
        of: &Addressed<'_>,
        header: &TcpHeader<'_>,
        seen: &Seen<'_>,
        shared: &mut Shared,
        rows: &mut dyn Rows,
    ) {
        let slot = self.find_tcp(of, header, seen, shared, rows);
        let Some(flow) = place(&mut self.flows, slot) else { return };
        let packet = of.part.packet;
        let from_orig = flow.is_sent_by_orig(&of.part);
        let told = packet.payload_len();
        let told = if told == 0 { packet.payload.len() } else { told };
        if let Some(name) = tcp_header_oddity(header.header_len, told.min(packet.payload.len())) {
            self.counters.damaged += 1;
            if flow.is_new_oddity(name) {
                self.told.tell(name, None, &flow.conversation, seen.stamp(), &mut shared.hosts, rows);
            }
            return;
        }
        if let Some((name, addl)) = scale_oddity(header)
            && flow.is_new_oddity(name)
        {
            self.told.tell(name, Some(&addl), &flow.conversation, seen.stamp(), &mut shared.hosts, rows);
        }
        notice_tunnel(flow, &mut self.told, seen, shared, rows);
        shared.hear_segment(flow, &of.part, seen, header, told - header.header_len);
        let Flow { app, conversation, history, body, .. } = flow;
        let Body::Tcp(tcp) = body else { return };
        let was_closed = tcp.is_closed();
        let mut context = shared.context(conversation, seen.stamp(), &mut self.counters, &mut *rows);
        let mut take = |from_orig: bool, piece: Piece<'_>| app.stream(side(from_orig), piece, &mut context);
        let mut effect = Effect::default();
        tcp.segment(header, told - header.header_len, from_orig, history, &mut take, &mut effect);
        if !was_closed {
            flow.last = seen.time;
        }
        flow.latest = seen.origin;
        let sent = if from_orig { &mut flow.sent } else { &mut flow.received };
        sent.count(packet, None);
        if !header.payload.is_empty() && flow.app.take_left_out() {
            flow.history.left_out();
        }
        if flow.held() != flow.share.bytes {
            self.hold(slot, seen, shared, rows);
        }
        if effect.is_any() {
            self.take_effect(slot, &effect, seen, shared, rows);
        }
    }

    /// Takes note of what a conversation holds now; others let go when all together hold too much.
    #[cold]
    fn hold(&mut self, slot: u32, seen: &Seen<'_>, shared: &mut Shared, rows: &mut dyn Rows) {
        let Some(flow) = place(&mut self.flows, slot) else { return };
        let bytes = flow.held();
        if !self.held.note(&mut flow.share, bytes, slot, flow.first.number) {
            return;
        }
        while self.held.bytes() > HELD_MAX
            && let Some((slot, began)) = self.held.first()
        {
            self.let_go(slot, began, seen, shared, rows);
        }
    }

    /// Makes a conversation let go of what it holds, if it is still open and holds anything.
    fn let_go(&mut self, slot: u32, began: u64, seen: &Seen<'_>, shared: &mut Shared, rows: &mut dyn Rows) {
        let Some(flow) = place(&mut self.flows, slot).filter(|flow| flow.first.number == began) else {
            return;
        };
        flow.share.leave();
        if flow.share.bytes == 0 {
            return;
        }
        self.counters.let_go += 1;
        let Flow { app, conversation, body, .. } = &mut *flow;
        let mut context = shared.context(conversation, seen.stamp(), &mut self.counters, rows);
        if let Body::Tcp(tcp) = body {
            tcp.let_go(&mut |from_orig, piece| app.stream(side(from_orig), piece, &mut context));
        }
        app.let_go(&mut context);
        let left = flow.held();
        self.held.note(&mut flow.share, left, slot, began);
    }

    /// Acts on what a segment did to its connection.
    fn take_effect(
        &mut self,
        slot: u32,
        effect: &Effect,
        seen: &Seen<'_>,
        shared: &mut Shared,
        rows: &mut dyn Rows,
    ) {
        let Some(flow) = place(&mut self.flows, slot) else { return };
        if effect.flip {
            flow.flip();
        }
        let odd_before = !flow.odd.is_empty();
        for name in effect.odd.iter().filter(|name| !odd_before || *name != "possible_split_routing") {
            if flow.is_new_oddity(name) {
                self.told.tell(name, None, &flow.conversation, seen.stamp(), &mut shared.hosts, rows);
            }
        }
        if effect.settled && flow.idle < TCP_IDLE {
            flow.idle = TCP_IDLE;
        }
        if effect.complete {
            flow.dues = Dues { delete: flow.last + LINGER, ..Dues::NONE };
            self.arm(slot, shared);
        } else if effect.half_closed {
            flow.dues.expire = flow.dues.expire.min(flow.last + EXPIRE_EVERY);
            self.arm(slot, shared);
        }
    }

    fn find_tcp(
        &mut self,
        of: &Addressed<'_>,
        header: &TcpHeader<'_>,
        seen: &Seen<'_>,
        shared: &mut Shared,
        rows: &mut dyn Rows,
    ) -> u32 {
        if let Some(slot) = self.slot(of) {
            let Some(flow) = place(&mut self.flows, slot) else { return slot };
            let Body::Tcp(tcp) = &flow.body else { return slot };
            if !header.flags.syn() || header.header_len < 20 || !tcp.is_reused_by(header) {
                return slot;
            }
            if let Some(name) = tcp.odd_reuse(header) {
                self.told.tell(name, None, &flow.conversation, seen.stamp(), &mut shared.hosts, rows);
            }
            self.end(slot, shared, rows);
        }
        let partial = !header.flags.syn() || header.flags.ack();
        let served = |port| is_server(Transport::Tcp, port);
        let flip = partial
            && served(header.source)
            && (!served(header.destination) || (!header.flags.syn() && header.source < header.destination));
        self.begin(of, flip, seen, shared, rows)
    }

    /// The place of the conversation. Of those in a shard, packets of the same one often come in a row.
    #[inline]
    fn slot(&mut self, of: &Addressed<'_>) -> Option<u32> {
        if !is_of(&self.flows, self.latest, &of.key) {
            self.latest = *self.index.find(of.key.hash(), |slot| is_of(&self.flows, *slot, &of.key))?;
        }
        Some(self.latest)
    }

    /// The conversation of a packet, a new one if need be; `flip` says that a new one is called by its sender.
    fn find(
        &mut self,
        of: &Addressed<'_>,
        flip: bool,
        seen: &Seen<'_>,
        shared: &mut Shared,
        rows: &mut dyn Rows,
    ) -> u32 {
        self.slot(of).unwrap_or_else(|| self.begin(of, flip, seen, shared, rows))
    }

    fn begin(
        &mut self,
        of: &Addressed<'_>,
        flip: bool,
        seen: &Seen<'_>,
        shared: &mut Shared,
        rows: &mut dyn Rows,
    ) -> u32 {
        if self.index.len() >= FLOWS_MAX {
            self.make_room(shared, rows);
        }
        self.counters.conversations += 1;
        let mut flow = Flow::new(of, seen);
        if seen.depth > 0 {
            flow.parents.extend(shared.tunnels.name(seen.tunnel));
        }
        if let (Some(tap), Some(look)) = (&mut shared.tap, seen.look(of.part.packet)) {
            flow.trace = tap.open(&look, of.part.packet.source, of.part.packet.destination);
        }
        if flip && of.part.packet.destination != IpAddr::V4(Ipv4Addr::BROADCAST) {
            flow.flip();
            flow.history.flipped();
        }
        let slot = self.free.pop().unwrap_or_else(|| {
            self.flows.push(None);
            self.wakes.push(NEVER);
            u32::try_from(self.flows.len() - 1).unwrap_or(u32::MAX)
        });
        if let Some(place) = self.flows.get_mut(index(slot)) {
            *place = Some(flow);
        }
        self.arm(slot, shared);
        let hash = |slot: &u32| {
            let flow = self.flows.get(index(*slot)).and_then(Option::as_ref);
            flow.map_or(0, |flow| flow.key.hash())
        };
        self.index.insert_unique(of.key.hash(), slot, hash);
        slot
    }

    /// Ends a conversation early: of a few, the one that was quiet for longest, unanswered ones first.
    fn make_room(&mut self, shared: &mut Shared, rows: &mut dyn Rows) {
        let count = self.flows.len();
        let slots = (0..count).map(|step| (self.hand + step) % count);
        let looked_at =
            slots.filter_map(|slot| Some((slot, self.flows.get(slot)?.as_ref()?))).take(LOOKED_AT);
        let quietest = looked_at.min_by_key(|(_, flow)| (!flow.is_unanswered(), flow.last));
        let Some((slot, _)) = quietest else { return };
        self.hand = (self.hand + LOOKED_AT) % count;
        self.counters.evicted += 1;
        self.end(u32::try_from(slot).unwrap_or(u32::MAX), shared, rows);
    }

    /// Sets the conversation's timer. One that is set already and comes earlier will do: it sets the next.
    fn arm(&mut self, slot: u32, shared: &mut Shared) {
        let (Some(flow), Some(wake)) = (place(&mut self.flows, slot), self.wakes.get_mut(index(slot))) else {
            return;
        };
        let due = flow.dues.first();
        if due < *wake {
            *wake = due;
            shared.timers.set(Timer { due, began: flow.first.number, shard: self.number, slot });
        }
    }

    /// Looks at a conversation whose timer is due.
    pub(crate) fn wake(
        &mut self,
        timer: &Timer,
        packet: u64,
        now: Time,
        shared: &mut Shared,
        rows: &mut dyn Rows,
    ) {
        let Some(wake) = self.wakes.get_mut(index(timer.slot)).filter(|wake| **wake == timer.due) else {
            return;
        };
        *wake = NEVER;
        let Some(flow) = place(&mut self.flows, timer.slot) else { return };
        // A timer may be an earlier conversation's, which had the same place.
        let is_its_own = flow.first.number == timer.began && flow.dues.first() == timer.due;
        if is_its_own && flow.is_over(timer.due, now) {
            rows.turn(Turn { packet, due: timer.due.0, conversation: timer.began, shard: timer.shard });
            self.end(timer.slot, shared, rows);
        } else {
            self.arm(timer.slot, shared);
        }
    }

    /// Ends a conversation: its last rows are written.
    pub(crate) fn end(&mut self, slot: u32, shared: &mut Shared, rows: &mut dyn Rows) {
        let Some(mut flow) = self.flows.get_mut(index(slot)).and_then(Option::take) else { return };
        if let Ok(entry) = self.index.find_entry(flow.key.hash(), |other| *other == slot) {
            entry.remove();
        }
        self.free.push(slot);
        self.held.end(flow.share);
        let flows = &self.flows;
        self.held.tidy(FLOWS_MAX, |slot, began| {
            flows.get(index(slot)).and_then(Option::as_ref).is_some_and(|flow| flow.first.number == began)
        });
        let now = Stamp { time: flow.last, origin: flow.latest };
        flow.app.end(&mut shared.context(&flow.conversation, now, &mut self.counters, &mut *rows));
        flow.write(rows);
        if let Some(tap) = &mut shared.tap {
            tap.end(&mut flow.trace, Mark { time: flow.last, origin: flow.latest });
        }
        if self.number == SHARDS {
            shared.tunnels.close(flow.tunnel.inside(&flow.key), now, rows);
        }
        flow.app.recycle(&mut shared.spares);
    }
}

fn index(slot: u32) -> usize {
    usize::try_from(slot).unwrap_or(usize::MAX)
}

#[inline]
fn place(flows: &mut [Option<Flow>], slot: u32) -> Option<&mut Flow> {
    flows.get_mut(index(slot)).and_then(Option::as_mut)
}

#[inline]
fn is_of(flows: &[Option<Flow>], slot: u32, key: &Key) -> bool {
    flows.get(index(slot)).and_then(Option::as_ref).is_some_and(|flow| flow.key == *key)
}

fn side(from_orig: bool) -> Side {
    if from_orig { Side::Client } else { Side::Server }
}

/// Takes note of the tunnel that the packet came through, and tells when a conversation wanders among tunnels.
#[inline]
fn notice_tunnel(
    flow: &mut Flow,
    told: &mut Told,
    seen: &Seen<'_>,
    shared: &mut Shared,
    rows: &mut dyn Rows,
) {
    if flow.tunnel != seen.tunnel && flow.wanders_to(seen.tunnel, shared.tunnels.name(seen.tunnel)) {
        flow.history.left_out();
        let (name, changes) = ("tunnel_max_changes_per_connection_exceeded", TUNNEL_CHANGES_MAX.to_string());
        told.tell(name, Some(&changes), &flow.conversation, seen.stamp(), &mut shared.hosts, rows);
    }
}

impl Shared {
    /// Lets the judge of the tap hear a packet of a conversation that is no segment.
    #[inline]
    fn hear(&mut self, flow: &mut Flow, part: &Part<'_>, seen: &Seen<'_>, port: u16, payload: &[u8]) {
        if let (Some(tap), Some(look)) = (&mut self.tap, seen.look(part.packet)) {
            let back = flow.is_sent_back(part);
            tap.datagram(&mut flow.trace, back, &look, port, payload);
        }
    }

    /// Lets the judge of the tap hear a segment of `len` bytes.
    #[inline]
    fn hear_segment(
        &mut self,
        flow: &mut Flow,
        part: &Part<'_>,
        seen: &Seen<'_>,
        header: &TcpHeader<'_>,
        len: usize,
    ) {
        if let (Some(tap), Some(look)) = (&mut self.tap, seen.look(part.packet)) {
            let back = flow.is_sent_back(part);
            tap.segment(&mut flow.trace, back, &look, header, len);
        }
    }

    fn context<'a>(
        &'a mut self,
        conversation: &'a Conversation,
        now: Stamp,
        counters: &'a mut Counters,
        rows: &'a mut dyn Rows,
    ) -> Context<'a> {
        let Shared { known, spares, .. } = self;
        Context { rows, known, spares, conversation, now, panics: &mut counters.panics }
    }
}

impl<'a> Part<'a> {
    #[inline]
    pub(crate) fn new(
        packet: &'a ip::Packet<'a>,
        transport: Transport,
        source_port: u16,
        destination_port: u16,
    ) -> Self {
        Self { packet, source_port, destination_port, transport, one_way: false }
    }

    /// Of a conversation in which only one end speaks.
    pub(crate) fn one_way(self) -> Self {
        Self { one_way: true, ..self }
    }

    fn source(&self) -> Endpoint {
        Endpoint { addr: self.packet.source, port: self.source_port }
    }

    fn destination(&self) -> Endpoint {
        Endpoint { addr: self.packet.destination, port: self.destination_port }
    }

    /// Name of its conversation.
    #[inline]
    pub(crate) fn key(&self) -> Key {
        let source = (&self.packet.source, self.source_port);
        let destination = (&self.packet.destination, self.destination_port);
        Key::new(source, destination, self.packet.protocol, self.one_way)
    }

    /// With the name of its conversation.
    #[inline]
    pub(crate) fn addressed(self) -> Addressed<'a> {
        Addressed { part: self, key: self.key() }
    }

    /// A conversation of this packet alone.
    pub(crate) fn conversation(&self, seen: &Seen<'_>) -> Conversation {
        Conversation::new(uid(seen, self), self.source(), self.destination(), self.transport)
    }
}

impl Flow {
    fn new(of: &Addressed<'_>, seen: &Seen<'_>) -> Self {
        let part = &of.part;
        let tcp = part.transport == Transport::Tcp;
        let interactive = tcp && INTERACTIVE_PORTS.contains(&part.destination_port);
        let idle = if interactive { INTERACTIVE_IDLE } else { DATAGRAM_IDLE };
        let attempt = if tcp { seen.time + ATTEMPT } else { NEVER };
        Self {
            key: of.key,
            conversation: part.conversation(seen),
            start: seen.time,
            last: seen.time,
            first: seen.origin,
            latest: seen.origin,
            link: seen.frame.map_or_else(LinkIds::default, LinkIds::of),
            history: History::default(),
            share: Share::default(),
            sent: Sent::default(),
            received: Sent::default(),
            body: if tcp { Body::Tcp(Tcp::default()) } else { Body::Datagrams },
            app: App::default(),
            dues: Dues { attempt, idle: seen.time + idle, ..Dues::NONE },
            idle,
            quiet: None,
            tunnel: seen.tunnel,
            tunnel_changes: 0,
            parents: vec![],
            odd: vec![],
            trace: Trace::default(),
            flipped: false,
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

    /// Whether the packet goes the other way than the conversation's first one.
    #[inline]
    fn is_sent_back(&self, part: &Part<'_>) -> bool {
        self.is_sent_by_orig(part) == self.flipped
    }

    fn direction(&mut self, part: &Part<'_>) -> &mut Sent {
        if self.is_sent_by_orig(part) { &mut self.sent } else { &mut self.received }
    }

    fn tcp(&self) -> Option<&Tcp> {
        match &self.body {
            Body::Tcp(tcp) => Some(tcp),
            Body::Datagrams => None,
        }
    }

    fn is_unanswered(&self) -> bool {
        self.tcp().is_some_and(|tcp| tcp.is_unanswered() && !tcp.finished)
    }

    /// Looks at what is due; says whether the conversation is over. If it is not, the next look is in `dues`.
    fn is_over(&mut self, due: Time, now: Time) -> bool {
        if self.dues.attempt <= due {
            if self.is_unanswered() {
                return true;
            }
            self.dues.attempt = NEVER;
        }
        if self.dues.idle <= due {
            self.dues.idle = self.last + self.idle;
            if self.dues.idle <= due {
                return true;
            }
        }
        if let Some(quiet) = self.quiet.filter(|_| self.dues.quiet <= due) {
            if self.last + quiet <= now + GRACE {
                return true;
            }
            self.dues.quiet = now + quiet;
        }
        if self.dues.expire <= due {
            if self.tcp().is_some_and(Tcp::is_over) && self.last + LINGER < due {
                return true;
            }
            self.dues.expire = due + EXPIRE_EVERY;
        }
        self.dues.delete <= due
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

/// A name made from when, who and which packet: the same packets give the same names.
fn uid(seen: &Seen<'_>, part: &Part<'_>) -> Uid {
    let mut parts = Parts::new();
    parts.add(&seen.time.0.to_be_bytes());
    parts.add(&seen.origin.number.to_be_bytes());
    parts.add(&seen.origin.file.to_be_bytes());
    parts.add(&[seen.depth, part.packet.protocol]);
    for end in [part.source(), part.destination()] {
        parts.address(end.addr);
        parts.add(&end.port.to_be_bytes());
    }
    Uid::from_hash(parts.digest().first_chunk().map_or(0, |bytes| u128::from_be_bytes(*bytes)))
}
