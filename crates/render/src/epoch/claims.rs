//! What owners of nodes are owed, and how it is paid.

use ledger::{Context, Failure, bank};
use primitives::Address;
use primitives::math::mul_div_floor;
use store::{Amount, Map};

use super::state::{POINTS, POOLS, Part, StoredPool, VALUES, open, pool};
use super::{events, rewards_account};
use crate::credit::{LUX, coins};

/// How many epochs one claim pays; what is left is paid by the next one.
pub const MOST_EPOCHS: usize = 64;

impl Part {
    /// What the next `weight` of it is paid: the difference of what all claims together were paid, rounded down each
    /// time, so that the last one gets the rest.
    pub fn next(&self, weight: u128) -> u128 {
        let paid = |claimed: u128| mul_div_floor(self.amount, claimed, self.weight).unwrap_or(0);
        paid(self.claimed.saturating_add(weight).min(self.weight)).saturating_sub(paid(self.claimed))
    }

    /// What is not paid yet.
    pub fn left(&self) -> u128 {
        self.amount.saturating_sub(mul_div_floor(self.amount, self.claimed, self.weight).unwrap_or(0))
    }
}

/// The owner's weights in closed epochs, the oldest first.
fn weights(
    ctx: &Context,
    map: &Map<(Address, u64), Amount>,
    owner: &Address,
    most: usize,
) -> Result<Vec<(u64, u128)>, Failure> {
    let open = open(ctx)?.number;
    let found = map.first(&ctx.state, owner, most)?;
    Ok(found
        .into_iter()
        .filter(|((_, epoch), _)| *epoch < open)
        .map(|((_, epoch), weight)| (epoch, weight.0))
        .collect())
}

/// What closed epochs owe an owner if it claimed now, of as many epochs as one claim pays.
///
/// # Errors
/// When the state fails.
pub fn owed(ctx: &Context, owner: &Address) -> Result<u128, Failure> {
    let mut owed = 0u128;
    for (epoch, weight) in weights(ctx, &VALUES, owner, MOST_EPOCHS)? {
        let due = pool(ctx, epoch)?.map_or(0, |pool| pool.work.next(weight));
        owed = owed.saturating_add(due);
    }
    for (epoch, weight) in weights(ctx, &POINTS, owner, MOST_EPOCHS)? {
        let due = pool(ctx, epoch)?.map_or(0, |pool| pool.availability.next(weight));
        owed = owed.saturating_add(due);
    }
    Ok(owed)
}

/// Takes a weight out of a pool; gives what is due for it.
fn take(ctx: &mut Context, epoch: u64, weight: u128, is_work: bool) -> Result<u128, Failure> {
    let Some(mut pool) = pool(ctx, epoch)? else { return Ok(0) };
    let part = if is_work { &mut pool.work } else { &mut pool.availability };
    let due = part.next(weight);
    part.claimed = part.claimed.saturating_add(weight).min(part.weight);
    if pool.work.claimed == pool.work.weight && pool.availability.claimed == pool.availability.weight {
        POOLS.remove(&mut ctx.state, &epoch);
    } else {
        POOLS.set(&mut ctx.state, &epoch, &StoredPool::from(&pool));
    }
    Ok(due)
}

/// Pays what closed epochs owe an owner; `None` when there is nothing that could be claimed.
///
/// # Errors
/// When the state fails.
pub fn claim(ctx: &mut Context, owner: &Address) -> Result<Option<u128>, Failure> {
    let (values, points) = (weights(ctx, &VALUES, owner, MOST_EPOCHS)?, weights(ctx, &POINTS, owner, MOST_EPOCHS)?);
    if values.is_empty() && points.is_empty() {
        return Ok(None);
    }
    let mut due = 0u128;
    for (map, weights, is_work) in [(&VALUES, values, true), (&POINTS, points, false)] {
        for (epoch, weight) in weights {
            map.remove(&mut ctx.state, &(*owner, epoch));
            due = due.saturating_add(take(ctx, epoch, weight, is_work)?);
        }
    }
    bank::send(ctx, &rewards_account(), owner, &coins(LUX, due)?)?;
    events::claimed(ctx, owner, due);
    Ok(Some(due))
}
