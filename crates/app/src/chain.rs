//! The module of the chain's own facts: what genesis fixed, the limits of a block, the last block and the seed.

use std::sync::Arc;

use ledger::{BlockInfo, Chain};
use primitives::{Address, Prefix};
use proto::{Message, Timestamp};
use store::{Error, Item, Module, Reader, State};

/// The tree of this module.
pub const MODULE: Module = Module("chain");

/// What genesis fixed.
const FACTS: Item<StoredFacts> = Item::new(MODULE, 1);
/// The last executed block.
const LAST: Item<StoredBlock> = Item::new(MODULE, 2);

/// Limits of a block (docs/protocol.md, "Limits").
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    /// Bytes of an encoded block. At most 1 MiB, so that five fit one sync response.
    pub max_block_bytes: u64,
    /// Gas of all transactions of a block.
    pub max_block_gas: u64,
    /// Bytes of one transaction.
    pub max_tx_bytes: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self { max_block_bytes: 1 << 20, max_block_gas: 100_000_000, max_tx_bytes: 256 << 10 }
    }
}

#[derive(Clone, PartialEq, Message)]
struct StoredFacts {
    #[prost(string, tag = "1")]
    chain_id: String,
    #[prost(string, tag = "2")]
    prefix: String,
    #[prost(uint64, tag = "3")]
    block_interval_ms: u64,
    #[prost(bytes = "vec", tag = "4")]
    authority: Vec<u8>,
    #[prost(uint64, tag = "5")]
    max_block_bytes: u64,
    #[prost(uint64, tag = "6")]
    max_block_gas: u64,
    #[prost(uint64, tag = "7")]
    max_tx_bytes: u64,
    #[prost(bool, tag = "8")]
    classic: bool,
    #[prost(bool, tag = "9")]
    dev: bool,
}

#[derive(Clone, PartialEq, Message)]
struct StoredBlock {
    #[prost(uint64, tag = "1")]
    height: u64,
    #[prost(message, optional, tag = "2")]
    time: Option<Timestamp>,
    #[prost(bytes = "vec", tag = "3")]
    next_seed: Vec<u8>,
}

pub(crate) fn set_facts(state: &mut State, chain: &Chain, limits: &Limits) {
    let facts = StoredFacts {
        chain_id: chain.id.clone(),
        prefix: chain.prefix.as_str().to_owned(),
        block_interval_ms: chain.block_interval_ms,
        authority: chain.authority.as_bytes().to_vec(),
        max_block_bytes: limits.max_block_bytes,
        max_block_gas: limits.max_block_gas,
        max_tx_bytes: limits.max_tx_bytes,
        classic: chain.classic,
        dev: chain.dev,
    };
    FACTS.set(state, &facts);
}

pub(crate) fn set_last(state: &mut State, height: u64, time: Timestamp, next_seed: [u8; 32]) {
    LAST.set(state, &StoredBlock { height, time: Some(time), next_seed: next_seed.to_vec() });
}

fn missing(what: &str) -> Error {
    Error::Backend(format!("the state holds no {what}: was genesis imported?"))
}

fn corrupt(why: impl ToString) -> Error {
    Error::Corrupt { module: MODULE.0, key: String::new(), why: why.to_string() }
}

/// The chain's facts, as genesis fixed them.
///
/// # Errors
/// When the state holds none, or they are corrupt.
pub fn facts(reader: &Arc<dyn Reader>) -> store::Result<Chain> {
    let stored = FACTS.get(&State::new(reader.clone()))?.ok_or_else(|| missing("chain facts"))?;
    Ok(Chain {
        id: stored.chain_id,
        prefix: Prefix::new(&stored.prefix).map_err(corrupt)?,
        block_interval_ms: stored.block_interval_ms,
        authority: Address::try_from(stored.authority.as_slice()).map_err(corrupt)?,
        classic: stored.classic,
        dev: stored.dev,
    })
}

/// The limits of a block.
///
/// # Errors
/// When the state holds none.
pub fn limits(reader: &Arc<dyn Reader>) -> store::Result<Limits> {
    let stored = FACTS.get(&State::new(reader.clone()))?.ok_or_else(|| missing("limits"))?;
    Ok(Limits {
        max_block_bytes: stored.max_block_bytes,
        max_block_gas: stored.max_block_gas,
        max_tx_bytes: stored.max_tx_bytes,
    })
}

/// The last executed block, with the seed of the height after it. Genesis counts as block 0.
///
/// # Errors
/// When the state holds none, or it is corrupt.
pub fn last(reader: &Arc<dyn Reader>) -> store::Result<BlockInfo> {
    let stored = LAST.get(&State::new(reader.clone()))?.ok_or_else(|| missing("last block"))?;
    let seed = stored.next_seed.as_slice().try_into().map_err(|_| corrupt("a seed has 32 bytes"))?;
    Ok(BlockInfo { height: stored.height, time: stored.time.unwrap_or_default(), seed })
}
