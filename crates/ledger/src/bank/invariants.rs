//! What always holds of money.

use std::collections::BTreeMap;

use super::state::{BALANCES, DENOMS, SUPPLY};
use crate::context::Context;

/// Broken promises: per denom the balances sum to the supply, no stored amount is zero, every denom is registered.
///
/// # Errors
/// When the state fails.
pub fn check(ctx: &Context) -> Result<Vec<String>, store::Error> {
    let mut broken = Vec::new();
    let mut sums: BTreeMap<String, Option<u128>> = BTreeMap::new();
    for ((address, denom), amount) in BALANCES.all(&ctx.state)? {
        if amount.0 == 0 {
            broken.push(format!("account {} has a stored balance of 0{denom}", ctx.text(&address)));
        }
        let sum = sums.entry(denom).or_insert(Some(0));
        *sum = sum.and_then(|sum| sum.checked_add(amount.0));
    }
    for (denom, supply) in SUPPLY.all(&ctx.state)? {
        let sum = sums.remove(&denom).unwrap_or(Some(0));
        if sum != Some(supply.0) {
            let sum = sum.map_or("more than 128 bits".to_owned(), |sum| sum.to_string());
            broken.push(format!("the supply of {denom} is {}, its balances sum to {sum}", supply.0));
        }
        if !DENOMS.has(&ctx.state, &denom)? {
            broken.push(format!("{denom} has a supply, but is not registered"));
        }
    }
    broken.extend(sums.into_keys().map(|denom| format!("{denom} has balances, but no supply")));
    Ok(broken)
}
