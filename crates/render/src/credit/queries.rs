//! Queries of credits.

use ledger::pages::Paging;
use ledger::{Context, QueryError};
use proto::tetra::render::v1::{QueryAsksRequest, QueryAsksResponse, QueryCreditsRequest, QueryCreditsResponse};

use super::balance;
use super::state::{ASKS, BY_PRICE, LOTS};

/// What an account has, with its lots, the oldest first. An account that never bought any has none.
///
/// # Errors
/// `InvalidArgument` for a malformed address.
pub fn credits(ctx: &Context, request: QueryCreditsRequest) -> Result<QueryCreditsResponse, QueryError> {
    let owner = ctx.address(&request.owner)?;
    let mut credits = balance(ctx, &owner)?;
    credits.owner = ctx.text(&owner);
    credits.lots = LOTS.under(&ctx.state, &owner)?.into_iter().map(|(_, lot)| lot).collect();
    Ok(QueryCreditsResponse { credits: Some(credits) })
}

/// Offers to the vault, the cheapest first.
///
/// # Errors
/// `InvalidArgument` for a malformed page request.
pub fn asks(ctx: &Context, request: QueryAsksRequest) -> Result<QueryAsksResponse, QueryError> {
    let paging = Paging::parse(request.pagination)?;
    let (asks, pagination) =
        paging.pick(&ctx.state, &BY_PRICE, &(), |(_, _, seller), ()| Ok(ASKS.get(&ctx.state, &seller)?))?;
    Ok(QueryAsksResponse { asks, pagination })
}
