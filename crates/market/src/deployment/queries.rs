//! Queries of `akash.deployment.v1beta4`.

use ledger::escrow::{self, AccountId};
use ledger::{Context, QueryError, QueryRoute};
use proto::akash::deployment::v1::Deployment;
use proto::akash::deployment::v1::deployment::State;
use proto::akash::deployment::v1beta4::{
    QueryDeploymentRequest, QueryDeploymentResponse, QueryDeploymentsRequest, QueryDeploymentsResponse,
    QueryGroupRequest, QueryGroupResponse, QueryParamsRequest, QueryParamsResponse,
};

use super::params::Params;
use super::state::{DEPLOYMENTS, GROUPS, groups};
use crate::ids::{DeploymentId, GroupId};
use crate::listing::{Listing, Selection};

pub(crate) fn routes() -> Vec<QueryRoute> {
    vec![
        QueryRoute::new("/akash.deployment.v1beta4.Query/Deployments", deployments),
        QueryRoute::new("/akash.deployment.v1beta4.Query/Deployment", deployment),
        QueryRoute::new("/akash.deployment.v1beta4.Query/Group", group),
        QueryRoute::new("/akash.deployment.v1beta4.Query/Params", params),
    ]
}

fn response(ctx: &Context, id: &DeploymentId, found: Deployment) -> Result<QueryDeploymentResponse, QueryError> {
    Ok(QueryDeploymentResponse {
        deployment: Some(found),
        groups: groups(ctx, id)?.into_iter().map(|(_, group)| group).collect(),
        escrow_account: escrow::account(ctx, &AccountId::deployment(id.text(&ctx.chain.prefix)))?,
    })
}

/// Deployments with their groups and escrow accounts, filtered and paged (spec/akash.md 1.16).
///
/// # Errors
/// `InvalidArgument` for malformed filters or pages.
pub fn deployments(ctx: &Context, request: QueryDeploymentsRequest) -> Result<QueryDeploymentsResponse, QueryError> {
    let listing = Listing::open(request.filters, request.pagination, |filters| &filters.state)?;
    let filters = &listing.filters;
    let selection = Selection {
        owner: Selection::address(ctx, &filters.owner)?,
        dseq: filters.dseq,
        state: Selection::state(&filters.state, |name| State::from_str_name(name).map(i32::from))?,
        ..Selection::default()
    };
    let (deployments, page) =
        DEPLOYMENTS.list(ctx, &selection, &listing.paging, |id, found| response(ctx, id, found))?;
    Ok(QueryDeploymentsResponse { deployments, pagination: listing.seal(page) })
}

/// One deployment with its groups and escrow account.
///
/// # Errors
/// `NotFound`; `InvalidArgument` for a malformed id.
pub fn deployment(ctx: &Context, request: QueryDeploymentRequest) -> Result<QueryDeploymentResponse, QueryError> {
    let id = DeploymentId::from_wire(ctx, request.id.as_ref())?;
    let found = DEPLOYMENTS.get(&ctx.state, &id)?;
    response(ctx, &id, found.ok_or_else(|| QueryError::not_found("deployment not found"))?)
}

/// One group.
///
/// # Errors
/// `NotFound`; `InvalidArgument` for a malformed id.
pub fn group(ctx: &Context, request: QueryGroupRequest) -> Result<QueryGroupResponse, QueryError> {
    let id = GroupId::from_wire(ctx, request.id.as_ref())?;
    let group = GROUPS.get(&ctx.state, &id)?.ok_or_else(|| QueryError::not_found("group not found"))?;
    Ok(QueryGroupResponse { group: Some(group) })
}

/// The parameters in force.
///
/// # Errors
/// `Internal` when the state fails.
pub fn params(ctx: &Context, _: QueryParamsRequest) -> Result<QueryParamsResponse, QueryError> {
    Ok(QueryParamsResponse { params: Some(Params::load(ctx)?.to_wire()) })
}
