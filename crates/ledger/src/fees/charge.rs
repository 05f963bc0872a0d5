//! Taking fees.

use primitives::math::mul_div_ceil;
use primitives::{Address, Coin, Coins, Dec};

use super::params::{Params, params};
use crate::accounts::modules;
use crate::bank;
use crate::context::{Context, Event};
use crate::failure::{Failure, Rejection};

/// Takes a fee from `payer` to the fee collector, if it pays the gas limit.
///
/// # Errors
/// As [`check_price`]; `sdk` 5 when the payer has not enough. When the state fails.
pub fn charge(ctx: &mut Context, payer: &Address, fee: &Coins, gas_limit: u64) -> Result<(), Failure> {
    check_price(&params(ctx)?, fee, gas_limit)?;
    bank::send(ctx, payer, &Address::of_module(modules::FEE_COLLECTOR), fee)?;
    let fee_payer = ctx.text(payer);
    ctx.announce(Event::new("tx", [("fee", fee.to_string()), ("fee_payer", fee_payer)]));
    Ok(())
}

/// Whether one of the coins of a fee pays the gas limit at its price.
///
/// # Errors
/// `sdk` 13, naming what would be enough; `sdk` 41 when that is more than 128 bits.
pub fn check_price(params: &Params, fee: &Coins, gas_limit: u64) -> Result<(), Failure> {
    let mut required = Vec::new();
    for entry in &params.gas_prices {
        // Rounded up to whole base units, as the Cosmos SDK does: a fee never pays less than the price.
        let amount = mul_div_ceil(entry.price.atoms(), gas_limit.into(), Dec::ONE.atoms());
        let amount = amount.ok_or_else(|| Rejection::overflow("the required fee"))?;
        required.push(Coin { denom: entry.denom.clone(), amount });
    }
    if required.is_empty() || required.iter().any(|coin| fee.amount_of(&coin.denom) >= coin.amount) {
        return Ok(());
    }
    let required: Vec<String> = required.iter().map(Coin::to_string).collect();
    let required = required.join(" or ");
    let why = format!("insufficient fees; got: {fee} required: {required}: insufficient fee");
    Err(Rejection::new("sdk", 13, why).into())
}
