//! What always holds of epochs.

use std::collections::BTreeMap;

use ledger::{Context, bank};
use primitives::{Address, Denom};
use store::{Amount, Map};

use super::params::check as check_params;
use super::state::{CLOSED, OPEN, PARAMS, POINTS, POOLS, SUMS, Sum, TOTALS, Total, VALUES, pool, sum, total};
use super::{reserve_account, rewards_account};
use crate::credit::LUX;

fn lux_of(ctx: &Context, account: &Address) -> Result<u128, store::Error> {
    let Ok(denom) = Denom::new(LUX) else { return Ok(0) };
    match bank::balance(ctx, account, &denom) {
        Ok(amount) => Ok(amount),
        Err(ledger::Failure::Broken(error)) => Err(error),
        Err(ledger::Failure::Rejected(_)) => Ok(0),
    }
}

fn by_epoch(ctx: &Context, map: &Map<(Address, u64), Amount>) -> Result<BTreeMap<u64, u128>, store::Error> {
    let mut sums: BTreeMap<u64, u128> = BTreeMap::new();
    for ((_, epoch), amount) in map.all(&ctx.state)? {
        let sum = sums.entry(epoch).or_default();
        *sum = sum.saturating_add(amount.0);
    }
    Ok(sums)
}

/// Broken promises: parameters are within bounds; the account of rewards holds exactly what pools have yet to pay, that of
/// the reserve exactly what was reserved; the weights that may be claimed of an epoch are those that are not claimed.
///
/// # Errors
/// When the state fails.
pub fn check(ctx: &Context) -> Result<Vec<String>, store::Error> {
    let mut broken = Vec::new();
    if let Some(params) = PARAMS.get(&ctx.state)?
        && let Err(failure) = check_params(ctx, &params)
    {
        broken.push(failure.to_string());
    }
    let Some(open) = OPEN.get(&ctx.state)? else { return Ok(broken) };
    let (mut values, mut points) = (by_epoch(ctx, &VALUES)?, by_epoch(ctx, &POINTS)?);
    let mut owed = 0u128;
    for (epoch, _) in POOLS.all(&ctx.state)? {
        let Some(pool) = pool(ctx, epoch)? else { continue };
        owed = owed.saturating_add(pool.work.left()).saturating_add(pool.availability.left());
        for (part, weights, what) in [(pool.work, &mut values, "value"), (pool.availability, &mut points, "points")] {
            let found = weights.remove(&epoch).unwrap_or(0);
            let wanted = part.weight.saturating_sub(part.claimed);
            if found != wanted {
                broken.push(format!("epoch {epoch} has {wanted} of {what} to be claimed, its owners have {found}"));
            }
        }
    }
    for (weights, what, name) in [(values, Sum::Value, "value"), (points, Sum::Points, "points")] {
        let wanted = sum(ctx, what)?;
        let found = weights.get(&open.number).copied().unwrap_or(0);
        if found != wanted {
            broken.push(format!("the open epoch has {wanted} of {name}, its owners have {found}"));
        }
        let lost = weights.keys().filter(|epoch| **epoch != open.number);
        broken.extend(lost.map(|epoch| format!("owners have {name} of epoch {epoch}, which has no pool")));
    }
    let accounts = [("rewards", rewards_account(), owed), ("reserve", reserve_account(), total(ctx, Total::Reserved)?)];
    for (name, account, wanted) in accounts {
        let found = lux_of(ctx, &account)?;
        if found != wanted {
            broken.push(format!("the account of {name} holds {found}ulux, its books say {wanted}"));
        }
    }
    for map in [&SUMS, &TOTALS] {
        if map.all(&ctx.state)?.iter().any(|(_, amount)| amount.0 == 0) {
            broken.push("a stored sum is zero".to_owned());
        }
    }
    if CLOSED.all(&ctx.state)?.iter().any(|(number, epoch)| *number != epoch.number || *number >= open.number) {
        broken.push("a closed epoch has another number, or is not before the open one".to_owned());
    }
    Ok(broken)
}
