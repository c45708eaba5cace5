/// Numbers that look random and follow from a seed and a label alone: SplitMix64 (Steele, Lea, Flood, OOPSLA
/// 2014).
///
/// Each part of a sample draws from its own stream, so that a change in one part leaves the bytes of all
/// others.
#[derive(Clone, Debug)]
pub(crate) struct Random(u64);

impl Random {
    /// The stream `label` of `seed`.
    pub(crate) fn new(seed: u64, label: &str) -> Self {
        let mut random = Self(seed ^ fnv1a(label.as_bytes()));
        random.word();
        random
    }

    /// 64 bits.
    pub(crate) fn word(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A whole number from `low` to `high`, both included; `low` when they are the wrong way round.
    pub(crate) fn between(&mut self, low: i64, high: i64) -> i64 {
        let width = high.saturating_sub(low).saturating_add(1).max(1).unsigned_abs();
        low.saturating_add_unsigned(self.word() % width)
    }

    /// 32 bits.
    pub(crate) fn u32(&mut self) -> u32 {
        let [a, b, c, d, ..] = self.word().to_be_bytes();
        u32::from_be_bytes([a, b, c, d])
    }

    /// 16 bits.
    pub(crate) fn u16(&mut self) -> u16 {
        let [a, b, ..] = self.word().to_be_bytes();
        u16::from_be_bytes([a, b])
    }

    /// `N` bytes.
    pub(crate) fn bytes<const N: usize>(&mut self) -> [u8; N] {
        std::array::from_fn(|_| self.word().to_be_bytes()[0])
    }

    /// `count` bytes.
    pub(crate) fn vec(&mut self, count: usize) -> Vec<u8> {
        (0..count).map(|_| self.word().to_be_bytes()[0]).collect()
    }

    /// A GUID in Windows' form, braces included.
    pub(crate) fn guid(&mut self) -> String {
        let (a, b) = (self.word(), self.word());
        let (x, y, z) = (a >> 32, a >> 16 & 0xffff, a & 0x0fff);
        format!(
            "{{{x:08x}-{y:04x}-4{z:03x}-{:04x}-{:012x}}}",
            b >> 48 & 0x3fff | 0x8000,
            b & 0xffff_ffff_ffff
        )
    }

    /// One of `choices`; `None` when there is none.
    pub(crate) fn pick<'a, T>(&mut self, choices: &'a [T]) -> Option<&'a T> {
        let last = i64::try_from(choices.len()).unwrap_or(i64::MAX).saturating_sub(1);
        choices.get(usize::try_from(self.between(0, last)).unwrap_or_default())
    }
}

/// FNV-1a, 64 bit (draft-eastlake-fnv): a short, stable name for bytes.
pub(crate) fn fnv1a(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_follows_from_seed_and_label_alone() {
        assert_eq!(Random::new(7, "x").word(), Random::new(7, "x").word());
        assert_ne!(Random::new(7, "x").word(), Random::new(7, "y").word());
        assert_ne!(Random::new(7, "x").word(), Random::new(8, "x").word());
    }

    #[test]
    fn a_number_stays_between_its_ends() {
        let mut random = Random::new(1, "between");
        assert!((0..1000).all(|_| (-3..=4).contains(&random.between(-3, 4))));
        assert_eq!(random.between(9, 2), 9);
    }
}
