//! Putting in force and taking back, each told to the ledger first and read back afterwards.

use super::Engine;
use crate::event::Event;
use crate::{Block, Effect, Error, Firewall, GuardInput, InForce, Pending, Refusal, Run, RunId, RunState};
use model::{Span, Time};

/// How far a firewall's clock and ours may be apart over one call.
pub(super) const SLACK: Span = Span::s(2);

/// What became of a lift.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Lifted {
    /// The flow passes again, and it is written down.
    Recorded,
    /// The flow passes again, but the ledger could not be written: why.
    Unrecorded(String),
}

impl Engine {
    /// Puts the rule of a run in force, after a last look whether it may be.
    pub(super) fn apply(&mut self, now: Time, id: RunId, input: &GuardInput) -> Result<(), Error> {
        let run = self.find(id)?;
        let (effects, expires) = (run.effects(), now + run.request.ttl.span());
        match self.plan(now, &run.case(), input) {
            Ok(plan) if plan.blocks == run.request.blocks => {}
            Ok(_) => return self.give_up(now, id, Refusal::GuardChanged),
            Err(refusal) => return self.give_up(now, id, refusal),
        }
        self.record(now, super::TIELINE, Event::Intent { run: id, expires })?;
        let told = self.firewall.put(&effects);
        let found = self.read();
        let why = told.err().map(|error| error.to_string());
        match found {
            Ok(found) => self.settle(now, id, &found, why)?,
            Err(error) => return Err(error),
        }
        match (self.find(id)?.state, &self.find(id)?.reason) {
            (RunState::Failed, Some(reason)) => Err(Refusal::NotPut(reason.clone()).into()),
            _ => Ok(()),
        }
    }

    /// Takes a rule back. One person is enough, nobody need agree, and a ledger that cannot be written does
    /// not stand in the way.
    ///
    /// # Errors
    /// A [`Refusal`] when the run is not in force; otherwise when the firewall cannot be read or still has
    /// it.
    pub fn lift(&mut self, now: Time, run: RunId, who: &str, reason: &str) -> Result<Lifted, Error> {
        let state = self.find(run)?.state;
        if state != RunState::Active {
            return Err(Refusal::NotInForce { run, state }.into());
        }
        let blocks = self.find(run)?.request.blocks.clone();
        let intent = self.record(now, who, Event::Lifting { run, reason: reason.to_owned() });
        let told = self.firewall.remove(&blocks);
        let found = self.read()?;
        if holds_any(&found, run) {
            return Err(told.map_or_else(
                |source| Error::Firewall { what: "tell", source },
                |()| Error::StillInForce(run.to_string()),
            ));
        }
        let lifted = Event::Lifted { run, reason: reason.to_owned() };
        match intent.and_then(|()| self.record(now, who, lifted.clone())) {
            Ok(()) => Ok(Lifted::Recorded),
            Err(error) => {
                // What is true must be known, even where it cannot be written down.
                self.state.apply(&crate::Entry { number: 0, at: now, who: who.to_owned(), event: lifted });
                Ok(Lifted::Unrecorded(chain(&error)))
            }
        }
    }

    /// Takes back every rule that is in force; the emergency stop. Goes on when one of them does not come
    /// out.
    ///
    /// # Errors
    /// The last that went wrong, after all were tried.
    pub fn lift_all(&mut self, now: Time, who: &str, reason: &str) -> Result<Vec<(RunId, Lifted)>, Error> {
        let active: Vec<RunId> = self.state.in_state(RunState::Active).map(|run| run.id).collect();
        let (mut lifted, mut failed) = (Vec::new(), None);
        for run in active {
            match self.lift(now, run, who, reason) {
                Ok(how) => lifted.push((run, how)),
                Err(error) => failed = Some(error),
            }
        }
        failed.map_or(Ok(lifted), Err)
    }

    pub(super) fn read(&mut self) -> Result<Vec<InForce>, Error> {
        self.firewall.list().map_err(|source| Error::Firewall { what: "read", source })
    }

    /// Settles what was begun by what was read back. `why` tells what the firewall said to it, if anything.
    pub(super) fn settle(
        &mut self,
        now: Time,
        id: RunId,
        found: &[InForce],
        why: Option<String>,
    ) -> Result<(), Error> {
        match self.find(id)?.pending.clone() {
            None => Ok(()),
            Some(Pending::Put) => self.settle_put(now, id, found, why),
            Some(Pending::Lift { who, reason }) => self.settle_lift(now, id, found, (&who, reason)),
        }
    }

    fn settle_put(
        &mut self,
        now: Time,
        id: RunId,
        found: &[InForce],
        why: Option<String>,
    ) -> Result<(), Error> {
        let run = self.find(id)?;
        let missing = run.effects().iter().filter(|effect| !is_there(run, effect, found, now)).count();
        let (parts, blocks) = (run.effects().len(), run.request.blocks.clone());
        if missing == 0 {
            return self.outcome(now, id, true, "read back from the firewall".to_owned());
        }
        let why = why.unwrap_or_else(|| "it was not there when the firewall was read back".to_owned());
        let why =
            if missing < parts { format!("{why}; {missing} of {parts} parts were missing") } else { why };
        // All or nothing: a part that is in force, or in force without an end, is taken back.
        if holds_any(found, id) {
            self.withdraw(id, &blocks)?;
        }
        self.outcome(now, id, false, why)
    }

    /// A lift that was interrupted is brought to its end: somebody wanted the flow back.
    fn settle_lift(
        &mut self,
        now: Time,
        run: RunId,
        found: &[InForce],
        (who, reason): (&str, String),
    ) -> Result<(), Error> {
        if holds_any(found, run) {
            let blocks = self.find(run)?.request.blocks.clone();
            self.withdraw(run, &blocks)?;
        }
        self.record(now, who, Event::Lifted { run, reason })
    }

    fn withdraw(&mut self, run: RunId, blocks: &[Block]) -> Result<(), Error> {
        self.firewall.remove(blocks).map_err(|source| Error::Firewall { what: "tell", source })?;
        if holds_any(&self.read()?, run) { Err(Error::StillInForce(run.to_string())) } else { Ok(()) }
    }

    fn outcome(&mut self, now: Time, run: RunId, in_force: bool, text: String) -> Result<(), Error> {
        self.record(now, super::TIELINE, Event::Outcome { run, in_force, text })
    }
}

/// Takes back everything of Tieline's that a firewall holds, without ledger or engine: for the day when those
/// are what is broken.
///
/// # Errors
/// When the firewall does not answer, or still holds something.
pub fn lift_all(firewall: &mut dyn Firewall) -> Result<usize, Error> {
    let mut read = || firewall.list().map_err(|source| Error::Firewall { what: "read", source });
    let blocks: Vec<Block> = read()?.into_iter().map(|found| found.block).collect();
    firewall.remove(&blocks).map_err(|source| Error::Firewall { what: "tell", source })?;
    let mut left = firewall.list().map_err(|source| Error::Firewall { what: "read", source })?.into_iter();
    left.next().map_or(Ok(blocks.len()), |left| Err(Error::StillInForce(left.id.to_string())))
}

/// Whether the firewall holds an effect as it was meant: the same flow, and an end no later than the ledger
/// says.
pub(super) fn is_there(run: &Run, effect: &Effect, found: &[InForce], now: Time) -> bool {
    let latest = run.expires.map_or(Span::default(), |end| end - now);
    found.iter().any(|found| {
        let ends = found.remaining.is_some_and(|remaining| remaining.0 <= latest.0.saturating_add(SLACK.0));
        found.id == effect.id && found.block == effect.block && ends
    })
}

pub(super) fn holds_any(found: &[InForce], run: RunId) -> bool {
    found.iter().any(|found| found.id.run == run)
}

/// An error with its causes in one line.
pub(super) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}
