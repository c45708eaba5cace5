//! The oracle: of real captures, many of them damaged on purpose, tcpdump lets the very same frames through.

use super::tcpdump::{is_there, tcpdump};
use crate::program::Instruction;
use crate::{Filter, Seen, Text, machine};
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use wire::link::Link;

const EXPRESSIONS: &[&str] = &[
    "",
    // Protocols.
    "ip",
    "ip6",
    "arp or rarp",
    "tcp",
    "udp",
    "icmp",
    "icmp6",
    "sctp",
    "igmp or pim or vrrp or ah or esp",
    "not ip and not ip6",
    "ip proto 47",
    "ip6 proto 0 or 60",
    r"proto \tcp",
    r"ether proto \arp",
    "ether proto 0x88b8 or 0x8892 or 0x88cc",
    "stp or iso or netbeui",
    "llc",
    // Hosts and networks.
    "host 192.168.1.1",
    "src host 127.0.0.1 or dst host 127.0.0.1",
    "src net 10 or dst net 192.168",
    "net 10.0.0.0/8 or 172.16.0.0/12 or 192.168.0.0/16",
    "net 192.168.0.0 mask 255.255.0.0 and not src and dst net 192.168.0.0/16",
    "host ::1 or net fe80::/10 or net 2001::/16",
    "ip6 dst net ff02::/16",
    "arp host 192.168.1.1 or arp net 10.0.0.0/8",
    "ip host (10.0.0.1 or 10.0.0.2 or 192.168.1.2)",
    // Ports.
    "tcp port 502 and not host 10.0.0.9",
    "port 53",
    "tcp port 502 or 102 or 44818 or 20000 or 2404",
    "tcp dst port 80 or 443",
    "src port 502",
    "udp and (port 67 or port 68 or port 53)",
    "portrange 1-1023",
    "tcp src portrange 30000-65535",
    "src portrange 0-1023 and dst portrange 1024-65535",
    "src or dst port 80 and not port 8080",
    "src and dst port 53",
    "sctp port 36412 or 2905",
    "not port 22 and not port 443",
    // Ethernet.
    "broadcast",
    "ether multicast and not ether broadcast",
    "ip multicast or ip6 multicast",
    "ether src 00:00:00:00:00:00 or ether dst ff:ff:ff:ff:ff:ff",
    "ether host 01-80-c2-00-00-00",
    "ether[0] & 1 = 0 and ip[16] >= 224",
    // Tags and labels.
    "vlan",
    "vlan 1 or vlan 100",
    "vlan and ip and tcp port 502",
    "vlan and vlan and ip",
    "not vlan and ip",
    "mpls",
    "mpls and mpls and ip",
    "mpls 16 or mpls",
    "mpls and host 10.0.0.1",
    "vlan and mpls and ip6",
    "pppoed or pppoes",
    "pppoes and ip and tcp",
    "pppoes 1 and udp port 53",
    "inbound",
    "outbound and tcp",
    // Numbers.
    "less 64",
    "greater 1000 and tcp",
    "len > 100 and len <= 200",
    "tcp[tcpflags] & (tcp-syn|tcp-fin) != 0",
    "tcp[tcpflags] & (tcp-rst|tcp-ack) == (tcp-rst|tcp-ack)",
    "tcp port 80 and (((ip[2:2] - ((ip[0]&0xf)<<2)) - ((tcp[12]&0xf0)>>2)) != 0)",
    "icmp[icmptype] != icmp-echo and icmp[icmptype] != icmp-echoreply",
    "icmp6[icmp6type] = icmp6-neighborsolicit or icmp6[icmp6type] = icmp6-routeradvert",
    "ip[0] & 0xf != 5",
    "ip[6:2] & 0x1fff != 0",
    "ip[8] < 5 or ip6[7] < 5",
    "udp[4:2] > 100",
    "tcp[(tcp[12] >> 4) * 4 : 4] = 0x47455420",
    "ip[ip[0] & 0xf * 4] % 7 = 3",
    "ip[2:2] + 14 != len",
    "len - 14 = ip[2:2] and len * 2 / 3 > 50",
    "ether[12:2] ^ 0x800 = 0",
    "-ip[9] - 1 = 0xfffffff8",
    "(ip[0] - 64) * 4 > 20 or 100 > ip[2:2]",
    "arp[6:2] = 1 or arp[7] = 2",
    "ip[10:2] - ip[12:2] > ip[14:2] - (ip[16:2] - ip[18:2])",
    "not (tcp[13] = 2 or not ip[1] = 0)",
    "tcp[100:2] > 0x100 and not udp[9] & 3 = 1",
];

/// Larger captures take long and show no more.
const BYTES_MAX: u64 = 200_000;
/// One capture in so many is looked at; with TIELINE_SLOW=1 every one.
const EVERY: usize = 24;
/// Of those, one in so many is given to tcpdump with each filter; of others the programs are compared that it compiles.
const WHOLE: usize = 8;

const LINKS: [(Link, &str); 8] = [
    (Link::ETHERNET, "EN10MB"),
    (Link::LINUX_SLL, "LINUX_SLL"),
    (Link::LINUX_SLL2, "LINUX_SLL2"),
    (Link::RAW, "RAW"),
    (Link::IPV4, "IPV4"),
    (Link::IPV6, "IPV6"),
    (Link::NULL, "NULL"),
    (Link::LOOP, "LOOP"),
];

#[test]
fn tcpdump_lets_the_same_frames_of_captures_through() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap().join("target/corpus/pcap");
    if !is_there() || !folder.exists() {
        return say("skipped: needs tcpdump and the captures in target/corpus");
    }
    let every = if std::env::var_os("TIELINE_SLOW").is_some() { 1 } else { EVERY };
    let mut pairs = HashMap::new();
    let mut count = Count::default();
    for (number, file) in captures(&folder).iter().step_by(every).enumerate() {
        let Some((link, packets)) = frames(file, "") else { continue };
        let Some((_, name)) = LINKS.iter().find(|(known, _)| *known == link) else { continue };
        let pairs = pairs
            .entry(link.0)
            .or_insert_with(|| EXPRESSIONS.iter().map(|text| pair(text, link, name)).collect::<Vec<_>>());
        for Pair { text, ours, theirs } in pairs.iter() {
            let passed = if number % WHOLE == 0 {
                frames(file, text).map(|(_, passed)| passed)
            } else {
                theirs.as_ref().map(|program| passed(program, &packets))
            };
            if let (Some(ours), Some(theirs)) = (ours, passed) {
                count.compare(file, link, &packets, (text, ours), &theirs);
            }
        }
    }
    say(&format!(
        "{} captures and filters, {} frames, {} let through",
        count.filters, count.frames, count.passed
    ));
    assert!(count.differ.is_empty(), "{}", count.differ.join("\n"));
    assert!(count.passed > 10_000, "{}", count.passed);
}

#[allow(clippy::print_stderr, reason = "says what was compared, or that nothing was")]
fn say(text: &str) {
    eprintln!("{text}");
}

/// A filter here and there; nothing where it is refused.
struct Pair {
    text: &'static str,
    ours: Option<Filter>,
    theirs: Option<Vec<Instruction>>,
}

/// Compiles a filter; both take it, or neither does, but for what is said in `docs/known-differences.md`.
fn pair(text: &'static str, link: Link, name: &str) -> Pair {
    let (ours, theirs) = (Text::parse(text).unwrap().compile(link), tcpdump(&["-y", name], text));
    match (&ours, &theirs) {
        (Ok(_), Ok(_)) | (Err(_), Err(_)) => {}
        (Ok(ours), Err(said)) if said.contains("rejects all") => assert!(ours.is_blind(), "{text}"),
        (Ok(_), Err(said)) if said.contains("'llc' not supported for Linux cooked") => {}
        // Without a capture tcpdump takes the link for that of an interface.
        (Err(_), Ok(_)) if text.contains("bound") => {}
        _ => panic!("{name} {text}: {ours:?} {theirs:?}"),
    }
    Pair { text, ours: ours.ok(), theirs: theirs.ok() }
}

#[derive(Clone, PartialEq)]
struct Packet {
    frame: Vec<u8>,
    wire_len: usize,
}

fn passed(program: &[Instruction], packets: &[Packet]) -> Vec<Packet> {
    let passes = |packet: &&Packet| {
        let Packet { frame, wire_len } = packet;
        machine::run(program, &Seen { frame, wire_len: *wire_len, ..Seen::default() }) != 0
    };
    packets.iter().filter(passes).cloned().collect()
}

#[derive(Default)]
struct Count {
    filters: u64,
    frames: u64,
    passed: u64,
    differ: Vec<String>,
}

impl Count {
    fn compare(
        &mut self,
        file: &Path,
        link: Link,
        packets: &[Packet],
        (text, ours): (&str, &Filter),
        theirs: &[Packet],
    ) {
        self.filters += 1;
        // On loopback links IPv6 has a number of the system's own, of which libpcap asks one.
        let ip6 = Filter::compile("ip6", link).unwrap();
        let is_family = matches!(link, Link::NULL | Link::LOOP);
        let mut theirs = theirs.iter().peekable();
        for (number, packet) in (1..).zip(packets) {
            let passed = theirs.next_if_eq(&packet).is_some();
            self.frames += 1;
            self.passed += u64::from(passed);
            let Packet { frame, wire_len } = packet;
            let is_other_family = || is_family && ip6.matches(frame, *wire_len);
            if passed != ours.matches(frame, *wire_len) && !is_other_family() {
                self.differ.push(format!("{} frame {number}: {text}: tcpdump {passed}", file.display()));
                return;
            }
        }
    }
}

/// The frames that `tcpdump` lets through, with the kind of link; nothing when it cannot.
fn frames(file: &Path, text: &str) -> Option<(Link, Vec<Packet>)> {
    let output = Command::new("tcpdump").arg("-r").arg(file).args(["-w", "-", "--", text]).output().unwrap();
    let (head, mut rest) = output.stdout.split_at_checked(24)?;
    let u32_at = |bytes: &[u8], at: usize| u32::from_ne_bytes(*bytes[at..].first_chunk().unwrap());
    let mut packets = vec![];
    while let Some((head, next)) = rest.split_at_checked(16) {
        let (frame, next) = next.split_at_checked(u32_at(head, 8) as usize)?;
        packets.push(Packet { frame: frame.to_vec(), wire_len: u32_at(head, 12) as usize });
        rest = next;
    }
    let link = Link(u16::try_from(u32_at(head, 20) & 0xffff).unwrap());
    Some((if link == Link::RAW_BSD { Link::RAW } else { link }, packets))
}

fn captures(folder: &Path) -> Vec<PathBuf> {
    let (mut found, mut open) = (vec![], vec![folder.to_owned()]);
    while let Some(folder) = open.pop() {
        for entry in std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap()) {
            let path = entry.path();
            let is_capture = path.extension().is_some_and(|end| end == "pcap" || end == "pcapng");
            if path.is_dir() {
                open.push(path);
            } else if is_capture && entry.metadata().unwrap().len() < BYTES_MAX {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}
