//! Exact decimals of 18 places.
//!
//! In protobuf binary the Cosmos SDK writes a decimal as the integer value × 10^18 in ASCII, in JSON with a point
//! and 18 places (spec/akash.md 1.2). [`Dec::to_wire`] and [`Dec::from_wire`] are the first, `Display` and
//! `FromStr` the second.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

use crate::coin::{Coin, CoinError, Denom};
use crate::math::mul_div_floor;

const PLACES: usize = 18;
const ONE: u128 = 10u128.pow(PLACES as u32);

/// A decimal of 18 places that is zero or more, at most about 3.4 × 10^20. Its unit is that of the amount that it counts.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Dec(u128);

impl Dec {
    /// Zero.
    pub const ZERO: Self = Self(0);
    /// One.
    pub const ONE: Self = Self(ONE);

    /// The decimal with this many units of 10^-18.
    pub const fn from_atoms(atoms: u128) -> Self {
        Self(atoms)
    }

    /// Units of 10^-18.
    pub const fn atoms(self) -> u128 {
        self.0
    }

    /// A whole number; `None` above about 3.4 × 10^20.
    pub fn from_integer(value: u128) -> Option<Self> {
        value.checked_mul(ONE).map(Self)
    }

    /// `numerator / denominator`, rounded down to 18 places.
    pub fn from_ratio(numerator: u128, denominator: u128) -> Option<Self> {
        mul_div_floor(numerator, ONE, denominator).map(Self)
    }

    /// Whether it is zero.
    pub const fn is_zero(self) -> bool {
        self.0 == 0
    }

    /// The whole part, rounded down.
    pub const fn floor(self) -> u128 {
        self.0 / ONE
    }

    /// The part after the point.
    pub const fn fraction(self) -> Self {
        Self(self.0 % ONE)
    }

    /// The sum, exact.
    pub fn checked_add(self, other: Self) -> Option<Self> {
        self.0.checked_add(other.0).map(Self)
    }

    /// The difference, exact; `None` when it would be negative.
    pub fn checked_sub(self, other: Self) -> Option<Self> {
        self.0.checked_sub(other.0).map(Self)
    }

    /// The difference, or zero.
    pub fn saturating_sub(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }

    /// The product with a whole number, exact.
    pub fn checked_mul_int(self, factor: u128) -> Option<Self> {
        self.0.checked_mul(factor).map(Self)
    }

    /// The product, rounded down to 18 places.
    pub fn mul_floor(self, other: Self) -> Option<Self> {
        mul_div_floor(self.0, other.0, ONE).map(Self)
    }

    /// The quotient, rounded down to 18 places; `None` for a zero divisor.
    pub fn div_floor(self, divisor: Self) -> Option<Self> {
        mul_div_floor(self.0, ONE, divisor.0).map(Self)
    }

    /// `self * numerator / denominator`, rounded down to 18 places.
    pub fn mul_ratio_floor(self, numerator: u128, denominator: u128) -> Option<Self> {
        mul_div_floor(self.0, numerator, denominator).map(Self)
    }

    /// The integer text that protobuf binary carries.
    pub fn to_wire(self) -> String {
        self.0.to_string()
    }

    /// Parses the integer text that protobuf binary carries.
    ///
    /// # Errors
    /// When the text is not digits alone, or too large. A point is the commonest mistake of clients.
    pub fn from_wire(text: &str) -> Result<Self, DecError> {
        if text.contains('.') {
            return Err(DecError::PointOnWire(text.to_owned()));
        }
        digits(text).map(Self).ok_or_else(|| DecError::Malformed(text.to_owned()))
    }
}

fn digits(text: &str) -> Option<u128> {
    let plain = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    plain.then(|| text.parse().ok()).flatten()
}

impl FromStr for Dec {
    type Err = DecError;

    /// Parses `12`, `0.5`, `.5` or `12.000000000000000001`.
    fn from_str(text: &str) -> Result<Self, DecError> {
        let malformed = || DecError::Malformed(text.to_owned());
        let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
        if fraction.len() > PLACES {
            return Err(DecError::TooFine(text.to_owned()));
        }
        if whole.is_empty() && fraction.is_empty() || (text.contains('.') && fraction.is_empty()) {
            return Err(malformed());
        }
        let whole = if whole.is_empty() { 0 } else { digits(whole).ok_or_else(malformed)? };
        let atoms = digits(&format!("{fraction:0<PLACES$}")).ok_or_else(malformed)?;
        let scaled = whole.checked_mul(ONE).and_then(|whole| whole.checked_add(atoms));
        scaled.map(Self).ok_or_else(malformed)
    }
}

impl fmt::Display for Dec {
    /// Eighteen places always, as Cosmos JSON; `{:.n}` cuts to n places (rounding down).
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fraction = format!("{:0>PLACES$}", self.0 % ONE);
        match f.precision() {
            Some(0) => write!(f, "{}", self.floor()),
            Some(places) => write!(f, "{}.{fraction:.places$}", self.floor()),
            None => write!(f, "{}.{fraction}", self.floor()),
        }
    }
}

impl fmt::Debug for Dec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A decimal amount of one denom.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DecCoin {
    /// What is counted.
    pub denom: Denom,
    /// How much, in base units.
    pub amount: Dec,
}

impl DecCoin {
    /// The whole base units, rounded down.
    pub fn floor(&self) -> Coin {
        Coin { denom: self.denom.clone(), amount: self.amount.floor() }
    }

    /// From the parts of a protobuf `DecCoin`.
    ///
    /// # Errors
    /// When the denom or the amount is malformed.
    pub fn from_wire(denom: &str, amount: &str) -> Result<Self, CoinError> {
        Ok(Self { denom: Denom::new(denom)?, amount: Dec::from_wire(amount)? })
    }
}

impl fmt::Display for DecCoin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.amount, self.denom)
    }
}

/// Why a text is not a decimal.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum DecError {
    /// Something other than digits and one point, or a value out of range.
    #[error("{0:?} is not a decimal number of at most 20 digits before the point")]
    Malformed(String),
    /// More than 18 places.
    #[error("{0:?} has more than 18 places after the point")]
    TooFine(String),
    /// A point where protobuf binary wants the value times 10^18.
    #[error("{0:?} has a point: on the wire a decimal is its value times 10^18, as an integer")]
    PointOnWire(String),
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn json_and_wire_forms() {
        let value: Dec = "1.5".parse().unwrap();
        assert_eq!(value.to_wire(), "1500000000000000000");
        assert_eq!(value.to_string(), "1.500000000000000000");
        assert_eq!(format!("{value:.2}"), "1.50");
        assert_eq!(Dec::from_wire("1500000000000000000"), Ok(value));
        assert!(matches!(Dec::from_wire("1.5"), Err(DecError::PointOnWire(_))));
    }

    #[test]
    fn mistakes_are_named() {
        for text in ["", ".", "1.", "-1", "1e3", "0x1", "1.2.3", "999999999999999999999999"] {
            assert!(text.parse::<Dec>().is_err(), "{text}");
        }
        assert!(matches!("0.0000000000000000001".parse::<Dec>(), Err(DecError::TooFine(_))));
    }

    proptest! {
        #[test]
        fn text_round_trips(atoms: u128) {
            let value = Dec::from_atoms(atoms);
            prop_assert_eq!(value.to_string().parse::<Dec>(), Ok(value));
            prop_assert_eq!(Dec::from_wire(&value.to_wire()), Ok(value));
        }

        #[test]
        fn floor_and_fraction_add_up(atoms: u128) {
            let value = Dec::from_atoms(atoms);
            let whole = Dec::from_integer(value.floor()).unwrap();
            prop_assert_eq!(whole.checked_add(value.fraction()), Some(value));
        }
    }
}
