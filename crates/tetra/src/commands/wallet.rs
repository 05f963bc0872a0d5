//! `tetra wallet`.

use crate::context::Context;
use crate::error::{Class, CliError, Result};

/// Verbs.
#[derive(Debug, clap::Subcommand)]
pub enum Verb {
    /// List
    List,
}

/// Runs one.
pub async fn run(_context: &Context, _verb: Verb) -> Result {
    Err(CliError::new(Class::Internal, "not written yet"))
}
