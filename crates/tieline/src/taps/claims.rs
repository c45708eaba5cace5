use health::{Claim, Conduit, Known, Missing, Place, Report, Sight, Verdict, Witness};
use model::{At, Finding, Kept, Record, Rows, Time};
use serde::{Deserialize, Serialize};

/// A conduit that somebody says is one-way.
#[derive(Clone, Debug)]
pub(crate) struct Declared {
    pub(crate) conduit: Conduit,
    /// Taps that listen to it, by name, and where.
    pub(crate) taps: Vec<(Box<str>, Place)>,
    /// The latest maintenance window.
    pub(crate) window: Option<(Time, Time)>,
    /// What was learned before this moment is of another conduit.
    pub(crate) renewed: Option<Time>,
}

/// What is said of a conduit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Statement {
    /// `unobservable`, `consistent`, `proven` or `refuted`.
    pub(crate) verdict: String,
    /// Why it cannot be observed.
    pub(crate) reason: Option<String>,
    /// What is missing for a proof.
    pub(crate) missing: Vec<String>,
}

/// Declared conduits under judgement, over all taps and over time.
#[derive(Debug, Default)]
pub(crate) struct Claims {
    followed: Vec<Followed>,
}

/// A conduit under judgement.
#[derive(Debug)]
pub(crate) struct Followed {
    claim: Claim,
    conduit: Conduit,
    listeners: Vec<Listener>,
    said: Option<Statement>,
}

/// A tap that listens to a conduit.
#[derive(Debug)]
struct Listener {
    tap: Box<str>,
    place: Place,
    /// What the tap was worth the last time; one that was never judged is no witness.
    report: Option<Report>,
    /// What it has seen since the conduit was last judged.
    sight: Sight,
}

/// What a judgement of a conduit came to.
pub(crate) struct Told {
    pub(crate) rows: Vec<Kept>,
    pub(crate) finding: Option<Finding>,
    /// It was not said before, neither before the program was last started.
    pub(crate) is_news: bool,
}

impl Claims {
    /// Claims of which nothing is known.
    pub(crate) fn new(declared: Vec<Declared>) -> Self {
        let mut claims = Self::default();
        declared.into_iter().for_each(|one| claims.follow(one, None));
        claims
    }

    /// Follows a conduit, of which this was known and said before.
    pub(crate) fn follow(&mut self, declared: Declared, before: Option<(Known, Option<Statement>)>) {
        let Declared { conduit, taps, window, renewed } = declared;
        let is_of_this = |known: &Known| renewed.is_none_or(|renewed| known.judged >= Some(renewed));
        let (known, said) = before.filter(|(known, _)| is_of_this(known)).unwrap_or_default();
        let mut claim = Claim::resume(conduit.clone(), known);
        if let Some((from, to)) = window {
            claim.maintenance(from, to);
        }
        let listener = |(tap, place)| Listener { tap, place, report: None, sight: Sight::default() };
        let listeners = taps.into_iter().map(listener).collect();
        self.followed.push(Followed { claim, conduit, listeners, said });
    }

    /// Conduits that a tap is to watch.
    pub(crate) fn of(&self, tap: &str) -> Vec<(Conduit, Place)> {
        let pairs = self
            .followed
            .iter()
            .flat_map(|followed| followed.listeners.iter().map(|listener| (&followed.conduit, listener)));
        let own = pairs.filter(|(_, listener)| &*listener.tap == tap);
        own.map(|(conduit, listener)| (conduit.clone(), listener.place)).collect()
    }

    /// Takes what a tap saw in a period, to be judged with what the others saw.
    pub(crate) fn take(&mut self, tap: &str, report: &Report) {
        let listeners = self.followed.iter_mut().flat_map(|followed| &mut followed.listeners);
        for (listener, sight) in listeners.filter(|listener| &*listener.tap == tap).zip(&report.sights) {
            listener.sight.merge(sight.clone());
            listener.report = Some(Report { findings: vec![], sights: vec![], ..report.clone() });
        }
    }

    /// Judges every conduit by what came since the last time; what is said anew.
    pub(crate) fn judge(&mut self, now: Time) -> Vec<Told> {
        self.followed.iter_mut().filter_map(|followed| followed.judge(now)).collect()
    }

    /// Says again what was found before the program was last started.
    pub(crate) fn recall(&mut self, now: Time) -> Vec<Told> {
        let refuted = self.followed.iter_mut().filter(|followed| followed.known().refuted.is_some());
        refuted.filter_map(|followed| followed.judge(now)).collect()
    }

    /// All conduits, in the order in which they were declared.
    pub(crate) fn all(&self) -> &[Followed] {
        &self.followed
    }
}

impl Followed {
    pub(crate) fn conduit(&self) -> &Conduit {
        &self.conduit
    }

    pub(crate) fn known(&self) -> &Known {
        self.claim.known()
    }

    pub(crate) fn said(&self) -> Option<&Statement> {
        self.said.as_ref()
    }

    fn judge(&mut self, now: Time) -> Option<Told> {
        let witnesses: Vec<Witness<'_>> = self
            .listeners
            .iter()
            .filter_map(|Listener { tap, place, report, sight }| {
                Some(Witness { tap, place: *place, report: report.as_ref()?, sight })
            })
            .collect();
        let mut rows = Rest::default();
        let finding = self.claim.judge(now, &witnesses, &mut rows);
        self.listeners.iter_mut().for_each(|listener| listener.sight = Sight::default());
        let statement = statement(self.claim.verdict()?, &self.claim.missing(now));
        let before = self.said.replace(statement.clone());
        let same =
            |before: &Statement| before.verdict == statement.verdict && before.reason == statement.reason;
        let is_news = !before.as_ref().is_some_and(same);
        let told = Told { rows: rows.0, finding, is_news };
        (!told.rows.is_empty() || told.finding.is_some()).then_some(told)
    }
}

fn statement(verdict: Verdict, missing: &[Missing]) -> Statement {
    let reason =
        if let Verdict::Unobservable(reason) = verdict { Some(reason.name().to_owned()) } else { None };
    let missing = match verdict {
        Verdict::Consistent => missing.iter().map(|missing| missing.name().to_owned()).collect(),
        Verdict::Unobservable(_) | Verdict::Proven | Verdict::Refuted(..) => vec![],
    };
    Statement { verdict: verdict.name().to_owned(), reason, missing }
}

impl Statement {
    /// In one line, for a person.
    pub(crate) fn sentence(&self) -> String {
        match (&self.reason, &self.missing[..]) {
            (Some(reason), _) => format!("{} ({reason})", self.verdict),
            (None, []) => self.verdict.clone(),
            (None, missing) => format!("{}; a proof lacks {}", self.verdict, missing.join(", ")),
        }
    }
}

/// Keeps rows until it is known whether they are news.
#[derive(Default)]
struct Rest(Vec<Kept>);

impl Rows for Rest {
    fn put(&mut self, at: &At<'_>, row: &dyn Record) {
        self.0.push(Kept::new(at, row));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use health::{Amount, Side};
    use model::Span;

    fn declared(renewed: Option<Time>) -> Declared {
        let side = |network: &str| Side { networks: vec![network.parse().unwrap()], stations: vec![] };
        Declared {
            conduit: Conduit {
                name: "plant to history".into(),
                from: side("10.1.0.0/16"),
                to: side("10.2.0.0/16"),
                canary: None,
            },
            taps: vec![("eth1".into(), Place::From), ("eth2".into(), Place::To)],
            window: None,
            renewed,
        }
    }

    /// A healthy tap that saw so many packets go the right way.
    fn report(packets: u64) -> Report {
        let forward = Amount { packets, ..Amount::default() };
        Report { healthy: true, sights: vec![Sight { forward, ..Sight::default() }], ..Report::default() }
    }

    fn verdicts(told: &[Told]) -> Vec<(usize, bool)> {
        told.iter().map(|told| (told.rows.len(), told.is_news)).collect()
    }

    #[test]
    fn taps_that_are_judged_one_after_the_other_are_one_judgement() {
        let mut claims = Claims::new(vec![declared(None)]);
        assert_eq!(claims.of("eth2").len(), 1);
        assert!(claims.of("eth3").is_empty());
        assert_eq!(verdicts(&claims.judge(Time(1))), [(1, true)]);
        let said = |claims: &Claims| claims.all()[0].said().unwrap().sentence();
        assert_eq!(said(&claims), "unobservable (no_tap)");
        claims.take("eth1", &report(5));
        claims.take("eth1", &report(6));
        claims.take("eth2", &report(11));
        assert_eq!(verdicts(&claims.judge(Time(2))), [(1, true)]);
        assert!(said(&claims).starts_with("consistent; a proof lacks canaries"), "{}", said(&claims));
        assert_eq!(claims.all()[0].known().forward.map(|amount| amount.packets), [11, 11]);
        assert_eq!(verdicts(&claims.judge(Time(3))), [], "nothing new");
        assert_eq!(claims.all()[0].known().forward[0].packets, 11, "nothing counts twice");
    }

    #[test]
    fn what_was_said_before_a_restart_is_no_news_and_what_is_renewed_is_forgotten() {
        let mut claims = Claims::new(vec![declared(None)]);
        claims.take("eth1", &report(5));
        claims.judge(Time(1));
        let before = (claims.all()[0].known().clone(), claims.all()[0].said().cloned());
        let again = |renewed| {
            let mut claims = Claims::default();
            claims.follow(declared(renewed), Some(before.clone()));
            claims.take("eth1", &report(1));
            let told = verdicts(&claims.judge(Time(1) + Span::s(1)));
            (told, claims.all()[0].known().forward[0].packets)
        };
        assert_eq!(again(None), (vec![(1, false)], 6));
        assert_eq!(again(Some(Time(2))), (vec![(1, true)], 1));
    }
}
