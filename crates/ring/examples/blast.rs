//! Sends the packets of a capture out of an interface as fast as asked, for `benches/loss.py`.
//!
//! `blast IFACE FILE COUNT RATE`: COUNT packets, RATE a second (0 for as many as go). `sendmmsg` on a packet socket that
//! passes the queueing discipline by. Prints packets sent and seconds.

#![allow(
    clippy::print_stdout,
    clippy::cast_possible_truncation,
    reason = "a tool for measurements: it tells what it did, and the kernel's small numbers fit"
)]

use sensor::capture::Capture;
use std::error::Error;
use std::ffi::{CString, c_int};
use std::fs::File;
use std::io;
use std::mem::{size_of, zeroed};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::time::{Duration, Instant};

/// Packets that go out with one call.
const BATCH: usize = 64;

fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = std::env::args().collect();
    let [_, interface, file, count, rate] = &args[..] else {
        return Err("blast IFACE FILE COUNT RATE".into());
    };
    let (count, rate): (usize, f64) = (count.parse()?, rate.parse()?);
    let packets = packets(file)?;
    let socket = socket(interface)?;
    let began = Instant::now();
    let mut sent = 0;
    while sent < count {
        let batch =
            (0..BATCH.min(count - sent)).filter_map(|step| packets.get((sent + step) % packets.len()));
        sent += send(&socket, &batch.map(Vec::as_slice).collect::<Vec<_>>())?;
        if rate > 0.0 {
            #[allow(clippy::cast_precision_loss, reason = "a moment, to the microsecond")]
            let due = began + Duration::from_secs_f64(sent as f64 / rate);
            // Short waits are busy: a sleep would make bursts of what is to be even.
            while let Some(wait) = due.checked_duration_since(Instant::now()).filter(|wait| !wait.is_zero()) {
                if wait > Duration::from_millis(2) {
                    std::thread::sleep(Duration::from_millis(1));
                }
            }
        }
    }
    println!("{sent} {:.3}", began.elapsed().as_secs_f64());
    Ok(())
}

fn packets(file: &str) -> Result<Vec<Vec<u8>>, Box<dyn Error>> {
    let mut capture = Capture::open(Box::new(File::open(file)?))?;
    let mut packets = vec![];
    while let Some(packet) = capture.next_packet()? {
        // What is longer than a frame can be was never on a wire.
        if (14..=1514).contains(&packet.bytes.len()) {
            packets.push(packet.bytes.to_vec());
        }
    }
    if packets.is_empty() { Err("no packet to send".into()) } else { Ok(packets) }
}

fn socket(interface: &str) -> io::Result<OwnedFd> {
    // SAFETY: no pointer is passed.
    let fd = unsafe { libc::socket(libc::AF_PACKET, libc::SOCK_RAW | libc::SOCK_CLOEXEC, 0) };
    if fd < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the descriptor was just opened and is owned by nobody else.
    let fd = unsafe { OwnedFd::from_raw_fd(fd) };
    let bypass: c_int = 1;
    // SAFETY: the value is as long as its size says and lives through the call.
    unsafe {
        libc::setsockopt(
            fd.as_raw_fd(),
            libc::SOL_PACKET,
            libc::PACKET_QDISC_BYPASS,
            (&raw const bypass).cast(),
            size_of::<c_int>() as libc::socklen_t,
        )
    };
    let name = CString::new(interface)?;
    // SAFETY: all bytes zero is a valid sockaddr_ll; the name ends with zero and lives through the call.
    let (mut address, number): (libc::sockaddr_ll, _) =
        unsafe { (zeroed(), libc::if_nametoindex(name.as_ptr())) };
    address.sll_family = libc::AF_PACKET as u16;
    address.sll_ifindex = number as c_int;
    // SAFETY: the address lives through the call and the size is its own.
    let bound = unsafe {
        libc::bind(
            fd.as_raw_fd(),
            (&raw const address).cast(),
            size_of::<libc::sockaddr_ll>() as libc::socklen_t,
        )
    };
    if bound < 0 { Err(io::Error::last_os_error()) } else { Ok(fd) }
}

/// Sends a batch; gives the number of packets that went.
fn send(fd: &OwnedFd, batch: &[&[u8]]) -> io::Result<usize> {
    let mut parts: Vec<libc::iovec> = batch
        .iter()
        .map(|packet| libc::iovec { iov_base: packet.as_ptr().cast_mut().cast(), iov_len: packet.len() })
        .collect();
    let message = |part: &mut libc::iovec| {
        // SAFETY: all bytes zero is a valid mmsghdr.
        let mut message: libc::mmsghdr = unsafe { zeroed() };
        message.msg_hdr.msg_iov = part;
        message.msg_hdr.msg_iovlen = 1;
        message
    };
    let mut messages: Vec<libc::mmsghdr> = parts.iter_mut().map(message).collect();
    // SAFETY: messages, their parts and the packets live through the call, and the count is theirs; nothing is written to.
    let sent = unsafe { libc::sendmmsg(fd.as_raw_fd(), messages.as_mut_ptr(), messages.len() as u32, 0) };
    match usize::try_from(sent) {
        Ok(sent) => Ok(sent),
        Err(_) => match io::Error::last_os_error() {
            // The interface is busy for a moment.
            error if matches!(error.raw_os_error(), Some(libc::ENOBUFS | libc::EAGAIN)) => Ok(0),
            error => Err(error),
        },
    }
}
