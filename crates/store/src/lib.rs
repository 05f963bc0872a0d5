//! State of the machine.
//!
//! State is an ordered map of bytes per [`Module`]. A block works on a [`State`]: an overlay over a [`Reader`], with
//! nested layers that are applied or discarded as a transaction succeeds or fails. What the block wrote comes out as
//! a [`WriteSet`].
//!
//! | module | what it holds |
//! |---|---|
//! | [`state`], `merge` | [`State`], [`Reader`], [`WriteSet`]: the overlay; its layers as one |
//! | [`collections`] | [`Map`] and [`Item`]: typed collections, whose declaration is the key layout |
//! | [`codec`] | order-preserving keys, values that are never empty |
//! | [`backend`], [`memory`] | what the state stands on: raw ordered bytes; the backend in memory |
//! | [`tree`] | the commitment: one Merkle tree per module; the hash layout |
//! | [`multistore`] | the `app_hash` over the roots of all modules |
//! | [`proof`] | ICS-23 proofs that a key is, or is not, under an `app_hash` |
//! | [`versions`] | [`StateStore`]: committed state, height by height |
//!
//! There is no clock, no thread and no I/O in this crate: bytes come and go through [`Reader`] and the backend trait.

// The rules of the deterministic floors; types and methods that are refused stand in clippy.toml.
#![deny(clippy::disallowed_types, clippy::disallowed_methods, clippy::float_arithmetic)]
#![deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::unreachable)]
#![deny(clippy::indexing_slicing, clippy::string_slice, clippy::print_stdout, clippy::print_stderr)]

pub mod backend;
pub mod codec;
pub mod collections;
mod layout;
pub mod memory;
mod merge;
pub mod multistore;
pub mod proof;
pub mod state;
pub mod tree;
pub mod versions;

pub use backend::{Backend, Batch, View};
pub use codec::{Amount, Key, Value};
pub use collections::{Item, Map, Page, PageQuery};
pub use memory::Memory;
pub use proof::StateProof;
pub use state::{Direction, Empty, Reader, State, Work, WriteSet};
pub use tree::Hash;
pub use versions::{Config, StateStore};

use thiserror::Error;

/// The name of a module's part of the state, and of its tree under the `app_hash`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Module(pub &'static str);

/// A failure of the state itself. No transaction can cause one, and none can go on after one: the node stops.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Error {
    /// The backend could not read or write.
    #[error("state backend: {0}")]
    Backend(String),
    /// Stored bytes do not decode as the type that was declared for them.
    #[error("state of module {module} is corrupt at key {key}: {why}")]
    Corrupt {
        /// Whose state.
        module: &'static str,
        /// The key in hex.
        key: String,
        /// What is wrong.
        why: String,
    },
    /// The storage holds something else, or another version of it.
    #[error(
        "this storage holds \"{found}\", not \"{expected}\": it was written by another program or version; use the \
         program that wrote it, or start from an empty directory and sync"
    )]
    Format {
        /// What this program writes.
        expected: &'static str,
        /// What was found.
        found: String,
    },
    /// The state at this height is not kept.
    #[error("the state at height {height} is not available; available are heights {first} to {last}")]
    Unavailable {
        /// What was asked for.
        height: u64,
        /// The oldest height that can be asked for.
        first: u64,
        /// The newest one.
        last: u64,
    },
    /// Nothing was committed yet.
    #[error("the state is empty: genesis was not committed yet")]
    NoState,
    /// A commit does not follow the last one.
    #[error("height {given} cannot be committed: the next height is {expected}")]
    OutOfOrder {
        /// The height that must come next.
        expected: u64,
        /// The height that came.
        given: u64,
    },
    /// A module that the state was not opened with.
    #[error("the state has no module \"{0}\"; it was opened without it")]
    UnknownModule(String),
    /// A write that no state may hold.
    #[error("a write of module {module} is invalid: {why}")]
    InvalidWrite {
        /// Whose.
        module: &'static str,
        /// What is wrong.
        why: &'static str,
    },
}

impl Error {
    pub(crate) fn corrupt(module: Module, key: &[u8], why: &str) -> Self {
        let key = key.iter().map(|byte| format!("{byte:02x}")).collect();
        Self::Corrupt { module: module.0, key, why: why.to_owned() }
    }
}

/// Result of reading or writing state.
pub type Result<T, E = Error> = std::result::Result<T, E>;
