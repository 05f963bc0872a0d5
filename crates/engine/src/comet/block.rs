//! Blocks to bytes and back.

use prost::Message;
use tendermint::block::{self, Block, Commit};
use tendermint::evidence::List as EvidenceList;
use tendermint_proto::v0_38::types as pb;

use super::{BlockRef, CometError, HeaderFields};

/// Makes the block of `fields`: header, transactions, evidence and last commit, together with its
/// bytes and what validators vote on.
///
/// # Errors
/// See [`HeaderFields::header`].
pub fn assemble(fields: &HeaderFields<'_>) -> Result<(Block, Vec<u8>, BlockRef), CometError> {
    let header = fields.header()?;
    let evidence: EvidenceList = fields.evidence.clone();
    let block = Block::new(header, fields.txs.to_vec(), evidence, fields.last_commit.cloned());
    let bytes = encode_block(&block);
    let block_ref = BlockRef::of(&block.header, &bytes)?;
    Ok((block, bytes, block_ref))
}

/// The block as CometBFT writes it (`tendermint.types.Block`).
pub fn encode_block(block: &Block) -> Vec<u8> {
    // Go writes an empty commit and an empty id of a parent, not none, into the first block.
    let mut raw = pb::Block::from(block.clone());
    raw.last_commit.get_or_insert_with(|| Commit::default().into());
    if let Some(header) = &mut raw.header {
        header.last_block_id.get_or_insert_with(|| block::Id::default().into());
    }
    raw.encode_to_vec()
}

/// Reads a block.
///
/// # Errors
/// Bytes that are no block, and any encoding but the one that [`encode_block`] writes: two
/// encodings of one block would have one hash and two part sets.
pub fn decode_block(bytes: &[u8]) -> Result<Block, CometError> {
    let raw = pb::Block::decode(bytes).map_err(|e| CometError::malformed("block", e))?;
    let block = Block::try_from(raw).map_err(|e| CometError::malformed("block", e))?;
    if encode_block(&block) != bytes {
        return Err(CometError::NotCanonical);
    }
    Ok(block)
}
