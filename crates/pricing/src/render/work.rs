//! How much work a frame is: from the clocks of auditors, never from the word of the node that rendered it.
//!
//! An auditor renders tiles of a frame again, on its own device, whose rate (work units per hour) was benchmarked by the
//! network. Its [`Sample`] says how long all its tiles of the frame took, without loading the scene, and which share of
//! the frame they are. Then, in thousandths of a work unit, each division rounded down:
//!
//! 1. a sample's estimate is `rate × ms × 10^6 / (3,600,000 × area)`: what the whole frame would be on that device;
//! 2. a frame's own estimate is the median of its samples' estimates, one sample per auditor;
//! 3. the job's median is that of its frames' own estimates;
//! 4. a frame's work is its own estimate, held between the job's median divided and multiplied by a factor; a frame
//!    without samples has the job's median.
//!
//! Medians of an even number are the lower of the two in the middle: doubt is the payer's. Below a number of sampled
//! frames there is no median, and nothing can be billed yet. One auditor alone thus moves a frame at most by the factor,
//! and the job's median not beyond what honest frames say, as long as fewer than half of the sampled frames are in the
//! hands of liars. Tiles must be drawn at random: an estimate from the hardest corner of a frame is too high.

use primitives::math::mul_div_floor;
use thiserror::Error;

use super::PPM;

const HOUR_MS: u128 = 3_600_000;

/// What one auditor measured of one frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sample {
    /// The benchmarked rate of the auditor's device, in thousandths of a work unit per hour.
    pub rate: u64,
    /// How long its tiles took together, in milliseconds.
    pub ms: u64,
    /// Their share of the frame's area, in millionths; above zero, at most a million.
    pub area: u32,
}

/// How estimates are held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// The factor around the job's median, in millionths; at least a million.
    pub factor: u32,
    /// The least number of sampled frames that make a median; at least one.
    pub frames: u32,
}

impl Default for Bounds {
    /// A factor of four, three sampled frames.
    fn default() -> Self {
        Self { factor: 4_000_000, frames: 3 }
    }
}

/// Why work cannot be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum WorkError {
    /// A sample that measures nothing.
    #[error("a sample needs a benchmarked rate, and tiles of more than none and at most all of the frame's area")]
    NoMeasure,
    /// Too few frames were sampled.
    #[error("{sampled} frames of the job were sampled, {wanted} are needed to tell its work: wait for more audits")]
    TooFew {
        /// Frames with a sample.
        sampled: usize,
        /// How many are needed.
        wanted: usize,
    },
    /// More than can be counted.
    #[error("the work is too large to be counted")]
    TooLarge,
}

impl Sample {
    /// What the whole frame would be on the auditor's device, in thousandths of a work unit, rounded down.
    ///
    /// # Errors
    /// When the sample measures nothing or gives more than 128 bits.
    pub fn estimate(&self) -> Result<u128, WorkError> {
        if self.rate == 0 || self.area == 0 || u128::from(self.area) > PPM {
            return Err(WorkError::NoMeasure);
        }
        let product = u128::from(self.rate).checked_mul(u128::from(self.ms)).ok_or(WorkError::TooLarge)?;
        mul_div_floor(product, PPM, HOUR_MS * u128::from(self.area)).ok_or(WorkError::TooLarge)
    }
}

/// The lower median; `None` of nothing.
fn lower_median(mut values: Vec<u128>) -> Option<u128> {
    values.sort_unstable();
    values.get(values.len().checked_sub(1)? / 2).copied()
}

/// The work of each frame of a job, in thousandths of a work unit, from the samples of each frame. A frame's samples come
/// from different auditors, none of which rendered it; that is the caller's to see to.
///
/// # Errors
/// When a sample measures nothing, too few frames were sampled, or amounts need more than 128 bits.
pub fn of_frames(bounds: Bounds, frames: &[Vec<Sample>]) -> Result<Vec<u128>, WorkError> {
    let own = |samples: &Vec<Sample>| {
        let estimates: Result<Vec<u128>, WorkError> = samples.iter().map(Sample::estimate).collect();
        estimates.map(lower_median)
    };
    let own: Vec<Option<u128>> = frames.iter().map(own).collect::<Result<_, _>>()?;
    let sampled: Vec<u128> = own.iter().copied().flatten().collect();
    let wanted = usize::try_from(bounds.frames.max(1)).unwrap_or(usize::MAX);
    let too_few = WorkError::TooFew { sampled: sampled.len(), wanted };
    if sampled.len() < wanted {
        return Err(too_few);
    }
    let job = lower_median(sampled).ok_or(too_few)?;
    let factor = u128::from(bounds.factor).max(PPM);
    let most = mul_div_floor(job, factor, PPM).ok_or(WorkError::TooLarge)?;
    let least = mul_div_floor(job, PPM, factor).ok_or(WorkError::TooLarge)?;
    Ok(own.into_iter().map(|own| own.unwrap_or(job).clamp(least, most)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A device of `units` work units per hour.
    fn sample(units: u64, ms: u64, area: u32) -> Sample {
        Sample { rate: units * 1_000, ms, area }
    }

    #[test]
    fn an_hour_at_600_units_is_600_units() {
        assert_eq!(sample(600, 3_600_000, 1_000_000).estimate(), Ok(600_000));
        // A tile of 4 % in 2.7 s says 67.5 s for the frame: 11.25 units.
        assert_eq!(sample(600, 2_700, 40_000).estimate(), Ok(11_250));
        // A device twice as fast needs half the time.
        assert_eq!(sample(1_200, 1_350, 40_000).estimate(), Ok(11_250));
        for wrong in [sample(0, 1, 1), sample(1, 1, 0), sample(1, 1, 1_000_001)] {
            assert_eq!(wrong.estimate(), Err(WorkError::NoMeasure));
        }
        // (2^64 - 1)^2 × 10^6 / 3,600,000: the largest estimate there is.
        let largest = mul_div_floor(u128::from(u64::MAX) * u128::from(u64::MAX), 10, 36).unwrap();
        assert_eq!(Sample { rate: u64::MAX, ms: u64::MAX, area: 1 }.estimate(), Ok(largest));
    }

    #[test]
    fn frames_without_samples_have_the_jobs_median() {
        let frame = |ms| vec![sample(600, ms, 40_000)];
        let frames = [frame(2_400), vec![], frame(2_700), frame(3_000), vec![]];
        assert_eq!(of_frames(Bounds::default(), &frames), Ok(vec![10_000, 11_250, 11_250, 12_500, 11_250]));
        // Of an even number the lower of the two in the middle.
        let even = [frame(2_400), frame(2_700), frame(3_000), frame(3_300), vec![]];
        assert_eq!(of_frames(Bounds::default(), &even).unwrap()[4], 11_250);
        assert_eq!(of_frames(Bounds::default(), &frames[..3]), Err(WorkError::TooFew { sampled: 2, wanted: 3 }));
    }

    #[test]
    fn a_liar_moves_its_frame_by_the_factor_at_most() {
        let frame = |ms| vec![sample(600, ms, 40_000)];
        let frames = [frame(2_700), frame(2_700), frame(1_000_000_000), frame(1), frame(2_700)];
        assert_eq!(of_frames(Bounds::default(), &frames), Ok(vec![11_250, 11_250, 45_000, 2_812, 11_250]));
        // Two honest auditors of the same frame outvote it.
        let three = vec![sample(600, 2_700, 40_000), sample(600, 1_000_000_000, 40_000), sample(1_200, 1_400, 40_000)];
        let frames = [frame(2_700), three, frame(2_700)];
        assert_eq!(of_frames(Bounds::default(), &frames).unwrap()[1], 11_666);
    }

    proptest! {
        #[test]
        fn a_minority_of_liars_stays_in_the_honest_range(
            honest in proptest::collection::vec(1_000u64..100_000, 3..10),
            lies in proptest::collection::vec(any::<u64>(), 0..9), factor in 1_000_000u32..10_000_000,
        ) {
            let lies: Vec<u64> = lies.into_iter().take(honest.len() - 1).collect();
            let frames: Vec<Vec<Sample>> = honest.iter().chain(&lies).map(|ms| vec![sample(600, *ms, 40_000)]).collect();
            let bounds = Bounds { factor, frames: 3 };
            let works = of_frames(bounds, &frames).unwrap();
            let estimate = |ms: &u64| sample(600, *ms, 40_000).estimate().unwrap();
            let (low, high) = (honest.iter().map(estimate).min().unwrap(), honest.iter().map(estimate).max().unwrap());
            for work in works {
                prop_assert!(work >= low * PPM / u128::from(factor) && work <= high * u128::from(factor) / PPM);
            }
        }

        #[test]
        fn order_does_not_matter(times in proptest::collection::vec(1u64..100_000, 3..9), turn in 0usize..9) {
            let frames: Vec<Vec<Sample>> = times.iter().map(|ms| vec![sample(600, *ms, 40_000)]).collect();
            let mut turned = frames.clone();
            turned.rotate_left(turn % times.len());
            let mut works = of_frames(Bounds::default(), &frames).unwrap();
            works.rotate_left(turn % times.len());
            prop_assert_eq!(works, of_frames(Bounds::default(), &turned).unwrap());
        }
    }
}
