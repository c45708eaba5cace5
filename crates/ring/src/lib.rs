//! Live capture on Linux: a ring of memory that the kernel fills with what an interface sees (`AF_PACKET`,
//! `TPACKET_V3`; kernel documentation, *networking/packet_mmap*).
//!
//! The ring only receives: the crate has no call that sends, and a thread that has [sealed](Ring::seal) its ring can send
//! nothing at all. VLAN tags,
//! which the kernel takes out of a frame, are put back in, so that a frame is what was on the wire.
//!
//! Opening a ring takes rights that listening does not: [`give_up`] is for the moment between the two.

mod account;
mod card;
mod rights;
mod seal;
mod socket;

pub use account::Account;
pub use card::{Stamps, Timestamps};
pub use rights::{Right, give_up};

use filter::Filter;
use model::Time;
use socket::{Block, Socket};
use std::io;
use std::time::Duration;

/// Blocks of the ring and the size of each, in bytes: 32 MB, about a quarter of a second at a gigabit.
const BLOCKS: u32 = 32;
const BLOCK_BYTES: u32 = 1 << 20;
/// A block that is not full is handed over after this time.
const HAND_OVER: Duration = Duration::from_millis(50);

/// An interface that is listened to.
#[derive(Debug)]
pub struct Ring {
    socket: Socket,
    /// The block that is looked at next.
    next: u32,
    /// Packets that the kernel could not put into the ring.
    lost: u64,
    /// What became of the stamps of the card, where it is to stamp.
    stamps: Option<Stamps>,
    /// A frame with its VLAN tag back in.
    tagged: Vec<u8>,
}

/// A frame as it was on the wire.
#[derive(Clone, Copy, Debug)]
pub struct Frame<'a> {
    /// When the kernel saw it, or the card, where that was wanted and done.
    pub time: Time,
    /// Ethernet header and what follows.
    pub bytes: &'a [u8],
    /// Length on the wire; never less than `bytes`.
    pub wire_len: usize,
}

/// Why an interface cannot be listened to.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is no such interface.
    #[error("there is no interface {0}")]
    NoInterface(String),
    /// The right to open raw sockets is missing.
    #[error("no right to listen: it takes CAP_NET_RAW (root, or: setcap cap_net_raw+ep on the program)")]
    NotAllowed,
    /// The card cannot stamp every packet.
    #[error("the card of {interface} cannot stamp every packet that it receives: {can}")]
    NoStamps {
        /// Interface.
        interface: String,
        /// What it can.
        can: String,
    },
    /// The right to have a card stamp packets is missing.
    #[error("no right to have the card of {0} stamp packets: it takes CAP_NET_ADMIN")]
    NotAllowedToStamp(String),
    /// There is no such user.
    #[error("there is no user {0}")]
    NoUser(String),
    /// Rights were to be given up when threads had them already.
    #[error("rights cannot be given up for {0} threads at once")]
    Threads(usize),
    /// The kernel refused something.
    #[error("cannot {what}")]
    Kernel {
        /// What was tried.
        what: &'static str,
        /// Why not.
        source: io::Error,
    },
}

impl Ring {
    /// Listens to the interface `name`, to everything that passes there (promiscuous), or to what `filter` lets through:
    /// one for frames as the kernel has them ([`filter::Filter::compile_live`]). What it leaves out costs nothing and is
    /// no loss; nothing passes before it is in place, and it cannot be changed any more. Frames are told the time by
    /// `timestamps`; a card that is to do so is told to, and goes on with it when the ring is closed.
    ///
    /// # Errors
    /// When there is no such interface, a right is missing, memory for the ring, or stamps of the card.
    pub fn open(name: &str, filter: Option<&Filter>, timestamps: Timestamps) -> Result<Self, Error> {
        let socket = Socket::open(name, filter, timestamps, BLOCKS, BLOCK_BYTES, HAND_OVER)?;
        let stamps = (timestamps == Timestamps::Hardware).then(Stamps::default);
        Ok(Self { socket, next: 0, lost: 0, stamps, tagged: vec![] })
    }

    /// Listens with `count` rings, each of which gets its share of the conversations: both directions of one, and all
    /// that is between two hosts in fragments, come to the same ring (`PACKET_FANOUT_HASH`).
    ///
    /// # Errors
    /// As [`Ring::open`].
    pub fn several(
        name: &str,
        filter: Option<&Filter>,
        timestamps: Timestamps,
        count: u8,
    ) -> Result<Vec<Self>, Error> {
        let open = |_| Self::open(name, filter, timestamps);
        let rings: Vec<_> = (0..count.max(1)).map(open).collect::<Result<_, _>>()?;
        if let [first, others @ ..] = &rings[..]
            && !others.is_empty()
        {
            let group = first.socket.share()?;
            others.iter().try_for_each(|ring| ring.socket.join(group))?;
        }
        Ok(rings)
    }

    /// Hands over the frames that came, waiting at most `wait` for the first of them.
    ///
    /// # Errors
    /// When the interface is gone or the kernel says why it cannot be read.
    pub fn take(&mut self, wait: Duration, take: &mut dyn FnMut(Frame<'_>)) -> Result<(), Error> {
        if !self.socket.ready(self.next) {
            self.socket.wait(wait)?;
        }
        // One round of the ring at most, so that the caller comes to its own work.
        for _ in 0..BLOCKS {
            if !self.socket.ready(self.next) {
                break;
            }
            let block = self.socket.block(self.next);
            hand_over(&block, &mut self.tagged, self.stamps.as_mut(), take);
            self.socket.give_back(self.next);
            self.next = (self.next + 1) % BLOCKS;
        }
        Ok(())
    }

    /// Packets lost so far because nobody took them in time.
    ///
    /// # Errors
    /// When the kernel does not tell.
    pub fn lost(&mut self) -> Result<u64, Error> {
        self.lost += u64::from(self.socket.lost_since()?);
        Ok(self.lost)
    }

    /// What became of the stamps of the card so far; nothing where the kernel stamps.
    pub fn stamps(&mut self) -> Option<Stamps> {
        let told = self.stamps;
        if let Some(stamps) = &mut self.stamps {
            stamps.newest = None;
        }
        told
    }
}

fn hand_over(
    block: &Block<'_>,
    tagged: &mut Vec<u8>,
    mut stamps: Option<&mut Stamps>,
    take: &mut dyn FnMut(Frame<'_>),
) {
    for packet in block.packets() {
        let time = Time::from_s_ns(i64::from(packet.seconds), packet.nanoseconds);
        match stamps.as_deref_mut() {
            Some(stamps) if packet.is_stamped => stamps.newest = Some(time),
            Some(stamps) => stamps.unstamped += 1,
            None => {}
        }
        let wire_len = usize::try_from(packet.wire_len).unwrap_or(usize::MAX);
        match (packet.vlan, packet.bytes.split_at_checked(MACS)) {
            (Some((kind, tag)), Some((macs, rest))) => {
                tagged.clear();
                tagged.extend_from_slice(macs);
                tagged.extend(kind.to_be_bytes());
                tagged.extend(tag.to_be_bytes());
                tagged.extend_from_slice(rest);
                take(Frame { time, bytes: tagged, wire_len: (wire_len + 4).max(tagged.len()) });
            }
            _ => take(Frame { time, bytes: packet.bytes, wire_len: wire_len.max(packet.bytes.len()) }),
        }
    }
}

/// Bytes of the two hardware addresses, behind which a VLAN tag stands (IEEE 802.1Q, 9.3).
const MACS: usize = 12;

#[cfg(test)]
mod tests;
