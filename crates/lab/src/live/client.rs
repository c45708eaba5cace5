use super::site::{Site, loopback};
use crate::held;
use crate::modbus::{self, Pdu};
use crate::random::Random;
use crate::script::Host;
use socket2::{Domain, Protocol, Socket, Type};
use std::io::{self, ErrorKind, Read, Write};
use std::net::{Ipv4Addr, SocketAddrV4, TcpStream};
use std::time::Duration;

/// What a call, and an answer, may take.
const PATIENCE: Duration = Duration::from_secs(1);
/// Ports that are tried before any will do.
const PORTS_TRIED: u16 = 32;
/// Ports that Windows gives to clients: 49,152 to 65,535.
const PORT_FIRST: u16 = 49_152;

/// A client's end of a Modbus conversation.
pub(crate) struct Call {
    stream: TcpStream,
    unit: u8,
    transaction: u16,
    /// Its own port.
    pub(crate) port: u16,
}

impl Call {
    /// Calls the controller `to` from the address of `from`.
    ///
    /// # Errors
    /// When nobody answers, or `from` has no socket left.
    pub(crate) fn dial(site: &Site, from: &Host, to: &Host, unit: u8) -> io::Result<Self> {
        let target = site.sockets.get(&to.ip).ok_or(ErrorKind::AddrNotAvailable)?;
        let socket = bound(site, from.ip)?;
        socket.connect_timeout(&(*target).into(), PATIENCE)?;
        socket.set_read_timeout(Some(PATIENCE))?;
        socket.set_write_timeout(Some(PATIENCE))?;
        socket.set_tcp_nodelay(true)?;
        let stream = TcpStream::from(socket);
        let port = stream.local_addr()?.port();
        Ok(Self { stream, unit, transaction: port, port })
    }

    /// Sends a request and waits for its answer.
    ///
    /// # Errors
    /// When the conversation is cut, the answer is late, or it belongs to another request.
    pub(crate) fn ask(&mut self, pdu: &[u8]) -> io::Result<Pdu> {
        self.transaction = self.transaction.wrapping_add(1);
        self.stream.write_all(&modbus::adu(self.transaction, self.unit, pdu))?;
        let mut header = [0; 7];
        self.stream.read_exact(&mut header)?;
        let [t0, t1, _, _, l0, l1, _] = header;
        if u16::from_be_bytes([t0, t1]) != self.transaction {
            return Err(ErrorKind::InvalidData.into());
        }
        let mut answer = vec![0; usize::from(u16::from_be_bytes([l0, l1])).saturating_sub(1)];
        self.stream.read_exact(&mut answer)?;
        Ok(answer)
    }
}

/// A socket with the address of `client`, on the next of its ports that is free.
fn bound(site: &Site, client: Ipv4Addr) -> io::Result<Socket> {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, Some(Protocol::TCP))?;
    for _ in 0..PORTS_TRIED {
        if socket.bind(&SocketAddrV4::new(loopback(client), port(site, client)).into()).is_ok() {
            return Ok(socket);
        }
    }
    socket.bind(&SocketAddrV4::new(loopback(client), 0).into())?;
    Ok(socket)
}

fn port(site: &Site, client: Ipv4Addr) -> u16 {
    let mut ports = held(&site.ports);
    let first = || {
        let mut random = Random::new(site.seed, &format!("live port {client}"));
        u16::try_from(random.between(PORT_FIRST.into(), 61_000)).unwrap_or(PORT_FIRST)
    };
    let port = ports.entry(client).or_insert_with(first);
    *port = port.checked_add(1).unwrap_or(PORT_FIRST);
    *port
}
