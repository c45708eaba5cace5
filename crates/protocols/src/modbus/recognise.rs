//! Whether bytes are Modbus.

use super::adu::{Body, Head, LENGTH_MAX, LENGTH_MAX_UMAS};
use crate::{Guess, Side, umas};

/// Looks at the first bytes of one side. On any port it takes ADUs that fill the bytes at hand exactly and
/// whose data agrees with itself; on its own port an ADU of the right length is enough, so that scans and
/// damage are seen.
pub(super) fn recognise(bytes: &[u8], from: Side) -> Guess {
    let (mut adu, mut behind) = match first(bytes, from) {
        Ok(split) => split,
        Err(guess) => return guess,
    };
    while is_sure(adu, from) {
        if behind.is_empty() {
            return Guess::Sure;
        }
        (adu, behind) = match first(behind, from) {
            Ok(split) => split,
            Err(_) => return Guess::Maybe,
        };
    }
    Guess::Maybe
}

/// The first ADU by its length, and what stands behind it.
fn first(bytes: &[u8], from: Side) -> Result<(&[u8], &[u8]), Guess> {
    if bytes.get(2).is_some_and(|byte| *byte != 0) || bytes.get(3).is_some_and(|byte| *byte != 0) {
        return Err(Guess::No);
    }
    let Some(&[_, _, _, _, high, low, _, function]) = bytes.first_chunk() else {
        return Err(Guess::NeedMore);
    };
    let length = u16::from_be_bytes([high, low]);
    let long = function == umas::FUNCTION && usize::from(length) <= LENGTH_MAX_UMAS;
    if length < 2 || length > LENGTH_MAX && !long || from == Side::Client && !(1..0x80).contains(&function) {
        return Err(Guess::No);
    }
    bytes.split_at_checked(usize::from(length) + 6).ok_or(Guess::NeedMore)
}

/// Whether several fields of an ADU depend on each other, and agree.
fn is_sure(adu: &[u8], from: Side) -> bool {
    let Ok((head, mut r)) = Head::parse(adu) else { return false };
    let Ok(body) = Body::parse(&mut r, head.function, from) else { return false };
    r.is_empty() && agrees(head, &body)
}

fn agrees(head: Head, body: &Body<'_>) -> bool {
    match *body {
        Body::Span { address, quantity } => {
            let most = if matches!(head.function, 3 | 4) { 125 } else { 2000 };
            (1..=most).contains(&quantity) && address.checked_add(quantity - 1).is_some()
        }
        Body::Bits { data } => !data.is_empty(),
        Body::Registers { data } => !data.is_empty() && head.function != 24,
        // Fixed lengths without a second count; no other protocol in the corpus of captures looks like
        // them.
        Body::Single { .. } | Body::Mask { .. } => true,
        Body::Diagnostic { subfunction, data } => subfunction <= 20 && data.len() == 2,
        Body::Exception { code } => (1..=11).contains(&code),
        Body::Write { quantity, .. } => quantity > 0,
        Body::ReadWrite { read_quantity, write_quantity, .. } => {
            (1..=125).contains(&read_quantity) && write_quantity > 0
        }
        Body::Encapsulated { mei, data } => mei == 14 && matches!(data.first(), Some(1..=4)),
        Body::Umas { data } => umas::is_known(data),
        _ => false,
    }
}
