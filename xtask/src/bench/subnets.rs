//! The interval between blocks of a chain with many subnets, all of whose validators set all their weights each tempo, beside
//! that of an empty chain in the same run. The chain is made and loaded by the crate `load`; both programs are release builds.

use serde_json::Value;

use super::chain::{load, met, number, program};
use crate::failure::Result;
use crate::shell;

/// The mean interval beside an empty chain's.
const GOAL: f64 = 1.10;

/// Options of `bench subnets`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// From one block to the next, in milliseconds
    #[arg(long, default_value_t = 1_000)]
    interval_ms: u64,
    /// Subnets
    #[arg(long, default_value_t = 32)]
    subnets: u32,
    /// Neurons of each, a quarter of them validators
    #[arg(long, default_value_t = 256)]
    neurons: u32,
    /// Blocks between two epochs of a subnet
    #[arg(long, default_value_t = 120)]
    tempo: u32,
}

/// Runs it.
///
/// # Errors
/// When a program cannot be built, or a run fails.
pub(crate) fn run(args: &Args) -> Result {
    shell::show(shell::cargo().args(["build", "--release", "--locked", "-p", "tetra", "-p", "load"]))?;
    let with = |subnets: u32, blocks: u32| -> Result<Value> {
        let numbers = [
            ("--interval-ms", args.interval_ms.to_string()),
            ("--subnets", subnets.to_string()),
            ("--neurons", args.neurons.to_string()),
            ("--validators", (args.neurons / 4).to_string()),
            ("--tempo", args.tempo.to_string()),
            ("--blocks", blocks.to_string()),
        ];
        let tetra = program("tetra").display().to_string();
        let mut command = vec!["subnets", "--tetra", &tetra];
        command.extend(numbers.iter().flat_map(|(name, number)| [*name, number.as_str()]));
        load(&command)
    };
    let empty = with(0, args.tempo / 2)?;
    let empty = number(&empty, "/before_epochs/mean_ms");
    println!("empty: a block every {empty:.1} ms");
    let full = with(args.subnets, 2 * args.tempo)?;
    println!(
        "{} subnets of {} neurons, {:.0} settings of weights in {:.0} transactions, of which {:.0} committed; at the end {:.0} \
         validators have weights, and there were {:.0} epochs:",
        args.subnets,
        args.neurons,
        number(&full, "/weights_offered"),
        number(&full, "/transactions_offered"),
        number(&full, "/transactions_committed"),
        number(&full, "/validators_with_weights"),
        number(&full, "/epochs"),
    );
    for (name, what) in [("before_epochs", "weights alone"), ("with_epochs", "weights, and an epoch of each subnet")] {
        let of = |field: &str| number(&full, &format!("/{name}/{field}"));
        let ratio = of("mean_ms") / empty.max(1.0);
        println!(
            "{what}: a block every {:.1} ms (p50 {}, p99 {}); beside empty {ratio:.3} (goal: at most {GOAL}): {}",
            of("mean_ms"),
            of("p50_ms"),
            of("p99_ms"),
            met(ratio <= GOAL)
        );
    }
    let megabytes = number(&full, "/resident_bytes") / 1e6;
    println!("the node: {:.1} % of a core, {megabytes:.0} MB", number(&full, "/cpu_percent"));
    Ok(())
}
