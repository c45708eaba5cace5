//! A hash that is the same in every run and on every machine, since it is written to disk: products of two words, their
//! halves folded together (the idea of wyhash). It finds and it notices damage; it keeps no secret, and a sender who
//! makes names collide makes a search read more, never find less.

/// Odd words without a pattern: fractions of the square roots of 2, 3, 5 and 7.
pub(crate) const SALT: [u64; 4] =
    [0x6a09_e667_f3bc_c909, 0xbb67_ae85_84ca_a73b, 0x3c6e_f372_fe94_f82b, 0xa54f_f53a_5f1d_36f1];

/// Both factors in one word.
#[inline]
pub(crate) fn fold(a: u64, b: u64) -> u64 {
    let (low, high) = a.carrying_mul(b, 0);
    low ^ high
}

/// Sum over bytes, by which damage is noticed; `place` is part of it, so that what moved is damage too.
pub(crate) fn sum(place: u64, bytes: &[u8]) -> u64 {
    let [a, b, c, _] = SALT;
    let (words, rest) = bytes.as_chunks::<8>();
    let mut sum = fold(place ^ a, b);
    for word in words {
        sum = fold(sum ^ u64::from_le_bytes(*word), b) ^ c;
    }
    let mut last = [0; 8];
    last.iter_mut().zip(rest).for_each(|(to, from)| *to = *from);
    fold(sum ^ u64::from_le_bytes(last), c) ^ (bytes.len() as u64)
}
