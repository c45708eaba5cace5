//! The texts that go to `nft` and come back from it.

use crate::{Block, Effect, EffectId, InForce};
use model::{Span, Transport};
use serde_json::Value;
use std::fmt::Write;
use std::net::IpAddr;

/// Elements in each set. More than [`Limits`](crate::Limits) will ever allow; at the bound the kernel
/// refuses.
const SIZE_MAX: u32 = 1024;

/// In front of the comment of each element of ours.
const MARK: &str = "tieline ";

/// Makes what is missing of our table; what is there stays, elements included. A TCP client learns at once
/// that it is not welcome; UDP has no such word.
fn scaffold() -> String {
    let mut text = String::from("add table inet tieline\n");
    for digit in [4, 6] {
        let _ = writeln!(
            text,
            "add set inet tieline flows{digit} {{ type ipv{digit}_addr . ipv{digit}_addr . inet_proto . \
             inet_service; flags timeout; size {SIZE_MAX}; }}"
        );
    }
    text.push_str(
        "add chain inet tieline contain { type filter hook forward priority -10; policy accept; }\n",
    );
    text.push_str("flush chain inet tieline contain\n");
    for (ip, digit) in [("ip", 4), ("ip6", 6)] {
        for (transport, end) in [("tcp", "reject with tcp reset"), ("udp", "drop")] {
            let _ = writeln!(
                text,
                "add rule inet tieline contain meta l4proto {transport} \
                 {ip} saddr . {ip} daddr . meta l4proto . th dport @flows{digit} counter {end}"
            );
        }
    }
    text
}

/// The transaction that puts `effects` in force. An element that is there is taken out and put in again,
/// since adding it once more would leave its old timeout.
pub(crate) fn put(effects: &[Effect]) -> String {
    effects.iter().fold(scaffold(), |mut text, effect| {
        let (set, key) = place(&effect.block);
        let seconds = effect.ttl.seconds();
        let rest = format!("timeout {seconds}s comment \"{MARK}{}\"", effect.id);
        let _ = writeln!(text, "add element inet tieline {set} {{ {key} {rest} }}");
        let _ = writeln!(text, "delete element inet tieline {set} {{ {key} }}");
        let _ = writeln!(text, "add element inet tieline {set} {{ {key} {rest} }}");
        text
    })
}

/// The transaction that takes `blocks` back. What is not there any more is put in first, so that taking it
/// out does not fail and keep the others.
pub(crate) fn remove(blocks: &[Block]) -> String {
    blocks.iter().fold(scaffold(), |mut text, block| {
        let (set, key) = place(block);
        let _ = writeln!(text, "add element inet tieline {set} {{ {key} timeout 1s }}");
        let _ = writeln!(text, "delete element inet tieline {set} {{ {key} }}");
        text
    })
}

fn place(block: &Block) -> (&'static str, String) {
    let set = if block.source().is_ipv4() { "flows4" } else { "flows6" };
    let key =
        format!("{} . {} . {} . {}", block.source(), block.target(), block.transport().name(), block.port());
    (set, key)
}

/// Reads the answer to `nft -j list table inet tieline`: the elements that carry our mark.
pub(crate) fn read(json: &str) -> Result<Vec<InForce>, String> {
    let answer: Value = serde_json::from_str(json).map_err(|error| error.to_string())?;
    let objects = answer.get("nftables").and_then(Value::as_array).ok_or("no list \"nftables\"")?;
    let sets = objects.iter().filter_map(|object| object.get("set"));
    let elements = sets.filter_map(|set| set.get("elem")?.as_array()).flatten();
    elements.filter_map(|element| marked(element.get("elem")?)).collect()
}

/// An element with our mark; none when it is somebody else's.
fn marked(element: &Value) -> Option<Result<InForce, String>> {
    let id = element.get("comment")?.as_str()?.strip_prefix(MARK)?;
    let Ok(id) = id.parse() else { return Some(Err(format!("mark {id}"))) };
    Some(in_force(id, element).ok_or_else(|| format!("element {element}")))
}

fn in_force(id: EffectId, element: &Value) -> Option<InForce> {
    let [source, target, transport, port] = element.get("val")?.get("concat")?.as_array()?.as_slice() else {
        return None;
    };
    let addr = |value: &Value| value.as_str()?.parse::<IpAddr>().ok();
    let port = u16::try_from(port.as_u64()?).ok()?;
    let block = Block::new(addr(source)?, addr(target)?, protocol(transport)?, port).ok()?;
    let remaining = element.get("expires").and_then(Value::as_i64).map(Span::s);
    Some(InForce { id, block, remaining })
}

/// nft gives the protocol by name, or by number where `/etc/protocols` is missing.
fn protocol(value: &Value) -> Option<Transport> {
    match (value.as_str(), value.as_u64()) {
        (Some("tcp"), _) | (_, Some(6)) => Some(Transport::Tcp),
        (Some("udp"), _) | (_, Some(17)) => Some(Transport::Udp),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{RunId, Ttl};
    use expect_test::expect;

    fn effect(source: &str, target: &str, transport: Transport) -> Effect {
        let block = Block::new(source.parse().unwrap(), target.parse().unwrap(), transport, 502).unwrap();
        Effect { id: EffectId { run: RunId(3), part: 1 }, block, ttl: Ttl::new(3600).unwrap() }
    }

    #[test]
    fn a_rule_is_one_element_with_an_end_and_a_name() {
        expect![[r#"
            add table inet tieline
            add set inet tieline flows4 { type ipv4_addr . ipv4_addr . inet_proto . inet_service; flags timeout; size 1024; }
            add set inet tieline flows6 { type ipv6_addr . ipv6_addr . inet_proto . inet_service; flags timeout; size 1024; }
            add chain inet tieline contain { type filter hook forward priority -10; policy accept; }
            flush chain inet tieline contain
            add rule inet tieline contain meta l4proto tcp ip saddr . ip daddr . meta l4proto . th dport @flows4 counter reject with tcp reset
            add rule inet tieline contain meta l4proto udp ip saddr . ip daddr . meta l4proto . th dport @flows4 counter drop
            add rule inet tieline contain meta l4proto tcp ip6 saddr . ip6 daddr . meta l4proto . th dport @flows6 counter reject with tcp reset
            add rule inet tieline contain meta l4proto udp ip6 saddr . ip6 daddr . meta l4proto . th dport @flows6 counter drop
            add element inet tieline flows4 { 10.3.0.20 . 10.1.10.5 . tcp . 502 timeout 3600s comment "tieline RUN-3.1" }
            delete element inet tieline flows4 { 10.3.0.20 . 10.1.10.5 . tcp . 502 }
            add element inet tieline flows4 { 10.3.0.20 . 10.1.10.5 . tcp . 502 timeout 3600s comment "tieline RUN-3.1" }
        "#]].assert_eq(&put(&[effect("10.3.0.20", "10.1.10.5", Transport::Tcp)]));
    }

    #[test]
    fn ipv6_and_udp_have_their_place() {
        let text = put(&[effect("fd00::20", "fd00::5", Transport::Udp)]);
        expect![[r#"add element inet tieline flows6 { fd00::20 . fd00::5 . udp . 502 timeout 3600s comment "tieline RUN-3.1" }"#]].assert_eq(text.lines().last().unwrap());
        expect![[r#"
            add table inet tieline
            add set inet tieline flows4 { type ipv4_addr . ipv4_addr . inet_proto . inet_service; flags timeout; size 1024; }
            add set inet tieline flows6 { type ipv6_addr . ipv6_addr . inet_proto . inet_service; flags timeout; size 1024; }
            add chain inet tieline contain { type filter hook forward priority -10; policy accept; }
            flush chain inet tieline contain
            add rule inet tieline contain meta l4proto tcp ip saddr . ip daddr . meta l4proto . th dport @flows4 counter reject with tcp reset
            add rule inet tieline contain meta l4proto udp ip saddr . ip daddr . meta l4proto . th dport @flows4 counter drop
            add rule inet tieline contain meta l4proto tcp ip6 saddr . ip6 daddr . meta l4proto . th dport @flows6 counter reject with tcp reset
            add rule inet tieline contain meta l4proto udp ip6 saddr . ip6 daddr . meta l4proto . th dport @flows6 counter drop
            add element inet tieline flows6 { fd00::20 . fd00::5 . udp . 502 timeout 1s }
            delete element inet tieline flows6 { fd00::20 . fd00::5 . udp . 502 }
        "#]].assert_eq(&remove(&[effect("fd00::20", "fd00::5", Transport::Udp).block]));
    }

    #[test]
    fn only_what_carries_our_mark_is_ours() {
        let element =
            |key: &str, rest: &str| format!(r#"{{"elem": {{"val": {{"concat": [{key}]}}{rest}}}}}"#);
        let answer = |elements: &[String]| {
            read(&format!(
                r#"{{"nftables": [{{"metainfo": {{}}}}, {{"set": {{"name": "flows4", "elem": [{}]}}}}]}}"#,
                elements.join(",")
            ))
        };
        let key = r#""10.3.0.20", "10.1.10.5", "tcp", 502"#;
        let ours = element(key, r#", "timeout": 3600, "expires": 3599, "comment": "tieline RUN-3.1""#);
        let for_ever = element(key, r#", "comment": "tieline RUN-4.1""#);
        let found = answer(&[ours, for_ever, element(key, r#", "comment": "by hand""#), element(key, "")]);
        let found = found.unwrap();
        assert_eq!(found.len(), 2);
        assert_eq!(found[0].block, effect("10.3.0.20", "10.1.10.5", Transport::Tcp).block);
        assert_eq!(found[0].remaining, Some(Span::s(3599)));
        assert_eq!((found[1].id.to_string(), found[1].remaining), ("RUN-4.1".to_owned(), None));
        let strange = element(r#""10.3.0.20", 502"#, r#", "comment": "tieline RUN-3.1""#);
        answer(&[strange]).unwrap_err();
        answer(&[element(key, r#", "comment": "tieline everything""#)]).unwrap_err();
        read("").unwrap_err();
        read("{}").unwrap_err();
    }
}
