//! Headers from what they commit to.

use primitives::validators::{ConsensusAddress, ValidatorSet};
use tendermint::block::header::Version;
use tendermint::block::{Commit, Header, Id as BlockId};
use tendermint::chain::Id as ChainId;
use tendermint::evidence::List as EvidenceList;
use tendermint::{AppHash, Hash, Time, account};

use super::{CometError, hashes};

/// CometBFT's block protocol version (`version.BlockProtocol`).
const BLOCK_PROTOCOL: u64 = 11;

/// Everything that a header commits to. A proposer fills it in; a validator fills it in from its
/// own state and the proposal's transactions, and compares.
#[derive(Clone, Debug)]
pub struct HeaderFields<'a> {
    /// Version of the state machine.
    pub app_version: u64,
    /// The chain.
    pub chain_id: &'a ChainId,
    /// From 1.
    pub height: u64,
    /// Chosen by the proposer, later than the parent's.
    pub time: Time,
    /// The parent; `None` at height 1 only.
    pub last_block_id: Option<BlockId>,
    /// The parent's commit; `None` at height 1 only.
    pub last_commit: Option<&'a Commit>,
    /// The transactions, in order.
    pub txs: &'a [Vec<u8>],
    /// Evidence of double signing.
    pub evidence: &'a EvidenceList,
    /// The set that votes on this block.
    pub validators: &'a ValidatorSet,
    /// The set that votes on the next one (already fixed: changes take effect at h+2).
    pub next_validators: &'a ValidatorSet,
    /// See [`hashes::consensus_hash`].
    pub consensus_hash: [u8; 32],
    /// The state after the parent.
    pub app_hash: Vec<u8>,
    /// See [`hashes::last_results_hash`]; of the parent.
    pub last_results_hash: [u8; 32],
    /// Who made this block.
    pub proposer: ConsensusAddress,
}

impl HeaderFields<'_> {
    /// The header.
    ///
    /// # Errors
    /// A height beyond `i64::MAX` or an app hash that CometBFT would refuse.
    pub fn header(&self) -> Result<Header, CometError> {
        let sha = |hash| Hash::Sha256(hash);
        Ok(Header {
            version: Version { block: BLOCK_PROTOCOL, app: self.app_version },
            chain_id: self.chain_id.clone(),
            height: self.height.try_into().map_err(|e| CometError::malformed("height", e))?,
            time: self.time,
            last_block_id: self.last_block_id,
            last_commit_hash: Some(sha(hashes::last_commit_hash(self.last_commit))),
            data_hash: Some(sha(hashes::data_hash(self.txs))),
            validators_hash: sha(hashes::validators_hash(self.validators)),
            next_validators_hash: sha(hashes::validators_hash(self.next_validators)),
            consensus_hash: sha(self.consensus_hash),
            app_hash: AppHash::try_from(self.app_hash.clone()).map_err(|e| CometError::malformed("app_hash", e))?,
            last_results_hash: Some(sha(self.last_results_hash)),
            evidence_hash: Some(sha(hashes::evidence_hash(self.evidence))),
            proposer_address: account::Id::new(self.proposer.0),
        })
    }
}

/// The JSON name of the first field in which two headers differ; `None` if they are equal.
pub fn first_mismatch(expected: &Header, found: &Header) -> Option<&'static str> {
    let differs = [
        ("version", expected.version != found.version),
        ("chain_id", expected.chain_id != found.chain_id),
        ("height", expected.height != found.height),
        ("time", expected.time != found.time),
        ("last_block_id", expected.last_block_id != found.last_block_id),
        ("last_commit_hash", expected.last_commit_hash != found.last_commit_hash),
        ("data_hash", expected.data_hash != found.data_hash),
        ("validators_hash", expected.validators_hash != found.validators_hash),
        ("next_validators_hash", expected.next_validators_hash != found.next_validators_hash),
        ("consensus_hash", expected.consensus_hash != found.consensus_hash),
        ("app_hash", expected.app_hash != found.app_hash),
        ("last_results_hash", expected.last_results_hash != found.last_results_hash),
        ("evidence_hash", expected.evidence_hash != found.evidence_hash),
        ("proposer_address", expected.proposer_address != found.proposer_address),
    ];
    differs.into_iter().find(|(_, differs)| *differs).map(|(name, _)| name)
}
