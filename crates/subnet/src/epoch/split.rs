//! How emission is divided among subnets: policies. Pure.

use proto::tetra::subnet::v1::Split;
use yuma::Fixed;

use crate::ids::Netuid;

/// All shares.
pub const WHOLE: u64 = 1 << 32;
/// How steep consensus of root is (spec/bittensor.md 1.2).
const RHO: u16 = 10;
/// The share of root's stake at which a subnet gets half of its rank, of 65535.
const KAPPA: u16 = 32_767;

/// A member of root.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// Its stake, base units.
    pub stake: u64,
    /// Its weights of subnets, of 65535.
    pub weights: Vec<(Netuid, u16)>,
}

/// The share of each subnet, of 2^32, in the order of `subnets`; rounded down, so that they sum up to no more. All are zero
/// where nobody says anything.
pub fn shares(policy: Split, subnets: &[Netuid], root: &[Member]) -> Vec<u64> {
    match policy {
        Split::Even => {
            let count = u64::try_from(subnets.len()).unwrap_or(u64::MAX).max(1);
            vec![WHOLE / count; subnets.len()]
        }
        Split::Root | Split::Unspecified => by_root(subnets, root),
    }
}

/// Root of 2024: rank by stake times weight, times how much of root's stake gives any weight at all, put through a sigmoid
/// around kappa.
fn by_root(subnets: &[Netuid], root: &[Member]) -> Vec<u64> {
    let all: u64 = root.iter().fold(0, |sum, member| sum.saturating_add(member.stake));
    let share = |member: &Member| Fixed::ratio(member.stake, all);
    let emission = |netuid: &Netuid| {
        let (mut rank, mut trust) = (Fixed::ZERO, Fixed::ZERO);
        for member in root {
            let weight = member.weights.iter().find(|(named, _)| named == netuid).map_or(0, |(_, weight)| *weight);
            if weight > 0 {
                rank += share(member) * Fixed::fraction(weight);
                trust += share(member);
            }
        }
        rank * consensus(trust)
    };
    let emissions: Vec<Fixed> = subnets.iter().map(emission).collect();
    let sum = emissions.iter().fold(Fixed::ZERO, |sum, emission| sum + *emission);
    emissions.iter().map(|emission| of_whole(*emission, sum)).collect()
}

/// `1 / (1 + exp(-rho (trust - kappa)))`.
fn consensus(trust: Fixed) -> Fixed {
    let exponent = Fixed::from_integer(RHO) * (trust - Fixed::fraction(KAPPA));
    Fixed::ONE / (Fixed::ONE + (-exponent).exp())
}

/// A part of a sum, of 2^32, rounded down.
fn of_whole(part: Fixed, sum: Fixed) -> u64 {
    let (part, sum) = (part.to_bits().unsigned_abs(), sum.to_bits().unsigned_abs());
    let share = (u128::from(part) << 32).checked_div(sum.into()).unwrap_or(0);
    u64::try_from(share).unwrap_or(0).min(WHOLE)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn member(stake: u64, weights: &[(Netuid, u16)]) -> Member {
        Member { stake, weights: weights.to_vec() }
    }

    #[test]
    fn what_most_stake_supports_gets_almost_all() {
        let root = [member(600, &[(1, 65_535)]), member(400, &[(2, 65_535)])];
        let shares = shares(Split::Root, &[1, 2, 3], &root);
        // 0.6 / (1 + e^-1) against 0.4 / (1 + e^1).
        let expected = [0.8031, 0.1969, 0.0].map(|share: f64| share * WHOLE as f64);
        for (share, expected) in shares.iter().zip(expected) {
            assert!((*share as f64 - expected).abs() < 0.001 * WHOLE as f64, "{shares:?}");
        }
    }

    #[test]
    fn nobody_says_nothing_and_even_is_even() {
        assert_eq!(shares(Split::Root, &[1, 2], &[]), [0, 0]);
        assert_eq!(shares(Split::Root, &[1, 2], &[member(5, &[])]), [0, 0]);
        assert_eq!(shares(Split::Even, &[1, 2, 5], &[]), [WHOLE / 3; 3]);
        assert!(shares(Split::Even, &[], &[]).is_empty());
    }

    proptest! {
        #[test]
        fn shares_are_never_more_than_all(
            stakes in proptest::collection::vec((any::<u64>(), proptest::collection::vec(any::<u16>(), 5)), 0..9),
        ) {
            let root: Vec<Member> = stakes.iter().map(|(stake, weights)| {
                member(*stake, &(1..6).zip(weights.iter().copied()).collect::<Vec<_>>())
            }).collect();
            let shares = shares(Split::Root, &[1, 2, 3, 4, 5], &root);
            prop_assert!(shares.iter().sum::<u64>() <= WHOLE);
        }
    }
}
