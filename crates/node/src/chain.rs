//! The blocks and states that a node holds.
//!
//! A decided block is stored in two durable steps: first the block with its certificate, results and index, then the
//! state. A crash between the two leaves a block whose state is missing; opening the chain executes again every block
//! after the state (`recovery`).

mod error;
mod recovery;

use std::sync::{Arc, PoisonError, RwLock};

use app::chain::Limits;
use app::{App, BlockInput, Effects, MODULES, SignedTx, TxResult};
use disk::{BlockStore, Database, TxIndex, UndecidedStore};
use engine::comet::{Block, BlockRef, Certificate, ChainId, CometError, HeaderFields, TxOutcome, hashes};
use ledger::Event;
use primitives::validators::{ConsensusAddress, ValidatorSet};
use store::{Reader, StateStore};

use crate::books::Changes;
use crate::home::Home;
use crate::metrics::NodeMetrics;
use crate::records;
use crate::signatures::SignatureCache;

pub use error::ChainError;

/// Version of the state machine, in every header.
pub const APP_VERSION: u64 = 1;

/// Everything of the last block that the next one refers to.
#[derive(Clone, Debug)]
pub struct Tip {
    /// Its height; 0 before the first block.
    pub height: u64,
    /// Its certificate; none at genesis.
    pub certificate: Option<Certificate>,
    /// Its header time; of genesis at height 0.
    pub time: engine::comet::Time,
    /// Hash of the state after it.
    pub app_hash: [u8; 32],
    /// Hash of its results.
    pub results_hash: [u8; 32],
    /// The validators of the next height.
    pub validators: ValidatorSet,
    /// The validators of the height after that.
    pub next_validators: ValidatorSet,
}

/// A node's chain. Shared: one task commits, any task reads.
pub struct Chain {
    app: App,
    id: ChainId,
    genesis: rpc::backend::Genesis,
    limits: Limits,
    state: StateStore,
    blocks: BlockStore,
    index: TxIndex,
    undecided: UndecidedStore,
    tip: RwLock<Tip>,
    signatures: SignatureCache,
    metrics: NodeMetrics,
}

/// A block that was executed and stored.
#[derive(Clone, Debug)]
pub struct Committed {
    /// The block.
    pub block: Arc<Block>,
    /// Bytes of its encoding.
    pub size: usize,
    /// Its id.
    pub id: engine::comet::BlockId,
    /// What became of its transactions.
    pub results: Arc<Vec<TxResult>>,
    /// What its end announced.
    pub events: Arc<Vec<Event>>,
    /// Hashes of its transactions.
    pub tx_hashes: Vec<[u8; 32]>,
}

fn outcome(result: &TxResult) -> TxOutcome {
    TxOutcome {
        code: result.code,
        data: result.data.clone(),
        gas_wanted: i64::try_from(result.gas_wanted).unwrap_or(i64::MAX),
        gas_used: i64::try_from(result.gas_used).unwrap_or(i64::MAX),
    }
}

/// `last_results_hash` of these results: code, data, gas wanted and used, as in CometBFT.
pub fn results_hash(results: &[TxResult]) -> [u8; 32] {
    let outcomes: Vec<TxOutcome> = results.iter().map(outcome).collect();
    hashes::last_results_hash(&outcomes)
}

impl Chain {
    /// Opens the chain in a folder: imports genesis into an empty store, executes again what a crash cut off.
    ///
    /// # Errors
    /// When the folder or the store cannot be used, or the node halted earlier.
    pub fn open(home: &Home) -> Result<Self, ChainError> {
        if let Some(mark) = home.halted()? {
            return Err(ChainError::Halted { height: mark.height, why: mark.why });
        }
        let config = home.config()?;
        let database = Database::open(&home.data(), config.storage.into())?;
        let keep = store::Config { history: config.history, ..store::Config::default() };
        Self::open_in(&home.genesis()?, &database, keep)
    }

    /// Opens the chain of a genesis document in a database, wherever that one keeps its parts.
    ///
    /// # Errors
    /// As [`Chain::open`], but for a halt, which a folder marks.
    pub fn open_in(genesis: &app::Genesis, database: &Database, keep: store::Config) -> Result<Self, ChainError> {
        let state = StateStore::open(database.part(disk::parts::STATE)?, &MODULES, keep)?;
        if state.latest_height().is_none() {
            state.commit(0, &genesis.begin()?.writes)?;
        }
        let reader = state.latest()?;
        let facts = app::chain::facts(&reader)?;
        if facts.id != genesis.chain_id {
            return Err(ChainError::OtherChain { stored: facts.id, given: genesis.chain_id.clone() });
        }
        let chain_part = database.part(disk::parts::CHAIN)?;
        let id = ChainId::try_from(facts.id.clone())
            .map_err(|error| CometError::Malformed { what: "chain id", reason: error.to_string() })?;
        let app = App::new(Arc::new(facts));
        let blocks = BlockStore::open(chain_part.clone())?;
        let tip = recovery::tip_of(&app, &state, &blocks)?;
        let chain = Self {
            limits: app::chain::limits(&reader)?,
            genesis: shown(genesis)?,
            id,
            app,
            index: TxIndex::open(chain_part)?,
            undecided: UndecidedStore::open(database.part(disk::parts::UNDECIDED)?)?,
            state,
            blocks,
            tip: RwLock::new(tip),
            signatures: SignatureCache::default(),
            metrics: NodeMetrics::default(),
        };
        chain.metrics.books.apply(&Changes::of_state(reader.as_ref())?);
        chain.recover()?;
        Ok(chain)
    }

    /// The machine.
    pub fn app(&self) -> &App {
        &self.app
    }

    /// The chain id.
    pub fn id(&self) -> &ChainId {
        &self.id
    }

    /// What the chain began with.
    pub fn genesis(&self) -> &rpc::backend::Genesis {
        &self.genesis
    }

    /// Limits of a block.
    pub fn limits(&self) -> Limits {
        self.limits
    }

    /// The states.
    pub fn state(&self) -> &StateStore {
        &self.state
    }

    /// The blocks.
    pub fn blocks(&self) -> &BlockStore {
        &self.blocks
    }

    /// The index of transactions.
    pub fn index(&self) -> &TxIndex {
        &self.index
    }

    /// Candidates before their decision.
    pub fn undecided(&self) -> &UndecidedStore {
        &self.undecided
    }

    /// Signature checks and their answers.
    pub fn signatures(&self) -> &SignatureCache {
        &self.signatures
    }

    /// What is counted of it.
    pub fn metrics(&self) -> &NodeMetrics {
        &self.metrics
    }

    /// The last block.
    pub fn tip(&self) -> Tip {
        self.tip.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The state after the last block.
    ///
    /// # Errors
    /// When the storage fails.
    pub fn latest(&self) -> Result<Arc<dyn Reader>, ChainError> {
        Ok(self.state.latest()?)
    }

    /// The validators of a height that is stored, being decided, or next.
    ///
    /// # Errors
    /// When the height is not held.
    pub fn validators(&self, height: u64) -> Result<ValidatorSet, ChainError> {
        let tip = self.tip();
        if height == tip.height + 1 {
            return Ok(tip.validators);
        }
        if height == tip.height + 2 {
            return Ok(tip.next_validators);
        }
        let stored = self.blocks.validators(height)?;
        let stored = stored.ok_or(ChainError::Missing { what: "validator set", height })?;
        Ok(records::decode_validators(&stored)?)
    }

    /// What the header of the next block commits to, apart from what its proposer chooses.
    pub fn header_fields<'a>(&'a self, tip: &'a Tip, choice: Choice<'a>) -> HeaderFields<'a> {
        let Choice { time, proposer, last_commit, txs, evidence } = choice;
        let (bytes, gas) = (self.limits.max_block_bytes as i64, self.limits.max_block_gas as i64);
        HeaderFields {
            app_version: APP_VERSION,
            chain_id: &self.id,
            height: tip.height + 1,
            time,
            last_block_id: tip.certificate.as_ref().map(|certificate| certificate.block.id()),
            last_commit,
            txs,
            evidence,
            validators: &tip.validators,
            next_validators: &tip.next_validators,
            consensus_hash: hashes::consensus_hash(bytes, gas),
            app_hash: tip.app_hash.to_vec(),
            last_results_hash: tip.results_hash,
            proposer,
        }
    }

    fn execute(&self, block: &Block, hash: [u8; 32]) -> Result<Effects, ChainError> {
        let reader = self.latest()?;
        let context = self.app.next(&reader)?;
        let decoded = block.data.iter().filter_map(|tx| SignedTx::decode(tx).ok());
        let checks = decoded.flat_map(|tx| self.app.signature_checks(&context, &tx)).collect();
        let input = BlockInput {
            height: block.header.height.value(),
            time: records::timestamp(block.header.time),
            hash,
            txs: block.data.clone(),
            verdicts: self.metrics.stage("verify", || self.signatures.answer(checks)),
        };
        let effects = self.metrics.stage("execute", || self.app.execute(&reader, &input));
        if matches!(effects, Err(app::Halt::Money { .. })) {
            self.metrics.books.imbalance();
        }
        Ok(effects?)
    }

    /// Executes and stores a decided block; durable when this returns.
    ///
    /// # Errors
    /// [`ChainError::Halt`] when the machine stops; nothing of the block is stored then. Or a failure of the storage.
    pub fn commit(&self, bytes: &[u8], certificate: Certificate) -> Result<Committed, ChainError> {
        let block = engine::comet::decode_block(bytes)?;
        let effects = self.execute(&block, certificate.block.hash())?;
        let mut batch = store::Batch::default();
        self.blocks.stage_block(
            &mut batch,
            &disk::StoredBlock {
                height: certificate.height,
                hash: certificate.block.hash().to_vec(),
                block: bytes.to_vec(),
                commit: records::encode_certificate(&certificate),
                validators: records::encode_validators(&self.tip().validators),
            },
        )?;
        self.settle(batch, Executed { block, size: bytes.len(), certificate, effects })
    }

    /// Writes what a batch holds together with results and index, and then the state.
    fn settle(&self, mut batch: store::Batch, executed: Executed) -> Result<Committed, ChainError> {
        let Executed { block, size, certificate, effects } = executed;
        let (tip, height) = (self.tip(), certificate.height);
        let tx_hashes: Vec<[u8; 32]> = block.data.iter().map(|tx| app::tx::hash(tx)).collect();
        self.blocks.stage_results(&mut batch, height, records::encode_results(&effects.results, &effects.events));
        self.index.stage(&mut batch, &indexed(height, &tx_hashes, &effects.results));
        self.metrics.stage("store", || self.blocks.write(batch))?;
        let changes = Changes::of_block(self.latest()?.as_ref(), &effects.writes)?;
        let app_hash = self.metrics.stage("commit", || self.state.commit(height, &effects.writes))?;
        self.metrics.books.apply(&changes);
        let since = (tip.height > 0).then(|| certificate.block.time().duration_since(tip.time).ok()).flatten();
        self.metrics.block(size, &effects.results, since);
        let announced = effects.results.iter().flat_map(|result| &result.events).chain(&effects.events);
        self.metrics.books.announced(announced);

        let committed = Committed {
            id: certificate.block.id(),
            size,
            results: Arc::new(effects.results),
            events: Arc::new(effects.events),
            tx_hashes,
            block: Arc::new(block),
        };
        *self.tip.write().unwrap_or_else(PoisonError::into_inner) = Tip {
            height,
            time: certificate.block.time(),
            app_hash,
            results_hash: results_hash(&committed.results),
            validators: tip.next_validators,
            next_validators: effects.validators_after_next,
            certificate: Some(certificate),
        };
        Ok(committed)
    }

    /// Replaces the tip's certificate by one with more signatures.
    ///
    /// # Errors
    /// When the storage fails, or the certificate is not the tip's.
    pub fn finalize(&self, certificate: Certificate) -> Result<(), ChainError> {
        let height = certificate.height;
        self.blocks.save_commit(height, records::encode_certificate(&certificate))?;
        let mut tip = self.tip.write().unwrap_or_else(PoisonError::into_inner);
        if tip.height == height {
            tip.certificate = Some(certificate);
        }
        Ok(())
    }

    /// The certificate that this node saw for a height.
    ///
    /// # Errors
    /// When the height is not held.
    pub fn certificate(&self, height: u64) -> Result<Certificate, ChainError> {
        let stored = self.blocks.commit(height)?.ok_or(ChainError::Missing { what: "certificate", height })?;
        Ok(records::decode_certificate(&stored)?)
    }

    /// A stored block, and bytes of its encoding.
    ///
    /// # Errors
    /// When the height is not held.
    pub fn block(&self, height: u64) -> Result<(Block, usize), ChainError> {
        let bytes = self.blocks.block(height)?.ok_or(ChainError::Missing { what: "block", height })?;
        Ok((engine::comet::decode_block(&bytes)?, bytes.len()))
    }

    /// What a block is named by in votes.
    ///
    /// # Errors
    /// When the block's header cannot be named, which a decoded one can.
    pub fn block_ref(block: &Block, bytes: &[u8]) -> Result<BlockRef, ChainError> {
        Ok(BlockRef::of(&block.header, bytes)?)
    }
}

/// What a block's proposer chooses.
#[derive(Clone, Copy, Debug)]
pub struct Choice<'a> {
    /// Header time.
    pub time: engine::comet::Time,
    /// Who proposes.
    pub proposer: ConsensusAddress,
    /// The parent's commit; none at height 1.
    pub last_commit: Option<&'a engine::comet::Commit>,
    /// The transactions.
    pub txs: &'a [Vec<u8>],
    /// Evidence.
    pub evidence: &'a engine::comet::EvidenceList,
}

impl<'a> Choice<'a> {
    /// What the proposer of a block chose; none when its address is malformed.
    pub fn of(block: &'a Block) -> Option<Self> {
        Some(Self {
            time: block.header.time,
            proposer: ConsensusAddress::from_slice(block.header.proposer_address.as_bytes())?,
            last_commit: block.last_commit.as_ref(),
            txs: &block.data,
            evidence: &block.evidence,
        })
    }
}

/// A block with what its execution gives.
struct Executed {
    block: Block,
    size: usize,
    certificate: Certificate,
    effects: Effects,
}

/// The genesis document as the RPC shows it.
fn shown(genesis: &app::Genesis) -> Result<rpc::backend::Genesis, ChainError> {
    let first = &genesis.state.validators;
    let listed = first.validators.iter().map(|member| (&member.public_key, member.power));
    let sets = first.sets.iter().flat_map(|sets| &sets.current.validators);
    let ranked = sets.map(|member| (&member.public_key, member.power));
    let mut validators = Vec::new();
    for (text, power) in listed.chain(ranked) {
        let mut key = [0; 32];
        hex::decode_to_slice(text, &mut key).map_err(|_| ChainError::GenesisKey(text.clone()))?;
        validators.push((key, power));
    }
    let document = serde_json::to_string(genesis).map_err(app::genesis::GenesisError::from)?;
    Ok(rpc::backend::Genesis { time: genesis.genesis_time, validators, document: document.into() })
}

/// What the index keeps of a block's transactions.
pub(crate) fn indexed(height: u64, hashes: &[[u8; 32]], results: &[TxResult]) -> Vec<disk::IndexedTx> {
    let events = |result: &TxResult| {
        let attributes = result.events.iter().flat_map(|event| {
            event
                .attributes
                .iter()
                .map(|(key, value)| disk::Event { key: format!("{}.{key}", event.kind), value: value.clone() })
        });
        attributes.collect()
    };
    let all = hashes.iter().zip(results).zip(0u32..);
    all.map(|((hash, result), index)| disk::IndexedTx {
        height,
        index,
        hash: hash.to_vec(),
        result: records::encode_result(result),
        events: events(result),
    })
    .collect()
}
