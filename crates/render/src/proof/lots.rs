//! Draws from a beacon: numbers that everybody can draw again, and nobody could have known before.
//!
//! The numbers of a draw are the first eight bytes, big-endian, of
//! `SHA-256("tetra/render/lots/v1" ‖ beacon ‖ creator ‖ jseq ‖ index ‖ attempt ‖ round ‖ counter)`, integers big-endian in
//! 8, 4, 4, 4 and 8 bytes, the counter from 0. A number below `n` is drawn by leaving out those at or above the largest
//! multiple of `n`, so that all are equally likely.

use sha2::{Digest, Sha256};
use store::Key;

use crate::ids::TryId;

const DOMAIN: &[u8] = b"tetra/render/lots/v1";

/// A sequence of numbers.
pub struct Lots {
    begin: Sha256,
    counter: u64,
}

impl Lots {
    /// The sequence of a round of an audit.
    pub fn new(beacon: &[u8; 32], (unit, attempt): &TryId, round: u32) -> Self {
        let begin = Sha256::new()
            .chain_update(DOMAIN)
            .chain_update(beacon)
            .chain_update(unit.to_bytes())
            .chain_update(attempt.to_be_bytes())
            .chain_update(round.to_be_bytes());
        Self { begin, counter: 0 }
    }

    fn next(&mut self) -> u64 {
        let hash = self.begin.clone().chain_update(self.counter.to_be_bytes()).finalize();
        self.counter = self.counter.wrapping_add(1);
        hash.iter().take(8).fold(0u64, |number, byte| number << 8 | u64::from(*byte))
    }

    /// A number below `bound`, each with the same chance; 0 when the bound is 0.
    pub fn below(&mut self, bound: u32) -> u32 {
        let wide = u64::from(bound);
        // 2^64 mod bound: so many of the largest numbers are left out.
        let Some(over) = (u64::MAX % wide.max(1)).checked_add(1).and_then(|rest| rest.checked_rem(wide)) else {
            return 0;
        };
        loop {
            let number = self.next();
            if number <= u64::MAX - over {
                return u32::try_from(number % wide).unwrap_or(0);
            }
        }
    }

    /// Whether a chance of so many ten-thousandths comes true.
    pub fn chance(&mut self, bp: u32) -> bool {
        self.below(10_000) < bp
    }

    /// `count` different numbers below `bound`, in order; all of them when there are no more.
    pub fn distinct(&mut self, bound: u32, count: u32) -> Vec<u32> {
        // Floyd's way: one draw for each number.
        let count = count.min(bound);
        let mut drawn = std::collections::BTreeSet::new();
        for top in bound - count..bound {
            let number = self.below(top.saturating_add(1));
            if !drawn.insert(number) {
                drawn.insert(top);
            }
        }
        drawn.into_iter().collect()
    }
}

#[cfg(test)]
#[allow(clippy::float_arithmetic, reason = "statistics of draws")]
mod tests {
    use primitives::Address;
    use proptest::prelude::*;

    use super::*;
    use crate::ids::JobId;

    fn lots(seed: u64) -> Lots {
        let mut beacon = [0; 32];
        beacon[..8].copy_from_slice(&seed.to_be_bytes());
        let job = JobId { creator: Address::new([1; 20]), jseq: 2 };
        Lots::new(&beacon, &(job.unit(3), 4), 1)
    }

    /// Pearson's statistic of draws over `cells`, which is about `cells - 1` when all are equally likely.
    fn spread(counts: &[u32]) -> f64 {
        let mean = f64::from(counts.iter().sum::<u32>()) / counts.len() as f64;
        counts.iter().map(|count| (f64::from(*count) - mean).powi(2) / mean).sum()
    }

    #[test]
    fn draws_are_the_same_for_everybody() {
        let mut first = lots(7);
        let numbers: Vec<u32> = (0..6).map(|_| first.below(1000)).collect();
        insta::assert_debug_snapshot!(numbers);
        let mut again = lots(7);
        assert_eq!(numbers, (0..6).map(|_| again.below(1000)).collect::<Vec<_>>());
        assert_eq!(lots(7).below(0), 0);
    }

    /// With 24 degrees of freedom, a value over 60 has a chance below 10^-4.
    #[test]
    fn every_tile_is_as_likely_as_any_other() {
        let mut counts = [0u32; 25];
        for seed in 0..4_000 {
            for tile in lots(seed).distinct(25, 4) {
                counts[tile as usize] += 1;
            }
        }
        assert!(spread(&counts) < 60.0, "{counts:?}");
    }

    /// A bound over half of what eight bytes hold cannot be tested; one that divides badly can: 3 of 4 numbers would come
    /// twice as often by a plain remainder of two bits.
    #[test]
    fn remainders_are_not_favoured() {
        let mut draw = lots(1);
        let mut counts = [0u32; 3];
        for _ in 0..30_000 {
            counts[draw.below(3) as usize] += 1;
        }
        assert!(spread(&counts) < 19.0, "{counts:?}");
    }

    proptest! {
        #[test]
        fn distinct_numbers_are_distinct_and_below(seed: u64, bound in 0u32..5_000, count in 0u32..40) {
            let drawn = lots(seed).distinct(bound, count);
            prop_assert_eq!(drawn.len() as u32, count.min(bound));
            prop_assert!(drawn.windows(2).all(|pair| pair[0] < pair[1]));
            prop_assert!(drawn.iter().all(|number| *number < bound));
        }
    }
}
