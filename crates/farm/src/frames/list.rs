//! Lists of frames as people write them.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The greatest frame number that Blender's time line has.
pub const MAX_FRAME: u32 = 1_048_574;

/// The most frames of one list: more than an hour at 24 frames a second.
pub const MAX_FRAMES: usize = 100_000;

/// Why a list of frames is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FrameListError {
    /// Nothing between two commas, or nothing at all.
    #[error("a list of frames names at least one frame between two commas, as in 1,4,10-20,1-100:5")]
    Empty,
    /// Neither a number, nor a range, nor a range with a step.
    #[error("{0:?} is neither a frame (7), nor a range (10-20), nor a range with a step (1-100:5)")]
    Unreadable(String),
    /// The range runs backwards.
    #[error("{0:?} ends before it begins; the order of frames is an option of its own")]
    Backwards(String),
    /// The step is zero.
    #[error("{0:?} has a step of 0; a step is at least 1")]
    NoStep(String),
    /// The number is beyond the time line.
    #[error("frame {0} is beyond the last one that a time line has, {MAX_FRAME}")]
    Beyond(u64),
    /// Too many frames.
    #[error("the list has more than {MAX_FRAMES} frames; make several jobs of it")]
    TooMany,
}

/// Frames of a job: ascending, each once. Written as single frames, ranges, and ranges with a step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct FrameList(Vec<u32>);

impl FrameList {
    /// The frames of an iterator, put in order; repeated ones count once.
    ///
    /// # Errors
    /// When there is none, or more than [`MAX_FRAMES`], or one beyond [`MAX_FRAME`].
    pub fn new(frames: impl IntoIterator<Item = u32>) -> Result<Self, FrameListError> {
        let mut set = BTreeSet::new();
        for frame in frames {
            insert(&mut set, frame)?;
        }
        if set.is_empty() { Err(FrameListError::Empty) } else { Ok(Self(set.into_iter().collect())) }
    }

    /// A single frame.
    ///
    /// # Errors
    /// When it is beyond [`MAX_FRAME`].
    pub fn single(frame: u32) -> Result<Self, FrameListError> {
        Self::new([frame])
    }

    /// The frames, ascending.
    pub fn frames(&self) -> &[u32] {
        &self.0
    }

    /// How many there are; at least one.
    #[expect(clippy::len_without_is_empty, reason = "a list is never empty")]
    pub fn len(&self) -> usize {
        self.0.len()
    }
}

fn insert(set: &mut BTreeSet<u32>, frame: u32) -> Result<(), FrameListError> {
    if frame > MAX_FRAME {
        return Err(FrameListError::Beyond(frame.into()));
    }
    set.insert(frame);
    if set.len() > MAX_FRAMES { Err(FrameListError::TooMany) } else { Ok(()) }
}

fn number(text: &str, part: &str) -> Result<u32, FrameListError> {
    // `u64::from_str` takes a sign.
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(FrameListError::Unreadable(part.to_owned()));
    }
    let number: u64 = text.parse().map_err(|_| FrameListError::Beyond(u64::MAX))?;
    u32::try_from(number).ok().filter(|frame| *frame <= MAX_FRAME).ok_or(FrameListError::Beyond(number))
}

impl FromStr for FrameList {
    type Err = FrameListError;

    fn from_str(text: &str) -> Result<Self, FrameListError> {
        let mut set = BTreeSet::new();
        for part in text.split(',').map(str::trim) {
            if part.is_empty() {
                return Err(FrameListError::Empty);
            }
            let (range, step) = match part.split_once(':') {
                Some((range, step)) => (range, Some(step)),
                None => (part, None),
            };
            let (first, last) = match range.split_once('-') {
                Some((first, last)) => (number(first.trim(), part)?, number(last.trim(), part)?),
                // A step of a single frame says nothing.
                None if step.is_some() => return Err(FrameListError::Unreadable(part.to_owned())),
                None => (number(range, part)?, number(range, part)?),
            };
            let step = step.map_or(Ok(1), |step| number(step.trim(), part))?;
            if step == 0 {
                return Err(FrameListError::NoStep(part.to_owned()));
            }
            if last < first {
                return Err(FrameListError::Backwards(part.to_owned()));
            }
            for frame in (first..=last).step_by(step as usize) {
                insert(&mut set, frame)?;
            }
        }
        Ok(Self(set.into_iter().collect()))
    }
}

impl fmt::Display for FrameList {
    /// The shortest runs from the left: three or more frames at one distance are a range.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rest = self.0.as_slice();
        let mut between = "";
        while let [first, after @ ..] = rest {
            f.write_str(between)?;
            between = ",";
            let step = after.first().map_or(1, |second| second - first);
            let run = 1 + rest.windows(2).take_while(|pair| matches!(pair, [a, b] if b - a == step)).count();
            let last = first + step * (run as u32 - 1);
            let taken = match (run, step) {
                (0..=2, _) => {
                    write!(f, "{first}")?;
                    1
                }
                (_, 1) => {
                    write!(f, "{first}-{last}")?;
                    run
                }
                _ => {
                    write!(f, "{first}-{last}:{step}")?;
                    run
                }
            };
            rest = rest.get(taken..).unwrap_or_default();
        }
        Ok(())
    }
}

impl TryFrom<String> for FrameList {
    type Error = FrameListError;

    fn try_from(text: String) -> Result<Self, FrameListError> {
        text.parse()
    }
}

impl From<FrameList> for String {
    fn from(list: FrameList) -> Self {
        list.to_string()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn frames(text: &str) -> Vec<u32> {
        text.parse::<FrameList>().unwrap().frames().to_vec()
    }

    #[test]
    fn frames_ranges_and_steps_are_read() {
        assert_eq!(frames("7"), [7]);
        assert_eq!(frames("1,4,10-12"), [1, 4, 10, 11, 12]);
        assert_eq!(frames("1-10:5, 20"), [1, 6, 20]);
        assert_eq!(frames("3,1-4,2"), [1, 2, 3, 4]);
        assert_eq!(frames("0-0"), [0]);
    }

    #[test]
    fn what_cannot_be_meant_is_refused_with_a_reason() {
        let told = |text: &str| text.parse::<FrameList>().unwrap_err().to_string();
        let texts =
            ["", "1,,2", "x", "+1", "-3", "5:2", "5-1", "1-9:0", "1048575", "99999999999999999999", "0-1048574"];
        let lines: Vec<String> = texts.iter().map(|text| format!("{text:?}: {}", told(text))).collect();
        insta::assert_snapshot!(lines.join("\n"), @r#"
        "": a list of frames names at least one frame between two commas, as in 1,4,10-20,1-100:5
        "1,,2": a list of frames names at least one frame between two commas, as in 1,4,10-20,1-100:5
        "x": "x" is neither a frame (7), nor a range (10-20), nor a range with a step (1-100:5)
        "+1": "+1" is neither a frame (7), nor a range (10-20), nor a range with a step (1-100:5)
        "-3": "-3" is neither a frame (7), nor a range (10-20), nor a range with a step (1-100:5)
        "5:2": "5:2" is neither a frame (7), nor a range (10-20), nor a range with a step (1-100:5)
        "5-1": "5-1" ends before it begins; the order of frames is an option of its own
        "1-9:0": "1-9:0" has a step of 0; a step is at least 1
        "1048575": frame 1048575 is beyond the last one that a time line has, 1048574
        "99999999999999999999": frame 18446744073709551615 is beyond the last one that a time line has, 1048574
        "0-1048574": the list has more than 100000 frames; make several jobs of it
        "#);
    }

    #[test]
    fn lists_are_written_short() {
        let told = |list: &[u32]| FrameList::new(list.iter().copied()).unwrap().to_string();
        assert_eq!(told(&[5]), "5");
        assert_eq!(told(&[1, 2]), "1,2");
        assert_eq!(told(&[1, 2, 3, 9]), "1-3,9");
        assert_eq!(told(&[1, 6, 11, 12, 13]), "1-11:5,12,13");
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(list in proptest::collection::btree_set(0u32..2_000, 1..200)) {
            let list = FrameList::new(list).unwrap();
            prop_assert_eq!(list.to_string().parse::<FrameList>().unwrap(), list.clone());
            let json = serde_json::to_string(&list).unwrap();
            prop_assert_eq!(serde_json::from_str::<FrameList>(&json).unwrap(), list);
        }

        #[test]
        fn any_text_is_read_or_refused(text in "[0-9,:\\- ]{0,20}") {
            if let Ok(list) = text.parse::<FrameList>() {
                prop_assert!(list.frames().windows(2).all(|pair| pair[0] < pair[1]));
                prop_assert!(list.len() >= 1 && list.len() <= MAX_FRAMES);
            }
        }
    }
}
