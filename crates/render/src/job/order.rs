//! In which order the frames of a job are rendered: a pure function from the unit's index to its frame, so that a job of a
//! million frames needs no list.

use proto::tetra::render::v1::{FrameOrder, FrameRange, JobOptions};

/// How many frames a range has; none when it is empty or not well formed.
pub fn length(range: &FrameRange) -> Option<u64> {
    let span = i64::from(range.last).checked_sub(i64::from(range.first))?;
    let span = u64::try_from(span).ok()?;
    Some(span.checked_div(u64::from(range.step))? + 1)
}

/// The frame at a position of the ranges.
pub fn frame_at(ranges: &[FrameRange], mut position: u64) -> Option<i32> {
    for range in ranges {
        let length = length(range)?;
        if position < length {
            let ahead = i64::try_from(position.checked_mul(u64::from(range.step))?).ok()?;
            return i32::try_from(i64::from(range.first) + ahead).ok();
        }
        position -= length;
    }
    None
}

/// The frame number of a unit, and its tile: -1 unless the job is split.
pub fn place(options: &JobOptions, units: u32, index: u32) -> Option<(i32, i32)> {
    if index >= units {
        return None;
    }
    if options.split {
        return Some((frame_at(&options.frames, 0)?, i32::try_from(index).ok()?));
    }
    let position = match options.order() {
        FrameOrder::Unspecified | FrameOrder::Forward => index,
        FrameOrder::Every => every(units, options.every, index)?,
        FrameOrder::Bisect => bisect(units, index)?,
    };
    Some((frame_at(&options.frames, u64::from(position))?, -1))
}

/// Every n-th first, then the others in order.
pub fn every(count: u32, n: u32, index: u32) -> Option<u32> {
    if index >= count || n < 2 {
        return (index < count).then_some(index);
    }
    let first = count.div_ceil(n);
    match index.checked_sub(first) {
        None => index.checked_mul(n),
        Some(rest) => {
            let (block, within) = (rest.checked_div(n - 1)?, rest.checked_rem(n - 1)?);
            block.checked_mul(n)?.checked_add(within)?.checked_add(1)
        }
    }
}

/// First, last, the middle, then the middles of the halves, from the left, and so on.
pub fn bisect(count: u32, index: u32) -> Option<u32> {
    if index >= count {
        return None;
    }
    if index == 0 {
        return Some(0);
    }
    if index == 1 {
        return Some(count - 1);
    }
    // What lies between first and last is a tree of middles: every level is full but the last, whose places are counted.
    let (mut place, mut level) = (index - 2, 0u32);
    let (mut low, mut high) = (1u32, count - 1);
    loop {
        let width = at_level(high - low, level);
        if place < width {
            break;
        }
        place -= width;
        level += 1;
    }
    while level > 0 {
        let middle = low + (high - low - 1) / 2;
        level -= 1;
        let left = at_level(middle - low, level);
        if place < left {
            high = middle;
        } else {
            place -= left;
            low = middle + 1;
        }
    }
    Some(low + (high - low).checked_sub(1)? / 2)
}

/// How many of `count` elements stand at a level of their tree of middles.
fn at_level(count: u32, level: u32) -> u32 {
    let above = 1u64.checked_shl(level).map_or(u64::MAX, |full| full - 1);
    let here = u64::from(count).saturating_sub(above).min(above.saturating_add(1));
    u32::try_from(here).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeSet, VecDeque};

    use proptest::prelude::*;

    use super::*;

    /// Halves a list as one would by hand.
    fn halved(count: u32) -> Vec<u32> {
        let mut out: Vec<u32> = (0..count.min(1)).collect();
        if count > 1 {
            out.push(count - 1);
        }
        let mut spans = VecDeque::from([(1, count.saturating_sub(1))]);
        while let Some((low, high)) = spans.pop_front() {
            if low < high {
                let middle = low + (high - low - 1) / 2;
                out.push(middle);
                spans.extend([(low, middle), (middle + 1, high)]);
            }
        }
        out
    }

    #[test]
    fn small_orders_by_hand() {
        let order =
            |count, of: fn(u32, u32) -> Option<u32>| (0..count).map(|i| of(count, i).unwrap()).collect::<Vec<_>>();
        assert_eq!(order(9, bisect), [0, 8, 4, 2, 6, 1, 3, 5, 7]);
        assert_eq!(order(7, |count, i| every(count, 3, i)), [0, 3, 6, 1, 2, 4, 5]);
    }

    proptest! {
        #[test]
        fn bisecting_is_halving(count in 0u32..700) {
            let found: Vec<u32> = (0..count).map(|index| bisect(count, index).unwrap()).collect();
            prop_assert_eq!(found, halved(count));
            prop_assert_eq!(bisect(count, count), None);
        }

        #[test]
        fn every_frame_comes_once(count in 1u32..500, n in 0u32..20) {
            let found: BTreeSet<u32> = (0..count).map(|index| every(count, n, index).unwrap()).collect();
            prop_assert_eq!(found, (0..count).collect::<BTreeSet<_>>());
        }

        #[test]
        fn a_million_frames_are_no_trouble(count in 2u32..1_000_000, share in 0u32..1000) {
            let index = u32::try_from(u64::from(count - 1) * u64::from(share) / 1000).unwrap();
            prop_assert!(bisect(count, index).unwrap() < count);
            prop_assert!(every(count, 7, index).unwrap() < count);
        }

        #[test]
        fn ranges_are_walked_in_order(first in -50i32..50, step in 1u32..5, more in 0i32..40) {
            let ranges = [FrameRange { first, last: first + more, step }, FrameRange { first: 500, last: 502, step: 1 }];
            let all: Vec<i32> = (0..).map_while(|at| frame_at(&ranges, at)).collect();
            let expected: Vec<i32> = (first..=first + more).step_by(step as usize).chain(500..=502).collect();
            prop_assert_eq!(all, expected);
        }
    }
}
