//! Steps 7 and 8: weights above consensus are cut; what is left of a row is its validator's trust.

use crate::fixed::Fixed;
use crate::matrix::Matrix;
use crate::trace::{Dropped, Watch};
use crate::{Uid, at};

/// Cuts every weight down to its miner's consensus. Where that is zero, weights above zero go altogether.
pub(crate) fn clip<W: Watch>(weights: &mut Matrix, consensus: &[Fixed], watch: &mut W) {
    weights.keep(|row, uid, weight| {
        let consensus = at(consensus, usize::from(uid));
        if consensus == Fixed::ZERO && weight > Fixed::ZERO {
            watch.dropped(Uid::try_from(row).unwrap_or(Uid::MAX), uid, Dropped::NoConsensus);
            return None;
        }
        Some(weight.min(consensus))
    });
}

/// How much of each validator's weights is left.
pub(crate) fn validator_trust(clipped: &Matrix) -> Vec<Fixed> {
    clipped.row_sums()
}
