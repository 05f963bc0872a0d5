//! Prices in another coin, for `tetra deploy --pay-with`. The manifest and its hash do not contain prices.

use primitives::{DecCoin, Denom};

use crate::groups::GroupSpec;
use crate::model::Sdl;

/// How many units of the new denom one unit of the old one is worth, as a fraction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rate {
    /// The denom that prices are in.
    pub from: Denom,
    /// The denom that they shall be in.
    pub to: Denom,
    /// New units per `denominator` old units.
    pub numerator: u128,
    /// Old units.
    pub denominator: u128,
}

/// Why prices cannot be converted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RepriceError {
    /// A price in a denom that the rate does not convert.
    #[error("{place}: the price is in {found}, the rate converts {wanted}; give a rate for {found}")]
    OtherDenom {
        /// The group, or the placement and profile.
        place: String,
        /// The denom of the price.
        found: Denom,
        /// The denom of the rate.
        wanted: Denom,
    },
    /// The new price is zero, does not fit, or the rate's denominator is zero.
    #[error("{place}: {price} × {numerator}/{denominator} is zero or too large; check the rate")]
    OutOfRange {
        /// The group, or the placement and profile.
        place: String,
        /// The old price.
        price: DecCoin,
        /// Of the rate.
        numerator: u128,
        /// Of the rate.
        denominator: u128,
    },
}

impl Rate {
    /// `amount × numerator / denominator`, rounded down to 18 places, so that a ceiling is never raised.
    fn convert(&self, price: &DecCoin, place: impl FnOnce() -> String) -> Result<DecCoin, RepriceError> {
        if price.denom != self.from {
            let (found, wanted) = (price.denom.clone(), self.from.clone());
            return Err(RepriceError::OtherDenom { place: place(), found, wanted });
        }
        let Self { numerator, denominator, .. } = *self;
        match price.amount.mul_ratio_floor(numerator, denominator).filter(|amount| !amount.is_zero()) {
            Some(amount) => Ok(DecCoin { denom: self.to.clone(), amount }),
            None => Err(RepriceError::OutOfRange { place: place(), price: price.clone(), numerator, denominator }),
        }
    }
}

/// Converts the prices of groups, rounding each down to 18 places.
///
/// # Errors
/// [`RepriceError`] when a price is in another denom, or the result is zero or too large.
pub fn reprice_groups(groups: &[GroupSpec], rate: &Rate) -> Result<Vec<GroupSpec>, RepriceError> {
    let mut groups = groups.to_vec();
    for group in &mut groups {
        let name = &group.name;
        for unit in &mut group.units {
            unit.price = rate.convert(&unit.price, || format!("group {name:?}, unit {}", unit.resources.id))?;
        }
    }
    Ok(groups)
}

impl Sdl {
    /// The same deployment with prices converted, rounding each down to 18 places.
    ///
    /// # Errors
    /// As [`reprice_groups`].
    pub fn reprice(&self, rate: &Rate) -> Result<Self, RepriceError> {
        let mut sdl = self.clone();
        for (placement, section) in &mut sdl.placement {
            for (profile, price) in &mut section.pricing {
                *price = rate.convert(price, || format!("profiles.placement.{placement}.pricing.{profile}"))?;
            }
        }
        Ok(sdl)
    }
}
