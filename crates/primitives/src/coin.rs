//! Integer amounts in base units.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use thiserror::Error;

use crate::dec::DecError;

/// The name of a kind of coin, such as `utet`: a letter, then 2 to 127 letters, digits or `/:._-`
/// (Cosmos SDK `types/coin.go`).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Denom(String);

impl Denom {
    /// Parses a denom.
    ///
    /// # Errors
    /// When the text breaks the rule above.
    pub fn new(text: &str) -> Result<Self, CoinError> {
        let mut bytes = text.bytes();
        let starts = bytes.next().is_some_and(|byte| byte.is_ascii_alphabetic());
        let rest = bytes.all(|byte| byte.is_ascii_alphanumeric() || b"/:._-".contains(&byte));
        if starts && rest && (3..=128).contains(&text.len()) {
            Ok(Self(text.to_owned()))
        } else {
            Err(CoinError::BadDenom(text.to_owned()))
        }
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Denom {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A whole number of base units of one denom.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Coin {
    /// What is counted.
    pub denom: Denom,
    /// How many base units.
    pub amount: u128,
}

impl Coin {
    /// From the parts of a protobuf `Coin`.
    ///
    /// # Errors
    /// When the denom or the amount is malformed.
    pub fn from_wire(denom: &str, amount: &str) -> Result<Self, CoinError> {
        let plain = !amount.is_empty() && amount.bytes().all(|byte| byte.is_ascii_digit());
        let parsed = plain.then(|| amount.parse().ok()).flatten();
        let amount = parsed.ok_or_else(|| CoinError::BadAmount(amount.to_owned()))?;
        Ok(Self { denom: Denom::new(denom)?, amount })
    }
}

impl fmt::Display for Coin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.amount, self.denom)
    }
}

impl FromStr for Coin {
    type Err = CoinError;

    /// Parses `1500000utet`.
    fn from_str(text: &str) -> Result<Self, CoinError> {
        let split = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
        let (amount, denom) = text.split_at(split);
        Self::from_wire(denom, amount)
    }
}

/// Amounts of several denoms; none of them zero, each denom at most once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Coins(BTreeMap<Denom, u128>);

impl Coins {
    /// No coins.
    pub const fn new() -> Self {
        Self(BTreeMap::new())
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How much there is of a denom.
    pub fn amount_of(&self, denom: &Denom) -> u128 {
        self.0.get(denom).copied().unwrap_or(0)
    }

    /// Adds a coin; `None` on overflow, leaving the coins as they were.
    pub fn add(&mut self, coin: &Coin) -> Option<()> {
        let sum = self.amount_of(&coin.denom).checked_add(coin.amount)?;
        if sum > 0 {
            self.0.insert(coin.denom.clone(), sum);
        }
        Some(())
    }

    /// Takes a coin away; `None` when there is not enough, leaving the coins as they were.
    pub fn subtract(&mut self, coin: &Coin) -> Option<()> {
        let rest = self.amount_of(&coin.denom).checked_sub(coin.amount)?;
        if rest == 0 {
            self.0.remove(&coin.denom);
        } else {
            self.0.insert(coin.denom.clone(), rest);
        }
        Some(())
    }

    /// The coins in order of denom.
    pub fn iter(&self) -> impl Iterator<Item = Coin> + '_ {
        self.0.iter().map(|(denom, amount)| Coin { denom: denom.clone(), amount: *amount })
    }

    /// From the parts of protobuf `Coin`s, which the Cosmos SDK wants sorted, positive and without repetition.
    ///
    /// # Errors
    /// When a coin is malformed, zero, repeated or out of order.
    pub fn from_wire<'a>(parts: impl IntoIterator<Item = (&'a str, &'a str)>) -> Result<Self, CoinError> {
        let mut coins = Self::new();
        let mut last: Option<Denom> = None;
        for (denom, amount) in parts {
            let coin = Coin::from_wire(denom, amount)?;
            if coin.amount == 0 {
                return Err(CoinError::Zero(coin.denom));
            }
            if last.as_ref().is_some_and(|last| *last >= coin.denom) {
                return Err(CoinError::NotSorted(coin.denom));
            }
            coins.0.insert(coin.denom.clone(), coin.amount);
            last = Some(coin.denom);
        }
        Ok(coins)
    }
}

impl fmt::Display for Coins {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let coins: Vec<String> = self.iter().map(|coin| coin.to_string()).collect();
        f.write_str(&coins.join(","))
    }
}

impl FromStr for Coins {
    type Err = CoinError;

    /// Parses `5uusd,10utet`, in any order.
    fn from_str(text: &str) -> Result<Self, CoinError> {
        let mut coins = Self::new();
        for part in text.split(',').filter(|part| !part.is_empty()) {
            let coin: Coin = part.trim().parse()?;
            coins.add(&coin).ok_or_else(|| CoinError::BadAmount(part.to_owned()))?;
        }
        Ok(coins)
    }
}

/// Why a text is not a coin.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum CoinError {
    /// Not a denom.
    #[error("{0:?} is not a denom: a letter, then 2 to 127 letters, digits or /:._-")]
    BadDenom(String),
    /// Not a whole number of at most 128 bits.
    #[error("{0:?} is not an amount: a whole number of base units is wanted")]
    BadAmount(String),
    /// Not a decimal.
    #[error(transparent)]
    BadDecimal(#[from] DecError),
    /// A zero amount in a list of coins.
    #[error("the amount of {0} is zero")]
    Zero(Denom),
    /// A repeated denom, or one out of order.
    #[error("coins must be sorted by denom without repetition; {0} is out of place")]
    NotSorted(Denom),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn coins_parse_and_print() {
        let coins: Coins = "7uusd,1500000utet".parse().unwrap();
        assert_eq!(coins.to_string(), "1500000utet,7uusd");
        assert!("utet".parse::<Coin>().is_err());
        assert!("-5utet".parse::<Coin>().is_err());
        assert!("5u".parse::<Coin>().is_err());
    }

    #[test]
    fn wire_coins_are_canonical() {
        assert!(Coins::from_wire([("uusd", "1"), ("utet", "1")]).is_err());
        assert!(Coins::from_wire([("utet", "1"), ("utet", "1")]).is_err());
        assert!(Coins::from_wire([("utet", "0")]).is_err());
        assert!(Coins::from_wire([("utet", "1"), ("uusd", "1")]).is_ok());
    }

    #[test]
    fn a_failed_subtraction_changes_nothing() {
        let mut coins: Coins = "5utet".parse().unwrap();
        assert!(coins.subtract(&"6utet".parse().unwrap()).is_none());
        assert_eq!(coins.to_string(), "5utet");
        coins.subtract(&"5utet".parse().unwrap()).unwrap();
        assert!(coins.is_empty());
    }
}
