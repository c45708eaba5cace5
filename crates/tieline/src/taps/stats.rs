use model::{At, Origin, Rows, Time};
use sensor::{Counters, Stats};

/// What a sensor has done at an interface so far, and what it missed.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Sums {
    pub(crate) counters: Counters,
    /// Packets lost in the ring.
    pub(crate) lost: u64,
    /// Packets without a stamp of the card, where it is to stamp them.
    pub(crate) unstamped: Option<u64>,
}

impl Sums {
    /// Both together.
    pub(crate) fn and(mut self, other: Self) -> Self {
        self.counters.add(&other.counters);
        self.lost += other.lost;
        let both = self.unstamped.unwrap_or_default() + other.unstamped.unwrap_or_default();
        self.unstamped = self.unstamped.or(other.unstamped).map(|_| both);
        self
    }

    /// Writes what came since `then`.
    pub(crate) fn tell(self, name: &str, now: Time, then: Self, rows: &mut dyn Rows) {
        let Self { counters, lost, unstamped } = self;
        let row = Stats {
            peer: name,
            pkts_proc: counters.packets.saturating_sub(then.counters.packets),
            bytes_recv: counters.bytes.saturating_sub(then.counters.bytes),
            pkts_dropped: lost.saturating_sub(then.lost),
            pkts_unstamped: unstamped
                .map(|unstamped| unstamped.saturating_sub(then.unstamped.unwrap_or_default())),
            conversations: counters.conversations.saturating_sub(then.counters.conversations),
            damaged: counters.damaged.saturating_sub(then.counters.damaged),
            mem: crate::soc::memory() / 1_000_000,
        };
        rows.put(&At { time: now, origin: Origin::default(), conversation: None, ot: None }, &row);
    }
}
