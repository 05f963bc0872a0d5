//! The market of clusters: machines of many suppliers, proved by each other, hired together, paid for while they work
//! (spec/render_ionet.md part B).
//!
//! ```text
//! offer    pending ──proof passed, tried by strangers──▶ ready ◀──some given back── hired        paused ◀──its owner──▶ (as it was)
//!                                      ├──all hired──▶ hired
//!                                      ├──no proof in time──▶ failed ──next round──▶ ready
//!                                      ├──no sign of life──▶ inactive ──beat──▶ (as it was)
//!                                      └──proof found wrong──▶ blocked
//!
//! round    open (commitments) ──deadline──▶ drawn (verdicts) ──time──▶ closed ──next beacon──▶ open
//!
//! quote    held ──taken──▶ cluster          held ──its blocks pass──▶ gone
//!
//! cluster  forming ──all reach all──▶ running ◀──replaced── degraded
//!             │                          ├──a node is lost──▶ degraded
//!             └──not in time──▶ failed   └──tenant, time, funds, idle──▶ stopped
//!
//! node     starting ──its agent──▶ joined ──all reach all──▶ running (paid) ──lost, released──▶ ended
//! ```
//!
//! | module | what it holds |
//! |---|---|
//! | [`ids`], [`params`], [`money`] | names of things; what the authority sets; the market's coin |
//! | [`supply`] | offers, rounds of proofs and their verdicts, classes and their prices |
//! | [`hire`] | quotes, clusters, formation, losses and replacements, bills |
//! | [`react`] | what happens when a hold or an account ends |
//! | [`genesis`], [`invariants`] | of both trees |
//!
//! Nothing that was not proved within the last round is counted or offered.

// The rules of the deterministic floors; types and methods that are refused stand in clippy.toml.
#![deny(clippy::disallowed_types, clippy::disallowed_methods, clippy::float_arithmetic)]
#![deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::unreachable)]
#![deny(clippy::indexing_slicing, clippy::string_slice, clippy::print_stdout, clippy::print_stderr)]

pub mod genesis;
pub mod hire;
pub mod ids;
pub mod invariants;
pub mod money;
mod overlay;
pub mod params;
mod react;
pub mod refusal;
pub mod supply;

use ledger::{Context, Failure, MessageRoute, QueryRoute};
use store::Module;

pub use genesis::Genesis;
pub use ids::{ClusterId, OfferId};
pub use react::react;

/// The trees of this market.
pub const MODULES: [Module; 2] = [hire::MODULE, supply::MODULE];

/// Its messages.
pub fn message_routes() -> Vec<MessageRoute> {
    let mut routes = supply::messages::routes();
    routes.extend(hire::messages::routes());
    routes
}

/// Its queries.
pub fn query_routes() -> Vec<QueryRoute> {
    let mut routes = supply::queries::routes();
    routes.extend(hire::queries::routes());
    routes
}

/// Begins a block: rounds of proofs open and are drawn, prices move.
///
/// # Errors
/// When the state fails.
pub fn begin_block(ctx: &mut Context) -> Result<(), Failure> {
    supply::round::begin_block(ctx)?;
    supply::class::begin_block(ctx)
}

/// Ends a block: what time does to offers, quotes and clusters.
///
/// # Errors
/// When the state fails.
pub fn end_block(ctx: &mut Context) -> Result<(), Failure> {
    supply::verdict::end_block(ctx)?;
    supply::rewards::end_block(ctx)?;
    supply::timers::end_block(ctx)?;
    hire::timers::end_block(ctx)
}

#[cfg(test)]
mod tests;
