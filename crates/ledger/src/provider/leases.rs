//! How many active leases a provider has. Markets count here, so that no provider goes while it serves.

use primitives::Address;

use super::refusals;
use super::state::{ACTIVE_LEASES, PROVIDERS};
use crate::context::Context;
use crate::failure::{Failure, Rejection};

/// How many active leases a provider has.
///
/// # Errors
/// When the state fails.
pub fn count(ctx: &Context, owner: &Address) -> Result<u64, Failure> {
    Ok(ACTIVE_LEASES.get(&ctx.state, owner)?.unwrap_or(0))
}

/// A lease of the provider became active.
///
/// # Errors
/// `provider` 3 when it is not registered (any more). When the state fails.
pub fn increment(ctx: &mut Context, owner: &Address) -> Result<(), Failure> {
    if !PROVIDERS.has(&ctx.state, owner)? {
        return Err(refusals::not_found(&ctx.text(owner)).into());
    }
    let count = count(ctx, owner)?.checked_add(1).ok_or_else(|| Rejection::overflow("the number of leases"))?;
    ACTIVE_LEASES.set(&mut ctx.state, owner, &count);
    Ok(())
}

/// An active lease of the provider ended.
///
/// # Errors
/// When the state fails, or no lease was counted: then a market ended one twice and the state is not to be trusted.
pub fn decrement(ctx: &mut Context, owner: &Address) -> Result<(), Failure> {
    match count(ctx, owner)? {
        0 => {
            let key = hex::encode(ACTIVE_LEASES.key(owner));
            let why = "a lease ended that was not counted".to_owned();
            Err(store::Error::Corrupt { module: super::MODULE.0, key, why }.into())
        }
        1 => {
            ACTIVE_LEASES.remove(&mut ctx.state, owner);
            Ok(())
        }
        more => {
            ACTIVE_LEASES.set(&mut ctx.state, owner, &(more - 1));
            Ok(())
        }
    }
}
