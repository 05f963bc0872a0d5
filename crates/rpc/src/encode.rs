//! CometBFT 0.38's JSON shapes.

use app::TxResult;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ledger::Event;
use primitives::validators::ValidatorSet;
use serde_json::{Value, json};
use tendermint::block::{Commit, Header};

use crate::COMET_VERSION;
use crate::backend::{BlockFound, NodeInfo, TxFound};
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
        "other": { "tx_index": "on", "rpc_address": info.rpc_listen, "tetra": info.version },
    })
}

pub(crate) fn public_key(key: &[u8; 32]) -> Value {
    json!({ "type": "tendermint/PubKeyEd25519", "value": base64(key) })
}

pub(crate) fn header(header: &Header) -> Result<Value, CallError> {
    shape(header)
}

pub(crate) fn commit(commit: &Commit) -> Result<Value, CallError> {
    shape(commit)
}

pub(crate) fn block(found: &BlockFound) -> Result<Value, CallError> {
    let mut block = shape(found.block.as_ref())?;
    if found.block.last_commit.is_none() {
        // Block 1 has no last commit; CometBFT writes an empty one.
        block["last_commit"] = json!({
            "height": "0", "round": 0,
            "block_id": { "hash": "", "parts": { "total": 0, "hash": "" } },
            "signatures": [],
        });
    }
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
