//! The rules of the market of clusters: what a device costs, how that moves by use, what is billed.
//!
//! A device is hired at the price of its class, or at its owner's floor where that is higher. Every [`step`] moves the price of a
//! class by how far its use is from the target: the billed device-milliseconds over those that were proved. io.net names "supply and
//! demand" and publishes no formula (spec/render_ionet.md B2.4); this one is ours, and anyone can recompute it from two counters.

use primitives::Dec;
use primitives::math::{mul_div_ceil, mul_div_floor};

/// Milliseconds of an hour.
pub const HOUR_MS: u64 = 3_600_000;
/// The unit of shares: hundredths of a percent.
pub const BP: u128 = 10_000;

/// How a price moves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Controller {
    /// The use, of 10,000, at which it stands still.
    pub target: u32,
    /// The most that it moves at a time, of 10,000.
    pub most: u32,
    /// Its bounds, in base units per device and hour.
    pub least_price: u64,
    /// As above.
    pub most_price: u64,
}

/// The use of a class, of 10,000: what was billed over what was proved, rounded down; none of nothing.
pub fn use_bp(billed_ms: u128, proved_ms: u128) -> Option<u32> {
    let share = mul_div_floor(billed_ms.min(proved_ms), BP, proved_ms)?;
    u32::try_from(share).ok()
}

/// The price after a time of `use_bp`: above the target it rises by `most x (use - target) / (10,000 - target)`, below it falls by
/// `most x (target - use) / target`, each rounded down, within the bounds. Where nothing was proved it stays.
pub fn step(price: u64, use_bp: Option<u32>, rule: &Controller) -> u64 {
    let (least, most) = (rule.least_price, rule.most_price.max(rule.least_price));
    let Some(used) = use_bp else { return price.clamp(least, most) };
    let (used, target, limit) = (u128::from(used), u128::from(rule.target), u128::from(rule.most));
    let part = |far: u128, whole: u128| mul_div_floor(limit, far, whole).unwrap_or(0).min(BP);
    let before = u128::from(price);
    let after = match used >= target {
        true => before.saturating_add(before * part(used - target, BP.saturating_sub(target)) / BP),
        false => before.saturating_sub(before * part(target - used, target) / BP),
    };
    u64::try_from(after).unwrap_or(u64::MAX).clamp(least, most)
}

/// What one device costs per millisecond, rounded down to 10^-18 of a base unit.
pub fn rate_per_ms(price_per_hour: u64) -> Dec {
    Dec::from_ratio(price_per_hour.into(), HOUR_MS.into()).unwrap_or(Dec::ZERO)
}

/// What a time costs at a price per hour, rounded up to whole base units: what must be paid in advance.
pub fn cost(price_per_hour: u128, ms: u64) -> Option<u128> {
    mul_div_ceil(price_per_hour, ms.into(), HOUR_MS.into())
}

/// The fee of a reservation of `total`, in hundredths of a percent, rounded up.
pub fn reservation_fee(total: u128, bp: u32) -> Option<u128> {
    mul_div_ceil(total, bp.into(), BP)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const RULE: Controller = Controller { target: 7_000, most: 500, least_price: 100, most_price: 1_000_000 };

    #[test]
    fn a_price_stands_still_at_its_target_and_moves_by_the_most_at_the_ends() {
        assert_eq!(step(20_000, Some(7_000), &RULE), 20_000);
        assert_eq!(step(20_000, Some(10_000), &RULE), 21_000);
        assert_eq!(step(20_000, Some(0), &RULE), 19_000);
        assert_eq!(step(20_000, Some(8_500), &RULE), 20_500);
        assert_eq!(step(20_000, None, &RULE), 20_000);
        assert_eq!(step(100, Some(0), &RULE), 100);
    }

    #[test]
    fn an_hour_is_billed_as_an_hour() {
        assert_eq!(cost(20_000, HOUR_MS), Some(20_000));
        assert_eq!(cost(20_000, 1), Some(1));
        // 20,000 / 3,600,000 per millisecond, 18 places, rounded down.
        assert_eq!(rate_per_ms(20_000).atoms(), 5_555_555_555_555_555);
        assert_eq!(reservation_fee(40_000, 25), Some(100));
        assert_eq!(reservation_fee(1, 25), Some(1));
    }

    proptest! {
        /// Prices stay in their bounds, and more use never makes a lower price.
        #[test]
        fn steps_are_bounded_and_monotone(
            price in 100u64..1_000_000, a in 0u32..=10_000, b in 0u32..=10_000, target in 1u32..10_000, most in 0u32..=10_000,
        ) {
            let rule = Controller { target, most, ..RULE };
            let (low, high) = (a.min(b), a.max(b));
            let (one, other) = (step(price, Some(low), &rule), step(price, Some(high), &rule));
            prop_assert!(one <= other);
            prop_assert!((RULE.least_price..=RULE.most_price).contains(&one));
            prop_assert!(other <= price.saturating_add(price * u64::from(most) / 10_000));
        }

        /// What was paid in advance covers what is billed for the same time.
        #[test]
        fn an_advance_covers_its_time(price in 1u64..10_000_000, ms in 1u64..100_000_000) {
            let billed = rate_per_ms(price).checked_mul_int(ms.into()).unwrap();
            prop_assert!(billed <= Dec::from_integer(cost(price.into(), ms).unwrap()).unwrap());
        }
    }
}
