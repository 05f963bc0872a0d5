//! `tetra token`: the rules of coins, as they stand now.

use super::subnet::forecast::{self, Assume};
use crate::context::Context;
use crate::error::Result;

/// Verbs.
#[derive(Debug, clap::Subcommand)]
pub enum Verb {
    /// WIT in existence, where it lies, and when its emission halves next
    Halving(Assume),
}

/// Runs one.
///
/// # Errors
/// Why it failed.
pub async fn run(context: &Context, verb: Verb) -> Result {
    match verb {
        Verb::Halving(assume) => forecast::halving(context, &assume).await,
    }
}
