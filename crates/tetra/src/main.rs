//! `tetra`: the one binary. One file per command group stands in [`commands`].
//!
//! Data goes to stdout, talk to stderr. Every command that shows something takes `-o json`.

#![allow(unreachable_pub, reason = "a program has no outside that could reach anything")]

mod amounts;
mod chain;
mod cli;
mod commands;
mod context;
mod error;
mod gateways;
mod money;
mod output;
mod spend;
mod terminal;

use std::process::ExitCode;

use clap::Parser;
use mimalloc::MiMalloc;

use crate::cli::Cli;

/// A node makes and drops millions of small strings a second; glibc's allocator keeps what threads free apart, so that
/// memory grows, and takes a sixth of the time (docs/performance.md).
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> ExitCode {
    // Before anything else: a container's watcher is this program under another argument.
    workload::shim::run_if_asked();
    // Fails only when a provider was installed before, which nothing above does.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let cli = Cli::parse();
    output::start_talk(cli.global.verbose, cli.global.log_format);
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("error: the async runtime does not start: {error}");
            return ExitCode::FAILURE;
        }
    };
    match runtime.block_on(commands::run(cli)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => error.report(),
    }
}
