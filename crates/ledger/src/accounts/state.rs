//! What is stored of accounts.

use primitives::Address;
use store::{Item, Map};

use super::MODULE;

/// An account; its address is its key.
#[derive(Clone, PartialEq, prost::Message)]
pub struct StoredAccount {
    /// The key that it signs with, known from its first transaction on.
    #[prost(message, optional, tag = "1")]
    pub public_key: Option<proto::Any>,
    /// Given once in order of birth.
    #[prost(uint64, tag = "2")]
    pub number: u64,
    /// How many transactions it sent.
    #[prost(uint64, tag = "3")]
    pub sequence: u64,
}

/// Limits of transactions, [`super::Params`].
#[derive(Clone, PartialEq, prost::Message)]
pub struct StoredParams {
    /// Characters of a memo at most.
    #[prost(uint64, tag = "1")]
    pub max_memo_characters: u64,
    /// Signatures of a transaction at most.
    #[prost(uint64, tag = "2")]
    pub tx_sig_limit: u64,
}

/// Accounts by address.
pub const ACCOUNTS: Map<Address, StoredAccount> = Map::new(MODULE, 1);
/// The number of the next account; absent before the first.
pub const NEXT_NUMBER: Item<u64> = Item::new(MODULE, 2);
/// Parameters; absent only before genesis.
pub const PARAMS: Item<StoredParams> = Item::new(MODULE, 3);
