//! How much evidence speaks for a node or a creator.
//!
//! Evidence is counted for and against, by kind: an automated verdict counts 1, a human approval or rejection 0.25, a
//! timeout 0.5 (A2.3). It is forgotten exponentially: after a half-life it counts half. The score is the lower bound of
//! Wilson's interval, so that little evidence never looks like a good record:
//!
//! ```text
//! (s + z²/2 - z √(s f / n + z²/4)) / (n + z²),   n = s + f,   z = 1.96
//! ```
//!
//! Counts are millionths, rounded down when they are forgotten; the root is rounded up and the score down, so that it is
//! low rather than high, by less than 10^-5. The expectation of the Beta distribution that stands behind it, with one
//! count of doubt on either side, is [`Record::expectation`].

use primitives::math::{mul_div_ceil, mul_div_floor};

use super::PPM;
use super::fixed::{halved, sqrt_ceil};

/// z² of the 95 % interval, in millionths.
const Z2: u128 = 3_841_459;
/// A count above this is as good as this; it keeps products within 128 bits.
const MOST: u64 = 1 << 50;

/// Where evidence comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Evidence {
    /// An automated verdict on hashes or tiles.
    Audit,
    /// Someone's approval or rejection.
    Human,
    /// Work that came in time or did not.
    Time,
}

impl Evidence {
    /// How much one counts, in millionths.
    pub const fn weight(self) -> u64 {
        match self {
            Self::Audit => 1_000_000,
            Self::Human => 250_000,
            Self::Time => 500_000,
        }
    }
}

/// The evidence about someone, as it counts at a time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Record {
    /// Evidence for, in millionths of a verdict.
    pub good: u64,
    /// Evidence against.
    pub bad: u64,
    /// The time of the last change, in any unit that only grows: epochs, blocks, milliseconds.
    pub at: u64,
}

impl Record {
    /// The record as it counts at a later time, when evidence of `half_life` ago counts half. A time before the record's
    /// own changes nothing. Without a half-life all is forgotten at once.
    pub fn at(self, now: u64, half_life: u64) -> Self {
        let Some(passed) = now.checked_sub(self.at).filter(|passed| *passed > 0) else { return self };
        let kept = halved(passed, half_life);
        let fade = |count: u64| kept.of(u128::from(count)).and_then(|left| u64::try_from(left).ok()).unwrap_or(0);
        Self { good: fade(self.good), bad: fade(self.bad), at: now }
    }

    /// The record with one more piece of evidence, of a time at or after its own.
    pub fn with(self, evidence: Evidence, good: bool, now: u64, half_life: u64) -> Self {
        let mut record = self.at(now, half_life);
        let side = if good { &mut record.good } else { &mut record.bad };
        *side = side.saturating_add(evidence.weight()).min(MOST);
        record
    }

    /// The score: Wilson's lower bound in millionths, rounded down. Zero without evidence.
    pub fn score(&self) -> u32 {
        let (good, bad) = (u128::from(self.good.min(MOST)), u128::from(self.bad.min(MOST)));
        let count = good + bad;
        if good == 0 {
            return 0;
        }
        let spread = mul_div_ceil(good, bad, count).unwrap_or(0);
        // In millionths squared below the root: z² × (s f / n + z² / 4).
        let root = sqrt_ceil(Z2 * (spread + Z2.div_ceil(4)));
        let above = (good + Z2 / 2).saturating_sub(root);
        mul_div_floor(above, PPM, count + Z2).and_then(|score| u32::try_from(score).ok()).unwrap_or(0)
    }

    /// α / (α + β) with α = 1 + good and β = 1 + bad, in millionths, rounded down: what is expected of the next piece of
    /// evidence. A half without any.
    pub fn expectation(&self) -> u32 {
        let (alpha, beta) = (PPM + u128::from(self.good), PPM + u128::from(self.bad));
        mul_div_floor(alpha, PPM, alpha + beta).and_then(|mean| u32::try_from(mean).ok()).unwrap_or(0)
    }
}

#[cfg(test)]
#[allow(clippy::float_arithmetic, reason = "floats are what the fixed-point numbers are compared with")]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const UNIT: u64 = 1_000_000;

    fn record(good: u64, bad: u64) -> Record {
        Record { good: good * UNIT, bad: bad * UNIT, at: 0 }
    }

    #[test]
    fn scores_of_known_records() {
        // Wilson's bound at 95 %: 10 of 10 is 0.7225, 50 of 50 0.9287, 80 of 100 0.7112, 0 of 5 0.
        for (good, bad, wanted) in [(10, 0, 0.7225), (50, 0, 0.9287), (80, 20, 0.7112), (0, 5, 0.0), (0, 0, 0.0)] {
            let score = f64::from(record(good, bad).score()) / 1e6;
            assert!((score - wanted).abs() < 1e-4, "{good} {bad} {score}");
        }
        assert_eq!(record(0, 0).expectation(), 500_000);
        assert_eq!(record(8, 0).expectation(), 900_000);
    }

    #[test]
    fn kinds_of_evidence_have_their_weights() {
        let from = |evidence, good| Record::default().with(evidence, good, 0, 1);
        assert_eq!(from(Evidence::Audit, true).good, 1_000_000);
        assert_eq!(from(Evidence::Human, false).bad, 250_000);
        assert_eq!(from(Evidence::Time, false).bad, 500_000);
    }

    #[test]
    fn evidence_counts_half_after_a_half_life() {
        let faded = record(8, 4).at(30, 10);
        assert_eq!(faded, Record { good: UNIT, bad: UNIT / 2, at: 30 });
        assert_eq!(record(8, 4).at(0, 10), record(8, 4));
        assert_eq!(record(8, 4).at(1, 0), Record { good: 0, bad: 0, at: 1 });
        assert_eq!(Record { at: 9, ..record(1, 1) }.at(3, 10).at, 9);
    }

    #[test]
    fn counts_do_not_overflow() {
        let full = Record { good: u64::MAX, bad: u64::MAX, at: 0 };
        assert_eq!(full.with(Evidence::Audit, true, 0, 1).good, MOST);
        assert!(full.score() < 500_001);
        assert_eq!(full.expectation(), 500_000);
    }

    proptest! {
        #[test]
        fn scores_are_those_of_floats(good in 0u64..1 << 40, bad in 0u64..1 << 40) {
            let (s, f, z2) = (good as f64 / 1e6, bad as f64 / 1e6, Z2 as f64 / 1e6);
            let n = s + f;
            let spread = if n > 0.0 { s * f / n } else { 0.0 };
            let wanted = if good == 0 { 0.0 } else { (s + z2 / 2.0 - (z2 * (spread + z2 / 4.0)).sqrt()) / (n + z2) };
            let got = f64::from(Record { good, bad, at: 0 }.score()) / 1e6;
            prop_assert!(got <= wanted + 1e-9 && wanted - got < 1e-5, "{} {}", got, wanted);
        }

        #[test]
        fn good_evidence_raises_and_bad_lowers(good in 0u64..1 << 45, bad in 0u64..1 << 45) {
            let record = Record { good, bad, at: 0 };
            // Roundings may hide a change of less than 10^-5.
            prop_assert!(record.with(Evidence::Audit, true, 0, 1).score() + 10 >= record.score());
            prop_assert!(record.with(Evidence::Audit, false, 0, 1).score() <= record.score() + 10);
            prop_assert!(record.score() <= record.expectation());
        }

        #[test]
        fn forgetting_in_steps_loses_little(good in 0u64..1 << 45, steps in proptest::collection::vec(0u64..100, 1..8)) {
            let start = Record { good, bad: 0, at: 0 };
            let mut now = 0;
            let mut stepped = start;
            for step in steps {
                now += step;
                stepped = stepped.at(now, 50);
            }
            let once = start.at(now, 50);
            prop_assert!(once.good.abs_diff(stepped.good) <= 9);
            prop_assert!(stepped.good <= good);
        }
    }
}
