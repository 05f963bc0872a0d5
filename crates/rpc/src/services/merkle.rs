//! CometBFT's simple Merkle tree, for proofs that a transaction stands in a block (`crypto/merkle/proof.go`).

use sha2::{Digest, Sha256};

/// A path from a leaf to the root.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proof {
    /// Hash of the leaf.
    pub leaf: [u8; 32],
    /// Siblings, from the leaf up.
    pub aunts: Vec<[u8; 32]>,
    /// The root.
    pub root: [u8; 32],
}

fn leaf_hash(leaf: &[u8]) -> [u8; 32] {
    Sha256::new().chain_update([0]).chain_update(leaf).finalize().into()
}

fn inner_hash(left: &[u8; 32], right: &[u8; 32]) -> [u8; 32] {
    Sha256::new().chain_update([1]).chain_update(left).chain_update(right).finalize().into()
}

fn root(leaves: &[[u8; 32]]) -> [u8; 32] {
    match leaves {
        [] => Sha256::digest([]).into(),
        [only] => leaf_hash(only),
        many => {
            let (left, right) = many.split_at(split(many.len()));
            inner_hash(&root(left), &root(right))
        }
    }
}

/// The largest power of two below the length.
fn split(length: usize) -> usize {
    let half = length.next_power_of_two() / 2;
    half.max(1)
}

/// The path of the leaf at `index`; of nothing when there is no such leaf.
pub fn prove(leaves: &[[u8; 32]], index: usize) -> Proof {
    let leaf = leaves.get(index).map(|leaf| leaf_hash(leaf)).unwrap_or_default();
    let mut aunts = Vec::new();
    collect(leaves, index, &mut aunts);
    Proof { leaf, aunts, root: root(leaves) }
}

fn collect(leaves: &[[u8; 32]], index: usize, aunts: &mut Vec<[u8; 32]>) {
    if leaves.len() < 2 {
        return;
    }
    let (left, right) = leaves.split_at(split(leaves.len()));
    if index < left.len() {
        collect(left, index, aunts);
        aunts.push(root(right));
    } else {
        collect(right, index - left.len(), aunts);
        aunts.push(root(left));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// CometBFT's own implementation is the oracle of the root; the path is folded by hand.
        #[test]
        fn roots_agree_with_cometbft_and_paths_lead_there(leaves in proptest::collection::vec(any::<[u8; 32]>(), 1..20), pick: usize) {
            let index = pick % leaves.len();
            let proof = prove(&leaves, index);
            let expected = tendermint::merkle::simple_hash_from_byte_vectors::<tendermint::crypto::default::Sha256>(&leaves);
            prop_assert_eq!(proof.root, expected);
            prop_assert_eq!(fold(proof.leaf, &proof.aunts, index, leaves.len()), expected);
        }
    }

    fn fold(leaf: [u8; 32], aunts: &[[u8; 32]], index: usize, total: usize) -> [u8; 32] {
        let Some((last, rest)) = aunts.split_last() else { return leaf };
        let half = split(total);
        if index < half {
            inner_hash(&fold(leaf, rest, index, half), last)
        } else {
            inner_hash(last, &fold(leaf, rest, index - half, total - half))
        }
    }
}
