use super::*;
use crate::Party;
use arbtest::arbitrary::{Result, Unstructured};
use expect_test::expect;
use model::{Criticality, Span, Transport};
use std::net::{Ipv4Addr, Ipv6Addr};

fn asset(name: &str, addr: &str, level: Level, role: AssetRole) -> AssetFact {
    AssetFact {
        addrs: vec![addr.parse().unwrap()],
        name: name.to_owned(),
        level: Some(level),
        criticality: None,
        safety: false,
        roles: vec![role],
    }
}

fn assets() -> Vec<AssetFact> {
    let safety = asset("SIS-1", "10.1.99.1", Level::L1, AssetRole::Controller);
    vec![
        asset("HIST01", "10.3.0.20", Level::L3, AssetRole::Historian),
        asset("HMI01", "10.2.0.11", Level::L2, AssetRole::Hmi),
        asset("EWS01", "10.2.0.21", Level::L2, AssetRole::Engineering),
        asset("PLC-ASC-1", "10.1.10.5", Level::L1, AssetRole::Controller),
        asset("DC01", "10.3.0.2", Level::L3, AssetRole::Directory),
        asset("NTP01", "10.3.0.3", Level::L3, AssetRole::Clock),
        asset("SENSOR", "10.3.0.4", Level::L3, AssetRole::Tieline),
        AssetFact { safety: true, ..safety },
        AssetFact {
            criticality: Some(Criticality::Safety),
            ..asset("SIS-EWS", "10.1.99.2", Level::L2, AssetRole::Engineering)
        },
    ]
}

fn case(source: &str, target: &str) -> Case {
    let party = |name: &str| Party {
        name: name.to_owned(),
        addrs: name.split(',').map(|addr| addr.parse().unwrap()).collect(),
    };
    Case {
        incident: "INC-7".to_owned(),
        title: String::new(),
        source: party(source),
        target: party(target),
        transport: Transport::Tcp,
        port: 502,
        wanted: Span::s(3600),
    }
}

fn site<'a>(assets: &'a [AssetFact], protected: &'a [Protected]) -> Site<'a> {
    let limits = Limits::default();
    Site { assets, protected, in_force: &[], last_hour: 0, limits, ttl_max: Ttl::MAX }
}

fn check(source: &str, target: &str, expect: expect_test::Expect) {
    let protected =
        [Protected { addr: "10.9.0.0".parse().unwrap(), prefix: 16, why: "emergency".to_owned() }];
    let answer = match plan(&case(source, target), &site(&assets(), &protected)) {
        Ok(plan) => plan.blocks.iter().map(|b| format!("{b} for {} s\n", plan.ttl.seconds())).collect(),
        Err(refusal) => refusal.to_string(),
    };
    expect.assert_eq(&answer);
}

#[test]
fn a_plan_stops_one_flow() {
    check(
        "10.3.0.20",
        "10.1.10.5",
        expect![[r#"
        10.3.0.20 to 10.1.10.5, tcp 502 for 3600 s
    "#]],
    );
    check(
        "::ffff:10.3.0.20",
        "10.1.10.5",
        expect![[r#"
        10.3.0.20 to 10.1.10.5, tcp 502 for 3600 s
    "#]],
    );
}

#[test]
fn an_unknown_source_can_be_kept_away() {
    check(
        "10.4.20.250",
        "10.1.10.5",
        expect![[r#"
        10.4.20.250 to 10.1.10.5, tcp 502 for 3600 s
    "#]],
    );
    check(
        "10.4.20.250,fd00::9",
        "10.1.10.5",
        expect![[r#"
        10.4.20.250 to 10.1.10.5, tcp 502 for 3600 s
    "#]],
    );
    check(
        "10.2.0.21",
        "10.1.10.5",
        expect![[r#"
        10.2.0.21 to 10.1.10.5, tcp 502 for 3600 s
    "#]],
    );
}

#[test]
fn no_plan_touches_safety_under_any_name() {
    check("10.3.0.20", "10.1.99.1", expect!["SIS-1 belongs to a safety function; no block may touch it"]);
    check(
        "10.3.0.20",
        "::ffff:10.1.99.1",
        expect!["SIS-1 belongs to a safety function; no block may touch it"],
    );
    check("10.1.99.2", "10.1.10.5", expect!["SIS-EWS belongs to a safety function; no block may touch it"]);
}

#[test]
fn no_plan_touches_what_others_live_on() {
    check("10.3.0.20", "10.3.0.2", expect!["DC01 is protected: others log on through it"]);
    check("10.3.0.3", "10.1.10.5", expect!["NTP01 is protected: others learn the time from it"]);
    check("10.3.0.4", "10.1.10.5", expect!["SENSOR is protected: Tieline would blind itself"]);
    check("10.9.3.3", "10.1.10.5", expect!["10.9.3.3 is protected: emergency"]);
}

#[test]
fn what_controllers_send_and_operators_need_is_not_stopped() {
    check(
        "10.1.10.5",
        "10.3.0.20",
        expect!["PLC-ASC-1 is on level 1 or below; what a controller sends is never stopped"],
    );
    check("10.2.0.11", "10.1.10.5", expect!["HMI01 operates PLC-ASC-1; this pair is never parted"]);
}

#[test]
fn a_target_that_nobody_knows_might_be_a_safety_device() {
    check(
        "10.3.0.20",
        "10.1.10.77",
        expect!["10.1.10.77 is not in the inventory, so nobody can say that it is no safety device"],
    );
    check(
        "10.3.0.20",
        "10.1.10.5,10.1.10.77",
        expect![
            "10.1.10.5,10.1.10.77 is not in the inventory, so nobody can say that it is no safety device"
        ],
    );
}

#[test]
fn a_plan_is_not_wide() {
    check("0.0.0.0", "10.1.10.5", expect!["0.0.0.0 is not a single host"]);
    check("10.3.0.20", "224.0.0.1", expect!["224.0.0.1 is not a single host"]);
    let many: Vec<_> = (1..=9).map(|n| format!("10.4.20.{n}")).collect();
    check(&many.join(","), "10.1.10.5", expect!["9 flows in one plan; at most 8"]);
    let no_port = Case { port: 0, ..case("10.3.0.20", "10.1.10.5") };
    assert_eq!(plan(&no_port, &site(&assets(), &[])), Err(Refusal::NoPort));
}

#[test]
fn how_much_is_in_force_is_bounded() {
    let (assets, case) = (assets(), case("10.3.0.20", "10.1.10.5"));
    let block = |n: u8| Block::new([10, 4, 0, n].into(), [10, 1, 10, 5].into(), Transport::Tcp, 502).unwrap();
    let in_force: Vec<_> = (1..=8).map(|n| (RunId(n.into()), block(n))).collect();
    let seven = Site { in_force: &in_force[1..], ..site(&assets, &[]) };
    plan(&case, &seven).unwrap();
    let eight = Site { in_force: &in_force, ..seven };
    assert_eq!(plan(&case, &eight), Err(Refusal::TooManyInForce(8)));
    let hour = Site { last_hour: 12, ..site(&assets, &[]) };
    assert_eq!(plan(&case, &hour), Err(Refusal::TooManyThisHour(12)));
    let same = [(RunId(4), plan(&case, &site(&assets, &[])).unwrap().blocks[0])];
    let same = Site { in_force: &same, ..site(&assets, &[]) };
    assert_eq!(plan(&case, &same), Err(Refusal::AlreadyInForce(RunId(4))));
}

#[test]
fn a_plan_ends_within_what_the_playbook_allows() {
    let (assets, mut case) = (assets(), case("10.3.0.20", "10.1.10.5"));
    case.wanted = Span::s(1_000_000);
    assert_eq!(plan(&case, &site(&assets, &[])).unwrap().ttl, Ttl::MAX);
    let hour = Site { ttl_max: Ttl::new(3600).unwrap(), ..site(&assets, &[]) };
    assert_eq!(plan(&case, &hour).unwrap().ttl.seconds(), 3600);
    case.wanted = Span::s(-5);
    assert_eq!(plan(&case, &hour).unwrap().ttl, Ttl::MIN);
}

/// Addresses that are close to each other, written in every way.
fn addr(u: &mut Unstructured<'_>) -> Result<IpAddr> {
    let v4 = Ipv4Addr::new(10, u.int_in_range(0..=1)?, u.int_in_range(0..=3)?, u.int_in_range(0..=7)?);
    Ok(match u.int_in_range(0..=3)? {
        0 | 1 => v4.into(),
        2 => v4.to_ipv6_mapped().into(),
        _ => Ipv6Addr::from_bits(0xfd00 << 112 | u.int_in_range(0..=15)?).into(),
    })
}

fn addrs(u: &mut Unstructured<'_>) -> Result<Vec<IpAddr>> {
    (0..u.int_in_range(0..=3)?).map(|_| addr(u)).collect()
}

/// Bit by bit, as a person would compare them.
fn in_range(range: &Protected, addr: IpAddr) -> bool {
    let text = |addr: IpAddr| match addr {
        IpAddr::V4(addr) => format!("{:0128b}", addr.to_ipv6_mapped().to_bits()),
        IpAddr::V6(addr) => format!("{:0128b}", addr.to_bits()),
    };
    let prefix = usize::from(range.prefix) + if range.addr.is_ipv4() { 96 } else { 0 };
    let prefix = prefix.min(128);
    text(range.addr)[..prefix] == text(addr)[..prefix]
}

#[test]
fn no_plan_has_a_protected_address_in_it() {
    arbtest::arbtest(|u| {
        let ranges: Vec<Protected> = (0..u.int_in_range(0..=3)?)
            .map(|_| Ok(Protected { addr: addr(u)?, prefix: u.arbitrary()?, why: String::new() }))
            .collect::<Result<_>>()?;
        let mut assets = Vec::new();
        for n in 0..u.int_in_range(0..=6)? {
            let role = *u.choose(&[AssetRole::Hmi, AssetRole::Controller, AssetRole::Historian])?;
            let level = *u.choose(&[Level::L0, Level::L1, Level::L2, Level::L3])?;
            let addrs = addrs(u)?;
            let safety = u.ratio(1, 4)?;
            assets.push(AssetFact { addrs, safety, ..asset(&format!("A{n}"), "10.0.0.0", level, role) });
        }
        let mut case = case("10.0.0.1", "10.0.0.2");
        (case.source.addrs, case.target.addrs) = (addrs(u)?, addrs(u)?);
        let answer = plan(&case, &site(&assets, &ranges));
        assert_eq!(answer, plan(&case, &site(&assets, &ranges)), "a plan is pure");
        let Ok(answer) = answer else { return Ok(()) };
        assert!((1..=BLOCKS_MAX).contains(&answer.blocks.len()));
        for addr in answer.blocks.iter().flat_map(|block| [block.source(), block.target()]) {
            assert!(!ranges.iter().any(|range| in_range(range, addr)), "{addr} is protected");
            let has = |asset: &AssetFact| asset.addrs.iter().any(|own| own.to_canonical() == addr);
            assert!(!assets.iter().any(|asset| asset.safety && has(asset)), "{addr} is of a safety asset");
        }
        Ok(())
    });
}
