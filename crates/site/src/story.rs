//! The whole crate on one story: from a phishing mail to the controller of a compressor, the join key
//! changing at every hop, and the laws that hold whatever is observed.

use crate::testing::{
    at, conversation, event, finding, identity, lease, levels, put, put_as, resolved, talk,
};
use crate::{Declared, Site, Whom};
use expect_test::expect;
use model::EntityKind::{Host, Ip, Process, Session, User};
use model::Role::{Actor, Source, Target};
use model::{At, Entity, EntityKind, Event, Level, Origin, Role, Trait};

fn entity(role: Role, kind: EntityKind, value: &str) -> Entity {
    Entity::new(role, kind, value)
}

/// Something that a site observes.
type Step = Box<dyn Fn(&mut Site)>;

/// What is told in the story, as steps that can be taken in any order.
fn telling() -> Vec<Step> {
    let event = |event: Event| Box::new(move |site: &mut Site| site.observe_event(&event)) as Step;
    vec![
        Box::new(|site| lease(site, 10, "10.4.20.17", "00:1c:23:00:00:07", Some("WS-ENG-07"))),
        Box::new(|site| put(site, talk("10.4.20.17", "10.4.0.5:993", "ssl", 50_000))),
        event(sysmon(100, "WS-ENG-07", &[("Image", r"C:\Program Files\Office\WINWORD.EXE")])),
        Box::new(|site| put(site, talk("10.4.20.17", "10.35.0.10:3389", "ssl", 90_000))),
        event(logon(200, "JUMP01", "10.4.20.17", "0x5a3c1")),
        Box::new(|site| put(site, talk("10.35.0.10", "10.3.0.20:3389", "ssl", 90_000))),
        Box::new(|site| identity(site, 20, "10.35.0.10", Trait::HostName, "jump01.plant.example", "dns")),
        event(logon(300, "HIST01", "10.35.0.10", "0x7BE02")),
        event(connection(400, "HIST01", "10.3.0.20")),
        Box::new(|site| put(site, talk("10.2.0.11", "10.1.10.5:502", "modbus", 400_000))),
        Box::new(|site| put(site, talk("10.3.0.20", "10.1.10.5:502", "modbus", 120))),
        Box::new(|site| identity(site, 30, "10.1.10.5", Trait::HostName, "plc-asc-1.plant.example", "dns")),
        Box::new(|site| identity(site, 30, "10.2.0.11", Trait::HostName, "hmi01.plant.example", "dns")),
        Box::new(|site| identity(site, 30, "10.1.10.5", Trait::Model, "BMX P34 2020", "modbus")),
    ]
}

fn sysmon(second: i64, computer: &str, fields: &[(&str, &str)]) -> Event {
    event(second, "windows_sysmon", &format!("{computer}.plant.example"), 1, fields)
}

fn connection(second: i64, computer: &str, addr: &str) -> Event {
    let fields = [("Initiated", "true"), ("SourceIp", addr), ("DestinationIp", "10.1.10.5")];
    event(second, "windows_sysmon", &format!("{computer}.plant.example"), 3, &fields)
}

fn logon(second: i64, computer: &str, from: &str, id: &str) -> Event {
    let fields = [
        ("LogonType", "10"),
        ("TargetDomainName", "PLANT"),
        ("TargetUserName", "m.keller"),
        ("WorkstationName", computer),
        ("IpAddress", from),
        ("TargetLogonId", id),
        ("AuthenticationPackageName", "Negotiate"),
    ];
    event(second, "windows_security", &format!("{computer}.plant.example"), 4624, &fields)
}

fn told() -> Site {
    let mut site = Site::default();
    telling().iter().for_each(|tell| tell(&mut site));
    site
}

#[test]
fn every_asset_of_the_story_finds_its_level_with_reasons() {
    expect![[r#"
        plc-asc-1: 1, 77 %
            1 +60 answers modbus, as controllers do
            1 +25 its name has `plc` in it
            1 +20 says over a control protocol that it is BMX P34 2020
        hmi01: 2, 71 %
            2 +50 polls plc-asc-1 and answers no control protocol itself
            2 +25 its name has `hmi` in it
        hist01: 3, 35 %
            3 +25 its name has `hist` in it
            2 +15 visited plc-asc-1 over a control protocol, too briefly for polling
        10.4.0.5: 4, 50 %
            4 +30 serves imap
        ws-eng-07: 4, 71 %
            4 +40 reads or sends mail over imap
            4 +35 runs WINWORD.EXE, an office program
            4 +25 its name has `ws` in it
            2 +10 its name has `eng` in it
        jump01: 3.5, 80 %
            3.5 +70 is entered remotely from the business side and leads on to hist01
            3.5 +30 is entered and left by rdp
            3.5 +25 its name has `jump` in it
    "#]]
    .assert_eq(&levels(&told()));
}

#[test]
fn every_hop_of_the_story_names_the_hosts_that_the_next_one_has() {
    let site = told();
    let mail = [
        entity(Source, User, "billing@northgas-invoices.example"),
        entity(Target, User, "m.keller@plant.example"),
    ];
    expect![[r#"
        source.user billing@northgas-invoices.example
        target.user m.keller
    "#]]
    .assert_eq(&resolved(&site, 90, &mail));
    let logon = [
        entity(Target, Host, "JUMP01.plant.example"),
        entity(Actor, User, r"PLANT\m.keller"),
        entity(Actor, Session, "JUMP01.plant.example/0x5A3C1"),
        entity(Source, Ip, "10.4.20.17"),
        entity(Source, Host, "JUMP01"),
    ];
    expect![[r#"
        target.host jump01
        actor.user m.keller
        actor.session jump01/0x5a3c1
        source.ip 10.4.20.17
        source.host ws-eng-07
    "#]]
    .assert_eq(&resolved(&site, 200, &logon));
    let stop = [entity(Source, Ip, "10.3.0.20"), entity(Target, Ip, "10.1.10.5")];
    expect![[r#"
        source.ip 10.3.0.20
        source.host hist01
        target.ip 10.1.10.5
        target.host plc-asc-1
    "#]]
    .assert_eq(&resolved(&site, 350, &stop));
}

#[test]
fn who_talks_to_whom_is_told_by_asset() {
    let lines: Vec<String> = told()
        .conduits()
        .iter()
        .map(|c| format!("{} -> {} {} {}", c.client, c.server, c.service, c.traffic.answered))
        .collect();
    expect![[r#"
        hist01 -> plc-asc-1 modbus 120
        hmi01 -> plc-asc-1 modbus 400000
        jump01 -> hist01 rdp 90000
        ws-eng-07 -> 10.4.0.5 imap 50000
        ws-eng-07 -> jump01 rdp 90000"#]]
    .assert_eq(&lines.join("\n"));
}

#[test]
fn a_session_tells_where_it_came_from() {
    let site = told();
    let session = site.session("HIST01.plant.example/0x7be02", at(320)).unwrap();
    assert_eq!(
        (&*session.user, session.from, session.kind),
        ("m.keller", "10.35.0.10".parse().ok(), Some(10))
    );
    assert_eq!(site.sessions_on("hist01.plant.example", at(350)), [session]);
    assert_eq!(site.sessions_on("hist01", at(299)), []);
}

#[test]
fn any_order_of_observation_gives_the_same_site() {
    let asked = [
        entity(Target, Host, "JUMP01.plant.example"),
        entity(Source, Ip, "10.4.20.17"),
        entity(Target, Ip, "10.3.0.20"),
    ];
    let expected = told();
    arbtest::arbtest(|u| {
        let mut steps = telling();
        let mut site = Site::default();
        while !steps.is_empty() {
            let next = u.choose_index(steps.len())?;
            steps.swap_remove(next)(&mut site);
        }
        assert_eq!(site.assets(), expected.assets());
        assert_eq!(site.conduits(), expected.conduits());
        let second = u.int_in_range(0..=500)?;
        assert_eq!(resolved(&site, second, &asked), resolved(&expected, second, &asked));
        Ok(())
    });
}

#[test]
fn any_order_of_tellings_about_one_address_gives_the_same_holder_at_any_time() {
    const NAMES: [&str; 3] = ["WS-ENG-07", "LAPTOP-3", "hist01.plant.example"];
    const MACS: [&str; 2] = ["00:1c:23:00:00:07", "00:1c:23:00:00:08"];
    arbtest::arbtest(|u| {
        let mut tellings = Vec::new();
        for _ in 0..u.int_in_range(1..=12)? {
            tellings.push((
                u.int_in_range(0..=40)?,
                *u.choose(&NAMES)?,
                *u.choose(&MACS)?,
                u.int_in_range(0..=3)?,
            ));
        }
        let tell = |site: &mut Site, &(second, name, mac, how): &(i64, &str, &str, u8)| match how {
            0 => lease(site, second, "10.4.20.17", mac, Some(name)),
            1 => lease(site, second, "10.4.20.17", mac, None),
            2 => identity(site, second, "10.4.20.17", Trait::HostName, name, "ntlm"),
            _ => identity(site, second, "10.4.20.17", Trait::HostName, name, "dns"),
        };
        let mut forward = Site::default();
        tellings.iter().for_each(|telling| tell(&mut forward, telling));
        let mut shuffled = Site::default();
        while !tellings.is_empty() {
            let next = u.choose_index(tellings.len())?;
            tell(&mut shuffled, &tellings.swap_remove(next));
        }
        for second in 0..=41 {
            let of = |site: &Site| site.host("10.4.20.17".parse().unwrap(), at(second));
            assert_eq!(of(&forward), of(&shuffled), "second {second}");
        }
        Ok(())
    });
}

#[test]
fn a_scan_makes_no_assets_of_addresses_that_do_not_answer() {
    let mut site = Site::default();
    for last in 1..=250 {
        let server = format!("10.1.10.{last}:502");
        let state = if last == 5 { "REJ" } else { "S0" };
        let answered = u64::from(last == 5);
        put_as(&mut site, talk("10.4.20.66", &server, "", answered), state);
    }
    let ids: Vec<_> = site.assets().into_iter().map(|asset| asset.id).collect();
    assert_eq!(ids, ["10.1.10.5".into(), Box::from("10.4.20.66")]);
    assert_eq!(site.conduits(), []);
    assert_eq!(site.assets()[1].peers, 1);
}

#[test]
fn what_a_router_carries_is_not_merged_and_has_not_its_maker() {
    const ROUTER: &str = "00:00:0c:01:02:03";
    let mut site = Site::default();
    for last in 5..=7 {
        let server = format!("10.1.10.{last}:502/{ROUTER}");
        put(&mut site, talk("10.2.0.11/00:1c:23:00:00:11", &server, "modbus", 9000));
    }
    let assets = site.assets();
    assert_eq!(assets.len(), 4);
    assert!(assets.iter().all(|asset| asset.hardware.is_empty() == (&*asset.id != "10.2.0.11")));
    let gateways = site.gateways();
    assert_eq!((gateways.len(), gateways[0].vendor, gateways[0].behind.len()), (1, Some("Cisco"), 3));
}

#[test]
fn a_host_keeps_the_addresses_that_have_gone_to_others() {
    let mut site = Site::default();
    lease(&mut site, 5, "10.4.20.17", "00:1c:23:00:00:09", Some("TABLET-1"));
    let mac = "00:1c:23:00:00:07";
    lease(&mut site, 10, "10.4.20.17", mac, Some("WS-ENG-07"));
    lease(&mut site, 100, "10.4.20.17", "00:1c:23:00:00:08", Some("LAPTOP-3"));
    lease(&mut site, 110, "10.4.20.18", mac, None);
    let found: Vec<_> = site
        .assets()
        .iter()
        .map(|asset| {
            let addresses: Vec<_> =
                asset.addresses.iter().map(|a| format!("{} {}", a.addr, a.current)).collect();
            format!("{}: {}", asset.id, addresses.join(", "))
        })
        .collect();
    expect![[r#"
        laptop-3: 10.4.20.17 true
        ws-eng-07: 10.4.20.18 true, 10.4.20.17 false
        tablet-1: 10.4.20.17 false"#]]
    .assert_eq(&found.join("\n"));
}

#[test]
fn what_a_person_declares_wins_and_the_reasons_stay() {
    let whom = |text: &str| Whom::Network(text.parse().unwrap());
    let plant = Declared {
        whom: whom("203.0.113.0/24"),
        level: Some(Level::L2),
        zone: Some("pumps".into()),
        criticality: None,
    };
    let mut site = Site::new(vec![plant]);
    put(&mut site, talk("203.0.113.9", "203.0.113.10:502", "modbus", 9000));
    let assets = site.assets();
    assert!(assets.iter().all(|asset| !asset.external && asset.zone.as_deref() == Some("pumps")));
    expect![[r#"
        203.0.113.9: 2, 100 % declared
            2 +50 polls 203.0.113.10 and answers no control protocol itself
        203.0.113.10: 2, 100 % declared
            1 +60 answers modbus, as controllers do
    "#]]
    .assert_eq(&levels(&site));
}

#[test]
fn a_historian_is_known_by_what_it_reads_and_who_asks_it() {
    let mut site = Site::default();
    put(&mut site, talk("10.2.0.11", "10.1.10.5:502", "modbus", 90_000));
    put(&mut site, talk("10.3.0.30", "10.1.10.5:502", "modbus", 90_000));
    put(&mut site, talk("10.4.20.17", "10.3.0.30:5450", "", 90_000));
    put(&mut site, talk("10.4.20.17", "203.0.113.9:443", "ssl", 90_000));
    expect![[r#"
        10.1.10.5: 1, 66 %
            1 +60 answers modbus, as controllers do
        10.2.0.11: 2, 62 %
            2 +50 polls 10.1.10.5 and answers no control protocol itself
        10.3.0.30: 3, 50 %
            3 +60 reads from level 1 or 2 (10.1.10.5) and is queried from above level 3
            2 +50 polls 10.1.10.5 and answers no control protocol itself
            3 +20 serves pi, as historians do
        10.4.20.17: 4, 45 %
            4 +25 uses the web beyond the site
        203.0.113.9: 5, 62 %
            5 +50 has an address beyond the site
    "#]]
    .assert_eq(&levels(&site));
}

#[test]
fn an_asset_of_which_nothing_telling_is_known_has_no_level() {
    let mut site = Site::default();
    put(&mut site, talk("10.9.0.1", "10.9.0.2:12345", "", 500));
    expect![[r#"
        10.9.0.1: ?, 0 %
        10.9.0.2: ?, 0 %
    "#]]
    .assert_eq(&levels(&site));
}

#[test]
fn what_is_sent_to_everybody_makes_nobody_a_controller_or_its_master() {
    let mut site = Site::default();
    put_as(&mut site, talk("10.1.20.8", "10.1.20.255:47808", "bacnet", 0), "S0");
    put(&mut site, talk("10.1.20.8", "10.1.20.9:47808", "bacnet", 0));
    assert!(site.assets().iter().all(|asset| asset.purdue.level.is_none()));
}

#[test]
fn the_end_of_a_connection_that_has_the_computers_name_is_its_own() {
    let mut site = Site::default();
    let inbound = |ends: [(&str, &str); 2]| {
        let [(source, source_name), (destination, destination_name)] = ends;
        let fields = [
            ("Initiated", "false"),
            ("SourceIp", source),
            ("SourceHostname", source_name),
            ("DestinationIp", destination),
            ("DestinationHostname", destination_name),
        ];
        event(1, "windows_sysmon", "HIST01.plant.example", 3, &fields)
    };
    site.observe_event(&inbound([("10.3.0.20", "HIST01.plant.example"), ("10.3.0.7", "OPC01")]));
    site.observe_event(&inbound([("10.255.255.255", ""), ("10.3.1.20", "HIST01")]));
    site.observe_event(&inbound([("10.3.0.8", ""), ("10.3.0.9", "")]));
    let of =
        |addr: &str| site.host(addr.parse().unwrap(), at(2)).map(|b| format!("{} {:?}", b.host, b.source));
    assert_eq!(of("10.3.0.20").as_deref(), Some("hist01 Proof"));
    assert_eq!(of("10.3.1.20").as_deref(), Some("hist01 Proof"));
    assert_eq!(of("10.3.0.7").as_deref(), Some("opc01 Lookup"));
    assert_eq!((of("10.3.0.8"), of("10.3.0.9"), of("10.255.255.255")), (None, None, None));
    assert_eq!(site.assets()[0].addresses.len(), 2);
}

#[test]
fn only_ntlm_tells_the_clients_own_name() {
    let mut site = Site::default();
    let fields = |package| {
        [
            ("LogonType", "3"),
            ("TargetUserName", "m.keller"),
            ("WorkstationName", "WS-ENG-07"),
            ("IpAddress", "10.4.20.17"),
            ("TargetLogonId", "0x1"),
            ("AuthenticationPackageName", package),
        ]
    };
    site.observe_event(&event(1, "windows_security", "HIST01", 4624, &fields("Kerberos")));
    assert_eq!(site.host("10.4.20.17".parse().unwrap(), at(2)), None);
    site.observe_event(&event(1, "windows_security", "HIST01", 4624, &fields("NTLM")));
    assert_eq!(&*site.host("10.4.20.17".parse().unwrap(), at(2)).unwrap().host, "ws-eng-07");
}

#[test]
fn a_loopback_address_is_the_computer_itself_and_the_systems_accounts_are_nobody() {
    let entities = [
        entity(Target, Host, "HIST01.plant.example"),
        entity(Source, Ip, "127.0.0.1"),
        entity(Target, Ip, "224.0.0.251"),
        entity(Actor, User, r"NT AUTHORITY\SYSTEM"),
        entity(Actor, User, r"PLANT\HIST01$"),
        entity(Actor, Process, "svchost.exe"),
        entity(Source, Host, "-"),
    ];
    expect![[r#"
        target.host hist01
        source.ip 127.0.0.1
        source.host hist01
        target.ip 224.0.0.251
        actor.user hist01$
        actor.process svchost.exe
    "#]]
    .assert_eq(&resolved(&Site::default(), 1, &entities));
}

#[test]
fn an_engineering_act_is_remembered_of_who_did_it() {
    let mut site = Site::default();
    let conversation = conversation("10.2.0.12", "10.1.10.5:102");
    let ot = model::Ot {
        protocol: "s7comm",
        action: model::Action::ProgramDownload,
        outcome: model::Outcome::Accepted,
        object: "OB1",
        value: None,
        old_value: None,
    };
    let at = At { time: at(5), origin: Origin::default(), conversation: Some(&conversation), ot: Some(ot) };
    let row = crate::testing::Dhcp { mac: "", assigned_addr: "0.0.0.0".parse().unwrap(), host_name: None };
    site.observe_row(&at, &row);
    assert_eq!(site.assets()[0].acts, [("program_download", 1)]);
    assert_eq!(finding(5, &[]).entities, []);
}
