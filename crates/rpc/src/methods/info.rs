//! The node itself.

use serde_json::{Value, json};

use crate::Backend;
use crate::call::CallError;
use crate::encode;
use crate::services::discovery;

/// Time and hashes of no block.
const NO_TIME: &str = "1970-01-01T00:00:00Z";

/// What `sync_info` says of one end of the chain: hash, app hash, time. Before block 1 they are empty, as in CometBFT.
fn end(node: &dyn Backend, height: u64) -> Result<(String, Value, Value), CallError> {
    if height == 0 {
        return Ok((String::new(), json!(""), json!(NO_TIME)));
    }
    let found = node.block(height)?;
    let mut header = encode::header(&found.block.header)?;
    Ok((found.id.hash.to_string(), header["app_hash"].take(), header["time"].take()))
}

pub(super) fn status(node: &dyn Backend) -> Result<Value, CallError> {
    let info = node.info();
    let (last_hash, last_app_hash, last_time) = end(node, info.tip)?;
    let (first_hash, first_app_hash, first_time) = end(node, info.base)?;
    let address = primitives::validators::ConsensusAddress::of(&info.validator_key);
    Ok(json!({
        "node_info": encode::node_info(&info),
        "sync_info": {
            "latest_block_hash": last_hash,
            "latest_app_hash": last_app_hash,
            "latest_block_height": info.tip.to_string(),
            "latest_block_time": last_time,
            "earliest_block_hash": first_hash,
            "earliest_app_hash": first_app_hash,
            "earliest_block_height": info.base.to_string(),
            "earliest_block_time": first_time,
            "catching_up": info.catching_up,
        },
        "validator_info": {
            "address": encode::hex(address.as_bytes()),
            "pub_key": encode::public_key(&info.validator_key),
            "voting_power": info.voting_power.to_string(),
        },
    }))
}

pub(super) fn genesis(node: &dyn Backend) -> Result<Value, CallError> {
    let genesis = encode::genesis(&node.genesis(), &node.info().chain_id, node.block_limits())?;
    Ok(json!({ "genesis": genesis }))
}

pub(super) fn net_info(node: &dyn Backend) -> Value {
    let info = node.info();
    let peers: Vec<Value> = node.peers().iter().map(|peer| encode::peer(peer, &info.chain_id)).collect();
    json!({ "listening": true, "listeners": [info.p2p_listen], "n_peers": peers.len().to_string(), "peers": peers })
}

/// Akash's discovery, as [`crate::services::discovery`] answers gRPC.
pub(super) fn discovery(node: &dyn Backend) -> Value {
    encode::discovery(&discovery::info(node))
}
