use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

/// A range of addresses that share their first bits: `10.1.2.0/24`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Prefix {
    /// An IPv4 address stands here as its IPv4-mapped IPv6 address (RFC 4291, 2.5.5.2).
    base: u128,
    /// Bits of the 128 that are shared.
    bits: u8,
}

/// Why a text is no range of addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PrefixError {
    /// The part before the slash is no address.
    #[error("no IP address before the slash")]
    Address,
    /// The part behind the slash is no number, or too large for the address.
    #[error("prefix length is not between 0 and {max}")]
    Bits {
        /// Bits of the address: 32 or 128.
        max: u8,
    },
}

const MAPPED: u128 = 0xffff << 32;
const MAPPED_BITS: u8 = 96;

impl Prefix {
    /// The range around `addr` that shares its first `bits` bits; more bits than the address has are all of
    /// them.
    pub fn new(addr: IpAddr, bits: u8) -> Self {
        let bits = if addr.is_ipv4() { bits.min(32) + MAPPED_BITS } else { bits.min(128) };
        Self { base: number(addr) & mask(bits), bits }
    }

    /// The usual segment around an address: 24 bits of an IPv4, 64 of an IPv6 address.
    pub fn segment(addr: IpAddr) -> Self {
        Self::new(addr, if addr.is_ipv4() { 24 } else { 64 })
    }

    /// Whether `addr` lies in it.
    pub fn contains(&self, addr: IpAddr) -> bool {
        number(addr) & mask(self.bits) == self.base
    }
}

impl FromStr for Prefix {
    type Err = PrefixError;

    /// Reads `10.1.0.0/16`, or an address alone for a range of one.
    fn from_str(text: &str) -> Result<Self, PrefixError> {
        let (addr, bits) = text.split_once('/').map_or((text, None), |(addr, bits)| (addr, Some(bits)));
        let addr: IpAddr = addr.trim().parse().map_err(|_| PrefixError::Address)?;
        let max = if addr.is_ipv4() { 32 } else { 128 };
        match bits.map_or(Ok(max), |bits| bits.trim().parse::<u8>()) {
            Ok(bits) if bits <= max => Ok(Self::new(addr, bits)),
            Ok(_) | Err(_) => Err(PrefixError::Bits { max }),
        }
    }
}

fn number(addr: IpAddr) -> u128 {
    match addr {
        IpAddr::V4(addr) => MAPPED | u128::from(addr.to_bits()),
        IpAddr::V6(addr) => addr.to_bits(),
    }
}

fn mask(bits: u8) -> u128 {
    u128::MAX.checked_shl(128 - u32::from(bits)).unwrap_or(0)
}

impl fmt::Display for Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.bits.checked_sub(MAPPED_BITS) {
            Some(bits) if self.base >> 32 == 0xffff => {
                let addr = u32::try_from(self.base & u128::from(u32::MAX)).unwrap_or_default();
                write!(f, "{}/{bits}", Ipv4Addr::from_bits(addr))
            }
            _ => write!(f, "{}/{}", Ipv6Addr::from_bits(self.base), self.bits),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_holds_what_shares_its_bits() {
        let range = Prefix::new([10, 1, 2, 77].into(), 24);
        assert_eq!(range.to_string(), "10.1.2.0/24");
        assert!(range.contains([10, 1, 2, 255].into()) && !range.contains([10, 1, 3, 0].into()));
        assert!(Prefix::new([0, 0, 0, 0].into(), 0).contains([10, 1, 2, 3].into()));
        assert!(!Prefix::new([0, 0, 0, 0].into(), 0).contains("2001:db8::1".parse().unwrap()));
        let v6 = Prefix::segment("2001:db8:0:1:2::3".parse().unwrap());
        assert_eq!(v6.to_string(), "2001:db8:0:1::/64");
        assert!(v6.contains("2001:db8:0:1:9::".parse().unwrap()));
    }

    #[test]
    fn a_range_is_read_as_it_is_written() {
        for text in ["10.1.2.0/24", "10.1.2.3/32", "0.0.0.0/0", "2001:db8::/32"] {
            assert_eq!(text.parse::<Prefix>().unwrap().to_string(), text);
        }
        assert_eq!("10.1.2.3".parse::<Prefix>().unwrap().to_string(), "10.1.2.3/32");
        assert_eq!("10.1.2/24".parse::<Prefix>(), Err(PrefixError::Address));
        assert_eq!("10.1.2.0/33".parse::<Prefix>(), Err(PrefixError::Bits { max: 32 }));
        assert_eq!("::/x".parse::<Prefix>(), Err(PrefixError::Bits { max: 128 }));
    }
}
