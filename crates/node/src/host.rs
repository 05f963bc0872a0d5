//! What the engine asks: proposals, checks, commits.

use std::ops::RangeInclusive;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use bytes::Bytes;
use engine::comet::{self, BlockRef, Certificate, Commit, EvidenceList, Time};
use engine::host::{
    Candidate, DecidedBlock, HeightParams, Host, HostError, Misbehaviour, Source, StoredBlock, Timeouts,
    UndecidedBlock, Verdict,
};
use mempool::{JournalError, Mempool, TxHash};
use primitives::validators::ConsensusAddress;
use rpc::backend::NewBlock;
use tokio::sync::broadcast;

use crate::chain::{Chain, ChainError, Choice, Committed};
use crate::home::HaltMark;
use crate::market_log;
use crate::offload::block_in_place;
use crate::space::SpaceError;

/// How far ahead of the local clock the header time of a live proposal may lie (docs/protocol.md, "Block time").
const CLOCK_BOUND: Duration = Duration::from_secs(5);
/// What an encoded block takes beside its transactions: header and framing, and so much per signature.
const BLOCK_FRAME: u64 = 1024;
const PER_SIGNATURE: u64 = 128;

/// What the host needs of the pool of waiting transactions.
#[async_trait]
pub trait TxPool: Send + Sync {
    /// The transactions of a proposal; see [`mempool::Pool::reap`].
    fn reap(&self, max_bytes: u64, max_gas: u64, next_sequence: &dyn Fn(&[u8]) -> u64) -> Vec<Bytes>;

    /// Applies a committed block; see [`Mempool::update`].
    ///
    /// # Errors
    /// When what left cannot be recorded.
    async fn update(&self, height: u64, committed: &[TxHash]) -> Result<(), JournalError>;
}

#[async_trait]
impl TxPool for Mempool {
    fn reap(&self, max_bytes: u64, max_gas: u64, next_sequence: &dyn Fn(&[u8]) -> u64) -> Vec<Bytes> {
        self.reap(max_bytes, max_gas, next_sequence)
    }

    async fn update(&self, height: u64, committed: &[TxHash]) -> Result<(), JournalError> {
        self.update(height, committed).await.map(drop)
    }
}

/// What a node does for its engine. Which clock, pool and storage it has is up to who starts it.
pub struct NodeHost {
    /// The chain.
    pub chain: Arc<Chain>,
    /// What waits to be proposed.
    pub pool: Arc<dyn TxPool>,
    /// The time of day here: proposals carry it, and must not be far ahead of it.
    pub clock: Arc<dyn Fn() -> Time + Send + Sync>,
    /// Who is told of committed blocks.
    pub announcements: broadcast::Sender<NewBlock>,
    /// Set while blocks come from peers that have them already.
    pub syncing: Arc<AtomicBool>,
    /// Of the rounds.
    pub timeouts: Timeouts,
    /// Keeps in mind why the machine stopped, so that the node does not start again before it was looked at.
    pub mark_halt: Box<dyn Fn(&HaltMark) + Send + Sync>,
    /// This node's validator.
    pub own: ConsensusAddress,
    /// Whether the disk has room for a further block; the node stops before it has not.
    pub room: Box<dyn Fn() -> Result<(), SpaceError> + Send + Sync>,
}

fn fatal<E: std::error::Error + Send + Sync + 'static>(context: &'static str) -> impl Fn(E) -> HostError {
    move |error| HostError::new(context, error)
}

impl NodeHost {
    fn target_time(&self) -> Duration {
        Duration::from_millis(self.chain.app().chain().block_interval_ms)
    }

    /// The first rule that a candidate breaks, or what it is.
    fn judge(&self, candidate: &Candidate) -> Result<Result<BlockRef, String>, ChainError> {
        let block = match comet::decode_block(&candidate.bytes) {
            Ok(block) => block,
            Err(error) => return Ok(Err(error.to_string())),
        };
        let tip = self.chain.tip();
        let limits = self.chain.limits();
        if candidate.bytes.len() as u64 > limits.max_block_bytes {
            return Ok(Err(format!("{} bytes, at most {}", candidate.bytes.len(), limits.max_block_bytes)));
        }
        if !block.evidence.iter().as_slice().is_empty() {
            return Ok(Err("it carries evidence, which blocks of version 1 do not".to_owned()));
        }
        if let Some(why) = self.time_fault(block.header.time, tip.time, candidate.source) {
            return Ok(Err(why));
        }
        let gas = block.data.iter().filter_map(|tx| app::SignedTx::decode(tx).ok());
        let gas = gas.fold(0u64, |sum, tx| sum.saturating_add(tx.gas_limit));
        if gas > limits.max_block_gas {
            return Ok(Err(format!("its transactions want {gas} gas, at most {}", limits.max_block_gas)));
        }
        if let Some(parent) = &tip.certificate {
            let Some(commit) = &block.last_commit else {
                return Ok(Err("it has no last commit".to_owned()));
            };
            let voters = self.chain.validators(tip.height)?;
            if let Err(error) = comet::verify_commit(self.chain.id(), &voters, tip.height, &parent.block, commit) {
                return Ok(Err(error.to_string()));
            }
        }
        let proposer = ConsensusAddress::from_slice(block.header.proposer_address.as_bytes());
        let Some(proposer) = proposer else { return Ok(Err("its proposer's address is not 20 bytes".to_owned())) };
        let choice = Choice {
            time: block.header.time,
            proposer,
            last_commit: block.last_commit.as_ref(),
            txs: &block.data,
            evidence: &block.evidence,
        };
        let expected = self.chain.header_fields(&tip, choice).header()?;
        if let Some(field) = comet::first_mismatch(&expected, &block.header) {
            return Ok(Err(format!("its header's {field} is not what this node computes")));
        }
        Ok(Ok(Chain::block_ref(&block, &candidate.bytes)?))
    }

    fn time_fault(&self, time: Time, parent: Time, source: Source) -> Option<String> {
        if time <= parent {
            return Some(format!("its time {time} is not later than its parent's {parent}"));
        }
        let bound = (self.clock)().checked_add(CLOCK_BOUND);
        if source == Source::Live && bound.is_some_and(|bound| time > bound) {
            return Some(format!("its time {time} is more than {} s ahead of the clock here", CLOCK_BOUND.as_secs()));
        }
        None
    }

    fn build(&self, proposer: ConsensusAddress, last_commit: Option<&Commit>) -> Result<Vec<u8>, ChainError> {
        let tip = self.chain.tip();
        let limits = self.chain.limits();
        let signatures = last_commit.map_or(0, |commit| commit.signatures.len() as u64);
        let room = limits.max_block_bytes.saturating_sub(BLOCK_FRAME + signatures * PER_SIGNATURE);
        let reader = self.chain.latest()?;
        let context = self.chain.app().reading(&reader)?;
        let next = |sender: &[u8]| expected_sequence(&context, sender);
        let txs: Vec<Vec<u8>> = self.pool.reap(room, limits.max_block_gas, &next).into_iter().map(Vec::from).collect();
        let soonest = tip.time.checked_add(Duration::from_millis(1)).unwrap_or(tip.time);
        let evidence = EvidenceList::default();
        let choice =
            Choice { time: (self.clock)().max(soonest), proposer, last_commit, txs: &txs, evidence: &evidence };
        let (_, bytes, _) = comet::assemble(&self.chain.header_fields(&tip, choice))?;
        Ok(bytes)
    }

    fn announce(&self, committed: Committed) {
        let block = rpc::BlockFound { id: committed.id, block: committed.block, size: committed.size };
        let new = NewBlock { block, results: committed.results, events: committed.events };
        // Without subscribers nobody is told.
        let _ = self.announcements.send(new);
    }
}

/// The sequence that the committed state expects of a sender. A sender that cannot be read is proposed as it is.
fn expected_sequence(context: &ledger::Context, sender: &[u8]) -> u64 {
    let address = primitives::Address::try_from(sender).ok();
    let account = address.and_then(|address| ledger::accounts::get(context, &address).ok().flatten());
    account.map_or(0, |account| account.sequence)
}

#[async_trait]
impl Host for NodeHost {
    fn tip(&self) -> u64 {
        self.chain.tip().height
    }

    fn params(&self, height: u64) -> Result<HeightParams, HostError> {
        let validators = self.chain.validators(height).map_err(fatal("reading a validator set"))?;
        Ok(HeightParams { validators, target_time: Some(self.target_time()), timeouts: self.timeouts })
    }

    async fn propose(
        &mut self,
        height: u64,
        round: u32,
        proposer: ConsensusAddress,
        last_commit: Option<Commit>,
    ) -> Result<Bytes, HostError> {
        self.syncing.store(false, Ordering::Relaxed);
        let bytes =
            block_in_place(|| self.chain.metrics().stage("propose", || self.build(proposer, last_commit.as_ref())));
        let bytes = bytes.map_err(fatal("proposing"))?;
        tracing::debug!(height, round, bytes = bytes.len(), "proposing");
        Ok(bytes.into())
    }

    async fn validate(&mut self, candidate: Candidate) -> Result<Verdict, HostError> {
        self.syncing.store(candidate.source == Source::Sync, Ordering::Relaxed);
        let judged = block_in_place(|| self.chain.metrics().stage("check", || self.judge(&candidate)));
        let judged = judged.map_err(fatal("checking a proposal"))?;
        Ok(match judged {
            Ok(block) => Verdict::Valid(block),
            Err(why) => {
                self.chain.metrics().refused_proposal();
                tracing::warn!(height = candidate.height, round = candidate.round, reason = %why, "refusing a proposal");
                Verdict::Invalid(why)
            }
        })
    }

    async fn save_undecided(&mut self, block: UndecidedBlock) -> Result<(), HostError> {
        let proposal = disk::Proposal {
            height: block.height,
            round: block.round,
            value_id: block.block.hash().to_vec(),
            record: block.encode(),
        };
        block_in_place(|| self.chain.undecided().put(&proposal)).map_err(fatal("storing a proposal"))
    }

    async fn undecided(&mut self, height: u64) -> Result<Vec<UndecidedBlock>, HostError> {
        let stored = block_in_place(|| self.chain.undecided().at(height)).map_err(fatal("reading proposals"))?;
        let decoded = stored.iter().map(|proposal| UndecidedBlock::decode(&proposal.record));
        decoded.collect::<Result<_, _>>().map_err(fatal("reading proposals"))
    }

    async fn prune_undecided(&mut self, height: u64) -> Result<(), HostError> {
        block_in_place(|| self.chain.undecided().prune(height)).map_err(fatal("forgetting proposals"))
    }

    async fn commit(&mut self, decided: DecidedBlock) -> Result<(), HostError> {
        let DecidedBlock { height, round, bytes, certificate, .. } = decided;
        let begun = Instant::now();
        (self.room)().map_err(fatal("storing a block"))?;
        let committed = block_in_place(|| self.chain.commit(&bytes, certificate)).map_err(|error| {
            if let ChainError::Halt(halt) = &error {
                (self.mark_halt)(&HaltMark { height, why: halt.to_string() });
            }
            HostError::new("executing a block", error)
        })?;
        let txs = committed.tx_hashes.len();
        let updating = Instant::now();
        let update = self.pool.update(height, &committed.tx_hashes).await;
        update.map_err(fatal("updating the mempool"))?;
        let metrics = self.chain.metrics();
        metrics.extra_rounds(round);
        metrics.staged("mempool", updating.elapsed());
        metrics.staged("whole", begun.elapsed());
        tracing::info!(height, round, txs, block = %committed.id.hash, "committed a block");
        let announced = committed.results.iter().flat_map(|result| &result.events);
        market_log::tell(height, announced.chain(committed.events.iter()));
        self.announce(committed);
        Ok(())
    }

    async fn finalize(&mut self, certificate: Certificate, misbehaviour: Vec<Misbehaviour>) -> Result<(), HostError> {
        for proof in misbehaviour {
            self.chain.metrics().misbehaved(&proof);
            tracing::warn!(height = certificate.height, ?proof, "a validator signed two conflicting messages");
        }
        let signers: Vec<ConsensusAddress> = certificate.signatures.iter().map(|(signer, _)| *signer).collect();
        let set = self.chain.validators(certificate.height).map_err(fatal("reading a validator set"))?;
        self.chain.metrics().signed(&set, &signers, &self.own);
        block_in_place(|| self.chain.finalize(certificate)).map_err(fatal("storing a certificate"))
    }

    async fn decided(&mut self, heights: RangeInclusive<u64>) -> Result<Vec<StoredBlock>, HostError> {
        let most = usize::try_from(heights.end().saturating_sub(*heights.start())).unwrap_or(0) + 1;
        let stored = block_in_place(|| self.chain.blocks().blocks(heights, most)).map_err(fatal("reading blocks"))?;
        let tip = self.tip();
        let mut blocks = Vec::with_capacity(stored.len());
        for found in stored.into_iter().filter(|found| found.height <= tip) {
            let certificate = crate::records::decode_certificate(&found.commit);
            let certificate = certificate.map_err(fatal("reading a certificate"))?;
            blocks.push(StoredBlock { bytes: found.block.into(), certificate });
        }
        Ok(blocks)
    }

    async fn history_min(&mut self) -> Result<u64, HostError> {
        Ok(self.chain.blocks().base().map_err(fatal("reading blocks"))?.unwrap_or(0))
    }
}
