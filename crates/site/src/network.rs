use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

/// A range of addresses: `10.1.0.0/16`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Network {
    base: IpAddr,
    prefix: u8,
}

/// Why a text is no range of addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NetworkError {
    /// The part before the slash is no address.
    #[error("no IP address before the slash")]
    Address,
    /// The part behind the slash is no number, or too large for the address.
    #[error("prefix length is not between 0 and {max}")]
    Prefix {
        /// Largest prefix of the address: 32 or 128.
        max: u8,
    },
}

/// Where an address lies, as far as the address itself tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// Nobody's: unspecified, loopback, multicast, broadcast.
    Nobody,
    /// Private use or link-local: this site.
    Site,
    /// Anything else.
    Outside,
}

impl Network {
    /// Whether `addr` lies in it.
    pub fn contains(&self, addr: IpAddr) -> bool {
        match (self.base, canonical(addr)) {
            (IpAddr::V4(base), IpAddr::V4(addr)) => same(base.to_bits(), addr.to_bits(), self.prefix),
            (IpAddr::V6(base), IpAddr::V6(addr)) => same(base.to_bits(), addr.to_bits(), self.prefix),
            (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => false,
        }
    }

    /// Bits that all its addresses share.
    pub fn prefix(&self) -> u8 {
        self.prefix
    }
}

fn same<T: std::ops::BitXor<Output = T> + Leading>(base: T, addr: T, prefix: u8) -> bool {
    (base ^ addr).leading() >= u32::from(prefix)
}

trait Leading {
    fn leading(self) -> u32;
}

impl Leading for u32 {
    fn leading(self) -> u32 {
        self.leading_zeros()
    }
}

impl Leading for u128 {
    fn leading(self) -> u32 {
        self.leading_zeros()
    }
}

impl FromStr for Network {
    type Err = NetworkError;

    /// Reads `10.1.0.0/16`, or an address alone for a range of one.
    fn from_str(text: &str) -> Result<Self, NetworkError> {
        let (addr, prefix) = text.split_once('/').map_or((text, None), |(addr, prefix)| (addr, Some(prefix)));
        let base: IpAddr = addr.trim().parse().map_err(|_| NetworkError::Address)?;
        let max = if base.is_ipv4() { 32 } else { 128 };
        let prefix = prefix.map_or(Ok(max), |text| text.trim().parse::<u8>());
        match prefix {
            Ok(prefix) if prefix <= max => Ok(Self { base, prefix }),
            Ok(_) | Err(_) => Err(NetworkError::Prefix { max }),
        }
    }
}

/// The address itself, an IPv4 address in IPv6 clothing (`::ffff:10.3.0.20`, RFC 4291, 2.5.5.2) as IPv4.
pub(crate) fn canonical(addr: IpAddr) -> IpAddr {
    addr.to_canonical()
}

/// Reads an address as logs write it, a zone (`fe80::1%4`) cut off.
pub(crate) fn parse(text: &str) -> Option<IpAddr> {
    text.trim().split('%').next()?.parse().ok().map(canonical)
}

pub(crate) fn place(addr: IpAddr) -> Place {
    match addr {
        IpAddr::V4(addr) => place_v4(addr),
        IpAddr::V6(addr) => place_v6(addr),
    }
}

fn place_v4(addr: Ipv4Addr) -> Place {
    let [a, b, ..] = addr.octets();
    if a == 0 || addr.is_loopback() || addr.is_multicast() || addr.is_broadcast() {
        Place::Nobody
    } else if addr.is_private() || addr.is_link_local() || (a == 100 && (64..128).contains(&b)) {
        Place::Site // The last is shared address space, RFC 6598.
    } else {
        Place::Outside
    }
}

fn place_v6(addr: Ipv6Addr) -> Place {
    if addr.is_unspecified() || addr.is_loopback() || addr.is_multicast() {
        Place::Nobody
    } else if addr.is_unique_local() || addr.is_unicast_link_local() {
        Place::Site
    } else {
        Place::Outside
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_knows_its_addresses() {
        let network: Network = "10.1.0.0/16".parse().unwrap();
        assert!(network.contains("10.1.255.3".parse().unwrap()));
        assert!(network.contains("::ffff:10.1.0.1".parse().unwrap()));
        assert!(!network.contains("10.2.0.1".parse().unwrap()));
        assert!("0.0.0.0/0".parse::<Network>().unwrap().contains("203.0.113.9".parse().unwrap()));
        assert_eq!("10.1.0.0/33".parse::<Network>(), Err(NetworkError::Prefix { max: 32 }));
        assert_eq!("plant/8".parse::<Network>(), Err(NetworkError::Address));
    }

    #[test]
    fn addresses_of_nobody_are_told_from_the_sites() {
        let of = |text: &str| place(parse(text).unwrap());
        for text in ["0.0.0.0", "255.255.255.255", "224.0.0.1", "127.0.0.1", "::", "::1", "ff02::fb"] {
            assert_eq!(of(text), Place::Nobody, "{text}");
        }
        for text in ["10.1.10.5", "192.168.0.1", "172.31.0.9", "169.254.1.1", "fe80::1%4", "fd00::1"] {
            assert_eq!(of(text), Place::Site, "{text}");
        }
        assert_eq!(of("203.0.113.9"), Place::Outside);
    }
}
