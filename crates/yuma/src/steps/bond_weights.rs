//! Step 10: the weights of which bonds are formed: between those that were set and those that consensus left.

use crate::fixed::Fixed;
use crate::matrix::Matrix;

/// `set + penalty × (clipped − set)` in each cell, those above zero. A penalty of one gives the clipped weights as they
/// are, none the set ones. `set` is only asked for where the penalty is below one.
pub(crate) fn bond_weights(set: Option<Matrix>, clipped: Matrix, penalty: Fixed) -> Matrix {
    match set {
        None => clipped,
        Some(set) if penalty == Fixed::ZERO => set,
        Some(set) => set.merged(&clipped, |_, _, set, clipped| {
            let set = set.unwrap_or_default();
            let between = set + penalty * (clipped.unwrap_or_default() - set);
            (between > Fixed::ZERO).then_some(between)
        }),
    }
}
