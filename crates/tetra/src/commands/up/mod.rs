//! `tetra up`.

use crate::context::Context;
use crate::error::{Class, CliError, Result};

/// Arguments.
#[derive(Debug, clap::Args)]
pub struct Args {}

/// Runs it.
pub async fn run(_context: &Context, _args: Args) -> Result {
    Err(CliError::new(Class::Internal, "not written yet"))
}
