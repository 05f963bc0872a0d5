//! bench
use crate::failure::Result;
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Verb {
    Deploy,
}
pub(crate) fn run(_verb: &Verb) -> Result {
    Ok(())
}
