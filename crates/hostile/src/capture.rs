use sensor::capture::Capture;
use std::io::{Cursor, Read};

/// Packets of a capture that are compared; a packed one can hold very many.
const PACKETS_MAX: usize = 4096;

/// Bytes of a packet, see `sensor::capture`.
const PACKET_MAX: usize = 262_144;

/// Reads a capture file: every packet is as it should be, and in whatever pieces the file comes, it is the same.
pub(crate) fn run(bytes: &[u8]) {
    let whole = packets(Box::new(Cursor::new(bytes.to_vec())));
    let pieces = packets(Box::new(Trickle { bytes: bytes.to_vec(), at: 0 }));
    assert_eq!(whole, pieces);
    if whole.opened {
        assert!(Capture::sniff(bytes));
    }
}

#[derive(Debug, Default, PartialEq)]
struct Told {
    opened: bool,
    /// Time, link, length on the wire and bytes of each packet.
    packets: Vec<(i64, u16, usize, Vec<u8>)>,
    error: Option<String>,
}

fn packets(source: Box<dyn Read + Send>) -> Told {
    let mut read = Told::default();
    let mut capture = match Capture::open(source) {
        Ok(capture) => capture,
        Err(error) => return Told { error: Some(error.to_string()), ..read },
    };
    read.opened = true;
    while read.packets.len() < PACKETS_MAX {
        match capture.next_packet() {
            Ok(None) => break,
            Ok(Some(packet)) => {
                assert_eq!(packet.number, read.packets.len() as u64 + 1);
                assert!(packet.bytes.len() <= packet.wire_len.min(PACKET_MAX));
                read.packets.push((packet.time.0, packet.link.0, packet.wire_len, packet.bytes.to_vec()));
            }
            Err(error) => {
                read.error = Some(error.to_string());
                break;
            }
        }
    }
    read
}

/// Gives the bytes in pieces of 1 to 13.
struct Trickle {
    bytes: Vec<u8>,
    at: usize,
}

impl Read for Trickle {
    fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
        let count = (self.at % 13 + 1).min(out.len()).min(self.bytes.len() - self.at);
        out[..count].copy_from_slice(&self.bytes[self.at..self.at + count]);
        self.at += count;
        Ok(count)
    }
}
