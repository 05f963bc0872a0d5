//! What a node keeps on disk.
//!
//! A [`Database`] is one directory (or memory) with named parts; each part is a [`store::Backend`]. Everything here, and
//! the state itself, stands on parts, so it works alike on fjall (the default), redb and memory.
//!
//! | module | what it holds | part | format |
//! |---|---|---|---|
//! | [`database`] | directories, engines, parts | | |
//! | [`fjall`], [`redb`] | the two engines on disk | | |
//! | [`blocks`] | [`BlockStore`]: blocks, commits, validator sets, results by height | [`parts::CHAIN`] | `tetra chain 1` |
//! | [`index`] | [`TxIndex`]: transactions by hash and by event | [`parts::CHAIN`] | `tetra chain 1` |
//! | [`undecided`] | [`UndecidedStore`]: proposals before their decision | [`parts::UNDECIDED`] | `tetra undecided 1` |
//! | (`store`) | `StateStore` | [`parts::STATE`] | `tetra state 1` |
//!
//! # Order of writes
//!
//! Every write here is durable when it returns. For a decided block of height `h` the node writes, in this order:
//!
//! 1. before any reply to the engine: each proposal in [`UndecidedStore`];
//! 2. block, commit and validator set ([`BlockStore::stage_block`]), and, when the block was executed already, results
//!    and index ([`BlockStore::stage_results`], [`TxIndex::stage`]) in one batch of the chain part;
//! 3. the state after `h` (`StateStore::commit`);
//! 4. pruning: undecided proposals up to `h`, old blocks.
//!
//! After a crash the block store is therefore never behind the state. At start the node executes again every block from
//! the state's height + 1 to [`BlockStore::tip`]; execution is deterministic and every write here may be repeated.

#![deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::unreachable)]

pub mod blocks;
pub mod database;
pub mod fjall;
pub mod index;
mod layout;
pub mod redb;
pub mod undecided;

pub use blocks::{BlockStore, StoredBlock};
pub use database::{Database, Engine, parts};
pub use index::{Event, Found, IndexedTx, Order, Query, TxIndex};
pub use undecided::{Proposal, UndecidedStore};

use std::path::PathBuf;

use thiserror::Error;

/// Why something could not be kept or found on disk.
#[derive(Debug, Error)]
pub enum Error {
    /// The directory cannot be used.
    #[error("cannot use database directory {path}: {why}")]
    Directory {
        /// Which directory.
        path: PathBuf,
        /// What is wrong and what to do.
        why: String,
    },
    /// A name that is no engine's.
    #[error("there is no storage engine \"{0}\"; choose fjall or redb")]
    UnknownEngine(String),
    /// The storage failed, or holds another format.
    #[error(transparent)]
    Storage(#[from] store::Error),
    /// A stored record does not decode.
    #[error("{what} at height {height} is corrupt; remove this directory and sync again")]
    Corrupt {
        /// Which record.
        what: &'static str,
        /// Of which height.
        height: u64,
    },
    /// A block does not follow the last one.
    #[error("block {given} cannot be stored: the next height is {expected}")]
    OutOfOrder {
        /// The height that must come next.
        expected: u64,
        /// The height that came.
        given: u64,
    },
    /// Results for a block that is not stored.
    #[error("there is no block {0} to store results for")]
    NoBlock(u64),
}

/// Result of reading or writing what a node keeps.
pub type Result<T, E = Error> = std::result::Result<T, E>;
