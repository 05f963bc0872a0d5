//! The developers' commands.
//!
//! | module | what it holds |
//! |---|---|
//! | `test` | all that CI runs, in order |
//! | `setup` | system packages |
//! | `floors` | which crate stands on which floor, and the arrow test |
//! | `licences` | what `deny.toml` allows, checked without cargo-deny |
//! | `demo` | the main job, end to end, with its money checked |
//! | `bench` | measurements, as ratios within one run |
//! | `chaos` | a whole network in one thread, under random faults |
//! | `fuzz` | libFuzzer over every decoder of foreign bytes |
//! | `metadata`, `shell`, `http`, `failure` | cargo's view of the workspace; programs; servers; what went wrong |

#![deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::unreachable)]

mod bench;
mod chaos;
mod demo;
mod failure;
mod floors;
mod fuzz;
mod http;
mod licences;
mod metadata;
mod setup;
mod shell;
mod test;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// The developers' commands of Tetra
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// All that CI runs, in order, to the first failure
    Test(test::Args),
    /// The main job end to end: network, image, auction, container, page, bill
    Demo(demo::Args),
    /// Measurements, as ratios within one run
    #[command(subcommand)]
    Bench(bench::Verb),
    /// A whole network in one thread under random faults, one scenario a seed
    Chaos(chaos::Args),
    /// libFuzzer over every decoder of foreign bytes: a minute each, and replay of what it found
    Fuzz(fuzz::Args),
    /// Install the system packages that are missing
    Setup,
    /// Check that crates depend on each other along the floors of ARCHITECTURE.md only
    Arrows,
    /// Check licences, banned crates and sources of all dependencies against deny.toml
    Licences,
}

fn main() -> ExitCode {
    let done = match Cli::parse().command {
        Command::Test(args) => test::run(&args),
        Command::Demo(args) => demo::run(&args),
        Command::Bench(verb) => bench::run(&verb),
        Command::Chaos(args) => chaos::run(&args),
        Command::Fuzz(args) => fuzz::run(&args),
        Command::Setup => setup::run(setup::ALL),
        Command::Arrows => floors::run(),
        Command::Licences => licences::run(),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("{failure}");
            ExitCode::FAILURE
        }
    }
}
