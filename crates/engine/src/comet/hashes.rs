//! Every hash that a header carries, as CometBFT v0.38 computes it.

use primitives::validators::ValidatorSet;
use prost::Message;
use sha2::{Digest, Sha256};
use tendermint::block::Commit;
use tendermint::evidence::{Evidence, List as EvidenceList};
use tendermint::merkle::simple_hash_from_byte_vectors;
use tendermint_proto::v0_38::abci::ExecTxResult;
use tendermint_proto::v0_38::crypto::{PublicKey, public_key};
use tendermint_proto::v0_38::types as pb;

use super::block_ref::PART_SIZE;

/// What a transaction left behind, as far as all nodes must agree on it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TxOutcome {
    /// Zero is success.
    pub code: u32,
    /// The response bytes.
    pub data: Vec<u8>,
    /// The gas that the transaction asked for.
    pub gas_wanted: i64,
    /// The gas that it used.
    pub gas_used: i64,
}

/// RFC 6962 Merkle root; of no leaves, the hash of nothing.
pub fn merkle_root(leaves: &[impl AsRef<[u8]>]) -> [u8; 32] {
    simple_hash_from_byte_vectors::<tendermint::crypto::default::Sha256>(leaves)
}

/// The root of an encoded block cut into parts (`PartSetHeader.Hash`).
pub fn part_set_root(block: &[u8]) -> [u8; 32] {
    merkle_root(&block.chunks(PART_SIZE).collect::<Vec<_>>())
}

/// `Header.DataHash`: the root over the SHA-256 of each transaction.
pub fn data_hash<T: AsRef<[u8]>>(txs: &[T]) -> [u8; 32] {
    merkle_root(&txs.iter().map(|tx| Sha256::digest(tx.as_ref())).collect::<Vec<_>>())
}

/// `Header.LastCommitHash`: the root over the signatures; of no commit, that of no signatures.
pub fn last_commit_hash(commit: Option<&Commit>) -> [u8; 32] {
    let signatures = commit.map_or(&[][..], |c| &c.signatures);
    let leaves: Vec<_> = signatures.iter().map(|s| pb::CommitSig::from(s.clone()).encode_to_vec()).collect();
    merkle_root(&leaves)
}

/// `Header.EvidenceHash`.
pub fn evidence_hash(evidence: &EvidenceList) -> [u8; 32] {
    let leaves: Vec<_> = evidence.iter().map(evidence_bytes).collect();
    merkle_root(&leaves)
}

/// The inner message's bytes (`Evidence.Bytes` in Go), without the enclosing oneof.
fn evidence_bytes(evidence: &Evidence) -> Vec<u8> {
    match pb::Evidence::from(evidence.clone()).sum {
        Some(pb::evidence::Sum::DuplicateVoteEvidence(e)) => e.encode_to_vec(),
        Some(pb::evidence::Sum::LightClientAttackEvidence(e)) => e.encode_to_vec(),
        None => Vec::new(),
    }
}

/// `Header.ValidatorsHash`: the root over keys and powers in set order.
pub fn validators_hash(set: &ValidatorSet) -> [u8; 32] {
    let leaves: Vec<_> = set
        .validators()
        .iter()
        .map(|v| pb::SimpleValidator {
            pub_key: Some(PublicKey { sum: Some(public_key::Sum::Ed25519(v.public_key.to_vec())) }),
            // A set's total, hence each power, is far below `i64::MAX`.
            voting_power: i64::try_from(v.power).unwrap_or(i64::MAX),
        })
        .map(|v| v.encode_to_vec())
        .collect();
    merkle_root(&leaves)
}

/// `Header.ConsensusHash`: the two limits that bind a proposer.
pub fn consensus_hash(block_max_bytes: i64, block_max_gas: i64) -> [u8; 32] {
    let params = pb::HashedParams { block_max_bytes, block_max_gas };
    Sha256::digest(params.encode_to_vec()).into()
}

/// `Header.LastResultsHash`: the root over the deterministic part of each result.
pub fn last_results_hash(outcomes: &[TxOutcome]) -> [u8; 32] {
    let leaves: Vec<_> = outcomes
        .iter()
        .map(|o| {
            let deterministic = ExecTxResult {
                code: o.code,
                data: o.data.clone().into(),
                gas_wanted: o.gas_wanted,
                gas_used: o.gas_used,
                ..Default::default()
            };
            deterministic.encode_to_vec()
        })
        .collect();
    merkle_root(&leaves)
}
