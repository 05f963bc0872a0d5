//! The steps of an epoch, in its order (spec/bittensor.md 2.2).
//!
//! | step | file |
//! |---|---|
//! | 1 who is active | `active` |
//! | 2 shares of stake | `stake` |
//! | 3 permits | `permits` |
//! | 4 stake that counts | `active_stake` |
//! | 5 weights, row by row | `weights` |
//! | 6 consensus | `consensus` |
//! | 7, 8 clipped weights, validators' trust | `clip` |
//! | 9 rank, trust, incentive | `rank` |
//! | 10 what bonds are formed of | `bond_weights` |
//! | 11 classic bonds | `old_bonds`, `classic` |
//! | 12 Yuma3 and liquid alpha | `old_bonds`, `yuma3`, `liquid` |
//! | 13 emission, pruning scores | `emission` |
//! | 14 bonds that are stored | `stored_bonds` |
//!
//! Step 15, the reset of a miner's bonds, is [`Rows::without_column`](crate::Rows::without_column): it happens between
//! epochs.

pub(crate) mod active;
pub(crate) mod active_stake;
pub(crate) mod bond_weights;
pub(crate) mod classic;
pub(crate) mod clip;
pub(crate) mod consensus;
pub(crate) mod emission;
pub(crate) mod liquid;
pub(crate) mod old_bonds;
pub(crate) mod permits;
pub(crate) mod rank;
pub(crate) mod stake;
pub(crate) mod stored_bonds;
pub(crate) mod weights;
pub(crate) mod yuma3;

use crate::fixed::Fixed;

/// Each number divided by the sum of all; numbers that add up to zero stay.
pub(crate) fn normalized(mut numbers: Vec<Fixed>) -> Vec<Fixed> {
    let sum: Fixed = numbers.iter().copied().sum();
    if sum != Fixed::ZERO {
        numbers.iter_mut().for_each(|number| *number = *number / sum);
    }
    numbers
}
