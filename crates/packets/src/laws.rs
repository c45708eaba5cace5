//! What holds for any packets, any plan, any question and any crash.

use crate::ends::is_of_all;
use crate::testing::{Folder, frame, host};
use crate::{Archive, Class, Conversation, End, Order, Plan, Query, Spool, Who};
use arbtest::arbitrary::{Result, Unstructured};
use model::{Mac, Span, Time};
use std::fs;
use std::path::{Path, PathBuf};
use wire::link::Link;

/// A packet as it was given.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Given {
    number: u64,
    time: Time,
    wire_len: usize,
    bytes: Vec<u8>,
}

fn plan(u: &mut Unstructured<'_>) -> Result<Plan> {
    let class = |name: &str| Class { name: name.to_owned(), bytes_max: 0, keep: None };
    let names = &["process", "office"][..u.int_in_range(0..=2)?];
    Ok(Plan { classes: names.iter().map(|name| class(name)).collect(), rest: Class::rest(0, None) })
}

/// Hosts up to 3 are of the process, from 8 on of the office.
fn classify(classes: usize) -> crate::Classify {
    let class = |end| match end {
        End::Host(addr) if (1..=3).any(|n| addr == host(n)) => Some(0),
        End::Host(addr) if (8..=12).any(|n| addr == host(n)) => Some(1),
        End::Station(Mac([.., 1..=3])) => Some(0),
        End::Host(_) | End::Station(_) => None,
    };
    Box::new(move |end| class(end).filter(|class| *class < classes))
}

fn open(dir: &Path, plan: &Plan, piece_bytes: u64) -> Spool {
    let mut spool = Spool::open(dir, plan).unwrap();
    spool.set_piece_bytes(piece_bytes);
    spool.classify(classify(plan.classes.len()));
    spool
}

/// Writes packets, with restarts in between; what it wrote.
fn write(u: &mut Unstructured<'_>, dir: &Path, plan: &Plan) -> Result<Vec<Given>> {
    let piece_bytes = u.int_in_range(5_000..=60_000)?;
    let mut spool = open(dir, plan, piece_bytes);
    let mut given: Vec<Given> = vec![];
    let mut now = 1_000_000_i64;
    for _ in 0..u.int_in_range(0..=120)? {
        // Clocks are set back now and then.
        now += u.int_in_range(-50..=1000)?;
        let (bytes, more) = (frame(u)?, u.int_in_range(0..=9)?);
        let wire_len = bytes.len() + more;
        let number = spool.append(Time(now), &bytes, wire_len);
        assert_eq!(number, given.len() as u64 + 1);
        given.push(Given { number, time: Time(now), wire_len, bytes });
        match u.int_in_range(0..=30)? {
            0 => spool.flush(),
            1 => {
                drop(spool);
                spool = open(dir, plan, piece_bytes);
                assert_eq!(spool.count(), given.len() as u64);
            }
            _ => {}
        }
    }
    assert_eq!(spool.losses(), &crate::Losses::default());
    Ok(given)
}

fn found(archive: &Archive, query: &Query, order: Order) -> Vec<Given> {
    let mut search = archive.search(query.clone(), order);
    let mut found = vec![];
    while let Some(packet) = search.next_packet().unwrap() {
        let (number, time, wire_len) = (packet.number, packet.time, packet.wire_len);
        found.push(Given { number, time, wire_len, bytes: packet.bytes.to_vec() });
    }
    found
}

fn question(u: &mut Unstructured<'_>, given: &[Given]) -> Result<Query> {
    let mut query = Query::default();
    for _ in 0..u.int_in_range(0..=2)? {
        let who = match u.int_in_range(0..=2)? {
            0 => Who::Host(host(u.int_in_range(0..=13)?).into()),
            1 => Who::Station(Mac([2, 0, 0, 0, 0, u.int_in_range(0..=13)?])),
            _ if given.is_empty() => continue,
            _ => match Conversation::of(Link::ETHERNET, &u.choose(given)?.bytes) {
                Some(conversation) => Who::Conversation(conversation),
                None => continue,
            },
        };
        query.who.push(who);
    }
    if let (true, Some(a), Some(b)) = (u.arbitrary()?, given.first(), given.last()) {
        query.since = Some(Time(u.int_in_range(a.time.0 - 9..=b.time.0.max(a.time.0))?));
        query.until = u.arbitrary::<bool>()?.then_some(b.time - Span(u.int_in_range(0..=9000)?));
    }
    if u.arbitrary()? {
        (query.from, query.to) = (u.int_in_range(0..=60)?, u.int_in_range(40..=130)?);
    }
    Ok(query)
}

/// What a look at every packet gives.
fn scanned(given: &[Given], query: &Query) -> Vec<Given> {
    let is = |packet: &&Given| {
        (query.from..=query.to).contains(&packet.number)
            && query.since.is_none_or(|since| since <= packet.time)
            && query.until.is_none_or(|until| packet.time <= until)
            && is_of_all(&query.who, Link::ETHERNET, &packet.bytes)
    };
    given.iter().filter(is).cloned().collect()
}

fn ask(u: &mut Unstructured<'_>, dir: &Path, given: &[Given]) -> Result<()> {
    let archive = Archive::open(dir).unwrap();
    for _ in 0..3 {
        let query = question(u, given)?;
        let mut expected = scanned(given, &query);
        assert_eq!(found(&archive, &query, Order::Forward), expected, "{query:?}");
        expected.reverse();
        assert_eq!(found(&archive, &query, Order::Backward), expected, "{query:?}");
    }
    Ok(())
}

fn place(number: u64) -> usize {
    usize::try_from(number - 1).unwrap()
}

fn files(dir: &Path) -> Vec<PathBuf> {
    let mut files: Vec<_> = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

#[test]
fn every_question_finds_what_a_look_at_every_packet_finds() {
    let folder = Folder::new("law");
    arbtest::arbtest(|u| {
        let dir = folder.0.clone();
        let _ = fs::remove_dir_all(&dir);
        let plan = plan(u)?;
        let given = write(u, &dir, &plan)?;
        ask(u, &dir, &given)
    })
    .budget_ms(3000);
}

#[test]
fn a_crash_at_any_byte_costs_what_was_cut_and_nothing_else() {
    let folder = Folder::new("crash");
    arbtest::arbtest(|u| {
        let dir = folder.0.clone();
        let _ = fs::remove_dir_all(&dir);
        let plan = plan(u)?;
        let given = write(u, &dir, &plan)?;
        let files = files(&dir);
        let Ok(file) = u.choose(&files) else { return Ok(()) };
        let mut bytes = fs::read(file).unwrap();
        let at = u.int_in_range(0..=bytes.len())?;
        let is_index = file.extension().unwrap() == "index";
        match bytes.get_mut(at) {
            Some(byte) if is_index && u.arbitrary()? => *byte ^= u.int_in_range(1..=255)?,
            _ => bytes.truncate(at),
        }
        fs::write(file, bytes).unwrap();
        let class = |path: &Path| {
            path.file_name().unwrap().to_str().unwrap().split(['-', '.']).nth(2).map(str::to_owned)
        };
        for restart in [false, true] {
            if restart {
                drop(open(&dir, &plan, 30_000));
            }
            let archive = Archive::open(&dir).unwrap();
            let kept = found(&archive, &Query::default(), Order::Forward);
            assert!(kept.iter().all(|packet| given.get(place(packet.number)) == Some(packet)));
            assert!(kept.is_sorted_by_key(|packet| packet.number));
            if is_index {
                assert_eq!(kept, given);
            } else {
                // What is missing was in this one piece.
                let first: u64 = file.file_name().unwrap().to_str().unwrap()[8..20].parse().unwrap();
                let next = files.iter().filter(|other| class(other) == class(file) && *other > file);
                let next = next.filter_map(|path| path.file_name()?.to_str()?[8..20].parse::<u64>().ok());
                let next = next.filter(|next| *next > first).min().unwrap_or(u64::MAX);
                let numbers: std::collections::HashSet<u64> =
                    kept.iter().map(|packet| packet.number).collect();
                let missing = given.iter().filter(|packet| !numbers.contains(&packet.number));
                assert!(missing.clone().all(|packet| (first..next).contains(&packet.number)), "{missing:?}");
            }
            ask(u, &dir, &kept)?;
        }
        Ok(())
    })
    .budget_ms(3000);
}

#[test]
fn a_restart_goes_on_with_the_numbers_and_hands_over_what_is_kept() {
    let folder = Folder::new("restart");
    arbtest::arbtest(|u| {
        let dir = folder.0.clone();
        let _ = fs::remove_dir_all(&dir);
        let plan = plan(u)?;
        let given = write(u, &dir, &plan)?;
        let mut spool = open(&dir, &plan, 30_000);
        let above = u.int_in_range(0..=130)?;
        let span = u.arbitrary::<bool>()?.then_some(Span(u.int_in_range(0..=20_000)?));
        let newest = given.iter().map(|packet| packet.time).max();
        let again = |packet: &&Given| {
            packet.number > above || span.is_none_or(|span| packet.time >= newest.unwrap() - span)
        };
        let expected: Vec<u64> = given.iter().filter(again).map(|packet| packet.number).collect();
        let mut handed = vec![];
        spool.replay(span, above, &mut |packet| handed.push(packet.number)).unwrap();
        assert_eq!(handed, expected);
        assert_eq!(spool.append(Time(1), &[1; 60], 60), given.len() as u64 + 1);
        Ok(())
    });
}
