//! A program as upstream: a line of JSON in, a line of JSON out, one after the other.
//!
//! ```text
//! {"path":"/v1/chat/completions","body":{...}}     {"content":"...","prompt_tokens":9,"completion_tokens":4}
//! {"path":"/v1/task","body":ANYTHING}              {"answer":ANYTHING}, and so for /v1/embeddings
//! ```
//!
//! A program that is late, or says something else, is ended and started anew for the next question.

use std::path::PathBuf;
use std::process::Stdio;

use serde::Deserialize;
use serde_json::{Value, json};
use thiserror::Error;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::sync::Mutex;

/// Where other questions than chats are asked.
pub const TASK: &str = "/v1/task";

/// Why a program gave no answer.
#[derive(Debug, Error)]
pub enum ExecError {
    /// It cannot be started, or its pipe broke.
    #[error("the program {path}: {source}")]
    Io {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// It ended.
    #[error("the program {0} ended without an answer")]
    Ended(PathBuf),
    /// More than an answer may have.
    #[error("the program's answer has more than {0} bytes")]
    TooLong(usize),
    /// A line that is no answer.
    #[error("the program's answer cannot be read: {0}")]
    Garbled(String),
}

/// What a program answers to a chat.
#[derive(Debug, Deserialize)]
struct Said {
    content: String,
    #[serde(default)]
    prompt_tokens: u64,
    #[serde(default)]
    completion_tokens: u64,
}

#[derive(Debug)]
struct Running {
    _child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

/// A program with its arguments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Program {
    /// Where it is.
    pub path: PathBuf,
    /// What it is told at its start.
    pub args: Vec<String>,
}

impl Program {
    /// A program without arguments.
    pub fn plain(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into(), args: Vec::new() }
    }
}

/// A program at work.
#[derive(Debug)]
pub struct Exec {
    program: Program,
    limit: usize,
    running: Mutex<Option<Running>>,
}

impl Exec {
    /// A program that is started with the first question. `limit`: the most bytes of an answer.
    pub fn new(program: &Program, limit: usize) -> Self {
        Self { program: program.clone(), limit, running: Mutex::new(None) }
    }

    fn path(&self) -> PathBuf {
        self.program.path.clone()
    }

    fn io(&self) -> impl Fn(std::io::Error) -> ExecError + '_ {
        |source| ExecError::Io { path: self.path(), source }
    }

    fn start(&self) -> Result<Running, ExecError> {
        let mut command = Command::new(&self.program.path);
        command.args(&self.program.args).stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true);
        let mut child = command.spawn().map_err(self.io())?;
        let pipes = child.stdin.take().zip(child.stdout.take());
        let (input, output) = pipes.ok_or_else(|| ExecError::Ended(self.path()))?;
        Ok(Running { _child: child, input, output: BufReader::new(output) })
    }

    /// Asks it. Whoever drops this before it ends, as a time-out does, ends the program.
    async fn line(&self, what: &Value) -> Result<Vec<u8>, ExecError> {
        let mut turn = self.running.lock().await;
        // Taken out while it works, so that it only returns whole.
        let mut running = match turn.take() {
            Some(running) => running,
            None => self.start()?,
        };
        running.input.write_all(format!("{what}\n").as_bytes()).await.map_err(self.io())?;
        let mut line = Vec::new();
        let most = u64::try_from(self.limit).unwrap_or(u64::MAX).saturating_add(1);
        (&mut running.output).take(most).read_until(b'\n', &mut line).await.map_err(self.io())?;
        if line.len() > self.limit {
            return Err(ExecError::TooLong(self.limit));
        }
        if line.pop() != Some(b'\n') {
            return Err(ExecError::Ended(self.path()));
        }
        *turn = Some(running);
        Ok(line)
    }

    /// The answer to a chat, as the stream of events that OpenAI's clients read.
    ///
    /// # Errors
    /// Why there is none.
    pub async fn chat(&self, path: &str, body: &Value) -> Result<String, ExecError> {
        let line = self.line(&json!({ "path": path, "body": body })).await?;
        let said: Said = serde_json::from_slice(&line).map_err(|error| ExecError::Garbled(error.to_string()))?;
        let delta = json!({ "role": "assistant", "content": said.content });
        let total = said.prompt_tokens.saturating_add(said.completion_tokens);
        let usage = json!({ "prompt_tokens": said.prompt_tokens, "completion_tokens": said.completion_tokens, "total_tokens": total });
        let chunks = [
            json!({ "choices": [{ "index": 0, "delta": delta, "finish_reason": null }] }),
            json!({ "choices": [{ "index": 0, "delta": {}, "finish_reason": "stop" }] }),
            json!({ "choices": [], "usage": usage }),
        ];
        let events: String = chunks.iter().map(|chunk| format!("data: {chunk}\n\n")).collect();
        Ok(events + "data: [DONE]\n\n")
    }

    /// The answer to anything else: what it gives as `answer`.
    ///
    /// # Errors
    /// Why there is none.
    pub async fn other(&self, path: &str, body: &Value) -> Result<Value, ExecError> {
        let line = self.line(&json!({ "path": path, "body": body })).await?;
        let answer: Value = serde_json::from_slice(&line).map_err(|error| ExecError::Garbled(error.to_string()))?;
        answer.get("answer").cloned().ok_or_else(|| ExecError::Garbled("it has no \"answer\"".to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;
    use std::path::Path;
    use std::time::Duration;

    use super::*;

    fn program(folder: &Path, text: &str) -> Program {
        let path = folder.join("program.py");
        std::fs::write(&path, format!("#!/usr/bin/env python3\nimport json, sys, time\n{text}")).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
        Program::plain(path)
    }

    #[tokio::test]
    async fn lines_go_in_and_come_out_and_nonsense_ends_the_program() {
        let folder = tempfile::tempdir().unwrap();
        let text = r#"
for line in sys.stdin:
    asked = json.loads(line)
    body = asked["body"]
    if body == "die": sys.exit(1)
    if body == "garbage": print("what?", flush=True)
    elif body == "flood": print("x" * 100_000, flush=True)
    elif body == "hang": time.sleep(60)
    elif asked["path"] == "/v1/task": print(json.dumps({"answer": [body]}), flush=True)
    else: print(json.dumps({"content": "hello", "completion_tokens": 1}), flush=True)
"#;
        let exec = Exec::new(&program(folder.path(), text), 10_000);
        assert_eq!(exec.other(TASK, &json!(7)).await.unwrap(), json!([7]));
        for bad in ["die", "garbage", "flood"] {
            assert!(exec.other(TASK, &json!(bad)).await.is_err(), "{bad}");
            assert_eq!(exec.other(TASK, &json!(8)).await.unwrap(), json!([8]), "after {bad}");
        }
        let hang = json!("hang");
        let late = tokio::time::timeout(Duration::from_millis(300), exec.other(TASK, &hang)).await;
        assert!(late.is_err());
        assert_eq!(exec.other(TASK, &json!(9)).await.unwrap(), json!([9]), "the program that hung is gone");
        let chat = exec.chat("/v1/chat/completions", &json!({})).await.unwrap();
        assert!(chat.contains(r#""content":"hello""#) && chat.ends_with("data: [DONE]\n\n"), "{chat}");
        assert!(Exec::new(&Program::plain(folder.path().join("none")), 10).other(TASK, &json!(1)).await.is_err());
    }
}
