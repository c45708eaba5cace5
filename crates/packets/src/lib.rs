//! Packets on disk: a rolling capture of an interface that is found again by number, time, address and conversation.
//!
//! A [`Spool`] writes. Every packet has a number, one after the other, that a restart does not change. Packets are sorted
//! into classes (the levels and zones of a site that are to be kept longer or shorter, see [`Plan`]); each class has its
//! own pieces, and only the oldest of its own make room for it. A piece is a pcap file that any program opens. Beside it
//! lie a file of numbers and, once it is complete, an index that is written once. What is missing or damaged of the two
//! is made up for from the piece.
//!
//! An [`Archive`] reads, in the same process or in another, while the spool is being written.
//!
//! Where things are: [`ends`](Conversation) says who talks to whom in a frame; `record`, `numbers`, `table` and `index`
//! are the forms on disk; `piece` is a piece that is complete, `open` one that is being written; `search` walks through
//! the pieces of all classes in the order of the numbers; `carve` cuts one conversation out around a packet.

mod alike;
mod carve;
mod ends;
mod error;
mod hash;
mod index;
mod numbers;
mod open;
mod piece;
mod plan;
mod record;
mod search;
mod spool;
mod table;
mod varint;

pub use carve::{Carved, PcapWriter, carve_capture};
pub use ends::{Conversation, End, Who};
pub use error::{Error, Result};
pub use piece::is_beside_a_piece;
pub use plan::{Class, Classify, Plan};
pub use search::{Archive, Order, Query, Search};
pub use spool::{Losses, Spool};

#[cfg(test)]
mod keeping;
#[cfg(test)]
mod laws;
#[cfg(test)]
mod testing;
