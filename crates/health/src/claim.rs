//! Declared conduits over all taps and over time: what may be said of them.
//!
//! `refuted` rests on one frame and stays until somebody renews the claim. `consistent` is all that one tap
//! can ever say. `proven` takes all of [`Missing`]: both sides tapped and both taps known to work all the
//! time, by canaries that are seen where they must be, for seven days with a maintenance window in them, and
//! a canary of the far side that never gets through. One day without any of these and the seven days begin
//! anew.

use crate::conduit::{Amount, Conduit, Place, Proof, Sight};
use crate::judge::Report;
use crate::look::Mark;
use crate::rows::ConduitRow;
use model::{
    At, Entity, EntityKind, Evidence, Finding, Origin, Role, Rows, Set, Severity, Span, Technique, Time,
};

/// What may be said of a conduit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Nothing: there is no tap that would show traffic the other way.
    Unobservable(Reason),
    /// Only traffic the right way was seen.
    Consistent,
    /// It is one-way.
    Proven,
    /// It is not one-way.
    Refuted(Proof, Mark),
}

/// Why a conduit cannot be observed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// No tap listens to it.
    NoTap,
    /// Nothing was seen, whichever way.
    NoTraffic,
    /// The taps lose frames or show one side only.
    TapUnhealthy,
    /// Only the side that may not send is tapped: what it sends may have ended at the diode or not.
    FarSideOnly,
}

/// What is missing for a proof.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Missing {
    /// A tap on each side.
    BothSides,
    /// Taps that lose little and show both ways.
    HealthyTaps,
    /// Canaries that the set-up knows.
    Canaries,
    /// The forward canary on both sides, and the check on the side of the senders, every day.
    GoodCanaries,
    /// The canary that must not pass, on the side where it is sent, every day.
    ReverseCanary,
    /// Seven days.
    Time,
    /// A maintenance window within these days.
    Maintenance,
}

/// A conduit that is said to be one-way, and what is known of it.
#[derive(Clone, Debug)]
pub struct Claim {
    conduit: Conduit,
    verdict: Option<Verdict>,
    known: Known,
    /// The taps of the side that may send, and of the other, the last time.
    sides: [Tapped; 2],
}

/// What was learned of a conduit; may be kept and handed to [`Claim::resume`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Known {
    /// The right way, as seen before the diode, and behind it.
    pub forward: [Amount; 2],
    /// Frames the other way that may have ended at the diode.
    pub attempts: u64,
    /// What refutes the claim, and the tap that saw it.
    pub refuted: Option<(Proof, Mark, Box<str>)>,
    /// Last canaries on the side that may send, and on the other: forward, reverse, check.
    pub canaries: [[Option<Time>; 3]; 2],
    /// Since when all that a proof needs was there without a break.
    pub since: Option<Time>,
    /// The latest maintenance window.
    pub window: Option<(Time, Time)>,
    /// Time of the latest judgement.
    pub judged: Option<Time>,
}

/// Whether there is a tap, and whether it is healthy.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Tapped {
    tapped: bool,
    healthy: bool,
}

/// One tap's part in a judgement.
#[derive(Clone, Copy, Debug)]
pub struct Witness<'a> {
    /// Name of the tap.
    pub tap: &'a str,
    /// Where it listens to the conduit.
    pub place: Place,
    /// What it is worth.
    pub report: &'a Report,
    /// What it saw of the conduit.
    pub sight: &'a Sight,
}

/// How long everything must have been there.
const PROOF_TIME: Span = Span::s(7 * 86_400);
/// Every canary must be seen at least so often.
const CANARY_EVERY: Span = Span::s(86_400);
/// Judgements that lie further apart leave a time of which nothing is known.
const JUDGED_EVERY: Span = Span::s(3600);

impl Verdict {
    /// Word for the log.
    pub fn name(self) -> &'static str {
        match self {
            Verdict::Unobservable(_) => "unobservable",
            Verdict::Consistent => "consistent",
            Verdict::Proven => "proven",
            Verdict::Refuted(..) => "refuted",
        }
    }
}

impl Reason {
    /// Word for the log.
    pub fn name(self) -> &'static str {
        match self {
            Reason::NoTap => "no_tap",
            Reason::NoTraffic => "no_traffic",
            Reason::TapUnhealthy => "tap_unhealthy",
            Reason::FarSideOnly => "far_side_only",
        }
    }
}

impl Missing {
    /// Word for the log.
    pub fn name(self) -> &'static str {
        match self {
            Missing::BothSides => "both_sides",
            Missing::HealthyTaps => "healthy_taps",
            Missing::Canaries => "canaries",
            Missing::GoodCanaries => "good_canaries",
            Missing::ReverseCanary => "reverse_canary",
            Missing::Time => "time",
            Missing::Maintenance => "maintenance",
        }
    }
}

impl Claim {
    /// Nothing is known of `conduit` yet.
    pub fn new(conduit: Conduit) -> Self {
        Self::resume(conduit, Known::default())
    }

    /// What was known of `conduit` before.
    pub fn resume(conduit: Conduit, known: Known) -> Self {
        Self { conduit, verdict: None, known, sides: [Tapped::default(); 2] }
    }

    /// What is known of the conduit.
    pub fn known(&self) -> &Known {
        &self.known
    }

    /// The conduit was repaired or is another: what was said of it is forgotten.
    pub fn renew(&mut self) {
        *self = Self::new(self.conduit.clone());
    }

    /// A maintenance window; the latest one counts.
    pub fn maintenance(&mut self, from: Time, to: Time) {
        self.known.window = Some((from, to));
    }

    /// What may be said now; nothing before the first judgement.
    pub fn verdict(&self) -> Option<Verdict> {
        self.verdict
    }

    /// What a proof lacks at `now`.
    pub fn missing(&self, now: Time) -> Vec<Missing> {
        let mut missing = self.lacks(now);
        let since = self.known.since.unwrap_or(now);
        if now - since < PROOF_TIME {
            missing.push(Missing::Time);
        }
        if !self.known.window.is_some_and(|(from, to)| from >= since && to <= now && from < to) {
            missing.push(Missing::Maintenance);
        }
        missing
    }

    /// Takes what the taps saw in the period that ends at `now`. Writes a row when the verdict changes, and
    /// tells a finding when the claim is refuted.
    pub fn judge(&mut self, now: Time, witnesses: &[Witness<'_>], rows: &mut dyn Rows) -> Option<Finding> {
        self.sides = [Tapped { tapped: false, healthy: true }; 2];
        for witness in witnesses {
            self.take(witness);
        }
        let unwatched = self.known.judged.is_none_or(|judged| now - judged > JUDGED_EVERY);
        self.known.judged = Some(now);
        let broken = !self.lacks(now).is_empty();
        self.known.since = if broken { None } else { self.known.since.filter(|_| !unwatched).or(Some(now)) };
        let verdict = self.decide(now, witnesses);
        if self.verdict == Some(verdict) {
            return None;
        }
        self.verdict = Some(verdict);
        self.write(now, verdict, rows);
        self.known.refuted.as_ref().map(|refuted| finding(&self.conduit, refuted, now))
    }

    fn take(&mut self, witness: &Witness<'_>) {
        let (sight, far) = (witness.sight, witness.place == Place::To);
        let [before, behind] = &mut self.known.forward;
        (if far { behind } else { before }).merge(sight.forward);
        self.known.attempts += sight.attempts;
        if let (None, Some((proof, mark))) = (&self.known.refuted, sight.refuted) {
            self.known.refuted = Some((proof, mark, witness.tap.into()));
        }
        if witness.place == Place::Link {
            return;
        }
        let ([near_side, far_side], [near_seen, far_seen]) = (&mut self.sides, &mut self.known.canaries);
        let (side, seen) = if far { (far_side, far_seen) } else { (near_side, near_seen) };
        side.tapped = true;
        side.healthy &= witness.report.healthy;
        for (last, canaries) in seen.iter_mut().zip(sight.canaries) {
            if canaries.seen > 0 {
                *last = (*last).max(Some(canaries.last));
            }
        }
    }

    /// What a proof needs at any moment.
    fn lacks(&self, now: Time) -> Vec<Missing> {
        let [near, far] = &self.sides;
        let [[near_forward, _, check], [far_forward, reverse, _]] = self.known.canaries;
        let fresh = |seen: Option<Time>| seen.is_some_and(|seen| now - seen <= CANARY_EVERY);
        let lacks = [
            (Missing::BothSides, !(near.tapped && far.tapped)),
            (Missing::HealthyTaps, !(near.healthy && far.healthy)),
            (Missing::Canaries, self.conduit.canary.is_none()),
            (Missing::GoodCanaries, !(fresh(near_forward) && fresh(far_forward) && fresh(check))),
            (Missing::ReverseCanary, !fresh(reverse)),
        ];
        lacks.into_iter().filter(|(_, lacks)| *lacks).map(|(missing, _)| missing).collect()
    }

    fn decide(&self, now: Time, witnesses: &[Witness<'_>]) -> Verdict {
        if let Some((proof, mark, _)) = &self.known.refuted {
            return Verdict::Refuted(*proof, *mark);
        }
        let near: Vec<_> = witnesses.iter().filter(|witness| witness.place != Place::To).collect();
        if witnesses.is_empty() {
            Verdict::Unobservable(Reason::NoTap)
        } else if near.is_empty() {
            Verdict::Unobservable(Reason::FarSideOnly)
        } else if self.forward().packets == 0 {
            Verdict::Unobservable(Reason::NoTraffic)
        } else if !near.iter().any(|witness| witness.report.healthy) {
            Verdict::Unobservable(Reason::TapUnhealthy)
        } else if self.missing(now).is_empty() {
            Verdict::Proven
        } else {
            Verdict::Consistent
        }
    }

    /// The right way: both sides see the same packets.
    fn forward(&self) -> &Amount {
        let [before, behind] = &self.known.forward;
        if before.packets > 0 { before } else { behind }
    }

    fn write(&self, now: Time, verdict: Verdict, rows: &mut dyn Rows) {
        let refuted = self.known.refuted.as_ref();
        let reason = if let Verdict::Unobservable(reason) = verdict { Some(reason.name()) } else { None };
        let missing: Vec<&str> = match verdict {
            Verdict::Consistent => self.missing(now).into_iter().map(Missing::name).collect(),
            Verdict::Unobservable(_) | Verdict::Proven | Verdict::Refuted(..) => vec![],
        };
        let forward = self.forward();
        let row = ConduitRow {
            conduit: &self.conduit.name,
            declared: true,
            verdict: verdict.name(),
            reason,
            proof: refuted.map(|(proof, ..)| proof.name()),
            frame: refuted.map(|(_, mark, _)| mark.origin.number),
            peer: refuted.map(|(.., tap)| &**tap),
            packets: forward.packets,
            bytes: forward.bytes,
            duration: forward.first.map(|first| forward.last - first.time),
            attempts: self.known.attempts,
            missing: Set(&missing),
        };
        let origin = refuted.map_or(Origin::default(), |(_, mark, _)| mark.origin);
        rows.put(&At { time: now, origin, conversation: None, ot: None }, &row);
    }
}

fn finding(conduit: &Conduit, (proof, mark, tap): &(Proof, Mark, Box<str>), now: Time) -> Finding {
    let (frame, name) = (mark.origin.number, &conduit.name);
    Finding {
        time: mark.time,
        arrived: now,
        rule: "conduit-refuted".into(),
        name: "conduit-refuted".into(),
        title: "A one-way conduit is not one-way".into(),
        severity: Severity::High,
        // Network boundary bridging.
        techniques: vec![Technique("T1599".into())],
        entities: vec![Entity::new(Role::Target, EntityKind::Host, name.clone())],
        fields: vec![],
        evidence: Evidence {
            time: mark.time,
            origin: mark.origin,
            log: "conduit".into(),
            uid: None,
            text: format!("{name}: {} (frame {frame} of {tap})", proof.sentence()).into(),
        },
    }
}
