//! Serial links: PPP, Cisco HDLC, Frame Relay.
//!
//! Sources: RFC 1661, 2 and 6.5; RFC 1662, 3.1; RFC 2427, 3 and 4; RFC 3032, 4.3; Cisco HDLC as RFC 1547, 4.3.1 tells it.

use super::{Frame, IPV4, IPV6, bare, raw, under_labels};
use crate::{Reader, Result};

/// Takes off a PPP header: what GRE carries for PPTP (RFC 2637, 4.1).
///
/// # Errors
/// When the header is cut short.
pub fn inside_ppp(bytes: &[u8]) -> Result<Frame<'_>> {
    ppp(Reader::new(bytes), true)
}

/// PPP, RFC 1661, 2 and RFC 1662, 3.1: `framed` links may have address and control bytes in front. A protocol below 256
/// may be one byte (RFC 1661, 6.5): the last byte of a protocol number is odd, and no other is.
pub(super) fn ppp(mut r: Reader<'_>, framed: bool) -> Result<Frame<'_>> {
    if framed && r.rest().starts_with(&[0xff, 0x03]) {
        r.u16_be("address and control")?;
    }
    let compressed = r.rest().first().is_some_and(|first| first & 1 != 0);
    let protocol = if compressed { r.u8("ppp protocol")?.into() } else { r.u16_be("ppp protocol")? };
    let ethertype = match protocol {
        0x0021 => IPV4,
        0x0057 => IPV6,
        // MPLS, RFC 3032, 4.3.
        0x0281 | 0x0283 => under_labels(&mut r)?,
        _ => 0,
    };
    Ok(bare(ethertype, r.rest()))
}

/// PPP of a serial line.
pub(super) fn framed_ppp(r: Reader<'_>) -> Result<Frame<'_>> {
    ppp(r, true)
}

/// The header of a PPPoE session, then PPP.
pub(super) fn pppoe(mut r: Reader<'_>) -> Result<Frame<'_>> {
    r.bytes::<6>("pppoe header")?;
    ppp(r, false)
}

/// Address, control, EtherType. What is not IP is tried as IP, like a link that is not known.
pub(super) fn hdlc(r: Reader<'_>) -> Result<Frame<'_>> {
    let mut look = r;
    look.u16_be("address and control")?;
    match look.u16_be("protocol")? {
        ethertype @ (IPV4 | IPV6) => Ok(bare(ethertype, look.rest())),
        _ => raw(r),
    }
}

/// Q.922 address, then an EtherType as Cisco has it, or control and network layer identifier (RFC 2427, 3), with SNAP or
/// without. What is not IP is tried as IP, like a link that is not known.
pub(super) fn frame_relay(r: Reader<'_>) -> Result<Frame<'_>> {
    const ADDRESS_MAX: usize = 4;
    const LAST: u8 = 1;
    let mut look = r;
    for _ in 0..ADDRESS_MAX {
        if look.u8("address")? & LAST != 0 {
            break;
        }
    }
    let head = look.rest();
    let skip = match head {
        [0x08, 0x00, ..] | [0x86, 0xdd, ..] | [0x03, 0xcc | 0x8e, ..] => 2,
        [0x03, 0x00, 0xcc | 0x8e, ..] => 3,
        [0x03, 0x00, 0x80, 0, 0, 0, 0x08, 0x00, ..] | [0x03, 0x00, 0x80, 0, 0, 0, 0x86, 0xdd, ..] => 8,
        _ => return raw(r),
    };
    look.take("encapsulation", skip)?;
    raw(look)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::link::Link;

    fn ip_of(link: Link, bytes: &[u8]) -> Option<&[u8]> {
        let frame = link.open(bytes).unwrap();
        (frame.ethertype == IPV4).then_some(frame.payload)
    }

    #[test]
    fn ppp_carries_labels() {
        let bytes = [0xff, 0x03, 0x02, 0x81, 0x18, 0x96, 0x0e, 0xff, 0x18, 0x96, 0x0f, 0xff, 0x45];
        let frame = Link::PPP.open(&bytes).unwrap();
        assert_eq!((frame.ethertype, frame.payload), (IPV4, &[0x45][..]));
    }

    #[test]
    fn a_ppp_protocol_may_be_one_byte() {
        assert_eq!(ip_of(Link::PPP, &[0xff, 0x03, 0x21, 0x45]), Some(&[0x45][..]));
        assert_eq!(ip_of(Link::PPP, &[0x00, 0x21, 0x45]), Some(&[0x45][..]));
        assert_eq!(ip_of(Link::PPP, &[0xc0, 0x21, 0x45]), None);
        assert_eq!(ip_of(Link::PPP_ETHER, &[0x11, 0, 0, 1, 0, 3, 0x00, 0x21, 0x45]), Some(&[0x45][..]));
    }

    #[test]
    fn cisco_hdlc_has_an_ethertype() {
        assert_eq!(ip_of(Link::HDLC, &[0x0f, 0x00, 0x08, 0x00, 0x45]), Some(&[0x45][..]));
    }

    #[test]
    fn frame_relay_carries_ip_in_four_ways() {
        for head in
            [&[0x08, 0x00][..], &[0x03, 0xcc], &[0x03, 0, 0xcc], &[0x03, 0, 0x80, 0, 0, 0, 0x08, 0x00]]
        {
            let bytes = [&[0x18, 0x41], head, &[0x45]].concat();
            assert_eq!(ip_of(Link::FRAME_RELAY, &bytes), Some(&[0x45][..]), "{head:?}");
        }
    }
}
