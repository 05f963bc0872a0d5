//! Random scenarios of a whole network in one thread, one a seed.

use crate::failure::{Failure, Result};
use crate::shell;

/// Options of `chaos`.
#[derive(Debug, Default, clap::Args)]
pub(crate) struct Args {
    /// How many seeds; each is played twice, and both runs must give the same trace
    #[arg(long, default_value_t = 200)]
    pub(crate) seeds: u64,
    /// The first seed
    #[arg(long, default_value_t = 0)]
    pub(crate) from: u64,
    /// This seed alone
    #[arg(long, conflicts_with_all = ["seeds", "from"])]
    pub(crate) seed: Option<u64>,
    /// So many of the four validators lie, beside the one that a seed may choose; two break what is promised
    #[arg(long, default_value_t = 0)]
    pub(crate) liars: u8,
    /// Print all that happens to the network; for one seed
    #[arg(long, requires = "seed")]
    pub(crate) trace: bool,
}

/// Builds the simulator and plays.
///
/// # Errors
/// When a seed fails; it was named with the command that plays it again.
pub(crate) fn run(args: &Args) -> Result {
    let mut command = shell::cargo();
    command.args(["run", "--quiet", "--package", "sim", "--bin", "chaos", "--"]);
    match args.seed {
        Some(seed) => command.args(["--seed", &seed.to_string()]),
        None => command.args(["--seeds", &args.seeds.to_string(), "--from", &args.from.to_string()]),
    };
    if args.liars > 0 {
        command.args(["--liars", &args.liars.to_string()]);
    }
    if args.trace {
        command.arg("--trace");
    }
    shell::show(&mut command).map_err(|_| Failure::new("the network did not hold, see above"))
}
