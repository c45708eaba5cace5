use crate::{Block, Effect, EffectId};
use model::Span;
use std::io;

/// A firewall at hand. It forgets what it was given by itself, and everything here may be repeated: the
/// second time changes nothing, except that a repeated [`put`](Firewall::put) starts the time anew.
pub trait Firewall {
    /// Name, as an approver reads it.
    fn name(&self) -> String;

    /// The very text that puts `effects` in force, as it is read before, signed, and applied. Pure.
    fn render(&self, effects: &[Effect]) -> String;

    /// What is in force of all that carries Tieline's mark; what others put there is not told.
    ///
    /// # Errors
    /// When the firewall cannot be read; nothing is known then.
    fn list(&mut self) -> Result<Vec<InForce>, FirewallError>;

    /// Puts all of `effects` in force, or none of them.
    ///
    /// # Errors
    /// When the firewall refuses or does not answer; what is in force is then for [`list`](Firewall::list) to
    /// say.
    fn put(&mut self, effects: &[Effect]) -> Result<(), FirewallError>;

    /// Takes `blocks` back; what is not there is not missed.
    ///
    /// # Errors
    /// When the firewall refuses or does not answer; what is in force is then for [`list`](Firewall::list) to
    /// say.
    fn remove(&mut self, blocks: &[Block]) -> Result<(), FirewallError>;
}

/// Something that is in force.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InForce {
    /// Name of the effect.
    pub id: EffectId,
    /// What is stopped.
    pub block: Block,
    /// How long it stays; none when it would stay for ever, which nothing of ours does.
    pub remaining: Option<Span>,
}

/// Why a firewall could not be asked or told something.
#[derive(Debug, thiserror::Error)]
pub enum FirewallError {
    /// The program that steers it did not start.
    #[error("cannot start {program}")]
    Start {
        /// Program and its first words.
        program: String,
        /// Why not.
        source: io::Error,
    },
    /// It said no.
    #[error("{program} says: {said}")]
    Said {
        /// Program and its first words.
        program: String,
        /// What it said.
        said: String,
    },
    /// It did not answer in time.
    #[error("{program} does not answer within {seconds} s")]
    Silent {
        /// Program and its first words.
        program: String,
        /// How long was waited.
        seconds: u32,
    },
    /// Its answer cannot be understood.
    #[error("{program} answers something else than expected: {what}")]
    Unreadable {
        /// Program and its first words.
        program: String,
        /// What is wrong.
        what: String,
    },
}
