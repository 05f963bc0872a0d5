//! Queries of state.

use serde_json::{Value, json};

use crate::Backend;
use crate::call::{CallError, Params};
use crate::{encode, services};

pub(super) fn abci_info(node: &dyn Backend) -> Value {
    let info = node.info();
    json!({ "response": {
        "data": "tetra",
        "version": info.version,
        "app_version": "1",
        "last_block_height": info.tip.to_string(),
        "last_block_app_hash": encode::base64(&info.app_hash),
    }})
}

/// ABCI code of a gRPC status, as the Cosmos SDK maps them.
pub(crate) fn abci_code(status: ledger::QueryStatus) -> (u32, &'static str) {
    match status {
        ledger::QueryStatus::InvalidArgument => (18, "InvalidArgument"),
        ledger::QueryStatus::NotFound => (22, "NotFound"),
        ledger::QueryStatus::Unimplemented => (6, "Unimplemented"),
        ledger::QueryStatus::Internal => (1, "Internal"),
    }
}

/// The log of a failed query. Clients look for `code = NotFound` and `key not found` to tell "no such account" from
/// a failure.
pub(crate) fn log_of(status: ledger::QueryStatus, name: &str, message: &str) -> String {
    match status {
        ledger::QueryStatus::Unimplemented => format!("{message}: unknown request"),
        ledger::QueryStatus::NotFound if !message.ends_with("key not found") => {
            format!("rpc error: code = {name} desc = {message}: key not found")
        }
        _ => format!("rpc error: code = {name} desc = {message}"),
    }
}

pub(super) async fn abci_query(node: &dyn Backend, params: &Params) -> Result<Value, CallError> {
    let path = params.text("path")?.unwrap_or_default();
    let data = params.hex("data")?;
    let height = params.number("height")?.unwrap_or(0);
    let prove = params.flag("prove")?;
    let answer = services::answer(node, &path, &data, height, prove).await;
    let response = match answer {
        Ok(answer) => {
            let ops: Vec<Value> = answer.proof.iter()
                .map(|(kind, key, data)| {
                    json!({ "type": kind, "key": encode::base64(key), "data": encode::base64(data) })
                })
                .collect();
            let proof = if ops.is_empty() { Value::Null } else { json!({ "ops": ops }) };
            let key = if answer.key.is_empty() { Value::Null } else { encode::base64(&answer.key).into() };
            json!({
                "code": 0, "log": "", "info": "", "index": "0", "key": key,
                "value": encode::base64(&answer.value), "proofOps": proof,
                "height": answer.height.to_string(), "codespace": "",
            })
        }
        Err(error) => {
            let (code, name) = abci_code(error.status);
            let log = log_of(error.status, name, &error.message);
            json!({
                "code": code, "log": log, "info": "", "index": "0", "key": null, "value": null,
                "proofOps": null, "height": node.info().tip.to_string(), "codespace": "sdk",
            })
        }
    };
    Ok(json!({ "response": response }))
}
