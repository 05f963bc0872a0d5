//! The only two ways in which value comes and goes.

use std::collections::BTreeMap;

use primitives::{Address, Coin, Denom};

use super::denoms::registered;
use super::state::{BALANCES, SUPPLY, put};
use super::transfer::require_spendable;
use super::{Policy, balance, events};
use crate::accounts;
use crate::context::Context;
use crate::failure::{Failure, Rejection};

/// How many base units of a denom exist.
///
/// # Errors
/// When the state fails.
pub fn supply_of(ctx: &Context, denom: &Denom) -> Result<u128, Failure> {
    Ok(SUPPLY.get(&ctx.state, &denom.as_str().to_owned())?.unwrap_or_default().0)
}

/// Creates a coin for an account, which is born if need be. `policy` is the one by which the caller mints and must be
/// the denom's own; `reason` says what for, such as `faucet`. A zero amount does nothing.
///
/// # Errors
/// `sdk` 10 when the chain knows no such denom, `sdk` 4 when it has another policy, `sdk` 41 when the supply would
/// not fit 128 bits; then nothing has changed. When the state fails.
pub fn mint(ctx: &mut Context, policy: &str, reason: &str, to: &Address, coin: &Coin) -> Result<(), Failure> {
    let policy: Policy = policy.parse().map_err(Rejection::invalid_request)?;
    let denom = registered(ctx, &coin.denom)?;
    if denom.policy != policy.name() {
        let (denom, own) = (&coin.denom, denom.policy);
        return Err(Rejection::unauthorized(format!("{denom} is minted by policy {own}, not by {policy}")).into());
    }
    if coin.amount == 0 {
        return Ok(());
    }
    let supply = supply_of(ctx, &coin.denom)?.checked_add(coin.amount);
    let supply = supply.ok_or_else(|| Rejection::overflow("the supply"))?;
    let held = balance(ctx, to, &coin.denom)?.checked_add(coin.amount);
    let held = held.ok_or_else(|| Rejection::overflow("the receiver's balance"))?;
    note(&mut ctx.flow.minted, coin)?;

    let name = coin.denom.as_str().to_owned();
    put(&mut ctx.state, &SUPPLY, &name, supply);
    put(&mut ctx.state, &BALANCES, &(*to, name), held);
    accounts::ensure(ctx, to)?;
    events::received(ctx, to, coin.to_string());
    events::minted(ctx, policy, reason, to, coin);
    Ok(())
}

/// Destroys a coin of an account; `reason` says what for. A zero amount does nothing.
///
/// # Errors
/// `sdk` 5 when the account has not enough; then nothing has changed. When the state fails.
pub fn burn(ctx: &mut Context, reason: &str, from: &Address, coin: &Coin) -> Result<(), Failure> {
    if coin.amount == 0 {
        return Ok(());
    }
    require_spendable(ctx, from, coin)?;
    let supply = supply_of(ctx, &coin.denom)?.checked_sub(coin.amount);
    let supply = supply.ok_or_else(|| Rejection::overflow("what is burned, against the supply,"))?;
    note(&mut ctx.flow.burned, coin)?;

    let name = coin.denom.as_str().to_owned();
    let left = balance(ctx, from, &coin.denom)?.saturating_sub(coin.amount);
    put(&mut ctx.state, &SUPPLY, &name, supply);
    put(&mut ctx.state, &BALANCES, &(*from, name), left);
    events::spent(ctx, from, coin.to_string());
    events::burned(ctx, reason, from, coin);
    Ok(())
}

/// Adds to the block's count of value created or destroyed.
pub(super) fn note(flow: &mut BTreeMap<Denom, u128>, coin: &Coin) -> Result<(), Failure> {
    let sum = flow.get(&coin.denom).copied().unwrap_or(0).checked_add(coin.amount);
    let sum = sum.ok_or_else(|| Rejection::overflow("the block's flow of value"))?;
    flow.insert(coin.denom.clone(), sum);
    Ok(())
}
