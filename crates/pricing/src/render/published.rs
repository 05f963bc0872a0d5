//! Rules that Render published for its other products, for replays and comparisons. The market itself does not use them.
//!
//! Sources are proposals (RNP) as told in spec/render_ionet.md A3.5. Where texts conflict, the caller chooses by date:
//! weights of a compute node sum to 0.97 in RNP-019, and RNP-021 drops one without saying how the rest is scaled.

use primitives::math::{mul_div_ceil, mul_div_floor};
use thiserror::Error;

use super::PPM;

/// Hours of a week, which rewards of compute nodes are counted in.
const WEEK_HOURS: u128 = 168;

/// Parts of a compute client's score (RNP-006), each in millionths of the best.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Client {
    /// What it earned, in any unit.
    pub earned: u128,
    /// What the best one earned, in the same unit.
    pub most: u128,
    /// Its band of bandwidth: 0.2, 0.4, 0.6 or 0.8.
    pub bandwidth: u32,
    /// The score of its GPU, up to 1.
    pub gpu: u32,
    /// The share of the time that it was up.
    pub uptime: u32,
}

/// Why a rule of these gives nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum PublishedError {
    /// A divisor of zero, or more than can be counted.
    #[error(
        "the numbers of the rule cannot be counted: a price, a maximum or a target is 0, or a product is too large"
    )]
    Uncountable,
}

impl Client {
    /// What it earned counts 0.1 to 1: 0.1 + 0.9 × earned / most, in millionths, rounded down.
    ///
    /// # Errors
    /// When nobody earned anything, or it earned more than the best.
    pub fn earnings(&self) -> Result<u128, PublishedError> {
        let part = mul_div_floor(self.earned, 900_000, self.most).filter(|part| *part <= 900_000);
        part.map(|part| 100_000 + part).ok_or(PublishedError::Uncountable)
    }

    /// Its score in millionths, rounded down: 0.25 earnings + 0.35 bandwidth + 0.20 GPU + 0.20 uptime. A pool is shared in
    /// proportion to it.
    ///
    /// # Errors
    /// As [`Client::earnings`].
    pub fn score(&self) -> Result<u128, PublishedError> {
        let parts = [u128::from(self.bandwidth) * 35, u128::from(self.gpu) * 20, u128::from(self.uptime) * 20];
        Ok((self.earnings()? * 25 + parts.into_iter().sum::<u128>()) / 100)
    }
}

/// Weights of a compute node's multiplier (RNP-019), in hundredths: GPU, VRAM, network, clock, memory bandwidth, CPU.
pub const MULTIPLIER_WEIGHTS: [u32; 6] = [36, 26, 15, 8, 8, 4];

/// A compute node's multiplier from its six ratios to the baseline node, in millionths, rounded down.
pub fn multiplier(ratios: [u32; 6]) -> u128 {
    let sum: u128 =
        ratios.iter().zip(MULTIPLIER_WEIGHTS).map(|(ratio, weight)| u128::from(*ratio) * u128::from(weight)).sum();
    sum / 100
}

/// What a compute node earns for hired time: base × multiplier × hours / 168, in millionths of a token, rounded down.
/// `base` is whole tokens (10 in RNP-019, 25 in RNP-021), the multiplier millionths, the time seconds. `None` when it
/// needs more than 128 bits.
pub fn compute_job(base: u32, multiplier: u128, seconds: u64) -> Option<u128> {
    let rate = multiplier.checked_mul(u128::from(base))?;
    mul_div_floor(rate, u128::from(seconds), WEEK_HOURS * 3_600)
}

/// What becomes of a product's revenue on a subnet that mints in proportion to it (RNP-023), in base units of the token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Subnet {
    /// Destroyed: the share that is burned at the price when it was burned, rounded up.
    pub burned: u128,
    /// Minted to nodes: their share at the price when they are paid, rounded down.
    pub minted: u128,
}

/// Burns and mints for `revenue` in base units of USD; shares are millionths, prices base units of USD per whole token.
///
/// # Errors
/// When a price is zero.
pub fn subnet(revenue: u128, burn: (u32, u128), mint: (u32, u128)) -> Result<Subnet, PublishedError> {
    let scaled = |share: u32| mul_div_floor(revenue, u128::from(share), 1).ok_or(PublishedError::Uncountable);
    let burned = mul_div_ceil(scaled(burn.0)?, 1, burn.1).ok_or(PublishedError::Uncountable)?;
    let minted = mul_div_floor(scaled(mint.0)?, 1, mint.1).ok_or(PublishedError::Uncountable)?;
    Ok(Subnet { burned, minted })
}

/// RNP-020's automatic policy, which was defeated: a target from the quarter's burns and three factors in millionths,
/// each product rounded down.
///
/// # Errors
/// When a product needs more than 128 bits.
pub fn autopilot_target(burned: u128, factors: [u32; 3]) -> Result<u128, PublishedError> {
    let next = |target: u128, factor: u32| mul_div_floor(target, u128::from(factor), PPM);
    factors.into_iter().try_fold(burned, next).ok_or(PublishedError::Uncountable)
}

/// What RNP-020 makes of a target: nothing as long as it is within 10 % of the current pool or the pool is one to three
/// times what was burned; else a step towards it of at most 10 %, and 10 % more of that for each step before in the same
/// direction.
pub fn autopilot(current: u128, target: u128, burned: u128, repeated: u32) -> u128 {
    let tenth = current / 10;
    let covered = current >= burned && current <= burned.saturating_mul(3);
    if target.abs_diff(current) <= tenth || covered {
        return current;
    }
    let growth = 10u128.saturating_add(u128::from(repeated));
    let step = tenth.saturating_mul(growth) / 10;
    if target > current { current.saturating_add(step).min(target) } else { current.saturating_sub(step).max(target) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::pool::{Limit, share};

    #[test]
    fn rnp_006_score_of_the_worked_example() {
        // $100 of at most $2,500, bandwidth 0.4, GPU 0.6, uptime 0.95.
        let client = Client { earned: 100, most: 2_500, bandwidth: 400_000, gpu: 600_000, uptime: 950_000 };
        assert_eq!(client.earnings(), Ok(136_000));
        assert_eq!(client.score(), Ok(484_000));
        assert_eq!(Client { most: 0, ..client }.score(), Err(PublishedError::Uncountable));
        assert_eq!(Client { most: 99, ..client }.score(), Err(PublishedError::Uncountable));
    }

    #[test]
    fn rnp_006_points_of_the_worked_example() {
        // 500,000 of 50,000,000 points of 95,071 RENDER: 950.71.
        let shared = share(95_071_000_000, &[500_000, 49_500_000], 0, Limit::Off).unwrap();
        assert_eq!(shared.payouts[0], 950_710_000);
    }

    #[test]
    fn rnp_019_weights_and_example() {
        assert_eq!(MULTIPLIER_WEIGHTS.iter().sum::<u32>(), 97);
        assert_eq!(multiplier([1_000_000; 6]), 970_000);
        // A 5090 with 1.8098 for 100 hours: 10.77.
        assert_eq!(compute_job(10, 1_809_800, 360_000).unwrap() / 10_000, 1_077);
    }

    #[test]
    fn rnp_021_example() {
        // An H200 with 5.0 for 100 hours at base 25: 74.40.
        assert_eq!(compute_job(25, 5_000_000, 360_000).unwrap() / 10_000, 7_440);
        let dropped: u32 = MULTIPLIER_WEIGHTS.iter().sum::<u32>() - MULTIPLIER_WEIGHTS[2];
        assert_eq!(dropped, 82);
    }

    #[test]
    fn rnp_023_examples() {
        // $1,000 at $2.00: 60 % burned, 56 % minted at $2.00, $2.10 and $1.90.
        let at = |price| subnet(1_000_000_000, (600_000, 2_000_000), (560_000, price)).unwrap();
        assert_eq!(at(2_000_000), Subnet { burned: 300_000_000, minted: 280_000_000 });
        assert_eq!((at(2_100_000).minted + 50_000) / 100_000, 2_667);
        assert_eq!((at(1_900_000).minted + 5_000) / 10_000, 29_474);
        // The bandwidth product: 35 % burned, 31 % to nodes; burn exceeds mint by 12.9 % of rewards.
        let bandwidth = subnet(1_000_000_000, (350_000, 2_000_000), (310_000, 2_000_000)).unwrap();
        assert_eq!(((bandwidth.burned - bandwidth.minted) * 1_000 + bandwidth.minted / 2) / bandwidth.minted, 129);
        assert_eq!(subnet(1, (1, 0), (1, 1)), Err(PublishedError::Uncountable));
    }

    #[test]
    fn rnp_020_walk_through() {
        let target = autopilot_target(12_125, [849_000, 1_576_000, 1_005_000]).unwrap();
        // The source says about 16,293, the factors as it prints them give 16,304. They have three places, each of which may
        // be off by half a unit of the last: together 0.14 %, or 23.
        assert_eq!(target, 16_304);
        assert!(target.abs_diff(16_293) <= 23);
        assert_eq!(autopilot(15_000, target, 12_125, 0), 15_000);
        // Beyond a tenth and beyond the burns it steps.
        assert_eq!(autopilot(15_000, 20_000, 20_000, 0), 16_500);
        assert_eq!(autopilot(15_000, 20_000, 20_000, 1), 16_650);
        assert_eq!(autopilot(15_000, 2_000, 2_000, 0), 13_500);
    }
}
