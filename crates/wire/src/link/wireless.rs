//! IEEE 802.11 and the headers that capturing puts before it.
//!
//! Source: IEEE 802.11-2020, 9.2 and 9.3.2.

use super::{Frame, bare, llc};
use crate::{Reader, Result};

/// A radiotap header says how long it is, least significant byte first.
pub(super) fn radiotap(mut r: Reader<'_>) -> Result<Frame<'_>> {
    r.u16_be("radiotap version")?;
    let length = usize::from(r.u16_le("radiotap length")?);
    r.take("radiotap fields", length.saturating_sub(4))?;
    wireless(r)
}

/// A header of the Prism driver has always the same length.
pub(super) fn prism(mut r: Reader<'_>) -> Result<Frame<'_>> {
    r.bytes::<144>("prism header")?;
    wireless(r)
}

/// An AVS header says how long it is, most significant byte first.
pub(super) fn avs(mut r: Reader<'_>) -> Result<Frame<'_>> {
    r.u32_be("avs version")?;
    let length = usize::try_from(r.u32_be("avs length")?).unwrap_or(usize::MAX);
    r.take("avs fields", length.saturating_sub(8))?;
    wireless(r)
}

/// A data frame that is not encrypted; everything else carries no packet (IEEE 802.11-2020, 9.2 and 9.3.2.1).
pub(super) fn wireless(mut r: Reader<'_>) -> Result<Frame<'_>> {
    let [control, flags] = r.bytes("frame control")?;
    let (is_data, has_qos, is_empty) = (control & 0x0c == 0x08, control & 0x80 != 0, control & 0x40 != 0);
    let (to_ds, from_ds, is_protected) = (flags & 0x01 != 0, flags & 0x02 != 0, flags & 0x40 != 0);
    if !is_data || is_empty || is_protected {
        return Ok(bare(0, &[]));
    }
    r.u16_be("duration")?;
    let (first, second) = (r.bytes::<6>("address 1")?, r.bytes::<6>("address 2")?);
    let third = r.bytes::<6>("address 3")?;
    r.u16_be("sequence control")?;
    let fourth = if to_ds && from_ds { Some(r.bytes::<6>("address 4")?) } else { None };
    let aggregated = has_qos && r.u16_le("qos control")? & 0x0080 != 0;
    if aggregated {
        return subframe(r.rest());
    }
    let ethertype = llc(&mut r)?;
    let source = fourth.unwrap_or(if from_ds { third } else { second });
    let destination = if to_ds { third } else { first };
    Ok(Frame { source: Some(source), destination: Some(destination), ..bare(ethertype, r.rest()) })
}

/// Opens the first of several packets that one 802.11 frame carries, each in a subframe (A-MSDU, IEEE 802.11-2020,
/// 9.3.2.2.2).
///
/// # Errors
/// When the subframe is cut short.
pub fn subframe(bytes: &[u8]) -> Result<Frame<'_>> {
    let mut r = Reader::new(bytes);
    let destination = Some(r.bytes("destination address")?);
    let source = Some(r.bytes("source address")?);
    let length = usize::from(r.u16_be("subframe length")?);
    let mut packet = r.sub("subframe", length)?;
    let ethertype = llc(&mut packet)?;
    // All but the last are filled up to a multiple of four bytes.
    let others = bytes.get(r.offset().next_multiple_of(4)..).unwrap_or_default();
    Ok(Frame { source, destination, others, ..bare(ethertype, packet.rest()) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::link::Link;

    #[test]
    fn one_wireless_frame_may_carry_several_packets() {
        let snap = [0xaa, 0xaa, 0x03, 0, 0, 0, 0x08, 0x00];
        let mut bytes = vec![0x88, 0x02, 0, 0];
        bytes.extend([0; 20]);
        bytes.extend([0x80, 0x00]);
        for mark in [7, 8] {
            bytes.extend([mark; 12]);
            bytes.extend([0, 9]);
            bytes.extend(snap);
            bytes.push(mark);
            bytes.push(0);
        }
        let first = Link::WIRELESS.open(&bytes).unwrap();
        let second = subframe(first.others).unwrap();
        assert_eq!((first.source, first.payload), (Some([7; 6]), &[7][..]));
        assert_eq!((second.source, second.payload, second.others), (Some([8; 6]), &[8][..], &[][..]));
    }
}
