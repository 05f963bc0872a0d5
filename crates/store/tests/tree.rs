//! The trees and the `app_hash` against outside oracles: the `jmt`, `ics23` and `tendermint` crates.

use std::collections::BTreeMap;

use ics23::HostFunctionsManager as Host;
use jmt::mock::MockTreeStore;
use jmt::{JellyfishMerkleTree, KeyHash};
use proptest::prelude::*;
use sha2::Sha256;
use store::multistore;
use store::tree::{SENTINEL, Tree, sha256, spec};

type Writes = Vec<(Vec<u8>, Option<Vec<u8>>)>;

/// Few keys, so that updates, removals and removals of nothing all happen.
fn batches() -> impl Strategy<Value = Vec<Writes>> {
    let value = proptest::option::weighted(0.6, proptest::collection::vec(any::<u8>(), 1..5));
    let write = (1u16..60, value).prop_map(|(key, value)| (key.to_be_bytes().to_vec(), value));
    let batch = proptest::collection::btree_map(any::<u8>(), write, 0..25);
    proptest::collection::vec(batch.prop_map(|batch| batch.into_values().collect()), 1..8)
}

fn update(tree: &Tree, writes: &Writes) -> Tree {
    tree.update(writes.iter().map(|(key, value)| (key.as_slice(), value.as_deref())))
}

/// What a batch leaves of each key: its last write.
fn last_writes(writes: &Writes) -> BTreeMap<Vec<u8>, Option<Vec<u8>>> {
    writes.iter().cloned().collect()
}

proptest! {
    #[test]
    fn roots_equal_those_of_jmt(batches in batches()) {
        let store = MockTreeStore::default();
        let jmt = JellyfishMerkleTree::<_, Sha256>::new(&store);
        let mut tree = Tree::default();
        let sentinel = (KeyHash::with::<Sha256>(SENTINEL.0), Some(SENTINEL.1.to_vec()));
        let (root, changes) = jmt.put_value_set([sentinel], 0).unwrap();
        store.write_tree_update_batch(changes).unwrap();
        prop_assert_eq!(root.0, tree.root());

        for (writes, version) in batches.iter().zip(1..) {
            let hashed = last_writes(writes).into_iter().map(|(key, value)| (KeyHash::with::<Sha256>(key), value));
            let (root, changes) = jmt.put_value_set(hashed, version).unwrap();
            store.write_tree_update_batch(changes).unwrap();
            tree = update(&tree, writes);
            prop_assert_eq!(root.0, tree.root());
        }
    }

    #[test]
    fn the_root_is_a_function_of_the_pairs_alone(batches in batches()) {
        let mut pairs = BTreeMap::new();
        let mut tree = Tree::default();
        for writes in &batches {
            tree = update(&tree, writes);
            pairs.extend(last_writes(writes));
        }
        let at_once: Writes = pairs.into_iter().filter(|(_, value)| value.is_some()).collect();
        prop_assert_eq!(update(&Tree::default(), &at_once).root(), tree.root());
    }

    #[test]
    fn the_app_hash_is_cometbfts_map(names in proptest::collection::btree_set("[a-z]{1,8}", 0..20), seed: [u8; 32]) {
        let roots: Vec<(&str, [u8; 32])> =
            names.iter().map(|name| (name.as_str(), sha256(&[name.as_bytes(), &seed].concat()))).collect();
        let leaves: Vec<Vec<u8>> = roots.iter().map(|(name, root)| {
            [&[name.len() as u8], name.as_bytes(), &[32], &sha256(root)].concat()
        }).collect();
        let expected = tendermint::merkle::simple_hash_from_byte_vectors::<Sha256>(&leaves);
        let app_hash = multistore::app_hash(&roots);
        prop_assert_eq!(app_hash, expected);

        for (name, root) in &roots {
            let proof = multistore::prove(&roots, name).unwrap();
            let (spec, app_hash) = (ics23::tendermint_spec(), app_hash.to_vec());
            prop_assert!(ics23::verify_membership::<Host>(&proof, &spec, &app_hash, name.as_bytes(), root));
            prop_assert!(!ics23::verify_membership::<Host>(&proof, &spec, &app_hash, name.as_bytes(), &[1; 32]));
        }
        prop_assert!(multistore::prove(&roots, "No such module").is_none());
    }
}

#[test]
fn the_spec_is_jmts() {
    assert_eq!(spec(), jmt::ics23_spec());
}

/// Fixes the layout: these bytes may change only with a change of the protocol.
#[test]
fn known_roots() {
    let hex = |hash: [u8; 32]| hash.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let empty = Tree::default();
    let one = empty.update([([1, 2].as_slice(), Some(b"value".as_slice()))]);
    assert_eq!(hex(empty.root()), "ef6f44ea018f781399a2b92580d5628afc869f7aef09eea2f6bd46ba8412e63b");
    assert_eq!(hex(one.root()), "4bafa810106681f77a089660873d8897b4f66c923d6c129a188708501480cbb1");
    assert_eq!(
        hex(multistore::app_hash(&[("bank", one.root()), ("market", empty.root())])),
        "1daa997d3a91669b1d756a833d3b9fafa0608d5c61a3583fab50c12556617307"
    );
}
