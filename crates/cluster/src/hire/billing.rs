//! What is paid: each running node by the millisecond of header time, out of the cluster's account.

use ledger::escrow::{self, AccountId, Unit};
use ledger::{Context, Failure, bank};
use pricing::cluster;
use primitives::math::mul_div_floor;
use primitives::{Dec, DecCoin};
use proto::akash::escrow::types::v1::State;
use proto::tetra::cluster::v1::{Cluster, Node};

use super::state::live;
use crate::ids::{ClusterId, NodeNumber, OfferId};
use crate::money;
use crate::params::params;

fn account(ctx: &Context, id: &ClusterId) -> String {
    id.account(&ctx.chain.prefix)
}

/// The name of a node's payment.
fn payment(number: NodeNumber) -> String {
    format!("node/{number}")
}

/// Whether the account of a cluster can pay.
///
/// # Errors
/// When the state fails.
pub fn is_open(ctx: &Context, id: &ClusterId) -> Result<bool, Failure> {
    let account = escrow::account(ctx, &AccountId::deployment(account(ctx, id)))?;
    Ok(account.and_then(|account| account.state).is_some_and(|state| state.state() == State::Open))
}

/// Begins to pay a node.
///
/// # Errors
/// `escrow` when the account cannot.
pub(super) fn begin(ctx: &mut Context, id: &ClusterId, node: &Node) -> Result<(), Failure> {
    let supplier = OfferId::from_wire(ctx, node.offer.as_ref())?.owner;
    let rate = DecCoin { denom: money::denom(ctx)?, amount: cluster::rate_per_ms(node.price) };
    let xid = account(ctx, id);
    escrow::create_payment_per(ctx, &xid, &payment(node.number), &supplier, &rate, Unit::Millisecond)
}

/// Ends the payment of a node, and pays it out. There may be none any more.
///
/// # Errors
/// When the state fails.
pub(super) fn end(ctx: &mut Context, id: &ClusterId, number: NodeNumber) -> Result<(), Failure> {
    if !is_open(ctx, id)? {
        return Ok(());
    }
    escrow::close_payment(ctx, &account(ctx, id), &payment(number))
}

/// Closes the account: everyone is paid to this block, the rest goes back. There may be none open.
///
/// # Errors
/// When the state fails.
pub(super) fn close(ctx: &mut Context, id: &ClusterId) -> Result<(), Failure> {
    if !is_open(ctx, id)? {
        return Ok(());
    }
    escrow::close_account(ctx, &AccountId::deployment(account(ctx, id)))
}

/// How many milliseconds the account still covers when all live nodes are paid; none when nothing flows or it is not open.
///
/// # Errors
/// When the state fails.
pub fn covered_ms(ctx: &Context, id: &ClusterId, cluster: &Cluster) -> Result<Option<u64>, Failure> {
    let Some((funds, _)) = escrow::left(ctx, &AccountId::deployment(account(ctx, id)))? else { return Ok(None) };
    let rates = live(cluster).map(|node| cluster::rate_per_ms(node.price));
    let total = rates.fold(Dec::ZERO, |sum, rate| sum.checked_add(rate).unwrap_or(sum));
    Ok(funds.atoms().checked_div(total.atoms()).map(|ms| u64::try_from(ms).unwrap_or(u64::MAX)))
}

/// Gives the suppliers of a cluster that formed their part of its reservation's fee, evenly and rounded down: what being hired is worth
/// beside the hire never exceeds what was paid for it.
///
/// # Errors
/// When the state fails.
pub(super) fn share_fee(ctx: &mut Context, cluster: &Cluster) -> Result<(), Failure> {
    let part = mul_div_floor(cluster.fee.into(), params(ctx)?.hired_bonus_bp.into(), 10_000).unwrap_or(0);
    let nodes = u128::try_from(live(cluster).count()).unwrap_or(0);
    let each = part.checked_div(nodes).unwrap_or(0);
    let denom = money::denom(ctx)?;
    for node in live(cluster) {
        let supplier = OfferId::from_wire(ctx, node.offer.as_ref())?.owner;
        // The pool may have been spent in between.
        let there = bank::balance(ctx, &money::pool(), &denom)?;
        money::send(ctx, &money::pool(), &supplier, each.min(there))?;
    }
    Ok(())
}

/// Pays every live node for the time since it was reserved: the asker's own image or command is why it did not form.
///
/// # Errors
/// When the state fails.
pub(super) fn pay_held(ctx: &mut Context, id: &ClusterId, cluster: &Cluster) -> Result<(), Failure> {
    if !is_open(ctx, id)? {
        return Ok(());
    }
    let (xid, now) = (account(ctx, id), ctx.block.time_ms());
    for node in live(cluster) {
        let supplier = OfferId::from_wire(ctx, node.offer.as_ref())?.owner;
        let held = now.saturating_sub(node.since_ms);
        let amount = cluster::rate_per_ms(node.price).checked_mul_int(held.into()).unwrap_or(Dec::ZERO);
        escrow::pay_once(ctx, &xid, &format!("held/{}", node.number), &supplier, amount)?;
    }
    Ok(())
}
