//! How orders, bids and leases end.
//!
//! The market ends its own things first and then tells escrow, so that what escrow announces in return finds nothing
//! left to do. Before it ends something that is paid for, it settles: if the funds turn out to be gone, the end of the
//! escrow account takes over, and everything ends as `insufficient_funds` (spec/akash.md 1.6.5).

use ledger::escrow::{self, AccountId};
use ledger::{Context, Failure, provider};
use proto::akash::deployment::v1beta4::group::State as GroupState;
use proto::akash::escrow::types::v1::State as EscrowState;
use proto::akash::market::v1::LeaseClosedReason as Reason;
use proto::akash::market::v1::lease::State as LeaseState;
use proto::akash::market::v1beta5::bid::State as BidState;
use proto::akash::market::v1beta5::order::State as OrderState;
use proto::akash::market::v1beta5::{Bid, Order};

use super::state::{BIDS, LEASES, ORDERS, bids, last_order};
use super::{events, hold};
use crate::deployment;
use crate::ids::{BidId, DeploymentId, GroupId, LeaseId, OrderId};

/// Why a lease ends, and as what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ending {
    state: LeaseState,
    reason: Reason,
}

impl Ending {
    /// The tenant wanted it.
    pub const OWNER: Self = Self { state: LeaseState::Closed, reason: Reason::LeaseClosedOwner };
    /// The escrow account ran out of funds.
    pub const INSUFFICIENT_FUNDS: Self =
        Self { state: LeaseState::InsufficientFunds, reason: Reason::InsufficientFunds };
    /// Nobody said why.
    pub const UNSPECIFIED: Self = Self { state: LeaseState::Closed, reason: Reason::Unspecified };
    /// The hardware behind it is gone.
    pub const UNSTABLE: Self = Self { state: LeaseState::Closed, reason: Reason::Unstable };

    /// The provider wanted it.
    pub const fn by_provider(reason: Reason) -> Self {
        Self { state: LeaseState::Closed, reason }
    }
}

/// Settles the escrow account of a deployment and tells whether it is open still.
///
/// # Errors
/// When the state fails.
pub fn settle_first(ctx: &mut Context, id: &DeploymentId) -> Result<bool, Failure> {
    let id = AccountId::deployment(id.text(&ctx.chain.prefix));
    if !account_is_open(ctx, &id)? {
        return Ok(false);
    }
    escrow::settle(ctx, &id)?;
    account_is_open(ctx, &id)
}

fn account_is_open(ctx: &Context, id: &AccountId) -> Result<bool, Failure> {
    let account = escrow::account(ctx, id)?.and_then(|account| account.state);
    Ok(account.is_some_and(|account| account.state() == EscrowState::Open))
}

/// Ends what is going on for a group: its open or active order with bids and lease.
///
/// # Errors
/// When the state fails.
pub fn end_orders(ctx: &mut Context, group: &GroupId, ending: Ending) -> Result<(), Failure> {
    match last_order(ctx, group)? {
        Some((id, order)) if order.state() != OrderState::Closed => end_order(ctx, &id, order, ending),
        _ => Ok(()),
    }
}

/// Ends an open or active order, its open and active bids and its lease.
///
/// # Errors
/// When the state fails.
pub fn end_order(ctx: &mut Context, id: &OrderId, mut order: Order, ending: Ending) -> Result<(), Failure> {
    order.set_state(OrderState::Closed);
    ORDERS.put(&mut ctx.state, id, &order)?;
    events::order_closed(ctx, id);
    for (bid_id, bid) in bids(ctx, id)? {
        match bid.state() {
            BidState::Open => close_bid(ctx, &bid_id, bid)?,
            BidState::Active => {
                close_bid(ctx, &bid_id, bid)?;
                end_lease(ctx, &bid_id, ending)?;
            }
            BidState::Lost | BidState::Closed | BidState::Invalid => {}
        }
    }
    Ok(())
}

/// Closes an open or active bid: its deposit goes back, its hold on hardware ends.
///
/// # Errors
/// When the state fails.
pub fn close_bid(ctx: &mut Context, id: &BidId, bid: Bid) -> Result<(), Failure> {
    end_bid(ctx, id, bid, BidState::Closed)?;
    events::bid_closed(ctx, id);
    Ok(())
}

/// Another bid was taken: the deposit goes back, the hold on hardware ends. Nothing is announced, as upstream.
///
/// # Errors
/// When the state fails.
pub fn lose_bid(ctx: &mut Context, id: &BidId, bid: Bid) -> Result<(), Failure> {
    end_bid(ctx, id, bid, BidState::Lost)
}

fn end_bid(ctx: &mut Context, id: &BidId, mut bid: Bid, state: BidState) -> Result<(), Failure> {
    bid.set_state(state);
    BIDS.put(&mut ctx.state, id, &bid)?;
    escrow::close_account(ctx, &AccountId::bid(id.text(&ctx.chain.prefix)))?;
    hold::release(ctx, id)
}

/// Ends an active or reclaiming lease; its payment, if it flows still, is paid out and closed.
fn end_lease(ctx: &mut Context, id: &LeaseId, ending: Ending) -> Result<(), Failure> {
    let Some(mut lease) = LEASES.get(&ctx.state, id)? else { return Ok(()) };
    lease.set_state(ending.state);
    lease.set_reason(ending.reason);
    lease.closed_on = ctx.block.height.cast_signed();
    LEASES.put(&mut ctx.state, id, &lease)?;
    events::lease_closed(ctx, id, ending.reason);
    provider::leases::decrement(ctx, &id.provider)?;

    let (account, payment) = (id.deployment().text(&ctx.chain.prefix), id.payment(&ctx.chain.prefix));
    let flow = escrow::payment(ctx, &account, &payment)?.and_then(|payment| payment.state);
    if flow.is_some_and(|flow| flow.state() == EscrowState::Open) {
        escrow::close_payment(ctx, &account, &payment)?;
    }
    Ok(())
}

/// Ends the order of an active bid from the provider's side: the group is paused, until the tenant starts it again.
///
/// # Errors
/// When the state fails.
pub fn provider_leaves(ctx: &mut Context, id: &BidId, ending: Ending) -> Result<(), Failure> {
    let group_id = id.order.group;
    let mut group = deployment::state::group(ctx, &group_id)?;
    if group.state() == GroupState::Open {
        deployment::groups::pause(ctx, &group_id, &mut group);
    }
    match ORDERS.get(&ctx.state, &id.order)? {
        Some(order) if order.state() != OrderState::Closed => end_order(ctx, &id.order, order, ending),
        _ => Ok(()),
    }
}
