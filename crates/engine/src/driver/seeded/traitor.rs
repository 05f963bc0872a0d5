//! A validator that breaks the rules: it has a key, an honest engine behind it, and says other things as well.
//!
//! What it says is well formed and signed, so that it passes every check but those that consensus itself makes. What
//! is malformed, late or missing needs no key: whoever owns the links makes it from packets.

use std::time::Duration;

use arc_malachitebft_app_channel::app::consensus::{LivenessMsg, SignedConsensusMsg};
use arc_malachitebft_app_channel::app::streaming::StreamContent;
use arc_malachitebft_app_channel::app::types::core::{NilOrVal, SignedMessage};
use arc_malachitebft_app_channel::app::types::streaming::StreamMessage;
use arc_malachitebft_signing::{Error, Signer};
use bytes::{Bytes, BytesMut};

use super::port::{Channel, Packet};
use crate::codec::{CodecError, decode, encode};
use crate::comet::{BlockRef, ChainId, decode_block, encode_block};
use crate::context::{Ctx, Part, PartInit, Proposal, Vote};
use crate::driver::EngineError;
use crate::keys::ValidatorKey;
use crate::signing::ChainSigner;
use crate::streams::cut;

/// Streams of twins have numbers of their own.
const TWINS: u64 = 1 << 63;

/// A block like the one that was proposed, but another one.
#[derive(Clone)]
struct Twin {
    height: u64,
    round: u32,
    original: BlockRef,
    twin: BlockRef,
}

/// A validator that equivocates.
pub struct Traitor {
    signer: ChainSigner,
    /// The proposal that is on its way out, as far as it is.
    init: Option<PartInit>,
    bytes: BytesMut,
    twins: Vec<Twin>,
    streams: u64,
}

impl Traitor {
    /// Speaks with the key of an engine whose packets it sees.
    pub fn new(chain_id: ChainId, key: &ValidatorKey) -> Self {
        let signer = ChainSigner::new(chain_id, key.private().clone());
        Self { signer, init: None, bytes: BytesMut::new(), twins: Vec::new(), streams: 0 }
    }

    /// What contradicts a packet of the honest engine, to be sent to others than the packet: a second block with its
    /// pieces when the last piece of one goes out, a proposal of the second block, a vote for it, or a vote for no
    /// block where there is no second. Nothing for packets that are no statements.
    ///
    /// # Errors
    /// Never for what an engine sends; a failure of this software otherwise.
    pub async fn contradict(&mut self, packet: &Packet) -> Result<Vec<Packet>, EngineError> {
        match packet.channel {
            Channel::ProposalParts => self.second_block(&decode(packet.bytes.clone())?),
            Channel::Consensus => match decode(packet.bytes.clone())? {
                SignedConsensusMsg::Proposal(proposal) => self.other_proposal(proposal.message).await,
                SignedConsensusMsg::Vote(vote) => {
                    let vote = self.other_vote(vote.message).await?;
                    let vote = vote.map(|vote| encode(&SignedConsensusMsg::<Ctx>::Vote(vote)));
                    packed(packet.channel, vote)
                }
            },
            Channel::Liveness => match decode(packet.bytes.clone())? {
                LivenessMsg::Vote(vote) => {
                    let vote = self.other_vote(vote.message).await?;
                    packed(packet.channel, vote.map(|vote| encode(&LivenessMsg::<Ctx>::Vote(vote))))
                }
                LivenessMsg::PolkaCertificate(_) | LivenessMsg::SkipRoundCertificate(_) => Ok(Vec::new()),
            },
            Channel::Status | Channel::SyncRequest(_) | Channel::SyncResponse(_) => Ok(Vec::new()),
        }
    }

    fn second_block(&mut self, part: &StreamMessage<Part>) -> Result<Vec<Packet>, EngineError> {
        match &part.content {
            StreamContent::Data(Part::Init(init)) => {
                self.init = Some(*init);
                self.bytes.clear();
            }
            StreamContent::Data(Part::Data(piece)) => self.bytes.extend_from_slice(piece),
            StreamContent::Data(Part::Fin(_)) => {}
            StreamContent::Fin => {
                if let Some(init) = self.init.take() {
                    return self.twin_of(init);
                }
            }
        }
        Ok(Vec::new())
    }

    /// The same block a nanosecond later, which is as valid.
    fn twin_of(&mut self, init: PartInit) -> Result<Vec<Packet>, EngineError> {
        let mut block = decode_block(&self.bytes)?;
        let original = BlockRef::of(&block.header, &self.bytes)?;
        let Ok(later) = block.header.time + Duration::from_nanos(1) else {
            return Ok(Vec::new());
        };
        block.header.time = later;
        let bytes = Bytes::from(encode_block(&block));
        let twin = BlockRef::of(&block.header, &bytes)?;
        self.twins.retain(|known| known.height + 1 >= init.height);
        self.twins.push(Twin { height: init.height, round: init.round, original, twin });
        self.streams += 1;
        let signature = self.signer.sign_parts(&init, &bytes);
        let parts = cut(init, &bytes, signature, TWINS | self.streams);
        let packet = |part| Ok(Packet { channel: Channel::ProposalParts, bytes: encode(&part)? });
        parts.into_iter().map(packet).collect()
    }

    /// The second block in place of the first, or the other way round.
    fn instead_of(&self, height: u64, block: &BlockRef) -> Option<BlockRef> {
        let of_height = self.twins.iter().filter(|twin| twin.height == height);
        of_height.rev().find(|twin| twin.original == *block).map(|twin| twin.twin)
    }

    async fn other_proposal(&self, proposal: Proposal) -> Result<Vec<Packet>, EngineError> {
        let Some(value) = self.instead_of(proposal.height.0, &proposal.value) else {
            return Ok(Vec::new());
        };
        let signed = self.signer.sign_proposal(Proposal { value, ..proposal }).await.map_err(cannot_sign)?;
        packed(Channel::Consensus, Some(encode(&SignedConsensusMsg::<Ctx>::Proposal(signed))))
    }

    async fn other_vote(&self, vote: Vote) -> Result<Option<SignedMessage<Ctx, Vote>>, EngineError> {
        let newest = self.twins.iter().rev().find(|twin| twin.height == vote.height.0);
        let value = match vote.value {
            NilOrVal::Val(block) => self.instead_of(vote.height.0, &block).map_or(NilOrVal::Nil, NilOrVal::Val),
            NilOrVal::Nil => match newest {
                Some(twin) if twin.round == vote.round.as_u32().unwrap_or(0) => NilOrVal::Val(twin.original),
                Some(twin) => NilOrVal::Val(twin.twin),
                None => return Ok(None),
            },
        };
        Ok(Some(self.signer.sign_vote(Vote { value, ..vote }).await.map_err(cannot_sign)?))
    }
}

fn cannot_sign(error: Error) -> EngineError {
    EngineError::Contract(error.to_string())
}

fn packed(channel: Channel, encoded: Option<Result<Bytes, CodecError>>) -> Result<Vec<Packet>, EngineError> {
    encoded.map(|bytes| Ok(Packet { channel, bytes: bytes? })).into_iter().collect()
}
