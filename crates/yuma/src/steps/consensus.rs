//! Step 6: the weight of each miner that enough stake supports.

use std::ops::Range;

use super::normalized;
use crate::at;
use crate::fixed::Fixed;
use crate::matrix::Matrix;

/// How many cells are turned from rows to columns at a time: as many as a processor's cache holds.
const BLOCK: usize = 1 << 18;

/// A weight, and the stake of who gave it.
type Vote = (Fixed, Fixed);

/// For each miner the smallest weight such that the stake of those who give it no more exceeds what is left beside
/// `kappa`, and the largest weight when none does. A validator that gives no weight gives zero.
///
/// Stakes are whole multiples of 2^-32 and their sums exact, so that the order in which a column is searched does not
/// matter.
pub(crate) fn consensus(weights: &Matrix, active_stake: &[Fixed], kappa: Fixed) -> Vec<Fixed> {
    let stake = normalized(active_stake.to_vec());
    let total: Fixed = stake.iter().copied().sum();
    let minority = total - kappa;
    let voters: Vec<usize> = (0..weights.neurons()).filter(|row| at(&stake, *row) > Fixed::ZERO).collect();
    let sizes = sizes(weights, &voters);
    // Where each voter's row was read up to.
    let mut read = vec![0; voters.len()];
    let mut found = Vec::with_capacity(weights.neurons());
    for block in blocks(&sizes) {
        for mut votes in columns(weights, &voters, &stake, block, &sizes, &mut read) {
            let given: Fixed = votes.iter().map(|(_, stake)| *stake).sum();
            found.push(supported(&mut votes, total - given, minority));
        }
    }
    found
}

/// How many weights above zero each miner has of voters.
fn sizes(weights: &Matrix, voters: &[usize]) -> Vec<usize> {
    let mut sizes = vec![0; weights.neurons()];
    for (uid, value) in voters.iter().flat_map(|row| weights.row_cells(*row)) {
        if let Some(size) = sizes.get_mut(usize::from(uid)).filter(|_| value > Fixed::ZERO) {
            *size += 1;
        }
    }
    sizes
}

/// All columns, in blocks of about [`BLOCK`] weights.
fn blocks(sizes: &[usize]) -> Vec<Range<usize>> {
    let (mut blocks, mut from, mut cells) = (Vec::new(), 0, 0);
    for (column, size) in sizes.iter().enumerate() {
        cells += size;
        if cells >= BLOCK {
            blocks.push(from..column + 1);
            (from, cells) = (column + 1, 0);
        }
    }
    blocks.push(from..sizes.len());
    blocks
}

/// The votes for each miner of a block. Blocks are asked for in order: `read` remembers where rows were left.
fn columns(
    weights: &Matrix,
    voters: &[usize],
    stake: &[Fixed],
    block: Range<usize>,
    sizes: &[usize],
    read: &mut [usize],
) -> Vec<Vec<Vote>> {
    let mut columns: Vec<Vec<Vote>> =
        sizes.get(block.clone()).unwrap_or_default().iter().map(|size| Vec::with_capacity(*size)).collect();
    for (row, read) in voters.iter().zip(read) {
        let (uids, values) = weights.row(*row);
        let stake = at(stake, *row);
        let rest = uids.get(*read..).unwrap_or_default().iter().zip(values.get(*read..).unwrap_or_default());
        // No search for the end: it would miss the cache at every turn.
        for (uid, value) in rest.take_while(|(uid, _)| usize::from(**uid) < block.end) {
            *read += 1;
            if let Some(column) =
                columns.get_mut(usize::from(*uid).wrapping_sub(block.start)).filter(|_| *value > Fixed::ZERO)
            {
                column.push((*value, stake));
            }
        }
    }
    columns
}

/// The smallest weight whose stake, added up from below, exceeds `minority`; `nothing` is the stake of those who gave
/// none. The work is linear in the number of votes.
fn supported(mut votes: &mut [Vote], nothing: Fixed, minority: Fixed) -> Fixed {
    // Every voter's stake is above zero.
    if nothing > Fixed::ZERO && nothing > minority {
        return Fixed::ZERO;
    }
    let mut below = nothing;
    let mut largest = Fixed::ZERO;
    while !votes.is_empty() {
        let (lower, middle, upper) = votes.select_nth_unstable_by_key(votes.len() / 2, |(weight, _)| *weight);
        let up_to_lower = below + lower.iter().map(|(_, stake)| *stake).sum();
        if !lower.is_empty() && up_to_lower > minority {
            votes = lower;
            continue;
        }
        largest = middle.0;
        below = up_to_lower + middle.1;
        if below > minority {
            break;
        }
        votes = upper;
    }
    largest
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn number(bits: i64) -> Fixed {
        Fixed::from_bits(bits)
    }

    /// The rule as it is told: go up through the weights.
    fn by_sorting(votes: &[(i64, i64)], nothing: i64, minority: i64) -> i64 {
        let mut sorted = votes.to_vec();
        if nothing > 0 {
            sorted.push((0, nothing));
        }
        sorted.sort_unstable();
        let mut below = 0;
        for (weight, stake) in &sorted {
            below += stake;
            if below > minority {
                return *weight;
            }
        }
        sorted.last().map_or(0, |(weight, _)| *weight)
    }

    proptest! {
        #[test]
        fn halving_finds_what_sorting_finds(
            votes in proptest::collection::vec((1i64..9, 1i64..9), 0..12), nothing in 0i64..9, minority in -3i64..60,
        ) {
            let mut ours: Vec<Vote> = votes.iter().map(|(w, s)| (number(*w), number(*s))).collect();
            let found = supported(&mut ours, number(nothing), number(minority));
            prop_assert_eq!(found.to_bits(), by_sorting(&votes, nothing, minority));
        }

        #[test]
        fn blocks_cover_every_column_once(sizes in proptest::collection::vec(0usize..BLOCK * 2, 0..20)) {
            let columns: Vec<usize> = blocks(&sizes).into_iter().flatten().collect();
            prop_assert_eq!(columns, (0..sizes.len()).collect::<Vec<_>>());
        }
    }
}
