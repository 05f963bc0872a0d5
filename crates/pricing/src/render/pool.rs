//! What nodes earn of an epoch's pool for approved work.
//!
//! The pool is shared in proportion to the value of approved work (A3.5: `R_i = Pool × V_i / ΣV`, value being the tier's
//! price times the work), by the largest remainder, of equal ones the earlier. Only so much of it is paid out as creators
//! paid themselves in the epoch, times a factor: with the factor 1, an account that renders for itself gets back at most
//! what it burned, whatever the pool. The rest goes to a reserve. Render pays without such a limit; replays of its
//! epochs switch it off.

use primitives::math::mul_div_floor;
use thiserror::Error;

use super::PPM;
use super::shares::largest_remainder;

/// How much of a pool may be paid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limit {
    /// So many millionths of what creators paid in the epoch.
    Paid(u32),
    /// All of it, whatever was paid: for replays.
    Off,
}

impl Default for Limit {
    /// One time what creators paid.
    fn default() -> Self {
        Self::Paid(1_000_000)
    }
}

/// How a pool was shared out. What was paid and the reserve sum to the pool.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shared {
    /// What each earns, in the order of the values, in base units.
    pub payouts: Vec<u128>,
    /// Their sum.
    pub paid: u128,
    /// What is left of the pool.
    pub reserve: u128,
}

/// Why a pool cannot be shared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum PoolError {
    /// Values that do not add up.
    #[error("the approved work of the epoch is worth more than can be counted")]
    TooLarge,
}

/// Shares `pool` base units among the `values` of approved work, any unit; `paid_in` is what creators paid in the epoch,
/// in base units of the pool's denom. An epoch without work pays nobody.
///
/// # Errors
/// When the values sum to more than 128 bits.
pub fn share(pool: u128, values: &[u128], paid_in: u128, limit: Limit) -> Result<Shared, PoolError> {
    let sum = values.iter().try_fold(0u128, |sum, value| sum.checked_add(*value)).ok_or(PoolError::TooLarge)?;
    let most = match limit {
        Limit::Paid(factor) => mul_div_floor(paid_in, u128::from(factor), PPM).unwrap_or(u128::MAX),
        Limit::Off => u128::MAX,
    };
    let paid = if sum == 0 { 0 } else { pool.min(most) };
    let payouts = largest_remainder(paid, values).unwrap_or_else(|| vec![0; values.len()]);
    Ok(Shared { payouts, paid, reserve: pool - paid })
}

/// The share of the `count` largest payouts, in millionths, rounded down: how concentrated an epoch is. `None` when
/// nothing was paid, or more than 128 bits.
pub fn concentration(payouts: &[u128], count: usize) -> Option<u128> {
    let mut sorted = payouts.to_vec();
    sorted.sort_unstable_by(|a, b| b.cmp(a));
    let sum = sorted.iter().try_fold(0u128, |sum, payout| sum.checked_add(*payout))?;
    mul_div_floor(sorted.iter().take(count).sum(), PPM, sum)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn no_more_than_creators_paid() {
        let shared = share(15_000, &[2, 1, 1], 8_000, Limit::default()).unwrap();
        assert_eq!(shared, Shared { payouts: vec![4_000, 2_000, 2_000], paid: 8_000, reserve: 7_000 });
        let shared = share(15_000, &[2, 1, 1], 8_000, Limit::Paid(1_500_000)).unwrap();
        assert_eq!((shared.paid, shared.reserve), (12_000, 3_000));
        let shared = share(15_000, &[2, 1, 1], 0, Limit::Off).unwrap();
        assert_eq!(shared.payouts, [7_500, 3_750, 3_750]);
    }

    #[test]
    fn without_work_all_is_reserved() {
        let empty = share(10, &[0, 0], 10, Limit::Off).unwrap();
        assert_eq!(empty, Shared { payouts: vec![0, 0], paid: 0, reserve: 10 });
        assert_eq!(share(10, &[u128::MAX, 1], 10, Limit::Off), Err(PoolError::TooLarge));
    }

    #[test]
    fn concentration_is_that_of_the_largest() {
        let payouts = [5, 50, 10, 35];
        assert_eq!(
            [0, 1, 2, 9].map(|count| concentration(&payouts, count)),
            [0, 500_000, 850_000, 1_000_000].map(Some)
        );
        assert_eq!(concentration(&[0, 0], 1), None);
    }

    proptest! {
        #[test]
        fn pools_are_conserved(
            pool: u128, values in proptest::collection::vec(0u128..1 << 100, 0..20), paid_in: u128, factor: u32,
        ) {
            for limit in [Limit::Paid(factor), Limit::Off] {
                let shared = share(pool, &values, paid_in, limit).unwrap();
                prop_assert_eq!(shared.payouts.iter().sum::<u128>(), shared.paid);
                prop_assert_eq!(shared.paid.checked_add(shared.reserve), Some(pool));
                prop_assert_eq!(shared.payouts.len(), values.len());
            }
            let shared = share(pool, &values, paid_in, Limit::default()).unwrap();
            prop_assert!(shared.paid <= paid_in);
        }
    }
}
