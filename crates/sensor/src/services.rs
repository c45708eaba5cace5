//! Protocols that are told by their first bytes but not decoded: their names in the `service` column.
//!
//! Sources: RFC 1006, 6 and RFC 905, 13 (TPKT, COTP); CIP Networks Library vol. 2, 2-3.1 (ENIP); DCE 1.1 RPC, 12.6
//! (DCE/RPC); MS-RDPBCGR, 2.2.1.1; RFC 8446, 5.1 and RFC 5246, 6.2.1 (TLS); RFC 9112, 3 (HTTP); RFC 4253, 4.2 (SSH);
//! RFC 5321, 4.2 (SMTP); RFC 959, 5.4 (FTP); OPC 10000-6, 7.1.2; MQTT 5.0, 3.1; IEC 60870-5-104, 5; IEEE 1815, 9.2.4.
//! S7comm and S7comm-plus as in captures: no description is public.

/// Services of a conversation, as places in [`TABLE`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Services(u32);

struct Service {
    name: &'static str,
    /// Whether the piece of a stream, on that port of the server, can only be this.
    is: fn(&[u8], u16) -> bool,
}

/// In alphabetical order, as they are written.
static TABLE: &[Service] = &[
    Service { name: "cotp", is: |data, port| port == 102 && cotp(data).is_some() },
    Service { name: "dce_rpc", is: |data, _| dce_rpc(data) },
    Service { name: "dnp3", is: |data, _| data.starts_with(&[0x05, 0x64]) && data.len() >= 10 },
    Service { name: "enip", is: |data, _| enip(data) },
    Service { name: "ftp", is: |data, port| port == 21 && data.starts_with(b"220") },
    Service { name: "http", is: |data, _| http(data) },
    Service { name: "iec104", is: |data, port| port == 2404 && iec104(data) },
    Service { name: "mqtt", is: |data, _| mqtt(data) },
    Service { name: "ntlm", is: |data, _| dce_rpc(data) && holds(data, b"NTLMSSP\0") },
    Service { name: "opcua_binary", is: |data, _| opcua(data) },
    Service { name: "rdp", is: |data, port| port != 102 && rdp(data) },
    Service { name: "s7comm", is: |data, _| cotp_data(data).is_some_and(|data| data.first() == Some(&0x32)) },
    Service {
        name: "s7comm-plus",
        is: |data, _| cotp_data(data).is_some_and(|data| data.first() == Some(&0x72)),
    },
    Service { name: "smtp", is: |data, port| matches!(port, 25 | 587) && data.starts_with(b"220") },
    Service { name: "ssh", is: |data, _| data.starts_with(b"SSH-") },
    Service { name: "ssl", is: |data, _| tls(data) },
];

/// Names of the services that are told by their first bytes but not decoded, in alphabetical order.
pub fn named_services() -> impl Iterator<Item = &'static str> {
    TABLE.iter().map(|service| service.name)
}

impl Services {
    /// Adds what the next piece of the stream tells, on the server's `port`.
    pub(crate) fn look(&mut self, data: &[u8], port: u16) {
        for (place, service) in (0..).zip(TABLE) {
            self.0 |= u32::from((service.is)(data, port)) << place;
        }
    }

    /// Names with commas between them, as Zeek writes them; `None` when nothing is known.
    pub(crate) fn text(self) -> Option<String> {
        let names =
            (0..).zip(TABLE).filter(|(place, _)| self.0 >> place & 1 == 1).map(|(_, service)| service.name);
        let names: Vec<_> = names.collect();
        (!names.is_empty()).then(|| names.join(","))
    }
}

/// The COTP part of a TPKT: its type, with the bytes behind the header.
fn cotp(data: &[u8]) -> Option<(u8, &[u8])> {
    let [0x03, 0x00, high, low, header, kind, ..] = data else { return None };
    let length = usize::from(u16::from_be_bytes([*high, *low]));
    let kind = kind & 0xf0;
    let known = matches!(kind, 0xe0 | 0xd0 | 0xf0 | 0x80);
    (known && length >= 7 && usize::from(*header) + 5 <= length).then_some(())?;
    Some((kind, data.get(5 + usize::from(*header)..).unwrap_or_default()))
}

fn cotp_data(data: &[u8]) -> Option<&[u8]> {
    cotp(data).filter(|(kind, _)| *kind == 0xf0).map(|(_, data)| data)
}

fn rdp(data: &[u8]) -> bool {
    let request = cotp(data).is_some_and(|(kind, _)| kind == 0xe0);
    request && (holds(data, b"Cookie: mstshash=") || data.get(11) == Some(&0x01))
}

/// Version 5.0 or 5.1, a known packet type, a fragment as long as it says or longer than the piece.
fn dce_rpc(data: &[u8]) -> bool {
    let [0x05, 0x00 | 0x01, kind, flags, 0x10 | 0x00, 0x00, 0x00, 0x00, low, high, ..] = data else {
        return false;
    };
    let length = usize::from(u16::from_le_bytes([*low, *high]));
    *kind <= 19 && flags & 0x03 != 0 && (16..=65_535).contains(&length)
}

/// A command of the encapsulation protocol with status 0 and a length that fits.
fn enip(data: &[u8]) -> bool {
    let [command, 0x00, low, high, _, _, _, _, 0, 0, 0, 0, ..] = data else { return false };
    let length = usize::from(u16::from_le_bytes([*low, *high]));
    matches!(command, 0x04 | 0x63..=0x66 | 0x6f | 0x70) && data.len() >= 24 && length + 24 <= data.len()
}

fn http(data: &[u8]) -> bool {
    const STARTS: &[&[u8]] = &[
        b"GET /",
        b"POST /",
        b"HEAD /",
        b"PUT /",
        b"DELETE /",
        b"OPTIONS ",
        b"CONNECT ",
        b"PATCH /",
        b"HTTP/1.",
        b"GET http",
        b"POST http",
    ];
    STARTS.iter().any(|start| data.starts_with(start))
}

/// A handshake record with a hello in it.
fn tls(data: &[u8]) -> bool {
    matches!(data, [0x16, 0x03, 0x00..=0x04, _, _, 0x01 | 0x02, ..])
}

fn opcua(data: &[u8]) -> bool {
    matches!(data, [b'H', b'E', b'L', b'F', ..] | [b'A', b'C', b'K', b'F', ..] | [b'O', b'P', b'N', b'F', ..])
}

fn mqtt(data: &[u8]) -> bool {
    data.first() == Some(&0x10)
        && (holds(data.get(..12).unwrap_or(data), b"\0\x04MQTT")
            || holds(data.get(..14).unwrap_or(data), b"\0\x06MQIsdp"))
}

fn iec104(data: &[u8]) -> bool {
    let [0x68, length, ..] = data else { return false };
    (4..=253).contains(length) && data.len() >= usize::from(*length) + 2
}

fn holds(data: &[u8], part: &[u8]) -> bool {
    data.windows(part.len()).any(|window| window == part)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(data: &[u8], port: u16) -> Option<String> {
        let mut services = Services::default();
        services.look(data, port);
        services.text()
    }

    #[test]
    fn the_first_bytes_tell_the_service() {
        let s7 = [0x03, 0, 0, 0x19, 0x02, 0xf0, 0x80, 0x32, 0x01];
        assert_eq!(text(&s7, 102).as_deref(), Some("cotp,s7comm"));
        assert_eq!(text(b"\x16\x03\x01\x00\xa5\x01\x00", 8443).as_deref(), Some("ssl"));
        assert_eq!(text(b"GET / HTTP/1.1\r\n", 80).as_deref(), Some("http"));
        assert_eq!(
            text(b"\x03\x00\x00\x2b\x26\xe0\0\0\0\0\0Cookie: mstshash=a\r\n", 3389).as_deref(),
            Some("rdp")
        );
        assert_eq!(text(b"\0\0\0\0", 502), None);
    }

    #[test]
    fn names_are_in_the_order_in_which_they_are_written() {
        assert!(TABLE.is_sorted_by_key(|service| service.name));
    }

    #[test]
    fn no_look_panics_on_any_bytes() {
        arbtest::arbtest(|u| {
            let (data, port): (Vec<u8>, u16) = u.arbitrary()?;
            text(&data, port);
            Ok(())
        });
    }
}
