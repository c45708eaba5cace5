use crate::frames::FrameId;
use crate::process::Trace;
use crate::script::{Part, Script, Step};
use crate::windows::EventId;
use model::{Span, Time};
use serde_json::{Value, json};

/// What really happened in a sample.
#[derive(Clone, Debug)]
pub struct Truth {
    /// Every step of the script, in order of time.
    pub deeds: Vec<Deed>,
    /// Name of the chain that shall tell the story.
    pub chain: Box<str>,
    /// The hops that the chain shall find, in order; without those that nothing collected shows.
    pub hops: Vec<Hop>,
    /// Hosts, accounts, process and clocks, ready to be written.
    surroundings: Value,
}

/// One step, and what shows it.
#[derive(Clone, Debug)]
pub struct Deed {
    /// Name of the step.
    pub name: Box<str>,
    /// What it is in the story.
    pub part: Part,
    /// When it begins, by the site's clock.
    pub at: Time,
    /// A sentence.
    pub what: String,
    /// What shows it, by kind: `process`, `logon`, `frames`, `STOP_PLC`; a kind may stand there more than
    /// once.
    pub evidence: Vec<(&'static str, Proof)>,
}

/// Where something can be seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proof {
    /// Name of the file.
    pub file: String,
    /// Frame numbers from 1, one `EventRecordID`, or 1 for a mail; ascending.
    pub numbers: Vec<u64>,
}

/// A hop of the attack as a chain shall find it.
#[derive(Clone, Debug)]
pub struct Hop {
    /// Name of the step.
    pub step: Box<str>,
    /// The first evidence of its kind: the hop itself. For a conversation, request and answer.
    pub proof: Proof,
    /// How many more of the same kind there are, to be folded into this one.
    pub repeats: usize,
    /// Why it belongs to the story.
    pub joins: Vec<HopJoin>,
}

/// A value that two hops share.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HopJoin {
    /// Variable of the chain.
    pub variable: Box<str>,
    /// Its value, as the site resolves it.
    pub value: Box<str>,
    /// Number of the earlier hop, from 0.
    pub with: usize,
}

/// What shows a step, before frames and events have their numbers.
pub(crate) struct Evidence<'a> {
    pub(crate) step: &'a Step,
    pub(crate) what: String,
    pub(crate) marks: Vec<(&'static str, Mark)>,
}

/// Where something can be seen, before it has a number.
pub(crate) enum Mark {
    /// Frames of the capture.
    Frames(Vec<FrameId>),
    /// An event in the log of this number.
    Event { log: usize, event: EventId },
    /// A whole file.
    File(String),
}

pub(crate) fn proof(file: &str, numbers: impl IntoIterator<Item = u64>) -> Proof {
    let mut numbers: Vec<u64> = numbers.into_iter().collect();
    numbers.sort_unstable();
    Proof { file: file.to_owned(), numbers }
}

impl Evidence<'_> {
    pub(crate) fn deed(&self, start: Time, resolve: impl Fn(&Mark) -> Proof) -> Deed {
        let step = self.step;
        let evidence = self.marks.iter().map(|(kind, mark)| (*kind, resolve(mark))).collect();
        let (name, what) = (step.name.clone(), self.what.clone());
        Deed { name, part: step.part, at: start + step.at, what, evidence }
    }
}

impl Truth {
    pub(crate) fn new(script: &Script, seed: u64, mut deeds: Vec<Deed>, trace: Option<&Trace>) -> Self {
        deeds.sort_by_key(|deed| deed.at);
        let hops = script.expected.iter().filter_map(|expected| {
            let deed = deeds.iter().find(|deed| deed.name == expected.step)?;
            let mut shown = deed.evidence.iter().filter(|(kind, _)| *kind == &*expected.kind);
            let (_, proof) = shown.next()?.clone();
            let joins = expected.joins.iter().map(|join| {
                let with = script.expected.iter().position(|hop| hop.step == join.with).unwrap_or_default();
                HopJoin { variable: join.variable.clone(), value: join.value.clone(), with }
            });
            let joins = joins.collect();
            Some(Hop { step: expected.step.clone(), proof, repeats: shown.count(), joins })
        });
        let hops = hops.collect();
        Self { hops, chain: script.chain.clone(), surroundings: surroundings(script, seed, trace), deeds }
    }

    /// The step of this name.
    pub fn deed(&self, name: &str) -> Option<&Deed> {
        self.deeds.iter().find(|deed| &*deed.name == name)
    }

    /// Numbers of all frames of the attack, ascending.
    pub fn attack_frames(&self) -> Vec<u64> {
        let attack = self.deeds.iter().filter(|deed| deed.part == Part::Attack);
        let proofs = attack.flat_map(|deed| &deed.evidence).filter(|(_, proof)| proof.file == super::CAPTURE);
        let mut numbers: Vec<u64> = proofs.flat_map(|(_, proof)| proof.numbers.iter().copied()).collect();
        numbers.sort_unstable();
        numbers.dedup();
        numbers
    }

    /// Everything as JSON, for people and other programs.
    pub fn json(&self) -> String {
        let hops = self.hops.iter().map(|hop| {
            let join =
                |join: &HopJoin| json!({ "variable": join.variable, "value": join.value, "with": join.with });
            let joins: Vec<Value> = hop.joins.iter().map(join).collect();
            json!({ "step": hop.step, "evidence": shown(&hop.proof), "repeats": hop.repeats, "joins": joins })
        });
        let mut all = self.surroundings.clone();
        if let Some(all) = all.as_object_mut() {
            all.insert("steps".into(), self.deeds.iter().map(Deed::json).collect());
            all.insert("attack_frames".into(), runs(&self.attack_frames()));
            all.insert("incident".into(), json!({ "chain": self.chain, "steps": hops.collect::<Vec<_>>() }));
        }
        format!("{all:#}\n")
    }
}

impl Deed {
    fn json(&self) -> Value {
        let evidence = self.evidence.iter().map(|(kind, proof)| {
            let mut shown = shown(proof);
            if let Some(shown) = shown.as_object_mut() {
                shown.insert("kind".into(), (*kind).into());
            }
            shown
        });
        json!({
            "name": self.name,
            "part": self.part.name(),
            "time": self.at.iso(),
            "what": self.what,
            "evidence": evidence.collect::<Vec<_>>(),
        })
    }
}

fn shown(proof: &Proof) -> Value {
    json!({ "file": proof.file, "numbers": runs(&proof.numbers) })
}

/// Numbers as runs: `[[3, 9], [12, 12]]` is 3 to 9 and 12.
fn runs(numbers: &[u64]) -> Value {
    let mut runs: Vec<[u64; 2]> = vec![];
    for number in numbers {
        match runs.last_mut() {
            Some([_, last]) if *last + 1 >= *number => *last = *number,
            _ => runs.push([*number, *number]),
        }
    }
    json!(runs)
}

fn surroundings(script: &Script, seed: u64, trace: Option<&Trace>) -> Value {
    let hosts = script.hosts.iter().map(|host| {
        json!({
            "name": host.name,
            "fqdn": host.fqdn,
            "address": host.ip.to_string(),
            "mac": host.mac.map(|mac| mac.to_string()),
            "level": host.level.name(),
            "role": host.role,
            "clock_ahead_s": seconds(host.skew),
        })
    });
    let accounts = script
        .accounts
        .iter()
        .map(|account| json!({ "name": account.name, "domain": script.netbios, "person": account.person }));
    let below = |percent| trace.and_then(|trace| trace.first_below(percent)).map(Time::iso);
    json!({
        "site": script.domain,
        "seed": seed,
        "start": script.start.iso(),
        "length_s": seconds(script.length),
        "hosts": hosts.collect::<Vec<_>>(),
        "accounts": accounts.collect::<Vec<_>>(),
        "process": { "margin_left_below_2_percent": below(2.0), "surge_line_crossed": below(0.0) },
    })
}

/// Whole milliseconds, in seconds.
fn seconds(span: Span) -> f64 {
    f64::from(i32::try_from(span.0 / 1_000_000).unwrap_or(i32::MAX)) / 1e3
}
