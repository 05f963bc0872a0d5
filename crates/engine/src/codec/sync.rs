//! Catching up from peers.

use arc_malachitebft_app_channel::app::types::PeerId;
use arc_malachitebft_app_channel::app::types::codec::HasEncodedLen;
use arc_malachitebft_app_channel::app::types::core::{
    CommitCertificate, ExtendedCommitCertificate, ExtendedCommitSignature, Round,
};
use arc_malachitebft_app_channel::app::types::sync::{RawDecidedValue, Request, Response, Status};
use arc_malachitebft_signing_ed25519::Signature;
use arc_malachitebft_sync::{ValueRequest, ValueResponse};
use prost::Message;

use super::basic::height;
use super::{CodecError, ProtoCodec, WireForm, wire};
use crate::comet::Certificate;
use crate::context::{Address, Ctx, Height};

impl From<&Certificate> for ExtendedCommitCertificate<Ctx> {
    fn from(certificate: &Certificate) -> Self {
        Self {
            height: Height(certificate.height),
            round: Round::new(certificate.round),
            value_id: certificate.block,
            commit_signatures: certificate
                .signatures
                .iter()
                .map(|(address, signature)| {
                    let signature = Signature::from_bytes(*signature);
                    ExtendedCommitSignature::new(Address(*address), signature, None)
                })
                .collect(),
        }
    }
}

impl TryFrom<&ExtendedCommitCertificate<Ctx>> for Certificate {
    type Error = CodecError;

    fn try_from(certificate: &ExtendedCommitCertificate<Ctx>) -> Result<Self, CodecError> {
        if certificate.commit_signatures.iter().any(|s| s.extension.is_some()) {
            return Err(CodecError::new("certificate", "carries vote extensions"));
        }
        let signatures = certificate.commit_signatures.iter().map(|s| (s.address.0, s.signature.to_bytes())).collect();
        ordered(certificate.height, certificate.round, certificate.value_id, signatures)
    }
}

impl TryFrom<&CommitCertificate<Ctx>> for Certificate {
    type Error = CodecError;

    fn try_from(certificate: &CommitCertificate<Ctx>) -> Result<Self, CodecError> {
        let signatures = certificate.commit_signatures.iter().map(|s| (s.address.0, s.signature.to_bytes())).collect();
        ordered(certificate.height, certificate.round, certificate.value_id, signatures)
    }
}

fn ordered(
    height: Height,
    round: Round,
    block: crate::comet::BlockRef,
    mut signatures: Vec<(primitives::validators::ConsensusAddress, [u8; 64])>,
) -> Result<Certificate, CodecError> {
    signatures.sort_by_key(|(address, _)| *address);
    let round = round.as_u32().ok_or(CodecError::missing("round of a certificate"))?;
    Ok(Certificate { height: height.0, round, block, signatures })
}

impl WireForm for Status<Ctx> {
    type Wire = wire::Status;

    fn to_wire(&self) -> Result<wire::Status, CodecError> {
        Ok(wire::Status {
            peer_id: self.peer_id.to_bytes(),
            tip: self.tip_height.0,
            history_min: self.history_min_height.0,
        })
    }

    fn from_wire(wire: wire::Status) -> Result<Self, CodecError> {
        Ok(Self {
            peer_id: PeerId::from_bytes(&wire.peer_id).map_err(|e| CodecError::new("peer id", e))?,
            tip_height: height(wire.tip)?,
            history_min_height: height(wire.history_min)?,
        })
    }
}

impl WireForm for Request<Ctx> {
    type Wire = wire::SyncRequest;

    fn to_wire(&self) -> Result<wire::SyncRequest, CodecError> {
        let Self::ValueRequest(request) = self;
        Ok(wire::SyncRequest { from: request.range.start().0, to: request.range.end().0 })
    }

    fn from_wire(wire: wire::SyncRequest) -> Result<Self, CodecError> {
        let (from, to) = (height(wire.from)?, height(wire.to)?);
        if from > to {
            return Err(CodecError::new("sync request", format!("heights {from} to {to}")));
        }
        Ok(Self::ValueRequest(ValueRequest::new(from..=to)))
    }
}

impl WireForm for Response<Ctx> {
    type Wire = wire::SyncResponse;

    fn to_wire(&self) -> Result<wire::SyncResponse, CodecError> {
        let Self::ValueResponse(response) = self;
        let block = |value: &RawDecidedValue<Ctx>| {
            let certificate = Certificate::try_from(&value.certificate)?;
            Ok(wire::DecidedBlock { bytes: value.value_bytes.clone(), certificate: Some((&certificate).into()) })
        };
        Ok(wire::SyncResponse {
            from: response.start_height.0,
            blocks: response.values.iter().map(block).collect::<Result<_, CodecError>>()?,
        })
    }

    fn from_wire(wire: wire::SyncResponse) -> Result<Self, CodecError> {
        let value = |block: wire::DecidedBlock| {
            let certificate = block.certificate.ok_or(CodecError::missing("certificate"))?;
            let certificate = Certificate::from_wire(certificate)?;
            Ok(RawDecidedValue::new(block.bytes, (&certificate).into()))
        };
        Ok(Self::ValueResponse(ValueResponse::new(
            height(wire.from)?,
            wire.blocks.into_iter().map(value).collect::<Result<_, CodecError>>()?,
        )))
    }
}

impl HasEncodedLen<Response<Ctx>> for ProtoCodec {
    fn encoded_len(&self, response: &Response<Ctx>) -> Result<usize, CodecError> {
        Ok(response.to_wire()?.encoded_len())
    }
}
