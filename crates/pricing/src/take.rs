//! The network's share of payouts.

use primitives::math::mul_div_floor;

/// What is taken of a payout of `payout` base units, after `before` base units were paid out of the same payment:
/// floor(percent × cumulative payout) minus what was taken already. Payouts cut into parts are thus taxed like one.
/// `None` when the cumulative payout needs more than 128 bits or the rate is above 100 %.
pub fn take(percent: u32, before: u128, payout: u128) -> Option<u128> {
    if percent > 100 {
        return None;
    }
    let taken_of = |gross: u128| mul_div_floor(gross, u128::from(percent), 100);
    taken_of(before.checked_add(payout)?)?.checked_sub(taken_of(before)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn small_payouts_do_not_escape() {
        let taken: u128 = (0..25).map(|before| take(4, before, 1).unwrap()).sum();
        assert_eq!(taken, 1);
        assert_eq!(take(4, 0, 25), Some(1));
    }

    #[test]
    fn more_than_all_is_refused() {
        assert_eq!(take(101, 0, 1), None);
        assert_eq!(take(100, 0, u128::MAX), Some(u128::MAX));
        assert_eq!(take(1, u128::MAX, 1), None);
    }

    proptest! {
        #[test]
        fn cutting_changes_nothing(percent in 0u32..=100, parts in proptest::collection::vec(0u128..1 << 70, 1..10)) {
            let mut before = 0;
            let mut taken = 0;
            for part in &parts {
                let share = take(percent, before, *part).unwrap();
                prop_assert!(share <= *part);
                taken += share;
                before += part;
            }
            prop_assert_eq!(taken, take(percent, 0, before).unwrap());
        }
    }
}
