use crate::frames::FrameId;
use crate::script::{Part, Script, Step};
use crate::windows::EventId;
use model::{Span, Time};
use plant::{Measured, Trip};
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
    /// What became of the plant.
    pub course: Course,
    /// Hosts, accounts and clocks, ready to be written.
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

/// What became of the plant, as it was and not as the instruments showed it.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Course {
    /// When the machine first was nearer to its surge line than 2 per cent.
    pub margin_left_below_2_percent: Option<Time>,
    /// When it first was beyond the surge line.
    pub surge_line_crossed: Option<Time>,
    /// When the flow first turned round.
    pub surged: Option<Time>,
    /// How often it did, the run-down after a trip included.
    pub surge_cycles: u32,
    /// When the protection stopped the drive, and why.
    pub tripped: Option<(Time, Trip)>,
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
    pub(crate) fn new(script: &Script, seed: u64, mut deeds: Vec<Deed>, course: Course) -> Self {
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
        let (chain, surroundings) = (script.chain.clone(), surroundings(script, seed));
        Self { hops, chain, course, surroundings, deeds }
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
            all.insert("process".into(), self.course.json());
            all.insert("steps".into(), self.deeds.iter().map(Deed::json).collect());
            all.insert("attack_frames".into(), runs(&self.attack_frames()));
            all.insert("incident".into(), json!({ "chain": self.chain, "steps": hops.collect::<Vec<_>>() }));
        }
        format!("{all:#}\n")
    }
}

impl Course {
    /// Takes note of what is so at `at`.
    pub(crate) fn see(&mut self, at: Time, exact: &Measured) {
        let first = |place: &mut Option<Time>, holds: bool| {
            if holds {
                place.get_or_insert(at);
            }
        };
        first(&mut self.margin_left_below_2_percent, exact.surge_distance_percent < 2.0);
        first(&mut self.surge_line_crossed, exact.surge_distance_percent < 0.0);
        first(&mut self.surged, exact.surge_cycles > 0);
        self.surge_cycles = exact.surge_cycles;
        self.tripped = self.tripped.or(exact.tripped.map(|why| (at, why)));
    }

    fn json(&self) -> Value {
        let time = |at: Option<Time>| at.map(Time::iso);
        json!({
            "margin_left_below_2_percent": time(self.margin_left_below_2_percent),
            "surge_line_crossed": time(self.surge_line_crossed),
            "surged": time(self.surged),
            "surge_cycles": self.surge_cycles,
            "tripped": self.tripped.map(|(at, why)| json!({ "time": at.iso(), "why": why.to_string() })),
        })
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

fn surroundings(script: &Script, seed: u64) -> Value {
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
    json!({
        "site": script.domain,
        "seed": seed,
        "start": script.start.iso(),
        "length_s": seconds(script.length),
        "hosts": hosts.collect::<Vec<_>>(),
        "accounts": accounts.collect::<Vec<_>>(),
    })
}

/// Whole milliseconds, in seconds.
fn seconds(span: Span) -> f64 {
    f64::from(i32::try_from(span.0 / 1_000_000).unwrap_or(i32::MAX)) / 1e3
}
