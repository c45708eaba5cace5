//! Takes from a thread what it no longer needs once it listens: the calls that send, and every special right.

use crate::{Error, Ring};
use caps::CapSet;
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter, SeccompRule,
};
use std::collections::BTreeMap;
use std::io;

/// Calls that send whatever socket they are given, and one that could do it out of sight.
const SENDING: [libc::c_long; 4] =
    [libc::SYS_sendto, libc::SYS_sendmsg, libc::SYS_sendmmsg, libc::SYS_io_uring_setup];

/// Calls that send when they write to the socket; the number says which argument is the descriptor.
const WRITING: [(libc::c_long, u8); 8] = [
    (libc::SYS_write, 0),
    (libc::SYS_writev, 0),
    (libc::SYS_pwrite64, 0),
    (libc::SYS_pwritev, 0),
    (libc::SYS_pwritev2, 0),
    (libc::SYS_sendfile, 0),
    (libc::SYS_splice, 2),
    (libc::SYS_tee, 1),
];

impl Ring {
    /// From now on this thread, and threads that it starts, cannot send anything: calls that would fail with `EPERM`
    /// (seccomp). Its capabilities are gone too, so that it cannot open another socket like this one. The kernel knows the
    /// socket by its number, which stays taken until the program ends: another file of that number could not be written.
    ///
    /// # Errors
    /// When the kernel refuses, or the processor is none that the filter is written for.
    pub fn seal(&self) -> Result<(), Error> {
        let failed = |what| {
            move |error: Box<dyn std::error::Error>| Error::Kernel {
                what,
                source: io::Error::other(error.to_string()),
            }
        };
        let program =
            filter(self.socket.descriptor_for_good()).map_err(failed("write the filter against sending"))?;
        for set in [CapSet::Ambient, CapSet::Effective, CapSet::Inheritable, CapSet::Permitted] {
            caps::clear(None, set).map_err(|error| failed("give up rights")(error.into()))?;
        }
        seccompiler::apply_filter(&program).map_err(|error| failed("forbid sending")(error.into()))
    }
}

fn filter(descriptor: u64) -> Result<BpfProgram, Box<dyn std::error::Error>> {
    let mut rules: BTreeMap<i64, Vec<SeccompRule>> = SENDING.iter().map(|call| (*call, vec![])).collect();
    for (call, argument) in WRITING {
        let is = SeccompCondition::new(argument, SeccompCmpArgLen::Dword, SeccompCmpOp::Eq, descriptor)?;
        rules.insert(call, vec![SeccompRule::new(vec![is])?]);
    }
    let refuse = SeccompAction::Errno(libc::EPERM.cast_unsigned());
    let filter = SeccompFilter::new(rules, SeccompAction::Allow, refuse, std::env::consts::ARCH.try_into()?)?;
    Ok(filter.try_into()?)
}
