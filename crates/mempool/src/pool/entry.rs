//! What waits in the pool, its limits, and why something may not enter.

use bytes::Bytes;

use crate::TxHash;

/// How much a pool holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Largest raw size of one transaction, in bytes.
    pub max_tx_bytes: usize,
    /// Most transactions in the pool.
    pub max_txs: usize,
    /// Most raw bytes in the pool.
    pub max_bytes: usize,
    /// Most transactions of one sender.
    pub max_per_sender: usize,
    /// How many hashes of committed transactions are remembered.
    pub recent_hashes: usize,
    /// How many blocks a transaction may wait before it is dropped.
    pub ttl_blocks: u64,
}

impl Limits {
    /// The defaults (5000 transactions, 64 MiB, 64 per sender, 10 000 remembered hashes, 100 blocks) with the
    /// largest transaction that the chain's blocks allow.
    pub const fn new(max_tx_bytes: usize) -> Self {
        Self {
            max_tx_bytes,
            max_txs: 5_000,
            max_bytes: 64 * 1024 * 1024,
            max_per_sender: 64,
            recent_hashes: 10_000,
            ttl_blocks: 100,
        }
    }
}

/// A waiting transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// SHA-256 of `bytes`.
    pub hash: TxHash,
    /// The raw transaction.
    pub bytes: Bytes,
    /// Whose sequence it spends.
    pub sender: Bytes,
    /// The sequence that it spends.
    pub sequence: u64,
    /// The gas that it may use at most.
    pub gas: u64,
    /// Scaled fee per unit of gas.
    pub priority: u128,
    /// The last committed height when it was added.
    pub height: u64,
    pub(super) arrival: u64,
}

/// What an insertion did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inserted {
    /// The hash of the new transaction.
    pub hash: TxHash,
    /// Those that left for it: the one that it replaced and those evicted.
    pub left: Vec<TxHash>,
}

/// Why a transaction may not enter the pool.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PoolError {
    /// It waits already, or was committed of late. The words are CometBFT's: client libraries match them.
    #[error("tx already exists in cache")]
    AlreadyKnown,
    /// It has no bytes.
    #[error("the transaction is empty; send its protobuf bytes")]
    Empty,
    /// It is larger than one transaction may be.
    #[error("tx too large: {size} bytes, at most {limit} are allowed; split it into several transactions")]
    TooLarge {
        /// Its raw size in bytes.
        size: usize,
        /// The largest size allowed.
        limit: usize,
    },
    /// The sender has too many waiting.
    #[error("this account has {limit} transactions waiting already; wait for a block and send it again")]
    SenderFull {
        /// The most that one sender may have.
        limit: usize,
    },
    /// Another transaction with the same sender and sequence waits, and this one does not pay enough more.
    #[error(
        "another transaction with sequence {sequence} waits (priority {standing}); to replace it, pay a fee per \
         gas more than 10 % higher (offered {offered}), or use the next sequence"
    )]
    Underpriced {
        /// The contested sequence.
        sequence: u64,
        /// Priority of the refused transaction.
        offered: u128,
        /// Priority of the waiting one.
        standing: u128,
    },
    /// The pool is full of transactions that pay at least as much.
    #[error(
        "mempool is full ({txs} transactions, {bytes} bytes, the cheapest with priority {lowest}); pay a higher \
         fee per gas or try again later"
    )]
    Full {
        /// Transactions waiting.
        txs: usize,
        /// Their raw bytes.
        bytes: usize,
        /// What the cheapest of them is worth.
        lowest: u128,
    },
}
