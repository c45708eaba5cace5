//! What was learned of a conduit, as the progress keeps it.

use crate::taps::{Followed, Statement};
use health::{Amount, Conduit, Known, Mark, Proof, Side};
use model::{Origin, Time};
use serde::{Deserialize, Serialize};

/// A conduit by name, and what is known of it. Times are nanoseconds since 1970.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct KnownConduit {
    pub(crate) name: String,
    /// Its ends: of others nothing is known.
    ends: String,
    pub(crate) said: Option<Statement>,
    /// The right way, as seen before the diode, and behind it.
    forward: [KnownAmount; 2],
    attempts: u64,
    refuted: Option<Refuted>,
    canaries: [[Option<i64>; 3]; 2],
    since: Option<i64>,
    window: Option<(i64, i64)>,
    judged: Option<i64>,
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct KnownAmount {
    packets: u64,
    bytes: u64,
    first: Option<KnownMark>,
    last: i64,
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct KnownMark {
    time: i64,
    file: u32,
    number: u64,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Refuted {
    proof: String,
    mark: KnownMark,
    tap: String,
}

impl KnownConduit {
    pub(crate) fn new(followed: &Followed) -> Self {
        let (conduit, known) = (followed.conduit(), followed.known());
        let refuted = |(proof, mark, tap): &(Proof, Mark, Box<str>)| Refuted {
            proof: proof.name().to_owned(),
            mark: KnownMark::new(*mark),
            tap: tap.to_string(),
        };
        Self {
            name: conduit.name.to_string(),
            ends: ends(conduit),
            said: followed.said().cloned(),
            forward: known.forward.map(KnownAmount::new),
            attempts: known.attempts,
            refuted: known.refuted.as_ref().map(refuted),
            canaries: known.canaries.map(|side| side.map(|seen| seen.map(|time| time.0))),
            since: known.since.map(|time| time.0),
            window: known.window.map(|(from, to)| (from.0, to.0)),
            judged: known.judged.map(|time| time.0),
        }
    }

    /// Whether it is about this conduit.
    pub(crate) fn is_of(&self, conduit: &Conduit) -> bool {
        *self.name == *conduit.name && self.ends == ends(conduit)
    }

    pub(crate) fn known(&self) -> Known {
        let refuted = |refuted: &Refuted| {
            let proof = Proof::ALL.into_iter().find(|proof| proof.name() == refuted.proof)?;
            Some((proof, refuted.mark.mark(), refuted.tap.as_str().into()))
        };
        Known {
            forward: self.forward.map(KnownAmount::amount),
            attempts: self.attempts,
            refuted: self.refuted.as_ref().and_then(refuted),
            canaries: self.canaries.map(|side| side.map(|seen| seen.map(Time))),
            since: self.since.map(Time),
            window: self.window.map(|(from, to)| (Time(from), Time(to))),
            judged: self.judged.map(Time),
        }
    }
}

/// Both ends in one line.
fn ends(conduit: &Conduit) -> String {
    let side = |side: &Side| {
        let networks = side.networks.iter().map(ToString::to_string);
        networks.chain(side.stations.iter().map(ToString::to_string)).collect::<Vec<_>>().join(" ")
    };
    format!("{} > {}", side(&conduit.from), side(&conduit.to))
}

impl KnownAmount {
    fn new(amount: Amount) -> Self {
        let Amount { packets, bytes, first, last } = amount;
        Self { packets, bytes, first: first.map(KnownMark::new), last: last.0 }
    }

    fn amount(self) -> Amount {
        let Self { packets, bytes, first, last } = self;
        Amount { packets, bytes, first: first.map(KnownMark::mark), last: Time(last) }
    }
}

impl KnownMark {
    fn new(mark: Mark) -> Self {
        Self { time: mark.time.0, file: mark.origin.file, number: mark.origin.number }
    }

    fn mark(self) -> Mark {
        Mark { time: Time(self.time), origin: Origin { file: self.file, number: self.number } }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::taps::{Claims, Declared};
    use health::Place;

    #[test]
    fn what_is_known_is_the_same_after_it_was_kept() {
        let mark = Mark { time: Time(5), origin: Origin { file: 1, number: 7 } };
        let known = Known {
            forward: [Amount { packets: 3, bytes: 4, first: Some(mark), last: Time(9) }, Amount::default()],
            attempts: 2,
            refuted: Some((Proof::ServerHello, mark, "eth1".into())),
            canaries: [[Some(Time(1)), None, None], [None, Some(Time(2)), None]],
            since: Some(Time(3)),
            window: Some((Time(4), Time(5))),
            judged: Some(Time(6)),
        };
        let side = |network: &str| Side { networks: vec![network.parse().unwrap()], stations: vec![] };
        let conduit =
            Conduit { name: "out".into(), from: side("10.1.0.0/16"), to: side("10.2.0.0/16"), canary: None };
        let mut claims = Claims::default();
        let taps = vec![("eth1".into(), Place::Link)];
        let declared = Declared { conduit: conduit.clone(), taps, window: None, renewed: None };
        claims.follow(declared, Some((known.clone(), None)));
        let kept = serde_json::to_string(&KnownConduit::new(&claims.all()[0])).unwrap();
        let again: KnownConduit = serde_json::from_str(&kept).unwrap();
        assert_eq!(again.known(), known);
        assert!(again.is_of(&conduit));
        assert!(!again.is_of(&Conduit { to: side("10.3.0.0/16"), ..conduit }));
    }
}
