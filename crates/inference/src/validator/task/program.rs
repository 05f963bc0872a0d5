//! A task that a program of the subnet's owner knows.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use async_trait::async_trait;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

use super::{Answered, Asked, Question, Task, TaskError};

/// A task that a program of the subnet's owner knows: a line of JSON in, a line of JSON out.
///
/// ```text
/// {"op":"ask","seed":7}                                        {"question":"...","known":ANYTHING}
/// {"op":"score","question":"...","known":ANYTHING,
///  "miner":"5F...","answer":"...","took_ms":1200}              {"score":0.8}
/// ```
#[derive(Debug)]
pub struct Program {
    path: PathBuf,
    _child: Child,
    input: ChildStdin,
    output: Lines<BufReader<ChildStdout>>,
}

#[derive(Deserialize)]
struct Line {
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
        let Line { question, known } = self.line(json!({ "op": "ask", "seed": seed })).await?;
        let known = json!({ "question": question, "known": known });
        Ok(Asked { question: Question::Chat(question), known })
    }

    async fn score(&mut self, asked: &Asked, answers: &[Answered]) -> Result<Vec<f64>, TaskError> {
        let mut scores = Vec::new();
        for Answered { from, said, took } in answers {
            let took_ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
            let what = json!({
                "op": "score", "question": asked.known["question"], "known": asked.known["known"],
                "miner": from, "answer": said.text(), "took_ms": took_ms,
            });
            let Score { score } = self.line(what).await?;
            scores.push(score);
        }
        Ok(scores)
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::super::Reply;
    use super::*;
    use crate::keys::HotkeyId;

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
        assert_eq!(asked.question, Question::Chat("what is 4 and 1?".to_owned()));
        let answers = ["5", "6"].map(|said| Answered {
            from: HotkeyId::from_bytes([1; 32]),
            said: Reply::Text(said.to_owned()),
            took: Duration::ZERO,
        });
        assert_eq!(task.score(&asked, &answers).await.unwrap(), [1.0, 0.0]);
        assert!(Program::start(&folder.path().join("none")).is_err());
    }
}
