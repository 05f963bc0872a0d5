//! The protobuf messages of the engine's traffic and files. Field numbers are forever: the
//! write-ahead log, undecided blocks and certificates are stored in them.
//!
//! Rounds are absent when there is none (Malachite's nil round). Hashes are 32 bytes, addresses
//! 20, signatures 64.

/// A voted block: see [`crate::comet::BlockRef`].
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct BlockRef {
    #[prost(bytes = "vec", tag = "1")]
    pub(crate) header_hash: Vec<u8>,
    #[prost(uint32, tag = "2")]
    pub(crate) parts_total: u32,
    #[prost(bytes = "vec", tag = "3")]
    pub(crate) parts_root: Vec<u8>,
    #[prost(int64, tag = "4")]
    pub(crate) seconds: i64,
    #[prost(uint32, tag = "5")]
    pub(crate) nanos: u32,
}

/// One validator's signature.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Signed {
    #[prost(bytes = "vec", tag = "1")]
    pub(crate) address: Vec<u8>,
    #[prost(bytes = "vec", tag = "2")]
    pub(crate) signature: Vec<u8>,
}

/// Which of a round's votes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, prost::Enumeration)]
#[repr(i32)]
pub(crate) enum Kind {
    Unspecified = 0,
    Prevote = 1,
    Precommit = 2,
}

/// A vote with its signature.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Vote {
    #[prost(enumeration = "Kind", tag = "1")]
    pub(crate) kind: i32,
    #[prost(uint64, tag = "2")]
    pub(crate) height: u64,
    #[prost(uint32, optional, tag = "3")]
    pub(crate) round: Option<u32>,
    /// Absent: a vote for no block.
    #[prost(message, optional, tag = "4")]
    pub(crate) block: Option<BlockRef>,
    #[prost(message, optional, tag = "5")]
    pub(crate) signed: Option<Signed>,
}

/// A proposal with its signature.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Proposal {
    #[prost(uint64, tag = "1")]
    pub(crate) height: u64,
    #[prost(uint32, optional, tag = "2")]
    pub(crate) round: Option<u32>,
    #[prost(message, optional, tag = "3")]
    pub(crate) block: Option<BlockRef>,
    #[prost(uint32, optional, tag = "4")]
    pub(crate) valid_round: Option<u32>,
    #[prost(message, optional, tag = "5")]
    pub(crate) signed: Option<Signed>,
}

/// A vote or a proposal.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct ConsensusMessage {
    #[prost(oneof = "consensus_message::Of", tags = "1, 2")]
    pub(crate) of: Option<consensus_message::Of>,
}

pub(crate) mod consensus_message {
    #[derive(Clone, PartialEq, prost::Oneof)]
    pub(crate) enum Of {
        #[prost(message, tag = "1")]
        Vote(super::Vote),
        #[prost(message, tag = "2")]
        Proposal(super::Proposal),
    }
}

/// Signatures for one block at (height, round): a polka (prevotes) or a commit (precommits).
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Certificate {
    #[prost(uint64, tag = "1")]
    pub(crate) height: u64,
    #[prost(uint32, optional, tag = "2")]
    pub(crate) round: Option<u32>,
    #[prost(message, optional, tag = "3")]
    pub(crate) block: Option<BlockRef>,
    #[prost(message, repeated, tag = "4")]
    pub(crate) signatures: Vec<Signed>,
}

/// Why a round may be entered.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct RoundCertificate {
    #[prost(uint64, tag = "1")]
    pub(crate) height: u64,
    #[prost(uint32, optional, tag = "2")]
    pub(crate) round: Option<u32>,
    /// A third of the votes of the round itself; otherwise two thirds of the one before.
    #[prost(bool, tag = "3")]
    pub(crate) skip: bool,
    #[prost(message, repeated, tag = "4")]
    pub(crate) signatures: Vec<RoundSigned>,
}

/// One vote of a [`RoundCertificate`].
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct RoundSigned {
    #[prost(enumeration = "Kind", tag = "1")]
    pub(crate) kind: i32,
    #[prost(message, optional, tag = "2")]
    pub(crate) block: Option<BlockRef>,
    #[prost(message, optional, tag = "3")]
    pub(crate) signed: Option<Signed>,
}

/// What peers send again so that nobody stays behind.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct LivenessMessage {
    #[prost(oneof = "liveness_message::Of", tags = "1, 2, 3")]
    pub(crate) of: Option<liveness_message::Of>,
}

pub(crate) mod liveness_message {
    #[derive(Clone, PartialEq, prost::Oneof)]
    pub(crate) enum Of {
        #[prost(message, tag = "1")]
        Vote(super::Vote),
        #[prost(message, tag = "2")]
        Polka(super::Certificate),
        #[prost(message, tag = "3")]
        Round(super::RoundCertificate),
    }
}

/// Which proposal a stream carries.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct PartInit {
    #[prost(uint64, tag = "1")]
    pub(crate) height: u64,
    #[prost(uint32, tag = "2")]
    pub(crate) round: u32,
    #[prost(uint32, optional, tag = "3")]
    pub(crate) valid_round: Option<u32>,
    #[prost(bytes = "vec", tag = "4")]
    pub(crate) proposer: Vec<u8>,
}

/// A piece of a block.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Part {
    #[prost(oneof = "part::Of", tags = "1, 2, 3")]
    pub(crate) of: Option<part::Of>,
}

pub(crate) mod part {
    #[derive(Clone, PartialEq, prost::Oneof)]
    pub(crate) enum Of {
        #[prost(message, tag = "1")]
        Init(super::PartInit),
        #[prost(bytes = "bytes", tag = "2")]
        Data(bytes::Bytes),
        #[prost(bytes = "vec", tag = "3")]
        Fin(Vec<u8>),
    }
}

/// A part in its stream.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct StreamMessage {
    #[prost(bytes = "vec", tag = "1")]
    pub(crate) stream_id: Vec<u8>,
    #[prost(uint64, tag = "2")]
    pub(crate) sequence: u64,
    /// Absent: the end of the stream.
    #[prost(message, optional, tag = "3")]
    pub(crate) part: Option<Part>,
}

/// Binds a peer to a validator key.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct ValidatorProof {
    #[prost(bytes = "vec", tag = "1")]
    pub(crate) public_key: Vec<u8>,
    #[prost(bytes = "vec", tag = "2")]
    pub(crate) peer_id: Vec<u8>,
    #[prost(bytes = "vec", tag = "3")]
    pub(crate) signature: Vec<u8>,
}

/// A complete proposal, in the write-ahead log.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct ProposedValue {
    #[prost(uint64, tag = "1")]
    pub(crate) height: u64,
    #[prost(uint32, optional, tag = "2")]
    pub(crate) round: Option<u32>,
    #[prost(uint32, optional, tag = "3")]
    pub(crate) valid_round: Option<u32>,
    #[prost(bytes = "vec", tag = "4")]
    pub(crate) proposer: Vec<u8>,
    #[prost(message, optional, tag = "5")]
    pub(crate) block: Option<BlockRef>,
    #[prost(bool, tag = "6")]
    pub(crate) valid: bool,
}

/// An undecided block, in the host's store.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct UndecidedBlock {
    #[prost(message, optional, tag = "1")]
    pub(crate) init: Option<PartInit>,
    #[prost(message, optional, tag = "2")]
    pub(crate) block: Option<BlockRef>,
    #[prost(bytes = "bytes", tag = "3")]
    pub(crate) bytes: bytes::Bytes,
}

/// What a peer has.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Status {
    #[prost(bytes = "vec", tag = "1")]
    pub(crate) peer_id: Vec<u8>,
    #[prost(uint64, tag = "2")]
    pub(crate) tip: u64,
    #[prost(uint64, tag = "3")]
    pub(crate) history_min: u64,
}

/// A request for decided blocks, both ends included.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct SyncRequest {
    #[prost(uint64, tag = "1")]
    pub(crate) from: u64,
    #[prost(uint64, tag = "2")]
    pub(crate) to: u64,
}

/// A decided block.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct DecidedBlock {
    #[prost(bytes = "bytes", tag = "1")]
    pub(crate) bytes: bytes::Bytes,
    #[prost(message, optional, tag = "2")]
    pub(crate) certificate: Option<Certificate>,
}

/// Decided blocks without a gap.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct SyncResponse {
    #[prost(uint64, tag = "1")]
    pub(crate) from: u64,
    #[prost(message, repeated, tag = "2")]
    pub(crate) blocks: Vec<DecidedBlock>,
}

/// What a proposer signs.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct ProposalSignDoc {
    #[prost(string, tag = "1")]
    pub(crate) chain_id: String,
    #[prost(uint64, tag = "2")]
    pub(crate) height: u64,
    #[prost(uint32, optional, tag = "3")]
    pub(crate) round: Option<u32>,
    #[prost(uint32, optional, tag = "4")]
    pub(crate) valid_round: Option<u32>,
    #[prost(message, optional, tag = "5")]
    pub(crate) block: Option<BlockRef>,
    #[prost(bytes = "vec", tag = "6")]
    pub(crate) proposer: Vec<u8>,
}

/// What a proposer signs at the end of the parts.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct PartsSignDoc {
    #[prost(string, tag = "1")]
    pub(crate) chain_id: String,
    #[prost(message, optional, tag = "2")]
    pub(crate) init: Option<PartInit>,
    #[prost(bytes = "vec", tag = "3")]
    pub(crate) block_sha256: Vec<u8>,
}

/// What a vote extension would sign.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct ExtensionSignDoc {
    #[prost(string, tag = "1")]
    pub(crate) chain_id: String,
    #[prost(uint64, tag = "2")]
    pub(crate) height: u64,
    #[prost(uint32, optional, tag = "3")]
    pub(crate) round: Option<u32>,
    #[prost(message, optional, tag = "4")]
    pub(crate) block: Option<BlockRef>,
    #[prost(bytes = "vec", tag = "5")]
    pub(crate) validator: Vec<u8>,
}
