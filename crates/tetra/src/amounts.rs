//! Amounts in what commands print: as programs read them, and one a line for people.

use primitives::{Coin, Coins};
use serde::Serialize;

use crate::money::Units;

/// An amount of base units, as programs read it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Amount {
    /// The base unit.
    pub denom: String,
    /// How many, in decimal digits: JSON numbers are too small.
    pub amount: String,
}

impl Amount {
    /// An amount as programs read it.
    pub fn of(coin: &Coin) -> Self {
        Self { denom: coin.denom.to_string(), amount: coin.amount.to_string() }
    }
}

/// Amounts as programs read them.
pub fn list(coins: &Coins) -> Vec<Amount> {
    coins.iter().map(|coin| Amount::of(&coin)).collect()
}

/// Amounts for people, one a line; `nothing` when there are none.
pub fn lines(units: &Units, coins: &Coins) -> Vec<String> {
    if coins.is_empty() {
        return vec!["nothing".to_owned()];
    }
    coins.iter().map(|coin| units.coin(&coin)).collect()
}
