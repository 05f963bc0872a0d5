//! The node itself.

use serde_json::{Value, json};

use crate::Backend;
use crate::call::CallError;
use crate::encode;

pub(super) fn status(node: &dyn Backend) -> Result<Value, CallError> {
    let info = node.info();
    let latest = node.block(info.tip)?;
    let earliest = node.block(info.base)?;
    let header = |found: &crate::BlockFound| encode::header(&found.block.header);
    let (last, first) = (header(&latest)?, header(&earliest)?);
    let address = primitives::validators::ConsensusAddress::of(&info.validator_key);
    Ok(json!({
        "node_info": encode::node_info(&info),
        "sync_info": {
            "latest_block_hash": latest.id.hash.to_string(),
            "latest_app_hash": last["app_hash"],
            "latest_block_height": info.tip.to_string(),
            "latest_block_time": last["time"],
            "earliest_block_hash": earliest.id.hash.to_string(),
            "earliest_app_hash": first["app_hash"],
            "earliest_block_height": info.base.to_string(),
            "earliest_block_time": first["time"],
            "catching_up": info.catching_up,
        },
        "validator_info": {
            "address": encode::hex(address.as_bytes()),
            "pub_key": encode::public_key(&info.validator_key),
            "voting_power": info.voting_power.to_string(),
        },
    }))
}

pub(super) fn genesis(node: &dyn Backend) -> Value {
    json!({ "genesis": node.genesis() })
}

pub(super) fn net_info(node: &dyn Backend) -> Value {
    let peers: Vec<Value> = node.peers().into_iter().map(|peer| json!({ "remote_ip": peer.address })).collect();
    let listener = node.info().p2p_listen;
    json!({ "listening": true, "listeners": [listener], "n_peers": peers.len().to_string(), "peers": peers })
}

/// Akash's discovery (spec/akash.md 4.0): which API generation is served.
pub(super) fn discovery(node: &dyn Backend) -> Value {
    let info = node.info();
    let modules =
        [("deployment", "v1beta4"), ("market", "v1beta5"), ("escrow", "v1"), ("provider", "v1beta4"), ("take", "v1")];
    let modules: Vec<Value> =
        modules.iter().map(|(module, version)| json!({ "module": module, "version": version })).collect();
    json!({
        "client_info": { "api_version": "v1beta4" },
        "supported_versions": [{ "api_version": "v1beta4", "modules": modules, "features": [] }],
        "chain_id": info.chain_id,
        "node_version": info.version,
        "min_client_version": "",
    })
}
