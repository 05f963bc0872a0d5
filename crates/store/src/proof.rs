//! Proofs that a key has a value, or has none, under an `app_hash`.
//!
//! A proof is two ICS-23 steps: the key in the tree of its module (spec: [`tree::spec`]), and the
//! root of that tree in the `app_hash` (spec: `ics23::tendermint_spec`). Any ICS-23 verifier can check both; this
//! module makes the first step and [`StateProof::verify`] checks both with the `ics23` crate.

use ics23::commitment_proof::Proof;
use ics23::{
    CommitmentProof, ExistenceProof, HashOp, HostFunctionsManager, InnerOp, NonExistenceProof, verify_membership,
    verify_non_membership,
};
use prost_of_ics23::Message;

use crate::tree::{self, Hash, INNER_PREFIX, Leaf, SENTINEL, Sibling, Tree, sha256};
use crate::{Error, Module, Reader, Result};

/// Proves that a key has `value`, or has none, under an `app_hash`.
#[derive(Clone, Debug, PartialEq)]
pub struct StateProof {
    /// The module's name: the key of the second step.
    pub module: String,
    /// The key within the module.
    pub key: Vec<u8>,
    /// The value; none when the proof is one of absence.
    pub value: Option<Vec<u8>>,
    /// The root of the module's tree: what the first step leads to and the second one starts from.
    pub root: Hash,
    /// The key in the module's tree.
    pub key_step: CommitmentProof,
    /// The root in the `app_hash`.
    pub root_step: CommitmentProof,
}

/// One step in the form of CometBFT's `ProofOp`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProofOp {
    /// Which verifier to use: `ics23:jmt` or `ics23:simple`.
    pub kind: &'static str,
    /// The key that the step proves.
    pub key: Vec<u8>,
    /// An `ics23.CommitmentProof` in protobuf.
    pub data: Vec<u8>,
}

impl StateProof {
    /// Checks both steps against an `app_hash` that is trusted.
    pub fn verify(&self, app_hash: &Hash) -> bool {
        let (root, name) = (self.root.to_vec(), self.module.as_bytes());
        let spec = tree::spec();
        let key_is_proved = match &self.value {
            Some(value) => verify_membership::<HostFunctionsManager>(&self.key_step, &spec, &root, &self.key, value),
            None => verify_non_membership::<HostFunctionsManager>(&self.key_step, &spec, &root, &self.key),
        };
        let top = ics23::tendermint_spec();
        let app_hash = app_hash.to_vec();
        key_is_proved && verify_membership::<HostFunctionsManager>(&self.root_step, &top, &app_hash, name, &self.root)
    }

    /// The steps as CometBFT's RPC returns them, from the key up.
    pub fn ops(&self) -> [ProofOp; 2] {
        [
            ProofOp { kind: "ics23:jmt", key: self.key.clone(), data: self.key_step.encode_to_vec() },
            ProofOp {
                kind: "ics23:simple",
                key: self.module.as_bytes().to_vec(),
                data: self.root_step.encode_to_vec(),
            },
        ]
    }
}

/// Proves a key in the tree of its module, whose pairs `reader` has. Gives the value, if there is one.
pub(crate) fn prove_key(
    tree: &Tree,
    reader: &dyn Reader,
    module: Module,
    key: &[u8],
) -> Result<(Option<Vec<u8>>, CommitmentProof)> {
    let path = sha256(key);
    let prover = Prover { tree, reader, module };
    let (value, proof) = match tree.find(&path) {
        Some((leaf, siblings)) => {
            let exist = prover.existence(&leaf, &siblings)?;
            (Some(exist.value.clone()), Proof::Exist(exist))
        }
        None => {
            let (left, right) = tree.neighbours(&path);
            let [left, right] = [left, right].map(|leaf| prover.neighbour(leaf.as_deref()));
            (None, Proof::Nonexist(NonExistenceProof { key: key.to_vec(), left: left?, right: right? }))
        }
    };
    Ok((value, CommitmentProof { proof: Some(proof) }))
}

struct Prover<'a> {
    tree: &'a Tree,
    reader: &'a dyn Reader,
    module: Module,
}

impl Prover<'_> {
    fn value(&self, key: &[u8]) -> Result<Vec<u8>> {
        if key == SENTINEL.0 {
            return Ok(SENTINEL.1.to_vec());
        }
        let value = self.reader.get(self.module, key)?;
        value.ok_or_else(|| Error::corrupt(self.module, key, "it is in the tree but not in the state"))
    }

    fn existence(&self, leaf: &Leaf, siblings: &[Sibling]) -> Result<ExistenceProof> {
        Ok(ExistenceProof {
            key: leaf.key.to_vec(),
            value: self.value(&leaf.key)?,
            leaf: Some(tree::leaf_op()),
            path: siblings.iter().map(step).collect(),
        })
    }

    fn neighbour(&self, leaf: Option<&Leaf>) -> Result<Option<ExistenceProof>> {
        let found = leaf.and_then(|leaf| self.tree.find(&leaf.path));
        found.map(|(leaf, siblings)| self.existence(&leaf, &siblings)).transpose()
    }
}

fn step(sibling: &Sibling) -> InnerOp {
    let hash = HashOp::Sha256.into();
    if sibling.is_left {
        InnerOp { hash, prefix: [INNER_PREFIX, &sibling.hash].concat(), suffix: Vec::new() }
    } else {
        InnerOp { hash, prefix: INNER_PREFIX.to_vec(), suffix: sibling.hash.to_vec() }
    }
}
