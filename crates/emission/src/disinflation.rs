//! io.net's emission: a yearly rate on a fixed base, divided over the periods of a year, that falls each period.
//!
//! The published schedule (spec/render_ionet.md B2.6) is hourly: 8 % a year of 500,000,000 at first, each hour
//! 1.3886952396 × 10^-5 less than the hour before, over 175,319 hours. Its exact sum is 300,000,000.000098 tokens; the
//! last hour is cut so that it closes at 300,000,000. The published text of the monthly variant multiplies by the
//! running supply, which would break the cap; here the base is fixed, as in the published table.
//!
//! What `n` periods emit is first × (1 - q^n) / (1 - q), in closed form, so that no period needs the one before. Powers
//! are fixed-point numbers of 36 places, rounded down at each multiplication; with the powers and products of the
//! defaults the whole is within 10^-11 base units of the exact sum before it is rounded down.

use primitives::math::mul_div_floor;
use thiserror::Error;

const TOKEN: u128 = 1_000_000;
const PPM: u128 = 1_000_000;
/// Places of the published fall per period.
const FALL_UNIT: u128 = 10u128.pow(15);
/// Fixed-point one of the powers.
const ONE: u128 = 10u128.pow(36);
/// Places that the limit of the sum is held in, beyond base units.
const FINE: u128 = 10u128.pow(12);
/// More periods than this would let the rounding of powers reach a base unit.
const LONGEST: u32 = 10_000_000;

/// A falling yearly rate on a fixed base.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Disinflation {
    fall: u64,
    periods: u32,
    most: u128,
    /// What endless periods would emit, in base units × [`FINE`].
    limit: u128,
}

/// The parameters of a [`Disinflation`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// What the rate is of, in base units.
    pub base: u128,
    /// The rate of the first period, per year, in millionths.
    pub yearly: u32,
    /// Periods in a year.
    pub per_year: u32,
    /// How much less each period emits than the one before, in 10^-15 of it.
    pub fall: u64,
    /// How many periods emit.
    pub periods: u32,
    /// What all of them emit at most, in base units.
    pub most: u128,
}

/// Why a schedule is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum DisinflationError {
    /// A year without periods.
    #[error("a year of 0 periods emits nothing: give the number of periods per year")]
    NoPeriods,
    /// A fall of nothing, or of everything and more.
    #[error("the fall per period must lie between 0 and 1, in units of 10^-15; {0} does not")]
    Fall(u64),
    /// More periods than the arithmetic is good for.
    #[error("{0} periods are more than the 10000000 that are computed exactly: use longer periods")]
    TooLong(u32),
    /// A base or rate that cannot be counted.
    #[error("the base or rate is too large to be counted: lower it")]
    TooLarge,
}

/// io.net's hourly schedule.
pub const IO_NET: Rate = Rate {
    base: 500_000_000 * TOKEN,
    yearly: 80_000,
    per_year: 8_760,
    fall: 13_886_952_396,
    periods: 175_319,
    most: 300_000_000 * TOKEN,
};

impl Disinflation {
    /// A schedule.
    ///
    /// # Errors
    /// When a year has no periods, the fall is not between 0 and 1, there are more than 10,000,000 periods, or the
    /// amounts need more than 128 bits.
    pub fn new(rate: Rate) -> Result<Self, DisinflationError> {
        if rate.per_year == 0 {
            return Err(DisinflationError::NoPeriods);
        }
        if rate.fall == 0 || u128::from(rate.fall) >= FALL_UNIT {
            return Err(DisinflationError::Fall(rate.fall));
        }
        if rate.periods > LONGEST {
            return Err(DisinflationError::TooLong(rate.periods));
        }
        // base × yearly / (PPM × per_year) / (fall / FALL_UNIT), rounded down to 10^-12 base units.
        let limit = rate
            .base
            .checked_mul(u128::from(rate.yearly))
            .and_then(|yearly| yearly.checked_mul(FINE))
            .and_then(|yearly| {
                mul_div_floor(yearly, FALL_UNIT, PPM * u128::from(rate.per_year) * u128::from(rate.fall))
            })
            .ok_or(DisinflationError::TooLarge)?;
        Ok(Self { fall: rate.fall, periods: rate.periods, most: rate.most, limit })
    }

    /// What the first `periods` periods emit, in base units, rounded down.
    pub fn emitted(&self, periods: u32) -> u128 {
        let kept = (FALL_UNIT - u128::from(self.fall)) * (ONE / FALL_UNIT);
        let gone = ONE - power(kept, periods.min(self.periods));
        // The quotient is below `limit`.
        let sum = mul_div_floor(self.limit, gone, ONE).unwrap_or(0) / FINE;
        sum.min(self.most)
    }

    /// What period `number` emits, in base units; the first is number 1. The remainder of each rounding goes to the
    /// next period.
    pub fn period(&self, number: u32) -> u128 {
        number.checked_sub(1).map_or(0, |before| self.emitted(number).saturating_sub(self.emitted(before)))
    }
}

/// `base^exponent` of fixed-point numbers of at most one, rounded down at each multiplication.
fn power(mut base: u128, mut exponent: u32) -> u128 {
    let times = |a: u128, b: u128| mul_div_floor(a, b, ONE).unwrap_or(0);
    let mut product = ONE;
    while exponent > 0 {
        if exponent & 1 == 1 {
            product = times(product, base);
        }
        base = times(base, base);
        exponent >>= 1;
    }
    product
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn io_net() -> Disinflation {
        Disinflation::new(IO_NET).unwrap()
    }

    fn monthly() -> Disinflation {
        let fall = (1_000_000_000 - 989_849_199) * 1_000_000;
        Disinflation::new(Rate { per_year: 12, fall, periods: 240, most: u128::MAX, ..IO_NET }).unwrap()
    }

    #[test]
    fn the_hourly_schedule_closes_at_300_million() {
        let schedule = io_net();
        // B2.6: 4,566.21, 4,566.15, 4,566.08.
        let hours = [1, 2, 3].map(|hour| (schedule.period(hour) + 5_000) / 10_000);
        assert_eq!(hours, [456_621, 456_615, 456_608]);
        assert_eq!(schedule.emitted(IO_NET.periods), 300_000_000 * TOKEN);
        assert_eq!(schedule.emitted(u32::MAX), 300_000_000 * TOKEN);
        assert_eq!(schedule.period(IO_NET.periods + 1), 0);
        // The cap cuts 98 base units off the last hour and nothing else.
        let uncapped = Disinflation::new(Rate { most: u128::MAX, ..IO_NET }).unwrap();
        assert_eq!(uncapped.emitted(IO_NET.periods), 300_000_000 * TOKEN + 98);
        assert_eq!(uncapped.emitted(IO_NET.periods - 1), schedule.emitted(IO_NET.periods - 1));
        // B2.6: in the end the rate is about 0.70 % a year.
        let yearly = schedule.period(IO_NET.periods - 1) * u128::from(IO_NET.per_year);
        assert_eq!((yearly * 10_000 + IO_NET.base / 2) / IO_NET.base, 70);
        // B1.4 and B2.6: from 25 June 2024 12:00 to 11 June 2026 it emits 69.65 million, here within 0.2.
        let emitted = schedule.emitted(716 * 24 - 12);
        assert!(emitted.abs_diff(69_650_000 * TOKEN) < 200_000 * TOKEN, "{emitted}");
    }

    #[test]
    fn the_monthly_variant_on_the_fixed_base() {
        let schedule = monthly();
        let tokens = |amount: u128| (amount + TOKEN / 2) / TOKEN;
        assert_eq!([1, 2].map(|month| tokens(schedule.period(month))), [3_333_333, 3_299_497]);
        // B2.6 prints 3,266,003; the factor gives 3,266,004.79.
        assert!(tokens(schedule.period(3)).abs_diff(3_266_003) <= 2);
        assert!(tokens(schedule.emitted(240)).abs_diff(300_005_579) <= 1);
        let years = [1, 2, 3, 4, 5, 20].map(|year| {
            let emitted = schedule.emitted(12 * year) - schedule.emitted(12 * (year - 1));
            tokens(emitted).div_ceil(5_000) / 2
        });
        assert_eq!(years, [3_784, 3_348, 2_962, 2_621, 2_319, 370]);
    }

    /// Why the text of the docs is not what is implemented: it breaks the cap.
    #[test]
    fn the_running_supply_would_mint_410_million() {
        let (mut supply, mut rate) = (IO_NET.base, ONE * 8 / 1200);
        for _ in 0..240 {
            supply += mul_div_floor(supply, rate, ONE).unwrap();
            rate = mul_div_floor(rate, 989_849_199, 1_000_000_000).unwrap();
        }
        assert_eq!((supply - IO_NET.base + 50_000 * TOKEN) / (100_000 * TOKEN), 4_101);
    }

    #[test]
    fn impossible_schedules_are_refused() {
        let refused = |rate| Disinflation::new(rate).unwrap_err();
        assert_eq!(refused(Rate { per_year: 0, ..IO_NET }), DisinflationError::NoPeriods);
        assert_eq!(refused(Rate { fall: 0, ..IO_NET }), DisinflationError::Fall(0));
        assert_eq!(refused(Rate { fall: 10u64.pow(15), ..IO_NET }), DisinflationError::Fall(10u64.pow(15)));
        assert_eq!(refused(Rate { periods: u32::MAX, ..IO_NET }), DisinflationError::TooLong(u32::MAX));
        assert_eq!(refused(Rate { base: u128::MAX, ..IO_NET }), DisinflationError::TooLarge);
    }

    proptest! {
        /// Period after period, without a power: the closed form is within one base unit of it.
        #[test]
        fn the_closed_form_is_the_sum(fall in 1_000_000u64..500_000_000_000_000, periods in 0u32..2_000) {
            let rate = Rate { fall, periods: 2_000, most: u128::MAX, ..IO_NET };
            let schedule = Disinflation::new(rate).unwrap();
            let fine = 10u128.pow(18);
            let (mut sum, mut amount) = (0, IO_NET.base * 80_000 / 1_000 * (fine / 1_000) / 8_760);
            for _ in 0..periods {
                sum += amount;
                amount = mul_div_floor(amount, FALL_UNIT - u128::from(fall), FALL_UNIT).unwrap();
            }
            prop_assert!(schedule.emitted(periods).abs_diff(sum / fine) <= 1);
        }

        #[test]
        fn periods_sum_to_what_is_emitted_and_never_rise(first in 1u32..175_000, count in 1u32..300) {
            let schedule = io_net();
            let mut sum = schedule.emitted(first);
            let mut last = schedule.period(first);
            for number in first + 1..=first + count {
                let amount = schedule.period(number);
                // Each is rounded on its own, so that one may exceed the one before by a base unit.
                prop_assert!(amount <= last + 1);
                (sum, last) = (sum + amount, amount);
            }
            prop_assert_eq!(sum, schedule.emitted(first + count));
            prop_assert!(sum <= IO_NET.most);
        }
    }
}
