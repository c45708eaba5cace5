//! What can be wrong with a tap, and the limits at which it is said.

use model::Severity;

/// Something that may be wrong with a tap.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Condition {
    /// Frames come twice.
    Copies,
    /// Frames come twice, as far as frames without an identification tell.
    Repeats,
    /// Only one side of conversations is seen.
    OneSided,
    /// Acknowledgments come before what they acknowledge.
    Late,
    /// Frames are missing.
    Loss,
    /// The capture was taken on one of the hosts.
    Offload,
    /// Frames were damaged on their way.
    Damage,
    /// Addresses or payloads were changed after the capture.
    Rewritten,
    /// Tags were there and are not any more.
    TagsLost,
    /// Hosts of one segment are both tagged and not.
    TagsMixed,
    /// The clock was set.
    Clock,
    /// Something that is usually heard is silent.
    Silence,
}

/// When a condition is said to hold.
///
/// It begins to hold when at least `count_least` of at least `of_least` were so, and their share is `raise`
/// or more; it holds until the share was below `clear` twice in a row. Where there were fewer than
/// `of_least`, periods are added up.
#[derive(Clone, Copy, Debug)]
pub struct Limit {
    /// What it is about.
    pub condition: Condition,
    /// Id of the finding.
    pub rule: &'static str,
    /// Title of the finding.
    pub title: &'static str,
    /// What to do.
    pub advice: &'static str,
    /// How bad.
    pub severity: Severity,
    /// Share at which it begins, 0 to 1.
    pub raise: f64,
    /// Share below which it ends.
    pub clear: f64,
    /// Occurrences that it takes.
    pub count_least: u64,
    /// Of so many.
    pub of_least: u64,
}

/// Every condition, in the order of [`Condition`].
pub static LIMITS: [Limit; 12] = [
    // One in twenty: mirrors that duplicate do so for whole VLANs or ports; stray copies of a redundancy
    // switch-over are few.
    Limit {
        condition: Condition::Copies,
        rule: "tap-copies",
        title: "A tap shows frames twice",
        advice: "mirror one direction of each port, or one VLAN, or ports instead of VLANs",
        severity: Severity::Low,
        raise: 0.05,
        clear: 0.01,
        count_least: 20,
        of_least: 200,
    },
    // Without identifications only the bulk tells: no protocol that is known says nearly everything twice.
    Limit {
        condition: Condition::Repeats,
        rule: "tap-repeats",
        title: "A tap seems to show frames twice",
        advice: "compare with the switch's counters; mirror one direction of each port",
        severity: Severity::Low,
        raise: 0.4,
        clear: 0.2,
        count_least: 100,
        of_least: 200,
    },
    Limit {
        condition: Condition::OneSided,
        rule: "tap-one-sided",
        title: "A tap shows one side of conversations",
        advice: "mirror both directions, and every path where routes are asymmetric",
        severity: Severity::High,
        raise: 0.2,
        clear: 0.05,
        count_least: 3,
        of_least: 3,
    },
    Limit {
        condition: Condition::Late,
        rule: "tap-late",
        title: "A tap shows acknowledgments before what they acknowledge",
        advice: "capture both directions through one queue, or merge them by a common clock",
        severity: Severity::Low,
        raise: 0.01,
        clear: 0.002,
        count_least: 20,
        of_least: 200,
    },
    // Zeek's notice stands at 10 %; decoders of polled protocols lose a row each with every gap, so 1 % is
    // said here.
    Limit {
        condition: Condition::Loss,
        rule: "tap-loss",
        title: "A tap loses frames",
        advice: "a mirror port carries less than the sum of what it mirrors: mirror less, or use a faster port",
        severity: Severity::Medium,
        raise: 0.01,
        clear: 0.005,
        count_least: 5,
        of_least: 100,
    },
    Limit {
        condition: Condition::Offload,
        rule: "tap-offload",
        title: "A capture was taken on a host that takes part in it",
        advice: "checksums of this host say nothing; capture at a tap, or switch offloading off",
        severity: Severity::Info,
        raise: 1.0,
        clear: 1.0,
        count_least: 1,
        of_least: 1,
    },
    Limit {
        condition: Condition::Damage,
        rule: "tap-damage",
        title: "A tap shows damaged packets",
        advice: "look for a middlebox, a cable or a memory that is failing on the way to the tap",
        severity: Severity::Medium,
        raise: 0.001,
        clear: 0.0001,
        count_least: 5,
        of_least: 200,
    },
    Limit {
        condition: Condition::Rewritten,
        rule: "tap-rewritten",
        title: "Packets were changed after their checksums were made",
        advice: "addresses or payloads were replaced, by anonymisation or by a middlebox: check the source",
        severity: Severity::Info,
        raise: 1.0,
        clear: 1.0,
        count_least: 1,
        of_least: 1,
    },
    Limit {
        condition: Condition::TagsLost,
        rule: "tap-tags-lost",
        title: "A tap lost its VLAN tags",
        advice: "the mirror port or the network card strips tags now: VLANs are no longer told apart",
        severity: Severity::Medium,
        raise: 1.0,
        clear: 1.0,
        count_least: 1,
        of_least: 1,
    },
    Limit {
        condition: Condition::TagsMixed,
        rule: "tap-tags-mixed",
        title: "A tap shows hosts of one segment with and without a VLAN tag",
        advice: "one direction or one port is mirrored without tags: set the mirror port to keep them",
        severity: Severity::Low,
        raise: 1.0,
        clear: 1.0,
        count_least: 1,
        of_least: 1,
    },
    Limit {
        condition: Condition::Clock,
        rule: "tap-clock",
        title: "A tap's clock was set",
        advice: "times before and after do not compare: check the sensor's time source",
        severity: Severity::Medium,
        raise: 1.0,
        clear: 1.0,
        count_least: 1,
        of_least: 1,
    },
    Limit {
        condition: Condition::Silence,
        rule: "tap-silence",
        title: "A tap does not hear what it usually hears",
        advice: "check the mirror session, the cable and the hosts that are missing",
        severity: Severity::High,
        raise: 1.0,
        clear: 1.0,
        count_least: 1,
        of_least: 1,
    },
];

/// Judgements in a row below the limit that end a condition.
const CALM: u8 = 2;

/// Whether a condition holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Alarm {
    pub(crate) holds: bool,
    calm: u8,
    count: u64,
    of: u64,
}

impl Alarm {
    /// Takes what a period had; says how many of how many it were when the condition begins to hold.
    pub(crate) fn judge(&mut self, limit: &Limit, count: u64, of: u64) -> Option<(u64, u64)> {
        (self.count, self.of) = (self.count + count, self.of + of);
        if self.of < limit.of_least {
            return None;
        }
        let (count, of) = (std::mem::take(&mut self.count), std::mem::take(&mut self.of));
        let share = share(count, of);
        if share < limit.clear || count == 0 {
            self.calm = self.calm.saturating_add(1);
            self.holds &= self.calm < CALM;
            return None;
        }
        self.calm = 0;
        let begins = !self.holds && share >= limit.raise && count >= limit.count_least;
        self.holds |= begins;
        begins.then_some((count, of))
    }
}

/// `count` of `of`; 0 of nothing.
pub(crate) fn share(count: u64, of: u64) -> f64 {
    // Counts of packets fit in the 53 bits of a double.
    #[expect(clippy::cast_precision_loss, reason = "a share of more packets than 2^53 needs no last digit")]
    let (count, of) = (count as f64, of as f64);
    if of > 0.0 { count / of } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_in_the_order_of_the_conditions() {
        let sorted = LIMITS.is_sorted_by_key(|limit| limit.condition);
        assert!(sorted && LIMITS.iter().all(|limit| limit.clear <= limit.raise));
    }

    #[test]
    fn the_page_of_conditions_is_up_to_date() {
        let mut page = String::from(
            "# Taps\n\nWritten from the code. A condition begins when its share reaches the first limit among at least so \
             many, and ends when the share was below the second twice in a row.\n\n\
             | finding | severity | begins | ends | title | what to do |\n|---|---|---|---|---|---|\n",
        );
        for limit in &LIMITS {
            let percent = |share: f64| format!("{} %", 100.0 * share);
            let (begins, ends) = if limit.of_least == 1 {
                ("the first time".to_owned(), "not any more".to_owned())
            } else {
                let least = format!("{} of {}", limit.count_least, limit.of_least);
                (format!("{}, {least}", percent(limit.raise)), percent(limit.clear))
            };
            let (rule, severity) = (limit.rule, limit.severity.name());
            let Limit { title, advice, .. } = limit;
            page += &format!("| `{rule}` | {severity} | {begins} | {ends} | {title} | {advice} |\n");
        }
        expect_test::expect_file!["../../../docs/reference/taps.md"].assert_eq(&page);
    }

    #[test]
    fn a_condition_begins_once_and_ends_after_two_calm_periods() {
        let limit = &LIMITS[Condition::Loss as usize];
        let mut alarm = Alarm::default();
        let mut judge = |count, of| (alarm.judge(limit, count, of).is_some(), alarm.holds);
        assert_eq!(judge(4, 40), (false, false), "too few to tell");
        assert_eq!(judge(4, 60), (true, true), "added up they are enough");
        assert_eq!(judge(7, 1000), (false, true), "between the limits it stays as it is");
        assert_eq!(judge(1, 1000), (false, true));
        assert_eq!(judge(20, 1000), (false, true));
        assert_eq!(judge(1, 1000), (false, true));
        assert_eq!(judge(0, 1000), (false, false));
        assert_eq!(judge(7, 1000), (false, false), "below the upper limit it does not begin");
        assert_eq!(judge(10, 1000), (true, true));
    }
}
