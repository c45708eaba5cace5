//! Who may say yes, and how it is known that they did.

use crate::stored::hex;
use crate::{Refusal, RunId};
use p256::ecdsa::signature::{Signer as _, Verifier as _};
use p256::ecdsa::{Signature, SigningKey, VerifyingKey};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::fmt;

/// Whose interest a person stands for. A block that touches the process needs one voice of each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Security and networks.
    It,
    /// The plant: has authority over the process.
    Ot,
}

impl Role {
    /// `it` or `ot`.
    pub fn name(self) -> &'static str {
        match self {
            Role::It => "it",
            Role::Ot => "ot",
        }
    }

    /// The role of this name.
    pub fn named(name: &str) -> Option<Self> {
        [Role::It, Role::Ot].into_iter().find(|role| role.name() == name)
    }
}

/// An approval as it is given.
#[derive(Clone, Debug)]
pub struct Approval {
    /// Who gives it.
    pub who: String,
    /// In which role.
    pub role: Role,
    /// Name of the asset, typed by hand: a click too many is no approval.
    pub asset: String,
    /// ECDSA on P-256 with SHA-256 over [`Run::to_sign`](crate::Run::to_sign): `r` and `s`, 32 bytes each, as
    /// WebCrypto gives them.
    pub signature: [u8; 64],
    /// Given by a script, for a demonstration; shown wherever the approval is shown.
    pub by_script: bool,
}

/// Public key of a person: an uncompressed point of P-256 (SEC 1, 2.3.3).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Key(#[serde(with = "hex")] [u8; 65]);

impl Key {
    /// From the 65 bytes that WebCrypto exports as `raw`.
    ///
    /// # Errors
    /// [`Refusal::BadKey`] when they are not an uncompressed point on the curve.
    pub fn new(sec1: &[u8]) -> Result<Self, Refusal> {
        let bytes: [u8; 65] = sec1.try_into().map_err(|_| Refusal::BadKey)?;
        VerifyingKey::from_sec1_bytes(sec1).map_err(|_| Refusal::BadKey)?;
        Ok(Self(bytes))
    }

    /// The 65 bytes.
    pub fn bytes(&self) -> &[u8; 65] {
        &self.0
    }

    /// Whether `signature` is of the owner of this key over `message`.
    pub fn verifies(&self, message: &[u8], signature: &[u8; 64]) -> bool {
        let Ok(key) = VerifyingKey::from_sec1_bytes(&self.0) else { return false };
        let Ok(signature) = Signature::from_slice(signature) else { return false };
        key.verify(message, &signature).is_ok()
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::text(&self.0))
    }
}

/// A key pair made from a seed, for scripts and tests. People sign with keys that never leave their browser.
pub struct Signer(SigningKey);

impl Signer {
    /// The pair that belongs to `seed`; the same seed gives the same pair.
    pub fn new(seed: &[u8]) -> Self {
        let mut scalar = Sha256::digest(seed);
        loop {
            // Of 2^256 digests fewer than 2^225 are no valid scalar; the next one is.
            match SigningKey::from_bytes(&scalar) {
                Ok(key) => return Self(key),
                Err(_) => scalar = Sha256::digest(scalar),
            }
        }
    }

    /// The public half.
    pub fn key(&self) -> Key {
        let point = self.0.verifying_key().to_encoded_point(false);
        // An uncompressed point of P-256 has 65 bytes.
        Key(point.as_bytes().try_into().unwrap_or([0; 65]))
    }

    /// Signs `message`.
    pub fn sign(&self, message: &[u8]) -> [u8; 64] {
        let signature: Signature = self.0.sign(message);
        signature.to_bytes().into()
    }
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Signer")
    }
}

/// What an approver signs, in JSON with exactly these fields in this order and no space between.
#[derive(Serialize)]
pub(crate) struct ToSign<'a> {
    /// Says what kind of text it is, so that a signature cannot be used for another kind.
    pub(crate) tieline: &'static str,
    pub(crate) run: RunId,
    pub(crate) incident: &'a str,
    pub(crate) playbook: &'a str,
    pub(crate) version: &'a str,
    #[serde(with = "hex")]
    pub(crate) digest: [u8; 32],
    pub(crate) asset: &'a str,
    pub(crate) firewall: &'a str,
    pub(crate) rule: &'a str,
    #[serde(with = "hex")]
    pub(crate) guard: [u8; 32],
    pub(crate) ttl_s: u32,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_is_of_one_key_over_one_text() {
        let (anna, bert) = (Signer::new(b"anna"), Signer::new(b"bert"));
        let signature = anna.sign(b"stop it");
        assert!(anna.key().verifies(b"stop it", &signature));
        assert!(!anna.key().verifies(b"stop it!", &signature));
        assert!(!bert.key().verifies(b"stop it", &signature));
        arbtest::arbtest(|u| {
            let (place, bit) = (u.choose_index(64)?, u.int_in_range(0..=7)?);
            let mut other = signature;
            other[place] ^= 1 << bit;
            assert!(!anna.key().verifies(b"stop it", &other));
            assert!(!anna.key().verifies(b"stop it", &u.arbitrary()?));
            Ok(())
        });
    }

    #[test]
    fn a_key_is_a_point_on_the_curve() {
        let key = Signer::new(b"anna").key();
        assert_eq!(Key::new(key.bytes()), Ok(key));
        let mut off = *key.bytes();
        off[64] ^= 1;
        assert_eq!(Key::new(&off), Err(Refusal::BadKey));
        assert_eq!(Key::new(&[4; 64]), Err(Refusal::BadKey));
        let stored = serde_json::to_string(&key).unwrap();
        assert_eq!(serde_json::from_str::<Key>(&stored).unwrap(), key);
    }

    #[test]
    fn the_half_of_a_signature_that_a_browser_leaves_high_is_accepted() {
        // WebCrypto does not bring `s` into the lower half, as some libraries do.
        let signer = Signer::new(b"anna");
        let signature = Signature::from_slice(&signer.sign(b"stop it")).unwrap();
        let (r, s) = signature.split_scalars();
        let other = Signature::from_scalars(*r, -*s).unwrap();
        assert!(signer.key().verifies(b"stop it", &other.to_bytes().into()));
    }
}
