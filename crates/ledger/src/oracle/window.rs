//! Median and time-weighted average: pure functions of what feeders said and when.
//!
//! When a price is good is [`pricing::render::oracle`]'s rule; what is added here is a past of bounded size. The median
//! is a step function of time: it changes when somebody posts, when a word grows old, and ends when fewer than the quorum
//! are fresh or agree. The average is the integral of it over the window, divided by the time in which there was
//! one. The integral is kept in [`BUCKETS`] buckets of equal length and the running one; of the oldest bucket only the
//! part counts that still lies in the window, as if its median had been the same all through.

use pricing::render::oracle::{self, Limits, Observation, Trouble};
use primitives::Dec;
use primitives::math::mul_div_floor;

/// How many buckets a window is cut into.
pub const BUCKETS: u64 = 24;

/// A feeder's last word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Word {
    /// Millionths.
    pub micros: u64,
    /// When it was posted, milliseconds since 1970.
    pub posted_ms: u64,
}

/// When a price is good, as [`pricing::render::oracle`] has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rule(pub Limits);

/// Atoms of a [`Dec`] in a millionth.
const PER_MICRO: u128 = 1_000_000_000_000;

fn dec(micros: u64) -> Dec {
    Dec::from_atoms(u128::from(micros) * PER_MICRO)
}

/// Millionths of a price, rounded down.
fn micros(price: Dec) -> u64 {
    u64::try_from(price.atoms() / PER_MICRO).unwrap_or(u64::MAX)
}

fn observations(words: &[Word]) -> Vec<Observation> {
    words.iter().map(|word| Observation { price: dec(word.micros), at_ms: word.posted_ms }).collect()
}

impl Rule {
    /// Whether a word counts at a time: from its post on, for the greatest age.
    pub fn is_fresh(&self, word: &Word, at_ms: u64) -> bool {
        word.posted_ms <= at_ms && at_ms - word.posted_ms <= self.0.max_age_ms
    }

    /// The median of the words that are fresh at a time and agree; `None` when fewer than the quorum are, or do.
    pub fn spot(&self, words: &[Word], at_ms: u64) -> Option<u64> {
        let fresh: Vec<Dec> =
            words.iter().filter(|word| self.is_fresh(word, at_ms)).map(|word| dec(word.micros)).collect();
        // A past that no agreeing median is far from: only the present is looked at.
        let past = Observation { price: oracle::median(&fresh)?, at_ms: at_ms.checked_sub(1)? };
        let present = Limits { deviation: u32::MAX, window_ms: 1, covered: 0, ..self.0 };
        oracle::check(&present, &observations(words), &[past], at_ms).ok().map(|found| micros(found.median))
    }

    /// The price at a time: the median and its average.
    ///
    /// # Errors
    /// The reason why there is none.
    pub fn check(&self, words: &[Word], average: &Average, at_ms: u64) -> Result<(u64, u64), Trouble> {
        let past = average
            .value(self)
            .map(|(price, covered_ms)| Observation { price: dec(price), at_ms: at_ms.saturating_sub(covered_ms) });
        let found = oracle::check(&self.0, &observations(words), past.as_slice(), at_ms)?;
        Ok((micros(found.median), micros(found.average)))
    }

    /// How long one bucket is: a share of the window, rounded up, at least a millisecond.
    pub fn bucket_ms(&self) -> u64 {
        self.0.window_ms.div_ceil(BUCKETS).max(1)
    }
}

/// The integral of the median over one stretch of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bucket {
    /// Its number: it covers `index × length` to `(index + 1) × length`, in milliseconds since 1970.
    pub index: u64,
    /// Milliseconds of it in which there was a median.
    pub weight_ms: u64,
    /// Sum of median × milliseconds.
    pub sum: u128,
}

/// The average of a pair, settled up to a time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Average {
    /// Up to when time was counted.
    pub settled_ms: u64,
    /// In order of time; at most [`BUCKETS`] and two.
    pub buckets: Vec<Bucket>,
}

impl Average {
    /// The average of a pair that was never posted before.
    pub fn begin(at_ms: u64) -> Self {
        Self { settled_ms: at_ms, buckets: Vec::new() }
    }

    /// Counts the time up to `now_ms`, in which `words` were the last ones. Time does not run backwards: an earlier
    /// `now_ms` changes nothing.
    pub fn settle(&mut self, rule: &Rule, words: &[Word], now_ms: u64) {
        if now_ms <= self.settled_ms {
            return;
        }
        let mut turns: Vec<u64> =
            words.iter().map(|word| word.posted_ms.saturating_add(rule.0.max_age_ms).saturating_add(1)).collect();
        turns.retain(|turn| (self.settled_ms..now_ms).contains(turn));
        turns.push(now_ms);
        turns.sort_unstable();
        let mut from = self.settled_ms;
        for turn in turns {
            if let Some(price) = rule.spot(words, from) {
                self.add(rule.bucket_ms(), price, from, turn);
            }
            from = turn;
        }
        self.settled_ms = now_ms;
        let oldest = now_ms.saturating_sub(rule.0.window_ms) / rule.bucket_ms();
        self.buckets.retain(|bucket| bucket.index >= oldest);
    }

    fn add(&mut self, length: u64, price: u64, mut from: u64, to: u64) {
        while from < to {
            let index = from / length;
            let end = index.saturating_add(1).saturating_mul(length).min(to);
            let span = end - from;
            let more = u128::from(price) * u128::from(span);
            match self.buckets.last_mut() {
                Some(last) if last.index == index => {
                    last.weight_ms = last.weight_ms.saturating_add(span);
                    last.sum = last.sum.saturating_add(more);
                }
                _ => self.buckets.push(Bucket { index, weight_ms: span, sum: more }),
            }
            from = end;
        }
    }

    /// The average over the window that ends at the settled time, rounded down, with the milliseconds that it covers;
    /// `None` when there was no median in it.
    pub fn value(&self, rule: &Rule) -> Option<(u64, u64)> {
        let length = rule.bucket_ms();
        let begin = self.settled_ms.saturating_sub(rule.0.window_ms);
        let (mut weight, mut sum) = (0u128, 0u128);
        for bucket in &self.buckets {
            let end = bucket.index.saturating_add(1).saturating_mul(length);
            let inside = end.saturating_sub(begin).min(length);
            weight = weight.checked_add(mul_div_floor(bucket.weight_ms.into(), inside.into(), length.into())?)?;
            sum = sum.checked_add(mul_div_floor(bucket.sum, inside.into(), length.into())?)?;
        }
        Some((u64::try_from(sum.checked_div(weight)?).ok()?, u64::try_from(weight).ok()?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const RULE: Rule = rule(2, 999, 24_000);

    const fn rule(feeders: u32, max_age_ms: u64, window_ms: u64) -> Rule {
        Rule(Limits { max_age_ms, feeders, spread: 1_000_000, deviation: 200_000, window_ms, covered: 500_000 })
    }

    fn word(micros: u64, posted_ms: u64) -> Word {
        Word { micros, posted_ms }
    }

    #[test]
    fn a_word_is_fresh_for_its_time_and_a_quorum_is_needed() {
        let words = [word(10, 0), word(20, 500)];
        assert_eq!(RULE.spot(&words, 499), None);
        assert_eq!(RULE.spot(&words, 500), Some(15));
        assert_eq!(RULE.spot(&words, 999), Some(15));
        assert_eq!(RULE.spot(&words, 1_000), None);
    }

    #[test]
    fn time_without_a_median_does_not_count() {
        let mut average = Average::begin(500);
        // 15 for half a second, then silence.
        average.settle(&RULE, &[word(10, 0), word(20, 500)], 20_000);
        assert_eq!(average.buckets, [Bucket { index: 0, weight_ms: 500, sum: 7_500 }]);
        assert_eq!(average.value(&RULE), Some((15, 500)));
        average.settle(&RULE, &[], 60_000);
        assert_eq!((average.buckets.len(), average.value(&RULE)), (0, None));
    }

    #[test]
    fn a_short_spike_hardly_moves_the_average() {
        let rule = rule(1, 86_400_000, 86_400_000);
        let mut average = Average::begin(0);
        average.buckets.push(Bucket { index: 0, weight_ms: 1, sum: 1_000_000 });
        average.settled_ms = 1;
        average.settle(&rule, &[word(1_000_000, 0)], 86_400_000);
        // Ten minutes at a hundred times the price: (23 h 50 min × 1 + 10 min × 100) / 24 h.
        average.settle(&rule, &[word(100_000_000, 86_400_000)], 87_000_000);
        assert_eq!(average.value(&rule), Some((1_687_500, 86_400_000)));
    }

    proptest! {
        /// Against one millisecond after the other, while everything still lies in the window.
        #[test]
        fn the_integral_is_exact(
            posts in proptest::collection::vec((0usize..4, 1u64..1_000, 1u64..90), 1..12), quorum in 1u32..4,
        ) {
            let rule = rule(quorum, 70, 2_400);
            let mut words: Vec<Option<Word>> = vec![None; 4];
            let mut average = Average::begin(1);
            let (mut now, mut weight, mut sum) = (1, 0u64, 0u128);
            for (feeder, micros, wait) in posts {
                words[feeder] = Some(word(micros, now));
                let known: Vec<Word> = words.iter().flatten().copied().collect();
                for at in now..now + wait {
                    if let Some(price) = rule.spot(&known, at) {
                        (weight, sum) = (weight + 1, sum + u128::from(price));
                    }
                }
                now += wait;
                average.settle(&rule, &known, now);
            }
            prop_assert_eq!(average.buckets.iter().map(|b| b.weight_ms).sum::<u64>(), weight);
            prop_assert_eq!(average.buckets.iter().map(|b| b.sum).sum::<u128>(), sum);
            let wanted = sum.checked_div(u128::from(weight)).map(|value| (u64::try_from(value).unwrap(), weight));
            prop_assert_eq!(average.value(&rule), wanted);
        }

        /// Settling in between changes nothing, the state stays bounded, and the average lies among the prices.
        #[test]
        fn settling_often_changes_nothing(
            posts in proptest::collection::vec((1u64..1_000_000, 1u64..40_000), 1..40), cut in 1u64..5_000,
        ) {
            let rule = rule(1, 20_000, 100_000);
            let (mut once, mut often) = (Average::begin(1), Average::begin(1));
            let (mut now, mut low, mut high) = (1, u64::MAX, 0);
            for (micros, wait) in posts {
                let words = [word(micros, now)];
                (low, high) = (low.min(micros), high.max(micros));
                once.settle(&rule, &words, now + wait);
                let mut at = now;
                while at < now + wait {
                    at = (at + cut).min(now + wait);
                    often.settle(&rule, &words, at);
                }
                now += wait;
                prop_assert_eq!(&once, &often);
                prop_assert!(once.buckets.len() <= usize::try_from(BUCKETS).unwrap() + 2);
                if let Some((value, covered)) = once.value(&rule) {
                    prop_assert!(covered <= 100_000);
                    // Rounding of the oldest bucket's part may move it by one.
                    prop_assert!((low.saturating_sub(1)..=high + high / 100 + 1).contains(&value), "{}", value);
                }
            }
        }
    }
}
