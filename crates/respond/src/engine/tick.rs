//! What happens by itself: runs lapse, rules end, and the firewall is compared with the ledger.

use super::force::{SLACK, chain, holds_any, is_there};
use super::{Engine, TIELINE};
use crate::event::Event;
use crate::{Error, GuardInput, InForce, Pending, Run, RunId, RunState};
use model::{Span, Time};
use std::collections::BTreeSet;

/// How long after its end a rule may still be seen before that is raised.
const GRACE: Span = Span::s(5);

impl Engine {
    /// Lets time pass: waiting runs lapse or are judged anew, rules that have ended are confirmed, and the
    /// firewall is compared with the ledger. Meant to be called every second; most calls touch nothing.
    ///
    /// What is missing at the firewall is raised and counts as lifted; it is never put in force again. Only a
    /// run that Tieline was stopped in, after the last signature and before anything was begun, is brought to
    /// its end.
    ///
    /// # Errors
    /// When the ledger cannot be written; a firewall that does not answer is a problem that is raised, not an
    /// error.
    pub fn tick(&mut self, now: Time, input: &GuardInput) -> Result<(), Error> {
        for run in self.ids(|run| run.state == RunState::Waiting && now >= run.request.lapses) {
            self.record(now, TIELINE, Event::Lapsed { run })?;
        }
        self.go_on(now, input)?;
        // A clock that was set back must not make the next look a day late.
        let due = self.checked.is_none_or(|last| now < last || now - last >= self.settings.check_every);
        let ended = |run: &Run| run.state == RunState::Active && run.expires.is_some_and(|end| now >= end);
        if due || !self.ids(ended).is_empty() || !self.ids(|run| run.pending.is_some()).is_empty() {
            self.compare(now)?;
        }
        if due {
            self.judge_waiting(now, input)?;
        }
        Ok(())
    }

    /// Runs that all have signed and nobody began: Tieline was stopped in between.
    fn go_on(&mut self, now: Time, input: &GuardInput) -> Result<(), Error> {
        for run in self.ids(|run| run.state == RunState::Waiting && run.missing().is_empty()) {
            match self.judge(now, run, input) {
                Ok(true) | Err(Error::Refused(_)) => continue,
                Ok(false) => {}
                Err(error) => return Err(error),
            }
            match self.apply(now, run, input) {
                // What the firewall did not do is settled and raised when it is compared.
                Ok(()) | Err(Error::Refused(_) | Error::Firewall { .. } | Error::StillInForce(_)) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    fn judge_waiting(&mut self, now: Time, input: &GuardInput) -> Result<(), Error> {
        for run in self.ids(|run| run.state == RunState::Waiting) {
            match self.judge(now, run, input) {
                Ok(_) | Err(Error::Refused(_)) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Reads the firewall and settles, confirms or raises what it shows.
    pub(super) fn compare(&mut self, now: Time) -> Result<(), Error> {
        self.checked = Some(now);
        let found = match self.read() {
            Ok(found) => found,
            Err(error) => return self.raise(now, vec![(None, chain(&error))]),
        };
        let mut problems = Vec::new();
        for run in self.ids(|run| run.pending.is_some()) {
            match self.settle(now, run, &found, None) {
                Err(error @ (Error::Firewall { .. } | Error::StillInForce(_))) => {
                    problems.push((Some(run), chain(&error)));
                }
                other => other?,
            }
        }
        for run in self.ids(|run| run.state == RunState::Active && run.pending.is_none()) {
            problems.extend(self.compare_run(now, run, &found)?);
        }
        problems.extend(self.strangers(&found));
        self.raise(now, problems)
    }

    /// One rule that should be in force, or have ended.
    fn compare_run(
        &mut self,
        now: Time,
        id: RunId,
        found: &[InForce],
    ) -> Result<Option<(Option<RunId>, String)>, Error> {
        let run = self.find(id)?;
        let left = run.expires.map_or(Span::default(), |end| end - now);
        let effects = run.effects();
        let there = effects.iter().filter(|effect| is_there(run, effect, found, now)).count();
        if there == effects.len() && left.0 > -GRACE.0 {
            return Ok(None);
        }
        if !holds_any(found, id) {
            return self.gone(now, id, left);
        }
        let text = if left.0 <= 0 {
            "is still in force after its end; the clock was set, or the firewall does not forget"
        } else {
            "is not in force as it was approved: another flow, a later end, or a part is missing"
        };
        Ok((left.0 <= -GRACE.0 || left.0 > 0).then(|| (Some(id), format!("{id} {text}"))))
    }

    /// A rule that the firewall does not hold any more: it has ended, or somebody took it out.
    fn gone(&mut self, now: Time, run: RunId, left: Span) -> Result<Option<(Option<RunId>, String)>, Error> {
        if left.0 <= 0 {
            self.record(now, TIELINE, Event::Expired { run })?;
        } else if left.0 > SLACK.0 {
            let text = format!(
                "{run} is gone before its end; it was taken out at the firewall and is not put in again"
            );
            self.record(now, TIELINE, Event::Drift { run: Some(run), text: text.clone() })?;
            self.record(now, TIELINE, Event::Lifted { run, reason: text })?;
        }
        Ok(None)
    }

    /// What carries our mark and no run explains.
    fn strangers(&self, found: &[InForce]) -> Vec<(Option<RunId>, String)> {
        let ours: BTreeSet<RunId> = self.state.in_state(RunState::Active).map(|run| run.id).collect();
        let strange = found.iter().filter(|found| !ours.contains(&found.id.run));
        strange
            .map(|found| (None, format!("{} ({}) is in force and nobody approved it", found.id, found.block)))
            .collect()
    }

    /// Writes down what is wrong, each thing once until it was right in between.
    fn raise(&mut self, now: Time, problems: Vec<(Option<RunId>, String)>) -> Result<(), Error> {
        let before = std::mem::take(&mut self.problems);
        for (run, text) in problems {
            if !before.contains(&text) {
                self.record(now, TIELINE, Event::Drift { run, text: text.clone() })?;
            }
            self.problems.insert(text);
        }
        Ok(())
    }

    fn ids(&self, which: impl Fn(&Run) -> bool) -> Vec<RunId> {
        self.state.open().filter(|run| which(run)).map(|run| run.id).collect()
    }
}

/// Whether something was begun that a crash may have cut off.
impl Run {
    /// Whether what was begun is not yet confirmed by reading back.
    pub fn is_unconfirmed(&self) -> bool {
        matches!(self.pending, Some(Pending::Put | Pending::Lift { .. }))
    }
}
