//! The engine's evidence in the host's words.

use arc_malachitebft_app_channel::app::types::MisbehaviorEvidence;
use arc_malachitebft_app_channel::app::types::core::{NilOrVal, SignedProposal, SignedVote};

use crate::context::Ctx;
use crate::host::{Misbehaviour, SignedStatement};
use crate::signing::vote_kind;

/// Every pair, in the order of addresses.
pub(super) fn reported(evidence: MisbehaviorEvidence<Ctx>) -> Vec<Misbehaviour> {
    let votes = evidence.votes.into_iter().flat_map(|(address, pairs)| {
        pairs.into_iter().filter_map(move |(first, second)| {
            Some(Misbehaviour::DoubleVote {
                validator: address.0,
                kind: vote_kind(first.message.kind),
                height: first.message.height.0,
                round: first.message.round.as_u32()?,
                votes: [vote(&first), vote(&second)],
            })
        })
    });
    let proposals = evidence.proposals.into_iter().flat_map(|(address, pairs)| {
        pairs.into_iter().filter_map(move |(first, second)| {
            Some(Misbehaviour::DoubleProposal {
                validator: address.0,
                height: first.message.height.0,
                round: first.message.round.as_u32()?,
                proposals: [proposal(&first), proposal(&second)],
            })
        })
    });
    votes.chain(proposals).collect()
}

fn vote(vote: &SignedVote<Ctx>) -> SignedStatement {
    let block = match vote.message.value {
        NilOrVal::Nil => None,
        NilOrVal::Val(block) => Some(block),
    };
    SignedStatement { block, signature: vote.signature.to_bytes() }
}

fn proposal(proposal: &SignedProposal<Ctx>) -> SignedStatement {
    SignedStatement { block: Some(proposal.message.value), signature: proposal.signature.to_bytes() }
}
