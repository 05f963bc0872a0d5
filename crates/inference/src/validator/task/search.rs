//! Search: words of a passage of Python's documentation, and links that are checked against it.

use std::path::Path;

use async_trait::async_trait;
use serde_json::json;

use super::{Answered, Asked, Question, Task, TaskError, in_time};
use crate::models::ModelError;
use crate::models::desk::{self, Desk};

/// Search (specification 4.3, as SN22 asks it of the web). The corpus is that of the CPython that the models run on.
#[derive(Debug)]
pub struct Search {
    desk: Desk,
}

impl Search {
    /// Opens the desk of an environment.
    ///
    /// # Errors
    /// When the models are not installed.
    pub fn open(environment: &Path) -> Result<Self, TaskError> {
        Ok(Self { desk: Desk::open(environment)? })
    }
}

/// What is said to a miner.
fn question(query: &str) -> String {
    format!(
        "Search Python's documentation: {query}. Answer with JSON, at most three: \
         [{{\"link\": \"pydoc:NAME\", \"text\": \"the passage, word for word\"}}]"
    )
}

#[async_trait]
impl Task for Search {
    async fn ask(&mut self, seed: u64) -> Result<Asked, TaskError> {
        let search = self.desk.search(seed).await?;
        Ok(Asked { question: Question::Chat(question(&search.query)), known: json!(search) })
    }

    async fn score(&mut self, asked: &Asked, answers: &[Answered]) -> Result<Vec<f64>, TaskError> {
        let garbled = |error: serde_json::Error| ModelError::Garbled(error.to_string());
        let search: desk::Search = serde_json::from_value(asked.known.clone()).map_err(garbled)?;
        let mut scores = Vec::new();
        for answer in answers {
            scores.push(self.desk.links(&search, answer.said.text()).await? * in_time(answer.took));
        }
        Ok(scores)
    }
}
