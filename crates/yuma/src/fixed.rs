//! Numbers with 32 bits before and 32 bits after the point, in which all vectors of an epoch are counted.
//!
//! Rounding and overflow are part of the rules: products are rounded down, quotients towards zero, what is too large
//! stays at the largest number, and a division by zero gives zero (spec/bittensor.md 2.1).

use std::fmt;
use std::iter::Sum;
use std::ops::{Add, AddAssign, Div, Mul, Neg, Sub};

/// Bits after the point.
const FRACTION: u32 = 32;
/// What a `u16` fraction is a fraction of.
const U16_ONE: u64 = u16::MAX as u64;
/// The last power in the series of [`Fixed::exp`].
const LAST_POWER: u64 = 31;

/// The divisors of the series, each with 2^64 over it, rounded up: a product takes a fraction of a division's time, and
/// liquid alpha divides about 25 times for each weight.
#[allow(clippy::indexing_slicing, reason = "computed by the compiler, which would refuse it")]
const INVERSES: [(u64, u64); LAST_POWER as usize - 1] = {
    let mut inverses = [(1, 0); LAST_POWER as usize - 1];
    let mut power = 2;
    while power <= LAST_POWER {
        inverses[power as usize - 2] = (power, (u64::MAX / power) + 1);
        power += 1;
    }
    inverses
};
/// Below this the product with a rounded inverse, cut to its upper half, is the quotient: the inverse is less than one too
/// large, so that the product is less than `2^58 / 2^64` too large, and no remainder is that near to the divisor.
const INVERSES_HOLD: u64 = 1 << 58;

/// `number / divisor`, rounded down. The number is not negative.
fn quotient(number: i64, divisor: u64, inverse: u64) -> i64 {
    let number = number.max(0).unsigned_abs();
    let quotient = if number < INVERSES_HOLD {
        (u128::from(number) * u128::from(inverse)) >> 64
    } else {
        u128::from(number / divisor)
    };
    i64::try_from(quotient).unwrap_or(i64::MAX)
}

/// A number: whole multiples of 2^-32.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fixed(i64);

impl Fixed {
    /// Nothing.
    pub const ZERO: Self = Self(0);
    /// One.
    pub const ONE: Self = Self(1 << FRACTION);
    /// One half.
    pub const HALF: Self = Self(1 << (FRACTION - 1));
    /// The largest number, just below 2^31.
    pub const MAX: Self = Self(i64::MAX);
    /// The smallest number, -2^31.
    pub const MIN: Self = Self(i64::MIN);

    /// A number of 2^-32.
    pub const fn from_bits(bits: i64) -> Self {
        Self(bits)
    }

    /// How many 2^-32 it is.
    pub const fn to_bits(self) -> i64 {
        self.0
    }

    /// A whole number.
    pub fn from_integer(value: u16) -> Self {
        Self(i64::from(value) << FRACTION)
    }

    /// `numerator / denominator`, rounded down; zero when the denominator is.
    pub fn ratio(numerator: u64, denominator: u64) -> Self {
        if denominator == 0 {
            return Self::ZERO;
        }
        if numerator >> FRACTION == 0 {
            let quotient = (numerator << FRACTION) / denominator;
            return i64::try_from(quotient).map_or(Self::MAX, Self);
        }
        let quotient = (u128::from(numerator) << FRACTION) / u128::from(denominator);
        i64::try_from(quotient).map_or(Self::MAX, Self)
    }

    /// A fraction as chains store it: `value / 65535`, rounded down.
    pub fn fraction(value: u16) -> Self {
        Self::ratio(u64::from(value), U16_ONE)
    }

    /// As chains store it: the number times 65535, rounded down and kept within 0 and 65535.
    pub fn to_u16(self) -> u16 {
        let scaled = (i128::from(self.0) * i128::from(U16_ONE)) >> FRACTION;
        u16::try_from(scaled.max(0)).unwrap_or(u16::MAX)
    }

    /// This share of an amount, rounded down; nothing of a negative share, and at most `u64::MAX`.
    pub fn of(self, amount: u64) -> u64 {
        let share = u128::from(self.0.max(0).unsigned_abs()) * u128::from(amount);
        u64::try_from(share >> FRACTION).unwrap_or(u64::MAX)
    }

    /// `e` to the power of this number, as the chain computes it: the power series to x^31/31!, each product and quotient
    /// truncated, and `1 / exp(-x)` below zero. The error is below 2^-26 up to 5; at 20 the series lacks about 1 %.
    pub fn exp(self) -> Self {
        let x = Self(self.0.saturating_abs());
        let mut sum = Self::ONE + x;
        let mut term = x;
        for (power, inverse) in INVERSES {
            term = Self(quotient((term * x).0, power, inverse));
            if term == Self::ZERO {
                break;
            }
            sum += term;
        }
        if self < Self::ZERO { Self::ONE / sum } else { sum }
    }

    /// Either end for what is too large.
    fn saturate(bits: i128) -> Self {
        let end = if bits < 0 { Self::MIN } else { Self::MAX };
        i64::try_from(bits).map_or(end, Self)
    }
}

impl Add for Fixed {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl AddAssign for Fixed {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl Sub for Fixed {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }
}

impl Neg for Fixed {
    type Output = Self;
    fn neg(self) -> Self {
        Self(self.0.saturating_neg())
    }
}

impl Mul for Fixed {
    type Output = Self;
    /// Rounded down.
    fn mul(self, other: Self) -> Self {
        Self::saturate((i128::from(self.0) * i128::from(other.0)) >> FRACTION)
    }
}

impl Div for Fixed {
    type Output = Self;
    /// Rounded towards zero; zero when `other` is.
    fn div(self, other: Self) -> Self {
        // Shares are below one, so that this is nearly every division, and several times as fast.
        if let (Ok(above), Ok(below)) = (u32::try_from(self.0), u64::try_from(other.0)) {
            return Self::ratio(u64::from(above), below);
        }
        if other == Self::ZERO {
            return Self::ZERO;
        }
        Self::saturate((i128::from(self.0) << FRACTION) / i128::from(other.0))
    }
}

impl Sum for Fixed {
    fn sum<I: Iterator<Item = Self>>(numbers: I) -> Self {
        numbers.fold(Self::ZERO, Add::add)
    }
}

impl fmt::Display for Fixed {
    /// Nine places, rounded towards zero.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bits = u128::from(self.0.unsigned_abs());
        let billionths = (bits * 1_000_000_000) >> FRACTION;
        let sign = if self.0 < 0 { "-" } else { "" };
        write!(f, "{sign}{}.{:09}", billionths / 1_000_000_000, billionths % 1_000_000_000)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ::fixed::types::I32F32;
    use proptest::prelude::*;

    fn bits() -> impl Strategy<Value = i64> {
        prop_oneof![any::<i64>(), 0i64..=1 << 32, -10i64..10, Just(i64::MIN), Just(i64::MAX), Just(1 << 32)]
    }

    fn theirs(bits: i64) -> I32F32 {
        I32F32::from_bits(bits)
    }

    proptest! {
        #[test]
        fn arithmetic_agrees_with_the_library(a in bits(), b in bits()) {
            let (ours, other) = (Fixed(a), Fixed(b));
            prop_assert_eq!((ours + other).0, theirs(a).saturating_add(theirs(b)).to_bits());
            prop_assert_eq!((ours - other).0, theirs(a).saturating_sub(theirs(b)).to_bits());
            prop_assert_eq!((ours * other).0, theirs(a).saturating_mul(theirs(b)).to_bits());
            prop_assert_eq!((-ours).0, theirs(a).saturating_neg().to_bits());
            let quotient = if b == 0 { 0 } else { theirs(a).saturating_div(theirs(b)).to_bits() };
            prop_assert_eq!((ours / other).0, quotient);
        }

        #[test]
        fn ratios_are_rounded_down(a in any::<u64>(), b in any::<u64>(), small in any::<u32>()) {
            for (a, b) in [(a, b), (u64::from(small), b), (a, u64::from(small))] {
                let exact = (u128::from(a) << 32).checked_div(u128::from(b)).unwrap_or(0);
                prop_assert_eq!(i128::from(Fixed::ratio(a, b).0), exact.min(i64::MAX as u128) as i128);
            }
        }

        #[test]
        fn products_with_inverses_are_quotients(number in prop_oneof![0i64..=i64::MAX, 0i64..1 << 58, 0i64..1 << 40]) {
            for (divisor, inverse) in INVERSES {
                let number = number - number % divisor as i64;
                for number in [number, number.saturating_sub(1).max(0), number.saturating_add(1)] {
                    prop_assert_eq!(quotient(number, divisor, inverse), number / divisor as i64);
                }
            }
        }

        #[test]
        fn what_is_stored_comes_back_or_one_less(value in any::<u16>()) {
            let back = Fixed::fraction(value).to_u16();
            prop_assert!(back == value || back + 1 == value);
        }

        #[test]
        fn nothing_panics(a in bits(), amount in any::<u64>()) {
            let number = Fixed(a);
            let _ = (number.to_u16(), number.of(amount), number.exp(), number.to_string());
        }

        #[test]
        #[allow(clippy::float_arithmetic, reason = "the oracle is a float")]
        fn the_exponential_is_close_where_it_is_used(a in -5i64 << 32..5i64 << 32) {
            let exact = (a as f64 / 4_294_967_296.0).exp();
            let ours = Fixed(a).exp().0 as f64 / 4_294_967_296.0;
            prop_assert!((ours - exact).abs() < 1.5e-8, "{ours} {exact}");
        }
    }

    #[test]
    fn numbers_are_shown_with_nine_places() {
        assert_eq!(Fixed::HALF.to_string(), "0.500000000");
        assert_eq!((-Fixed::ONE).to_string(), "-1.000000000");
        assert_eq!(Fixed::fraction(32767).to_string(), "0.499992370");
        assert_eq!(Fixed::MIN.to_string(), "-2147483648.000000000");
    }

    #[test]
    fn shares_of_amounts() {
        assert_eq!((Fixed::HALF.of(5), Fixed::ONE.of(u64::MAX), Fixed::MAX.of(u64::MAX)), (2, u64::MAX, u64::MAX));
        assert_eq!((-Fixed::ONE).of(5), 0);
        assert_eq!((Fixed::ONE.to_u16(), Fixed::MAX.to_u16(), Fixed::MIN.to_u16()), (65535, 65535, 0));
    }
}
