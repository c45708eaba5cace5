//! From the frame to the security blobs of session set-up.

use crate::Guess;
use wire::{Error, Reader, Result};

/// A request or response of session set-up.
#[derive(Clone, Copy, Debug)]
pub(super) struct Setup<'a> {
    /// Identifier of the session, which the server gives in its first response.
    pub(super) session: u64,
    /// Status of a response, MS-ERREF 2.3.1.
    pub(super) status: u32,
    /// SPNEGO or bare NTLM; empty when there is none.
    pub(super) blob: &'a [u8],
}

/// Commands chained into one message that are looked at.
const COMMANDS_MAX: usize = 16;

/// Looks at a frame: a session message with one of the four signatures of MS-SMB2, 2.2.1, 2.2.41 and 2.2.42.
pub(super) fn recognise(bytes: &[u8]) -> Guess {
    match bytes {
        [0, _, _, _, magic, b'S', b'M', b'B', ..] if *magic >= 0xfc => Guess::Sure,
        // RFC 1002, 4.3.2: two encoded names of 34 bytes.
        [0x81, 0, 0, 68, ..] => Guess::Maybe,
        [0x82..=0x85, 0, 0, 0..=6, ..] => Guess::Maybe,
        [0 | 0x81..=0x85, ..] | [] if bytes.len() < 8 => Guess::NeedMore,
        _ => Guess::No,
    }
}

/// What a session message carries, RFC 1002, 4.3.6; nothing for the other frames.
pub(super) fn session_message(frame: &[u8]) -> Option<&[u8]> {
    match frame {
        [0, _, _, _, message @ ..] if !message.is_empty() => Some(message),
        _ => None,
    }
}

/// The session set-ups in a message.
///
/// # Errors
/// When it is not SMB, or a header or set-up is cut short.
pub(super) fn setups(message: &[u8]) -> Result<Vec<Setup<'_>>> {
    match message {
        [0xff, b'S', b'M', b'B', ..] => Ok(setup_v1(message)?.into_iter().collect()),
        [0xfe, b'S', b'M', b'B', ..] => setups_v2(message),
        // Encrypted and compressed.
        [0xfd | 0xfc, b'S', b'M', b'B', ..] => Ok(Vec::new()),
        [first, ..] => Err(Error::Invalid { field: "signature", offset: 0, value: u64::from(*first) }),
        [] => Ok(Vec::new()),
    }
}

/// MS-CIFS, 2.2.3.1: header; MS-SMB, 2.2.4.6: SESSION_SETUP_ANDX with extended security.
fn setup_v1(message: &[u8]) -> Result<Option<Setup<'_>>> {
    const SESSION_SETUP_ANDX: u8 = 0x73;
    const REPLY: u8 = 0x80;
    let mut r = Reader::new(message);
    r.take("signature", 4)?;
    let command = r.u8("command")?;
    let status = r.u32_le("status")?;
    let flags = r.u8("flags")?;
    r.take("flags 2 to process", 18)?;
    let session = u64::from(r.u16_le("user")?);
    r.u16_le("multiplex")?;
    let words = r.u8("word count")?;
    let response = flags & REPLY != 0;
    if command != SESSION_SETUP_ANDX {
        return Ok(None);
    }
    let mut words_r = r.sub("words", usize::from(words) * 2)?;
    let blob = match (response, words) {
        (false, 12) => {
            words_r.take("AndX to session key", 14)?;
            blob_v1(&mut words_r, r)?
        }
        (true, 4) => {
            words_r.take("AndX and action", 6)?;
            blob_v1(&mut words_r, r)?
        }
        _ => &[],
    };
    Ok(Some(Setup { session, status, blob }))
}

/// The blob stands first among the bytes behind the words.
fn blob_v1<'a>(words: &mut Reader<'a>, mut bytes: Reader<'a>) -> Result<&'a [u8]> {
    let length = words.u16_le("security blob length")?;
    bytes.u16_le("byte count")?;
    bytes.take("security blob", length.into())
}

/// MS-SMB2, 2.2.1.2: header, and 3.2.4.1.4: commands chained by the offset of the next.
fn setups_v2(message: &[u8]) -> Result<Vec<Setup<'_>>> {
    let mut setups = Vec::new();
    let mut rest = message;
    for _ in 0..COMMANDS_MAX {
        let (setup, next) = setup_v2(rest)?;
        setups.extend(setup);
        match rest.get(next..) {
            Some(following) if next != 0 && !following.is_empty() => rest = following,
            _ => break,
        }
    }
    Ok(setups)
}

/// A set-up, if it is one, and the offset of the next command, 0 at the last.
fn setup_v2(command: &[u8]) -> Result<(Option<Setup<'_>>, usize)> {
    const SESSION_SETUP: u16 = 1;
    const SERVER_TO_REDIR: u32 = 1;
    let mut r = Reader::new(command);
    r.take("signature to credit charge", 8)?;
    let status = r.u32_le("status")?;
    let code = r.u16_le("command")?;
    r.u16_le("credits")?;
    let flags = r.u32_le("flags")?;
    let next = usize::try_from(r.u32_le("next command")?).unwrap_or(usize::MAX);
    r.take("message and tree", 16)?;
    let session = r.u64_le("session")?;
    r.take("signature", 16)?;
    if code != SESSION_SETUP {
        return Ok((None, next));
    }
    // 2.2.5 and 2.2.6; an error response (2.2.2) has a structure size of 9, too, and no blob.
    r.take("structure size to channel", if flags & SERVER_TO_REDIR == 0 { 12 } else { 4 })?;
    let offset = r.u16_le("security buffer offset")?;
    let length = r.u16_le("security buffer length")?;
    let end = usize::from(offset) + usize::from(length);
    let blob = command.get(usize::from(offset)..end).unwrap_or_default();
    Ok((Some(Setup { session, status, blob }), next))
}
