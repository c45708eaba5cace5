use super::*;
use arbtest::arbitrary::{Result, Unstructured};
use expect_test::{Expect, expect};
use std::net::IpAddr;

const NOW: Time = Time(1_795_608_000_000_000_000);

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn asset(name: &str, addr: &str, level: Level, role: AssetRole) -> AssetFact {
    AssetFact {
        addrs: vec![ip(addr)],
        name: name.to_owned(),
        level: Some(level),
        criticality: None,
        safety: false,
        roles: vec![role],
    }
}

fn seen(client: &str, server: &str, client_level: Option<Level>, writes: bool) -> Seen {
    Seen {
        client: ip(client),
        server: ip(server),
        transport: Transport::Tcp,
        port: 502,
        service: "modbus".to_owned(),
        first: NOW - Span::s(86_400),
        last: NOW - Span::s(2),
        process: true,
        writes,
        client_level,
        server_level: Some(Level::L1),
    }
}

fn site() -> GuardInput {
    GuardInput {
        now: NOW,
        assets: vec![
            asset("HIST01", "10.3.0.20", Level::L3, AssetRole::Historian),
            asset("HMI01", "10.2.0.11", Level::L2, AssetRole::Hmi),
            asset("PLC-ASC-1", "10.1.10.5", Level::L1, AssetRole::Controller),
            asset("PLC-UNIT-2", "10.1.10.6", Level::L1, AssetRole::Controller),
        ],
        conduits: vec![
            seen("10.3.0.20", "10.1.10.5", Some(Level::L3), false),
            seen("10.3.0.20", "10.1.10.6", Some(Level::L3), false),
            seen("10.2.0.11", "10.1.10.5", Some(Level::L2), true),
            seen("10.2.0.11", "10.1.10.6", Some(Level::L2), true),
        ],
        learned_since: NOW - Span::s(30 * 86_400),
        learn_min: Span::s(7 * 86_400),
        blind: None,
        declared_essential: Vec::new(),
    }
}

fn block(source: &str) -> Block {
    Block::new(ip(source), ip("10.1.10.5"), Transport::Tcp, 502).unwrap()
}

fn judge(source: &str, input: &GuardInput, expect: Expect) {
    let report = check(&[block(source)], input);
    let mut text = format!("{}: {}\n", report.verdict.name(), report.reason);
    for touched in &report.touched {
        text += &format!("- {}: {}: {}\n", touched.conduit, touched.verdict.name(), touched.effect);
    }
    text += &format!("{} of {} go on: {:?}", report.untouched, report.conduits, report.goes_on);
    expect.assert_eq(&text);
}

#[test]
fn a_stranger_is_missed_by_nobody() {
    judge(
        "10.4.20.17",
        &site(),
        expect![[r#"
        clear: no conduit that was seen is stopped; 4 process conduits go on
        4 of 4 go on: ["HMI01 steers PLC-ASC-1 (modbus)", "HIST01 reads PLC-ASC-1 (modbus)", "HMI01 steers PLC-UNIT-2 (modbus)", "HIST01 reads PLC-UNIT-2 (modbus)"]"#]],
    );
}

#[test]
fn without_the_historian_records_are_lost() {
    judge(
        "10.3.0.20",
        &site(),
        expect![[r#"
        degrades: HIST01 reads PLC-ASC-1 (modbus) stops: records and views above the control level miss these values until the block ends; 3 process conduits go on; half-open connections stay at the target until they time out there: 1
        - HIST01 reads PLC-ASC-1 (modbus): degrades: records and views above the control level miss these values until the block ends
        3 of 4 go on: ["HMI01 steers PLC-ASC-1 (modbus)", "HMI01 steers PLC-UNIT-2 (modbus)", "HIST01 reads PLC-UNIT-2 (modbus)"]"#]],
    );
}

#[test]
fn without_the_operator_station_control_is_lost() {
    judge(
        "10.2.0.11",
        &site(),
        expect![[r#"
        breaks: HMI01 steers PLC-ASC-1 (modbus) stops: commands and set points do not arrive any more; 3 process conduits go on; half-open connections stay at the target until they time out there: 1
        - HMI01 steers PLC-ASC-1 (modbus): breaks: commands and set points do not arrive any more
        3 of 4 go on: ["HIST01 reads PLC-ASC-1 (modbus)", "HMI01 steers PLC-UNIT-2 (modbus)", "HIST01 reads PLC-UNIT-2 (modbus)"]"#]],
    );
}

#[test]
fn a_historian_that_steers_is_needed() {
    let mut site = site();
    site.conduits[0].writes = true;
    judge(
        "10.3.0.20",
        &site,
        expect![[r#"
        breaks: HIST01 steers PLC-ASC-1 (modbus) stops: commands and set points do not arrive any more; 3 process conduits go on; half-open connections stay at the target until they time out there: 1
        - HIST01 steers PLC-ASC-1 (modbus): breaks: commands and set points do not arrive any more
        3 of 4 go on: ["HMI01 steers PLC-ASC-1 (modbus)", "HMI01 steers PLC-UNIT-2 (modbus)", "HIST01 reads PLC-UNIT-2 (modbus)"]"#]],
    );
}

#[test]
fn what_people_call_essential_is_so_even_if_it_was_never_seen() {
    let mut site = site();
    let why = "emergency dial-in of the vendor".to_owned();
    let (client, server) = (ip("::ffff:10.4.20.17"), ip("10.1.10.5"));
    site.declared_essential = vec![Essential { client, server, port: None, why }];
    judge(
        "10.4.20.17",
        &site,
        expect![[r#"
        breaks: ::ffff:10.4.20.17 needs PLC-ASC-1 stops: declared essential: emergency dial-in of the vendor; 4 process conduits go on
        - ::ffff:10.4.20.17 needs PLC-ASC-1: breaks: declared essential: emergency dial-in of the vendor
        4 of 4 go on: ["HMI01 steers PLC-ASC-1 (modbus)", "HIST01 reads PLC-ASC-1 (modbus)", "HMI01 steers PLC-UNIT-2 (modbus)", "HIST01 reads PLC-UNIT-2 (modbus)"]"#]],
    );
}

#[test]
fn a_safety_asset_at_either_end_breaks() {
    let mut site = site();
    site.assets[0].safety = true;
    assert_eq!(check(&[block("10.3.0.20")], &site).verdict, Verdict::Breaks);
}

#[test]
fn whoever_learned_too_little_or_sees_too_little_does_not_know() {
    let young = GuardInput { learned_since: NOW - Span::s(600), ..site() };
    judge(
        "10.4.20.17",
        &young,
        expect![[r#"
        unknown: conduits were learned for 10 of 10080 minutes, so some may be missing; no conduit that was seen is stopped; 4 process conduits go on
        4 of 4 go on: ["HMI01 steers PLC-ASC-1 (modbus)", "HIST01 reads PLC-ASC-1 (modbus)", "HMI01 steers PLC-UNIT-2 (modbus)", "HIST01 reads PLC-UNIT-2 (modbus)"]"#]],
    );
    let blind = GuardInput { blind: Some("the mirror port of cell 1 is down".to_owned()), ..site() };
    judge(
        "10.3.0.20",
        &blind,
        expect![[r#"
        unknown: the sensor may have missed something: the mirror port of cell 1 is down; HIST01 reads PLC-ASC-1 (modbus) stops: records and views above the control level miss these values until the block ends; 3 process conduits go on; half-open connections stay at the target until they time out there: 1
        - HIST01 reads PLC-ASC-1 (modbus): degrades: records and views above the control level miss these values until the block ends
        3 of 4 go on: ["HMI01 steers PLC-ASC-1 (modbus)", "HMI01 steers PLC-UNIT-2 (modbus)", "HIST01 reads PLC-UNIT-2 (modbus)"]"#]],
    );
    assert_eq!(check(&[block("10.2.0.11")], &young).verdict, Verdict::Breaks);
    let set_back = GuardInput { learned_since: NOW + Span::s(600), ..site() };
    assert_eq!(check(&[block("10.4.20.17")], &set_back).verdict, Verdict::Unknown);
}

#[test]
fn a_client_of_unknown_level_might_be_anything() {
    let mut site = site();
    site.conduits.push(seen("10.4.20.17", "10.1.10.5", None, false));
    assert_eq!(check(&[block("10.4.20.17")], &site).verdict, Verdict::Unknown);
    site.conduits[4].process = false;
    assert_eq!(check(&[block("10.4.20.17")], &site).verdict, Verdict::Clear);
}

/// What may happen while people decide, and must not ask them again.
#[test]
fn ordinary_traffic_leaves_the_hash_alone() {
    let before = check(&[block("10.3.0.20")], &site()).hash;
    arbtest::arbtest(|u| {
        let mut later = site();
        later.now = NOW + Span::s(u.int_in_range(0..=1800)?);
        for seen in &mut later.conduits {
            seen.last = later.now - Span::s(u.int_in_range(0..=60)?);
        }
        // An attacker opens connections; the blocks do not touch them.
        for n in 0..u.int_in_range(0..=5)? {
            later.conduits.push(seen(&format!("10.4.20.{n}"), "10.1.10.5", None, true));
        }
        let order: usize = u.choose_index(later.conduits.len())?;
        later.conduits.rotate_left(order);
        assert_eq!(check(&[block("10.3.0.20")], &later).hash, before);
        Ok(())
    });
}

#[test]
fn whatever_could_change_the_verdict_changes_the_hash() {
    let hash = |change: &dyn Fn(&mut GuardInput)| {
        let mut input = site();
        change(&mut input);
        check(&[block("10.3.0.20")], &input).hash
    };
    let essential = |input: &mut GuardInput| {
        let (client, server) = (ip("10.3.0.20"), ip("10.1.10.5"));
        input.declared_essential.push(Essential { client, server, port: Some(502), why: String::new() });
    };
    let changes: [&dyn Fn(&mut GuardInput); 11] = [
        &|_| {},
        &|input| input.conduits[0].writes = true,
        &|input| input.conduits[0].process = false,
        &|input| input.conduits[0].client_level = Some(Level::L2),
        &|input| drop(input.conduits.remove(0)),
        &|input| input.assets[0].roles.push(AssetRole::Hmi),
        &|input| input.assets[2].safety = true,
        &|input| input.assets[2].level = Some(Level::L0),
        &|input| input.blind = Some("packets lost".to_owned()),
        &|input| input.learned_since = NOW,
        &essential,
    ];
    let hashes: BTreeSet<_> = changes.iter().map(|change| hash(*change)).collect();
    assert_eq!(hashes.len(), changes.len());
    assert_ne!(check(&[block("10.2.0.11")], &site()).hash, hash(changes[0]));
}

fn any_seen(u: &mut Unstructured<'_>) -> Result<Seen> {
    let levels = [None, Some(Level::L1), Some(Level::L2), Some(Level::L3), Some(Level::L4)];
    let client = format!("10.3.0.{}", u.int_in_range(20..=22)?);
    let server = format!("10.1.10.{}", u.int_in_range(5..=6)?);
    let mut seen = seen(&client, &server, *u.choose(&levels)?, u.arbitrary()?);
    (seen.process, seen.port) = (u.arbitrary()?, u.int_in_range(502..=503)?);
    Ok(seen)
}

#[test]
fn the_verdict_is_never_better_than_what_stops() {
    arbtest::arbtest(|u| {
        let mut input = site();
        input.conduits = (0..u.int_in_range(0..=12)?).map(|_| any_seen(u)).collect::<Result<_>>()?;
        input.learned_since = NOW - Span::s(u.int_in_range(0..=14)? * 86_400);
        let block = block("10.3.0.20");
        let report = check(&[block], &input);
        let is_stopped =
            |s: &&Seen| s.client == block.source() && s.server == block.target() && s.port == 502;
        let stopped: Vec<_> = input.conduits.iter().filter(is_stopped).collect();
        assert_eq!(report.touched.len(), stopped.len());
        for seen in &stopped {
            if seen.process && (seen.writes || seen.client_level.is_some_and(|level| level <= Level::L2)) {
                assert_eq!(report.verdict, Verdict::Breaks);
            }
            assert!(!seen.process || report.verdict >= Verdict::Degrades);
        }
        assert!(report.verdict >= Verdict::Unknown || NOW - input.learned_since >= input.learn_min);
        let process = input.conduits.iter().filter(|seen| seen.process).count();
        let going = process - stopped.iter().filter(|seen| seen.process).count();
        assert_eq!((report.conduits, report.untouched), (count(process), count(going)));
        Ok(())
    });
}
