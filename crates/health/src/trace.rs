//! What a tap remembers of a conversation: enough to tell what it missed of it.
//!
//! The receiver of a TCP connection tells what it has; a bystander that has less was not shown it. Up to two
//! holes per direction are followed: one that is acknowledged while it is open was lost on the way to the
//! tap, one that is filled before was lost on the way to the receiver and sent again. An acknowledgment that
//! runs ahead of what was seen is counted as lost and taken back when the bytes come late, which is what a
//! mirror does that queues its two directions apart. Sources: RFC 9293, 3.4 and 3.8; the counts of a gap and
//! of an acknowledgment are Zeek's (`capture_loss`).

use wire::transport::Tcp;

/// What is known of a conversation; 64 bytes, part of the caller's own record of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Trace {
    ways: [Way; 2],
    /// Place of the pair of networks in the tap's table; 0 is none.
    pub(crate) pair: u16,
    /// When an acknowledgment last ran ahead, in units of 4 ms, wrapping.
    ahead_at: u16,
    /// Groups that the ends belong to; 0 is none.
    pub(crate) groups: [u8; 2],
    pub(crate) flags: Flags,
    /// Period of the tap and steps of its clock at the latest segment.
    pub(crate) epoch: u8,
}

/// Facts about a conversation, one bit each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Flags(u8);

impl Flags {
    /// The pair's first network is that of the end that was called.
    pub(crate) const TURNED: u8 = 1;
    /// It is counted as seen from both sides.
    pub(crate) const TWO_SIDED: u8 = 2;
    /// It is counted as seen from one side.
    pub(crate) const ONE_SIDED: u8 = 4;
    /// It has one receiver.
    pub(crate) const UNICAST: u8 = 8;
    /// One of its ends belongs to a group.
    pub(crate) const GROUPED: u8 = 16;
    /// It belongs to a declared conduit.
    pub(crate) const WATCHED: u8 = 32;

    #[inline]
    pub(crate) fn has(self, bit: u8) -> bool {
        self.0 & bit != 0
    }

    pub(crate) fn set(&mut self, bit: u8, on: bool) {
        self.0 = if on { self.0 | bit } else { self.0 & !bit };
    }

    pub(crate) fn with(mut self, bit: u8, on: bool) -> Self {
        self.set(bit, on);
        self
    }
}

/// One direction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Way {
    /// One more than the highest sequence number seen.
    high: u32,
    /// The highest acknowledgment that the other end sent.
    acked: u32,
    holes: [Hole; 2],
    /// Packets, up to the most the number holds.
    packets: u16,
    state: u8,
}

/// Has sent a segment.
const SEEN: u8 = 1;
/// `acked` says something though the sender was not seen.
const ACK_KNOWN: u8 = 2;
/// The other end's acknowledgment has moved.
const ACK_MOVED: u8 = 4;
/// One bit per hole: it was acknowledged and counted as lost.
const LOST: [u8; 2] = [8, 16];
/// Sent new bytes: never, once, twice, oftener.
const SENT_ONCE: u8 = 32;
const SENT_MASK: u8 = 32 | 64;
/// Has a hole.
const HOLES: u8 = 128;

/// Sequence numbers not seen, the end not among them; empty when both are equal.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Hole {
    start: u32,
    end: u32,
}

/// A jump of sequence numbers that is taken for something else than missing bytes.
const JUMP_MAX: i32 = 1 << 22;
const JUMP_MIN: i32 = -JUMP_MAX;
/// Bytes that come so much later than their acknowledgment, in units of 4 ms, were not late but sent again.
const LATE_MAX: u16 = 25;
/// Segments of one direction after which nothing from the other means that it is not seen.
const ONE_SIDED_AFTER: u16 = 8;

/// What segments told, to be added up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Told {
    /// Acknowledgments that moved.
    pub(crate) acks: u64,
    /// Of these, how many covered bytes not seen.
    pub(crate) gaps: u64,
    /// Bytes not seen.
    pub(crate) lost_bytes: u64,
    /// Acknowledgments that ran ahead of bytes which came after all.
    pub(crate) late: u64,
    /// Conversations seen from both sides, and from one; may fall when the other side turns up.
    pub(crate) two_sided: i64,
    pub(crate) one_sided: i64,
    /// What the latest segment told, for the tap to take: bits of [`news`].
    pub(crate) news: u8,
}

/// Bits of [`Told::news`].
pub(crate) mod news {
    pub(crate) const GAP: u8 = 1;
    pub(crate) const LATE: u8 = 2;
    pub(crate) const ONE_SIDED: u8 = 4;
}

impl Told {
    pub(crate) fn merge(&mut self, other: Told) {
        self.acks += other.acks;
        self.gaps += other.gaps;
        self.lost_bytes += other.lost_bytes;
        self.late += other.late;
        self.two_sided += other.two_sided;
        self.one_sided += other.one_sided;
    }
}

/// What one segment was to its conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fit {
    /// Nothing to say: a beginning, a reset, an acknowledgment of nothing new.
    Unknown,
    /// It was seen before.
    Again,
    /// It follows upon what was seen; `answers` when it covers what was outstanding.
    Next {
        /// Whether bytes of the other end had been waiting for it.
        answers: bool,
    },
    /// Something before it was not seen.
    Gap,
}

impl Trace {
    /// Packets of both directions, the opener's first; a number that is full stays so.
    pub fn packets(&self) -> [u16; 2] {
        self.ways.map(|way| way.packets)
    }

    #[inline]
    fn ways(&mut self, back: bool) -> (&mut Way, &mut Way) {
        let [first, second] = &mut self.ways;
        if back { (second, first) } else { (first, second) }
    }

    /// Counts a packet; says whether it is the first of its direction.
    #[inline]
    pub(crate) fn count(&mut self, back: bool) -> bool {
        let (way, _) = self.ways(back);
        way.packets = way.packets.saturating_add(1);
        way.packets == 1
    }

    /// Whether the sender's acknowledgment has moved: it has heard from the other end.
    pub(crate) fn has_heard(&self, back: bool) -> bool {
        let [first, second] = &self.ways;
        let other = if back { first } else { second };
        other.state & ACK_MOVED != 0
    }

    /// Takes a segment if it is a usual one: of a conversation seen from both sides and without holes, it
    /// begins where the last one ended, and acknowledges what was seen. Says whether it took it.
    #[inline]
    pub(crate) fn follows(&mut self, header: &Tcp<'_>, len: usize, back: bool, told: &mut Told) -> bool {
        const CONTROL: u8 = 0x07;
        const ACK: u8 = 0x10;
        let known = self.flags.has(Flags::TWO_SIDED) && header.flags.0 & (CONTROL | ACK) == ACK;
        let (way, other) = self.ways(back);
        let ahead = delta(header.ack, other.acked);
        let follows = known
            && header.seq == way.high
            && (way.state | other.state) & (SEEN | HOLES) == SEEN
            && ahead >= 0
            && delta(header.ack, other.high) <= 0;
        if follows {
            way.high = header.seq.wrapping_add(low32(len));
            if ahead > 0 {
                other.acked = header.ack;
                other.state |= ACK_MOVED;
                told.acks = told.acks.wrapping_add(1);
            }
        }
        follows
    }

    /// Takes any segment of `len` bytes; `now` is in units of 4 ms.
    pub(crate) fn segment(&mut self, header: &Tcp<'_>, len: usize, back: bool, now: u16, told: &mut Told) {
        if header.flags.rst() {
            return;
        }
        let Self { ways: [first, second], ahead_at, .. } = self;
        let (way, other) = if back { (second, first) } else { (first, second) };
        let control = u32::from(header.flags.fin()) + u32::from(header.flags.syn());
        let past = header.seq.wrapping_add(low32(len)).wrapping_add(control);
        if way.state & SEEN != 0 && header.seq == way.high {
            way.reach(past);
        } else {
            way.jump(header.seq, past, now, *ahead_at, told);
        }
        if header.flags.ack() && header.ack != other.acked {
            other.acknowledge(header.ack, now, ahead_at, told);
        }
        if !self.flags.has(Flags::TWO_SIDED) {
            self.judge_sides(header, back, told);
        }
    }

    /// What a segment would be to the conversation as it stands.
    pub(crate) fn fit(&self, header: &Tcp<'_>, len: usize, back: bool) -> Fit {
        let [first, second] = &self.ways;
        let (way, other) = if back { (second, first) } else { (first, second) };
        if way.state & SEEN == 0 || header.flags.rst() || !header.flags.ack() {
            return Fit::Unknown;
        }
        let answers = header.ack == other.high && other.acked != other.high;
        let says = len > 0 || answers;
        match delta(header.seq, way.high) {
            0 if (1..=JUMP_MAX).contains(&delta(header.ack, other.high)) => Fit::Gap,
            0 if says && (answers || header.ack == other.acked) => Fit::Next { answers },
            1..=JUMP_MAX => Fit::Gap,
            JUMP_MIN..0 if len > 0 => Fit::Again,
            _ => Fit::Unknown,
        }
    }

    /// Takes the conversation up where it is now: what was missed meanwhile is told by the silence.
    pub(crate) fn resume(&mut self) {
        for way in &mut self.ways {
            *way = Way { packets: way.packets, ..Way::default() };
        }
    }

    /// Counts the conversation for another period, as it stood in the one before.
    pub(crate) fn goes_on(&self, told: &mut Told) {
        told.two_sided += i64::from(self.flags.has(Flags::TWO_SIDED));
        told.one_sided += i64::from(self.flags.has(Flags::ONE_SIDED));
    }

    /// Whether both sides are seen.
    fn judge_sides(&mut self, header: &Tcp<'_>, back: bool, told: &mut Told) {
        let (way, other) = self.ways(back);
        let both = way.state & SEEN != 0 && other.state & SEEN != 0;
        let alone = other.state & SEEN == 0 && way.packets >= ONE_SIDED_AFTER && way.speaks_to(other);
        if both && !header.flags.syn() {
            self.flags.set(Flags::TWO_SIDED, true);
            told.two_sided += 1;
            told.one_sided -= i64::from(self.flags.has(Flags::ONE_SIDED));
            self.flags.set(Flags::ONE_SIDED, false);
        } else if alone && !self.flags.has(Flags::ONE_SIDED) && self.flags.has(Flags::UNICAST) {
            self.flags.set(Flags::ONE_SIDED, true);
            told.one_sided += 1;
            told.news |= news::ONE_SIDED;
        }
    }

    /// The conversation is over: what was too short to be judged before is judged now.
    pub(crate) fn end(&mut self, told: &mut Told) {
        let [first, second] = self.ways;
        let alone = |way: &Way, other: &Way| other.state & SEEN == 0 && way.speaks_to(other);
        let alone = alone(&first, &second) || alone(&second, &first);
        if alone && self.flags.has(Flags::UNICAST) && !self.flags.has(Flags::ONE_SIDED) {
            self.flags.set(Flags::ONE_SIDED, true);
            told.one_sided += 1;
            told.news |= news::ONE_SIDED;
        }
    }
}

impl Way {
    /// The usual segment: it begins where the last one ended.
    #[inline]
    fn reach(&mut self, past: u32) {
        if past != self.high {
            self.high = past;
            if self.state & SENT_MASK != SENT_MASK {
                self.state += SENT_ONCE;
            }
        }
    }

    /// A first segment, a repeat, or one behind a hole.
    #[cold]
    fn jump(&mut self, seq: u32, past: u32, now: u16, ahead_at: u16, told: &mut Told) {
        let ahead = delta(seq, self.high);
        if self.state & SEEN == 0 {
            let acked = if self.state & ACK_KNOWN == 0 { seq } else { self.acked };
            (self.high, self.acked) = (past, acked);
            self.state |= SEEN;
        } else if !(JUMP_MIN..=JUMP_MAX).contains(&ahead) {
            // Another connection on these ports, or damage.
            (self.high, self.acked, self.holes) = (past, seq, Default::default());
            self.state &= !(LOST[0] | LOST[1] | HOLES);
        } else if ahead > 0 {
            self.open(Hole { start: self.high, end: seq }, false);
            self.reach(past);
        } else {
            self.fill(seq, past, now, ahead_at, told);
            if delta(past, self.high) > 0 {
                self.reach(past);
            }
        }
    }

    /// Remembers a hole. A third at a time is not followed: what it loses is not counted.
    fn open(&mut self, hole: Hole, lost: bool) {
        for (place, bit) in self.holes.iter_mut().zip(LOST) {
            // A lost hole only waits for bytes that may be late.
            if place.is_empty() || (self.state & bit != 0) {
                *place = hole;
                self.state = HOLES | if lost { self.state | bit } else { self.state & !bit };
                return;
            }
        }
    }

    /// Bytes that were missing come: sent again, or late.
    fn fill(&mut self, seq: u32, past: u32, now: u16, ahead_at: u16, told: &mut Told) {
        for (hole, bit) in self.holes.iter_mut().zip(LOST) {
            let filled = hole.cut(seq, past);
            if filled == 0 || self.state & bit == 0 {
                continue;
            }
            if now.wrapping_sub(ahead_at) <= LATE_MAX {
                told.lost_bytes = told.lost_bytes.saturating_sub(filled.into());
                if hole.is_empty() {
                    told.gaps = told.gaps.saturating_sub(1);
                    told.late += 1;
                    told.news |= news::LATE;
                }
            }
            if hole.is_empty() {
                self.state &= !bit;
            }
        }
        if self.holes.iter().all(|hole| hole.is_empty()) {
            self.state &= !HOLES;
        }
    }

    /// The other end says that it has everything before `ack`.
    #[inline]
    fn acknowledge(&mut self, ack: u32, now: u16, ahead_at: &mut u16, told: &mut Told) {
        let moved = delta(ack, self.acked);
        if self.state & SEEN == 0 {
            self.acknowledged_unseen(ack, moved);
            return;
        }
        if !(1..=JUMP_MAX).contains(&moved) {
            return;
        }
        self.acked = ack;
        self.state |= ACK_MOVED;
        told.acks += 1;
        let ahead = delta(ack, self.high);
        if ahead > 0 || self.state & HOLES != 0 {
            self.lose(ack, ahead, now, ahead_at, told);
        }
    }

    #[cold]
    fn acknowledged_unseen(&mut self, ack: u32, moved: i32) {
        if self.state & ACK_KNOWN == 0 {
            (self.acked, self.state) = (ack, self.state | ACK_KNOWN);
        } else if (1..=JUMP_MAX).contains(&moved) {
            (self.acked, self.state) = (ack, self.state | ACK_MOVED);
        }
    }

    /// Counts what was acknowledged and not seen.
    #[cold]
    fn lose(&mut self, ack: u32, ahead: i32, now: u16, ahead_at: &mut u16, told: &mut Told) {
        let mut lost = 0;
        for (hole, bit) in self.holes.iter().zip(LOST) {
            if !hole.is_empty() && self.state & bit == 0 && delta(ack, hole.end) >= 0 {
                lost += hole.len();
                self.state |= bit;
            }
        }
        if (1..=JUMP_MAX).contains(&ahead) {
            self.open(Hole { start: self.high, end: ack }, true);
            self.high = ack;
            lost += ahead.unsigned_abs();
        }
        if lost > 0 {
            told.gaps += 1;
            told.news |= news::GAP;
            told.lost_bytes += u64::from(lost);
            *ahead_at = now;
        }
    }

    /// Whether it speaks as to somebody who answers: it acknowledges ever more, or sends on and on.
    fn speaks_to(&self, other: &Way) -> bool {
        other.state & ACK_MOVED != 0 || self.state & SENT_MASK == SENT_MASK
    }
}

impl Hole {
    fn is_empty(self) -> bool {
        self.start == self.end
    }

    fn len(self) -> u32 {
        self.end.wrapping_sub(self.start)
    }

    /// Takes `seq` to `past` off one of its ends; returns how many bytes of it that were. Bytes in its middle
    /// leave it as it is: what follows them fills it from there.
    fn cut(&mut self, seq: u32, past: u32) -> u32 {
        if self.is_empty() || delta(past, self.start) <= 0 || delta(self.end, seq) <= 0 {
            return 0;
        }
        let before = self.len();
        if delta(seq, self.start) <= 0 {
            self.start = if delta(past, self.end) < 0 { past } else { self.end };
        } else if delta(past, self.end) >= 0 {
            self.end = seq;
        }
        before.wrapping_sub(self.len())
    }
}

#[inline]
fn low32(len: usize) -> u32 {
    u32::try_from(len).unwrap_or(u32::MAX)
}

/// Distance from `b` to `a` in sequence space, RFC 1982, 3.2.
#[inline]
fn delta(a: u32, b: u32) -> i32 {
    a.wrapping_sub(b).cast_signed()
}

#[cfg(test)]
mod tests;
