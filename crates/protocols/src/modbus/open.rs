//! Requests that await their response.

use super::adu::{Body, Head};
use super::names;
use crate::{Stamp, umas};

/// A request, with what its response will not repeat.
pub(super) struct Open {
    /// When it was seen.
    pub(super) when: Stamp,
    pub(super) head: Head,
    /// First coil or register; file of a file request; what is written of function 23.
    pub(super) address: u16,
    /// How many; AND mask, diagnostic subfunction or MEI type where there is no quantity.
    pub(super) quantity: u16,
    /// Value of a single write, or OR mask.
    pub(super) value: u16,
    /// Number of the link to the function's own log; 0 when it has none.
    pub(super) link: u32,
    /// What is written, echoed or asked, where it is more than one value.
    pub(super) data: Vec<u8>,
}

impl Open {
    /// Keeps what a later row needs; `data` is a buffer to use again.
    #[inline]
    pub(super) fn new(when: Stamp, head: Head, body: &Body<'_>, mut data: Vec<u8>) -> Self {
        data.clear();
        let mut open = Self { when, head, address: 0, quantity: 0, value: 0, link: 0, data };
        match *body {
            Body::Span { address, quantity } => (open.address, open.quantity) = (address, quantity),
            Body::Single { address, value } => {
                (open.address, open.quantity, open.value) = (address, 1, value);
            }
            Body::Write { address, quantity, data } => open.keep(address, quantity, data),
            Body::ReadWrite { write_address, write_quantity, data, .. } => {
                open.keep(write_address, write_quantity, data);
            }
            Body::Mask { address, and_mask, or_mask } => {
                (open.address, open.quantity, open.value) = (address, and_mask, or_mask);
            }
            Body::Records { count, file, .. } => (open.address, open.quantity) = (file, count),
            Body::Pointer { address } => open.address = address,
            Body::Diagnostic { subfunction, data } => open.keep(0, subfunction, data),
            Body::Encapsulated { mei, .. } => open.quantity = mei.into(),
            Body::Umas { data } => open.keep(0, 0, data.get(..umas::KEPT_MAX).unwrap_or(data)),
            _ => {}
        }
        open
    }

    fn keep(&mut self, address: u16, quantity: u16, data: &[u8]) {
        (self.address, self.quantity) = (address, quantity);
        self.data.extend_from_slice(data);
    }

    /// Memory that it takes.
    pub(super) fn held(&self) -> usize {
        size_of::<Self>() + self.data.capacity()
    }

    /// AP 6.8.1: a device that is told to listen only does not answer.
    pub(super) fn is_mute(&self) -> bool {
        (self.head.function, self.quantity) == (8, 4)
    }

    /// Whether the response has the size or the echo that the request calls for.
    fn fits(&self, body: &Body<'_>) -> bool {
        match *body {
            Body::Bits { data } => data.len() == usize::from(self.quantity).div_ceil(8),
            Body::Registers { data } if matches!(self.head.function, 3 | 4) => {
                data.len() == usize::from(self.quantity) * 2
            }
            Body::Span { address, quantity } => (address, quantity) == (self.address, self.quantity),
            Body::Single { address, value } => (address, value) == (self.address, self.value),
            _ => true,
        }
    }
}

/// The request that a response answers: same transaction and function, the oldest that fits it, else the
/// oldest.
#[inline]
pub(super) fn find(open: &[Open], head: Head, body: &Body<'_>) -> Option<usize> {
    let same = |o: &Open| o.head.transaction == head.transaction && o.head.function == head.plain();
    let place = open.iter().position(same)?;
    let sure = !names::is_joined(head.plain()) || open.get(place).is_some_and(|o| o.fits(body));
    if sure {
        return Some(place);
    }
    open.iter().position(|o| same(o) && o.fits(body)).or(Some(place))
}
