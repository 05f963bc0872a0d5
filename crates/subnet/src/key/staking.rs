//! Stake that comes and goes.

use ledger::{Context, Failure};
use primitives::Address;

use super::state::{HOTKEYS, SHARES, pool, require, set_pool, set_shares, shares};
use crate::ids::{self, HotkeyId};
use crate::refusal::key as refusal;
use crate::wit;

/// Takes money of a coldkey into a hotkey's pool.
pub(super) fn stake(ctx: &mut Context, id: &HotkeyId, coldkey: &Address, amount: u64) -> Result<(), Failure> {
    let mut hotkey = require(ctx, id)?;
    let mut pool = pool(&hotkey);
    let new = pool.put(amount).ok_or_else(|| refusal::invalid("the amount is worth no share of this pool"))?;
    wit::send(ctx, coldkey, &wit::stakes(), amount)?;
    set_pool(&mut hotkey, pool);
    HOTKEYS.set(&mut ctx.state, id, &hotkey);
    let held = shares(ctx, id, coldkey)?.saturating_add(new);
    set_shares(ctx, id, coldkey, held);
    Ok(())
}

/// Gives a coldkey back what it asks for, or all when that is 0. Base units.
pub(super) fn unstake(ctx: &mut Context, id: &HotkeyId, coldkey: &Address, amount: u64) -> Result<u64, Failure> {
    let mut hotkey = require(ctx, id)?;
    let mut pool = pool(&hotkey);
    let held = shares(ctx, id, coldkey)?;
    let there = pool.worth(held);
    let taken = if held == 0 { None } else { pool.take(held, amount) };
    let taken = taken.ok_or_else(|| refusal::no_stake(&ids::text(id), amount, there))?;
    set_pool(&mut hotkey, pool);
    HOTKEYS.set(&mut ctx.state, id, &hotkey);
    set_shares(ctx, id, coldkey, held.saturating_sub(taken.shares));
    wit::send(ctx, &wit::stakes(), coldkey, taken.amount)?;
    Ok(taken.amount)
}

/// Moves all shares of one hotkey to another that has none.
pub(super) fn move_shares(ctx: &mut Context, from: &HotkeyId, to: &HotkeyId) -> Result<(), Failure> {
    for ((_, coldkey), amount) in SHARES.under(&ctx.state, from)? {
        set_shares(ctx, from, &coldkey, 0);
        set_shares(ctx, to, &coldkey, amount.0);
    }
    Ok(())
}
