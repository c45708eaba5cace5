//! The four DHCP messages by which a computer gets its address (RFC 2131, 3.1; options: RFC 2132).

use crate::bytes::Put;
use model::Mac;
use std::net::Ipv4Addr;

/// What a computer is given and by whom.
pub(crate) struct Lease<'a> {
    /// Transaction.
    pub(crate) xid: u32,
    /// The computer.
    pub(crate) mac: Mac,
    /// Its name without domain.
    pub(crate) name: &'a str,
    /// Its domain.
    pub(crate) domain: &'a str,
    /// Its address.
    pub(crate) address: Ipv4Addr,
    /// Router of the segment, which also relays.
    pub(crate) gateway: Ipv4Addr,
    /// The DHCP server behind the relay.
    pub(crate) server: Ipv4Addr,
    /// Name server.
    pub(crate) dns: Ipv4Addr,
}

/// Message type, option 53.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Message {
    /// Who has an address for me?
    Discover = 1,
    /// This one.
    Offer = 2,
    /// I take it.
    Request = 3,
    /// It is yours.
    Ack = 5,
}

impl Lease<'_> {
    /// The message `kind` as it goes through the segment of the computer.
    pub(crate) fn message(&self, kind: Message) -> Vec<u8> {
        let reply = matches!(kind, Message::Offer | Message::Ack);
        let none = Ipv4Addr::UNSPECIFIED;
        let (yours, relay) = if reply { (self.address, self.gateway) } else { (none, none) };
        let mut out = vec![if reply { 2 } else { 1 }, 1, 6, 0];
        out.u32(self.xid).u16(0).u16(0);
        for address in [none, yours, none, relay] {
            out.put(&address.octets());
        }
        out.put(&self.mac.0);
        out.resize(out.len() + 10 + 64 + 128, 0);
        out.u32(0x6382_5363).u8(53).counted(&[kind as u8]);
        if reply {
            self.given(&mut out)
        } else {
            self.asked(kind, &mut out)
        }
        out.u8(255);
        out
    }

    fn asked(&self, kind: Message, out: &mut Vec<u8>) {
        out.u8(61).counted(&[&[1][..], &self.mac.0].concat());
        if kind == Message::Request {
            out.u8(50).counted(&self.address.octets()).u8(54).counted(&self.server.octets());
        }
        out.u8(12).counted(self.name.as_bytes());
        if kind == Message::Request {
            let name = format!("{}.{}", self.name, self.domain);
            out.u8(81).counted(&[&[0, 0, 0][..], name.as_bytes()].concat());
        }
        out.u8(60)
            .counted(b"MSFT 5.0")
            .u8(55)
            .counted(&[1, 3, 6, 15, 31, 33, 43, 44, 46, 47, 119, 121, 249, 252]);
    }

    fn given(&self, out: &mut Vec<u8>) {
        const DAY_S: u32 = 86_400;
        for (option, seconds) in [(58, DAY_S / 2), (59, DAY_S / 8 * 7), (51, DAY_S)] {
            out.u8(option).counted(&seconds.to_be_bytes());
        }
        out.u8(54).counted(&self.server.octets()).u8(1).counted(&[255, 255, 255, 0]);
        out.u8(3).counted(&self.gateway.octets()).u8(6).counted(&self.dns.octets());
        out.u8(15).counted(self.domain.as_bytes());
    }
}
