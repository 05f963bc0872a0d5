//! Whole units shared out in proportion to weights, without loss.

use primitives::math::mul_div_floor;

/// Shares of `total` in proportion to `weights`: each rounded down, and the units that are then left one each to the
/// largest remainders, of equal ones to the first. They sum exactly to `total`. `None` when the weights sum to zero or
/// to more than 128 bits.
pub fn largest_remainder(total: u128, weights: &[u128]) -> Option<Vec<u128>> {
    let sum = weights.iter().try_fold(0u128, |sum, weight| sum.checked_add(*weight)).filter(|sum| *sum > 0)?;
    let floors: Option<Vec<u128>> = weights.iter().map(|weight| mul_div_floor(total, *weight, sum)).collect();
    let mut shares = floors?;
    // The remainder is below `sum`, so that wrapping arithmetic has it whole.
    let remainder = |(weight, share): (&u128, &u128)| total.wrapping_mul(*weight).wrapping_sub(share.wrapping_mul(sum));
    let mut order: Vec<(usize, u128)> = weights.iter().zip(&shares).map(remainder).enumerate().collect();
    order.sort_by(|(a, left), (b, right)| right.cmp(left).then(a.cmp(b)));
    let mut left = total - shares.iter().sum::<u128>();
    for (index, _) in order {
        let Some(share) = shares.get_mut(index).filter(|_| left > 0) else { break };
        *share += 1;
        left -= 1;
    }
    Some(shares)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn ties_go_to_the_first() {
        assert_eq!(largest_remainder(10, &[1, 1, 1]), Some(vec![4, 3, 3]));
        assert_eq!(largest_remainder(3, &[1, 5, 0]), Some(vec![1, 2, 0]));
        assert_eq!(largest_remainder(5, &[0, 0]), None);
        assert_eq!(largest_remainder(5, &[]), None);
        assert_eq!(largest_remainder(5, &[u128::MAX, 1]), None);
        assert_eq!(largest_remainder(u128::MAX, &[u128::MAX - 1, 1]), Some(vec![u128::MAX - 1, 1]));
    }

    proptest! {
        #[test]
        fn nothing_is_lost_and_each_is_near_its_share(
            total: u128, weights in proptest::collection::vec(any::<u128>().prop_map(|weight| weight >> 6), 1..30),
        ) {
            let sum: u128 = weights.iter().sum();
            let Some(shares) = largest_remainder(total, &weights) else { prop_assert_eq!(sum, 0); return Ok(()) };
            prop_assert_eq!(shares.iter().sum::<u128>(), total);
            for (share, weight) in shares.iter().zip(&weights) {
                let floor = mul_div_floor(total, *weight, sum).unwrap();
                prop_assert!(*share == floor || *share == floor + 1);
                prop_assert!(*weight > 0 || *share == 0);
            }
        }

        /// More weight never earns less.
        #[test]
        fn shares_follow_weights(total in 0u128..1 << 100, weights in proptest::collection::vec(0u128..1 << 90, 2..20)) {
            let Some(shares) = largest_remainder(total, &weights) else { return Ok(()) };
            for a in 0..weights.len() {
                for b in 0..weights.len() {
                    prop_assert!(weights[a] <= weights[b] || shares[a] >= shares[b]);
                }
            }
        }
    }
}
