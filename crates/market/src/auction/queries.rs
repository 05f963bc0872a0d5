//! Queries of `akash.market.v1beta5`.

use ledger::escrow::{self, AccountId};
use ledger::{Context, QueryError, QueryRoute};
use proto::akash::market::v1::Lease;
use proto::akash::market::v1::lease::State as LeaseState;
use proto::akash::market::v1beta5::bid::State as BidState;
use proto::akash::market::v1beta5::order::State as OrderState;
use proto::akash::market::v1beta5::{
    Bid, QueryBidRequest, QueryBidResponse, QueryBidsRequest, QueryBidsResponse, QueryLeaseRequest, QueryLeaseResponse,
    QueryLeasesRequest, QueryLeasesResponse, QueryOrderRequest, QueryOrderResponse, QueryOrdersRequest,
    QueryOrdersResponse, QueryParamsRequest, QueryParamsResponse,
};

use super::params::Params;
use super::state::{BIDS, LEASES, ORDERS};
use crate::ids::{BidId, LeaseId, OrderId};
use crate::listing::{Listing, Selection};

pub(crate) fn routes() -> Vec<QueryRoute> {
    vec![
        QueryRoute::new("/akash.market.v1beta5.Query/Orders", orders),
        QueryRoute::new("/akash.market.v1beta5.Query/Order", order),
        QueryRoute::new("/akash.market.v1beta5.Query/Bids", bids),
        QueryRoute::new("/akash.market.v1beta5.Query/Bid", bid),
        QueryRoute::new("/akash.market.v1beta5.Query/Leases", leases),
        QueryRoute::new("/akash.market.v1beta5.Query/Lease", lease),
        QueryRoute::new("/akash.market.v1beta5.Query/Params", params),
    ]
}

/// Orders, filtered and paged (spec/akash.md 1.16).
///
/// # Errors
/// `InvalidArgument` for malformed filters or pages.
pub fn orders(ctx: &Context, request: QueryOrdersRequest) -> Result<QueryOrdersResponse, QueryError> {
    let listing = Listing::open(request.filters, request.pagination, |filters| &filters.state)?;
    let filters = &listing.filters;
    let selection = Selection {
        owner: Selection::address(ctx, &filters.owner)?,
        dseq: filters.dseq,
        gseq: filters.gseq,
        oseq: filters.oseq,
        provider: None,
        state: Selection::state(&filters.state, |name| OrderState::from_str_name(name).map(i32::from))?,
    };
    let (orders, page) = ORDERS.list(ctx, &selection, &listing.paging, |_, order| Ok(order))?;
    Ok(QueryOrdersResponse { orders, pagination: listing.seal(page) })
}

/// One order.
///
/// # Errors
/// `NotFound`; `InvalidArgument` for a malformed id.
pub fn order(ctx: &Context, request: QueryOrderRequest) -> Result<QueryOrderResponse, QueryError> {
    let id = OrderId::from_wire(ctx, request.id.as_ref())?;
    let order = ORDERS.get(&ctx.state, &id)?.ok_or_else(|| QueryError::not_found("order not found"))?;
    Ok(QueryOrderResponse { order: Some(order) })
}

fn bid_response(ctx: &Context, id: &BidId, bid: Bid) -> Result<QueryBidResponse, QueryError> {
    let escrow_account = escrow::account(ctx, &AccountId::bid(id.text(&ctx.chain.prefix)))?;
    Ok(QueryBidResponse { bid: Some(bid), escrow_account })
}

/// Bids with their escrow accounts, filtered and paged (spec/akash.md 1.16).
///
/// # Errors
/// `InvalidArgument` for malformed filters or pages.
pub fn bids(ctx: &Context, request: QueryBidsRequest) -> Result<QueryBidsResponse, QueryError> {
    let listing = Listing::open(request.filters, request.pagination, |filters| &filters.state)?;
    let filters = &listing.filters;
    only_bseq_zero(filters.bseq)?;
    let selection = Selection {
        owner: Selection::address(ctx, &filters.owner)?,
        dseq: filters.dseq,
        gseq: filters.gseq,
        oseq: filters.oseq,
        provider: Selection::address(ctx, &filters.provider)?,
        state: Selection::state(&filters.state, |name| BidState::from_str_name(name).map(i32::from))?,
    };
    let (bids, page) = BIDS.list(ctx, &selection, &listing.paging, |id, bid| bid_response(ctx, id, bid))?;
    Ok(QueryBidsResponse { bids, pagination: listing.seal(page) })
}

/// One bid with its escrow account.
///
/// # Errors
/// `NotFound` with the phrase `bid not found`, for which clients look; `InvalidArgument` for a malformed id.
pub fn bid(ctx: &Context, request: QueryBidRequest) -> Result<QueryBidResponse, QueryError> {
    let id = BidId::from_wire(ctx, request.id.as_ref())?;
    let bid = BIDS.get(&ctx.state, &id)?.ok_or_else(|| QueryError::not_found("bid not found"))?;
    bid_response(ctx, &id, bid)
}

fn lease_response(ctx: &Context, id: &LeaseId, lease: Lease) -> Result<QueryLeaseResponse, QueryError> {
    let prefix = &ctx.chain.prefix;
    let escrow_payment = escrow::payment(ctx, &id.deployment().text(prefix), &id.payment(prefix))?;
    Ok(QueryLeaseResponse { lease: Some(lease), escrow_payment })
}

/// Leases with their payments, filtered and paged (spec/akash.md 1.16).
///
/// # Errors
/// `InvalidArgument` for malformed filters or pages.
pub fn leases(ctx: &Context, request: QueryLeasesRequest) -> Result<QueryLeasesResponse, QueryError> {
    let listing = Listing::open(request.filters, request.pagination, |filters| &filters.state)?;
    let filters = &listing.filters;
    only_bseq_zero(filters.bseq)?;
    let selection = Selection {
        owner: Selection::address(ctx, &filters.owner)?,
        dseq: filters.dseq,
        gseq: filters.gseq,
        oseq: filters.oseq,
        provider: Selection::address(ctx, &filters.provider)?,
        state: Selection::state(&filters.state, |name| LeaseState::from_str_name(name).map(i32::from))?,
    };
    let (leases, page) = LEASES.list(ctx, &selection, &listing.paging, |id, lease| lease_response(ctx, id, lease))?;
    Ok(QueryLeasesResponse { leases, pagination: listing.seal(page) })
}

/// One lease with its payment.
///
/// # Errors
/// `NotFound`; `InvalidArgument` for a malformed id.
pub fn lease(ctx: &Context, request: QueryLeaseRequest) -> Result<QueryLeaseResponse, QueryError> {
    let id = LeaseId::from_lease_wire(ctx, request.id.as_ref())?;
    let lease = LEASES.get(&ctx.state, &id)?.ok_or_else(|| QueryError::not_found("lease not found"))?;
    lease_response(ctx, &id, lease)
}

/// The parameters in force.
///
/// # Errors
/// `Internal` when the state fails.
pub fn params(ctx: &Context, _: QueryParamsRequest) -> Result<QueryParamsResponse, QueryError> {
    Ok(QueryParamsResponse { params: Some(Params::load(ctx)?.to_wire()) })
}

fn only_bseq_zero(bseq: u32) -> Result<(), QueryError> {
    if bseq == 0 { Ok(()) } else { Err(QueryError::invalid("bseq is 0 for every bid and lease")) }
}
