//! Proofs of single keys, checked as anybody would who knows nothing but ICS-23 and the `app_hash` of a header.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use client::Node;
use ics23::commitment_proof::Proof;
use ics23::{
    CommitmentProof, HashOp, HostFunctionsManager, InnerSpec, LeafOp, LengthOp, ProofSpec, calculate_existence_root,
    verify_membership, verify_non_membership,
};
use prost_of_ics23::Message;
use serde_json::{Value, json};

use crate::common::{at, key};

/// The Jellyfish Merkle tree, as a verifier on another chain has it in its configuration.
fn jellyfish() -> ProofSpec {
    ProofSpec {
        leaf_spec: Some(LeafOp {
            hash: HashOp::Sha256.into(),
            prehash_key: HashOp::Sha256.into(),
            prehash_value: HashOp::Sha256.into(),
            length: LengthOp::NoPrefix.into(),
            prefix: b"JMT::LeafNode".to_vec(),
        }),
        inner_spec: Some(InnerSpec {
            child_order: vec![0, 1],
            child_size: 32,
            min_prefix_length: 16,
            max_prefix_length: 16,
            empty_child: b"SPARSE_MERKLE_PLACEHOLDER_HASH__".to_vec(),
            hash: HashOp::Sha256.into(),
        }),
        max_depth: 64,
        min_depth: 0,
        prehash_key_before_comparison: true,
    }
}

/// Where the bank keeps a balance: tag 01, address, denom, two zero bytes.
pub(crate) fn balance_key(account: u32, denom: &str) -> Vec<u8> {
    [&[1][..], key(account).address().as_bytes(), denom.as_bytes(), &[0, 0]].concat()
}

/// A key of the bank at a height, with what the node claims and its proof.
pub(crate) struct Claim {
    pub(crate) key: Vec<u8>,
    /// Empty when the node says that there is none.
    pub(crate) value: Vec<u8>,
    key_step: CommitmentProof,
    root_step: CommitmentProof,
}

fn bytes(value: &Value) -> Vec<u8> {
    STANDARD.decode(value.as_str().unwrap_or_default()).unwrap()
}

impl Claim {
    pub(crate) async fn ask(node: &Node, key: Vec<u8>, height: u64) -> Self {
        let params = json!({
            "path": "/store/bank/key", "data": hex::encode(&key), "height": height.to_string(), "prove": true,
        });
        let answer = node.call("abci_query", params).await.unwrap()["response"].take();
        assert_eq!(answer["code"], 0, "{answer}");
        assert_eq!(answer["height"], height.to_string());
        assert_eq!(bytes(&answer["key"]), key);
        let ops = &answer["proofOps"]["ops"];
        assert_eq!(ops.as_array().map(Vec::len), Some(2), "{answer}");
        assert_eq!((&ops[0]["type"], bytes(&ops[0]["key"])), (&json!("ics23:jmt"), key.clone()));
        assert_eq!((&ops[1]["type"], bytes(&ops[1]["key"])), (&json!("ics23:simple"), b"bank".to_vec()));
        let step = |index: usize| CommitmentProof::decode(bytes(&ops[index]["data"]).as_slice()).unwrap();
        Self { key, value: bytes(&answer["value"]), key_step: step(0), root_step: step(1) }
    }

    /// The bank's root, of which the second step speaks.
    fn root(&self) -> Vec<u8> {
        match &self.root_step.proof {
            Some(Proof::Exist(exist)) => exist.value.clone(),
            other => panic!("the second step proves no root: {other:?}"),
        }
    }

    /// The `app_hash` under which the second step puts that root.
    pub(crate) fn app_hash(&self) -> Vec<u8> {
        assert!(self.shows(&self.value, &self.app_hash_of_root()), "the steps hold together");
        self.app_hash_of_root()
    }

    fn app_hash_of_root(&self) -> Vec<u8> {
        match &self.root_step.proof {
            Some(Proof::Exist(exist)) => calculate_existence_root::<HostFunctionsManager>(exist).unwrap(),
            other => panic!("the second step proves no root: {other:?}"),
        }
    }

    fn root_is_under(&self, app_hash: &[u8]) -> bool {
        let (spec, root) = (ics23::tendermint_spec(), self.root());
        verify_membership::<HostFunctionsManager>(&self.root_step, &spec, &app_hash.to_vec(), b"bank", &root)
    }

    /// Whether the proof shows that the key has this value under an `app_hash`.
    pub(crate) fn shows(&self, value: &[u8], app_hash: &[u8]) -> bool {
        let (spec, root) = (jellyfish(), self.root());
        verify_membership::<HostFunctionsManager>(&self.key_step, &spec, &root, &self.key, value)
            && self.root_is_under(app_hash)
    }

    /// Whether the proof shows that this key has no value under an `app_hash`.
    pub(crate) fn shows_absence(&self, key: &[u8], app_hash: &[u8]) -> bool {
        let (spec, root) = (jellyfish(), self.root());
        verify_non_membership::<HostFunctionsManager>(&self.key_step, &spec, &root, key) && self.root_is_under(app_hash)
    }
}

/// The hash of the state after `height`: the header of the next block carries it.
pub(crate) async fn app_hash_after(node: &Node, height: u64) -> Vec<u8> {
    let header = at(node, "header", height + 1).await;
    hex::decode(header["header"]["app_hash"].as_str().unwrap()).unwrap()
}

fn amount(value: &[u8]) -> u128 {
    u128::from_be_bytes(value.try_into().unwrap())
}

/// Presence and absence between the first and the last height that have a header after them.
pub(crate) async fn hold(node: &Node, recipient: u32, tip: u64) {
    let (first, last) = (1, tip - 1);
    let (before, after) = (app_hash_after(node, first).await, app_hash_after(node, last).await);
    assert_ne!(before, after);

    let known = Claim::ask(node, balance_key(0, "utet"), last).await;
    assert!(known.shows(&known.value, &after));
    assert!((1..1_000_000_000).contains(&amount(&known.value)), "{}", amount(&known.value));
    let richer = (amount(&known.value) + 1).to_be_bytes();
    assert!(!known.shows(&richer, &after), "a changed value");
    assert!(!known.shows(&known.value, &before), "another state's hash");
    assert!(!known.shows_absence(&known.key, &after), "presence is no absence");

    for absent in [balance_key(99, "utet"), balance_key(0, "unothing"), b"no such key".to_vec()] {
        let claim = Claim::ask(node, absent, last).await;
        assert_eq!(claim.value, b"");
        assert!(claim.shows_absence(&claim.key, &after));
        assert!(!claim.shows_absence(&claim.key, &before), "another state's hash");
        assert!(!claim.shows_absence(&known.key, &after), "of a key that is there");
        assert!(!claim.shows(&1u128.to_be_bytes(), &after), "absence is no presence");
    }

    // The same key before and after its account got money.
    let poor = Claim::ask(node, balance_key(recipient, "utet"), first).await;
    assert!(poor.shows_absence(&poor.key, &before));
    let rich = Claim::ask(node, balance_key(recipient, "utet"), last).await;
    assert!(rich.shows(&rich.value, &after) && amount(&rich.value) > 0);
}
