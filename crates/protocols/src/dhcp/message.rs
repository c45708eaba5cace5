//! Messages and their options, as far as Tieline looks at them. RFC 2131, 2.

use model::{Mac, Span};
use std::borrow::Cow;
use std::net::Ipv4Addr;
use wire::{Reader, Result};

/// Marks that options follow, RFC 2131, 3.
const COOKIE: u32 = 0x6382_5363;

/// A message from a client or a server.
#[derive(Clone, Debug, Default)]
pub(super) struct Message<'a> {
    /// Identifier of the transaction.
    pub(super) xid: u32,
    /// Hardware address of the client.
    pub(super) mac: Option<Mac>,
    /// Address that the client has, `ciaddr`.
    pub(super) client: Option<Ipv4Addr>,
    /// Address that the client gets, `yiaddr`.
    pub(super) assigned: Option<Ipv4Addr>,
    /// Option 12.
    pub(super) host_name: Option<&'a [u8]>,
    /// Option 15.
    pub(super) domain: Option<&'a [u8]>,
    /// Option 50.
    pub(super) requested: Option<Ipv4Addr>,
    /// Option 51.
    pub(super) lease: Option<Span>,
    /// Option 53.
    pub(super) kind: Option<u8>,
    /// Option 56.
    pub(super) message: Option<&'a [u8]>,
    /// Option 60.
    pub(super) vendor_class: Option<&'a [u8]>,
    /// Option 61, if it is an Ethernet address.
    pub(super) client_mac: Option<Mac>,
    /// Option 81.
    pub(super) client_fqdn: Option<Vec<u8>>,
}

impl<'a> Message<'a> {
    pub(super) const REQUEST: u8 = 3;
    pub(super) const ACK: u8 = 5;
    pub(super) const INFORM: u8 = 8;

    /// Reads a message; options that are cut short end it.
    ///
    /// # Errors
    /// When the fixed part is cut short, is neither a request nor a reply, or no options follow it.
    pub(super) fn read(bytes: &'a [u8]) -> Result<Self> {
        let mut r = Reader::new(bytes);
        let op = r.u8("op")?;
        if !matches!(op, 1 | 2) {
            return Err(r.invalid("op", 1, op));
        }
        let (hardware, length) = (r.u8("htype")?, r.u8("hlen")?);
        r.u8("hops")?;
        let xid = r.u32_be("xid")?;
        r.take("secs and flags", 4)?;
        let (client, assigned) = (address(r.bytes("ciaddr")?), address(r.bytes("yiaddr")?));
        r.take("siaddr and giaddr", 8)?;
        let [a, b, c, d, e, f, ..] = r.bytes::<16>("chaddr")?;
        // IANA's *Hardware Types*: 1 is Ethernet, 6 the other networks of IEEE 802.
        let mac = (matches!(hardware, 1 | 6) && length != 0).then_some(Mac([a, b, c, d, e, f]));
        r.take("sname and file", 64 + 128)?;
        let cookie = r.u32_be("cookie")?;
        if cookie != COOKIE {
            return Err(r.invalid("cookie", 4, cookie));
        }
        let mut message = Self { xid, mac, client, assigned, ..Self::default() };
        message.options(r);
        Ok(message)
    }

    /// RFC 2132, 2: code, length, data; 0 pads and 255 ends.
    fn options(&mut self, mut r: Reader<'a>) {
        while let Ok(code) = r.u8("option") {
            match code {
                0 => {}
                255 => return,
                _ => {
                    let Ok(length) = r.u8("option length") else { return };
                    let Ok(data) = r.take("option", length.into()) else { return };
                    self.option(code, data);
                }
            }
        }
    }

    fn option(&mut self, code: u8, data: &'a [u8]) {
        match (code, data) {
            (12, _) => self.host_name = Some(data),
            (15, _) => self.domain = Some(text(data)),
            (50, &[a, b, c, d]) => self.requested = Some(Ipv4Addr::new(a, b, c, d)),
            (51, &[a, b, c, d]) => self.lease = Some(Span::s(u32::from_be_bytes([a, b, c, d]).into())),
            (53, &[kind]) => self.kind = Some(kind),
            (56, _) => self.message = Some(text(data)),
            (60, _) => self.vendor_class = Some(text(data)),
            (61, &[1, a, b, c, d, e, f]) => self.client_mac = Some(Mac([a, b, c, d, e, f])),
            (81, [flags, _, _, name @ ..]) => self.client_fqdn = Some(full_name(*flags, name)),
            _ => {}
        }
    }

    /// Name of its type, RFC 2132, 9.6 and the RFCs after it; 0 stands for BOOTP.
    pub(super) fn type_name(&self) -> Cow<'static, str> {
        let kind = self.kind.unwrap_or(0);
        match TYPES.get(usize::from(kind)) {
            Some(name) if kind != 0 => Cow::Borrowed(name),
            _ => Cow::Owned(format!("unknown-message-type-{kind}")),
        }
    }
}

/// IANA, *DHCP Message Type 53 Values*.
const TYPES: [&str; 19] = [
    "BOOTP",
    "DISCOVER",
    "OFFER",
    "REQUEST",
    "DECLINE",
    "ACK",
    "NAK",
    "RELEASE",
    "INFORM",
    "FORCERENEW",
    "LEASEQUERY",
    "LEASEUNASSIGNED",
    "LEASEUNKNOWN",
    "LEASEACTIVE",
    "BULKLEASEQUERY",
    "LEASEQUERYDONE",
    "ACTIVELEASEQUERY",
    "LEASEQUERYSTATUS",
    "TLS",
];

fn address(octets: [u8; 4]) -> Option<Ipv4Addr> {
    Some(Ipv4Addr::from(octets)).filter(|address| !address.is_unspecified())
}

/// RFC 2132, 2: strings should not end in a zero, and do.
fn text(data: &[u8]) -> &[u8] {
    data.strip_suffix(b"\0").unwrap_or(data)
}

/// RFC 4702, 2.2 and 2.3: the name as text or, with the flag E, as labels with their lengths.
fn full_name(flags: u8, name: &[u8]) -> Vec<u8> {
    if flags & 0x04 == 0 {
        return text(name).to_vec();
    }
    let mut joined = Vec::new();
    let mut r = Reader::new(name);
    while let Ok(label) = r.u8("label length").and_then(|length| r.take("label", length.into())) {
        if label.is_empty() {
            break;
        }
        joined.extend_from_slice(label);
        joined.push(b'.');
    }
    joined.pop_if(|last| *last == b'.');
    joined
}
