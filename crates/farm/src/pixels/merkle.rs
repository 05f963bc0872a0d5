//! Merkle trees of RFC 6962, section 2.1, over SHA-256; the same shape as CometBFT's simple trees.

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::digest::Digest;

/// SHA-256 of a zero byte and the leaf.
pub fn leaf_hash(leaf: &[u8]) -> Digest {
    Digest(Sha256::new().chain_update([0]).chain_update(leaf).finalize().into())
}

fn inner_hash(left: &Digest, right: &Digest) -> Digest {
    Digest(Sha256::new().chain_update([1]).chain_update(left.0).chain_update(right.0).finalize().into())
}

/// The largest power of two that is smaller than a count of at least two.
fn split(count: usize) -> usize {
    count.next_power_of_two() / 2
}

/// The root over leaf hashes. Without leaves: SHA-256 of nothing.
pub fn root(leaves: &[Digest]) -> Digest {
    match leaves {
        [] => Digest::of(&[]),
        [leaf] => *leaf,
        _ => {
            let (left, right) = leaves.split_at(split(leaves.len()));
            inner_hash(&root(left), &root(right))
        }
    }
}

/// What leads from a leaf to the root: RFC 6962, section 2.1.1.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Proof {
    /// Position of the leaf.
    pub index: u64,
    /// Number of leaves.
    pub total: u64,
    /// Hashes of the neighbours, from the leaf up.
    pub aunts: Vec<Digest>,
}

/// The proof for a leaf; none where there is no such leaf.
pub fn prove(leaves: &[Digest], index: usize) -> Option<Proof> {
    leaves.get(index)?;
    let mut aunts = Vec::new();
    let (mut rest, mut at) = (leaves, index);
    while rest.len() > 1 {
        let (left, right) = rest.split_at(split(rest.len()));
        if at < left.len() {
            aunts.push(root(right));
            rest = left;
        } else {
            aunts.push(root(left));
            at -= left.len();
            rest = right;
        }
    }
    aunts.reverse();
    Some(Proof { index: index as u64, total: leaves.len() as u64, aunts })
}

impl Proof {
    /// Whether it leads from this leaf hash to that root.
    pub fn leads(&self, leaf: &Digest, root: &Digest) -> bool {
        self.climb(leaf).is_some_and(|top| top == *root)
    }

    fn climb(&self, leaf: &Digest) -> Option<Digest> {
        // From the top down: at each level, whether the way goes left.
        let (mut at, mut count) = (self.index, self.total);
        if at >= count {
            return None;
        }
        let mut ways = Vec::new();
        while count > 1 {
            let left = count.checked_next_power_of_two()? / 2;
            ways.push(at < left);
            (at, count) = if at < left { (at, left) } else { (at - left, count - left) };
        }
        if ways.len() != self.aunts.len() {
            return None;
        }
        let climb = |hash: Digest, (left, aunt): (bool, &Digest)| {
            if left { inner_hash(&hash, aunt) } else { inner_hash(aunt, &hash) }
        };
        Some(ways.into_iter().rev().zip(&self.aunts).fold(*leaf, climb))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn leaves(count: usize) -> (Vec<Vec<u8>>, Vec<Digest>) {
        let bytes: Vec<Vec<u8>> = (0..count).map(|i| vec![i as u8; 1 + i % 5]).collect();
        let hashes = bytes.iter().map(|leaf| leaf_hash(leaf)).collect();
        (bytes, hashes)
    }

    proptest! {
        #[test]
        fn roots_are_those_of_another_implementation(count in 0usize..70) {
            let (bytes, hashes) = leaves(count);
            let expected =
                tendermint::merkle::simple_hash_from_byte_vectors::<tendermint::crypto::default::Sha256>(&bytes);
            prop_assert_eq!(root(&hashes).0, expected);
        }

        #[test]
        fn every_proof_leads_to_the_root_and_no_other_does(count in 1usize..70, index in 0usize..70, other in 0usize..70) {
            let (_, hashes) = leaves(count);
            let (index, other) = (index % count, other % count);
            let root = root(&hashes);
            let proof = prove(&hashes, index).unwrap();
            prop_assert!(proof.leads(&hashes[index], &root));
            prop_assert_eq!(proof.leads(&hashes[other], &root), index == other);
            let moved = Proof { index: other as u64, ..proof.clone() };
            prop_assert_eq!(moved.leads(&hashes[index], &root), index == other);
            let mut longer = proof.clone();
            longer.aunts.push(root);
            prop_assert!(!longer.leads(&hashes[index], &root));
            let beyond = Proof { index: proof.total, ..proof };
            prop_assert!(!beyond.leads(&hashes[index], &root));
        }
    }

    #[test]
    fn no_count_of_leaves_is_too_great_to_be_refused() {
        let proof = Proof { index: 0, total: u64::MAX, aunts: vec![] };
        assert!(!proof.leads(&Digest([0; 32]), &Digest([0; 32])));
        assert_eq!(prove(&[], 0), None);
    }
}
