//! TCP, UDP and ICMP headers.
//!
//! Sources: RFC 9293, 3.1; RFC 768; RFC 792; RFC 4443, 2.1; RFC 7323, 2.2.

use crate::{Reader, Result};

/// A TCP header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tcp<'a> {
    /// Source port.
    pub source: u16,
    /// Destination port.
    pub destination: u16,
    /// Sequence number of the first byte.
    pub seq: u32,
    /// Acknowledgment number; says something only with the ACK flag.
    pub ack: u32,
    /// Control bits.
    pub flags: Flags,
    /// Receive window, unscaled.
    pub window: u16,
    /// Options, undecoded; what was captured of them.
    pub options: &'a [u8],
    /// Bytes of header as it says; less than 20, or more than there are, when it contradicts itself.
    pub header_len: usize,
    /// What was captured after the header.
    pub payload: &'a [u8],
}

/// TCP control bits, RFC 9293, 3.1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Flags(pub u8);

impl Flags {
    /// No more data from the sender.
    #[inline]
    pub fn fin(self) -> bool {
        self.0 & 0x01 != 0
    }
    /// Synchronise sequence numbers.
    #[inline]
    pub fn syn(self) -> bool {
        self.0 & 0x02 != 0
    }
    /// Reset the connection.
    #[inline]
    pub fn rst(self) -> bool {
        self.0 & 0x04 != 0
    }
    /// The acknowledgment field says something.
    #[inline]
    pub fn ack(self) -> bool {
        self.0 & 0x10 != 0
    }
    /// Nothing but an acknowledgment: no SYN, FIN or RST.
    #[inline]
    pub fn is_plain_ack(self) -> bool {
        self.0 & 0x17 == 0x10
    }
    /// The urgent pointer says something.
    #[inline]
    pub fn urg(self) -> bool {
        self.0 & 0x20 != 0
    }
}

impl<'a> Tcp<'a> {
    /// Reads the header.
    ///
    /// # Errors
    /// When fewer than 20 bytes are there.
    #[inline]
    pub fn open(bytes: &'a [u8]) -> Result<Self> {
        let mut r = Reader::new(bytes);
        let head = r.chunk("tcp header")?;
        let &[s0, s1, d0, d1, q0, q1, q2, q3, a0, a1, a2, a3, offset, flags, w0, w1, _, _, _, _] = head;
        let (source, destination) = (u16::from_be_bytes([s0, s1]), u16::from_be_bytes([d0, d1]));
        let (seq, ack) = (u32::from_be_bytes([q0, q1, q2, q3]), u32::from_be_bytes([a0, a1, a2, a3]));
        let window = u16::from_be_bytes([w0, w1]);
        let header_len = usize::from(offset >> 4) * 4;
        let options = r.take("tcp options", header_len.saturating_sub(20).min(r.rest().len()))?;
        let flags = Flags(flags);
        Ok(Tcp { source, destination, seq, ack, flags, window, options, header_len, payload: r.rest() })
    }

    /// Shift count of the window scale option, RFC 7323, 2.2, if it is there.
    pub fn window_scale(&self) -> Option<u8> {
        let mut r = Reader::new(self.options);
        loop {
            match r.u8("option kind").ok()? {
                0 => return None,
                1 => {}
                3 => {
                    r.u8("option length").ok()?;
                    return r.u8("shift count").ok();
                }
                _ => {
                    let length = usize::from(r.u8("option length").ok()?);
                    r.take("option", length.checked_sub(2)?).ok()?;
                }
            }
        }
    }
}

/// A UDP header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Udp<'a> {
    /// Source port.
    pub source: u16,
    /// Destination port.
    pub destination: u16,
    /// Bytes of header and payload, as the header says.
    pub length: u16,
    /// What was captured after the header.
    pub payload: &'a [u8],
}

impl<'a> Udp<'a> {
    /// Reads the header.
    ///
    /// # Errors
    /// When fewer than 8 bytes are there.
    #[inline]
    pub fn open(bytes: &'a [u8]) -> Result<Self> {
        let mut r = Reader::new(bytes);
        let source = r.u16_be("source port")?;
        let destination = r.u16_be("destination port")?;
        let length = r.u16_be("length")?;
        r.u16_be("checksum")?;
        Ok(Udp { source, destination, length, payload: r.rest() })
    }
}

/// Type and code of an ICMP or ICMPv6 message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Icmp {
    /// Type.
    pub kind: u8,
    /// Code.
    pub code: u8,
}

impl Icmp {
    /// Reads the first eight bytes.
    ///
    /// # Errors
    /// When fewer are there.
    #[inline]
    pub fn open(bytes: &[u8]) -> Result<Self> {
        let [kind, code, ..] = Reader::new(bytes).bytes::<8>("icmp header")?;
        Ok(Icmp { kind, code })
    }
}
