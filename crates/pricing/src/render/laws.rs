//! Whether the books of an epoch agree with its rules.
//!
//! Two laws bind billed work, credits and burned tokens (spec/render_ionet.md A3.6):
//!
//! ```text
//! credits = work of tier 2 × its price + work of tier 3 × its price         (L2)
//! USD burned = 95 % × credits × EUR 0.25 × USD per euro                     (L1)
//! ```
//!
//! On Render the first was broken for seven weeks in 2025: nodes were credited up to seven times the work that was burned
//! for, and nobody was told. [`compare`] tells.

use primitives::Dec;
use primitives::math::mul_div_floor;
use thiserror::Error;

use super::tiers::PerEuro;
use super::{CREDITS_PER_EURO, PPM};

/// Work of a tier and its price.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Billed {
    /// Thousandths of a work unit.
    pub work: u128,
    /// The tier's price in that epoch.
    pub price: PerEuro,
}

/// Whether two amounts that should be equal are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Agreement {
    /// They are, within the tolerance.
    Agree,
    /// More work was billed than was burned for: free, granted or late-billed work, or a fault of the books.
    WorkAboveBurn,
    /// More was burned than the billed work explains.
    BurnAboveWork,
    /// Neither work nor burn.
    Empty,
}

/// What the books of an epoch say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Comparison {
    /// What the billed work is worth at its tiers' prices, in base units of credits, rounded down per tier.
    pub worked: u128,
    /// What was burned for, in base units of credits.
    pub burned: u128,
    /// The first by the second, in millionths, rounded down; `None` when nothing was burned.
    pub ratio: Option<u128>,
    /// What follows.
    pub agreement: Agreement,
}

/// Why books cannot be compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum LawError {
    /// More than can be counted.
    #[error("the amounts of the epoch are too large to be counted")]
    TooLarge,
    /// A price or share of zero.
    #[error("an exchange rate or a burned share of 0 compares nothing: give that of the epoch")]
    Zero,
}

/// The credits that a burn stands for, in base units, rounded down: L1 backwards. `usd` is what was burned, in base units;
/// `share` is which part of what is paid is burned, in millionths; `euro` is USD per euro.
///
/// # Errors
/// When the share or the rate is zero, or amounts need more than 128 bits.
pub fn credits_of_burn(usd: u128, share: u32, euro: Dec) -> Result<u128, LawError> {
    if share == 0 || euro.is_zero() {
        return Err(LawError::Zero);
    }
    // usd / share × 4 / euro, as one fraction.
    let above = usd.checked_mul(PPM).and_then(|usd| usd.checked_mul(CREDITS_PER_EURO)).ok_or(LawError::TooLarge)?;
    let below = euro.atoms().checked_mul(u128::from(share)).ok_or(LawError::TooLarge)?;
    mul_div_floor(above, Dec::ONE.atoms(), below).ok_or(LawError::TooLarge)
}

/// USD per euro at which a burn stands for just these credits, rounded down: L1 solved for the rate. `None` without
/// credits or share, or when it needs more than 128 bits.
pub fn implied_euro(usd: u128, share: u32, credits: u128) -> Option<Dec> {
    let above = usd.checked_mul(PPM)?.checked_mul(CREDITS_PER_EURO)?;
    let below = credits.checked_mul(u128::from(share))?;
    Dec::from_ratio(above, below)
}

/// Compares billed work with credits that were burned for, within a tolerance in millionths of the latter.
///
/// # Errors
/// When amounts need more than 128 bits.
pub fn compare(billed: &[Billed], burned: u128, tolerance: u32) -> Result<Comparison, LawError> {
    let value = |sum: u128, tier: &Billed| tier.price.value(tier.work).and_then(|value| sum.checked_add(value));
    let worked = billed.iter().try_fold(0u128, value).ok_or(LawError::TooLarge)?;
    let slack = mul_div_floor(burned, u128::from(tolerance), PPM).ok_or(LawError::TooLarge)?;
    let agreement = if worked == 0 && burned == 0 {
        Agreement::Empty
    } else if worked.abs_diff(burned) <= slack {
        Agreement::Agree
    } else if worked > burned {
        Agreement::WorkAboveBurn
    } else {
        Agreement::BurnAboveWork
    };
    Ok(Comparison { worked, burned, ratio: mul_div_floor(worked, PPM, burned), agreement })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::MICRO;
    use crate::render::tiers::Tier;
    use proptest::prelude::*;

    #[test]
    fn a_week_in_order_and_a_week_out_of_it() {
        let billed = [
            Billed { work: 100_000, price: Tier::Priority.start() },
            Billed { work: 200_000, price: Tier::Economy.start() },
        ];
        // 100 units at 100 a credit and 200 at 200 a credit: two credits.
        let week = compare(&billed, 2 * MICRO, 20_000).unwrap();
        assert_eq!((week.worked, week.ratio, week.agreement), (2 * MICRO, Some(PPM), Agreement::Agree));
        assert_eq!(compare(&billed, MICRO, 20_000).unwrap().agreement, Agreement::WorkAboveBurn);
        assert_eq!(compare(&billed, 3 * MICRO, 20_000).unwrap().agreement, Agreement::BurnAboveWork);
        assert_eq!(compare(&[], 0, 0).unwrap().agreement, Agreement::Empty);
        // Exactly at the tolerance, and one base unit beyond it.
        assert_eq!(compare(&billed, 2 * MICRO, 0).unwrap().agreement, Agreement::Agree);
        let above = [Billed { work: 2_400, price: Tier::Economy.start() }];
        assert_eq!(compare(&above, 10_000, 200_000).unwrap().agreement, Agreement::Agree);
        assert_eq!(compare(&above, 10_000, 199_999).unwrap().agreement, Agreement::WorkAboveBurn);
        let free = compare(&billed, 0, 20_000).unwrap();
        assert_eq!((free.agreement, free.ratio), (Agreement::WorkAboveBurn, None));
    }

    #[test]
    fn zeros_are_refused() {
        assert_eq!(credits_of_burn(1, 0, Dec::ONE), Err(LawError::Zero));
        assert_eq!(credits_of_burn(1, 1, Dec::ZERO), Err(LawError::Zero));
        assert_eq!(implied_euro(1, 1, 0), None);
    }

    proptest! {
        #[test]
        fn burn_and_credits_go_back_and_forth(usd in 1_000_000u128..1 << 60, share in 1u32..=1_000_000, euro in 10u128.pow(17)..10u128.pow(19)) {
            let credits = credits_of_burn(usd, share, Dec::from_atoms(euro)).unwrap();
            let back = implied_euro(usd, share, credits).unwrap().atoms();
            // One base unit of credits less makes the rate higher by one part in as many.
            prop_assert!(back >= euro && back - euro <= euro / credits + 1);
        }
    }
}
