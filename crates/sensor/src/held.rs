//! What conversations hold back until more comes: segments behind a hole, halves of PDUs, requests without a response.
//!
//! Each kind has a bound of its own, but there are very many conversations. So there is one more for all that a shard's
//! conversations hold together: beyond it the one that began to hold first lets go.

use std::collections::VecDeque;

/// Memory that the conversations of a shard hold, 68 MB in all. Beyond it the one that began first lets go: its holes are
/// told as gaps, halves of PDUs are dropped, requests are written without their responses. It goes on.
pub(crate) const HELD_MAX: usize = 4 * 1024 * 1024;

/// So much is part of what a conversation costs, and not counted.
pub(crate) const FREE: usize = 1024;

/// How much conversations hold, and in which order they began to.
#[derive(Default)]
pub(crate) struct Held {
    bytes: usize,
    /// Places of conversations and the packets that began them. Those that hold nothing any more are passed over.
    order: VecDeque<(u32, u64)>,
}

/// A conversation's part in it.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Share {
    pub(crate) bytes: usize,
    /// It stands in the order.
    in_order: bool,
}

impl Held {
    /// Bytes that all conversations hold.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Takes note that the conversation in place `slot`, begun with packet `began`, holds `bytes` now; says whether
    /// that is too much for all together.
    pub(crate) fn note(&mut self, share: &mut Share, bytes: usize, slot: u32, began: u64) -> bool {
        self.bytes = self.bytes.saturating_sub(share.bytes).saturating_add(bytes);
        share.bytes = bytes;
        if bytes > 0 && !share.in_order {
            share.in_order = true;
            self.order.push_back((slot, began));
        }
        self.bytes > HELD_MAX
    }

    /// The conversation is over.
    pub(crate) fn end(&mut self, share: Share) {
        self.bytes = self.bytes.saturating_sub(share.bytes);
    }

    /// The conversation that began to hold first; it leaves the order, and may be over.
    pub(crate) fn first(&mut self) -> Option<(u32, u64)> {
        self.order.pop_front()
    }

    /// Drops conversations from the order that are over, when there are more than twice `most`.
    pub(crate) fn tidy(&mut self, most: usize, is_open: impl Fn(u32, u64) -> bool) {
        if self.order.len() > 2 * most {
            self.order.retain(|(slot, began)| is_open(*slot, *began));
        }
    }
}

impl Share {
    /// It has left the order.
    pub(crate) fn leave(&mut self) {
        self.in_order = false;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_add_up_and_come_in_order() {
        let (mut held, mut a, mut b) = (Held::default(), Share::default(), Share::default());
        assert!(!held.note(&mut a, 100, 0, 1));
        assert!(held.note(&mut b, HELD_MAX, 1, 2));
        assert!(held.note(&mut a, 1, 0, 1));
        assert!(!held.note(&mut a, 0, 0, 1));
        assert_eq!((held.bytes(), held.first(), held.first()), (HELD_MAX, Some((0, 1)), Some((1, 2))));
        assert_eq!(held.first(), None, "each stands there once");
        held.end(b);
        assert_eq!(held.bytes(), 0);
    }

    #[test]
    fn conversations_that_are_over_do_not_pile_up() {
        let mut held = Held::default();
        for slot in 0..1000 {
            let mut share = Share::default();
            held.note(&mut share, 10, slot, 0);
            held.end(share);
            held.tidy(10, |_, _| false);
            assert!(held.order.len() <= 21);
        }
    }
}
