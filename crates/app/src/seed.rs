//! The block's randomness.
//!
//! `seed(h + 1) = SHA-256("tetra/seed/v1" ‖ seed(h) ‖ hash of block h)`, with the seed of height 1 taken from the chain
//! id. A proposer can bias it a little by withholding a block, so draws that carry much money add commit-reveal.

use sha2::{Digest, Sha256};

const DOMAIN: &[u8] = b"tetra/seed/v1";

/// The seed of height 1.
pub fn first(chain_id: &str) -> [u8; 32] {
    Sha256::new().chain_update(DOMAIN).chain_update(chain_id.as_bytes()).finalize().into()
}

/// The seed of the height after the block with this hash.
pub fn next(seed: &[u8; 32], block_hash: &[u8; 32]) -> [u8; 32] {
    Sha256::new().chain_update(DOMAIN).chain_update(seed).chain_update(block_hash).finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_seed_depends_on_all_that_came_before() {
        let first = first("tetra-local");
        assert_ne!(next(&first, &[0; 32]), next(&first, &[1; 32]));
        assert_ne!(next(&next(&first, &[0; 32]), &[2; 32]), next(&next(&first, &[1; 32]), &[2; 32]));
    }
}
