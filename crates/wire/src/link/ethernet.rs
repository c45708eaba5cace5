//! Ethernet: the tags, labels and headers that may stand between the addresses and the packet.
//!
//! Sources: IEEE 802.3-2022, 3.2; IEEE 802.1Q-2022, 9.6 and 9.7; IEEE 802.1AE-2018, 9.3; RFC 2516, 4; RFC 3032, 2.1;
//! RFC 4385, 3; RFC 4448, 4; IEC 62439-3:2016, 4.2 and 5.6; Cisco, *FabricPath* (from captures).

use super::redundant::{Redundant, SUFFIX};
use super::serial::ppp;
use super::{Frame, IPV4, IPV6, bare, perhaps_ip, version};
use crate::{Reader, Result};

/// EtherTypes of a VLAN tag: IEEE 802.1Q, 802.1ad, and the older one for QinQ.
const VLAN_TAGS: [u16; 3] = [VLAN, 0x88a8, 0x9100];
/// EtherType of the usual VLAN tag.
const VLAN: u16 = 0x8100;
/// The bits of a VLAN tag that are its identifier.
const VLAN_ID: u16 = 0x0fff;
/// EtherTypes of MPLS, RFC 5332, 3.
const MPLS: [u16; 2] = [0x8847, 0x8848];
/// EtherType of Cisco FabricPath.
const FABRIC_PATH: u16 = 0x8903;
/// EtherType of a VN-Tag, IEEE 802.1BR, 13.2.
const VN_TAG: u16 = 0x8926;
/// EtherType of the service tag of a backbone, IEEE 802.1Q, 9.7 (802.1ah).
const SERVICE_TAG: u16 = 0x88e7;
/// EtherType of MACsec.
const MACSEC: u16 = 0x88e5;
/// EtherType of an HSR tag.
const HSR: u16 = 0x892f;
/// EtherType of a PPPoE session, RFC 2516, 4.
const PPPOE_SESSION: u16 = 0x8864;
/// EtherTypes below are lengths, IEEE 802.3, 3.2.6.
const LENGTHS_END: u16 = 0x0600;
/// The longest length; what lies between is neither.
const LENGTH_MAX: u16 = 1500;

/// Something that may stand in an Ethernet frame before the packet.
pub struct Tag {
    /// EtherTypes by which it is known; none where it has none.
    pub ethertypes: &'static [u16],
    /// What it is.
    pub name: &'static str,
    /// What is made of it.
    pub read: &'static str,
    /// Where it is described.
    pub spec: &'static str,
}

/// What is taken off an Ethernet frame, in any order and up to sixteen deep.
pub static TAGS: &[Tag] = &[
    Tag {
        ethertypes: &VLAN_TAGS,
        name: "VLAN tags, also in each other (QinQ)",
        read: "columns `vlan` and `inner_vlan`",
        spec: "IEEE 802.1Q, 9.6; 802.1ad",
    },
    Tag { ethertypes: &[VN_TAG], name: "VN-Tag", read: "taken off", spec: "IEEE 802.1BR, 13.2" },
    Tag {
        ethertypes: &[SERVICE_TAG],
        name: "Backbone service tag (MAC in MAC)",
        read: "addresses are those of the inner frame",
        spec: "IEEE 802.1Q, 9.7; 802.1ah",
    },
    Tag {
        ethertypes: &[FABRIC_PATH],
        name: "Cisco FabricPath",
        read: "addresses are those of the inner frame",
        spec: "from captures",
    },
    Tag {
        ethertypes: &MPLS,
        name: "MPLS labels: IP, or Ethernet with a control word or without",
        read: "taken off; addresses are those of the inner frame",
        spec: "RFC 3032; RFC 4385; RFC 4448",
    },
    Tag { ethertypes: &[PPPOE_SESSION], name: "PPPoE session", read: "taken off", spec: "RFC 2516, 4" },
    Tag {
        ethertypes: &[HSR],
        name: "HSR tag",
        read: "taken off; the second copy of a frame is left out",
        spec: "IEC 62439-3, 5.6",
    },
    Tag {
        ethertypes: &[],
        name: "PRP trailer, suffix 0x88fb",
        read: "taken off; the second copy of a frame is left out",
        spec: "IEC 62439-3, 4.2.7",
    },
    Tag {
        ethertypes: &[MACSEC],
        name: "MACsec",
        read: "read where it only protects; what is encrypted counts as not IP",
        spec: "IEEE 802.1AE, 9.3",
    },
    Tag {
        ethertypes: &[],
        name: "LLC and SNAP, where the frame has a length",
        read: "taken off",
        spec: "IEEE 802.2, 3.2; IEEE 802, 10.3",
    },
];

/// Bytes that a frame has at least, if it carries anything at all.
const ETHERNET_MIN: usize = 17;
/// Tags that one frame may have, frames in frames included; more is an attack on whoever reads it.
const TAGS_MAX: usize = 16;

/// The usual Ethernet frame, the packet behind 14 bytes or one VLAN tag more, in one look; every other frame goes the long
/// way.
#[inline]
pub(super) fn plain(bytes: &[u8]) -> Option<Frame<'_>> {
    let (&[destination @ .., s0, s1, s2, s3, s4, s5, t0, t1], payload) = bytes.split_first_chunk::<14>()?;
    let (ethertype, vlan, payload) = match u16::from_be_bytes([t0, t1]) {
        VLAN => {
            let (&[high, low, t0, t1], payload) = payload.split_first_chunk::<4>()?;
            let tag = u16::from_be_bytes([high, low]) & VLAN_ID;
            (u16::from_be_bytes([t0, t1]), (tag != 0).then_some(tag), payload)
        }
        ethertype => (ethertype, None, payload),
    };
    let is_last = matches!(ethertype, IPV4 | IPV6) || !has_more(ethertype);
    let is_plain = is_last && bytes.len() >= ETHERNET_MIN && !bytes.ends_with(&SUFFIX);
    is_plain.then(|| Frame {
        source: Some([s0, s1, s2, s3, s4, s5]),
        destination: Some(destination),
        vlan,
        ..bare(ethertype, payload)
    })
}

/// Whether something stands between this EtherType and the packet.
fn has_more(ethertype: u16) -> bool {
    match ethertype {
        ..LENGTHS_END | VN_TAG | HSR | MACSEC | FABRIC_PATH | SERVICE_TAG | PPPOE_SESSION => true,
        other => VLAN_TAGS.contains(&other) || MPLS.contains(&other),
    }
}

/// Any Ethernet frame.
pub(super) fn ethernet(mut r: Reader<'_>) -> Result<Frame<'_>> {
    let mut whole = r;
    whole.take("ethernet frame", ETHERNET_MIN)?;
    let frame = addressed(&mut r)?;
    if frame.ethertype <= LENGTH_MAX {
        let mut data = r;
        data.take("ethernet frame", frame.ethertype.into())?;
    }
    let after_type = r.rest();
    let mut frame = tagged(r, frame)?;
    if let Some(mark) = Redundant::of_trailer(after_type, frame.payload.len()) {
        frame.redundant = Some(mark);
        frame.payload = frame.payload.split_last_chunk::<6>().map_or(&[][..], |(payload, _)| payload);
    }
    Ok(frame)
}

/// Four bytes of the card, then the frame.
pub(super) fn netanalyzer(mut r: Reader<'_>) -> Result<Frame<'_>> {
    r.u32_be("netanalyzer header")?;
    ethernet(Reader::new(r.rest()))
}

/// The tag stands between the addresses and the EtherType.
pub(super) fn dsa(mut r: Reader<'_>) -> Result<Frame<'_>> {
    let destination = Some(r.bytes("destination address")?);
    let source = Some(r.bytes("source address")?);
    r.u32_be("dsa tag")?;
    let ethertype = r.u16_be("ethertype")?;
    tagged(r, Frame { source, destination, ..bare(ethertype, &[]) })
}

fn addressed<'a>(r: &mut Reader<'a>) -> Result<Frame<'a>> {
    let destination = Some(r.bytes("destination address")?);
    let source = Some(r.bytes("source address")?);
    let ethertype = r.u16_be("ethertype")?;
    Ok(Frame { source, destination, ..bare(ethertype, &[]) })
}

/// Takes off what stands between an EtherType and the packet.
pub(super) fn tagged<'a>(mut r: Reader<'a>, mut frame: Frame<'a>) -> Result<Frame<'a>> {
    for _ in 0..TAGS_MAX {
        if !step(&mut r, &mut frame)? {
            frame.payload = r.rest();
            return Ok(frame);
        }
    }
    Err(r.invalid("tags", 2, frame.ethertype))
}

/// Takes off one tag or header; says whether another may follow.
fn step<'a>(r: &mut Reader<'a>, frame: &mut Frame<'a>) -> Result<bool> {
    match frame.ethertype {
        tag if VLAN_TAGS.contains(&tag) => vlan(r, frame)?,
        VN_TAG => {
            r.u32_be("vn-tag")?;
            frame.ethertype = r.u16_be("ethertype")?;
        }
        HSR => {
            frame.redundant =
                Some(Redundant::of_tag(r.u16_be("path and size")?, r.u16_be("sequence number")?));
            frame.ethertype = r.u16_be("ethertype")?;
        }
        MACSEC => return macsec(r, frame),
        FABRIC_PATH => {
            r.u16_be("forwarding tag and time to live")?;
            behind(r, frame)?;
        }
        SERVICE_TAG => {
            r.u32_be("service tag")?;
            behind(r, frame)?;
        }
        labels if MPLS.contains(&labels) => {
            frame.ethertype = under_labels(r)?;
            if frame.ethertype == 0 {
                return pseudowire(r, frame);
            }
        }
        PPPOE_SESSION => {
            r.bytes::<6>("pppoe header")?;
            let inner = ppp(*r, false)?;
            (frame.ethertype, *r) = (inner.ethertype, Reader::new(inner.payload));
        }
        ..LENGTHS_END => {
            frame.ethertype = llc(r)?;
            return Ok(false);
        }
        _ => return Ok(false),
    }
    Ok(true)
}

/// Identifier 0 is a priority tag: no VLAN (IEEE 802.1Q, 9.6).
fn vlan(r: &mut Reader<'_>, frame: &mut Frame<'_>) -> Result<()> {
    let tag = Some(r.u16_be("vlan tag")? & VLAN_ID).filter(|tag| *tag != 0);
    if frame.vlan.is_none() {
        frame.vlan = tag;
    } else {
        frame.inner_vlan = tag;
    }
    frame.ethertype = r.u16_be("ethertype")?;
    Ok(())
}

/// A whole frame behind the header: the addresses before were the switches' own, these are the hosts'.
fn behind<'a>(r: &mut Reader<'a>, frame: &mut Frame<'a>) -> Result<()> {
    let inner = addressed(r)?;
    (frame.source, frame.destination, frame.ethertype) = (inner.source, inner.destination, inner.ethertype);
    Ok(())
}

/// What MACsec protects but does not encrypt can be read; the check value behind it counts as padding. What is
/// encrypted keeps the EtherType of MACsec.
fn macsec(r: &mut Reader<'_>, frame: &mut Frame<'_>) -> Result<bool> {
    const HAS_CHANNEL: u8 = 0x20;
    const ENCRYPTED_OR_CHANGED: u8 = 0x0c;
    let [control, ..] = r.bytes::<6>("macsec tag")?;
    if control & HAS_CHANNEL != 0 {
        r.bytes::<8>("secure channel")?;
    }
    if control & ENCRYPTED_OR_CHANGED != 0 {
        return Ok(false);
    }
    frame.ethertype = r.u16_be("ethertype")?;
    Ok(true)
}

/// Takes MPLS labels off, the last of which has the bottom-of-stack bit (RFC 3032, 2.1). What follows is IP if it
/// looks so, otherwise of EtherType 0.
pub(super) fn under_labels(r: &mut Reader<'_>) -> Result<u16> {
    while r.u32_be("mpls label")? & 0x100 == 0 {}
    Ok(perhaps_ip(*r).ethertype)
}

/// Ethernet under labels, perhaps behind a control word (RFC 4385, 3; RFC 4448, 4). The labels do not say what they
/// carry, so it is taken for a frame where it carries something known.
fn pseudowire<'a>(r: &mut Reader<'a>, frame: &mut Frame<'a>) -> Result<bool> {
    let mut look = *r;
    if version(look.rest()) == Some(0) {
        look.u32_be("control word")?;
    }
    let Ok(inner) = addressed(&mut look) else { return Ok(false) };
    let carried = match inner.ethertype {
        IPV4 => version(look.rest()) == Some(4),
        IPV6 => version(look.rest()) == Some(6),
        other => VLAN_TAGS.contains(&other) || MPLS.contains(&other),
    };
    if carried {
        *r = look;
        (frame.source, frame.destination, frame.ethertype) =
            (inner.source, inner.destination, inner.ethertype);
    }
    Ok(carried)
}

/// IEEE 802.2, 3.2, with SNAP (IEEE 802, 10.3); 0 when no EtherType is told.
pub(super) fn llc(r: &mut Reader<'_>) -> Result<u16> {
    let mut look = *r;
    match look.bytes("llc header")? {
        [0xaa, 0xaa, 0x03] => {}
        // The service access point of IP itself.
        [0x06, 0x06, 0x03] => {
            *r = look;
            return Ok(IPV4);
        }
        _ => return Ok(0),
    }
    look.u24_be("organisation")?;
    let ethertype = look.u16_be("ethertype")?;
    *r = look;
    Ok(ethertype)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::link::Link;

    /// An Ethernet frame with these bytes behind the addresses 2… and 1….
    fn frame(rest: &[u8]) -> Vec<u8> {
        [&[2; 6], &[1; 6], rest].concat()
    }

    fn open(bytes: &[u8]) -> Frame<'_> {
        Link::ETHERNET.open(bytes).unwrap()
    }

    #[test]
    fn two_vlan_tags_are_told_apart() {
        let bytes = frame(&[0x88, 0xa8, 0x00, 0x0b, 0x81, 0x00, 0x20, 0x0c, 0x08, 0x00, 0x45]);
        let frame = open(&bytes);
        assert_eq!((frame.vlan, frame.inner_vlan, frame.ethertype), (Some(11), Some(12), IPV4));
        assert_eq!(frame.payload, [0x45]);
    }

    #[test]
    fn under_fabric_path_and_backbones_stands_the_frame_of_the_hosts() {
        for head in [&[0x89, 0x03, 0x00, 0x20][..], &[0x88, 0xa8, 0, 9, 0x88, 0xe7, 0, 0, 0, 7]] {
            let mut bytes = frame(head);
            bytes.extend([3; 12]);
            bytes.extend([0x08, 0x00, 0x45]);
            let frame = open(&bytes);
            assert_eq!((frame.source, frame.ethertype, frame.payload), (Some([3; 6]), IPV4, &[0x45][..]));
        }
    }

    #[test]
    fn a_vn_tag_is_taken_off() {
        let bytes = frame(&[0x89, 0x26, 0, 1, 0, 2, 0x08, 0x00, 0x45]);
        assert_eq!((open(&bytes).ethertype, open(&bytes).payload), (IPV4, &[0x45][..]));
    }

    #[test]
    fn an_hsr_tag_says_which_copy_it_is() {
        let bytes = frame(&[0x89, 0x2f, 0x10, 0x07, 0x12, 0x34, 0x08, 0x00, 0x45]);
        let frame = open(&bytes);
        assert_eq!(frame.redundant, Some(Redundant { second: true, sequence: 0x1234 }));
        assert_eq!((frame.ethertype, frame.payload), (IPV4, &[0x45][..]));
    }

    #[test]
    fn a_prp_trailer_is_taken_off_when_its_size_is_right() {
        let mut bytes = frame(&[0x08, 0x00, 0x45, 0, 0, 7, 0xa0, 9, 0x88, 0xfb]);
        // Payload of two bytes and trailer of six.
        bytes[19] = 8;
        let prp = open(&bytes);
        assert_eq!(prp.redundant, Some(Redundant { second: false, sequence: 7 }));
        assert_eq!((prp.ethertype, prp.payload), (IPV4, &[0x45, 0][..]));
        bytes[19] = 9;
        assert_eq!((open(&bytes).redundant, open(&bytes).payload.len()), (None, 8));
    }

    #[test]
    fn behind_a_vlan_tag_a_prp_trailer_counts_with_the_tag_or_without() {
        for size in [7, 11] {
            let bytes = frame(&[0x81, 0x00, 0x00, 0x05, 0x08, 0x00, 0x45, 0, 7, 0xb0, size, 0x88, 0xfb]);
            let frame = open(&bytes);
            assert_eq!(frame.redundant, Some(Redundant { second: true, sequence: 7 }), "{size}");
            assert_eq!((frame.vlan, frame.payload), (Some(5), &[0x45][..]));
        }
    }

    #[test]
    fn macsec_is_read_when_it_only_protects() {
        let clear = frame(&[0x88, 0xe5, 0x00, 0, 0, 0, 0, 1, 0x08, 0x00, 0x45]);
        assert_eq!((open(&clear).ethertype, open(&clear).payload), (IPV4, &[0x45][..]));
        let encrypted = frame(&[0x88, 0xe5, 0x0c, 0, 0, 0, 0, 1, 0x08, 0x00, 0x45]);
        assert_eq!(open(&encrypted).ethertype, MACSEC);
    }

    #[test]
    fn labels_carry_ip_or_ethernet_with_and_without_control_word() {
        let ip = frame(&[0x88, 0x47, 0, 1, 0, 0xff, 0, 2, 1, 0xff, 0x45]);
        assert_eq!((open(&ip).ethertype, open(&ip).payload), (IPV4, &[0x45][..]));
        for control_word in [&[0, 0, 0, 0][..], &[]] {
            let mut bytes = frame(&[0x88, 0x47, 0, 1, 1, 0xff]);
            bytes.extend(control_word);
            bytes.extend([0x9a; 12]);
            bytes.extend([0x81, 0x00, 0x00, 0x05, 0x08, 0x00, 0x45]);
            let frame = open(&bytes);
            assert_eq!((frame.source, frame.vlan, frame.payload), (Some([0x9a; 6]), Some(5), &[0x45][..]));
        }
    }

    #[test]
    fn pppoe_carries_ip_and_its_discovery_does_not() {
        let session = frame(&[0x88, 0x64, 0x11, 0, 0, 1, 0, 3, 0x00, 0x21, 0x45]);
        assert_eq!((open(&session).ethertype, open(&session).payload), (IPV4, &[0x45][..]));
        let discovery = frame(&[0x88, 0x63, 0x11, 9, 0, 0, 0, 0]);
        assert_eq!(open(&discovery).ethertype, 0x8863);
    }

    #[test]
    fn a_length_beyond_the_frame_is_a_frame_cut_short() {
        let snap = frame(&[0, 9, 0xaa, 0xaa, 3, 0, 0, 0, 0x08, 0x00, 0x45]);
        assert_eq!((open(&snap).ethertype, open(&snap).payload), (IPV4, &[0x45][..]));
        let cut = frame(&[0, 10, 0xaa, 0xaa, 3, 0, 0, 0, 0x08, 0x00, 0x45]);
        assert_eq!(
            Link::ETHERNET.open(&cut).unwrap_err().to_string(),
            "ethernet frame at byte 14 is cut short by 1 bytes"
        );
    }

    #[test]
    fn tags_without_end_are_refused() {
        let bytes = frame(&[0x81, 0x00, 0x00, 0x05].repeat(40));
        assert!(matches!(Link::ETHERNET.open(&bytes), Err(crate::Error::Invalid { field: "tags", .. })));
    }
}
