//! Transactions: bytes into a [`SignedTx`], and the signature checks that it needs as data.
//!
//! A transaction is Cosmos `TxRaw`. Its bytes are canonical: what decodes must encode to the very same bytes, at
//! each of the three layers (raw, body, auth info) and in each message, so that there is one encoding of a
//! transaction, no unknown field is ignored, and a third party cannot change its hash (ADR-027).

mod amino;
mod decode;
mod signature;

pub use decode::{SignForm, SignedTx};
pub use signature::{SignatureCheck, Verdicts};

use sha2::{Digest, Sha256};

/// SHA-256 of a transaction's bytes.
pub type TxHash = [u8; 32];

/// The hash of a transaction.
pub fn hash(bytes: &[u8]) -> TxHash {
    Sha256::digest(bytes).into()
}
