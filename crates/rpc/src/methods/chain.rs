//! Blocks, commits, validators.

use serde_json::{Value, json};

use crate::call::{CallError, Params};
use crate::encode;
use crate::query::{Op, Query};
use crate::{Backend, BackendError};

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
    let hash = params.base64("hash")?.try_into().map_err(|_| CallError::params("hash must have 32 bytes"))?;
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
    let info = node.info();
    let asked = params.number("height")?.filter(|height| *height > 0).unwrap_or(info.tip);
    let (height, results, events) = node.results(asked)?;
    // The state after a block is named by the next header, and after the last block by the node alone.
    let app_hash = match node.block(height + 1) {
        Ok(next) => next.block.header.app_hash.as_bytes().to_vec(),
        Err(_) if height == info.tip => info.app_hash.to_vec(),
        Err(error) => return Err(error.into()),
    };
    Ok(json!({
        "height": height.to_string(),
        "txs_results": encode::tx_results(&results),
        "finalize_block_events": encode::events(&events),
        "validator_updates": null,
        "consensus_param_updates": null,
        "app_hash": encode::base64(&app_hash),
    }))
}

/// The heights, both included, for which conditions on `block.height` hold.
fn heights(query: &Query, mut low: u64, mut high: u64) -> Result<Option<(u64, u64)>, CallError> {
    if query.conditions.is_empty() || query.conditions.iter().any(|condition| condition.key != "block.height") {
        let why = "blocks are indexed by height alone: search block.height, or use tx_search for events";
        return Err(CallError::params(why));
    }
    for condition in &query.conditions {
        let value = || {
            let number = condition.value.parse::<u64>();
            number.map_err(|_| CallError::params(format!("block.height: {:?} is no whole number", condition.value)))
        };
        let (least, most) = match condition.op {
            Op::Exists => (0, u64::MAX),
            Op::Equal => (value()?, value()?),
            Op::AtLeast => (value()?, u64::MAX),
            Op::Greater => (value()?.saturating_add(1), u64::MAX),
            Op::AtMost => (0, value()?),
            Op::Less => match value()?.checked_sub(1) {
                Some(most) => (0, most),
                None => return Ok(None),
            },
            Op::Contains => return Err(CallError::params("block.height CONTAINS is not supported: compare it")),
        };
        (low, high) = (low.max(least), high.min(most));
    }
    Ok((low <= high).then_some((low, high)))
}

pub(super) fn block_search(node: &dyn Backend, params: &Params) -> Result<Value, CallError> {
    let text = params.text("query")?.unwrap_or_default();
    let query = Query::parse(&text).map_err(|error| CallError::params(error.to_string()))?;
    let (skip, limit) = params.page()?;
    let ascending = params.text("order_by")?.as_deref() == Some("asc");
    let info = node.info();
    let Some((low, high)) = heights(&query, info.base.max(1), info.tip)? else {
        return Ok(json!({ "blocks": [], "total_count": "0" }));
    };
    let (skip, limit) = (skip as u64, limit as u64);
    let page: Vec<u64> = if ascending {
        let first = low.saturating_add(skip);
        (first..=high.min(first.saturating_add(limit - 1))).collect()
    } else {
        match high.checked_sub(skip) {
            Some(last) => (low.max((last + 1).saturating_sub(limit))..=last).rev().collect(),
            None => Vec::new(),
        }
    };
    let blocks: Vec<Value> =
        page.into_iter().map(|height| encode::block_with_id(&node.block(height)?)).collect::<Result<_, _>>()?;
    Ok(json!({ "blocks": blocks, "total_count": (high - low + 1).to_string() }))
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
    // They are fixed at genesis, and known up to the height that is being decided.
    let info = node.info();
    let (base, tip) = (info.base.max(1), info.tip + 1);
    let asked = params.number("height")?.filter(|height| *height > 0).unwrap_or(tip);
    if !(base..=tip).contains(&asked) {
        return Err(BackendError::Height { asked, base, tip }.into());
    }
    let consensus_params = encode::consensus_params(node.block_limits());
    Ok(json!({ "block_height": asked.to_string(), "consensus_params": consensus_params }))
}
