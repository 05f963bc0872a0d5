//! `akash.escrow.v1beta3` over `akash.escrow.v1`. The older generation has one depositor beside the owner and knows no
//! debts.

use primitives::Dec;
use proto::akash::escrow::id::v1::Scope;
use proto::akash::escrow::types::v1 as types;
use proto::akash::escrow::v1beta3 as old;
use proto::akash::escrow::{id::v1 as ids, v1 as new};
use proto::cosmos::base::query::v1beta1::PageRequest;
use proto::cosmos::base::v1beta1::DecCoin;

use crate::query::{OldQuery, QueryError};

pub(crate) fn queries() -> Vec<OldQuery> {
    vec![
        OldQuery::new(
            "/akash.escrow.v1beta3.Query/Accounts",
            "/akash.escrow.v1.Query/Accounts",
            |asked: old::QueryAccountsRequest| {
                let picked = !asked.scope.is_empty() || !asked.owner.is_empty();
                let pagination = uncounted(asked.pagination, picked, "scope or owner")?;
                Ok(new::QueryAccountsRequest { state: asked.state, xid: asked.xid, pagination })
            },
            |asked: &old::QueryAccountsRequest, found: new::QueryAccountsResponse| {
                let accounts = found.accounts.into_iter().map(account);
                let mut accounts = accounts.collect::<Result<Vec<_>, _>>()?;
                accounts.retain(|one| {
                    let scope = one.id.as_ref().map_or("", |id| id.scope.as_str());
                    admits(&asked.scope, scope) && admits(&asked.owner, &one.owner)
                });
                Ok(old::QueryAccountsResponse { accounts, pagination: found.pagination })
            },
        ),
        OldQuery::new(
            "/akash.escrow.v1beta3.Query/Payments",
            "/akash.escrow.v1.Query/Payments",
            |asked: old::QueryPaymentsRequest| {
                let picked = !asked.scope.is_empty() || !asked.owner.is_empty() || !asked.id.is_empty();
                let pagination = uncounted(asked.pagination, picked, "scope, owner or id")?;
                Ok(new::QueryPaymentsRequest { state: asked.state, xid: asked.xid, pagination })
            },
            |asked: &old::QueryPaymentsRequest, found: new::QueryPaymentsResponse| {
                let mut payments: Vec<_> = found.payments.into_iter().map(payment).collect();
                payments.retain(|one| {
                    let scope = one.account_id.as_ref().map_or("", |id| id.scope.as_str());
                    let whose = admits(&asked.scope, scope) && admits(&asked.owner, &one.owner);
                    whose && admits(&asked.id, &one.payment_id)
                });
                Ok(old::QueryPaymentsResponse { payments, pagination: found.pagination })
            },
        ),
    ]
}

fn admits(wanted: &str, found: &str) -> bool {
    wanted.is_empty() || wanted == found
}

/// Filters that the present query does not have are kept on each page, which may then show fewer entries than asked for;
/// neither an offset nor a total could be true.
fn uncounted(page: Option<PageRequest>, picked: bool, by: &str) -> Result<Option<PageRequest>, QueryError> {
    match page {
        Some(page) if picked && (page.offset > 0 || page.count_total) => Err(QueryError::Filter(format!(
            "lists by {by} can be read, but neither counted nor skipped: go on with the page key"
        ))),
        page => Ok(page),
    }
}

fn id(id: ids::Account) -> old::AccountId {
    let scope = match id.scope() {
        Scope::Invalid => "",
        Scope::Deployment => "deployment",
        Scope::Bid => "bid",
    };
    old::AccountId { scope: scope.to_owned(), xid: id.xid }
}

fn sum<'a>(denom: &str, amounts: impl Iterator<Item = &'a DecCoin>) -> Result<DecCoin, QueryError> {
    let mut total = Dec::ZERO;
    for coin in amounts {
        let amount = Dec::from_wire(&coin.amount).map_err(|error| QueryError::Answer(error.to_string()))?;
        total = total.checked_add(amount).ok_or_else(|| QueryError::Answer("deposits overflow".to_owned()))?;
    }
    Ok(DecCoin { denom: denom.to_owned(), amount: total.to_wire() })
}

/// `balance` is what is left of the owner's own coins, `funds` what is left of everybody else's; together they are what
/// the account can still pay. An account that owes something has neither.
pub(crate) fn account(found: types::Account) -> Result<old::Account, QueryError> {
    let state = found.state.unwrap_or_default();
    let denom = state.funds.first().map(|funds| funds.denom.clone()).unwrap_or_default();
    let owns = |deposit: &&types::Depositor| deposit.owner == state.owner;
    let (own, foreign): (Vec<_>, Vec<_>) = state.deposits.iter().partition(owns);
    let depositor = foreign.first().map_or(&state.owner, |deposit| &deposit.owner);
    Ok(old::Account {
        id: found.id.map(id),
        depositor: depositor.clone(),
        state: state.state,
        balance: Some(sum(&denom, own.iter().filter_map(|deposit| deposit.balance.as_ref()))?),
        funds: Some(sum(&denom, foreign.iter().filter_map(|deposit| deposit.balance.as_ref()))?),
        transferred: state.transferred.first().cloned(),
        settled_at: state.settled_at,
        owner: state.owner,
    })
}

/// What a payment is owed is not shown: the older generation has no field for it.
pub(crate) fn payment(found: types::Payment) -> old::FractionalPayment {
    let state = found.state.unwrap_or_default();
    let place = found.id.unwrap_or_default();
    old::FractionalPayment {
        account_id: place.aid.map(id),
        payment_id: place.xid,
        owner: state.owner,
        state: state.state,
        rate: state.rate,
        balance: state.balance,
        withdrawn: state.withdrawn,
    }
}
