//! What registering a neuron costs: adjusted by demand in intervals (rules of 2024), or falling all the time and raised by
//! each registration (rules of 2026) (spec/bittensor.md 1.4).

use std::num::NonZeroU16;

/// Bits after the point in adjustments.
const FRACTION: u32 = 18;
/// Bits after the point in decay factors.
const Q32: u32 = 32;
/// What [`Multiplier`] counts in.
const MILLIONTHS: u32 = 1_000_000;

/// Bounds of a burn or a difficulty.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// The least.
    pub min: u64,
    /// The most. Where it is below `min`, it wins.
    pub max: u64,
}

impl Bounds {
    /// The value, or the bound that it reaches.
    pub fn clamp(self, value: u64) -> u64 {
        if value >= self.max { self.max } else { value.max(self.min) }
    }
}

/// Registrations of an interval.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Interval {
    /// Those by proof of work.
    pub by_work: u16,
    /// Those by burning.
    pub by_burn: u16,
    /// How many of both there should be.
    pub target: NonZeroU16,
}

/// What an interval changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moves {
    /// The burn is adjusted.
    pub burn: bool,
    /// The difficulty is adjusted.
    pub difficulty: bool,
}

impl Interval {
    /// Both kinds together.
    pub fn registrations(self) -> u32 {
        u32::from(self.by_work) + u32::from(self.by_burn)
    }

    /// Above the target the way that was used more gets dearer; otherwise the one that was used less gets cheaper. Both
    /// move when both were used as much.
    pub fn moves(self) -> Moves {
        let above = self.registrations() > u32::from(self.target.get());
        let (more_work, more_burn) = (self.by_work > self.by_burn, self.by_burn > self.by_work);
        let equal = !more_work && !more_burn;
        let burn = equal || if above { more_burn } else { more_work };
        let difficulty = equal || if above { more_work } else { more_burn };
        Moves { burn, difficulty }
    }
}

/// A burn in rao, or a difficulty, after an interval: `a × current + (1 − a) × current × (R + T) / 2T` of R registrations
/// at a target of T, where `a` is `smoothing / (2^64 − 1)`. All terms are rounded down to 2^-18, the result to whole
/// numbers, and kept within the bounds.
pub fn adjusted(current: u64, registrations: u32, target: NonZeroU16, smoothing: u64, bounds: Bounds) -> u64 {
    let (current, target) = (u128::from(current) << FRACTION, u128::from(target.get()));
    // 82 bits times 33, and 82 times 19: nothing overflows.
    let wanted = current * (u128::from(registrations) + target) / (2 * target);
    let kept = (u128::from(smoothing) << FRACTION) / u128::from(u64::MAX);
    // The second product may need more than 128 bits, where bounds cut it anyway.
    let moved = ((1 << FRACTION) - kept).saturating_mul(wanted) >> FRACTION;
    let next = (((kept * current) >> FRACTION) + moved) >> FRACTION;
    bounds.clamp(u64::try_from(next).unwrap_or(u64::MAX))
}

/// How much of a burn a block leaves, in 2^-32: the largest factor that halves it within `half_life` blocks.
pub fn decay_factor(half_life: NonZeroU16) -> u32 {
    let half = 1 << (Q32 - 1);
    // One stays one, so that the factor is below it; a factor of zero always halves.
    let (mut enough, mut too_much) = (0u64, 1u64 << Q32);
    while too_much - enough > 1 {
        let middle = enough.midpoint(too_much);
        if power(middle, half_life.get()) <= half { enough = middle } else { too_much = middle }
    }
    u32::try_from(enough).unwrap_or(u32::MAX)
}

/// A power by squaring, each product rounded down to 2^-32. The base is at most one.
fn power(base: u64, exponent: u16) -> u64 {
    let times = |a: u64, b: u64| u64::try_from((u128::from(a) * u128::from(b)) >> Q32).unwrap_or(u64::MAX);
    let (mut result, mut square, mut left) = (1 << Q32, base, exponent);
    while left > 0 {
        if left % 2 == 1 {
            result = times(result, square);
        }
        square = times(square, square);
        left /= 2;
    }
    result
}

/// A burn in rao one block later, rounded down, within bounds.
pub fn decayed(burn: u64, factor: u32, bounds: Bounds) -> u64 {
    let left = (u128::from(burn) * u128::from(factor)) >> Q32;
    bounds.clamp(u64::try_from(left).unwrap_or(u64::MAX))
}

/// How much dearer a registration makes the next one, in millionths.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Multiplier(u32);

impl Multiplier {
    /// What the chain of 2026 sets: 1.26.
    pub const DEFAULT: Self = Self(1_260_000);

    /// A multiplier; what is not between one and three becomes the nearer of both.
    pub fn from_millionths(millionths: u32) -> Self {
        Self(millionths.clamp(MILLIONTHS, 3 * MILLIONTHS))
    }

    /// In millionths.
    pub fn millionths(self) -> u32 {
        self.0
    }
}

/// A burn in rao after a registration, rounded down, within bounds.
pub fn raised(burn: u64, multiplier: Multiplier, bounds: Bounds) -> u64 {
    let next = u128::from(burn) * u128::from(multiplier.0) / u128::from(MILLIONTHS);
    bounds.clamp(u64::try_from(next).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn count(value: u16) -> NonZeroU16 {
        NonZeroU16::new(value).unwrap()
    }

    fn interval(by_work: u16, by_burn: u16, target: u16) -> Moves {
        Interval { by_work, by_burn, target: count(target) }.moves()
    }

    #[test]
    fn the_way_that_is_used_more_gets_dearer() {
        let (burn, difficulty) = (Moves { burn: true, difficulty: false }, Moves { burn: false, difficulty: true });
        let both = Moves { burn: true, difficulty: true };
        assert_eq!((interval(3, 1, 2), interval(1, 3, 2), interval(2, 2, 2)), (difficulty, burn, both));
        assert_eq!((interval(1, 0, 2), interval(0, 1, 2), interval(0, 0, 2)), (burn, difficulty, both));
    }

    #[test]
    fn a_registration_raises_by_a_quarter() {
        let bounds = Bounds { min: 500_000, max: 100_000_000_000 };
        assert_eq!(raised(1_000_000_001, Multiplier::DEFAULT, bounds), 1_260_000_001);
        assert_eq!(raised(99_000_000_000, Multiplier::DEFAULT, bounds), bounds.max);
        assert_eq!(Multiplier::from_millionths(0).millionths(), 1_000_000);
        assert_eq!(Multiplier::from_millionths(9_000_000).millionths(), 3_000_000);
        assert_eq!(decayed(500_001, 4_286_705_684, bounds), bounds.min);
    }

    proptest! {
        #[test]
        fn adjustments_stay_between_half_and_registrations(
            current in any::<u64>(), registrations in any::<u32>(), target in 1u16.., smoothing in any::<u64>(),
        ) {
            let all = Bounds { min: 0, max: u64::MAX };
            let next = adjusted(current, registrations, count(target), smoothing, all);
            prop_assert!(next >= (current / 2).saturating_sub(1));
            let most = u128::from(current) * (u128::from(registrations) + u128::from(target)) / (2 * u128::from(target));
            prop_assert!(u128::from(next) <= most.max(u128::from(current)));
        }

        #[test]
        fn a_half_life_halves(half_life in 1u16..) {
            let factor = u64::from(decay_factor(count(half_life)));
            prop_assert!(power(factor, half_life) <= 1 << 31);
            prop_assert!(power(factor + 1, half_life) > 1 << 31);
        }

        #[test]
        fn bounds_hold(value in any::<u64>(), min in any::<u64>(), more in any::<u64>()) {
            let bounds = Bounds { min, max: min.saturating_add(more) };
            prop_assert_eq!(bounds.clamp(value), value.clamp(bounds.min, bounds.max));
        }
    }
}
