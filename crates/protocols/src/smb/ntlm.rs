//! NTLM messages inside security blobs. MS-NLMP, 2.2.1.

use wire::{Reader, Result};

/// Signature of every message.
const SIGNATURE: &[u8; 8] = b"NTLMSSP\0";

/// Flag: strings are UTF-16, MS-NLMP, 2.2.2.5, A.
const UNICODE: u32 = 0x0000_0001;

/// Flag: the version is given, MS-NLMP, 2.2.2.5, T.
const VERSION: u32 = 0x0200_0000;

/// One of the three messages.
#[derive(Clone, Debug)]
pub(super) enum Message {
    Negotiate,
    Challenge(Challenge),
    Authenticate(Authenticate),
}

/// What a server tells about itself, MS-NLMP, 2.2.1.2.
#[derive(Clone, Debug, Default)]
pub(super) struct Challenge {
    pub(super) computer: Option<String>,
    pub(super) domain: Option<String>,
    pub(super) dns_computer: Option<String>,
    pub(super) dns_domain: Option<String>,
    pub(super) dns_tree: Option<String>,
    pub(super) version: Option<Version>,
}

/// Who logs on, MS-NLMP, 2.2.1.3.
#[derive(Clone, Debug, Default)]
pub(super) struct Authenticate {
    pub(super) user: Option<String>,
    pub(super) domain: Option<String>,
    pub(super) workstation: Option<String>,
    pub(super) version: Option<Version>,
}

/// Version of Windows, MS-NLMP, 2.2.2.10; other systems leave the build 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Version {
    pub(super) major: u8,
    pub(super) minor: u8,
    pub(super) build: u16,
}

impl Message {
    /// Finds a message in a security blob, in which SPNEGO may be wrapped around it; a damaged one is none.
    pub(super) fn find(blob: &[u8]) -> Option<Self> {
        let at = blob.windows(SIGNATURE.len()).position(|window| window == SIGNATURE)?;
        Self::read(blob.get(at..)?).ok()
    }

    fn read(message: &[u8]) -> Result<Self> {
        let mut r = Reader::new(message);
        r.take("signature", SIGNATURE.len())?;
        match r.u32_le("message type")? {
            1 => Ok(Message::Negotiate),
            2 => Challenge::read(message, r).map(Message::Challenge),
            3 => Authenticate::read(message, r).map(Message::Authenticate),
            other => Err(r.invalid("message type", 4, other)),
        }
    }
}

impl Challenge {
    fn read(message: &[u8], mut r: Reader<'_>) -> Result<Self> {
        r.take("target name", 8)?;
        let flags = r.u32_le("flags")?;
        r.take("challenge and reserved", 16)?;
        let mut challenge = Self::default();
        // Servers older than Windows 2000 end here.
        let Ok(pairs) = field(message, &mut r) else { return Ok(challenge) };
        challenge.version = version(&mut r, flags);
        challenge.pairs(Reader::new(pairs))?;
        Ok(challenge)
    }

    /// MS-NLMP, 2.2.2.1: attribute, length, value; always UTF-16.
    fn pairs(&mut self, mut r: Reader<'_>) -> Result<()> {
        while !r.is_empty() {
            let attribute = r.u16_le("attribute")?;
            let length = r.u16_le("attribute length")?;
            let value = r.take("attribute value", length.into())?;
            let place = match attribute {
                0 => return Ok(()),
                1 => &mut self.computer,
                2 => &mut self.domain,
                3 => &mut self.dns_computer,
                4 => &mut self.dns_domain,
                5 => &mut self.dns_tree,
                _ => continue,
            };
            *place = text(value, UNICODE);
        }
        Ok(())
    }

    /// Bytes of all texts.
    pub(super) fn texts(&self) -> usize {
        let Self { computer, domain, dns_computer, dns_domain, dns_tree, version: _ } = self;
        [computer, domain, dns_computer, dns_domain, dns_tree].into_iter().flatten().map(String::len).sum()
    }

    /// The domain of the computer; one that belongs to none names itself instead.
    pub(super) fn belongs_to(&self) -> Option<&str> {
        let dns = self.dns_domain.as_deref().filter(|domain| domain.contains('.'));
        dns.or(self.domain.as_deref().filter(|_| self.domain != self.computer))
    }
}

impl Authenticate {
    /// Bytes of all texts.
    pub(super) fn texts(&self) -> usize {
        let Self { user, domain, workstation, version: _ } = self;
        [user, domain, workstation].into_iter().flatten().map(String::len).sum()
    }

    fn read(message: &[u8], mut r: Reader<'_>) -> Result<Self> {
        r.take("responses", 16)?;
        let domain = field(message, &mut r)?;
        let user = field(message, &mut r)?;
        let workstation = field(message, &mut r)?;
        r.take("session key", 8)?;
        let flags = r.u32_le("flags")?;
        Ok(Self {
            domain: text(domain, flags),
            user: text(user, flags),
            workstation: text(workstation, flags),
            version: version(&mut r, flags),
        })
    }
}

/// Length, allocated length and offset of a field of `message`, and what stands there.
fn field<'a>(message: &'a [u8], r: &mut Reader<'_>) -> Result<&'a [u8]> {
    let length = r.u16_le("field length")?;
    r.u16_le("allocated length")?;
    let offset = usize::try_from(r.u32_le("field offset")?).unwrap_or(usize::MAX);
    let mut at = Reader::new(message);
    at.take("payload", offset)?;
    at.take("field", length.into())
}

fn version(r: &mut Reader<'_>, flags: u32) -> Option<Version> {
    if flags & VERSION == 0 {
        return None;
    }
    let [major, minor, low, high, ..] = r.bytes::<8>("version").ok()?;
    let version = Version { major, minor, build: u16::from_le_bytes([low, high]) };
    (version.build != 0).then_some(version)
}

fn text(bytes: &[u8], flags: u32) -> Option<String> {
    if bytes.is_empty() {
        return None;
    }
    if flags & UNICODE == 0 {
        return Some(String::from_utf8_lossy(bytes).into_owned());
    }
    let units = bytes.as_chunks().0.iter().map(|unit| u16::from_le_bytes(*unit));
    Some(char::decode_utf16(units).map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER)).collect())
}

/// Whether the server accepted, as the state of a SPNEGO response has it (RFC 4178, 4.2.2); nothing while it goes on.
pub(super) fn accepted(blob: &[u8]) -> Option<bool> {
    let mut r = inside(Reader::new(blob), 0xa1)?;
    r = inside(r, 0x30)?;
    r = inside(r, 0xa0)?;
    match inside(r, 0x0a)?.rest() {
        [0] => Some(true),
        [2] => Some(false),
        _ => None,
    }
}

/// What is inside the tag, ITU-T X.690, 8.1.3.
fn inside<'a>(mut r: Reader<'a>, tag: u8) -> Option<Reader<'a>> {
    if r.u8("tag").ok()? != tag {
        return None;
    }
    let length = match r.u8("length").ok()? {
        short @ 0..=0x7f => usize::from(short),
        0x81 => usize::from(r.u8("length").ok()?),
        0x82 => usize::from(r.u16_be("length").ok()?),
        _ => return None,
    };
    r.sub("content", length).ok()
}
