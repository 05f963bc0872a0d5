//! Leases: created and closed by the tenant, withdrawn from and reclaimed by the provider.

use ledger::escrow;
use ledger::{Context, Failure, Rejection, provider};
use proto::akash::deployment::v1beta4::group::State as GroupState;
use proto::akash::market::v1::lease::State as LeaseState;
use proto::akash::market::v1::{Lease, LeaseClosedReason, Reclamation};
use proto::akash::market::v1beta5::bid::State as BidState;
use proto::akash::market::v1beta5::order::State as OrderState;
use proto::akash::market::v1beta5::{
    MsgCloseLease, MsgCloseLeaseResponse, MsgCreateLease, MsgCreateLeaseResponse, MsgLeaseStartReclaim,
    MsgLeaseStartReclaimResponse, MsgWithdrawLease, MsgWithdrawLeaseResponse,
};

use super::provider_reason;
use crate::auction::ending::{self, Ending};
use crate::auction::state::{BIDS, LEASES, ORDERS, bids, stored_price};
use crate::auction::{events, hold, orders};
use crate::deployment::groups;
use crate::deployment::state::group;
use crate::ids::{BidId, LeaseId};
use crate::refusal::market as refusal;
use crate::wire::duration_in;

/// Takes an open bid: payment begins, hardware is held firmly, the other open bids are lost and their deposits go
/// back.
///
/// # Errors
/// `market` 12, 13, 15, 17, 18, 30; `deployment` 14; `capacity` 2 when the hardware is gone; those of escrow when the
/// account cannot pay.
pub fn create_lease(ctx: &mut Context, msg: MsgCreateLease) -> Result<MsgCreateLeaseResponse, Failure> {
    let id = BidId::from_wire(ctx, msg.bid_id.as_ref())?;
    let name = id.text(&ctx.chain.prefix);
    let mut bid = BIDS.get(&ctx.state, &id)?.ok_or_else(|| refusal::bid_not_found(&name))?;
    if bid.state() != BidState::Open {
        return Err(refusal::bid_not_open(&name).into());
    }
    let order_name = id.order.text(&ctx.chain.prefix);
    let order = ORDERS.get(&ctx.state, &id.order)?;
    let mut order = order.ok_or_else(|| refusal::order_not_found(&order_name))?;
    if order.state() != OrderState::Open {
        return Err(refusal::order_not_open(&order_name).into());
    }
    if group(ctx, &id.order.group)?.state() != GroupState::Open {
        return Err(refusal::group_not_open(&id.order.group.text(&ctx.chain.prefix)).into());
    }
    if provider::get(ctx, &id.provider)?.is_none() {
        return Err(refusal::unknown_provider(&ctx.text(&id.provider)).into());
    }

    let price = stored_price(ctx, &id, bid.price.as_ref())?;
    let (account, payment) = (id.deployment().text(&ctx.chain.prefix), id.payment(&ctx.chain.prefix));
    escrow::create_payment(ctx, &account, &payment, &id.provider, &price)?;
    hold::firm(ctx, &id, &groups::stored_spec(ctx, &id.order.group, order.spec.as_ref())?)?;
    provider::leases::increment(ctx, &id.provider)?;

    let lease = Lease {
        id: Some(id.to_lease_wire(&ctx.chain.prefix)),
        state: LeaseState::Active.into(),
        price: bid.price.clone(),
        created_at: ctx.block.height.cast_signed(),
        closed_on: 0,
        reason: LeaseClosedReason::LeaseClosedInvalid.into(),
        reclamation: bid
            .reclamation_window
            .map(|window| Reclamation { window: Some(window), ..Reclamation::default() }),
    };
    LEASES.put(&mut ctx.state, &id, &lease)?;
    events::lease_created(ctx, &id, &price);
    order.set_state(OrderState::Active);
    ORDERS.put(&mut ctx.state, &id.order, &order)?;
    bid.set_state(BidState::Active);
    BIDS.put(&mut ctx.state, &id, &bid)?;
    for (other, bid) in bids(ctx, &id.order)? {
        if bid.state() == BidState::Open {
            ending::lose_bid(ctx, &other, bid)?;
        }
    }
    Ok(MsgCreateLeaseResponse {})
}

/// Ends a lease for the tenant. If its group is open still, a new order follows.
///
/// # Errors
/// `market` 10, 11, 15, 18, 20, 24.
pub fn close_lease(ctx: &mut Context, msg: MsgCloseLease) -> Result<MsgCloseLeaseResponse, Failure> {
    let id = LeaseId::from_lease_wire(ctx, msg.id.as_ref())?;
    let name = id.text(&ctx.chain.prefix);
    let order_name = id.order.text(&ctx.chain.prefix);
    let order = ORDERS.get(&ctx.state, &id.order)?.ok_or_else(|| refusal::order_not_found(&order_name))?;
    if order.state() != OrderState::Active {
        return Err(refusal::order_closed(&order_name).into());
    }
    let bid = BIDS.get(&ctx.state, &id)?.ok_or_else(|| refusal::bid_not_found(&name))?;
    if bid.state() != BidState::Active {
        return Err(refusal::bid_not_active(&name).into());
    }
    let lease = LEASES.get(&ctx.state, &id)?.ok_or_else(|| refusal::lease_not_found(&name))?;
    if !matches!(lease.state(), LeaseState::Active | LeaseState::Reclaiming) {
        return Err(refusal::lease_not_active(&name).into());
    }
    if !ending::settle_first(ctx, &id.deployment())? {
        return Ok(MsgCloseLeaseResponse {});
    }
    ending::end_order(ctx, &id.order, order, Ending::OWNER)?;
    let group_id = id.order.group;
    let group = group(ctx, &group_id)?;
    if group.state() == GroupState::Open {
        orders::open(ctx, &group_id, &group)?;
    }
    Ok(MsgCloseLeaseResponse {})
}

/// Pays the provider what the lease earned.
///
/// # Errors
/// `market` 7; those of escrow when the payment has ended.
pub fn withdraw_lease(ctx: &mut Context, msg: MsgWithdrawLease) -> Result<MsgWithdrawLeaseResponse, Failure> {
    let id = LeaseId::from_lease_wire(ctx, msg.id.as_ref())?;
    if LEASES.get(&ctx.state, &id)?.is_none() {
        return Err(refusal::unknown_lease(&id.text(&ctx.chain.prefix)).into());
    }
    let (account, payment) = (id.deployment().text(&ctx.chain.prefix), id.payment(&ctx.chain.prefix));
    escrow::withdraw(ctx, &account, &payment)?;
    Ok(MsgWithdrawLeaseResponse {})
}

/// Asks a lease back: after its window, counted from the block's time, the provider may close the bid. Billing goes
/// on, and the tenant may close any time.
///
/// # Errors
/// `market` 7, 10, 33, 35, 36.
pub fn start_reclaim(ctx: &mut Context, msg: MsgLeaseStartReclaim) -> Result<MsgLeaseStartReclaimResponse, Failure> {
    let id = LeaseId::from_lease_wire(ctx, msg.id.as_ref())?;
    let reason = provider_reason(msg.reason)?;
    let name = id.text(&ctx.chain.prefix);
    let mut lease = LEASES.get(&ctx.state, &id)?.ok_or_else(|| refusal::unknown_lease(&name))?;
    match lease.state() {
        LeaseState::Active => {}
        LeaseState::Reclaiming => return Err(refusal::already_reclaiming(&name).into()),
        _ => return Err(refusal::lease_not_active(&name).into()),
    }
    let reclamation = lease.reclamation.as_mut().ok_or_else(|| refusal::not_reclaimable(&name))?;
    let window = reclamation.window.as_ref().and_then(duration_in).unwrap_or_default();
    // Bids may offer fractions of a second; the deadline is the next whole one.
    let seconds = window.as_secs().saturating_add(u64::from(window.subsec_nanos() > 0));
    let deadline = ctx.block.time.seconds.checked_add_unsigned(seconds);
    let deadline = deadline.ok_or_else(|| Rejection::overflow("the reclamation deadline"))?;
    reclamation.started_at = ctx.block.height.cast_signed();
    reclamation.deadline = deadline;
    reclamation.set_reason(reason);
    lease.set_state(LeaseState::Reclaiming);
    LEASES.put(&mut ctx.state, &id, &lease)?;
    events::reclaim_started(ctx, &id, reason, deadline);
    Ok(MsgLeaseStartReclaimResponse {})
}
