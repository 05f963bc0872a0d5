//! Which price the feeders' observations give, or the reason why none.
//!
//! A price is good when enough feeders saw it lately, most of them agree, and it is near the average of the last day.
//! Whoever asks otherwise gets a [`Trouble`] by name, never a stale price: a market that has no price takes no new money,
//! and burns what it locked when there is one again.

use primitives::Dec;
use primitives::math::{mul_div_ceil, mul_div_floor};
use thiserror::Error;

use super::PPM;

/// When a price is good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The greatest age of an observation, in milliseconds.
    pub max_age_ms: u64,
    /// The least number of feeders with a fresh one; at least one.
    pub feeders: u32,
    /// How far a feeder may be from the median, in millionths of it, before it does not count.
    pub spread: u32,
    /// How far the median may be from the average, in millionths of it.
    pub deviation: u32,
    /// What the average is over, in milliseconds.
    pub window_ms: u64,
    /// How much of the window must have been observed, in millionths.
    pub covered: u32,
}

impl Default for Limits {
    /// Three feeders of the last ten minutes within 5 % of each other, within 20 % of an average of 24 hours of which
    /// half was observed.
    fn default() -> Self {
        Self {
            max_age_ms: 600_000,
            feeders: 3,
            spread: 50_000,
            deviation: 200_000,
            window_ms: 86_400_000,
            covered: 500_000,
        }
    }
}

/// What a feeder last saw. The caller keeps one per feeder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Observation {
    /// USD per token.
    pub price: Dec,
    /// Milliseconds since 1970, header time.
    pub at_ms: u64,
}

/// A price that held from a time on until the next one.
pub type Point = Observation;

/// A price that may be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Checked {
    /// The median of the feeders that count, of an even number the mean of the two in the middle, rounded down.
    pub median: Dec,
    /// The time-weighted average of the window, rounded down.
    pub average: Dec,
    /// Feeders that counted.
    pub feeders: u32,
}

/// Why there is no price.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Trouble {
    /// Too few feeders saw anything lately.
    #[error("only {fresh} feeders have a fresh price, {wanted} are needed: wait, or start more feeders")]
    Stale {
        /// Feeders with a fresh observation.
        fresh: u32,
        /// How many are needed.
        wanted: u32,
    },
    /// The feeders do not agree.
    #[error("only {agreeing} feeders agree on a price, {wanted} are needed: compare their sources")]
    Disputed {
        /// Feeders near the median.
        agreeing: u32,
        /// How many are needed.
        wanted: u32,
    },
    /// Too little of the window was observed.
    #[error("prices of {covered_ms} ms are known, {wanted_ms} ms are needed for an average: wait")]
    ShortHistory {
        /// Milliseconds that were observed.
        covered_ms: u64,
        /// How many are needed.
        wanted_ms: u64,
    },
    /// The price jumped.
    #[error("the price {median} is too far from its average {average}: wait until one follows the other")]
    Deviates {
        /// What the feeders say.
        median: Dec,
        /// What the average says.
        average: Dec,
    },
    /// A price of zero, or prices that cannot be counted.
    #[error("the prices are zero or too large to be counted: look at the feeders")]
    Unusable,
}

/// The median of `prices`: of an even number the mean of the two in the middle, rounded down to 18 places. `None` without
/// prices.
pub fn median(prices: &[Dec]) -> Option<Dec> {
    let mut sorted: Vec<u128> = prices.iter().map(|price| price.atoms()).collect();
    sorted.sort_unstable();
    let upper = *sorted.get(sorted.len() / 2)?;
    let lower = *sorted.get(sorted.len().checked_sub(1)? / 2)?;
    Some(Dec::from_atoms(lower + (upper - lower) / 2))
}

/// The average of the points over the `window_ms` before `now_ms`, weighted by how long each price held, rounded down,
/// with the milliseconds that it covers. Points are in order of time; what lies before the first is not covered. `None`
/// when nothing is covered, points are out of order, or the sum needs more than 128 bits.
pub fn average(points: &[Point], now_ms: u64, window_ms: u64) -> Option<(Dec, u64)> {
    let begin = now_ms.saturating_sub(window_ms);
    let ends = points.iter().skip(1).map(|point| point.at_ms).chain([now_ms]);
    let (mut sum, mut covered) = (0u128, 0u64);
    for (point, end) in points.iter().zip(ends) {
        if point.at_ms > end {
            return None;
        }
        let held = end.min(now_ms).saturating_sub(point.at_ms.max(begin));
        sum = point.price.atoms().checked_mul(u128::from(held)).and_then(|part| sum.checked_add(part))?;
        covered += held;
    }
    let average = sum.checked_div(u128::from(covered))?;
    Some((Dec::from_atoms(average), covered))
}

/// Whether `price` is within `limit` millionths of `of`, from either side, exactly.
fn near(price: Dec, of: Dec, limit: u32) -> bool {
    let apart = price.atoms().abs_diff(of.atoms());
    mul_div_ceil(apart, PPM, of.atoms()).is_some_and(|ratio| ratio <= u128::from(limit))
}

/// The price at `now_ms` from each feeder's last observation and the points of the past.
///
/// # Errors
/// The reason why there is none: the first of too few fresh observations, too few that agree, too short a history, a jump.
pub fn check(limits: &Limits, feeders: &[Observation], points: &[Point], now_ms: u64) -> Result<Checked, Trouble> {
    let wanted = limits.feeders.max(1);
    // An observation from the future is as wrong as one that is too old.
    let age = |seen: &&Observation| now_ms.checked_sub(seen.at_ms).is_some_and(|age| age <= limits.max_age_ms);
    let fresh: Vec<Dec> = feeders.iter().filter(age).map(|seen| seen.price).collect();
    let count = |prices: &[Dec]| u32::try_from(prices.len()).unwrap_or(u32::MAX);
    let centre = median(&fresh).filter(|_| count(&fresh) >= wanted);
    let centre = centre.ok_or(Trouble::Stale { fresh: count(&fresh), wanted })?;
    let agreeing: Vec<Dec> = fresh.iter().copied().filter(|price| near(*price, centre, limits.spread)).collect();
    // More than half of the fresh ones, or a minority could be all that is left.
    let majority = count(&fresh) / 2 + 1;
    let wanted = wanted.max(majority);
    if count(&agreeing) < wanted && !centre.is_zero() {
        return Err(Trouble::Disputed { agreeing: count(&agreeing), wanted });
    }
    let median = median(&agreeing).filter(|median| !median.is_zero()).ok_or(Trouble::Unusable)?;
    let needed = mul_div_floor(u128::from(limits.window_ms), u128::from(limits.covered), PPM).unwrap_or(0);
    let wanted_ms = u64::try_from(needed).unwrap_or(u64::MAX).max(1);
    if points.is_empty() {
        return Err(Trouble::ShortHistory { covered_ms: 0, wanted_ms });
    }
    let short = points.first().is_none_or(|point| point.at_ms >= now_ms);
    let (average, covered_ms) = match average(points, now_ms, limits.window_ms) {
        Some(known) => known,
        None if short => return Err(Trouble::ShortHistory { covered_ms: 0, wanted_ms }),
        None => return Err(Trouble::Unusable),
    };
    if covered_ms < wanted_ms {
        return Err(Trouble::ShortHistory { covered_ms, wanted_ms });
    }
    if average.is_zero() {
        return Err(Trouble::Unusable);
    }
    if !near(median, average, limits.deviation) {
        return Err(Trouble::Deviates { median, average });
    }
    Ok(Checked { median, average, feeders: count(&agreeing) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const NOW: u64 = 1_800_000_000_000;
    const DAY: u64 = 86_400_000;

    fn dec(text: &str) -> Dec {
        text.parse().unwrap()
    }

    fn seen(price: &str, ago_ms: u64) -> Observation {
        Observation { price: dec(price), at_ms: NOW - ago_ms }
    }

    fn checked(feeders: &[Observation], points: &[Point]) -> Result<Checked, Trouble> {
        check(&Limits::default(), feeders, points, NOW)
    }

    #[test]
    fn a_price_that_all_agree_on() {
        let feeders = [seen("4.00", 0), seen("4.10", 1_000), seen("4.04", 600_000), seen("9", 600_001)];
        let past = [seen("3", 3 * DAY), seen("4", DAY / 2)];
        let price = checked(&feeders, &past).unwrap();
        assert_eq!(price, Checked { median: dec("4.04"), average: dec("3.5"), feeders: 3 });
    }

    #[test]
    fn each_trouble_has_its_name() {
        let good = [seen("4", 0), seen("4", 0), seen("4", 0)];
        let past = [seen("4", DAY)];
        assert_eq!(checked(&good[..2], &past), Err(Trouble::Stale { fresh: 2, wanted: 3 }));
        let future = Observation { at_ms: NOW + 1, ..good[0] };
        assert_eq!(checked(&[good[0], good[1], future], &past), Err(Trouble::Stale { fresh: 2, wanted: 3 }));
        let torn = [seen("4", 0), seen("4", 0), seen("5", 0)];
        assert_eq!(checked(&torn, &past), Err(Trouble::Disputed { agreeing: 2, wanted: 3 }));
        let two_camps = [seen("4", 0), seen("4", 0), seen("4", 0), seen("5", 0), seen("5", 0), seen("5", 0)];
        assert_eq!(checked(&two_camps, &past), Err(Trouble::Disputed { agreeing: 0, wanted: 4 }));
        let half = DAY / 2;
        assert_eq!(checked(&good, &[]), Err(Trouble::ShortHistory { covered_ms: 0, wanted_ms: half }));
        assert_eq!(checked(&good, &[seen("4", 0)]), Err(Trouble::ShortHistory { covered_ms: 0, wanted_ms: half }));
        assert_eq!(
            checked(&good, &[seen("4", half - 1)]),
            Err(Trouble::ShortHistory { covered_ms: half - 1, wanted_ms: half })
        );
        let jump = Trouble::Deviates { median: dec("4"), average: dec("3.3") };
        assert_eq!(checked(&good, &[seen("3.3", DAY)]), Err(jump));
        let nothing = [seen("0", 0), seen("0", 0), seen("0", 0)];
        assert_eq!(checked(&nothing, &past), Err(Trouble::Unusable));
        assert_eq!(checked(&good, &[seen("4", 5), seen("4", DAY)]), Err(Trouble::Unusable));
        assert_eq!(checked(&good, &[seen("0", DAY)]), Err(Trouble::Unusable));
    }

    #[test]
    fn one_liar_of_five_moves_nothing() {
        let honest = [seen("4", 0), seen("4", 0), seen("4", 0), seen("4", 0)];
        for lie in ["0", "1000000", "3.9"] {
            let feeders = [honest[0], honest[1], honest[2], honest[3], seen(lie, 0)];
            assert_eq!(checked(&feeders, &[seen("4", DAY)]).unwrap().median, dec("4"));
        }
    }

    proptest! {
        #[test]
        fn a_minority_cannot_leave_the_honest_range(
            honest in proptest::collection::vec(1u128..1 << 90, 1..8), lies in proptest::collection::vec(any::<u128>(), 0..7),
        ) {
            let lies = lies.into_iter().take(honest.len() - 1);
            let (low, high) = (*honest.iter().min().unwrap(), *honest.iter().max().unwrap());
            let all: Vec<Dec> = honest.into_iter().chain(lies).map(Dec::from_atoms).collect();
            let median = median(&all).unwrap().atoms();
            prop_assert!((low..=high).contains(&median));
        }

        #[test]
        fn the_average_is_that_of_the_milliseconds(
            prices in proptest::collection::vec((1u128..1_000, 0u64..50), 1..8), window in 1u64..200, tail in 0u64..50,
        ) {
            let mut at = 1_000;
            let mut points = Vec::new();
            for (price, gap) in prices {
                points.push(Point { price: Dec::from_atoms(price), at_ms: at });
                at += gap;
            }
            let now = at + tail;
            let price_at = |ms: u64| points.iter().rev().find(|point| point.at_ms <= ms).map(|point| point.price.atoms());
            let each: Vec<u128> = (now - window..now).filter_map(price_at).collect();
            let wanted = each.iter().sum::<u128>().checked_div(each.len() as u128);
            prop_assert_eq!(average(&points, now, window), wanted.map(|mean| (Dec::from_atoms(mean), each.len() as u64)));
        }
    }
}
