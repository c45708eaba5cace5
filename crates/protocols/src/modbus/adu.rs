//! Application data units: MG 3.1.2 around the functions of AP 6.

use crate::{Side, umas};
use wire::{Reader, Result};

/// MG 3.1.3 and AP 4.1: unit identifier and a PDU of 253 bytes.
pub(super) const LENGTH_MAX: u16 = 254;
/// Seen in captures: UMAS negotiates frames of 1 kB and more, and breaks that limit.
pub(super) const LENGTH_MAX_UMAS: usize = 4096;

/// What stands before the function's data.
#[derive(Clone, Copy, Debug)]
pub(super) struct Head {
    /// Pairs a response with its request.
    pub(super) transaction: u16,
    /// Bytes that follow the length field, as told.
    pub(super) length: u16,
    /// Slave behind a gateway; 0 and 255 mean the device itself.
    pub(super) unit: u8,
    /// Function code; the top bit marks an exception, AP 7.
    pub(super) function: u8,
}

/// Data of a function, AP 6.
#[derive(Clone, Copy, Debug)]
pub(super) enum Body<'a> {
    /// AP 6.1 to 6.4 request, 6.11 and 6.12 response: `quantity` coils or registers from `address`.
    Span { address: u16, quantity: u16 },
    /// AP 6.1, 6.2: coils packed eight to a byte, the first one lowest.
    Bits { data: &'a [u8] },
    /// AP 6.3, 6.4, 6.17, 6.18: registers of two bytes each.
    Registers { data: &'a [u8] },
    /// AP 6.5, 6.6: request and its echo; a coil is 0x0000 or 0xff00.
    Single { address: u16, value: u16 },
    /// AP 6.11, 6.12: `quantity` coils or registers, with the bytes that hold them.
    Write { address: u16, quantity: u16, data: &'a [u8] },
    /// AP 6.14, 6.15: how many sub-requests, the first one's file, and all bytes.
    Records { count: u16, file: u16, data: &'a [u8] },
    /// AP 6.16.
    Mask { address: u16, and_mask: u16, or_mask: u16 },
    /// AP 6.17.
    ReadWrite {
        read_address: u16,
        read_quantity: u16,
        write_address: u16,
        write_quantity: u16,
        data: &'a [u8],
    },
    /// AP 6.18: the register that points to the queue.
    Pointer { address: u16 },
    /// AP 6.8.
    Diagnostic { subfunction: u16, data: &'a [u8] },
    /// AP 6.13: what the server says of itself, the run indicator last.
    ServerId { data: &'a [u8] },
    /// AP 6.19: another protocol's data.
    Encapsulated { mei: u8, data: &'a [u8] },
    /// Function 90 with all that follows it.
    Umas { data: &'a [u8] },
    /// AP 7.
    Exception { code: u8 },
    /// A function whose data is not decoded.
    Other,
}

impl Head {
    /// Reads the head of exactly one ADU; the reader holds the function's data.
    ///
    /// # Errors
    /// When the bytes are not one ADU: another protocol identifier, or a length that does not fit.
    #[inline]
    pub(super) fn parse(bytes: &[u8]) -> Result<(Head, Reader<'_>)> {
        let mut r = Reader::new(bytes);
        let transaction = r.u16_be("transaction")?;
        let protocol = r.u16_be("protocol")?;
        if protocol != 0 {
            return Err(r.invalid("protocol", 2, protocol));
        }
        let length = r.u16_be("length")?;
        let mut pdu = r.sub("pdu", length.into())?;
        r.finish()?;
        let unit = pdu.u8("unit")?;
        let function = pdu.u8("function")?;
        Ok((Head { transaction, length, unit, function }, pdu))
    }

    /// Function code without the mark of an exception.
    #[inline]
    pub(super) fn plain(self) -> u8 {
        self.function & 0x7f
    }

    /// AP 4.1 bounds a PDU; a longer one is read all the same, and reported.
    pub(super) fn check_length(self) -> Result<()> {
        if self.length > LENGTH_MAX && self.plain() != umas::FUNCTION {
            return Err(wire::Error::Invalid { field: "length", offset: 4, value: self.length.into() });
        }
        Ok(())
    }
}

impl<'a> Body<'a> {
    /// Reads the data of `function`; what is left in `r` does not belong there.
    ///
    /// # Errors
    /// When data is missing or does not agree with itself.
    #[inline]
    pub(super) fn parse(r: &mut Reader<'a>, function: u8, from: Side) -> Result<Self> {
        use Side::{Client, Server};
        Ok(match (function, from) {
            (1..=4, Client) | (15 | 16, Server) => Body::span(r)?,
            (1 | 2, Server) => Body::Bits { data: counted(r)? },
            (3 | 4 | 23, Server) => Body::Registers { data: registers(r)? },
            (5, _) => Body::coil(r)?,
            (6, _) => Body::Single { address: r.u16_be("address")?, value: r.u16_be("value")? },
            (8, _) => Body::diagnostic(r, from)?,
            (15 | 16, Client) => Body::write(r, function)?,
            (17, Server) => Body::ServerId { data: counted(r)? },
            (20 | 21, _) => Body::records(r, function, from)?,
            (22, _) => Body::mask(r)?,
            (23, Client) => Body::read_write(r)?,
            (24, Client) => Body::Pointer { address: r.u16_be("address")? },
            (24, Server) => Body::queue(r)?,
            (43, _) => Body::Encapsulated { mei: r.u8("mei type")?, data: r.take_rest() },
            (umas::FUNCTION, _) => Body::Umas { data: r.take_rest() },
            (0x80.., Server) => Body::Exception { code: r.u8("exception code")? },
            _ => {
                r.take_rest();
                Body::Other
            }
        })
    }

    fn span(r: &mut Reader<'a>) -> Result<Self> {
        Ok(Body::Span { address: r.u16_be("address")?, quantity: r.u16_be("quantity")? })
    }

    fn coil(r: &mut Reader<'a>) -> Result<Self> {
        let address = r.u16_be("address")?;
        match r.u16_be("value")? {
            value @ (0 | 0xff00) => Ok(Body::Single { address, value }),
            value => Err(r.invalid("value", 2, value)),
        }
    }

    fn write(r: &mut Reader<'a>, function: u8) -> Result<Self> {
        let address = r.u16_be("address")?;
        let quantity = r.u16_be("quantity")?;
        let bytes =
            if function == 15 { usize::from(quantity).div_ceil(8) } else { usize::from(quantity) * 2 };
        Ok(Body::Write { address, quantity, data: exactly(r, bytes)? })
    }

    fn mask(r: &mut Reader<'a>) -> Result<Self> {
        let address = r.u16_be("address")?;
        Ok(Body::Mask { address, and_mask: r.u16_be("and mask")?, or_mask: r.u16_be("or mask")? })
    }

    fn read_write(r: &mut Reader<'a>) -> Result<Self> {
        let read_address = r.u16_be("read address")?;
        let read_quantity = r.u16_be("read quantity")?;
        let write_address = r.u16_be("write address")?;
        let write_quantity = r.u16_be("write quantity")?;
        let data = exactly(r, usize::from(write_quantity) * 2)?;
        Ok(Body::ReadWrite { read_address, read_quantity, write_address, write_quantity, data })
    }

    /// AP 6.18: the byte count includes the count of registers.
    fn queue(r: &mut Reader<'a>) -> Result<Self> {
        let bytes = r.u16_be("byte count")?;
        let count = r.u16_be("fifo count")?;
        if usize::from(bytes) != 2 + 2 * usize::from(count) {
            return Err(r.invalid("fifo count", 2, count));
        }
        Ok(Body::Registers { data: r.take("registers", usize::from(count) * 2)? })
    }

    /// AP 6.8.1: a request carries two bytes, an echo request a whole number of registers.
    fn diagnostic(r: &mut Reader<'a>, from: Side) -> Result<Self> {
        let subfunction = r.u16_be("subfunction")?;
        let start = *r;
        let data = r.take_rest();
        let fits =
            if subfunction == 0 { data.len() >= 2 && data.len().is_multiple_of(2) } else { data.len() == 2 };
        if from == Side::Client && !fits {
            return Err(wire::Error::Trailing { offset: start.offset(), count: data.len() });
        }
        Ok(Body::Diagnostic { subfunction, data })
    }

    /// AP 6.14, 6.15: groups of reference type, file, record and length, with data or, in a response,
    /// before it.
    fn records(r: &mut Reader<'a>, function: u8, from: Side) -> Result<Self> {
        let bytes = r.u8("byte count")?;
        let mut groups = r.sub("records", bytes.into())?;
        let data = groups.rest();
        let (mut count, mut first) = (0, None);
        while !groups.is_empty() {
            let file = group(&mut groups, function, from)?;
            first = first.or(file);
            count += 1;
        }
        Ok(Body::Records { count, file: first.unwrap_or(0), data })
    }
}

/// One group of a file request; tells the file where the group names it.
fn group(r: &mut Reader<'_>, function: u8, from: Side) -> Result<Option<u16>> {
    if function == 20 && from == Side::Server {
        let length = r.u8("record length")?;
        r.take("record", length.into())?;
        return Ok(None);
    }
    r.u8("reference type")?;
    let file = r.u16_be("file number")?;
    r.u16_be("record number")?;
    let words = r.u16_be("record length")?;
    if function == 21 {
        r.take("record", usize::from(words) * 2)?;
    }
    Ok(Some(file))
}

#[inline]
fn counted<'a>(r: &mut Reader<'a>) -> Result<&'a [u8]> {
    let count = r.u8("byte count")?;
    r.take("data", count.into())
}

#[inline]
fn registers<'a>(r: &mut Reader<'a>) -> Result<&'a [u8]> {
    let count = r.u8("byte count")?;
    if count % 2 != 0 {
        return Err(r.invalid("byte count", 1, count));
    }
    r.take("registers", count.into())
}

/// Data whose own byte count agrees with the quantity.
fn exactly<'a>(r: &mut Reader<'a>, bytes: usize) -> Result<&'a [u8]> {
    let count = r.u8("byte count")?;
    if usize::from(count) != bytes {
        return Err(r.invalid("byte count", 1, count));
    }
    r.take("data", bytes)
}
