//! Step 11: classic bonds, shares of a miner by stake times weight.

use super::{normalized, old_bonds};
use crate::at;
use crate::fixed::Fixed;
use crate::input::Epoch;
use crate::matrix::Matrix;
use crate::rules::MOVING_AVERAGE_ONE;
use crate::sparse::Sparse;
use crate::trace::{Step, Watch};

/// Bonds as they will be stored, and what validators get of the dividends.
pub(crate) struct Formed {
    /// Of 65535.
    pub(crate) bonds: Sparse<u16>,
    /// Shares of all dividends.
    pub(crate) dividends: Vec<Fixed>,
}

/// Forms bonds of weights and the bonds before.
pub(crate) fn formed<W: Watch>(
    epoch: &Epoch,
    bond_weights: Matrix,
    active_stake: &[Fixed],
    incentive: &[Fixed],
    watch: &mut W,
) -> Formed {
    let old = old_bonds::shares(epoch, watch);
    watch.matrix(Step::OldBonds, &old);
    let new = bought(bond_weights, active_stake);
    watch.matrix(Step::NewBonds, &new);
    let mut bonds = average(&new, &old, rate(epoch));
    drop((new, old));
    watch.matrix(Step::BondAverage, &bonds);
    bonds.normalize_columns();
    watch.matrix(Step::BondShares, &bonds);
    let dividends = normalized(bonds.times_columns(incentive));
    Formed { bonds: upscaled(bonds), dividends }
}

/// How much of the new bonds the average takes up, as a fraction: what the moving average does not keep.
pub(crate) fn rate(epoch: &Epoch) -> Fixed {
    Fixed::ONE - Fixed::ratio(epoch.rules.common.bonds_moving_average, MOVING_AVERAGE_ONE)
}

/// What this epoch's weights alone would give: stake times weight, as shares of each miner.
fn bought(mut weights: Matrix, active_stake: &[Fixed]) -> Matrix {
    weights.map(|row, _, weight| weight * at(active_stake, row));
    weights.normalize_columns();
    weights
}

/// `rate × new + (1 − rate) × old` in each cell, those above zero.
pub(crate) fn average(new: &Matrix, old: &Matrix, rate: Fixed) -> Matrix {
    let kept = Fixed::ONE - rate;
    new.merged(old, |_, _, new, old| {
        let average = rate * new.unwrap_or_default() + kept * old.unwrap_or_default();
        (average > Fixed::ZERO).then_some(average)
    })
}

/// Each column divided by its largest bond, for storing.
fn upscaled(bonds: Matrix) -> Sparse<u16> {
    let largest = bonds.columns(|largest, _, bond| largest.max(bond));
    bonds.stored(|uid, bond| (bond / at(&largest, usize::from(uid))).to_u16())
}
