//! What tenants hire: quotes, clusters, their formation, losses, bills.

pub mod ask;
pub mod billing;
pub mod choice;
pub mod events;
pub mod formation;
pub mod loss;
pub mod messages;
pub mod nodes;
pub mod queries;
pub mod quote;
pub mod state;
pub mod stopping;
pub mod timers;

use store::Module;

/// The tree of quotes and clusters.
pub const MODULE: Module = Module("cluster");
/// The market's name in the capacity ledger.
pub const MARKET: &str = "cluster";
