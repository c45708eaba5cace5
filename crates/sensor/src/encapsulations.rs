use crate::decap::{GRE_IN_UDP, TEREDO};
use model::Name;

/// A protocol that carries packets inside others.
pub struct Encapsulation {
    /// What it is, and what it carries.
    pub name: &'static str,
    /// How it is known.
    pub sign: Sign,
    /// The kind of tunnel in `tunnel.log`.
    pub kind: Name,
    /// Where it is described.
    pub spec: &'static str,
}

/// How an encapsulation is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sign {
    /// By the protocol number of the IP header.
    Protocol(u8),
    /// By the UDP port of either end.
    Port(u16),
}

impl Sign {
    /// The kind of tunnel of this sign.
    pub(crate) fn kind(self) -> Name {
        TUNNELS.iter().find(|tunnel| tunnel.sign == self).map_or(Name("Tunnel::NONE"), |tunnel| tunnel.kind)
    }
}

/// Encapsulations above IP that are taken off.
pub static TUNNELS: &[Encapsulation] = &[
    Encapsulation {
        name: "IPv4 in IP",
        sign: Sign::Protocol(4),
        kind: Name("Tunnel::IP"),
        spec: "RFC 2003; RFC 2473",
    },
    Encapsulation {
        name: "IPv6 in IP",
        sign: Sign::Protocol(41),
        kind: Name("Tunnel::IP"),
        spec: "RFC 4213; RFC 2473",
    },
    Encapsulation {
        name: "GRE, versions 0 and 1: IP, Ethernet, PPP, ERSPAN I to III, 802.11 as Aruba has it",
        sign: Sign::Protocol(47),
        kind: Name("Tunnel::GRE"),
        spec: "RFC 2784; RFC 2890; RFC 2637; draft-foschiano-erspan-03",
    },
    Encapsulation {
        name: "GRE in UDP",
        sign: Sign::Port(GRE_IN_UDP),
        kind: Name("Tunnel::GRE"),
        spec: "RFC 8086",
    },
    Encapsulation {
        name: "VXLAN: Ethernet",
        sign: Sign::Port(4789),
        kind: Name("Tunnel::VXLAN"),
        spec: "RFC 7348",
    },
    Encapsulation {
        name: "VXLAN-GPE: IP, Ethernet",
        sign: Sign::Port(4790),
        kind: Name("Tunnel::VXLAN"),
        spec: "draft-ietf-nvo3-vxlan-gpe-12",
    },
    Encapsulation {
        name: "Geneve: IP, Ethernet",
        sign: Sign::Port(6081),
        kind: Name("Tunnel::GENEVE"),
        spec: "RFC 8926",
    },
    Encapsulation {
        name: "GTPv1 user plane: IP",
        sign: Sign::Port(2152),
        kind: Name("Tunnel::GTPv1"),
        spec: "3GPP TS 29.281",
    },
    Encapsulation {
        name: "Teredo: IPv6",
        sign: Sign::Port(TEREDO),
        kind: Name("Tunnel::TEREDO"),
        spec: "RFC 4380",
    },
    Encapsulation {
        name: "AYIYA: IP",
        sign: Sign::Port(5072),
        kind: Name("Tunnel::AYIYA"),
        spec: "draft-massar-v6ops-ayiya-02",
    },
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decap::is_carrier;

    #[test]
    fn the_table_names_every_port_that_carries_packets() {
        let named = |port| TUNNELS.iter().any(|tunnel| tunnel.sign == Sign::Port(port));
        assert_eq!((0..=u16::MAX).find(|port| is_carrier(*port) != named(*port)), None);
    }
}
