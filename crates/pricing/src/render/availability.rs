//! What idle nodes earn of the epoch's availability pool: Render's formula (A3.5: RNP-015).
//!
//! ```text
//! idle × (3 ln OB / ln mean OB + 3 ln VRAM / ln mean VRAM + ln age / ln mean age) × P(x)
//! P(x) = 1 up to the third node of an operator, then e^(-0.65 (x - 3))
//! ```
//!
//! The average node has 7 points; the pool is shared in proportion to points, by the largest remainder. How the holes of
//! the published text are closed:
//!
//! - **Values of one or less** (a score, memory in GiB or age in epochs) have a logarithm of zero and earn no points for
//!   that term, never negative ones.
//! - **A mean of one or less** would divide by zero. All nodes then have the value one, so that each is the average node:
//!   the term gives its full weight to each.
//! - **What `x` is**: the rank of a node among those of its operator, the best first, equal ones by their order. Read as
//!   the number of an operator's nodes, one more node would punish all of them; as rank, all nodes of an operator together
//!   earn at most about 4.09 times its best.
//! - **Splitting into many operators** is not stopped by arithmetic, as the source admits. The caller gives one entry per
//!   physical host, whose devices are unique on the chain, so that splitting needs more hosts, and each host a stake.
//!
//! Means are arithmetic. All is rounded down to multiples of 2^-64 at each step; points differ from exact ones by less
//! than 10^-9 of themselves (or of one, if that is more) where no mean is below 1.01.

use std::collections::BTreeMap;

use super::PPM;
use super::fixed::{Fixed, ONE, exp_minus, ln};
use super::pool::PoolError;
use super::shares::largest_remainder;

/// Nodes of an operator that count in full.
const FULL: u32 = 3;

/// A node as the formula sees it. All nodes are one host each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Idle {
    /// Whose it is: any number that is the same for nodes of one operator.
    pub operator: u32,
    /// The share of the epoch in which it was proved, free and not paid otherwise, in millionths; more counts as all.
    pub idle: u32,
    /// Its benchmarked rate, in millionths of work units per hour.
    pub rate: u64,
    /// Its memory, in millionths of a GiB.
    pub vram: u64,
    /// Its age, in millionths of an epoch.
    pub age: u64,
}

/// One of the three numbers that a node is judged by, in millionths.
type Value = fn(&Idle) -> u64;

/// Points of each node, as fixed-point numbers, in their order.
pub fn points(nodes: &[Idle]) -> Vec<Fixed> {
    let terms: [(Value, u128); 3] = [(|node| node.rate, 3), (|node| node.vram, 3), (|node| node.age, 1)];
    let scales = terms.map(|(value, weight)| (value, weight, ln(mean(nodes.iter().map(value)))));
    let quality = |node: &Idle| {
        let term = |(value, weight, mean): &(Value, u128, Fixed)| {
            // No logarithm of a value is more than as many times that of the mean as there are nodes.
            let share = ln_of(value(node).max(1_000_000)).over(*mean).unwrap_or(ONE);
            share.0.saturating_mul(*weight)
        };
        let sum = scales.iter().fold(0u128, |sum, scale| sum.saturating_add(term(scale)));
        Fixed(share_of(node.idle, sum))
    };
    ranked(nodes, nodes.iter().map(quality).collect())
}

/// A share in millionths of a fixed-point number, rounded down.
fn share_of(ppm: u32, number: u128) -> u128 {
    primitives::math::mul_div_floor(number, u128::from(ppm).min(PPM), PPM).unwrap_or(0)
}

/// The logarithm of a number of millionths.
fn ln_of(millionths: u64) -> Fixed {
    Fixed::ratio(u128::from(millionths), PPM).map(ln).unwrap_or_default()
}

/// The arithmetic mean of millionths that each count as at least one, rounded down to 2^-64; zero of nothing.
fn mean(values: impl ExactSizeIterator<Item = u64>) -> Fixed {
    let count = values.len() as u128;
    let sum: u128 = values.map(|value| u128::from(value.max(1_000_000))).sum();
    Fixed::ratio(sum, count.saturating_mul(PPM)).unwrap_or_default()
}

/// Lowers points by the rank of their node among those of its operator.
fn ranked(nodes: &[Idle], mut points: Vec<Fixed>) -> Vec<Fixed> {
    let mut order: Vec<(usize, Fixed, u32)> =
        points.iter().zip(nodes).enumerate().map(|(index, (points, node))| (index, *points, node.operator)).collect();
    order.sort_by(|(a, left, _), (b, right, _)| right.cmp(left).then(a.cmp(b)));
    let mut ranks: BTreeMap<u32, u32> = BTreeMap::new();
    for (index, own, operator) in order {
        let rank = ranks.entry(operator).and_modify(|rank| *rank = rank.saturating_add(1)).or_insert(1);
        if let Some(slot) = points.get_mut(index) {
            *slot = own.times(weight(*rank)).unwrap_or_default();
        }
    }
    points
}

/// What the node of a rank counts, the first having rank 1: `P(x)`.
pub fn weight(rank: u32) -> Fixed {
    let over = u128::from(rank.saturating_sub(FULL));
    // 0.65 × over, below 2^33.
    Fixed::ratio(13 * over, 20).map_or(Fixed(0), exp_minus)
}

/// Shares `pool` base units by points: what each node earns, in their order. They sum to the pool, or to nothing when no
/// node has a point.
///
/// # Errors
/// When the points sum to more than 128 bits.
pub fn share(pool: u128, nodes: &[Idle]) -> Result<Vec<u128>, PoolError> {
    let points: Vec<u128> = points(nodes).into_iter().map(|points| points.0).collect();
    let sum = points.iter().try_fold(0u128, |sum, points| sum.checked_add(*points)).ok_or(PoolError::TooLarge)?;
    if sum == 0 {
        return Ok(vec![0; nodes.len()]);
    }
    largest_remainder(pool, &points).ok_or(PoolError::TooLarge)
}

#[cfg(test)]
#[allow(clippy::float_arithmetic, reason = "floats are what the fixed-point numbers are compared with")]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn node(operator: u32, rate: u64, vram: u64, age: u64) -> Idle {
        let scale = 1_000_000;
        Idle { operator, idle: 1_000_000, rate: rate * scale, vram: vram * scale, age: age * scale }
    }

    fn float(x: Fixed) -> f64 {
        x.0 as f64 / ONE.0 as f64
    }

    #[test]
    fn the_average_node_has_seven_points() {
        let nodes = [node(1, 600, 16, 40), node(2, 600, 16, 40)];
        for points in points(&nodes) {
            assert_eq!(points, Fixed(7 * ONE.0));
        }
        let half = Idle { idle: 500_000, ..nodes[0] };
        assert_eq!(points(&[half, nodes[1]])[0].0, 7 * ONE.0 / 2);
        // More than all of an epoch is all of it.
        assert_eq!(points(&[Idle { idle: u32::MAX, ..half }, nodes[1]])[0].0, 7 * ONE.0);
    }

    #[test]
    fn traps_give_no_infinite_points() {
        // Age 1 among older ones has no points for age.
        let mixed = points(&[node(1, 600, 16, 1), node(2, 600, 16, 3)]);
        assert_eq!(mixed[0], Fixed(6 * ONE.0));
        // All of age 1, or below: each is the average.
        for age in [0, 1] {
            assert_eq!(points(&[node(1, 600, 16, age), node(2, 600, 16, age)]), [Fixed(7 * ONE.0); 2]);
        }
        // A score below one among others is no debt.
        assert_eq!(points(&[node(1, 0, 16, 4), node(2, 900, 16, 4)])[0], Fixed(4 * ONE.0));
        assert_eq!(points(&[]), []);
        assert_eq!(share(10, &[Idle { idle: 0, ..node(1, 9, 9, 9) }]), Ok(vec![0]));
    }

    #[test]
    fn an_operator_is_worth_at_most_4_09_of_its_best() {
        let nodes = vec![node(7, 600, 16, 40); 1_000];
        let sum: f64 = points(&nodes).into_iter().map(float).sum();
        assert!((sum / 7.0 - 4.0914).abs() < 0.001, "{sum}");
        assert_eq!([1, 2, 3].map(weight), [ONE; 3]);
        assert!((float(weight(4)) - 0.522_045_776_761).abs() < 1e-12);
        assert!((float(weight(13)) - (-6.5f64).exp()).abs() < 1e-15);
        assert_eq!(weight(u32::MAX), Fixed(0));
    }

    #[test]
    fn the_best_nodes_of_an_operator_count_in_full() {
        let weak = node(1, 100, 8, 10);
        let strong = node(1, 1_300, 24, 90);
        let other = node(2, 1_300, 24, 90);
        let all = points(&[weak, strong, strong, strong, other]);
        assert_eq!([all[1], all[2], all[3]], [all[4]; 3]);
        // Of equal ones the first three do.
        let equal = points(&[strong; 5]);
        assert!(equal[2] == equal[0] && equal[3] < equal[2] && equal[4] < equal[3]);
        let alone = points(&[Idle { operator: 3, ..weak }, strong, strong, strong, other]);
        assert!(all[0] < alone[0]);
    }

    /// A3.4: 12,500 RENDER a month are 2,884.615 a week.
    #[test]
    fn the_weekly_pool_is_shared_whole() {
        let pool = 12_500 * 12 * 1_000_000 / 52;
        assert_eq!(pool / 1_000, 2_884_615);
        let nodes: Vec<Idle> =
            (1..=252).map(|n| node(n % 90, 100 + u64::from(n) * 5, 8 + u64::from(n % 3) * 8, u64::from(n))).collect();
        assert_eq!(share(pool, &nodes).unwrap().iter().sum::<u128>(), pool);
    }

    prop_compose! {
        fn any_node()(
            operator in 0u32..6, idle in 0u32..=1_000_000, rate in 1_000_000u64..4_000_000_000,
            vram in 1_000_000u64..200_000_000, age in 1_000_000u64..400_000_000,
        ) -> Idle {
            Idle { operator, idle, rate, vram, age }
        }
    }

    /// The formula as it is written, in floats.
    fn in_floats(nodes: &[Idle]) -> Vec<f64> {
        let mean =
            |value: fn(&Idle) -> u64| nodes.iter().map(|n| value(n) as f64 / 1e6).sum::<f64>() / nodes.len() as f64;
        let (rate, vram, age) = (mean(|n| n.rate), mean(|n| n.vram), mean(|n| n.age));
        let ln = |value: u64, mean: f64| (value as f64 / 1e6).ln() / mean.ln();
        let quality =
            |n: &Idle| f64::from(n.idle) / 1e6 * (3.0 * ln(n.rate, rate) + 3.0 * ln(n.vram, vram) + ln(n.age, age));
        let all: Vec<f64> = nodes.iter().map(quality).collect();
        let rank = |a: usize| {
            let before = |b: &usize| {
                nodes[*b].operator == nodes[a].operator && (all[*b] > all[a] || (all[*b] == all[a] && *b < a))
            };
            (0..nodes.len()).filter(before).count() + 1
        };
        (0..nodes.len())
            .map(|a| all[a] * if rank(a) <= 3 { 1.0 } else { (-0.65 * (rank(a) as f64 - 3.0)).exp() })
            .collect()
    }

    proptest! {
        #[test]
        fn points_are_those_of_floats(nodes in proptest::collection::vec(any_node(), 1..20)) {
            for mean in [mean(nodes.iter().map(|n| n.vram)), mean(nodes.iter().map(|n| n.age)), mean(nodes.iter().map(|n| n.rate))] {
                prop_assume!(float(mean) > 1.01);
            }
            for (got, wanted) in points(&nodes).into_iter().zip(in_floats(&nodes)) {
                prop_assert!((float(got) - wanted).abs() <= 1e-9 * wanted.max(1.0), "{} {}", float(got), wanted);
            }
        }

        #[test]
        fn any_input_is_shared_whole(
            pool: u128,
            raw in proptest::collection::vec((0u32..4, any::<u32>(), any::<u64>(), any::<u64>(), any::<u64>()), 0..12),
        ) {
            let nodes: Vec<Idle> = raw.into_iter().map(|(operator, idle, rate, vram, age)| Idle { operator, idle, rate, vram, age }).collect();
            let points = points(&nodes);
            let shares = share(pool, &nodes).unwrap();
            let wanted = if points.iter().all(|points| points.0 == 0) { 0 } else { pool };
            prop_assert_eq!(shares.iter().sum::<u128>(), wanted);
        }
    }
}
