//! Hosts, networks, ports and protocol numbers, and what is asked about them.

#![allow(clippy::wildcard_enum_match_arm, reason = "tokens that are not expected are refused alike")]

use super::{Parsed, Parser, primitive};
use crate::Error;
use crate::lex::{Dotted, Kind, Token};
use crate::names;
use crate::syntax::{Expression, Network, Over, Primitive, Protocol, Side};
use std::ops::RangeInclusive;

/// What a value is about.
#[derive(Clone, Copy, Debug)]
pub(super) struct Qualifiers {
    protocol: Option<Protocol>,
    side: Side,
    what: What,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum What {
    Host,
    Net,
    Port,
    PortRange,
    Proto,
}

/// Whether `word` says what a value is about.
pub(super) fn is_qualifier(word: &str) -> bool {
    matches!(word, "src" | "dst" | "gateway" | "protochain") || what(word).is_some()
}

fn what(word: &str) -> Option<What> {
    Some(match word {
        "host" => What::Host,
        "net" => What::Net,
        "port" => What::Port,
        "portrange" => What::PortRange,
        "proto" => What::Proto,
        _ => return None,
    })
}

impl Qualifiers {
    /// Why these words have no meaning together.
    fn contradiction(self, has_side: bool) -> Option<&'static str> {
        let protocol = self.protocol;
        match self.what {
            What::Host | What::Net => {
                let has = matches!(
                    protocol,
                    None | Some(
                        Protocol::Link | Protocol::IP | Protocol::IP6 | Protocol::ARP | Protocol::RARP
                    )
                );
                (!has)
                    .then_some("only ether, ip, ip6, arp and rarp have hosts; write for example tcp and host")
            }
            What::Port | What::PortRange => {
                let has = matches!(protocol, None | Some(Protocol::Inside(6 | 17 | 132, Over::Both)));
                (!has).then_some("only tcp, udp and sctp have ports")
            }
            What::Proto if has_side => Some("a protocol has neither source nor destination"),
            What::Proto => {
                let has = matches!(protocol, None | Some(Protocol::Link | Protocol::IP | Protocol::IP6));
                (!has).then_some("only ether, ip and ip6 tell the protocol inside")
            }
        }
    }
}

impl Parser<'_> {
    /// `src or dst host` and the like, with the values behind.
    pub(super) fn qualified(&mut self, protocol: Option<Protocol>, column: usize) -> Result<Parsed, Error> {
        let side = self.side();
        let token = self.token();
        primitive::supported(token)?;
        let what = what(token.text).filter(|_| token.kind == Kind::Word);
        self.at += usize::from(what.is_some());
        let qualifiers =
            Qualifiers { protocol, side: side.unwrap_or(Side::Either), what: what.unwrap_or(What::Host) };
        match qualifiers.contradiction(side.is_some()) {
            Some(what) => Err(Error::Contradiction { column, what }),
            None => self.values(qualifiers),
        }
    }

    fn side(&mut self) -> Option<Side> {
        let (first, other) = if self.is_word("src") {
            (Side::Source, "dst")
        } else if self.is_word("dst") {
            (Side::Destination, "src")
        } else {
            return None;
        };
        let both = match self.ahead(1).kind {
            Kind::Or => Some(Side::Either),
            Kind::And => Some(Side::Both),
            _ => None,
        };
        let both = both.filter(|_| self.ahead(2).text == other);
        self.at += if both.is_some() { 3 } else { 1 };
        both.or(Some(first))
    }

    /// A value, its contrary, or several in parentheses.
    fn values(&mut self, qualifiers: Qualifiers) -> Result<Parsed, Error> {
        if self.token().kind == Kind::Not {
            self.at += 1;
            let (inner, qualifiers) = self.nested(|parser| parser.values(qualifiers))?;
            return Ok((Expression::Not(Box::new(inner)), qualifiers));
        }
        if self.is_sign("(") {
            return self.group(Some(qualifiers));
        }
        Ok((self.value(qualifiers)?, Some(qualifiers)))
    }

    /// One value.
    pub(super) fn value(&mut self, qualifiers: Qualifiers) -> Result<Expression, Error> {
        let Qualifiers { protocol, side, what } = qualifiers;
        let column = self.token().column;
        let primitive = match what {
            What::Host | What::Net if protocol == Some(Protocol::Link) => self.station(side, what)?,
            What::Host | What::Net => self.host(qualifiers)?,
            What::Port => self.port(protocol, side, Self::single_port)?,
            What::PortRange => self.port(protocol, side, Self::port_range)?,
            What::Proto => Primitive::Protocol(self.inside(protocol)?),
        };
        Ok(Expression::Primitive { column, primitive })
    }

    /// Refuses names, which somebody would have to look up.
    fn no_name(&self) -> Result<(), Error> {
        let Token { kind, text, column } = self.token();
        match kind {
            Kind::Word if primitive::is_keyword(text) => Ok(()),
            Kind::Word | Kind::Escaped => Err(Error::Name { column, name: text.to_owned() }),
            _ => Ok(()),
        }
    }

    fn station(&mut self, side: Side, what: What) -> Result<Primitive, Error> {
        self.no_name()?;
        match self.token().kind {
            Kind::Station(station) if what == What::Host => {
                self.at += 1;
                Ok(Primitive::Station { side, station })
            }
            _ => Err(self.unexpected("a hardware address behind ether host")),
        }
    }

    fn host(&mut self, Qualifiers { protocol, side, what }: Qualifiers) -> Result<Primitive, Error> {
        self.no_name()?;
        let column = self.token().column;
        let is_masked = matches!(self.ahead(1).text, "/" | "mask");
        let network = match self.token().kind {
            Kind::Number(number) => self.numbered(number, what),
            Kind::Dotted(address) => self.v4(address)?,
            Kind::V6(address) => {
                self.at += 1;
                let length = self.prefix_length(128)?.unwrap_or(128);
                Network::V6 { address, mask: u128::MAX.checked_shl(128 - length).unwrap_or(0) }
            }
            Kind::Station(_) => {
                return Err(self.unexpected("an address; a hardware address follows ether host"));
            }
            _ => return Err(self.unexpected("an address")),
        };
        let what = match (network, protocol) {
            _ if what == What::Host && is_masked => "a mask goes with net, not with host",
            (Network::V4 { .. }, Some(Protocol::IP6)) => "ip6 goes with an IPv6 address",
            (Network::V6 { .. }, Some(_)) if protocol != Some(Protocol::IP6) => "only ip6 has IPv6 addresses",
            (Network::V4 { address, mask }, _) if address & !mask != 0 => BITS_BEYOND,
            (Network::V6 { address, mask }, _) if address.to_bits() & !mask != 0 => BITS_BEYOND,
            _ => return Ok(Primitive::Host { protocol, side, network }),
        };
        Err(Error::Contradiction { column, what })
    }

    /// `net 10` is 10.0.0.0/8, `host 10` is 0.0.0.10.
    fn numbered(&mut self, number: u32, what: What) -> Network {
        self.at += 1;
        let empty = if what == What::Net && number != 0 { number.leading_zeros() / 8 * 8 } else { 0 };
        Network::V4 { address: number << empty, mask: u32::MAX << empty }
    }

    fn v4(&mut self, Dotted { address, bits }: Dotted) -> Result<Network, Error> {
        self.at += 1;
        let shifted = |bits: u32| u32::MAX.checked_shl(32 - bits).unwrap_or(0);
        let mask = if self.is_word("mask") {
            self.at += 1;
            let Kind::Dotted(mask) = self.token().kind else {
                return Err(self.unexpected("a netmask such as 255.255.255.0"));
            };
            self.at += 1;
            mask.address
        } else {
            shifted(self.prefix_length(32)?.unwrap_or(u32::from(bits)))
        };
        Ok(Network::V4 { address, mask })
    }

    /// What stands behind a slash, if there is one.
    fn prefix_length(&mut self, max: u32) -> Result<Option<u32>, Error> {
        if !self.take_sign("/") {
            return Ok(None);
        }
        let token = self.token();
        match token.kind {
            Kind::Number(length) if length <= max => {
                self.at += 1;
                Ok(Some(length))
            }
            _ if max == 32 => Err(self.unexpected("a prefix length up to 32")),
            _ => Err(self.unexpected("a prefix length up to 128")),
        }
    }

    fn port(
        &mut self,
        protocol: Option<Protocol>,
        side: Side,
        ports: fn(&mut Self) -> Result<RangeInclusive<u16>, Error>,
    ) -> Result<Primitive, Error> {
        let protocol = match protocol {
            Some(Protocol::Inside(number, _)) => Some(number),
            _ => None,
        };
        Ok(Primitive::Port { protocol, side, ports: ports(self)? })
    }

    fn single_port(&mut self) -> Result<RangeInclusive<u16>, Error> {
        let Token { kind, text, column } = self.token();
        let port = match kind {
            Kind::Number(number) => u16::try_from(number).map_err(|_| no_port(column, text))?,
            Kind::Word | Kind::Escaped if kind == Kind::Escaped || !primitive::is_keyword(text) => {
                named_port(column, text)?
            }
            _ => return Err(self.unexpected("a port")),
        };
        self.at += 1;
        Ok(port..=port)
    }

    /// `502-510`, or a single port; the ends may be in either order.
    fn port_range(&mut self) -> Result<RangeInclusive<u16>, Error> {
        let Token { kind, text, column } = self.token();
        let is_range = matches!(kind, Kind::Word | Kind::Escaped) && text.contains('-');
        if !is_range || names::number(names::PORTS, text).is_some() {
            return self.single_port();
        }
        let end = |part: &str| match part.parse() {
            Ok(port) => Ok(port),
            Err(_) if part.starts_with(|c: char| c.is_ascii_digit()) => Err(no_port(column, part)),
            Err(_) => named_port(column, part),
        };
        // A name may have a dash itself.
        let cuts = text.match_indices('-').filter_map(|(at, _)| Some((text.get(..at)?, text.get(at + 1..)?)));
        let mut ends = cuts.map(|(low, high)| Ok((end(low)?, end(high)?)));
        let first = ends.next().unwrap_or_else(|| Err(no_port(column, text)));
        let (low, high) = first.or_else(|error| ends.find(Result::is_ok).unwrap_or(Err(error)))?;
        self.at += 1;
        Ok(low.min(high)..=low.max(high))
    }

    /// The protocol behind `proto`.
    fn inside(&mut self, protocol: Option<Protocol>) -> Result<Protocol, Error> {
        let Token { kind, text, column } = self.token();
        let is_link = protocol == Some(Protocol::Link);
        let number = match kind {
            Kind::Number(number) => number,
            Kind::Word | Kind::Escaped => {
                let (names, kind) =
                    if is_link { (names::ETHER_TYPES, "EtherType") } else { (names::INSIDE_IP, "protocol") };
                let unknown = || Error::Unknown { column, kind, name: text.to_owned() };
                names::number(names, text).ok_or_else(unknown)?
            }
            _ => return Err(self.unexpected("a protocol, by name or number")),
        };
        let over = match protocol {
            Some(Protocol::IP) => Over::V4,
            Some(Protocol::IP6) => Over::V6,
            _ => Over::Both,
        };
        let invalid = |what| Error::Invalid { column, text: text.to_owned(), what };
        let found = match (u8::try_from(number), u16::try_from(number)) {
            (Ok(point), _) if is_link => Protocol::Llc(point),
            // What is 1500 at most where an EtherType stands is a length (IEEE 802.3, 3.2.6).
            (_, Ok(ether_type @ 1501..)) if is_link => Protocol::Network(ether_type),
            _ if is_link => {
                return Err(invalid("an EtherType: from 1501, or to 255 for a service access point"));
            }
            (Ok(number), _) => Protocol::Inside(number, over),
            _ => return Err(invalid("a protocol: it is 0 to 255")),
        };
        self.at += 1;
        Ok(found)
    }
}

const BITS_BEYOND: &str = "the address has bits beyond its mask";

fn no_port(column: usize, text: &str) -> Error {
    Error::Invalid { column, text: text.to_owned(), what: "a port: it is 0 to 65535" }
}

fn named_port(column: usize, name: &str) -> Result<u16, Error> {
    let port = names::number(names::PORTS, name).and_then(|port| u16::try_from(port).ok());
    port.ok_or_else(|| Error::Unknown { column, kind: "port", name: name.to_owned() })
}
