//! What the RPC asks.

mod search;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use app::{SignedTx, TxResult};
use async_trait::async_trait;
use bytes::Bytes;
use engine::comet::Commit;
use ledger::{Event, QueryError, QueryStatus};
use mempool::{Mempool, SubmitError};
use primitives::validators::{ConsensusAddress, ValidatorSet};
use rpc::backend::{Answer, Checked, Genesis, NewBlock, Peer, Submitted, TxPage};
use rpc::query::Query;
use rpc::{Backend, BackendError, BlockFound, NodeInfo, TxFound};
use tokio::sync::broadcast;
use tokio::task::block_in_place;

use crate::chain::{Chain, ChainError};
use crate::check::admit;
use crate::records;

pub(crate) struct NodeBackend {
    pub(crate) chain: Arc<Chain>,
    pub(crate) mempool: Arc<Mempool>,
    pub(crate) announcements: broadcast::Sender<NewBlock>,
    pub(crate) syncing: Arc<AtomicBool>,
    pub(crate) identity: Identity,
}

/// What does not change while the node runs.
#[derive(Clone, Debug)]
pub(crate) struct Identity {
    pub(crate) moniker: String,
    pub(crate) node_id: String,
    pub(crate) p2p_listen: String,
    pub(crate) rpc_listen: String,
    pub(crate) grpc_listen: Option<String>,
    pub(crate) rest_listen: Option<String>,
    pub(crate) metrics_listen: Option<String>,
    pub(crate) validator_key: [u8; 32],
    pub(crate) history: Option<u64>,
}

fn internal(error: impl std::fmt::Display) -> BackendError {
    BackendError::Internal(error.to_string())
}

fn refused(why: mempool::Rejection) -> Checked {
    Checked { code: why.code, codespace: why.codespace, log: why.log, gas_wanted: why.gas_wanted }
}

impl NodeBackend {
    fn base(&self) -> u64 {
        self.chain.blocks().base().ok().flatten().unwrap_or(0)
    }

    fn held(&self, height: u64) -> Result<u64, BackendError> {
        let tip = self.chain.tip().height;
        let height = if height == 0 { tip } else { height };
        let base = self.base();
        if height < base || height > tip || height == 0 {
            return Err(BackendError::Height { asked: height, base, tip });
        }
        Ok(height)
    }

    /// Whether the state after its block stands. The index is written before the state; who learned of a transaction
    /// from it would ask a state that does not know of it.
    fn stands(&self, indexed: &disk::IndexedTx) -> bool {
        indexed.height <= self.chain.tip().height
    }

    fn found(&self, indexed: disk::IndexedTx) -> Result<TxFound, ChainError> {
        let missing = ChainError::Missing { what: "transaction", height: indexed.height };
        let (block, _) = self.chain.block(indexed.height)?;
        let tx = block.data.get(indexed.index as usize).cloned().ok_or(missing)?;
        Ok(TxFound {
            hash: app::tx::hash(&tx),
            height: indexed.height,
            index: indexed.index,
            result: records::decode_result(&indexed.result)?,
            tx,
        })
    }

    fn answer(&self, path: &str, data: &[u8], height: u64, prove: bool) -> Result<Answer, QueryError> {
        let tip = self.chain.tip().height;
        let at = if height == 0 { tip } else { height };
        let state = self.chain.state();
        if let Some(module) = path.strip_prefix("/store/").and_then(|rest| rest.strip_suffix("/key")) {
            let known = app::MODULES.iter().copied().find(|known| known.0 == module);
            let module = known.ok_or_else(|| QueryError::invalid(format!("there is no module {module:?}")))?;
            let value = state.at(at)?.get(module, data)?.unwrap_or_default();
            let proof = if prove {
                let ops = state.prove(module, data, at)?.ops();
                ops.into_iter().map(|op| (op.kind.to_owned(), op.key, op.data)).collect()
            } else {
                Vec::new()
            };
            return Ok(Answer { height: at, value, key: data.to_vec(), proof });
        }
        if prove {
            return Err(QueryError::invalid("proofs are of single keys: query /store/MODULE/key with prove=true"));
        }
        let value = self.chain.app().query(&state.at(at)?, path, data)?;
        // CometBFT clients refuse an answer at height 0.
        Ok(Answer { height: at.max(1), value, key: Vec::new(), proof: Vec::new() })
    }
}

/// The refusal of a sequence beyond what waits: it would never be reached.
fn gap(refusal: &SubmitError, gas_wanted: u64) -> Checked {
    Checked { code: 32, codespace: "sdk".to_owned(), log: refusal.to_string(), gas_wanted }
}

#[async_trait]
impl Backend for NodeBackend {
    fn info(&self) -> NodeInfo {
        let tip = self.chain.tip();
        let address = ConsensusAddress::of(&self.identity.validator_key);
        NodeInfo {
            chain_id: self.chain.id().to_string(),
            prefix: self.chain.app().chain().prefix.clone(),
            moniker: self.identity.moniker.clone(),
            node_id: self.identity.node_id.clone(),
            p2p_listen: self.identity.p2p_listen.clone(),
            rpc_listen: self.identity.rpc_listen.clone(),
            grpc_listen: self.identity.grpc_listen.clone(),
            rest_listen: self.identity.rest_listen.clone(),
            metrics_listen: self.identity.metrics_listen.clone(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            validator_key: self.identity.validator_key,
            voting_power: tip.validators.get(&address).map_or(0, |validator| validator.power),
            base: self.base(),
            tip: tip.height,
            app_hash: tip.app_hash,
            catching_up: self.syncing.load(Ordering::Relaxed),
            history: self.identity.history,
        }
    }

    fn genesis(&self) -> Genesis {
        self.chain.genesis().clone()
    }

    fn peers(&self) -> Vec<Peer> {
        let gossip = self.mempool.gossip();
        let peers = gossip.map(|gossip| gossip.peers().borrow().clone()).unwrap_or_default();
        let peer = |peer: String| Peer { node_id: crate::run::node_id(&peer), peer_id: peer };
        peers.into_iter().map(|id| peer(id.to_string())).collect()
    }

    fn block_limits(&self) -> (u64, u64) {
        let limits = self.chain.limits();
        (limits.max_block_bytes, limits.max_block_gas)
    }

    fn block(&self, height: u64) -> Result<BlockFound, BackendError> {
        let height = self.held(height)?;
        let (block, size) = self.chain.block(height).map_err(internal)?;
        let id = self.chain.certificate(height).map_err(internal)?.block.id();
        Ok(BlockFound { id, block: Arc::new(block), size })
    }

    fn height_of(&self, hash: &[u8; 32]) -> Result<Option<u64>, BackendError> {
        self.chain.blocks().height_of(hash).map_err(internal)
    }

    fn commit(&self, height: u64) -> Result<(engine::comet::Header, Commit, bool), BackendError> {
        let height = self.held(height)?;
        let (block, _) = self.chain.block(height).map_err(internal)?;
        // The canonical commit is the one inside the next block; of the last block this node shows what it saw.
        if height < self.chain.tip().height
            && let Some(commit) = self.chain.block(height + 1).map_err(internal)?.0.last_commit
        {
            return Ok((block.header, commit, true));
        }
        let seen = self.chain.certificate(height).map_err(internal)?;
        let voters = self.chain.validators(height).map_err(internal)?;
        Ok((block.header, seen.to_commit(&voters).map_err(internal)?, false))
    }

    fn validators(&self, height: u64) -> Result<(u64, ValidatorSet), BackendError> {
        let tip = self.chain.tip().height;
        if height > tip + 2 || height < self.base().max(1) {
            return Err(BackendError::Height { asked: height, base: self.base(), tip: tip + 2 });
        }
        Ok((height, self.chain.validators(height).map_err(internal)?))
    }

    fn results(&self, height: u64) -> Result<(u64, Vec<TxResult>, Vec<Event>), BackendError> {
        let height = self.held(height)?;
        let stored = self.chain.blocks().results(height).map_err(internal)?.unwrap_or_default();
        let (results, events) = records::decode_results(&stored).map_err(internal)?;
        Ok((height, results, events))
    }

    fn tx(&self, hash: &[u8; 32]) -> Result<Option<TxFound>, BackendError> {
        let indexed = self.chain.index().get(hash).map_err(internal)?;
        indexed.filter(|indexed| self.stands(indexed)).map(|indexed| self.found(indexed)).transpose().map_err(internal)
    }

    fn search(&self, query: &Query, skip: usize, limit: usize, descending: bool) -> Result<TxPage, BackendError> {
        let order = if descending { disk::Order::Descending } else { disk::Order::Ascending };
        let mut found = search::search(self.chain.index(), query, order, skip, limit, search::MOST_SCANNED)?;
        let matched = found.txs.len();
        found.txs.retain(|indexed| self.stands(indexed));
        let total = found.total.saturating_sub(matched - found.txs.len());
        let txs = found.txs.into_iter().map(|tx| self.found(tx)).collect::<Result<_, _>>().map_err(internal)?;
        Ok(TxPage { txs, total })
    }

    fn query_paths(&self) -> Vec<&'static str> {
        self.chain.app().query_paths().collect()
    }

    fn query(&self, path: &str, data: &[u8], height: u64, prove: bool) -> Result<Answer, QueryError> {
        block_in_place(|| self.answer(path, data, height, prove))
    }

    fn simulate(&self, tx: &[u8]) -> Result<TxResult, QueryError> {
        block_in_place(|| {
            let reader = self.chain.latest();
            let reader =
                reader.map_err(|error| QueryError { status: QueryStatus::Internal, message: error.to_string() })?;
            Ok(self.chain.app().simulate(&reader, tx)?)
        })
    }

    fn check(&self, tx: &[u8]) -> Checked {
        let admitted = match admit(&self.chain, tx) {
            Ok(admitted) => admitted,
            Err(why) => return refused(why),
        };
        let (got, gas_wanted) = (admitted.sequence, admitted.gas_wanted);
        let expected = self.mempool.next_sequence(&admitted.sender, admitted.expected);
        match got > expected {
            true => gap(&SubmitError::Gap { expected, got }, gas_wanted),
            false => Checked { gas_wanted, ..Checked::default() },
        }
    }

    async fn submit(&self, tx: Bytes) -> Submitted {
        let raw = tx.clone();
        match self.mempool.submit(tx).await {
            Ok(accepted) => Submitted::Checked(Checked { gas_wanted: accepted.gas_wanted, ..Checked::default() }),
            Err(SubmitError::Rejected(why)) => Submitted::Checked(refused(why)),
            Err(refusal @ SubmitError::Gap { .. }) => {
                Submitted::Checked(gap(&refusal, SignedTx::decode(&raw).map_or(0, |tx| tx.gas_limit)))
            }
            Err(SubmitError::Pool(mempool::PoolError::AlreadyKnown)) => Submitted::Known,
            Err(other) => Submitted::Full(other.to_string()),
        }
    }

    async fn pending(&self, limit: usize) -> (Vec<Bytes>, usize, usize) {
        let stats = self.mempool.stats();
        (self.mempool.unconfirmed(limit), stats.txs, stats.bytes)
    }

    fn subscribe(&self) -> broadcast::Receiver<NewBlock> {
        self.announcements.subscribe()
    }

    fn served(&self, method: &str, took: Duration, well: bool) {
        self.chain.metrics().rpc(method, took, well);
    }
}
