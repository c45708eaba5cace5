//! The packets of an interface on disk: a rolling capture, so that a story has its packets and a restart its past.

use model::Time;
use sensor::capture::{Capture, Packet};
use std::collections::VecDeque;
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use wire::ip;
use wire::link::{self, Link};

/// Size of one file, in bytes.
const FILE_BYTES: u64 = 64 << 20;
/// Longest packet that is kept whole; of longer ones the beginning.
const PACKET_MAX: usize = 65_535;
/// Bytes before each packet, and before the first.
const RECORD: u64 = 16;
const HEADER: u64 = 24;

/// A folder of captures `NAME-<number of the first packet>.pcap` whose packets are numbered through.
pub(crate) struct Spool {
    dir: PathBuf,
    files: VecDeque<Piece>,
    open: Option<BufWriter<File>>,
    /// Packets ever written.
    count: u64,
    bytes_max: u64,
}

struct Piece {
    path: PathBuf,
    bytes: u64,
}

impl Spool {
    /// Opens the folder `dir`, which is made when it is not there; files beyond `bytes_max` in all make room.
    ///
    /// # Errors
    /// When the folder cannot be read or made.
    pub(crate) fn open(dir: &Path, bytes_max: u64) -> io::Result<Self> {
        fs::create_dir_all(dir)?;
        let files = pieces(dir)?;
        let bytes = |path: &PathBuf| path.metadata().map_or(0, |data| data.len());
        let files = files.into_iter().map(|path| Piece { bytes: bytes(&path), path }).collect();
        Ok(Self { dir: dir.to_owned(), files, open: None, count: 0, bytes_max })
    }

    /// Hands over every packet that is kept, numbered through; a piece that a crash cut short ends where it is cut.
    ///
    /// # Errors
    /// When a file cannot be opened.
    pub(crate) fn replay(&mut self, take: &mut dyn FnMut(&Packet<'_>)) -> io::Result<()> {
        for piece in &self.files {
            self.count = first(&piece.path).unwrap_or(1).saturating_sub(1);
            let Ok(mut capture) = Capture::open(Box::new(File::open(&piece.path)?)) else { continue };
            while let Ok(Some(packet)) = capture.next_packet() {
                self.count += 1;
                take(&Packet { number: self.count, ..packet });
            }
        }
        Ok(())
    }

    /// Packets ever written.
    pub(crate) fn count(&self) -> u64 {
        self.count
    }

    /// Appends an Ethernet frame and gives its number.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(crate) fn append(&mut self, time: Time, bytes: &[u8], wire_len: usize) -> io::Result<u64> {
        let kept = bytes.get(..PACKET_MAX).unwrap_or(bytes);
        let record = RECORD + kept.len() as u64;
        let full = self.files.back().is_none_or(|piece| piece.bytes + record > FILE_BYTES);
        let out = match (&mut self.open, full) {
            (Some(out), false) => out,
            _ => self.begin()?,
        };
        let (seconds, ns) = time.s_ns();
        let word = |value: i64| u32::try_from(value).unwrap_or(u32::MAX).to_le_bytes();
        out.write_all(&word(seconds))?;
        out.write_all(&word(ns))?;
        out.write_all(&u32::try_from(kept.len()).unwrap_or(u32::MAX).to_le_bytes())?;
        out.write_all(&u32::try_from(wire_len.max(kept.len())).unwrap_or(u32::MAX).to_le_bytes())?;
        out.write_all(kept)?;
        if let Some(piece) = self.files.back_mut() {
            piece.bytes += record;
        }
        self.count += 1;
        Ok(self.count)
    }

    /// Hands what is buffered to the system: a crash of this program no longer loses it.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(crate) fn flush(&mut self) -> io::Result<()> {
        self.open.as_mut().map_or(Ok(()), Write::flush)
    }

    /// Begins a file; the oldest ones make room.
    fn begin(&mut self) -> io::Result<&mut BufWriter<File>> {
        self.flush()?;
        let mut all: u64 = self.files.iter().map(|piece| piece.bytes).sum();
        while all + FILE_BYTES > self.bytes_max && self.files.len() > 1 {
            let Some(oldest) = self.files.pop_front() else { break };
            all = all.saturating_sub(oldest.bytes);
            fs::remove_file(&oldest.path)?;
        }
        let path = self.dir.join(format!("packets-{:012}.pcap", self.count + 1));
        let mut out = BufWriter::with_capacity(1 << 18, File::create(&path)?);
        // Magic of nanoseconds, version 2.4, no zone, no accuracy, longest packet, Ethernet.
        for word in [0xa1b2_3c4d_u32, 0x0004_0002, 0, 0, 262_144, 1] {
            out.write_all(&word.to_le_bytes())?;
        }
        self.files.push_back(Piece { path, bytes: HEADER });
        Ok(self.open.insert(out))
    }
}

/// The files of a spool in order.
fn pieces(dir: &Path) -> io::Result<Vec<PathBuf>> {
    let mut files: Vec<PathBuf> = fs::read_dir(dir)?.filter_map(|entry| Some(entry.ok()?.path())).collect();
    files.retain(|path| first(path).is_some());
    files.sort();
    Ok(files)
}

/// Number of the first packet of a piece, from its name.
fn first(path: &Path) -> Option<u64> {
    let name = path.file_name()?.to_str()?;
    name.strip_prefix("packets-")?.strip_suffix(".pcap")?.parse().ok()
}

/// Packets that are carved out for a step, at most.
const CARVED_MAX: usize = 5_000;

/// Carves the conversation of packet `number` out of a capture, or of the spool in the folder `from`: the packets of
/// the same two addresses and ports, at most [`CARVED_MAX`] around it, as a pcap file. Of a spool, the piece that holds
/// the packet and its neighbours are looked through, so that it takes as long however much is kept.
pub(crate) fn carve(from: &Path, number: u64) -> Option<Vec<u8>> {
    let files = if from.is_dir() { pieces(from).ok()? } else { vec![from.to_owned()] };
    let holds = |path: &PathBuf| first(path).is_none_or(|first| first <= number);
    let place = files.iter().rposition(holds)?;
    let base = |path: &Path| if from.is_dir() { first(path).unwrap_or(1).saturating_sub(1) } else { 0 };
    let wanted = {
        let path = files.get(place)?;
        let mut capture = Capture::open(Box::new(File::open(path).ok()?)).ok()?;
        loop {
            let packet = capture.next_packet().ok()??;
            if base(path) + packet.number == number {
                break ends(packet.link, packet.bytes)?;
            }
        }
    };
    let mut kept: VecDeque<(Time, Vec<u8>, usize)> = VecDeque::new();
    let mut behind = 0;
    let near = files.get(place.saturating_sub(1)..(place + 2).min(files.len()))?;
    for path in near {
        let Ok(mut capture) = Capture::open(Box::new(File::open(path).ok()?)) else { continue };
        while let Ok(Some(packet)) = capture.next_packet() {
            if ends(packet.link, packet.bytes).as_ref() != Some(&wanted) {
                continue;
            }
            behind += usize::from(base(path) + packet.number > number);
            if behind > CARVED_MAX / 2 {
                return Some(pcap(&kept));
            }
            if kept.len() >= CARVED_MAX {
                kept.pop_front();
            }
            kept.push_back((packet.time, packet.bytes.to_vec(), packet.wire_len));
        }
    }
    Some(pcap(&kept))
}

fn pcap(packets: &VecDeque<(Time, Vec<u8>, usize)>) -> Vec<u8> {
    let mut out = vec![];
    for word in [0xa1b2_3c4d_u32, 0x0004_0002, 0, 0, 262_144, 1] {
        out.extend(word.to_le_bytes());
    }
    for (time, bytes, wire_len) in packets {
        let (seconds, ns) = time.s_ns();
        for word in [seconds, ns] {
            out.extend(u32::try_from(word).unwrap_or(u32::MAX).to_le_bytes());
        }
        for word in [bytes.len(), *wire_len] {
            out.extend(u32::try_from(word).unwrap_or(u32::MAX).to_le_bytes());
        }
        out.extend(bytes);
    }
    out
}

/// Addresses and ports of a packet, the lower end first.
type Ends = [(IpAddr, u16); 2];

fn ends(link: Link, bytes: &[u8]) -> Option<Ends> {
    let frame = link.open(bytes).ok().filter(|frame| matches!(frame.ethertype, link::IPV4 | link::IPV6))?;
    let packet = ip::Packet::open(frame.payload).ok()?;
    let port = |at: usize| {
        packet
            .payload
            .get(at..at + 2)
            .map_or(0, |two| two.iter().fold(0, |word, byte| word << 8 | u16::from(*byte)))
    };
    let (source, destination) = if matches!(packet.protocol, 6 | 17) { (port(0), port(2)) } else { (0, 0) };
    let mut ends = [(packet.source, source), (packet.destination, destination)];
    ends.sort();
    Some(ends)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A frame with a UDP datagram from port `source` of 10.0.0.1 to port 53 of 10.0.0.2.
    fn frame(source: u16) -> Vec<u8> {
        let mut frame = vec![2; 12];
        frame.extend([8, 0, 0x45, 0, 0, 32, 0, 0, 0, 0, 64, 17, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2]);
        frame.extend(source.to_be_bytes());
        frame.extend([0, 53, 0, 12, 0, 0, 1, 2, 3, 4]);
        frame
    }

    fn folder(name: &str) -> PathBuf {
        let dir = std::env::temp_dir().join(format!("tieline-spool-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&dir);
        dir
    }

    #[test]
    fn packets_keep_their_numbers_over_a_restart_and_a_cut() {
        let dir = folder("restart");
        let mut spool = Spool::open(&dir, 1 << 30).unwrap();
        spool.replay(&mut |_| panic!("nothing was written yet")).unwrap();
        let write =
            |spool: &mut Spool, n: u16| spool.append(Time(i64::from(n) * 1000), &frame(n), 60).unwrap();
        (1..=3).for_each(|n| assert_eq!(write(&mut spool, n), u64::from(n)));
        spool.flush().unwrap();
        // The machine dies in the middle of a packet.
        let file = dir.join("packets-000000000001.pcap");
        let bytes = fs::read(&file).unwrap();
        fs::write(&file, &bytes[..bytes.len() - 5]).unwrap();
        let mut spool = Spool::open(&dir, 1 << 30).unwrap();
        let mut seen = vec![];
        spool.replay(&mut |packet| seen.push((packet.number, packet.time.0, packet.wire_len))).unwrap();
        assert_eq!(seen, [(1, 1000, 60), (2, 2000, 60)]);
        assert_eq!(write(&mut spool, 9), 3);
        spool.flush().unwrap();
        let mut numbers = vec![];
        spool.replay(&mut |packet| numbers.push(packet.number)).unwrap();
        assert_eq!(numbers, [1, 2, 3]);
        fs::remove_dir_all(&dir).unwrap();
    }

    #[test]
    fn a_conversation_is_carved_out_over_the_borders_of_files() {
        let dir = folder("carve");
        let mut spool = Spool::open(&dir, 1 << 30).unwrap();
        for n in 0..10_u16 {
            spool.append(Time(i64::from(n)), &frame(1000 + n % 2), 60).unwrap();
            if n == 4 {
                spool.begin().unwrap();
            }
        }
        spool.flush().unwrap();
        let pcap = carve(&dir, 8).unwrap();
        let mut capture = Capture::open(Box::new(io::Cursor::new(pcap))).unwrap();
        let mut times = vec![];
        while let Some(packet) = capture.next_packet().unwrap() {
            times.push(packet.time.0);
        }
        assert_eq!(times, [1, 3, 5, 7, 9]);
        assert!(carve(&dir, 11).is_none());
        fs::remove_dir_all(&dir).unwrap();
    }

    #[test]
    fn the_oldest_packets_make_room() {
        let dir = folder("room");
        let mut spool = Spool::open(&dir, FILE_BYTES).unwrap();
        for n in 1..=3 {
            spool.append(Time(n), &frame(1), 60).unwrap();
            spool.begin().unwrap();
        }
        assert_eq!(pieces(&dir).unwrap().len(), 2);
        fs::remove_dir_all(&dir).unwrap();
    }
}
