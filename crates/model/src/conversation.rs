use std::cell::OnceCell;
use std::fmt;
use std::io::Write;
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
    text: OnceCell<Prefix>,
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
    pub fn tsv(&self) -> &str {
        match self.text.get_or_init(|| Prefix::new(self)) {
            Prefix::Short(text, len) => {
                text.get(..usize::from(*len)).and_then(|text| str::from_utf8(text).ok()).unwrap_or_default()
            }
            Prefix::Long(text) => text,
        }
    }

    /// Appends [`Conversation::tsv`].
    #[inline]
    pub fn write_tsv(&self, out: &mut Vec<u8>) {
        match self.text.get_or_init(|| Prefix::new(self)) {
            Prefix::Short(text, len) => {
                // A copy of a length that is known beforehand is a few instructions, another one a call.
                let end = out.len() + usize::from(*len);
                out.extend_from_slice(text);
                out.truncate(end);
            }
            Prefix::Long(text) => out.extend_from_slice(text.as_bytes()),
        }
    }
}

/// What the rows of a conversation begin with.
#[derive(Clone, Debug)]
enum Prefix {
    /// As long as it is between IPv4 hosts, with its length.
    Short([u8; SHORT], u8),
    Long(Box<str>),
}

/// Bytes of a name, two IPv4 addresses and two ports, a tab behind each.
const SHORT: usize = 18 + 1 + 2 * (15 + 1 + 5 + 1);

impl Prefix {
    #[cold]
    fn new(conversation: &Conversation) -> Self {
        let mut text = Vec::with_capacity(conversation.uid.0.len() + 1 + 2 * Endpoint::TSV_MAX);
        text.extend_from_slice(&conversation.uid.0);
        text.push(b'\t');
        conversation.orig.write_tsv(&mut text);
        conversation.resp.write_tsv(&mut text);
        let mut short = [0; SHORT];
        match (short.get_mut(..text.len()), u8::try_from(text.len())) {
            (Some(place), Ok(len)) => {
                place.copy_from_slice(&text);
                Prefix::Short(short, len)
            }
            _ => Prefix::Long(String::from_utf8(text).unwrap_or_default().into()),
        }
    }
}

impl Endpoint {
    /// Bytes of the longest address and port, a tab behind each.
    const TSV_MAX: usize = 46 + 6;

    /// Appends address and port as in Zeek's logs, a tab behind each.
    fn write_tsv(self, out: &mut Vec<u8>) {
        write_address(self.addr, out);
        out.push(b'\t');
        out.extend_from_slice(itoa::Buffer::new().format(self.port).as_bytes());
        out.push(b'\t');
    }
}

/// Appends an address as its `Display` spells it, without the machinery of `fmt` where it is an IPv4 address.
pub fn write_address(addr: IpAddr, out: &mut Vec<u8>) {
    match addr {
        IpAddr::V4(addr) => {
            for (place, octet) in addr.octets().into_iter().enumerate() {
                if place > 0 {
                    out.push(b'.');
                }
                out.extend_from_slice(itoa::Buffer::new().format(octet).as_bytes());
            }
        }
        // Writing to a vector cannot fail.
        IpAddr::V6(addr) => drop(write!(out, "{addr}")),
    }
}

impl Uid {
    /// Spells a hash in 17 digits; the same hash gives the same name.
    pub fn from_hash(hash: u128) -> Self {
        const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
        // Ten digits are what a machine word holds, and divisions of a word are much cheaper than those of two.
        const TEN_DIGITS: u128 = 62u128.pow(10);
        const SEVEN_DIGITS: u128 = 62u128.pow(7);
        let word = |number: u128| u64::try_from(number).unwrap_or_default();
        let (low, high) = (word(hash % TEN_DIGITS), word(hash / TEN_DIGITS % SEVEN_DIGITS));
        let mut text = [b'C'; 18];
        let (_, digits) = text.split_at_mut(1);
        let (lower, higher) = digits.split_at_mut(10);
        for (mut rest, places) in [(low, lower), (high, higher)] {
            for place in places {
                let digit = usize::try_from(rest % 62).unwrap_or_default();
                *place = DIGITS.get(digit).copied().unwrap_or(b'0');
                rest /= 62;
            }
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

impl Mac {
    /// Spells it into `text`, in lower case with colons: `00:80:f4:1c:ab:05`.
    pub fn spell(self, text: &mut [u8; 17]) -> &str {
        let digit = |n: u8| if n < 10 { b'0' + n } else { b'a' + n - 10 };
        *text = [b':'; 17];
        for (place, byte) in text.chunks_mut(3).zip(self.0) {
            if let [high, low, ..] = place {
                (*high, *low) = (digit(byte >> 4), digit(byte & 15));
            }
        }
        str::from_utf8(text).unwrap_or_default()
    }
}

impl fmt::Display for Mac {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.spell(&mut [0; 17]))
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
    fn a_name_has_the_digits_of_its_hash_the_lowest_first() {
        arbtest::arbtest(|u| {
            let hash: u128 = u.arbitrary()?;
            let digits = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
            let plain = (0..17).map(|place| char::from(digits[(hash / 62u128.pow(place) % 62) as usize]));
            assert_eq!(Uid::from_hash(hash).as_str(), format!("C{}", plain.collect::<String>()));
            Ok(())
        });
    }

    #[test]
    fn both_ends_are_spelled_as_they_are_displayed() {
        arbtest::arbtest(|u| {
            let mut end = || {
                let v6 = u.arbitrary()?;
                let addr = if v6 { IpAddr::V6(u.arbitrary()?) } else { IpAddr::V4(u.arbitrary()?) };
                Ok(Endpoint { addr, port: u.arbitrary()? })
            };
            let (o, r) = (end()?, end()?);
            let conversation = Conversation::new(Uid::from_hash(7), o, r, Transport::Tcp);
            let uid = conversation.uid;
            let plain = format!("{uid}\t{}\t{}\t{}\t{}\t", o.addr, o.port, r.addr, r.port);
            let mut written = vec![];
            conversation.write_tsv(&mut written);
            assert_eq!((conversation.tsv(), written), (&*plain, plain.clone().into_bytes()));
            Ok(())
        });
    }

    #[test]
    fn a_hardware_address_is_written_in_lower_case() {
        assert_eq!(Mac([0, 0x80, 0xf4, 0x1c, 0xab, 5]).to_string(), "00:80:f4:1c:ab:05");
    }
}
