//! A node's pool of transactions: the mempool's own order, limits and rechecks, without its journal and gossip. Clients
//! send again what a crash made a node forget.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;
use mempool::{JournalError, Limits, Pool, TxHash};
use node::Chain;
use node::check::admit;
use node::host::TxPool;

/// The pool of one node.
pub struct NodePool {
    chain: Arc<Chain>,
    pool: Mutex<Pool>,
}

impl NodePool {
    /// An empty pool of a node with this chain.
    pub fn new(chain: Arc<Chain>) -> Self {
        let limits = Limits::new(usize::try_from(chain.limits().max_tx_bytes).unwrap_or(usize::MAX));
        Self { chain, pool: Mutex::new(Pool::new(limits)) }
    }

    fn pool(&self) -> MutexGuard<'_, Pool> {
        self.pool.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a transaction in, if the next block would take it; whether it is new.
    pub fn submit(&self, raw: Bytes) -> bool {
        let mut pool = self.pool();
        if pool.screen(&raw).is_err() {
            return false;
        }
        let Ok(checked) = admit(&self.chain, &raw) else {
            return false;
        };
        pool.insert(raw, checked, self.chain.tip().height).is_ok()
    }
}

#[async_trait]
impl TxPool for NodePool {
    fn reap(&self, max_bytes: u64, max_gas: u64, next_sequence: &dyn Fn(&[u8]) -> u64) -> Vec<Bytes> {
        self.pool().reap(max_bytes, max_gas, next_sequence)
    }

    async fn update(&self, height: u64, committed: &[TxHash]) -> Result<(), JournalError> {
        let mut pool = self.pool();
        pool.remove_committed(committed.iter().copied());
        pool.expire(height);
        pool.recheck(|entry| admit(&self.chain, &entry.bytes).is_ok());
        Ok(())
    }
}
