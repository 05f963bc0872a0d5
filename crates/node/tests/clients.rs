//! Clients that we did not write, unmodified from npm and PyPI, against a node: each runs a program in `clients/`.

mod common;

use client::Node;
use common::packages::{npm, pypi, succeeds};
use common::{CHAIN_ID, MNEMONIC, address, genesis, network, reaches, with_surfaces};
use node::RunningNode;
use tokio::process::Command;

/// A node with all surfaces, in a folder of its own.
struct Served {
    running: RunningNode,
    node: Node,
    rpc: String,
    _dir: tempfile::TempDir,
}

impl Served {
    async fn start() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let (homes, urls) = network(dir.path(), &genesis(1, 300), 1);
        with_surfaces(&homes[0]);
        let running = node::start(homes[0].clone()).await.unwrap();
        let node = Node::new(&urls[0]);
        reaches(&node, 2).await;
        Self { running, node, rpc: urls[0].clone(), _dir: dir }
    }

    fn grpc(&self) -> String {
        format!("http://{}", self.running.grpc_address().unwrap())
    }

    fn rest(&self) -> String {
        format!("http://{}", self.running.rest_address().unwrap())
    }

    /// A client's program with all that it may want to know.
    async fn runs(self, mut client: Command) {
        client.env("RPC", &self.rpc).env("GRPC", self.grpc()).env("REST", self.rest());
        client.env("MNEMONIC", MNEMONIC).env("CHAIN_ID", CHAIN_ID);
        client.env("SENDER", address(0)).env("RECIPIENT", address(7));
        succeeds(client).await;
        self.running.until(async {}).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn chain_sdk_queries_over_grpc_and_rest_transfers_and_deploys() {
    let Some(folder) = npm("clients").await else { return };
    let mut client = Command::new("node");
    client.arg("sdk.mjs").current_dir(folder);
    Served::start().await.runs(client).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keplr_accepts_the_chain_and_finds_its_features() {
    let Some(folder) = npm("clients").await else { return };
    let served = Served::start().await;
    let info = client::chain_info(&served.node, &served.rpc, &served.rest()).await.unwrap();
    let mut client = Command::new("node");
    client.arg("keplr.mjs").current_dir(folder).env("CHAIN_INFO", info.to_string());
    served.runs(client).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cosmpy_sends_over_grpc_and_over_rest() {
    let Some(folder) = pypi("clients").await else { return };
    let mut client = Command::new("venv/bin/python");
    client.arg("cosmpy_client.py").current_dir(folder);
    Served::start().await.runs(client).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn grpcio_learns_of_the_methods_by_reflection() {
    let Some(folder) = pypi("clients").await else { return };
    let mut client = Command::new("venv/bin/python");
    client.arg("reflection.py").current_dir(folder);
    Served::start().await.runs(client).await;
}
