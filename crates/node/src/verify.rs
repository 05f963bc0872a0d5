//! Replays a stored chain from genesis, in memory, and compares every header, commit, result and state hash with what
//! is stored.

use disk::Database;
use engine::comet;
use thiserror::Error;

use crate::chain::{Chain, ChainError, Choice};
use crate::home::{Home, HomeError};
use crate::records;
use app::{App, BlockInput, Effects, MODULES, Verdicts};
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
    let index = disk::TxIndex::open(database.part(disk::parts::CHAIN)?)?;
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
    let states = stored.heights()?;
    if let Some((_, last)) = states
        && last > tip
    {
        return Err(VerifyError::Differs { height: last, what: "its state is stored, but not the block".to_owned() });
    }

    for height in 1..=tip {
        let differs = |what: String| VerifyError::Differs { height, what };
        let said = |error: &dyn std::fmt::Display| differs(error.to_string());
        let found = blocks.get(height)?.ok_or_else(|| differs("it is not stored".to_owned()))?;
        let block = comet::decode_block(&found.block).map_err(|error| said(&error))?;
        let certificate = records::decode_certificate(&found.commit).map_err(|error| said(&error))?;
        let choice = Choice::of(&block).ok_or_else(|| differs("its proposer has no address".to_owned()))?;
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
        let expected = fields.header().map_err(|error| said(&error))?;
        if let Some(field) = comet::first_mismatch(&expected, &block.header) {
            return Err(differs(format!("its header's {field} is not what a replay computes")));
        }
        if let Some((named, voters)) = &parent {
            let commit = block.last_commit.as_ref().ok_or_else(|| differs("it has no last commit".to_owned()))?;
            let proved = comet::verify_commit(&id, voters, height - 1, named, commit);
            proved.map_err(|error| differs(format!("its last commit: {error}")))?;
        }
        let named = Chain::block_ref(&block, &found.block).map_err(|error| said(&error))?;
        let commit = certificate.to_commit(&validators).map_err(|error| said(&error))?;
        comet::verify_commit(&id, &validators, height, &named, &commit).map_err(|error| said(&error))?;
        if certificate.block != named || records::encode_certificate(&certificate) != found.commit {
            return Err(differs("its certificate is not in the form in which nodes store it".to_owned()));
        }
        if found.hash != named.hash() || records::encode_validators(&validators) != found.validators {
            return Err(differs("it is stored under another hash, or with other validators".to_owned()));
        }

        let input = BlockInput {
            height,
            time: records::timestamp(block.header.time),
            hash: named.hash(),
            txs: block.data.clone(),
            verdicts: Verdicts::default(),
        };
        let effects = app.execute(&state.latest()?, &input)?;
        compare_results(&blocks, &index, height, &block, &effects, states).map_err(differs)?;
        app_hash = state.commit(height, &effects.writes)?;
        if states.is_some_and(|(first, last)| (first..=last).contains(&height)) && stored.app_hash(height)? != app_hash
        {
            return Err(differs("the stored state has another hash than the replayed one".to_owned()));
        }
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
    let lifted = home.halted()?.is_some();
    home.clear_halt()?;
    Ok(Report { blocks: tip, txs, app_hash: hex::encode_upper(app_hash), lifted })
}

/// Whether stored results and index are what a replay gives. Those of a block whose state is not there yet may be
/// missing: opening the chain writes them.
fn compare_results(
    blocks: &disk::BlockStore,
    index: &disk::TxIndex,
    height: u64,
    block: &comet::Block,
    effects: &Effects,
    states: Option<(u64, u64)>,
) -> Result<(), String> {
    let said = |error: disk::Error| error.to_string();
    let Some(results) = blocks.results(height).map_err(said)? else {
        let settled = states.is_some_and(|(_, last)| height <= last);
        return if settled { Err("its results are missing".to_owned()) } else { Ok(()) };
    };
    if records::encode_results(&effects.results, &effects.events) != results {
        return Err("its results are not what a replay gives".to_owned());
    }
    let hashes: Vec<[u8; 32]> = block.data.iter().map(|tx| app::tx::hash(tx)).collect();
    if crate::chain::indexed(height, &hashes, &effects.results) != index.at(height).map_err(said)? {
        return Err("the index of its transactions is not what a replay gives".to_owned());
    }
    Ok(())
}
