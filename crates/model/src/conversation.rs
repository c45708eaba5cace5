use std::cell::OnceCell;
use std::fmt::{self, Write};
use std::net::IpAddr;

/// Who talks to whom: what every row of one conversation has in common.
#[derive(Clone, Debug)]
pub struct Conversation {
    /// Name of the conversation, the same in every log.
    pub uid: Uid,
    /// The end that opened it.
    pub orig: Endpoint,
    /// The end that was called.
    pub resp: Endpoint,
    /// What carries it.
    pub transport: Transport,
    /// `uid`, addresses and ports as in Zeek's logs, tab after each; formatted once.
    text: OnceCell<Box<str>>,
}

/// One end of a conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Endpoint {
    /// Address.
    pub addr: IpAddr,
    /// TCP or UDP port; ICMP type at the originator and code at the responder; 0 where there is none.
    pub port: u16,
}

/// What carries a conversation, named as in Zeek's `proto` column.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Transport {
    /// TCP.
    Tcp,
    /// UDP.
    Udp,
    /// ICMP and ICMPv6.
    Icmp,
    /// Any other IP protocol, by its number.
    Other(u8),
}

/// Name of a conversation: `C` and 17 characters from `0-9A-Za-z`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Uid([u8; 18]);

/// A hardware address, IEEE 802 48 bit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Mac(pub [u8; 6]);

impl Conversation {
    /// A conversation between `orig` and `resp`.
    pub fn new(uid: Uid, orig: Endpoint, resp: Endpoint, transport: Transport) -> Self {
        Self { uid, orig, resp, transport, text: OnceCell::new() }
    }

    /// `uid`, `id.orig_h`, `id.orig_p`, `id.resp_h`, `id.resp_p`, each with a tab behind it.
    #[inline]
    pub fn tsv(&self) -> &str {
        self.text.get_or_init(|| {
            let mut text = String::with_capacity(64);
            let (o, r) = (self.orig, self.resp);
            // Writing to a string cannot fail.
            let _ = write!(text, "{}\t{}\t{}\t{}\t{}\t", self.uid.as_str(), o.addr, o.port, r.addr, r.port);
            text.into_boxed_str()
        })
    }
}

impl Uid {
    /// Spells 96 bits of a hash; the same hash gives the same name.
    pub fn from_hash(mut hash: u128) -> Self {
        const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
        let mut text = [b'C'; 18];
        for place in text.iter_mut().skip(1) {
            let digit = usize::try_from(hash % 62).unwrap_or_default();
            *place = DIGITS.get(digit).copied().unwrap_or(b'0');
            hash /= 62;
        }
        Self(text)
    }

    /// As text.
    pub fn as_str(&self) -> &str {
        str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl Transport {
    /// Zeek's word for it.
    pub fn name(self) -> &'static str {
        match self {
            Transport::Tcp => "tcp",
            Transport::Udp => "udp",
            Transport::Icmp => "icmp",
            Transport::Other(_) => "unknown_transport",
        }
    }
}

impl fmt::Debug for Uid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Display for Uid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Display for Mac {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digit = |n: u8| if n < 10 { b'0' + n } else { b'a' + n - 10 };
        let mut text = [b':'; 17];
        for (place, byte) in text.chunks_mut(3).zip(self.0) {
            if let [high, low, ..] = place {
                (*high, *low) = (digit(byte >> 4), digit(byte & 15));
            }
        }
        f.write_str(str::from_utf8(&text).unwrap_or_default())
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.addr {
            IpAddr::V4(addr) => write!(f, "{addr}:{}", self.port),
            IpAddr::V6(addr) => write!(f, "[{addr}]:{}", self.port),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hardware_address_is_written_in_lower_case() {
        assert_eq!(Mac([0, 0x80, 0xf4, 0x1c, 0xab, 5]).to_string(), "00:80:f4:1c:ab:05");
    }
}
