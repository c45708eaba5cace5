use crate::flow::Key;
use std::hash::{BuildHasher, Hash};
use std::net::IpAddr;

/// What a packet came through, as a number: 0 is no tunnel, and different tunnels most likely have different numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tunnel(u64);

impl Tunnel {
    /// The tunnel inside this one between two hosts, whichever of them sends.
    pub(crate) fn between(self, a: IpAddr, b: IpAddr, protocol: u8) -> Self {
        self.with((a.min(b), a.max(b), protocol))
    }

    /// The tunnel inside this one that the conversation `key` carries.
    pub(crate) fn inside(self, key: &Key) -> Self {
        self.with(key)
    }

    fn with(self, part: impl Hash) -> Self {
        Self(foldhash::fast::FixedState::default().hash_one((self.0, part)) | 1)
    }
}
