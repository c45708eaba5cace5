//! Findings as a large site might have them: three kinds at random, 1 % of them up to 30 s late, and now and then an
//! attack whose key changes from account to jump host to controller.

use model::{Entity, EntityKind, Evidence, Finding, Origin, Role, Severity, Span, Time};

/// Three chains of three steps each over the same findings.
pub(crate) const CHAINS: &str = "
title: first
name: first
window: 8h
chain:
  - rule: opened
    bind: { user: actor.user, workstation: target.host }
  - rule: logon
    bind: { user: actor.user, workstation: source.host, jump: target.host }
  - rule: write
    bind: { jump: source.host, asset: target.host }
---
title: second
name: second
window: 4h
chain:
  - rule: opened
    bind: { user: actor.user, workstation: target.host }
  - rule: logon
    bind: { user: actor.user, workstation: source.host, jump: target.host }
  - rule: write
    within: 1h
    bind: { jump: source.host, asset: target.host }
---
title: third
name: third
window: 8h
chain:
  - rule: logon
    bind: { user: actor.user, workstation: source.host, jump: target.host }
  - rule: logon
    bind: { user: actor.user, jump: source.host, historian: target.host }
  - rule: write
    bind: { historian: source.host, asset: target.host }
";

/// Every so many findings, the three findings of an attack begin.
const ATTACK_EVERY: u64 = 5000;

/// `count` findings, so far apart.
pub(crate) fn findings(count: u64, apart: Span) -> impl Iterator<Item = Finding> {
    let mut random = Random(0x2545_f491_4f6c_dd1d);
    (0..count).map(move |number| {
        let arrived = Time::from_s_ns(1_700_000_000, 0) + Span(number.cast_signed() * apart.0);
        match number % ATTACK_EVERY {
            1000 => finding(number, arrived, "opened", &attack(number, "x", "ws")),
            2000 => finding(number, arrived, "logon", &attack(number, "ws", "jump")),
            3000 => finding(number, arrived, "write", &attack(number, "jump", "plc")),
            _ => noise(&mut random, number, arrived),
        }
    })
}

/// Incidents of the first two chains that `count` findings make.
pub(crate) fn attacks(count: u64) -> usize {
    usize::try_from((count + ATTACK_EVERY - 3001) / ATTACK_EVERY).unwrap_or_default() * 2
}

/// The `number`th finding of the rule `r0` to `r3`, all of `r0` before those of `r1` and so on.
#[allow(dead_code, reason = "the small run of the benchmark leaves the worst case out")]
pub(crate) fn ordered(rule: u64, number: u64) -> Finding {
    let at = Time::from_s_ns((10_000 * rule + number).cast_signed(), 0);
    finding(10_000 * rule + number, at, &format!("r{rule}"), &attack(0, "from", "to"))
}

fn attack(number: u64, from: &str, to: &str) -> [String; 3] {
    let n = number / ATTACK_EVERY;
    [format!("victim{n}"), format!("{from}-{n}"), format!("{to}-{n}")]
}

fn noise(random: &mut Random, number: u64, arrived: Time) -> Finding {
    let late = if random.below(100) == 0 { Span::s(random.below(30).cast_signed()) } else { Span(0) };
    let kind = match random.below(3) {
        0 => "opened",
        1 => "logon",
        _ => "write",
    };
    let names = [
        format!("user{}", random.below(20_000)),
        format!("source{}", random.below(20_000)),
        format!("target{}", random.below(20_000)),
    ];
    Finding { time: arrived - late, ..finding(number, arrived, kind, &names) }
}

fn finding(number: u64, arrived: Time, rule: &str, [user, source, target]: &[String; 3]) -> Finding {
    Finding {
        time: arrived,
        arrived,
        rule: format!("5d0c{rule}").into(),
        name: rule.into(),
        title: rule.into(),
        severity: Severity::Info,
        techniques: vec![],
        entities: vec![
            Entity::new(Role::Actor, EntityKind::User, user.as_str()),
            Entity::new(Role::Source, EntityKind::Host, source.as_str()),
            Entity::new(Role::Target, EntityKind::Host, target.as_str()),
        ],
        fields: vec![],
        evidence: Evidence {
            time: arrived,
            origin: Origin { file: 0, number },
            log: "windows_security".into(),
            uid: None,
            text: "a row in one line".into(),
        },
    }
}

/// xorshift (Marsaglia 2003): the same numbers on every machine.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % bound
    }
}
