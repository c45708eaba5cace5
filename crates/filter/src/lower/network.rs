//! Protocols, hosts and ports.

use super::layout::Layout;
use crate::Error;
use crate::condition::{Compare, Condition, Value, Width};
use crate::syntax::{Network, Over, Protocol, Side};
use std::ops::RangeInclusive;

const IP: u16 = 0x0800;
const IP6: u16 = 0x86dd;
const ARP: u16 = 0x0806;
const RARP: u16 = 0x8035;
/// TCP, UDP and SCTP: what has ports.
const WITH_PORTS: [u8; 3] = [6, 17, 132];
/// Length of an IPv6 header, behind which its first extension stands (RFC 8200, 3).
pub(super) const IP6_HEADER: u32 = 40;
/// An IPv6 fragment header (RFC 8200, 4.5).
const FRAGMENT: u32 = 44;

impl Layout {
    pub(super) fn protocol(&self, column: usize, protocol: Protocol) -> Result<Condition, Error> {
        match protocol {
            Protocol::Link => Ok(Condition::Always(true)),
            Protocol::Network(ether_type) => self.carries(column, ether_type),
            Protocol::Llc(point) => self.carries_llc(column, point),
            Protocol::Inside(number, Over::V4) => self.in_v4(column, number),
            Protocol::Inside(number, Over::V6) => self.in_v6(column, number),
            Protocol::Inside(number, Over::Both) => {
                Ok(Condition::any([self.in_v4(column, number)?, self.in_v6(column, number)?]))
            }
        }
    }

    /// RFC 791, 3.1.
    fn in_v4(&self, column: usize, number: u8) -> Result<Condition, Error> {
        let is_number = self.inside(9, Width::One).is(u32::from(number));
        Ok(Condition::all([self.carries(column, IP)?, is_number]))
    }

    /// RFC 8200, 3; also behind a fragment header, and no other.
    fn in_v6(&self, column: usize, number: u8) -> Result<Condition, Error> {
        let number = u32::from(number);
        let next = || self.inside(6, Width::One);
        let in_fragment =
            Condition::all([next().is(FRAGMENT), self.inside(IP6_HEADER, Width::One).is(number)]);
        let is_number = Condition::any([next().is(number), in_fragment]);
        Ok(Condition::all([self.carries(column, IP6)?, is_number]))
    }

    pub(super) fn host(
        &self,
        column: usize,
        protocol: Option<Protocol>,
        side: Side,
        network: Network,
    ) -> Result<Condition, Error> {
        let (address, mask) = match network {
            Network::V4 { address, mask } => (address, mask),
            Network::V6 { address, mask } => {
                let part = |at| self.is_v6(at, address.to_bits(), mask);
                return Ok(Condition::all([self.carries(column, IP6)?, side.of(part(8), part(24))]));
            }
        };
        let is_in = |ether_types: &[u16], source, destination| {
            let carries = ether_types.iter().map(|kind| self.carries(column, *kind));
            let carries = Condition::any(carries.collect::<Result<Vec<_>, _>>()?);
            let part = |at| self.inside(at, Width::Four).masked(mask).is(address);
            Ok(Condition::all([carries, side.of(part(source), part(destination))]))
        };
        // RFC 791, 3.1; RFC 826 and RFC 903 with addresses of six and four bytes.
        match protocol {
            Some(Protocol::ARP) => is_in(&[ARP], 14, 24),
            Some(Protocol::RARP) => is_in(&[RARP], 14, 24),
            None if !self.is_labelled() => {
                Ok(Condition::any([is_in(&[IP], 12, 16)?, is_in(&[ARP, RARP], 14, 24)?]))
            }
            _ => is_in(&[IP], 12, 16),
        }
    }

    /// Compares an IPv6 address, four bytes at a time.
    fn is_v6(&self, at: u32, address: u128, mask: u128) -> Condition {
        let part = |part: u32| {
            let word =
                |of: u128| u32::try_from(of >> (96 - 32 * part) & u128::from(u32::MAX)).unwrap_or_default();
            (part * 4, word(address), word(mask))
        };
        let asked = [0, 1, 2, 3].map(part).into_iter().filter(|(_, _, mask)| *mask != 0);
        Condition::all(
            asked.map(|(behind, address, mask)| {
                self.inside(at + behind, Width::Four).masked(mask).is(address)
            }),
        )
    }

    pub(super) fn port(
        &self,
        column: usize,
        protocol: Option<u8>,
        side: Side,
        ports: &RangeInclusive<u16>,
    ) -> Result<Condition, Error> {
        let is_protocol = |at: u32| {
            let one = protocol.map_or(WITH_PORTS.to_vec(), |number| vec![number]);
            Condition::any(one.into_iter().map(|number| self.inside(at, Width::One).is(u32::from(number))))
        };
        let v6 = side.of(
            is_port(&self.inside(IP6_HEADER, Width::Two), ports),
            is_port(&self.inside(IP6_HEADER + 2, Width::Two), ports),
        );
        let v6 = Condition::all([self.carries(column, IP6)?, is_protocol(6), v6]);
        let v4 = side.of(is_port(&self.above_v4(0), ports), is_port(&self.above_v4(2), ports));
        let v4 = Condition::all([self.carries(column, IP)?, is_protocol(9), self.has_transport_header(), v4]);
        Ok(Condition::any([v6, v4]))
    }

    /// Two bytes of what IPv4 carries.
    fn above_v4(&self, at: u32) -> Value {
        let base = Some(Box::new(Value::HeaderLength(self.payload)));
        Value::Bytes { base, at: self.payload + at, width: Width::Two }
    }

    /// Whether this is the first fragment of an IPv4 packet, or the only one (RFC 791, 3.1).
    pub(super) fn has_transport_header(&self) -> Condition {
        self.inside(6, Width::Two).compare(Compare::AnyBit, 0x1fff).not()
    }
}

fn is_port(value: &Value, ports: &RangeInclusive<u16>) -> Condition {
    let (low, high) = (u32::from(*ports.start()), u32::from(*ports.end()));
    if low == high {
        return value.clone().is(low);
    }
    let (at_least, beyond) =
        (value.clone().compare(Compare::AtLeast, low), value.clone().compare(Compare::Greater, high));
    Condition::all([at_least, beyond.not()])
}
