//! gRPC methods that need more than state. Every transport answers through [`answer`], so that none needs a second
//! implementation.

pub mod merkle;
mod transactions;

use crate::Backend;
use crate::backend::Answer;
use ledger::QueryError;

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
        "/cosmos.tx.v1beta1.Service/Simulate" => transactions::simulate(node, data)?,
        "/cosmos.tx.v1beta1.Service/BroadcastTx" => transactions::broadcast(node, data).await?,
        "/cosmos.tx.v1beta1.Service/GetTx" => transactions::get(node, data)?,
        "/cosmos.tx.v1beta1.Service/GetTxsEvent" => transactions::search(node, data)?,
        _ => return node.query(path, data, height, prove),
    };
    Ok(Answer { height: node.info().tip, value, key: Vec::new(), proof: Vec::new() })
}
