//! Moving coins. The sum of all balances stays as it is.

use primitives::{Address, Coin, Coins};

use super::state::{BALANCES, put};
use super::{balance, events};
use crate::accounts;
use crate::context::Context;
use crate::failure::{Failure, Rejection};

/// Moves coins from one account to another, whose account is born if need be. For the chain's own parts: whether users
/// may send the denom, or to that account, is a question of messages. No coins move nothing and announce nothing.
///
/// # Errors
/// `sdk` 5 when `from` has not enough of a denom; then nothing has changed. When the state fails.
pub fn send(ctx: &mut Context, from: &Address, to: &Address, coins: &Coins) -> Result<(), Failure> {
    if coins.is_empty() {
        return Ok(());
    }
    for coin in coins.iter() {
        require_spendable(ctx, from, &coin)?;
        if from != to {
            require_room(ctx, to, &coin)?;
        }
    }
    for coin in coins.iter() {
        let left = balance(ctx, from, &coin.denom)?.saturating_sub(coin.amount);
        put(&mut ctx.state, &BALANCES, &(*from, coin.denom.as_str().to_owned()), left);
        let held = balance(ctx, to, &coin.denom)?.saturating_add(coin.amount);
        put(&mut ctx.state, &BALANCES, &(*to, coin.denom.as_str().to_owned()), held);
    }
    accounts::ensure(ctx, to)?;
    events::spent(ctx, from, coins.to_string());
    events::received(ctx, to, coins.to_string());
    events::transferred(ctx, from, to, coins);
    Ok(())
}

/// Refuses when an account has less than `coin`, in the words of the Cosmos SDK.
pub(super) fn require_spendable(ctx: &Context, from: &Address, coin: &Coin) -> Result<(), Failure> {
    let spendable = balance(ctx, from, &coin.denom)?;
    if spendable >= coin.amount {
        return Ok(());
    }
    let have = Coin { denom: coin.denom.clone(), amount: spendable };
    let why = format!("spendable balance {have} is smaller than {coin}: insufficient funds");
    Err(Rejection::insufficient_funds(why).into())
}

/// Refuses when a balance would not fit 128 bits. No supply is that large, so a healthy state never refuses.
fn require_room(ctx: &Context, to: &Address, coin: &Coin) -> Result<(), Failure> {
    match balance(ctx, to, &coin.denom)?.checked_add(coin.amount) {
        Some(_) => Ok(()),
        None => Err(Rejection::overflow("the receiver's balance").into()),
    }
}
