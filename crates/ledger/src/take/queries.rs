//! Queries of `akash.take.v1`.

use proto::akash::take::v1::{QueryParamsRequest, QueryParamsResponse};

use crate::context::Context;
use crate::failure::QueryError;

/// The rates.
///
/// # Errors
/// When the state fails.
pub fn params(ctx: &Context, _: QueryParamsRequest) -> Result<QueryParamsResponse, QueryError> {
    Ok(QueryParamsResponse { params: Some(super::params(ctx)?.to_wire()) })
}
