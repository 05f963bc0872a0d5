//! The `app_hash`: CometBFT's simple Merkle map from module name to module root, as Cosmos multistores build it.
//!
//! The leaves are in order of name (bytes): `sha256(00 ‖ len(name) ‖ name ‖ 20 ‖ sha256(root))`, lengths as protobuf
//! varints. A list of `n > 1` leaves splits before the largest power of two below `n`; an inner node is
//! `sha256(01 ‖ left ‖ right)` (RFC 6962). `ics23::tendermint_spec` verifies proofs of it. The map of no modules is
//! `sha256("")`.

use ics23::commitment_proof::Proof;
use ics23::{CommitmentProof, ExistenceProof, HashOp, InnerOp};
use prost::encoding::encode_varint;

use crate::tree::{Hash, hash_parts, sha256};

const LEAF: u8 = 0;
const INNER: u8 = 1;

/// The `app_hash` over roots in order of module name.
pub fn app_hash(roots: &[(&str, Hash)]) -> Hash {
    let leaves: Vec<Hash> = roots.iter().map(|(name, root)| leaf(name, root)).collect();
    subtree(&leaves)
}

/// Proves the root of one module; none if there is no such module.
pub fn prove(roots: &[(&str, Hash)], module: &str) -> Option<CommitmentProof> {
    let place = roots.iter().position(|(name, _)| *name == module)?;
    let (name, root) = roots.get(place)?;
    let leaves: Vec<Hash> = roots.iter().map(|(name, root)| leaf(name, root)).collect();
    let mut path = Vec::new();
    collect_path(&leaves, place, &mut path);
    let exist = ExistenceProof {
        key: name.as_bytes().to_vec(),
        value: root.to_vec(),
        leaf: ics23::tendermint_spec().leaf_spec,
        path,
    };
    Some(CommitmentProof { proof: Some(Proof::Exist(exist)) })
}

fn leaf(name: &str, root: &Hash) -> Hash {
    let value = sha256(root);
    let mut bytes = vec![LEAF];
    for part in [name.as_bytes(), &value] {
        encode_varint(part.len() as u64, &mut bytes);
        bytes.extend_from_slice(part);
    }
    sha256(&bytes)
}

/// The largest power of two below `count`, for `count > 1`.
fn split(count: usize) -> usize {
    count.next_power_of_two() / 2
}

fn subtree(leaves: &[Hash]) -> Hash {
    match leaves {
        [] => sha256(&[]),
        [leaf] => *leaf,
        _ => {
            let (left, right) = leaves.split_at(split(leaves.len()));
            hash_parts([&[INNER], &subtree(left), &subtree(right)])
        }
    }
}

/// Appends the steps from the leaf at `place` to the root.
fn collect_path(leaves: &[Hash], place: usize, path: &mut Vec<InnerOp>) {
    if leaves.len() < 2 {
        return;
    }
    let middle = split(leaves.len());
    let (left, right) = leaves.split_at(middle);
    let hash = HashOp::Sha256.into();
    if place < middle {
        collect_path(left, place, path);
        path.push(InnerOp { hash, prefix: vec![INNER], suffix: subtree(right).to_vec() });
    } else {
        collect_path(right, place - middle, path);
        let prefix = [&[INNER], subtree(left).as_slice()].concat();
        path.push(InnerOp { hash, prefix, suffix: Vec::new() });
    }
}
