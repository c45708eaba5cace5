use crate::talk::Talk;
use crate::taps::{RingLoss, sentence};
use health::{Judge, Period};
use model::{Rows, Time};

/// The taps that are listened to, each judged when all its workers have handed over their part of a period.
pub(super) struct Taps<'a> {
    taps: Vec<Tap>,
    /// Workers at each.
    workers: usize,
    talk: &'a Talk,
}

struct Tap {
    name: String,
    judge: Judge,
    ring: RingLoss,
    /// What came of the period so far, and from how many workers. One that is a whole period behind the others falls
    /// into the next.
    period: Period,
    parts: usize,
}

impl<'a> Taps<'a> {
    pub(super) fn new(names: &[String], workers: usize, talk: &'a Talk) -> Self {
        let tap = |name: &String| Tap {
            name: name.clone(),
            judge: Judge::new(name, vec![]),
            ring: RingLoss::default(),
            period: Period::default(),
            parts: 0,
        };
        Self { taps: names.iter().map(tap).collect(), workers: workers.max(1), talk }
    }

    /// Takes a worker's part of the period that ends at `now`; `passed` says how many packets each worker took and lost
    /// so far.
    pub(super) fn take(
        &mut self,
        worker: usize,
        part: Period,
        passed: &[(u64, u64)],
        now: Time,
        rows: &mut dyn Rows,
    ) {
        let (place, workers) = (worker / self.workers, self.workers);
        let Some(tap) = self.taps.get_mut(place) else { return };
        tap.period.merge(part);
        tap.parts += 1;
        if tap.parts < workers {
            return;
        }
        let own = passed.iter().skip(place * workers).take(workers);
        let (taken, lost) = own.fold((0, 0), |sum, (taken, lost)| (sum.0 + taken, sum.1 + lost));
        tap.parts = 0;
        let mut findings = tap.judge.judge(now, std::mem::take(&mut tap.period), rows).findings;
        findings.extend(tap.ring.judge(&tap.name, now, taken, lost));
        findings.iter().for_each(|finding| self.talk.warn(sentence(finding)));
    }
}
