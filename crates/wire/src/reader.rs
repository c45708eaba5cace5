use std::fmt;

/// A copyable, forward-only view of bytes that counts offsets from the start of the packet.
///
/// Copying the reader is a checkpoint: keep the copy to read the same bytes again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reader<'a> {
    rest: &'a [u8],
    offset: usize,
}

/// Why bytes could not be read. `offset` is in bytes from the start of the packet, at the start of `field`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Error {
    /// The bytes end inside `field`; `missing` more bytes would have been enough.
    Truncated { field: &'static str, offset: usize, missing: usize },
    /// `field` holds a `value` that the standard does not allow there.
    Invalid { field: &'static str, offset: usize, value: u64 },
    /// `count` bytes follow the last field.
    Trailing { offset: usize, count: usize },
}

/// Outcome of reading.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl<'a> Reader<'a> {
    /// Starts at offset 0 of `bytes`.
    #[inline]
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes, offset: 0 }
    }

    /// Takes the next `count` bytes.
    #[inline]
    pub fn take(&mut self, field: &'static str, count: usize) -> Result<&'a [u8]> {
        let Some((head, tail)) = self.rest.split_at_checked(count) else {
            return Err(self.truncated(field, count));
        };
        self.rest = tail;
        self.offset += count;
        Ok(head)
    }

    /// Takes everything that is left, which may be nothing.
    #[inline]
    pub fn take_rest(&mut self) -> &'a [u8] {
        let all = std::mem::take(&mut self.rest);
        self.offset += all.len();
        all
    }

    /// Carves the next `count` bytes into a reader of their own, which keeps counting packet offsets.
    #[inline]
    pub fn sub(&mut self, field: &'static str, count: usize) -> Result<Reader<'a>> {
        let offset = self.offset;
        Ok(Reader { rest: self.take(field, count)?, offset })
    }

    /// One byte.
    #[inline]
    pub fn u8(&mut self, field: &'static str) -> Result<u8> {
        self.array(field).map(u8::from_be_bytes)
    }

    /// Two bytes, most significant first.
    #[inline]
    pub fn u16_be(&mut self, field: &'static str) -> Result<u16> {
        self.array(field).map(u16::from_be_bytes)
    }

    /// Two bytes, least significant first.
    #[inline]
    pub fn u16_le(&mut self, field: &'static str) -> Result<u16> {
        self.array(field).map(u16::from_le_bytes)
    }

    /// Three bytes, most significant first.
    #[inline]
    pub fn u24_be(&mut self, field: &'static str) -> Result<u32> {
        self.array(field).map(|[a, b, c]: [u8; 3]| u32::from_be_bytes([0, a, b, c]))
    }

    /// Four bytes, most significant first.
    #[inline]
    pub fn u32_be(&mut self, field: &'static str) -> Result<u32> {
        self.array(field).map(u32::from_be_bytes)
    }

    /// Four bytes, least significant first.
    #[inline]
    pub fn u32_le(&mut self, field: &'static str) -> Result<u32> {
        self.array(field).map(u32::from_le_bytes)
    }

    /// Eight bytes, most significant first.
    #[inline]
    pub fn u64_be(&mut self, field: &'static str) -> Result<u64> {
        self.array(field).map(u64::from_be_bytes)
    }

    /// Eight bytes, least significant first.
    #[inline]
    pub fn u64_le(&mut self, field: &'static str) -> Result<u64> {
        self.array(field).map(u64::from_le_bytes)
    }

    /// `N` bytes as they are: an address, an identifier.
    #[inline]
    pub fn bytes<const N: usize>(&mut self, field: &'static str) -> Result<[u8; N]> {
        self.array(field)
    }

    /// `N` bytes where they lie: a header of many fields.
    #[inline]
    pub fn chunk<const N: usize>(&mut self, field: &'static str) -> Result<&'a [u8; N]> {
        let Some((head, tail)) = self.rest.split_first_chunk::<N>() else {
            return Err(self.truncated(field, N));
        };
        self.rest = tail;
        self.offset += N;
        Ok(head)
    }

    /// The bytes that are left, without taking them.
    #[inline]
    pub fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// Offset of the next byte from the start of the packet.
    #[inline]
    pub fn offset(&self) -> usize {
        self.offset
    }

    /// Whether nothing is left.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// Ends the read: nothing may be left.
    #[inline]
    pub fn finish(self) -> Result<()> {
        match self.rest.len() {
            0 => Ok(()),
            count => Err(Error::Trailing { offset: self.offset, count }),
        }
    }

    /// Reports that `field`, just read and `width` bytes long, holds a value that the standard does not allow.
    #[cold]
    pub fn invalid(&self, field: &'static str, width: usize, value: impl Into<u64>) -> Error {
        Error::Invalid { field, offset: self.offset.saturating_sub(width), value: value.into() }
    }

    #[inline]
    fn array<const N: usize>(&mut self, field: &'static str) -> Result<[u8; N]> {
        self.chunk(field).copied()
    }

    #[cold]
    fn truncated(&self, field: &'static str, wanted: usize) -> Error {
        Error::Truncated { field, offset: self.offset, missing: wanted.saturating_sub(self.rest.len()) }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Truncated { field, offset, missing } => {
                write!(f, "{field} at byte {offset} is cut short by {missing} bytes")
            }
            Self::Invalid { field, offset, value } => {
                write!(f, "{field} at byte {offset} holds {value:#x}, which is not allowed")
            }
            Self::Trailing { offset, count } => write!(f, "{count} bytes left over at byte {offset}"),
        }
    }
}

impl std::error::Error for Error {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sub_reader_keeps_packet_offsets() {
        let mut r = Reader::new(&[1, 2, 3, 4]);
        r.u8("first").unwrap();
        let mut sub = r.sub("body", 2).unwrap();
        sub.u8("second").unwrap();
        assert_eq!(sub.u16_be("third").unwrap_err().to_string(), "third at byte 2 is cut short by 1 bytes");
        assert_eq!(r.finish().unwrap_err().to_string(), "1 bytes left over at byte 3");
    }
}
