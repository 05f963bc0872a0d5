//! gRPC methods that need more than state. Every transport answers through [`answer`], so that none needs a second
//! implementation.

pub(crate) mod absent;
mod chain;
pub(crate) mod discovery;
pub mod merkle;
mod node;
mod page;
mod transactions;

use std::collections::BTreeSet;

use ledger::{QueryError, QueryStatus};
use proto::Message;
use proto::akash::discovery::v1::GetInfoResponse;

use crate::Backend;
use crate::backend::{Answer, BackendError};

/// The paths of the methods that are answered here; those of [`Backend::query_paths`] come from state.
pub const PATHS: [&str; 16] = [
    "/akash.discovery.v1.Discovery/GetInfo",
    "/cosmos.base.node.v1beta1.Service/Config",
    "/cosmos.base.node.v1beta1.Service/Status",
    "/cosmos.base.tendermint.v1beta1.Service/ABCIQuery",
    "/cosmos.base.tendermint.v1beta1.Service/GetBlockByHeight",
    "/cosmos.base.tendermint.v1beta1.Service/GetLatestBlock",
    "/cosmos.base.tendermint.v1beta1.Service/GetLatestValidatorSet",
    "/cosmos.base.tendermint.v1beta1.Service/GetNodeInfo",
    "/cosmos.base.tendermint.v1beta1.Service/GetSyncing",
    "/cosmos.base.tendermint.v1beta1.Service/GetValidatorSetByHeight",
    "/cosmos.consensus.v1.Query/Params",
    "/cosmos.tx.v1beta1.Service/BroadcastTx",
    "/cosmos.tx.v1beta1.Service/GetBlockWithTxs",
    "/cosmos.tx.v1beta1.Service/GetTx",
    "/cosmos.tx.v1beta1.Service/GetTxsEvent",
    "/cosmos.tx.v1beta1.Service/Simulate",
];

/// The paths of all methods that a node answers.
pub fn answered(node: &dyn Backend) -> BTreeSet<&'static str> {
    PATHS.into_iter().chain(node.query_paths()).collect()
}

/// Answers the gRPC method at `path`.
///
/// # Errors
/// A gRPC status with the reason.
pub async fn answer(
    node: &dyn Backend,
    path: &str,
    data: &[u8],
    height: u64,
    prove: bool,
) -> Result<Answer, QueryError> {
    let value = match path {
        "/akash.discovery.v1.Discovery/GetInfo" => {
            GetInfoResponse { info: Some(discovery::info(node)) }.encode_to_vec()
        }
        "/cosmos.base.node.v1beta1.Service/Config" => node::config(node, height)?,
        "/cosmos.base.node.v1beta1.Service/Status" => node::status(node)?,
        "/cosmos.base.tendermint.v1beta1.Service/ABCIQuery" => chain::abci_query(node, data).await?,
        "/cosmos.base.tendermint.v1beta1.Service/GetBlockByHeight" => chain::block_by_height(node, data)?,
        "/cosmos.base.tendermint.v1beta1.Service/GetLatestBlock" => chain::latest_block(node)?,
        "/cosmos.base.tendermint.v1beta1.Service/GetLatestValidatorSet" => chain::latest_validators(node, data)?,
        "/cosmos.base.tendermint.v1beta1.Service/GetNodeInfo" => node::info(node),
        "/cosmos.base.tendermint.v1beta1.Service/GetSyncing" => node::syncing(node),
        "/cosmos.base.tendermint.v1beta1.Service/GetValidatorSetByHeight" => chain::validators_by_height(node, data)?,
        "/cosmos.consensus.v1.Query/Params" => chain::consensus_params(node),
        "/cosmos.tx.v1beta1.Service/BroadcastTx" => transactions::broadcast(node, data).await?,
        "/cosmos.tx.v1beta1.Service/GetBlockWithTxs" => transactions::block(node, data)?,
        "/cosmos.tx.v1beta1.Service/GetTx" => transactions::get(node, data)?,
        "/cosmos.tx.v1beta1.Service/GetTxsEvent" => transactions::search(node, data)?,
        "/cosmos.tx.v1beta1.Service/Simulate" => transactions::simulate(node, data)?,
        _ => return node.query(path, data, height, prove).map_err(|error| explained(path, error)),
    };
    Ok(Answer { height: node.info().tip, value, key: Vec::new(), proof: Vec::new() })
}

/// Names the reason where a whole package is missing.
fn explained(path: &str, error: QueryError) -> QueryError {
    match absent::reason(path.trim_start_matches('/')) {
        Some(why) if error.status == QueryStatus::Unimplemented => {
            QueryError { message: format!("{}: {why}", error.message), ..error }
        }
        _ => error,
    }
}

fn decode<M: Message + Default>(bytes: &[u8]) -> Result<M, QueryError> {
    M::decode(bytes).map_err(|error| QueryError::invalid(format!("the request does not decode: {error}")))
}

fn internal(error: impl ToString) -> QueryError {
    QueryError { status: QueryStatus::Internal, message: error.to_string() }
}

impl From<BackendError> for QueryError {
    fn from(error: BackendError) -> Self {
        match error {
            BackendError::Height { .. } | BackendError::Wide { .. } => Self::invalid(error.to_string()),
            BackendError::Internal(_) => internal(error),
        }
    }
}
