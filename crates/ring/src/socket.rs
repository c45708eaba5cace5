//! The kernel's side: socket, ring and blocks. All that is unsafe is here.

use crate::Error;
use crate::card::{Timestamps, stamp_all};
use filter::{Filter, Instruction};
use std::ffi::{c_int, c_void};
use std::io;
use std::marker::PhantomData;
use std::mem::{ManuallyDrop, size_of, zeroed};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::ptr;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering, fence};
use std::time::Duration;

/// A packet socket and its ring.
#[derive(Debug)]
pub(crate) struct Socket {
    fd: ManuallyDrop<OwnedFd>,
    /// Whether its number stays taken when it is dropped.
    stays: AtomicBool,
    ring: *mut u8,
    bytes: usize,
    block_bytes: u32,
}

// SAFETY: the ring belongs to this socket alone, and every access to it takes `&self` or `&mut self` of the one owner;
// nothing in it is bound to a thread.
unsafe impl Send for Socket {}

/// A block that the kernel has handed over.
pub(crate) struct Block<'a> {
    start: *const u8,
    bytes: usize,
    ring: PhantomData<&'a [u8]>,
}

/// A packet in a block.
pub(crate) struct Packet<'a> {
    pub(crate) seconds: u32,
    pub(crate) nanoseconds: u32,
    pub(crate) wire_len: u32,
    /// Whether the time is the card's.
    pub(crate) is_stamped: bool,
    /// Kind and tag that the kernel took out.
    pub(crate) vlan: Option<(u16, u16)>,
    pub(crate) bytes: &'a [u8],
}

fn kernel(what: &'static str) -> Error {
    Error::Kernel { what, source: io::Error::last_os_error() }
}

impl Socket {
    pub(crate) fn open(
        name: &str,
        filter: Option<&Filter>,
        timestamps: Timestamps,
        blocks: u32,
        block_bytes: u32,
        hand_over: Duration,
    ) -> Result<Self, Error> {
        // Protocol 0: nothing is received before the ring is there and the interface is chosen.
        // SAFETY: no pointer is passed.
        let fd = unsafe { libc::socket(libc::AF_PACKET, libc::SOCK_RAW | libc::SOCK_CLOEXEC, 0) };
        if fd < 0 {
            let error = io::Error::last_os_error();
            return Err(match error.raw_os_error() {
                Some(libc::EPERM | libc::EACCES) => Error::NotAllowed,
                _ => Error::Kernel { what: "open a packet socket", source: error },
            });
        }
        // SAFETY: the descriptor was just opened and is owned by nobody else.
        let fd = unsafe { OwnedFd::from_raw_fd(fd) };
        if let Some(filter) = filter {
            attach(&fd, filter)?;
        }
        let interface = interface(name)?;
        if timestamps == Timestamps::Hardware {
            stamp_all(&fd, name)?;
        }
        let version: c_int = libc::tpacket_versions::TPACKET_V3 as c_int;
        option(&fd, libc::SOL_PACKET, libc::PACKET_VERSION, &version, "choose the version of the ring")?;
        let request = libc::tpacket_req3 {
            tp_block_size: block_bytes,
            tp_block_nr: blocks,
            tp_frame_size: FRAME_BYTES,
            tp_frame_nr: block_bytes / FRAME_BYTES * blocks,
            tp_retire_blk_tov: u32::try_from(hand_over.as_millis()).unwrap_or(u32::MAX),
            tp_sizeof_priv: 0,
            tp_feature_req_word: 0,
        };
        option(&fd, libc::SOL_PACKET, libc::PACKET_RX_RING, &request, "make the ring")?;
        let bytes = block_bytes as usize * blocks as usize;
        // SAFETY: a new mapping of a descriptor that has a ring of exactly this size.
        let ring = unsafe {
            libc::mmap(
                ptr::null_mut(),
                bytes,
                libc::PROT_READ | libc::PROT_WRITE,
                libc::MAP_SHARED,
                fd.as_raw_fd(),
                0,
            )
        };
        if ring == libc::MAP_FAILED {
            return Err(kernel("map the ring"));
        }
        let (fd, stays) = (ManuallyDrop::new(fd), AtomicBool::new(false));
        let socket = Self { fd, stays, ring: ring.cast(), bytes, block_bytes };
        if timestamps == Timestamps::Hardware {
            socket.want_stamps()?;
        }
        socket.bind(interface)?;
        // SAFETY: all bytes zero is a valid packet_mreq.
        let mut promiscuous: libc::packet_mreq = unsafe { zeroed() };
        promiscuous.mr_ifindex = interface;
        promiscuous.mr_type = u16::try_from(libc::PACKET_MR_PROMISC).unwrap_or_default();
        option(
            &socket.fd,
            libc::SOL_PACKET,
            libc::PACKET_ADD_MEMBERSHIP,
            &promiscuous,
            "listen to everything",
        )?;
        Ok(socket)
    }

    /// From now on a packet that has a stamp of the card comes with that.
    pub(crate) fn want_stamps(&self) -> Result<(), Error> {
        let raw = libc::SOF_TIMESTAMPING_RAW_HARDWARE;
        option(&self.fd, libc::SOL_PACKET, PACKET_TIMESTAMP, &raw, "have the card's stamps handed over")
    }

    /// Opens a group of sockets among which conversations are shared out; gives its number.
    pub(crate) fn share(&self) -> Result<u32, Error> {
        // The kernel finds a number that no other program has.
        let unique = (libc::PACKET_FANOUT_HASH | libc::PACKET_FANOUT_FLAG_UNIQUEID) << 16;
        option(&self.fd, libc::SOL_PACKET, libc::PACKET_FANOUT, &unique, "share conversations out")?;
        let mut group: u32 = 0;
        let mut size = libc::socklen_t::try_from(size_of::<u32>()).unwrap_or_default();
        // SAFETY: `group` is as long as `size` says, and both live through the call.
        let told = unsafe {
            libc::getsockopt(
                self.fd.as_raw_fd(),
                libc::SOL_PACKET,
                libc::PACKET_FANOUT,
                (&raw mut group).cast::<c_void>(),
                &raw mut size,
            )
        };
        if told < 0 { Err(kernel("ask for the group")) } else { Ok(group & 0xffff) }
    }

    /// Joins a group.
    pub(crate) fn join(&self, group: u32) -> Result<(), Error> {
        let group = group | libc::PACKET_FANOUT_HASH << 16;
        option(&self.fd, libc::SOL_PACKET, libc::PACKET_FANOUT, &group, "join in sharing conversations out")
    }

    /// Number of the descriptor, which no other file gets from now on, not even when this is dropped.
    pub(crate) fn descriptor_for_good(&self) -> u64 {
        self.stays.store(true, Ordering::Relaxed);
        u64::try_from(self.fd.as_raw_fd()).unwrap_or_default()
    }

    fn bind(&self, interface: c_int) -> Result<(), Error> {
        // SAFETY: all bytes zero is a valid sockaddr_ll.
        let mut address: libc::sockaddr_ll = unsafe { zeroed() };
        address.sll_family = u16::try_from(libc::AF_PACKET).unwrap_or_default();
        address.sll_protocol = u16::try_from(libc::ETH_P_ALL).unwrap_or_default().to_be();
        address.sll_ifindex = interface;
        let size = libc::socklen_t::try_from(size_of::<libc::sockaddr_ll>()).unwrap_or_default();
        // SAFETY: the address lives through the call and `size` is its size.
        let bound = unsafe { libc::bind(self.fd.as_raw_fd(), (&raw const address).cast(), size) };
        if bound < 0 { Err(kernel("bind to the interface")) } else { Ok(()) }
    }

    /// Whether the kernel has handed block `number` over.
    pub(crate) fn ready(&self, number: u32) -> bool {
        let ready = self.status(number).load(Ordering::Acquire) & libc::TP_STATUS_USER != 0;
        fence(Ordering::Acquire);
        ready
    }

    /// Waits until something is handed over, at most `wait`.
    pub(crate) fn wait(&self, wait: Duration) -> Result<(), Error> {
        let mut poll =
            libc::pollfd { fd: self.fd.as_raw_fd(), events: libc::POLLIN | libc::POLLERR, revents: 0 };
        let ms = c_int::try_from(wait.as_millis()).unwrap_or(c_int::MAX);
        // SAFETY: one pollfd that lives through the call.
        if unsafe { libc::poll(&raw mut poll, 1, ms) } < 0 {
            let source = io::Error::last_os_error();
            if source.kind() != io::ErrorKind::Interrupted {
                return Err(Error::Kernel { what: "wait for packets", source });
            }
        }
        if poll.revents & libc::POLLERR != 0 {
            return Err(self.pending_error());
        }
        Ok(())
    }

    fn pending_error(&self) -> Error {
        let mut code: c_int = 0;
        let mut size = libc::socklen_t::try_from(size_of::<c_int>()).unwrap_or_default();
        // SAFETY: `code` is as long as `size` says, and both live through the call.
        unsafe {
            libc::getsockopt(
                self.fd.as_raw_fd(),
                libc::SOL_SOCKET,
                libc::SO_ERROR,
                (&raw mut code).cast::<c_void>(),
                &raw mut size,
            )
        };
        Error::Kernel { what: "listen any longer", source: io::Error::from_raw_os_error(code) }
    }

    /// Block `number`, which must have been [`ready`](Self::ready).
    pub(crate) fn block(&self, number: u32) -> Block<'_> {
        Block { start: self.start(number), bytes: self.block_bytes as usize, ring: PhantomData }
    }

    /// Gives block `number` back to the kernel.
    pub(crate) fn give_back(&self, number: u32) {
        self.status(number).store(libc::TP_STATUS_KERNEL, Ordering::Release);
    }

    /// Packets lost since the last call.
    pub(crate) fn lost_since(&self) -> Result<u32, Error> {
        // SAFETY: all bytes zero is valid for these counters.
        let mut counters: libc::tpacket_stats_v3 = unsafe { zeroed() };
        let mut size = libc::socklen_t::try_from(size_of::<libc::tpacket_stats_v3>()).unwrap_or_default();
        // SAFETY: `counters` is as long as `size` says, and both live through the call.
        let told = unsafe {
            libc::getsockopt(
                self.fd.as_raw_fd(),
                libc::SOL_PACKET,
                libc::PACKET_STATISTICS,
                (&raw mut counters).cast::<c_void>(),
                &raw mut size,
            )
        };
        if told < 0 { Err(kernel("ask for losses")) } else { Ok(counters.tp_drops) }
    }

    fn start(&self, number: u32) -> *const u8 {
        let offset = number as usize * self.block_bytes as usize;
        debug_assert!(offset + self.block_bytes as usize <= self.bytes);
        // SAFETY: callers count blocks modulo their number, so the offset lies within the mapping.
        unsafe { self.ring.add(offset) }
    }

    fn status(&self, number: u32) -> &AtomicU32 {
        // SAFETY: a block begins with its version (4), the offset of its private part (4) and the status word, aligned
        // to four bytes in a mapping that begins at a page; kernel and program change it as a whole.
        unsafe { &*self.start(number).add(8).cast::<AtomicU32>() }
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        // SAFETY: the mapping was made by `open` with this size, and nothing borrows from it any more.
        unsafe { libc::munmap(self.ring.cast(), self.bytes) };
        if !*self.stays.get_mut() {
            // SAFETY: this is the end of the socket, and nothing uses the descriptor after it.
            unsafe { ManuallyDrop::drop(&mut self.fd) };
        }
    }
}

impl<'a> Block<'a> {
    /// The packets of the block, in order.
    pub(crate) fn packets(&self) -> impl Iterator<Item = Packet<'a>> + use<'a> {
        let (start, bytes) = (self.start, self.bytes);
        let header_end = 8 + size_of::<libc::tpacket_hdr_v1>();
        // SAFETY: the kernel has handed the block over; a block is longer than its header, which stands behind the
        // version and the offset, aligned to eight bytes.
        let header: &libc::tpacket_hdr_v1 = unsafe { &*start.add(8).cast() };
        debug_assert!(header_end <= bytes);
        let mut left = header.num_pkts;
        let mut at = header.offset_to_first_pkt as usize;
        std::iter::from_fn(move || {
            let fits = at.checked_add(size_of::<libc::tpacket3_hdr>()).is_some_and(|end| end <= bytes);
            if left == 0 || !fits {
                return None;
            }
            left -= 1;
            // SAFETY: a packet's header lies wholly within the block (checked) and the kernel aligns it to 16 bytes.
            let packet: &libc::tpacket3_hdr = unsafe { &*start.add(at).cast() };
            let (from, len) = (at + packet.tp_mac as usize, packet.tp_snaplen as usize);
            at += packet.tp_next_offset as usize;
            if packet.tp_next_offset == 0 {
                left = 0;
            }
            if from.checked_add(len).is_none_or(|end| end > bytes) {
                return None;
            }
            // SAFETY: the bytes lie within the block (checked), which nobody writes until it is given back.
            let content = unsafe { std::slice::from_raw_parts(start.add(from), len) };
            Some(Packet {
                seconds: packet.tp_sec,
                nanoseconds: packet.tp_nsec,
                wire_len: packet.tp_len,
                is_stamped: packet.tp_status & TP_STATUS_TS_RAW_HARDWARE != 0,
                vlan: vlan(packet),
                bytes: content,
            })
        })
    }
}

fn vlan(packet: &libc::tpacket3_hdr) -> Option<(u16, u16)> {
    const IEEE_802_1Q: u16 = 0x8100;
    if packet.tp_status & libc::TP_STATUS_VLAN_VALID == 0 {
        return None;
    }
    let told = packet.tp_status & libc::TP_STATUS_VLAN_TPID_VALID != 0;
    let kind = if told { packet.hv1.tp_vlan_tpid } else { IEEE_802_1Q };
    Some((kind, u16::try_from(packet.hv1.tp_vlan_tci & 0xffff).unwrap_or_default()))
}

/// Which stamps are wanted, and that a packet has the card's (linux/if_packet.h).
const PACKET_TIMESTAMP: c_int = 17;
const TP_STATUS_TS_RAW_HARDWARE: u32 = 1 << 31;

/// Size of the frames that the ring is counted in; with version 3 packets are packed, whatever it is.
const FRAME_BYTES: u32 = 2048;

fn interface(name: &str) -> Result<c_int, Error> {
    let none = || Error::NoInterface(name.to_owned());
    let text = std::ffi::CString::new(name).map_err(|_| none())?;
    // SAFETY: a string that ends with zero and lives through the call.
    let number = unsafe { libc::if_nametoindex(text.as_ptr()) };
    c_int::try_from(number).ok().filter(|number| *number > 0).ok_or_else(none)
}

/// Puts a filter in place for good (kernel documentation, *networking/filter*).
fn attach(fd: &OwnedFd, filter: &Filter) -> Result<(), Error> {
    let kernel = |&Instruction { code, jt, jf, k }: &Instruction| libc::sock_filter { code, jt, jf, k };
    let mut instructions: Vec<_> = filter.program().iter().map(kernel).collect();
    // A filter has at most 4096 instructions.
    let len = u16::try_from(instructions.len()).unwrap_or_default();
    let program = libc::sock_fprog { len, filter: instructions.as_mut_ptr() };
    // The kernel copies the instructions, which live until the end of this function.
    option(fd, libc::SOL_SOCKET, libc::SO_ATTACH_FILTER, &program, "put the filter in place")?;
    let lock: c_int = 1;
    option(fd, libc::SOL_SOCKET, libc::SO_LOCK_FILTER, &lock, "keep the filter in place")
}

fn option<T>(fd: &OwnedFd, level: c_int, name: c_int, value: &T, what: &'static str) -> Result<(), Error> {
    let size = libc::socklen_t::try_from(size_of::<T>()).unwrap_or_default();
    // SAFETY: `value` is as long as `size` says, and lives through the call with all that it points to.
    let set =
        unsafe { libc::setsockopt(fd.as_raw_fd(), level, name, ptr::from_ref(value).cast::<c_void>(), size) };
    if set < 0 { Err(kernel(what)) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A block as the kernel fills one, with packets of these states.
    fn block(states: &[u32], look: impl FnOnce(Block<'_>)) {
        const STEP: usize = 128;
        let mut memory = vec![0u128; STEP / 16 * (states.len() + 1)];
        let bytes = memory.len() * 16;
        let start: *mut u8 = memory.as_mut_ptr().cast();
        // SAFETY: headers and packets lie one step apart in memory that is long enough and aligned to 16 bytes.
        unsafe {
            let header = &mut *start.add(8).cast::<libc::tpacket_hdr_v1>();
            header.num_pkts = u32::try_from(states.len()).unwrap();
            header.offset_to_first_pkt = u32::try_from(STEP).unwrap();
            for (number, state) in states.iter().enumerate() {
                let packet = &mut *start.add(STEP * (number + 1)).cast::<libc::tpacket3_hdr>();
                packet.tp_next_offset = u32::try_from(STEP).unwrap();
                packet.tp_status = *state;
                packet.tp_mac = 64;
                (packet.tp_snaplen, packet.tp_len) = (60, 60);
            }
        }
        look(Block { start, bytes, ring: PhantomData });
    }

    #[test]
    fn each_packet_says_whether_the_card_stamped_it() {
        let software = 1 << 29;
        block(&[libc::TP_STATUS_USER, software, TP_STATUS_TS_RAW_HARDWARE, software], |block| {
            let stamped: Vec<_> = block.packets().map(|packet| packet.is_stamped).collect();
            assert_eq!(stamped, [false, false, true, false]);
        });
    }
}
