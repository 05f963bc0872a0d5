//! The unmodified CosmJS 0.39 from npm does with a node what a wallet does.

mod common;

use client::Node;
use common::packages::{npm, succeeds};
use common::{CHAIN_ID, MNEMONIC, address, genesis, network, reaches};
use tokio::process::Command;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cosmjs_connects_reads_simulates_signs_sends_and_listens() {
    let Some(folder) = npm("cosmjs").await else { return };
    let dir = tempfile::tempdir().unwrap();
    let (homes, urls) = network(dir.path(), &genesis(1, 300), 1);
    let running = node::start(homes[0].clone()).await.unwrap();
    reaches(&Node::new(&urls[0]), 2).await;

    let mut client = Command::new("node");
    client.arg("client.mjs").current_dir(&folder);
    client.env("RPC", &urls[0]).env("MNEMONIC", MNEMONIC).env("CHAIN_ID", CHAIN_ID);
    client.env("SENDER", address(0)).env("RECIPIENT", address(7));
    succeeds(client).await;
    running.until(async {}).await.unwrap();
}
