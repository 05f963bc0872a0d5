//! `tetra status`.

use crate::context::Context;
use crate::error::{Class, CliError, Result};

/// Runs it.
pub async fn run(_context: &Context) -> Result {
    Err(CliError::new(Class::Internal, "not written yet"))
}
