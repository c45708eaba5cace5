//! What a block would do to the traffic that was seen, judged before it happens.
//!
//! The guard knows no intentions: it takes the conduits that were learned, finds those that the block would
//! stop, and says what the loss of each means. It does not ask the process; what was never seen it cannot
//! miss, so a short memory or a blind sensor makes the verdict [`Unknown`](Verdict::Unknown).

mod hash;

use crate::stored::{hex, time};
use crate::{AssetFact, AssetRole, Block, Essential, GuardInput, Seen};
use model::{Level, Span, Time, Transport};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// How much of what goes on is told.
const GOES_ON_MAX: usize = 12;

/// How much of what stops is told; what is more is counted in the reason and judged like the rest.
const TOUCHED_MAX: usize = 64;

/// A connection with traffic within this time is taken as open.
const OPEN: Span = Span::s(60);

/// What a block would do, from harmless to harmful.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Nothing of the process is stopped.
    Clear,
    /// Records or views are lost, control is not.
    Degrades,
    /// Nobody can say.
    Unknown,
    /// Control, a view that operators need, or safety is lost.
    Breaks,
}

/// What the guard found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// The worst of all that was found.
    pub verdict: Verdict,
    /// Why, in a sentence.
    pub reason: String,
    /// What stops, the worst first; at most 64.
    pub touched: Vec<Touched>,
    /// Process conduits that were seen.
    pub conduits: u32,
    /// How many of them go on.
    pub untouched: u32,
    /// The most important things that go on, at most 12.
    pub goes_on: Vec<String>,
    /// SHA-256 of all that was judged. It stays the same while ordinary traffic goes on, and changes with
    /// anything that could change the verdict.
    #[serde(with = "hex")]
    pub hash: [u8; 32],
}

/// A conduit that a block stops.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Touched {
    /// Which, `HIST01 reads PLC-ASC-1 (modbus)`.
    pub conduit: String,
    /// How bad its loss is.
    pub verdict: Verdict,
    /// What its loss does.
    pub effect: String,
    /// Last traffic; the moment of judging where none was seen.
    #[serde(with = "time")]
    pub last: Time,
}

impl Verdict {
    /// All, from harmless to harmful.
    pub const ALL: [Verdict; 4] = [Verdict::Clear, Verdict::Degrades, Verdict::Unknown, Verdict::Breaks];

    /// Lower-case word.
    pub fn name(self) -> &'static str {
        match self {
            Verdict::Clear => "clear",
            Verdict::Degrades => "degrades",
            Verdict::Unknown => "unknown",
            Verdict::Breaks => "breaks",
        }
    }

    /// The verdict of this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|verdict| verdict.name() == name)
    }
}

/// Judges what stopping `blocks` does. Pure: same input, same report.
pub fn check(blocks: &[Block], input: &GuardInput) -> Report {
    let stopped: Vec<&Seen> = input.conduits.iter().filter(|seen| stops(blocks, seen)).collect();
    let mut touched: Vec<Touched> = stopped.iter().map(|seen| judge(seen, input)).collect();
    touched.extend(essential(blocks, input).map(|essential| unseen(essential, input)));
    touched.sort_by(|a, b| (b.verdict, &a.conduit).cmp(&(a.verdict, &b.conduit)));
    let doubt = doubt(input);
    let found = touched.first().map_or(Verdict::Clear, |worst| worst.verdict);
    let verdict = if doubt.is_some() { found.max(Verdict::Unknown) } else { found };
    let process = |seen: &&&Seen| seen.process;
    let conduits = count(input.conduits.iter().filter(|seen| seen.process).count());
    let untouched = conduits.saturating_sub(count(stopped.iter().filter(process).count()));
    let reason = reason(&touched, doubt, untouched, open(&stopped, input.now));
    touched.truncate(TOUCHED_MAX);
    let goes_on = goes_on(blocks, input);
    let hash = hash::hash(blocks, input, &stopped, verdict);
    Report { verdict, reason, touched, conduits, untouched, goes_on, hash }
}

fn stops(blocks: &[Block], seen: &Seen) -> bool {
    blocks.iter().any(|block| block.stops(seen.client, seen.server, seen.transport, seen.port))
}

fn essential<'a>(blocks: &'a [Block], input: &'a GuardInput) -> impl Iterator<Item = &'a Essential> {
    input.declared_essential.iter().filter(|essential| blocks.iter().any(|block| essential.is(block)))
}

impl Essential {
    fn is(&self, block: &Block) -> bool {
        block.stops(self.client, self.server, block.transport(), self.port.unwrap_or(block.port()))
    }
}

fn judge(seen: &Seen, input: &GuardInput) -> Touched {
    let ends = [seen.client, seen.server].map(|addr| input.asset(addr));
    let (verdict, effect) = loss(seen, ends);
    Touched { conduit: words(seen, input), verdict, effect: effect.to_owned(), last: seen.last }
}

/// What the loss of a conduit means: the first line that holds.
fn loss(seen: &Seen, [client, server]: [Option<&AssetFact>; 2]) -> (Verdict, &'static str) {
    let level = seen.client_level.or(client.and_then(|client| client.level));
    let low = level.is_some_and(|level| level <= Level::L2);
    let steers = client.is_some_and(|c| c.is(AssetRole::Hmi) || c.is(AssetRole::Controller));
    if [client, server].into_iter().flatten().any(AssetFact::is_safety) {
        (Verdict::Breaks, "a safety function loses a connection")
    } else if seen.process && seen.writes {
        (Verdict::Breaks, "commands and set points do not arrive any more")
    } else if low || steers {
        (Verdict::Breaks, "operators or a controller lose what they need to run the process")
    } else if seen.process && level.is_none() {
        (Verdict::Unknown, "the level of the client is not known, so neither is what it does with the values")
    } else if seen.process {
        (
            Verdict::Degrades,
            "records and views above the control level miss these values until the block ends",
        )
    } else {
        (Verdict::Clear, "sessions of this service end; no process value goes over it")
    }
}

fn unseen(essential: &Essential, input: &GuardInput) -> Touched {
    let (client, server) = (input.name(essential.client), input.name(essential.server));
    Touched {
        conduit: format!("{client} needs {server}"),
        verdict: Verdict::Breaks,
        effect: format!("declared essential: {}", essential.why),
        last: input.now,
    }
}

/// Why the guard may not know all that the block stops.
fn doubt(input: &GuardInput) -> Option<String> {
    if let Some(blind) = &input.blind {
        return Some(format!("the sensor may have missed something: {blind}"));
    }
    let minutes = |span: Span| span.0.div_euclid(Span::s(60).0).max(0);
    let learned = input.now - input.learned_since;
    (learned < input.learn_min).then(|| {
        let (learned, needed) = (minutes(learned), minutes(input.learn_min));
        format!("conduits were learned for {learned} of {needed} minutes, so some may be missing")
    })
}

/// Connections that the block would leave half open: the target does not see that the source is gone, and a
/// controller has few connections to give away.
fn open(stopped: &[&Seen], now: Time) -> usize {
    stopped.iter().filter(|seen| seen.transport == Transport::Tcp && now - seen.last <= OPEN).count()
}

fn reason(touched: &[Touched], doubt: Option<String>, untouched: u32, open: usize) -> String {
    let mut parts: Vec<String> = doubt.into_iter().collect();
    match touched {
        [] => parts.push("no conduit that was seen is stopped".to_owned()),
        [worst] => parts.push(format!("{} stops: {}", worst.conduit, worst.effect)),
        [worst, rest @ ..] => {
            parts.push(format!("{} stops ({}), and {} more", worst.conduit, worst.effect, rest.len()));
        }
    }
    parts.push(format!("{untouched} process conduits go on"));
    if open > 0 {
        parts.push(format!("half-open connections stay at the target until they time out there: {open}"));
    }
    parts.join("; ")
}

/// What goes on, the target's own conduits first and of these the ones that steer.
fn goes_on(blocks: &[Block], input: &GuardInput) -> Vec<String> {
    let near = |seen: &Seen| blocks.iter().any(|block| block.target() == seen.server.to_canonical());
    let going = input.conduits.iter().filter(|seen| seen.process && !stops(blocks, seen));
    let ranked: BTreeSet<_> =
        going.map(|seen| (!near(seen), !seen.writes, seen.client, seen.server, &seen.service)).collect();
    let mut told = Vec::new();
    for (_, reads, client, server, service) in ranked {
        let text = sentence(input, (client, server), !reads, service);
        if told.len() < GOES_ON_MAX && !told.contains(&text) {
            told.push(text);
        }
    }
    told
}

fn words(seen: &Seen, input: &GuardInput) -> String {
    if seen.process {
        return sentence(input, (seen.client, seen.server), seen.writes, &seen.service);
    }
    format!("{} uses {} ({})", input.name(seen.client), input.name(seen.server), seen.service)
}

fn sentence(
    input: &GuardInput,
    (client, server): (std::net::IpAddr, std::net::IpAddr),
    writes: bool,
    service: &str,
) -> String {
    let does = if writes { "steers" } else { "reads" };
    format!("{} {does} {} ({service})", input.name(client), input.name(server))
}

fn count(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests;
