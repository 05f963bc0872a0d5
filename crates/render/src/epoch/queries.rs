//! Queries of epochs.

use emission::burn_mint::CAP;
use ledger::pages::Paging;
use ledger::{Context, QueryError, bank};
use proto::tetra::render::v1::{
    QueryEpochRequest, QueryEpochResponse, QueryEpochsRequest, QueryEpochsResponse, QueryParamsRequest,
    QueryParamsResponse, QueryRewardsRequest, QueryRewardsResponse, QuerySupplyRequest, QuerySupplyResponse,
};

use super::state::{CLOSED, open};
use super::{attributed, claims, closing, reserve_account};
use crate::credit::{LUX, USD, coin, shown, vault_account};

/// A closed epoch, or the open one as it stands.
///
/// # Errors
/// `NotFound` for an epoch that has not begun.
pub fn epoch(ctx: &Context, request: QueryEpochRequest) -> Result<QueryEpochResponse, QueryError> {
    let open = open(ctx)?;
    let epoch = if request.number == 0 || request.number == open.number {
        closing::so_far(ctx, &open)?
    } else {
        let missing = || {
            let (number, now) = (request.number, open.number);
            QueryError::not_found(format!("epoch {number} not found: the open one is {now}"))
        };
        CLOSED.get(&ctx.state, &request.number)?.ok_or_else(missing)?
    };
    Ok(QueryEpochResponse { epoch: Some(epoch) })
}

/// Closed epochs in order of number.
///
/// # Errors
/// `InvalidArgument` for a malformed page request.
pub fn epochs(ctx: &Context, request: QueryEpochsRequest) -> Result<QueryEpochsResponse, QueryError> {
    let paging = Paging::parse(request.pagination)?;
    let (found, pagination) = paging.list(&ctx.state, &CLOSED, &())?;
    Ok(QueryEpochsResponse { epochs: found.into_iter().map(|(_, epoch)| epoch).collect(), pagination })
}

/// What an owner of nodes would be paid if it claimed now, and what counts for it in the open epoch.
///
/// # Errors
/// `InvalidArgument` for a malformed address.
pub fn rewards(ctx: &Context, request: QueryRewardsRequest) -> Result<QueryRewardsResponse, QueryError> {
    let owner = ctx.address(&request.owner)?;
    let owed = Some(shown(LUX, claims::owed(ctx, &owner)?));
    Ok(QueryRewardsResponse { owed, open_ucredits: attributed(ctx, &owner)? })
}

/// The parameters and prices in force.
///
/// # Errors
/// When the state fails.
pub fn params(ctx: &Context, _: QueryParamsRequest) -> Result<QueryParamsResponse, QueryError> {
    Ok(QueryParamsResponse { params: Some(super::params(ctx)?) })
}

/// LUX in existence, its cap, what this market minted and burned since genesis, and what lies in reserve and vault.
///
/// # Errors
/// When the state fails.
pub fn supply(ctx: &Context, _: QuerySupplyRequest) -> Result<QuerySupplyResponse, QueryError> {
    let (lux, usd) = (coin(LUX, 0)?.denom, coin(USD, 0)?.denom);
    let (minted, burned) = closing::flows(ctx)?;
    Ok(QuerySupplyResponse {
        supply: Some(shown(LUX, bank::supply_of(ctx, &lux)?)),
        cap: Some(shown(LUX, CAP)),
        burned: Some(shown(LUX, burned)),
        minted: Some(shown(LUX, minted)),
        reserve: Some(shown(LUX, bank::balance(ctx, &reserve_account(), &lux)?)),
        vault: Some(shown(USD, bank::balance(ctx, &vault_account(), &usd)?)),
    })
}
