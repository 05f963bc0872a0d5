//! Image: pictures of a digit as one writes it, judged by a classifier and by their variety.

use std::path::Path;

use async_trait::async_trait;
use serde_json::json;

use super::{Answered, Asked, Question, Task, TaskError, in_time};
use crate::models::desk::Desk;

const NAMES: [&str; 10] = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"];
/// Pictures that are asked for, at least and so many more at most.
const COUNT: (u64, u64) = (6, 7);

/// Image. Copies of the data set that generators learn from are worth nothing.
#[derive(Debug)]
pub struct Image {
    desk: Desk,
}

impl Image {
    /// Opens the desk of an environment.
    ///
    /// # Errors
    /// When the models are not installed.
    pub fn open(environment: &Path) -> Result<Self, TaskError> {
        Ok(Self { desk: Desk::open(environment)? })
    }
}

#[async_trait]
impl Task for Image {
    async fn ask(&mut self, seed: u64) -> Result<Asked, TaskError> {
        let (digit, count) = (seed % 10, COUNT.0 + seed / 10 % COUNT.1);
        let name = NAMES[digit as usize];
        let question = format!(
            "Draw {count} different pictures of the digit {name} as it is written by hand. Answer with JSON: \
             {{\"images\": [PNGs in base64, gray, 8 by 8 pixels, white on black]}}"
        );
        Ok(Asked { question: Question::Chat(question), known: json!({ "digit": digit, "count": count }) })
    }

    async fn score(&mut self, asked: &Asked, answers: &[Answered]) -> Result<Vec<f64>, TaskError> {
        let known = |name: &str| asked.known[name].as_u64().unwrap_or_default();
        let (digit, count) = (known("digit"), known("count"));
        let mut scores = Vec::new();
        for answer in answers {
            let worth = self.desk.pictures(digit, count, answer.said.text()).await?;
            scores.push(worth * in_time(answer.took));
        }
        Ok(scores)
    }
}
