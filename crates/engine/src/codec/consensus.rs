//! What validators say to each other.

use arc_malachitebft_app_channel::app::consensus::LivenessMsg;
use arc_malachitebft_app_channel::app::streaming::StreamContent;
use arc_malachitebft_app_channel::app::types::SignedConsensusMsg;
use arc_malachitebft_app_channel::app::types::core::{
    PolkaCertificate, PolkaSignature, RoundCertificate, RoundCertificateType, RoundSignature, SignedProposal,
    SignedVote, ValidatorProof,
};
use arc_malachitebft_app_channel::app::types::streaming::{StreamId, StreamMessage};

use super::basic::{
    array, block_ref, height, kind, signature, signed, some_round, unsigned, vote_type, vote_value, voted,
};
use super::wire::{self, consensus_message, liveness_message, part};
use super::{CodecError, WireForm};
use crate::context::{Ctx, Part};

impl WireForm for SignedConsensusMsg<Ctx> {
    type Wire = wire::ConsensusMessage;

    fn to_wire(&self) -> Result<wire::ConsensusMessage, CodecError> {
        let of = match self {
            Self::Vote(vote) => consensus_message::Of::Vote(vote.to_wire()?),
            Self::Proposal(proposal) => consensus_message::Of::Proposal(proposal.to_wire()?),
        };
        Ok(wire::ConsensusMessage { of: Some(of) })
    }

    fn from_wire(wire: wire::ConsensusMessage) -> Result<Self, CodecError> {
        Ok(match wire.of.ok_or(CodecError::missing("consensus message"))? {
            consensus_message::Of::Vote(vote) => Self::Vote(SignedVote::from_wire(vote)?),
            consensus_message::Of::Proposal(p) => Self::Proposal(SignedProposal::from_wire(p)?),
        })
    }
}

impl WireForm for PolkaCertificate<Ctx> {
    type Wire = wire::Certificate;

    fn to_wire(&self) -> Result<wire::Certificate, CodecError> {
        Ok(wire::Certificate {
            height: self.height.0,
            round: self.round.as_u32(),
            block: Some((&self.value_id).into()),
            signatures: self.polka_signatures.iter().map(|s| signed(&s.address, &s.signature)).collect(),
        })
    }

    fn from_wire(wire: wire::Certificate) -> Result<Self, CodecError> {
        let entry = |entry| {
            let (address, signature) = unsigned(Some(entry))?;
            Ok(PolkaSignature::new(address, signature))
        };
        Ok(Self {
            height: height(wire.height)?,
            round: some_round(wire.round)?,
            value_id: block_ref(wire.block)?,
            polka_signatures: wire.signatures.into_iter().map(entry).collect::<Result<_, _>>()?,
        })
    }
}

impl WireForm for RoundCertificate<Ctx> {
    type Wire = wire::RoundCertificate;

    fn to_wire(&self) -> Result<wire::RoundCertificate, CodecError> {
        Ok(wire::RoundCertificate {
            height: self.height.0,
            round: self.round.as_u32(),
            skip: self.cert_type == RoundCertificateType::Skip,
            signatures: self
                .round_signatures
                .iter()
                .map(|s| wire::RoundSigned {
                    kind: kind(s.vote_type),
                    block: voted(&s.value_id),
                    signed: Some(signed(&s.address, &s.signature)),
                })
                .collect(),
        })
    }

    fn from_wire(wire: wire::RoundCertificate) -> Result<Self, CodecError> {
        let entry = |entry: wire::RoundSigned| {
            let (address, signature) = unsigned(entry.signed)?;
            let (kind, value) = (vote_type(entry.kind)?, vote_value(entry.block)?);
            Ok(RoundSignature::new(kind, value, address, signature))
        };
        Ok(Self {
            height: height(wire.height)?,
            round: some_round(wire.round)?,
            cert_type: match wire.skip {
                true => RoundCertificateType::Skip,
                false => RoundCertificateType::Precommit,
            },
            round_signatures: wire.signatures.into_iter().map(entry).collect::<Result<_, _>>()?,
        })
    }
}

impl WireForm for LivenessMsg<Ctx> {
    type Wire = wire::LivenessMessage;

    fn to_wire(&self) -> Result<wire::LivenessMessage, CodecError> {
        let of = match self {
            Self::Vote(vote) => liveness_message::Of::Vote(vote.to_wire()?),
            Self::PolkaCertificate(polka) => liveness_message::Of::Polka(polka.to_wire()?),
            Self::SkipRoundCertificate(round) => liveness_message::Of::Round(round.to_wire()?),
        };
        Ok(wire::LivenessMessage { of: Some(of) })
    }

    fn from_wire(wire: wire::LivenessMessage) -> Result<Self, CodecError> {
        Ok(match wire.of.ok_or(CodecError::missing("liveness message"))? {
            liveness_message::Of::Vote(vote) => Self::Vote(SignedVote::from_wire(vote)?),
            liveness_message::Of::Polka(polka) => Self::PolkaCertificate(PolkaCertificate::from_wire(polka)?),
            liveness_message::Of::Round(round) => Self::SkipRoundCertificate(RoundCertificate::from_wire(round)?),
        })
    }
}

impl WireForm for Part {
    type Wire = wire::Part;

    fn to_wire(&self) -> Result<wire::Part, CodecError> {
        let of = match self {
            Self::Init(init) => part::Of::Init(init.into()),
            Self::Data(bytes) => part::Of::Data(bytes.clone()),
            Self::Fin(signature) => part::Of::Fin(signature.to_vec()),
        };
        Ok(wire::Part { of: Some(of) })
    }

    fn from_wire(wire: wire::Part) -> Result<Self, CodecError> {
        Ok(match wire.of.ok_or(CodecError::missing("part"))? {
            part::Of::Init(init) => Self::Init(init.try_into()?),
            part::Of::Data(bytes) => Self::Data(bytes),
            part::Of::Fin(signature) => Self::Fin(array(&signature, "signature")?),
        })
    }
}

impl WireForm for StreamMessage<Part> {
    type Wire = wire::StreamMessage;

    fn to_wire(&self) -> Result<wire::StreamMessage, CodecError> {
        let part = match &self.content {
            StreamContent::Data(part) => Some(part.to_wire()?),
            StreamContent::Fin => None,
        };
        Ok(wire::StreamMessage { stream_id: self.stream_id.to_bytes().to_vec(), sequence: self.sequence, part })
    }

    fn from_wire(wire: wire::StreamMessage) -> Result<Self, CodecError> {
        let content = match wire.part {
            Some(part) => StreamContent::Data(Part::from_wire(part)?),
            None => StreamContent::Fin,
        };
        Ok(Self::new(StreamId::new(wire.stream_id.into()), wire.sequence, content))
    }
}

impl WireForm for ValidatorProof<Ctx> {
    type Wire = wire::ValidatorProof;

    fn to_wire(&self) -> Result<wire::ValidatorProof, CodecError> {
        Ok(wire::ValidatorProof {
            public_key: self.public_key.clone(),
            peer_id: self.peer_id.clone(),
            signature: self.signature.to_bytes().to_vec(),
        })
    }

    fn from_wire(wire: wire::ValidatorProof) -> Result<Self, CodecError> {
        Ok(Self::new(wire.public_key, wire.peer_id, signature(&wire.signature)?))
    }
}
