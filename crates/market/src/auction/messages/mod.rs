//! Messages of `akash.market.v1beta5`: [`bids`], signed by providers, and [`leases`], signed by tenants and providers.

pub mod bids;
pub mod leases;

use ledger::{Context, Failure, MessageRoute};
use proto::akash::market::v1::LeaseClosedReason;
use proto::akash::market::v1beta5::{
    MsgCloseBid, MsgCloseLease, MsgCreateBid, MsgCreateLease, MsgLeaseStartReclaim, MsgUpdateParams,
    MsgUpdateParamsResponse, MsgWithdrawLease,
};

use super::params::Params;
use crate::refusal::market as refusal;

pub(crate) fn routes() -> Vec<MessageRoute> {
    vec![
        MessageRoute::new::<MsgCreateBid, _>(|m| m.id.clone().unwrap_or_default().provider, bids::create_bid),
        MessageRoute::new::<MsgCloseBid, _>(|m| m.id.clone().unwrap_or_default().provider, bids::close_bid),
        MessageRoute::new::<MsgCreateLease, _>(|m| m.bid_id.clone().unwrap_or_default().owner, leases::create_lease),
        MessageRoute::new::<MsgCloseLease, _>(|m| m.id.clone().unwrap_or_default().owner, leases::close_lease),
        MessageRoute::new::<MsgWithdrawLease, _>(|m| m.id.clone().unwrap_or_default().provider, leases::withdraw_lease),
        MessageRoute::new::<MsgLeaseStartReclaim, _>(
            |m| m.id.clone().unwrap_or_default().provider,
            leases::start_reclaim,
        ),
        MessageRoute::new::<MsgUpdateParams, _>(|m| m.authority.clone(), update_params),
    ]
}

/// The reason that a provider gives; upstream's range is 10000 to 19999, of which the wire names four.
fn provider_reason(reason: i32) -> Result<LeaseClosedReason, Failure> {
    let known = LeaseClosedReason::try_from(reason).ok().filter(|_| (10_000..20_000).contains(&reason));
    known.ok_or_else(|| refusal::invalid_reason(reason).into())
}

/// Replaces the parameters.
///
/// # Errors
/// `sdk` 4 unless the authority signed, `market` 29 when a parameter is out of bounds.
pub fn update_params(ctx: &mut Context, msg: MsgUpdateParams) -> Result<MsgUpdateParamsResponse, Failure> {
    ctx.require_authority(&msg.authority)?;
    let params = msg.params.ok_or_else(|| refusal::invalid_param("they are missing"))?;
    Params::from_wire(&params)?.store(ctx);
    Ok(MsgUpdateParamsResponse {})
}
