//! What a spool keeps, lets go, and loses.

use crate::testing::{Folder, datagram, host};
use crate::{Archive, Class, Conversation, End, Losses, Order, Plan, Query, Spool, Who, carve_capture};
use model::{Span, Time};
use sensor::capture::Capture;
use std::path::Path;
use wire::link::Link;

const MINUTE: Span = Span::s(60);

fn plan(process: Option<Span>, rest: Option<Span>) -> Plan {
    let class = Class { name: "process".to_owned(), bytes_max: 0, keep: process };
    Plan { classes: vec![class], rest: Class::rest(0, rest) }
}

/// A spool whose host 1 is of the process.
fn spool(dir: &Path, plan: &Plan) -> Spool {
    let mut spool = Spool::open(dir, plan).unwrap();
    spool.classify(Box::new(|end| (end == End::Host(host(1).into())).then_some(0)));
    spool
}

fn numbers(dir: &Path, query: Query) -> Vec<u64> {
    let mut search = Archive::open(dir).unwrap().search(query, Order::Forward);
    let mut numbers = vec![];
    while let Some(packet) = search.next_packet().unwrap() {
        numbers.push(packet.number);
    }
    numbers
}

fn of_host(n: u8) -> Query {
    Query::of(Who::Host(host(n).into()))
}

fn times(pcap: Vec<u8>) -> Vec<i64> {
    let mut capture = Capture::open(Box::new(std::io::Cursor::new(pcap))).unwrap();
    let mut times = vec![];
    while let Some(packet) = capture.next_packet().unwrap() {
        times.push(packet.time.0);
    }
    times
}

#[test]
fn the_oldest_of_a_class_make_room_and_no_other() {
    let folder = Folder::new("room");
    let mut spool = spool(&folder.0, &plan(None, None));
    let frame = |n| datagram((n, 1000), (9, 502), &[0; 1400]);
    for n in 0..100 {
        spool.append(Time(n), &frame(1), 1500);
    }
    for n in 0..20_000 {
        spool.append(Time(100 + n), &frame(2), 1500);
        assert!(spool.bytes() <= 2 * Class::BYTES_MIN);
    }
    spool.flush();
    let on_disk: u64 =
        std::fs::read_dir(&folder.0).unwrap().map(|entry| entry.unwrap().metadata().unwrap().len()).sum();
    assert!(on_disk <= spool.bytes() && spool.bytes() <= 2 * Class::BYTES_MIN);
    assert!(on_disk > Class::BYTES_MIN * 3 / 4, "room is used");
    assert!(numbers(&folder.0, of_host(1)).into_iter().eq(1..=100));
    let rest = numbers(&folder.0, of_host(2));
    assert!(rest.iter().copied().eq(rest[0]..=20_100) && rest.len() > 2000);
    assert_eq!(spool.losses(), &Losses::default());
}

#[test]
fn a_class_is_kept_for_its_time() {
    let folder = Folder::new("age");
    let mut spool = spool(&folder.0, &plan(Some(Span::s(1000 * 60)), Some(Span::s(10 * 60))));
    let mut now = Time(0);
    for n in 0..100 {
        now = now + MINUTE;
        spool.append(now, &datagram((1 + n % 2, 1000), (9, 502), &[]), 60);
        spool.expire(now);
        // A piece spans an eighth of the time at most, and a packet more.
        let oldest = numbers(&folder.0, of_host(2)).first().map_or(0, |number| u64::from(n) + 1 - number);
        assert!(oldest <= 14, "{oldest}");
    }
    assert!(numbers(&folder.0, of_host(1)).into_iter().eq((1..=100).step_by(2)));
    let rest = numbers(&folder.0, of_host(2));
    assert!(rest.len() >= 5 && rest.last() == Some(&100), "{rest:?}");
    // Time goes on without packets: the piece at hand is completed, and goes too.
    spool.expire(now + Span::s(11 * 60));
    spool.expire(now + Span::s(11 * 60));
    assert_eq!(numbers(&folder.0, of_host(2)), []);
    assert_eq!(numbers(&folder.0, of_host(1)).len(), 50);
}

#[test]
fn a_class_that_is_no_longer_wanted_is_kept_as_the_rest() {
    let folder = Folder::new("renamed");
    let mut before = spool(&folder.0, &plan(None, None));
    before.append(Time(0) + MINUTE, &datagram((1, 1), (2, 2), &[]), 60);
    drop(before);
    let rest = Plan { classes: vec![], rest: Class::rest(0, Some(MINUTE)) };
    let mut after = Spool::open(&folder.0, &rest).unwrap();
    assert_eq!((after.count(), numbers(&folder.0, Query::default())), (1, vec![1]));
    after.expire(Time(0) + Span::s(300));
    assert_eq!(numbers(&folder.0, Query::default()), []);
    assert!(Spool::open(&folder.0, &Plan { classes: vec![Class::rest(0, None)], ..rest }).is_err());
}

#[test]
fn what_cannot_be_written_is_counted_and_its_numbers_stay_unused() {
    let folder = Folder::new("lost");
    let mut spool = spool(&folder.0, &plan(None, None));
    let frame = datagram((2, 1), (3, 2), &[]);
    let append = |spool: &mut Spool, ms: i64| spool.append(Time(ms * 1_000_000), &frame, 60);
    append(&mut spool, 100_000);
    spool.flush();
    std::fs::remove_dir_all(&folder.0).unwrap();
    // The piece at hand is still a file without a name; the next one cannot be made.
    spool.expire(Time(0));
    let host_1 = datagram((1, 1), (3, 2), &[]);
    assert_eq!(spool.append(Time::from_s_ns(101, 0), &host_1, 60), 2);
    assert_eq!(append(&mut spool, 101_500), 3);
    assert_eq!(spool.losses().packets, 2);
    assert!(spool.losses().why.as_ref().unwrap().contains("cannot write"), "{:?}", spool.losses());
    std::fs::create_dir(&folder.0).unwrap();
    assert_eq!(append(&mut spool, 101_900), 4);
    assert_eq!(spool.append(Time::from_s_ns(120, 0), &host_1, 60), 5);
    spool.flush();
    assert_eq!((spool.losses().packets, numbers(&folder.0, Query::default())), (3, vec![5]));
    drop(spool);
    assert_eq!(Spool::open(&folder.0, &plan(None, None)).unwrap().count(), 5);
}

#[test]
fn a_piece_from_before_there_were_classes_is_numbered_through() {
    let folder = Folder::new("old");
    std::fs::create_dir(&folder.0).unwrap();
    let mut writer = crate::PcapWriter::new(vec![], Link::ETHERNET);
    (0..3).for_each(|n| writer.packet(Time(n), &datagram((1, 1), (2, 2), &[]), 60).unwrap());
    std::fs::write(folder.0.join("packets-000000000041.pcap"), writer.finish().unwrap()).unwrap();
    assert_eq!(numbers(&folder.0, of_host(2)), [41, 42, 43]);
    let mut spool = spool(&folder.0, &plan(None, None));
    assert_eq!(spool.append(Time(9), &[0; 60], 60), 44);
    assert!(folder.0.join("packets-000000000041.index").exists());
    assert_eq!(numbers(&folder.0, of_host(2)), [41, 42, 43]);
}

#[test]
fn a_conversation_is_carved_out_around_a_packet() {
    let folder = Folder::new("carve");
    let mut spool = spool(&folder.0, &plan(None, None));
    spool.set_piece_bytes(3000);
    let mut whole = crate::PcapWriter::new(vec![], Link::ETHERNET);
    for n in 0..100_u16 {
        let frame = datagram((3, 1000 + n % 2), (2, 502), &[0; 100]);
        spool.append(Time(n.into()), &frame, 150);
        whole.packet(Time(n.into()), &frame, 150).unwrap();
    }
    spool.flush();
    let site = folder.0.join("site.pcap");
    std::fs::write(&site, whole.finish().unwrap()).unwrap();
    let archive = Archive::open(&folder.0).unwrap();
    for (number, max) in [(50, 1000), (50, 10), (1, 10), (100, 10)] {
        let carved = archive.carve(number, max).unwrap().unwrap();
        assert_eq!(carve_capture(&site, number, max).unwrap().as_ref(), Some(&carved));
        let times = times(carved.pcap);
        assert_eq!((carved.packets, carved.cut), (times.len() as u64, max < 50));
        let own = i64::try_from(number).unwrap() - 1;
        assert!(times.contains(&own) && times.iter().all(|time| time % 2 == own % 2), "{times:?}");
        assert!(times.is_sorted() && times.len() as u64 <= max);
    }
    assert!(archive.carve(101, 10).unwrap().is_none());
    assert!(carve_capture(&site, 101, 10).unwrap().is_none());
    assert!(carve_capture(Path::new("nowhere"), 1, 10).is_err());
    let conversation = Conversation::of(Link::ETHERNET, &datagram((3, 1001), (2, 502), &[]));
    assert_eq!(archive.conversation(2).unwrap(), conversation);
}
