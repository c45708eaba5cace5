use super::site::{MODBUS, Site};
use super::tap::TalkId;
use crate::modbus;
use crate::plc::Plc;
use crate::random::Random;
use crate::script::Host;
use crate::tcp::Side;
use model::Span;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// Ports that are tried in turn: that of the protocol, one that anybody may have, any.
const PORTS: [u16; 3] = [MODBUS, 1502, 0];
/// Conversations that a controller has at once; one more is refused, as an M340 does.
const CONNECTIONS_MAX: usize = 16;
/// How long a call is waited for before a look at whether everything stops.
const PATIENCE: Duration = Duration::from_millis(100);
/// Times of [`PATIENCE`] after which a silent conversation is closed: ten minutes.
const SILENCE_MAX: u32 = 6000;
/// What a client may take to receive an answer.
const ANSWER_MAX: Duration = Duration::from_secs(2);

/// Listens on a loopback address, on the best port that is free.
pub(crate) fn listen(address: Ipv4Addr) -> io::Result<TcpListener> {
    let mut outcome = Err(ErrorKind::AddrInUse.into());
    for port in PORTS {
        outcome = TcpListener::bind((address, port));
        if outcome.is_ok() {
            break;
        }
    }
    let listener = outcome?;
    // On Linux this bounds the wait for a call too.
    socket2::SockRef::from(&listener).set_read_timeout(Some(PATIENCE))?;
    Ok(listener)
}

/// Takes calls for a controller until everything stops, and ends when the last conversation has ended.
pub(crate) fn serve(site: &Arc<Site>, plc: &Arc<Plc>, listener: &TcpListener) {
    let mut open: Vec<JoinHandle<()>> = vec![];
    let mut number = 0;
    while !site.clock.stopped() {
        let call = listener.accept();
        open.retain(|conversation| !conversation.is_finished());
        match call {
            Ok((stream, peer)) => {
                number += 1;
                open.extend(take((site, plc), (stream, peer), open.len(), number));
            }
            Err(nobody) if nobody.kind() == ErrorKind::WouldBlock => {}
            // Out of descriptors, or a caller that is gone already.
            Err(_) => {
                site.clock.rest(PATIENCE);
            }
        }
    }
    for conversation in open {
        // What a panic had to say it has said.
        let _ = conversation.join();
    }
}

fn take(
    ends: (&Arc<Site>, &Arc<Plc>),
    call: (TcpStream, SocketAddr),
    open: usize,
    number: u64,
) -> Option<JoinHandle<()>> {
    let ((site, plc), (stream, peer)) = (ends, call);
    let from = site.caller(peer.ip());
    let ports = (peer.port(), MODBUS);
    if Arc::ptr_eq(&from, &site.notebook) {
        site.tap.arrive(&from);
    }
    if open >= CONNECTIONS_MAX || site.blocked(&from, &plc.host) || ready(&stream).is_err() {
        site.tap.refuse(&from, &plc.host, ports);
        reset(stream);
        return None;
    }
    let talk = site.tap.open(&from, &plc.host, ports);
    let mut line = Line {
        chance: Random::new(site.seed, &format!("answers {} {number}", plc.host.name)),
        site: site.clone(),
        plc: plc.clone(),
        from,
        number,
        talk,
        rest: vec![],
    };
    let name = format!("{} {number}", plc.host.name);
    let spawned = thread::Builder::new().name(name).spawn(move || line.run(stream));
    if spawned.is_err() {
        site.tap.reset(talk, Side::Server);
    }
    spawned.ok()
}

fn ready(stream: &TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    stream.set_write_timeout(Some(ANSWER_MAX))?;
    stream.set_read_timeout(Some(PATIENCE))
}

/// Closes with a reset instead of a farewell.
fn reset(stream: TcpStream) {
    // Where this fails the close that follows is an ordinary one, which ends the conversation as well.
    let _ = socket2::SockRef::from(&stream).set_linger(Some(Duration::ZERO));
    drop(stream);
}

/// One conversation of a controller.
struct Line {
    site: Arc<Site>,
    plc: Arc<Plc>,
    from: Arc<Host>,
    number: u64,
    talk: TalkId,
    /// Received, and not yet a whole request.
    rest: Vec<u8>,
    chance: Random,
}

/// How a conversation ends.
enum End {
    /// One end closes it.
    Close(Side),
    /// It is reset towards the client: by the firewall.
    Cut,
    /// The client is gone without a word.
    Gone,
}

impl Line {
    fn run(&mut self, mut stream: TcpStream) {
        let mut silence = 0;
        let end = loop {
            if let Some(end) = self.turn(&mut stream, &mut silence) {
                break end;
            }
        };
        match end {
            End::Close(side) => self.site.tap.close(self.talk, side),
            End::Cut => {
                self.site.tap.reset(self.talk, Side::Server);
                reset(stream);
            }
            End::Gone => self.site.tap.reset(self.talk, Side::Client),
        }
        self.plc.left(self.number);
    }

    fn turn(&mut self, stream: &mut TcpStream, silence: &mut u32) -> Option<End> {
        let mut buffer = [0; 4096];
        let count = match stream.read(&mut buffer) {
            Ok(0) => return Some(End::Close(Side::Client)),
            Ok(count) => count,
            Err(wait) if matches!(wait.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                *silence += 1;
                let over = self.site.clock.stopped() || *silence > SILENCE_MAX;
                return over.then_some(End::Close(Side::Server));
            }
            Err(interrupted) if interrupted.kind() == ErrorKind::Interrupted => return None,
            Err(_) => return Some(End::Gone),
        };
        *silence = 0;
        let received = buffer.get(..count).unwrap_or_default();
        self.site.tap.said(self.talk, Side::Client, received);
        if self.site.blocked(&self.from, &self.plc.host) {
            return Some(End::Cut);
        }
        self.rest.extend_from_slice(received);
        self.answer_all(stream)
    }

    /// Answers every whole request that was received.
    fn answer_all(&mut self, stream: &mut TcpStream) -> Option<End> {
        loop {
            let request = match cut(&mut self.rest) {
                Ok(Some(request)) => request,
                Ok(None) => return None,
                Err(Nonsense) => return Some(End::Close(Side::Server)),
            };
            // An M340 answers at the end of its scan.
            if !self.site.clock.wait(Span(self.chance.between(2_500_000, 9_000_000))) {
                return Some(End::Close(Side::Server));
            }
            let answer = self.plc.answer(self.number, request.unit, &request.pdu);
            let adu = modbus::adu(request.transaction, request.unit, &answer);
            if stream.write_all(&adu).is_err() {
                return Some(End::Gone);
            }
            self.site.tap.said(self.talk, Side::Server, &adu);
        }
    }
}

/// A request with what its header says.
#[derive(Debug, PartialEq, Eq)]
struct Request {
    transaction: u16,
    unit: u8,
    pdu: Vec<u8>,
}

/// Bytes that are no Modbus: the conversation cannot be followed any further.
#[derive(Debug, PartialEq, Eq)]
struct Nonsense;

/// Takes the first whole request off `bytes`; `None` while it is not complete (*MODBUS Messaging on TCP/IP*,
/// 3.1.3: protocol 0, a length that counts the unit identifier and at most 253 bytes of PDU).
fn cut(bytes: &mut Vec<u8>) -> Result<Option<Request>, Nonsense> {
    let &[t0, t1, p0, p1, l0, l1, unit, ..] = bytes.as_slice() else { return Ok(None) };
    let length = usize::from(u16::from_be_bytes([l0, l1]));
    if [p0, p1] != [0, 0] || !(2..=254).contains(&length) {
        return Err(Nonsense);
    }
    let Some(pdu) = bytes.get(7..6 + length).map(<[u8]>::to_vec) else { return Ok(None) };
    bytes.drain(..6 + length);
    Ok(Some(Request { transaction: u16::from_be_bytes([t0, t1]), unit, pdu }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_cut_from_the_stream_wherever_it_is_split() {
        let stream = [modbus::adu(1, 255, &[3, 0, 100, 0, 10]), modbus::adu(2, 0, &[0x5a, 0, 2])].concat();
        for split in 0..=stream.len() {
            let (mut rest, mut found) = (vec![], vec![]);
            for part in [&stream[..split], &stream[split..]] {
                rest.extend_from_slice(part);
                while let Some(request) = cut(&mut rest).unwrap() {
                    found.push((request.transaction, request.unit, request.pdu));
                }
            }
            assert_eq!(found, [(1, 255, vec![3, 0, 100, 0, 10]), (2, 0, vec![0x5a, 0, 2])], "at {split}");
            assert!(rest.is_empty());
        }
    }

    #[test]
    fn what_is_no_modbus_is_told_by_its_header() {
        assert_eq!(cut(&mut b"GET / HTTP/1.1".to_vec()), Err(Nonsense));
        assert_eq!(cut(&mut vec![0, 1, 0, 0, 0, 1, 1]), Err(Nonsense));
        assert_eq!(cut(&mut vec![0, 1, 0, 0, 1, 0, 1]), Err(Nonsense));
        assert_eq!(cut(&mut vec![0, 1, 0, 0, 0, 2, 1]), Ok(None));
    }
}
