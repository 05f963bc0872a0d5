//! The judgement of a transaction, supplied by the node.

use bytes::Bytes;

/// Why a transaction is being checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CheckKind {
    /// It just arrived: everything is checked, signatures included.
    New,
    /// It was accepted before and a block has been committed since: only what a block can change needs
    /// checking (sequence, balance, time-out height).
    Recheck,
}

/// What the pool must know of an accepted transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checked {
    /// Whose sequence the transaction spends; opaque bytes, for example a 20-byte address.
    pub sender: Bytes,
    /// The sequence that it spends. Within a sender, transactions are proposed in ascending order without gaps.
    pub sequence: u64,
    /// The sequence that the state expects of the sender next.
    pub expected: u64,
    /// The gas that it may use at most.
    pub gas_wanted: u64,
    /// Fee per unit of gas, scaled by a factor that the node chooses; higher goes first.
    pub priority: u128,
}

/// Who is to blame for a transaction that was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// No state of the chain could make it valid (it does not decode, a signature is wrong): a peer that
    /// forwards it did not check it and is scored down.
    Malformed,
    /// It does not fit the state of now (sequence, balance, gas price): an honest peer one block ahead or behind
    /// may well forward it.
    State,
}

/// A refusal, in the words of CometBFT's `CheckTx` response.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("transaction refused by the chain's checks (code {code}, codespace {codespace}): {log}")]
pub struct Rejection {
    /// Non-zero error code, unique within `codespace`.
    pub code: u32,
    /// Namespace of `code`, for example `sdk`.
    pub codespace: String,
    /// Text for people: what is wrong and what to do.
    pub log: String,
    /// The gas that the transaction asked for, 0 if that could not be read.
    pub gas_wanted: u64,
    /// Who is to blame.
    pub fault: Fault,
}

/// The node's check. It must not call back into the [`Mempool`](crate::Mempool) that calls it, except for
/// [`Mempool::next_sequence`](crate::Mempool::next_sequence), which is safe.
///
/// Calls with [`CheckKind::New`] come in parallel; calls with [`CheckKind::Recheck`] come one at a time,
/// ascending in sequence per sender, while no new transaction is checked.
#[async_trait::async_trait]
pub trait CheckTx: Send + Sync + 'static {
    /// Judges the raw bytes of a transaction against the state after the last committed block.
    async fn check(&self, tx: &[u8], kind: CheckKind) -> Result<Checked, Rejection>;
}
