use super::ethernet::{dsa, ethernet, netanalyzer};
use super::serial::{frame_relay, framed_ppp, hdlc, pppoe};
use super::wireless::{avs, prism, radiotap, wireless};
use super::{Frame, Link, cooked, cooked2, fddi, loopback, nflog, raw, token_ring};
use crate::{Reader, Result};

/// A kind of link whose frames can be read.
pub struct Kind {
    /// Its number.
    pub link: Link,
    /// What it is.
    pub name: &'static str,
    pub(super) open: fn(Reader<'_>) -> Result<Frame<'_>>,
}

/// Every kind of link that is read; others are tried as IP without a header.
pub static KINDS: &[Kind] = &[
    Kind { link: Link::ETHERNET, name: "Ethernet", open: ethernet },
    Kind { link: Link::LINUX_SLL, name: "Linux cooked capture", open: cooked },
    Kind { link: Link::LINUX_SLL2, name: "Linux cooked capture, version 2", open: cooked2 },
    Kind { link: Link::RAW, name: "IP without a header", open: raw },
    Kind { link: Link::RAW_BSD, name: "IP without a header, as BSD numbers it", open: raw },
    Kind { link: Link::RAW_OPENBSD, name: "IP without a header, as OpenBSD numbers it", open: raw },
    Kind { link: Link::IPV4, name: "IPv4 without a header", open: raw },
    Kind { link: Link::IPV6, name: "IPv6 without a header", open: raw },
    Kind { link: Link::NULL, name: "BSD loopback", open: loopback },
    Kind { link: Link::LOOP, name: "OpenBSD loopback", open: loopback },
    Kind {
        link: Link::WIRELESS,
        name: "IEEE 802.11, data that is not encrypted, also aggregated",
        open: wireless,
    },
    Kind { link: Link::RADIOTAP, name: "IEEE 802.11 behind a radiotap header", open: radiotap },
    Kind { link: Link::PRISM, name: "IEEE 802.11 behind a Prism header", open: prism },
    Kind { link: Link::AVS, name: "IEEE 802.11 behind an AVS header", open: avs },
    Kind { link: Link::PPP, name: "PPP", open: framed_ppp },
    Kind { link: Link::PPP_SERIAL, name: "PPP in HDLC-like framing", open: framed_ppp },
    Kind { link: Link::PPP_ETHER, name: "PPPoE session", open: pppoe },
    Kind { link: Link::HDLC, name: "Cisco HDLC", open: hdlc },
    Kind { link: Link::FRAME_RELAY, name: "Frame Relay", open: frame_relay },
    Kind { link: Link::FDDI, name: "FDDI", open: fddi },
    Kind { link: Link::TOKEN_RING, name: "Token ring", open: token_ring },
    Kind { link: Link::NFLOG, name: "Linux netfilter log", open: nflog },
    Kind {
        link: Link::NETANALYZER,
        name: "netANALYZER: Ethernet behind four bytes of the card",
        open: netanalyzer,
    },
    Kind { link: Link::DSA, name: "Ethernet with a DSA tag", open: dsa },
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::link::IPV4;

    #[test]
    fn every_kind_carries_ip_behind_its_header() {
        let snap = [0xaa, 0xaa, 0x03, 0, 0, 0, 0x08, 0x00];
        let data = [&[0x08, 0, 0, 0][..], &[1; 18], &[0, 0], &snap].concat();
        let ethernet = [&[1; 12][..], &[0x08, 0x00]].concat();
        let headers = KINDS.iter().map(|kind| match kind.link {
            Link::ETHERNET => ethernet.clone(),
            Link::LINUX_SLL => [&[0; 14][..], &[0x08, 0x00]].concat(),
            Link::LINUX_SLL2 => [&[0x08, 0x00][..], &[0; 18]].concat(),
            Link::NULL => vec![2, 0, 0, 0],
            Link::LOOP => vec![0, 0, 0, 2],
            Link::WIRELESS => data.clone(),
            Link::RADIOTAP => [&[0, 0, 8, 0, 0, 0, 0, 0][..], &data].concat(),
            Link::PRISM => [&[0; 144][..], &data].concat(),
            Link::AVS => [&[0x80, 0x21, 0x10, 1, 0, 0, 0, 64][..], &[0; 56], &data].concat(),
            Link::PPP | Link::PPP_SERIAL => vec![0xff, 0x03, 0x00, 0x21],
            Link::PPP_ETHER => vec![0x11, 0, 0, 1, 0, 22, 0x00, 0x21],
            Link::HDLC => vec![0x0f, 0, 0x08, 0x00],
            Link::FRAME_RELAY => vec![0x18, 0x41, 0x08, 0x00],
            Link::FDDI => [&[0x50; 13][..], &snap].concat(),
            Link::TOKEN_RING => [&[0; 8][..], &[0x80, 0, 0, 0, 0, 0], &[2, 0], &snap].concat(),
            Link::NFLOG => vec![2, 0, 0, 0, 24, 0, 9, 0],
            Link::NETANALYZER => [&[0; 4][..], &ethernet].concat(),
            Link::DSA => [&[1; 12][..], &[0xc0, 0, 0, 0, 0x08, 0x00]].concat(),
            _ => vec![],
        });
        for (kind, header) in KINDS.iter().zip(headers) {
            let packet = [&[0x45], &[9; 19][..]].concat();
            let bytes = [header, packet.clone()].concat();
            let frame = kind.link.open(&bytes).unwrap();
            assert_eq!((frame.ethertype, frame.payload), (IPV4, &packet[..]), "{}", kind.name);
        }
    }

    #[test]
    fn every_kind_has_a_number_of_its_own() {
        let mut numbers: Vec<u16> = KINDS.iter().map(|kind| kind.link.0).collect();
        numbers.sort_unstable();
        numbers.dedup();
        assert_eq!(numbers.len(), KINDS.len());
    }
}
