//! A user of the machine whom the program can go on as.

use crate::Error;
use caps::{CapSet, Capability};
use std::ffi::{CStr, CString};
use std::io;
use std::mem::MaybeUninit;
use std::ptr;

/// A user of this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    name: CString,
    uid: u32,
    gid: u32,
}

/// Memory for what the name service tells of a user; more is an error.
const TOLD_MAX: usize = 1 << 20;

impl Account {
    /// The user `name`, as the machine's name service knows it.
    ///
    /// # Errors
    /// When there is none, or the name service does not tell.
    pub fn named(name: &str) -> Result<Self, Error> {
        let none = || Error::NoUser(name.to_owned());
        let text = CString::new(name).map_err(|_| none())?;
        let mut told = vec![0; 1024];
        loop {
            let mut entry = MaybeUninit::<libc::passwd>::uninit();
            let mut found = ptr::null_mut();
            // SAFETY: a string that ends with zero, an entry and a buffer of the given length to write to, and a pointer
            // to point to the entry; all live through the call.
            let code = unsafe {
                libc::getpwnam_r(
                    text.as_ptr(),
                    entry.as_mut_ptr(),
                    told.as_mut_ptr(),
                    told.len(),
                    &raw mut found,
                )
            };
            match code {
                0 if found.is_null() => return Err(none()),
                0 => {
                    // SAFETY: it was found, so the entry is written.
                    let entry = unsafe { entry.assume_init() };
                    return Ok(Self { name: text, uid: entry.pw_uid, gid: entry.pw_gid });
                }
                // Nobody of that name, in other words (getpwnam_r(3)).
                libc::ENOENT | libc::ESRCH => return Err(none()),
                libc::ERANGE if told.len() < TOLD_MAX => told.resize(told.len() * 2, 0),
                code => {
                    let source = io::Error::from_raw_os_error(code);
                    return Err(Error::Kernel { what: "look for the user", source });
                }
            }
        }
    }

    /// Name.
    #[must_use]
    pub fn name(&self) -> &str {
        self.name.to_str().unwrap_or_default()
    }

    /// Number of the user.
    #[must_use]
    pub fn uid(&self) -> u32 {
        self.uid
    }

    /// Number of its first group.
    #[must_use]
    pub fn gid(&self) -> u32 {
        self.gid
    }

    /// Whether the program runs as this user.
    #[must_use]
    pub fn is_own(&self) -> bool {
        // SAFETY: no pointer is passed.
        unsafe { libc::geteuid() == self.uid && libc::getuid() == self.uid }
    }

    /// Whether the program may go on as this user.
    #[must_use]
    pub fn can_be_assumed(&self) -> bool {
        let has = |capability| caps::has_cap(None, CapSet::Effective, capability).unwrap_or(false);
        self.is_own() || (has(Capability::CAP_SETUID) && has(Capability::CAP_SETGID))
    }

    /// Goes on as this user, with its groups and no others.
    pub(crate) fn assume(&self) -> Result<(), Error> {
        let done = |code: libc::c_int, what| match code {
            0 => Ok(()),
            _ => Err(Error::Kernel { what, source: io::Error::last_os_error() }),
        };
        let name: &CStr = &self.name;
        // SAFETY: a string that ends with zero and lives through the call.
        done(unsafe { libc::initgroups(name.as_ptr(), self.gid) }, "join the groups of the user")?;
        // SAFETY: no pointer is passed.
        done(unsafe { libc::setresgid(self.gid, self.gid, self.gid) }, "join the group of the user")?;
        // SAFETY: no pointer is passed.
        done(unsafe { libc::setresuid(self.uid, self.uid, self.uid) }, "become the user")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users_are_known_by_name() {
        let root = Account::named("root").unwrap();
        assert_eq!((root.name(), root.uid(), root.gid()), ("root", 0, 0));
        for nobody in ["no-such-user", "", "a\0b"] {
            assert!(matches!(Account::named(nobody), Err(Error::NoUser(name)) if name == nobody));
        }
    }
}
