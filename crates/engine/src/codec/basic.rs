//! References, addresses, signatures, rounds, votes and certificates.

use arc_malachitebft_app_channel::app::types::core::{
    NilOrVal, Round, SignedMessage, SignedProposal, SignedVote, VoteType,
};
use arc_malachitebft_signing_ed25519::Signature;
use primitives::validators::ConsensusAddress;
use prost::Message;
use tendermint::Time;

use super::{CodecError, WireForm, wire};
use crate::comet::{BlockRef, Certificate};
use crate::context::{Address, Ctx, Height, PartInit, Proposal, Vote};

pub(super) fn array<const N: usize>(bytes: &[u8], what: &'static str) -> Result<[u8; N], CodecError> {
    bytes.try_into().map_err(|_| CodecError::new(what, format!("{} bytes", bytes.len())))
}

/// CometBFT's heights are signed.
pub(super) fn height(height: u64) -> Result<Height, CodecError> {
    match i64::try_from(height) {
        Ok(_) => Ok(Height(height)),
        Err(e) => Err(CodecError::new("height", e)),
    }
}

/// CometBFT's rounds are signed 32-bit numbers.
pub(super) fn round_number(round: u32) -> Result<u32, CodecError> {
    match i32::try_from(round) {
        Ok(_) => Ok(round),
        Err(e) => Err(CodecError::new("round", e)),
    }
}

pub(super) fn round(round: Option<u32>) -> Result<Round, CodecError> {
    Ok(Round::from(round.map(round_number).transpose()?))
}

/// Votes, proposals and certificates are always of some round.
pub(super) fn some_round(number: Option<u32>) -> Result<Round, CodecError> {
    number.ok_or(CodecError::missing("round")).and_then(round_number).map(Round::new)
}

pub(super) fn signed(address: &Address, signature: &Signature) -> wire::Signed {
    wire::Signed { address: address.0.0.to_vec(), signature: signature.to_bytes().to_vec() }
}

pub(super) fn address(bytes: &[u8]) -> Result<Address, CodecError> {
    Ok(Address(ConsensusAddress(array(bytes, "address")?)))
}

pub(super) fn signature(bytes: &[u8]) -> Result<Signature, CodecError> {
    Ok(Signature::from_bytes(array(bytes, "signature")?))
}

pub(super) fn unsigned(signed: Option<wire::Signed>) -> Result<(Address, Signature), CodecError> {
    let signed = signed.ok_or(CodecError::missing("signature"))?;
    Ok((address(&signed.address)?, signature(&signed.signature)?))
}

pub(super) fn kind(kind: VoteType) -> i32 {
    match kind {
        VoteType::Prevote => wire::Kind::Prevote.into(),
        VoteType::Precommit => wire::Kind::Precommit.into(),
    }
}

pub(super) fn vote_type(kind: i32) -> Result<VoteType, CodecError> {
    match wire::Kind::try_from(kind) {
        Ok(wire::Kind::Prevote) => Ok(VoteType::Prevote),
        Ok(wire::Kind::Precommit) => Ok(VoteType::Precommit),
        _ => Err(CodecError::new("vote kind", kind)),
    }
}

pub(super) fn voted(value: &NilOrVal<BlockRef>) -> Option<wire::BlockRef> {
    match value {
        NilOrVal::Nil => None,
        NilOrVal::Val(block) => Some(block.into()),
    }
}

pub(super) fn vote_value(block: Option<wire::BlockRef>) -> Result<NilOrVal<BlockRef>, CodecError> {
    Ok(match block {
        None => NilOrVal::Nil,
        Some(block) => NilOrVal::Val(block.try_into()?),
    })
}

pub(super) fn block_ref(block: Option<wire::BlockRef>) -> Result<BlockRef, CodecError> {
    block.ok_or(CodecError::missing("block reference"))?.try_into()
}

impl From<&BlockRef> for wire::BlockRef {
    fn from(block: &BlockRef) -> Self {
        let nanos = block.time().unix_timestamp_nanos().rem_euclid(1_000_000_000);
        Self {
            header_hash: block.hash().to_vec(),
            parts_total: block.parts_total(),
            parts_root: block.parts_root().to_vec(),
            seconds: block.time().unix_timestamp(),
            nanos: u32::try_from(nanos).unwrap_or(0),
        }
    }
}

impl TryFrom<wire::BlockRef> for BlockRef {
    type Error = CodecError;

    fn try_from(wire: wire::BlockRef) -> Result<Self, CodecError> {
        let time = Time::from_unix_timestamp(wire.seconds, wire.nanos).map_err(|e| CodecError::new("time", e))?;
        BlockRef::new(
            array(&wire.header_hash, "header hash")?,
            wire.parts_total,
            array(&wire.parts_root, "parts root")?,
            time,
        )
        .map_err(|e| CodecError::new("block reference", e))
    }
}

impl From<&PartInit> for wire::PartInit {
    fn from(init: &PartInit) -> Self {
        Self {
            height: init.height,
            round: init.round,
            valid_round: init.valid_round,
            proposer: init.proposer.0.to_vec(),
        }
    }
}

impl TryFrom<wire::PartInit> for PartInit {
    type Error = CodecError;

    fn try_from(wire: wire::PartInit) -> Result<Self, CodecError> {
        Ok(Self {
            height: height(wire.height)?.0,
            round: round_number(wire.round)?,
            valid_round: wire.valid_round.map(round_number).transpose()?,
            proposer: address(&wire.proposer)?.0,
        })
    }
}

impl WireForm for SignedVote<Ctx> {
    type Wire = wire::Vote;

    fn to_wire(&self) -> Result<wire::Vote, CodecError> {
        let vote = &self.message;
        if vote.extension.is_some() {
            return Err(CodecError::new("vote", "vote extensions are not used on this chain"));
        }
        Ok(wire::Vote {
            kind: kind(vote.kind),
            height: vote.height.0,
            round: vote.round.as_u32(),
            block: voted(&vote.value),
            signed: Some(signed(&vote.address, &self.signature)),
        })
    }

    fn from_wire(wire: wire::Vote) -> Result<Self, CodecError> {
        let (address, signature) = unsigned(wire.signed)?;
        let vote = Vote {
            kind: vote_type(wire.kind)?,
            height: height(wire.height)?,
            round: some_round(wire.round)?,
            value: vote_value(wire.block)?,
            address,
            extension: None,
        };
        Ok(SignedMessage::new(vote, signature))
    }
}

impl WireForm for SignedProposal<Ctx> {
    type Wire = wire::Proposal;

    fn to_wire(&self) -> Result<wire::Proposal, CodecError> {
        let proposal = &self.message;
        Ok(wire::Proposal {
            height: proposal.height.0,
            round: proposal.round.as_u32(),
            block: Some((&proposal.value).into()),
            valid_round: proposal.pol_round.as_u32(),
            signed: Some(signed(&proposal.address, &self.signature)),
        })
    }

    fn from_wire(wire: wire::Proposal) -> Result<Self, CodecError> {
        let (address, signature) = unsigned(wire.signed)?;
        let proposal = Proposal {
            height: height(wire.height)?,
            round: some_round(wire.round)?,
            value: block_ref(wire.block)?,
            pol_round: round(wire.valid_round)?,
            address,
        };
        Ok(SignedMessage::new(proposal, signature))
    }
}

impl WireForm for Certificate {
    type Wire = wire::Certificate;

    fn to_wire(&self) -> Result<wire::Certificate, CodecError> {
        Ok(self.into())
    }

    fn from_wire(wire: wire::Certificate) -> Result<Self, CodecError> {
        let entry = |s: wire::Signed| Ok((address(&s.address)?.0, array(&s.signature, "signature")?));
        Ok(Self {
            height: height(wire.height)?.0,
            round: round_number(wire.round.ok_or(CodecError::missing("round"))?)?,
            block: block_ref(wire.block)?,
            signatures: wire.signatures.into_iter().map(entry).collect::<Result<_, _>>()?,
        })
    }
}

impl From<&Certificate> for wire::Certificate {
    fn from(certificate: &Certificate) -> Self {
        Self {
            height: certificate.height,
            round: Some(certificate.round),
            block: Some((&certificate.block).into()),
            signatures: certificate
                .signatures
                .iter()
                .map(|(address, signature)| wire::Signed { address: address.0.to_vec(), signature: signature.to_vec() })
                .collect(),
        }
    }
}

impl Certificate {
    /// The stored form (persistent).
    pub fn encode(&self) -> Vec<u8> {
        wire::Certificate::from(self).encode_to_vec()
    }

    /// From the stored form.
    ///
    /// # Errors
    /// Bytes that [`Certificate::encode`] did not write.
    pub fn decode(bytes: &[u8]) -> Result<Self, CodecError> {
        let wire = wire::Certificate::decode(bytes).map_err(|e| CodecError::new("certificate", e))?;
        Self::from_wire(wire)
    }
}
