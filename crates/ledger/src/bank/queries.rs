//! Queries of `cosmos.bank.v1beta1`. All coins can be spent: nothing vests, so spendable is the balance.

use primitives::{Address, Denom};
use proto::cosmos::bank::v1beta1::{
    DenomOwner, Metadata, Params, QueryAllBalancesRequest, QueryAllBalancesResponse, QueryBalanceRequest,
    QueryBalanceResponse, QueryDenomMetadataByQueryStringRequest, QueryDenomMetadataByQueryStringResponse,
    QueryDenomMetadataRequest, QueryDenomMetadataResponse, QueryDenomOwnersByQueryRequest,
    QueryDenomOwnersByQueryResponse, QueryDenomOwnersRequest, QueryDenomOwnersResponse, QueryDenomsMetadataRequest,
    QueryDenomsMetadataResponse, QueryParamsRequest, QueryParamsResponse, QuerySendEnabledRequest,
    QuerySendEnabledResponse, QuerySpendableBalanceByDenomRequest, QuerySpendableBalanceByDenomResponse,
    QuerySpendableBalancesRequest, QuerySpendableBalancesResponse, QuerySupplyOfRequest, QuerySupplyOfResponse,
    QueryTotalSupplyRequest, QueryTotalSupplyResponse, SendEnabled,
};
use proto::cosmos::base::query::v1beta1::PageRequest;
use proto::cosmos::base::v1beta1::Coin;
use store::Amount;

use super::state::{BALANCES, DENOMS, SUPPLY, SendEnabled as Stored, StoredDenom};
use crate::context::Context;
use crate::failure::QueryError;
use crate::pages::{Found, Paging};
use crate::routes::QueryRoute;

pub(super) fn routes() -> Vec<QueryRoute> {
    vec![
        QueryRoute::new("/cosmos.bank.v1beta1.Query/Balance", balance),
        QueryRoute::new("/cosmos.bank.v1beta1.Query/AllBalances", all_balances),
        QueryRoute::new("/cosmos.bank.v1beta1.Query/SpendableBalances", spendable_balances),
        QueryRoute::new("/cosmos.bank.v1beta1.Query/SpendableBalanceByDenom", spendable_balance_by_denom),
        QueryRoute::new("/cosmos.bank.v1beta1.Query/TotalSupply", total_supply),
        QueryRoute::new("/cosmos.bank.v1beta1.Query/SupplyOf", supply_of),
        QueryRoute::new("/cosmos.bank.v1beta1.Query/Params", params),
        QueryRoute::new("/cosmos.bank.v1beta1.Query/DenomMetadata", denom_metadata),
        QueryRoute::new("/cosmos.bank.v1beta1.Query/DenomMetadataByQueryString", denom_metadata_by_query_string),
        QueryRoute::new("/cosmos.bank.v1beta1.Query/DenomsMetadata", denoms_metadata),
        QueryRoute::new("/cosmos.bank.v1beta1.Query/DenomOwners", denom_owners),
        QueryRoute::new("/cosmos.bank.v1beta1.Query/DenomOwnersByQuery", denom_owners_by_query),
        QueryRoute::new("/cosmos.bank.v1beta1.Query/SendEnabled", send_enabled),
    ]
}

fn coin(denom: String, amount: u128) -> Coin {
    Coin { denom, amount: amount.to_string() }
}

fn parse_denom(text: &str) -> Result<Denom, QueryError> {
    Denom::new(text).map_err(|error| QueryError::invalid(error.to_string()))
}

/// What an account has of one denom, which may be zero: clients want the coin, not `NotFound`.
fn held(ctx: &Context, address: &str, denom: &str) -> Result<Coin, QueryError> {
    let address = ctx.address(address)?;
    let amount = super::balance(ctx, &address, &parse_denom(denom)?)?;
    Ok(coin(denom.to_owned(), amount))
}

fn held_page(ctx: &Context, address: &Address, page: Option<PageRequest>) -> Result<Found<Coin>, QueryError> {
    let pick = |(_, denom): (Address, String), amount: Amount| Ok(Some(coin(denom, amount.0)));
    Paging::parse(page)?.pick(&ctx.state, &BALANCES, address, pick)
}

/// What an account has of one denom.
///
/// # Errors
/// `InvalidArgument` when the address or the denom is malformed.
pub fn balance(ctx: &Context, request: QueryBalanceRequest) -> Result<QueryBalanceResponse, QueryError> {
    Ok(QueryBalanceResponse { balance: Some(held(ctx, &request.address, &request.denom)?) })
}

/// What an account has. Denoms are shown as they are: no denom here stands for another, so `resolve_denom` changes
/// nothing.
///
/// # Errors
/// `InvalidArgument` when the address or the page request is malformed.
pub fn all_balances(ctx: &Context, request: QueryAllBalancesRequest) -> Result<QueryAllBalancesResponse, QueryError> {
    let (balances, pagination) = held_page(ctx, &ctx.address(&request.address)?, request.pagination)?;
    Ok(QueryAllBalancesResponse { balances, pagination })
}

/// What an account can spend.
///
/// # Errors
/// As [`all_balances`].
pub fn spendable_balances(
    ctx: &Context,
    request: QuerySpendableBalancesRequest,
) -> Result<QuerySpendableBalancesResponse, QueryError> {
    let (balances, pagination) = held_page(ctx, &ctx.address(&request.address)?, request.pagination)?;
    Ok(QuerySpendableBalancesResponse { balances, pagination })
}

/// What an account can spend of one denom.
///
/// # Errors
/// As [`balance`].
pub fn spendable_balance_by_denom(
    ctx: &Context,
    request: QuerySpendableBalanceByDenomRequest,
) -> Result<QuerySpendableBalanceByDenomResponse, QueryError> {
    Ok(QuerySpendableBalanceByDenomResponse { balance: Some(held(ctx, &request.address, &request.denom)?) })
}

/// How much exists, per denom.
///
/// # Errors
/// `InvalidArgument` when the page request is malformed.
pub fn total_supply(ctx: &Context, request: QueryTotalSupplyRequest) -> Result<QueryTotalSupplyResponse, QueryError> {
    let paging = Paging::parse(request.pagination)?;
    let pick = |denom, amount: Amount| Ok(Some(coin(denom, amount.0)));
    let (supply, pagination) = paging.pick(&ctx.state, &SUPPLY, &(), pick)?;
    Ok(QueryTotalSupplyResponse { supply, pagination })
}

/// How much exists of one denom.
///
/// # Errors
/// `InvalidArgument` when the denom is malformed.
pub fn supply_of(ctx: &Context, request: QuerySupplyOfRequest) -> Result<QuerySupplyOfResponse, QueryError> {
    let amount = super::supply_of(ctx, &parse_denom(&request.denom)?)?;
    Ok(QuerySupplyOfResponse { amount: Some(coin(request.denom, amount)) })
}

/// Who has how much of one denom, by address. There is no index by denom: all balances are walked until the page is full,
/// or to their end where the total is counted.
///
/// # Errors
/// `InvalidArgument` when the denom or the page request is malformed.
pub fn denom_owners(ctx: &Context, request: QueryDenomOwnersRequest) -> Result<QueryDenomOwnersResponse, QueryError> {
    parse_denom(&request.denom)?;
    let pick = |(address, denom): (Address, String), amount: Amount| {
        let owner = || DenomOwner { address: ctx.text(&address), balance: Some(coin(denom.clone(), amount.0)) };
        Ok((denom == request.denom).then(owner))
    };
    let (denom_owners, pagination) = Paging::parse(request.pagination)?.pick(&ctx.state, &BALANCES, &(), pick)?;
    Ok(QueryDenomOwnersResponse { denom_owners, pagination })
}

/// [`denom_owners`], for denoms that no path can hold.
///
/// # Errors
/// As [`denom_owners`].
pub fn denom_owners_by_query(
    ctx: &Context,
    QueryDenomOwnersByQueryRequest { denom, pagination }: QueryDenomOwnersByQueryRequest,
) -> Result<QueryDenomOwnersByQueryResponse, QueryError> {
    let QueryDenomOwnersResponse { denom_owners, pagination } =
        denom_owners(ctx, QueryDenomOwnersRequest { denom, pagination })?;
    Ok(QueryDenomOwnersByQueryResponse { denom_owners, pagination })
}

/// Which denoms users may send.
///
/// # Errors
/// When the state fails.
pub fn params(ctx: &Context, _: QueryParamsRequest) -> Result<QueryParamsResponse, QueryError> {
    let mut send_enabled = Vec::new();
    for (denom, stored) in DENOMS.all(&ctx.state)? {
        match stored.send_enabled() {
            Stored::Default => {}
            Stored::Yes => send_enabled.push(SendEnabled { denom, enabled: true }),
            Stored::No => send_enabled.push(SendEnabled { denom, enabled: false }),
        }
    }
    let default_send_enabled = super::params(ctx)?.default_send_enabled;
    Ok(QueryParamsResponse { params: Some(Params { send_enabled, default_send_enabled }) })
}

/// How people see one denom.
///
/// # Errors
/// `InvalidArgument` when the denom is malformed, `NotFound` when it is not registered or nobody described it.
pub fn denom_metadata(
    ctx: &Context,
    request: QueryDenomMetadataRequest,
) -> Result<QueryDenomMetadataResponse, QueryError> {
    parse_denom(&request.denom)?;
    let metadata = DENOMS.get(&ctx.state, &request.denom)?.and_then(|stored| stored.metadata);
    let missing = || QueryError::not_found(format!("client metadata for denom {}", request.denom));
    Ok(QueryDenomMetadataResponse { metadata: Some(metadata.ok_or_else(missing)?) })
}

/// [`denom_metadata`], for denoms with slashes, which no path can hold.
///
/// # Errors
/// As [`denom_metadata`].
pub fn denom_metadata_by_query_string(
    ctx: &Context,
    request: QueryDenomMetadataByQueryStringRequest,
) -> Result<QueryDenomMetadataByQueryStringResponse, QueryError> {
    let QueryDenomMetadataResponse { metadata } =
        denom_metadata(ctx, QueryDenomMetadataRequest { denom: request.denom })?;
    Ok(QueryDenomMetadataByQueryStringResponse { metadata })
}

/// Which denoms have a rule of their own on whether users may send them; of those asked for, or of all.
///
/// # Errors
/// `InvalidArgument` when a denom or the page request is malformed.
pub fn send_enabled(ctx: &Context, request: QuerySendEnabledRequest) -> Result<QuerySendEnabledResponse, QueryError> {
    let own = |denom: String, stored: &StoredDenom| match stored.send_enabled() {
        Stored::Default => None,
        Stored::Yes => Some(SendEnabled { denom, enabled: true }),
        Stored::No => Some(SendEnabled { denom, enabled: false }),
    };
    if request.denoms.is_empty() {
        let paging = Paging::parse(request.pagination)?;
        let (send_enabled, pagination) =
            paging.pick(&ctx.state, &DENOMS, &(), |denom, stored| Ok(own(denom, &stored)))?;
        return Ok(QuerySendEnabledResponse { send_enabled, pagination });
    }
    let mut send_enabled = Vec::new();
    for denom in request.denoms {
        parse_denom(&denom)?;
        let stored = DENOMS.get(&ctx.state, &denom)?;
        send_enabled.extend(stored.and_then(|stored| own(denom, &stored)));
    }
    Ok(QuerySendEnabledResponse { send_enabled, pagination: None })
}

/// How people see the denoms of the chain.
///
/// # Errors
/// `InvalidArgument` when the page request is malformed.
pub fn denoms_metadata(
    ctx: &Context,
    request: QueryDenomsMetadataRequest,
) -> Result<QueryDenomsMetadataResponse, QueryError> {
    let pick = |_, stored: StoredDenom| -> Result<Option<Metadata>, QueryError> { Ok(stored.metadata) };
    let (metadatas, pagination) = Paging::parse(request.pagination)?.pick(&ctx.state, &DENOMS, &(), pick)?;
    Ok(QueryDenomsMetadataResponse { metadatas, pagination })
}
