//! Queries of `tetra.validator.v1`.

use proto::tetra::validator::v1::{QueryValidatorsRequest, QueryValidatorsResponse};

use super::rotation::sets;
use super::state::to_wire;
use crate::context::Context;
use crate::failure::QueryError;

/// The sets of the next height and of the one after it.
///
/// # Errors
/// When the state fails.
pub fn validators(ctx: &Context, _: QueryValidatorsRequest) -> Result<QueryValidatorsResponse, QueryError> {
    let (current, next) = sets(ctx)?;
    Ok(QueryValidatorsResponse { current: Some(to_wire(&current)), next: Some(to_wire(&next)) })
}
