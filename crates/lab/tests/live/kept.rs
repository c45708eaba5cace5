use lab::frames::{TCP, UDP, checksum, transport_checksum};
use lab::live::Sink;
use model::Time;
use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Mutex;
use wire::ip::Packet;
use wire::link::Link;
use wire::transport::Tcp;

/// Everything that the site has left behind.
#[derive(Default)]
pub(crate) struct Kept {
    frames: Mutex<Vec<(Time, Vec<u8>)>>,
    files: Mutex<BTreeMap<String, Vec<u8>>>,
}

impl Sink for Kept {
    fn frame(&self, at: Time, bytes: &[u8]) {
        self.frames.lock().unwrap().push((at, bytes.to_vec()));
    }

    fn event(&self, file: &str, text: &[u8]) {
        self.files.lock().unwrap().entry(file.to_owned()).or_default().extend_from_slice(text);
    }

    fn mail(&self, file: &str, bytes: &[u8]) {
        assert_eq!(self.files.lock().unwrap().insert(file.to_owned(), bytes.to_vec()), None);
    }
}

/// One TCP segment.
pub(crate) struct Segment {
    pub(crate) from: (Ipv4Addr, u16),
    pub(crate) to: (Ipv4Addr, u16),
    pub(crate) seq: u32,
    pub(crate) ack: u32,
    pub(crate) syn: bool,
    pub(crate) fin: bool,
    pub(crate) rst: bool,
    pub(crate) payload: Vec<u8>,
}

impl Kept {
    pub(crate) fn files(&self) -> BTreeMap<String, String> {
        let files = self.files.lock().unwrap();
        files.iter().map(|(name, bytes)| (name.clone(), String::from_utf8(bytes.clone()).unwrap())).collect()
    }

    pub(crate) fn frames(&self) -> Vec<(Time, Vec<u8>)> {
        self.frames.lock().unwrap().clone()
    }

    /// Every TCP segment, in order; all checksums of all packets have been looked at.
    pub(crate) fn segments(&self) -> Vec<Segment> {
        self.frames().iter().filter_map(|(_, frame)| segment(frame)).collect()
    }

    /// Modbus PDUs from one host to another, requests or answers.
    pub(crate) fn pdus(&self, from: [u8; 4], to: [u8; 4]) -> Vec<Vec<u8>> {
        let of = |s: &Segment| s.from.0.octets() == from && s.to.0.octets() == to && s.payload.len() > 7;
        let modbus = |s: &Segment| s.from.1 == 502 || s.to.1 == 502;
        let segments = self.segments().into_iter();
        segments.filter(|s| of(s) && modbus(s)).map(|s| s.payload[7..].to_vec()).collect()
    }
}

fn segment(frame: &[u8]) -> Option<Segment> {
    let frame = Link::ETHERNET.open(frame).unwrap();
    if frame.ethertype != 0x0800 {
        return None;
    }
    let packet = Packet::open(frame.payload).unwrap();
    let (header, rest) = frame.payload.split_at(20);
    let segment = &rest[..packet.payload_len()];
    let (IpAddr::V4(from), IpAddr::V4(to)) = (packet.source, packet.destination) else { return None };
    let protocol = header[9];
    assert!([TCP, UDP].contains(&protocol));
    assert_eq!(checksum(&[header]), 0);
    assert_eq!(transport_checksum(from, to, protocol, segment), 0);
    if protocol != TCP {
        return None;
    }
    let tcp = Tcp::open(segment).unwrap();
    let (seq, ack, flags) = (tcp.seq, tcp.ack, tcp.flags);
    let (from, to) = ((from, tcp.source), (to, tcp.destination));
    let payload = tcp.payload.to_vec();
    Some(Segment { from, to, seq, ack, syn: flags.syn(), fin: flags.fin(), rst: flags.rst(), payload })
}
