//! Whole filters: what they say, what they compile to, and what they let through.

mod corpus;
mod frames;
mod tcpdump;

use crate::program::{Instruction, code};
use crate::{Error, Filter, INSTRUCTIONS_MAX, Seen, Text};
use arbtest::arbtest;
use expect_test::{Expect, expect};
use frames::frame;
use wire::link::Link;

fn compiles_to(text: &str, link: Link, expected: Expect) {
    expected.assert_eq(&Filter::compile(text, link).unwrap().to_string());
}

#[test]
fn no_test_is_made_twice_and_no_byte_loaded_twice() {
    compiles_to(
        "tcp port 502 and not host 10.0.0.9",
        Link::ETHERNET,
        expect![[r#"
        (000) ldh      [12]
        (001) jeq      #0x86dd          jt 2	jf 8
        (002) ldb      [20]
        (003) jeq      #0x6             jt 4	jf 23
        (004) ldh      [54]
        (005) jeq      #0x1f6           jt 22	jf 6
        (006) ldh      [56]
        (007) jeq      #0x1f6           jt 22	jf 23
        (008) jeq      #0x800           jt 9	jf 23
        (009) ldb      [23]
        (010) jeq      #0x6             jt 11	jf 23
        (011) ldh      [20]
        (012) jset     #0x1fff          jt 23	jf 13
        (013) ldxb     4*([14]&0xf)
        (014) ldh      [x + 14]
        (015) jeq      #0x1f6           jt 18	jf 16
        (016) ldh      [x + 16]
        (017) jeq      #0x1f6           jt 18	jf 23
        (018) ld       [26]
        (019) jeq      #0xa000009       jt 23	jf 20
        (020) ld       [30]
        (021) jeq      #0xa000009       jt 23	jf 22
        (022) ret      #262144
        (023) ret      #0
    "#]],
    );
}

#[test]
fn a_live_filter_asks_the_kernel_for_the_outer_tag() {
    let filter = Filter::compile_live("vlan 20 and ether proto 0x8892").unwrap();
    expect![[r#"
        (000) ld       [vlanp]
        (001) jeq      #0x1             jt 2	jf 7
        (002) ldh      [vlan_tci]
        (003) and      #0xfff
        (004) jeq      #0x14            jt 5	jf 17
        (005) ldh      [12]
        (006) jeq      #0x8892          jt 16	jf 17
        (007) ldh      [12]
        (008) jeq      #0x8100          jt 11	jf 9
        (009) jeq      #0x88a8          jt 11	jf 10
        (010) jeq      #0x9100          jt 11	jf 17
        (011) ldh      [14]
        (012) and      #0xfff
        (013) jeq      #0x14            jt 14	jf 17
        (014) ldh      [16]
        (015) jeq      #0x8892          jt 16	jf 17
        (016) ret      #262144
        (017) ret      #0
    "#]]
    .assert_eq(&filter.to_string());
}

#[test]
fn what_is_not_asked_of_the_link_needs_no_test() {
    compiles_to(
        "ip and tcp[tcpflags] & tcp-syn != 0",
        Link::IPV4,
        expect![[r#"
        (000) ldb      [9]
        (001) jeq      #0x6             jt 2	jf 9
        (002) ldh      [6]
        (003) jset     #0x1fff          jt 9	jf 4
        (004) ldxb     4*([0]&0xf)
        (005) ldb      [x + 13]
        (006) and      #0x2
        (007) jeq      #0x0             jt 9	jf 8
        (008) ret      #262144
        (009) ret      #0
    "#]],
    );
    compiles_to(
        "",
        Link::ETHERNET,
        expect![[r#"
        (000) ret      #262144
    "#]],
    );
    compiles_to(
        "ip or not ip",
        Link::ETHERNET,
        expect![[r#"
        (000) ret      #262144
    "#]],
    );
    assert!(Filter::compile("arp", Link::RAW).unwrap().is_blind());
}

#[test]
fn what_is_no_filter_is_refused_by_column() {
    let texts = [
        "tcp prot 502",
        "host plc1",
        "ether host plc1",
        "port modbsu",
        "ip proto foo",
        "port 70000",
        "portrange 502-x",
        "tcp port",
        "host 10.0.0.0/8",
        "net 10.0.0.1/8",
        "net fe80::1/200",
        "tcp host 10.0.0.1",
        "icmp port 5",
        "src proto 6",
        "ip6 host 10.0.0.1",
        "ip host ::1",
        "ether host 10.0.0.1",
        "host 0:1:2:3:4:5",
        "ether",
        "tcp[0:3] = 1",
        "tcp[0",
        "tcp[0] + 1",
        "tcp[0] = ",
        "ip[0] / 0 = 1",
        "ip[0] << 32 = 1",
        "ip[0xffffffff] = 1",
        "vlan 4096",
        "vlan and",
        "(tcp or udp",
        "tcp) or udp",
        "tcp udp",
        "10.0.0.1",
        "ip broadcast",
        "tcp multicast",
        "ip protochain 6",
        "gateway 10.0.0.1",
        "geneve",
        "less",
        "mpls and arp",
        "inbound",
        "ether proto 1000",
        "tcp and ﹖",
    ];
    let said: String = texts
        .iter()
        .map(|text| format!("{text}\n    {}\n", Filter::compile(text, Link::ETHERNET).unwrap_err()))
        .collect();
    expect![[r#"
        tcp prot 502
            column 5: expected and, or, or the end, found "prot"
        host plc1
            column 6: plc1 is a name; give the address, since a sensor looks no names up
        ether host plc1
            column 12: plc1 is a name; give the address, since a sensor looks no names up
        port modbsu
            column 6: there is no port modbsu in the table; give its number
        ip proto foo
            column 10: there is no protocol foo in the table; give its number
        port 70000
            column 6: 70000 is not a port: it is 0 to 65535
        portrange 502-x
            column 11: there is no port x in the table; give its number
        tcp port
            column 9: expected a port, found the end
        host 10.0.0.0/8
            column 6: a mask goes with net, not with host
        net 10.0.0.1/8
            column 5: the address has bits beyond its mask
        net fe80::1/200
            column 13: expected a prefix length up to 128, found "200"
        tcp host 10.0.0.1
            column 1: only ether, ip, ip6, arp and rarp have hosts; write for example tcp and host
        icmp port 5
            column 1: only tcp, udp and sctp have ports
        src proto 6
            column 1: a protocol has neither source nor destination
        ip6 host 10.0.0.1
            column 10: ip6 goes with an IPv6 address
        ip host ::1
            column 9: only ip6 has IPv6 addresses
        ether host 10.0.0.1
            column 12: expected a hardware address behind ether host, found "10.0.0.1"
        host 0:1:2:3:4:5
            column 6: expected an address; a hardware address follows ether host, found "0:1:2:3:4:5"
        ether
            column 6: expected src, dst, host, proto, broadcast, multicast or [, found the end
        tcp[0:3] = 1
            column 7: expected 1, 2 or 4 bytes, found "3"
        tcp[0
            column 6: expected ], found the end
        tcp[0] + 1
            column 11: expected a comparison: = != < <= > or >=, found the end
        tcp[0] = 
            column 10: expected a number, len, or bytes such as tcp[0:2], found the end
        ip[0] / 0 = 1
            column 7: a division by zero
        ip[0] << 32 = 1
            column 7: a shift by more than 31 bits
        ip[0xffffffff] = 1
            column 1: the offset is beyond any frame
        vlan 4096
            column 6: 4096 is not a VLAN: it is 0 to 4095
        vlan and
            column 9: expected a question such as tcp, host 10.0.0.1, port 502 or vlan 20, found the end
        (tcp or udp
            column 12: expected and, or, or ), found the end
        tcp) or udp
            column 4: expected and, or, or the end, found ")"
        tcp udp
            column 5: expected and, or, or the end, found "udp"
        10.0.0.1
            column 1: expected a question such as tcp, host 10.0.0.1, port 502 or vlan 20, found "10.0.0.1"
        ip broadcast
            column 1: ip broadcast is not supported, since no netmask is known; write ip dst host and the address
        tcp multicast
            column 1: only ether has broadcast, and ether, ip and ip6 have multicast
        ip protochain 6
            column 4: protochain is not supported, since the kernel runs no loops
        gateway 10.0.0.1
            column 1: gateway is not supported, since it looks up names
        geneve
            column 1: geneve is not supported
        less
            column 5: expected a number, found the end
        mpls and arp
            column 10: anything but ip and ip6 under mpls cannot be asked about frames of link type 1
        inbound
            column 1: the direction cannot be asked about frames of link type 1
        ether proto 1000
            column 13: 1000 is not an EtherType: from 1501, or to 255 for a service access point
        tcp and ﹖
            column 9: '﹖' means nothing in a filter
    "#]].assert_eq(&said);
    let other = |text, link| Filter::compile(text, link).unwrap_err().to_string();
    expect!["column 8: vlan cannot be asked about frames of link type 101"]
        .assert_eq(&other("tcp or vlan 20", Link::RAW));
    expect!["captures of link type 127 cannot be filtered; Ethernet, Linux cooked, raw IP and loopback can"]
        .assert_eq(&other("tcp", Link::RADIOTAP));
}

#[test]
fn a_value_without_qualifiers_takes_those_before() {
    let same = |short: &str, long: &str| {
        let compiled = |text| Filter::compile(text, Link::ETHERNET).unwrap();
        assert_eq!(compiled(short), compiled(long), "{short}");
    };
    same("tcp dst port 502 or 102", "tcp dst port 502 or tcp dst port 102");
    same("port (502 or 102) and not 80", "(port 502 or port 102) and not port 80");
    same("host not 10.0.0.1 and 10.0.0.2", "not host 10.0.0.1 and host 10.0.0.2");
    same("src or dst net 10 && !192.168", "net 10.0.0.0/8 and not net 192.168.0.0/16");
    same("(port modbus) or s7", "port 502 or port 102");
    same(r"ip proto \udp or icmp", "ip proto 17 or ip proto 1");
    same("udp and (port 53 or 5353)", "udp and (port 53 or port 5353)");
    same("tcp or udp and ip", "(tcp or udp) and ip");
    same("vlan (5)", "vlan 5");
}

#[test]
fn numbers_bind_as_in_libpcap() {
    let same = |short: &str, long: &str| {
        let compiled = |text| Filter::compile(text, Link::ETHERNET).unwrap();
        assert_eq!(compiled(short), compiled(long), "{short}");
    };
    same("ip[0] + 2 * 3 = 7", "ip[0] + 6 = 7");
    same("ip[0] & 0xf << 2 = 8", "ip[0] & 0x3c = 8");
    same("ether[0] % 3 * 2 = 0", "ether[0] % 6 = 0");
    same("ether[0] ^ 3 & 1 = 0", "ether[0] ^ 1 = 0");
    same("- 1 + ip[0] = 2", "0xffffffff + ip[0] = 2");
    same("ip[0] - 1 - 2 = 0", "(ip[0] - 1) - 2 = 0");
}

#[test]
fn a_frame_that_is_too_short_is_not_let_through_whatever_is_asked() {
    let filter = Filter::compile("not tcp port 502", Link::ETHERNET).unwrap();
    let whole = frames::tcp([10, 0, 0, 1], [10, 0, 0, 2], 40000, 503);
    assert!(filter.matches(&whole, whole.len()));
    assert!(!filter.matches(&whole[..36], whole.len()));
}

#[test]
fn a_live_filter_lets_through_what_it_does_in_a_capture() {
    // The kernel takes the outer tag out, and the capture has it back in.
    let texts =
        ["vlan", "vlan 7", "vlan and tcp", "vlan 7 and vlan and ip", "vlan and greater 60 and less 80"];
    let filters = texts.map(|text| {
        (text, Filter::compile_live(text).unwrap(), Filter::compile(text, Link::ETHERNET).unwrap())
    });
    arbtest(|u| {
        let frame = frame(u, Link::ETHERNET)?;
        let wire_len = frame.len();
        let ether_type = frame.get(12..14).map(|kind| u16::from_be_bytes([kind[0], kind[1]]));
        let seen = match ether_type {
            Some(0x8100 | 0x88a8) if frame.len() >= 16 => {
                let bare = [&frame[..12], &frame[16..]].concat();
                let tag = Some(u16::from_be_bytes([frame[14], frame[15]]));
                (bare, tag)
            }
            _ => (frame.clone(), None),
        };
        for (text, live, captured) in &filters {
            let (bytes, tag) = &seen;
            let wire_len = wire_len - if tag.is_some() { 4 } else { 0 };
            let live = live.matches_seen(&Seen { frame: bytes, wire_len, tag: *tag, ..Seen::default() });
            assert_eq!(live, captured.matches(&frame, frame.len()), "{text}: {frame:02x?}");
        }
        Ok(())
    });
}

#[test]
fn long_filters_jump_far() {
    // 900 hosts and networks: jumps over more than 255 instructions, both ways.
    let text = |join: &str| {
        let one = |n: u32| {
            format!("{}ip src host 10.1.{}.{}", if join == "and" { "not " } else { "" }, n / 200, n % 200)
        };
        (0..900).map(one).collect::<Vec<_>>().join(&format!(" {join} "))
    };
    let any = Filter::compile(&format!("tcp and ({}) or arp", text("or")), Link::ETHERNET).unwrap();
    let none = Filter::compile(&text("and"), Link::ETHERNET).unwrap();
    assert!(any.program().len() > 900 && none.program().len() > 900);
    for filter in [&any, &none] {
        check(filter.program());
    }
    for n in [0, 1, 250, 255, 256, 257, 898, 899, 900, 1000] {
        let source = [10, 1, u8::try_from(n / 200).unwrap(), u8::try_from(n % 200).unwrap()];
        let frame = frames::tcp(source, [10, 2, 0, 1], 1, 2);
        assert_eq!(any.matches(&frame, frame.len()), n < 900, "{n}");
        assert_eq!(none.matches(&frame, frame.len()), n >= 900, "{n}");
    }
}

#[test]
fn what_the_kernel_would_not_take_is_refused() {
    let text =
        (0..3000).map(|n| format!("ip src 10.2.{}.{}", n / 250, n % 250)).collect::<Vec<_>>().join(" or ");
    assert_eq!(Filter::compile(&text, Link::ETHERNET).unwrap().program().len(), 3017);
    let text =
        (0..5000).map(|n| format!("ip src 10.2.{}.{}", n / 250, n % 250)).collect::<Vec<_>>().join(" or ");
    let refused = Filter::compile(&text, Link::ETHERNET).unwrap_err();
    assert_eq!(refused, Error::TooLong { max: INSTRUCTIONS_MAX });
    for deep in ["(", "not ", "ip[", "-", "1+(", "1%"] {
        let refused = Text::parse(&deep.repeat(100_000)).unwrap_err();
        assert!(matches!(refused, Error::TooDeep { .. }), "{deep}: {refused}");
    }
    assert!(matches!(Text::parse(&format!("src{}", " not".repeat(1000))), Err(Error::TooDeep { .. })));
    let refused = Text::parse(&format!("1{} = 1", "+ip[0]".repeat(501))).unwrap_err();
    assert!(matches!(refused, Error::TooDeep { max: 500, .. }), "{refused}");
}

#[test]
fn the_memory_of_the_kernel_suffices_for_any_arithmetic() {
    let left = vec!["ip[0]"; 400].join("+");
    let right = format!("{}ip[0]{}", "ip[0]-(".repeat(48), ")".repeat(48));
    let mut both = "ip[0]".to_owned();
    for _ in 0..8 {
        both = format!("({both}-{both})");
    }
    for text in [left, right, both] {
        check(Filter::compile(&format!("{text} = 1"), Link::ETHERNET).unwrap().program());
    }
}

#[test]
fn what_parts_and_never_meets_is_compiled_plainly() {
    let text: Vec<_> = (0..14).map(|n| format!("(ip[{n}] = 1 or ip[{}] = 2)", 40 + n * 2)).collect();
    let text = format!(
        "({}) or ({})",
        text.join(" and "),
        text.iter().rev().cloned().collect::<Vec<_>>().join(" and ")
    );
    let filter = Filter::compile(&text, Link::ETHERNET).unwrap();
    check(filter.program());
}

/// What the kernel checks before it takes a program (`bpf_check_classic`).
fn check(program: &[Instruction]) {
    assert!(!program.is_empty() && program.len() <= INSTRUCTIONS_MAX);
    assert_eq!(program.last().unwrap().code, code::RETURN);
    for (at, Instruction { code, jt, jf, k }) in program.iter().enumerate() {
        let left = program.len() - at - 1;
        match code & 0x07 {
            _ if *code == code::JUMP => assert!((*k as usize) < left),
            0x05 => assert!(usize::from(*jt.max(jf)) < left),
            _ if matches!(*code, code::DIVIDE | code::MODULO) => assert_ne!(*k, 0),
            _ if matches!(*code, code::SHIFT_LEFT | code::SHIFT_RIGHT) => assert!(*k < 32),
            _ if matches!(*code, code::STORE | code::LOAD_X_MEMORY) => assert!(*k < 16),
            _ => {}
        }
    }
}

#[test]
fn no_text_makes_it_panic_and_every_program_is_one_that_the_kernel_takes() {
    const WORDS: &[&str] = &[
        "tcp",
        "udp",
        "ip",
        "ip6",
        "arp",
        "ether",
        "host",
        "net",
        "port",
        "portrange",
        "src",
        "dst",
        "and",
        "or",
        "not",
        "(",
        ")",
        "[",
        "]",
        ":",
        "/",
        "mask",
        "10.0.0.1",
        "10.1",
        "::1",
        "0:1:2:3:4:5",
        "502",
        "0",
        "7-9",
        "0xffffffff",
        "vlan",
        "mpls",
        "pppoes",
        "len",
        "less",
        "greater",
        "+",
        "-",
        "*",
        "%",
        "^",
        "&",
        "|",
        "<<",
        "=",
        "!=",
        ">",
        "proto",
        "\\tcp",
        "icmp",
        "icmp6",
        "stp",
        "multicast",
        "broadcast",
        "inbound",
        "ifindex",
        "http",
        "é",
        "\\",
    ];
    const LINKS: [Link; 6] =
        [Link::ETHERNET, Link::LINUX_SLL, Link::LINUX_SLL2, Link::RAW, Link::NULL, Link::IPV6];
    arbtest(|u| {
        let mut text = String::new();
        for _ in 0..u.int_in_range(0..=20)? {
            text += u.choose(WORDS)?;
            if u.ratio(4, 5)? {
                text.push(' ');
            }
        }
        if let Ok(read) = Text::parse(&text) {
            let filters = [read.compile(*u.choose(&LINKS)?), read.compile_live()];
            let frame = frame(u, Link::ETHERNET)?;
            for filter in filters.into_iter().flatten() {
                check(filter.program());
                filter.matches(&frame, frame.len());
            }
        }
        Ok(())
    });
}
