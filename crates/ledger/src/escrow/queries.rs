//! Queries of `akash.escrow.v1`. Filters: `state` is `open`, `closed` or `overdrawn`; `xid` is an account's id, or the
//! beginning of one up to a slash, so that an owner's address finds all of its accounts.

use proto::akash::escrow::types::v1::State;
use proto::akash::escrow::v1::{
    QueryAccountsRequest, QueryAccountsResponse, QueryPaymentsRequest, QueryPaymentsResponse,
};
use store::Key;

use super::state::{self, ACCOUNTS, ACCOUNTS_BY_STATE, AccountId, PAYMENTS, PAYMENTS_BY_STATE, PaymentId};
use super::wire;
use crate::context::Context;
use crate::failure::QueryError;
use crate::pages::Paging;
use crate::routes::QueryRoute;

pub(super) fn routes() -> Vec<QueryRoute> {
    vec![
        QueryRoute::new("/akash.escrow.v1.Query/Accounts", accounts),
        QueryRoute::new("/akash.escrow.v1.Query/Payments", payments),
    ]
}

/// The beginning of a text key: its bytes without the end mark.
struct Beginning(String);

impl Key for Beginning {
    fn write(&self, out: &mut Vec<u8>) {
        self.0.write(out);
        out.truncate(out.len().saturating_sub(2));
    }

    fn read(_: &mut &[u8]) -> Option<Self> {
        None
    }
}

struct Filter {
    state: Option<State>,
    xid: String,
    paging: Paging,
}

impl Filter {
    fn parse(state: &str, xid: String, paging: Paging) -> Result<Self, QueryError> {
        let state =
            match state {
                "" => None,
                name => Some(State::from_str_name(name).filter(|state| *state != State::Invalid).ok_or_else(|| {
                    QueryError::invalid(format!("{name:?} is no state: use open, closed or overdrawn"))
                })?),
            };
        if state.is_none() && paging.has_offset() {
            return Err(QueryError::invalid("an offset needs a state filter; without one, go on with the page key"));
        }
        Ok(Self { state, xid, paging })
    }

    fn admits(&self, xid: &str) -> bool {
        let rest = xid.strip_prefix(self.xid.as_str());
        self.xid.is_empty() || rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }

    fn beginning(&self) -> Beginning {
        Beginning(self.xid.clone())
    }
}

/// Accounts, by state and id.
///
/// # Errors
/// `InvalidArgument` when a filter or the page request is malformed.
pub fn accounts(ctx: &Context, request: QueryAccountsRequest) -> Result<QueryAccountsResponse, QueryError> {
    let filter = Filter::parse(&request.state, request.xid, Paging::parse(request.pagination)?)?;
    let show = |id: AccountId| match filter.admits(&id.xid) {
        true => Ok(super::account(ctx, &id)?),
        false => Ok(None),
    };
    let (accounts, pagination) = match filter.state {
        Some(state) => {
            let part = (state as u8, filter.beginning());
            filter.paging.pick(&ctx.state, &ACCOUNTS_BY_STATE, &part, |(_, id), ()| show(id))?
        }
        None if filter.xid.is_empty() => {
            filter.paging.pick(&ctx.state, &ACCOUNTS_BY_STATE, &(), |(_, id), ()| show(id))?
        }
        None => filter.paging.pick(&ctx.state, &ACCOUNTS, &filter.beginning(), |id, _| show(id))?,
    };
    Ok(QueryAccountsResponse { accounts, pagination })
}

/// Payments, by state and account id.
///
/// # Errors
/// `InvalidArgument` when a filter or the page request is malformed.
pub fn payments(ctx: &Context, request: QueryPaymentsRequest) -> Result<QueryPaymentsResponse, QueryError> {
    let filter = Filter::parse(&request.state, request.xid, Paging::parse(request.pagination)?)?;
    let show = |id: PaymentId| {
        let payment = match filter.admits(&id.xid) {
            true => PAYMENTS.get(&ctx.state, &id)?,
            false => None,
        };
        let Some(payment) = payment else { return Ok(None) };
        let account = state::existing(ctx, &id.account())?;
        Ok(Some(wire::payment(ctx, &id, &account.denom, &payment)))
    };
    let (payments, pagination) = match filter.state {
        Some(state) => {
            let part = (state as u8, filter.beginning());
            filter.paging.pick(&ctx.state, &PAYMENTS_BY_STATE, &part, |(_, id), ()| show(id))?
        }
        None if filter.xid.is_empty() => {
            filter.paging.pick(&ctx.state, &PAYMENTS_BY_STATE, &(), |(_, id), ()| show(id))?
        }
        None => filter.paging.pick(&ctx.state, &PAYMENTS, &filter.beginning(), |id, _| show(id))?,
    };
    Ok(QueryPaymentsResponse { payments, pagination })
}
