//! Step 9: what miners get of the incentive.

use super::normalized;
use crate::at;
use crate::fixed::Fixed;
use crate::matrix::Matrix;

/// The sum of a miner's weights, each times the stake of who gave it.
pub(crate) fn rank(weights: &Matrix, active_stake: &[Fixed]) -> Vec<Fixed> {
    weights.times_rows(active_stake)
}

/// How much of each rank is left after cutting; zero where there was none.
pub(crate) fn trust(rank: &[Fixed], before: &[Fixed]) -> Vec<Fixed> {
    rank.iter().enumerate().map(|(uid, rank)| *rank / at(before, uid)).collect()
}

/// Shares of the sum of ranks.
pub(crate) fn incentive(rank: Vec<Fixed>) -> Vec<Fixed> {
    normalized(rank)
}
