//! Folders that are followed: what is new in them, file by file, also in files that grow.

use super::input::{Ended, Inlet, Input, Read};
use super::sources::Register;
use exchange::Format;
use model::Event;
use sensor::capture::Capture;
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Cursor, Read as _, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime};

/// Files followed at most; further ones are not looked at, and the folder says so.
const FILES_MAX: usize = 100_000;
/// Folders within folders.
const DEPTH_MAX: usize = 8;
/// Bytes of the beginning by which a file is told.
const HEAD: u64 = 4096;
/// Bytes of a growing file that are read at once.
const PIECE: u64 = 4 << 20;
/// Events handed over at once.
const BATCH: usize = 500;

/// Follows folders until it is told to stop.
pub(crate) struct Follower {
    pub(crate) folders: Vec<PathBuf>,
    pub(crate) inlet: Inlet,
    pub(crate) register: Register,
    /// Time between two looks.
    pub(crate) pause: Duration,
    files: BTreeMap<PathBuf, Known>,
    troubled: BTreeMap<PathBuf, String>,
}

/// A file as it was when it was last looked at.
struct Known {
    number: u32,
    kind: Kind,
    bytes: u64,
    changed: Option<SystemTime>,
    /// Bytes read of a file that grows.
    read: u64,
    /// Lines read of it.
    lines: u64,
    /// Events read.
    events: u64,
    /// Whether it is read as it is now.
    done: bool,
    /// Looks since it last changed.
    quiet: u32,
}

#[derive(Clone, Copy, PartialEq)]
enum Kind {
    /// Not enough of it is there to tell.
    Unknown,
    Capture,
    /// Text to which events are appended.
    Growing(Format),
    /// Read when it no longer changes.
    Whole(Format),
}

impl Follower {
    pub(crate) fn new(folders: Vec<PathBuf>, inlet: Inlet, register: Register, pause: Duration) -> Self {
        Self { folders, inlet, register, pause, files: BTreeMap::new(), troubled: BTreeMap::new() }
    }

    /// Follows until `stop` is set or nobody takes what is read.
    pub(crate) fn run(mut self, stop: &AtomicBool) {
        while !stop.load(Ordering::Relaxed) {
            if self.look().is_err() {
                return;
            }
            std::thread::sleep(self.pause);
        }
    }

    /// Looks once at everything.
    pub(crate) fn look(&mut self) -> Result<(), Ended> {
        for folder in self.folders.clone() {
            let mut found = vec![];
            if let Err(error) = walk(&folder, 0, &mut found) {
                self.trouble(&folder, error.to_string())?;
                continue;
            }
            if found.len() > FILES_MAX {
                self.trouble(&folder, format!("more than {FILES_MAX} files: the last ones are not read"))?;
                found.truncate(FILES_MAX);
            }
            for path in found {
                if let Err(Failure::Io(error)) = self.file(&path) {
                    self.trouble(&path, error.to_string())?;
                }
            }
        }
        Ok(())
    }

    /// Says what is wrong with a path, once.
    fn trouble(&mut self, path: &Path, text: String) -> Result<(), Ended> {
        if self.troubled.get(path) == Some(&text) {
            return Ok(());
        }
        let name = path.display().to_string();
        let number = self.register.number(&name);
        self.troubled.insert(path.to_owned(), text.clone());
        self.inlet.put(Input::Source { number, name, kind: "file" })?;
        self.inlet.put(Input::Problem { source: number, text })
    }

    fn file(&mut self, path: &Path) -> Result<(), Failure> {
        let data = path.metadata()?;
        let (bytes, changed) = (data.len(), data.modified().ok());
        let known = match self.files.get_mut(path) {
            Some(known) => known,
            None => {
                let number = self.register.number(&path.display().to_string());
                self.files.entry(path.to_owned()).or_insert(Known {
                    number,
                    kind: Kind::Unknown,
                    bytes: u64::MAX,
                    changed: None,
                    read: 0,
                    lines: 0,
                    events: 0,
                    done: false,
                    quiet: 0,
                })
            }
        };
        if (known.bytes, known.changed) != (bytes, changed) {
            if bytes < known.read {
                (known.read, known.lines, known.events) = (0, 0, 0);
            }
            (known.bytes, known.changed, known.quiet, known.done) = (bytes, changed, 0, false);
        } else {
            known.quiet = known.quiet.saturating_add(1);
        }
        let number = known.number;
        if known.done {
            return Ok(());
        }
        if known.kind == Kind::Unknown {
            let Some(kind) = tell(path, known.quiet)? else { return Ok(()) };
            known.kind = kind;
            let (name, kind) = (path.display().to_string(), word(kind));
            self.inlet.put(Input::Source { number, name, kind })?;
        }
        match known.kind {
            Kind::Growing(format) => grow(&self.inlet, path, known, format),
            // What is still written is read when it has been quiet for two looks.
            _ if known.quiet < 2 => Ok(()),
            Kind::Whole(format) => whole(&self.inlet, path, known, format),
            Kind::Capture => {
                known.done = true;
                Ok(self.inlet.put(Input::Capture { source: number, path: path.to_owned() })?)
            }
            Kind::Unknown => Ok(()),
        }
    }
}

#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error(transparent)]
    Io(#[from] io::Error),
    #[error(transparent)]
    Ended(#[from] Ended),
}

fn walk(folder: &Path, depth: usize, found: &mut Vec<PathBuf>) -> io::Result<()> {
    let mut inside: Vec<_> = fs::read_dir(folder)?.filter_map(|entry| Some(entry.ok()?.path())).collect();
    inside.sort();
    for path in inside {
        let hidden = path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."));
        if hidden || found.len() > FILES_MAX {
            continue;
        }
        if path.is_dir() {
            if depth < DEPTH_MAX {
                walk(&path, depth + 1, found)?;
            }
        } else if path.is_file() {
            // A pipe or a device would be waited for without end.
            found.push(path);
        }
    }
    Ok(())
}

/// What a file is; `None` while that cannot be told.
fn tell(path: &Path, quiet: u32) -> io::Result<Option<Kind>> {
    let mut head = vec![];
    File::open(path)?.take(HEAD).read_to_end(&mut head)?;
    if Capture::sniff(&head) {
        return Ok(Some(Kind::Capture));
    }
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let wide = head.starts_with(&[0xff, 0xfe]) || head.starts_with(&[0xfe, 0xff]);
    let list = head.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'[');
    match exchange::sniff(&name, &head) {
        Some(format @ (Format::WindowsXml | Format::JsonLines)) if !wide && !list => {
            Ok(Some(Kind::Growing(format)))
        }
        Some(format) => Ok(Some(Kind::Whole(format))),
        None if quiet < 2 => Ok(None),
        None if head.is_empty() => Ok(None),
        None => Err(io::Error::other("neither a capture nor EVTX, Windows event XML, JSON lines or a mail")),
    }
}

fn word(kind: Kind) -> &'static str {
    match kind {
        Kind::Capture => "capture",
        Kind::Whole(Format::Eml) | Kind::Growing(Format::Eml) => "mail",
        Kind::Whole(_) | Kind::Growing(_) => "events",
        Kind::Unknown => "file",
    }
}

/// Reads what was appended, up to the last event that is whole.
fn grow(inlet: &Inlet, path: &Path, known: &mut Known, format: Format) -> Result<(), Failure> {
    let mut file = File::open(path)?;
    while known.read < known.bytes {
        file.seek(SeekFrom::Start(known.read))?;
        let mut piece = vec![];
        (&mut file).take(PIECE).read_to_end(&mut piece)?;
        let full = piece.len() as u64 == PIECE;
        let whole = match (last_end(&piece, format), full) {
            (Some(end), _) => end,
            // An entry longer than a piece is the reader's to complain about.
            (None, true) => piece.len(),
            (None, false) => break,
        };
        piece.truncate(whole);
        let lines = piece.iter().filter(|byte| **byte == b'\n').count() as u64;
        let base = if format == Format::JsonLines { known.lines } else { 0 };
        let bytes = piece.len() as u64;
        known.events += hand_over(inlet, known.number, format, Cursor::new(piece), (base, 0), bytes)?;
        known.read += bytes;
        known.lines += lines;
        if !full {
            break;
        }
    }
    known.done = true;
    Ok(())
}

/// Where the last whole event ends.
fn last_end(piece: &[u8], format: Format) -> Option<usize> {
    let mark: &[u8] = if format == Format::WindowsXml { b"</Event>" } else { b"\n" };
    (0..piece.len())
        .rev()
        .find(|at| piece.get(*at..).is_some_and(|rest| rest.starts_with(mark)))
        .map(|at| at + mark.len())
}

/// Reads a file from the beginning; what was read of it before is passed over.
fn whole(inlet: &Inlet, path: &Path, known: &mut Known, format: Format) -> Result<(), Failure> {
    let file = io::BufReader::new(File::open(path)?);
    let before = known.events;
    known.events += hand_over(inlet, known.number, format, file, (0, before), known.bytes)?;
    known.done = true;
    Ok(())
}

/// Hands events over in batches and gives their number; `base` is added to line numbers, `skip` events are passed over.
fn hand_over(
    inlet: &Inlet,
    source: u32,
    format: Format,
    input: impl io::Read + Seek,
    (base, skip): (u64, u64),
    bytes: u64,
) -> Result<u64, Ended> {
    let (mut events, mut count, mut damaged, mut ended): (Vec<Event>, u64, u64, _) = (vec![], 0, 0, Ok(()));
    exchange::read(format, input, source, &mut |entry| match entry {
        Ok(mut event) => {
            count += 1;
            if count <= skip || ended.is_err() {
                return;
            }
            event.origin.number += base;
            events.push(event);
            if events.len() >= BATCH {
                let events = std::mem::take(&mut events);
                ended = inlet.put(Input::Events { source, events, read: Read::default() });
            }
        }
        Err(_) => damaged += 1,
    });
    ended?;
    inlet.put(Input::Events { source, events, read: Read { bytes, damaged } })?;
    Ok(count.saturating_sub(skip))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;
    use std::sync::mpsc::{Receiver, sync_channel};

    const EVENT: &str = "<Event xmlns='http://schemas.microsoft.com/win/2004/08/events/event'><System>\
        <Provider Name='Microsoft-Windows-Security-Auditing'/><EventID>4624</EventID>\
        <TimeCreated SystemTime='2026-03-12T06:40:00.0000000Z'/><EventRecordID>7</EventRecordID>\
        <Channel>Security</Channel><Computer>HIST01</Computer></System><EventData/></Event>\n";

    fn follower(name: &str) -> (PathBuf, Follower, Receiver<Input>) {
        let dir = std::env::temp_dir().join(format!("tieline-follow-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&dir);
        fs::create_dir_all(&dir).unwrap();
        let (sender, receiver) = sync_channel(1000);
        let folders = vec![dir.clone()];
        (dir, Follower::new(folders, Inlet(sender), Register::default(), Duration::ZERO), receiver)
    }

    /// Events that came since the last call, and problems.
    fn came(receiver: &Receiver<Input>) -> (usize, Vec<String>) {
        let (mut events, mut problems) = (0, vec![]);
        while let Ok(input) = receiver.try_recv() {
            if let Input::Events { events: more, .. } = &input {
                events += more.len();
            } else if let Input::Problem { text, .. } = input {
                problems.push(text);
            }
        }
        (events, problems)
    }

    #[test]
    fn a_file_that_grows_is_read_to_its_last_whole_event_and_never_twice() {
        let (dir, mut follower, receiver) = follower("grow");
        let path = dir.join("HIST01-security.xml");
        let mut file = File::create(&path).unwrap();
        file.write_all(EVENT.as_bytes()).unwrap();
        file.write_all(&EVENT.as_bytes()[..50]).unwrap();
        follower.look().unwrap();
        assert_eq!(came(&receiver).0, 1);
        file.write_all(&EVENT.as_bytes()[50..]).unwrap();
        follower.look().unwrap();
        follower.look().unwrap();
        assert_eq!(came(&receiver).0, 1);
        fs::remove_dir_all(&dir).unwrap();
    }

    #[test]
    fn a_mail_is_read_once_it_is_whole_and_what_cannot_be_read_is_said_once() {
        let (dir, mut follower, receiver) = follower("mail");
        fs::write(dir.join("a.eml"), "From: a@b.example\r\nTo: c@d.example\r\nSubject: x\r\n\r\nhello\r\n")
            .unwrap();
        fs::write(dir.join("b.bin"), [0, 1, 2, 3]).unwrap();
        fs::write(dir.join("c.empty"), "").unwrap();
        let pipe = std::process::Command::new("mkfifo").arg(dir.join("d.pipe")).status().unwrap();
        assert!(pipe.success());
        for _ in 0..6 {
            follower.look().unwrap();
        }
        let (events, problems) = came(&receiver);
        assert_eq!((events, problems.len()), (1, 1), "{problems:?}");
        fs::remove_dir_all(&dir).unwrap();
    }
}
