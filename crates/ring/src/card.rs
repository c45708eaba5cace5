//! Time stamps of the network card: what a card can, and having it do so (kernel documentation, *networking/timestamping*;
//! *ethtool(8)*, `-T`).

use crate::Error;
use std::ffi::{c_char, c_int, c_void};
use std::io;
use std::mem::zeroed;
use std::os::fd::{AsRawFd, OwnedFd};

/// Whose clock says when a packet came.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Timestamps {
    /// The kernel's, when it takes the packet from the card: some microseconds late, more when the machine is busy.
    #[default]
    Kernel,
    /// The card's, when the packet comes off the wire. The card's clock is one of its own, which somebody has to set. A
    /// packet that the card did not stamp has the kernel's time.
    Hardware,
}

/// What became of the stamps of a card.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stamps {
    /// Packets so far that the card did not stamp.
    pub unstamped: u64,
    /// Its latest stamp since this was last asked for.
    pub newest: Option<model::Time>,
}

/// `struct ethtool_ts_info` (linux/ethtool.h).
#[repr(C)]
struct Abilities {
    command: u32,
    stamps: u32,
    clock: i32,
    sent: u32,
    reserved_sent: [u32; 3],
    received: u32,
    reserved_received: [u32; 3],
}

/// Command that asks for them (linux/ethtool.h).
const ETHTOOL_GET_TS_INFO: u32 = 0x41;
/// The card stamps what it receives, and the stamp is handed over as it is (linux/net_tstamp.h).
const RECEIVED: u32 = 1 << 2;
const RAW: u32 = 1 << 6;

/// Which packets a card stamps, by number (linux/net_tstamp.h), in the words of ethtool.
const FILTERS: [&str; 16] = [
    "none",
    "all",
    "some",
    "ptpv1-l4-event",
    "ptpv1-l4-sync",
    "ptpv1-l4-delay-req",
    "ptpv2-l4-event",
    "ptpv2-l4-sync",
    "ptpv2-l4-delay-req",
    "ptpv2-l2-event",
    "ptpv2-l2-sync",
    "ptpv2-l2-delay-req",
    "ptpv2-event",
    "ptpv2-sync",
    "ptpv2-delay-req",
    "ntp-all",
];
const ALL: c_int = 1;

/// Has the card of the interface `name` stamp every packet that it receives. What it does with packets that are sent, which
/// keeps clocks in step, stays as it is.
pub(crate) fn stamp_all(socket: &OwnedFd, name: &str) -> Result<(), Error> {
    let cannot = |can: String| Error::NoStamps { interface: name.to_owned(), can };
    let able = abilities(socket, name)?;
    if !stamps_all(able.stamps, able.received) {
        return Err(cannot(words(able.stamps, able.received)));
    }
    let mut wanted = libc::hwtstamp_config { flags: 0, tx_type: 0, rx_filter: 0 };
    // A driver that does not tell is told.
    let told = ask(socket, name, libc::SIOCGHWTSTAMP, (&raw mut wanted).cast());
    if told.is_ok() && wanted.rx_filter == ALL {
        return Ok(());
    }
    wanted.rx_filter = ALL;
    ask(socket, name, libc::SIOCSHWTSTAMP, (&raw mut wanted).cast()).map_err(|source| {
        match source.raw_os_error() {
            Some(libc::EPERM | libc::EACCES) => Error::NotAllowedToStamp(name.to_owned()),
            Some(libc::EOPNOTSUPP | libc::ERANGE) => cannot("its driver refuses to".to_owned()),
            _ => Error::Kernel { what: "have the card stamp packets", source },
        }
    })?;
    // A driver may do something else than it was asked for, and says so.
    match wanted.rx_filter {
        ALL => Ok(()),
        other => Err(cannot(format!("its driver stamps {}", named(other.unsigned_abs())))),
    }
}

fn abilities(socket: &OwnedFd, name: &str) -> Result<Abilities, Error> {
    // SAFETY: numbers, for which all bytes zero are valid.
    let mut able: Abilities = unsafe { zeroed() };
    able.command = ETHTOOL_GET_TS_INFO;
    match ask(socket, name, libc::SIOCETHTOOL, (&raw mut able).cast()) {
        Ok(()) => Ok(able),
        // SAFETY: as above.
        Err(error) if error.raw_os_error() == Some(libc::EOPNOTSUPP) => Ok(unsafe { zeroed() }),
        Err(source) => Err(Error::Kernel { what: "ask what stamps the card has", source }),
    }
}

fn stamps_all(stamps: u32, received: u32) -> bool {
    stamps & (RECEIVED | RAW) == RECEIVED | RAW && received & 1 << ALL != 0
}

/// What a card can that cannot stamp everything.
fn words(stamps: u32, received: u32) -> String {
    let some: Vec<_> = (1..32).filter(|number| received >> number & 1 == 1).map(named).collect();
    if stamps & RECEIVED == 0 || some.is_empty() {
        return "it has no stamps of its own, the kernel's alone".to_owned();
    }
    format!("it stamps {} alone", some.join(", "))
}

fn named(filter: u32) -> String {
    let known = usize::try_from(filter).ok().and_then(|number| FILTERS.get(number));
    known.map_or_else(|| format!("filter {filter}"), |name| (*name).to_owned())
}

/// Asks the driver of an interface for something, or tells it; `data` is as long as `what` takes it.
fn ask(socket: &OwnedFd, name: &str, what: libc::Ioctl, data: *mut c_void) -> io::Result<()> {
    // SAFETY: all bytes zero are a valid ifreq.
    let mut request: libc::ifreq = unsafe { zeroed() };
    // The last byte stays zero. A name that is longer is no interface's.
    let last = request.ifr_name.len() - 1;
    for (place, byte) in request.ifr_name.iter_mut().take(last).zip(name.bytes()) {
        *place = c_char::from_ne_bytes([byte]);
    }
    request.ifr_ifru.ifru_data = data.cast();
    // SAFETY: the request and what it points to live through the call; each caller gives what the command reads and writes.
    let done = unsafe { libc::ioctl(socket.as_raw_fd(), what, &raw mut request) };
    if done < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_card_can_is_told_from_what_it_says_of_itself() {
        // What ethtool -T shows of an e1000e, of a card that knows PTP alone, and of a veth.
        let (whole, event, software) = (0x5f, 1 << 12, 0x1a);
        assert!(stamps_all(whole, 1 << ALL | event));
        assert!(!stamps_all(whole, event) && !stamps_all(software, 1) && !stamps_all(software, 1 << ALL));
        assert_eq!(words(whole, 1 | event | 1 << 15), "it stamps ptpv2-event, ntp-all alone");
        assert_eq!(words(software, 1), "it has no stamps of its own, the kernel's alone");
        assert_eq!(named(29), "filter 29");
    }
}
