//! What a validator asks, and what an answer is worth.
//!
//! | task | what is asked | what an answer is worth |
//! |---|---|---|
//! | [`TextPrompting`] | what a function of Python's standard library does | [`super::text::reward`] against its documentation, less for slowness |
//! | [`Program`] | what a program of the subnet's owner says | what that program says |

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use async_trait::async_trait;
use serde::Deserialize;
use serde_json::{Value, json};
use thiserror::Error;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

use super::text;
use crate::models::ModelError;
use crate::models::desk::Desk;

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
}

/// A question to a miner.
#[derive(Clone, Debug, PartialEq)]
pub struct Asked {
    /// What is said to it.
    pub question: String,
    /// What the task remembers for scoring.
    pub known: Value,
}

/// A task: questions and what answers are worth, 0 to 1.
#[async_trait]
pub trait Task: Send {
    /// The question of a random number.
    async fn ask(&mut self, seed: u64) -> Result<Asked, TaskError>;

    /// What an answer is worth that took so long.
    async fn score(&mut self, asked: &Asked, answer: &str, took: Duration) -> Result<f64, TaskError>;
}

/// Up to this an answer is as good as an immediate one.
const QUICK: Duration = Duration::from_secs(5);
/// From this on it is worth nothing.
pub const LATE: Duration = Duration::from_secs(30);

/// What slowness leaves of a reward: all up to five seconds, then less in a straight line, nothing after thirty.
fn in_time(took: Duration) -> f64 {
    let late = took.saturating_sub(QUICK).as_secs_f64() / (LATE - QUICK).as_secs_f64();
    (1.0 - late).clamp(0.0, 1.0)
}

/// Text prompting: reference answers come from Python's own documentation, not from a model that miners could exceed.
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
        Ok(Asked { question: found.question, known: json!({ "reference": found.reference }) })
    }

    async fn score(&mut self, asked: &Asked, answer: &str, took: Duration) -> Result<f64, TaskError> {
        let reference = asked.known["reference"].as_str().unwrap_or_default();
        if answer.trim().is_empty() {
            return Ok(0.0);
        }
        let likeness = self.desk.likeness(answer, reference).await?;
        Ok(text::reward(answer, reference, &asked.question, likeness) * in_time(took))
    }
}

/// A task that a program of the subnet's owner knows: a line of JSON in, a line of JSON out.
///
/// ```text
/// {"op":"ask","seed":7}                                        {"question":"...","known":ANYTHING}
/// {"op":"score","question":"...","known":ANYTHING,
///  "answer":"...","took_ms":1200}                              {"score":0.8}
/// ```
#[derive(Debug)]
pub struct Program {
    path: PathBuf,
    _child: Child,
    input: ChildStdin,
    output: Lines<BufReader<ChildStdout>>,
}

#[derive(Deserialize)]
struct Question {
    question: String,
    #[serde(default)]
    known: Value,
}

#[derive(Deserialize)]
struct Score {
    score: f64,
}

/// How long a program may take for a line.
const LINE: Duration = Duration::from_secs(60);

impl Program {
    /// Starts it.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn start(path: &Path) -> Result<Self, TaskError> {
        let fault = |why: String| TaskError::Program { program: path.to_owned(), why };
        let mut command = Command::new(path);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true);
        let mut child = command.spawn().map_err(|error| fault(error.to_string()))?;
        let pipes = child.stdin.take().zip(child.stdout.take());
        let (input, output) = pipes.ok_or_else(|| fault("it has no pipes".to_owned()))?;
        Ok(Self { path: path.to_owned(), _child: child, input, output: BufReader::new(output).lines() })
    }

    async fn line<T: for<'de> Deserialize<'de>>(&mut self, what: Value) -> Result<T, TaskError> {
        let program = self.path.clone();
        let fault = |why: String| TaskError::Program { program: program.clone(), why };
        let line = format!("{what}\n");
        self.input.write_all(line.as_bytes()).await.map_err(|error| fault(error.to_string()))?;
        let read = tokio::time::timeout(LINE, self.output.next_line()).await;
        let read = read.map_err(|_| fault(format!("no line within {LINE:?}")))?;
        let line = read.map_err(|error| fault(error.to_string()))?.ok_or_else(|| fault("it ended".to_owned()))?;
        let shown: String = line.chars().take(200).collect();
        serde_json::from_str(&line).map_err(|error| fault(format!("{shown:?}: {error}")))
    }
}

#[async_trait]
impl Task for Program {
    async fn ask(&mut self, seed: u64) -> Result<Asked, TaskError> {
        let Question { question, known } = self.line(json!({ "op": "ask", "seed": seed })).await?;
        Ok(Asked { question, known })
    }

    async fn score(&mut self, asked: &Asked, answer: &str, took: Duration) -> Result<f64, TaskError> {
        let took_ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
        let what = json!({
            "op": "score", "question": asked.question, "known": asked.known, "answer": answer, "took_ms": took_ms,
        });
        let Score { score } = self.line(what).await?;
        Ok(score)
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn slowness_costs_in_a_straight_line() {
        let left = [0, 5, 10, 30, 99].map(|seconds| in_time(Duration::from_secs(seconds)));
        assert_eq!(left, [1.0, 1.0, 0.8, 0.0, 0.0]);
    }

    #[tokio::test]
    async fn a_program_asks_and_scores() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("task.py");
        let program = r#"#!/usr/bin/env python3
import json, sys
for line in sys.stdin:
    asked = json.loads(line)
    if asked["op"] == "ask":
        answer = {"question": f"what is {asked['seed']} and 1?", "known": asked["seed"] + 1}
    else:
        answer = {"score": 1.0 if asked["answer"] == str(asked["known"]) else 0.0}
    print(json.dumps(answer), flush=True)
"#;
        std::fs::write(&path, program).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
        let mut task = Program::start(&path).unwrap();
        let asked = task.ask(4).await.unwrap();
        assert_eq!(asked.question, "what is 4 and 1?");
        assert_eq!(task.score(&asked, "5", Duration::ZERO).await.unwrap(), 1.0);
        assert_eq!(task.score(&asked, "6", Duration::ZERO).await.unwrap(), 0.0);
        assert!(Program::start(&folder.path().join("none")).is_err());
    }
}
