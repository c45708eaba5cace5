use model::{Span, Time};
use ring::Stamps;
use serde::Deserialize;

/// Whose clock says when a packet came.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Timestamps {
    #[default]
    Kernel,
    Hardware,
}

impl From<Timestamps> for ring::Timestamps {
    fn from(timestamps: Timestamps) -> Self {
        match timestamps {
            Timestamps::Kernel => Self::Kernel,
            Timestamps::Hardware => Self::Hardware,
        }
    }
}

/// A packet is looked at within half a second. Further apart than this the clocks differ, as by the 37 s between TAI, in
/// which PTP counts, and UTC.
const APART_MAX: Span = Span::s(2);

/// Looks whether the stamps of a card can be relied on; what is wrong with them is said once.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct StampWatch {
    told_unstamped: bool,
    told_apart: bool,
}

impl StampWatch {
    /// Takes what became of the stamps until `now`; what to tell of it.
    pub(crate) fn look(&mut self, stamps: Stamps, now: Time) -> Vec<String> {
        let mut told = vec![];
        if stamps.unstamped > 0 && !std::mem::replace(&mut self.told_unstamped, true) {
            told.push(
                "packets come without a stamp of the card; their time is the kernel's, and stats counts them"
                    .to_owned(),
            );
        }
        let apart = stamps.newest.map_or(Span(0), |newest| newest - now);
        if apart.0.saturating_abs() > APART_MAX.0 && !std::mem::replace(&mut self.told_apart, true) {
            let (seconds, side) =
                (apart.0.saturating_abs() / 1_000_000_000, if apart.0 > 0 { "ahead of" } else { "behind" });
            told.push(format!(
                "the card's clock is {seconds} s {side} this machine's, and so are the times of its packets; set it (phc2sys)"
            ));
        }
        told
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_with_stamps_is_said_once() {
        let mut watch = StampWatch::default();
        let at = |second| Time::from_s_ns(second, 0);
        let mut look = |unstamped, newest: Option<i64>| {
            watch.look(Stamps { unstamped, newest: newest.map(at) }, at(1000)).join("; ")
        };
        assert_eq!(look(0, None), "");
        assert_eq!(look(0, Some(999)), "");
        assert!(look(1, Some(1001)).starts_with("packets come without a stamp"));
        let ahead = look(2, Some(1037));
        assert!(ahead.starts_with("the card's clock is 37 s ahead of this machine's"), "{ahead}");
        assert_eq!(look(3, Some(0)), "");
        let mut other = StampWatch::default();
        let told = other.look(Stamps { unstamped: 0, newest: Some(at(0)) }, at(1000));
        assert!(told.join("").contains("1000 s behind"), "{told:?}");
    }
}
