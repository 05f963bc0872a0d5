//! What a validator asks, and what an answer is worth.
//!
//! | task | what is asked | what an answer is worth |
//! |---|---|---|
//! | [`TextPrompting`] | what a function of Python's standard library does | [`super::text::reward`] against its documentation, less for slowness |
//! | [`Search`] | words of a passage of Python's documentation | how near by embeddings what stands behind its links is to that passage |
//! | [`Pretraining`] | the model that a miner trained | the part of others that it beats on held-out text; who was earlier wins ties |
//! | [`Image`] | pictures of a digit | how likely a classifier takes them for it, times their variety |
//! | [`Embeddings`] | the embedding of a sentence | 1 where it is the model's own |
//! | [`Program`] | what a program of the subnet's owner says | what that program says |

mod embeddings;
mod image;
mod pretraining;
mod program;
mod search;
mod text;

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use async_trait::async_trait;
use serde_json::Value;
use thiserror::Error;

pub use embeddings::Embeddings;
pub use image::Image;
pub use pretraining::Pretraining;
pub use program::Program;
pub use search::Search;
pub use text::TextPrompting;

use crate::gateway::route::QUICK;
use crate::keys::HotkeyId;
use crate::models::ModelError;

/// Why a task cannot go on.
#[derive(Debug, Error)]
pub enum TaskError {
    /// The models.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// The program.
    #[error("the task's program {program}: {why}")]
    Program {
        /// Which.
        program: PathBuf,
        /// What went wrong.
        why: String,
    },
    /// What it remembers.
    #[error("{path}: {source}")]
    Io {
        /// Where.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
}

/// What is said to a miner, in the form in which users say it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Question {
    /// A message of a chat.
    Chat(String),
    /// Texts whose embeddings are wanted.
    Embed(Vec<String>),
}

/// A question to miners.
#[derive(Clone, Debug, PartialEq)]
pub struct Asked {
    /// What is said to them.
    pub question: Question,
    /// What the task remembers for scoring.
    pub known: Value,
}

/// What a miner answered.
#[derive(Clone, Debug, PartialEq)]
pub enum Reply {
    /// To a chat.
    Text(String),
    /// Embeddings.
    Vectors(Vec<Vec<f32>>),
}

impl fmt::Display for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => f.write_str(text),
            Self::Vectors(vectors) => write!(f, "{} embeddings", vectors.len()),
        }
    }
}

impl Reply {
    /// The text of a chat; empty where it is none.
    fn text(&self) -> &str {
        match self {
            Self::Text(text) => text,
            Self::Vectors(_) => "",
        }
    }
}

/// An answer that came in time.
#[derive(Clone, Debug, PartialEq)]
pub struct Answered {
    /// Who gave it.
    pub from: HotkeyId,
    /// What it said.
    pub said: Reply,
    /// How long it took.
    pub took: Duration,
}

/// A task: questions and what answers are worth, 0 to 1.
#[async_trait]
pub trait Task: Send {
    /// The question of a random number.
    async fn ask(&mut self, seed: u64) -> Result<Asked, TaskError>;

    /// What the answers to a question are worth, one for each.
    async fn score(&mut self, asked: &Asked, answers: &[Answered]) -> Result<Vec<f64>, TaskError>;
}

/// From this on it is worth nothing.
pub const LATE: Duration = Duration::from_secs(30);

/// What slowness leaves of a reward: all up to five seconds, then less in a straight line, nothing after thirty.
fn in_time(took: Duration) -> f64 {
    let late = took.saturating_sub(QUICK).as_secs_f64() / (LATE - QUICK).as_secs_f64();
    (1.0 - late).clamp(0.0, 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slowness_costs_in_a_straight_line() {
        let left = [0, 5, 10, 30, 99].map(|seconds| in_time(Duration::from_secs(seconds)));
        assert_eq!(left, [1.0, 1.0, 0.8, 0.0, 0.0]);
    }
}
