//! Integer products and quotients through 256 bits, each naming its rounding.

use ethnum::U256;

/// `a * b / divisor`, rounded down; `None` when the divisor is zero or the result needs more than 128 bits.
pub fn mul_div_floor(a: u128, b: u128, divisor: u128) -> Option<u128> {
    let quotient = U256::from(a).checked_mul(U256::from(b))?.checked_div(U256::from(divisor))?;
    u128::try_from(quotient).ok()
}

/// `a * b / divisor`, rounded up; `None` when the divisor is zero or the result needs more than 128 bits.
pub fn mul_div_ceil(a: u128, b: u128, divisor: u128) -> Option<u128> {
    let product = U256::from(a).checked_mul(U256::from(b))?;
    let divisor = U256::from(divisor);
    let floor = product.checked_div(divisor)?;
    let exact = floor.checked_mul(divisor)? == product;
    let quotient = if exact { floor } else { floor.checked_add(U256::ONE)? };
    u128::try_from(quotient).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn intermediate_products_may_exceed_128_bits() {
        assert_eq!(mul_div_floor(u128::MAX, u128::MAX, u128::MAX), Some(u128::MAX));
        assert_eq!(mul_div_floor(u128::MAX, 2, 1), None);
        assert_eq!(mul_div_floor(1, 1, 0), None);
        assert_eq!(mul_div_ceil(1, 1, 3), Some(1));
    }

    proptest! {
        #[test]
        fn small_values_agree_with_native_division(a in 0u128..1 << 60, b in 0u128..1 << 60, d in 1u128..1 << 60) {
            prop_assert_eq!(mul_div_floor(a, b, d), Some(a * b / d));
            prop_assert_eq!(mul_div_ceil(a, b, d), Some((a * b).div_ceil(d)));
        }
    }
}
