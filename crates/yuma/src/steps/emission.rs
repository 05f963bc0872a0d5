//! Step 13: what the epoch pays to whom, and what is left of a neuron's worth when room is needed.

use crate::at;
use crate::fixed::Fixed;

/// Shares of the epoch's emission.
pub(crate) struct Shares {
    /// Miners' shares.
    pub(crate) server: Vec<Fixed>,
    /// Validators' shares.
    pub(crate) validator: Vec<Fixed>,
    /// Both together.
    pub(crate) combined: Vec<Fixed>,
}

/// Incentive and dividends as shares of their common sum. Where both are zero, validators are paid by stake: that which
/// counts, or, if nobody's does, all.
pub(crate) fn shares(incentive: &[Fixed], dividends: &[Fixed], active_stake: &[Fixed], stake: &[Fixed]) -> Shares {
    let sum = |numbers: &[Fixed]| numbers.iter().copied().sum::<Fixed>();
    let total = sum(incentive) + sum(dividends);
    if total == Fixed::ZERO {
        let by_stake = if sum(active_stake) == Fixed::ZERO { stake } else { active_stake };
        let server = vec![Fixed::ZERO; by_stake.len()];
        return Shares { server, validator: by_stake.to_vec(), combined: by_stake.to_vec() };
    }
    let of_total = |numbers: &[Fixed]| numbers.iter().map(|number| *number / total).collect();
    let both: Vec<Fixed> =
        incentive.iter().enumerate().map(|(uid, incentive)| *incentive + at(dividends, uid)).collect();
    Shares { server: of_total(incentive), validator: of_total(dividends), combined: of_total(&both) }
}

/// Amounts of rao, each rounded down. What is lost so is paid to nobody.
pub(crate) fn amounts(shares: &[Fixed], emission: u64) -> Vec<u64> {
    shares.iter().map(|share| share.of(emission)).collect()
}

/// Pruning scores: combined shares scaled so that the largest is 65535, rounded to the nearest, halves up.
pub(crate) fn pruning_scores(combined: &[Fixed]) -> Vec<u16> {
    let largest = combined.iter().copied().max().unwrap_or_default();
    combined.iter().map(|share| scaled(*share, largest)).collect()
}

fn scaled(share: Fixed, largest: Fixed) -> u16 {
    let (share, largest) = (u128::from(share.to_bits().max(0).unsigned_abs()), largest.to_bits().max(0).unsigned_abs());
    // The quotient is cut to 32 bits after the point before it is rounded.
    let quotient = ((share * u128::from(u16::MAX)) << 32).checked_div(u128::from(largest)).unwrap_or(0);
    u16::try_from((quotient + (1 << 31)) >> 32).unwrap_or(u16::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pruning_scores_are_rounded() {
        let shares: Vec<Fixed> = [0, 1, 2, 3].map(|part| Fixed::ratio(part, 65535 * 2)).to_vec();
        assert_eq!(pruning_scores(&shares), [0, 21845, 43690, 65535]);
        let small: Vec<Fixed> = [65535 * 2, 1, 3].map(|part| Fixed::ratio(part, 65535 * 2)).to_vec();
        // Halves are not quite reached, because shares are rounded down.
        assert_eq!(pruning_scores(&small), [65535, 0, 1]);
        assert_eq!(pruning_scores(&[Fixed::ZERO]), [0]);
    }

    #[test]
    fn without_scores_stake_is_paid() {
        let (none, all, some) = ([Fixed::ZERO; 2], [Fixed::HALF; 2], [Fixed::ONE, Fixed::ZERO]);
        assert_eq!(shares(&none, &none, &some, &all).validator, some);
        assert_eq!(shares(&none, &none, &none, &all).validator, all);
        assert_eq!(shares(&some, &some, &none, &all).server, [Fixed::HALF, Fixed::ZERO]);
    }
}
