//! Who verifies whom: commitments stand in a ring, and each is verified by those who stand some drawn distances further.
//!
//! The distances are drawn after the last commitment, so that nobody can choose a place beside a friend; the same for all, so that
//! what an offer has to verify is found at once.

use ledger::Context;
use primitives::math::mul_div_floor;
use proto::tetra::cluster::v1::{Params, Round};
use sha2::{Digest, Sha256};

/// A number below `below` from a hash; 0 where there is none below.
pub(super) fn below(seed: &[u8], index: u32, below: u32) -> u32 {
    let mut hash = Sha256::new();
    hash.update(seed);
    hash.update(index.to_be_bytes());
    let hash: [u8; 32] = hash.finalize().into();
    let head = hash.first_chunk::<8>().map_or(0, |head| u64::from_be_bytes(*head));
    let scaled = mul_div_floor(head.into(), below.into(), 1 << 64).unwrap_or(0);
    u32::try_from(scaled).unwrap_or(0)
}

/// The drawn distances, all different, from 1 to one less than the ring has; fewer than wanted where it has too few.
fn distances(round: &Round, params: &Params) -> Vec<u32> {
    let steps = round.commits.saturating_sub(1);
    let mut found: Vec<u32> = Vec::new();
    for index in 0..params.verifiers.min(steps) {
        let mut distance = below(&round.draw, index, steps);
        while found.contains(&distance.saturating_add(1)) {
            distance = distance.saturating_add(1).checked_rem(steps).unwrap_or(0);
        }
        found.push(distance.saturating_add(1));
    }
    found
}

/// The places of those who verify the proof at a place. Where nobody else committed a development network lets an offer verify
/// itself, and all others verify nothing.
pub fn verifiers(ctx: &Context, round: &Round, params: &Params, place: u32) -> Vec<u32> {
    if round.commits == 1 && ctx.chain.dev {
        return vec![0];
    }
    let at = |distance: u32| u64::from(place).saturating_add(distance.into()).checked_rem(round.commits.into());
    let places = distances(round, params).into_iter().filter_map(at);
    places.map(|place| u32::try_from(place).unwrap_or(0)).collect()
}

/// The places whose proofs the offer at a place verifies.
pub fn duties(ctx: &Context, round: &Round, params: &Params, place: u32) -> Vec<u32> {
    if round.commits == 1 && ctx.chain.dev {
        return vec![0];
    }
    let commits = u64::from(round.commits);
    let at =
        |distance: u32| u64::from(place).saturating_add(commits).saturating_sub(distance.into()).checked_rem(commits);
    let places = distances(round, params).into_iter().filter_map(at);
    places.map(|place| u32::try_from(place).unwrap_or(0)).collect()
}

#[cfg(test)]
mod tests {
    use ledger::testing;
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Nobody is drawn twice for a proof or for itself, all are drawn equally often, and duties are the inverse.
        #[test]
        fn a_ring_is_fair(commits in 2u32..40, verifiers_wanted in 1u32..8, seed: [u8; 32]) {
            let ctx = testing::empty();
            let params = Params { verifiers: verifiers_wanted, ..Params::default() };
            let round = Round { commits, draw: seed.to_vec(), ..Round::default() };
            let mut drawn = vec![0u32; commits as usize];
            for place in 0..commits {
                let found = verifiers(&ctx, &round, &params, place);
                prop_assert_eq!(found.len() as u32, verifiers_wanted.min(commits - 1));
                for other in found {
                    prop_assert!(other != place && other < commits);
                    drawn[other as usize] += 1;
                    prop_assert!(duties(&ctx, &round, &params, other).contains(&place));
                }
            }
            prop_assert!(drawn.iter().all(|times| *times == verifiers_wanted.min(commits - 1)));
        }
    }
}
