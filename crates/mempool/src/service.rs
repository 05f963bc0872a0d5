//! The pool of a running node: check, pool, journal and gossip tied together.

use std::collections::{BTreeMap, HashSet};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use tokio::sync::{RwLock, mpsc, watch};
use tokio::task::JoinHandle;

use crate::file::Saved;
use crate::gossip::{GossipEvent, Received, Verdict};
use crate::{
    CheckKind, CheckTx, Entry, Fault, Gossip, GossipConfig, GossipError, GossipHandle, Journal, JournalError, Limits,
    Pool, PoolError, Rejection, TxHash,
};

/// How a node keeps its pool.
#[derive(Clone, Debug)]
pub struct Config {
    /// The pool's limits.
    pub limits: Limits,
    /// The journal's file; its folder must exist.
    pub journal: PathBuf,
    /// How transactions are shared; none for a node without peers.
    pub gossip: Option<GossipConfig>,
}

/// Why the pool could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The journal cannot be used.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// Gossip cannot start.
    #[error(transparent)]
    Gossip(#[from] GossipError),
}

/// Why a transaction was not accepted.
#[derive(Debug, thiserror::Error)]
pub enum SubmitError {
    /// The pool does not take it.
    #[error(transparent)]
    Pool(#[from] PoolError),
    /// The chain's checks refuse it.
    #[error(transparent)]
    Rejected(#[from] Rejection),
    /// It leaves a gap behind what its sender has waiting, so that its turn would never come.
    #[error("account sequence mismatch, expected {expected}, got {got}: incorrect account sequence")]
    Gap {
        /// The sequence that would follow.
        expected: u64,
        /// The sequence that it spends.
        got: u64,
    },
    /// It could not be made durable, so it was not accepted.
    #[error(transparent)]
    Journal(#[from] JournalError),
}

/// A transaction that was accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Accepted {
    /// Its hash.
    pub hash: TxHash,
    /// The gas that it may use at most.
    pub gas_wanted: u64,
}

/// Whether a transaction may come before those that its sender sends ahead of it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Order {
    /// Peers deliver in any order.
    Any,
    /// Clients send in sequence.
    InSequence,
}

/// What the pool holds now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Waiting transactions.
    pub txs: usize,
    /// Their raw bytes.
    pub bytes: usize,
}

/// What became of transactions since the pool was opened.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Accepted, from clients and peers.
    pub accepted: u64,
    /// Not accepted, by reason.
    pub refused: BTreeMap<&'static str, u64>,
    /// Left with a block.
    pub committed: u64,
    /// Waited too long.
    pub expired: u64,
    /// No longer valid after a block.
    pub invalid: u64,
}

/// What a block changed in the pool.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Updated {
    /// Waiting transactions that the block committed.
    pub committed: Vec<TxHash>,
    /// Those that had waited too long.
    pub expired: Vec<TxHash>,
    /// Those that are no longer valid.
    pub invalid: Vec<TxHash>,
}

/// The transaction pool of a node. Dropping it ends its gossip soon; [`Mempool::close`] waits for that.
pub struct Mempool {
    shared: Arc<Shared>,
    intake: Option<JoinHandle<()>>,
}

struct Shared {
    check: Arc<dyn CheckTx>,
    state: Mutex<State>,
    /// Held shared while a new transaction is checked and added, alone while a block is applied, so that no check
    /// against the old state ends in the pool after the recheck.
    block_gate: RwLock<()>,
    gossip: Option<GossipHandle>,
    waiting: watch::Sender<usize>,
    totals: Mutex<Totals>,
}

struct State {
    pool: Pool,
    journal: Journal,
    in_check: HashSet<TxHash>,
    height: u64,
}

impl SubmitError {
    /// A short name of the reason, one of few.
    pub fn class(&self) -> &'static str {
        match self {
            Self::Pool(PoolError::AlreadyKnown) => "known",
            Self::Pool(PoolError::TooLarge { .. }) => "too_large",
            Self::Pool(PoolError::SenderFull { .. }) => "sender_full",
            Self::Pool(PoolError::Full { .. }) => "full",
            Self::Pool(PoolError::Underpriced { .. }) => "underpriced",
            Self::Pool(PoolError::Empty) | Self::Rejected(Rejection { fault: Fault::Malformed, .. }) => "malformed",
            Self::Rejected(_) => "rejected",
            Self::Gap { .. } => "gap",
            Self::Journal(_) => "journal",
        }
    }
}

impl Mempool {
    /// Opens the pool as it was left, checks what it held against the state after block `height`, and starts gossip.
    pub async fn open(config: Config, check: Arc<dyn CheckTx>, height: u64) -> Result<Self, OpenError> {
        let (journal, saved) = Journal::open(config.journal)?;
        let state = State { pool: Pool::new(config.limits), journal, in_check: HashSet::new(), height };
        let (gossip, events) = match config.gossip {
            Some(config) => {
                let (handle, events) = Gossip::start(config).await?;
                (Some(handle), Some(events))
            }
            None => (None, None),
        };
        let shared = Arc::new(Shared {
            check,
            state: Mutex::new(state),
            block_gate: RwLock::new(()),
            gossip,
            waiting: watch::channel(0).0,
            totals: Mutex::default(),
        });
        shared.restore(saved).await?;
        let intake = events.map(|events| tokio::spawn(take_in(shared.clone(), events)));
        Ok(Self { shared, intake })
    }

    /// Checks a transaction of a client, adds it, makes it survive a crash of the node, and shares it. It must follow
    /// what its sender has waiting.
    pub async fn submit(&self, raw: impl Into<Bytes>) -> Result<Accepted, SubmitError> {
        let raw = raw.into();
        let accepted = self.shared.accept(raw.clone(), Order::InSequence).await?;
        if let Some(gossip) = &self.shared.gossip {
            gossip.publish(raw).await;
        }
        Ok(accepted)
    }

    /// Applies a committed block: its transactions leave and are not accepted again, those that waited too long
    /// leave, and the rest is rechecked. To be called once per block, after the state that [`CheckTx`] sees has moved
    /// to `height`.
    pub async fn update(&self, height: u64, committed: &[TxHash]) -> Result<Updated, JournalError> {
        self.shared.update(height, committed).await
    }

    /// The transactions of a proposal; see [`Pool::reap`].
    pub fn reap(&self, max_bytes: u64, max_gas: u64, next_sequence: impl Fn(&[u8]) -> u64) -> Vec<Bytes> {
        self.shared.state().pool.reap(max_bytes, max_gas, next_sequence)
    }

    /// The sequence that `sender` should sign next, given the committed one; see [`Pool::next_sequence`].
    pub fn next_sequence(&self, sender: &[u8], committed: u64) -> u64 {
        self.shared.state().pool.next_sequence(sender, committed)
    }

    /// At most `limit` waiting transactions in the order of their arrival.
    pub fn unconfirmed(&self, limit: usize) -> Vec<Bytes> {
        self.shared.state().pool.unconfirmed(limit).into_iter().map(|entry| entry.bytes.clone()).collect()
    }

    /// The waiting transaction with this hash.
    pub fn get(&self, hash: &TxHash) -> Option<Bytes> {
        self.shared.state().pool.get(hash).map(|entry| entry.bytes.clone())
    }

    /// How much waits.
    pub fn stats(&self) -> Stats {
        let state = self.shared.state();
        Stats { txs: state.pool.len(), bytes: state.pool.total_bytes() }
    }

    /// What became of transactions since the pool was opened.
    pub fn totals(&self) -> Totals {
        self.shared.totals().clone()
    }

    /// How many transactions wait; a proposer awaits its changes.
    pub fn pending(&self) -> watch::Receiver<usize> {
        self.shared.waiting.subscribe()
    }

    /// Ends gossip, synchronises the journal and releases it: afterwards it can be opened again.
    pub async fn close(mut self) -> Result<(), JournalError> {
        if let Some(intake) = self.intake.take() {
            intake.abort();
            // Cancelled is what it is to be.
            drop(intake.await);
        }
        let file = self.shared.state().journal.sync_handle()?;
        drop(tokio::task::spawn_blocking(move || file.sync_data()).await);
        Ok(())
    }

    /// The gossip node, if this pool has one: its address, identity and peers.
    pub fn gossip(&self) -> Option<&GossipHandle> {
        self.shared.gossip.as_ref()
    }
}

impl Drop for Mempool {
    fn drop(&mut self) {
        if let Some(intake) = &self.intake {
            intake.abort();
        }
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        // No code that holds the lock leaves the state half-changed, so a panic elsewhere does not spoil it.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn totals(&self) -> MutexGuard<'_, Totals> {
        self.totals.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn accept(&self, raw: Bytes, order: Order) -> Result<Accepted, SubmitError> {
        let outcome = self.take(raw, order).await;
        let mut totals = self.totals();
        match &outcome {
            Ok(_) => totals.accepted += 1,
            Err(error) => *totals.refused.entry(error.class()).or_default() += 1,
        }
        outcome
    }

    async fn take(&self, raw: Bytes, order: Order) -> Result<Accepted, SubmitError> {
        let _gate = self.block_gate.read().await;
        let _claim = Claim::new(self, &raw)?;
        let checked = self.check.check(&raw, CheckKind::New).await?;

        let mut state = self.state();
        let expected = state.pool.next_sequence(&checked.sender, checked.expected);
        if order == Order::InSequence && checked.sequence > expected {
            return Err(SubmitError::Gap { expected, got: checked.sequence });
        }
        let (height, gas_wanted) = (state.height, checked.gas_wanted);
        let inserted = state.pool.insert(raw, checked, height)?;
        state.record(&inserted.hash, &inserted.left)?;
        self.waiting.send_replace(state.pool.len());
        Ok(Accepted { hash: inserted.hash, gas_wanted })
    }

    /// What the journal held enters through the same checks; its age counts on.
    async fn restore(&self, saved: Vec<Saved>) -> Result<(), JournalError> {
        for tx in saved {
            let verdict = self.check.check(&tx.bytes, CheckKind::New).await;
            let mut state = self.state();
            match verdict {
                Ok(checked) => {
                    if let Err(error) = state.pool.insert(tx.bytes, checked, tx.height) {
                        tracing::info!(%error, "a transaction of the journal no longer fits the pool");
                    }
                }
                Err(rejection) => {
                    tracing::info!(error = %rejection, "a transaction of the journal is no longer valid")
                }
            }
        }
        let mut state = self.state();
        let height = state.height;
        state.pool.expire(height);
        let State { pool, journal, .. } = &mut *state;
        journal.rewrite(pool.in_sequence())?;
        self.waiting.send_replace(pool.len());
        Ok(())
    }

    async fn update(&self, height: u64, committed: &[TxHash]) -> Result<Updated, JournalError> {
        let _gate = self.block_gate.write().await;
        let (committed, expired, remaining) = {
            let mut state = self.state();
            state.height = height;
            let committed = state.pool.remove_committed(committed.iter().copied());
            let expired = state.pool.expire(height);
            let remaining: Vec<Entry> = state.pool.in_sequence().cloned().collect();
            (committed, expired, remaining)
        };
        let mut invalid = Vec::new();
        for entry in remaining {
            if let Err(rejection) = self.check.check(&entry.bytes, CheckKind::Recheck).await {
                tracing::debug!(error = %rejection, "a waiting transaction is no longer valid");
                invalid.push(entry.hash);
            }
        }
        let updated = Updated { committed, expired, invalid };
        let file = self.state().settle(&updated)?;
        {
            let mut totals = self.totals();
            totals.committed += updated.committed.len() as u64;
            totals.expired += updated.expired.len() as u64;
            totals.invalid += updated.invalid.len() as u64;
        }
        self.waiting.send_replace(self.state().pool.len());
        // A failure of this sync costs durability over a power failure only, which is promised to nobody.
        drop(tokio::task::spawn_blocking(move || file.sync_data()));
        Ok(updated)
    }

    /// What a peer that joins is offered: all that waits, in an order in which it can be checked.
    fn offer(&self) -> Vec<Bytes> {
        self.state().pool.in_sequence().map(|entry| entry.bytes.clone()).collect()
    }
}

impl State {
    /// Makes an insertion durable, or undoes it.
    fn record(&mut self, hash: &TxHash, left: &[TxHash]) -> Result<(), JournalError> {
        let Some(entry) = self.pool.get(hash) else {
            return Ok(());
        };
        if let Err(error) = self.journal.record_added(entry, left) {
            self.pool.remove(hash);
            return Err(error);
        }
        if self.journal.is_bloated(self.pool.total_bytes()) {
            self.journal.rewrite(self.pool.in_sequence())?;
        }
        Ok(())
    }

    /// Drops what is no longer valid and records all that left with a block.
    fn settle(&mut self, updated: &Updated) -> Result<std::fs::File, JournalError> {
        for hash in &updated.invalid {
            self.pool.remove(hash);
        }
        let left: Vec<TxHash> =
            [&updated.committed, &updated.expired, &updated.invalid].into_iter().flatten().copied().collect();
        self.journal.record_left(&left)?;
        if self.journal.is_bloated(self.pool.total_bytes()) {
            self.journal.rewrite(self.pool.in_sequence())?;
        }
        self.journal.sync_handle()
    }
}

/// A transaction that is being checked; a second copy meanwhile is known already.
struct Claim<'a> {
    shared: &'a Shared,
    hash: TxHash,
}

impl<'a> Claim<'a> {
    fn new(shared: &'a Shared, raw: &[u8]) -> Result<Self, PoolError> {
        let mut state = shared.state();
        let hash = state.pool.screen(raw)?;
        if !state.in_check.insert(hash) {
            return Err(PoolError::AlreadyKnown);
        }
        Ok(Self { shared, hash })
    }
}

impl Drop for Claim<'_> {
    fn drop(&mut self) {
        self.shared.state().in_check.remove(&self.hash);
    }
}

/// Judges what peers send, in the order in which it came.
async fn take_in(shared: Arc<Shared>, mut events: mpsc::Receiver<GossipEvent>) {
    let Some(gossip) = shared.gossip.clone() else {
        return;
    };
    while let Some(event) = events.recv().await {
        match event {
            GossipEvent::Received(received) => {
                let verdict = judge(&shared, &received).await;
                gossip.report(received, verdict).await;
            }
            GossipEvent::Joined(peer) => gossip.offer(peer, shared.offer()).await,
        }
    }
}

async fn judge(shared: &Shared, received: &Received) -> Verdict {
    match shared.accept(received.bytes.clone(), Order::Any).await {
        Ok(_) => Verdict::Accept,
        Err(SubmitError::Rejected(Rejection { fault: Fault::Malformed, .. }))
        | Err(SubmitError::Pool(PoolError::TooLarge { .. } | PoolError::Empty)) => {
            tracing::debug!(peer = %received.from, "a peer sent a malformed transaction");
            Verdict::Reject
        }
        Err(error) => {
            tracing::debug!(%error, peer = %received.from, "not taken from a peer");
            Verdict::Ignore
        }
    }
}
