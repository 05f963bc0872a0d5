//! The numbers of a node: what it counts as blocks commit, and what is read when somebody looks.
//!
//! What a look costs: a copy of the counters, a few files of `/proc`, the mempool's sizes. Nothing of the state is read
//! then; the folder's size is measured at most once in `DISK_EVERY`.

use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use engine::host::Misbehaviour;
use primitives::validators::{ConsensusAddress, ValidatorSet};
use telemetry::process::{self, Process};
use telemetry::{Counters, Gauges, Histograms, Registry, catalog};

use crate::books::Books;
use crate::home::Home;

/// Between two walks through the folder's files.
const DISK_EVERY: Duration = Duration::from_secs(60);

/// A node's numbers.
pub struct NodeMetrics {
    registry: Registry,
    process: Process,
    /// Money and the market.
    pub(crate) books: Books,
    height: Gauges,
    block_time: Gauges,
    interval: Histograms,
    interval_goal: Gauges,
    stages: Histograms,
    block_bytes: Counters,
    txs: Counters,
    gas: Counters,
    rounds: Counters,
    validators: Gauges,
    power: Gauges,
    missed: Counters,
    own_missed: Counters,
    misbehaviour: Counters,
    refused_proposals: Counters,
    signatures: Counters,
    state_keys: Gauges,
    disk_bytes: Gauges,
    disk_free: Gauges,
    peers: Gauges,
    syncing: Gauges,
    rpc_requests: Counters,
    rpc_seconds: Histograms,
    subscribers: Gauges,
    mempool_txs: Gauges,
    mempool_bytes: Gauges,
    mempool_accepted: Counters,
    mempool_refused: Counters,
    mempool_left: Counters,
    measured: Mutex<Option<Instant>>,
    /// When the last block was committed here; before the first one, when the node started.
    committed: Mutex<Instant>,
}

impl Default for NodeMetrics {
    fn default() -> Self {
        let mut registry = Registry::default();
        let own = &mut registry;
        Self {
            process: Process::new(own),
            books: Books::new(own),
            height: own.gauge(&catalog::HEIGHT),
            block_time: own.gauge(&catalog::BLOCK_TIME),
            interval: own.histogram(&catalog::BLOCK_INTERVAL),
            interval_goal: own.gauge(&catalog::BLOCK_GOAL),
            stages: own.histogram(&catalog::STAGES),
            block_bytes: own.counter(&catalog::BLOCK_BYTES),
            txs: own.counter(&catalog::TXS),
            gas: own.counter(&catalog::GAS),
            rounds: own.counter(&catalog::ROUNDS),
            validators: own.gauge(&catalog::VALIDATORS),
            power: own.gauge(&catalog::POWER),
            missed: own.counter(&catalog::MISSED),
            own_missed: own.counter(&catalog::OWN_MISSED),
            misbehaviour: own.counter(&catalog::MISBEHAVIOUR),
            refused_proposals: own.counter(&catalog::REFUSED_PROPOSALS),
            signatures: own.counter(&catalog::SIGNATURES),
            state_keys: own.gauge(&catalog::STATE_KEYS),
            disk_bytes: own.gauge(&catalog::DISK_BYTES),
            disk_free: own.gauge(&catalog::DISK_FREE),
            peers: own.gauge(&catalog::PEERS),
            syncing: own.gauge(&catalog::SYNCING),
            rpc_requests: own.counter(&catalog::RPC_REQUESTS),
            rpc_seconds: own.histogram(&catalog::RPC_SECONDS),
            subscribers: own.gauge(&catalog::RPC_SUBSCRIBERS),
            mempool_txs: own.gauge(&catalog::MEMPOOL_TXS),
            mempool_bytes: own.gauge(&catalog::MEMPOOL_BYTES),
            mempool_accepted: own.counter(&catalog::MEMPOOL_ACCEPTED),
            mempool_refused: own.counter(&catalog::MEMPOOL_REFUSED),
            mempool_left: own.counter(&catalog::MEMPOOL_LEFT),
            measured: Mutex::new(None),
            committed: Mutex::new(Instant::now()),
            registry,
        }
    }
}

/// What is read when somebody looks.
pub(crate) struct Now<'a> {
    pub(crate) home: &'a Home,
    pub(crate) chain: &'a crate::Chain,
    pub(crate) mempool: &'a mempool::Mempool,
    pub(crate) own: ConsensusAddress,
    pub(crate) syncing: bool,
    pub(crate) peers: usize,
    pub(crate) configured_peers: usize,
    pub(crate) subscribers: usize,
    /// The engine's own families, in the same format.
    pub(crate) engine: String,
}

impl NodeMetrics {
    /// Does the work of a stage of a block, and notes how long it took.
    pub(crate) fn stage<T>(&self, stage: &'static str, work: impl FnOnce() -> T) -> T {
        let begun = Instant::now();
        let done = work();
        self.stages.observe(&[stage], begun.elapsed());
        done
    }

    /// Notes a stage that was timed elsewhere.
    pub(crate) fn staged(&self, stage: &'static str, took: Duration) {
        self.stages.observe(&[stage], took);
    }

    /// A block was committed; `since` is the time from its parent's header to its own, none for the first.
    pub(crate) fn block(&self, bytes: usize, results: &[app::TxResult], since: Option<Duration>) {
        *self.committed.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
        self.block_bytes.add(&[], bytes as f64);
        for result in results {
            self.txs.one(&[if result.code == 0 { "ok" } else { "failed" }]);
            self.gas.add(&[], result.gas_used as f64);
        }
        if let Some(since) = since {
            self.interval.observe(&[], since);
        }
    }

    /// How long ago the last block was committed here, or the node started.
    pub(crate) fn idle(&self) -> Duration {
        self.committed.lock().unwrap_or_else(PoisonError::into_inner).elapsed()
    }

    pub(crate) fn extra_rounds(&self, round: u32) {
        self.rounds.add(&[], f64::from(round));
    }

    pub(crate) fn refused_proposal(&self) {
        self.refused_proposals.one(&[]);
    }

    pub(crate) fn misbehaved(&self, proof: &Misbehaviour) {
        self.misbehaviour.one(&[match proof {
            Misbehaviour::DoubleVote { .. } => "double_vote",
            Misbehaviour::DoubleProposal { .. } => "double_proposal",
        }]);
    }

    /// Who of a set signed for a block by the time that its interval had run.
    pub(crate) fn signed(&self, set: &ValidatorSet, signers: &[ConsensusAddress], own: &ConsensusAddress) {
        self.missed.add(&[], set.len().saturating_sub(signers.len()) as f64);
        if set.get(own).is_some() && !signers.contains(own) {
            self.own_missed.one(&[]);
        }
    }

    /// A call of the RPC was answered.
    pub(crate) fn rpc(&self, method: &str, took: Duration, well: bool) {
        self.rpc_requests.one(&[method, if well { "ok" } else { "error" }]);
        self.rpc_seconds.observe(&[class_of(method)], took);
    }

    /// All numbers in the OpenMetrics text format.
    pub(crate) fn text(&self, now: &Now<'_>) -> String {
        self.process.refresh();
        let tip = now.chain.tip();
        self.height.set(&[], tip.height as f64);
        self.block_time.set(&[], tip.time.unix_timestamp_nanos() as f64 / 1e9);
        self.interval_goal.set(&[], now.chain.app().chain().block_interval_ms as f64 / 1e3);
        self.validators.set(&[], tip.validators.len() as f64);
        self.power.set(&["total"], tip.validators.total_power() as f64);
        let power = tip.validators.get(&now.own).map_or(0, |validator| validator.power);
        self.power.set(&["own"], power as f64);
        self.state_keys.set(&[], now.chain.state().keys() as f64);
        let (cached, verified) = now.chain.signatures().counts();
        self.signatures.set(&["cached"], cached as f64);
        self.signatures.set(&["verified"], verified as f64);
        self.peers.set(&["gossip"], now.peers as f64);
        self.peers.set(&["configured"], now.configured_peers as f64);
        self.syncing.set(&[], f64::from(u8::from(now.syncing)));
        self.subscribers.set(&[], now.subscribers as f64);
        self.mempool(now.mempool);
        self.disk(now.home);
        self.registry.encode(&now.engine)
    }

    fn mempool(&self, mempool: &mempool::Mempool) {
        let (stats, totals) = (mempool.stats(), mempool.totals());
        self.mempool_txs.set(&[], stats.txs as f64);
        self.mempool_bytes.set(&[], stats.bytes as f64);
        self.mempool_accepted.set(&[], totals.accepted as f64);
        for (reason, count) in &totals.refused {
            self.mempool_refused.set(&[reason], *count as f64);
        }
        let left = [("committed", totals.committed), ("expired", totals.expired), ("invalid", totals.invalid)];
        for (reason, count) in left {
            self.mempool_left.set(&[reason], count as f64);
        }
    }

    fn disk(&self, home: &Home) {
        if let Ok((free, _)) = process::room(home.path()) {
            self.disk_free.set(&[], free as f64);
        }
        let mut measured = self.measured.lock().unwrap_or_else(PoisonError::into_inner);
        if measured.is_some_and(|at| at.elapsed() < DISK_EVERY) {
            return;
        }
        *measured = Some(Instant::now());
        let size = |path: &Path| std::fs::metadata(path).map_or(0, |metadata| metadata.len()) as f64;
        self.disk_bytes.set(&["data"], process::disk_bytes(&home.data()) as f64);
        self.disk_bytes.set(&["wal"], size(&home.wal()));
        self.disk_bytes.set(&["mempool"], size(&home.journal()));
    }
}

/// The class of a method of the JSON-RPC.
fn class_of(method: &str) -> &'static str {
    match method {
        "broadcast_tx_sync" | "broadcast_tx_async" | "broadcast_tx_commit" | "check_tx" => "broadcast",
        "abci_query" => "query",
        "tx" | "tx_search" | "block_search" => "search",
        "block" | "block_by_hash" | "block_results" | "blockchain" | "header" | "header_by_hash" | "commit"
        | "validators" => "block",
        _ => "info",
    }
}
