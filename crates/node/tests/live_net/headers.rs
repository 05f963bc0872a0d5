//! Every field of every header, computed from what the RPC answers and from nothing else.

use std::sync::Arc;
use std::time::Duration;

use client::Node;
use prost::Message;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use store::{Memory, StateStore};
use tendermint::block::Header;
use tendermint::{Time, consensus};
use tendermint_proto::v0_38::types::Block as WireBlock;

use crate::common::at;
use crate::proofs::{Claim, balance_key};

type Hash = [u8; 32];

/// Go's zero time, which stands in the entry of a validator that did not sign.
const YEAR_ONE: i64 = -62_135_596_800;
const PART_SIZE: usize = 65_536;
/// How far ahead of the other validators' clocks a header's time may lie.
const CLOCK_BOUND: Duration = Duration::from_secs(5);

#[derive(Clone, PartialEq, Message)]
struct Timestamp {
    #[prost(int64, tag = "1")]
    seconds: i64,
    #[prost(int32, tag = "2")]
    nanos: i32,
}

#[derive(Clone, PartialEq, Message)]
struct CommitSig {
    #[prost(int32, tag = "1")]
    block_id_flag: i32,
    #[prost(bytes = "vec", tag = "2")]
    validator_address: Vec<u8>,
    #[prost(message, optional, tag = "3")]
    timestamp: Option<Timestamp>,
    #[prost(bytes = "vec", tag = "4")]
    signature: Vec<u8>,
}

#[derive(Clone, PartialEq, Message)]
struct PublicKey {
    #[prost(bytes = "vec", tag = "1")]
    ed25519: Vec<u8>,
}

#[derive(Clone, PartialEq, Message)]
struct SimpleValidator {
    #[prost(message, optional, tag = "1")]
    pub_key: Option<PublicKey>,
    #[prost(int64, tag = "2")]
    voting_power: i64,
}

/// The part of a result that all nodes must agree on.
#[derive(Clone, PartialEq, Message)]
struct ExecTxResult {
    #[prost(uint32, tag = "1")]
    code: u32,
    #[prost(bytes = "vec", tag = "2")]
    data: Vec<u8>,
    #[prost(int64, tag = "5")]
    gas_wanted: i64,
    #[prost(int64, tag = "6")]
    gas_used: i64,
}

#[derive(Clone, PartialEq, Message)]
struct HashedParams {
    #[prost(int64, tag = "1")]
    block_max_bytes: i64,
    #[prost(int64, tag = "2")]
    block_max_gas: i64,
}

fn sha256(bytes: &[u8]) -> Hash {
    Sha256::digest(bytes).into()
}

/// RFC 6962.
fn root(leaves: &[Vec<u8>]) -> Hash {
    match leaves {
        [] => sha256(&[]),
        [leaf] => sha256(&[&[0], leaf.as_slice()].concat()),
        _ => {
            let (left, right) = leaves.split_at(leaves.len().next_power_of_two() / 2);
            sha256(&[&[1][..], &root(left), &root(right)].concat())
        }
    }
}

fn shown(hash: Hash) -> Value {
    hex::encode_upper(hash).into()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn number(value: &Value) -> i64 {
    text(value).parse().unwrap()
}

fn base64(value: &Value) -> Vec<u8> {
    base64::Engine::decode(&base64::engine::general_purpose::STANDARD, text(value)).unwrap()
}

fn time(value: &Value) -> Time {
    Time::parse_from_rfc3339(text(value)).unwrap()
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn data_hash(txs: &Value) -> Hash {
    root(&list(txs).iter().map(|tx| sha256(&base64(tx)).to_vec()).collect::<Vec<_>>())
}

fn last_commit_hash(commit: &Value) -> Hash {
    let leaf = |entry: &Value| {
        let timestamp = match text(&entry["timestamp"]) {
            "0001-01-01T00:00:00Z" => Timestamp { seconds: YEAR_ONE, nanos: 0 },
            _ => {
                let nanos = time(&entry["timestamp"]).unix_timestamp_nanos();
                let (seconds, nanos) = (nanos / 1_000_000_000, nanos % 1_000_000_000);
                Timestamp { seconds: seconds.try_into().unwrap(), nanos: nanos.try_into().unwrap() }
            }
        };
        CommitSig {
            block_id_flag: entry["block_id_flag"].as_i64().unwrap().try_into().unwrap(),
            validator_address: hex::decode(text(&entry["validator_address"])).unwrap(),
            timestamp: Some(timestamp),
            signature: base64(&entry["signature"]),
        }
        .encode_to_vec()
    };
    root(&list(&commit["signatures"]).iter().map(leaf).collect::<Vec<_>>())
}

fn validators_hash(validators: &Value) -> Hash {
    let leaf = |info: &Value| {
        let pub_key = Some(PublicKey { ed25519: base64(&info["pub_key"]["value"]) });
        SimpleValidator { pub_key, voting_power: number(&info["voting_power"]) }.encode_to_vec()
    };
    root(&list(&validators["validators"]).iter().map(leaf).collect::<Vec<_>>())
}

fn results_hash(results: &Value) -> Hash {
    let leaf = |result: &Value| {
        ExecTxResult {
            code: result["code"].as_u64().unwrap().try_into().unwrap(),
            data: base64(&result["data"]),
            gas_wanted: number(&result["gas_wanted"]),
            gas_used: number(&result["gas_used"]),
        }
        .encode_to_vec()
    };
    root(&list(&results["txs_results"]).iter().map(leaf).collect::<Vec<_>>())
}

fn consensus_hash(params: &consensus::Params) -> Hash {
    let (bytes, gas) = (params.block.max_bytes, params.block.max_gas);
    sha256(&HashedParams { block_max_bytes: bytes.try_into().unwrap(), block_max_gas: gas }.encode_to_vec())
}

/// What votes name a block by: the hash of its header and the root of its encoding cut into parts.
fn block_id(block: &Value) -> Value {
    let header: Header = serde_json::from_value(block["header"].clone()).unwrap();
    let encoded = serde_json::from_value::<WireBlock>(block.clone()).unwrap().encode_to_vec();
    let parts: Vec<_> = encoded.chunks(PART_SIZE).map(<[u8]>::to_vec).collect();
    json!({ "hash": header.hash().to_string(), "parts": { "total": parts.len(), "hash": shown(root(&parts)) } })
}

/// The hash of the state that genesis describes.
async fn genesis_app_hash(node: &Node) -> Hash {
    let answer = node.call("genesis", json!({})).await.unwrap();
    let genesis = app::Genesis::parse(&answer["genesis"]["app_state"].to_string()).unwrap();
    let state = StateStore::open(Arc::new(Memory::new()), &app::MODULES, store::Config::default()).unwrap();
    state.commit(0, &genesis.begin().unwrap().writes).unwrap()
}

/// The hash of the state after `height`, from the proof of a key in it.
async fn app_hash(node: &Node, height: u64) -> Hash {
    match height {
        0 => genesis_app_hash(node).await,
        _ => Claim::ask(node, balance_key(0, "utet"), height).await.app_hash().try_into().unwrap(),
    }
}

/// Computes the headers from block 1 to `tip`.
pub(crate) async fn recompute(node: &Node, tip: u64) {
    let chain_id = node.status().await.unwrap().chain_id;
    let none = json!({ "hash": "", "parts": { "total": 0, "hash": "" } });
    let mut parent: Option<(Value, Time)> = None;
    let mut voters = at(node, "validators", 1).await;
    for height in 1..=tip {
        let answer = at(node, "block", height).await;
        let block = &answer["block"];
        let params = at(node, "consensus_params", height).await["consensus_params"].take();
        let params: consensus::Params = serde_json::from_value(params).unwrap();
        let results = if height == 1 { Value::Null } else { at(node, "block_results", height - 1).await };
        let next = at(node, "validators", height + 1).await;
        let (last_block_id, earlier) = parent.unwrap_or((none.clone(), Time::unix_epoch()));
        let header = &block["header"];
        let expected = json!({
            "version": { "block": "11", "app": params.version.as_ref().unwrap().app.to_string() },
            "chain_id": chain_id,
            "height": height.to_string(),
            // Chosen by the proposer, within bounds.
            "time": header["time"],
            "last_block_id": last_block_id,
            "last_commit_hash": shown(last_commit_hash(&block["last_commit"])),
            "data_hash": shown(data_hash(&block["data"]["txs"])),
            "validators_hash": shown(validators_hash(&voters)),
            "next_validators_hash": shown(validators_hash(&next)),
            "consensus_hash": shown(consensus_hash(&params)),
            "app_hash": shown(app_hash(node, height - 1).await),
            "last_results_hash": shown(results_hash(&results)),
            "evidence_hash": shown(root(&[])),
            // One of the validators.
            "proposer_address": header["proposer_address"],
        });
        assert_eq!(header, &expected, "height {height}");
        assert_eq!(block["evidence"]["evidence"], json!([]));
        let proposer = |info: &Value| info["address"] == header["proposer_address"];
        assert!(list(&voters["validators"]).iter().any(proposer), "height {height}");
        let chosen = time(&header["time"]);
        assert!(chosen > earlier && chosen < Time::now().checked_add(CLOCK_BOUND).unwrap(), "height {height}");
        for entry in list(&block["last_commit"]["signatures"]).iter().filter(|entry| entry["block_id_flag"] != 1) {
            assert_eq!(time(&entry["timestamp"]), earlier, "height {height}: a vote carries its block's time");
        }
        if height > 1 {
            let shown = at(node, "commit", height - 1).await;
            assert_eq!(shown["signed_header"]["commit"], block["last_commit"], "height {height}");
        }
        let id = block_id(block);
        assert_eq!(answer["block_id"], id, "height {height}");
        assert_eq!(at(node, "header", height).await["header"], expected);
        parent = Some((id, chosen));
        voters = next;
    }
}
