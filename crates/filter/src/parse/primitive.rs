//! Questions that begin with a word.

#![allow(clippy::wildcard_enum_match_arm, reason = "tokens that are not expected are refused alike")]

use super::{Parsed, Parser, value};
use crate::Error;
use crate::condition::Compare;
use crate::lex::{Kind, Token};
use crate::syntax::{Arithmetic, Expression, Over, Primitive, Protocol, Relation};

const PROTOCOLS: [(&str, Protocol); 31] = [
    ("ether", Protocol::Link),
    ("link", Protocol::Link),
    ("fddi", Protocol::Link),
    ("tr", Protocol::Link),
    ("wlan", Protocol::Link),
    ("ppp", Protocol::Link),
    ("slip", Protocol::Link),
    ("ip", Protocol::IP),
    ("ip6", Protocol::IP6),
    ("arp", Protocol::ARP),
    ("rarp", Protocol::RARP),
    ("decnet", Protocol::Network(0x6003)),
    ("lat", Protocol::Network(0x6004)),
    ("sca", Protocol::Network(0x6007)),
    ("moprc", Protocol::Network(0x6002)),
    ("mopdl", Protocol::Network(0x6001)),
    ("stp", Protocol::Llc(0x42)),
    ("netbeui", Protocol::Llc(0xf0)),
    ("iso", Protocol::Llc(0xfe)),
    ("tcp", Protocol::Inside(6, Over::Both)),
    ("udp", Protocol::Inside(17, Over::Both)),
    ("sctp", Protocol::Inside(132, Over::Both)),
    ("ah", Protocol::Inside(51, Over::Both)),
    ("esp", Protocol::Inside(50, Over::Both)),
    ("pim", Protocol::Inside(103, Over::Both)),
    ("icmp", Protocol::Inside(1, Over::V4)),
    ("igmp", Protocol::Inside(2, Over::V4)),
    ("igrp", Protocol::Inside(9, Over::V4)),
    ("vrrp", Protocol::Inside(112, Over::V4)),
    ("carp", Protocol::Inside(112, Over::V4)),
    ("icmp6", Protocol::Inside(58, Over::V6)),
];

/// Words of the language that are not here, and why.
const UNSUPPORTED: [(&str, &str); 9] = [
    ("gateway", ", since it looks up names"),
    ("protochain", ", since the kernel runs no loops"),
    ("byte", "; compare ether[offset] instead"),
    ("geneve", ""),
    ("vxlan", ""),
    ("atalk", ""),
    ("aarp", ""),
    ("ipx", ""),
    ("radio", ", since 802.11 is not filtered"),
];

/// The layer that `word` names.
pub(super) fn protocol(word: &str) -> Option<Protocol> {
    PROTOCOLS.iter().find(|(name, _)| *name == word).map(|(_, protocol)| *protocol)
}

/// A comparison of the length of the frame.
fn length(compare: Compare, is_contrary: bool, with: u32) -> Primitive {
    let (left, right) = (Arithmetic::Length, Arithmetic::Number(with));
    Primitive::Relation(Relation { left, compare, is_contrary, right })
}

/// Whether `word` begins a question, or stands within one.
pub(super) fn is_keyword(word: &str) -> bool {
    const OTHERS: [&str; 15] = [
        "broadcast",
        "multicast",
        "llc",
        "vlan",
        "mpls",
        "pppoed",
        "pppoes",
        "inbound",
        "outbound",
        "ifindex",
        "less",
        "greater",
        "len",
        "length",
        "mask",
    ];
    let is_unsupported = || UNSUPPORTED.iter().any(|(unsupported, _)| *unsupported == word);
    protocol(word).is_some() || value::is_qualifier(word) || OTHERS.contains(&word) || is_unsupported()
}

/// Refuses words that are not here.
pub(super) fn supported(token: Token<'_>) -> Result<(), Error> {
    match UNSUPPORTED.iter().find(|(word, _)| *word == token.text) {
        Some((what, because)) => {
            Err(Error::Unsupported { column: token.column, what: (*what).to_owned(), because })
        }
        None => Ok(()),
    }
}

impl Parser<'_> {
    /// A question that begins with a keyword; nothing when the word is none.
    pub(super) fn keyword(&mut self) -> Result<Option<Parsed>, Error> {
        let token = self.token();
        if token.kind != Kind::Word {
            return Ok(None);
        }
        if let Some(protocol) = protocol(token.text) {
            self.at += 1;
            return self.of_protocol(token, protocol).map(Some);
        }
        if value::is_qualifier(token.text) {
            return self.qualified(None, token.column).map(Some);
        }
        let primitive = self.special(token)?;
        Ok(primitive.map(|primitive| (Expression::Primitive { column: token.column, primitive }, None)))
    }

    fn of_protocol(&mut self, token: Token<'_>, protocol: Protocol) -> Result<Parsed, Error> {
        let next = self.token();
        let column = token.column;
        let primitive = match next.text {
            _ if next.kind != Kind::Word => Primitive::Protocol(protocol),
            "broadcast" | "multicast" => self.cast(Some(protocol), column)?,
            word if value::is_qualifier(word) => return self.qualified(Some(protocol), column),
            _ => Primitive::Protocol(protocol),
        };
        if matches!(primitive, Primitive::Protocol(Protocol::Link)) {
            return Err(self.unexpected("src, dst, host, proto, broadcast, multicast or ["));
        }
        Ok((Expression::Primitive { column, primitive }, None))
    }

    /// `broadcast` or `multicast`, which is the next word.
    fn cast(&mut self, protocol: Option<Protocol>, column: usize) -> Result<Primitive, Error> {
        let is_broadcast = self.advance().text == "broadcast";
        match protocol.unwrap_or(Protocol::Link) {
            Protocol::Link if is_broadcast => Ok(Primitive::Broadcast),
            Protocol::IP if is_broadcast => Err(Error::Unsupported {
                column,
                what: "ip broadcast".to_owned(),
                because: ", since no netmask is known; write ip dst host and the address",
            }),
            of @ (Protocol::Link | Protocol::IP | Protocol::IP6) if !is_broadcast => {
                Ok(Primitive::Multicast(of))
            }
            _ => {
                let what = "only ether has broadcast, and ether, ip and ip6 have multicast";
                Err(Error::Contradiction { column, what })
            }
        }
    }

    fn special(&mut self, token: Token<'_>) -> Result<Option<Primitive>, Error> {
        supported(token)?;
        if matches!(token.text, "broadcast" | "multicast") {
            return self.cast(None, token.column).map(Some);
        }
        let simple = match token.text {
            "llc" => Primitive::Llc,
            "pppoed" => Primitive::PppoeDiscovery,
            "outbound" | "inbound" => Primitive::Sent(token.text == "outbound"),
            "less" | "greater" | "ifindex" | "vlan" | "mpls" | "pppoes" => {
                return self.counted(token).map(Some);
            }
            _ => return Ok(None),
        };
        self.at += 1;
        Ok(Some(simple))
    }

    /// Questions with a number behind.
    fn counted(&mut self, token: Token<'_>) -> Result<Primitive, Error> {
        self.at += 1;
        let number = self.number_up_to(match token.text {
            "vlan" => 0x0fff,
            "mpls" => 0xf_ffff,
            "pppoes" => 0xffff,
            _ => u32::MAX,
        })?;
        let half = |number: u32| u16::try_from(number).unwrap_or(u16::MAX);
        Ok(match (token.text, number) {
            ("vlan", number) => Primitive::Vlan(number.map(half)),
            ("pppoes", number) => Primitive::PppoeSession(number.map(half)),
            ("mpls", number) => Primitive::Mpls(number),
            (_, None) => return Err(self.unexpected("a number")),
            ("less", Some(number)) => length(Compare::Greater, true, number),
            ("greater", Some(number)) => length(Compare::AtLeast, false, number),
            (_, Some(number)) => Primitive::Interface(number),
        })
    }

    /// A number, perhaps in parentheses, if there is one.
    fn number_up_to(&mut self, max: u32) -> Result<Option<u32>, Error> {
        let is_enclosed = self.is_sign("(") && self.ahead(2).text == ")";
        let token = self.ahead(usize::from(is_enclosed));
        let Kind::Number(number) = token.kind else {
            return Ok(None);
        };
        if number > max {
            let what = match max {
                0x0fff => "a VLAN: it is 0 to 4095",
                0xf_ffff => "an MPLS label: it is 0 to 1048575",
                _ => "a PPPoE session: it is 0 to 65535",
            };
            return Err(Error::Invalid { column: token.column, text: token.text.to_owned(), what });
        }
        self.at += if is_enclosed { 3 } else { 1 };
        Ok(Some(number))
    }
}
