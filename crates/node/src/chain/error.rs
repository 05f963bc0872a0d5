//! Why a chain cannot be read or go on.

use app::block::Halt;
use engine::comet::CometError;
use thiserror::Error;

use crate::home::HomeError;
use crate::records::RecordError;

/// Why the chain cannot be read or go on.
#[derive(Debug, Error)]
pub enum ChainError {
    /// The node's folder.
    #[error(transparent)]
    Home(#[from] HomeError),
    /// The storage.
    #[error(transparent)]
    Disk(#[from] disk::Error),
    /// The state.
    #[error(transparent)]
    State(#[from] store::Error),
    /// A damaged record.
    #[error(transparent)]
    Record(#[from] RecordError),
    /// A block that is no CometBFT block.
    #[error(transparent)]
    Comet(#[from] CometError),
    /// The machine stopped.
    #[error(transparent)]
    Halt(#[from] Halt),
    /// A genesis document that cannot start this chain.
    #[error(transparent)]
    Genesis(#[from] app::genesis::GenesisError),
    /// A validator of genesis.json whose key is none.
    #[error("genesis.json: the validator key {0:?} is not 32 bytes in hex; restore the file that the chain began with")]
    GenesisKey(String),
    /// The stored chain began with another genesis document.
    #[error("the stored chain {stored:?} is not the chain {given:?} of genesis.json: use another folder")]
    OtherChain {
        /// In the store.
        stored: String,
        /// In genesis.json.
        given: String,
    },
    /// Something that must be stored is not.
    #[error("the store lacks the {what} of height {height}: it is damaged, restore it from another node")]
    Missing {
        /// What is missing.
        what: &'static str,
        /// Where.
        height: u64,
    },
    /// A stored block that does not follow from the state before it.
    #[error(
        "stored block {height} cannot be executed: its {what} is not what this node computes; run `tetra node verify`"
    )]
    Differs {
        /// Which block.
        height: u64,
        /// The part of its header.
        what: &'static str,
    },
    /// The node stopped itself earlier.
    #[error("this node halted at height {height}: {why}; run `tetra node verify`, which lifts the halt if all is well")]
    Halted {
        /// The block.
        height: u64,
        /// What was found.
        why: String,
    },
}
