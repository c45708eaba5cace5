//! The interfaces under judgement, and the conduits that they listen to.
//!
//! A tap is judged by the clock of its packets, and by the site's when there are none. Packets that are read again after a
//! start teach the tap what is usual; periods that were judged before say nothing anew.

use super::config::{Config, ConfigError};
use super::known::KnownConduit;
use super::progress::Progress;
use crate::taps::{Claims, Rhythm, RingLoss, Sums, Told};
use health::{Condition, Group, Judge, LIMITS, Period, Setup};
use model::{Finding, Rows, Span, Time};
use sensor::Counters;
use std::collections::BTreeMap;

/// All taps, by the numbers of their interfaces.
pub(crate) struct Taps {
    claims: Claims,
    taps: BTreeMap<u32, Tap>,
    rhythm: Rhythm,
    /// Time of the latest frame of any of them.
    heard: Option<Time>,
}

struct Tap {
    name: String,
    judge: Judge,
    ring: RingLoss,
    /// When the period ends while packets are read again.
    rhythm: Rhythm,
    /// Up to when it was judged, before the start and since.
    judged: Option<Time>,
    /// Packets that are read again have passed that moment.
    is_past: bool,
    /// What was counted at the last judgement.
    before: Sums,
}

/// What is shown of a tap.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct State {
    /// What it does not show can be relied on not to be there.
    pub(crate) healthy: bool,
    /// What is wrong with it, by the names of the findings.
    pub(crate) conditions: Vec<&'static str>,
}

/// A judgement of a tap.
pub(crate) struct Judged {
    pub(crate) state: State,
    pub(crate) findings: Vec<Finding>,
}

/// How long packets may be on their way before a period ends without them.
const WAY: Span = Span::s(5);

impl Taps {
    /// Taps of which `progress` says what was learned.
    ///
    /// # Errors
    /// When the configuration says what cannot be.
    pub(crate) fn new(config: &Config, progress: &Progress) -> Result<Self, ConfigError> {
        let mut claims = Claims::default();
        for declared in config.one_way()? {
            let before = progress.conduits.iter().find(|known| known.is_of(&declared.conduit));
            claims.follow(declared, before.map(|known| (known.known(), known.said.clone())));
        }
        Ok(Self { claims, taps: BTreeMap::new(), rhythm: Rhythm::default(), heard: None })
    }

    /// Begins to judge an interface that was judged up to `judged`; what it is to watch.
    pub(crate) fn listen(
        &mut self,
        number: u32,
        name: &str,
        groups: Vec<Group>,
        judged: Option<Time>,
    ) -> anyhow::Result<Setup> {
        let names = groups.iter().map(|group| group.name.clone()).collect();
        let tap = Tap {
            name: name.to_owned(),
            judge: Judge::new(name, names),
            ring: RingLoss::default(),
            rhythm: Rhythm::default(),
            judged,
            is_past: judged.is_none(),
            before: Sums::default(),
        };
        self.taps.insert(number, tap);
        Ok(Setup { groups, conduits: self.claims.of(name), seed: crate::taps::seed()? })
    }

    /// Takes note of a packet that is read again; whether a period ended with it, and if so, whether that is news.
    #[inline]
    pub(crate) fn read_again(&mut self, number: u32, time: Time) -> Option<bool> {
        let tap = self.taps.get_mut(&number)?;
        let passes = !tap.is_past && tap.judged.is_some_and(|judged| time > judged);
        let over = tap.rhythm.is_over(time);
        let was_past = tap.is_past;
        tap.is_past |= passes;
        (passes || over).then_some(was_past)
    }

    /// All packets were read again; whether what the last of them showed was judged before.
    pub(crate) fn is_judged(&self, number: u32) -> bool {
        self.taps.get(&number).is_some_and(|tap| !tap.is_past)
    }

    /// Takes note of frames.
    pub(crate) fn heard(&mut self, last: Time) {
        self.heard = Some(last);
    }

    /// When a period ended, if one did; it is `now` by the clock of the site.
    pub(crate) fn due(&mut self, now: Time) -> Option<Time> {
        let late = |rhythm: &Rhythm| rhythm.late(now).is_none_or(|late| late > WAY);
        let at = self.heard.take().or_else(|| late(&self.rhythm).then_some(now))?;
        self.rhythm.is_over(at).then_some(at)
    }

    /// Whether a tap had packets since it was judged.
    pub(crate) fn has_news(&self, number: u32, counters: Counters) -> bool {
        self.taps.get(&number).is_some_and(|tap| counters.packets > tap.before.counters.packets)
    }

    /// Judges a tap by a period that ends at `now`, of which `sums` were counted so far.
    pub(crate) fn judge(
        &mut self,
        number: u32,
        now: Time,
        period: Period,
        sums: Sums,
        rows: &mut dyn Rows,
    ) -> Option<Judged> {
        let tap = self.taps.get_mut(&number)?;
        let report = tap.judge.judge(now, period, rows);
        tap.judged = tap.judged.max(Some(now));
        sums.tell(&tap.name, now, std::mem::replace(&mut tap.before, sums), rows);
        self.claims.take(&tap.name, &report);
        let mut findings = report.findings;
        findings.extend(tap.ring.judge(&tap.name, now, sums.counters.packets, sums.lost));
        Some(Judged { state: tap.state(report.healthy), findings })
    }

    /// Judges a tap by a period that was judged before the start: it learns, and what began to be wrong is wrong again.
    pub(crate) fn judge_again(
        &mut self,
        number: u32,
        now: Time,
        period: Period,
        counters: Counters,
        rows: &mut dyn Rows,
    ) -> Option<Judged> {
        let tap = self.taps.get_mut(&number)?;
        tap.before.counters = counters;
        let report = tap.judge.judge(now, period, rows);
        let state = tap.state(report.healthy);
        Some(Judged { state, findings: report.findings })
    }

    /// Judges the conduits by what the taps have shown until `now`.
    pub(crate) fn judge_conduits(&mut self, now: Time) -> Vec<Told> {
        self.claims.judge(now)
    }

    /// Conduits that were refuted before the start.
    pub(crate) fn recall_conduits(&mut self, now: Time) -> Vec<Told> {
        self.claims.recall(now)
    }

    /// Up to when each tap was judged, by its name.
    pub(crate) fn judged(&self) -> BTreeMap<String, i64> {
        let judged = |tap: &Tap| Some((tap.name.clone(), tap.judged?.0));
        self.taps.values().filter_map(judged).collect()
    }

    /// What is known of the conduits.
    pub(crate) fn known(&self) -> Vec<KnownConduit> {
        self.claims.all().iter().map(KnownConduit::new).collect()
    }
}

impl Tap {
    fn state(&self, healthy: bool) -> State {
        let rule = |condition: Condition| LIMITS.iter().find(|limit| limit.condition == condition);
        let rules = self.judge.conditions().filter_map(rule).map(|limit| limit.rule);
        let ring = self.ring.holds().then_some("ring-loss");
        State { healthy: healthy && ring.is_none(), conditions: rules.chain(ring).collect() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taps(judged: Option<i64>) -> Taps {
        let mut taps = Taps::new(&Config::default(), &Progress::default()).unwrap();
        taps.listen(0, "eth1", vec![], judged.map(|second| Time::from_s_ns(second, 0))).unwrap();
        taps
    }

    #[test]
    fn what_was_judged_before_the_start_ends_no_period_anew() {
        let mut taps = taps(Some(650));
        let mut read = |second| taps.read_again(0, Time::from_s_ns(second, 0));
        let seen = [10, 299, 301, 601, 650, 651, 899, 901].map(&mut read);
        assert_eq!(seen, [None, None, Some(false), Some(false), None, Some(false), None, Some(true)]);
        assert!(!taps.is_judged(0));
    }

    #[test]
    fn a_period_ends_by_the_packets_clock_and_by_the_sites_when_there_are_none() {
        let mut taps = taps(None);
        let at = |second| Time::from_s_ns(second, 0);
        let mut due = |heard: Option<i64>, now| {
            heard.into_iter().for_each(|second| taps.heard(at(second)));
            taps.due(at(now))
        };
        assert_eq!(due(Some(100), 101), None);
        assert_eq!(due(Some(299), 301), None, "packets are on their way");
        assert_eq!(due(None, 304), None);
        assert_eq!(due(Some(300), 304), Some(at(300)));
        assert_eq!(due(None, 604), None);
        assert_eq!(due(None, 606), Some(at(606)), "a silent tap is judged too");
    }
}
