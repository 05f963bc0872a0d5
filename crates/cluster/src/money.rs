//! The market's coin.

use ledger::accounts::modules;
use ledger::{Context, Failure, Rejection, bank};
use primitives::{Address, Coin, Coins, Denom};

use crate::params::params;

/// The account of what suppliers stand good with.
pub fn collateral() -> Address {
    Address::of_module(modules::CLUSTER_COLLATERAL)
}

/// The account that fees and slashes go to.
pub fn pool() -> Address {
    Address::of_module(modules::COMMUNITY_POOL)
}

/// The denom in which devices are hired.
///
/// # Errors
/// When the state fails.
pub fn denom(ctx: &Context) -> Result<Denom, Failure> {
    Ok(Denom::new(&params(ctx)?.denom).map_err(|error| Rejection::invalid_coins(error.to_string()))?)
}

/// Moves an amount of it; nothing happens for zero.
///
/// # Errors
/// `sdk` 5 when there is too little.
pub fn send(ctx: &mut Context, from: &Address, to: &Address, amount: u128) -> Result<(), Failure> {
    if amount == 0 {
        return Ok(());
    }
    let mut coins = Coins::new();
    let coin = Coin { denom: denom(ctx)?, amount };
    coins.add(&coin).ok_or_else(|| Rejection::overflow("the amount"))?;
    bank::send(ctx, from, to, &coins)
}
