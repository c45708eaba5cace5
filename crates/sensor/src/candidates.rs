//! One look at the first bytes leaves the few protocols that are worth asking.

use protocols::{ALL, OPENING_MAX, Protocol};
use std::sync::LazyLock;

/// A bit for each protocol in [`ALL`], by its place.
type Bits = u128;

const _: () = assert!(ALL.len() <= Bits::BITS as usize, "a wider type is needed for so many protocols");

/// Who can begin with which byte at which place.
struct Table {
    places: [[Bits; 256]; OPENING_MAX],
    tcp: Bits,
    udp: Bits,
}

static TABLE: LazyLock<Table> = LazyLock::new(|| {
    let mut table = Table { places: [[0; 256]; OPENING_MAX], tcp: 0, udp: 0 };
    for (place, protocol) in ALL.iter().enumerate() {
        let bit: Bits = 1 << place;
        table.tcp |= if protocol.tcp.is_some() { bit } else { 0 };
        table.udp |= if protocol.udp.is_empty() { 0 } else { bit };
        let any = &[][..];
        let openings = protocol.opening.iter().copied().chain(std::iter::repeat(any));
        for (bytes, ranges) in table.places.iter_mut().zip(openings) {
            for (byte, bits) in (0..=u8::MAX).zip(bytes) {
                let admitted = ranges.is_empty() || ranges.iter().any(|range| range.contains(&byte));
                *bits |= if admitted { bit } else { 0 };
            }
        }
    }
    table
});

/// Protocols over TCP that a stream beginning with `data` can be, in the order in which they are asked.
pub(crate) fn streams(data: &[u8]) -> impl Iterator<Item = &'static Protocol> {
    each(admitted(TABLE.tcp, data))
}

/// Protocols over UDP that the datagram can be, in the order in which they are asked.
pub(crate) fn datagrams(data: &[u8]) -> impl Iterator<Item = &'static Protocol> {
    each(admitted(TABLE.udp, data))
}

#[inline]
fn admitted(all: Bits, data: &[u8]) -> Bits {
    let bits = |(place, byte): (&[Bits; 256], &u8)| place.get(usize::from(*byte)).copied().unwrap_or(0);
    TABLE.places.iter().zip(data).map(bits).fold(all, |all, bits| all & bits)
}

fn each(mut left: Bits) -> impl Iterator<Item = &'static Protocol> {
    std::iter::from_fn(move || {
        let place = usize::try_from(left.trailing_zeros()).ok()?;
        left &= left.wrapping_sub(1);
        ALL.get(place).copied()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(protocols: impl Iterator<Item = &'static Protocol>) -> Vec<&'static str> {
        protocols.map(|protocol| protocol.name).collect()
    }

    #[test]
    fn who_cannot_begin_so_is_not_asked() {
        let adu = [0, 1, 0, 0, 0, 6, 1, 3, 0, 0, 0, 1];
        assert!(names(streams(&adu)).contains(&"modbus"));
        assert!(!names(streams(b"GET /")).contains(&"modbus"));
        assert!(!names(datagrams(&adu)).contains(&"modbus"), "it does not run over UDP");
        assert!(names(streams(&[])).contains(&"modbus"), "no byte speaks against it");
    }
}
