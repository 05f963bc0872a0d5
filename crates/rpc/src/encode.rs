//! CometBFT 0.38's JSON shapes.

use app::TxResult;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ledger::Event;
use primitives::validators::{ConsensusAddress, ValidatorSet};
use proto::akash::discovery::v1::{Akash, ModuleVersion, VersionInfo};
use serde_json::{Value, json};
use tendermint::block::{Commit, Header};

use crate::COMET_VERSION;
use crate::backend::{BlockFound, Checked, Genesis, NodeInfo, Peer, TxFound};
use crate::call::CallError;

pub(crate) fn base64(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    hex::encode_upper(bytes)
}

fn shape<T: serde::Serialize>(value: &T) -> Result<Value, CallError> {
    serde_json::to_value(value).map_err(CallError::internal)
}

pub(crate) fn node_info(info: &NodeInfo) -> Value {
    json!({
        "protocol_version": { "p2p": "8", "block": "11", "app": "1" },
        "id": info.node_id,
        "listen_addr": info.p2p_listen,
        "network": info.chain_id,
        "version": COMET_VERSION,
        "channels": "",
        "moniker": info.moniker,
        "other": {
            "tx_index": "on",
            "rpc_address": info.rpc_listen,
            "grpc_address": info.grpc_listen.as_deref().unwrap_or_default(),
            "rest_address": info.rest_listen.as_deref().unwrap_or_default(),
            "metrics_address": info.metrics_listen.as_deref().unwrap_or_default(),
            "tetra": info.version,
        },
    })
}

/// A peer. What gossip does not tell (its name, address and version) is empty.
pub(crate) fn peer(peer: &Peer, network: &str) -> Value {
    json!({
        "node_info": {
            "protocol_version": { "p2p": "0", "block": "0", "app": "0" },
            "id": peer.node_id,
            "listen_addr": "",
            "network": network,
            "version": "",
            "channels": "",
            "moniker": "",
            "other": { "tx_index": "", "rpc_address": "", "peer_id": peer.peer_id },
        },
        "is_outbound": false,
        "connection_status": {},
        "remote_ip": "",
    })
}

/// How long evidence would be good for, in blocks and in hours, where blocks carried any.
pub(crate) const EVIDENCE_AGE_BLOCKS: i64 = 100_000;
pub(crate) const EVIDENCE_AGE_HOURS: i64 = 48;

/// Consensus parameters with these limits of a block. Blocks carry no evidence and no vote extensions.
pub(crate) fn consensus_params((bytes, gas): (u64, u64)) -> Value {
    json!({
        "block": { "max_bytes": bytes.to_string(), "max_gas": gas.to_string() },
        "evidence": {
            "max_age_num_blocks": EVIDENCE_AGE_BLOCKS.to_string(),
            "max_age_duration": (EVIDENCE_AGE_HOURS * 3_600_000_000_000).to_string(),
            "max_bytes": "0",
        },
        "validator": { "pub_key_types": ["ed25519"] },
        "version": { "app": "1" },
        "abci": { "vote_extensions_enable_height": "0" },
    })
}

/// CometBFT's genesis document; this chain's own one is its `app_state`.
pub(crate) fn genesis(genesis: &Genesis, chain_id: &str, limits: (u64, u64)) -> Result<Value, CallError> {
    let time = tendermint::Time::from_unix_timestamp(genesis.time, 0).map_err(CallError::internal)?;
    let document: Value = serde_json::from_str(&genesis.document).map_err(CallError::internal)?;
    let validator = |(key, power): &([u8; 32], u64)| {
        json!({
            "address": hex(ConsensusAddress::of(key).as_bytes()),
            "pub_key": public_key(key),
            "power": power.to_string(),
            "name": "",
        })
    };
    Ok(json!({
        "genesis_time": time.to_rfc3339(),
        "chain_id": chain_id,
        "initial_height": "1",
        "consensus_params": consensus_params(limits),
        "validators": genesis.validators.iter().map(validator).collect::<Vec<_>>(),
        "app_hash": "",
        "app_state": document,
    }))
}

pub(crate) fn public_key(key: &[u8; 32]) -> Value {
    json!({ "type": "tendermint/PubKeyEd25519", "value": base64(key) })
}

/// The id of no block, as CometBFT writes it where block 1 would name its parent.
fn no_block() -> Value {
    json!({ "hash": "", "parts": { "total": 0, "hash": "" } })
}

pub(crate) fn header(header: &Header) -> Result<Value, CallError> {
    let mut shown = shape(header)?;
    if header.last_block_id.is_none() {
        shown["last_block_id"] = no_block();
    }
    Ok(shown)
}

pub(crate) fn commit(commit: &Commit) -> Result<Value, CallError> {
    shape(commit)
}

pub(crate) fn block(found: &BlockFound) -> Result<Value, CallError> {
    let mut block = shape(found.block.as_ref())?;
    if found.block.last_commit.is_none() {
        // Block 1 has no last commit; CometBFT writes an empty one.
        block["last_commit"] = json!({
            "height": "0", "round": 0, "block_id": no_block(), "signatures": [],
        });
    }
    block["header"] = header(&found.block.header)?;
    let txs: Vec<String> = found.block.data.iter().map(|tx| base64(tx)).collect();
    block["data"] = json!({ "txs": txs });
    if block["evidence"].is_null() || block["evidence"].get("evidence").is_none_or(Value::is_null) {
        block["evidence"] = json!({ "evidence": [] });
    }
    Ok(block)
}

pub(crate) fn block_with_id(found: &BlockFound) -> Result<Value, CallError> {
    Ok(json!({ "block_id": shape(&found.id)?, "block": block(found)? }))
}

pub(crate) fn block_meta(found: &BlockFound) -> Result<Value, CallError> {
    Ok(json!({
        "block_id": shape(&found.id)?,
        "block_size": found.size.to_string(),
        "header": header(&found.block.header)?,
        "num_txs": found.block.data.len().to_string(),
    }))
}

pub(crate) fn events(events: &[Event]) -> Value {
    let event = |event: &Event| {
        let attributes: Vec<Value> =
            event.attributes.iter().map(|(key, value)| json!({ "key": key, "value": value, "index": true })).collect();
        json!({ "type": event.kind, "attributes": attributes })
    };
    events.iter().map(event).collect()
}

pub(crate) fn tx_result(result: &TxResult) -> Value {
    json!({
        "code": result.code,
        "data": base64(&result.data),
        "log": result.log,
        "info": "",
        "gas_wanted": result.gas_wanted.to_string(),
        "gas_used": result.gas_used.to_string(),
        "events": events(&result.events),
        "codespace": result.codespace,
    })
}

pub(crate) fn checked(checked: &Checked) -> Value {
    json!({
        "code": checked.code, "data": null, "log": checked.log, "info": "",
        "gas_wanted": checked.gas_wanted.to_string(), "gas_used": "0", "events": [], "codespace": checked.codespace,
    })
}

/// Results as CometBFT writes them: null where there are none.
pub(crate) fn tx_results(results: &[TxResult]) -> Value {
    if results.is_empty() { Value::Null } else { results.iter().map(tx_result).collect() }
}

pub(crate) fn tx(found: &TxFound) -> Value {
    json!({
        "hash": hex(&found.hash),
        "height": found.height.to_string(),
        "index": found.index,
        "tx_result": tx_result(&found.result),
        "tx": base64(&found.tx),
    })
}

pub(crate) fn validators(set: &ValidatorSet, skip: usize, limit: usize) -> Vec<Value> {
    let one = |validator: &primitives::validators::Validator| {
        json!({
            "address": hex(validator.address.as_bytes()),
            "pub_key": public_key(&validator.public_key),
            "voting_power": validator.power.to_string(),
            "proposer_priority": validator.priority.to_string(),
        })
    };
    set.validators().iter().skip(skip).take(limit).map(one).collect()
}

/// The composite keys that CometBFT indexes for a transaction: `type.attribute`, `tx.hash`, `tx.height`.
pub(crate) fn tx_keys(hash: &[u8; 32], height: u64, events: &[Event]) -> Vec<(String, String)> {
    let mut pairs = vec![
        ("tm.event".to_owned(), "Tx".to_owned()),
        ("tx.hash".to_owned(), hex(hash)),
        ("tx.height".to_owned(), height.to_string()),
    ];
    pairs.extend(event_keys(events));
    pairs
}

pub(crate) fn event_keys(events: &[Event]) -> impl Iterator<Item = (String, String)> {
    events
        .iter()
        .flat_map(|event| event.attributes.iter().map(|(key, value)| (format!("{}.{key}", event.kind), value.clone())))
}

/// Composite keys as CometBFT attaches them to a subscription's message.
pub(crate) fn grouped(pairs: &[(String, String)]) -> Value {
    let mut map = serde_json::Map::new();
    for (key, value) in pairs {
        if let Value::Array(values) = map.entry(key.clone()).or_insert_with(|| json!([])) {
            values.push(Value::String(value.clone()));
        }
    }
    Value::Object(map)
}

/// What `akash.discovery.v1` answers.
pub(crate) fn discovery(info: &Akash) -> Value {
    let module = |one: &ModuleVersion| json!({ "module": one.module, "version": one.version });
    let version = |one: &VersionInfo| {
        json!({
            "api_version": one.api_version,
            "modules": one.modules.iter().map(module).collect::<Vec<_>>(),
            "features": one.features,
        })
    };
    let oldest = info.client_info.as_ref().map_or("", |client| client.api_version.as_str());
    json!({
        "client_info": { "api_version": oldest },
        "supported_versions": info.supported_versions.iter().map(version).collect::<Vec<_>>(),
        "chain_id": info.chain_id,
        "node_version": info.node_version,
        "min_client_version": info.min_client_version,
    })
}
