use model::{Entity, EntityKind, Evidence, Finding, Origin, Role, Severity, Time};

/// Share of packets lost in a period at which it is said, and below which it is over.
const RAISE: f64 = 0.001;
const CLEAR: f64 = 0.000_1;
/// Fewer packets than this say nothing.
const PACKETS_LEAST: u64 = 1000;

/// Whether packets are lost between the kernel and the sensor.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct RingLoss {
    /// Packets taken and lost when the period began.
    before: (u64, u64),
    holds: bool,
}

impl RingLoss {
    /// Packets are lost.
    pub(crate) fn holds(&self) -> bool {
        self.holds
    }

    /// Takes how many packets `tap` has taken and lost in all until `now`; a finding when that begins to be too many.
    /// Few packets are added to those of the next period.
    pub(crate) fn judge(&mut self, tap: &str, now: Time, taken: u64, lost: u64) -> Option<Finding> {
        let (taken_now, lost_now) = (taken.saturating_sub(self.before.0), lost.saturating_sub(self.before.1));
        let all = taken_now.saturating_add(lost_now);
        if all < PACKETS_LEAST {
            return None;
        }
        self.before = (taken, lost);
        // Counts of packets fit in the 53 bits of a double.
        #[expect(
            clippy::cast_precision_loss,
            reason = "a share of more packets than 2^53 needs no last digit"
        )]
        let share = lost_now as f64 / all as f64;
        let begins = !self.holds && share > RAISE;
        self.holds = if self.holds { share >= CLEAR } else { begins };
        begins.then(|| finding(tap, now, lost_now, all, share))
    }
}

fn finding(tap: &str, now: Time, lost: u64, all: u64, share: f64) -> Finding {
    let percent = 100.0 * share;
    Finding {
        time: now,
        arrived: now,
        rule: "ring-loss".into(),
        name: "ring-loss".into(),
        title: "Packets are lost at the ring of an interface".into(),
        severity: Severity::Medium,
        techniques: vec![],
        entities: vec![Entity::new(Role::Target, EntityKind::Host, tap)],
        fields: vec![],
        evidence: Evidence {
            time: now,
            origin: Origin::default(),
            log: "stats".into(),
            uid: None,
            text: format!(
                "{tap}: {lost} of {all} packets ({percent:.2} %) were lost because they were not taken in time; \
                 listen to less (a filter), or give it more workers or a faster machine"
            )
            .into(),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loss_is_said_once_and_over_only_when_there_is_next_to_none() {
        let (mut ring, mut taken, mut lost) = (RingLoss::default(), 0, 0);
        let mut judge = |more: u64, gone: u64| {
            (taken, lost) = (taken + more, lost + gone);
            (ring.judge("eth1", Time(0), taken, lost).is_some(), ring.holds())
        };
        assert_eq!(judge(10, 5), (false, false), "too few to tell");
        assert_eq!(judge(100_000, 10), (false, false), "together they are few");
        assert_eq!(judge(100_000, 200), (true, true));
        assert_eq!(judge(100_000, 300), (false, true));
        assert_eq!(judge(100_000, 50), (false, true), "between the limits it stays as it is");
        assert_eq!(judge(100_000, 0), (false, false));
        assert_eq!(judge(100_000, 50), (false, false));
        assert_eq!(judge(1, 0), (false, false));
    }
}
