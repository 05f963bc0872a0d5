//! Text prompting: reference answers come from Python's own documentation, not from a model that miners could exceed.

use std::path::Path;

use async_trait::async_trait;
use serde_json::json;

use super::super::text;
use super::{Answered, Asked, Question, Task, TaskError, in_time};
use crate::models::desk::Desk;

/// Text prompting (specification 4.3, SN1).
#[derive(Debug)]
pub struct TextPrompting {
    desk: Desk,
}

impl TextPrompting {
    /// Opens the desk of an environment.
    ///
    /// # Errors
    /// When the models are not installed.
    pub fn open(environment: &Path) -> Result<Self, TaskError> {
        Ok(Self { desk: Desk::open(environment)? })
    }
}

#[async_trait]
impl Task for TextPrompting {
    async fn ask(&mut self, seed: u64) -> Result<Asked, TaskError> {
        let found = self.desk.question(seed).await?;
        let known = json!({ "question": found.question, "reference": found.reference });
        Ok(Asked { question: Question::Chat(found.question), known })
    }

    async fn score(&mut self, asked: &Asked, answers: &[Answered]) -> Result<Vec<f64>, TaskError> {
        let known = |name: &str| asked.known[name].as_str().unwrap_or_default();
        let mut scores = Vec::new();
        for answer in answers {
            let said = answer.said.text();
            scores.push(if said.trim().is_empty() {
                0.0
            } else {
                let likeness = self.desk.likeness(said, known("reference")).await?;
                text::reward(said, known("reference"), known("question"), likeness) * in_time(answer.took)
            });
        }
        Ok(scores)
    }
}
