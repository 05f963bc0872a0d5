//! `tetra completions`.

use clap::CommandFactory;
use clap_complete::Shell;

use crate::cli::Cli;
use crate::error::Result;

/// Arguments.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Which shell
    shell: Shell,
}

/// Prints the completions.
///
/// # Errors
/// None.
pub fn run(args: Args) -> Result {
    clap_complete::generate(args.shell, &mut Cli::command(), "tetra", &mut std::io::stdout());
    Ok(())
}
