//! Liquid alpha, a part of step 12: a bond follows its weight the faster, the further the weight is from consensus.

use crate::fixed::Fixed;
use crate::matrix::Matrix;
use crate::rules::{Liquid, Unweighted};
use crate::trace::Watch;
use crate::{Uid, at};

/// Where the exponent is cut.
const LARGEST_EXPONENT: i64 = 20;

/// `(1 − alpha) × old + alpha × weight`, at most one, with an alpha for each cell that has a weight; those above zero.
pub(crate) fn average<W: Watch>(
    weights: &Matrix,
    old: &Matrix,
    consensus: &[Fixed],
    liquid: Liquid,
    watch: &mut W,
) -> Matrix {
    let curve = Curve::new(liquid);
    weights.merged(old, |row, uid, weight, bond| {
        if weight.is_none() && liquid.unweighted == Unweighted::Drop {
            return None;
        }
        let (weight, bond) = (weight.unwrap_or_default(), bond.unwrap_or_default());
        let consensus = at(consensus, usize::from(uid));
        // Bonds that grow follow consensus, those that shrink follow the weight.
        let distance = if weight >= bond { weight - consensus } else { bond - weight };
        let alpha = curve.alpha(distance.clamp(Fixed::ZERO, Fixed::ONE));
        watch.rate(Uid::try_from(row).unwrap_or(Uid::MAX), uid, alpha);
        let average = ((Fixed::ONE - alpha) * bond + alpha * weight).min(Fixed::ONE);
        (average > Fixed::ZERO).then_some(average)
    })
}

/// The rate over the distance from consensus.
struct Curve {
    low: Fixed,
    high: Fixed,
    /// Below zero where the rate rises.
    slope: Fixed,
    largest: Fixed,
}

impl Curve {
    fn new(liquid: Liquid) -> Self {
        let whole = |value: i64| Fixed::from_bits(value << 32);
        Self {
            low: Fixed::fraction(liquid.low),
            high: Fixed::fraction(liquid.high),
            slope: -(whole(i64::from(liquid.steepness)) / whole(100)),
            largest: whole(LARGEST_EXPONENT),
        }
    }

    /// `low + (high − low) / (1 + exp(−steepness × (distance − ½)))`, the quotient first.
    fn alpha(&self, distance: Fixed) -> Fixed {
        let exponent = (self.slope * (distance - Fixed::HALF)).clamp(-self.largest, self.largest);
        let share = Fixed::ONE / (Fixed::ONE + exponent.exp());
        (self.low + (self.high - self.low) * share).clamp(self.low, self.high)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn curve(low: u16, high: u16, steepness: i16) -> Curve {
        Curve::new(Liquid { low, high, steepness, unweighted: Unweighted::Drop })
    }

    proptest! {
        #[test]
        #[allow(clippy::float_arithmetic, reason = "the oracle is a float")]
        fn the_curve_is_a_sigmoid(low in any::<u16>(), span in any::<u16>(), steepness in any::<i16>(), d in 0i64..=1 << 32) {
            let high = low.saturating_add(span);
            let ours = curve(low, high, steepness).alpha(Fixed::from_bits(d)).to_bits() as f64 / 4_294_967_296.0;
            let (low, high) = (f64::from(low) / 65535.0, f64::from(high) / 65535.0);
            let exponent = -f64::from(steepness) / 100.0 * (d as f64 / 4_294_967_296.0 - 0.5);
            let exact = low + (high - low) / (1.0 + exponent.clamp(-20.0, 20.0).exp());
            prop_assert!((ours - exact).abs() < 1e-7, "{ours} {exact}");
        }
    }
}
