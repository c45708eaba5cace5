//! The same frame twice: a mirror of both directions, of two VLANs, or of both sides of a router.
//!
//! A copy has the addresses, the identification and every byte behind the IP header of the frame it repeats,
//! and comes within [`COPY_GAP_US`]. That alone is no proof: the sender may have said the same twice. It is
//! *sure* only when one of these holds, and only sure copies are ever left out:
//!
//! - The VLAN tag is another than before. A host does not send one packet into two VLANs.
//! - The time to live is one less or one more than before, and another station sent the frame: a router was
//!   in between.
//! - The identification of the IPv4 header is not 0, and this host counts it up for this protocol (RFC 6864,
//!   4.3: a source that may be fragmented does not repeat it). A TCP retransmission or an equal datagram has
//!   the next number.
//!
//! So a retransmission is never taken for a copy where identifications count; where they do not (0
//! throughout, constant, IPv6, no IP at all), a plain repeat is counted as such and stays: there are hosts
//! that say the same empty acknowledgment three times in a row. A copy behind a translation of addresses is
//! not seen.

use crate::look::Look;
use wire::ip::Packet;

/// What a frame repeats.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Repeat {
    /// Nothing.
    New,
    /// Something, but the sender may have said it twice.
    Unsure,
    /// A frame of the same VLAN, by the identification.
    Same,
    /// A frame with another VLAN tag.
    Tag,
    /// A frame on the other side of a router.
    Hop,
}

impl Repeat {
    pub(crate) fn is_sure(self) -> bool {
        matches!(self, Repeat::Same | Repeat::Tag | Repeat::Hop)
    }
}

/// The latest frames, and whether copies among them are to be left out.
#[derive(Debug)]
pub(crate) struct Copies {
    /// By the low bits of a frame's fingerprint; a third frame in a place drops the older one.
    sets: Box<[[Entry; 2]]>,
    /// By the low bits of host and protocol; another host in a place takes it.
    hosts: Box<[Host]>,
    window: Window,
    /// Starts every fingerprint: who does not know it cannot make two frames look alike.
    seed: u64,
    /// Frames that nothing but their content tells apart, and that have some.
    pub(crate) plain: u64,
    /// Frames with an identification.
    pub(crate) telling: u64,
    /// Whether this tap is known to duplicate.
    pub(crate) folds: bool,
    /// Frames that were compared, and those to come that are not.
    pub(crate) compared: u64,
    rest: u32,
}

#[derive(Clone, Copy, Debug, Default)]
struct Entry {
    print: u64,
    /// Microseconds, wrapping.
    at: u32,
    /// Where it was seen first, and last.
    first: Seen,
    last: Seen,
}

/// Where a packet was seen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Seen {
    tag: u16,
    ttl: u8,
    /// Station that sent it, folded to a byte.
    station: u8,
}

/// How a host counts its identifications.
#[derive(Clone, Copy, Debug, Default)]
struct Host {
    key: u32,
    last: u16,
    /// Packets with another identification than the one before, and with the same; halved when they run full.
    moves: u8,
    stays: u8,
}

/// Frames since the tap was last judged.
#[derive(Debug, Default)]
struct Window {
    frames: u32,
    copies: u32,
    /// Windows in a row without copies to speak of.
    clean: u8,
}

const REPEATED: u64 = 1;
const SETS: usize = 4096;
const HOSTS: usize = 1024;
/// A copy is not later than this, in microseconds; retransmission timers are longer (RFC 6298, 2.4, asks for
/// 1 s).
const COPY_GAP_US: i32 = 10_000;
/// Frames after which the tap is judged.
const WINDOW: u32 = 1024;
/// Copies in a window from which on they are left out: one in fifty.
const FOLD: u32 = WINDOW / 50;
/// Copies in a window below which it is clean: one in five hundred; so many clean windows end the leaving
/// out.
const CLEAN: u32 = WINDOW / 500;
const FOLDS_ON: u8 = 16;
/// After so many clean windows only one in sixteen is looked at: a tap that begins to duplicate is noticed
/// some 16,000 frames later.
const REST_AFTER: u8 = 4;
const REST: u32 = 15 * WINDOW;

/// What makes a frame the same as another.
#[derive(Clone, Copy)]
struct Print {
    /// The lowest bit is free: it says of a frame in the table that it was repeated.
    hash: u64,
    ttl: u8,
    /// It has content beyond headers.
    says: bool,
    /// Host and protocol, and the identification, where there is one that says something.
    host: Option<(u32, u16)>,
}

impl Copies {
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            sets: vec![[Entry::default(); 2]; SETS].into(),
            hosts: vec![Host::default(); HOSTS].into(),
            window: Window::default(),
            seed,
            plain: 0,
            telling: 0,
            folds: false,
            compared: 0,
            rest: 0,
        }
    }
}

impl Copies {
    /// Whether the next frame is passed over: of a tap that is clean not every frame is compared.
    #[inline]
    pub(crate) fn rests(&mut self) -> bool {
        match self.rest.checked_sub(1) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    /// Compares a frame with those before.
    pub(crate) fn compare(&mut self, look: &Look<'_>) -> Repeat {
        self.compared += 1;
        self.window.frames += 1;
        let repeat = Print::of(look, self.seed).map_or(Repeat::New, |print| self.find(&print, look));
        self.window.copies += u32::from(repeat.is_sure());
        if self.window.frames >= WINDOW || self.window.copies == FOLD {
            self.judge();
        }
        repeat
    }

    /// Looks for a frame with the same fingerprint.
    fn find(&mut self, print: &Print, look: &Look<'_>) -> Repeat {
        let at = low32(look.time.0.cast_unsigned() / 1000);
        let hash = print.hash & !REPEATED;
        let seen = Seen { tag: look.tag(), ttl: print.ttl, station: station(look) };
        let entry = Entry { print: hash, at, first: seen, last: seen };
        let place = usize::try_from((hash >> 8) & (SETS as u64 - 1)).unwrap_or(0);
        let has_id = print.host.is_some_and(|(_, id)| id != 0);
        self.telling += u64::from(has_id);
        self.plain += u64::from(print.says && !has_id);
        let Self { sets, hosts, .. } = self;
        let Some(set) = sets.get_mut(place) else { return Repeat::New };
        let known = set.iter_mut().find(|known| known.print & !REPEATED == hash && is_near(known.at, at));
        match known {
            None => {
                let [first, second] = set;
                (*second, *first) = (*first, entry);
                count_up(hosts, print);
                Repeat::New
            }
            Some(known) => known.repeat(&entry, print.says, || counts(hosts, print)),
        }
    }

    #[cold]
    fn judge(&mut self) {
        if self.window.copies >= FOLD {
            (self.folds, self.window.clean) = (true, 0);
        }
        if self.window.frames < WINDOW {
            return;
        }
        let clean = if self.window.copies < CLEAN { self.window.clean.saturating_add(1) } else { 0 };
        self.folds &= clean < FOLDS_ON;
        self.rest = if self.folds || clean < REST_AFTER { 0 } else { REST };
        self.window = Window { clean, ..Window::default() };
    }
}

/// Takes note of how the host counts.
#[inline]
fn count_up(hosts: &mut [Host], print: &Print) {
    let Some((key, id)) = print.host else { return };
    let Some(host) = hosts.get_mut(place(key)) else { return };
    if host.key != key {
        *host = Host { key, last: id, moves: 0, stays: 0 };
        return;
    }
    let count = if host.last == id { &mut host.stays } else { &mut host.moves };
    *count = count.wrapping_add(1);
    if *count == 0 {
        *count = u8::MAX;
        (host.moves, host.stays) = (host.moves / 2, host.stays / 2);
    }
    host.last = id;
}

/// Whether the identification of the frame says which packet of its host it is.
fn counts(hosts: &[Host], print: &Print) -> bool {
    let Some((key, id)) = print.host else { return false };
    let host = hosts.get(place(key)).filter(|host| host.key == key);
    id != 0 && host.is_some_and(|host| host.moves >= 4 && host.stays < host.moves / 4)
}

fn place(key: u32) -> usize {
    usize::try_from(key).unwrap_or(0) & (HOSTS - 1)
}

impl Entry {
    /// Takes a frame with the same fingerprint; says what it is. A mirror shows a frame twice: what comes a
    /// third time and has nothing by which a copy is known was sent as often.
    fn repeat(&mut self, other: &Entry, says: bool, counts: impl Fn() -> bool) -> Repeat {
        let seen = other.last;
        let repeat = match self.compare(seen) {
            Repeat::Same if counts() => Repeat::Same,
            Repeat::Same if !says || self.print & REPEATED != 0 => Repeat::New,
            Repeat::Same => Repeat::Unsure,
            repeat @ (Repeat::New | Repeat::Unsure | Repeat::Tag | Repeat::Hop) => repeat,
        };
        // What comes next is a copy of this one: in another VLAN, one router further.
        self.last = seen;
        if !repeat.is_sure() {
            self.first = seen;
        }
        self.print |= REPEATED;
        repeat
    }

    /// What a packet would be that was seen there, if its sender said it once: where it was seen before it
    /// was said again.
    fn compare(&self, seen: Seen) -> Repeat {
        let [first, last] = [self.first, self.last];
        let next_hop = [first, last].iter().any(|known| known.is_next_to(seen));
        match () {
            () if seen.ttl != first.ttl && seen.ttl != last.ttl && next_hop => Repeat::Hop,
            () if seen.ttl != last.ttl => Repeat::Same,
            () if seen.tag != first.tag && seen.tag != last.tag => Repeat::Tag,
            () => Repeat::Same,
        }
    }
}

impl Seen {
    /// Whether there may be a router between both.
    fn is_next_to(self, other: Seen) -> bool {
        self.ttl.abs_diff(other.ttl) == 1 && self.station != other.station
    }
}

/// Whether two moments lie near each other; frames of several queues may come out of order.
fn is_near(a: u32, b: u32) -> bool {
    (-COPY_GAP_US..=COPY_GAP_US).contains(&b.wrapping_sub(a).cast_signed())
}

fn station(look: &Look<'_>) -> u8 {
    look.frame.source.map_or(0, |[a, b, c, d, e, f]| a ^ b ^ c ^ d ^ e ^ f.rotate_left(1))
}

impl Print {
    /// Nothing of a frame that carries nothing: it would be like any other. Nothing either of one that is
    /// sent twice on purpose and says so, over two networks or both ways round a ring (IEC 62439-3).
    #[inline]
    fn of(look: &Look<'_>, seed: u64) -> Option<Self> {
        let bytes = look.frame.payload;
        match (look.packet, bytes.first_chunk::<20>()) {
            _ if look.frame.redundant.is_some() => None,
            (Some(packet), Some(head)) if head[0] >> 4 == 4 => Some(Self::ipv4(head, packet, seed)),
            (Some(packet), Some(_)) => Some(Self::ipv6(bytes, packet, seed)),
            _ if bytes.len() < CONTENT_LEAST || look.frame.source.is_none() => None,
            _ => Some(Self::other(look, seed)),
        }
    }

    #[inline]
    fn ipv4(head: &[u8; 20], packet: &Packet<'_>, seed: u64) -> Self {
        let &[_, _, l0, l1, i0, i1, f0, f1, ttl, protocol, _, _, s0, s1, s2, s3, d0, d1, d2, d3] = head;
        let ends = u64::from_be_bytes([s0, s1, s2, s3, d0, d1, d2, d3]);
        let rest = u64::from_be_bytes([l0, l1, i0, i1, f0, f1, 4, protocol]);
        let source = u32::from_be_bytes([s0, s1, s2, s3]) ^ u32::from(protocol) << 8;
        let key = source.wrapping_mul(0x9e37_79b1).rotate_left(10);
        Self {
            hash: hash(packet.payload, mix(ends ^ seed, rest ^ K1)),
            ttl,
            says: says(packet),
            host: Some((key, u16::from_be_bytes([i0, i1]))),
        }
    }

    fn ipv6(bytes: &[u8], packet: &Packet<'_>, seed: u64) -> Self {
        // All but class, label and hop limit, which change on the way.
        let [l0, l1, next, ttl] = bytes.get(4..8).and_then(<[u8]>::first_chunk).copied().unwrap_or_default();
        let start = u64::from_be_bytes([l0, l1, next, 0, 0, 0, 6, packet.protocol]);
        let hash = hash(bytes.get(8..).unwrap_or_default(), mix(start ^ seed, K1));
        Self { hash, ttl, says: says(packet), host: None }
    }

    /// A frame without IP.
    fn other(look: &Look<'_>, seed: u64) -> Self {
        let start = mix(u64::from(look.frame.ethertype) ^ seed, K1);
        Self { hash: hash(look.frame.payload, start), ttl: 0, says: true, host: None }
    }
}

/// Bytes that a frame without IP has at least, if it says anything.
const CONTENT_LEAST: usize = 16;

/// Whether a packet says more than that its sender is there; of a TCP segment the header's length counts.
#[inline]
fn says(packet: &Packet<'_>) -> bool {
    let header =
        if packet.protocol == 6 { packet.payload.get(12).map_or(20, |byte| byte >> 4 << 2) } else { 8 };
    packet.payload_len() > usize::from(header)
}

/// Every byte, on top of what `start` holds.
#[inline]
fn hash(bytes: &[u8], start: u64) -> u64 {
    let (chunks, rest) = bytes.as_chunks::<16>();
    let hash = chunks.iter().fold(start, |hash, &[a0, a1, a2, a3, a4, a5, a6, a7, b @ ..]| {
        mix(u64::from_le_bytes([a0, a1, a2, a3, a4, a5, a6, a7]) ^ hash, u64::from_le_bytes(b) ^ K1)
    });
    let last = rest.chunks(8).fold(hash, |hash, part| mix(hash ^ K0, tail(part) ^ K2));
    mix(last ^ K2, K0)
}

const K0: u64 = 0x9e37_79b9_7f4a_7c15;
const K1: u64 = 0xd6e8_feb8_6659_fd93;
const K2: u64 = 0xa076_1d64_78bd_642f;

/// Both halves of the product, one on the other.
#[inline]
fn mix(a: u64, b: u64) -> u64 {
    let (low, high) = a.carrying_mul(b, 0);
    low ^ high
}

/// Up to eight bytes as a number.
fn tail(bytes: &[u8]) -> u64 {
    bytes.iter().take(8).fold(1, |number, byte| number << 8 | u64::from(*byte))
}

#[inline]
fn low32(number: u64) -> u32 {
    u32::try_from(number & u64::from(u32::MAX)).unwrap_or_default()
}
