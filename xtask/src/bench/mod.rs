//! Measurements, as ratios within one run.
//!
//! | module | what it measures |
//! |---|---|
//! | `deploy` | from the command to HTTP 200, beside plain runc |
//! | `chain` | signed transfers through RPC into blocks, beside what the machine verifies; memory; leases |
//! | `cluster` | from `cluster create` to Ray's first task beside Ray by hand; the overlay beside a plain link; decisions among many devices |
//! | `by_hand` | Ray without Tetra, for `cluster` |
//! | `gateway` | questions through gateway and miner, beside the same model asked directly |
//! | `render` | a job beside plain Blender, decisions of dispatch, upload of a scene that changed a little |
//! | `subnets` | the interval between blocks while all weights of many subnets are set, beside an empty chain |
//! | `yuma` | one epoch of Yuma consensus, beside what the chain's own code takes |

mod by_hand;
mod chain;
mod cluster;
mod deploy;
mod gateway;
mod render;
mod subnets;
mod yuma;

use crate::failure::Result;

/// What to measure.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Verb {
    /// From `tetra deploy` to HTTP 200, phase by phase, beside the same bundle started with plain runc
    Deploy(deploy::Args),
    /// Signed transfers per second through RPC into committed blocks, memory, and the cost of open leases
    Chain(chain::Args),
    /// From `cluster create` to Ray's first task, the overlay beside a plain link, reservations among many devices
    Cluster(cluster::Args),
    /// Questions through gateway and miner, beside the same model asked directly
    Gateway(gateway::Args),
    /// Frames beside plain Blender, decisions of dispatch, upload of a scene that changed a little
    Render(render::Args),
    /// The interval between blocks while all weights of many subnets are set each tempo, beside an empty chain
    Subnets(subnets::Args),
    /// One epoch of Yuma consensus: rule sets, sizes, sparse and all-to-all
    Yuma(yuma::Args),
}

/// Runs it.
///
/// # Errors
/// When a step fails.
pub(crate) fn run(verb: &Verb) -> Result {
    match verb {
        Verb::Deploy(args) => deploy::run(args),
        Verb::Chain(args) => chain::run(args),
        Verb::Cluster(args) => cluster::run(args),
        Verb::Gateway(args) => gateway::run(args),
        Verb::Render(args) => render::run(args),
        Verb::Subnets(args) => subnets::run(args),
        Verb::Yuma(args) => yuma::run(args),
    }
}
