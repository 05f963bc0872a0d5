//! What the server asks of the node.

use std::sync::Arc;
use std::time::Duration;

use app::TxResult;
use async_trait::async_trait;
use bytes::Bytes;
use ledger::{Event, QueryError};
use primitives::Prefix;
use primitives::validators::ValidatorSet;
use tendermint::block::{Block, Commit, Header, Id};
use thiserror::Error;
use tokio::sync::broadcast;

use crate::query::Query;

/// Why the node has no answer.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum BackendError {
    /// A height that the node does not hold.
    #[error("height {asked} is not available: this node holds {base} to {tip}")]
    Height {
        /// What was asked for.
        asked: u64,
        /// The lowest height held.
        base: u64,
        /// The highest.
        tip: u64,
    },
    /// A search that no index narrows enough.
    #[error("the search would look at {candidates} transactions, at most {most}: add key='value' or tx.height limits")]
    Wide {
        /// How many would have to be looked at.
        candidates: usize,
        /// How many may be.
        most: usize,
    },
    /// The store failed.
    #[error("internal error: {0}")]
    Internal(String),
}

/// What the node says of itself.
#[derive(Clone, Debug)]
pub struct NodeInfo {
    /// The chain id.
    pub chain_id: String,
    /// The bech32 prefix of its addresses.
    pub prefix: Prefix,
    /// The node's name.
    pub moniker: String,
    /// The node's id, lower-case hex of 20 bytes.
    pub node_id: String,
    /// Where it listens for peers.
    pub p2p_listen: String,
    /// Where it listens for RPC.
    pub rpc_listen: String,
    /// `host:port` of gRPC and gRPC-web, where it serves them.
    pub grpc_listen: Option<String>,
    /// `host:port` of REST, where it serves it.
    pub rest_listen: Option<String>,
    /// `host:port` of metrics and health, where it serves them.
    pub metrics_listen: Option<String>,
    /// The program's version.
    pub version: String,
    /// Public key of its validator; full nodes have one too, without power.
    pub validator_key: [u8; 32],
    /// Its voting power in the set of the next height.
    pub voting_power: u64,
    /// Lowest height held.
    pub base: u64,
    /// Height of the last block; 0 before the first one.
    pub tip: u64,
    /// Hash of the state after the last block, of genesis before the first one.
    pub app_hash: [u8; 32],
    /// Whether it is still fetching blocks.
    pub catching_up: bool,
    /// How many heights of state it keeps readable; none keeps all.
    pub history: Option<u64>,
}

/// A connected peer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Peer {
    /// Its id, lower-case hex of 20 bytes, as in its own [`NodeInfo::node_id`].
    pub node_id: String,
    /// Its libp2p peer id.
    pub peer_id: String,
}

/// What the chain began with.
#[derive(Clone, Debug, PartialEq)]
pub struct Genesis {
    /// Header time of block 0, in seconds since 1970.
    pub time: i64,
    /// Public keys and powers of the first validators.
    pub validators: Vec<([u8; 32], u64)>,
    /// The whole document, JSON. As text it takes a tenth of the memory of its tree.
    pub document: Arc<str>,
}

/// A stored block.
#[derive(Clone, Debug)]
pub struct BlockFound {
    /// Its id.
    pub id: Id,
    /// The block.
    pub block: Arc<Block>,
    /// Bytes of its encoding.
    pub size: usize,
}

/// A transaction in a block.
#[derive(Clone, Debug)]
pub struct TxFound {
    /// SHA-256 of its bytes.
    pub hash: [u8; 32],
    /// The block's height.
    pub height: u64,
    /// Its place in the block.
    pub index: u32,
    /// Its bytes.
    pub tx: Vec<u8>,
    /// What became of it.
    pub result: TxResult,
}

/// What admission says of a transaction.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Checked {
    /// Zero when admitted.
    pub code: u32,
    /// Whose code.
    pub codespace: String,
    /// Why it was refused.
    pub log: String,
    /// The gas limit.
    pub gas_wanted: u64,
}

/// The node's word on a transaction that was handed in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Submitted {
    /// Admitted, or refused by a rule.
    Checked(Checked),
    /// The very same bytes wait or were executed already.
    Known,
    /// The pool has no room, or takes no transaction of this size.
    Full(String),
}

/// A block with its results, as soon as it is committed.
#[derive(Clone, Debug)]
pub struct NewBlock {
    /// The block.
    pub block: BlockFound,
    /// Results, one a transaction.
    pub results: Arc<Vec<TxResult>>,
    /// What the block's end announced.
    pub events: Arc<Vec<Event>>,
}

/// A page of transactions.
#[derive(Clone, Debug, Default)]
pub struct TxPage {
    /// The transactions of the page.
    pub txs: Vec<TxFound>,
    /// How many match in all.
    pub total: usize,
}

/// An answer from state.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The height of the state.
    pub height: u64,
    /// The encoded response, or the value at a key.
    pub value: Vec<u8>,
    /// The key, for a read of raw state.
    pub key: Vec<u8>,
    /// Proof steps `(type, key, encoded ICS-23 proof)`, from the leaf up; for a read of raw state with `prove`.
    pub proof: Vec<(String, Vec<u8>, Vec<u8>)>,
}

/// What the server asks of the node. Heights are 0 for the latest where they may be.
#[async_trait]
pub trait Backend: Send + Sync + 'static {
    /// What the node says of itself.
    fn info(&self) -> NodeInfo;
    /// What the chain began with.
    fn genesis(&self) -> Genesis;
    /// Connected peers.
    fn peers(&self) -> Vec<Peer>;
    /// Block limits `(bytes, gas)`.
    fn block_limits(&self) -> (u64, u64);

    /// A block.
    ///
    /// # Errors
    /// When it is not held.
    fn block(&self, height: u64) -> Result<BlockFound, BackendError>;
    /// The height of the block with a hash.
    ///
    /// # Errors
    /// When the store fails.
    fn height_of(&self, hash: &[u8; 32]) -> Result<Option<u64>, BackendError>;
    /// A header with the commit that finalised it, and whether that commit stands in the next block.
    ///
    /// # Errors
    /// When it is not held.
    fn commit(&self, height: u64) -> Result<(Header, Commit, bool), BackendError>;
    /// The validators of a height.
    ///
    /// # Errors
    /// When they are not held.
    fn validators(&self, height: u64) -> Result<(u64, ValidatorSet), BackendError>;
    /// Results of a block, and what its end announced.
    ///
    /// # Errors
    /// When they are not held.
    fn results(&self, height: u64) -> Result<(u64, Vec<TxResult>, Vec<Event>), BackendError>;
    /// A transaction.
    ///
    /// # Errors
    /// When the store fails.
    fn tx(&self, hash: &[u8; 32]) -> Result<Option<TxFound>, BackendError>;
    /// Transactions that match, ordered by height and index.
    ///
    /// # Errors
    /// When the store fails, or too many transactions would have to be looked at.
    fn search(&self, query: &Query, skip: usize, limit: usize, descending: bool) -> Result<TxPage, BackendError>;

    /// The paths of the gRPC methods that [`Backend::query`] answers.
    fn query_paths(&self) -> Vec<&'static str>;
    /// The gRPC method at `path`, or raw state at `/store/MODULE/key`.
    ///
    /// # Errors
    /// A gRPC status.
    fn query(&self, path: &str, data: &[u8], height: u64, prove: bool) -> Result<Answer, QueryError>;
    /// Runs a transaction as if it stood in the next block.
    ///
    /// # Errors
    /// A gRPC status when the state fails.
    fn simulate(&self, tx: &[u8]) -> Result<TxResult, QueryError>;

    /// Asks admission (signatures, fee, sequence, limits) without handing the transaction in.
    fn check(&self, tx: &[u8]) -> Checked;

    /// Hands a transaction in.
    async fn submit(&self, tx: Bytes) -> Submitted;
    /// Waiting transactions: up to `limit`, how many in all, bytes in all.
    async fn pending(&self, limit: usize) -> (Vec<Bytes>, usize, usize);
    /// Blocks as they are committed.
    fn subscribe(&self) -> broadcast::Receiver<NewBlock>;

    /// A call of a method that there is was answered, well or with an error, after such a time.
    fn served(&self, method: &str, took: Duration, well: bool) {
        let _ = (method, took, well);
    }
}
