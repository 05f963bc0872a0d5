//! What an audit of tiles proves, how likely it finds a cheat, and what stake that asks for.
//!
//! The verdict is C2's, on numbers that were counted elsewhere. Renders of one class (engine build, instruction set, kind
//! of device) are bit-exact, so that any difference is a cheat. Between classes that were measured against each other, two
//! statistics decide; the share of differing 8-bit values is the sharper one. Between classes that nobody measured,
//! equality proves honesty, and a difference proves nothing: an auditor of the same class must look, and nobody is
//! slashed. The limits are starting values, measured on one scene and one CPU.

use primitives::Dec;
use primitives::math::mul_div_ceil;

use super::PPM;

/// How two devices relate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Classes {
    /// One class: their renders are bit-exact.
    Same,
    /// Two classes whose honest differences are known to lie below the limits.
    Measured,
    /// Two classes that nobody measured against each other.
    Unmeasured,
}

/// What was counted over the audited tiles of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counts {
    /// Whether the hashes of the floating-point pixels are equal.
    pub identical: bool,
    /// 8-bit values that were compared.
    pub values: u64,
    /// How many of them differ.
    pub differing: u64,
    /// The sum of squared differences of the floating-point values.
    pub squared_error: u128,
    /// The sum of squares of the auditor's values, in the same unit.
    pub squared_reference: u128,
}

/// Between which limits an audit of two measured classes decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The greatest share of differing 8-bit values that is accepted, in millionths.
    pub accept: u32,
    /// The greatest relative root-mean-square error that is accepted, in millionths.
    pub error: u32,
    /// Above which share of differing values the frame is rejected, in millionths.
    pub reject: u32,
}

impl Default for Limits {
    /// 0.5 % and 1.5 × 10^-3 accept, above 5 % rejects.
    fn default() -> Self {
        Self { accept: 5_000, error: 1_500, reject: 50_000 }
    }
}

/// What follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The frame is what was ordered, as far as the audited tiles show.
    Accept,
    /// It is not: the node loses its stake for it.
    Reject,
    /// Neither can be said: a third render decides.
    ThirdOpinion,
    /// Only an auditor of the node's class can say; nobody is slashed for this audit.
    SameClassAuditor,
}

/// Judges a frame.
pub fn verdict(limits: &Limits, classes: Classes, counts: &Counts) -> Verdict {
    match (classes, counts.identical) {
        (_, true) => Verdict::Accept,
        (Classes::Same, false) => Verdict::Reject,
        (Classes::Unmeasured, false) => Verdict::SameClassAuditor,
        (Classes::Measured, false) => tolerant(limits, counts),
    }
}

fn tolerant(limits: &Limits, counts: &Counts) -> Verdict {
    // No share of nothing: tiles of which no value was compared prove nothing.
    let within = |limit: u32| {
        let allowed = u128::from(counts.values).saturating_mul(u128::from(limit));
        counts.values > 0 && u128::from(counts.differing).saturating_mul(PPM) <= allowed
    };
    if counts.values > 0 && !within(limits.reject) {
        return Verdict::Reject;
    }
    if within(limits.accept) && error_within(limits.error, counts) { Verdict::Accept } else { Verdict::ThirdOpinion }
}

/// Whether sqrt(error / reference) is at most `limit` millionths, exactly.
fn error_within(limit: u32, counts: &Counts) -> bool {
    if counts.squared_error == 0 {
        return true;
    }
    let limit = u128::from(limit);
    // A quotient that does not fit is above any limit.
    mul_div_ceil(counts.squared_error, PPM * PPM, counts.squared_reference).is_some_and(|ratio| ratio <= limit * limit)
}

/// The probability that at least one of `sampled` tiles, drawn without repetition from `tiles`, is one of the `bad` ones:
/// 1 - C(tiles - bad, sampled) / C(tiles, sampled). Rounded down, by at most 10^-18 a sampled tile, so that it never
/// promises too much. Numbers above `tiles` count as `tiles`.
pub fn detection(tiles: u32, bad: u32, sampled: u32) -> Dec {
    let (bad, sampled) = (bad.min(tiles), sampled.min(tiles));
    // Symmetric in the two, so that the loop goes over the smaller.
    let (marked, draws) = (u128::from(bad.max(sampled)), u128::from(bad.min(sampled)));
    if draws > 0 && marked + draws > u128::from(tiles) {
        return Dec::ONE;
    }
    let mut missed = Dec::ONE.atoms();
    for drawn in 0..draws {
        let left = u128::from(tiles) - drawn;
        let next = mul_div_ceil(missed, left - marked, left).unwrap_or(missed);
        // Rounding up stops it there, after at most some 420,000 rounds with the most tiles there are.
        if next == missed {
            break;
        }
        missed = next;
    }
    Dec::ONE.saturating_sub(Dec::from_atoms(missed))
}

/// The probability of being caught at least once in `frames` frames that are each caught with probability `each`,
/// independently: 1 - (1 - each)^frames, rounded down, by at most 2 × 10^-18 for each frame.
pub fn over_frames(each: Dec, mut frames: u32) -> Dec {
    let times = |a: u128, b: u128| mul_div_ceil(a, b, Dec::ONE.atoms()).unwrap_or(Dec::ONE.atoms());
    let mut base = Dec::ONE.saturating_sub(each).atoms();
    let mut missed = Dec::ONE.atoms();
    while frames > 0 {
        if frames & 1 == 1 {
            missed = times(missed, base);
        }
        base = times(base, base);
        frames >>= 1;
    }
    Dec::ONE.saturating_sub(Dec::from_atoms(missed))
}

/// Whether cheating does not pay: gain < p / (1 - p) × stake, for a cheat that is found with probability `p` and then
/// loses the stake (B4.2). Exact. With certainty of being found, any stake will do.
pub fn deterred(gain: u128, p: Dec, stake: u128) -> bool {
    // gain × (1 - p) < p × stake, and p at most one.
    let (found, missed) = (p.min(Dec::ONE).atoms(), Dec::ONE.saturating_sub(p).atoms());
    if missed == 0 {
        return stake > 0;
    }
    // gain < x exactly when gain < ceil(x); a bound that does not fit is above any gain.
    mul_div_ceil(found, stake, missed).is_none_or(|bound| gain < bound)
}

/// The least stake that deters a gain; `None` when the cheat is never found, or the stake needs more than 128 bits.
pub fn least_stake(gain: u128, p: Dec) -> Option<u128> {
    let (found, missed) = (p.min(Dec::ONE).atoms(), Dec::ONE.saturating_sub(p).atoms());
    primitives::math::mul_div_floor(gain, missed, found)?.checked_add(1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn counts(differing: u64, error: u128) -> Counts {
        let values = 1_000_000;
        Counts { identical: false, values, differing, squared_error: error, squared_reference: 10u128.pow(12) }
    }

    fn judged(classes: Classes, counts: Counts) -> Verdict {
        verdict(&Limits::default(), classes, &counts)
    }

    #[test]
    fn one_class_is_exact() {
        let same = Counts { identical: true, ..counts(0, 0) };
        for classes in [Classes::Same, Classes::Measured, Classes::Unmeasured] {
            assert_eq!(judged(classes, same), Verdict::Accept);
        }
        assert_eq!(judged(Classes::Same, counts(1, 1)), Verdict::Reject);
        assert_eq!(judged(Classes::Unmeasured, counts(999_999, 1)), Verdict::SameClassAuditor);
    }

    /// The rows of C2: share of 8-bit values in millionths, relative error in millionths.
    #[test]
    fn what_was_measured_is_judged_right() {
        for (row, share, error, wanted) in [
            ("AVX2 against none, 32 samples", 30, 430, Verdict::Accept),
            ("AVX2 against none, 128 samples", 80, 71, Verdict::Accept),
            ("31 of 32 samples", 315_000, 18_000, Verdict::Reject),
            ("24 of 32", 450_000, 43_000, Verdict::Reject),
            ("16 of 32", 490_000, 72_000, Verdict::Reject),
            ("31 in place of 32", 535_000, 98_000, Verdict::Reject),
            ("32 against 16", 533_000, 120_000, Verdict::Reject),
            ("128 against 32", 523_000, 73_000, Verdict::Reject),
            ("denoised", 521_000, 55_000, Verdict::Reject),
        ] {
            assert_eq!(judged(Classes::Measured, counts(share, error * error)), wanted, "{row}");
        }
    }

    #[test]
    fn the_limits_are_where_they_are_written() {
        let at = |differing, error: u128| judged(Classes::Measured, counts(differing, error));
        assert_eq!(at(5_000, 1_500 * 1_500), Verdict::Accept);
        assert_eq!(at(5_001, 0), Verdict::ThirdOpinion);
        assert_eq!(at(0, 1_500 * 1_500 + 1), Verdict::ThirdOpinion);
        assert_eq!(at(50_000, 0), Verdict::ThirdOpinion);
        assert_eq!(at(50_001, 0), Verdict::Reject);
        let nothing = Counts { values: 0, differing: 0, ..counts(0, 0) };
        assert_eq!(judged(Classes::Measured, nothing), Verdict::ThirdOpinion);
        let black = Counts { squared_reference: 0, ..counts(0, 1) };
        assert_eq!(judged(Classes::Measured, black), Verdict::ThirdOpinion);
    }

    #[test]
    fn detection_of_known_draws() {
        let p = |tiles, bad, sampled| detection(tiles, bad, sampled).atoms();
        // 1 - C(24, 1) / C(25, 1); 1 - (20 × 19) / (25 × 24).
        assert_eq!(p(25, 1, 1), 4 * 10u128.pow(16));
        assert_eq!(p(25, 5, 2), 366_666_666_666_666_666);
        assert_eq!(p(25, 25, 1), 10u128.pow(18));
        assert_eq!((p(25, 0, 9), p(25, 9, 0), p(0, 1, 1)), (0, 0, 0));
        assert_eq!(p(25, 20, 6), 10u128.pow(18));
        assert!(p(u32::MAX, 1 << 30, 1 << 30) >= 10u128.pow(18) - 4);
        assert!(p(u32::MAX, 400_000, 400_000) >= 10u128.pow(18) - 400_000);
        // A node that cheats in a hundred frames of which each is caught with 4 %.
        let found = over_frames(detection(25, 1, 1), 100);
        assert_eq!(format!("{found:.4}"), "0.9831");
        assert_eq!(over_frames(Dec::ONE, 1), Dec::ONE);
        assert_eq!(over_frames(Dec::ONE, 0), Dec::ZERO);
    }

    #[test]
    fn stakes_that_deter() {
        let p: Dec = "0.2".parse().unwrap();
        // gain < stake / 4.
        assert!(deterred(24, p, 100) && !deterred(25, p, 100));
        assert_eq!(least_stake(25, p), Some(101));
        assert!(deterred(u128::MAX, Dec::ONE, 1) && !deterred(0, Dec::ONE, 0));
        assert!(!deterred(0, Dec::ZERO, u128::MAX));
        assert_eq!((least_stake(1, Dec::ZERO), least_stake(u128::MAX, Dec::ONE)), (None, Some(1)));
    }

    /// C(n, k), exactly.
    fn choose(n: u128, k: u128) -> u128 {
        (0..k).fold(1, |product, i| product * (n - i) / (i + 1))
    }

    proptest! {
        #[test]
        fn detection_is_the_hypergeometric_one(tiles in 1u32..60, bad in 0u32..60, sampled in 0u32..60) {
            let (bad, sampled) = (bad.min(tiles), sampled.min(tiles));
            let (n, b, s) = (u128::from(tiles), u128::from(bad), u128::from(sampled));
            let missed = if b + s > n { 0 } else { choose(n - b, s) };
            let exact = Dec::from_ratio(choose(n, s) - missed, choose(n, s)).unwrap();
            let got = detection(tiles, bad, sampled);
            prop_assert!(got <= exact && exact.atoms() - got.atoms() <= s + 1, "{} {}", got, exact);
        }

        #[test]
        fn more_samples_find_more(tiles in 1u32..5_000, bad in 0u32..5_000, sampled in 0u32..300) {
            prop_assert!(detection(tiles, bad, sampled + 1).atoms() + 400 >= detection(tiles, bad, sampled).atoms());
        }

        #[test]
        fn the_least_stake_is_least(gain in 0u128..1 << 100, p in 1u128..10u128.pow(18)) {
            let p = Dec::from_atoms(p);
            if let Some(stake) = least_stake(gain, p) {
                prop_assert!(deterred(gain, p, stake));
                prop_assert!(!deterred(gain, p, stake - 1));
            }
        }

        #[test]
        fn more_difference_is_never_judged_better(differing in 0u64..1_000_000, more in 0u64..1_000_000, error in 0u128..1 << 40) {
            let rank = |verdict| match verdict {
                Verdict::Accept => 0,
                Verdict::ThirdOpinion | Verdict::SameClassAuditor => 1,
                Verdict::Reject => 2,
            };
            let (low, high) = (differing.min(more), differing.max(more));
            for classes in [Classes::Same, Classes::Measured, Classes::Unmeasured] {
                prop_assert!(rank(judged(classes, counts(low, error))) <= rank(judged(classes, counts(high, error))));
            }
        }
    }
}
