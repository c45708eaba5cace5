//! What every firewall must do, held by each of them.

use crate::namespaces::Namespace;
use model::{Span, Time, Transport};
use respond::{Block, Effect, EffectId, Firewall, InForce, Nftables, RunId, Simulated, Ttl};
use std::thread;
use std::time::Duration;

/// A firewall under test, and how its time passes.
struct Bench {
    firewall: Box<dyn Firewall>,
    pass: Box<dyn Fn(u32)>,
    /// Keeps what the firewall lives in.
    _namespace: Option<Namespace>,
}

fn benches() -> Vec<Bench> {
    let simulated = Simulated::new(Time(0));
    let clock = simulated.clone();
    let pass = Box::new(move |s: u32| clock.pass(Time(0) + Span::s(s.into())));
    let mut benches = vec![Bench { firewall: Box::new(simulated), pass, _namespace: None }];
    if let Some(namespace) = Namespace::new("contract") {
        let firewall = Nftables { netns: Some(namespace.name().to_owned()), ..Nftables::default() };
        let pass = Box::new(|s: u32| thread::sleep(Duration::from_secs(s.into())));
        benches.push(Bench { firewall: Box::new(firewall), pass, _namespace: Some(namespace) });
    }
    benches
}

fn effect(run: u64, part: u16, source: u8, ttl: u32) -> Effect {
    let block = Block::new([10, 3, 0, source].into(), [10, 1, 10, 5].into(), Transport::Tcp, 502).unwrap();
    Effect { id: EffectId { run: RunId(run), part }, block, ttl: Ttl::new(ttl).unwrap() }
}

fn v6(run: u64, ttl: u32) -> Effect {
    let (source, target) = ("fd00::20".parse().unwrap(), "fd00::5".parse().unwrap());
    let block = Block::new(source, target, Transport::Udp, 4840).unwrap();
    Effect { id: EffectId { run: RunId(run), part: 1 }, block, ttl: Ttl::new(ttl).unwrap() }
}

fn listed(firewall: &mut dyn Firewall) -> Vec<(String, Block)> {
    let mut found: Vec<_> =
        firewall.list().unwrap().into_iter().map(|found| (found.id.to_string(), found.block)).collect();
    found.sort();
    found
}

fn names(effects: &[Effect]) -> Vec<(String, Block)> {
    let mut names: Vec<_> = effects.iter().map(|effect| (effect.id.to_string(), effect.block)).collect();
    names.sort();
    names
}

fn remaining(found: &[InForce], id: EffectId) -> i64 {
    found.iter().find(|found| found.id == id).unwrap().remaining.unwrap().0
}

#[test]
fn what_is_put_is_listed_with_its_end() {
    for mut bench in benches() {
        assert_eq!(listed(&mut *bench.firewall), [], "{}", bench.firewall.name());
        let effects = [effect(1, 1, 20, 3600), effect(1, 2, 21, 3600), v6(2, 86_400)];
        bench.firewall.put(&effects).unwrap();
        let found = bench.firewall.list().unwrap();
        assert_eq!(listed(&mut *bench.firewall), names(&effects), "{}", bench.firewall.name());
        for effect in effects {
            let left = Span::s(effect.ttl.seconds().into()).0 - remaining(&found, effect.id);
            assert!((0..Span::s(5).0).contains(&left), "{}: {left} ns gone", bench.firewall.name());
        }
    }
}

#[test]
fn putting_twice_is_putting_once_and_removing_twice_is_removing_once() {
    for mut bench in benches() {
        let effects = [effect(1, 1, 20, 3600), effect(1, 2, 21, 3600)];
        let blocks = effects.map(|effect| effect.block);
        bench.firewall.remove(&blocks).unwrap();
        for _ in 0..2 {
            bench.firewall.put(&effects).unwrap();
            assert_eq!(listed(&mut *bench.firewall), names(&effects), "{}", bench.firewall.name());
        }
        for _ in 0..2 {
            bench.firewall.remove(&blocks[..1]).unwrap();
            assert_eq!(listed(&mut *bench.firewall), names(&effects[1..]), "{}", bench.firewall.name());
        }
    }
}

#[test]
fn what_others_put_stays() {
    for mut bench in benches() {
        bench.firewall.put(&[effect(1, 1, 20, 3600), v6(2, 3600)]).unwrap();
        bench.firewall.put(&[effect(3, 1, 22, 3600)]).unwrap();
        bench.firewall.remove(&[effect(3, 1, 22, 3600).block, effect(1, 1, 20, 3600).block]).unwrap();
        assert_eq!(listed(&mut *bench.firewall), names(&[v6(2, 3600)]), "{}", bench.firewall.name());
    }
}

#[test]
fn it_forgets_by_itself_and_a_renewed_time_is_really_renewed() {
    for mut bench in benches() {
        bench.firewall.put(&[effect(1, 1, 20, 2), effect(2, 1, 21, 2)]).unwrap();
        let renewed = effect(1, 1, 20, 600);
        bench.firewall.put(&[renewed]).unwrap();
        let left = remaining(&bench.firewall.list().unwrap(), renewed.id);
        assert!(left > Span::s(590).0, "{}: {left} ns left", bench.firewall.name());
        (bench.pass)(3);
        assert_eq!(listed(&mut *bench.firewall), names(&[renewed]), "{}", bench.firewall.name());
    }
}

#[test]
fn a_shorter_time_takes_the_place_of_a_longer_one() {
    for mut bench in benches() {
        bench.firewall.put(&[effect(1, 1, 20, 86_400)]).unwrap();
        bench.firewall.put(&[effect(1, 1, 20, 60)]).unwrap();
        let left = remaining(&bench.firewall.list().unwrap(), effect(1, 1, 20, 60).id);
        assert!(left <= Span::s(60).0, "{}: {left} ns left", bench.firewall.name());
    }
}

#[test]
fn the_text_that_is_signed_shows_flow_name_and_end_and_nothing_else_can_be_put() {
    for bench in benches() {
        for effect in [effect(1, 1, 20, 86_399), v6(2, 61)] {
            let text = bench.firewall.render(&[effect]);
            let (block, seconds) = (effect.block, format!("{}s", effect.ttl.seconds()));
            let parts = [block.source().to_string(), block.target().to_string(), block.port().to_string()];
            for part in parts.iter().chain([&seconds, &effect.id.to_string()]) {
                assert!(text.contains(part.as_str()), "{}: {part} is not in {text}", bench.firewall.name());
            }
            assert_eq!(text, bench.firewall.render(&[effect]));
        }
    }
}
