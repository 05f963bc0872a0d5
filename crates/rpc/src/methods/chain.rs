//! Blocks, commits, validators.

use serde_json::{Value, json};

use crate::Backend;
use crate::call::{CallError, Params};
use crate::encode;
use crate::query::Query;

/// Most entries of `blockchain`.
const MOST_METAS: u64 = 20;

fn height(node: &dyn Backend, params: &Params) -> Result<u64, CallError> {
    Ok(match params.number("height")? {
        None | Some(0) => node.info().tip,
        Some(height) => height,
    })
}

pub(super) fn block(node: &dyn Backend, params: &Params) -> Result<Value, CallError> {
    encode::block_with_id(&node.block(height(node, params)?)?)
}

fn by_hash(node: &dyn Backend, params: &Params) -> Result<Option<crate::BlockFound>, CallError> {
    let text = params.text("hash")?.unwrap_or_default();
    // POST carries base64, URIs carry 0x hex.
    let bytes = if text.len() == 64 { params.hex("hash")? } else { params.base64("hash")? };
    let hash = bytes.try_into().map_err(|_| CallError::params("hash must have 32 bytes"))?;
    let height = node.height_of(&hash)?;
    Ok(height.map(|height| node.block(height)).transpose()?)
}

pub(super) fn block_by_hash(node: &dyn Backend, params: &Params) -> Result<Value, CallError> {
    match by_hash(node, params)? {
        Some(found) => encode::block_with_id(&found),
        None => Ok(json!({ "block_id": { "hash": "", "parts": { "total": 0, "hash": "" } }, "block": null })),
    }
}

pub(super) fn header(node: &dyn Backend, params: &Params) -> Result<Value, CallError> {
    let found = node.block(height(node, params)?)?;
    Ok(json!({ "header": encode::header(&found.block.header)? }))
}

pub(super) fn header_by_hash(node: &dyn Backend, params: &Params) -> Result<Value, CallError> {
    match by_hash(node, params)? {
        Some(found) => Ok(json!({ "header": encode::header(&found.block.header)? })),
        None => Ok(json!({ "header": null })),
    }
}

pub(super) fn block_results(node: &dyn Backend, params: &Params) -> Result<Value, CallError> {
    let (height, results, events) = node.results(height(node, params)?)?;
    let txs: Vec<Value> = results.iter().map(encode::tx_result).collect();
    Ok(json!({
        "height": height.to_string(),
        "txs_results": if txs.is_empty() { Value::Null } else { txs.into() },
        "finalize_block_events": encode::events(&events),
        "validator_updates": null,
        "consensus_param_updates": null,
        "app_hash": "",
    }))
}

pub(super) fn block_search(node: &dyn Backend, params: &Params) -> Result<Value, CallError> {
    let text = params.text("query")?.unwrap_or_default();
    let query = Query::parse(&text).map_err(|error| CallError::params(error.to_string()))?;
    if query.conditions.is_empty() || query.conditions.iter().any(|condition| condition.key != "block.height") {
        let why = "blocks are indexed by height alone: search block.height, or use tx_search for events";
        return Err(CallError::params(why));
    }
    let (skip, limit) = params.page()?;
    let info = node.info();
    let mut heights: Vec<u64> = (info.base.max(1)..=info.tip)
        .filter(|height| query.conditions.iter().all(|condition| condition.holds(&height.to_string())))
        .collect();
    if params.text("order_by")?.as_deref() != Some("asc") {
        heights.reverse();
    }
    let total = heights.len().to_string();
    let page = heights.into_iter().skip(skip).take(limit);
    let blocks: Vec<Value> =
        page.map(|height| encode::block_with_id(&node.block(height)?)).collect::<Result<_, _>>()?;
    Ok(json!({ "blocks": blocks, "total_count": total }))
}

pub(super) fn blockchain(node: &dyn Backend, params: &Params) -> Result<Value, CallError> {
    let info = node.info();
    let max = params.number("maxHeight")?.filter(|max| *max > 0).unwrap_or(info.tip).min(info.tip);
    let min = params.number("minHeight")?.unwrap_or(0).max(info.base).max(1);
    if min > max {
        return Err(CallError::params(format!("minHeight {min} is above maxHeight {max}")));
    }
    let min = min.max(max.saturating_sub(MOST_METAS - 1));
    let metas: Vec<Value> =
        (min..=max).rev().map(|height| encode::block_meta(&node.block(height)?)).collect::<Result<_, _>>()?;
    Ok(json!({ "last_height": info.tip.to_string(), "block_metas": metas }))
}

pub(super) fn commit(node: &dyn Backend, params: &Params) -> Result<Value, CallError> {
    let (header, commit, canonical) = node.commit(height(node, params)?)?;
    Ok(json!({
        "signed_header": { "header": encode::header(&header)?, "commit": encode::commit(&commit)? },
        "canonical": canonical,
    }))
}

pub(super) fn validators(node: &dyn Backend, params: &Params) -> Result<Value, CallError> {
    // Without a height CometBFT answers for the height that is being decided.
    let asked = params.number("height")?.filter(|height| *height > 0).unwrap_or(node.info().tip + 1);
    let (height, set) = node.validators(asked)?;
    let (skip, limit) = params.page()?;
    let page = encode::validators(&set, skip, limit);
    Ok(json!({
        "block_height": height.to_string(),
        "validators": page,
        "count": page.len().to_string(),
        "total": set.len().to_string(),
    }))
}

pub(super) fn consensus_params(node: &dyn Backend, params: &Params) -> Result<Value, CallError> {
    let (bytes, gas) = node.block_limits();
    Ok(json!({
        "block_height": height(node, params)?.to_string(),
        "consensus_params": {
            "block": { "max_bytes": bytes.to_string(), "max_gas": gas.to_string() },
            "evidence": { "max_age_num_blocks": "100000", "max_age_duration": "172800000000000", "max_bytes": "0" },
            "validator": { "pub_key_types": ["ed25519"] },
            "version": { "app": "1" },
            "abci": { "vote_extensions_enable_height": "0" },
        },
    }))
}
