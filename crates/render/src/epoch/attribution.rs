//! What counts in the open epoch.

use ledger::{Context, Failure};
use primitives::Address;

use super::events;
use super::state::{Sum, Total, VALUES, add, add_total, grow, open};
use crate::credit::Paid;

/// Counts an approved frame for the owner of its node: `ucredits` is what its creator was billed and the owner's weight
/// in the job pool, `paid` where that money went. Of a frame whose value is kept back, in whole or in part, both are what is
/// left of it, and the rest is told by [`kept`].
///
/// # Errors
/// When the state fails.
pub fn attribute(
    ctx: &mut Context,
    unit: &str,
    owner: &Address,
    ucredits: u64,
    work_milli: u64,
    paid: &Paid,
) -> Result<(), Failure> {
    let epoch = open(ctx)?.number;
    add(ctx, Sum::Value, ucredits.into())?;
    add(ctx, Sum::Work, work_milli.into())?;
    add(ctx, Sum::PoolLux, paid.lux_burned)?;
    add(ctx, Sum::PoolUsd, paid.usd_vault)?;
    grow(ctx, &VALUES, &(*owner, epoch), ucredits.into())?;
    events::attributed(ctx, epoch, unit, owner, ucredits, work_milli);
    Ok(())
}

/// Counts value that is kept back, in millionths of a credit: what was burned for it is not of the open epoch's base.
///
/// # Errors
/// When the state fails.
pub fn kept(ctx: &mut Context, ucredits: u64) -> Result<(), Failure> {
    add(ctx, Sum::Kept, ucredits.into())
}

/// Counts value kept back that its node gets at last: work of the open epoch, with what was burned for it back then.
///
/// # Errors
/// When the state fails.
pub fn release(ctx: &mut Context, node: &str, owner: &Address, ucredits: u64, paid: &Paid) -> Result<(), Failure> {
    add(ctx, Sum::Released, ucredits.into())?;
    attribute(ctx, node, owner, ucredits, 0, paid)
}

/// Value that counts for an owner in the open epoch, in millionths of a credit.
///
/// # Errors
/// When the state fails.
pub fn attributed(ctx: &Context, owner: &Address) -> Result<u64, Failure> {
    let epoch = open(ctx)?.number;
    let value = VALUES.get(&ctx.state, &(*owner, epoch))?.unwrap_or_default().0;
    Ok(u64::try_from(value).unwrap_or(u64::MAX))
}

/// Counts a payment of credits in the open epoch: where the money went, and what it was worth when it was paid in, in
/// millionths of a credit.
///
/// # Errors
/// When the state fails.
pub fn spent(ctx: &mut Context, paid: &Paid, worth: u128) -> Result<(), Failure> {
    add(ctx, Sum::LuxBurned, paid.lux_burned)?;
    add(ctx, Sum::LuxNetwork, paid.lux_network)?;
    add(ctx, Sum::UsdVault, paid.usd_vault)?;
    add(ctx, Sum::UsdNetwork, paid.usd_network)?;
    add(ctx, Sum::Spent, worth)?;
    add_total(ctx, Total::Burned, paid.lux_burned)
}

/// Counts billed work in the open epoch, and what its node could have rendered in the time that it had the unit; both in
/// thousandths of a work unit.
///
/// # Errors
/// When the state fails.
pub fn billed(ctx: &mut Context, work_milli: u64, able_milli: u64) -> Result<(), Failure> {
    add(ctx, Sum::Billed, work_milli.into())?;
    add(ctx, Sum::Able, able_milli.into())
}

/// Counts what a ready node could have rendered since its last sign, in thousandths of a work unit.
///
/// # Errors
/// When the state fails.
pub fn proved(ctx: &mut Context, able_milli: u64) -> Result<(), Failure> {
    add(ctx, Sum::Proved, able_milli.into())
}
