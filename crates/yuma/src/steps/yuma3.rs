//! Step 12: bonds of Yuma3, each validator's own moving average of its weights.

use super::classic::{Formed, average, rate};
use super::{liquid, normalized, old_bonds};
use crate::at;
use crate::fixed::Fixed;
use crate::input::Epoch;
use crate::matrix::Matrix;
use crate::rules::Liquid;
use crate::trace::{Step, Watch};

/// What the bonds of an epoch are formed of.
pub(crate) struct Formation<'a> {
    /// Step 10.
    pub(crate) bond_weights: Matrix,
    /// Step 4.
    pub(crate) active_stake: &'a [Fixed],
    /// Step 6.
    pub(crate) consensus: &'a [Fixed],
    /// Step 9.
    pub(crate) incentive: &'a [Fixed],
}

/// Forms bonds of weights and the bonds before, at the common rate, or at one for each cell where liquid alpha is on and
/// there is any consensus.
pub(crate) fn formed<W: Watch>(epoch: &Epoch, from: Formation<'_>, liquid: Option<Liquid>, watch: &mut W) -> Formed {
    let old = old_bonds::fractions(epoch, watch);
    watch.matrix(Step::OldBonds, &old);
    let agreed = from.consensus.iter().any(|consensus| *consensus != Fixed::ZERO);
    let mut bonds = match liquid.filter(|_| agreed) {
        Some(liquid) => liquid::average(&from.bond_weights, &old, from.consensus, liquid, watch),
        None => average(&from.bond_weights, &old, rate(epoch)),
    };
    drop((from.bond_weights, old));
    watch.matrix(Step::BondAverage, &bonds);
    let stored = bonds.stored(|_, bond| bond.to_u16());
    bonds.normalize_columns();
    watch.matrix(Step::BondShares, &bonds);
    let mut dividends = bonds.times_columns(from.incentive);
    for (row, dividend) in dividends.iter_mut().enumerate() {
        *dividend = *dividend * at(from.active_stake, row);
    }
    Formed { bonds: stored, dividends: normalized(dividends) }
}
