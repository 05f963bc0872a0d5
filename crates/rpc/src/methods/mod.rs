//! One function a JSON-RPC method, and the table that finds them.

mod abci;
mod chain;
mod info;
mod tx;

use serde_json::Value;

pub(crate) use abci::{abci_code, log_of};

use crate::Backend;
use crate::call::{CallError, Params};

/// The parameter names of a method, in CometBFT's order; none when there is no such method.
pub(crate) fn parameters(method: &str) -> Option<&'static [&'static str]> {
    Some(match method {
        "status" | "health" | "genesis" | "net_info" | "abci_info" | "num_unconfirmed_txs" | "akash" => &[],
        "abci_query" => &["path", "data", "height", "prove"],
        "block" | "block_results" | "commit" | "consensus_params" | "header" => &["height"],
        "block_by_hash" | "header_by_hash" => &["hash"],
        "blockchain" => &["minHeight", "maxHeight"],
        "validators" => &["height", "page", "per_page"],
        "unconfirmed_txs" => &["limit"],
        "broadcast_tx_sync" | "broadcast_tx_async" | "broadcast_tx_commit" | "check_tx" => &["tx"],
        "tx" => &["hash", "prove"],
        "tx_search" => &["query", "prove", "page", "per_page", "order_by"],
        "block_search" => &["query", "page", "per_page", "order_by"],
        _ => return None,
    })
}

/// Every method that is served over HTTP, for the index page.
pub(crate) const NAMES: [&str; 25] = [
    "abci_info",
    "abci_query",
    "akash",
    "block",
    "block_by_hash",
    "block_results",
    "block_search",
    "blockchain",
    "broadcast_tx_async",
    "broadcast_tx_commit",
    "broadcast_tx_sync",
    "check_tx",
    "commit",
    "consensus_params",
    "genesis",
    "header",
    "header_by_hash",
    "health",
    "net_info",
    "num_unconfirmed_txs",
    "status",
    "tx",
    "tx_search",
    "unconfirmed_txs",
    "validators",
];

/// Answers a call.
pub(crate) async fn dispatch(node: &dyn Backend, method: &str, params: &Params) -> Result<Value, CallError> {
    match method {
        "status" => info::status(node),
        "health" => Ok(Value::Object(serde_json::Map::new())),
        "genesis" => info::genesis(node),
        "net_info" => Ok(info::net_info(node)),
        "akash" => Ok(info::discovery(node)),
        "abci_info" => Ok(abci::abci_info(node)),
        "abci_query" => abci::abci_query(node, params).await,
        "block" => chain::block(node, params),
        "block_by_hash" => chain::block_by_hash(node, params),
        "block_results" => chain::block_results(node, params),
        "block_search" => chain::block_search(node, params),
        "blockchain" => chain::blockchain(node, params),
        "header" => chain::header(node, params),
        "header_by_hash" => chain::header_by_hash(node, params),
        "commit" => chain::commit(node, params),
        "validators" => chain::validators(node, params),
        "consensus_params" => chain::consensus_params(node, params),
        "unconfirmed_txs" => tx::unconfirmed(node, params).await,
        "num_unconfirmed_txs" => tx::count_unconfirmed(node).await,
        "check_tx" => tx::check(node, params),
        "broadcast_tx_sync" => tx::broadcast_sync(node, params).await,
        "broadcast_tx_async" => tx::broadcast_async(node, params).await,
        "broadcast_tx_commit" => tx::broadcast_commit(node, params).await,
        "tx" => tx::tx(node, params),
        "tx_search" => tx::search(node, params),
        other => Err(CallError::unknown(other)),
    }
}
