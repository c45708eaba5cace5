use crate::damage::{Damage, Fault, Place};
use memchr::memmem;
use std::io::Read;

/// Length of one event; what is longer is reported and left out.
pub(super) const EVENT_MAX: usize = 4 * 1024 * 1024;

/// Bytes taken from the input at once.
const STEP: u64 = 64 * 1024;

/// Finds `<Event …>…</Event>` wherever it stands and hands over each with its offset; what lies between is
/// skipped.
///
/// An event that does not end before the next begins is cut short and costs only itself. (A literal
/// `</Event>` within CDATA ends the event early; Windows and the collectors we know of escape texts instead.)
pub(super) fn split(input: impl Read, take: &mut Take<'_>) {
    let mut window = Window { input, bytes: vec![], at: 0, offset: 0 };
    loop {
        match window.next() {
            Ok(Some(Found::Whole(len))) => {
                take(Ok((window.place(), window.rest().get(..len).unwrap_or_default())));
                window.skip(len);
            }
            Ok(Some(Found::Broken(len, fault))) => {
                take(Err(fault.at(Place::Offset(window.place()))));
                window.skip(len);
            }
            Ok(None) => return,
            Err(error) => return take(Err(Fault::Io(error).at(Place::Offset(window.place())))),
        }
    }
}

/// Takes the text of an event and where it begins.
type Take<'a> = dyn FnMut(Result<(u64, &[u8]), Damage>) + 'a;

/// What stands at the front of the window.
enum Found {
    /// An event of this many bytes.
    Whole(usize),
    /// An event that cannot be read, of this many bytes.
    Broken(usize, Fault),
}

/// The part of the input that is looked at.
struct Window<R> {
    input: R,
    bytes: Vec<u8>,
    /// Where the rest begins in `bytes`.
    at: usize,
    /// Where `bytes` begins in the input.
    offset: u64,
}

impl<R: Read> Window<R> {
    fn rest(&self) -> &[u8] {
        self.bytes.get(self.at..).unwrap_or_default()
    }

    fn place(&self) -> u64 {
        self.offset.saturating_add(u64::try_from(self.at).unwrap_or(u64::MAX))
    }

    fn skip(&mut self, n: usize) {
        self.at = self.bytes.len().min(self.at.saturating_add(n));
    }

    fn more(&mut self) -> std::io::Result<bool> {
        self.offset = self.place();
        self.bytes.drain(..self.at);
        self.at = 0;
        Ok(self.input.by_ref().take(STEP).read_to_end(&mut self.bytes)? > 0)
    }

    /// Moves to the next event and measures it; `None` at the end of the input.
    fn next(&mut self) -> std::io::Result<Option<Found>> {
        if !self.seek_start()? {
            return Ok(None);
        }
        let mut seen = OPEN.len();
        loop {
            let rest = self.rest();
            let tail = rest.get(seen..).unwrap_or_default();
            let end = memmem::find(tail, CLOSE).map(|at| seen + at);
            let next = start(tail.get(..end.map_or(tail.len(), |end| end - seen)).unwrap_or_default());
            if let Some(next) = next {
                return Ok(Some(Found::Broken(seen + next, Fault::CutShort)));
            }
            if let Some(end) = end {
                return Ok(Some(Found::Whole(end + CLOSE.len())));
            }
            if rest.len() > EVENT_MAX {
                return Ok(Some(Found::Broken(rest.len() - KEEP, Fault::TooLong { max: EVENT_MAX })));
            }
            // What may be the beginning of a tag is looked at again when there is more.
            seen = rest.len().saturating_sub(KEEP).max(OPEN.len());
            if !self.more()? {
                return Ok(Some(Found::Broken(self.rest().len(), Fault::CutShort)));
            }
        }
    }

    fn seek_start(&mut self) -> std::io::Result<bool> {
        loop {
            if let Some(at) = start(self.rest()) {
                self.skip(at);
                return Ok(true);
            }
            self.skip(self.rest().len().saturating_sub(KEEP));
            if !self.more()? {
                return Ok(false);
            }
        }
    }
}

const OPEN: &[u8] = b"<Event";
const CLOSE: &[u8] = b"</Event>";
/// Bytes of a tag that may stand at the end of the window: one less than the longer of both.
const KEEP: usize = CLOSE.len() - 1;

/// Where a start tag `<Event>` begins; `<EventData>` and `<Events>` are others.
fn start(bytes: &[u8]) -> Option<usize> {
    memmem::find_iter(bytes, OPEN)
        .find(|at| matches!(bytes.get(at + OPEN.len()), Some(b'>' | b' ' | b'\t' | b'\r' | b'\n')))
}
