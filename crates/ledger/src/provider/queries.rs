//! Queries of `akash.provider.v1beta4`.

use proto::akash::provider::v1beta4::{
    QueryProviderRequest, QueryProviderResponse, QueryProvidersRequest, QueryProvidersResponse,
};

use super::state::PROVIDERS;
use crate::context::Context;
use crate::failure::QueryError;
use crate::pages::Paging;

/// All providers in order of owner.
///
/// # Errors
/// `InvalidArgument` when the page request is malformed.
pub fn providers(ctx: &Context, request: QueryProvidersRequest) -> Result<QueryProvidersResponse, QueryError> {
    let paging = Paging::parse(request.pagination)?;
    let (providers, pagination) = paging.pick(&ctx.state, &PROVIDERS, &(), |_, provider| Ok(Some(provider)))?;
    Ok(QueryProvidersResponse { providers, pagination })
}

/// One provider.
///
/// # Errors
/// `InvalidArgument` when the address is malformed, `NotFound` when it is not registered.
pub fn provider(ctx: &Context, request: QueryProviderRequest) -> Result<QueryProviderResponse, QueryError> {
    let owner = ctx.address(&request.owner)?;
    let provider = super::get(ctx, &owner)?;
    let missing = || QueryError::not_found("invalid provider: address not found");
    Ok(QueryProviderResponse { provider: Some(provider.ok_or_else(missing)?) })
}
