//! Words with a number behind them.

/// A table of words; several may have one number.
pub(crate) type Names = &'static [(&'static str, u32)];

/// The number of `word`.
pub(crate) fn number(names: Names, word: &str) -> Option<u32> {
    names.iter().find(|(name, _)| *name == word).map(|(_, number)| *number)
}

/// Offsets and values of header fields (*pcap-filter(7)*).
pub(crate) const FIELDS: Names = &[
    // RFC 793, 3.1: control bits, ECN by RFC 3168, 6.1.
    ("tcpflags", 13),
    ("tcp-fin", 0x01),
    ("tcp-syn", 0x02),
    ("tcp-rst", 0x04),
    ("tcp-push", 0x08),
    ("tcp-ack", 0x10),
    ("tcp-urg", 0x20),
    ("tcp-ece", 0x40),
    ("tcp-cwr", 0x80),
    // RFC 792; RFC 950; RFC 1256.
    ("icmptype", 0),
    ("icmpcode", 1),
    ("icmp-echoreply", 0),
    ("icmp-unreach", 3),
    ("icmp-sourcequench", 4),
    ("icmp-redirect", 5),
    ("icmp-echo", 8),
    ("icmp-routeradvert", 9),
    ("icmp-routersolicit", 10),
    ("icmp-timxceed", 11),
    ("icmp-paramprob", 12),
    ("icmp-tstamp", 13),
    ("icmp-tstampreply", 14),
    ("icmp-ireq", 15),
    ("icmp-ireqreply", 16),
    ("icmp-maskreq", 17),
    ("icmp-maskreply", 18),
    // IANA, *ICMPv6 Parameters*.
    ("icmp6type", 0),
    ("icmp6code", 1),
    ("icmp6-destinationunreach", 1),
    ("icmp6-packettoobig", 2),
    ("icmp6-timeexceeded", 3),
    ("icmp6-parameterproblem", 4),
    ("icmp6-echo", 128),
    ("icmp6-echoreply", 129),
    ("icmp6-multicastlistenerquery", 130),
    ("icmp6-multicastlistenerreportv1", 131),
    ("icmp6-multicastlistenerdone", 132),
    ("icmp6-routersolicit", 133),
    ("icmp6-routeradvert", 134),
    ("icmp6-neighborsolicit", 135),
    ("icmp6-neighboradvert", 136),
    ("icmp6-redirect", 137),
    ("icmp6-routerrenum", 138),
    ("icmp6-nodeinformationquery", 139),
    ("icmp6-nodeinformationresponse", 140),
    ("icmp6-ineighbordiscoverysolicit", 141),
    ("icmp6-ineighbordiscoveryadvert", 142),
    ("icmp6-multicastlistenerreportv2", 143),
    ("icmp6-homeagentdiscoveryrequest", 144),
    ("icmp6-homeagentdiscoveryreply", 145),
    ("icmp6-mobileprefixsolicit", 146),
    ("icmp6-mobileprefixadvert", 147),
    ("icmp6-certpathsolicit", 148),
    ("icmp6-certpathadvert", 149),
    ("icmp6-multicastrouteradvert", 151),
    ("icmp6-multicastroutersolicit", 152),
    ("icmp6-multicastrouterterm", 153),
];

/// Protocols above IP (IANA, *Assigned Internet Protocol Numbers*).
pub(crate) const INSIDE_IP: Names = &[
    ("icmp", 1),
    ("igmp", 2),
    ("ipencap", 4),
    ("tcp", 6),
    ("egp", 8),
    ("igrp", 9),
    ("udp", 17),
    ("ipv6", 41),
    ("ipv6-route", 43),
    ("ipv6-frag", 44),
    ("rsvp", 46),
    ("gre", 47),
    ("esp", 50),
    ("ah", 51),
    ("icmp6", 58),
    ("ipv6-icmp", 58),
    ("ipv6-nonxt", 59),
    ("ipv6-opts", 60),
    ("eigrp", 88),
    ("ospf", 89),
    ("pim", 103),
    ("vrrp", 112),
    ("carp", 112),
    ("l2tp", 115),
    ("sctp", 132),
];

/// Kinds of Ethernet frame (IEEE, *EtherType registry*); below 1536 a service access point of LLC. The second half is
/// not known to tcpdump.
pub(crate) const ETHER_TYPES: Names = &[
    ("ip", 0x0800),
    ("arp", 0x0806),
    ("mopdl", 0x6001),
    ("moprc", 0x6002),
    ("decnet", 0x6003),
    ("lat", 0x6004),
    ("sca", 0x6007),
    ("rarp", 0x8035),
    ("ip6", 0x86dd),
    ("loopback", 0x9000),
    ("stp", 0x42),
    ("netbeui", 0xf0),
    ("iso", 0xfe),
    ("eapol", 0x888e),
    ("profinet", 0x8892),
    ("ethercat", 0x88a4),
    ("powerlink", 0x88ab),
    ("goose", 0x88b8),
    ("gse", 0x88b9),
    ("sv", 0x88ba),
    ("lldp", 0x88cc),
    ("sercos", 0x88cd),
    ("mrp", 0x88e3),
    ("ptp", 0x88f7),
    ("prp", 0x88fb),
    ("hsr", 0x892f),
];

/// Ports by the names that people use (IANA, *Service Name and Port Number Registry*, and what vendors say).
pub(crate) const PORTS: Names = &[
    ("ftp-data", 20),
    ("ftp", 21),
    ("ssh", 22),
    ("telnet", 23),
    ("smtp", 25),
    ("domain", 53),
    ("bootps", 67),
    ("bootpc", 68),
    ("tftp", 69),
    ("http", 80),
    ("kerberos", 88),
    ("iso-tsap", 102),
    ("s7", 102),
    ("pop3", 110),
    ("sunrpc", 111),
    ("ntp", 123),
    ("epmap", 135),
    ("netbios-ns", 137),
    ("netbios-dgm", 138),
    ("netbios-ssn", 139),
    ("imap2", 143),
    ("snmp", 161),
    ("snmp-trap", 162),
    ("bgp", 179),
    ("ldap", 389),
    ("https", 443),
    ("microsoft-ds", 445),
    ("modbus", 502),
    ("mbap", 502),
    ("syslog", 514),
    ("ldaps", 636),
    ("mbap-s", 802),
    ("imaps", 993),
    ("pop3s", 995),
    ("ms-sql-s", 1433),
    ("mqtt", 1883),
    ("enip-io", 2222),
    ("iec-104", 2404),
    ("codesys", 2455),
    ("mysql", 3306),
    ("rdp", 3389),
    ("ms-wbt-server", 3389),
    ("opcua-tcp", 4840),
    ("opcua", 4840),
    ("sip", 5060),
    ("hart-ip", 5094),
    ("postgresql", 5432),
    ("wsman", 5985),
    ("wsmans", 5986),
    ("http-alt", 8080),
    ("secure-mqtt", 8883),
    ("fins", 9600),
    ("ge-srtp", 18245),
    ("iec-104-sec", 19998),
    ("dnp", 20000),
    ("dnp3", 20000),
    ("profinet-rt", 34962),
    ("profinet-rtm", 34963),
    ("profinet-cm", 34964),
    ("ethercat", 34980),
    ("enip", 44818),
    ("bacnet", 47808),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_has_one_number() {
        for names in [FIELDS, INSIDE_IP, ETHER_TYPES, PORTS] {
            for (at, (name, _)) in names.iter().enumerate() {
                assert!(names.iter().skip(at + 1).all(|(other, _)| other != name), "{name}");
            }
        }
    }
}
