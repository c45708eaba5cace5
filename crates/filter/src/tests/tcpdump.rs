//! The oracle, instruction by instruction: programs that `tcpdump -ddd` writes, run on the same frames as ours.

use super::frames::frame;
use crate::program::Instruction;
use crate::{Filter, Seen, machine};
use arbtest::arbitrary::{Result, Unstructured};
use arbtest::arbtest;
use std::process::Command;
use wire::link::Link;

/// Questions that both answer alike.
const QUESTIONS: &[&str] = &[
    "ip",
    "ip6",
    "arp",
    "tcp",
    "udp",
    "icmp",
    "icmp6",
    "sctp",
    "ether proto 0x8892",
    "ip proto 47",
    "ip6 proto 58",
    r"proto \udp",
    "host 10.0.0.9",
    "src host 10.0.0.1",
    "src and dst net 10",
    "net 192.168.0.0/16",
    "ip6 host fe80::1",
    "dst net ff02::/16",
    "net 2001::/17",
    "arp host 10.0.0.9",
    "port 502",
    "tcp port 502 or 102",
    "udp dst port 53",
    "src and dst port 80",
    "portrange 500-600",
    "tcp src portrange 80-502",
    "sctp port 502",
    "not port 53",
    "ip multicast",
    "ip6 multicast",
];
/// libpcap forgets the layer of what stands right of an operator, so that both sides here have the same.
const OF_NUMBERS: &[&str] = &[
    "tcp[13] & 2 != 0",
    "ip[0] & 0xf > 5",
    "udp[4:2] < 3",
    "icmp[0] = 8",
    "icmp6[0] > 100",
    "ip[8] = 5",
    "arp[1] = 1",
    "ip[2:2] - (ip[0] & 0xf << 2) = 40",
    "tcp[(tcp[12] >> 4) * 4] & 3 = 1",
    "ip[0] + ip[1] * 4 ^ 3 > 70",
];
const OF_ETHERNET: &[&str] = &[
    "vlan",
    "vlan 6",
    "vlan and vlan 7",
    "mpls",
    "mpls 16",
    "mpls and mpls",
    "pppoes",
    "pppoes 1",
    "pppoed",
    "llc",
    "ether broadcast",
    "multicast",
    "ether src 0:1:2:3:4:5",
    "ether host 01:80:c2:00:00:00",
];
/// What an interface is asked about tags comes first: libpcap counts those that it has come by, in memory that numbers
/// overwrite.
const TAGS: &[&str] =
    &["", "vlan and ", "vlan 6 and ", "vlan and vlan 7 and ", "not vlan and ", "vlan and mpls and "];
/// libpcap takes the number for an EtherType on LINUX_SLL2.
const OF_LLC: &[&str] = &["stp", "iso"];
const OF_COOKED: &[&str] = &["inbound", "outbound"];
/// libpcap adds nothing to the length for a tag that the kernel has taken out.
const OF_LENGTH: &[&str] = &["less 60", "greater 70", "len > 50", "len - 14 != ip[2:2]"];

fn question(u: &mut Unstructured<'_>, more: &[&'static str], depth: u32) -> Result<String> {
    if depth > 0 && u.ratio(2, 3)? {
        let (left, right) = (question(u, more, depth - 1)?, question(u, more, depth - 1)?);
        return Ok(match u.int_in_range(0..=4)? {
            0 => format!("{left} and {right}"),
            1 => format!("{left} or {right}"),
            2 => format!("not ({left}) and {right}"),
            3 => format!("({left}) or not ({right})"),
            _ => format!("not ({left} or not {right})"),
        });
    }
    let all = QUESTIONS.iter().chain(more).copied().collect::<Vec<_>>();
    Ok((*u.choose(&all)?).to_owned())
}

/// Whether there is but one question, so that no answer can make another one idle.
fn is_single(text: &str) -> bool {
    !text.contains(" and ") && !text.contains(" or ")
}

/// What tcpdump compiles for a made-up question. Several together are not optimised: libpcap 1.10.3 then forgets the last of
/// `not port 53 and inbound or not ip6 multicast or inbound`.
fn plain(arguments: &[&str], text: &str) -> std::result::Result<Vec<Instruction>, String> {
    let plain: &[&str] = if is_single(text) { &[] } else { &["-O"] };
    tcpdump(&[arguments, plain].concat(), text)
}

/// What tcpdump compiles, or what it says when it refuses.
pub(super) fn tcpdump(arguments: &[&str], text: &str) -> std::result::Result<Vec<Instruction>, String> {
    let output = Command::new("tcpdump").args(arguments).args(["-ddd", "--", text]).output().unwrap();
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned());
    }
    let text = String::from_utf8(output.stdout).unwrap();
    let numbers =
        |line: &str| line.split(' ').map(|number| number.parse::<u32>().unwrap()).collect::<Vec<_>>();
    let instruction = |line: &str| {
        let [code, jt, jf, k] = numbers(line).try_into().unwrap();
        let small = |number: u32| u8::try_from(number).unwrap();
        Instruction { code: u16::try_from(code).unwrap(), jt: small(jt), jf: small(jf), k }
    };
    Ok(text.lines().skip(1).map(instruction).collect())
}

/// Both let the frame through, or neither. Of questions that matter no more one may ask some that the other does not,
/// and reject a frame that is too short for them; then both agree on a longer one.
fn agree(ours: &Filter, theirs: &[Instruction], seen: &Seen<'_>, text: &str) {
    let lets = |seen: &Seen<'_>| (ours.matches_seen(seen), machine::run(theirs, seen) != 0);
    let (mut mine, mut other) = lets(seen);
    if mine != other && !is_single(text) {
        let frame = [seen.frame, &[0; 200]].concat();
        (mine, other) = lets(&Seen { frame: &frame, ..*seen });
    }
    assert_eq!(mine, other, "{text}: {seen:02x?}");
}

pub(super) fn is_there() -> bool {
    let there = Command::new("tcpdump").arg("--version").output().is_ok();
    if !there {
        #[allow(clippy::print_stderr, reason = "says what is not tested")]
        {
            eprintln!("skipped: needs tcpdump");
        }
    }
    there
}

/// How long questions are made up for, in milliseconds.
fn budget_ms() -> u64 {
    if std::env::var_os("TIELINE_SLOW").is_some() { 120_000 } else { 4_000 }
}

#[test]
fn what_tcpdump_compiles_lets_the_same_frames_of_captures_through() {
    const LINKS: [(Link, &str, &[&[&str]]); 5] = [
        (Link::ETHERNET, "EN10MB", &[OF_ETHERNET, OF_LLC, OF_LENGTH, OF_NUMBERS]),
        (Link::LINUX_SLL, "LINUX_SLL", &[OF_COOKED, OF_LLC, OF_LENGTH, OF_NUMBERS]),
        (Link::LINUX_SLL2, "LINUX_SLL2", &[OF_COOKED, OF_LENGTH, OF_NUMBERS]),
        (Link::RAW, "RAW", &[OF_LENGTH, OF_NUMBERS]),
        (Link::IPV4, "IPV4", &[OF_LENGTH, OF_NUMBERS]),
    ];
    if !is_there() {
        return;
    }
    arbtest(|u| {
        let (link, name, more) = *u.choose(&LINKS)?;
        let text = question(u, &more.concat(), 3)?;
        let ours = Filter::compile(&text, link);
        let theirs = match (&ours, plain(&["-y", name], &text)) {
            (Ok(_), Ok(theirs)) => theirs,
            (Ok(ours), Err(said)) if said.contains("rejects all") => {
                // libpcap finds some more of them.
                for _ in 0..20 {
                    let frame = frame(u, link)?;
                    assert!(!ours.matches(&frame, frame.len()), "{text}");
                }
                return Ok(());
            }
            (Err(_), Err(_)) => return Ok(()),
            // libpcap looks for LLC behind a label.
            (Err(_), Ok(_)) if text.contains("mpls") && text.contains("llc") => return Ok(()),
            (ours, theirs) => panic!("{name} {text}: {ours:?} {theirs:?}"),
        };
        let ours = ours.unwrap();
        super::check(ours.program());
        for _ in 0..100 {
            let frame = frame(u, link)?;
            let seen = Seen { frame: &frame, wire_len: frame.len(), ..Seen::default() };
            agree(&ours, &theirs, &seen, &text);
        }
        Ok(())
    })
    .budget_ms(budget_ms());
}

#[test]
fn what_tcpdump_compiles_for_an_interface_lets_the_same_frames_through() {
    if !is_there() || tcpdump(&["-i", "lo"], "vlan").is_err() {
        return;
    }
    arbtest(|u| {
        let tags = u.choose(TAGS)?;
        let text = format!("{tags}({})", question(u, &[OF_LLC, OF_COOKED, &["multicast"]].concat(), 3)?);
        let ours = Filter::compile_live(&text);
        let theirs = match (&ours, plain(&["-i", "lo"], &text)) {
            (Ok(_), Ok(theirs)) => theirs,
            (Ok(_), Err(said)) if said.contains("rejects all") => return Ok(()),
            (Err(_), Err(_)) => return Ok(()),
            (ours, theirs) => panic!("{text}: {ours:?} {theirs:?}"),
        };
        let ours = ours.unwrap();
        super::check(ours.program());
        for _ in 0..100 {
            let frame = frame(u, Link::ETHERNET)?;
            let tag = if u.ratio(1, 2)? { Some(u.int_in_range(5..=8)? | 0x2000) } else { None };
            let seen =
                Seen { frame: &frame, wire_len: frame.len(), tag, outgoing: u.arbitrary()?, interface: 3 };
            agree(&ours, &theirs, &seen, &text);
        }
        Ok(())
    })
    .budget_ms(budget_ms());
}
