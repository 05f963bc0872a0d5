//! The market of renders: creators submit scenes, nodes render frames, auditors prove them, approval pays.
//!
//! ```text
//! node    ready ◀──schedule──▶ asleep      ready, asleep ──no sign──▶ offline ──sign──▶ ready
//!           ├──a firm hold takes its machine──▶ yielded ─┐
//!           ├──its owner────────────────────▶ disabled ──┴──enabled again──▶ ready
//!           └──three proven faults──▶ banned
//!
//! job     queued ──first unit──▶ rendering ──all units there──▶ review ──all approved──▶ done
//!           │  ▲ paused_funds, paused_ceiling (credits, a higher ceiling)     │
//!           │  └─────────── a unit rejected or disproved ─────────────────────┘
//!           ├──creator──▶ cancelled     ├──deadline──▶ expired
//!           └──rejected too often, too many failed──▶ quarantined ──creator──▶ cancelled
//!
//! unit    pending ──dispatch──▶ assigned ──its node──▶ committed ──drawn──▶ auditing
//!           ▲ ▲                    │                       └──not drawn─┐      │ honest, undecided
//!           │ └─ no progress, gone ┘                                    ▼      ▼
//!           └──────── rejected, proven wrong, silent ──────────────── review ──creator, silence──▶ approved
//!         pending ──three nodes failed──▶ failed        pending, assigned ──its job ends──▶ cancelled
//!
//! audit   waiting ──beacon──▶ committing ──auditors──▶ opening ──node, auditors──▶ closed
//!                                 ▲──────third opinion, appeal────────┘ ◀───────────┘
//! ```
//!
//! | module | what it holds |
//! |---|---|
//! | [`ids`], [`engine`], [`time`] | names of things; what makes the same pixels; milliseconds |
//! | [`node`] | who renders: windows, beats, sleep, evidence, what is kept back |
//! | [`job`] | what is to be rendered: units, dispatch, review, timers |
//! | [`proof`] | whether it was rendered: commitments, draws, audits, verdicts, appeals |
//! | [`credit`], [`epoch`] | what creators pay with; what nodes earn, prices, parameters |
//! | [`react`] | what happens when a window ends |
//! | [`genesis`], [`invariants`] | of all trees |

// The rules of the deterministic floors; types and methods that are refused stand in clippy.toml.
#![deny(clippy::disallowed_types, clippy::disallowed_methods, clippy::float_arithmetic)]
#![deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::unreachable)]
#![deny(clippy::indexing_slicing, clippy::string_slice, clippy::print_stdout, clippy::print_stderr)]

pub mod credit;
pub mod engine;
pub mod epoch;
pub mod genesis;
pub mod ids;
pub mod invariants;
pub mod job;
pub mod node;
pub mod proof;
mod react;
pub mod refusal;
pub mod time;

use ledger::{Context, Failure, MessageRoute, QueryRoute};
use store::Module;

pub use genesis::Genesis;
pub use ids::{JobId, NodeId, UnitId};
pub use react::react;

/// The trees of this market.
pub const MODULES: [Module; 5] = [credit::MODULE, epoch::MODULE, node::MODULE, job::MODULE, proof::MODULE];

/// Its messages.
pub fn message_routes() -> Vec<MessageRoute> {
    let mut routes = node::messages::routes();
    routes.extend(credit::message_routes());
    routes.extend(epoch::message_routes());
    routes.extend(job::messages::routes());
    routes.extend(proof::messages::routes());
    routes
}

/// Its queries.
pub fn query_routes() -> Vec<QueryRoute> {
    let mut routes = node::queries::routes();
    routes.extend(credit::query_routes());
    routes.extend(epoch::query_routes());
    routes.extend(job::queries::routes());
    routes.extend(proof::queries::routes());
    routes
}

/// Begins a block: units are handed out, by the state after the last block alone, so that it can be explained from there.
///
/// # Errors
/// When the state fails.
pub fn begin_block(ctx: &mut Context) -> Result<(), Failure> {
    job::dispatch::begin_block(ctx)?;
    epoch::begin_block(ctx)
}

/// Ends a block: nodes that slept, woke or vanished; audits whose beacon or time has come; units and jobs whose time has.
///
/// # Errors
/// When the state fails.
pub fn end_block(ctx: &mut Context) -> Result<(), Failure> {
    node::timers::end_block(ctx)?;
    proof::end_block(ctx)?;
    job::timers::end_block(ctx)
}

#[cfg(test)]
mod support;
#[cfg(test)]
mod tests;
