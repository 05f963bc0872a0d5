//! What the market does when something below it ended (spec/akash.md 1.6.5).
//!
//! Everything here acts only on what is still going on, because the market also hears of what it ended itself.

use ledger::{Context, Failure, Outcome};
use proto::akash::deployment::v1::deployment::State as DeploymentState;
use proto::akash::escrow::id::v1::Scope;
use proto::akash::market::v1beta5::bid::State as BidState;
use proto::akash::market::v1beta5::order::State as OrderState;

use crate::auction::ending::{self, Ending};
use crate::auction::hold;
use crate::auction::state::{BIDS, ORDERS};
use crate::deployment::messages::end_deployment;
use crate::deployment::state::DEPLOYMENTS;
use crate::ids::{BidId, DeploymentId, LeaseId};

/// Reacts to an outcome; those of other markets are left alone.
///
/// # Errors
/// When the state fails.
pub fn react(ctx: &mut Context, outcome: &Outcome) -> Result<(), Failure> {
    match outcome {
        Outcome::EscrowClosed { scope: Scope::Deployment, xid, overdrawn } => account_ended(ctx, xid, *overdrawn),
        // Only the market itself closes the accounts of bids.
        Outcome::EscrowClosed { scope: Scope::Bid | Scope::Invalid, .. } => Ok(()),
        Outcome::PaymentClosed { xid, payment, overdrawn } => payment_ended(ctx, xid, payment, *overdrawn),
        Outcome::HoldEnded { market, reference, firm } if market == hold::MARKET => hold_ended(ctx, reference, *firm),
        Outcome::HoldEnded { .. } => Ok(()),
    }
}

/// The deployment ends with its account.
fn account_ended(ctx: &mut Context, xid: &str, overdrawn: bool) -> Result<(), Failure> {
    let Some(id) = DeploymentId::parse(&ctx.chain.prefix, xid) else { return Ok(()) };
    let active = DEPLOYMENTS.get(&ctx.state, &id)?.is_some_and(|found| found.state() == DeploymentState::Active);
    if !active {
        return Ok(());
    }
    end_deployment(ctx, &id, if overdrawn { Ending::INSUFFICIENT_FUNDS } else { Ending::OWNER })
}

/// The lease ends with its payment, and with it its order. Without funds the whole account ends right after; else the
/// group is paused, so that the tenant decides how it goes on.
fn payment_ended(ctx: &mut Context, xid: &str, payment: &str, overdrawn: bool) -> Result<(), Failure> {
    let Some(id) = LeaseId::of_payment(&ctx.chain.prefix, xid, payment) else { return Ok(()) };
    if bid_state(ctx, &id)? != Some(BidState::Active) {
        return Ok(());
    }
    if !overdrawn {
        return ending::provider_leaves(ctx, &id, Ending::UNSPECIFIED);
    }
    match ORDERS.get(&ctx.state, &id.order)? {
        Some(order) if order.state() != OrderState::Closed => {
            ending::end_order(ctx, &id.order, order, Ending::INSUFFICIENT_FUNDS)
        }
        _ => Ok(()),
    }
}

/// The hardware behind a bid or a lease is gone: the bid is closed; a lease ends as if the provider had closed it.
fn hold_ended(ctx: &mut Context, reference: &str, firm: bool) -> Result<(), Failure> {
    let Some(id) = BidId::parse(&ctx.chain.prefix, reference) else { return Ok(()) };
    match BIDS.get(&ctx.state, &id)? {
        Some(bid) if bid.state() == BidState::Open => ending::close_bid(ctx, &id, bid),
        Some(bid) if bid.state() == BidState::Active && firm => {
            if ending::settle_first(ctx, &id.deployment())? {
                ending::provider_leaves(ctx, &id, Ending::UNSTABLE)?;
            }
            Ok(())
        }
        _ => Ok(()),
    }
}

fn bid_state(ctx: &Context, id: &BidId) -> Result<Option<BidState>, Failure> {
    Ok(BIDS.get(&ctx.state, id)?.map(|bid| bid.state()))
}
