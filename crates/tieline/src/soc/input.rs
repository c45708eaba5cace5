use model::{Event, Time};
use std::path::PathBuf;
use std::sync::mpsc::{SyncSender, TrySendError};

/// Batches that wait to be taken; whoever brings more waits, an interface then loses packets in its own ring.
pub(crate) const WAITING_MAX: usize = 64;

/// What comes in.
pub(crate) enum Input {
    /// A source appeared.
    Source { number: u32, name: String, kind: &'static str },
    /// Frames of an interface, in order.
    Frames { source: u32, frames: Frames },
    /// The interface lost packets, and its card did not stamp others, where it is to; so many in all.
    Lost { source: u32, packets: u64, unstamped: Option<u64> },
    /// Events of a file, in order.
    Events { source: u32, events: Vec<Event>, read: Read },
    /// A capture that is whole.
    Capture { source: u32, path: PathBuf },
    /// Something is wrong with a source.
    Problem { source: u32, text: String },
    /// Something else is wrong.
    Trouble(String),
    /// Everything known so far shall be on disk; answered when it is.
    Store(SyncSender<()>),
    /// The end.
    Stop,
}

/// What reading a piece of a file came to.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Read {
    pub(crate) bytes: u64,
    pub(crate) damaged: u64,
}

/// Ethernet frames in one piece of memory.
#[derive(Default)]
pub(crate) struct Frames {
    bytes: Vec<u8>,
    /// Time, where it ends in `bytes`, length on the wire.
    index: Vec<(Time, usize, usize)>,
}

impl Frames {
    pub(crate) fn push(&mut self, time: Time, bytes: &[u8], wire_len: usize) {
        self.bytes.extend_from_slice(bytes);
        self.index.push((time, self.bytes.len(), wire_len));
    }

    pub(crate) fn len(&self) -> usize {
        self.index.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.index.is_empty()
    }

    /// Time, bytes, and length on the wire of each.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (Time, &[u8], usize)> {
        let starts = std::iter::once(0).chain(self.index.iter().map(|(_, end, _)| *end));
        let frame = |(start, (time, end, wire_len)): (usize, &(Time, usize, usize))| {
            (*time, self.bytes.get(start..*end).unwrap_or_default(), *wire_len)
        };
        starts.zip(&self.index).map(frame)
    }
}

/// Where inputs go.
#[derive(Clone)]
pub(crate) struct Inlet(pub(crate) SyncSender<Input>);

/// Nobody takes inputs any more.
#[derive(Debug, thiserror::Error)]
#[error("the intake has ended")]
pub(crate) struct Ended;

impl Inlet {
    /// Hands `input` over, waiting for room.
    ///
    /// # Errors
    /// When the intake has ended.
    pub(crate) fn put(&self, input: Input) -> Result<(), Ended> {
        self.0.send(input).map_err(|_| Ended)
    }

    /// Hands `frames` over if there is room; gives them back if not.
    ///
    /// # Errors
    /// When the intake has ended.
    pub(crate) fn offer(&self, source: u32, frames: Frames) -> Result<Option<Frames>, Ended> {
        match self.0.try_send(Input::Frames { source, frames }) {
            Ok(()) => Ok(None),
            Err(TrySendError::Full(Input::Frames { frames, .. })) => Ok(Some(frames)),
            Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => Err(Ended),
        }
    }
}
