//! Four validators, each its own process. One is killed with -9 while money moves, comes back, catches up and votes;
//! then everything that the network says of itself is checked from outside: by an unmodified light client, by ICS-23
//! and by code that computes each header field anew.

mod common;
#[path = "live_net/headers.rs"]
mod headers;
#[path = "live_net/light.rs"]
mod light;
#[path = "live_net/processes.rs"]
mod processes;
#[path = "live_net/proofs.rs"]
mod proofs;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use client::tx::Draft;
use client::{Node, TxOutcome};
use common::{CHAIN_ID, PATIENCE, account, address, at, genesis, key, network, reaches, send};
use processes::Validator;
use proto::cosmos::auth::v1beta1::{QueryAccountInfoRequest, QueryAccountInfoResponse};
use serde_json::Value;
use tokio::task::JoinHandle;

const COUNT: usize = 4;
const INTERVAL_MS: u64 = 250;
/// Who gets money from account 0, and has none at genesis.
const RECIPIENT: u32 = 7;

#[test]
#[ignore = "a node's process, started by the test beside it"]
fn child_node() {
    processes::be_a_node();
}

/// Sends, one after the other, until it is told to stop.
struct Traffic {
    goes_on: Arc<AtomicBool>,
    sends: JoinHandle<u64>,
}

impl Traffic {
    fn start(node: &Node) -> Self {
        let goes_on = Arc::new(AtomicBool::new(true));
        let (wanted, payer) = (goes_on.clone(), account(node, 0));
        let sends = tokio::spawn(async move {
            let mut count = 0;
            while wanted.load(Ordering::Relaxed) {
                payer.send(vec![send(0, RECIPIENT, "1000")]).await.unwrap();
                count += 1;
            }
            count
        });
        Self { goes_on, sends }
    }

    async fn stop(self) -> u64 {
        self.goes_on.store(false, Ordering::Relaxed);
        self.sends.await.unwrap()
    }
}

/// A transaction that enters a block and fails there: its sender has less than it sends.
async fn send_too_much(node: &Node) -> TxOutcome {
    let request = QueryAccountInfoRequest { address: address(1) };
    let answer: QueryAccountInfoResponse =
        node.query("/cosmos.auth.v1beta1.Query/AccountInfo", &request).await.unwrap();
    let info = answer.info.unwrap();
    let messages = vec![send(1, RECIPIENT, "1000000000000000")];
    let draft = Draft { messages, gas_limit: 200_000, fee: "5000utet".parse().unwrap(), ..Draft::default() };
    let tx = draft.sign(&key(1), CHAIN_ID, info.account_number, info.sequence);
    let hash = node.broadcast(&tx).await.unwrap();
    node.wait_for(&hash, PATIENCE).await.unwrap()
}

fn signed_by(commit: &Value, address: &str) -> bool {
    let signatures = commit["signed_header"]["commit"]["signatures"].as_array().unwrap();
    signatures.iter().any(|entry| entry["block_id_flag"] == 2 && entry["validator_address"] == address)
}

/// The first height from `height` on whose canonical commit has the validator's signature.
async fn votes(node: &Node, address: &str, mut height: u64) -> u64 {
    let deadline = Instant::now() + PATIENCE;
    loop {
        reaches(node, height + 1).await;
        if signed_by(&at(node, "commit", height).await, address) {
            return height;
        }
        assert!(Instant::now() < deadline, "{address} has not signed up to height {height}");
        height += 1;
    }
}

/// All nodes give the same blocks, and the same results of them.
async fn agree(nodes: &[Node], tip: u64) {
    for height in 1..=tip {
        let (block, results) = (at(&nodes[0], "block", height).await, at(&nodes[0], "block_results", height).await);
        for node in &nodes[1..] {
            let other = at(node, "block", height).await;
            assert_eq!(other["block_id"]["hash"], block["block_id"]["hash"], "{} at {height}", node.url());
            let app_hash = &block["block"]["header"]["app_hash"];
            assert_eq!(&other["block"]["header"]["app_hash"], app_hash, "{} at {height}", node.url());
            assert_eq!(other, block, "{} at {height}", node.url());
            assert_eq!(at(node, "block_results", height).await, results, "{} at {height}", node.url());
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_network_that_lost_and_regained_a_validator_proves_all_that_it_says() {
    let dir = tempfile::tempdir().unwrap();
    let (homes, urls) = network(dir.path(), &genesis(COUNT, INTERVAL_MS), COUNT);
    let start = |index: usize| Validator::start(index, &homes[index], &urls[index]);
    let mut validators: Vec<Validator> = (0..COUNT).map(start).collect();
    let nodes: Vec<Node> = validators.iter().map(|validator| validator.node.clone()).collect();
    for node in &nodes {
        reaches(node, 3).await;
    }

    // Money moves; blocks with failures in them have results too.
    let traffic = Traffic::start(&nodes[0]);
    let failed = send_too_much(&nodes[1]).await;
    assert!(failed.code != 0 && failed.height > 0, "{failed:?}");

    // kill -9: the others go on without its votes.
    let lost = validators.last_mut().unwrap();
    let seen = reaches(&lost.node, 8).await;
    lost.kill();
    let without = reaches(&nodes[0], seen + 6).await;
    assert!(!signed_by(&at(&nodes[0], "commit", without - 1).await, &lost.address()));

    // It comes back, catches up, takes transactions and votes.
    lost.run();
    let back = reaches(&nodes[0], without).await;
    reaches(&lost.node, back).await;
    account(&lost.node, 1).send(vec![send(1, RECIPIENT, "5")]).await.unwrap();
    let voted = votes(&nodes[0], &lost.address(), back).await;
    reaches(&nodes[0], voted + 3).await;
    assert!(traffic.stop().await >= 5, "money moved all the time");

    let tip = reaches(&nodes[3], voted + 3).await;
    for node in &nodes {
        reaches(node, tip).await;
    }

    // What the network says of itself.
    for node in [&nodes[3], &nodes[1]] {
        let blocks = light::fetch(node, tip).await;
        light::accepts(&blocks, &light::latest(node).await);
        light::refuses(&blocks);
    }
    agree(&nodes, tip).await;
    headers::recompute(&nodes[3], tip).await;
    proofs::hold(&nodes[3], RECIPIENT, tip).await;

    for validator in validators {
        validator.stop();
    }
}
