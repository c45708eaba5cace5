//! Numbers that a filter reads from the frame.

use super::layout::Layout;
use super::network::IP6_HEADER;
use crate::Error;
use crate::condition::{Condition, Operator, Value, Width};
use crate::program::code;
use crate::syntax::{Arithmetic, Over, Protocol};

/// An offset that is beyond any frame, and beyond which the kernel means something else (`SKF_AD_OFF`).
const OFFSET_MAX: u32 = 0x7fff_ffff;

impl Layout {
    /// A number, and what must hold before it can be read.
    pub(super) fn number(&self, of: &Arithmetic) -> Result<(Value, Vec<Condition>), Error> {
        match of {
            Arithmetic::Number(number) => Ok((Value::Number(*number), vec![])),
            Arithmetic::Length => Ok((self.length(), vec![])),
            Arithmetic::Negative(inner) => {
                let (inner, guards) = self.number(inner)?;
                Ok((inner.negative(), guards))
            }
            Arithmetic::Binary { column, operator, left, right } => {
                let (left, mut guards) = self.number(left)?;
                let (right, others) = self.number(right)?;
                guards.extend(others);
                Ok((calculated(*column, *operator, left, right)?, guards))
            }
            Arithmetic::Load { column, protocol, at, width } => {
                let (at, mut guards) = self.number(at)?;
                guards.extend(self.guards(*column, *protocol)?);
                let (header, start) = self.beginning(*column, *protocol)?;
                Ok((bytes(*column, header, start, at, *width)?, guards))
            }
        }
    }

    /// What makes the layer be there, in this order.
    fn guards(&self, column: usize, protocol: Protocol) -> Result<Vec<Condition>, Error> {
        let is = self.protocol(column, protocol)?;
        Ok(match protocol {
            Protocol::Link => vec![],
            Protocol::Network(_) | Protocol::Llc(_) | Protocol::Inside(_, Over::V6) => vec![is],
            Protocol::Inside(..) => {
                vec![self.protocol(column, Protocol::IP)?, is, self.has_transport_header()]
            }
        })
    }

    /// Where the layer begins: behind a header of changing length, and so far behind the beginning of the frame.
    fn beginning(&self, column: usize, protocol: Protocol) -> Result<(Option<Value>, u32), Error> {
        match protocol {
            Protocol::Link => Ok((None, self.start)),
            Protocol::Network(_) => Ok((None, self.payload)),
            Protocol::Inside(_, Over::V6) => Ok((None, self.payload + IP6_HEADER)),
            // By IPv4 only, as in libpcap.
            Protocol::Inside(..) => Ok((Some(Value::HeaderLength(self.payload)), self.payload)),
            Protocol::Llc(_) => self.refused(column, "an offset into llc"),
        }
    }
}

fn bytes(column: usize, header: Option<Value>, start: u32, at: Value, width: Width) -> Result<Value, Error> {
    let (base, at) = match (header, at) {
        (header, Value::Number(number)) => (header, Some(number)),
        (None, at) => (Some(at), Some(0)),
        (Some(header), at) => (Value::binary(Operator(code::ADD), header, at), Some(0)),
    };
    let at = at.and_then(|at| at.checked_add(start)).filter(|at| *at <= OFFSET_MAX);
    let beyond = || Error::Contradiction { column, what: "the offset is beyond any frame" };
    Ok(Value::Bytes { base: base.map(Box::new), at: at.ok_or_else(beyond)?, width })
}

fn calculated(column: usize, operator: Operator, left: Value, right: Value) -> Result<Value, Error> {
    let is_shift = matches!(operator.0, code::SHIFT_LEFT | code::SHIFT_RIGHT);
    if is_shift && matches!(right, Value::Number(32..)) {
        return Err(Error::Contradiction { column, what: "a shift by more than 31 bits" });
    }
    let by_zero = || Error::Contradiction { column, what: "a division by zero" };
    Value::binary(operator, left, right).ok_or_else(by_zero)
}
