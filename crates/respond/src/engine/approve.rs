//! Who may say yes or no, and when it counts.

use super::{Engine, TIELINE};
use crate::event::{Event, Of};
use crate::state::PEOPLE_MAX;
use crate::{Approval, Case, Error, GuardInput, Key, Refusal, Role, Run, RunId, RunState, guard};
use model::{Span, Time, Transport};

impl Engine {
    /// Takes an approval. The rule is judged anew with what is known now; with the last approval that was
    /// missing it is put in force.
    ///
    /// # Errors
    /// A [`Refusal`] when the approval does not count or the rule may not be any more; otherwise when the
    /// ledger cannot be written or the firewall does not do it.
    pub fn approve(
        &mut self,
        now: Time,
        run: RunId,
        approval: &Approval,
        input: &GuardInput,
    ) -> Result<(), Error> {
        self.waits(now, run)?;
        if self.judge(now, run, input)? {
            return Err(Refusal::GuardChanged.into());
        }
        if let Err(refusal) = self.counts(now, self.find(run)?, approval) {
            let (of, reason) = (Of::Approval { run }, refusal.to_string());
            self.record(now, &approval.who, Event::Refused { of, reason })?;
            return Err(refusal.into());
        }
        let &Approval { role, signature, by_script, .. } = approval;
        self.record(now, &approval.who, Event::Approved { run, role, signature, by_script })?;
        if self.find(run)?.missing().is_empty() { self.apply(now, run, input) } else { Ok(()) }
    }

    /// Says no to a run. One person is enough, whatever the role.
    ///
    /// # Errors
    /// A [`Refusal`] when the run waits for no decision; otherwise when the ledger cannot be written.
    pub fn refuse(&mut self, now: Time, run: RunId, who: &str, reason: &str) -> Result<(), Error> {
        self.waits(now, run)?;
        self.record(now, who, Event::Refused { of: Of::Run { run }, reason: reason.to_owned() })
    }

    /// Writes down that `who` has done what the playbook leaves to people.
    ///
    /// # Errors
    /// A [`Refusal`] when the run is not in force; otherwise when the ledger cannot be written.
    pub fn told(&mut self, now: Time, run: RunId, who: &str) -> Result<(), Error> {
        let state = self.find(run)?.state;
        if state != RunState::Active {
            return Err(Refusal::NotInForce { run, state }.into());
        }
        self.record(now, who, Event::Told { run })
    }

    /// Gives a person a role, with the public key that approvals are checked with. A new key takes the place
    /// of the old one and voids what was approved with that.
    ///
    /// # Errors
    /// A [`Refusal`] when somebody else has this key or too many people are enrolled; otherwise when the
    /// ledger cannot be written.
    pub fn enrol(&mut self, now: Time, who: &str, role: Role, key: Key) -> Result<(), Error> {
        let people = &self.state.people;
        let has = |person: &crate::state::Person| person.roles.values().any(|other| *other == key);
        if let Some((other, _)) = people.iter().find(|(other, person)| *other != who && has(person)) {
            return Err(Refusal::KeyTaken(other.clone()).into());
        }
        if people.get(who).is_some_and(|person| person.roles.get(&role) == Some(&key)) {
            return Ok(());
        }
        if people.len() >= PEOPLE_MAX && !people.contains_key(who) {
            return Err(Refusal::TooManyPeople(PEOPLE_MAX).into());
        }
        self.record(now, TIELINE, Event::Enrolled { person: who.to_owned(), role, key })
    }

    /// Takes a role from a person; approvals given in it to runs that still wait are void.
    ///
    /// # Errors
    /// A [`Refusal`] when the person has not the role; otherwise when the ledger cannot be written.
    pub fn revoke(&mut self, now: Time, who: &str, role: Role) -> Result<(), Error> {
        self.key(who, role)?;
        self.record(now, TIELINE, Event::Revoked { person: who.to_owned(), role })
    }

    /// Writes down that a person has logged in. Whoever checked that vouches for it.
    ///
    /// # Errors
    /// When the ledger cannot be written.
    pub fn login(&mut self, now: Time, who: &str) -> Result<(), Error> {
        self.record(now, who, Event::Login)
    }

    /// People who may approve, with their roles and keys.
    pub fn people(&self) -> impl Iterator<Item = (&str, Role, Key)> {
        let roles = |(who, person)| {
            let person: &crate::state::Person = person;
            let who: &String = who;
            person.roles.iter().map(move |(role, key)| (who.as_str(), *role, *key))
        };
        self.state.people.iter().flat_map(roles)
    }

    fn waits(&mut self, now: Time, run: RunId) -> Result<(), Error> {
        let state = self.find(run)?.state;
        if state != RunState::Waiting {
            return Err(Refusal::NotWaiting { run, state }.into());
        }
        if now >= self.find(run)?.request.lapses {
            self.record(now, TIELINE, Event::Lapsed { run })?;
            return Err(Refusal::Lapsed(run).into());
        }
        Ok(())
    }

    /// Whether an approval counts: the first thing that is wrong with it.
    fn counts(&self, now: Time, run: &Run, approval: &Approval) -> Result<(), Refusal> {
        let who = &approval.who;
        let key = self.key(who, approval.role)?;
        if !self.logged_in(now, who) {
            let minutes = self.settings.login_max.0.div_euclid(Span::s(60).0);
            return Err(Refusal::NotLoggedIn { who: who.clone(), minutes });
        }
        if *who == run.request.asker && !self.settings.asker_may_approve {
            return Err(Refusal::AskerApproves(who.clone()));
        }
        if run.approvals.iter().any(|given| given.who == *who) {
            return Err(Refusal::SamePerson(who.clone()));
        }
        if !run.missing().contains(&approval.role) {
            return Err(Refusal::RoleGiven(approval.role));
        }
        let (typed, asset) = (approval.asset.trim(), &run.request.target.name);
        if !typed.eq_ignore_ascii_case(asset) {
            return Err(Refusal::WrongAsset { typed: typed.to_owned(), asset: asset.clone() });
        }
        let valid = key.verifies(&run.to_sign(), &approval.signature);
        if valid { Ok(()) } else { Err(Refusal::BadSignature(who.clone())) }
    }

    fn key(&self, who: &str, role: Role) -> Result<Key, Refusal> {
        let key = self.state.people.get(who).and_then(|person| person.roles.get(&role));
        key.copied().ok_or_else(|| Refusal::NotEnrolled { who: who.to_owned(), role })
    }

    /// A log-in in the future is none: then the clock was set back.
    fn logged_in(&self, now: Time, who: &str) -> bool {
        let login = self.state.people.get(who).and_then(|person| person.login);
        login.is_some_and(|login| (Time(0)..=now).contains(&login) && now - login <= self.settings.login_max)
    }

    /// Judges the rule of a waiting run with what is known now. Whether that differs from what people were
    /// shown; then what they signed is void.
    pub(super) fn judge(&mut self, now: Time, id: RunId, input: &GuardInput) -> Result<bool, Error> {
        let run = self.find(id)?;
        let report = guard::check(&run.request.blocks, input);
        let rule = self.firewall.render(&run.effects());
        if run.report.as_ref().is_some_and(|known| known.hash == report.hash) && run.rule == rule {
            return Ok(false);
        }
        let judged = self.judged(report.clone());
        self.record(now, TIELINE, Event::Simulated { run: id, rule, report })?;
        if let Err(refusal) = judged {
            self.give_up(now, id, refusal)?;
        }
        Ok(true)
    }

    /// Ends a waiting run that may not be any more.
    pub(super) fn give_up(&mut self, now: Time, run: RunId, refusal: Refusal) -> Result<(), Error> {
        let reason = refusal.to_string();
        self.record(now, TIELINE, Event::Refused { of: Of::Run { run }, reason })?;
        Err(refusal.into())
    }
}

impl Run {
    /// The question that the run answers, as it was asked.
    pub(super) fn case(&self) -> Case {
        let first = self.request.blocks.first();
        let (transport, port) = first.map_or((Transport::Tcp, 0), |block| (block.transport(), block.port()));
        Case {
            incident: self.request.incident.clone(),
            title: self.request.title.clone(),
            source: self.request.source.clone(),
            target: self.request.target.clone(),
            transport,
            port,
            wanted: self.request.ttl.span(),
        }
    }
}
