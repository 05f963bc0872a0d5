//! The transaction pool of a node: what waits to be proposed, kept over a crash, shared with peers.
//!
//! The pool knows bytes, senders, sequences and priorities, and nothing of what a transaction means: the node
//! gives a [`CheckTx`] that decodes and judges. The way of a transaction here:
//!
//! ```text
//! submit (rpc) ─┐                       ┌─> journal (survives kill -9)
//!               ├─> size, known? ─> CheckTx ─> pool ─> reap ─> proposal
//! gossip ───────┘                       └─> gossip (only what CheckTx accepted goes further)
//! ```
//!
//! | module | what it holds |
//! |---|---|
//! | [`check`] | the judgement that the node supplies: [`CheckTx`], [`Checked`], [`Rejection`] |
//! | [`pool`] | [`Pool`]: order, limits, replacement, eviction; no I/O, no clock |
//! | [`recent`] | hashes of committed transactions, so that none is accepted twice |
//! | [`file`](mod@file) | [`Journal`]: the persistent format and its recovery |
//! | [`gossip`] | a libp2p node of its own: gossipsub with validation before propagation |
//! | [`service`] | [`Mempool`]: the three tied together, what a node uses |
//!
//! What is absent on purpose: peer discovery (every node lists its persistent peers), and any rule of fees or
//! sequences beyond order (those are `CheckTx`'s).

#![deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::unreachable)]

pub mod check;
pub mod file;
pub mod gossip;
pub mod pool;
pub mod recent;
pub mod service;

pub use check::{CheckKind, CheckTx, Checked, Fault, Rejection};
pub use file::{Journal, JournalError};
pub use gossip::{Gossip, GossipConfig, GossipError, GossipHandle};
pub use pool::{Entry, Limits, Pool, PoolError};
pub use service::{Accepted, Config, Mempool, OpenError, Stats, SubmitError, Totals, Updated};

/// Hash of a transaction: SHA-256 of its raw bytes, as CometBFT names transactions.
pub type TxHash = [u8; 32];

/// The hash by which a transaction with these raw bytes is known.
pub fn tx_hash(raw: &[u8]) -> TxHash {
    use sha2::Digest;
    sha2::Sha256::digest(raw).into()
}
