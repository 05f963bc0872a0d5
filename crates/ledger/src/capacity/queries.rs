//! Queries of `tetra.capacity.v1`.

use proto::tetra::capacity::v1::{QueryHoldsRequest, QueryHoldsResponse, QueryHostsRequest, QueryHostsResponse};

use super::state::{self, HOLDS, HOLDS_BY_HOST, HOLDS_BY_REFERENCE, HOSTS, HOSTS_BY_OWNER};
use crate::context::Context;
use crate::failure::QueryError;
use crate::pages::Paging;
use crate::routes::QueryRoute;

pub(super) fn routes() -> Vec<QueryRoute> {
    vec![
        QueryRoute::new("/tetra.capacity.v1.Query/Hosts", hosts),
        QueryRoute::new("/tetra.capacity.v1.Query/Holds", holds),
    ]
}

/// Hosts, of one owner or all.
///
/// # Errors
/// `InvalidArgument` when the owner or the page request is malformed.
pub fn hosts(ctx: &Context, request: QueryHostsRequest) -> Result<QueryHostsResponse, QueryError> {
    let paging = Paging::parse(request.pagination)?;
    let (hosts, pagination) = if request.owner.is_empty() {
        paging.pick(&ctx.state, &HOSTS, &(), |key, host| Ok(Some(host.show(ctx, &key)?)))?
    } else {
        let owner = ctx.address(&request.owner)?;
        paging.pick(&ctx.state, &HOSTS_BY_OWNER, &owner, |(_, key), ()| {
            Ok(Some(state::host(ctx, &key)?.show(ctx, &key)?))
        })?
    };
    Ok(QueryHostsResponse { hosts, pagination })
}

/// Holds, on one host, under one reference, or all.
///
/// # Errors
/// `InvalidArgument` when both filters are given, or one or the page request is malformed.
pub fn holds(ctx: &Context, request: QueryHoldsRequest) -> Result<QueryHoldsResponse, QueryError> {
    let paging = Paging::parse(request.pagination)?;
    let (holds, pagination) = match (request.host_key.as_slice(), request.reference) {
        ([], reference) if reference.is_empty() => paging.pick(&ctx.state, &HOLDS, &(), |_, hold| Ok(Some(hold)))?,
        ([], reference) => paging
            .pick(&ctx.state, &HOLDS_BY_REFERENCE, &reference, |(_, _, id), ()| Ok(HOLDS.get(&ctx.state, &id)?))?,
        (key, reference) if reference.is_empty() => {
            let key = state::host_key(key)?;
            paging.pick(&ctx.state, &HOLDS_BY_HOST, &key, |(_, id), ()| Ok(HOLDS.get(&ctx.state, &id)?))?
        }
        _ => return Err(QueryError::invalid("filter by host_key or by reference, not by both")),
    };
    Ok(QueryHoldsResponse { holds, pagination })
}
