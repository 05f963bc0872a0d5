//! What a stopped node finds again: blocks without state, waiting transactions, a halt, a damaged store.

mod common;

use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use client::Node;
use client::tx::Draft;
use common::{CHAIN_ID, account, address, genesis, key, network, reaches, send, validator};
use disk::{BlockStore, Database};
use engine::NodeKey;
use node::chain::ChainError;
use node::home::HaltMark;
use node::verify::{VerifyError, verify};
use node::{Chain, Home, NodeError};
use primitives::Coins;
use proto::cosmos::auth::v1beta1::{QueryAccountInfoRequest, QueryAccountInfoResponse};
use serde_json::json;
use store::{Batch, Direction};

/// Runs to the end and then ends every task that was spawned, so that nothing holds the node's files any more.
fn run<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(future)
}

/// A stopped node of a chain of its own, and the height of a block with a transaction, which others follow.
fn produced(dir: &Path) -> (Home, u64) {
    run(async {
        let (homes, urls) = network(dir, &genesis(1, 100), 1);
        let running = node::start(homes[0].clone()).await.unwrap();
        let node = Node::new(&urls[0]);
        reaches(&node, 1).await;
        let sent = account(&node, 0).send(vec![send(0, 7, "1000")]).await.unwrap();
        let height = sent.outcome.height;
        reaches(&node, height + 2).await;
        running.until(async {}).await.unwrap();
        (homes[0].clone(), height)
    })
}

fn database(home: &Home) -> Database {
    Database::open(&home.data(), home.config().unwrap().storage.into()).unwrap()
}

fn blocks(database: &Database) -> BlockStore {
    BlockStore::open(database.part(disk::parts::CHAIN).unwrap()).unwrap()
}

/// An empty node of the same chain.
fn empty_copy(of: &Home, path: &Path) -> Home {
    let home = Home::new(path);
    let (genesis, config) = (of.genesis().unwrap(), of.config().unwrap());
    home.init(&genesis, &config, &validator(0), &NodeKey::from_seed([99; 32])).unwrap();
    home
}

/// Stores blocks alone, without results, index and state: what a crash after the first durable step leaves.
fn copy_blocks(from: &Home, to: &Home, heights: std::ops::RangeInclusive<u64>) {
    let (source, target) = (database(from), database(to));
    let (source, target) = (blocks(&source), blocks(&target));
    for height in heights {
        target.save(&source.get(height).unwrap().unwrap()).unwrap();
    }
}

/// Everything that follows from the blocks.
#[derive(Debug, PartialEq)]
struct Outcome {
    height: u64,
    app_hash: [u8; 32],
    results: Vec<Option<Vec<u8>>>,
    indexed: Vec<disk::IndexedTx>,
}

fn outcome(chain: &Chain) -> Outcome {
    let tip = chain.tip();
    let results = (1..=tip.height).map(|height| chain.blocks().results(height).unwrap()).collect();
    let indexed = (1..=tip.height).flat_map(|height| chain.index().at(height).unwrap()).collect();
    Outcome { height: tip.height, app_hash: tip.app_hash, results, indexed }
}

#[test]
fn blocks_whose_state_is_missing_are_executed_at_open() {
    let dir = tempfile::tempdir().unwrap();
    let (original, tx_height) = produced(dir.path());
    let expected = outcome(&Chain::open(&original).unwrap());
    let tip = expected.height;
    assert_eq!(expected.indexed.iter().map(|tx| tx.height).collect::<Vec<_>>(), [tx_height]);

    // Several: every block, from the state of genesis.
    let several = empty_copy(&original, &dir.path().join("several"));
    copy_blocks(&original, &several, 1..=tip);
    assert_eq!(outcome(&Chain::open(&several).unwrap()), expected);
    assert_eq!(verify(&several, |_, _| {}).unwrap().blocks, tip);

    // One: the last.
    let one = empty_copy(&original, &dir.path().join("one"));
    copy_blocks(&original, &one, 1..=tip - 1);
    assert_eq!(Chain::open(&one).unwrap().tip().height, tip - 1);
    copy_blocks(&original, &one, tip..=tip);
    assert_eq!(outcome(&Chain::open(&one).unwrap()), expected);
    // Opened once more, there is nothing to do.
    assert_eq!(outcome(&Chain::open(&one).unwrap()), expected);
}

#[test]
fn blocks_of_another_state_are_not_executed() {
    let dir = tempfile::tempdir().unwrap();
    let (original, tx_height) = produced(dir.path());
    let mut other = original.genesis().unwrap();
    other.state.bank.balances[0].coins = "999utet".into();
    let home = Home::new(dir.path().join("other"));
    home.init(&other, &original.config().unwrap(), &validator(0), &NodeKey::from_seed([99; 32])).unwrap();
    copy_blocks(&original, &home, 1..=tx_height);
    let error = Chain::open(&home).err().unwrap();
    assert!(matches!(error, ChainError::Differs { height: 1, what: "app_hash" }), "{error}");
}

#[test]
fn waiting_transactions_survive_and_check_tx_checks_signatures() {
    let dir = tempfile::tempdir().unwrap();
    // One of two validators: it never has a block.
    let (homes, urls) = network(dir.path(), &genesis(2, 300), 2);
    let node = Node::new(&urls[0]);
    let waiting = async || {
        let waiting = node.call("unconfirmed_txs", json!({})).await.unwrap();
        (waiting["total"].clone(), waiting["txs"].clone())
    };
    let tx = run(async {
        let running = node::start(homes[0].clone()).await.unwrap();
        assert_eq!(node.status().await.unwrap().height, 0);
        let request = QueryAccountInfoRequest { address: address(0) };
        let path = "/cosmos.auth.v1beta1.Query/AccountInfo";
        let info: QueryAccountInfoResponse = node.query(path, &request).await.unwrap();
        let fee: Coins = "5000utet".parse().unwrap();
        let draft = Draft { messages: vec![send(0, 7, "1000")], gas_limit: 200_000, fee, ..Draft::default() };
        let number = info.info.unwrap().account_number;
        let sign = |sequence| draft.sign(&key(0), CHAIN_ID, number, sequence);
        let check = async |tx: &[u8]| node.call("check_tx", json!({ "tx": STANDARD.encode(tx) })).await.unwrap();

        let good = sign(0);
        let verdict = check(&good).await;
        assert_eq!((&verdict["code"], &verdict["gas_wanted"]), (&json!(0), &json!("200000")), "{verdict}");
        let mut forged = good.clone();
        *forged.last_mut().unwrap() ^= 1;
        let verdict = check(&forged).await;
        assert_eq!((&verdict["code"], &verdict["codespace"]), (&json!(4), &json!("sdk")), "{verdict}");
        let unpaid = Draft { fee: Coins::new(), ..draft.clone() }.sign(&key(0), CHAIN_ID, number, 0);
        assert_eq!(check(&unpaid).await["code"], 13);
        assert_eq!(check(&sign(5)).await["code"], 32);
        assert_eq!(check(b"no transaction").await["code"], 2);
        assert_eq!(waiting().await.0, "0");

        node.broadcast(&good).await.unwrap();
        assert_eq!(check(&sign(1)).await["code"], 0);
        assert_eq!(waiting().await, (json!("1"), json!([STANDARD.encode(&good)])));
        running.until(async {}).await.unwrap();
        good
    });
    run(async {
        let running = node::start(homes[0].clone()).await.unwrap();
        assert_eq!(waiting().await, (json!("1"), json!([STANDARD.encode(&tx)])));
        running.until(async {}).await.unwrap();
    });
}

#[test]
fn a_halted_node_does_not_start_until_its_chain_is_verified() {
    let dir = tempfile::tempdir().unwrap();
    let (home, _) = produced(dir.path());
    home.mark_halt(&HaltMark { height: 3, why: "the books do not balance".into() }).unwrap();
    let error = run(node::start(home.clone())).err().unwrap();
    assert!(matches!(&error, NodeError::Chain(ChainError::Halted { height: 3, .. })), "{error}");
    let text = error.to_string();
    assert!(text.contains("the books do not balance") && text.contains("tetra node verify"), "{text}");
    assert!(verify(&home, |_, _| {}).unwrap().lifted);
    run(async { node::start(home).await.unwrap().until(async {}).await.unwrap() });
}

/// Flips one bit of the only record with this value.
fn flip(home: &Home, value: &[u8], at: usize) -> Vec<u8> {
    let part = database(home).part(disk::parts::CHAIN).unwrap();
    let all = part.range(&[], None, Direction::Up, usize::MAX).unwrap();
    let found: Vec<_> = all.into_iter().filter(|(_, stored)| stored == value).collect();
    assert_eq!(found.len(), 1);
    let (key, mut flipped) = found.into_iter().next().unwrap();
    flipped[at] ^= 1;
    let mut batch = Batch::default();
    batch.put(key, flipped.clone());
    part.write(batch).unwrap();
    flipped
}

#[test]
fn verify_names_the_height_of_a_flipped_byte() {
    let dir = tempfile::tempdir().unwrap();
    let (home, height) = produced(dir.path());
    let mut heights = Vec::new();
    let report = verify(&home, |height, _| heights.push(height)).unwrap();
    assert_eq!(heights, (1..=report.blocks).collect::<Vec<_>>());
    assert!(report.blocks > height && report.txs == 1 && !report.lifted);
    let chain = Chain::open(&home).unwrap();
    assert_eq!(report.app_hash, hex::encode_upper(chain.tip().app_hash));
    let stored = chain.blocks().get(height).unwrap().unwrap();
    let results = chain.blocks().results(height).unwrap().unwrap();
    drop(chain);

    for (what, value) in [("block", stored.block), ("certificate", stored.commit), ("results", results)] {
        for at in [0, value.len() / 3, value.len() / 2, value.len() - 1] {
            let flipped = flip(&home, &value, at);
            let error = verify(&home, |_, _| {}).unwrap_err();
            let named = matches!(&error, VerifyError::Differs { height: named, .. } if *named == height);
            assert!(named, "{what}, byte {at}: {error}");
            assert!(error.to_string().starts_with(&format!("block {height}: ")), "{error}");
            assert_eq!(flip(&home, &flipped, at), value);
        }
    }
    assert_eq!(verify(&home, |_, _| {}).unwrap(), report);
}
