//! The oracle: what coins are worth, by the median of feeders whom the authority names.
//!
//! Feeders post what they see. The **spot** price of a pair is the median of the feeders' last words that are fresh; it
//! exists while at least a quorum of them is. The **average** is the median weighted by time over a window, kept in
//! buckets, so that the state is bounded however often somebody posts. Nothing runs at the end of a block: what time
//! does to a price is computed when it is posted or looked at.
//!
//! ```text
//! unknown ──first post──▶ stale ──quorum posts──▶ disputed ──they agree──▶ short history ──time──▶ fresh
//!                           ▲                        ▲                           ▲                   ▲ │ spot far from
//!                           └── quorum not fresh ────┴── too few agree ──────────┴── long silence ───┤ ▼ the average
//!                                                                                                deviating
//! ```
//!
//! Only a fresh price may be used; [`require`] refuses the others and says why. A development network may mark its
//! prices as simulated, which every answer repeats; other networks cannot.

pub mod events;
pub mod genesis;
pub mod invariants;
pub mod messages;
pub mod params;
pub mod prices;
pub mod queries;
pub mod refusals;
pub mod state;
pub mod window;

use proto::tetra::oracle::v1::{MsgPostPrices, MsgUpdateParams};
use store::Module;

use crate::routes::{MessageRoute, QueryRoute};

pub use genesis::Genesis;
pub use params::{Params, params};
pub use prices::{EUR_USD, LUX_USD, PAIRS, Quote, TET_USD, View, require, view};

/// The tree of this part.
pub const MODULE: Module = Module("oracle");

/// The messages of `tetra.oracle.v1`.
pub fn message_routes() -> Vec<MessageRoute> {
    vec![
        MessageRoute::new(|msg: &MsgPostPrices| msg.feeder.clone(), messages::post_prices),
        MessageRoute::new(|msg: &MsgUpdateParams| msg.authority.clone(), messages::update_params),
    ]
}

/// The queries of `tetra.oracle.v1`.
pub fn query_routes() -> Vec<QueryRoute> {
    vec![
        QueryRoute::new("/tetra.oracle.v1.Query/Price", queries::price),
        QueryRoute::new("/tetra.oracle.v1.Query/Prices", queries::prices),
        QueryRoute::new("/tetra.oracle.v1.Query/Params", queries::params),
    ]
}

#[cfg(test)]
mod tests;
