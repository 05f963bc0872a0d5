//! Real models from PyPI, as programs beside: a language model behind OpenAI's API, and what tasks need of embeddings.
//!
//! | module | what it holds |
//! |---|---|
//! | [`setup`] | the Python environment with pinned packages |
//! | [`server`] | SmolLM2-135M-Instruct in llama.cpp's server |
//! | [`desk`] | questions, and what answers are worth |
//! | [`miners`] | programs that search, train and draw |
//! | `python` | the programs' texts |
//!
//! Everything is fetched on the user's machine at set-up; nothing of it is part of Tetra.

pub mod desk;
pub mod miners;
mod python;
pub mod server;
pub mod setup;

use std::path::PathBuf;

use thiserror::Error;

/// The name under which the language model is served.
pub const MODEL: &str = "smollm2-135m-instruct";

/// The name under which embeddings are served.
pub const EMBEDDINGS_MODEL: &str = "all-minilm-l6-v2";

/// Why a model cannot be used.
#[derive(Debug, Error)]
pub enum ModelError {
    /// The environment is not there.
    #[error("the models are not installed in {0}: tetra miner install")]
    NotInstalled(PathBuf),
    /// Set-up failed.
    #[error("{0}")]
    Setup(String),
    /// A program could not be started, or its pipe broke.
    #[error("{what}: {source}")]
    Io {
        /// What was done.
        what: String,
        /// Why it failed.
        source: std::io::Error,
    },
    /// A program answered something else than it should.
    #[error("the model's program answered {0:?}")]
    Garbled(String),
    /// A program ended, or gave no answer in time.
    #[error("the model's program gave no answer: {0}")]
    Silent(String),
}

fn io(what: impl Into<String>) -> impl FnOnce(std::io::Error) -> ModelError {
    let what = what.into();
    move |source| ModelError::Io { what, source }
}
