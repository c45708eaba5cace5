use crate::conduit::{Amount, earlier};
use crate::look::Mark;
use crate::pairs::Passed;
use crate::prefix::Prefix;
use crate::rows::ConduitRow;
use model::{At, Origin, Rows, Set, Span, Time};
use std::collections::BTreeMap;

/// Pairs of segments that look one-way: nobody said that they are, so a frame the other way is a row and no
/// alarm.
#[derive(Debug, Default)]
pub(crate) struct Found {
    pairs: BTreeMap<(Prefix, Prefix), Pair>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Pair {
    /// From the first to the second, and back.
    ways: [Amount; 2],
    heard: bool,
    told: Told,
}

/// What was said of a pair.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Told {
    #[default]
    Nothing,
    OneWay,
    BothWays,
}

/// Pairs that are remembered; further ones are not looked at.
const FOUND_MAX: usize = 4096;
/// Packets and time that make it worth saying that a pair is one-way.
const PACKETS_LEAST: u64 = 1000;
const TIME_LEAST: Span = Span::s(3600);

impl Found {
    /// Takes the traffic of a period; `trusted` says that the tap shows what is there.
    pub(crate) fn judge(
        &mut self,
        now: Time,
        tap: &str,
        trusted: bool,
        passed: &[Passed],
        rows: &mut dyn Rows,
    ) {
        for passed in passed {
            let room = self.pairs.len() < FOUND_MAX;
            let pair = match self.pairs.get_mut(&passed.ends) {
                Some(pair) => pair,
                None if room => self.pairs.entry(passed.ends).or_default(),
                None => continue,
            };
            for (way, more) in pair.ways.iter_mut().zip(passed.ways) {
                way.merge(more);
            }
            pair.heard |= passed.heard.contains(&true);
            pair.judge(now, tap, trusted, passed.ends, rows);
        }
    }
}

impl Pair {
    fn judge(&mut self, now: Time, tap: &str, trusted: bool, ends: (Prefix, Prefix), rows: &mut dyn Rows) {
        let [there, back] = self.ways;
        let turned =
            there.packets == 0 || (back.packets > 0 && earlier(there.first, back.first) == back.first);
        let (way, other, ends) = if turned { (back, there, (ends.1, ends.0)) } else { (there, back, ends) };
        let one_way = other.packets == 0 && !self.heard;
        let lasted = way.first.map_or(Span(0), |first| way.last - first.time);
        let told = match self.told {
            Told::Nothing if one_way && trusted && way.packets >= PACKETS_LEAST && lasted >= TIME_LEAST => {
                Told::OneWay
            }
            Told::OneWay if !one_way => Told::BothWays,
            same @ (Told::Nothing | Told::OneWay | Told::BothWays) => same,
        };
        if told != self.told {
            self.told = told;
            write(now, tap, ends, &way, other.first, told, rows);
        }
    }
}

fn write(
    now: Time,
    tap: &str,
    ends: (Prefix, Prefix),
    way: &Amount,
    against: Option<Mark>,
    told: Told,
    rows: &mut dyn Rows,
) {
    let one_way = told == Told::OneWay;
    let proof = if against.is_some() { "frame" } else { "acknowledgment" };
    let row = ConduitRow {
        conduit: &format!("{} > {}", ends.0, ends.1),
        declared: false,
        verdict: if one_way { "consistent" } else { "refuted" },
        reason: None,
        proof: (!one_way).then_some(proof),
        frame: against.map(|mark| mark.origin.number),
        peer: Some(tap),
        packets: way.packets,
        bytes: way.bytes,
        duration: way.first.map(|first| way.last - first.time),
        attempts: 0,
        missing: Set(&[]),
    };
    let origin = against.map_or(Origin::default(), |mark| mark.origin);
    rows.put(&At { time: now, origin, conversation: None, ot: None }, &row);
}
