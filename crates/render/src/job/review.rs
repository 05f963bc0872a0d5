//! What the creator, or silence, says of a unit.

use ledger::{Context, Failure, bank};
use primitives::{Address, Coins};
use proto::tetra::render::v1::{Frame, FrameState, Job};

use super::flow::{back, quarantine};
use super::state::{fault, has_ended, put_unit};
use super::{events, money};
use crate::credit::{self, Paid};
use crate::ids::{NodeId, UnitId};
use crate::node::standing::Evidence;
use crate::{epoch, node};

/// Re-renders of a unit that may be rejected before its job is quarantined.
pub const RERENDERS: u32 = 3;

/// Approves a unit in review: it is paid, its node earns, its auditors get their fee.
///
/// # Errors
/// When the state fails.
pub(super) fn approve(
    ctx: &mut Context,
    job: &mut Job,
    id: &UnitId,
    mut frame: Frame,
    how: &str,
) -> Result<(), Failure> {
    let mut bill = frame.bill.unwrap_or_default();
    let by = NodeId::from_wire(ctx, frame.node.as_ref())?;
    if fault(ctx, &id.job, &by)?.forfeited {
        bill.ucredits = 0;
    }
    let name = id.text(&ctx.chain.prefix);
    if bill.ucredits > 0 {
        let paid = credit::spend(ctx, &id.job.creator, bill.ucredits)?;
        let (earned, earned_paid) = node::hold_back(ctx, &by, bill.ucredits, &paid)?;
        epoch::kept(ctx, bill.ucredits.saturating_sub(earned))?;
        epoch::attribute(ctx, &name, &by.owner, earned, bill.work_milli, &earned_paid)?;
        pay_auditors(ctx, job, &frame, &paid)?;
    }
    epoch::billed(ctx, bill.work_milli, frame.able_milli)?;
    node::evidence(ctx, &by, Evidence::Human, true)?;
    money::reserve(job, &mut frame, 0);
    job.locked_ucredits = job.locked_ucredits.saturating_sub(bill.ucredits);
    job.spent_ucredits = job.spent_ucredits.saturating_add(bill.ucredits);
    frame.bill = Some(bill);
    frame.due = None;
    frame.set_state(FrameState::Approved);
    put_unit(ctx, job, id, &frame)?;
    events::unit_state(ctx, id, FrameState::Approved, how);
    money::settle(ctx, &id.job, job, "approved", "every unit is approved and paid")
}

/// Rejects a unit in review: another node renders it, at no charge. After three rejected re-renders its job is quarantined;
/// in an ended job the unit is cancelled.
///
/// # Errors
/// When the state fails.
pub(super) fn reject(
    ctx: &mut Context,
    job: &mut Job,
    id: &UnitId,
    mut frame: Frame,
    reason: &str,
) -> Result<(), Failure> {
    let by = NodeId::from_wire(ctx, frame.node.as_ref())?;
    frame.rejections = frame.rejections.saturating_add(1);
    frame.failed_on.extend(frame.node.clone());
    node::evidence(ctx, &by, Evidence::Human, false)?;
    let stop = frame.rejections > RERENDERS && !has_ended(job.state());
    back(ctx, job, id, &mut frame, ("rejected", reason))?;
    if stop {
        let text = format!("unit {} was rejected {} times", id.index, frame.rejections);
        quarantine(ctx, &id.job, job, &text)?;
    }
    Ok(())
}

/// What each auditor of a unit gets of a coin, rounded down: an equal part of the network's share, but no more than the
/// audited tiles' share of all that was paid.
pub fn audit_fee(paid: u128, network: u128, auditors: u128, tiles: u128, grid: u128) -> u128 {
    let equal = network.checked_div(auditors).unwrap_or(0);
    let worth = paid.saturating_mul(tiles).checked_div(grid).unwrap_or(0);
    equal.min(worth)
}

fn pay_auditors(ctx: &mut Context, job: &Job, frame: &Frame, paid: &Paid) -> Result<(), Failure> {
    let count = frame.auditors.len() as u128;
    if count == 0 {
        return Ok(());
    }
    let grid = job.options.as_ref().and_then(|options| options.grid).unwrap_or_default();
    let tiles = u128::from(epoch::params(ctx)?.audit_tiles);
    let cells = u128::from(grid.columns) * u128::from(grid.rows);
    let fee = |burned: u128, network: u128| {
        audit_fee(burned.saturating_add(network), network, count, tiles.min(cells), cells)
    };
    let mut coins = Coins::new();
    let fees = [
        credit::coin(credit::LUX, fee(paid.lux_burned, paid.lux_network))?,
        credit::coin(credit::USD, fee(paid.usd_vault, paid.usd_network))?,
    ];
    for coin in fees.iter().filter(|coin| coin.amount > 0) {
        coins.add(coin).ok_or_else(|| ledger::Rejection::overflow("the auditors' fee"))?;
    }
    for auditor in &frame.auditors {
        let owner: Address = ctx.address(&auditor.owner)?;
        let network = credit::network_account();
        bank::send(ctx, &network, &owner, &coins)?;
    }
    Ok(())
}
