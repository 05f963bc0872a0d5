//! What validators vote on.

use std::fmt;

use tendermint::block::Id as BlockId;
use tendermint::block::parts::Header as PartSetHeader;
use tendermint::{Hash, Time};

use super::CometError;
use super::hashes::part_set_root;

/// A block travels, and its part set is hashed, in pieces of this many bytes.
pub const PART_SIZE: usize = 64 * 1024;

/// The most parts that a block may have; far above any block limit, and CometBFT's own bound.
const MAX_PARTS: u32 = 1601;

/// A CometBFT block id together with the block's time.
///
/// The time is here because Malachite rebuilds a vote from (height, round, value, address) alone,
/// while CometBFT's sign bytes hold a timestamp: so the timestamp of a vote is the time of the
/// block that it votes for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BlockRef {
    id: BlockId,
    time: Time,
}

impl BlockRef {
    /// From a header hash, a part set (count and Merkle root) and the header's time.
    ///
    /// # Errors
    /// No parts, or more than CometBFT allows.
    pub fn new(header_hash: [u8; 32], parts_total: u32, parts_root: [u8; 32], time: Time) -> Result<Self, CometError> {
        if !(1..=MAX_PARTS).contains(&parts_total) {
            return Err(CometError::malformed("part set", format!("{parts_total} parts")));
        }
        let part_set_header = PartSetHeader::new(parts_total, Hash::Sha256(parts_root))
            .map_err(|e| CometError::malformed("part set", e))?;
        Ok(Self { id: BlockId { hash: Hash::Sha256(header_hash), part_set_header }, time })
    }

    /// The reference of an encoded block with this header.
    ///
    /// # Errors
    /// An empty or absurdly long block.
    pub fn of(header: &tendermint::block::Header, bytes: &[u8]) -> Result<Self, CometError> {
        let total = u32::try_from(bytes.len().div_ceil(PART_SIZE)).unwrap_or(u32::MAX);
        let hash = hash_bytes(header.hash());
        Self::new(hash, total, part_set_root(bytes), header.time)
    }

    /// CometBFT's block id.
    pub fn id(&self) -> BlockId {
        self.id
    }

    /// The block's hash, which is its header's hash.
    pub fn hash(&self) -> [u8; 32] {
        hash_bytes(self.id.hash)
    }

    /// How many parts the encoded block has.
    pub fn parts_total(&self) -> u32 {
        self.id.part_set_header.total
    }

    /// The Merkle root of the encoded block's parts.
    pub fn parts_root(&self) -> [u8; 32] {
        hash_bytes(self.id.part_set_header.hash)
    }

    /// The time in the block's header.
    pub fn time(&self) -> Time {
        self.time
    }
}

impl fmt::Display for BlockRef {
    /// The first six bytes of the hash: enough to tell two candidates of one height apart.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.hash().iter().take(6).try_for_each(|byte| write!(f, "{byte:02X}"))
    }
}

/// The 32 bytes of a hash; zeros for the empty hash, which no constructor here lets in.
fn hash_bytes(hash: Hash) -> [u8; 32] {
    match hash {
        Hash::Sha256(bytes) => bytes,
        Hash::None => [0; 32],
    }
}
