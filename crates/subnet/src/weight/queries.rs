//! Queries of weights.

use ledger::{Context, QueryError, QueryRoute};
use proto::tetra::subnet::v1::{
    NumberedRow, QueryCommitmentsRequest, QueryCommitmentsResponse, QueryRootRequest, QueryRootResponse,
    QueryRowsRequest, QueryRowsResponse, Row,
};
use store::Map;

use super::state::{BONDS, SEATS, WEIGHTS, commitments};
use crate::ids::{self, Netuid, Uid};
use crate::network::state::UIDS;

pub(crate) fn routes() -> Vec<QueryRoute> {
    vec![
        QueryRoute::new("/tetra.subnet.v1.Query/Rows", rows),
        QueryRoute::new("/tetra.subnet.v1.Query/Root", root),
        QueryRoute::new("/tetra.subnet.v1.Query/Commitments", of_hotkey),
    ]
}

/// Weights and bonds of a subnet, by the uid that gave them.
///
/// # Errors
/// When the state fails.
pub fn rows(ctx: &Context, request: QueryRowsRequest) -> Result<QueryRowsResponse, QueryError> {
    let numbered = |map: &Map<(Netuid, Uid), Row>| -> Result<Vec<NumberedRow>, QueryError> {
        let rows = map.under(&ctx.state, &request.netuid)?;
        Ok(rows.into_iter().map(|((_, uid), row)| NumberedRow { uid, row: Some(row) }).collect())
    };
    Ok(QueryRowsResponse { weights: numbered(&WEIGHTS)?, bonds: numbered(&BONDS)? })
}

/// Who weighs subnets, and how.
///
/// # Errors
/// When the state fails.
pub fn root(ctx: &Context, _: QueryRootRequest) -> Result<QueryRootResponse, QueryError> {
    Ok(QueryRootResponse { seats: SEATS.all(&ctx.state)?.into_iter().map(|(_, seat)| seat).collect() })
}

/// The open commitments of a hotkey in a subnet.
///
/// # Errors
/// `InvalidArgument` for a malformed hotkey.
pub fn of_hotkey(ctx: &Context, request: QueryCommitmentsRequest) -> Result<QueryCommitmentsResponse, QueryError> {
    let id = ids::hotkey(&request.hotkey)?;
    let uid = UIDS.get(&ctx.state, &(id, request.netuid))?;
    let commitments = match uid {
        Some(uid) => commitments(ctx, request.netuid, uid)?,
        None => Vec::new(),
    };
    Ok(QueryCommitmentsResponse { commitments })
}
