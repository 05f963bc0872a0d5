//! The market of subnets: miners compete, validators weigh them, Yuma consensus pays both (spec/bittensor.md).
//!
//! ```text
//! hotkey   bound to a coldkey ──swapped for another──▶ gone         its stake is money of coldkeys, shared by a pool
//!
//! subnet   created ──limit reached, past its immunity, weakest──▶ pruned
//!
//! neuron   registered ──the subnet is full, somebody registers──▶ replaced
//!            └─ immune for a while; permit ◀──epoch──▶ no permit
//!
//! weights  set ──epoch──▶ incentives              committed ──epochs pass──▶ revealed, or dropped
//!
//! emission minted by time ──shares──▶ pending of a subnet ──epoch──▶ owner, miners, validators, or recycled
//! ```
//!
//! | module | what it holds |
//! |---|---|
//! | [`ids`], [`params`] | names of things; what the authority sets for all subnets |
//! | [`key`] | hotkeys, whose they are, who acts for them; stakes and takes |
//! | [`network`] | subnets and their rules, neurons, what registering costs, who makes room |
//! | [`weight`] | what validators say of miners, and root of subnets; commitments |
//! | [`epoch`] | how much WIT comes into being, how subnets share it, what an epoch pays and why |
//! | [`react`] | what happens when a pinned machine is gone |
//! | [`genesis`], [`invariants`] | of all trees |
//!
//! All WIT of this market lies in three accounts: of stakes, of locks, of emission that no epoch has paid yet. The supply of
//! WIT is therefore balances + stakes + locks + pending after every block, which [`invariants`] checks.

// The rules of the deterministic floors; types and methods that are refused stand in clippy.toml.
#![deny(clippy::disallowed_types, clippy::disallowed_methods, clippy::float_arithmetic)]
#![deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::unreachable)]
#![deny(clippy::indexing_slicing, clippy::string_slice, clippy::print_stdout, clippy::print_stderr)]

pub mod epoch;
pub mod genesis;
pub mod ids;
pub mod invariants;
pub mod key;
pub mod network;
pub mod params;
mod react;
pub mod refusal;
pub mod weight;
mod wit;

use ledger::{Context, Failure, MessageRoute, QueryRoute};
use store::Module;

pub use genesis::Genesis;
pub use react::react;

/// The trees of this market.
pub const MODULES: [Module; 4] = [epoch::MODULE, key::MODULE, network::MODULE, weight::MODULE];

/// Its messages.
pub fn message_routes() -> Vec<MessageRoute> {
    let mut routes = key::messages::routes();
    routes.extend(network::messages::routes());
    routes.extend(weight::messages::routes());
    routes
}

/// Its queries.
pub fn query_routes() -> Vec<QueryRoute> {
    let mut routes = key::queries::routes();
    routes.extend(network::queries::routes());
    routes.extend(weight::queries::routes());
    routes.extend(epoch::queries::routes());
    routes
}

/// Begins a block: emission of the time since the last one, root's word on shares, and at most one subnet's epoch.
///
/// # Errors
/// When the state fails.
pub fn begin_block(ctx: &mut Context) -> Result<(), Failure> {
    epoch::emission::accrue(ctx)?;
    epoch::sharing::begin_block(ctx)?;
    epoch::running::begin_block(ctx)
}

#[cfg(test)]
mod tests;
