//! What is signed, and by whom. Votes sign CometBFT's bytes; everything else signs bytes of our
//! own, each kind behind its own tag so that no signature serves two purposes.

use arc_malachitebft_app_channel::app::types::core::{
    NilOrVal, SignedMessage, ValidatorProof, VoteExtensionScope, VoteType,
};
use arc_malachitebft_signing::{Error, Signer, VerificationResult, Verifier};
use arc_malachitebft_signing_ed25519::{PrivateKey, PublicKey, Signature};
use async_trait::async_trait;
use prost::Message;
use sha2::{Digest, Sha256};

use crate::codec::wire;
use crate::comet::ChainId;
use crate::comet::sign_bytes::{VoteKind, vote_sign_bytes};
use crate::context::{Ctx, PartInit, Proposal, Vote};

// No tag can start a CanonicalVote: its second byte would have to be 0x08.
const PROPOSAL_TAG: &[u8] = b"tetra/proposal/v1\0";
const PARTS_TAG: &[u8] = b"tetra/proposal-parts/v1\0";
const EXTENSION_TAG: &[u8] = b"tetra/vote-extension/v1\0";

/// Verifies for one chain.
#[derive(Clone, Debug)]
pub(crate) struct ChainVerifier {
    chain_id: ChainId,
}

impl ChainVerifier {
    pub(crate) fn new(chain_id: ChainId) -> Self {
        Self { chain_id }
    }

    /// Whether `signature` is by `key` over the parts of a proposed block.
    pub(crate) fn parts_are_signed(
        &self,
        init: &PartInit,
        block: &[u8],
        signature: &[u8; 64],
        key: &PublicKey,
    ) -> bool {
        let message = parts_bytes(&self.chain_id, init, block);
        key.verify(&message, &Signature::from_bytes(*signature)).is_ok()
    }
}

/// Signs for one chain with a key in memory.
#[derive(Clone, Debug)]
pub(crate) struct ChainSigner {
    chain_id: ChainId,
    key: PrivateKey,
}

impl ChainSigner {
    pub(crate) fn new(chain_id: ChainId, key: PrivateKey) -> Self {
        Self { chain_id, key }
    }

    /// The proposer's signature over the parts of its block.
    pub(crate) fn sign_parts(&self, init: &PartInit, block: &[u8]) -> [u8; 64] {
        self.key.sign(&parts_bytes(&self.chain_id, init, block)).to_bytes()
    }
}

fn tagged(tag: &[u8], message: &impl Message) -> Vec<u8> {
    [tag, &message.encode_to_vec()].concat()
}

fn vote_bytes(chain_id: &ChainId, vote: &Vote) -> Vec<u8> {
    let kind = vote_kind(vote.kind);
    let block = match &vote.value {
        NilOrVal::Nil => None,
        NilOrVal::Val(block) => Some(block),
    };
    vote_sign_bytes(chain_id, kind, vote.height.0, vote.round.as_i64(), block)
}

pub(crate) fn vote_kind(kind: VoteType) -> VoteKind {
    match kind {
        VoteType::Prevote => VoteKind::Prevote,
        VoteType::Precommit => VoteKind::Precommit,
    }
}

fn proposal_bytes(chain_id: &ChainId, proposal: &Proposal) -> Vec<u8> {
    let message = wire::ProposalSignDoc {
        chain_id: chain_id.to_string(),
        height: proposal.height.0,
        round: proposal.round.as_u32(),
        valid_round: proposal.pol_round.as_u32(),
        block: Some(wire::BlockRef::from(&proposal.value)),
        proposer: proposal.address.0.0.to_vec(),
    };
    tagged(PROPOSAL_TAG, &message)
}

fn parts_bytes(chain_id: &ChainId, init: &PartInit, block: &[u8]) -> Vec<u8> {
    let message = wire::PartsSignDoc {
        chain_id: chain_id.to_string(),
        init: Some(wire::PartInit::from(init)),
        block_sha256: Sha256::digest(block).to_vec(),
    };
    tagged(PARTS_TAG, &message)
}

fn extension_bytes(chain_id: &ChainId, scope: &VoteExtensionScope<Ctx>) -> Vec<u8> {
    let message = wire::ExtensionSignDoc {
        chain_id: chain_id.to_string(),
        height: scope.height.0,
        round: scope.round.as_u32(),
        block: Some(wire::BlockRef::from(&scope.value_id)),
        validator: scope.validator_address.0.0.to_vec(),
    };
    tagged(EXTENSION_TAG, &message)
}

fn check(key: &PublicKey, message: &[u8], signature: &Signature) -> VerificationResult {
    VerificationResult::from_bool(key.verify(message, signature).is_ok())
}

#[async_trait]
impl Verifier<Ctx> for ChainVerifier {
    async fn verify_signed_vote(
        &self,
        vote: &Vote,
        signature: &Signature,
        key: &PublicKey,
    ) -> Result<VerificationResult, Error> {
        Ok(check(key, &vote_bytes(&self.chain_id, vote), signature))
    }

    async fn verify_signed_proposal(
        &self,
        proposal: &Proposal,
        signature: &Signature,
        key: &PublicKey,
    ) -> Result<VerificationResult, Error> {
        Ok(check(key, &proposal_bytes(&self.chain_id, proposal), signature))
    }

    async fn verify_signed_vote_extension(
        &self,
        scope: &VoteExtensionScope<Ctx>,
        _extension: &(),
        signature: &Signature,
        key: &PublicKey,
    ) -> Result<VerificationResult, Error> {
        Ok(check(key, &extension_bytes(&self.chain_id, scope), signature))
    }

    async fn verify_validator_proof(&self, proof: &ValidatorProof<Ctx>) -> Result<VerificationResult, Error> {
        Ok(match proof.decoded_public_key() {
            Ok(key) => check(&key, &proof.preimage(), &proof.signature),
            Err(_) => VerificationResult::Invalid,
        })
    }
}

#[async_trait]
impl Signer<Ctx> for ChainSigner {
    async fn sign_vote(&self, vote: Vote) -> Result<SignedMessage<Ctx, Vote>, Error> {
        let signature = self.key.sign(&vote_bytes(&self.chain_id, &vote));
        Ok(SignedMessage::new(vote, signature))
    }

    async fn sign_proposal(&self, proposal: Proposal) -> Result<SignedMessage<Ctx, Proposal>, Error> {
        let signature = self.key.sign(&proposal_bytes(&self.chain_id, &proposal));
        Ok(SignedMessage::new(proposal, signature))
    }

    async fn sign_vote_extension(
        &self,
        scope: VoteExtensionScope<Ctx>,
        extension: (),
    ) -> Result<SignedMessage<Ctx, ()>, Error> {
        let signature = self.key.sign(&extension_bytes(&self.chain_id, &scope));
        Ok(SignedMessage::new(extension, signature))
    }

    async fn sign_validator_proof(&self, public_key: Vec<u8>, peer_id: Vec<u8>) -> Result<ValidatorProof<Ctx>, Error> {
        let message = ValidatorProof::<Ctx>::signing_bytes(&public_key, &peer_id);
        let signature = self.key.sign(&message);
        Ok(ValidatorProof::new(public_key, peer_id, signature))
    }
}
