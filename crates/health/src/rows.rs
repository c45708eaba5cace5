//! Logs about taps and conduits.

use model::{Set, Span};
use std::net::IpAddr;

model::log! {
    /// How much a tap lost, by what receivers acknowledged and the tap never showed, per period.
    pub struct CaptureLoss<'a>: "capture_loss", Site {
        /// Length of the period.
        ts_delta: Span,
        /// Name of the tap.
        peer: &'a str,
        /// Acknowledgments that covered bytes not seen.
        gaps: u64,
        /// Acknowledgments that moved.
        acks: u64,
        /// `gaps` of 100 `acks`.
        percent_lost: f64,
    }
}

model::log! {
    /// What a tap shows and how truly, per period.
    pub struct TapHealth<'a>: "tap_health", Site {
        /// Length of the period.
        ts_delta: Span,
        /// Name of the tap.
        peer: &'a str,
        /// Frames, copies included.
        frames: u64,
        /// Frames that were compared with those before; of a tap without copies, one in sixteen.
        frames_compared: u64,
        /// Frames that repeat another in the same VLAN, by the identification of their IPv4 headers.
        copies_same: u64,
        /// Frames that repeat another with another VLAN tag.
        copies_tag: u64,
        /// Frames that repeat another on the other side of a router.
        copies_hop: u64,
        /// Copies that were left out of conversations.
        copies_folded: u64,
        /// Frames that repeat another, but the sender may have meant it.
        repeats: u64,
        /// TCP conversations that went on and of which both sides were seen.
        two_sided: u64,
        /// TCP conversations of which one side was seen though the other took part.
        one_sided: u64,
        /// Acknowledgments that came before the bytes they acknowledge.
        late: u64,
        /// Bytes of TCP that were acknowledged and never seen.
        lost_bytes: u64,
        /// Checksums that were computed; not every packet is looked at.
        sums: u64,
        /// Of these, sums that the sender had left to its network card.
        sums_offloaded: u64,
        /// Of these, sums that are wrong.
        sums_wrong: u64,
        /// Hosts whose own checksums are not those of the wire: the capture was taken on them.
        offload_hosts: Set<&'a [IpAddr]>,
        /// VLANs heard in the period, the first 64 of the tap.
        vlans: Set<&'a [u64]>,
        /// Frames with a VLAN tag.
        tagged: u64,
        /// Packets whose time was older than that of packets before them.
        disorder: u64,
        /// Times the clock was set.
        jumps: u64,
        /// Longest time without a frame that is usual for this tap.
        longest_quiet: Span,
        /// What is silent and usually is not: `tap`, `vlan 20`, `group boilers`.
        silent: Set<&'a [String]>,
        /// Conditions that hold, by the names of their findings.
        conditions: Set<&'a [&'a str]>,
    }
}

model::log! {
    /// What is known of a conduit that is said or found to be one-way; a row when that changes.
    pub struct ConduitRow<'a>: "conduit", Site {
        /// Name of the conduit; its ends where it has none.
        conduit: &'a str,
        /// Whether somebody said that it is one-way; otherwise it only looks so.
        declared: bool,
        /// `unobservable`, `consistent`, `proven` or `refuted`.
        verdict: &'a str,
        /// Why it cannot be observed.
        reason: Option<&'a str>,
        /// What refutes it: `frame`, `arp_reply`, `icmp_error`, `canary`, `acknowledgment`, `server_hello`,
        /// `answer`.
        proof: Option<&'a str>,
        /// Frame that refutes it, in the capture of `peer`.
        frame: Option<u64>,
        /// Tap that saw it.
        peer: Option<&'a str>,
        /// Packets that went the right way; estimated from some of them where nobody declared the conduit.
        packets: u64,
        /// Bytes of them, by their IP headers; likewise.
        bytes: u64,
        /// From the first of them to the last.
        duration: Option<Span>,
        /// Frames the other way that may have ended at the diode.
        attempts: u64,
        /// What is missing for a proof.
        missing: Set<&'a [&'a str]>,
    }
}
