//! Auditors' signatures: which attributes of a provider somebody else vouches for.
//!
//! ```text
//!   sign ──> signed ──delete some──> fewer signed ──delete the rest──> gone
//!              └─sign: new ones are added, values of known ones replaced
//! ```
//!
//! The wire is `akash.audit.v1` (spec/akash.md 1.8). Any account may sign for any other, itself included: whose
//! signature counts is the tenant's choice (`signedBy` of an order). What is signed is kept as long as the auditor
//! leaves it, whether the provider is registered or not; orders look only at registered ones. There are no parameters.

pub mod events;
pub mod genesis;
pub mod invariants;
pub mod messages;
pub mod queries;
pub mod refusals;
pub mod state;

use primitives::Address;
use proto::akash::audit::v1::{MsgDeleteProviderAttributes, MsgSignProviderAttributes};
use proto::akash::base::attributes::v1::Attribute;
use store::Module;

use crate::context::Context;
use crate::failure::Failure;
use crate::routes::{MessageRoute, QueryRoute};

pub use genesis::Genesis;

/// The tree of this part.
pub const MODULE: Module = Module("audit");

/// The messages of `akash.audit.v1`.
pub fn message_routes() -> Vec<MessageRoute> {
    vec![
        MessageRoute::new(|msg: &MsgSignProviderAttributes| msg.auditor.clone(), messages::sign_provider_attributes),
        MessageRoute::new(
            |msg: &MsgDeleteProviderAttributes| msg.auditor.clone(),
            messages::delete_provider_attributes,
        ),
    ]
}

/// The queries of `akash.audit.v1`.
pub fn query_routes() -> Vec<QueryRoute> {
    vec![
        QueryRoute::new("/akash.audit.v1.Query/AllProvidersAttributes", queries::all_providers_attributes),
        QueryRoute::new("/akash.audit.v1.Query/ProviderAttributes", queries::provider_attributes),
        QueryRoute::new("/akash.audit.v1.Query/ProviderAuditorAttributes", queries::provider_auditor_attributes),
        QueryRoute::new("/akash.audit.v1.Query/AuditorAttributes", queries::auditor_attributes),
    ]
}

/// What an auditor signed for a provider, in order of key; empty when it signed nothing.
///
/// # Errors
/// When the state fails.
pub fn signed(ctx: &Context, owner: &Address, auditor: &Address) -> Result<Vec<Attribute>, Failure> {
    let signed = state::SIGNED.get(&ctx.state, &(*owner, *auditor))?;
    Ok(signed.map(|signed| signed.attributes).unwrap_or_default())
}

#[cfg(test)]
mod tests;
