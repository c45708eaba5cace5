use super::Orders;
use super::sheet::{Sheet, Written};
use crate::Sensor;
use crate::capture::Packet;
use crate::sensor::Counters;
use health::{Period, Setup};
use model::{Span, Time};

/// A worker that gets whole conversations, as a kernel shares them out, and hands over what it wrote from time to time.
///
/// Rows are put in order by the packet's time, see [`Merge`](super::Merge); those of the same nanosecond by worker.
pub struct Listener {
    sensor: Sensor,
    sheet: Sheet,
    /// Time of the latest packet.
    clock: Time,
}

/// A worker that sees nothing is taken to have seen everything up to so long ago: packets are that much late at most.
const LATE: Span = Span(200_000_000);

impl Listener {
    /// Rows are written to `orders`; how many workers there are does not matter to one of them.
    pub fn new(orders: &Orders) -> Self {
        Self { sensor: Sensor::beside_others(orders.file), sheet: Sheet::new(orders), clock: Time(0) }
    }

    /// Takes the next packet.
    #[inline]
    pub fn packet(&mut self, packet: &Packet<'_>) {
        // A clock that was set back must not put rows before those that were handed over.
        self.clock = self.clock.max(packet.time);
        self.sheet.next_packet(self.clock.0.cast_unsigned());
        self.sensor.packet(packet, &mut self.sheet);
    }

    /// Judges whether the tap tells the truth, see [`Sensor::watch_tap`].
    pub fn watch_tap(&mut self, setup: Setup) {
        self.sensor.watch_tap(setup);
    }

    /// What the tap has shown since the last call, to be put together with that of the other workers.
    pub fn tap_period(&mut self) -> Option<Period> {
        self.sensor.tap_period()
    }

    /// Counts so far.
    pub fn counters(&self) -> Counters {
        self.sensor.counters()
    }

    /// Hands over what was written; it is `now`.
    pub fn hand_over(&mut self, now: Time) -> Written {
        // More packets of the latest one's moment may be to come.
        self.clock = self.clock.max(now - LATE);
        self.sheet.hand_over_until((self.clock.0 - 1).cast_unsigned())
    }

    /// Ends all conversations and hands over the rest, with what the tap has shown.
    pub fn finish(mut self) -> (Written, Option<Period>) {
        self.sensor.finish(&mut self.sheet);
        let period = self.sensor.tap_period();
        (self.sheet.hand_over_last(), period)
    }
}
