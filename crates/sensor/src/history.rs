/// What happened in a conversation, in the order in which it happened, as in Zeek's `history` column.
///
/// Upper case is the originator, lower case the responder.
#[derive(Debug, Default)]
pub(crate) struct History {
    seen: u32,
    /// Letters in `short`.
    count: u8,
    /// The first letters, as many as most conversations have.
    short: [u8; SHORT],
    /// All letters, where they are more than that.
    long: Vec<u8>,
}

/// Letters that need no memory of their own.
const SHORT: usize = 19;

/// Letters kept; what comes after is left out, since a flood must not grow a column without end.
const LETTERS_MAX: usize = 128;

impl History {
    /// Adds the letter the first time it comes up for that side; says whether it had come up before.
    #[inline]
    pub(crate) fn note(&mut self, letter: Letter, orig: bool) -> bool {
        let bit = 1u32 << (letter.place() + if orig { 0 } else { 16 });
        let before = self.seen & bit != 0;
        if !before {
            self.seen |= bit;
            self.push(letter.byte(), orig);
        }
        before
    }

    /// Adds the letter once more.
    pub(crate) fn again(&mut self, letter: Letter, orig: bool) {
        self.push(letter.byte(), orig);
    }

    /// Counts an event that is told at its first, tenth, hundredth … occurrence.
    pub(crate) fn scaled(&mut self, letter: u8, orig: bool, count: &mut Scaled) {
        count.seen = count.seen.saturating_add(1);
        if count.seen == count.next {
            count.next = count.next.saturating_mul(10);
            self.push(letter, orig);
        }
    }

    /// Whether there was nothing but an answer to a SYN.
    pub(crate) fn is_answer_alone(&self) -> bool {
        self.letters() == b"H"
    }

    /// The answer to a SYN that was not seen: its sender is the responder after all.
    pub(crate) fn answered_first(&mut self) {
        (self.count, self.long) = (0, vec![]);
        self.flipped();
        self.push(Letter::SynAck.byte(), false);
        self.seen = self.seen.rotate_left(16);
    }

    /// Something was left undecoded.
    pub(crate) fn left_out(&mut self) {
        if !self.letters().contains(&b'X') {
            self.push(b'X', true);
        }
    }

    /// Whether the originator sent a SYN and then reset with nothing of its own in between but data.
    pub(crate) fn is_syn_then_reset(&self) -> bool {
        let text = self.letters();
        let text = text.strip_prefix(b"^").unwrap_or(text);
        let after_syn = text.strip_prefix(b"S").unwrap_or_default();
        let first = after_syn.iter().find(|letter| b"HAFGIQR".contains(letter));
        first == Some(&b'R')
    }

    /// The ends changed their parts.
    pub(crate) fn flipped(&mut self) {
        self.push(b'^', true);
    }

    pub(crate) fn text(&self) -> Option<&str> {
        str::from_utf8(self.letters()).ok().filter(|text| !text.is_empty())
    }

    fn letters(&self) -> &[u8] {
        if self.long.is_empty() {
            self.short.get(..usize::from(self.count)).unwrap_or_default()
        } else {
            &self.long
        }
    }

    fn push(&mut self, letter: u8, orig: bool) {
        let letter = if orig { letter } else { letter.to_ascii_lowercase() };
        if let Some(place) = self.short.get_mut(usize::from(self.count)) {
            *place = letter;
            self.count += 1;
        } else if self.long.is_empty() {
            self.long = [&self.short[..], &[letter]].concat();
        } else if self.long.len() < LETTERS_MAX {
            self.long.push(letter);
        }
    }
}

/// Events that are told the first time only.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Letter {
    Syn,
    SynAck,
    Fin,
    Rst,
    FinAndRst,
    ManyFlags,
    Data,
    Ack,
}

impl Letter {
    /// SYN and SYN-ACK are told once between them.
    fn place(self) -> u32 {
        match self {
            Letter::Syn | Letter::SynAck => 0,
            Letter::Fin => 1,
            Letter::Rst => 2,
            Letter::FinAndRst => 3,
            Letter::ManyFlags => 4,
            Letter::Data => 5,
            Letter::Ack => 6,
        }
    }

    fn byte(self) -> u8 {
        match self {
            Letter::Syn => b'S',
            Letter::SynAck => b'H',
            Letter::Fin => b'F',
            Letter::Rst => b'R',
            Letter::FinAndRst => b'I',
            Letter::ManyFlags => b'Q',
            Letter::Data => b'D',
            Letter::Ack => b'A',
        }
    }
}

/// How often something happened, and when it is told next.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scaled {
    seen: u32,
    next: u32,
}

impl Default for Scaled {
    fn default() -> Self {
        Self { seen: 0, next: 1 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repeats_are_told_at_powers_of_ten() {
        let mut history = History::default();
        let mut count = Scaled::default();
        for _ in 0..100 {
            history.scaled(b'T', false, &mut count);
        }
        assert_eq!(history.text(), Some("ttt"));
    }

    #[test]
    fn letters_are_kept_in_order_up_to_their_bound() {
        let mut history = History::default();
        for number in 0..LETTERS_MAX + 5 {
            history.again(Letter::Data, number % 2 == 0);
            let text = "Dd".repeat(LETTERS_MAX);
            assert_eq!(history.text(), text.get(..(number + 1).min(LETTERS_MAX)));
        }
    }
}
