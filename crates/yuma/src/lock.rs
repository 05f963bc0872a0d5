//! What registering a subnet costs: twice the price before, falling in a straight line to the minimum
//! (spec/bittensor.md 1.6).

use std::num::NonZeroU64;

/// The price of the subnet before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Last {
    /// What it cost, in rao.
    pub cost: u64,
    /// The block in which it was registered; zero where there was none.
    pub block: u64,
}

/// What a subnet costs at a block, in rao: `last × m − ⌊last / interval⌋ × blocks since`, at least `min`. `m` is two, or
/// one when there was no subnet before. After `interval` blocks the price is about `last` again. The rules of 2026 scale
/// the interval by the block reward: the caller gives what is left.
pub fn cost(last: Last, block: u64, min: u64, interval: NonZeroU64) -> u64 {
    let times = if last.block == 0 { 1 } else { 2 };
    let start = u128::from(last.cost) * times;
    let fallen = u128::from(last.cost / interval.get()) * u128::from(block.saturating_sub(last.block));
    u64::try_from(start.saturating_sub(fallen)).unwrap_or(u64::MAX).max(min)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn prices_fall_from_twice_to_the_minimum(
            last in any::<u64>(), at in 1u64.., min in any::<u64>(), interval in 1u64.., block in any::<u64>(),
        ) {
            let price = |block| cost(Last { cost: last, block: at }, block, min, NonZeroU64::new(interval).unwrap());
            prop_assert_eq!(price(at), last.saturating_mul(2).max(min));
            prop_assert!(price(block) >= min);
            prop_assert!(price(block.saturating_add(1)) <= price(block));
        }
    }
}
