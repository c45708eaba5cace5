//! Packets made on purpose.

use model::{Rows, Time};
use sensor::Sensor;
use sensor::capture::Packet;
use std::net::IpAddr;
use wire::link::Link;

pub(crate) const FIN: u8 = 0x01;
pub(crate) const SYN: u8 = 0x02;
pub(crate) const ACK: u8 = 0x10;

/// An end of a conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct End {
    pub(crate) addr: IpAddr,
    pub(crate) port: u16,
}

/// A TCP segment.
#[derive(Clone, Copy)]
pub(crate) struct Segment<'a> {
    pub(crate) from: End,
    pub(crate) to: End,
    pub(crate) seq: u32,
    pub(crate) ack: u32,
    pub(crate) flags: u8,
    pub(crate) data: &'a [u8],
}

impl Segment<'_> {
    /// Header and data.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        let mut bytes = [self.from.port.to_be_bytes(), self.to.port.to_be_bytes()].concat();
        bytes.extend(self.seq.to_be_bytes());
        bytes.extend(self.ack.to_be_bytes());
        bytes.extend([0x50, self.flags, 0xff, 0xff, 0, 0, 0, 0]);
        bytes.extend(self.data);
        bytes
    }
}

/// An IP packet with a datagram.
pub(crate) fn udp(from: End, to: End, payload: &[u8]) -> Vec<u8> {
    let length = u16::try_from(8 + payload.len()).unwrap();
    let words = [from.port, to.port, length, 0];
    let mut bytes: Vec<u8> = words.iter().flat_map(|word| word.to_be_bytes()).collect();
    bytes.extend(payload);
    ip(from.addr, to.addr, 17, None, &bytes)
}

/// Which part of a larger packet one is.
#[derive(Clone, Copy, Default)]
pub(crate) struct Part {
    pub(crate) id: u16,
    /// In units of eight bytes.
    pub(crate) offset: u16,
    pub(crate) more: bool,
}

/// An IP packet of `protocol` between two hosts of one family; `part` when it is a fragment.
pub(crate) fn ip(from: IpAddr, to: IpAddr, protocol: u8, part: Option<Part>, payload: &[u8]) -> Vec<u8> {
    match (from, to) {
        (IpAddr::V4(from), IpAddr::V4(to)) => {
            let part = part.unwrap_or_default();
            let place = part.offset | if part.more { 0x2000 } else { 0 };
            let mut bytes = vec![0x45, 0];
            bytes.extend(u16::try_from(20 + payload.len()).unwrap().to_be_bytes());
            bytes.extend(part.id.to_be_bytes());
            bytes.extend(place.to_be_bytes());
            bytes.extend([64, protocol, 0, 0]);
            bytes.extend(from.octets());
            bytes.extend(to.octets());
            bytes.extend(payload);
            bytes
        }
        (IpAddr::V6(from), IpAddr::V6(to)) => {
            let mut behind = vec![];
            if let Some(part) = part {
                behind.extend([protocol, 0]);
                behind.extend((part.offset << 3 | u16::from(part.more)).to_be_bytes());
                behind.extend(u32::from(part.id).to_be_bytes());
            }
            behind.extend(payload);
            let mut bytes = vec![0x60, 0, 0, 0];
            bytes.extend(u16::try_from(behind.len()).unwrap().to_be_bytes());
            bytes.extend([if part.is_some() { 44 } else { protocol }, 64]);
            bytes.extend(from.octets());
            bytes.extend(to.octets());
            bytes.extend(behind);
            bytes
        }
        (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => panic!("one family"),
    }
}

/// Hands a raw IP packet to the sensor.
pub(crate) fn hand(sensor: &mut Sensor, number: u64, time: Time, bytes: &[u8], rows: &mut dyn Rows) {
    sensor.packet(&Packet { number, time, link: Link::RAW, wire_len: bytes.len(), bytes }, rows);
}
