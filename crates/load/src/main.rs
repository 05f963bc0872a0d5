//! Load for one machine: signed transfers at a rising rate through RPC, and chains that carry many leases. It runs real
//! nodes as processes of their own on 127.0.0.1 and prints what it saw as JSON; `cargo xtask bench chain` reads it.
//!
//! | module | what it holds |
//! |---|---|
//! | `verify` | how many signatures this machine verifies, for comparison |
//! | `accounts` | who sends, and transfers signed beforehand |
//! | `network` | folders, processes, and what the operating system says of them |
//! | `blocks` | blocks as a subscriber sees them |
//! | `steps` | one rate for some seconds: offered, admitted, committed, how late |
//! | `transfers` | rates rising to saturation |
//! | `subnets` | a genesis with many subnets whose weights are all set once a tempo, and the interval between its blocks |
//! | `hires` | quotes and hires in a market with many devices, by the chain's own code |
//! | `overlay` | the overlay of a cluster beside a plain link |
//! | `leases` | a genesis with many open leases, and the interval between its blocks |

#![deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::unreachable)]

mod accounts;
mod blocks;
mod hires;
mod leases;
mod network;
mod overlay;
mod steps;
mod subnets;
mod transfers;
mod verify;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;

/// Load for one machine; prints JSON.
#[derive(Debug, Parser)]
#[command(name = "load")]
enum Verb {
    /// Signatures verified per second by the code that the chain uses
    Verify {
        /// Threads
        #[arg(long, default_value_t = 2)]
        threads: usize,
    },
    /// Signed transfers at a rising rate until the chain commits no more
    Transfers(transfers::Args),
    /// The interval between blocks of a chain with many open leases
    Leases(leases::Args),
    /// The interval between blocks of a chain with many subnets, all of whose weights are set once a tempo
    Subnets(subnets::Args),
    /// Decisions of reservation in a market with many devices
    Hires(hires::Args),
    /// The overlay of a cluster beside a plain link between the same two network namespaces
    Overlay(overlay::Args),
}

/// Options of everything that starts nodes.
#[derive(Clone, Debug, clap::Args)]
struct Chain {
    /// The program that runs nodes
    #[arg(long)]
    tetra: PathBuf,
    /// From one block to the next, in milliseconds
    #[arg(long, default_value_t = 500)]
    interval_ms: u64,
}

/// What went wrong.
#[derive(Debug, thiserror::Error)]
enum LoadError {
    /// The file system or a process.
    #[error("{what}: {source}")]
    Io {
        /// What was done.
        what: String,
        /// Why it failed.
        source: std::io::Error,
    },
    /// A node's answer, or that there was none.
    #[error("{0}")]
    Node(String),
    /// The chain to be measured could not be made.
    #[error("the chain to measure cannot be made: {0}")]
    Chain(String),
}

type Result<T> = std::result::Result<T, LoadError>;

impl LoadError {
    fn io(what: impl Into<String>) -> impl FnOnce(std::io::Error) -> Self {
        let what = what.into();
        move |source| Self::Io { what, source }
    }

    fn node(error: impl std::fmt::Display) -> Self {
        Self::Node(error.to_string())
    }

    fn chain(error: impl std::fmt::Display) -> Self {
        Self::Chain(error.to_string())
    }
}

#[tokio::main]
async fn main() -> ExitCode {
    let seen = match Verb::parse() {
        Verb::Verify { threads } => verify::run(threads),
        Verb::Transfers(args) => transfers::run(args).await,
        Verb::Leases(args) => leases::run(args).await,
        Verb::Subnets(args) => subnets::run(args).await,
        Verb::Hires(args) => hires::run(&args),
        Verb::Overlay(args) => overlay::run(&args).await,
    };
    match seen {
        Ok(seen) => {
            println!("{seen:#}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}
