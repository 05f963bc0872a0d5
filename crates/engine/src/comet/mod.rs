//! CometBFT's blocks, byte for byte: what wallets, explorers and light clients verify.
//!
//! | module | what it holds |
//! |---|---|
//! | [`block_ref`] | [`BlockRef`]: what validators vote on |
//! | [`hashes`] | every Merkle root and hash that a header carries |
//! | [`header`] | [`HeaderFields`] to header, and the name of the first field that differs |
//! | [`block`] | blocks to bytes and back, only in their one canonical form |
//! | [`commit`] | certificates to commits, and the verification of a last commit |
//! | [`sign_bytes`] | the canonical bytes that a vote signs |
//! | [`light`] | validator sets as light clients see them |
//!
//! Everything here is pure: no clock, no I/O. Sources: CometBFT v0.38 `types/` and
//! `spec/core/data_structures.md`; `spec/engine.md` section 4.

pub mod block;
pub mod block_ref;
pub mod commit;
pub mod hashes;
pub mod header;
pub mod light;
pub mod sign_bytes;

pub use block::{assemble, decode_block, encode_block};
pub use block_ref::{BlockRef, PART_SIZE};
pub use commit::{Certificate, CommitError, verify_commit};
pub use hashes::TxOutcome;
pub use header::{HeaderFields, first_mismatch};
pub use light::light_set;
pub use tendermint::block::{Block, Commit, CommitSig, Header, Id as BlockId};
pub use tendermint::chain::Id as ChainId;
pub use tendermint::evidence::List as EvidenceList;
pub use tendermint::{Hash, Time};

/// Why bytes or fields do not make a block.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CometError {
    /// The bytes are no protobuf of the expected message, or a field holds an impossible value.
    #[error("malformed {what}: {reason}; the sender is faulty, or the store is damaged")]
    Malformed {
        /// The message or field.
        what: &'static str,
        /// What is wrong with it.
        reason: String,
    },
    /// The same block could be written otherwise, so that its hash would not be unique.
    #[error("block is not in canonical encoding; it was not made by this software, refuse it")]
    NotCanonical,
}

impl CometError {
    pub(crate) fn malformed(what: &'static str, reason: impl ToString) -> Self {
        Self::Malformed { what, reason: reason.to_string() }
    }
}
