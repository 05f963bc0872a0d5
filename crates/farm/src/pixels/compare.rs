//! How far two renders of one region are apart, and what that means. Floats are right here: verdicts of this kind are given by
//! people and nodes that look, and counted by the chain; the chain never computes them.

use serde::{Deserialize, Serialize};

use super::buffers::{Buffers, Channel, PixelError};

/// How far two renders are apart.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Comparison {
    /// Whether every bit of every channel is the same.
    pub identical: bool,
    /// Share of 8-bit colour values that differ, 0 to 1: red, green and blue of the `Combined` passes through sRGB's transfer
    /// function (IEC 61966-2-1), clipped, rounded to nearest.
    pub differing_8bit: f64,
    /// The largest difference of two such values.
    pub largest_8bit: u8,
    /// Root of the mean squared difference of the same floats, divided by the root of the mean square of the first render.
    /// Infinite where one of them has a value that is no number and the other has not.
    pub relative_rmse: f64,
}

/// What a comparison means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// The same work.
    Accepted,
    /// Neither: a third opinion is needed.
    Doubtful,
    /// Other work.
    Rejected,
}

/// Where verdicts change. The default was measured on one scene and one CPU with Cycles' CPU kernels: honest renders by another
/// instruction set were at 0.003 to 0.008 % and 4.3e-4, the subtlest cheat (31 of 32 samples) at 31.5 % and 1.8e-2.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Thresholds {
    /// Accepted up to this share of differing 8-bit values...
    pub accept_8bit: f64,
    /// ...and up to this relative RMSE.
    pub accept_rmse: f64,
    /// Rejected above this share of differing 8-bit values.
    pub reject_8bit: f64,
}

impl Default for Thresholds {
    fn default() -> Self {
        Self { accept_8bit: 0.005, accept_rmse: 1.5e-3, reject_8bit: 0.05 }
    }
}

impl Comparison {
    /// What it means for renders of one class of devices and one engine build, where honest work is the same to the bit.
    pub fn exact(&self) -> Verdict {
        if self.identical { Verdict::Accepted } else { Verdict::Rejected }
    }

    /// What it means for renders of different classes.
    pub fn judge(&self, thresholds: &Thresholds) -> Verdict {
        if self.identical
            || (self.differing_8bit <= thresholds.accept_8bit && self.relative_rmse <= thresholds.accept_rmse)
        {
            Verdict::Accepted
        } else if self.differing_8bit > thresholds.reject_8bit {
            Verdict::Rejected
        } else {
            Verdict::Doubtful
        }
    }
}

/// Compares two renders of one region.
///
/// # Errors
/// When their regions or channels differ.
pub fn compare(first: &Buffers, second: &Buffers) -> Result<Comparison, PixelError> {
    if first.names() != second.names() {
        return Err(PixelError::Channels(first.names(), second.names()));
    }
    if (first.rect(), first.frame_width(), first.frame_height())
        != (second.rect(), second.frame_width(), second.frame_height())
    {
        let (width, height) = (first.frame_width(), first.frame_height());
        return Err(PixelError::Region { rect: second.rect(), width, height });
    }
    let colour = |(a, _): &(&Channel, &Channel)| matches!(a.parts(), (_, "Combined", "R" | "G" | "B"));
    let (mut values, mut differing, mut largest) = (0u64, 0u64, 0u8);
    let (mut squares, mut errors, mut broken) = (0.0f64, 0.0f64, false);
    for (a, b) in first.channels().iter().zip(second.channels()).filter(colour) {
        for (a, b) in a.pixels.iter().zip(&b.pixels) {
            values += 1;
            let apart = eight_bit(*a).abs_diff(eight_bit(*b));
            differing += u64::from(apart > 0);
            largest = largest.max(apart);
            if a.is_finite() && b.is_finite() {
                squares += f64::from(*a).powi(2);
                errors += (f64::from(*a) - f64::from(*b)).powi(2);
            } else if a.to_bits() != b.to_bits() {
                broken = true;
            }
        }
    }
    let relative_rmse = match (broken, errors > 0.0, squares > 0.0) {
        (true, ..) | (_, true, false) => f64::INFINITY,
        (_, false, _) => 0.0,
        (_, true, true) => (errors / squares).sqrt(),
    };
    Ok(Comparison {
        identical: first.identical(second),
        differing_8bit: if values == 0 { 0.0 } else { differing as f64 / values as f64 },
        largest_8bit: largest,
        relative_rmse,
    })
}

/// sRGB's transfer function, clipped and rounded; what is no number is black.
pub(crate) fn eight_bit(linear: f32) -> u8 {
    let linear = linear.clamp(0.0, 1.0);
    let encoded = if linear <= 0.003_130_8 { 12.92 * linear } else { 1.055 * linear.powf(1.0 / 2.4) - 0.055 };
    (encoded * 255.0).round() as u8
}

#[cfg(test)]
mod tests {
    use super::super::tiles::Rect;
    use super::*;

    fn region(red: &[f32], depth: &[f32]) -> Buffers {
        let rect = Rect { x: 0, y: 0, width: red.len() as u32, height: 1 };
        let channel = |name: &str, pixels: &[f32]| Channel { name: name.to_owned(), pixels: pixels.to_vec() };
        let channels = vec![channel("L.Combined.R", red), channel("L.Depth.Z", depth)];
        Buffers::new(rect.width, 1, rect, channels).unwrap()
    }

    #[test]
    fn known_values_of_the_transfer_function() {
        let values = [0.0, 0.003_130_8, 0.214_041, 0.5, 1.0, 9.0, -1.0, f32::NAN, f32::INFINITY].map(eight_bit);
        assert_eq!(values, [0, 10, 127, 188, 255, 255, 0, 0, 255]);
    }

    #[test]
    fn statistics_are_of_colours_and_identity_is_of_everything() {
        let a = region(&[0.5, 0.5, 0.5, 0.5], &[1.0; 4]);
        let same = compare(&a, &a).unwrap();
        assert_eq!((same.identical, same.differing_8bit, same.relative_rmse), (true, 0.0, 0.0));
        let deeper = compare(&a, &region(&[0.5; 4], &[2.0; 4])).unwrap();
        assert_eq!((deeper.identical, deeper.differing_8bit, deeper.exact()), (false, 0.0, Verdict::Rejected));
        let other = compare(&a, &region(&[0.5, 0.5, 0.5, 0.6], &[1.0; 4])).unwrap();
        assert_eq!((other.differing_8bit, other.largest_8bit), (0.25, 15));
        assert!((other.relative_rmse - 0.1).abs() < 1e-6);
    }

    #[test]
    fn what_is_no_number_is_far_away_but_equals_itself() {
        let broken = region(&[f32::NAN, 1.0], &[1.0; 2]);
        assert!(compare(&broken, &broken).unwrap().identical);
        let compared = compare(&broken, &region(&[0.0, 1.0], &[1.0; 2])).unwrap();
        assert_eq!(compared.relative_rmse, f64::INFINITY);
        assert_eq!(compared.judge(&Thresholds::default()), Verdict::Doubtful);
        let black = region(&[0.0, 0.0], &[1.0; 2]);
        assert_eq!(compare(&black, &region(&[0.1, 0.0], &[1.0; 2])).unwrap().relative_rmse, f64::INFINITY);
    }

    #[test]
    fn verdicts_follow_the_measured_numbers() {
        let of = |differing_8bit, relative_rmse| {
            Comparison { identical: false, differing_8bit, largest_8bit: 1, relative_rmse }
                .judge(&Thresholds::default())
        };
        assert_eq!(of(0.000_08, 4.3e-4), Verdict::Accepted);
        assert_eq!(of(0.315, 1.8e-2), Verdict::Rejected);
        assert_eq!(of(0.01, 1e-4), Verdict::Doubtful);
        assert_eq!(of(0.001, 1e-2), Verdict::Doubtful);
    }

    #[test]
    fn other_regions_and_channels_are_not_compared() {
        assert!(compare(&region(&[0.0; 2], &[0.0; 2]), &region(&[0.0; 3], &[0.0; 3])).is_err());
        let rect = Rect { x: 0, y: 0, width: 2, height: 1 };
        let bare = Buffers::new(2, 1, rect, vec![]).unwrap();
        assert!(compare(&region(&[0.0; 2], &[0.0; 2]), &bare).is_err());
    }
}
