//! Gives up what a program no longer needs once everything is open: capabilities, new ones by starting other programs,
//! and being root (*capabilities(7)*, *credentials(7)*).

use crate::{Account, Error};
use caps::{CapSet, Capability, CapsHashSet};
use std::io;

/// A capability that a program may go on to need.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Right {
    /// To steer the firewall of the network namespace that the program runs in.
    NetAdmin,
    /// To enter other network namespaces.
    SysAdmin,
}

impl Right {
    fn capability(self) -> Capability {
        match self {
            Right::NetAdmin => Capability::CAP_NET_ADMIN,
            Right::SysAdmin => Capability::CAP_SYS_ADMIN,
        }
    }

    /// Name of the capability.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Right::NetAdmin => "CAP_NET_ADMIN",
            Right::SysAdmin => "CAP_SYS_ADMIN",
        }
    }
}

/// Goes on as `account`, where there is one, and with those capabilities in `keep` that the program has; programs that
/// it starts get the same and can get no others (`no_new_privs`). It cannot be taken back. Capabilities belong to a thread
/// and pass to those that it starts: this is for the first thread, before there is another.
///
/// # Errors
/// When there are other threads already, or the kernel refuses; what was given up until then is gone.
pub fn give_up(keep: &[Right], account: Option<&Account>) -> Result<(), Error> {
    let threads =
        std::fs::read_dir("/proc/self/task").map_err(|source| kernel("count threads", source))?.count();
    if threads != 1 {
        return Err(Error::Threads(threads));
    }
    let had = caps::read(None, CapSet::Permitted).map_err(failed("ask for rights"))?;
    let can_bound = caps::has_cap(None, CapSet::Effective, Capability::CAP_SETPCAP);
    let wanted: CapsHashSet = keep.iter().map(|right| right.capability()).collect();
    let kept: CapsHashSet = wanted.intersection(&had).copied().collect();
    // Without the right to bound them, others can still not be had: see the last step.
    if can_bound.map_err(failed("ask for rights"))? {
        bound(&kept).map_err(failed("bound the rights of programs to come"))?;
    }
    if let Some(account) = account.filter(|account| !account.is_own()) {
        caps::securebits::set_keepcaps(true).map_err(failed("keep rights"))?;
        account.assume()?;
        caps::securebits::set_keepcaps(false).map_err(failed("keep rights no longer"))?;
    }
    keep_only(&kept).map_err(failed("give up rights"))?;
    no_new_privileges()
}

/// Takes everything but `kept` out of what programs could get that are started.
fn bound(kept: &CapsHashSet) -> Result<(), caps::errors::CapsError> {
    let others = caps::read(None, CapSet::Bounding)?;
    others.difference(kept).try_for_each(|capability| caps::drop(None, CapSet::Bounding, *capability))
}

/// What is ambient passes to programs that are started, whoever they run as; only what is inheritable can be that, and
/// only what is permitted either.
fn keep_only(kept: &CapsHashSet) -> Result<(), caps::errors::CapsError> {
    caps::clear(None, CapSet::Ambient)?;
    for set in [CapSet::Effective, CapSet::Permitted, CapSet::Inheritable] {
        caps::set(None, set, kept)?;
    }
    kept.iter().try_for_each(|capability| caps::raise(None, CapSet::Ambient, *capability))
}

fn no_new_privileges() -> Result<(), Error> {
    // SAFETY: no pointer is passed.
    let set = unsafe { libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) };
    if set < 0 { Err(kernel("renounce new rights", io::Error::last_os_error())) } else { Ok(()) }
}

fn kernel(what: &'static str, source: io::Error) -> Error {
    Error::Kernel { what, source }
}

fn failed(what: &'static str) -> impl Fn(caps::errors::CapsError) -> Error {
    move |error| kernel(what, io::Error::other(error.to_string()))
}
