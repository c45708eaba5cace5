//! Packets of several interfaces as one stream.

use anyhow::Context;
use model::Time;
use packets::{Archive, Order, PcapWriter, Query, Search};
use std::io::Write;
use wire::link::Link;

/// Searches whose packets are written in the order of their times.
pub(crate) struct Merged {
    searches: Vec<Next>,
}

/// What came of writing.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Written {
    pub(crate) packets: u64,
    /// There were more.
    pub(crate) cut: bool,
}

/// A search, and the packet that it found last.
struct Next {
    search: Search,
    found: bool,
    time: Time,
    bytes: Vec<u8>,
    wire_len: usize,
}

impl Merged {
    pub(crate) fn new(archives: &[Archive], query: &Query) -> Self {
        let next = |archive: &Archive| Next {
            search: archive.search(query.clone(), Order::Forward),
            found: false,
            time: Time::default(),
            bytes: vec![],
            wire_len: 0,
        };
        Self { searches: archives.iter().map(next).collect() }
    }

    /// Writes at most `limit` packets to what `out` gives, which is not asked where there are none.
    ///
    /// # Errors
    /// When packets cannot be read or written.
    pub(crate) fn write(
        mut self,
        limit: u64,
        out: impl FnOnce() -> anyhow::Result<Box<dyn Write>>,
    ) -> anyhow::Result<Written> {
        self.searches.iter_mut().try_for_each(Next::advance)?;
        let mut written = Written::default();
        let (mut out, mut writer) = (Some(out), None);
        while let Some(next) = self.searches.iter_mut().filter(|next| next.found).min_by_key(|next| next.time)
        {
            if written.packets >= limit {
                written.cut = true;
                break;
            }
            if let Some(out) = out.take() {
                writer = Some(PcapWriter::new(out()?, Link::ETHERNET));
            }
            if let Some(writer) = &mut writer {
                writer.packet(next.time, &next.bytes, next.wire_len).context("cannot write the packets")?;
            }
            written.packets += 1;
            next.advance()?;
        }
        writer.map(PcapWriter::finish).transpose().context("cannot write the packets")?;
        Ok(written)
    }
}

impl Next {
    fn advance(&mut self) -> packets::Result<()> {
        let packet = self.search.next_packet()?;
        self.found = packet.is_some();
        if let Some(packet) = packet {
            (self.time, self.wire_len) = (packet.time, packet.wire_len);
            self.bytes.clear();
            self.bytes.extend_from_slice(packet.bytes);
        }
        Ok(())
    }
}
