//! Embeddings: a miner serves the model that it says it serves.

use std::path::Path;

use async_trait::async_trait;
use serde_json::json;

use super::{Answered, Asked, Question, Reply, Task, TaskError, in_time};
use crate::models::ModelError;
use crate::models::desk::Desk;

/// The least cosine between two computations of one embedding: servers round in their own ways.
const SAME: f64 = 0.99;

/// Embeddings of the model that the desk has.
#[derive(Debug)]
pub struct Embeddings {
    desk: Desk,
}

impl Embeddings {
    /// Opens the desk of an environment.
    ///
    /// # Errors
    /// When the models are not installed.
    pub fn open(environment: &Path) -> Result<Self, TaskError> {
        Ok(Self { desk: Desk::open(environment)? })
    }
}

/// The cosine of two vectors; 0 where they are of two lengths, or nothing.
fn cosine(a: &[f32], b: &[f32]) -> f64 {
    let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum::<f64>();
    let lengths = (dot(a, a) * dot(b, b)).sqrt();
    if a.len() != b.len() || lengths == 0.0 { 0.0 } else { dot(a, b) / lengths }
}

#[async_trait]
impl Task for Embeddings {
    async fn ask(&mut self, seed: u64) -> Result<Asked, TaskError> {
        let passage = self.desk.search(seed).await?.passage;
        Ok(Asked { question: Question::Embed(vec![passage.clone()]), known: json!(passage) })
    }

    async fn score(&mut self, asked: &Asked, answers: &[Answered]) -> Result<Vec<f64>, TaskError> {
        let passage = asked.known.as_str().unwrap_or_default().to_owned();
        let embedded = self.desk.embed(&[passage]).await?;
        let none = || ModelError::Garbled("no embedding".to_owned());
        let wanted = embedded.vectors.first().ok_or_else(none)?;
        let worth = |answer: &Answered| match &answer.said {
            Reply::Vectors(vectors) if vectors.len() == 1 && cosine(&vectors[0], wanted) >= SAME => {
                in_time(answer.took)
            }
            _ => 0.0,
        };
        Ok(answers.iter().map(worth).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vectors_are_compared_by_their_direction() {
        assert!((cosine(&[1.0, 2.0], &[2.0, 4.0]) - 1.0).abs() < 1e-9);
        assert_eq!([cosine(&[1.0, 0.0], &[0.0, 1.0]), cosine(&[1.0], &[1.0, 0.0]), cosine(&[0.0], &[0.0])], [0.0; 3]);
    }
}
