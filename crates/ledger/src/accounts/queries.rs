//! Queries of `cosmos.auth.v1beta1`.

use primitives::Address;
use proto::cosmos::auth::v1beta1::{
    BaseAccount, Bech32PrefixRequest, Bech32PrefixResponse, ModuleAccount, Params, QueryAccountInfoRequest,
    QueryAccountInfoResponse, QueryAccountRequest, QueryAccountResponse, QueryAccountsRequest, QueryAccountsResponse,
    QueryModuleAccountByNameRequest, QueryModuleAccountByNameResponse, QueryModuleAccountsRequest,
    QueryModuleAccountsResponse, QueryParamsRequest, QueryParamsResponse,
};
use proto::{Any, ToAny};

use super::{StoredAccount, modules, state::ACCOUNTS};
use crate::context::Context;
use crate::failure::QueryError;
use crate::fees;
use crate::pages::Paging;
use crate::routes::QueryRoute;

pub(super) fn routes() -> Vec<QueryRoute> {
    vec![
        QueryRoute::new("/cosmos.auth.v1beta1.Query/Accounts", accounts),
        QueryRoute::new("/cosmos.auth.v1beta1.Query/Account", account),
        QueryRoute::new("/cosmos.auth.v1beta1.Query/AccountInfo", account_info),
        QueryRoute::new("/cosmos.auth.v1beta1.Query/Params", params),
        QueryRoute::new("/cosmos.auth.v1beta1.Query/ModuleAccounts", module_accounts),
        QueryRoute::new("/cosmos.auth.v1beta1.Query/ModuleAccountByName", module_account_by_name),
        QueryRoute::new("/cosmos.auth.v1beta1.Query/Bech32Prefix", bech32_prefix),
    ]
}

fn base(ctx: &Context, address: &Address, account: StoredAccount) -> BaseAccount {
    BaseAccount {
        address: ctx.text(address),
        pub_key: account.public_key,
        account_number: account.number,
        sequence: account.sequence,
    }
}

/// `BaseAccount`, or `ModuleAccount` for accounts of the chain's parts: clients know no other kinds.
fn packed(ctx: &Context, address: &Address, account: StoredAccount) -> Any {
    let base = base(ctx, address, account);
    match modules::name_of(address) {
        None => base.to_any(),
        Some(name) => {
            let name = name.to_owned();
            ModuleAccount { base_account: Some(base), name, permissions: Vec::new() }.to_any()
        }
    }
}

/// The words are those of the Cosmos SDK: clients look for `key not found`.
fn find(ctx: &Context, text: &str) -> Result<(Address, StoredAccount), QueryError> {
    if text.is_empty() {
        return Err(QueryError::invalid("Address cannot be empty"));
    }
    let address = ctx.address(text)?;
    let account = super::get(ctx, &address)?;
    let account = account.ok_or_else(|| QueryError::not_found(format!("account {text} not found: key not found")))?;
    Ok((address, account))
}

/// All accounts in order of address.
///
/// # Errors
/// When the page request is malformed or the state fails.
pub fn accounts(ctx: &Context, request: QueryAccountsRequest) -> Result<QueryAccountsResponse, QueryError> {
    let paging = Paging::parse(request.pagination)?;
    let (found, pagination) = paging.list(&ctx.state, &ACCOUNTS, &())?;
    let accounts = found.into_iter().map(|(address, account)| packed(ctx, &address, account)).collect();
    Ok(QueryAccountsResponse { accounts, pagination })
}

/// One account.
///
/// # Errors
/// `InvalidArgument` when the address is malformed, `NotFound` when the account was never born.
pub fn account(ctx: &Context, request: QueryAccountRequest) -> Result<QueryAccountResponse, QueryError> {
    let (address, account) = find(ctx, &request.address)?;
    Ok(QueryAccountResponse { account: Some(packed(ctx, &address, account)) })
}

/// One account without packing.
///
/// # Errors
/// As [`account`].
pub fn account_info(ctx: &Context, request: QueryAccountInfoRequest) -> Result<QueryAccountInfoResponse, QueryError> {
    let (address, account) = find(ctx, &request.address)?;
    Ok(QueryAccountInfoResponse { info: Some(base(ctx, &address, account)) })
}

/// Limits and costs of transactions. The costs are those of [`fees`]; both kinds of key cost the same.
///
/// # Errors
/// When the state fails.
pub fn params(ctx: &Context, _: QueryParamsRequest) -> Result<QueryParamsResponse, QueryError> {
    let limits = super::params(ctx)?;
    let gas = fees::params(ctx)?.gas;
    let params = Params {
        max_memo_characters: limits.max_memo_characters,
        tx_sig_limit: limits.tx_sig_limit,
        tx_size_cost_per_byte: gas.per_tx_byte,
        sig_verify_cost_ed25519: gas.per_signature,
        sig_verify_cost_secp256k1: gas.per_signature,
    };
    Ok(QueryParamsResponse { params: Some(params) })
}

/// The accounts of the parts of the chain that were ever paid, in order of name.
///
/// # Errors
/// When the state fails.
pub fn module_accounts(
    ctx: &Context,
    _: QueryModuleAccountsRequest,
) -> Result<QueryModuleAccountsResponse, QueryError> {
    let mut names = modules::NAMES;
    names.sort_unstable();
    let mut accounts = Vec::new();
    for name in names {
        let address = Address::of_module(name);
        if let Some(account) = super::get(ctx, &address)? {
            accounts.push(packed(ctx, &address, account));
        }
    }
    Ok(QueryModuleAccountsResponse { accounts })
}

/// The account of a part of the chain.
///
/// # Errors
/// `NotFound` when there is no such part, or its account was never used.
pub fn module_account_by_name(
    ctx: &Context,
    request: QueryModuleAccountByNameRequest,
) -> Result<QueryModuleAccountByNameResponse, QueryError> {
    let name = request.name;
    if !modules::NAMES.contains(&name.as_str()) {
        let known = modules::NAMES.join(", ");
        return Err(QueryError::not_found(format!("account {name} not found: module accounts are {known}")));
    }
    let address = Address::of_module(&name);
    let account = super::get(ctx, &address)?;
    let account = account
        .ok_or_else(|| QueryError::not_found(format!("account {name} not found: nothing was ever paid to it")))?;
    Ok(QueryModuleAccountByNameResponse { account: Some(packed(ctx, &address, account)) })
}

/// The prefix of addresses.
///
/// # Errors
/// Never.
pub fn bech32_prefix(ctx: &Context, _: Bech32PrefixRequest) -> Result<Bech32PrefixResponse, QueryError> {
    Ok(Bech32PrefixResponse { bech32_prefix: ctx.chain.prefix.as_str().to_owned() })
}
