//! Tieline is killed at every point where it has just written to the ledger or is about to talk, or has just
//! talked, to the firewall. Whatever the point, ledger and firewall agree after the restart.

use crate::namespaces::Namespace;
use crate::scene::{Folder, HIST01, PLC_UNIT_2, agree, case, noon, site, welcome};
use model::{Span, Time, Transport};
use respond::{
    Block, Case, Effect, EffectId, Engine, Firewall, FirewallError, InForce, Nftables, Party, Playbook, Run,
    RunState, Settings,
};
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

/// How many points the story has at least; fewer would mean that it was not told.
const POINTS_MIN: i64 = 30;

/// How many it may have; more would mean that it never ends.
const POINTS_MAX: i64 = 200;

/// A firewall in a folder: a file with the rules, one with the time, so that it outlives whoever steers it.
struct InFolder(PathBuf);

impl InFolder {
    fn now(&self) -> Time {
        fs::read_to_string(self.0.join("clock")).map_or(noon(), |text| Time(text.parse().unwrap()))
    }

    fn pass(&self, now: Time) {
        fs::write(self.0.join("clock"), now.0.to_string()).unwrap();
    }

    fn rules(&self) -> BTreeMap<String, (Block, i64)> {
        let text = fs::read_to_string(self.0.join("rules")).unwrap_or_else(|_| "{}".to_owned());
        let mut rules: BTreeMap<String, (Block, i64)> = serde_json::from_str(&text).unwrap();
        rules.retain(|_, (_, end)| *end > self.now().0);
        rules
    }

    fn store(&self, rules: &BTreeMap<String, (Block, i64)>) {
        fs::write(self.0.join("rules.new"), serde_json::to_string(rules).unwrap()).unwrap();
        fs::rename(self.0.join("rules.new"), self.0.join("rules")).unwrap();
    }
}

impl Firewall for InFolder {
    fn name(&self) -> String {
        "in a folder".to_owned()
    }

    fn render(&self, effects: &[Effect]) -> String {
        effects.iter().map(|e| format!("{}: {} for {} s\n", e.id, e.block, e.ttl.seconds())).collect()
    }

    fn list(&mut self) -> Result<Vec<InForce>, FirewallError> {
        let in_force = |(id, (block, end)): (String, (Block, i64))| InForce {
            id: id.parse().unwrap(),
            block,
            remaining: Some(Time(end) - self.now()),
        };
        Ok(self.rules().into_iter().map(in_force).collect())
    }

    fn put(&mut self, effects: &[Effect]) -> Result<(), FirewallError> {
        let mut rules = self.rules();
        rules.extend(effects.iter().map(|e| (e.id.to_string(), (e.block, (self.now() + e.ttl.span()).0))));
        self.store(&rules);
        Ok(())
    }

    fn remove(&mut self, blocks: &[Block]) -> Result<(), FirewallError> {
        let mut rules = self.rules();
        rules.retain(|_, (block, _)| !blocks.contains(block));
        self.store(&rules);
        Ok(())
    }
}

/// Burns down by one at each point; at its end the process is killed.
#[derive(Clone)]
struct Fuse(Arc<AtomicI64>);

impl Fuse {
    fn burn(&self) {
        if self.0.fetch_sub(1, Ordering::Relaxed) == 1 {
            Command::new("sh").args(["-c", "kill -9 $PPID"]).status().unwrap();
            std::thread::sleep(Duration::from_secs(60));
        }
    }
}

/// A firewall before and after whose every call the fuse burns.
struct Mortal(Box<dyn Firewall + Send>, Fuse);

impl Mortal {
    fn call<T>(&mut self, call: impl FnOnce(&mut dyn Firewall) -> T) -> T {
        self.1.burn();
        let answer = call(&mut *self.0);
        self.1.burn();
        answer
    }
}

impl Firewall for Mortal {
    fn name(&self) -> String {
        self.0.name()
    }
    fn render(&self, effects: &[Effect]) -> String {
        self.0.render(effects)
    }
    fn list(&mut self) -> Result<Vec<InForce>, FirewallError> {
        self.call(|firewall| firewall.list())
    }
    fn put(&mut self, effects: &[Effect]) -> Result<(), FirewallError> {
        self.call(|firewall| firewall.put(effects))
    }
    fn remove(&mut self, blocks: &[Block]) -> Result<(), FirewallError> {
        self.call(|firewall| firewall.remove(blocks))
    }
}

/// Where a story happens: its folder, and a namespace for one with a real firewall.
fn firewall(folder: &Path, netns: Option<&str>) -> Box<dyn Firewall + Send> {
    match netns {
        Some(name) => Box::new(Nftables { netns: Some(name.to_owned()), ..Nftables::default() }),
        None => Box::new(InFolder(folder.to_owned())),
    }
}

fn open(folder: &Path, firewall: Box<dyn Firewall + Send>, now: Time) -> Engine {
    let playbook = Playbook::contain_ot_command().unwrap();
    Engine::open(&folder.join("ledger"), firewall, playbook, Settings::default(), now).unwrap()
}

/// The story: a block that is lifted, one that ends by itself where time can be told to pass, one that is
/// refused.
fn story(engine: &mut Engine, clock: Option<&InFolder>) {
    welcome(engine);
    let lifted = engine.request(noon(), "tieline", &case(), &site(noon())).unwrap();
    agree(engine, noon(), lifted);
    engine.tick(noon() + Span::s(60), &site(noon())).unwrap();
    engine.lift(noon(), lifted, "c.lang", "the historian is clean").unwrap();
    let short = Case { target: Party::new("PLC-UNIT-2", PLC_UNIT_2), wanted: Span::s(600), ..case() };
    let ended = engine.request(noon(), "tieline", &short, &site(noon())).unwrap();
    agree(engine, noon(), ended);
    let after = clock.map_or(noon(), |clock| {
        let after = noon() + Span::s(601);
        clock.pass(after);
        after
    });
    engine.tick(after, &site(after)).unwrap();
    let refused = engine.request(after, "tieline", &case(), &site(after)).unwrap();
    engine.refuse(after, refused, "b.kraft", "we are starting up").unwrap();
}

/// Runs as a process of its own; does nothing when it is run as a test.
#[test]
fn child() {
    let variable = |name: &str| std::env::var(name).ok();
    let (Some(folder), Some(fuse)) = (variable("CRASH_FOLDER"), variable("CRASH_FUSE")) else { return };
    let folder = PathBuf::from(folder);
    let fuse = Fuse(Arc::new(AtomicI64::new(fuse.parse().unwrap())));
    let netns = variable("CRASH_NETNS");
    let inside = firewall(&folder, netns.as_deref());
    let mut engine = open(&folder, Box::new(Mortal(inside, fuse.clone())), noon());
    let acknowledged = folder.join("acknowledged");
    engine.watch(move |entry| {
        fs::write(&acknowledged, entry.number.to_string()).unwrap();
        fuse.burn();
    });
    let clock = InFolder(folder);
    story(&mut engine, netns.is_none().then_some(&clock));
}

/// Tells the story until the fuse has burned down. Whether it was killed.
fn tell(folder: &Path, fuse: i64, netns: Option<&str>) -> bool {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "crash::child", "--nocapture"]);
    command.env("CRASH_FOLDER", folder).env("CRASH_FUSE", fuse.to_string());
    netns.map(|name| command.env("CRASH_NETNS", name));
    let output = command.output().unwrap();
    let killed = output.status.signal() == Some(9);
    assert!(killed || output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    killed
}

/// What the ledger says is in force, and what is.
fn compare(engine: &Engine, device: &mut dyn Firewall, now: Time, point: i64) {
    let active = |run: &&Run| run.state == RunState::Active;
    let mut meant: Vec<(EffectId, Block, Time)> = Vec::new();
    for run in engine.runs().filter(active) {
        meant.extend(run.effects().iter().map(|effect| (effect.id, effect.block, run.expires.unwrap())));
    }
    let mut found = device.list().unwrap();
    found.sort_by_key(|found| found.id);
    let names = |(id, block, _): &(EffectId, Block, Time)| (*id, *block);
    let held: Vec<_> = found.iter().map(|found| (found.id, found.block)).collect();
    assert_eq!(held, meant.iter().map(names).collect::<Vec<_>>(), "killed at point {point}");
    for (found, (_, _, end)) in found.iter().zip(&meant) {
        let latest = now + found.remaining.expect("nothing is for ever");
        assert!(latest <= *end + Span::s(2), "killed at point {point}: ends after {end}");
    }
    let unconfirmed: Vec<_> = engine.runs().filter(|run| run.is_unconfirmed()).map(|run| run.id).collect();
    assert_eq!(unconfirmed, [], "killed at point {point}");
}

/// Restarts after a kill at `point` and goes on to the end.
fn restart(folder: &Path, point: i64, netns: Option<&str>) {
    let now = InFolder(folder.to_owned()).now();
    let mut engine = open(folder, firewall(folder, netns), now);
    let mut device = firewall(folder, netns);
    let head = engine.verify().unwrap();
    let acknowledged = fs::read_to_string(folder.join("acknowledged")).map_or(0, |n| n.parse().unwrap());
    assert!(head.number >= acknowledged, "killed at point {point}: entry {acknowledged} is lost");
    compare(&engine, &mut *device, now, point);
    drop(engine);
    engine = open(folder, firewall(folder, netns), now);
    assert_eq!(engine.verify().unwrap(), head, "a second restart has nothing to settle");
    welcome(&mut engine);
    let waiting: Vec<_> =
        engine.runs().filter(|run| run.state == RunState::Waiting).map(|run| run.id).collect();
    for run in waiting {
        engine.tick(now + Span::s(60), &site(now)).unwrap();
        agree(&mut engine, noon() + Span::s(601), run);
        assert_eq!(engine.run(run).unwrap().state, RunState::Active, "killed at point {point}");
    }
    compare(&engine, &mut *device, now, point);
    engine.lift_all(now, "c.lang", "the test is over").unwrap();
    assert_eq!(device.list().unwrap(), [], "killed at point {point}");
    engine.verify().unwrap();
}

fn killed_at_every_point(netns: Option<&str>) {
    for point in 1..POINTS_MAX {
        let folder = Folder::new();
        if !tell(folder.path(), point, netns) {
            assert!(point > POINTS_MIN, "the story has only {point} points");
            return;
        }
        restart(folder.path(), point, netns);
    }
    panic!("the story does not end");
}

#[test]
fn killed_at_any_point_ledger_and_firewall_agree() {
    killed_at_every_point(None);
}

#[test]
fn killed_at_any_point_ledger_and_nftables_agree() {
    let Some(namespace) = Namespace::new("crash") else { return };
    killed_at_every_point(Some(namespace.name()));
}

/// The firewall of this file keeps the contract, else the tests above would show nothing.
#[test]
fn the_firewall_in_a_folder_forgets_by_itself() {
    let folder = Folder::new();
    let mut device = InFolder(folder.path().to_owned());
    let block = Block::new(HIST01, PLC_UNIT_2, Transport::Tcp, 502).unwrap();
    let id = "RUN-1.1".parse().unwrap();
    device.put(&[Effect { id, block, ttl: respond::Ttl::new(5).unwrap() }]).unwrap();
    device.pass(noon() + Span::s(4));
    assert_eq!(device.list().unwrap().len(), 1);
    device.pass(noon() + Span::s(5));
    assert_eq!(device.list().unwrap(), []);
}
