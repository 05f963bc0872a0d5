//! Natural logarithms, exponentials and square roots in fixed point, so that all nodes compute the same.
//!
//! Numbers are [`Fixed`]: multiples of 2^-64, zero or more. Each function says its error, which follows from
//! the number of its roundings; the tests compare with logarithms of 60 digits at some points, and everywhere with `f64`,
//! which itself is good for 2^-52 of its value.

use primitives::math::mul_div_floor;

/// One.
pub const ONE: Fixed = Fixed(1 << 64);
/// ln 2 in units of 2^-96, rounded down.
const LN2: u128 = 0xB172_17F7_D1CF_79AB_C9E3_B398;
/// Terms of the series that still count at 2^-64.
const TERMS: u32 = 24;

/// A multiple of 2^-64 that is zero or more.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Fixed(pub u128);

impl Fixed {
    /// `numerator / denominator`, rounded down; `None` for a zero denominator or a quotient of 2^64 and more.
    pub fn ratio(numerator: u128, denominator: u128) -> Option<Self> {
        mul_div_floor(numerator, ONE.0, denominator).map(Self)
    }

    /// The product, rounded down; `None` from 2^64 on.
    pub fn times(self, other: Self) -> Option<Self> {
        mul_div_floor(self.0, other.0, ONE.0).map(Self)
    }

    /// The quotient, rounded down; `None` for a zero divisor or from 2^64 on.
    pub fn over(self, divisor: Self) -> Option<Self> {
        Self::ratio(self.0, divisor.0)
    }

    /// A share of `amount`, rounded down.
    pub fn of(self, amount: u128) -> Option<u128> {
        mul_div_floor(amount, self.0, ONE.0)
    }
}

/// The natural logarithm of a number of one or more; zero below one. Error: less than 2^-56.
pub fn ln(x: Fixed) -> Fixed {
    if x <= ONE {
        return Fixed(0);
    }
    // x = m × 2^k with m in [1, 2); ln m = 2 artanh((m - 1) / (m + 1)).
    let k = x.0.ilog2() - 64;
    let m = x.0 >> k;
    let z = mul_div_floor(m - ONE.0, ONE.0, m + ONE.0).unwrap_or(0);
    let square = mul_div_floor(z, z, ONE.0).unwrap_or(0);
    let (mut power, mut sum) = (z, z);
    for term in 1..TERMS {
        power = mul_div_floor(power, square, ONE.0).unwrap_or(0);
        sum += power / u128::from(2 * term + 1);
    }
    Fixed(((u128::from(k) * LN2) >> 32) + 2 * sum)
}

/// `e^-x`. Error: less than 2^-56.
pub fn exp_minus(x: Fixed) -> Fixed {
    // x = k ln 2 + r with r in [0, ln 2).
    let fine = x.0.checked_shl(32).filter(|fine| fine >> 32 == x.0);
    let Some((k, r)) = fine.map(|fine| (fine / LN2, (fine % LN2) >> 32)).filter(|(k, _)| *k < 64) else {
        return Fixed(0);
    };
    // e^-r = 1 - r (1 - r/2 (1 - r/3 (1 - ...))), each bracket between 0 and 1.
    let bracket = (1..=TERMS).rev().fold(ONE.0, |inner, term| {
        let part = mul_div_floor(r, inner, ONE.0).unwrap_or(0) / u128::from(term);
        ONE.0.saturating_sub(part)
    });
    Fixed(bracket >> k)
}

/// `2^(-numerator / denominator)`: what is left of one after that many half-lives. Zero for a zero denominator.
/// Error: less than 2^-55.
pub fn halved(numerator: u64, denominator: u64) -> Fixed {
    let whole = numerator.checked_div(denominator).filter(|whole| *whole < 64);
    let Some(whole) = whole else { return Fixed(0) };
    // The part below one half-life, so that nothing overflows.
    let rest = mul_div_floor(u128::from(numerator % denominator), LN2 >> 32, u128::from(denominator)).unwrap_or(0);
    Fixed(exp_minus(Fixed(rest)).0 >> whole)
}

/// The square root of `n`, rounded up.
pub fn sqrt_ceil(n: u128) -> u128 {
    let root = n.isqrt();
    root + u128::from(root * root < n)
}

#[cfg(test)]
#[allow(clippy::float_arithmetic, reason = "floats are what the fixed-point numbers are compared with")]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn float(x: Fixed) -> f64 {
        x.0 as f64 / ONE.0 as f64
    }

    #[test]
    fn exact_points() {
        assert_eq!((ln(ONE), exp_minus(Fixed(0)), halved(0, 1)), (Fixed(0), ONE, ONE));
        assert_eq!(ln(Fixed(ONE.0 / 2)), Fixed(0));
        assert_eq!(halved(3, 1), Fixed(ONE.0 / 8));
        assert_eq!((halved(u64::MAX, 1), halved(1, 0)), (Fixed(0), Fixed(0)));
        assert_eq!(exp_minus(Fixed(u128::MAX)), Fixed(0));
        assert_eq!([0, 1, 2, 4, 5, u128::MAX].map(sqrt_ceil), [0, 1, 2, 2, 3, 1 << 64]);
    }

    /// Values in units of 2^-64, from decimals of 60 digits.
    #[test]
    fn points_that_are_known_beyond_floats() {
        for (x, wanted) in [
            (27_670_116_110_564_327_424, 7_479_511_080_090_283_978),
            (18_631_211_514_446_647_132, 183_551_206_697_127_638),
            (36_893_488_147_419_103_232, 12_786_308_645_202_655_659),
            (184_467_440_737_095_516_160, 42_475_197_918_399_869_019),
            (23_980_767_295_822_417_100_800, 132_265_360_195_918_463_112),
            (1 << 127, 805_537_444_647_767_306_566),
        ] {
            assert!(ln(Fixed(x)).0.abs_diff(wanted) < 256, "{x} {}", ln(Fixed(x)).0);
        }
        for (x, wanted) in [
            (11_990_383_647_911_208_550, 9_630_044_838_671_372_343),
            (119_903_836_479_112_085_504, 27_733_558_023_241_705),
            (553_402_322_211_286_548_480, 1_726_176),
            (1_844_674_407_370_955, 18_444_899_491_532_826_648),
        ] {
            assert!(exp_minus(Fixed(x)).0.abs_diff(wanted) < 256, "{x} {}", exp_minus(Fixed(x)).0);
        }
    }

    proptest! {
        // f64 itself is good for 2^-52 of its value here; the bounds leave room for no more than that.
        #[test]
        fn ln_is_that_of_floats(x in prop_oneof![ONE.0..ONE.0 * 4, ONE.0..u128::MAX]) {
            let (got, wanted) = (float(ln(Fixed(x))), (x as f64 / ONE.0 as f64).ln());
            prop_assert!((got - wanted).abs() <= 2f64.powi(-56) + 4.0 * f64::EPSILON * wanted.max(1.0), "{got} {wanted}");
        }

        #[test]
        fn exp_is_that_of_floats(x in prop_oneof![0..ONE.0, 0..ONE.0 * 45]) {
            let (got, wanted) = (float(exp_minus(Fixed(x))), (-(x as f64 / ONE.0 as f64)).exp());
            prop_assert!((got - wanted).abs() <= 2f64.powi(-56) + 64.0 * f64::EPSILON * wanted, "{got} {wanted}");
        }

        #[test]
        fn halves_are_those_of_floats(n in 0u64..1 << 40, d in 1u64..1 << 36) {
            let (got, wanted) = (float(halved(n, d)), (-(n as f64) / d as f64).exp2());
            prop_assert!((got - wanted).abs() <= 2f64.powi(-55) + 64.0 * f64::EPSILON * wanted, "{got} {wanted}");
        }

        /// The logarithm undoes the exponential, with no float between.
        #[test]
        fn they_undo_each_other(x in 0..ONE.0 * 20) {
            let small = exp_minus(Fixed(x));
            let back = ln(Fixed::ratio(ONE.0, small.0).unwrap());
            // e^20 × 2^-56 relative.
            prop_assert!(back.0.abs_diff(x) < 1 << 40);
        }

        #[test]
        fn both_are_monotone(x in ONE.0..u128::MAX - 1) {
            prop_assert!(ln(Fixed(x)).0 <= ln(Fixed(x + 1)).0 + (1 << 8));
            prop_assert!(exp_minus(Fixed(x)) >= exp_minus(Fixed(x + 1)) || exp_minus(Fixed(x + 1)).0 - exp_minus(Fixed(x)).0 < 1 << 8);
        }

        #[test]
        fn roots_are_least(n in 0u128..1 << 120) {
            let root = sqrt_ceil(n);
            prop_assert!(root * root >= n && (root == 0 || (root - 1) * (root - 1) < n));
        }
    }
}
