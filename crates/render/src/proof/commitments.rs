//! What nodes and auditors commit to before anybody opens (docs/protocol.md, "Renders").

use proto::tetra::render::v1::{AuditedTile, OpenedTile};
use sha2::{Digest, Sha256};

use crate::ids::NodeId;

const PLANTS: &[u8] = b"tetra/render/plants/v1";
const AUDIT: &[u8] = b"tetra/render/audit/v1";

/// A node's commitment to planted hashes: SHA-256 of a tag, the salt, and each tile's index (4 bytes) and hash.
pub fn plants(salt: &[u8], tiles: &[OpenedTile]) -> [u8; 32] {
    let mut hash = Sha256::new().chain_update(PLANTS).chain_update(salt);
    for tile in tiles {
        hash.update(tile.index.to_be_bytes());
        hash.update(&tile.hash);
    }
    hash.finalize().into()
}

/// An auditor's commitment to its hashes: SHA-256 of a tag, the salt, its account and host key, and each tile's index (4
/// bytes) and hash.
pub fn audit(salt: &[u8], auditor: &NodeId, tiles: &[AuditedTile]) -> [u8; 32] {
    let mut hash = Sha256::new().chain_update(AUDIT).chain_update(salt);
    hash.update(auditor.owner.as_bytes());
    hash.update(auditor.host);
    for tile in tiles {
        hash.update(tile.index.to_be_bytes());
        hash.update(&tile.hash);
    }
    hash.finalize().into()
}
