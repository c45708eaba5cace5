//! What should not be on a network, by Zeek's names, each told once in a while.
//!
//! A flood of damaged frames makes one row, not a full disk; the counters have the number.

use model::{At, Conversation, Endpoint, Once, Rows, Span, Time};
use protocols::{Stamp, Weird};
use std::collections::HashMap;
use std::hash::BuildHasher;
use wire::link::Link;

/// Conditions that were told, and when.
pub(crate) struct Told {
    by: HashMap<(&'static str, Whose), Time>,
    /// The time of the latest packet whose time can be trusted.
    pub(crate) clock: Time,
    /// Conditions remembered as told. Beyond it all are forgotten, and told once more.
    most: usize,
}

/// What hosts do wherever they go, over all conversations; `None` where who gathers the rows of all workers decides.
pub(crate) struct Hosts(Option<News>);

/// What was told, by [`Once::key`], and when.
#[derive(Default)]
pub struct News {
    told: HashMap<u64, Time>,
}

/// Whose condition it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Whose {
    /// Of a frame that does not even say who sent it.
    Nobody,
    Ends(Endpoint, Endpoint),
}

/// What is remembered as told over all conversations. Beyond it all is forgotten, and told once more.
const NEWS_MAX: usize = 200_000;
/// A condition that goes on is told again after so long.
const AGAIN: Span = Span::s(600);
/// One that a host's own ways cause, as they do all day.
const AGAIN_OF_HOST: Span = Span::s(86_400);

/// Conditions that a host causes with whomever it talks to: told once for the host.
const OF_HOST: [&str; 7] = [
    "UDP_datagram_length_mismatch",
    "SYN_with_data",
    "connection_originator_SYN_ack",
    "excessively_small_fragment",
    "fragment_inconsistency",
    "fragment_overlap",
    "fragment_size_inconsistency",
];

/// Conditions that are usual on every network: remembered with their conversation, never told.
const USUAL: [&str; 4] =
    ["spontaneous_FIN", "spontaneous_RST", "unsolicited_SYN_response", "FIN_after_reset"];

/// Conditions that have another name inside a tunnel.
const IN_TUNNEL: [(&str, &str); 6] = [
    ("unknown_ip_version", "unknown_ip_version_in_tunnel"),
    ("truncated_IP", "truncated_IP_in_tunnel"),
    ("ip_hdr_len_zero", "ip_hdr_len_zero_in_tunnel"),
    ("invalid_IP_header_size", "invalid_IP_header_size_in_tunnel"),
    ("invalid_inner_IP_version", "invalid_inner_IP_version_in_tunnel"),
    ("truncated_ethernet_frame", "truncated_ethernet_frame_in_tunnel"),
];

/// The name of a condition of a packet inside a tunnel.
pub(crate) fn in_tunnel(name: &'static str) -> &'static str {
    IN_TUNNEL.iter().find(|(outside, _)| *outside == name).map_or(name, |(_, inside)| inside)
}

/// Zeek's name for what is wrong with the length of a TCP header, where `there` bytes are.
pub(crate) fn tcp_header_oddity(told: usize, there: usize) -> Option<&'static str> {
    match told {
        ..20 => Some("bad_TCP_header_len"),
        _ if told > there => Some("truncated_header"),
        _ => None,
    }
}

/// Zeek's name for a SYN whose window scale is more than can be (RFC 7323, 2.3), and the scale.
pub(crate) fn scale_oddity(header: &wire::transport::Tcp<'_>) -> Option<(&'static str, String)> {
    const SCALE_MAX: u8 = 14;
    let scale = header.flags.syn().then(|| header.window_scale()).flatten()?;
    (scale > SCALE_MAX).then(|| ("TCP_scale_range", scale.to_string()))
}

/// Zeek's name for a frame whose link header cannot be read, and what more it says.
pub(crate) fn frame_oddity(link: Link, error: wire::Error, there: usize) -> (&'static str, Option<String>) {
    if let wire::Error::Truncated { field: "attribute", offset, missing } = error {
        // Of the attribute, its header of four bytes included.
        let rest = (there + 4).saturating_sub(offset);
        return ("nflog_bad_tlv_len", Some(format!("({} > {rest})", rest + missing)));
    }
    let name = match link {
        _ if matches!(error, wire::Error::Invalid { field: "tags", .. }) => {
            "max_packet_analyzer_depth_exceeded"
        }
        Link::WIRELESS | Link::RADIOTAP | Link::PRISM | Link::AVS => "truncated_802_11_header",
        _ => "truncated_ethernet_frame",
    };
    (name, None)
}

/// Zeek's name for what is wrong with the message of a frame that resolves addresses (RFC 826): whether the addresses
/// it announces are there.
pub(crate) fn arp_oddity(payload: &[u8]) -> Option<&'static str> {
    let Some(&[_, _, _, _, hardware_len, protocol_len, _, _]) = payload.first_chunk() else {
        return Some("truncated_ARP");
    };
    let told = 8 + 2 * (usize::from(hardware_len) + usize::from(protocol_len));
    (payload.len() < told).then_some("truncated_ARP")
}

/// Zeek's name for what an IPv6 routing header of this kind is, unless it is usual (RFC 6275, 6.4), and what more it
/// says.
pub(crate) fn routing_oddity(kind: u8) -> Option<(&'static str, Option<String>)> {
    match kind {
        0 => Some(("routing0_hdr", None)),
        2 => None,
        other => Some(("unknown_routing_type", Some(other.to_string()))),
    }
}

/// Whether a packet's time is beyond January 2038: today a damaged capture or a clock gone wrong. It is read all the same.
#[inline]
pub(crate) fn is_time_odd(time: Time) -> bool {
    const FIRST: Time = Time((1 << 31) * 1_000_000_000);
    time >= FIRST
}

/// Zeek's name for an IP header that cannot be read; the packet had `wire_len` bytes.
pub(crate) fn ip_oddity(error: wire::Error, bytes: &[u8], wire_len: usize) -> &'static str {
    match error {
        _ if bytes.len() < 20 => "truncated_IP",
        wire::Error::Invalid { field: "header length", .. } if ipv4_len(bytes) > wire_len => {
            "truncated_IP_len"
        }
        wire::Error::Truncated { field: "ipv4 options", .. } => "internally_truncated_header",
        wire::Error::Invalid { field: "ip version", .. } => "unknown_ip_version",
        wire::Error::Invalid { .. } => "invalid_IP_header_size",
        wire::Error::Truncated { .. } | wire::Error::Trailing { .. } => "truncated_IP",
    }
}

/// Bytes of an IPv4 packet, as its header says.
fn ipv4_len(bytes: &[u8]) -> usize {
    bytes.first_chunk().map_or(0, |&[_, _, high, low]| u16::from_be_bytes([high, low]).into())
}

impl Told {
    /// Remembers `most` conditions.
    pub(crate) fn new(most: usize) -> Self {
        Self { by: HashMap::new(), clock: Time::default(), most }
    }

    /// Writes the row about a conversation, if the condition is news.
    pub(crate) fn tell(
        &mut self,
        name: &'static str,
        addl: Option<&str>,
        conversation: &Conversation,
        now: Stamp,
        hosts: &mut Hosts,
        rows: &mut dyn Rows,
    ) {
        if OF_HOST.contains(&name) {
            hosts.tell(name, addl, conversation, now, rows);
        } else if self.is_news(name, Whose::Ends(conversation.orig, conversation.resp), now.time) {
            rows.put(&at(Some(conversation), now), &weird(name, addl));
        }
    }

    /// Writes the row about a frame that does not even say who sent it, if the condition is news.
    pub(crate) fn tell_of_frame(
        &mut self,
        name: &'static str,
        addl: Option<&str>,
        now: Stamp,
        rows: &mut dyn Rows,
    ) {
        if self.is_news(name, Whose::Nobody, now.time) {
            rows.put(&at(None, now), &weird(name, addl));
        }
    }

    /// Writes the row about a frame whose time is not to be trusted, if the condition is news.
    pub(crate) fn tell_of_capture(&mut self, name: &'static str, now: Stamp, rows: &mut dyn Rows) {
        if self.is_news(name, Whose::Nobody, self.clock) {
            rows.put(&at(None, now), &weird(name, None));
        }
    }

    /// Whether the condition is to be told now.
    fn is_news(&mut self, name: &'static str, whose: Whose, now: Time) -> bool {
        if USUAL.contains(&name) {
            return false;
        }
        if self.by.get(&(name, whose)).is_some_and(|told| now - *told < AGAIN) {
            return false;
        }
        if self.by.len() >= self.most {
            self.by.clear();
        }
        self.by.insert((name, whose), now);
        true
    }
}

impl Hosts {
    /// Whether others `decide` what is news.
    pub(crate) fn new(decide: bool) -> Self {
        Self((!decide).then(News::default))
    }

    fn tell(
        &mut self,
        name: &'static str,
        addl: Option<&str>,
        conversation: &Conversation,
        now: Stamp,
        rows: &mut dyn Rows,
    ) {
        let key = foldhash::fast::FixedState::default().hash_one((name, conversation.orig.addr));
        let once = Once { key, period: Some(AGAIN_OF_HOST) };
        if self.0.as_mut().is_none_or(|news| news.is(once, now.time)) {
            rows.put_once(once, &at(Some(conversation), now), &weird(name, addl));
        }
    }
}

impl News {
    /// Whether it is news at `now`; if so it is known from now on.
    pub fn is(&mut self, once: Once, now: Time) -> bool {
        let known = |told: &Time| once.period.is_none_or(|period| now - *told < period);
        if self.told.get(&once.key).is_some_and(known) {
            return false;
        }
        if self.told.len() >= NEWS_MAX {
            self.told.clear();
        }
        self.told.insert(once.key, now);
        true
    }
}

impl Default for Hosts {
    fn default() -> Self {
        Self::new(false)
    }
}

fn at(conversation: Option<&Conversation>, now: Stamp) -> At<'_> {
    At { time: now.time, origin: now.origin, conversation, ot: None }
}

fn weird<'a>(name: &'static str, addl: Option<&'a str>) -> Weird<'a> {
    Weird { name, addl, notice: false, peer: None, source: None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_announcement_of_addresses_that_are_not_there_is_cut_short() {
        let whole = [&[0, 1, 8, 0, 6, 4, 0, 1][..], &[0; 20]].concat();
        assert_eq!(arp_oddity(&whole), None);
        assert_eq!(arp_oddity(&whole[..27]), Some("truncated_ARP"));
        assert_eq!(arp_oddity(&[]), Some("truncated_ARP"));
    }

    #[test]
    fn an_attribute_says_by_how_much_it_is_too_long() {
        let bytes = [2, 0, 0, 0, 0, 1, 1, 0, 0, 0, 0, 0];
        let error = Link::NFLOG.open(&bytes).unwrap_err();
        let told = frame_oddity(Link::NFLOG, error, bytes.len());
        assert_eq!(told, ("nflog_bad_tlv_len", Some("(256 > 8)".to_owned())));
    }

    #[test]
    fn a_time_after_january_2038_is_odd() {
        assert!(!is_time_odd(Time::from_s_ns((1 << 31) - 1, 999_999_999)));
        assert!(is_time_odd(Time::from_s_ns(1 << 31, 0)));
    }

    fn end(host: u8) -> Endpoint {
        Endpoint { addr: [10, 0, 0, host].into(), port: 0 }
    }

    #[test]
    fn a_condition_is_told_once_in_a_while() {
        let (mut told, a, b) = (Told::new(8), end(1), end(2));
        let mut tell = |whose, s| told.is_news("fragment_with_DF", whose, Time::from_s_ns(s, 0));
        assert!(tell(Whose::Ends(a, b), 0));
        assert!(!tell(Whose::Ends(a, b), 599));
        assert!(tell(Whose::Ends(b, a), 599));
        assert!(tell(Whose::Ends(a, b), 600));
    }

    #[test]
    fn news_are_news_once_or_once_in_a_period() {
        let mut news = News::default();
        let mut is = |key, period, s| news.is(Once { key, period }, Time::from_s_ns(s, 0));
        assert!(is(1, None, 0) && !is(1, None, 1_000_000));
        assert!(is(2, Some(AGAIN_OF_HOST), 0) && !is(2, Some(AGAIN_OF_HOST), 86_399));
        assert!(is(2, Some(AGAIN_OF_HOST), 86_400));
    }

    #[test]
    fn a_flood_of_senders_is_bounded() {
        let mut told = Told::new(1000);
        for number in 0..4_000u32 {
            let sender = Endpoint { addr: number.to_be_bytes().into(), port: 0 };
            assert!(told.is_news("truncated_header", Whose::Ends(sender, sender), Time(0)));
            assert!(told.by.len() <= 1000);
        }
    }
}
