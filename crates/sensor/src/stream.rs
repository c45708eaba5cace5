//! One direction of a TCP connection put back in order.
//!
//! Positions are relative: the SYN has 0, the first byte of data 1. What was seen first wins where segments overlap.

use std::collections::BTreeMap;

/// What the reassembled stream holds next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Piece<'a> {
    /// Bytes in order.
    Data(&'a [u8]),
    /// So many bytes were never seen.
    Gap(u64),
}

/// Bytes that wait for what comes before them, and how far the stream has come.
#[derive(Debug)]
pub(crate) struct Stream {
    next: u64,
    /// Up to here the other side has acknowledged.
    acked: u64,
    waiting: BTreeMap<u64, Vec<u8>>,
    waiting_bytes: usize,
}

/// Bytes of one direction that wait for a hole to be filled. Beyond it the hole is given up: told as a gap, and
/// the conversation goes on behind it.
pub(crate) const WAITING_MAX: usize = 1024 * 1024;
/// The same while the other side has acknowledged nothing: its packets are probably not seen at all.
const WAITING_UNACKED_MAX: usize = 16 * 1024;
/// Pieces of one direction that wait; segments can be as short as a byte. Beyond it the first hole is given up.
const PIECES_MAX: usize = 4096;
/// Memory that a piece takes beside its bytes.
const PIECE_COST: usize = 64;

impl Default for Stream {
    fn default() -> Self {
        Self { next: 1, acked: 1, waiting: BTreeMap::new(), waiting_bytes: 0 }
    }
}

impl Stream {
    /// Position behind what was delivered.
    pub(crate) fn next(&self) -> u64 {
        self.next
    }

    /// Whether bytes wait for what comes before them.
    pub(crate) fn is_waiting(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// Memory of the bytes that wait.
    #[inline]
    pub(crate) fn held(&self) -> usize {
        self.waiting_bytes + self.waiting.len() * PIECE_COST
    }

    /// Gives up all holes: what waits is delivered.
    pub(crate) fn let_go(&mut self, take: &mut dyn FnMut(Piece<'_>)) {
        while self.is_waiting() {
            self.give_up(take);
        }
    }

    /// Whether bytes wait further ahead than a sender may go before it hears anything (RFC 6928, 2, with room to spare).
    pub(crate) fn is_far_ahead(&self) -> bool {
        const AHEAD_MAX: u64 = 16 * 1024;
        self.waiting.last_key_value().is_some_and(|(at, kept)| at + length(kept) - self.next > AHEAD_MAX)
    }

    /// Takes a segment at `position`; `acknowledged` says whether the other side has acknowledged anything yet.
    #[inline]
    pub(crate) fn segment(
        &mut self,
        position: u64,
        data: &[u8],
        acknowledged: bool,
        take: &mut dyn FnMut(Piece<'_>),
    ) {
        let start = position.max(self.next).max(self.acked);
        let Some(new) = usize::try_from(start - position).ok().and_then(|old| data.get(old..)) else {
            return;
        };
        if new.is_empty() {
            return;
        }
        if start == self.next && self.waiting.is_empty() {
            self.next += length(new);
            take(Piece::Data(new));
            return;
        }
        self.wait(start, new);
        self.deliver(take);
        let bound = if acknowledged { WAITING_MAX } else { WAITING_UNACKED_MAX };
        while self.waiting_bytes > bound || self.waiting.len() > PIECES_MAX {
            self.give_up(take);
        }
    }

    /// The other side has acknowledged everything before `position`; tells how many bytes of it were never seen.
    #[inline]
    pub(crate) fn acknowledged(&mut self, position: u64, take: &mut dyn FnMut(Piece<'_>)) -> u64 {
        if position <= self.acked {
            return 0;
        }
        self.acked = position;
        let mut missing = 0;
        while self.next < position {
            let hole =
                self.waiting.keys().next().map_or(position, |start| (*start).min(position)) - self.next;
            if hole > 0 {
                missing += hole;
                self.next += hole;
                take(Piece::Gap(hole));
            }
            self.deliver(take);
        }
        missing
    }

    /// Leaves the bytes up to `position` out without telling anybody.
    pub(crate) fn skip_to(&mut self, position: u64) {
        self.acked = self.acked.max(position);
        self.next = self.next.max(position);
    }

    /// Gives up the first hole: what waits behind it is delivered.
    fn give_up(&mut self, take: &mut dyn FnMut(Piece<'_>)) {
        if let Some(start) = self.waiting.keys().next().copied() {
            take(Piece::Gap(start - self.next));
            self.next = start;
        }
        self.deliver(take);
    }

    /// Keeps what of `data` is not kept already.
    fn wait(&mut self, mut start: u64, mut data: &[u8]) {
        while !data.is_empty() {
            // Cut off what a segment kept before covers.
            let before = self.waiting.range(..=start).next_back();
            if let Some(end) = before.map(|(at, kept)| at + length(kept)).filter(|end| *end > start) {
                let covered = usize::try_from(end - start).unwrap_or(usize::MAX).min(data.len());
                (start, data) = (end, data.get(covered..).unwrap_or_default());
                continue;
            }
            let free = self.waiting.range(start..).next().map_or(u64::MAX, |(at, _)| at - start);
            let count = usize::try_from(free).unwrap_or(usize::MAX).min(data.len());
            let (piece, rest) = data.split_at_checked(count).unwrap_or((data, &[]));
            self.waiting_bytes += piece.len();
            self.waiting.insert(start, piece.to_vec());
            (start, data) = (start + length(piece), rest);
        }
    }

    /// Hands out what is in order now.
    fn deliver(&mut self, take: &mut dyn FnMut(Piece<'_>)) {
        while let Some(entry) = self.waiting.first_entry().filter(|entry| *entry.key() <= self.next) {
            let (start, data) = entry.remove_entry();
            self.waiting_bytes -= data.len();
            let old = usize::try_from(self.next - start).unwrap_or(usize::MAX);
            if let Some(new) = data.get(old..).filter(|new| !new.is_empty()) {
                self.next += length(new);
                take(Piece::Data(new));
            }
        }
    }
}

fn length(data: &[u8]) -> u64 {
    u64::try_from(data.len()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn collect(text: &mut Vec<u8>) -> impl FnMut(Piece<'_>) {
        |piece| match piece {
            Piece::Data(data) => text.extend(data),
            Piece::Gap(count) => text.extend(format!("<{count}>").bytes()),
        }
    }

    #[test]
    fn a_stream_is_far_ahead_by_where_its_bytes_lie() {
        let mut stream = Stream::default();
        stream.segment(16_384, b"x", false, &mut |_| {});
        assert!(!stream.is_far_ahead());
        stream.segment(16_385, b"x", false, &mut |_| {});
        assert!(stream.is_far_ahead());
    }

    #[test]
    fn what_is_acknowledged_but_was_never_seen_is_a_gap() {
        let (mut stream, mut text) = (Stream::default(), vec![]);
        stream.segment(1, b"abc", true, &mut collect(&mut text));
        stream.segment(6, b"fg", true, &mut collect(&mut text));
        assert_eq!(stream.acknowledged(10, &mut collect(&mut text)), 4);
        assert_eq!(String::from_utf8(text).unwrap(), "abc<2>fg<2>");
    }

    #[test]
    fn a_hole_is_given_up_when_too_much_waits_behind_it() {
        let (mut stream, mut text) = (Stream::default(), vec![]);
        stream.segment(101, &[b'x'; WAITING_UNACKED_MAX + 1], false, &mut collect(&mut text));
        assert!(text.starts_with(b"<100>xxx") && !stream.is_waiting());
    }

    #[test]
    fn the_shortest_pieces_are_bounded_too() {
        let (mut stream, mut gaps) = (Stream::default(), 0);
        for number in 0..20_000 {
            let mut take = |piece: Piece<'_>| gaps += u64::from(matches!(piece, Piece::Gap(_)));
            stream.segment(2 + 2 * number, b"x", true, &mut take);
            assert!(stream.waiting.len() <= PIECES_MAX);
        }
        assert_eq!(gaps, 20_000 - PIECES_MAX as u64);
        assert_eq!(stream.held(), PIECES_MAX * (PIECE_COST + 1));
        stream.let_go(&mut |_| {});
        assert!(!stream.is_waiting() && stream.held() == 0);
    }

    #[test]
    fn any_order_and_overlap_of_segments_gives_the_same_bytes() {
        arbtest::arbtest(|u| {
            let whole: Vec<u8> = (0..u.int_in_range(1..=200u8)?).collect();
            let mut segments = vec![];
            let mut at = 0;
            while at < whole.len() {
                let end = whole.len().min(at + u.int_in_range(1..=20usize)?);
                let start = at.saturating_sub(u.int_in_range(0..=5usize)?);
                segments.push((start, end));
                at = end;
            }
            for i in (1..segments.len()).rev() {
                segments.swap(i, u.int_in_range(0..=i)?);
            }
            let (mut stream, mut text) = (Stream::default(), vec![]);
            for (start, end) in segments {
                stream.segment(1 + start as u64, &whole[start..end], true, &mut collect(&mut text));
            }
            assert_eq!(text, whole);
            assert!(!stream.is_waiting() && stream.waiting_bytes == 0);
            Ok(())
        });
    }
}
