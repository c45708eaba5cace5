//! IPv4 and IPv6 headers, extension headers and fragments.
//!
//! Sources: RFC 791, 3.1; RFC 8200, 3 and 4; RFC 4302, 2.2; RFC 6275, 6.3 and 6.4.

use crate::{Error, Reader, Result};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// An IP packet, header taken off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Packet<'a> {
    /// Source address.
    pub source: IpAddr,
    /// Destination address.
    pub destination: IpAddr,
    /// Protocol of the payload, by its IANA number.
    pub protocol: u8,
    /// Bytes of header, IPv6 extension headers included.
    pub header_len: usize,
    /// Bytes of the whole packet as the header says; as captured where the header says 0 (segmentation offload).
    pub total_len: usize,
    /// Bytes of the whole packet, word for word: 0 in IPv4 and 40 in IPv6 where the sender left it open.
    pub told_len: usize,
    /// Kind of IPv6 routing header, the last one where there are several. Kind 0 says which way to go, and no host must
    /// follow it (RFC 5095).
    pub routing: Option<u8>,
    /// Which part of a larger packet this is, if it is one.
    pub fragment: Option<Fragment>,
    /// What was captured of the payload, without link padding.
    pub payload: &'a [u8],
}

/// A part of a larger packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fragment {
    /// Identification, the same for all parts.
    pub id: u32,
    /// Where the part belongs, in bytes.
    pub offset: usize,
    /// Whether parts follow.
    pub more: bool,
    /// Whether the sender had said not to make parts of it; never in IPv6, where routers make none.
    pub forbidden: bool,
}

impl<'a> Packet<'a> {
    /// Reads the header of an IPv4 or IPv6 packet; `bytes` may run on (link padding).
    ///
    /// # Errors
    /// When the header is cut short or contradicts itself.
    #[inline]
    pub fn open(bytes: &'a [u8]) -> Result<Self> {
        if let Some(packet) = plain(bytes) {
            return Ok(packet);
        }
        let r = Reader::new(bytes);
        match bytes.first().map(|byte| byte >> 4) {
            Some(4) => ipv4(r),
            Some(6) => ipv6(r),
            Some(version) => Err(r.invalid("ip version", 0, version)),
            None => Err(Error::Truncated { field: "ip version", offset: 0, missing: 1 }),
        }
    }

    /// Whether an IPv6 packet has extension headers but leaves its length open, as jumbograms do (RFC 2675, 3).
    #[inline]
    pub fn is_jumbo(&self) -> bool {
        self.told_len < self.header_len && self.told_len > 0
    }

    /// Bytes of payload as the header says; more than `payload` holds when the capture cut the packet.
    #[inline]
    pub fn payload_len(&self) -> usize {
        self.total_len.saturating_sub(self.header_len)
    }
}

/// The usual IPv4 packet, whole and without options, in one look; every other packet goes the long way.
#[inline]
fn plain(bytes: &[u8]) -> Option<Packet<'_>> {
    let (head, rest) = bytes.split_first_chunk::<20>()?;
    let &[first, _, l0, l1, _, _, flags, offset, _ttl, protocol, _, _, s0, s1, s2, s3, d0, d1, d2, d3] = head;
    let total_len = usize::from(u16::from_be_bytes([l0, l1]));
    let is_whole = flags & 0x3f == 0 && offset == 0;
    let payload_len = total_len.checked_sub(20)?;
    (first == 0x45 && is_whole).then(|| Packet {
        source: IpAddr::V4(Ipv4Addr::new(s0, s1, s2, s3)),
        destination: IpAddr::V4(Ipv4Addr::new(d0, d1, d2, d3)),
        protocol,
        header_len: 20,
        total_len,
        told_len: total_len,
        routing: None,
        fragment: None,
        payload: cut(rest, payload_len),
    })
}

fn ipv4(mut r: Reader<'_>) -> Result<Packet<'_>> {
    let bytes = r.rest();
    let [first, _, len_high, len_low, id_high, id_low, flags, offset_low] = r.bytes("ipv4 header")?;
    let [_ttl, protocol, _, _] = r.bytes("ipv4 header")?;
    let source = Ipv4Addr::from(r.bytes::<4>("source address")?);
    let destination = Ipv4Addr::from(r.bytes::<4>("destination address")?);
    let header_len = usize::from(first & 0x0f) * 4;
    if header_len < 20 {
        return Err(r.invalid("header length", 20, first & 0x0f));
    }
    let told_len = usize::from(u16::from_be_bytes([len_high, len_low]));
    let total_len = if told_len == 0 { bytes.len() } else { told_len };
    if total_len < header_len {
        return Err(r.invalid("total length", header_len - 2, u16::from_be_bytes([len_high, len_low])));
    }
    r.take("ipv4 options", header_len - 20)?;
    let offset = usize::from(u16::from_be_bytes([flags & 0x1f, offset_low])) * 8;
    let more = flags & 0x20 != 0;
    let id = u32::from(u16::from_be_bytes([id_high, id_low]));
    Ok(Packet {
        source: source.into(),
        destination: destination.into(),
        protocol,
        header_len,
        total_len,
        told_len,
        routing: None,
        fragment: (more || offset > 0).then_some(Fragment { id, offset, more, forbidden: flags & 0x40 != 0 }),
        payload: cut(r.rest(), total_len - header_len),
    })
}

fn ipv6(mut r: Reader<'_>) -> Result<Packet<'_>> {
    r.u32_be("version, class and label")?;
    let told = r.u16_be("payload length")?;
    let next = r.u8("next header")?;
    r.u8("hop limit")?;
    // An IPv4 address in IPv6 clothes is the IPv4 host (RFC 4291, 2.5.5.2).
    let source = Ipv6Addr::from(r.bytes::<16>("source address")?).to_canonical();
    let destination = Ipv6Addr::from(r.bytes::<16>("destination address")?).to_canonical();
    let total_len = 40 + if told == 0 { r.rest().len() } else { usize::from(told) };
    let chain = Extensions::read(&mut r, next);
    let header_len = r.offset();
    if total_len < header_len {
        return Err(r.invalid("payload length", header_len.saturating_sub(4), told));
    }
    Ok(Packet {
        source: chain.home.unwrap_or(source),
        destination: chain.destination.unwrap_or(destination),
        protocol: chain.protocol,
        header_len,
        total_len,
        told_len: 40 + usize::from(told),
        routing: chain.routing,
        fragment: chain.fragment,
        payload: cut(r.rest(), total_len - header_len),
    })
}

/// What the chain of extension headers says, RFC 8200, 4.
struct Extensions {
    protocol: u8,
    fragment: Option<Fragment>,
    /// Where a routing header sends the packet in the end.
    destination: Option<IpAddr>,
    /// The address that the sender has at home while it is elsewhere.
    home: Option<IpAddr>,
    routing: Option<u8>,
}

impl Extensions {
    /// Reads the chain up to a header that is no extension, or is not all there.
    fn read(r: &mut Reader<'_>, first: u8) -> Self {
        let mut chain =
            Self { protocol: first, fragment: None, destination: None, home: None, routing: None };
        for _ in 0..EXTENSIONS_MAX {
            let header = *r;
            match chain.header(r) {
                Ok(true) => {}
                Ok(false) => break,
                Err(_) => {
                    *r = header;
                    break;
                }
            }
        }
        chain
    }

    /// Reads a header; says whether more of the chain may follow.
    fn header(&mut self, r: &mut Reader<'_>) -> Result<bool> {
        let header = *r;
        match self.protocol {
            // Hop-by-hop, routing, destination options, mobility: units of eight bytes after the first.
            kind @ (0 | 43 | 60 | 135) => {
                let next = r.u8("next header")?;
                let length = usize::from(r.u8("extension length")?);
                let mut rest = r.sub("extension header", 6 + length * 8)?;
                self.protocol = next;
                match kind {
                    43 => {
                        self.routing = rest.rest().first().copied();
                        self.destination = last_hop(header).or(self.destination);
                    }
                    60 => self.home = home_address(&mut rest).or(self.home),
                    _ => {}
                }
            }
            44 => {
                // The rest of the chain stands in the first part.
                return Ok(self.fragment(r)?.offset == 0);
            }
            // Authentication header: units of four bytes after the first two.
            51 => {
                let next = r.u8("next header")?;
                let length = usize::from(r.u8("extension length")?);
                r.take("authentication header", (length + 2) * 4 - 2)?;
                self.protocol = next;
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// RFC 8200, 4.5.
    fn fragment(&mut self, r: &mut Reader<'_>) -> Result<Fragment> {
        let next = r.u8("next header")?;
        r.u8("reserved")?;
        let offset = r.u16_be("fragment offset")?;
        let id = r.u32_be("fragment identification")?;
        let part = Fragment { id, offset: usize::from(offset & !7), more: offset & 1 != 0, forbidden: false };
        (self.protocol, self.fragment) = (next, Some(part));
        Ok(part)
    }
}

/// Where a routing header of type 0 (RFC 2460, 4.4) or 2 (RFC 6275, 6.4) sends the packet in the end, if it still does.
fn last_hop(mut r: Reader<'_>) -> Option<IpAddr> {
    r.u8("next header").ok()?;
    let length = usize::from(r.u8("extension length").ok()?);
    let kind = r.u8("routing type").ok()?;
    let left = r.u8("segments left").ok()?;
    r.u32_be("reserved").ok()?;
    if !matches!(kind, 0 | 2) || left == 0 || length < 2 {
        return None;
    }
    r.take("addresses on the way", (length / 2 - 1) * 16).ok()?;
    Some(Ipv6Addr::from(r.bytes::<16>("last address").ok()?).to_canonical())
}

/// The home address among the options for the destination (RFC 6275, 6.3), if there is one.
fn home_address(options: &mut Reader<'_>) -> Option<IpAddr> {
    const HOME_ADDRESS: u8 = 201;
    loop {
        match options.u8("option type").ok()? {
            // A single byte of padding, RFC 8200, 4.2.
            0 => {}
            HOME_ADDRESS => {
                options.u8("option length").ok()?;
                return Some(Ipv6Addr::from(options.bytes::<16>("home address").ok()?).to_canonical());
            }
            _ => {
                let length = usize::from(options.u8("option length").ok()?);
                options.take("option", length).ok()?;
            }
        }
    }
}

/// Extension headers that are followed; a longer chain is taken for its last header.
const EXTENSIONS_MAX: usize = 16;

#[inline]
fn cut(bytes: &[u8], len: usize) -> &[u8] {
    bytes.get(..len).unwrap_or(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn link_padding_is_not_payload() {
        let mut bytes = vec![0x45, 0, 0, 22, 0, 1, 0, 0, 64, 17, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2, 7, 8];
        bytes.extend([0; 24]);
        let packet = Packet::open(&bytes).unwrap();
        assert_eq!((packet.payload, packet.protocol, packet.fragment), (&[7, 8][..], 17, None));
    }

    #[test]
    fn an_ipv6_fragment_is_told() {
        let mut bytes = vec![0x60, 0, 0, 0, 0, 10, 44, 64];
        bytes.extend([0; 32]);
        bytes.extend([17, 0, 0x00, 0x09, 0, 0, 0, 7, 1, 2]);
        let packet = Packet::open(&bytes).unwrap();
        assert_eq!(packet.fragment, Some(Fragment { id: 7, offset: 8, more: true, forbidden: false }));
        assert_eq!((packet.protocol, packet.payload), (17, &[1, 2][..]));
    }

    #[test]
    fn a_host_that_is_not_at_home_has_its_address_there() {
        let mut bytes = vec![0x60, 0, 0, 0, 0, 25, 60, 64];
        bytes.extend([0xfe; 32]);
        bytes.extend([17, 2, 1, 2, 0, 0, 201, 16]);
        bytes.extend([0x20; 16]);
        bytes.push(9);
        let packet = Packet::open(&bytes).unwrap();
        assert_eq!(packet.source, IpAddr::from([0x20; 16]));
        assert_eq!((packet.protocol, packet.payload), (17, &[9][..]));
    }

    #[test]
    fn a_chain_that_is_cut_ends_at_the_header_that_is_not_all_there() {
        let mut bytes = vec![0x60, 0, 0, 0, 0, 16, 60, 64];
        bytes.extend([0; 32]);
        bytes.extend([43, 0, 1, 4, 0, 0, 0, 0, 17, 9, 0, 0]);
        let packet = Packet::open(&bytes).unwrap();
        assert_eq!((packet.protocol, packet.header_len, packet.payload), (43, 48, &[17, 9, 0, 0][..]));
    }

    #[test]
    fn the_short_way_and_the_long_way_see_the_same_packet() {
        arbtest::arbtest(|u| {
            let mut bytes: Vec<u8> = u.arbitrary()?;
            let usual = [0x45, 0, 0, u.arbitrary()?, 0, 0, *u.choose(&[0, 0x40, 0x20, 0x80])?, 0];
            for (place, byte) in bytes.iter_mut().zip(usual) {
                *place = byte;
            }
            if let Some(packet) = plain(&bytes) {
                assert_eq!(ipv4(Reader::new(&bytes)), Ok(packet));
            }
            Ok(())
        });
    }

    #[test]
    fn no_packet_panics_on_any_bytes() {
        arbtest::arbtest(|u| {
            let mut bytes: Vec<u8> = u.arbitrary()?;
            if let Some(first) = bytes.first_mut() {
                *first = if u.arbitrary()? { 0x45 } else { 0x60 };
            }
            let _ = Packet::open(&bytes);
            Ok(())
        });
    }
}
