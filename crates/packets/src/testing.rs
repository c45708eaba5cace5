//! Frames of a small site, and folders for them.

use arbtest::arbitrary::{Result, Unstructured};
use std::net::Ipv4Addr;
use std::path::PathBuf;

/// A folder of its own that is not there yet; it goes when the test ends.
pub(crate) struct Folder(pub(crate) PathBuf);

impl Folder {
    pub(crate) fn new(name: &str) -> Self {
        let dir = std::env::temp_dir().join(format!("tieline-packets-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&dir);
        Self(dir)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// The address of a host: those from 8 on are of the office.
pub(crate) fn host(n: u8) -> Ipv4Addr {
    Ipv4Addr::new(10, u8::from(n >= 8), 0, n)
}

pub(crate) fn ethernet(from: u8, to: u8, ethertype: u16, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![2, 0, 0, 0, 0, to, 2, 0, 0, 0, 0, from];
    frame.extend(ethertype.to_be_bytes());
    frame.extend(payload);
    frame
}

/// An IPv4 packet; `fragment` is the word of flags and offset.
pub(crate) fn ipv4(from: Ipv4Addr, to: Ipv4Addr, protocol: u8, fragment: u16, payload: &[u8]) -> Vec<u8> {
    let mut packet = vec![0x45, 0];
    packet.extend(u16::try_from(20 + payload.len()).unwrap().to_be_bytes());
    packet.extend([0, 7]);
    packet.extend(fragment.to_be_bytes());
    packet.extend([64, protocol, 0, 0]);
    packet.extend(from.octets());
    packet.extend(to.octets());
    packet.extend(payload);
    packet
}

pub(crate) fn udp(from: u16, to: u16, payload: &[u8]) -> Vec<u8> {
    let mut datagram = vec![];
    for word in [from, to, u16::try_from(8 + payload.len()).unwrap(), 0] {
        datagram.extend(word.to_be_bytes());
    }
    datagram.extend(payload);
    datagram
}

/// A datagram from host to host in a frame.
pub(crate) fn datagram(from: (u8, u16), to: (u8, u16), payload: &[u8]) -> Vec<u8> {
    let packet = ipv4(host(from.0), host(to.0), 17, 0, &udp(from.1, to.1, payload));
    ethernet(from.0, to.0, 0x0800, &packet)
}

pub(crate) fn arp(sender: u8, target: u8) -> Vec<u8> {
    let mut packet = vec![0, 1, 8, 0, 6, 4, 0, 1, 2, 0, 0, 0, 0, sender];
    packet.extend(host(sender).octets());
    packet.extend([0; 6]);
    packet.extend(host(target).octets());
    ethernet(sender, 255, 0x0806, &packet)
}

/// A frame inside a VXLAN datagram.
pub(crate) fn vxlan(from: u8, to: u8, inner: &[u8]) -> Vec<u8> {
    let mut payload = vec![8, 0, 0, 0, 0, 0, 7, 0];
    payload.extend(inner);
    datagram((from, 40_000), (to, 4789), &payload)
}

/// Any frame of the site, small or large.
pub(crate) fn frame(u: &mut Unstructured<'_>) -> Result<Vec<u8>> {
    let (from, to) = (u.int_in_range(1..=12)?, u.int_in_range(1..=12)?);
    let ports = (1000 + u.int_in_range(0..=2)?, u.int_in_range(500..=502)?);
    let payload = vec![7; u.int_in_range(0..=2000)?];
    let plain = datagram((from, ports.0), (to, ports.1), &payload);
    Ok(match u.int_in_range(0..=9)? {
        0 => arp(from, to),
        1 => vxlan(from, to, &datagram((to, ports.1), (from, ports.0), &payload)),
        2 => ethernet(
            from,
            to,
            0x0800,
            &ipv4(host(from), host(to), 17, 0x2000, &udp(ports.0, ports.1, &payload)),
        ),
        3 => ethernet(from, to, 0x0800, &ipv4(host(from), host(to), 17, 9, &payload)),
        4 => ethernet(from, to, 0x88b8, &payload),
        5 => ethernet(from, to, 0x8100, &[&[0, 5, 8, 0], &plain[14..]].concat()),
        6 => u.arbitrary()?,
        _ => plain,
    })
}
