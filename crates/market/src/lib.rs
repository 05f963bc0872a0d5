//! The deployment market: tenants ask for a running service, providers bid, the tenant takes a bid.
//!
//! The wire is Akash's: `akash.deployment.v1beta4` and `akash.market.v1beta5` (spec/akash.md 1.2 to 1.8, 1.13 to 1.16).
//!
//! ```text
//! deployment  active ──tenant, or its escrow account ends──▶ closed
//!
//! group       open ◀──tenant starts──▶ paused        open, paused ──tenant, deployment ends──▶ closed
//!                  tenant pauses, provider leaves                  └─escrow runs out──▶ insufficient_funds
//!
//! order       open ──tenant takes a bid──▶ active ──lease ends──▶ closed
//!               └──────group paused, closed───────────────────────▶
//!
//! bid         open ──tenant takes it──▶ active ──lease ends──▶ closed
//!               ├──tenant takes another──▶ lost
//!               └──provider, or its order ends──▶ closed
//!
//! lease       active ──provider asks it back──▶ reclaiming
//!               └─────────────────────────────────┴──tenant; provider, after a reclaiming window──▶ closed
//!                                                 └──escrow runs out──▶ insufficient_funds
//! ```
//!
//! When the tenant closes a lease, its group stays open and a new order follows. When the provider leaves, the group is
//! paused. A bid has a deposit in escrow and holds hardware softly; a lease pays per block and holds it firmly.
//!
//! | module | what it holds |
//! |---|---|
//! | [`ids`] | names of things: typed, as keys, as text |
//! | [`deployment`] | deployments and groups |
//! | [`auction`] | orders, bids, leases |
//! | [`react`] | what happens when escrow or hardware ends |
//! | [`table`], [`listing`] | collections with indices, filters and pages |
//! | [`genesis`], [`invariants`] | of both trees |

// The rules of the deterministic floors; types and methods that are refused stand in clippy.toml.
#![deny(clippy::disallowed_types, clippy::disallowed_methods, clippy::float_arithmetic)]
#![deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::unreachable)]
#![deny(clippy::indexing_slicing, clippy::string_slice, clippy::print_stdout, clippy::print_stderr)]

pub mod auction;
pub mod deployment;
pub mod genesis;
pub mod ids;
pub mod invariants;
pub mod listing;
mod react;
pub mod refusal;
pub mod table;
mod wire;

use ledger::{MessageRoute, QueryRoute};
use store::Module;

pub use genesis::Genesis;
pub use ids::{BidId, DeploymentId, GroupId, LeaseId, OrderId};
pub use react::react;

/// The trees of this market.
pub const MODULES: [Module; 2] = [deployment::MODULE, auction::MODULE];

/// Its messages.
pub fn message_routes() -> Vec<MessageRoute> {
    let mut routes = deployment::messages::routes();
    routes.extend(auction::messages::routes());
    routes
}

/// Its queries.
pub fn query_routes() -> Vec<QueryRoute> {
    let mut routes = deployment::queries::routes();
    routes.extend(auction::queries::routes());
    routes
}

#[cfg(test)]
mod tests;
