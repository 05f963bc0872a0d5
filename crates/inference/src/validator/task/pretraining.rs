//! Pretraining: miners publish small models that they trained, and are compared on text that is held out.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{Answered, Asked, Question, Task, TaskError};
use crate::keys::HotkeyId;
use crate::models::desk::Desk;

/// By how much, of 1, a later model's loss must be lower to beat an earlier one (specification 4.3, SN9).
const MARGIN: f64 = 0.005;

/// The most models that are remembered; of more, those go that were not shown for the longest time.
const MOST: usize = 4_096;

/// Who published a model first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct First {
    by: HotkeyId,
    /// When, by the order in which this validator saw models.
    order: u64,
    /// When its publisher showed it last, by the same count.
    shown: u64,
}

/// Models that were published, by the digest of their numbers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Seen {
    first: BTreeMap<String, First>,
    count: u64,
}

impl Seen {
    /// Notes a model, and says when its publisher was first with it; none where another was before.
    fn order(&mut self, by: HotkeyId, digest: &str) -> Option<u64> {
        self.count += 1;
        let now = self.count;
        let first = self.first.entry(digest.to_owned()).or_insert(First { by, order: now, shown: now });
        if first.by != by {
            return None;
        }
        first.shown = now;
        let order = first.order;
        if self.first.len() > MOST {
            let oldest = self.first.iter().min_by_key(|(_, first)| first.shown).map(|(digest, _)| digest.clone());
            self.first.remove(&oldest.unwrap_or_default());
        }
        Some(order)
    }
}

/// Pretraining (specification 4.3, SN9).
#[derive(Debug)]
pub struct Pretraining {
    desk: Desk,
    /// Where it remembers who was first.
    path: PathBuf,
    seen: Seen,
}

impl Pretraining {
    /// Opens the desk of an environment; what is remembered of models is a file in a folder.
    ///
    /// # Errors
    /// When the models are not installed, or the file is none of ours.
    pub fn open(environment: &Path, folder: &Path) -> Result<Self, TaskError> {
        let path = folder.join("models.json");
        let failed = |source| TaskError::Io { path: path.clone(), source };
        let seen = match std::fs::read(&path) {
            Ok(text) => serde_json::from_slice(&text).map_err(|error| failed(error.into()))?,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Seen::default(),
            Err(error) => return Err(failed(error)),
        };
        Ok(Self { desk: Desk::open(environment)?, path, seen })
    }

    /// What is remembered, on disk before a score follows from it.
    fn save(&self) -> Result<(), TaskError> {
        let written = serde_json::to_vec(&self.seen).map_err(std::io::Error::from).and_then(|text| {
            let part = self.path.with_extension("part");
            std::fs::write(&part, text)?;
            std::fs::rename(&part, &self.path)
        });
        written.map_err(|source| TaskError::Io { path: self.path.clone(), source })
    }
}

/// A model that takes part: its place in the order, and its loss.
type Entry = Option<(u64, f64)>;

/// Whether the first beats the second: the loss of whichever is earlier counts less by the margin.
fn beats((order, loss): (u64, f64), (other_order, other_loss): (u64, f64)) -> bool {
    if order < other_order { loss * (1.0 - MARGIN) < other_loss } else { loss < other_loss * (1.0 - MARGIN) }
}

/// The part of the others that each one beats, one that has no model being beaten by all that have one; alone it is 1.
fn win_rates(entries: &[Entry]) -> Vec<f64> {
    let rate = |place: usize, own: (u64, f64)| {
        let others = entries.iter().enumerate().filter(|(other, _)| *other != place);
        let (wins, all) = others.fold((0u32, 0u32), |(wins, all), (_, other)| {
            let won = other.is_none_or(|other| beats(own, other));
            (wins + u32::from(won), all + 1)
        });
        if all == 0 { 1.0 } else { f64::from(wins) / f64::from(all) }
    };
    entries.iter().enumerate().map(|(place, entry)| entry.map_or(0.0, |own| rate(place, own))).collect()
}

#[async_trait]
impl Task for Pretraining {
    async fn ask(&mut self, seed: u64) -> Result<Asked, TaskError> {
        let question = "Publish the model that you trained. Answer with JSON: {\"model\": its safetensors in base64}";
        Ok(Asked { question: Question::Chat(question.to_owned()), known: json!({ "seed": seed >> 32 }) })
    }

    async fn score(&mut self, asked: &Asked, answers: &[Answered]) -> Result<Vec<f64>, TaskError> {
        let seed = asked.known["seed"].as_u64().unwrap_or_default();
        let mut entries = Vec::new();
        for answer in answers {
            let tried = self.desk.loss(seed, answer.said.text()).await?;
            entries.push(match (tried.digest, tried.loss) {
                (Some(digest), Some(loss)) => self.seen.order(answer.from, &digest).map(|order| (order, loss)),
                _ => None,
            });
        }
        self.save()?;
        Ok(win_rates(&entries))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_was_first_is_remembered_of_the_models_that_are_still_shown() {
        let (ann, bob) = (HotkeyId::from_bytes([1; 32]), HotkeyId::from_bytes([2; 32]));
        let mut seen = Seen::default();
        assert_eq!((seen.order(ann, "a"), seen.order(bob, "a"), seen.order(bob, "b")), (Some(1), None, Some(3)));
        // One that floods pushes out its own old ones, not what others still show.
        for number in 0..2 * MOST {
            seen.order(bob, &number.to_string());
            if number % 1_000 == 0 {
                assert_eq!(seen.order(ann, "a"), Some(1));
            }
        }
        assert_eq!((seen.first.len(), seen.order(bob, "a")), (MOST, None));
    }

    #[test]
    fn the_earlier_of_two_as_good_wins_and_a_copy_with_noise_does_not() {
        let (early, late) = ((0, 2.0), (1, 1.995));
        assert!(beats(early, late) && !beats(late, early), "within the margin");
        assert!(beats((1, 1.98), early) && !beats(early, (1, 1.98)));
        assert_eq!(win_rates(&[Some(early), Some(late), None, Some((2, 1.9))]), [2.0 / 3.0, 1.0 / 3.0, 0.0, 1.0]);
        assert_eq!(win_rates(&[Some(early)]), [1.0]);
    }
}
