//! Providers: who offers hardware, where to reach it, and what it claims of itself.
//!
//! ```text
//!   create ──> registered ──delete (no active leases)──> gone, may register again
//!                └─update┘
//! ```
//!
//! The wire is `akash.provider.v1beta4` (spec/akash.md 1.8). Unlike upstream, a provider can be deleted, but not while
//! it has active leases, which markets count in [`leases`].

pub mod attributes;
pub mod events;
pub mod genesis;
pub mod invariants;
pub mod leases;
pub mod messages;
pub mod queries;
pub mod refusals;
pub mod state;
pub mod uri;

use primitives::Address;
use proto::akash::provider::v1beta4::{MsgCreateProvider, MsgDeleteProvider, MsgUpdateProvider, Provider};
use store::Module;

use crate::context::Context;
use crate::failure::Failure;
use crate::routes::{MessageRoute, QueryRoute};

pub use genesis::Genesis;

/// The tree of this part.
pub const MODULE: Module = Module("provider");

/// The messages of `akash.provider.v1beta4`.
pub fn message_routes() -> Vec<MessageRoute> {
    vec![
        MessageRoute::new(|msg: &MsgCreateProvider| msg.owner.clone(), messages::create_provider),
        MessageRoute::new(|msg: &MsgUpdateProvider| msg.owner.clone(), messages::update_provider),
        MessageRoute::new(|msg: &MsgDeleteProvider| msg.owner.clone(), messages::delete_provider),
    ]
}

/// The queries of `akash.provider.v1beta4`.
pub fn query_routes() -> Vec<QueryRoute> {
    vec![
        QueryRoute::new("/akash.provider.v1beta4.Query/Providers", queries::providers),
        QueryRoute::new("/akash.provider.v1beta4.Query/Provider", queries::provider),
    ]
}

/// The provider of an owner, if it is registered.
///
/// # Errors
/// When the state fails.
pub fn get(ctx: &Context, owner: &Address) -> Result<Option<Provider>, Failure> {
    Ok(state::PROVIDERS.get(&ctx.state, owner)?)
}

#[cfg(test)]
mod tests;
