//! IP fragments put together again (RFC 791, 3.2; RFC 8200, 4.5).

use model::{Span, Time};
use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use wire::ip::{Fragment, Packet};

/// Packets that wait for parts. Beyond it the one that began first is given up.
const PACKETS_MAX: usize = 4096;
/// Memory of parts that wait, over all packets. Beyond it the packet that began first is given up.
const BYTES_MAX: usize = 16 * 1024 * 1024;
/// Memory that a part takes beside its bytes; parts can be as short as a byte.
const PART_COST: usize = 64;
/// A packet whose parts take longer is given up, RFC 1122, 3.3.2.
const WAIT: Span = Span::s(300);
/// Nobody sends longer packets for a good reason.
const LENGTH_USUAL: usize = 64_000;
/// A packet cannot be longer.
const LENGTH_MAX: usize = 65_535;

/// Parts of packets, by packet.
#[derive(Default)]
pub(crate) struct Fragments {
    waiting: HashMap<Key, Waiting>,
    order: BTreeMap<(Time, u64), Key>,
    begun: u64,
    bytes: usize,
    /// Packets that were given up.
    pub(crate) given_up: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Key {
    source: IpAddr,
    destination: IpAddr,
    id: u32,
    protocol: u8,
}

struct Waiting {
    parts: BTreeMap<usize, Vec<u8>>,
    /// Memory of the parts.
    bytes: usize,
    /// Everything before is there.
    whole_to: usize,
    /// Length of the whole payload, once the last part is there.
    length: Option<usize>,
    order: (Time, u64),
    protocol: u8,
    header_len: usize,
}

/// A packet that is whole again.
pub(crate) struct Whole {
    pub(crate) protocol: u8,
    pub(crate) header_len: usize,
    pub(crate) payload: Vec<u8>,
}

impl Fragments {
    /// Takes a part; gives the whole when it was the last one missing. `odd` hears what should not be.
    pub(crate) fn add(
        &mut self,
        time: Time,
        packet: &Packet<'_>,
        fragment: Fragment,
        odd: &mut dyn FnMut(&'static str),
    ) -> Option<Whole> {
        self.expire(time);
        // An IPv6 extension chain may hide the protocol from later parts, so it is no part of the key there.
        let protocol = if packet.source.is_ipv4() { packet.protocol } else { 44 };
        let key = Key { source: packet.source, destination: packet.destination, id: fragment.id, protocol };
        let end = fragment.offset + packet.payload.len();
        if end > LENGTH_USUAL {
            odd("excessively_large_fragment");
        }
        if end > LENGTH_MAX {
            return None;
        }
        if fragment.forbidden {
            odd("fragment_with_DF");
        }
        if fragment.more && packet.total_len < 64 {
            odd("excessively_small_fragment");
        }
        let order = (time, self.begun);
        let waiting = self.waiting.entry(key).or_insert_with(|| Waiting {
            parts: BTreeMap::new(),
            bytes: 0,
            whole_to: 0,
            length: None,
            order,
            protocol: packet.protocol,
            header_len: packet.header_len,
        });
        if waiting.order == order {
            self.begun += 1;
            self.order.insert(order, key);
        }
        if (waiting.protocol, waiting.header_len) != (packet.protocol, packet.header_len) {
            odd("fragment_protocol_inconsistency");
        }
        if fragment.offset == 0 {
            (waiting.protocol, waiting.header_len) = (packet.protocol, packet.header_len);
        }
        // An empty last part does not say how long the packet is.
        if !fragment.more && end > 0 {
            if waiting.length.is_some_and(|length| length != end) {
                odd("fragment_size_inconsistency");
            }
            waiting.length = Some(waiting.length.unwrap_or(0).max(end));
        } else if let Some(length) = waiting.length.as_mut().filter(|length| **length < end) {
            odd("fragment_size_inconsistency");
            *length = end;
        }
        self.bytes += waiting.keep(fragment.offset, packet.payload, odd);
        let whole = waiting.whole();
        if let Some(whole) = &whole {
            if waiting.length.is_some_and(|length| whole.payload.len() > length) {
                odd("fragment_size_inconsistency");
            }
            self.remove(key);
        }
        while self.bytes > BYTES_MAX || self.waiting.len() > PACKETS_MAX {
            self.give_up_first();
        }
        whole
    }

    fn expire(&mut self, now: Time) {
        while self.order.keys().next().is_some_and(|(begun, _)| *begun + WAIT < now) {
            self.give_up_first();
        }
    }

    fn give_up_first(&mut self) {
        if let Some(key) = self.order.values().next().copied() {
            self.given_up += 1;
            self.remove(key);
        }
    }

    fn remove(&mut self, key: Key) {
        if let Some(waiting) = self.waiting.remove(&key) {
            self.bytes -= waiting.bytes;
            self.order.remove(&waiting.order);
        }
    }
}

impl Waiting {
    /// Keeps what of the part is not there yet; what came first wins. Returns the memory that it takes.
    fn keep(&mut self, offset: usize, data: &[u8], odd: &mut dyn FnMut(&'static str)) -> usize {
        let (mut at, mut data, before) = (offset, data, self.bytes);
        while !data.is_empty() {
            let covering =
                self.parts.range(..=at).next_back().filter(|(start, part)| *start + part.len() > at);
            if let Some((start, part)) = covering {
                let known = part.get(at - start..).unwrap_or_default();
                let count = known.len().min(data.len());
                let same = known.get(..count) == data.get(..count);
                odd(if same { "fragment_overlap" } else { "fragment_inconsistency" });
                (at, data) = (at + count, data.get(count..).unwrap_or_default());
                continue;
            }
            let free = self.parts.range(at..).next().map_or(usize::MAX, |(start, _)| start - at);
            let (piece, rest) = data.split_at_checked(free.min(data.len())).unwrap_or((data, &[]));
            self.bytes += piece.len() + PART_COST;
            self.parts.insert(at, piece.to_vec());
            (at, data) = (at + piece.len(), rest);
        }
        while let Some(part) = self.parts.get(&self.whole_to) {
            self.whole_to += part.len();
        }
        self.bytes - before
    }

    fn whole(&self) -> Option<Whole> {
        if self.length.is_none_or(|length| self.whole_to < length) {
            return None;
        }
        let mut payload = Vec::with_capacity(self.whole_to);
        self.parts.range(..self.whole_to).for_each(|(_, part)| payload.extend_from_slice(part));
        Some(Whole { protocol: self.protocol, header_len: self.header_len, payload })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packet(payload: &[u8]) -> Packet<'_> {
        Packet {
            source: [10, 0, 0, 1].into(),
            destination: [10, 0, 0, 2].into(),
            protocol: 17,
            header_len: 20,
            total_len: 20 + payload.len(),
            told_len: 20 + payload.len(),
            routing: None,
            fragment: None,
            payload,
        }
    }

    #[test]
    fn parts_in_any_order_make_the_whole() {
        let mut fragments = Fragments::default();
        let mut odd = vec![];
        let mut add = |offset, more, data: &[u8]| {
            let fragment = Fragment { id: 1, offset, more, forbidden: false };
            let whole = fragments.add(Time(0), &packet(data), fragment, &mut |name| odd.push(name));
            whole.map(|whole| whole.payload)
        };
        assert_eq!(add(8, true, b"ijklmnop"), None);
        assert_eq!(add(16, false, b"qr"), None);
        assert_eq!(add(0, true, b"abcdefghX"), Some(b"abcdefghijklmnopqr".to_vec()));
        assert!(odd.contains(&"fragment_inconsistency"), "{odd:?}");
        assert!(fragments.waiting.is_empty() && fragments.order.is_empty() && fragments.bytes == 0);
    }

    #[test]
    fn the_shortest_parts_are_bounded_by_the_memory_they_take() {
        let mut fragments = Fragments::default();
        for number in 0..1_000_000 {
            let (id, offset) = (number / 8000, usize::try_from(number % 8000).unwrap() * 8);
            let fragment = Fragment { id, offset, more: true, forbidden: false };
            fragments.add(Time(0), &packet(&[0]), fragment, &mut |_| {});
        }
        let parts: usize = fragments.waiting.values().map(|waiting| waiting.parts.len()).sum();
        assert!(parts * (PART_COST + 1) <= BYTES_MAX, "{parts}");
        assert!(fragments.given_up > 0);
    }

    #[test]
    fn a_flood_of_parts_is_bounded() {
        let mut fragments = Fragments::default();
        for id in 0..10_000 {
            let fragment = Fragment { id, offset: 0, more: true, forbidden: false };
            fragments.add(Time(0), &packet(&[0; 64]), fragment, &mut |_| {});
        }
        assert_eq!((fragments.waiting.len(), fragments.given_up), (PACKETS_MAX, 10_000 - PACKETS_MAX as u64));
    }
}
