//! The oracle: `tcpdump` lets the very same frames of the very same captures through.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stderr,
    reason = "a test that cannot go on fails, and says what it did not test"
)]

use filter::{Filter, Text};
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
    "-1 - ip[9] = 0xfffffff8",
    "(ip[0] - 64) * 4 > 20 or 100 > ip[2:2]",
    "arp[6:2] = 1 or arp[7] = 2",
    "ip[10:2] - ip[12:2] > ip[14:2] - (ip[16:2] - ip[18:2])",
    "not (tcp[13] = 2 or not ip[1] = 0)",
    "tcp[100:2] > 0x100 and not udp[9] & 3 = 1",
];

#[derive(PartialEq)]
struct Packet {
    frame: Vec<u8>,
    wire_len: usize,
}

/// What `tcpdump` lets through, with the kind of link; what it says when it cannot.
fn tcpdump(file: &Path, expression: &str) -> Result<(Link, Vec<Packet>), String> {
    let output =
        Command::new("tcpdump").arg("-r").arg(file).args(["-w", "-", "--", expression]).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    let bytes = output.stdout;
    if bytes.len() < 24 {
        return Err(said);
    }
    let u32_at =
        |at: usize| usize::try_from(u32::from_ne_bytes(bytes[at..at + 4].try_into().unwrap())).unwrap();
    let (mut packets, mut at) = (vec![], 24);
    while at + 16 <= bytes.len() {
        let (length, wire_len) = (u32_at(at + 8), u32_at(at + 12));
        packets.push(Packet { frame: bytes[at + 16..at + 16 + length].to_vec(), wire_len });
        at += 16 + length;
    }
    Ok((Link(u16::try_from(u32_at(20) & 0xffff).unwrap()), packets))
}

fn captures(folder: &Path) -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> = vec![];
    let mut open = vec![folder.to_owned()];
    while let Some(folder) = open.pop() {
        for entry in std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap()) {
            let (path, size) = (entry.path(), entry.metadata().unwrap().len());
            if path.is_dir() {
                open.push(path);
            } else if path.extension().is_some_and(|end| end == "pcap" || end == "pcapng") && size < SIZE_MAX
            {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

/// Larger captures take long and show no more.
const SIZE_MAX: u64 = 200_000;
/// One capture in so many is compared; with TIELINE_SLOW=1 every one.
const EVERY: usize = 90;

#[test]
fn tcpdump_lets_the_same_frames_through() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap().join("target/corpus/pcap");
    if !folder.exists() || Command::new("tcpdump").arg("--version").output().is_err() {
        return eprintln!("skipped: needs tcpdump and the captures in target/corpus");
    }
    let every = if std::env::var_os("TIELINE_SLOW").is_some() { 1 } else { EVERY };
    // Links other than Ethernet are rare, and taken more often.
    let (ethernet, others): (Vec<_>, Vec<_>) =
        captures(&folder).into_iter().partition(|path| matches!(link_of(path), None | Some(1)));
    let chosen = ethernet.iter().step_by(every).chain(others.iter().step_by(every.min(EVERY / 3)));
    let (mut count, mut wrong) = (Count::default(), vec![]);
    for file in chosen {
        let Ok((link, packets)) = tcpdump(file, "") else { continue };
        if Filter::compile("ip", link).is_ok() {
            let compared =
                EXPRESSIONS.iter().map(|expression| compare(file, link, &packets, expression, &mut count));
            wrong.extend(compared.filter_map(Result::err));
        }
    }
    assert!(wrong.is_empty(), "{} disagree\n{}", wrong.len(), wrong.join("\n"));
    eprintln!(
        "{} captures and expressions, {} frames, {} let through",
        count.filters, count.frames, count.passed
    );
    assert!(count.passed > 1000, "{}", count.passed);
}

#[derive(Default)]
struct Count {
    filters: u64,
    frames: u64,
    passed: u64,
}

fn compare(
    file: &Path,
    link: Link,
    packets: &[Packet],
    expression: &str,
    count: &mut Count,
) -> Result<(), String> {
    let differs = |how: String| Err(format!("{} {link:?} {expression}: {how}", file.display()));
    let ours = Text::parse(expression).unwrap().compile(link);
    let (ours, theirs) = match (ours, tcpdump(file, expression)) {
        (Ok(ours), Ok((_, theirs))) => (ours, theirs),
        (Ok(ours), Err(said)) if said.contains("rejects all") && ours.is_blind() => return Ok(()),
        // libpcap knows the number, and yet not the word.
        (Ok(_), Err(said)) if said.contains("'llc' not supported for Linux cooked") => return Ok(()),
        (Err(_), Err(_)) => return Ok(()),
        (Ok(_), Err(said)) => return differs(format!("tcpdump refuses: {said}")),
        (Err(error), Ok(_)) => return differs(format!("refused: {error}")),
    };
    count.filters += 1;
    // On loopback links IPv6 has a number of the system's own, of which libpcap asks one.
    let is_family = matches!(link, Link::NULL | Link::LOOP);
    let ip6 = Filter::compile("ip6", link).unwrap();
    let mut theirs = theirs.iter().peekable();
    for (number, packet) in (1..).zip(packets) {
        let passed = theirs.next_if_eq(&packet).is_some();
        count.frames += 1;
        count.passed += u64::from(passed);
        let is_unlike = passed != ours.matches(&packet.frame, packet.wire_len);
        if is_unlike && !(is_family && ip6.matches(&packet.frame, packet.wire_len)) {
            return differs(format!("frame {number}, tcpdump {passed}"));
        }
    }
    Ok(())
}

/// The kind of link, if it is a pcap file that tells one.
fn link_of(file: &Path) -> Option<u32> {
    let bytes = std::fs::read(file).ok()?;
    let link = u32::from_le_bytes(*bytes.get(20..24)?.first_chunk()?);
    (bytes.starts_with(&[0xd4, 0xc3, 0xb2, 0xa1]) || bytes.starts_with(&[0x4d, 0x3c, 0xb2, 0xa1]))
        .then_some(link)
}
