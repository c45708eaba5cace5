//! How an entry is chained to the one before.

use sha2::{Digest, Sha256};

/// What the first entry follows.
pub(super) const ORIGIN: [u8; 32] = [0; 32];

/// What of an entry is chained: all of it.
pub(super) struct Link<'a> {
    pub(super) number: u64,
    pub(super) at: i64,
    pub(super) who: &'a str,
    pub(super) kind: &'a str,
    pub(super) payload: &'a str,
}

impl Link<'_> {
    /// SHA-256 over the kind of text, the entry before, the numbers (big endian), and each text with its
    /// length in front, so that no two entries have the same bytes.
    pub(super) fn hash(&self, prev: &[u8; 32]) -> [u8; 32] {
        let mut hash = Sha256::new_with_prefix(b"tieline ledger 1\n");
        hash.update(prev);
        hash.update(self.number.to_be_bytes());
        hash.update(self.at.to_be_bytes());
        for text in [self.who, self.kind, self.payload] {
            hash.update(u64::try_from(text.len()).unwrap_or(u64::MAX).to_be_bytes());
            hash.update(text);
        }
        hash.finalize().into()
    }
}
