use model::{Origin, Time};
use std::net::IpAddr;
use wire::ip::Packet;
use wire::link::Frame;

/// A captured frame as the judge of a tap sees it: what stands outermost, before any tunnel is opened.
#[derive(Clone, Copy, Debug)]
pub struct Look<'a> {
    /// When it was captured.
    pub time: Time,
    /// Which frame of which capture it is.
    pub origin: Origin,
    /// The frame; its payload begins with the IP header where there is one.
    pub frame: &'a Frame<'a>,
    /// The IP packet in it, if there is one that can be read.
    pub packet: Option<&'a Packet<'a>>,
}

/// Where something was seen first: the evidence of a finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Mark {
    /// When.
    pub time: Time,
    /// In which frame.
    pub origin: Origin,
}

impl Look<'_> {
    #[inline]
    pub(crate) fn mark(&self) -> Mark {
        Mark { time: self.time, origin: self.origin }
    }

    /// VLAN tags as one number: 0 is no tag, and different tags have different numbers but for rare pairs of
    /// two.
    #[inline]
    pub(crate) fn tag(&self) -> u16 {
        let inner = self.frame.inner_vlan.unwrap_or(0);
        self.frame.vlan.unwrap_or(0) ^ inner.rotate_left(5)
    }

    /// Whether one station is meant, as far as the frame's and the packet's destinations tell.
    #[inline]
    pub(crate) fn is_unicast(&self) -> bool {
        let group = self.frame.destination.is_some_and(|[first, ..]| first & 1 != 0);
        let many = self.packet.is_some_and(|packet| match packet.destination {
            IpAddr::V4(addr) => addr.is_multicast() || addr.is_broadcast(),
            IpAddr::V6(addr) => addr.is_multicast(),
        });
        !group && !many
    }
}
