//! The desk: a Python program that knows what validators ask and what answers are worth.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

use super::{ModelError, io, python, setup};

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

/// A search whose best passage is known.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct Search {
    /// What is searched for.
    pub query: String,
    /// Where it stands.
    pub link: String,
    /// What stands there.
    pub passage: String,
}

/// A published model, tried.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Tried {
    /// Mean loss on held-out text, in nats for a character; none where it is no model.
    pub loss: Option<f64>,
    /// Names its numbers.
    pub digest: Option<String>,
}

/// Embeddings of some texts.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Embedded {
    /// One for each text, of length one.
    pub vectors: Vec<Vec<f32>>,
    /// How many tokens the texts have.
    pub tokens: u64,
}

#[derive(Deserialize)]
struct Worth {
    score: f64,
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
            .args(["-I", "-c", python::DESK])
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

    /// Asks, and reads the answer as what it should be.
    async fn get<T: for<'de> Deserialize<'de>>(&mut self, what: Value) -> Result<T, ModelError> {
        let answer = self.ask(what).await?;
        let garbled = |_| ModelError::Garbled(answer.to_string().chars().take(200).collect());
        T::deserialize(&answer).map_err(garbled)
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
        self.get(json!({ "op": "question", "seed": seed })).await
    }

    /// The search of a number.
    ///
    /// # Errors
    /// When the desk gives none.
    pub async fn search(&mut self, seed: u64) -> Result<Search, ModelError> {
        self.get(json!({ "op": "query", "seed": seed })).await
    }

    /// What an answer to a search is worth, 0 to 1.
    ///
    /// # Errors
    /// When the desk does not tell.
    pub async fn links(&mut self, search: &Search, answer: &str) -> Result<f64, ModelError> {
        let what = json!({ "op": "links", "link": search.link, "passage": search.passage, "answer": answer });
        self.get::<Worth>(what).await.map(|worth| worth.score)
    }

    /// Tries the model that an answer publishes on held-out text, at places that the seed draws.
    ///
    /// # Errors
    /// When the desk does not tell.
    pub async fn loss(&mut self, seed: u64, answer: &str) -> Result<Tried, ModelError> {
        self.get(json!({ "op": "loss", "seed": seed, "answer": answer })).await
    }

    /// What pictures of a digit are worth, 0 to 1.
    ///
    /// # Errors
    /// When the desk does not tell.
    pub async fn pictures(&mut self, digit: u64, count: u64, answer: &str) -> Result<f64, ModelError> {
        let what = json!({ "op": "digits", "digit": digit, "count": count, "answer": answer });
        self.get::<Worth>(what).await.map(|worth| worth.score)
    }

    /// Embeddings of texts.
    ///
    /// # Errors
    /// When the desk gives none.
    pub async fn embed(&mut self, texts: &[String]) -> Result<Embedded, ModelError> {
        self.get(json!({ "op": "embed", "texts": texts })).await
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
