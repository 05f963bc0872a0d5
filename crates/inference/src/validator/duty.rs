//! When a validator sets, commits and reveals its weights, and what it remembers for that.
//!
//! What is committed is written to disk before the commitment is sent: a validator that dies in between still knows what it
//! must reveal, and one whose commitment never came is refused once and forgets it.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::scores::Scores;
use crate::chain::{Chain, ChainFault, Metagraph, Sealed, Weights};
use crate::keys::HotkeyId;

/// Blocks before an epoch in which weights are set or committed, so that they are fresh and still in time.
const WINDOW: u64 = 20;
/// Values of a salt.
const SALT: usize = 8;

/// Why a record cannot be kept.
#[derive(Debug, Error)]
pub enum RecordError {
    /// The file system refused.
    #[error("{path}: {source}")]
    Io {
        /// Where.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file is not a validator's.
    #[error(
        "{path} is no record of a validator: {why}; move it away to begin anew, which forgets scores and commitments"
    )]
    Corrupt {
        /// Where.
        path: PathBuf,
        /// What is wrong.
        why: String,
    },
}

/// Why a duty was not done.
#[derive(Debug, Error)]
pub enum DutyError {
    /// The chain.
    #[error(transparent)]
    Chain(#[from] ChainFault),
    /// The record; nothing is sent that is not remembered.
    #[error(transparent)]
    Record(#[from] RecordError),
}

/// A commitment that waits for its epoch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Waiting {
    /// The epoch in which it was sent.
    pub epoch: u64,
    /// What was committed.
    pub sealed: Sealed,
}

/// What a validator remembers over restarts.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// Its scores.
    pub scores: Scores,
    /// Commitments that wait.
    pub waiting: Vec<Waiting>,
    /// The epoch for which it last set or committed weights.
    pub done: Option<u64>,
}

/// A record in its file.
#[derive(Debug)]
pub struct Book {
    path: PathBuf,
    /// What is remembered.
    pub record: Record,
}

impl Book {
    /// Opens a file, or begins one.
    ///
    /// # Errors
    /// When it cannot be read, or is no record.
    pub fn open(path: impl Into<PathBuf>) -> Result<Self, RecordError> {
        let path = path.into();
        let record = match fs::read(&path) {
            Ok(bytes) => serde_json::from_slice(&bytes)
                .map_err(|error| RecordError::Corrupt { path: path.clone(), why: error.to_string() })?,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Record::default(),
            Err(source) => return Err(RecordError::Io { path, source }),
        };
        Ok(Self { path, record })
    }

    /// Writes it so that a crash leaves the old or the new one, whole.
    ///
    /// # Errors
    /// When the file system refuses.
    pub fn save(&self) -> Result<(), RecordError> {
        let write = |beside: &Path| -> std::io::Result<()> {
            let mut file = fs::File::create(beside)?;
            file.write_all(&serde_json::to_vec(&self.record)?)?;
            file.sync_all()?;
            fs::rename(beside, &self.path)?;
            let folder = self.path.parent().filter(|folder| !folder.as_os_str().is_empty());
            fs::File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
        };
        write(&self.path.with_extension("new")).map_err(|source| RecordError::Io { path: self.path.clone(), source })
    }
}

/// What is due at a height.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Due {
    /// To reveal what was committed.
    Reveal(Waiting),
    /// To forget what can no longer be revealed.
    Forget(Waiting),
    /// To set or commit weights.
    Weigh,
    /// Nothing.
    Nothing,
}

/// What is due now: revelations first, since they have one epoch only.
pub fn due(record: &Record, graph: &Metagraph, hotkey: HotkeyId) -> Due {
    let after = graph.terms.reveal_after.unwrap_or(0);
    for waiting in &record.waiting {
        match (waiting.epoch.saturating_add(after)).cmp(&graph.epoch) {
            std::cmp::Ordering::Equal => return Due::Reveal(waiting.clone()),
            std::cmp::Ordering::Less => return Due::Forget(waiting.clone()),
            std::cmp::Ordering::Greater => {}
        }
    }
    let Some(own) = graph.find(hotkey) else { return Due::Nothing };
    let rested = own.last_update == 0 || graph.height.saturating_sub(own.last_update) >= graph.terms.weights_rate_limit;
    let near = graph.next_epoch.saturating_sub(graph.height) <= WINDOW;
    if near && rested && own.validator && record.done != Some(graph.epoch) { Due::Weigh } else { Due::Nothing }
}

/// Does what is due, once, and tells what it was. `weights` gives the weights where some are due; none leaves it.
///
/// # Errors
/// When the chain cannot be reached, or the record not be kept. What is due then stays due.
pub async fn act(
    chain: &dyn Chain,
    book: &mut Book,
    graph: &Metagraph,
    hotkey: HotkeyId,
    weights: impl FnOnce(&Scores) -> Option<Weights>,
) -> Result<Due, DutyError> {
    let due = due(&book.record, graph, hotkey);
    match &due {
        Due::Nothing => {}
        Due::Forget(waiting) => {
            tracing::warn!(epoch = waiting.epoch, "weights that were committed can no longer be revealed");
            forget(book, waiting)?;
        }
        Due::Reveal(waiting) => match chain.reveal_weights(graph.netuid, &waiting.sealed).await {
            Ok(()) => forget(book, waiting)?,
            Err(ChainFault::Refused(why)) => {
                tracing::warn!(epoch = waiting.epoch, why, "the chain refused to have weights revealed");
                forget(book, waiting)?;
            }
            Err(error) => return Err(error.into()),
        },
        Due::Weigh => {
            let Some(weights) = weights(&book.record.scores) else { return Ok(Due::Nothing) };
            if graph.terms.reveal_after.is_some() {
                let salt = (0..SALT).map(|_| rand::random()).collect();
                let sealed = Sealed { weights, salt };
                book.record.waiting.push(Waiting { epoch: graph.epoch, sealed: sealed.clone() });
                book.record.done = Some(graph.epoch);
                book.save()?;
                if let Err(error) = chain.commit_weights(graph.netuid, &sealed).await {
                    // Whether it came is not known where the chain cannot be reached: what is remembered stays.
                    if matches!(error, ChainFault::Refused(_)) {
                        book.record.waiting.retain(|waiting| waiting.sealed != sealed);
                        book.record.done = None;
                        book.save()?;
                    }
                    return Err(error.into());
                }
            } else {
                chain.set_weights(graph.netuid, &weights).await?;
                book.record.done = Some(graph.epoch);
                book.save()?;
            }
        }
    }
    Ok(due)
}

fn forget(book: &mut Book, waiting: &Waiting) -> Result<(), RecordError> {
    book.record.waiting.retain(|other| other != waiting);
    book.save()
}

#[cfg(test)]
#[path = "duty_tests.rs"]
mod tests;
