//! The take: what part of a payment goes to the community pool, per denom.
//!
//! One table serves all hired hardware. The wire is `akash.take.v1`; rates are whole percent.

pub mod genesis;
pub mod invariants;
pub mod messages;
pub mod params;
pub mod queries;
pub mod state;

use primitives::Denom;
use proto::akash::take::v1::MsgUpdateParams;
use store::Module;

use crate::context::Context;
use crate::failure::Failure;
use crate::routes::{MessageRoute, QueryRoute};

pub use genesis::Genesis;
pub use params::{Params, params};

/// The tree of this part.
pub const MODULE: Module = Module("take");

/// The messages of `akash.take.v1`.
pub fn message_routes() -> Vec<MessageRoute> {
    vec![MessageRoute::new(|msg: &MsgUpdateParams| msg.authority.clone(), messages::update_params)]
}

/// The queries of `akash.take.v1`.
pub fn query_routes() -> Vec<QueryRoute> {
    vec![QueryRoute::new("/akash.take.v1.Query/Params", queries::params)]
}

/// The take of payments in a denom, in percent: 0 to 100.
///
/// # Errors
/// When the state fails.
pub fn rate(ctx: &Context, denom: &Denom) -> Result<u32, Failure> {
    Ok(params(ctx)?.rate(denom))
}

#[cfg(test)]
mod tests;
