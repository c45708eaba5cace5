//! SMB 1 to 3 over TCP, as far as its session set-up: who logs on to which server with NTLM.
//!
//! Sources: *MS-CIFS* and *MS-SMB* (SMB 1), *MS-SMB2* (SMB 2 and 3), *MS-NLMP* (NTLM), *RFC 4178* (SPNEGO),
//! *RFC 1002*, 4.3 (framing). Session set-up is never encrypted; what follows may be and is not looked at.

mod header;
mod ntlm;

use crate::told::{Told, readable};
use crate::{Out, Protocol, Session, Side, Stamp, Stream};
use header::{Setup, setups};
use model::Trait;
use ntlm::{Authenticate, Challenge, Version};
use std::collections::BTreeMap;
use wire::{Endian, Framing, Result};

/// RFC 1002, 4.3.1 (port 139) and MS-SMB2, 2.1 (port 445): a type, then a length of three bytes.
///
/// A message of a session set-up has at most 64 KiB and a little. Longer ones carry files; they are passed over.
pub static PROTOCOL: Protocol = Protocol {
    name: "smb",
    spec: "MS-SMB2, MS-SMB, MS-NLMP; RFC 1002, 4.3; RFC 4178",
    tcp: Some(Stream {
        ports: &[445, 139],
        framing: Framing::Length { at: 1, width: 3, endian: Endian::Big, plus: 4, max: 0x0004_0000 },
    }),
    udp: &[],
    quiet: None,
    opening: &[],
    recognise: |bytes, _| header::recognise(bytes),
    open: || Box::<Conversation>::default(),
    logs: &[Ntlm::SCHEMA],
};

/// Logons under way in one conversation; one more writes them all out.
const OPEN_MAX: usize = 64;

/// More of the exchange follows, MS-ERREF 2.3.1.
const MORE_PROCESSING_REQUIRED: u32 = 0xc000_0016;

model::log! {
    /// A logon with NTLM.
    pub struct Ntlm<'a>: "ntlm", Conversation {
        /// Account that the client logs on with.
        username: Option<&'a str> => User,
        /// Name that the client's computer gives itself.
        hostname: Option<&'a str> => Host,
        /// Domain of the account, or the computer that it is local to.
        domainname: Option<&'a str>,
        /// NetBIOS name that the server gives itself.
        server_nb_computer_name: Option<&'a str> => Host,
        /// DNS name that the server gives itself.
        server_dns_computer_name: Option<&'a str> => Host,
        /// DNS name of the forest that the server belongs to.
        server_tree_name: Option<&'a str>,
        /// Whether the server let the client in, as SPNEGO has it; servers leave it out when they refuse: see `status`.
        success: Option<bool>,
        /// The server's last word, a status code of MS-ERREF 2.3.1; 0x00000000 lets the client in, all else does not.
        status: Option<&'a str>,
    }
}

/// Logons under way, by the identifier that the server gave the session.
#[derive(Default)]
struct Conversation {
    /// When a client began an exchange to which no challenge has come yet.
    begun: Option<Stamp>,
    open: BTreeMap<u64, Logon>,
    told: Told,
}

/// What is known of a logon.
struct Logon {
    first: Stamp,
    challenge: Challenge,
    authenticate: Authenticate,
}

impl Session for Conversation {
    fn pdu(&mut self, from: Side, bytes: &[u8], out: &mut Out<'_>) -> Result<()> {
        let read = self.frame(from, bytes, out);
        out.hold(self.open.values().map(Logon::held).sum::<usize>() + self.told.held());
        read
    }

    fn end(&mut self, out: &mut Out<'_>) {
        for logon in std::mem::take(&mut self.open).into_values() {
            logon.write(None, None, out);
        }
        if let Some(first) = self.begun.take() {
            Logon::new(first).write(None, None, out);
        }
    }

    fn let_go(&mut self, out: &mut Out<'_>) {
        self.end(out);
        self.told = Told::default();
    }
}

impl Conversation {
    fn frame(&mut self, from: Side, bytes: &[u8], out: &mut Out<'_>) -> Result<()> {
        let Some(message) = header::session_message(bytes) else { return Ok(()) };
        let setups = setups(message)?;
        out.confirm();
        for setup in setups {
            self.setup(&setup, from, out);
        }
        Ok(())
    }

    fn setup(&mut self, setup: &Setup<'_>, from: Side, out: &mut Out<'_>) {
        // GSS-API wraps NTLM (RFC 4178, 4.2), or NTLM stands there bare.
        if matches!(setup.blob.first(), Some(0x60 | 0xa1)) {
            out.confirm_inside("gssapi");
        }
        let message = ntlm::Message::find(setup.blob);
        if message.is_some() {
            out.confirm_inside("ntlm");
        }
        match message {
            Some(ntlm::Message::Negotiate) => {
                self.begun.get_or_insert(out.now);
            }
            Some(ntlm::Message::Challenge(challenge)) => self.challenge(setup.session, challenge, out),
            Some(ntlm::Message::Authenticate(authenticate)) => {
                self.authenticate(setup.session, authenticate, out);
            }
            None => {}
        }
        if from == Side::Server && setup.status != MORE_PROCESSING_REQUIRED {
            self.finish(setup, out);
        }
    }

    fn challenge(&mut self, session: u64, challenge: Challenge, out: &mut Out<'_>) {
        if self.open.len() >= OPEN_MAX {
            self.end(out);
        }
        self.tell_server(&challenge, out);
        let first = self.begun.take().unwrap_or(out.now);
        self.open.insert(session, Logon { challenge, ..Logon::new(first) });
    }

    fn authenticate(&mut self, session: u64, authenticate: Authenticate, out: &mut Out<'_>) {
        if self.open.len() >= OPEN_MAX && !self.open.contains_key(&session) {
            self.end(out);
        }
        self.tell_client(&authenticate, out);
        self.open.entry(session).or_insert_with(|| Logon::new(out.now)).authenticate = authenticate;
    }

    /// The last response ends a logon, whether SPNEGO says how or not.
    fn finish(&mut self, setup: &Setup<'_>, out: &mut Out<'_>) {
        let Some(logon) = self.open.remove(&setup.session) else { return };
        logon.write(ntlm::accepted(setup.blob), Some(setup.status), out);
    }

    fn tell_server(&mut self, challenge: &Challenge, out: &mut Out<'_>) {
        let host = out.conversation.resp.addr;
        let mut tell = |about, value: Option<&str>| {
            if let Some(value) = value.and_then(|value| readable(value.as_bytes())) {
                self.told.tell(host, None, about, value, out);
            }
        };
        tell(Trait::HostName, challenge.computer.as_deref());
        tell(Trait::Domain, challenge.belongs_to());
        tell_system(&mut self.told, host, challenge.version, out);
    }

    fn tell_client(&mut self, authenticate: &Authenticate, out: &mut Out<'_>) {
        let host = out.conversation.orig.addr;
        if let Some(name) = authenticate.workstation.as_deref().and_then(|name| readable(name.as_bytes())) {
            self.told.tell(host, None, Trait::HostName, name, out);
        }
        tell_system(&mut self.told, host, authenticate.version, out);
    }
}

fn tell_system(told: &mut Told, host: std::net::IpAddr, version: Option<Version>, out: &mut Out<'_>) {
    if let Some(Version { major, minor, build }) = version {
        told.tell(host, None, Trait::Os, &format!("Windows {major}.{minor} build {build}"), out);
    }
}

impl Logon {
    fn new(first: Stamp) -> Self {
        Self { first, challenge: Challenge::default(), authenticate: Authenticate::default() }
    }

    /// Memory that it takes.
    fn held(&self) -> usize {
        size_of::<Self>() + self.challenge.texts() + self.authenticate.texts()
    }

    fn write(&self, success: Option<bool>, status: Option<u32>, out: &mut Out<'_>) {
        let status = status.map(|status| format!("{status:#010x}"));
        let row = Ntlm {
            username: self.authenticate.user.as_deref(),
            hostname: self.authenticate.workstation.as_deref(),
            domainname: self.authenticate.domain.as_deref(),
            server_nb_computer_name: self.challenge.computer.as_deref(),
            server_dns_computer_name: self.challenge.dns_computer.as_deref(),
            server_tree_name: self.challenge.dns_tree.as_deref(),
            success,
            status: status.as_deref(),
        };
        out.put(self.first, &row, None);
    }
}

#[cfg(test)]
mod tests;
