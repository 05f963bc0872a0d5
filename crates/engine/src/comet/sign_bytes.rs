//! The canonical bytes that a vote signs.

use prost::Message;
use tendermint::chain::Id as ChainId;
use tendermint_proto::google::protobuf::Timestamp;
use tendermint_proto::v0_38::types as pb;

use super::BlockRef;

/// Which of the two votes of a round.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VoteKind {
    /// First: "this proposal is acceptable".
    Prevote,
    /// Second: "two thirds found it acceptable". A commit is made of these.
    Precommit,
}

/// CometBFT's `VoteSignBytes`: the length-delimited `CanonicalVote`.
///
/// The timestamp is the voted block's time, and the epoch for a vote for no block.
pub fn vote_sign_bytes(
    chain_id: &ChainId,
    kind: VoteKind,
    height: u64,
    round: i64,
    block: Option<&BlockRef>,
) -> Vec<u8> {
    let canonical = pb::CanonicalVote {
        r#type: match kind {
            VoteKind::Prevote => pb::SignedMsgType::Prevote,
            VoteKind::Precommit => pb::SignedMsgType::Precommit,
        } as i32,
        // No decoder lets a greater height in.
        height: i64::try_from(height).unwrap_or(i64::MAX),
        round,
        block_id: block.map(|block| pb::CanonicalBlockId {
            hash: block.hash().to_vec(),
            part_set_header: Some(pb::CanonicalPartSetHeader {
                total: block.parts_total(),
                hash: block.parts_root().to_vec(),
            }),
        }),
        timestamp: Some(block.map_or(Timestamp::default(), |block| block.time().into())),
        chain_id: chain_id.to_string(),
    };
    canonical.encode_length_delimited_to_vec()
}
