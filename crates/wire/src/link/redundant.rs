/// What a frame that was sent twice says about its copies: over two networks (PRP) or both ways round a ring (HSR).
///
/// Source: IEC 62439-3:2016, 4.2.7 and 5.6.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Redundant {
    /// Whether it came by the second way: LAN B instead of LAN A.
    pub second: bool,
    /// The sender's number for both copies; it starts anew after 65,535.
    pub sequence: u16,
}

/// Last bytes of a frame with a PRP trailer.
pub(super) const SUFFIX: [u8; 2] = [0x88, 0xfb];

impl Redundant {
    /// What an HSR tag says, its first field being path and size.
    pub(super) fn of_tag(path_and_size: u16, sequence: u16) -> Self {
        Self { second: path_and_size & 0x1000 != 0, sequence }
    }

    /// What the PRP trailer of a frame says, if it has one. Its size counts what follows the EtherType `after_type`,
    /// trailer included; senders differ in whether they count a VLAN tag, so the packet's own length will do as well.
    pub(super) fn of_trailer(after_type: &[u8], packet_len: usize) -> Option<Self> {
        const LAN_A: u16 = 0xa;
        const LAN_B: u16 = 0xb;
        let &[s0, s1, l0, l1, a, b] = after_type.last_chunk::<6>()?;
        let lan_and_size = u16::from_be_bytes([l0, l1]);
        let (lan, size) = (lan_and_size >> 12, usize::from(lan_and_size & 0x0fff));
        let fits = packet_len >= 6 && (size == after_type.len() || size == packet_len);
        (fits && [a, b] == SUFFIX && matches!(lan, LAN_A | LAN_B))
            .then(|| Self { second: lan == LAN_B, sequence: u16::from_be_bytes([s0, s1]) })
    }
}
