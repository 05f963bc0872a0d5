//! Transactions.

use std::time::Duration;

use app::tx::hash;
use bytes::Bytes;
use serde_json::{Value, json};

use crate::Backend;
use crate::backend::{Checked, Submitted, TxFound};
use crate::call::{CallError, Params};
use crate::encode;
use crate::query::{Op, Query};

/// How long `broadcast_tx_commit` waits for a block.
const COMMIT_LIMIT: Duration = Duration::from_secs(10);

fn accepted(hash: &[u8; 32], checked: &Checked) -> Value {
    let Checked { code, codespace, log, .. } = checked;
    json!({ "code": code, "data": "", "log": log, "codespace": codespace, "hash": encode::hex(hash) })
}

fn full(why: String) -> CallError {
    CallError { code: -32603, message: "Internal error".to_owned(), data: why }
}

fn known() -> CallError {
    full("tx already exists in cache".to_owned())
}

pub(super) async fn broadcast_sync(node: &dyn Backend, params: &Params) -> Result<Value, CallError> {
    let tx = Bytes::from(params.base64("tx")?);
    let id = hash(&tx);
    match node.submit(tx).await {
        Submitted::Checked(checked) => Ok(accepted(&id, &checked)),
        Submitted::Known => Err(known()),
        Submitted::Full(why) => Err(full(why)),
    }
}

pub(super) async fn broadcast_async(node: &dyn Backend, params: &Params) -> Result<Value, CallError> {
    let tx = Bytes::from(params.base64("tx")?);
    let id = hash(&tx);
    // The answer does not wait for admission in CometBFT either; here it does, but does not tell.
    node.submit(tx).await;
    Ok(accepted(&id, &Checked::default()))
}

pub(super) async fn broadcast_commit(node: &dyn Backend, params: &Params) -> Result<Value, CallError> {
    let tx = Bytes::from(params.base64("tx")?);
    let id = hash(&tx);
    let mut blocks = node.subscribe();
    let checked = match node.submit(tx).await {
        Submitted::Checked(checked) => checked,
        Submitted::Known => return Err(known()),
        Submitted::Full(why) => return Err(full(why)),
    };
    let check = encode::checked(&checked);
    if checked.code != 0 {
        return Ok(json!({ "check_tx": check, "tx_result": encode::tx_result(&app::TxResult::default()),
            "hash": encode::hex(&id), "height": "0" }));
    }
    let found = tokio::time::timeout(COMMIT_LIMIT, async {
        loop {
            if let Some(found) = node.tx(&id)? {
                return Ok::<TxFound, CallError>(found);
            }
            // A lagging receiver has missed blocks, which the next look-up covers.
            if matches!(blocks.recv().await, Err(tokio::sync::broadcast::error::RecvError::Closed)) {
                return Err(full("the node is shutting down".to_owned()));
            }
        }
    });
    match found.await {
        Ok(found) => {
            let found = found?;
            Ok(json!({ "check_tx": check, "tx_result": encode::tx_result(&found.result),
                "hash": encode::hex(&id), "height": found.height.to_string() }))
        }
        Err(_) => Err(full("timed out waiting for tx to be included in a block".to_owned())),
    }
}

pub(super) fn check(node: &dyn Backend, params: &Params) -> Result<Value, CallError> {
    Ok(encode::checked(&node.check(&params.base64("tx")?)))
}

pub(super) fn tx(node: &dyn Backend, params: &Params) -> Result<Value, CallError> {
    let id: [u8; 32] = params.base64("hash")?.try_into().map_err(|_| CallError::params("hash must have 32 bytes"))?;
    let found = node.tx(&id)?;
    let found = found.ok_or_else(|| full(format!("tx ({}) not found", encode::hex(&id))))?;
    let mut shown = encode::tx(&found);
    if params.flag("prove")? {
        shown["proof"] = proof(node, &found)?;
    }
    Ok(shown)
}

/// CometBFT's proof that a transaction stands in its block's `data_hash`.
fn proof(node: &dyn Backend, found: &TxFound) -> Result<Value, CallError> {
    let block = node.block(found.height)?;
    let leaves: Vec<[u8; 32]> = block.block.data.iter().map(|tx| hash(tx)).collect();
    let proof = crate::services::merkle::prove(&leaves, found.index as usize);
    let aunts: Vec<String> = proof.aunts.iter().map(|aunt| encode::base64(aunt)).collect();
    Ok(json!({
        "root_hash": encode::hex(&proof.root),
        "data": encode::base64(&found.tx),
        "proof": {
            "total": leaves.len().to_string(),
            "index": found.index.to_string(),
            "leaf_hash": encode::base64(&proof.leaf),
            "aunts": aunts,
        },
    }))
}

pub(super) fn search(node: &dyn Backend, params: &Params) -> Result<Value, CallError> {
    let text = params.text("query")?.unwrap_or_default();
    let query = Query::parse(&text).map_err(|error| CallError::params(error.to_string()))?;
    if query.conditions.is_empty() {
        return Err(CallError::params("query is missing: write for example tx.height=5"));
    }
    let (skip, limit) = params.page()?;
    let by_hash = query.conditions.iter().find(|condition| condition.key == "tx.hash" && condition.op == Op::Equal);
    if let Some(condition) = by_hash {
        return Ok(page(find_by_hash(node, &query, &condition.value)?.into_iter().skip(skip).collect(), None));
    }
    let descending = params.text("order_by")?.as_deref() == Some("desc");
    let found = node.search(&query, skip, limit, descending)?;
    Ok(page(found.txs, Some(found.total)))
}

fn find_by_hash(node: &dyn Backend, query: &Query, text: &str) -> Result<Option<TxFound>, CallError> {
    let bytes = hex::decode(text).ok().and_then(|bytes| <[u8; 32]>::try_from(bytes).ok());
    let bytes = bytes.ok_or_else(|| CallError::params("tx.hash must be 64 hex digits"))?;
    let found = node.tx(&bytes)?;
    Ok(found.filter(|found| {
        let mut pairs = encode::tx_keys(&found.hash, found.height, &found.result.events);
        pairs.push(("tx.hash".to_owned(), text.to_owned()));
        query.matches(&pairs)
    }))
}

fn page(txs: Vec<TxFound>, total: Option<usize>) -> Value {
    let total = total.unwrap_or(txs.len());
    let txs: Vec<Value> = txs.iter().map(encode::tx).collect();
    json!({ "txs": txs, "total_count": total.to_string() })
}

pub(super) async fn unconfirmed(node: &dyn Backend, params: &Params) -> Result<Value, CallError> {
    let limit = params.number("limit")?.unwrap_or(30).min(100);
    let (txs, total, bytes) = node.pending(limit as usize).await;
    let txs: Vec<String> = txs.iter().map(|tx| encode::base64(tx)).collect();
    Ok(json!({
        "n_txs": txs.len().to_string(), "total": total.to_string(), "total_bytes": bytes.to_string(), "txs": txs,
    }))
}

pub(super) async fn count_unconfirmed(node: &dyn Backend) -> Result<Value, CallError> {
    let (_, total, bytes) = node.pending(0).await;
    Ok(json!({ "n_txs": total.to_string(), "total": total.to_string(), "total_bytes": bytes.to_string(), "txs": null }))
}
