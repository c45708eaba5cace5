//! Numbers in as few bytes as they need: seven bits in a byte, the lowest first, the top bit set where more follow.

/// Appends `value`.
pub(crate) fn put(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(low(value) | 0x80);
        value >>= 7;
    }
    out.push(low(value));
}

fn low(value: u64) -> u8 {
    u8::try_from(value & 0x7f).unwrap_or_default()
}

/// Takes a number off the front of `bytes`; `None` when it is cut short or does not fit in 64 bits.
pub(crate) fn take(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0_u64;
    for shift in (0..64).step_by(7) {
        let (byte, rest) = bytes.split_first()?;
        *bytes = rest;
        let bits = u64::from(byte & 0x7f);
        if shift == 63 && bits > 1 {
            return None;
        }
        value |= bits << shift;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

/// [`take`], for what must fit in 32 bits.
pub(crate) fn take_u32(bytes: &mut &[u8]) -> Option<u32> {
    u32::try_from(take(bytes)?).ok()
}

/// A difference that may be negative, as a number that is small when it is small.
pub(crate) fn zigzag(value: i64) -> u64 {
    (value.cast_unsigned() << 1) ^ (value >> 63).cast_unsigned()
}

/// Undoes [`zigzag`].
pub(crate) fn unzigzag(value: u64) -> i64 {
    (value >> 1).cast_signed() ^ -(value & 1).cast_signed()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_put_is_taken_and_nothing_else() {
        arbtest::arbtest(|u| {
            let values: Vec<u64> = u.arbitrary()?;
            let values: Vec<u64> =
                values.iter().map(|value| value >> (value % 64)).chain([0, u64::MAX]).collect();
            let mut bytes = vec![];
            values.iter().for_each(|value| put(&mut bytes, *value));
            let mut rest = &bytes[..];
            for value in &values {
                assert_eq!(take(&mut rest), Some(*value));
                assert_eq!(zigzag(unzigzag(*value)), *value);
            }
            assert!(rest.is_empty());
            let mut cut = &bytes[..bytes.len() - 1];
            assert_eq!((0..values.len()).map_while(|_| take(&mut cut)).count(), values.len() - 1);
            Ok(())
        });
    }
}
