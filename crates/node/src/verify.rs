//! Replays a stored chain from genesis, in memory, and compares every header, commit, result and state hash with what
//! is stored.

use disk::Database;
use engine::comet;
use thiserror::Error;

use crate::chain::{Chain, ChainError, Choice};
use crate::home::{Home, HomeError};
use crate::records;
use app::{App, BlockInput, MODULES, Verdicts};
use primitives::validators::ConsensusAddress;
use std::sync::Arc;
use store::StateStore;

/// What a replay found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// Blocks that were replayed.
    pub blocks: u64,
    /// Transactions in them.
    pub txs: u64,
    /// Hash of the last state, as upper-case hex.
    pub app_hash: String,
    /// Whether a halt was lifted.
    pub lifted: bool,
}

/// Why a stored chain is not what its genesis and its blocks say.
#[derive(Debug, Error)]
pub enum VerifyError {
    /// The folder or the store.
    #[error(transparent)]
    Chain(#[from] ChainError),
    /// The first thing that differs.
    #[error("block {height}: {what}")]
    Differs {
        /// Where.
        height: u64,
        /// What differs.
        what: String,
    },
    /// Promises that the replayed state breaks.
    #[error("the replayed state breaks {count} promises, first: {first}")]
    Broken {
        /// How many.
        count: usize,
        /// The first one.
        first: String,
    },
}

macro_rules! lift {
    ($($error:ty),*) => {$(
        impl From<$error> for VerifyError {
            fn from(error: $error) -> Self {
                Self::Chain(error.into())
            }
        }
    )*};
}

lift!(HomeError, disk::Error, store::Error, records::RecordError, comet::CometError, app::block::Halt);

/// Replays the chain of a node that does not run; `seen` is told each height. If all is well, a halt is lifted.
///
/// # Errors
/// The first difference.
pub fn verify(home: &Home, mut seen: impl FnMut(u64, u64)) -> Result<Report, VerifyError> {
    let config = home.config()?;
    let genesis = home.genesis()?;
    let database = Database::open(&home.data(), config.storage.into())?;
    let blocks = disk::BlockStore::open(database.part(disk::parts::CHAIN)?)?;
    let stored = StateStore::open(database.part(disk::parts::STATE)?, &MODULES, store::Config::default())?;

    let beginning = genesis.begin().map_err(ChainError::from)?;
    let memory = Database::memory();
    let state = StateStore::open(memory.part(disk::parts::STATE)?, &MODULES, store::Config::default())?;
    let mut app_hash = state.commit(0, &beginning.writes)?;
    let (mut validators, mut next_validators) = beginning.validators;
    let id = comet::ChainId::try_from(genesis.chain_id.clone())
        .map_err(|error| comet::CometError::Malformed { what: "chain id", reason: error.to_string() })?;
    let app: App = beginning.app;
    let limits = genesis.limits;
    let mut parent: Option<(comet::BlockRef, primitives::validators::ValidatorSet)> = None;
    let mut results_hash = crate::chain::results_hash(&[]);
    let (tip, mut txs) = (blocks.tip()?.unwrap_or(0), 0);

    for height in 1..=tip {
        let differs = |what: String| VerifyError::Differs { height, what };
        let found = blocks.get(height)?.ok_or_else(|| differs("it is not stored".to_owned()))?;
        let block = comet::decode_block(&found.block)?;
        let certificate = records::decode_certificate(&found.commit)?;
        let proposer = ConsensusAddress::from_slice(block.header.proposer_address.as_bytes());
        let choice = Choice {
            time: block.header.time,
            proposer: proposer.ok_or_else(|| differs("its proposer has no address".to_owned()))?,
            last_commit: block.last_commit.as_ref(),
            txs: &block.data,
            evidence: &block.evidence,
        };
        let fields = comet::HeaderFields {
            app_version: crate::chain::APP_VERSION,
            chain_id: &id,
            height,
            time: choice.time,
            last_block_id: parent.as_ref().map(|(block, _)| block.id()),
            last_commit: choice.last_commit,
            txs: choice.txs,
            evidence: choice.evidence,
            validators: &validators,
            next_validators: &next_validators,
            consensus_hash: comet::hashes::consensus_hash(limits.max_block_bytes as i64, limits.max_block_gas as i64),
            app_hash: app_hash.to_vec(),
            last_results_hash: results_hash,
            proposer: choice.proposer,
        };
        if let Some(field) = comet::first_mismatch(&fields.header()?, &block.header) {
            return Err(differs(format!("its header's {field} is not what a replay computes")));
        }
        if let (Some((named, voters)), Some(commit)) = (&parent, &block.last_commit) {
            let proved = comet::verify_commit(&id, voters, height - 1, named, commit);
            proved.map_err(|error| differs(format!("its last commit: {error}")))?;
        }
        let named = Chain::block_ref(&block, &found.block)?;
        let commit = certificate.to_commit(&validators)?;
        comet::verify_commit(&id, &validators, height, &named, &commit).map_err(|error| differs(error.to_string()))?;

        let input = BlockInput {
            height,
            time: records::timestamp(block.header.time),
            hash: named.hash(),
            txs: block.data.clone(),
            verdicts: Verdicts::default(),
        };
        let effects = app.execute(&state.latest()?, &input)?;
        let stored_results = blocks.results(height)?.ok_or_else(|| differs("its results are missing".to_owned()))?;
        if records::encode_results(&effects.results, &effects.events) != stored_results {
            return Err(differs("its results are not what a replay gives".to_owned()));
        }
        app_hash = state.commit(height, &effects.writes)?;
        results_hash = crate::chain::results_hash(&effects.results);
        parent = Some((named, validators));
        validators = next_validators;
        next_validators = effects.validators_after_next;
        txs += block.data.len() as u64;
        seen(height, tip);
    }
    let reader: Arc<dyn store::Reader> = state.latest()?;
    let broken = app.broken_promises(&reader)?;
    if let Some(first) = broken.first() {
        return Err(VerifyError::Broken { count: broken.len(), first: first.clone() });
    }
    if stored.latest_height() == Some(tip) && stored.app_hash(tip)? != app_hash {
        let what = "the stored state has another hash than the replayed one".to_owned();
        return Err(VerifyError::Differs { height: tip, what });
    }
    let lifted = home.halted()?.is_some();
    home.clear_halt()?;
    Ok(Report { blocks: tip, txs, app_hash: hex::encode_upper(app_hash), lifted })
}
