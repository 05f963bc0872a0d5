//! The desk: a Python program that knows Python's documentation and how like two texts are.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

use super::{ModelError, io, setup};

const PROGRAM: &str = include_str!("desk.py");
/// How long an answer may take, loading included.
const ANSWER: Duration = Duration::from_secs(120);

/// A question with an answer that is known.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Question {
    /// What is asked.
    pub question: String,
    /// What the documentation says.
    pub reference: String,
    /// How many questions there are.
    pub of: u64,
}

/// The desk.
#[derive(Debug)]
pub struct Desk {
    _child: Child,
    input: ChildStdin,
    output: Lines<BufReader<ChildStdout>>,
}

impl Desk {
    /// Opens it.
    ///
    /// # Errors
    /// When the models are not installed, or it does not start.
    pub fn open(environment: &Path) -> Result<Self, ModelError> {
        let python = setup::python(environment)?;
        let mut child = Command::new(python)
            .args(["-I", "-c", PROGRAM])
            // More threads spin against each other where others work as well.
            .env("OPENBLAS_NUM_THREADS", "1")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .map_err(io("starting the desk"))?;
        let pipes = child.stdin.take().zip(child.stdout.take());
        let (input, output) = pipes.ok_or_else(|| ModelError::Silent("it has no pipes".to_owned()))?;
        Ok(Self { _child: child, input, output: BufReader::new(output).lines() })
    }

    async fn ask(&mut self, what: Value) -> Result<Value, ModelError> {
        let line = format!("{what}\n");
        self.input.write_all(line.as_bytes()).await.map_err(io("writing to the desk"))?;
        let silent = |why: &str| ModelError::Silent(why.to_owned());
        let read = tokio::time::timeout(ANSWER, self.output.next_line()).await.map_err(|_| silent("time was over"))?;
        let line = read.map_err(io("reading of the desk"))?.ok_or_else(|| silent("it ended"))?;
        let answer: Value =
            serde_json::from_str(&line).map_err(|_| ModelError::Garbled(line.chars().take(200).collect()))?;
        match answer.get("error") {
            Some(error) => Err(ModelError::Garbled(error.to_string())),
            None => Ok(answer),
        }
    }

    /// The question of a number.
    ///
    /// # Errors
    /// When the desk gives none.
    pub async fn question(&mut self, seed: u64) -> Result<Question, ModelError> {
        let answer = self.ask(json!({ "op": "question", "seed": seed })).await?;
        serde_json::from_value(answer.clone()).map_err(|_| ModelError::Garbled(answer.to_string()))
    }

    /// How like two texts are: the cosine of their embeddings.
    ///
    /// # Errors
    /// When the desk does not tell.
    pub async fn likeness(&mut self, a: &str, b: &str) -> Result<f64, ModelError> {
        let answer = self.ask(json!({ "op": "likeness", "texts": [a, b] })).await?;
        answer["likeness"].as_f64().ok_or_else(|| ModelError::Garbled(answer.to_string()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The published likeness of sentences by this model is that of its authors' own code.
    #[tokio::test]
    async fn likeness_is_that_of_the_model() {
        let Some(environment) = setup::folder().filter(|folder| setup::is_complete(folder)) else {
            println!("skipped: the models are not installed (tetra miner install)");
            return;
        };
        let mut desk = Desk::open(&environment).unwrap();
        let near = desk.likeness("A cat sits on the mat.", "A kitten is resting on a rug.").await.unwrap();
        let far = desk.likeness("A cat sits on the mat.", "The stock market fell today.").await.unwrap();
        assert!(near > 0.6 && far < 0.2, "{near} {far}");
        assert!((desk.likeness("the same", "the same").await.unwrap() - 1.0).abs() < 1e-5);
        let question = desk.question(3).await.unwrap();
        assert!(question.question.contains("function any") && question.of > 200, "{question:?}");
    }
}
