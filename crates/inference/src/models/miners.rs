//! Miners of the built-in tasks: they search, train and draw for real, and answer as a program behind a miner.

use std::path::Path;
use std::process::Stdio;

use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Command;

use super::{ModelError, io, python, setup};
use crate::miner::exec::Program;

/// What a built-in miner does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Searches in Python's documentation by embeddings.
    Search,
    /// Trains a small language model and publishes it.
    Pretraining,
    /// Draws digits with a generator that it trains.
    Image,
    /// Makes embeddings.
    Embeddings,
}

impl Kind {
    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Search => "search",
            Self::Pretraining => "pretraining",
            Self::Image => "image",
            Self::Embeddings => "embeddings",
        }
    }
}

fn arguments(kind: Kind, folder: &Path, seed: u64, what: &str) -> Vec<String> {
    let folder = folder.display().to_string();
    ["-I", "-c", python::MINER, kind.name(), &folder, &seed.to_string(), what].map(str::to_owned).to_vec()
}

/// Trains where there is something to train, which takes seconds, and keeps the result in a folder. `tell` gets what it says meanwhile.
///
/// # Errors
/// When the models are not installed, or the program fails.
pub async fn prepare(
    environment: &Path,
    kind: Kind,
    folder: &Path,
    seed: u64,
    tell: &(dyn Fn(&str) + Send + Sync),
) -> Result<(), ModelError> {
    let python = setup::python(environment)?;
    let mut child = Command::new(python)
        .args(arguments(kind, folder, seed, "prepare"))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .map_err(io("starting the miner's program"))?;
    if let Some(output) = child.stdout.take() {
        let mut lines = BufReader::new(output).lines();
        while let Some(line) = lines.next_line().await.map_err(io("reading of the miner's program"))? {
            tell(&line);
        }
    }
    let status = child.wait().await.map_err(io("waiting for the miner's program"))?;
    if status.success() { Ok(()) } else { Err(ModelError::Silent(format!("it ended with {status}"))) }
}

/// The program that answers, once [`prepare`] has run.
///
/// # Errors
/// When the models are not installed.
pub fn program(environment: &Path, kind: Kind, folder: &Path, seed: u64) -> Result<Program, ModelError> {
    Ok(Program { path: setup::python(environment)?, args: arguments(kind, folder, seed, "serve") })
}
