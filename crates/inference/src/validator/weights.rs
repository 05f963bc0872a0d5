//! Scores as weights within a subnet's bounds: no share above the most, at least so many, the largest 65535.

use crate::chain::{Terms, Weights};

/// What stands for a miner that is named only so that there are enough: the least weight that is not nothing.
const FILLER: u16 = 1;

/// Weights of scores. Nothing where there is no score, or where the subnet has fewer uids than it asks weights for.
///
/// Shares above the most are cut, and what was cut goes to the others in proportion, until none is above. Where even equal
/// shares are above it, they are equal.
pub fn weights(scores: &[(u16, f64)], uids: &[u16], terms: &Terms) -> Option<Weights> {
    let total: f64 = scores.iter().map(|(_, score)| score).sum();
    if !(total > 0.0 && total.is_finite()) {
        return None;
    }
    let shares: Vec<f64> = scores.iter().map(|(_, score)| score / total).collect();
    let shares = capped(&shares, f64::from(terms.max_weight) / 65535.0);
    let largest = shares.iter().copied().fold(0.0, f64::max);
    let mut list: Vec<(u16, u16)> = scores
        .iter()
        .zip(&shares)
        // Largest share is 65535; rounded to the nearest, as the chain does.
        .map(|((uid, _), share)| (*uid, (share / largest * 65535.0).round() as u16))
        .filter(|(_, value)| *value > 0)
        .collect();
    let least = usize::from(terms.min_weights).min(uids.len());
    for uid in uids {
        if list.len() >= least {
            break;
        }
        if !list.iter().any(|(known, _)| known == uid) {
            list.push((*uid, FILLER));
        }
    }
    list.sort_unstable();
    let (uids, values) = list.into_iter().unzip();
    Some(Weights { uids, values, version: terms.version })
}

fn capped(shares: &[f64], most: f64) -> Vec<f64> {
    if most * shares.len() as f64 <= 1.0 {
        return vec![1.0 / shares.len() as f64; shares.len()];
    }
    let mut at_most = vec![false; shares.len()];
    loop {
        let full = at_most.iter().filter(|full| **full).count() as f64;
        let rest: f64 = shares.iter().zip(&at_most).filter(|(_, full)| !**full).map(|(share, _)| share).sum();
        let scale = if rest > 0.0 { (1.0 - full * most) / rest } else { 0.0 };
        let mut changed = false;
        for (share, full) in shares.iter().zip(&mut at_most) {
            if !*full && share * scale > most {
                (*full, changed) = (true, true);
            }
        }
        if !changed {
            let share = |(share, full): (&f64, &bool)| if *full { most } else { share * scale };
            return shares.iter().zip(&at_most).map(share).collect();
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::chain::file::tests::graph;

    fn of(scores: &[(u16, f64)], max_weight: u16, min_weights: u16) -> Option<Weights> {
        let mut terms = graph(0).terms;
        (terms.max_weight, terms.min_weights) = (max_weight, min_weights);
        weights(scores, &[0, 1, 2, 3], &terms)
    }

    #[test]
    fn the_largest_is_65535_and_the_rest_in_proportion() {
        let weights = of(&[(1, 0.4), (3, 0.1)], 65535, 1).unwrap();
        assert_eq!((weights.uids, weights.values), (vec![1, 3], vec![65535, 16384]));
        assert_eq!(of(&[], 65535, 1), None);
        assert_eq!(of(&[(1, 0.0)], 65535, 1), None);
    }

    #[test]
    fn others_are_named_where_too_few_have_a_score() {
        let weights = of(&[(2, 1.0)], 65535, 3).unwrap();
        assert_eq!((weights.uids, weights.values), (vec![0, 1, 2], vec![1, 1, 65535]));
    }

    proptest! {
        #[test]
        fn no_share_is_above_the_most(scores in proptest::collection::vec(1e-6f64..1.0, 1..40), most in 700u16..65535) {
            let scores: Vec<(u16, f64)> = (0..).zip(scores).collect();
            let weights = of(&scores, most, 1).unwrap();
            let sum: f64 = weights.values.iter().map(|value| f64::from(*value)).sum();
            let bound = (f64::from(most) / 65535.0).max(1.0 / scores.len() as f64);
            // Each value is rounded by at most one half.
            let slack = 0.5 * (scores.len() as f64 + 1.0) / sum;
            for value in weights.values {
                prop_assert!(f64::from(value) / sum <= bound + slack);
            }
        }
    }
}
