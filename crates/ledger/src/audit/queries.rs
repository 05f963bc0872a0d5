//! Queries of `akash.audit.v1`.

use primitives::Address;
use proto::akash::audit::v1::{
    AuditedAttributesStore, AuditedProvider, QueryAllProvidersAttributesRequest, QueryAuditorAttributesRequest,
    QueryProviderAttributesRequest, QueryProviderAuditorRequest, QueryProvidersResponse,
};
use proto::akash::base::attributes::v1::Attribute;

use super::state::{BY_AUDITOR, SIGNED};
use super::{refusals, signed};
use crate::context::Context;
use crate::failure::QueryError;
use crate::pages::Paging;

fn audited(ctx: &Context, owner: &Address, auditor: &Address, attributes: Vec<Attribute>) -> AuditedProvider {
    AuditedProvider { owner: ctx.text(owner), auditor: ctx.text(auditor), attributes }
}

type Signed = ((Address, Address), AuditedAttributesStore);

fn shown(ctx: &Context, ((owner, auditor), signed): Signed) -> AuditedProvider {
    audited(ctx, &owner, &auditor, signed.attributes)
}

/// All that auditors signed, in order of provider and auditor.
///
/// # Errors
/// `InvalidArgument` when the page request is malformed.
pub fn all_providers_attributes(
    ctx: &Context,
    request: QueryAllProvidersAttributesRequest,
) -> Result<QueryProvidersResponse, QueryError> {
    let paging = Paging::parse(request.pagination)?;
    let (found, pagination) = paging.list(&ctx.state, &SIGNED, &())?;
    let providers = found.into_iter().map(|signed| shown(ctx, signed)).collect();
    Ok(QueryProvidersResponse { providers, pagination })
}

/// What auditors signed for a provider.
///
/// # Errors
/// `InvalidArgument` when the address or the page request is malformed, `NotFound` when nobody signed anything.
pub fn provider_attributes(
    ctx: &Context,
    request: QueryProviderAttributesRequest,
) -> Result<QueryProvidersResponse, QueryError> {
    let owner = ctx.address(&request.owner)?;
    let paging = Paging::parse(request.pagination)?;
    if SIGNED.first(&ctx.state, &owner, 1)?.is_empty() {
        return Err(QueryError::not_found(refusals::NOT_FOUND));
    }
    let (found, pagination) = paging.list(&ctx.state, &SIGNED, &owner)?;
    let providers = found.into_iter().map(|signed| shown(ctx, signed)).collect();
    Ok(QueryProvidersResponse { providers, pagination })
}

/// What one auditor signed for a provider.
///
/// # Errors
/// `InvalidArgument` when an address is malformed, `NotFound` when it signed nothing.
pub fn provider_auditor_attributes(
    ctx: &Context,
    request: QueryProviderAuditorRequest,
) -> Result<QueryProvidersResponse, QueryError> {
    let (owner, auditor) = (ctx.address(&request.owner)?, ctx.address(&request.auditor)?);
    let attributes = signed(ctx, &owner, &auditor)?;
    if attributes.is_empty() {
        return Err(QueryError::not_found(refusals::NOT_FOUND));
    }
    let providers = vec![audited(ctx, &owner, &auditor, attributes)];
    Ok(QueryProvidersResponse { providers, pagination: None })
}

/// What an auditor signed, in order of provider.
///
/// # Errors
/// `InvalidArgument` when the address or the page request is malformed.
pub fn auditor_attributes(
    ctx: &Context,
    request: QueryAuditorAttributesRequest,
) -> Result<QueryProvidersResponse, QueryError> {
    let auditor = ctx.address(&request.auditor)?;
    let paging = Paging::parse(request.pagination)?;
    let (providers, pagination) = paging.pick(&ctx.state, &BY_AUDITOR, &auditor, |(_, owner), ()| {
        Ok(Some(audited(ctx, &owner, &auditor, signed(ctx, &owner, &auditor)?)))
    })?;
    Ok(QueryProvidersResponse { providers, pagination })
}
