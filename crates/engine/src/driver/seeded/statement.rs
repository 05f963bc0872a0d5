//! What a packet says, for those who watch the links: no honest validator may say two things about one step.

use arc_malachitebft_app_channel::app::consensus::{LivenessMsg, SignedConsensusMsg};
use arc_malachitebft_app_channel::app::types::core::{NilOrVal, SignedProposal, SignedVote, VoteType};
use primitives::validators::ConsensusAddress;

use super::port::{Channel, Packet};
use crate::codec::decode;
use crate::comet::BlockRef;
use crate::context::Ctx;

/// Which of a round's signed messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Step {
    /// A proposal.
    Proposal,
    /// A prevote.
    Prevote,
    /// A precommit.
    Precommit,
}

/// A signed message; its signature has not been looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Statement {
    /// Who signed.
    pub validator: ConsensusAddress,
    /// The height that it is about.
    pub height: u64,
    /// The round that it is about.
    pub round: u32,
    /// Which message.
    pub step: Step,
    /// For which block; none is a vote for no block.
    pub block: Option<BlockRef>,
}

/// The statement in a packet, if it is one.
pub fn statement(packet: &Packet) -> Option<Statement> {
    match packet.channel {
        Channel::Consensus => match decode(packet.bytes.clone()).ok()? {
            SignedConsensusMsg::Vote(vote) => of_vote(&vote),
            SignedConsensusMsg::Proposal(proposal) => of_proposal(&proposal),
        },
        Channel::Liveness => match decode(packet.bytes.clone()).ok()? {
            LivenessMsg::Vote(vote) => of_vote(&vote),
            LivenessMsg::PolkaCertificate(_) | LivenessMsg::SkipRoundCertificate(_) => None,
        },
        Channel::ProposalParts | Channel::Status | Channel::SyncRequest(_) | Channel::SyncResponse(_) => None,
    }
}

fn of_vote(vote: &SignedVote<Ctx>) -> Option<Statement> {
    let vote = &vote.message;
    Some(Statement {
        validator: vote.address.0,
        height: vote.height.0,
        round: vote.round.as_u32()?,
        step: match vote.kind {
            VoteType::Prevote => Step::Prevote,
            VoteType::Precommit => Step::Precommit,
        },
        block: match vote.value {
            NilOrVal::Nil => None,
            NilOrVal::Val(block) => Some(block),
        },
    })
}

fn of_proposal(proposal: &SignedProposal<Ctx>) -> Option<Statement> {
    let proposal = &proposal.message;
    Some(Statement {
        validator: proposal.address.0,
        height: proposal.height.0,
        round: proposal.round.as_u32()?,
        step: Step::Proposal,
        block: Some(proposal.value),
    })
}
