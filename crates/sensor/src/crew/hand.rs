use super::sheet::Sheet;
use crate::Sensor;
use crate::capture::{Capture, Error, Packet};
use crate::sensor::lane;
use model::Time;
use wire::link::Link;

/// Packets that are dealt out together.
#[derive(Default)]
pub(super) struct Hand {
    bytes: Vec<u8>,
    packets: Vec<Card>,
}

/// A packet in a hand.
struct Card {
    number: u64,
    time: Time,
    wire_len: usize,
    end: usize,
    link: Link,
    /// The shard of its conversation; none where every worker must look.
    lane: Option<u8>,
}

/// Bytes and packets of a hand; a packet more may go beyond.
const BYTES: usize = 1 << 20;
const PACKETS: usize = 8192;

impl Hand {
    /// Takes packets from the capture in place of those before, if it `takes` them; says whether there may be more.
    pub(super) fn fill(
        &mut self,
        capture: &mut Capture,
        takes: &mut dyn FnMut(&Packet<'_>) -> bool,
    ) -> Result<bool, Error> {
        self.bytes.clear();
        self.packets.clear();
        while self.bytes.len() < BYTES && self.packets.len() < PACKETS {
            let Some(packet) = capture.next_packet()? else { return Ok(false) };
            if !takes(&packet) {
                continue;
            }
            self.bytes.extend_from_slice(packet.bytes);
            let Packet { number, time, link, wire_len, .. } = packet;
            let lane = lane(&packet);
            self.packets.push(Card { number, time, wire_len, end: self.bytes.len(), link, lane });
        }
        Ok(true)
    }

    /// How many packets, between which times, if there are any.
    pub(super) fn count(&self) -> Option<(u64, (Time, Time))> {
        let times = || self.packets.iter().map(|card| card.time);
        Some((u64::try_from(self.packets.len()).ok()?, (times().min()?, times().max()?)))
    }

    /// Lets a worker take its share.
    pub(super) fn play(&self, sensor: &mut Sensor, worker: u8, workers: u8, sheet: &mut Sheet) {
        let mut start = 0;
        for card in &self.packets {
            let &Card { number, time, wire_len, end, link, lane } = card;
            sheet.next_packet(number);
            if lane.is_none_or(|lane| lane % workers == worker) {
                let bytes = self.bytes.get(start..end).unwrap_or_default();
                sensor.packet(&Packet { number, time, link, wire_len, bytes }, sheet);
            } else {
                sensor.pass(number, time, wire_len, sheet);
            }
            start = end;
        }
    }
}
