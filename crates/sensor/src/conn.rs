use crate::tcp::{State, Tcp};
use model::{Name, Set, Span};

model::log! {
    /// One row per conversation, written when it is over.
    pub struct Conn<'a>: "conn", Conversation {
        /// Transport protocol.
        proto: Name,
        /// Application protocols that were confirmed, by content.
        service: Option<&'a str>,
        /// From the first packet to the last, in seconds.
        duration: Option<Span>,
        /// Payload bytes that the originator sent; for TCP by sequence numbers.
        orig_bytes: Option<u64>,
        /// Payload bytes that the responder sent; for TCP by sequence numbers.
        resp_bytes: Option<u64>,
        /// How it went: `SF` opened and closed, `S0` no answer, `REJ` rejected, `RSTO` reset by the originator and so on.
        conn_state: Name,
        /// Whether the originator has an address of a private network.
        local_orig: bool,
        /// Whether the responder has an address of a private network.
        local_resp: bool,
        /// Bytes that were acknowledged but never captured.
        missed_bytes: u64,
        /// What happened in which order: `S` SYN, `h` SYN-ACK, `A` ACK, `D` data, `F` FIN, `R` RST, `T` retransmission,
        /// `G` gap, `W` zero window, `^` ends flipped, `X` something left undecoded; lower case is
        /// the responder.
        history: Option<&'a str>,
        /// Packets that the originator sent.
        orig_pkts: u64,
        /// Bytes of these packets by their IP headers.
        orig_ip_bytes: u64,
        /// Packets that the responder sent.
        resp_pkts: u64,
        /// Bytes of these packets by their IP headers.
        resp_ip_bytes: u64,
        /// Names in `tunnel.log` of the tunnels that it runs in, the innermost where there are several at once.
        tunnel_parents: Option<Set<&'a [&'a str]>>,
        /// Protocol number of the IP header.
        ip_proto: u8,
        /// Hardware address that sent the originator's packets; the router's when it is behind one.
        orig_l2_addr: Option<&'a str> => Mac,
        /// Hardware address that the originator's packets went to.
        resp_l2_addr: Option<&'a str> => Mac,
        /// VLAN of the outer tag.
        vlan: Option<u16>,
        /// VLAN of the inner tag.
        inner_vlan: Option<u16>,
        /// Community ID 1.0, seed 0: the same conversation has the same value in other tools.
        community_id: &'a str,
    }
}

/// Zeek's word for how a TCP connection went (`base/protocols/conn`, `conn_state`).
pub(crate) fn tcp_state(tcp: &Tcp, syn_then_reset: bool) -> Name {
    use State::{Closed, Established, Inactive, Partial, Reset, SynAckSent, SynSent};
    let (o, r) = (tcp.orig.state, tcp.resp.state);
    let silent = |state| matches!(state, Inactive | Partial);
    let empty = tcp.orig.size(&tcp.resp) == 0 && tcp.resp.size(&tcp.orig) == 0;
    Name(match (o, r) {
        (SynSent | SynAckSent, Reset) => "REJ",
        (Reset, Reset) if empty => "REJ",
        (_, Reset) if silent(o) => "RSTRH",
        (_, Reset) => "RSTR",
        (Reset, _) if silent(r) && syn_then_reset => "RSTOS0",
        (Reset, _) if silent(r) => "OTH",
        (Reset, _) => "RSTO",
        (Closed, Closed) => "SF",
        (Closed, _) if silent(r) => "SH",
        (Closed, _) => "S2",
        (_, Closed) if silent(o) => "SHR",
        (_, Closed) => "S3",
        (SynSent, Inactive) => "S0",
        (Established, Established) => "S1",
        _ => "OTH",
    })
}

/// The same for UDP, by who has sent.
pub(crate) fn udp_state(orig: bool, resp: bool) -> Name {
    Name(match (orig, resp) {
        (true, true) => "SF",
        (true, false) => "S0",
        (false, true) => "SHR",
        (false, false) => "OTH",
    })
}
