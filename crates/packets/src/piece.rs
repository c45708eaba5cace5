//! Pieces on disk: their names, what is known of them, and how one that a crash cut short is mended.

use crate::alike::Alike;
use crate::index::{Builder, Index, Summary};
use crate::numbers::{self, Run};
use crate::record::{HEADER, RECORD};
use crate::{Error, Result};
use sensor::capture::{Capture, Packet};
use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

/// A piece by its name: `packets-NUMBER.pcap`, or `packets-NUMBER-CLASS.pcap`, after the number of its first packet.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Piece {
    pub(crate) first: u64,
    /// Its class, empty for what is of no other.
    pub(crate) class: Box<str>,
    dir: PathBuf,
}

impl Piece {
    pub(crate) fn new(dir: &Path, first: u64, class: &str) -> Self {
        Self { first, class: class.into(), dir: dir.to_owned() }
    }

    fn of(path: &Path) -> Option<Self> {
        let name = path.file_name()?.to_str()?.strip_prefix("packets-")?.strip_suffix(".pcap")?;
        let (number, class) = name.split_once('-').unwrap_or((name, ""));
        let digits = number.len() >= 12 && number.bytes().all(|byte| byte.is_ascii_digit());
        Some(Self::new(path.parent()?, digits.then(|| number.parse().ok())??, class))
    }

    fn with(&self, end: &str) -> PathBuf {
        let (first, class) = (self.first, &self.class);
        let dash = if class.is_empty() { "" } else { "-" };
        self.dir.join(format!("packets-{first:012}{dash}{class}.{end}"))
    }

    /// The packets.
    pub(crate) fn pcap(&self) -> PathBuf {
        self.with("pcap")
    }

    /// Their numbers.
    pub(crate) fn numbers(&self) -> PathBuf {
        self.with("numbers")
    }

    /// The index.
    pub(crate) fn index(&self) -> PathBuf {
        self.with("index")
    }

    /// Bytes of all its files; 0 when it is not there any more.
    pub(crate) fn bytes(&self) -> u64 {
        let len = |path: PathBuf| path.metadata().map_or(0, |data| data.len());
        len(self.pcap()) + len(self.numbers()) + len(self.index())
    }

    /// Lets it go.
    ///
    /// # Errors
    /// When the packets cannot be removed. What lies beside them goes after them, so that a search never takes a piece
    /// for one without numbers.
    pub(crate) fn remove(&self) -> Result<()> {
        let path = self.pcap();
        match fs::remove_file(&path) {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                return Err(Error::io("remove", &path)(error));
            }
            _ => {}
        }
        for path in [self.index(), self.numbers()] {
            // Without its piece it is removed at the next start, if not now.
            let _ = fs::remove_file(path);
        }
        Ok(())
    }

    /// The index, if it is there and of the piece as it is.
    pub(crate) fn indexed(&self) -> Option<Index> {
        let bytes = self.pcap().metadata().ok()?.len();
        Index::open(&self.index(), bytes).ok()
    }

    /// Reads the piece from its beginning to where it is cut or damaged, or has no numbers; hands over each packet, its
    /// number, and where it lies.
    ///
    /// # Errors
    /// When it cannot be opened.
    pub(crate) fn scan(&self, take: &mut dyn FnMut(&Packet<'_>, u32)) -> Result<Scanned> {
        let path = self.pcap();
        let open = || -> io::Result<(File, u64)> {
            let file = File::open(&path)?;
            let bytes = file.metadata()?.len();
            Ok((file, bytes))
        };
        // The numbers are written first, and read first: packets that come meanwhile have none yet.
        let mut numbers = self.runs().into_iter().flat_map(|run| run.first..=run.last());
        let (file, bytes) = open().map_err(Error::io("read", &path))?;
        let mut scanned = Scanned { bytes, whole: 0, damaged: false };
        let Ok(mut capture) = Capture::open(Box::new(file)) else { return Ok(scanned) };
        scanned.whole = HEADER as u64;
        loop {
            match capture.next_packet() {
                Ok(Some(packet)) => {
                    let Ok(at) = u32::try_from(scanned.whole) else { break };
                    scanned.whole += (RECORD + packet.bytes.len()) as u64;
                    let Some(number) = numbers.next() else { continue };
                    take(&Packet { number, ..packet }, at);
                }
                Ok(None) | Err(sensor::capture::Error::Truncated { .. }) => break,
                Err(_) => {
                    scanned.damaged = true;
                    break;
                }
            }
        }
        Ok(scanned)
    }

    fn runs(&self) -> Vec<Run> {
        match fs::read(self.numbers()) {
            Ok(bytes) => numbers::read(self.first, &bytes),
            // So it was before there were classes; or the piece is being removed, and cannot be opened next.
            Err(error) if error.kind() == ErrorKind::NotFound => {
                vec![Run { first: self.first, count: u64::from(u32::MAX) }]
            }
            Err(_) => vec![],
        }
    }

    /// Completes a piece that has no index: what a crash cut inside a packet is cut off, and the index is written. A piece
    /// without a packet is removed, and gives `None`. The index is left out when there is no room for it.
    ///
    /// # Errors
    /// When the piece cannot be read.
    pub(crate) fn mend(&self) -> Result<Option<Summary>> {
        let (mut builder, alike) = (Builder::default(), Alike::default());
        let scanned = self.scan(&mut |packet, at| {
            let bytes = u32::try_from(RECORD + packet.bytes.len()).unwrap_or(u32::MAX);
            let name = alike.name(packet.bytes);
            builder.push((at, bytes), packet.number, packet.time, packet.bytes, name);
        })?;
        let mut bytes = scanned.bytes;
        // What is damaged in its middle is left for people to look at.
        if !scanned.damaged && scanned.whole < bytes && self.cut(scanned.whole).is_ok() {
            bytes = scanned.whole;
        }
        let Some((summary, index)) = builder.finish(bytes) else {
            if !scanned.damaged {
                self.remove()?;
            }
            return Ok(None);
        };
        // Without an index the piece is read instead.
        let _ = self.write_index(&index);
        Ok(Some(summary))
    }

    fn cut(&self, bytes: u64) -> io::Result<()> {
        File::options().write(true).open(self.pcap())?.set_len(bytes)
    }

    /// Puts the index in place as a whole.
    ///
    /// # Errors
    /// When it cannot be written; then nothing is left of it.
    pub(crate) fn write_index(&self, bytes: &[u8]) -> Result<()> {
        let (part, path) = (self.with("index.part"), self.index());
        let wrote = fs::write(&part, bytes).and_then(|()| fs::rename(&part, &path));
        wrote.map_err(|error| {
            // It would only take room.
            let _ = fs::remove_file(&part);
            Error::io("write", &path)(error)
        })
    }
}

/// What a reading of a piece came to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scanned {
    /// Its length.
    pub(crate) bytes: u64,
    /// Bytes up to the end of the last whole packet.
    pub(crate) whole: u64,
    /// Something else than a packet follows them.
    pub(crate) damaged: bool,
}

/// The pieces in a folder by their first numbers.
///
/// # Errors
/// When the folder cannot be read.
pub(crate) fn list(dir: &Path) -> Result<Vec<Piece>> {
    let mut pieces: Vec<Piece> = files(dir)?.iter().filter_map(|path| Piece::of(path)).collect();
    pieces.sort();
    Ok(pieces)
}

/// Whether a file lies beside a piece and says nothing by itself: numbers or an index.
pub fn is_beside_a_piece(path: &Path) -> bool {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let end = path.extension().and_then(|end| end.to_str()).unwrap_or_default();
    name.starts_with("packets-") && matches!(end, "numbers" | "index" | "part")
}

/// Removes what lies beside pieces that are not there any more, and indexes that were never finished.
///
/// # Errors
/// When the folder cannot be read.
pub(crate) fn sweep(dir: &Path) -> Result<()> {
    let is_part = |path: &Path| path.extension().is_some_and(|end| end == "part");
    for path in files(dir)?.into_iter().filter(|path| is_beside_a_piece(path)) {
        if is_part(&path) || !path.with_extension("pcap").exists() {
            // It does no harm.
            let _ = fs::remove_file(path);
        }
    }
    Ok(())
}

fn files(dir: &Path) -> Result<Vec<PathBuf>> {
    let read = || fs::read_dir(dir)?.map(|entry| Ok(entry?.path())).collect::<io::Result<Vec<_>>>();
    read().map_err(Error::io("read", dir))
}
