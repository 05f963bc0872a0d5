//! What always holds of providers.

use super::state::{ACTIVE_LEASES, PROVIDERS};
use crate::context::Context;

/// Broken promises: a provider stands under its owner's address, and who has active leases is registered.
///
/// # Errors
/// When the state fails.
pub fn check(ctx: &Context) -> Result<Vec<String>, store::Error> {
    let mut broken = Vec::new();
    for (owner, provider) in PROVIDERS.all(&ctx.state)? {
        if provider.owner != ctx.text(&owner) {
            broken.push(format!("provider {} stands under {}", provider.owner, ctx.text(&owner)));
        }
    }
    for (owner, count) in ACTIVE_LEASES.all(&ctx.state)? {
        let owner_text = ctx.text(&owner);
        if count == 0 || !PROVIDERS.has(&ctx.state, &owner)? {
            broken.push(format!("{owner_text} is counted with {count} active leases, but cannot have them"));
        }
    }
    Ok(broken)
}
