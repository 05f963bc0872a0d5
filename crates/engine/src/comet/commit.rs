//! Certificates and commits: who signed for a block.

use arc_malachitebft_signing_ed25519::{PublicKey, Signature};
use primitives::validators::{ConsensusAddress, Validator, ValidatorSet};
use tendermint::account;
use tendermint::block::{Commit, CommitSig};
use tendermint::chain::Id as ChainId;

use super::sign_bytes::{VoteKind, vote_sign_bytes};
use super::{BlockRef, CometError};

/// A decision with the precommits that made it, as the engine hands it over.
///
/// Two nodes may hold different subsets of the signatures; the *canonical* commit of a height is
/// the one inside the next block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certificate {
    /// Height of the decided block.
    pub height: u64,
    /// Round in which it was decided.
    pub round: u32,
    /// What was decided.
    pub block: BlockRef,
    /// Who signed, in the order of addresses.
    pub signatures: Vec<(ConsensusAddress, [u8; 64])>,
}

impl Certificate {
    /// The commit that a light client verifies: one entry per validator of the height's set, in
    /// set order; who did not sign is absent.
    ///
    /// # Errors
    /// A height or round beyond CometBFT's range.
    pub fn to_commit(&self, validators: &ValidatorSet) -> Result<Commit, CometError> {
        let entry = |v: &Validator| {
            let signed = self.signatures.iter().find(|(address, _)| *address == v.address);
            let Some((address, signature)) = signed else {
                return Ok(CommitSig::BlockIdFlagAbsent);
            };
            Ok(CommitSig::BlockIdFlagCommit {
                validator_address: account::Id::new(address.0),
                timestamp: self.block.time(),
                signature: tendermint::Signature::new(signature).map_err(|e| CometError::malformed("signature", e))?,
            })
        };
        Ok(Commit {
            height: self.height.try_into().map_err(|e| CometError::malformed("height", e))?,
            round: self.round.try_into().map_err(|e| CometError::malformed("round", e))?,
            block_id: self.block.id(),
            signatures: validators.validators().iter().map(entry).collect::<Result<_, _>>()?,
        })
    }
}

/// Why a commit does not prove that its block was decided.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CommitError {
    /// It is for another height or block.
    #[error("commit is for another {0} than the parent's")]
    OtherBlock(&'static str),
    /// It does not have one entry per validator.
    #[error("commit has {found} entries, the validator set has {expected}")]
    Length {
        /// Validators in the set.
        expected: usize,
        /// Entries in the commit.
        found: usize,
    },
    /// An entry at some validator's place is not its precommit for the block.
    #[error("commit entry of validator {validator}: {reason}")]
    Entry {
        /// Whose place it is.
        validator: ConsensusAddress,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// Not more than two thirds of the power signed.
    #[error("commit has power {signed} of {total}; more than two thirds must sign")]
    Power {
        /// Power that signed.
        signed: u64,
        /// Power of the set.
        total: u64,
    },
}

/// Checks that `commit` proves the decision for `block` at `height` by more than two thirds of
/// `validators`, every signature verified. Stricter than CometBFT's rule: precommits for nil are
/// refused, as the engine never hands them over.
///
/// # Errors
/// The first thing that is wrong.
pub fn verify_commit(
    chain_id: &ChainId,
    validators: &ValidatorSet,
    height: u64,
    block: &BlockRef,
    commit: &Commit,
) -> Result<(), CommitError> {
    if commit.height.value() != height {
        return Err(CommitError::OtherBlock("height"));
    }
    if commit.block_id != block.id() {
        return Err(CommitError::OtherBlock("block"));
    }
    let (expected, found) = (validators.len(), commit.signatures.len());
    if expected != found {
        return Err(CommitError::Length { expected, found });
    }
    let round = i64::from(commit.round.value());
    let signed_bytes = vote_sign_bytes(chain_id, VoteKind::Precommit, height, round, Some(block));
    let mut signed = 0u64;
    for (validator, entry) in validators.validators().iter().zip(&commit.signatures) {
        let wrong = |reason| CommitError::Entry { validator: validator.address, reason };
        let (address, timestamp, signature) = match entry {
            CommitSig::BlockIdFlagAbsent => continue,
            CommitSig::BlockIdFlagNil { .. } => return Err(wrong("a precommit for no block")),
            CommitSig::BlockIdFlagCommit { validator_address, timestamp, signature } => {
                (validator_address, timestamp, signature.as_ref().ok_or(wrong("no signature"))?)
            }
        };
        if address.as_bytes() != validator.address.as_bytes() {
            return Err(wrong("signed by another address"));
        }
        if *timestamp != block.time() {
            return Err(wrong("timestamp is not the block's time"));
        }
        if !signature_is_valid(validator, &signed_bytes, signature.as_bytes()) {
            return Err(wrong("invalid signature"));
        }
        signed = signed.saturating_add(validator.power);
    }
    let total = validators.total_power();
    if u128::from(signed) * 3 <= u128::from(total) * 2 {
        return Err(CommitError::Power { signed, total });
    }
    Ok(())
}

fn signature_is_valid(validator: &Validator, message: &[u8], signature: &[u8]) -> bool {
    let (Ok(key), Ok(signature)) = (PublicKey::from_bytes(validator.public_key), Signature::try_from(signature)) else {
        return false;
    };
    key.verify(message, &signature).is_ok()
}
