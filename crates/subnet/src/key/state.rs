//! What is stored of hotkeys and stakes.

use ledger::{Context, Failure};
use primitives::Address;
use proto::tetra::subnet::v1::Hotkey;
use store::{Amount, Map};

use super::MODULE;
use super::pool::Pool;
use crate::ids::{self, HotkeyId};
use crate::refusal::key as refusal;

/// Hotkeys that are bound.
pub const HOTKEYS: Map<HotkeyId, Hotkey> = Map::new(MODULE, 1);
/// Hotkeys by coldkey.
pub const BY_COLDKEY: Map<(Address, HotkeyId), ()> = Map::new(MODULE, 2);
/// A coldkey's part of a hotkey's shares; none is zero.
pub const SHARES: Map<(HotkeyId, Address), Amount> = Map::new(MODULE, 3);
/// Whom a coldkey has staked to.
pub const STAKED: Map<(Address, HotkeyId), ()> = Map::new(MODULE, 4);

/// A hotkey, if it is bound.
///
/// # Errors
/// When the state fails.
pub fn get(ctx: &Context, id: &HotkeyId) -> Result<Option<Hotkey>, Failure> {
    Ok(HOTKEYS.get(&ctx.state, id)?)
}

/// A hotkey that must be bound.
///
/// # Errors
/// `subnet_key` 3 when it is not.
pub fn require(ctx: &Context, id: &HotkeyId) -> Result<Hotkey, Failure> {
    get(ctx, id)?.ok_or_else(|| refusal::not_found(&ids::text(id)).into())
}

/// A hotkey of a coldkey.
///
/// # Errors
/// `subnet_key` 3 when it is not bound, 4 when it is another's; `sdk` 7.
pub fn owned(ctx: &Context, id: &HotkeyId, coldkey: &str) -> Result<Hotkey, Failure> {
    let hotkey = require(ctx, id)?;
    if ctx.address(&hotkey.coldkey)? == ctx.address(coldkey)? {
        return Ok(hotkey);
    }
    Err(refusal::not_yours(&ids::text(id), "the coldkey", &hotkey.coldkey).into())
}

/// A hotkey that an account acts for.
///
/// # Errors
/// `subnet_key` 3 when it is not bound, 4 when another acts for it; `sdk` 7.
pub fn operated(ctx: &Context, id: &HotkeyId, operator: &str) -> Result<Hotkey, Failure> {
    let hotkey = require(ctx, id)?;
    if ctx.address(&hotkey.operator)? == ctx.address(operator)? {
        return Ok(hotkey);
    }
    Err(refusal::not_yours(&ids::text(id), "the operator", &hotkey.operator).into())
}

/// What is staked to a hotkey, base units; 0 when it is not bound.
///
/// # Errors
/// When the state fails.
pub fn stake_of(ctx: &Context, id: &HotkeyId) -> Result<u64, Failure> {
    Ok(get(ctx, id)?.map_or(0, |hotkey| hotkey.stake))
}

/// The pool of a hotkey.
pub(crate) fn pool(hotkey: &Hotkey) -> Pool {
    Pool { stake: hotkey.stake, shares: hotkey.shares.parse().unwrap_or(0) }
}

/// Writes a pool into its hotkey.
pub(crate) fn set_pool(hotkey: &mut Hotkey, pool: Pool) {
    hotkey.stake = pool.stake;
    hotkey.shares = pool.shares.to_string();
}

/// A coldkey's shares of a hotkey.
pub(crate) fn shares(ctx: &Context, id: &HotkeyId, coldkey: &Address) -> Result<u128, Failure> {
    Ok(SHARES.get(&ctx.state, &(*id, *coldkey))?.unwrap_or_default().0)
}

/// Sets a coldkey's shares of a hotkey.
pub(crate) fn set_shares(ctx: &mut Context, id: &HotkeyId, coldkey: &Address, shares: u128) {
    if shares == 0 {
        SHARES.remove(&mut ctx.state, &(*id, *coldkey));
        STAKED.remove(&mut ctx.state, &(*coldkey, *id));
    } else {
        SHARES.set(&mut ctx.state, &(*id, *coldkey), &Amount(shares));
        STAKED.set(&mut ctx.state, &(*coldkey, *id), &());
    }
}
